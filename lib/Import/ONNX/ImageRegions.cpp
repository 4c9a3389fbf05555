// lib/Import/ONNX/ImageRegions.cpp: what is gathered comes with all channels side by side.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ImageRegions.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::SmallVector;
using llvm::Twine;

ImageRegions::ImageRegions(Node &node) : node(node) {}

bool ImageRegions::read() {
  images = node.input(0), regions = node.input(1), batch = node.input(2);
  if (node.rank(images) != 4 || node.rank(regions) != 2 || node.rank(batch) != 1) {
    if (!node.failed())
      node.error("onnx-shape-mismatch", "'X' has rank " + Twine(node.rank(images)) + ", 'rois' rank " +
                                            Twine(node.rank(regions)) + " and 'batch_indices' rank " +
                                            Twine(node.rank(batch)) + ", but 4, 2 and 1 are expected")
          .note("give [N, C, H, W], [regions, 4] and a vector of positions in the batch");
    return false;
  }
  node.check(images, node.dims(regions)[1], node.solver().constant(4), "numbers of a region and 4");
  node.check(images, node.dims(regions)[0], node.dims(batch)[0], "regions and entries of 'batch_indices'");
  given = node.element(images);
  type = graph::getAccumulatorType(given);
  regions = node.cast(regions, type);
  batch = node.cast(batch, node.builder().getI64Type());
  images = node.transpose(node.cast(images, type), {0, 2, 3, 1});
  return !node.failed();
}

Value ImageRegions::coordinate(int64_t which) {
  return node.create<graph::GatherOp>(regions, node.constant(llvm::ArrayRef<int64_t>(which)), int64_t(1));
}

Value ImageRegions::gather(Value rows, Value columns) {
  if (node.failed())
    return {};
  Dims shape = node.dims(rows);
  shape.push_back(node.dims(columns)[1]);
  auto place = [&](Value index) { return node.unsqueeze(node.broadcast(index, shape), {3}); };
  SmallVector<Value> indices = {place(node.unsqueeze(batch, {1, 2})), place(node.unsqueeze(rows, {2})),
                                place(node.unsqueeze(columns, {1}))};
  Value at = node.createAs<graph::ConcatOp>(node.builder().getI64Type(), mlir::ValueRange(indices), int64_t(3));
  return node.create<graph::GatherNdOp>(images, at, int64_t(0));
}

Value ImageRegions::finish(Value y) { return node.cast(node.transpose(y, {0, 3, 1, 2}), given); }
