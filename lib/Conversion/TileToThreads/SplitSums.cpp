// lib/Conversion/TileToThreads/SplitSums.cpp: few and long sums of a product, each by several blocks of threads.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Tile/Tile.h"
#include "lathe/Conversion/TileToThreads.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using lathe::tile::ContractOp;

namespace lathe {
#define GEN_PASS_DEF_SPLITSUMSPASS
#include "lathe/Conversion/TileToThreads.h.inc"

namespace {

/// A product of two matrices, in parts.
class SumSplitter {
public:
  SumSplitter(ContractOp op, int64_t parts)
      : op(op), b(op), loc(op.getLoc()), parts(parts), init(cast<MemRefType>(op.getInit().getType())),
        rank(init.getRank()) {}

  /// Whether the parts are views of the factors.
  bool fits() {
    auto isPlain = [](Value value) {
      auto type = cast<MemRefType>(value.getType());
      return type.hasStaticShape() && type.getNumElements() > 0 && type.getLayout().isIdentity();
    };
    int64_t terms = cast<MemRefType>(op.getLhs().getType()).getShape().back();
    return isPlain(op.getLhs()) && isPlain(op.getRhs()) && init.hasStaticShape() && !op.getPacked() &&
           op.getBatchRank() == 0 && terms % parts == 0;
  }

  void split() {
    SmallVector<int64_t> shape(init.getShape());
    shape.insert(shape.begin(), parts);
    Value sums = memref::AllocOp::create(b, loc, MemRefType::get(shape, accumulator()));
    ContractOp::create(b, loc, Type(), partsOfLeft(), partsOfRight(), ValueRange(), collapseRows(sums, 1),
                       /*packed=*/false, op.getTiling(), b.getAffineMapArrayAttr({}));
    addParts(sums);
    op.erase();
  }

private:
  Type accumulator() { return cast<tile::EpilogueOpInterface>(op.getOperation()).getAccumulatorType(); }

  /// `memref` with one dim for all that are rows, which begin at `first`.
  Value collapseRows(Value memref, int64_t first) {
    SmallVector<ReassociationIndices> dims;
    for (int64_t dim = 0; dim < first; ++dim)
      dims.push_back({dim});
    dims.push_back(llvm::to_vector<2>(llvm::seq<int64_t>(first, first + rank - 1)));
    dims.push_back({first + rank - 1});
    return rank == 2 ? memref : Value(memref::CollapseShapeOp::create(b, loc, memref, dims));
  }

  /// The left factor [row, term] as [part, row, term of the part].
  Value partsOfLeft() {
    Value rows = collapseRows(op.getLhs(), 0);
    ArrayRef<int64_t> shape = cast<MemRefType>(rows.getType()).getShape();
    SmallVector<ReassociationIndices> dims{{0}, {1, 2}};
    Value cut = memref::ExpandShapeOp::create(b, loc, {shape[0], parts, shape[1] / parts}, rows, dims);
    AffineMap order = AffineMap::getPermutationMap(ArrayRef<int64_t>{1, 0, 2}, b.getContext());
    return memref::TransposeOp::create(b, loc, cut, AffineMapAttr::get(order));
  }

  /// The right factor [term, column] as [part, term of the part, column].
  Value partsOfRight() {
    ArrayRef<int64_t> shape = cast<MemRefType>(op.getRhs().getType()).getShape();
    SmallVector<ReassociationIndices> dims{{0, 1}, {2}};
    return memref::ExpandShapeOp::create(b, loc, {parts, shape[0] / parts, shape[1]}, op.getRhs(), dims);
  }

  /// Part `number` of the sums, as a memref of the shape of the output.
  Value partAt(Value sums, int64_t number) {
    SmallVector<OpFoldResult> offsets(rank + 1, b.getIndexAttr(0)), steps(rank + 1, b.getIndexAttr(1)), sizes;
    offsets[0] = b.getIndexAttr(number);
    sizes.push_back(b.getIndexAttr(1));
    for (int64_t size : init.getShape())
      sizes.push_back(b.getIndexAttr(size));
    auto type = memref::SubViewOp::inferRankReducedResultType(init.getShape(), cast<MemRefType>(sums.getType()),
                                                              offsets, sizes, steps);
    return memref::SubViewOp::create(b, loc, type, sums, offsets, sizes, steps);
  }

  /// The parts of each sum in their order, and what the epilogue makes of it.
  void addParts(Value sums) {
    SmallVector<Value> inputs;
    for (int64_t i = 0; i < parts; ++i)
      inputs.push_back(partAt(sums, i));
    SmallVector<AffineMap> maps(parts, b.getMultiDimIdentityMap(rank));
    auto contract = cast<tile::EpilogueOpInterface>(op.getOperation());
    for (auto [i, extra] : llvm::enumerate(op.getExtras())) {
      inputs.push_back(extra);
      maps.push_back(contract.getExtraMap(i));
    }
    maps.push_back(b.getMultiDimIdentityMap(rank));
    SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
    auto body = [&](OpBuilder &inner, Location at, ValueRange arguments) {
      Value sum = arguments.front();
      for (Value part : arguments.take_front(parts).drop_front())
        sum = isa<FloatType>(sum.getType()) ? Value(arith::AddFOp::create(inner, at, sum, part))
                                            : arith::AddIOp::create(inner, at, sum, part);
      linalg::YieldOp::create(inner, at, finish(inner, sum, arguments.drop_front(parts).drop_back()));
    };
    linalg::GenericOp::create(b, loc, inputs, op.getInit(), maps, iterators, body);
  }

  Value finish(OpBuilder &inner, Value sum, ValueRange extras) {
    if (op.getEpilogue().empty())
      return sum;
    Block &epilogue = op.getEpilogue().front();
    IRMapping mapping;
    mapping.map(epilogue.getArgument(0), sum);
    mapping.map(epilogue.getArguments().drop_front(), extras);
    for (Operation &one : epilogue.without_terminator())
      inner.clone(one, mapping);
    return mapping.lookupOrDefault(epilogue.getTerminator()->getOperand(0));
  }

  ContractOp op;
  OpBuilder b;
  Location loc;
  int64_t parts;
  MemRefType init;
  int64_t rank;
};

struct SplitSumsPass final : impl::SplitSumsPassBase<SplitSumsPass> {
  void runOnOperation() override {
    kernel::FuncOp kernel = getOperation();
    int64_t parts = kernel.getStrategy() ? partsOfSums(kernel.getStrategyAttr().getConfig()) : 1;
    if (parts < 2)
      return;
    SmallVector<ContractOp> ops(kernel.getBody().front().getOps<ContractOp>());
    for (ContractOp op : ops)
      if (SumSplitter splitter(op, parts); splitter.fits())
        splitter.split();
  }
};

} // namespace
} // namespace lathe
