// lib/Transforms/Graph/InlineCalls.cpp: one list of operations for each function that programs call.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Support/Limits.h"
#include "lathe/Transforms/Graph/Passes.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace lathe::graph {
#define GEN_PASS_DEF_INLINECALLSPASS
#include "lathe/Transforms/Graph/Passes.h.inc"

namespace {

struct InlineCallsPass final : impl::InlineCallsPassBase<InlineCallsPass> {
  using InlineCallsPassBase::InlineCallsPassBase;

  void runOnOperation() override;

private:
  struct Extent {
    int64_t operations = 0; ///< With calls written out.
    int64_t depth = 0;      ///< Calls, one inside the other.
  };

  /// None after an error.
  std::optional<Extent> measure(func::FuncOp func);
  /// Whether all that programs call has few enough operations, which are made all at once.
  LogicalResult checkOperations(ArrayRef<func::FuncOp> functions);
  LogicalResult inlineInto(func::FuncOp func);

  DenseMap<Operation *, Extent> extents;
  SmallVector<func::FuncOp> callers; ///< From the outermost on.
  SmallVector<func::FuncOp> calleesFirst;
};

} // namespace

/// The sum, or the largest number if that is larger.
static int64_t addUpTo(int64_t a, int64_t b) {
  int64_t sum = 0;
  return llvm::AddOverflow(a, b, sum) ? INT64_MAX : sum;
}

std::optional<InlineCallsPass::Extent> InlineCallsPass::measure(func::FuncOp func) {
  if (auto known = extents.find(func); known != extents.end())
    return known->second;
  callers.push_back(func);
  Extent extent;
  auto checkDepth = [&](CallOp call, int64_t inside) -> LogicalResult {
    if (static_cast<int64_t>(callers.size()) + inside <= mostDepth)
      return success();
    InFlightDiagnostic error = call.emitOpError() << "is one of more than " << mostDepth.getValue()
                                                  << " calls, one inside the other [graph-call-depth]";
    error.attachNote() << howToRaise(Limit::Depth);
    return error;
  };
  WalkResult result = func.getBody().walk([&](Operation *op) -> WalkResult {
    extent.operations = addUpTo(extent.operations, 1);
    auto call = dyn_cast<CallOp>(op);
    if (!call)
      return WalkResult::advance();
    auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(call, call.getCalleeAttr());
    if (llvm::is_contained(callers, callee)) { // call_c3
      InFlightDiagnostic error = call.emitOpError() << "calls @" << call.getCallee()
                                                    << " within a call of it, which never ends [graph-recursion]";
      error.attachNote() << "calls are written out; use graph.loop for what is repeated";
      return error;
    }
    // Before the call is followed, too: to measure takes a stack as deep.
    if (failed(checkDepth(call, 0)))
      return WalkResult::interrupt();
    std::optional<Extent> inner = measure(callee);
    if (!inner || failed(checkDepth(call, inner->depth)))
      return WalkResult::interrupt();
    extent.operations = addUpTo(extent.operations, inner->operations);
    extent.depth = std::max(extent.depth, inner->depth + 1);
    return WalkResult::advance();
  });
  callers.pop_back();
  if (result.wasInterrupted())
    return std::nullopt;
  extents[func] = extent;
  calleesFirst.push_back(func);
  return extent;
}

LogicalResult InlineCallsPass::checkOperations(ArrayRef<func::FuncOp> functions) {
  int64_t all = 0;
  for (func::FuncOp func : functions) {
    if (func.isExternal() || !func.isPublic())
      continue;
    int64_t own = extents.lookup(func).operations, before = all;
    all = addUpTo(all, own);
    if (all <= mostOperations)
      continue;
    InFlightDiagnostic error = func.emitOpError() << "has " << own << " operations with its calls written out, ";
    if (before > 0)
      error << "and functions before it have " << before << ", ";
    error << "but at most " << mostOperations.getValue() << " are allowed [limit-nodes]";
    error.attachNote() << howToRaise(Limit::Nodes);
    return error;
  }
  return success();
}

LogicalResult InlineCallsPass::inlineInto(func::FuncOp func) {
  if (!func.getBody().walk([](CallOp) { return WalkResult::interrupt(); }).wasInterrupted())
    return success();
  ShapeSolver solver(func);
  solver.resolveArguments();
  Block &body = func.getBody().front();
  for (Operation &op : llvm::make_early_inc_range(body))
    if (failed(solver.infer(&op)))
      return failure();
  func.setType(FunctionType::get(&getContext(), body.getArgumentTypes(), body.getTerminator()->getOperandTypes()));
  solver.commit();
  return success();
}

void InlineCallsPass::runOnOperation() {
  SmallVector<func::FuncOp> functions(getOperation().getOps<func::FuncOp>());
  for (func::FuncOp func : functions)
    if (!func.isExternal() && !measure(func))
      return signalPassFailure();
  if (failed(checkOperations(functions)))
    return signalPassFailure();
  // Callers first: callees are as they were read, so that shapes are inferred where they are called.
  for (func::FuncOp func : llvm::reverse(calleesFirst))
    if (func.isPublic() && failed(inlineInto(func)))
      return signalPassFailure();
  for (func::FuncOp func : functions)
    if (func.isPrivate() && !func.isExternal())
      func.erase();
}

} // namespace lathe::graph
