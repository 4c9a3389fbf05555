// dialects/Tile/TileOps.cpp: the constraints of the ops in TileOps.td.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialects/Tile/Tile.h"

#include "dialects/Kernel/Kernel.h"
#include "lathe/Support/Winograd.h"

#include "mlir/IR/OpImplementation.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace lathe;
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

/// (C7) of products.
static LogicalResult verifyCodes(ContractOp op) {
  const DotUnit *unit = op.getTiling().getDotUnit();
  bool hasCodes = unit && unit->takesCodes(), isPresent = op.getScales() && op.getZeros();
  if (hasCodes != isPresent || (hasCodes && !op.getScratch()))
    return op.emitOpError(hasCodes ? "multiplies codes, so it needs scales, zeros and scratch"
                                   : "has scales, but its unit multiplies no codes");
  if (!hasCodes)
    return success();
  ShapedType rhs = shapeOf(op.getRhs()), scales = shapeOf(op.getScales()), zeros = shapeOf(op.getZeros()),
             scratch = shapeOf(op.getScratch());
  int64_t k = shapeOf(op.getLhs()).getShape().back(), block = op.getTiling().getBlock();
  if (!op.getPacked() || ShapedType::isDynamic(k) || !rhs.hasStaticShape())
    return op.emitOpError("multiplies codes, which must be packed, of sums of a known length");
  if (!scales.getElementType().isF32() || !zeros.getElementType().isInteger(8) || !scratch.getElementType().isF32())
    return op.emitOpError("needs scales and scratch of f32 and zeros of bytes, but has ")
           << scales << ", " << scratch << " and " << zeros;
  int64_t blocks = scales.getDimSize(1);
  if (scales.getShape() != zeros.getShape() || scales.getDimSize(0) != rhs.getDimSize(0) ||
      scales.getDimSize(2) != rhs.getDimSize(2) || blocks < 1 || k % blocks || k / blocks % unit->step)
    return op.emitOpError("has scales ") << scales << " and zeros " << zeros << ", which do not fit " << k
                                         << " codes of each column in steps of " << unit->step;
  if (blocks > 1 && block % (k / blocks))
    return op.emitOpError("sums in blocks of ") << block << " terms, but " << k / blocks << " share a scale";
  if (scratch.getShape() != ArrayRef<int64_t>({block ? block : k, rhs.getDimSize(2)}))
    return op.emitOpError("has scratch ")
           << scratch << " for a panel of " << (block ? block : k) << " by " << rhs.getDimSize(2);
  return success();
}

/// (C8) of products.
static LogicalResult verifyPanelCopy(ContractOp op) {
  if (!op.getScratch() || op.getScales())
    return success();
  ShapedType rhs = shapeOf(op.getRhs()), scratch = shapeOf(op.getScratch());
  TilingAttr tiling = op.getTiling();
  Type sum = tile::getAccumulatorType(op);
  if (op.getPacked() || rhs.getElementType() != sum || scratch.getElementType() != sum)
    return op.emitOpError("copies panels, so it needs a rhs that is not packed and scratch, both of ")
           << sum << ", but has " << rhs << " and " << scratch;
  int64_t width = tiling.getVectors() * tiling.getLanes(), k = shapeOf(op.getLhs()).getShape().back();
  int64_t terms = tiling.getBlock() ? tiling.getBlock() : k;
  bool fits = scratch.getDimSize(1) == width && !disagree(scratch.getDimSize(0), terms);
  if (ShapedType::isDynamic(terms) || !fits)
    return op.emitOpError("has scratch ")
           << scratch << " for a panel of " << (ShapedType::isDynamic(terms) ? "an open number" : Twine(terms).str())
           << " by " << width;
  return success();
}

/// Whether `matrix` has registers for the tile.
static bool fits(TilingAttr tiling, const MatrixUnit &matrix) {
  return tiling.getVectors() == matrix.vectors && tiling.getLanes() == matrix.lanes() &&
         tiling.getRows() <= matrix.tileRows();
}

