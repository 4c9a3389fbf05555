// dialects/Graph/VerifySymbols.cpp: what a function says of its symbols, checked once so that all others may believe
// it.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/Graph.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "llvm/ADT/BitVector.h"

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

/// `results` expressions of the first `count` symbols of the function.
static LogicalResult verifyMap(func::FuncOp func, AffineMap map, unsigned results, int64_t count, const Twine &what) {
  if (map.getNumDims() != 0 || map.getNumResults() != results)
    return func.emitOpError() << what << " has " << map.getNumDims() << " dimensions and " << map.getNumResults()
                              << " expressions, but none and " << results << " are expected [graph-symbols]";
  if (int64_t largest = largestSymbol(map); largest >= count)
    return func.emitOpError() << what << " uses symbol s" << largest << ", but may use only the first " << count
                              << " [graph-symbols]";
  return success();
}

static LogicalResult verifySymbol(func::FuncOp func, SymbolAttr symbol, int64_t position) {
  std::string what = "symbol s" + std::to_string(position);
  if ((symbol.getInput() >= 0) + !!symbol.getMin() + !!symbol.getMax() + symbol.getInner() > 1) // symbol_c1
    return func.emitOpError() << what << " has more than one of 'input', 'min', 'max' and 'inner' [graph-symbols]";
  if (AffineMapAttr map = symbol.getParts()) // symbol_c2
    if (failed(verifyMap(func, map.getAffineMap(), 2, position, what)))
      return failure();
  if (AffineMapAttr bound = symbol.getBound()) { // symbol_c4
    if (!symbol.getInner())
      return func.emitOpError() << what << " has a bound, but is not defined in the body [graph-symbols]";
    if (failed(verifyMap(func, bound.getAffineMap(), 1, position, what)))
      return failure();
  }
  if (symbol.getRange() && !symbol.isInputDim()) // symbol_c6
    return func.emitOpError() << what << " has a range, but is no dim of an input [graph-symbols]";
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

namespace {

/// Walks a function in the order of execution and knows what is defined.
class Scopes {
  using Bits = llvm::BitVector;

public:
  Scopes(func::FuncOp func, ArrayRef<SymbolAttr> symbols)
      : func(func), symbols(symbols), known(symbols.size()), scopeOf(symbols.size()), definers(symbols.size()) {
    for (auto [i, symbol] : llvm::enumerate(symbols)) {
      Bits bits(symbols.size());
      if (AffineMapAttr parts = symbol.getParts())
        bits = needed(parts.getAffineMap());
      else
        bits.set(i);
      closures.push_back(bits);
    }
  }

  LogicalResult walk();
  /// Whether there is a place where all symbols of `map` are defined.
  bool hasPlace(AffineMap map) const;

private:
  /// The symbols that an expression needs, through `min` and `max`.
  Bits needed(AffineMap map) const;
  LogicalResult require(Operation *op, AffineMap map);
  LogicalResult requireAll(Operation *op, Type type);
  LogicalResult define(Operation *op, unsigned symbol);
  /// Dims that are exactly symbols nobody has defined yet.
  LogicalResult defineByDims(Operation *op, TypeRange types, SmallVectorImpl<AffineExpr> &defined);
  LogicalResult visit(Operation *op);
  LogicalResult visitRegions(Operation *op, SmallVectorImpl<AffineExpr> &defined);

  func::FuncOp func;
  ArrayRef<SymbolAttr> symbols;
  SmallVector<Bits> closures;        ///< What each symbol needs, itself or through `min` and `max`.
  Bits known, entry;                 ///< Defined here, and when the function is entered.
  SmallVector<Bits> scopeOf;         ///< What is defined just after the symbol is.
  SmallVector<Operation *> definers; ///< Of `inner` symbols.
};

} // namespace

llvm::BitVector Scopes::needed(AffineMap map) const {
  Bits result(symbols.size());
  map.walkExprs([&](AffineExpr part) {
    auto symbol = dyn_cast<AffineSymbolExpr>(part);
    if (symbol && symbol.getPosition() < closures.size())
      result |= closures[symbol.getPosition()];
  });
  return result;
}

bool Scopes::hasPlace(AffineMap map) const {
  Bits all = needed(map);
  if (!all.test(entry))
    return true;
  return llvm::any_of(all.set_bits(), [&](unsigned i) { return definers[i] && !all.test(scopeOf[i]); });
}

LogicalResult Scopes::require(Operation *op, AffineMap map) {
  if (int64_t largest = largestSymbol(map); largest >= static_cast<int64_t>(symbols.size())) // dims_c3
    return op->emitOpError() << "uses symbol s" << largest << ", but its function has " << symbols.size()
                             << " in 'graph.symbols' [graph-symbols]";
  Bits missing = needed(map);
  missing.reset(known);
  if (!missing.any())
    return success();
  unsigned first = missing.find_first();
  InFlightDiagnostic error = op->emitOpError()
                             << "uses symbol s" << first << ", '" << symbols[first].getName().getValue() << "', ";
  if (symbols[first].getInner())
    error << "which is not defined here; an earlier graph.define_symbol, graph.if or graph.loop has to define it";
  else
    error << "which nothing defines; a dim of an input has to be exactly this symbol";
  return error << " [graph-symbol-undefined]";
}

LogicalResult Scopes::requireAll(Operation *op, Type type) {
  LogicalResult result = success();
  AttrTypeWalker walker;
  walker.addWalk([&](DimsAttr dims) {
    result = require(op, dims.getMap());
    return failed(result) ? WalkResult::interrupt() : WalkResult::advance();
  });
  walker.walk(type);
  return result;
}

LogicalResult Scopes::define(Operation *op, unsigned symbol) {
  if (definers[symbol]) { // symbol_c5
    InFlightDiagnostic error = op->emitOpError()
                               << "defines symbol s" << symbol << ", '" << symbols[symbol].getName().getValue()
                               << "', which is defined already [graph-symbols]";
    error.attachNote(definers[symbol]->getLoc()) << "by this op";
    return error;
  }
  definers[symbol] = op;
  known.set(symbol);
  scopeOf[symbol] = known;
  return success();
}

LogicalResult Scopes::defineByDims(Operation *op, TypeRange types, SmallVectorImpl<AffineExpr> &defined) {
  for (Type type : types) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    auto encoding = tensor ? dyn_cast_or_null<DimsAttr>(tensor.getEncoding()) : DimsAttr();
    if (!encoding)
      continue;
    for (AffineExpr dim : encoding.getMap().getResults()) {
      auto symbol = dyn_cast<AffineSymbolExpr>(dim);
      if (!symbol || symbol.getPosition() >= symbols.size() || known.test(symbol.getPosition()) ||
          !symbols[symbol.getPosition()].getInner())
        continue;
      if (failed(define(op, symbol.getPosition())))
        return failure();
      defined.push_back(dim);
    }
  }
  return success();
}

