// lib/Conversion/KernelToLLVM/SplitTails.cpp: what is left of a row behind its last whole vector is one vector, too.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Kernel/Kernel.h"
#include "lathe/Conversion/Buffers.h"
#include "lathe/Target/Target.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_SPLITTAILSPASS
#include "lathe/Conversion/Buffers.h.inc"

namespace {

/// Of fewer elements, one at a time costs no more than a vector.
constexpr int64_t leastTail = 3;

/// Vectors of a row that is summed up under masks as a whole.
constexpr int64_t mostMasked = 8;

/// Bits of the widest element that a loop moves, one behind the other in each turn or the same in all turns; 0 if it
/// moves others, or if vectors cannot have its turns.
int64_t widthOf(scf::ForOp loop) {
  // Positions that are one further in each turn.
  SmallPtrSet<Value, 8> turns = {loop.getInductionVar()};
  auto isTurn = [&](Value value) { return turns.contains(value); };
  int64_t bits = 0;
  for (Operation &op : loop.getBody()->without_terminator()) {
    if (op.getNumRegions() != 0 || isa<CallOpInterface>(op))
      return 0;
    if (isPure(&op)) {
      if (llvm::none_of(op.getOperands(), isTurn))
        continue;
      // What another index leads to may be anywhere.
      if (!isa<arith::AddIOp>(op) || llvm::all_of(op.getOperands(), isTurn) ||
          !llvm::all_of(op.getOperands(),
                        [&](Value value) { return isTurn(value) || loop.isDefinedOutsideOfLoop(value); }))
        return 0;
      turns.insert(op.getResult(0));
      continue;
    }
    MemRefType type;
    ValueRange indices;
    if (auto load = dyn_cast<memref::LoadOp>(op))
      type = load.getMemRefType(), indices = load.getIndices();
    else if (auto store = dyn_cast<memref::StoreOp>(op))
      type = store.getMemRefType(), indices = store.getIndices();
    else
      return 0;
    if (!type.getElementType().isIntOrFloat())
      return 0;
    bits = std::max<int64_t>(bits, type.getElementTypeBitWidth());
    if (llvm::none_of(indices, isTurn))
      continue;
    auto [strides, offset] = type.getStridesAndOffset();
    if (llvm::any_of(indices.drop_back(), isTurn) || strides.back() != 1)
      return 0;
  }
  return bits;
}

/// Whether a loop stores where no turn of it is alone: a sum, or the like.
bool isReduction(scf::ForOp loop) {
  return llvm::any_of(loop.getBody()->getOps<memref::StoreOp>(), [&](memref::StoreOp store) {
    return llvm::all_of(store.getIndices(), [&](Value index) { return loop.isDefinedOutsideOfLoop(index); });
  });
}

/// Says that the turns of a loop are to be masked vectors.
void takeAsMaskedVectors(scf::ForOp loop, int64_t lanes) {
  MLIRContext *context = loop.getContext();
  auto yes = BoolAttr::get(context, true), no = BoolAttr::get(context, false);
  auto vectorize = LLVM::LoopVectorizeAttr::get(context, /*disable=*/no, /*predicateEnable=*/yes, /*scalableEnable=*/no,
                                                /*width=*/IntegerAttr::get(IntegerType::get(context, 32), lanes),
                                                /*followupVectorized=*/{},
                                                /*followupEpilogue=*/{}, /*followupAll=*/{});
  auto interleave = LLVM::LoopInterleaveAttr::get(context, IntegerAttr::get(IntegerType::get(context, 32), 1));
  auto unroll = LLVM::LoopUnrollAttr::get(context, /*disable=*/yes, {}, {}, {}, {}, {}, {});
  // As branches of the LLVM dialect call it, which become of the loop.
  loop->setAttr("loop_annotation",
                LLVM::LoopAnnotationAttr::get(context, /*disableNonforced=*/{}, vectorize, interleave, unroll, {}, {},
                                              {}, {}, {}, {}, {}, {}, {}, {}, {}));
}

void splitTail(scf::ForOp loop, int64_t vectorBits) {
  std::optional<int64_t> low = getConstantIntValue(loop.getLowerBound()),
                         high = getConstantIntValue(loop.getUpperBound()), step = getConstantIntValue(loop.getStep());
  if (low != 0 || !high || step != 1 || loop.getNumResults() != 0)
    return;
  int64_t bits = widthOf(loop);
  if (bits < 32)
    return;
  int64_t lanes = vectorBits / bits, tail = *high % lanes;
  // LLVM has half a vector for what is left, and then single elements.
  if (tail % (lanes / 2) < leastTail)
    return;
  if (*high < lanes) {
    // LLVM writes out the turns of shorter loops, and takes those of the loop around them as vectors.
    if (*high > lanes / 2)
      takeAsMaskedVectors(loop, lanes);
    return;
  }
  // The lanes of a sum are added once, which takes longer than some masks.
  if (isReduction(loop) && *high <= mostMasked * lanes)
    return takeAsMaskedVectors(loop, lanes);
  OpBuilder builder(loop);
  Value end = arith::ConstantIndexOp::create(builder, loop.getLoc(), *high - tail);
  builder.setInsertionPointAfter(loop);
  auto rest = cast<scf::ForOp>(builder.clone(*loop));
  loop.getUpperBoundMutable().assign(end);
  rest.getLowerBoundMutable().assign(end);
  takeAsMaskedVectors(rest, lanes);
}

struct SplitTailsPass final : impl::SplitTailsPassBase<SplitTailsPass> {
  void runOnOperation() override {
    kernel::FuncOp kernel = getOperation();
    if (!kernel.getTarget())
      return;
    const Target &target = kernel.getTargetAttr().getValue();
    // Others have no masks for all instructions.
    if (target.kind() != TargetKind::Cpu || !target.has("avx512f"))
      return;
    SmallVector<scf::ForOp> loops;
    kernel.walk([&](scf::ForOp loop) { loops.push_back(loop); });
    for (scf::ForOp loop : loops)
      splitTail(loop, target.vectorUnit().bits);
  }
};

} // namespace
} // namespace lathe
