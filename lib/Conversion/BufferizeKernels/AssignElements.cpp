// lib/Conversion/BufferizeKernels/AssignElements.cpp: on a GPU, a thread computes an element.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "AssignThreads.h"
#include "ScalarLoops.h"
#include "dialects/Kernel/Kernel.h"
#include "lathe/Conversion/Buffers.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_ASSIGNELEMENTSPASS
#include "lathe/Conversion/Buffers.h.inc"

FailureOr<linalg::GenericOp> asGeneric(linalg::LinalgOp op) {
  if (auto generic = dyn_cast<linalg::GenericOp>(op.getOperation()))
    return generic;
  IRRewriter rewriter(op);
  return linalg::generalizeNamedOp(rewriter, op);
}

/// A task for each position of the parallel loops.
static void makeTasks(linalg::GenericOp op) {
  ScalarLoops loops(op);
  OpBuilder builder(op);
  SmallVector<OpFoldResult> lows, highs, steps;
  for (unsigned i : loops.getParallel()) {
    lows.push_back(loops.getRange(i).offset);
    highs.push_back(loops.getRange(i).size);
    steps.push_back(loops.getRange(i).stride);
  }
  auto forall = scf::ForallOp::create(builder, op.getLoc(), lows, highs, steps, ValueRange(), std::nullopt);
  for (auto [i, position] : llvm::zip_equal(loops.getParallel(), forall.getInductionVars()))
    loops.setPosition(i, position);
  builder.setInsertionPointToStart(forall.getBody());
  loops.store(builder, loops.reduce(builder, loops.starts(builder)));
  op.erase();
}

namespace {
struct AssignElementsPass final : impl::AssignElementsPassBase<AssignElementsPass> {
  void runOnOperation() override {
    kernel::FuncOp kernel = getOperation();
    if (!kernel.getTarget() || kernel.getTargetAttr().getValue().kind() != TargetKind::Gpu)
      return;
    if (kernel.getBlockThreads() > 0)
      return assignThreads(kernel);
    // Fills last: what they fill mostly takes them.
    for (bool isFill : {false, true}) {
      SmallVector<linalg::LinalgOp> ops(kernel.getBody().front().getOps<linalg::LinalgOp>());
      for (linalg::LinalgOp op : ops) {
        if (isa<linalg::FillOp>(op.getOperation()) != isFill)
          continue;
        FailureOr<linalg::GenericOp> generic = asGeneric(op);
        if (succeeded(generic) && generic->getNumParallelLoops() > 0 && ScalarLoops::fits(*generic))
          makeTasks(*generic);
      }
    }
  }
};
} // namespace
} // namespace lathe
