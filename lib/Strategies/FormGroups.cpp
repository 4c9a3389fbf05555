// lib/Strategies/FormGroups.cpp: decides what is computed together; everything after it is mechanical.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "WeightCodes.h"
#include "dialects/Graph/ElementTypes.h"
#include "dialects/Graph/Sequence.h"
#include "dialects/Kernel/Accuracy.h"
#include "dialects/Kernel/Views.h"
#include "lathe/Strategies/Passes.h"
#include "lathe/Strategies/Strategy.h"
#include "lathe/Support/Diagnostics.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace lathe::graph;

namespace lathe {
#define GEN_PASS_DEF_FORMGROUPSPASS
#include "lathe/Strategies/Passes.h.inc"

namespace {

bool isElementwise(Operation *op) { return isa<ScalarComputation>(op); }
bool isReduction(Operation *op) { return isa<ReduceOp, SoftmaxOp, LayerNormOp>(op); }

/// Ops that stay in the host function: they compute nothing at run time, or are
/// what the host itself does.
bool isOfHost(Operation *op) {
  return op->getNumRegions() > 0 || isValueOp(op) ||
         isa<graph::ConstantOp, ReshapeOp, ReinterpretOp, TextOp, DefineSymbolOp, graph::CheckOp>(op);
}

/// A group while it grows. Its ops are in block order; `root` is the op that
/// is not elementwise, if there is one.
struct Group {
  llvm::SetVector<Operation *> ops;
  Operation *root = nullptr;
  const Strategy *strategy = nullptr; ///< Of the root.
  Type shape;                         ///< Of the values that the next op may extend.

  /// Values of the group that something outside of it uses.
  SmallVector<Value> liveOut() const {
    SmallVector<Value> result;
    for (Operation *op : ops)
      for (Value value : op->getResults())
        if (llvm::any_of(value.getUsers(), [&](Operation *user) { return !ops.contains(user); }))
          result.push_back(value);
    return result;
  }

  /// The first op in the block that uses a value of the group from outside.
  Operation *firstUser() const {
    Operation *first = nullptr;
    for (Operation *op : ops)
      for (Operation *user : op->getUsers()) {
        user = op->getBlock()->findAncestorOpInBlock(*user);
        if (!ops.contains(user) && (!first || user->isBeforeInBlock(first)))
          first = user;
      }
    return first;
  }
};

/// Whether `expr` is known when `func` is entered, without the order of two sizes.
bool isOfInputs(AffineExpr expr, func::FuncOp func) {
  auto symbols = func->getAttrOfType<ArrayAttr>("graph.symbols");
  bool isKnown = true;
  expr.walk([&](AffineExpr part) {
    if (auto symbol = dyn_cast<AffineSymbolExpr>(part)) {
      auto definition = cast<SymbolAttr>(symbols[symbol.getPosition()]);
      isKnown = isKnown && (definition.isInputDim() || definition.getInput() >= 0);
    }
  });
  return isKnown;
}

bool isOfInputs(Type type, func::FuncOp func) {
  auto dims = dyn_cast_or_null<DimsAttr>(cast<RankedTensorType>(type).getEncoding());
  return !dims || llvm::all_of(dims.getMap().getResults(), [&](AffineExpr dim) { return isOfInputs(dim, func); });
}

/// Where a slice begins in its operand, in elements, if it is a run of consecutive ones whose place is known when
/// `func` is entered; else null.
AffineMapAttr findRun(SliceOp slice, func::FuncOp func) {
  auto from = cast<RankedTensorType>(slice.getX().getType()), to = cast<RankedTensorType>(slice.getY().getType());
  bool isPlain = slice.getOffsets() && llvm::all_of(slice.getSteps(), [](int64_t step) { return step == 1; }) &&
                 !slice.getX().getDefiningOp<graph::ConstantOp>() && bitsInMemory(from.getElementType()) >= 8;
  if (!isPlain || !isOfInputs(from, func) || !isOfInputs(to, func))
    return {};
  // Before the axis there is one position, and behind it all of them.
  int64_t axis = 0, stride = 1;
  while (axis < from.getRank() && from.getDimSize(axis) == 1 && to.getDimSize(axis) == 1)
    ++axis;
  for (int64_t dim = axis + 1; dim < from.getRank(); ++dim) {
    if (from.isDynamicDim(dim) || from.getDimSize(dim) != to.getDimSize(dim))
      return {};
    stride *= from.getDimSize(dim);
  }
  AffineMap map = slice.getOffsets()->getMap();
  AffineExpr start = getAffineConstantExpr(0, slice.getContext());
  for (auto [of, position] : llvm::zip_equal(slice.getAxes(), map.getResults()))
    if (of == axis)
      start = position * stride;
  if (!isOfInputs(start, func))
    return {};
  return AffineMapAttr::get(AffineMap::get(0, map.getNumSymbols(), start));
}

bool sameShape(Type a, Type b) {
  auto x = cast<RankedTensorType>(a), y = cast<RankedTensorType>(b);
  return x.getShape() == y.getShape() && x.getEncoding() == y.getEncoding();
}

/// Elements in fewer bits as what they stand for: cheaper to compute where they are read than to store.
bool isWidening(Operation *op) {
  if (!isa<CastOp, DequantizeOp>(op))
    return false;
  auto from = cast<RankedTensorType>(op->getOperand(0).getType()),
       to = cast<RankedTensorType>(op->getResult(0).getType());
  return sameShape(from, to) && bitsInMemory(from.getElementType()) < bitsInMemory(to.getElementType());
}

struct FormGroupsPass final : impl::FormGroupsPassBase<FormGroupsPass> {
  using FormGroupsPassBase::FormGroupsPassBase;

