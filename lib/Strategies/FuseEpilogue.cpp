// lib/Strategies/FuseEpilogue.cpp: what may follow a sum in registers: any
// elementwise ops on values of the same shape that end in one result.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "FuseEpilogue.h"

#include "dialects/Graph/Graph.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace lathe;

Value lathe::emptyResult(OpBuilder &builder, kernel::FuncOp kernel, Operation *root) {
  auto type = cast<RankedTensorType>(root->getResult(0).getType());
  SmallVector<OpFoldResult> sizes = getAsIndexOpFoldResult(builder.getContext(), type.getShape());
  if (auto dims = root->getAttrOfType<AffineMapAttr>(rootDimsAttrName)) {
    graph::LinalgBuilder sizeBuilder(builder, root->getLoc(), kernel.getSizeArguments());
    for (auto [size, expr] : llvm::zip_equal(sizes, dims.getValue().getResults()))
      size = sizeBuilder.size(expr);
  }
  return tensor::EmptyOp::create(builder, root->getLoc(), sizes, type.getElementType());
}

/// Whether an epilogue can load `value` under `map` (E1 to E3 of the dialect).
static bool isLoadable(Value value, AffineMap map) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !type.getElementType().isIntOrFloat())
    return false;
  unsigned inner = map.getNumDims() - 1;
  for (auto [i, expr] : llvm::enumerate(map.getResults())) {
    if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
      if (dim.getPosition() == inner && i + 1 != map.getNumResults())
        return false;
      continue;
    }
    auto constant = dyn_cast<AffineConstantExpr>(expr);
    if (!constant || constant.getValue() != 0 || type.getDimSize(i) != 1)
      return false;
  }
  return true;
}

/// Whether the body is scalar ops that have vector forms and sees nothing from
/// outside but constants.
static bool isElementwiseBody(Block &body) {
  for (Operation &op : body.without_terminator()) {
    if (!op.hasTrait<OpTrait::ConstantLike>() && !OpTrait::hasElementwiseMappableTraits(&op))
      return false;
    if (llvm::any_of(op.getResultTypes(), [](Type type) { return !type.isIntOrFloat(); }))
      return false;
    for (Value operand : op.getOperands())
      if (operand.getParentBlock() != &body) {
        Operation *source = operand.getDefiningOp();
        if (!source || !source->hasTrait<OpTrait::ConstantLike>())
          return false;
      }
  }
  return true;
}

bool lathe::acceptsInEpilogue(const Problem &problem, Operation *op) {
  auto scalar = dyn_cast<graph::ScalarComputation>(op);
  auto shape = cast<RankedTensorType>(problem.root->getResult(0).getType()).getShape();
  if (!scalar)
    return false;
  // Built for nothing but to look at it.
  Block block;
  OpBuilder builder(op->getContext());
  builder.setInsertionPointToEnd(&block);
  for (Value operand : op->getOperands()) {
    auto type = dyn_cast<RankedTensorType>(operand.getType());
    if (!type || !type.getElementType().isIntOrFloat() || type.getRank() > static_cast<int64_t>(shape.size()))
      return false;
    // Broadcast over a dim of which only the run knows whether it is 1.
    for (auto [own, size] : llvm::zip_equal(type.getShape(), shape.take_back(type.getRank())))
      if (own != 1 && own != size)
        return false;
    Type element = graph::getAccumulatorType(graph::getSignlessType(type.getElementType()));
    block.addArgument(element, op->getLoc());
  }
  Value result = scalar.buildScalar(builder, block.getArguments());
  // The place of the yield that `isElementwiseBody` leaves out.
  tile::YieldOp::create(builder, op->getLoc(), result ? result : block.getArgument(0));
  return result && isElementwiseBody(block);
}

EpilogueFusion::EpilogueFusion(Operation *root, tile::TilingAttr tiling) : root(root) {
  values.push_back(root->getResult(0));
  for (Operation *op = root->getNextNode(); op; op = op->getNextNode())
    if (llvm::any_of(op->getOperands(), [&](Value value) { return isInChain(value); }) && canAdd(op)) {
      for (Operation *leaf : findLeaves(op)) {
        leaves.insert(leaf);
        push(leaf);
      }
      push(op);
    }
  cutToOneResult(/*keepsType=*/tiling.getBlock() != 0);
  // Extras are numbered only now, when it is sure who needs them.
  for (Operation *op : chain)
    for (auto generic = cast<linalg::GenericOp>(op); OpOperand *input : generic.getDpsInputOperands())
      if (!isInChain(input->get()))
        addExtra(input->get(), generic.getMatchingIndexingMap(input));
}

void EpilogueFusion::push(Operation *op) {
  chain.push_back(op);
  values.push_back(op->getResult(0));
}

