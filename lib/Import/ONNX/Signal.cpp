// lib/Import/ONNX/Signal.cpp: window functions of signal processing.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ElementType.h"
#include "Node.h"
#include "OpTable.h"

#include "llvm/Support/MathExtras.h"

using namespace lathe;
using namespace lathe::onnx_import;

/// a0 - a1 cos(2 pi n / N) + a2 cos(4 pi n / N), with N the size or, for a
/// symmetric window, one less.
static Value makeWindow(Node &node, double a0, double a1, double a2) {
  bool periodic = node.flag("periodic");
  int32_t dtype = static_cast<int32_t>(node.integer("output_datatype"));
  Type element = toMLIRType(node.builder().getContext(), dtype);
  if (!element)
    return node.unsupported("output_datatype", elementTypeName(dtype), "float, integer and bool types are");
  Type f32 = node.builder().getF32Type(), i64 = node.builder().getI64Type();
  Value size = node.cast(node.reshape(node.input(0), {}), i64);
  Value steps = node.create<graph::RangeOp>(node.scalar(i64, 0), size, node.scalar(i64, 1));
  Value period = node.cast(size, f32);
  if (!periodic)
    period = node.add(period, -1.0);
  Value angle = node.mul(node.cast(steps, f32), node.div(node.scalar(f32, 2 * llvm::numbers::pi), period));
  Value first = node.mul(node.create<graph::CosOp>(angle), -a1);
  Value second = node.mul(node.create<graph::CosOp>(node.mul(angle, 2.0)), a2);
  return node.cast(node.add(node.add(first, a0), second), element);
}

static Value importHannWindow(Node &node) { return makeWindow(node, 0.5, 0.5, 0); }

static Value importHammingWindow(Node &node) { return makeWindow(node, 25.0 / 46.0, 21.0 / 46.0, 0); }

static Value importBlackmanWindow(Node &node) { return makeWindow(node, 0.42, 0.5, 0.08); }

void onnx_import::registerSignalOps(OpTable &ops) {
  ops.add("HannWindow", {17}, importHannWindow);
  ops.add("HammingWindow", {17}, importHammingWindow);
  ops.add("BlackmanWindow", {17}, importBlackmanWindow);
}