LogicalResult Scopes::visitRegions(Operation *op, SmallVectorImpl<AffineExpr> &defined) {
  Bits outside = known;
  for (Region &region : op->getRegions()) {
    for (Block &block : region) {
      if (isa<LoopOp>(op) && failed(defineByDims(op, block.getArgumentTypes(), defined)))
        return failure();
      for (Type type : block.getArgumentTypes())
        if (failed(requireAll(op, type)))
          return failure();
      for (Operation &inner : block)
        if (failed(visit(&inner)))
          return failure();
    }
    known = outside;
  }
  return success();
}

LogicalResult Scopes::visit(Operation *op) {
  LogicalResult result = success();
  AttrTypeWalker walker;
  walker.addWalk([&](DimsAttr dims) {
    result = require(op, dims.getMap());
    return failed(result) ? WalkResult::interrupt() : WalkResult::advance();
  });
  walker.addWalk([&](CheckAttr check) {
    result = require(op, check.getMap());
    return failed(result) ? WalkResult::interrupt() : WalkResult::advance();
  });
  walker.walk(op->getAttrDictionary());
  if (failed(result))
    return failure();
  // The function's attributes are verified before its body is.
  bool isControl = isa<IfOp, LoopOp, DefineSymbolOp, CheckOp>(op);
  if (isControl && failed(op->getName().verifyInvariants(op)))
    return failure();
  SmallVector<AffineExpr> byArguments, byResults;
  if (failed(visitRegions(op, byArguments)) || (isControl && failed(op->getName().verifyRegionInvariants(op))))
    return failure();
  if (isa<IfOp, LoopOp>(op) && failed(defineByDims(op, op->getResultTypes(), byResults)))
    return failure();
  for (Type type : op->getResultTypes())
    if (failed(requireAll(op, type)))
      return failure();
  auto isByArguments = [&](AffineExpr dim) { return llvm::is_contained(byArguments, dim); };
  auto isByResults = [&](AffineExpr dim) { return llvm::is_contained(byResults, dim); };
  if (auto branch = dyn_cast<IfOp>(op))
    return branch.verifyDims(isByResults);
  if (auto loop = dyn_cast<LoopOp>(op))
    return loop.verifyDims(isByArguments, isByResults);
  auto defines = dyn_cast<DefineSymbolOp>(op);
  if (!defines)
    return success();
  if (defines.getSymbol() >= symbols.size() || !symbols[defines.getSymbol()].getInner()) // define_symbol_c2
    return op->emitOpError() << "defines symbol s" << defines.getSymbol()
                             << ", which is not among the function's inner symbols [graph-symbols]";
  return define(op, defines.getSymbol());
}

