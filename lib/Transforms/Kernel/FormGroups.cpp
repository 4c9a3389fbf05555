// lib/Transforms/Kernel/FormGroups.cpp: decides what is computed together; everything after it is mechanical.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Transforms/Kernel/Passes.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace lathe::graph;

namespace lathe::kernel {
#define GEN_PASS_DEF_FORMGROUPSPASS
#include "lathe/Transforms/Kernel/Passes.h.inc"

namespace {

bool isElementwise(Operation *op) { return isa<ScalarComputation>(op); }
bool isReduction(Operation *op) { return isa<ReduceOp, SoftmaxOp, LayerNormOp>(op); }

/// Ops that stay in the host function: they compute nothing at run time.
bool isView(Operation *op) { return isa<graph::ConstantOp, ReshapeOp>(op); }

/// Constants that are cheaper inside of a kernel's code than as an argument.
bool isSmallConstant(Value value) {
  auto constant = value.getDefiningOp<graph::ConstantOp>();
  if (!constant)
    return false;
  auto type = constant.getType();
  return type.getNumElements() <= 1 || isa<SplatElementsAttr>(constant.getValue());
}

/// A group while it grows. Its ops are in block order; `root` is the op that
/// is not elementwise, if there is one.
struct Group {
  llvm::SetVector<Operation *> ops;
  Operation *root = nullptr;
  Type shape; ///< Of the values that the next op may extend.

  void add(Operation *op) {
    ops.insert(op);
    if (!isElementwise(op))
      root = op;
    shape = op->getResult(0).getType();
  }

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
      for (Operation *user : op->getUsers())
        if (!ops.contains(user) && (!first || user->isBeforeInBlock(first)))
          first = user;
    return first;
  }
};

bool sameShape(Type a, Type b) {
  auto x = cast<RankedTensorType>(a), y = cast<RankedTensorType>(b);
  return x.getShape() == y.getShape() && x.getEncoding() == y.getEncoding();
}

struct FormGroupsPass final : impl::FormGroupsPassBase<FormGroupsPass> {
  using FormGroupsPassBase::FormGroupsPassBase;

  void runOnOperation() override {
    if (getOperation().isExternal())
      return;
    makeSmallConstantsDense();
    DenseSet<Operation *> taken;
    SmallVector<Group> groups;
    for (Operation &op : getOperation().getBody().front().without_terminator()) {
      if (isView(&op) || taken.contains(&op))
        continue;
      groups.push_back(grow(&op, taken));
      taken.insert(groups.back().ops.begin(), groups.back().ops.end());
    }
    for (Group &group : groups)
      materialize(group);
  }

private:
  /// Whether `op` may become part of `group`, which has one live value now.
  bool mayJoin(const Group &group, Operation *op) {
    if (op->getNumResults() != 1 || op->getBlock() != &getOperation().getBody().front())
      return false;
    if (isElementwise(op))
      return sameShape(op->getResult(0).getType(), group.shape);
    // Elementwise work before a reduction is computed row by row within it.
    return isReduction(op) && !group.root && group.liveOut().size() == 1;
  }

  Group grow(Operation *start, const DenseSet<Operation *> &taken) {
    Group group;
    group.add(start);
    if (start->getNumResults() != 1)
      return group;
    Group best = group;
    while (group.ops.size() < maxOps) {
      Operation *next = group.firstUser();
      if (!next || taken.contains(next) || !mayJoin(group, next))
        break;
      group.add(next);
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
    auto fused = GroupOp::create(builder, FusedLoc::get(&getContext(), locations), types);
    Block *body = builder.createBlock(&fused.getBody());
    IRMapping mapping;
    for (Operation *op : group.ops) {
      for (Value operand : op->getOperands())
        if (isSmallConstant(operand) && !mapping.contains(operand))
          mapping.map(operand, builder.clone(*operand.getDefiningOp())->getResult(0));
      builder.clone(*op, mapping);
    }
    SmallVector<Value> yields;
    for (Value value : results)
      yields.push_back(mapping.lookup(value));
    builder.setInsertionPointToEnd(body);
    YieldOp::create(builder, fused.getLoc(), yields);
    for (auto [value, result] : llvm::zip_equal(results, fused.getResults()))
      value.replaceUsesWithIf(result, [&](OpOperand &use) { return !group.ops.contains(use.getOwner()); });
    for (Operation *op : llvm::reverse(group.ops))
      op->erase();
  }

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
} // namespace lathe::kernel
