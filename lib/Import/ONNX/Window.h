// lib/Import/ONNX/Window.h: the attributes that convolution and pooling share.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_ONNX_WINDOW_H
#define LATHE_LIB_IMPORT_ONNX_WINDOW_H

#include "Import/Core/Node.h"

namespace lathe::onnx_import {

using namespace importer;

/// One entry per spatial dimension; `pads` has two, all begins before all ends.
struct Window {
  llvm::SmallVector<int64_t> kernel, strides, pads, dilations;
  /// How far each spatial dimension was padded in front by an op of its own; none if there is none.
  Dims paddedBefore;

  unsigned rank() const { return kernel.size(); }
  /// The input positions that a window spans, with the holes of dilation.
  int64_t span(unsigned i) const { return dilations[i] * (kernel[i] - 1) + 1; }
};

/// How `auto_pad` asks for padding.
enum class AutoPad { Explicit, SameUpper, SameLower, Valid };

/// Reads 'strides', 'dilations' and 'pads' for windows of `kernel`; checks that
/// there is a positive entry per spatial dimension of `x` and that pads are
/// not negative. Dilations are ones if the operator has none.
llvm::FailureOr<Window> readWindow(Node &node, Value x, llvm::ArrayRef<int64_t> kernel);

/// Checks that `x` has a batch, a channel and at least one spatial dimension.
llvm::LogicalResult checkSpatialRank(Node &node, Value x);

/// Checks that attribute `name`, whose value is `values`, has `count` entries from `least` to 2^31.
llvm::LogicalResult checkEntries(Node &node, llvm::StringRef name, llvm::ArrayRef<int64_t> values, size_t count,
                                 int64_t least);

llvm::FailureOr<AutoPad> readAutoPad(Node &node);

/// Sets `window.pads` so that the output has `ceil(in / stride)` elements.
/// Where a size of `x` is known only at run time and the stride is not 1, `x`
/// is padded by as many elements of `fill` as turn out to be needed, which `window.paddedBefore` says.
llvm::LogicalResult applySamePadding(Node &node, AutoPad mode, Window &window, Value &x, double fill);

/// Pads `x` with `fill` by what windows reach beyond it, with `ceilMode` also
/// by what the last window needs; `window` then has no padding of its own.
Value padExplicitly(Node &node, Value x, Window &window, bool ceilMode, double fill);

/// The padding before and behind `in` elements with which windows of `span` elements give `ceil(in / stride)` results.
std::pair<mlir::AffineExpr, mlir::AffineExpr> samePadding(graph::ShapeSolver &solver, AutoPad mode, mlir::AffineExpr in,
                                                          int64_t stride, mlir::AffineExpr span);

/// Where in `x`, as a position in the whole tensor, each maximum of the pooled
/// `y` is: the first of equal ones. `padded` is `x`, or what `applySamePadding` made of it. With `columnMajor`, spatial
/// dimensions count from the first one on.
Value makePoolIndices(Node &node, Value x, Value padded, Value y, Window window, bool ceilMode, bool columnMajor);

} // namespace lathe::onnx_import

#endif // LATHE_LIB_IMPORT_ONNX_WINDOW_H