LogicalResult Scopes::walk() {
  for (Type type : func.getFunctionType().getInputs())
    if (auto tensor = dyn_cast<RankedTensorType>(type))
      if (auto encoding = dyn_cast_or_null<DimsAttr>(tensor.getEncoding()))
        for (AffineExpr dim : encoding.getMap().getResults())
          if (auto symbol = dyn_cast<AffineSymbolExpr>(dim);
              symbol && symbol.getPosition() < symbols.size() && symbols[symbol.getPosition()].isInputDim())
            known.set(symbol.getPosition());
  for (auto [i, symbol] : llvm::enumerate(symbols))
    if (symbol.getInput() >= 0)
      known.set(i);
  for (Type type : func.getFunctionType().getInputs())
    if (failed(requireAll(func, type)))
      return failure();
  entry = known;
  for (Block &block : func.getBody())
    for (Operation &op : block)
      if (failed(visit(&op)))
        return failure();
  // Of a function without a body, its results define what follows from data.
  SmallVector<AffineExpr> byResults;
  if (func.isExternal() && failed(defineByDims(func, func.getFunctionType().getResults(), byResults)))
    return failure();
  // After the body, so that results may have what it defined.
  for (Type type : func.getFunctionType().getResults())
    if (failed(requireAll(func, type)))
      return failure();
  return success();
}

LogicalResult verifySymbols(func::FuncOp func) {
  auto entries = [&](StringRef name) {
    auto list = func->getAttrOfType<ArrayAttr>(name);
    return list ? list.getValue() : ArrayRef<Attribute>();
  };
  SmallVector<SymbolAttr> symbols;
  for (Attribute entry : entries("graph.symbols")) {
    auto symbol = dyn_cast<SymbolAttr>(entry);
    if (!symbol)
      return func.emitOpError() << "'graph.symbols' has " << entry
                                << ", but a list of #graph.symbol is expected [graph-symbols]";
    if (failed(verifySymbol(func, symbol, symbols.size())))
      return failure();
    symbols.push_back(symbol);
  }
  SmallVector<CheckAttr> checks;
  for (auto [i, entry] : llvm::enumerate(entries("graph.checks"))) {
    auto check = dyn_cast<CheckAttr>(entry);
    if (!check || !llvm::is_contained({"eq", "ge", "broadcast"}, check.getRelation())) // check_c1
      return func.emitOpError()
             << "'graph.checks' has " << entry
             << ", but a list of #graph.check with 'eq', 'ge' or 'broadcast' is expected [graph-symbols]";
    if (failed(verifyMap(func, check.getMap(), 2, symbols.size(), "check " + Twine(i)))) // check_c2
      return failure();
    checks.push_back(check);
  }
  Scopes scopes(func, symbols);
  if (failed(scopes.walk()))
    return failure();
  for (auto [i, check] : llvm::enumerate(checks)) // check_c3
    if (!scopes.hasPlace(check.getMap()))
      return func.emitOpError() << "check " << i << " uses symbols that are nowhere defined together: "
                                << AffineMapAttr::get(check.getMap()) << " [graph-symbol-undefined]";
  return success();
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