  void runOnOperation() override {
    if (getOperation().isExternal())
      return;
    Diagnostics diagnostics;
    on = Target::parse(target.getValue(), diagnostics);
    if (!on) {
      getOperation().emitError(diagnostics.text());
      return signalPassFailure();
    }
    makeSmallConstantsDense();
    moveWideningToUsers();
    auto module = getOperation()->getParentOfType<ModuleOp>();
    if (module)
      markAccuracy(module);
    if (failed(splitWideConcats()))
      return signalPassFailure();
    if (on->kind() == TargetKind::Cpu)
      joinOpenAxes();
    DenseSet<Operation *> taken;
    if (on->kind() == TargetKind::Cpu)
      moveCodesToProducts(taken);
    SmallVector<Group> groups;
    // Bodies of branches and loops, too; a group stays in one block.
    getOperation().getBody().walk<WalkOrder::PreOrder>([&](Block *block) {
      for (Operation &op : block->without_terminator()) {
        if (isOfHost(&op) || taken.contains(&op))
          continue;
        groups.push_back(grow(&op, taken));
        taken.insert(groups.back().ops.begin(), groups.back().ops.end());
      }
    });
    for (Group &group : groups)
      materialize(group);
  }

private:
  /// Products and convolutions say what the module allows: kernels are chosen without it.
  void markAccuracy(ModuleOp module) {
    auto unit = UnitAttr::get(module.getContext());
    bool isStrict = module->hasAttr(kernel::KernelDialect::strictAttrName),
         hasTf32 = module->hasAttr(kernel::tf32AttrName);
    getOperation().walk([&](Operation *op) {
      if (isStrict && isa<graph::ConvOp, graph::MatmulOp>(op))
        op->setAttr(kernel::KernelDialect::strictAttrName, unit);
      if (hasTf32 && isa<graph::ConvOp, graph::MatmulOp>(op))
        op->setAttr(kernel::tf32AttrName, unit);
    });
  }

  /// Writes concatenations of many tensors as some of few: what a kernel costs
  /// to compile grows much faster than the number of its operands.
  LogicalResult splitWideConcats() {
    SmallVector<ConcatOp> wide;
    getOperation().walk([&](ConcatOp op) {
      if (op.getXs().size() > maxOperands)
        wide.push_back(op);
    });
    if (wide.empty())
      return success();
    ShapeSolver solver(getOperation());
    for (ConcatOp op : wide) {
      OpBuilder builder(op);
      SmallVector<Value> parts(op.getXs());
      while (parts.size() > maxOperands) {
        SmallVector<Value> joined;
        for (size_t first = 0; first < parts.size(); first += maxOperands) {
          auto some = ArrayRef(parts).slice(first, std::min<size_t>(maxOperands, parts.size() - first));
          auto few = solver.create<ConcatOp>(builder, op.getLoc(), op.getType().getElementType(), ValueRange(some),
                                             op.getAxis());
          if (failed(few))
            return failure();
          joined.push_back(few->getY());
        }
        parts = std::move(joined);
      }
      op.getXsMutable().assign(parts);
    }
    solver.commit();
    return success();
  }

  /// Sums over neighbouring axes of open sizes, of what is in memory, become sums over one: where all sizes are known,
  /// the strategy joins the loops by itself.
  void joinOpenAxes() {
    SmallVector<ReduceOp> ops;
    getOperation().walk([&](ReduceOp op) {
      Operation *source = op.getX().getDefiningOp();
      if (!op.getX().getType().hasStaticShape() && op.getAxes().size() > 1 && !(source && isElementwise(source)))
        ops.push_back(op);
    });
    if (ops.empty())
      return;
    ShapeSolver solver(getOperation());
    for (ReduceOp op : ops)
      joinAxes(op, solver);
    solver.commit();
  }