LogicalResult ContractOp::verify() {
  if (failed(verifySemantics(*this))) // contract_c1
    return failure();
  ShapedType lhs = shapeOf(getLhs()), rhs = shapeOf(getRhs()), init = shapeOf(getInit());
  int64_t rank = lhs.getRank(), rhsRank = rhs.getRank();
  if (init.getRank() != rank) // contract_c2
    return emitOpError("lhs has rank ") << rank << ", but the output has rank " << init.getRank();
  const DotUnit *unit = getTiling().getDotUnit();
  int64_t step = getTiling().getStep(), stored = unit ? step / unit->termsOfElement() : 1;
  int64_t packedRank = stored > 1 ? 4 : 3;
  if (getPacked() ? rhsRank != packedRank : rhsRank != 2 && rhsRank != rank) // contract_c2
    return emitOpError("has ") << (getPacked() ? "a packed" : "an unpacked") << " rhs of rank " << rhsRank << ", but "
                               << (getPacked() ? packedRank : rank) << " is expected";
  if (failed(verifyUnit(*this, lhs.getElementType(), rhs.getElementType()))) // contract_c6
    return failure();
  if (int64_t block = getTiling().getBlock(); block % step) // contract_c5
    return emitOpError("sums in blocks of ") << block << " terms, but in steps of " << step;

  for (int64_t dim = 0; dim + 1 < rank; ++dim) // contract_c3
    if (failed(expectSize(*this, "dim " + Twine(dim) + " of the output", init.getDimSize(dim), lhs.getDimSize(dim))))
      return failure();
  for (int64_t dim = 0; dim < getBatchRank(); ++dim)
    if (rhs.getDimSize(dim) != 1 &&
        failed(expectSize(*this, "dim " + Twine(dim) + " of rhs", rhs.getDimSize(dim), lhs.getDimSize(dim))))
      return failure();
  if (getTiling().getBlock() != 0 && init.getElementType() != tile::getAccumulatorType(*this)) // contract_c5
    return emitOpError("sums in blocks, so its output must be of ")
           << tile::getAccumulatorType(*this) << ", not " << init.getElementType();
  int64_t k = lhs.getDimSize(rank - 1), n = init.getDimSize(rank - 1);
  if (const MatrixUnit *matrix = getTiling().getMatrixUnit()) // contract_c4
    if (!getPacked() || ShapedType::isDynamic(k) || k % step || !fits(getTiling(), *matrix) || getTiling().getBlock())
      return emitOpError("has a matrix unit, which needs packed operands of whole steps, ")
             << matrix->vectors << " vectors of " << matrix->lanes() << " lanes, up to " << matrix->tileRows()
             << " rows, and no blocks";
  if (getPacked() && step > 1) {
    if (ShapedType::isDynamic(k) || (stored > 1 && rhs.getDimSize(3) != step)) // contract_c4
      return emitOpError("with a step of ") << step << " needs a static last dim of lhs, and of rhs one of that size";
    k = llvm::divideCeil(k, step);
  }
  if (failed(expectSize(*this, "dim K of rhs", rhs.getDimSize(getPacked() ? 1 : rhsRank - 2), k)))
    return failure();
  if (failed(verifyCodes(*this)) || failed(verifyPanelCopy(*this))) // contract_c7, contract_c8
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

/// Enforces that `op` has one entry called `name` for each of its `spatial` dims,
/// of which operands have the same number.
static LogicalResult verifyEntries(Operation *op, StringRef name, ArrayRef<int64_t> entries, int64_t spatial) {
  if (static_cast<int64_t>(entries.size()) == spatial)
    return success();
  return op->emitOpError("has ") << entries.size() << " " << name << ", but " << spatial << " spatial dims";
}

/// Enforces (C2) and (C3) of the convolutions for the spatial dims, where the
/// filter has `kernel` taps, and for the batch.
template <typename OpTy> static LogicalResult verifySpatial(OpTy op, ArrayRef<int64_t> kernel) {
  ShapedType input = shapeOf(op.getInput()), init = shapeOf(op.getInit());
  if (failed(expectSize(op, "the batch of the output", init.getDimSize(0), input.getDimSize(0))))
    return failure();
  for (unsigned i = 0; i < kernel.size(); ++i) {
    int64_t in = input.getDimSize(i + 1), out = init.getDimSize(i + 1);
    if (ShapedType::isDynamic(in) || ShapedType::isDynamic(out))
      continue;
    // Rows or columns at the end that no output needs are allowed: they come
    // from rounding down.
    int64_t needed = (out - 1) * op.getStrides()[i] + (kernel[i] - 1) * op.getDilations()[i] + 1;
    if (out > 0 && in < needed)
      return op.emitOpError("dim ") << i + 1 << " of the padded input is " << in << ", but " << needed
                                    << " are needed for " << out << " outputs";
  }
  return success();
}

/// What the ranks of the operands, with `filterRank` for so many spatial dims,
/// and the lists of the convolutions must be.
template <typename OpTy> static LogicalResult verifyRanks(OpTy op, function_ref<bool(int64_t spatial)> fitsFilter) {
  ShapedType input = shapeOf(op.getInput()), init = shapeOf(op.getInit());
  int64_t spatial = input.getRank() - 2;
  if (init.getRank() != input.getRank() || !fitsFilter(spatial))
    return op.emitOpError("has an input of rank ")
           << input.getRank() << ", a filter of rank " << shapeOf(op.getFilter()).getRank() << " and an output of rank "
           << init.getRank() << ", which do not go together";
  return success(succeeded(verifyEntries(op, "strides", op.getStrides(), spatial)) &&
                 succeeded(verifyEntries(op, "dilations", op.getDilations(), spatial)));
}

LogicalResult ConvOp::verify() {
  if (failed(verifySemantics(*this))) // conv_c1
    return failure();
  ShapedType input = shapeOf(getInput()), filter = shapeOf(getFilter()), init = shapeOf(getInit());
  int64_t step = getTiling().getStep(), groups = getGroups();
  bool isRun = getKernelWidth().has_value();
  if (failed(verifyRanks(*this, [&](int64_t spatial) { // conv_c2, conv_c3
        int64_t rank = spatial + 3 + (step > 1 ? 1 : 0);
        return filter.getRank() == rank || filter.getRank() == rank - 1;
      })))
    return failure();
  int64_t last = input.getRank() - 1, spatial = last - 1, channels = init.getDimSize(last);
  if (!filter.hasStaticShape() || ShapedType::isDynamic(channels) || input.isDynamicDim(last)) // conv_c3
    return emitOpError("needs a static filter and static channels");
  int64_t terms = input.getDimSize(last), columns = filter.getRank() - (step > 1 ? 2 : 1);
  if (failed(verifyUnit(*this, input.getElementType(), filter.getElementType()))) // conv_c5
    return failure();
  int64_t kernelWidth = isRun ? *getKernelWidth() : filter.getDimSize(spatial);
  bool hasRunRank = filter.getRank() == spatial + 3 && step > 1;
  if (isRun != hasRunRank || (!isRun && filter.getRank() == spatial + 2) ||
      (isRun && (groups > 1 || kernelWidth < 1 || (getDilations().back() != 1 && kernelWidth != 1)))) // conv_c6
    return emitOpError("has a filter of rank ")
           << filter.getRank() << " with a step of " << step << " and a dilation of columns of "
           << getDilations().back() << ", which does not go with " << (isRun ? "this" : "no") << " 'kernel_width'";
  if (terms % groups || channels % groups || (groups > 1 && channels / groups % filter.getDimSize(columns))) // conv_c7
    return emitOpError("has ") << groups << " groups, which do not divide " << terms << " input and " << channels
                               << " output channels, the latter in panels of " << filter.getDimSize(columns);
  if (const MatrixUnit *matrix = getTiling().getMatrixUnit()) // conv_c8
    if (terms / groups % step || !fits(getTiling(), *matrix))
      return emitOpError("has a matrix unit, which needs whole steps of ")
             << step << " channels, " << matrix->vectors << " vectors of " << matrix->lanes() << " lanes and up to "
             << matrix->tileRows() << " rows";
  terms = llvm::divideCeil(isRun ? terms * kernelWidth : terms / groups, step);
  if (failed(expectSize(*this, "the number of input channels of the filter", filter.getDimSize(columns - 1), terms)) ||
      failed(verifyPanel(*this, filter.getDimSize(columns), getTiling())) || // conv_c4
      failed(expectSize(*this, "the step of the filter", step > 1 ? filter.getShape().back() : 1, step)) ||
      failed(expectSize(*this, "the number of panels", filter.getDimSize(0),
                        llvm::divideCeil(channels, filter.getDimSize(columns)))))
    return failure();
  SmallVector<int64_t> kernel(filter.getShape().slice(1, spatial - 1));
  kernel.push_back(kernelWidth);
  return verifySpatial(*this, kernel);
}

LogicalResult WinogradConvOp::verify() {
  if (failed(verifySemantics(*this))) // winograd_conv_c1
    return failure();
  ShapedType input = shapeOf(getInput()), filter = shapeOf(getFilter()), init = shapeOf(getInit()),
             scratch = shapeOf(getScratch());
  int64_t outputs = getOutputs();
  const Winograd *transform = Winograd::find(outputs);
  if (!transform || getOffsets().size() != 2) // winograd_conv_c2
    return emitOpError("has ") << outputs << " outputs a dimension and " << getOffsets().size()
                               << " offsets, but 2 or 4, and 2, are expected";
  if (!input.getElementType().isF32() || !filter.getElementType().isF32() || !scratch.getElementType().isF32() ||
      getTiling().getUnit()) // winograd_conv_c5
    return emitOpError("multiplies ") << input << " and " << filter << ", but only f32 can be transformed";
  int64_t channels = input.getDimSize(3), results = init.getDimSize(3), lanes = getTiling().getLanes();
  if (!filter.hasStaticShape() || ShapedType::isDynamic(channels) || ShapedType::isDynamic(results) ||
      channels < lanes) // winograd_conv_c3
    return emitOpError("needs a static filter and static channels, at least ") << lanes << " of the input";
  int64_t width = filter.getDimSize(4), size = transform->size();
  if (failed(verifyPanel(*this, width, getTiling())) || // winograd_conv_c4
      failed(expectSize(*this, "dim 1 of the filter", filter.getDimSize(1), size)) ||
      failed(expectSize(*this, "dim 2 of the filter", filter.getDimSize(2), size)) ||
      failed(expectSize(*this, "the number of input channels of the filter", filter.getDimSize(3), channels)) ||
      failed(expectSize(*this, "the number of panels", filter.getDimSize(0), llvm::divideCeil(results, width))) || // c3
      failed(expectSize(*this, "the batch of the output", init.getDimSize(0), input.getDimSize(0))))
    return failure();
  int64_t held = getHeld(), squares = getTiling().getTaskRows();
  if (held < 1 || squares < 1 || !scratch.hasStaticShape() ||
      scratch.getDimSize(0) < scratchElements(outputs, squares, channels, held * width)) // winograd_conv_c6
    return emitOpError("has ") << scratch << " as scratch, 'task_rows' of " << squares << " and 'held' of " << held
                               << ", which do not go together";
  return success();
}

LogicalResult DepthwiseConvOp::verify() {
  if (failed(verifySemantics(*this))) // depthwise_conv_c1
    return failure();
  ShapedType input = shapeOf(getInput()), filter = shapeOf(getFilter()), init = shapeOf(getInit());
  int64_t inputs = getGroupInputs(), outputs = getGroupOutputs();
  if (failed(verifyRanks(*this, [&](int64_t spatial) { // depthwise_conv_c2
        return filter.getRank() == spatial + (inputs > 1 ? 2 : 1);
      })))
    return failure();
  int64_t last = input.getRank() - 1;
  if (!filter.hasStaticShape() || init.isDynamicDim(last) || input.isDynamicDim(last)) // depthwise_conv_c3
    return emitOpError("needs a static filter and static channels");
  if (failed(verifyUnit(*this, input.getElementType(), filter.getElementType()))) // depthwise_conv_c4
    return failure();
  if (getTiling().getStep() != 1) // depthwise_conv_c4
    return emitOpError("takes one term at a time, but its unit takes ") << getTiling().getStep();
  int64_t lanes = getTiling().getLanes(), channels = input.getDimSize(last) / inputs * outputs;
  if ((inputs != 1 || outputs != 1) &&
      (inputs > outputs || input.getDimSize(last) % inputs || lanes % outputs || channels % lanes)) // depthwise_conv_c5
    return emitOpError("has groups of ") << inputs << " inputs and " << outputs << " outputs, which do not go with "
                                         << lanes << " lanes and " << channels << " channels of the output";
  if (failed(expectSize(*this, "the number of channels of the filter", filter.getShape().back(), channels)) ||
      failed(expectSize(*this, "the number of channels of the output", init.getDimSize(last), channels)) ||
      (inputs > 1 && failed(expectSize(*this, "the number of channels of a group of the filter",
                                       filter.getDimSize(last - 1), inputs))))
    return failure();
  return verifySpatial(*this, filter.getShape().take_front(last - 1));
}

LogicalResult PadOp::verify() {
  if (failed(verifySemantics(*this))) // pad_c1
    return failure();
  ShapedType input = shapeOf(getInput()), init = shapeOf(getInit());
  int64_t last = input.getRank() - 1;
  if (input.getElementType() != init.getElementType() || input.getRank() != init.getRank()) // pad_c3
    return emitOpError("copies ") << input << " into " << init;
  if (failed(verifyEntries(*this, "offsets", getOffsets(), last - 1))) // pad_c2
    return failure();
  if (getValue() && getValue()->getType() != init.getElementType()) // pad_c3
    return emitOpError("fills ") << init << " with a value of type " << getValue()->getType();
  if (failed(expectSize(*this, "the batch of the output", // pad_c3
                        init.getDimSize(0), input.getDimSize(0))) ||
      failed(expectSize(*this, "the number of channels of the output", init.getDimSize(last), input.getDimSize(last))))
    return failure();
  for (unsigned i = 0; i < last - 1; ++i) {
    int64_t in = input.getDimSize(i + 1), out = init.getDimSize(i + 1);
    if (!ShapedType::isDynamic(in) && !ShapedType::isDynamic(out) && out < in + getOffsets()[i])
      return emitOpError("dim ") << i + 1 << " of the output is " << out << ", but " << in + getOffsets()[i]
                                 << " are needed";
  }
  return success();
}

LogicalResult TransposeOp::verify() {
  if (failed(verifySemantics(*this))) // transpose_c1
    return failure();
  ShapedType input = shapeOf(getInput()), init = shapeOf(getInit());
  int64_t rank = input.getRank();
  ArrayRef<int64_t> permutation = getPermutation();
  bool isPermutation =
      static_cast<int64_t>(permutation.size()) == rank && init.getRank() == rank &&
      llvm::all_of(llvm::seq<int64_t>(0, rank), [&](int64_t dim) { return llvm::is_contained(permutation, dim); });
  if (!isPermutation || permutation.back() == rank - 1) // transpose_c2
    return emitOpError("has the permutation [") << permutation << "] from rank " << rank << " to rank "
                                                << init.getRank() << ", but all dims are expected, the last elsewhere";
  for (auto [dim, from] : llvm::enumerate(permutation)) // transpose_c3
    if (failed(expectSize(*this, "dim " + Twine(dim) + " of the output", init.getDimSize(dim), input.getDimSize(from))))
      return failure();
  int64_t lanes = getTiling().getLanes();
  for (int64_t size : {input.getDimSize(rank - 1), init.getDimSize(rank - 1)})
    if (!llvm::isPowerOf2_64(lanes) || (!ShapedType::isDynamic(size) && size < lanes)) // transpose_c4
      return emitOpError("has squares of ") << lanes << " lanes, which do not go with an innermost size of " << size;
  return success();
}

LogicalResult PackOp::verify() {
  if (failed(verifySemantics(*this))) // pack_c1
    return failure();
  ShapedType input = shapeOf(getInput()), init = shapeOf(getInit());
  int64_t rank = input.getRank(), step = getStep().value_or(1), run = getRun().value_or(1);
  bool listsAll = static_cast<int64_t>(getOrder().size()) == rank - 1 &&
                  llvm::all_of(llvm::seq<int64_t>(0, rank), [&](int64_t dim) {
                    return llvm::count(getOrder(), dim) == (dim == static_cast<int64_t>(getTiled()) ? 0 : 1);
                  });
  if (!listsAll || static_cast<int64_t>(getTile()) < 1 || step < 1 || run < 1 || run > rank - 1) // pack_c2
    return emitOpError("cannot pack dim ") << getTiled() << " of " << input << " by " << getTile() << " and " << step;
  if (!input.hasStaticShape() || input.getElementType() != init.getElementType() ||
      init.getShape() != ArrayRef(kernel::packedShape(input.getShape(), getTiled(), getOrder(), getTile(), getStep(),
                                                      getRun()))) // pack_c3
    return emitOpError("has an output of type ") << init << ", which is not the packed shape of " << input;
  return success();
}
