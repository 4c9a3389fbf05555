// lib/Transforms/Graph/MultiplyInBF16.cpp: products of f32 with constant weights become products of bf16.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "FindConstants.h"
#include "dialects/Kernel/Accuracy.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace lathe::graph {
#define GEN_PASS_DEF_MULTIPLYINBF16PASS
#include "lathe/Transforms/Graph/Passes.h.inc"

namespace {

/// Sums of fewer terms gain nothing, and instructions take the terms in pairs.
constexpr int64_t leastTerms = 16;
/// Outputs of a group below which matrix units are mostly idle.
constexpr int64_t leastOutputsOfGroup = 32;

/// Sides of an image from which on a convolution of 3x3 taps is no slower in f32: F(4x4, 3x3) has a quarter of its
/// products, and vectors of bf16 multiply twice as many at once. Smaller ones have few squares for their weights.
constexpr int64_t leastFilteredSide = 14;
/// Channels below which it is not computed so.
constexpr int64_t leastFilteredChannels = 16;

/// Whether Winograd's filtering takes the place of `op` in f32, before layouts are assigned.
bool isFilteredInF32(ConvOp op) {
  auto areOnes = [](ArrayRef<int64_t> list) { return llvm::all_of(list, [](int64_t value) { return value == 1; }); };
  ArrayRef<int64_t> filter = typeOf(op.getFilter()).getShape();
  if (filter.size() != 4 || filter[2] != 3 || filter[3] != 3 || op.getGroups() != 1 || !areOnes(op.getStrides()) ||
      !areOnes(op.getDilations()) || filter[1] < leastFilteredChannels)
    return false;
  auto isLarge = [](int64_t side) { return ShapedType::isDynamic(side) || side >= leastFilteredSide; };
  ArrayRef<int64_t> sides = op.getType().getShape().slice(op.getChannelsLast() ? 1 : 2, 2);
  return llvm::all_of(sides, isLarge);
}
bool isFilteredInF32(MatmulOp) { return false; }

/// Only arranges the elements of its first operand, which has its element type.
bool isArrangement(Operation *op) { return op && isa<ReshapeOp, TransposeOp>(op); }

bool paysFor(MatmulOp op) {
  RankedTensorType b = typeOf(op.getB());
  return b.getRank() == 2 && b.hasStaticShape() && b.getDimSize(0) >= leastTerms && b.getDimSize(0) % 2 == 0;
}

bool paysFor(ConvOp op) {
  RankedTensorType filter = typeOf(op.getFilter());
  if (!filter.hasStaticShape())
    return false;
  int64_t channels = filter.getDimSize(1), terms = filter.getNumElements() / std::max<int64_t>(filter.getDimSize(0), 1);
  bool hasWideGroups = op.getGroups() == 1 || filter.getDimSize(0) / op.getGroups() % leastOutputsOfGroup == 0;
  return channels % 2 == 0 && terms >= leastTerms && hasWideGroups;
}

class Narrowing {
public:
  explicit Narrowing(func::FuncOp func)
      : element(BFloat16Type::get(func.getContext())), constants(findConstants(func)) {}

  bool isConstant(Value value) const { return constants.contains(value); }

  /// `value`, which is f32, in bf16. What only arranges elements does so with half of their bytes.
  Value narrow(Value value) {
    Value &narrowed = known[value];
    if (narrowed)
      return narrowed;
    OpBuilder builder(value.getContext());
    builder.setInsertionPointAfterValue(value);
    Operation *op = value.getDefiningOp();
    if (isArrangement(op) && value.hasOneUse() && typeOf(op->getOperand(0)).getElementType().isF32()) {
      IRMapping mapping;
      mapping.map(op->getOperand(0), narrow(op->getOperand(0)));
      Operation *clone = builder.clone(*op, mapping);
      clone->getResult(0).setType(typeOf(value).clone(element));
      replaced.push_back(op);
      return known[value] = clone->getResult(0);
    }
    auto cast = CastOp::create(builder, value.getLoc(), typeOf(value).clone(element), value);
    if (!isConstant(value))
      casts.push_back(cast);
    return known[value] = cast.getY();
  }

  /// Makes what else reads a narrowed value read the narrow one, so that only this is stored.
  void shareStorage() {
    for (Operation *op : llvm::reverse(replaced))
      if (op->use_empty())
        op->erase();
    for (CastOp cast : casts) {
      Value wide = cast.getX();
      // Inputs and results of the model stay what they are.
      Operation *source = wide.getDefiningOp();
      if (!source ||
          llvm::any_of(wide.getUsers(), [](Operation *user) { return user->hasTrait<OpTrait::IsTerminator>(); }))
        continue;
      for (OpOperand &use : llvm::make_early_inc_range(wide.getUses())) {
        if (use.getOwner() == cast)
          continue;
        OpBuilder builder(use.getOwner());
        use.set(CastOp::create(builder, wide.getLoc(), wide.getType(), cast.getY()));
      }
    }
  }

private:
  Type element;
  DenseSet<Value> constants;
  llvm::DenseMap<Value, Value> known;
  SmallVector<CastOp> casts;
  SmallVector<Operation *> replaced; ///< What arranged the elements in f32; readers come last.
};

struct MultiplyInBF16Pass final : impl::MultiplyInBF16PassBase<MultiplyInBF16Pass> {
  using MultiplyInBF16PassBase::MultiplyInBF16PassBase;

  void runOnOperation() override {
    if (!kernel::isMarked(getOperation(), kernel::bf16AttrName))
      return;
    Narrowing narrowing(getOperation());
    auto rewrite = [&](auto op, OpOperand &values, OpOperand &weights) {
      if (!op.getType().getElementType().isF32() || !typeOf(values.get()).getElementType().isF32() ||
          !typeOf(weights.get()).getElementType().isF32() || !narrowing.isConstant(weights.get()) || !paysFor(op) ||
          (keepFiltered && isFilteredInF32(op)))
        return;
      values.set(narrowing.narrow(values.get()));
      weights.set(narrowing.narrow(weights.get()));
      ++numNarrowed;
    };
    SmallVector<Operation *> products;
    getOperation().walk([&](Operation *op) {
      if (isa<MatmulOp, ConvOp>(op))
        products.push_back(op);
    });
    for (Operation *op : products) {
      if (auto matmul = dyn_cast<MatmulOp>(op))
        rewrite(matmul, matmul.getAMutable(), matmul.getBMutable());
      else if (auto conv = dyn_cast<ConvOp>(op))
        rewrite(conv, conv.getXMutable(), conv.getFilterMutable());
    }
    narrowing.shareStorage();
  }
};

} // namespace
} // namespace lathe::graph