  static void joinAxes(ReduceOp op, ShapeSolver &solver) {
    Dims from = solver.dims(op.getX()), joined, kept;
    SmallVector<int64_t> axes;
    for (int64_t dim = 0, rank = from.size(); dim < rank; ++dim) {
      bool isReduced = llvm::is_contained(op.getAxes(), dim);
      if (isReduced && llvm::is_contained(op.getAxes(), dim - 1)) {
        joined.back() = solver.product({joined.back(), from[dim]});
        continue;
      }
      if (isReduced)
        axes.push_back(joined.size());
      else
        kept.push_back(from[dim]);
      joined.push_back(from[dim]);
    }
    if (axes.size() == op.getAxes().size())
      return;
    OpBuilder builder(op);
    Location loc = op.getLoc();
    Type element = op.getX().getType().getElementType();
    Value line = ReshapeOp::create(builder, loc, solver.type(joined, element), op.getX(), Value());
    Value y = ReduceOp::create(builder, loc, solver.type(kept, op.getType().getElementType()), line, op.getKind(), axes,
                               /*keep_dims=*/false);
    if (y.getType() != op.getType())
      y = ReshapeOp::create(builder, loc, op.getType(), y, Value());
    op.getResult().replaceAllUsesWith(y);
    op.erase();
  }

  /// Puts each op that only widens its operand in front of what reads it, once for each.
  void moveWideningToUsers() {
    SmallVector<Operation *> widening;
    getOperation().walk([&](Operation *op) {
      if (isWidening(op) && !op->getOperand(0).getDefiningOp<graph::ConstantOp>())
        widening.push_back(op);
    });
    for (Operation *op : widening) {
      SmallVector<OpOperand *> uses(llvm::make_pointer_range(op->getUses()));
      llvm::SmallDenseMap<Operation *, Operation *> copies;
      for (OpOperand *use : uses) {
        Operation *user = use->getOwner();
        if (user->getBlock() != op->getBlock() || !isElementwise(user))
          continue;
        Operation *&copy = copies[user];
        if (!copy)
          copy = OpBuilder(user).clone(*op);
        use->set(copy->getResult(0));
      }
      if (op->use_empty())
        op->erase();
    }
  }

  /// Puts what makes weights of codes in front of each product that reads them, whose group it belongs to.
  void moveCodesToProducts(DenseSet<Operation *> &taken) {
    SmallVector<MatmulOp> products;
    getOperation().walk([&](MatmulOp op) { products.push_back(op); });
    for (MatmulOp product : products) {
      std::optional<WeightCodes> codes = findWeightCodes(product);
      if (!codes)
        continue;
      OpBuilder builder(product);
      IRMapping mapping;
      for (Operation *op : codes->ops)
        taken.insert(builder.clone(*op, mapping));
      product.getBMutable().set(mapping.lookup(product.getB()));
      for (Operation *op : llvm::reverse(codes->ops))
        if (op->use_empty())
          op->erase();
    }
  }

  /// The operands of `op` that are only widened, for it alone, and that `group` can compute as well.
  SmallVector<Operation *> findWidened(const Group &group, Operation *op, const DenseSet<Operation *> &taken) {
    SmallVector<Operation *> found;
    for (Value operand : op->getOperands()) {
      Operation *source = operand.getDefiningOp();
      if (source && isWidening(source) && source->hasOneUse() && source->getBlock() == op->getBlock() &&
          !taken.contains(source) && !group.ops.contains(source) && sameShape(operand.getType(), group.shape) &&
          (!group.root || group.strategy->accepts({group.root}, source)))
        found.push_back(source);
    }
    return found;
  }

  /// Whether `group` is zeros around an image, which only the convolution `op` reads and need not be written
  /// first.
  bool isPaddingOf(const Group &group, Operation *op) {
    auto pad = dyn_cast<PadOp>(group.ops.front());
    auto conv = dyn_cast<ConvOp>(op);
    return pad && conv && group.ops.size() == 1 && conv->getBlock() == pad->getBlock() && conv.getX() == pad.getY() &&
           pad.getY().hasOneUse() && pad.getMode() == PadMode::constant && !pad.getValue() && pad.getAmounts() &&
           chooseStrategy({op}, *on).strategy->takesPadding;
  }

