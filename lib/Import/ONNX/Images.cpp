// lib/Import/ONNX/Images.cpp: files of images, which the runtime decodes.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Import/Core/Node.h"
#include "OpTable.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

static Value importImageDecoder(Node &node) {
  Value file = node.input(0);
  StringRef format = node.string("pixel_format");
  if (format != "RGB" && format != "BGR" && format != "Grayscale")
    return node.unsupported("pixel_format", quoted(format), "\"RGB\", \"BGR\" and \"Grayscale\" are");
  if (!node.failed() && node.rank(file) != 1)
    node.error("onnx-shape-mismatch", "'encoded_stream' has rank " + Twine(node.rank(file)) + ", but 1 is expected")
        .note("give the bytes of a file");
  if (node.failed())
    return {};
  mlir::OpBuilder &b = node.builder();
  graph::ShapeSolver &solver = node.solver();
  auto call = [&](StringRef function, Type result, mlir::ArrayAttr parameters) {
    SmallVector<Type> types = {result};
    return graph::TextOp::create(b, node.loc, types, function, file, parameters).getResult(0);
  };
  Value size = call("image_size", mlir::RankedTensorType::get({2}, b.getI64Type()), b.getStrArrayAttr({}));
  Dims dims = {solver.element(b, size, 0), solver.element(b, size, 1), solver.constant(format == "Grayscale" ? 1 : 3)};
  return call("decode_image", solver.type(dims, node.element(file)), b.getStrArrayAttr({format}));
}

void onnx_import::registerImageOps(OpTable &ops) { ops.add("ImageDecoder", {20}, importImageDecoder); }
