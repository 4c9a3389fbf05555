// dialects/Tile/TileOps.cpp: the constraints of the ops in TileOps.td.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialects/Tile/Tile.h"

#include "mlir/IR/OpImplementation.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace lathe::tile;

#define GET_OP_CLASSES
#include "dialects/Tile/TileOps.cpp.inc"

static ShapedType shapeOf(Value value) { return cast<ShapedType>(value.getType()); }

static bool disagree(int64_t a, int64_t b) { return !ShapedType::isDynamic(a) && !ShapedType::isDynamic(b) && a != b; }

/// Enforces that `actual`, called `name`, is `expected` where both are static.
static LogicalResult expectSize(Operation *op, const Twine &name, int64_t actual, int64_t expected) {
  if (!disagree(actual, expected))
    return success();
  return op->emitOpError() << name << " is " << actual << ", but " << expected << " is expected";
}

/// (C1) of every compute op.
template <typename OpTy> static LogicalResult verifySemantics(OpTy op) {
  auto destination = cast<DestinationStyleOpInterface>(op.getOperation());
  if (!destination.hasPureTensorSemantics() && !destination.hasPureBufferSemantics())
    return op.emitOpError("mixes tensors and memrefs");
  bool isTensor = isa<TensorType>(op.getInit().getType());
  if (isTensor != bool(op.getResult()))
    return op.emitOpError() << (isTensor ? "on tensors needs a result" : "on memrefs has no result");
  return success();
}

/// The width of a panel of packed columns must be the width of a register tile.
static LogicalResult verifyPanel(Operation *op, int64_t width, TilingAttr tiling) {
  int64_t expected = tiling.getVectors() * tiling.getLanes();
  if (width == expected)
    return success();
  return op->emitOpError("has panels of width ") << width << ", but 'vectors' x 'lanes' is " << expected;
}

LogicalResult ContractOp::verify() {
  if (failed(verifySemantics(*this))) // contract_c1
    return failure();
  ShapedType lhs = shapeOf(getLhs()), rhs = shapeOf(getRhs()), init = shapeOf(getInit());
  int64_t rank = lhs.getRank(), rhsRank = rhs.getRank();
  if (init.getRank() != rank) // contract_c2
    return emitOpError("lhs has rank ") << rank << ", but the output has rank " << init.getRank();
  if (getPacked() ? rhsRank != 3 : rhsRank != 2 && rhsRank != rank) // contract_c2
    return emitOpError("has ") << (getPacked() ? "a packed" : "an unpacked") << " rhs of rank " << rhsRank << ", but "
                               << (getPacked() ? 3 : rank) << " is expected";

  for (int64_t dim = 0; dim + 1 < rank; ++dim) // contract_c3
    if (failed(expectSize(*this, "dim " + Twine(dim) + " of the output", init.getDimSize(dim), lhs.getDimSize(dim))))
      return failure();
  for (int64_t dim = 0; dim < getBatchRank(); ++dim)
    if (rhs.getDimSize(dim) != 1 &&
        failed(expectSize(*this, "dim " + Twine(dim) + " of rhs", rhs.getDimSize(dim), lhs.getDimSize(dim))))
      return failure();
  int64_t k = lhs.getDimSize(rank - 1), n = init.getDimSize(rank - 1);
  if (failed(expectSize(*this, "dim K of rhs", rhs.getDimSize(getPacked() ? 1 : rhsRank - 2), k)))
    return failure();
  if (!getPacked())
    return expectSize(*this, "dim N of rhs", rhs.getDimSize(rhsRank - 1), n);
  int64_t width = rhs.getDimSize(2);
  if (failed(verifyPanel(*this, width, getTiling()))) // contract_c4
    return failure();
  if (ShapedType::isDynamic(n))
    return success();
  return expectSize(*this, "the number of panels", rhs.getDimSize(0), llvm::divideCeil(n, width));
}

/// Enforces (C3) of the convolutions for the dims Y and X, where the filter has
/// `kernel` taps, and for the batch.
static LogicalResult verifySpatial(Operation *op, ShapedType input, ShapedType init, ArrayRef<int64_t> kernel,
                                   ArrayRef<int64_t> strides, ArrayRef<int64_t> dilations) {
  if (failed(expectSize(op, "the batch of the output", init.getDimSize(0), input.getDimSize(0))))
    return failure();
  for (unsigned i = 0; i < 2; ++i) {
    int64_t in = input.getDimSize(i + 1), out = init.getDimSize(i + 1);
    if (ShapedType::isDynamic(in) || ShapedType::isDynamic(out))
      continue;
    // Rows or columns at the end that no output needs are allowed: they come
    // from rounding down.
    int64_t needed = (out - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1;
    if (out > 0 && in < needed)
      return op->emitOpError("dim ") << i + 1 << " of the padded input is " << in << ", but " << needed
                                     << " are needed for " << out << " outputs";
  }
  return success();
}

LogicalResult ConvOp::verify() {
  if (failed(verifySemantics(*this))) // conv_c1
    return failure();
  ShapedType input = shapeOf(getInput()), filter = shapeOf(getFilter()), init = shapeOf(getInit());
  int64_t channels = init.getDimSize(3);
  if (!filter.hasStaticShape() || ShapedType::isDynamic(channels) || input.isDynamicDim(3)) // conv_c3
    return emitOpError("needs a static filter and static channels");
  if (failed(
          expectSize(*this, "the number of input channels of the filter", filter.getDimSize(3), input.getDimSize(3))) ||
      failed(verifyPanel(*this, filter.getDimSize(4), getTiling())) || // c4
      failed(expectSize(*this, "the number of panels", filter.getDimSize(0),
                        llvm::divideCeil(channels, filter.getDimSize(4)))))
    return failure();
  return verifySpatial(*this, input, init, filter.getShape().slice(1, 2), getStrides(), getDilations());
}

LogicalResult DepthwiseConvOp::verify() {
  if (failed(verifySemantics(*this))) // depthwise_conv_c1
    return failure();
  ShapedType input = shapeOf(getInput()), filter = shapeOf(getFilter()), init = shapeOf(getInit());
  if (!filter.hasStaticShape() || init.isDynamicDim(3) || input.isDynamicDim(3)) // depthwise_conv_c3
    return emitOpError("needs a static filter and static channels");
  if (failed(expectSize(*this, "the number of channels of the filter", filter.getDimSize(2), input.getDimSize(3))) ||
      failed(expectSize(*this, "the number of channels of the output", init.getDimSize(3), input.getDimSize(3))))
    return failure();
  return verifySpatial(*this, input, init, filter.getShape().take_front(2), getStrides(), getDilations());
}

LogicalResult PadOp::verify() {
  if (failed(verifySemantics(*this))) // pad_c1
    return failure();
  ShapedType input = shapeOf(getInput()), init = shapeOf(getInit());
  if (failed(expectSize(*this, "the batch of the output", // pad_c3
                        init.getDimSize(0), input.getDimSize(0))) ||
      failed(expectSize(*this, "the number of channels of the output", init.getDimSize(3), input.getDimSize(3))))
    return failure();
  for (unsigned i = 0; i < 2; ++i) {
    int64_t in = input.getDimSize(i + 1), out = init.getDimSize(i + 1);
    if (!ShapedType::isDynamic(in) && !ShapedType::isDynamic(out) && out < in + getOffsets()[i])
      return emitOpError("dim ") << i + 1 << " of the output is " << out << ", but " << in + getOffsets()[i]
                                 << " are needed";
  }
  return success();
}