  /// Whether `op` may become part of `group`, which has one live value now.
  bool mayJoin(const Group &group, Operation *op) {
    if (op->getNumResults() != 1 || op->getBlock() != group.ops.front()->getBlock())
      return false;
    if (isPaddingOf(group, op))
      return true;
    if (isElementwise(op))
      return sameShape(op->getResult(0).getType(), group.shape) &&
             (!group.root || group.strategy->accepts({group.root}, op));
    // Elementwise work before a reduction is computed row by row within it.
    return isReduction(op) && !group.root && group.liveOut().size() == 1;
  }

  void add(Group &group, Operation *op) {
    if (std::optional<WeightCodes> codes = findWeightCodes(op); codes && on->kind() == TargetKind::Cpu)
      group.ops.insert(codes->ops.begin(), codes->ops.end());
    group.ops.insert(op);
    if (!isElementwise(op)) {
      group.root = op;
      group.strategy = chooseStrategy({op}, *on).strategy;
    }
    group.shape = op->getResult(0).getType();
  }

  Group grow(Operation *start, const DenseSet<Operation *> &taken) {
    Group group;
    add(group, start);
    if (start->getNumResults() != 1)
      return group;
    Group best = group;
    while (group.ops.size() < maxOps) {
      Operation *next = group.firstUser();
      if (!next || taken.contains(next) || !mayJoin(group, next))
        break;
      if (isElementwise(next))
        for (Operation *widening : findWidened(group, next, taken))
          group.ops.insert(widening);
      add(group, next);
      if (group.liveOut().size() <= 1)
        best = group;
    }
    return best;
  }

  void materialize(Group &group) {
    ++numGroups;
    Operation *last = group.ops.back();
    OpBuilder builder(last);
    SmallVector<Value> results = group.liveOut();
    if (results.empty()) // Nothing uses it; canonicalization removes it.
      results.assign(last->result_begin(), last->result_end());
    SmallVector<Type> types;
    SmallVector<Location> locations;
    for (Value value : results)
      types.push_back(value.getType());
    for (Operation *op : group.ops)
      locations.push_back(op->getLoc());
    auto fused = kernel::GroupOp::create(builder, FusedLoc::get(&getContext(), locations), types);
    if (group.ops.size() == 1 && on->kind() == TargetKind::Cpu)
      markArrangement(fused, last);
    Block *body = builder.createBlock(&fused.getBody());
    IRMapping mapping;
    for (Operation *op : group.ops) {
      for (Value operand : op->getOperands())
        if (movesInside(operand, op) && !mapping.contains(operand))
          mapping.map(operand, builder.clone(*operand.getDefiningOp())->getResult(0));
      Operation *inner = builder.clone(*op, mapping);
      if (op == (group.root ? group.root : group.ops.front()))
        inner->setAttr(kernel::KernelDialect::rootAttrName, builder.getUnitAttr());
    }
    SmallVector<Value> yields;
    for (Value value : results)
      yields.push_back(mapping.lookup(value));
    builder.setInsertionPointToEnd(body);
    kernel::YieldOp::create(builder, fused.getLoc(), yields);
    for (auto [value, result] : llvm::zip_equal(results, fused.getResults()))
      value.replaceUsesWithIf(result, [&](OpOperand &use) { return !group.ops.contains(use.getOwner()); });
    for (Operation *op : llvm::reverse(group.ops))
      op->erase();
  }

  /// Notes what the launch program needs to know to do without the kernel.
  void markArrangement(kernel::GroupOp fused, Operation *op) {
    if (auto concat = dyn_cast<ConcatOp>(op))
      fused->setAttr(kernel::concatAttrName, Builder(&getContext()).getI64IntegerAttr(concat.getAxis()));
    else if (auto slice = dyn_cast<SliceOp>(op))
      if (AffineMapAttr start = findRun(slice, getOperation()))
        fused->setAttr(kernel::viewAttrName, start);
  }

  std::optional<Target> on;

  /// Scalars come from model files as resources; kernels want their values.
  void makeSmallConstantsDense() {
    getOperation().walk([&](graph::ConstantOp constant) {
      auto resource = dyn_cast<DenseResourceElementsAttr>(constant.getValue());
      if (!resource || constant.getType().getNumElements() != 1)
        return;
      AsmResourceBlob *blob = resource.getRawHandle().getBlob();
      bool isSplat;
      if (blob && DenseElementsAttr::isValidRawBuffer(constant.getType(), blob->getData(), isSplat))
        constant.setValueAttr(DenseElementsAttr::getFromRawBuffer(constant.getType(), blob->getData()));
    });
  }
};

} // namespace
} // namespace lathe
