// lib/Transforms/Graph/InferShapes.cpp: resolves every dimension of a function, and the arithmetic on them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Support/Diagnostics.h"
#include "lathe/Transforms/Graph/Passes.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/Iterators.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace lathe::graph {
#define GEN_PASS_DEF_INFERSHAPESPASS
#include "lathe/Transforms/Graph/Passes.h.inc"

namespace {

struct InferShapesPass final : impl::InferShapesPassBase<InferShapesPass> {
  using InferShapesPassBase::InferShapesPassBase;

  void runOnOperation() override {
    if (getOperation().isExternal())
      return;
    if (failed(refuseCalls()))
      return signalPassFailure();
    ShapeSolver solver(getOperation());
    solver.resolveArguments();
    if (failed(fixDims(solver)) || failed(inferAll(solver)))
      return signalPassFailure();
    replaceShapeArithmetic(solver);
    updateSignature();
    solver.commit();
    dropUnusedSymbols();
  }

private:
  /// Other functions may be changed at the same time.
  LogicalResult refuseCalls();
  /// Replaces the symbols that `dims` gives a size by that, and notes the ranges of others.
  LogicalResult fixDims(ShapeSolver &solver);
  LogicalResult readDims(ShapeSolver &solver, MutableArrayRef<AffineExpr> values);
  InFlightDiagnostic unknownDim(StringRef name, ArrayRef<StringRef> symbols);
  LogicalResult inferAll(ShapeSolver &solver);
  void replaceShapeArithmetic(ShapeSolver &solver);
  void updateSignature();
  /// Nothing reads elements for symbols that nothing uses.
  void dropUnusedSymbols();
};

} // namespace

LogicalResult InferShapesPass::refuseCalls() {
  WalkResult result = getOperation().walk([](CallOp call) -> WalkResult {
    return call.emitOpError() << "is not written out; graph-inline-calls comes before shapes are inferred [graph-call]";
  });
  return failure(result.wasInterrupted());
}

InFlightDiagnostic InferShapesPass::unknownDim(StringRef name, ArrayRef<StringRef> symbols) {
  SmallVector<StringRef> known(llvm::make_filter_range(symbols, [](StringRef symbol) { return !symbol.empty(); }));
  InFlightDiagnostic error = getOperation().emitError() << "the model has no free dim " << quoted(name)
                                                        << didYouMean(name, known) << " [dims-unknown-name]";
  error.attachNote() << "its free dims with names: " << (known.empty() ? "none" : llvm::join(known, ", "));
  return error;
}

LogicalResult InferShapesPass::readDims(ShapeSolver &solver, MutableArrayRef<AffineExpr> values) {
  func::FuncOp func = getOperation();
  llvm::StringSet<> seen;
  SmallVector<StringRef> symbols = solver.symbolNames();
  for (const std::string &entry : dims) {
    // At the last '=': names in models may have one.
    auto [name, text] = StringRef(entry).rsplit('=');
    std::optional<SizeRange> range = SizeRange::parse(text);
    if (!range || range->most < 1)
      return func.emitError() << "'" << entry << "' does not say what a dim is; write NAME=SIZE with a whole number of "
                              << "1 to " << SizeRange::largest
                              << ", or a range with sizes in it, such as NAME=8..512%8 [dims-bad-value]";
    if (!seen.insert(name).second)
      return func.emitError() << "dim '" << name << "' is fixed twice; leave one out [dims-twice]";
    if (!llvm::is_contained(symbols, name)) {
      if (llvm::is_contained(elsewhere, name))
        continue;
      return unknownDim(name, symbols);
    }
    for (auto [i, symbol] : llvm::enumerate(symbols)) {
      if (symbol != name)
        continue;
      std::optional<SizeRange> both = solver.restrict(i, *range);
      if (!both)
        return func.emitError() << "'" << entry << "' leaves dim '" << name << "' no size up to " << SizeRange::largest
                                << ": the model says " << solver.rangeOf(values[i]).str() << " [dims-no-size]";
      if (both->least == both->most)
        values[i] = solver.constant(both->most);
    }
  }
  return success();
}

LogicalResult InferShapesPass::fixDims(ShapeSolver &solver) {
  if (dims.empty())
    return success();
  func::FuncOp func = getOperation();
  SmallVector<AffineExpr> values;
  for (unsigned i = 0, count = solver.symbolNames().size(); i < count; ++i)
    values.push_back(getAffineSymbolExpr(i, func.getContext()));
  if (failed(readDims(solver, values)))
    return failure();
  solver.resolveDerived(values);
  AttrTypeReplacer replacer = solver.replacerOf(values);
  for (BlockArgument argument : func.getArguments())
    argument.setType(replacer.replace(argument.getType()));
  func.walk([&](Operation *op) {
    if (op != func)
      replacer.replaceElementsIn(op, /*replaceAttrs=*/true, /*replaceLocs=*/false, /*replaceTypes=*/true);
  });
  solver.substitute(values);
  return success();
}

