// dialects/Tile/TileBufferization.cpp: memory effects of the compute ops, and
// how they turn from tensors to memrefs.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialects/Tile/Attention.h"

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace mlir::bufferization;
using namespace lathe::tile;

static LogicalResult bufferizeInPlace(DestinationStyleOpInterface op, RewriterBase &rewriter,
                                      const BufferizationOptions &options, BufferizationState &state) {
  if (op.hasPureBufferSemantics())
    return success();
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(op);
  SmallVector<Value> operands;
  for (Value operand : op->getOperands()) {
    if (!isa<TensorType>(operand.getType())) {
      operands.push_back(operand);
      continue;
    }
    FailureOr<Value> buffer = getBuffer(rewriter, operand, options, state);
    if (failed(buffer))
      return failure();
    operands.push_back(*buffer);
  }
  Value init = operands[op.getDpsInitOperand(0)->getOperandNumber()];
  Operation *buffered = Operation::create(op.getLoc(), op->getName(), /*resultTypes=*/{}, operands,
                                          op->getDiscardableAttrDictionary(), op->getPropertiesStorage(),
                                          /*successors=*/{}, op->getNumRegions());
  rewriter.insert(buffered);
  if (op->getNumRegions() == 1)
    rewriter.inlineRegionBefore(op->getRegion(0), buffered->getRegion(0), buffered->getRegion(0).begin());
  replaceOpWithBufferizedValues(rewriter, op, init);
  return success();
}

/// Operands that are written besides the destination.
static bool isScratch(OpOperand &operand) {
  auto op = dyn_cast<ScratchOpInterface>(operand.getOwner());
  return op && llvm::any_of(op.getScratchOperands(), [&](OpOperand &scratch) { return &scratch == &operand; });
}

/// The destination is written, never read: it needs no copy of old contents.
static void getEffects(DestinationStyleOpInterface op, SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  if (!op.hasPureBufferSemantics())
    return;
  for (OpOperand *input : op.getDpsInputOperands()) {
    if (!isa<MemRefType>(input->get().getType()))
      continue;
    effects.emplace_back(MemoryEffects::Read::get(), input);
    if (isScratch(*input))
      effects.emplace_back(MemoryEffects::Write::get(), input);
  }
  for (OpOperand &init : op.getDpsInitsMutable())
    effects.emplace_back(MemoryEffects::Write::get(), &init);
}

#define LATHE_TILE_MEMORY(OP)                                                                                          \
  void OP::getEffects(SmallVectorImpl<MemoryEffects::EffectInstance> &effects) { ::getEffects(*this, effects); }       \
  bool OP::bufferizesToMemoryRead(OpOperand &operand, const AnalysisState &) { return !isDpsInit(&operand); }          \
  bool OP::bufferizesToMemoryWrite(OpOperand &operand, const AnalysisState &) {                                        \
    return isDpsInit(&operand) || isScratch(operand);                                                                  \
  }                                                                                                                    \
  AliasingValueList OP::getAliasingValues(OpOperand &operand, const AnalysisState &) {                                 \
    if (!isDpsInit(&operand))                                                                                          \
      return {};                                                                                                       \
    return {{getResult(), BufferRelation::Equivalent}};                                                                \
  }                                                                                                                    \
  LogicalResult OP::bufferize(RewriterBase &rewriter, const BufferizationOptions &options,                             \
                              BufferizationState &state) {                                                             \
    return bufferizeInPlace(*this, rewriter, options, state);                                                          \
  }

LATHE_TILE_MEMORY(AttentionOp)
LATHE_TILE_MEMORY(ContractOp)
LATHE_TILE_MEMORY(ConvOp)
LATHE_TILE_MEMORY(WinogradConvOp)
LATHE_TILE_MEMORY(DepthwiseConvOp)
LATHE_TILE_MEMORY(PackOp)
LATHE_TILE_MEMORY(PadOp)
LATHE_TILE_MEMORY(TransposeOp)
#undef LATHE_TILE_MEMORY