SmallVector<Operation *> EpilogueFusion::findLeaves(Operation *op) const {
  SmallVector<Operation *> found;
  auto generic = cast<linalg::GenericOp>(op);
  for (OpOperand *input : generic.getDpsInputOperands()) {
    Operation *source = input->get().getDefiningOp();
    if (source && !isInChain(input->get()) && isa<linalg::GenericOp>(source) && source->hasOneUse() &&
        generic.getMatchingIndexingMap(input).isIdentity() && canAdd(source))
      found.push_back(source);
  }
  return found;
}

bool EpilogueFusion::canAdd(Operation *op) const {
  auto generic = dyn_cast<linalg::GenericOp>(op);
  auto shape = cast<RankedTensorType>(values.front().getType()).getShape();
  if (!generic || generic.getNumResults() != 1 || generic.getNumParallelLoops() != generic.getNumLoops() ||
      !generic.getIndexingMapsArray().back().isIdentity() ||
      generic.payloadUsesValueFromOperand(generic.getDpsInitOperand(0)) ||
      cast<RankedTensorType>(generic.getResult(0).getType()).getShape() != shape ||
      !isElementwiseBody(*generic.getBody()))
    return false;
  for (OpOperand *input : generic.getDpsInputOperands()) {
    AffineMap map = generic.getMatchingIndexingMap(input);
    if (isInChain(input->get()) ? !map.isIdentity() : !isLoadable(input->get(), map))
      return false;
  }
  return true;
}

/// Keeps the longest beginning of the chain of which only the last value is
/// used elsewhere, as one tile op has one result; with `keepsType`, one of the
/// type of the sums.
void EpilogueFusion::cutToOneResult(bool keepsType) {
  for (;; chain.pop_back(), values.pop_back()) {
    if (chain.empty())
      return;
    if (leaves.contains(chain.back()))
      continue;
    SmallPtrSet<Operation *, 8> inside(chain.begin(), chain.end());
    auto isInner = [&](Value value) {
      return llvm::all_of(value.getUsers(), [&](Operation *user) { return inside.contains(user); });
    };
    bool isStorable = !keepsType || getElementTypeOrSelf(values.back()) == getElementTypeOrSelf(values.front());
    if (isStorable && llvm::all_of(ArrayRef(values).drop_back(), isInner))
      return;
  }
}

unsigned EpilogueFusion::addExtra(Value value, AffineMap map) {
  for (unsigned i = 0; i < extras.size(); ++i)
    if (extras[i] == value && maps[i] == map)
      return i;
  extras.push_back(value);
  maps.push_back(map);
  return extras.size() - 1;
}

OpBuilder EpilogueFusion::insertionPoint() const { return OpBuilder(chain.empty() ? root : chain.back()); }

ArrayAttr EpilogueFusion::getExtraMaps() const { return Builder(root->getContext()).getAffineMapArrayAttr(maps); }

Value EpilogueFusion::createInit(OpBuilder &builder, kernel::FuncOp kernel) {
  if (!chain.empty())
    return cast<linalg::GenericOp>(chain.back()).getDpsInits().front();
  return emptyResult(builder, kernel, root);
}

unsigned EpilogueFusion::finish(tile::EpilogueOpInterface op) {
  OpBuilder builder(op);
  Type rootType = getElementTypeOrSelf(values.front()), sumType = op.getAccumulatorType();
  if (!chain.empty() || rootType != sumType) {
    Block *block = builder.createBlock(&op.getEpilogue());
    Value sum = block->addArgument(op.getAccumulatorType(), op.getLoc());
    for (Value extra : extras)
      block->addArgument(getElementTypeOrSelf(extra.getType()), op.getLoc());
    builder.setInsertionPointToEnd(block);
    if (rootType != sumType) // Half precision is rounded once, and then is what follows.
      sum = arith::TruncFOp::create(builder, op.getLoc(), rootType, sum);
    IRMapping scalars; // From tensors of the chain to their elements.
    scalars.map(values.front(), sum);
    for (Operation *link : chain) {
      auto generic = cast<linalg::GenericOp>(link);
      IRMapping body;
      for (OpOperand *input : generic.getDpsInputOperands()) {
        Value scalar = scalars.lookupOrNull(input->get());
        if (!scalar)
          scalar = block->getArgument(1 + addExtra(input->get(), generic.getMatchingIndexingMap(input)));
        body.map(generic.getMatchingBlockArgument(input), scalar);
      }
      for (Operation &inner : generic.getBody()->without_terminator()) {
        for (Value operand : inner.getOperands())
          if (!body.contains(operand)) // A constant outside of the body.
            body.map(operand, builder.clone(*operand.getDefiningOp())->getResult(0));
        builder.clone(inner, body);
      }
      Value yielded = generic.getBody()->getTerminator()->getOperand(0);
      if (!body.contains(yielded))
        body.map(yielded, builder.clone(*yielded.getDefiningOp())->getResult(0));
      scalars.map(generic.getResult(0), body.lookup(yielded));
    }
    tile::YieldOp::create(builder, op.getLoc(), scalars.lookup(values.back()));
  }
  values.back().replaceAllUsesWith(op->getResult(0));
  for (Operation *link : llvm::reverse(chain))
    link->erase();
  root->erase();
  return chain.size();
}