LogicalResult InferShapesPass::inferAll(ShapeSolver &solver) {
  for (Operation &op : llvm::make_early_inc_range(getOperation().getBody().front()))
    if (failed(solver.infer(&op)))
      return failure();
  return success();
}

/// Whether `contents` of `value` are known only as what `graph.define_symbol` reads of it.
static bool isReadAtRunTime(Value value, ArrayRef<AffineExpr> contents) {
  return llvm::any_of(value.getUsers(), [&](Operation *user) {
    auto define = dyn_cast<DefineSymbolOp>(user);
    return define &&
           llvm::any_of(contents, [&](AffineExpr expr) { return expr.isFunctionOfSymbol(define.getSymbol()); });
  });
}

void InferShapesPass::replaceShapeArithmetic(ShapeSolver &solver) {
  // What follows from shapes alone: graph.shape and integer ops on its results.
  DenseSet<Value> fromShapes;
  getOperation().walk([&](Operation *op) {
    if (!isa<ShapeInference>(op) || op->getNumResults() != 1 || isa<ConstantOp, DimValuesOp>(op))
      return;
    bool follows = isa<ShapeOp>(op) ||
                   (op->getNumOperands() > 0 &&
                    llvm::all_of(op->getOperands(),
                                 [&](Value operand) {
                                   return fromShapes.contains(operand) || operand.getDefiningOp<ConstantOp>();
                                 }) &&
                    llvm::any_of(op->getOperands(), [&](Value operand) { return fromShapes.contains(operand); }));
    if (!follows)
      return;
    Value result = op->getResult(0);
    std::optional<Dims> contents = solver.contents(result);
    if (!contents || isReadAtRunTime(result, *contents))
      return;
    fromShapes.insert(result);
    OpBuilder builder(op);
    auto type = cast<RankedTensorType>(result.getType());
    bool allConstant = llvm::all_of(*contents, [](AffineExpr e) { return isa<AffineConstantExpr>(e); });
    Value replacement;
    if (allConstant) {
      SmallVector<APInt> values;
      for (AffineExpr e : *contents)
        values.push_back(APInt(type.getElementType().getIntOrFloatBitWidth(), cast<AffineConstantExpr>(e).getValue(),
                               /*isSigned=*/true, /*implicitTrunc=*/true));
      replacement = ConstantOp::create(builder, op->getLoc(), type, DenseElementsAttr::get(type, values));
    } else {
      replacement =
          DimValuesOp::create(builder, op->getLoc(), type, DimsAttr::get(&getContext(), solver.map(*contents)));
    }
    fromShapes.insert(replacement);
    result.replaceAllUsesWith(replacement);
  });
  // Operands that only said a shape have done their duty.
  getOperation().walk([&](Operation *op) {
    if (auto reshape = dyn_cast<ReshapeOp>(op))
      reshape.getShapeMutable().clear();
    else if (auto broadcast = dyn_cast<BroadcastOp>(op))
      broadcast.getShapeMutable().clear();
    else if (auto resize = dyn_cast<ResizeOp>(op))
      resize.getSizesMutable().clear();
  });
  // In reverse, so that whole chains go.
  getOperation()->walk<WalkOrder::PostOrder, ReverseIterator>([](Operation *op) {
    if (isOpTriviallyDead(op))
      op->erase();
  });
}

void InferShapesPass::updateSignature() {
  func::FuncOp func = getOperation();
  SmallVector<Type> inputs(func.getBody().getArgumentTypes());
  SmallVector<Type> results(func.getBody().front().getTerminator()->getOperandTypes());
  func.setType(FunctionType::get(func.getContext(), inputs, results));
}

void InferShapesPass::dropUnusedSymbols() {
  DenseSet<unsigned> used;
  AttrTypeWalker walker;
  auto use = [&](AffineMap map) {
    map.walkExprs([&](AffineExpr part) {
      if (auto symbol = dyn_cast<AffineSymbolExpr>(part))
        used.insert(symbol.getPosition());
    });
  };
  walker.addWalk([&](DimsAttr dims) { use(dims.getMap()); });
  walker.addWalk([&](CheckAttr check) { use(check.getMap()); });
  walker.addWalk([&](SymbolAttr symbol) {
    for (AffineMapAttr map : {symbol.getMin(), symbol.getMax(), symbol.getBound()})
      if (map)
        use(map.getAffineMap());
  });
  SmallVector<DefineSymbolOp> definitions;
  getOperation().walk([&](Operation *op) {
    walker.walk(op->getAttrDictionary());
    for (Type type : op->getResultTypes())
      walker.walk(type);
    for (Region &region : op->getRegions())
      for (Block &block : region)
        for (Type type : block.getArgumentTypes())
          walker.walk(type);
    if (auto defines = dyn_cast<DefineSymbolOp>(op))
      definitions.push_back(defines);
  });
  for (DefineSymbolOp defines : definitions)
    if (!used.contains(defines.getSymbol()))
      defines.erase();
}

} // namespace lathe::graph
