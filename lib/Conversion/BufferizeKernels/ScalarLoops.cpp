// lib/Conversion/BufferizeKernels/ScalarLoops.cpp: what a linalg op does at one position.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ScalarLoops.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace lathe {

bool ScalarLoops::fits(linalg::GenericOp op) {
  SmallVector<unsigned> loops;
  op.getReductionDims(loops);
  for (OpOperand &out : op.getDpsInitsMutable()) {
    AffineMap map = op.getMatchingIndexingMap(&out);
    size_t used = llvm::count_if(loops, [&](unsigned loop) { return map.isFunctionOfDim(loop); });
    bool reads = op.payloadUsesValueFromOperand(&out);
    if (!loops.empty() && (used == 0 ? !reads : (used != loops.size() || reads)))
      return false;
  }
  return true;
}

ScalarLoops::ScalarLoops(linalg::GenericOp op) : op(op), loc(op.getLoc()), positions(op.getNumLoops()) {
  for (OpOperand &out : op.getDpsInitsMutable())
    takeFill(out);
  OpBuilder builder(op);
  ranges = cast<linalg::LinalgOp>(op.getOperation()).createLoopRanges(builder, loc);
  op.getParallelDims(parallel);
  op.getReductionDims(reduced);
}

/// Where `out` was just filled with a number, all elements start from that, and the
/// fill goes.
void ScalarLoops::takeFill(OpOperand &out) {
  AffineMap map = op.getMatchingIndexingMap(&out);
  if (!op.payloadUsesValueFromOperand(&out) || !map.isProjectedPermutation())
    return;
  for (Operation *before = op->getPrevNode(); before; before = before->getPrevNode()) {
    auto fill = dyn_cast<linalg::FillOp>(before);
    if (fill && fill.getOutputs()[0] == out.get() && fill.getInputs()[0].getType() == getElementTypeOrSelf(out.get())) {
      fills[&out] = fill.getInputs()[0];
      fill.erase();
      return;
    }
    if (!fill && !isMemoryEffectFree(before) && !isa<memref::AllocOp>(before))
      return;
  }
}

/// Where `operand` is read or written at the positions.
SmallVector<Value> ScalarLoops::indices(OpBuilder &builder, OpOperand &operand) {
  AffineMap map = op.getMatchingIndexingMap(&operand);
  SmallVector<Value> result;
  for (unsigned i = 0; i < map.getNumResults(); ++i) {
    // Without the loops that are not there yet, which no such operand depends on.
    SmallVector<Value> known;
    SmallVector<AffineExpr> dims;
    for (Value position : positions) {
      dims.push_back(position ? getAffineDimExpr(known.size(), map.getContext())
                              : getAffineConstantExpr(0, map.getContext()));
      if (position)
        known.push_back(position);
    }
    AffineExpr at = map.getResult(i).replaceDims(dims);
    result.push_back(affine::AffineApplyOp::create(builder, loc, AffineMap::get(known.size(), 0, at), known));
  }
  return result;
}

Value ScalarLoops::read(OpBuilder &builder, OpOperand &operand) {
  if (!isa<MemRefType>(operand.get().getType()))
    return operand.get(); // A number.
  return memref::LoadOp::create(builder, loc, operand.get(), indices(builder, operand));
}

SmallVector<Value> ScalarLoops::starts(OpBuilder &builder) {
  SmallVector<Value> result;
  for (OpOperand &out : op.getDpsInitsMutable()) {
    Value start;
    if (op.payloadUsesValueFromOperand(&out)) {
      Value number = fills.lookup(&out);
      start = number ? number : read(builder, out);
    }
    result.push_back(start);
  }
  return result;
}

SmallVector<Value> ScalarLoops::reduce(OpBuilder &builder, ValueRange values) {
  return reduceFrom(builder, reduced, values);
}

SmallVector<Value> ScalarLoops::reduceFrom(OpBuilder &builder, ArrayRef<unsigned> loops, ValueRange values) {
  if (loops.empty())
    return step(builder, values);
  SmallVector<Value> carried;
  llvm::copy_if(values, std::back_inserter(carried), [](Value value) { return value; });
  const Range &range = ranges[loops.front()];
  auto value = [&](OpFoldResult bound) { return getValueOrCreateConstantIndexOp(builder, loc, bound); };
  auto loop = scf::ForOp::create(builder, loc, value(range.offset), value(range.size), value(range.stride), carried);
  positions[loops.front()] = loop.getInductionVar();
  OpBuilder inner = OpBuilder::atBlockBegin(loop.getBody());
  SmallVector<Value> own(values);
  auto arguments = loop.getRegionIterArgs().begin();
  for (Value &one : own)
    if (one)
      one = *arguments++;
  SmallVector<Value> next;
  for (Value one : reduceFrom(inner, loops.drop_front(), own))
    if (one)
      next.push_back(one);
  if (!next.empty() || loop.getBody()->empty())
    scf::YieldOp::create(inner, loc, next);
  positions[loops.front()] = Value();
  SmallVector<Value> results(values);
  auto made = loop.getResults().begin();
  for (Value &one : results)
    if (one)
      one = *made++;
  return results;
}

SmallVector<Value> ScalarLoops::step(OpBuilder &builder, ValueRange values) {
  IRMapping mapping;
  Block *body = op.getBody(), *place = builder.getInsertionBlock();
  for (OpOperand *input : op.getDpsInputOperands())
    mapping.map(op.getMatchingBlockArgument(input), read(builder, *input));
  for (auto [out, value] : llvm::zip_equal(op.getDpsInitsMutable(), values))
    if (value)
      mapping.map(op.getMatchingBlockArgument(&out), value);
  for (Operation &inner : body->without_terminator()) {
    auto index = dyn_cast<linalg::IndexOp>(inner);
    if (index)
      mapping.map(index.getResult(), positions[index.getDim()]);
    else
      builder.clone(inner, mapping);
  }
  // Within regions of what the body holds, positions are the same.
  place->walk([&](linalg::IndexOp index) {
    if (index->getParentOfType<linalg::LinalgOp>())
      return;
    index.replaceAllUsesWith(positions[index.getDim()]);
    index.erase();
  });
  SmallVector<Value> results;
  for (auto [out, value, yielded] :
       llvm::zip_equal(op.getDpsInitsMutable(), values, body->getTerminator()->getOperands())) {
    Value result = mapping.lookupOrDefault(yielded);
    if (!value) {
      memref::StoreOp::create(builder, loc, result, out.get(), indices(builder, out));
      result = Value();
    }
    results.push_back(result);
  }
  return results;
}

void ScalarLoops::store(OpBuilder &builder, ValueRange values) {
  for (auto [out, value] : llvm::zip_equal(op.getDpsInitsMutable(), values))
    if (value)
      memref::StoreOp::create(builder, loc, value, out.get(), indices(builder, out));
}

} // namespace lathe
