// dialects/Graph/VerifySymbols.cpp: what a function says of its symbols, checked once so that all others may believe
// it.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/Graph.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AttrTypeSubElements.h"

using namespace mlir;

namespace lathe::graph {

/// The largest number of a symbol that `map` uses, or -1.
static int64_t largestSymbol(AffineMap map) {
  int64_t largest = -1;
  map.walkExprs([&](AffineExpr part) {
    if (auto symbol = dyn_cast<AffineSymbolExpr>(part))
      largest = std::max<int64_t>(largest, symbol.getPosition());
  });
  return largest;
}

/// Two expressions of the first `count` symbols of the function.
static LogicalResult verifyPair(func::FuncOp func, AffineMap map, int64_t count, const Twine &what) {
  if (map.getNumDims() != 0 || map.getNumResults() != 2)
    return func.emitOpError() << what << " has " << map.getNumDims() << " dimensions and " << map.getNumResults()
                              << " expressions, but none and two are expected [graph-symbols]";
  if (int64_t largest = largestSymbol(map); largest >= count)
    return func.emitOpError() << what << " uses symbol s" << largest << ", but may use only the first " << count
                              << " [graph-symbols]";
  return success();
}

static LogicalResult verifySymbol(func::FuncOp func, SymbolAttr symbol, int64_t position) {
  std::string what = "symbol s" + std::to_string(position);
  if ((symbol.getInput() >= 0) + !!symbol.getMin() + !!symbol.getMax() > 1) // symbol_c1
    return func.emitOpError() << what << " has more than one of 'input', 'min' and 'max' [graph-symbols]";
  for (AffineMapAttr map : {symbol.getMin(), symbol.getMax()}) // symbol_c2
    if (map && failed(verifyPair(func, map.getAffineMap(), position, what)))
      return failure();
  if (symbol.getInput() < 0)
    return success();
  if (symbol.getInput() >= func.getNumArguments()) // symbol_c3
    return func.emitOpError() << what << " is read from input " << symbol.getInput() << ", but there are "
                              << func.getNumArguments() << " inputs [graph-symbols]";
  Type type = func.getFunctionType().getInput(symbol.getInput());
  auto tensor = dyn_cast<RankedTensorType>(type);
  bool isRead = tensor && tensor.hasStaticShape() &&
                (tensor.getElementType().isInteger(32) || tensor.getElementType().isInteger(64));
  if (!isRead || symbol.getElement() < 0 || symbol.getElement() >= tensor.getNumElements())
    return func.emitOpError() << what << " is element " << symbol.getElement() << " of input " << symbol.getInput()
                              << ", but that is a " << type << " [graph-symbols]";
  return success();
}

LogicalResult verifySymbols(func::FuncOp func) {
  auto entries = [&](StringRef name) {
    auto list = func->getAttrOfType<ArrayAttr>(name);
    return list ? list.getValue() : ArrayRef<Attribute>();
  };
  ArrayRef<Attribute> symbols = entries("graph.symbols"), checks = entries("graph.checks");
  for (auto [i, entry] : llvm::enumerate(symbols)) {
    auto symbol = dyn_cast<SymbolAttr>(entry);
    if (!symbol)
      return func.emitOpError() << "'graph.symbols' has " << entry
                                << ", but a list of #graph.symbol is expected [graph-symbols]";
    if (failed(verifySymbol(func, symbol, i)))
      return failure();
  }
  for (auto [i, entry] : llvm::enumerate(checks)) {
    auto check = dyn_cast<CheckAttr>(entry);
    if (!check || (check.getRelation() != "eq" && check.getRelation() != "ge")) // check_c1
      return func.emitOpError() << "'graph.checks' has " << entry
                                << ", but a list of #graph.check with 'eq' or 'ge' is expected [graph-symbols]";
    if (failed(verifyPair(func, check.getMap(), symbols.size(), "check " + Twine(i)))) // check_c2
      return failure();
  }

  int64_t largest = -1;
  AttrTypeWalker walker;
  walker.addWalk([&](DimsAttr dims) { largest = std::max(largest, largestSymbol(dims.getMap())); });
  auto isKnown = [&](Operation *op) { // dims_c3
    if (largest < static_cast<int64_t>(symbols.size()))
      return true;
    op->emitOpError() << "uses symbol s" << largest << ", but its function has " << symbols.size()
                      << " in 'graph.symbols' [graph-symbols]";
    return false;
  };
  walker.walk(func.getFunctionType());
  if (!isKnown(func))
    return failure();
  WalkResult walked = func.getBody().walk([&](Operation *op) {
    for (Type type : op->getResultTypes())
      walker.walk(type);
    walker.walk(op->getAttrDictionary());
    return isKnown(op) ? WalkResult::advance() : WalkResult::interrupt();
  });
  return failure(walked.wasInterrupted());
}

LogicalResult GraphDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  if (attribute.getName() != "graph.symbols" && attribute.getName() != "graph.checks")
    return success();
  auto func = dyn_cast<func::FuncOp>(op);
  if (!func || !isa<ArrayAttr>(attribute.getValue()))
    return op->emitOpError() << attribute.getName() << " is a list, and belongs to a func.func [graph-symbols]";
  // One look at both is enough.
  if (attribute.getName() == "graph.checks" && op->hasAttr("graph.symbols"))
    return success();
  return verifySymbols(func);
}

} // namespace lathe::graph
