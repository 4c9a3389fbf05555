// lib/Transforms/Graph/FoldConstants.cpp: constant subgraphs run once, on the compiler's own code.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/ElementTypes.h"
#include "lathe/Transforms/Graph/Passes.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace lathe::graph {
#define GEN_PASS_DEF_FOLDCONSTANTSPASS
#include "lathe/Transforms/Graph/Passes.h.inc"

namespace {

/// A folded value may be this much larger than what it is computed from.
constexpr int64_t maxGrowth = 4;
/// ... and always this large, in elements.
constexpr int64_t smallResult = 1 << 16;

struct FoldConstantsPass final : impl::FoldConstantsPassBase<FoldConstantsPass> {
  FoldConstantsPass() = default;
  FoldConstantsPass(ConstantEvaluator evaluator, int64_t mostBytes)
      : evaluator(std::move(evaluator)), mostBytes(mostBytes) {}
  FoldConstantsPass(const FoldConstantsPass &other)
      : impl::FoldConstantsPassBase<FoldConstantsPass>(other), evaluator(other.evaluator), mostBytes(other.mostBytes) {}

  void runOnOperation() override {
    if (!evaluator)
      return;
    llvm::SetVector<Operation *> foldable = findFoldable();
    // Only what something else needs is computed; reshapes fold by themselves.
    SmallVector<Value> wanted;
    for (Operation *op : foldable) {
      // What is packed stays so, unless more than its elements comes of it; codes are packed again for their product.
      auto needs = [&](Operation *user) { return !foldable.contains(user) && (!isa<UnpackOp>(op) || hasCodes(user)); };
      if (llvm::any_of(op->getUsers(), needs))
        wanted.push_back(op->getResult(0));
    }
    if (!wanted.empty() && failed(evaluate(foldable, wanted)))
      signalPassFailure();
  }

private:
  llvm::SetVector<Operation *> findFoldable();
  LogicalResult evaluate(const llvm::SetVector<Operation *> &foldable, ArrayRef<Value> wanted);

  ConstantEvaluator evaluator;
  int64_t mostBytes = INT64_MAX;
};

} // namespace

/// Of a tensor whose shape is fixed.
static int64_t bytesOf(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  return llvm::divideCeil(type.getNumElements() * static_cast<int64_t>(bitsInMemory(type.getElementType())), 8);
}

llvm::SetVector<Operation *> FoldConstantsPass::findFoldable() {
  llvm::SetVector<Operation *> foldable;
  int64_t left = mostBytes;
  bool isWarned = false;
  // Bodies of loops and branches, too: their values may be constants all the same.
  getOperation().getBody().walk<WalkOrder::PreOrder>([&](Operation *op) {
    // Where text is, is known when the program runs, and views are nothing to compute.
    if (isa<ConstantOp, TextOp, ReinterpretOp>(op) || !isa<ShapeInference>(op) || op->getNumResults() != 1)
      return;
    // As is what a product reads in fewer bits.
    if (hasCodes(op))
      return;
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    if (!type.hasStaticShape() || isa<DimValuesOp>(op))
      return;
    bool known = llvm::all_of(op->getOperands(), [&](Value operand) {
      Operation *def = operand.getDefiningOp();
      return def && (isa<ConstantOp>(def) || foldable.contains(def));
    });
    int64_t operandElements = 1;
    for (Value operand : op->getOperands())
      operandElements += cast<RankedTensorType>(operand.getType()).hasStaticShape()
                             ? cast<RankedTensorType>(operand.getType()).getNumElements()
                             : 0;
    int64_t elements = type.getNumElements();
    if (!known || (elements > smallResult && elements > maxGrowth * operandElements))
      return;
    int64_t bytes = bytesOf(op->getResult(0));
    // What this op alone reads is not kept, if it is folded, too.
    int64_t freed = 0;
    for (Value operand : op->getOperands())
      if (operand.hasOneUse() && foldable.contains(operand.getDefiningOp()))
        freed += bytesOf(operand);
    if (bytes <= left + freed) {
      left += freed - bytes;
      foldable.insert(op);
    } else if (!isWarned) {
      isWarned = true;
      op->emitWarning("is computed in each call, though it depends on no input: what is computed when the model is "
                      "compiled may have ")
          << mostBytes << " bytes, of which " << left << " are left, and this needs " << bytes
          << "; allow more with --limit "
          << "folded-bytes=NUMBER, in Python limits={\"folded-bytes\": NUMBER} [limit-folded-bytes]";
    }
  });
  return foldable;
}

LogicalResult FoldConstantsPass::evaluate(const llvm::SetVector<Operation *> &foldable, ArrayRef<Value> wanted) {
  MLIRContext *context = &getContext();
  Location loc = getOperation().getLoc();
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  OpBuilder builder(context);
  builder.setInsertionPointToEnd(module->getBody());
  SmallVector<Type> types;
  for (Value value : wanted)
    types.push_back(value.getType());
  auto func = func::FuncOp::create(builder, loc, "main", FunctionType::get(context, {}, types));
  builder.setInsertionPointToStart(func.addEntryBlock());
  IRMapping mapping;
  for (Operation *op : foldable) {
    for (Value operand : op->getOperands())
      if (!mapping.contains(operand))
        mapping.map(operand, builder.clone(*operand.getDefiningOp())->getResult(0));
    builder.clone(*op, mapping);
  }
  SmallVector<Value> results;
  for (Value value : wanted)
    results.push_back(mapping.lookup(value));
  func::ReturnOp::create(builder, loc, results);

  SmallVector<ElementsAttr> constants;
  if (failed(evaluator(*module, constants)))
    return failure();
  for (auto [wantedValue, constant] : llvm::zip_equal(wanted, constants)) {
    Value value = wantedValue;
    OpBuilder at(value.getDefiningOp());
    value.replaceAllUsesWith(ConstantOp::create(at, value.getLoc(), value.getType(), constant));
    ++numFolded;
  }
  for (Operation *op : llvm::reverse(foldable.getArrayRef()))
    if (op->use_empty())
      op->erase();
  return success();
}

std::unique_ptr<Pass> createFoldConstantsPass(ConstantEvaluator evaluator, int64_t mostBytes) {
  return std::make_unique<FoldConstantsPass>(std::move(evaluator), mostBytes);
}

} // namespace lathe::graph
