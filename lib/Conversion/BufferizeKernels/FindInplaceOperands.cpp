// lib/Conversion/BufferizeKernels/FindInplaceOperands.cpp: whose memory a kernel could compute its result in.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Kernel/Kernel.h"
#include "lathe/Conversion/Buffers.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_FINDINPLACEOPERANDSPASS
#include "lathe/Conversion/Buffers.h.inc"

namespace {

/// What is computed in the memory of a result: in one block, from the first op that
/// writes it to `last`. With `slice`, that is one task's part of the result.
struct Computation {
  Operation *first = nullptr;
  Value last;
  Value copied; ///< The operand that the first op is given as its destination.
  tensor::ParallelInsertSliceOp slice;
};

bool isUndefined(Value value) {
  while (auto slice = value.getDefiningOp<tensor::ExtractSliceOp>())
    value = slice.getSource();
  return value.getDefiningOp<tensor::EmptyOp>() != nullptr;
}

/// The first op that writes the memory of `value`: bufferization puts what is computed
/// into a destination where the destination is. Null if that is not known. An operand
/// that is a destination is copied there before, and set as `copied`.
Operation *findFirstWriter(Value value, Block *block, Value &copied) {
  Operation *first = nullptr;
  for (;;) {
    if (auto argument = dyn_cast<BlockArgument>(value)) {
      Operation *owner = argument.getOwner()->getParentOp();
      if (isa<kernel::FuncOp>(owner))
        copied = argument;
      return isa<kernel::FuncOp, scf::ForallOp>(owner) ? first : nullptr;
    }
    if (isUndefined(value))
      return first;
    auto result = cast<OpResult>(value);
    Operation *op = result.getOwner();
    if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
      value = slice.getSource();
      continue;
    }
    if (op->getBlock() != block)
      return nullptr;
    if (auto computes = dyn_cast<DestinationStyleOpInterface>(op))
      value = computes.getTiedOpOperand(result)->get();
    else if (auto loop = dyn_cast<scf::ForOp>(op))
      value = loop.getTiedLoopInit(result)->get();
    else
      return nullptr;
    first = op;
  }
}

Computation findComputation(Value result) {
  Computation found;
  found.last = result;
  if (auto tasks = result.getDefiningOp<scf::ForallOp>()) {
    unsigned number = cast<OpResult>(result).getResultNumber();
    if (!isUndefined(tasks.getOutputs()[number]))
      return found;
    for (Operation &op : tasks.getTerminator().getYieldingOps())
      if (auto slice = dyn_cast<tensor::ParallelInsertSliceOp>(op);
          slice && slice.getDest() == tasks.getRegionIterArgs()[number])
        found.slice = slice;
    if (!found.slice)
      return found;
    found.last = found.slice.getSource();
  }
  found.first = findFirstWriter(found.last, found.last.getParentBlock(), found.copied);
  return found;
}

/// Whether each element of what `use` reads is read before the same element of the
/// result is written, and by the iteration that writes it.
bool isElementwise(OpOperand &use) {
  auto op = dyn_cast<linalg::LinalgOp>(use.getOwner());
  if (!op || op.getNumDpsInits() != 1 || op.getNumParallelLoops() != op.getNumLoops() || op.isDpsInit(&use))
    return false;
  AffineMap output = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  return output.isPermutation() && op.getMatchingIndexingMap(&use) == output;
}

/// Whether all that reads `value` has done so when the result is written there.
bool isReadInTime(Value value, const Computation &computation) {
  if (value == computation.copied)
    return value.hasOneUse();
  Block *block = computation.first->getBlock();
  return llvm::all_of(value.getUses(), [&](OpOperand &use) {
    Operation *user = use.getOwner();
    if (user == computation.first)
      return isElementwise(use);
    if (isa<tensor::DimOp>(user))
      return true;
    // A view of it would be read later.
    auto linalgOp = dyn_cast<linalg::LinalgOp>(user);
    bool isRead = (linalgOp && !linalgOp.isDpsInit(&use)) || isa<tensor::ExtractOp>(user);
    Operation *ancestor = block->findAncestorOpInBlock(*user);
    return isRead && ancestor && ancestor->isBeforeInBlock(computation.first);
  });
}

bool isSamePart(tensor::ExtractSliceOp from, tensor::ParallelInsertSliceOp to) {
  return from.getMixedOffsets() == to.getMixedOffsets() && from.getMixedSizes() == to.getMixedSizes() &&
         from.getMixedStrides() == to.getMixedStrides() && from.getType() == to.getSourceType();
}

/// Tasks overlap in time, so none may read what another one writes.
bool isReadByOwnTask(Value operand, const Computation &computation) {
  Operation *tasks = computation.slice->getParentOfType<scf::ForallOp>();
  return llvm::all_of(operand.getUsers(), [&](Operation *user) {
    if (isa<tensor::DimOp>(user))
      return true;
    auto slice = dyn_cast<tensor::ExtractSliceOp>(user);
    if (slice && slice->getBlock() == computation.first->getBlock())
      return isSamePart(slice, computation.slice) && isReadInTime(slice, computation);
    // Phases before are done.
    Operation *ancestor = tasks->getBlock()->findAncestorOpInBlock(*user);
    return ancestor && ancestor != tasks && ancestor->isBeforeInBlock(tasks) &&
           !isa<tensor::TensorDialect>(ancestor->getDialect());
  });
}

struct FindInplaceOperandsPass final : impl::FindInplaceOperandsPassBase<FindInplaceOperandsPass> {
  void runOnOperation() override {
    kernel::FuncOp kernel = getOperation();
    auto results = cast<kernel::ReturnOp>(kernel.getBody().front().getTerminator()).getValues();
    // Of others, each would have to be written after all reads, too.
    if (results.size() != 1)
      return;
    Computation computation = findComputation(results.front());
    if (!computation.first)
      return;
    for (Value operand : kernel.getTensorArguments()) {
      if (operand.getType() != results.front().getType() || operand.use_empty())
        continue;
      if (computation.slice ? isReadByOwnTask(operand, computation) : isReadInTime(operand, computation)) {
        kernel.setArgAttr(cast<BlockArgument>(operand).getArgNumber(), kernel::FuncOp::inplaceAttrName,
                          UnitAttr::get(&getContext()));
        ++numFound;
      }
    }
  }
};

} // namespace
} // namespace lathe
