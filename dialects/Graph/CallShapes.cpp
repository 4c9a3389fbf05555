// dialects/Graph/CallShapes.cpp: a call becomes the body of its callee, with the sizes that it has there.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/Graph.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SmallBitVector.h"

using namespace mlir;

namespace lathe::graph {

LogicalResult ShapeSolver::requireRange(CallOp call, AffineExpr dim, const SizeRange &range, const Twine &what) {
  // A dim of the caller's inputs is in the range in every call, unless this is one of a branch.
  auto symbol = dyn_cast<AffineSymbolExpr>(dim);
  if (symbol && symbols[symbol.getPosition()].isInputDim() && call->getParentOp() == func) {
    if (restrict(symbol.getPosition(), range))
      return success();
    return call.emitOpError() << what << " is " << range.str() << ", but the caller's is " << ranges.of(dim).str()
                              << " [graph-shape-mismatch]";
  }
  if (failed(require(call, dim, constant(range.least), what + " is at least " + Twine(range.least))) ||
      (range.most != SizeRange::unbounded &&
       failed(require(call, constant(range.most), dim, what + " is at most " + Twine(range.most)))))
    return failure();
  FailureOr<AffineExpr> rest = unify(call, simplify(dim % range.divisor), constant(0),
                                     what + " is a multiple of " + Twine(range.divisor) + ": its rest and 0");
  return success(succeeded(rest));
}

FailureOr<SmallVector<AffineExpr>> ShapeSolver::symbolsOf(CallOp call, func::FuncOp callee) {
  SmallVector<SymbolAttr> theirs;
  if (auto list = callee->getAttrOfType<ArrayAttr>("graph.symbols"))
    llvm::append_range(theirs, list.getAsRange<SymbolAttr>());
  // What nothing defines, nothing uses.
  SmallVector<AffineExpr> values(theirs.size(), constant(0));
  llvm::SmallBitVector isKnown(theirs.size());
  for (auto [number, type] : llvm::enumerate(callee.getArgumentTypes())) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    auto encoding = tensor ? dyn_cast_or_null<DimsAttr>(tensor.getEncoding()) : DimsAttr();
    if (!encoding)
      continue;
    Dims mine = dims(call.getOperands()[number]);
    for (auto [d, dim] : llvm::enumerate(encoding.getMap().getResults())) {
      auto symbol = dyn_cast<AffineSymbolExpr>(dim);
      unsigned position = symbol ? symbol.getPosition() : 0;
      if (!symbol || position >= theirs.size() || !theirs[position].isInputDim() || isKnown.test(position))
        continue;
      isKnown.set(position);
      values[position] = mine[d];
      if (RangeAttr range = theirs[position].getRange())
        if (failed(requireRange(call, mine[d], range.getValue(),
                                "dim " + Twine(d) + " of input " + Twine(number) + " of @" + call.getCallee())))
          return failure();
    }
  }
  OpBuilder builder(call);
  for (auto [position, symbol] : llvm::enumerate(theirs)) {
    if (AffineMapAttr parts = symbol.getParts()) {
      AffineExpr a = simplify(parts.getAffineMap().getResult(0).replaceSymbols(values));
      AffineExpr b = simplify(parts.getAffineMap().getResult(1).replaceSymbols(values));
      values[position] = symbol.getMin() ? min(a, b) : max(a, b);
    } else if (symbol.getInput() >= 0) {
      FailureOr<Value> operand =
          operandOf(call, symbol.getInput(), callee.getArgument(symbol.getInput()).getType(), {});
      if (failed(operand))
        return failure();
      values[position] = element(builder, *operand, symbol.getElement());
    } else if (symbol.getInner()) {
      AffineMapAttr bound = symbol.getBound();
      if (bound)
        bound = AffineMapAttr::get(AffineMap::get(
            0, symbols.size(), simplify(bound.getAffineMap().getResult(0).replaceSymbols(values)), context));
      values[position] =
          this->symbol(SymbolAttr::get(context, symbol.getName(), -1, -1, {}, {}, /*inner=*/true, bound, {}));
    }
  }
  return values;
}

FailureOr<Value> ShapeSolver::fitted(CallOp call, Value value, Type type, ArrayRef<AffineExpr> values,
                                     const Twine &what) {
  auto given = dyn_cast<RankedTensorType>(value.getType()), wanted = dyn_cast<RankedTensorType>(type);
  if (!given || !wanted)
    return value;
  if (given.getRank() != wanted.getRank())
    return call.emitOpError() << "the ranks of " << what << " must be equal, but are " << given.getRank() << " and "
                              << wanted.getRank() << " [graph-shape-mismatch]";
  auto encoding = dyn_cast_or_null<DimsAttr>(wanted.getEncoding());
  Dims mine = dims(value), both = mine;
  for (auto [d, dim] : llvm::enumerate(both)) {
    if (!encoding && wanted.isDynamicDim(d))
      continue;
    AffineExpr theirs =
        encoding ? simplify(encoding.getMap().getResult(d).replaceSymbols(values)) : constant(wanted.getDimSize(d));
    FailureOr<AffineExpr> one = unify(call, dim, theirs, "dim " + Twine(d) + " of " + what);
    if (failed(one))
      return failure();
    // Sizes that the callee has by one name have one in the caller, too.
    dim = isa<AffineConstantExpr>(*one) ? *one : theirs;
  }
  if (both == mine)
    return value;
  OpBuilder builder(call);
  return ReshapeOp::create(builder, call.getLoc(), this->type(both, wanted.getElementType()), value, Value(),
                           /*exact=*/false)
      .getResult();
}

FailureOr<Value> ShapeSolver::operandOf(CallOp call, unsigned number, Type input, ArrayRef<AffineExpr> values) {
  return fitted(call, call.getOperands()[number], input, values,
                "operand " + Twine(number) + " and of that input of @" + call.getCallee());
}

/// Whether two sizes that are known have a relation of `graph.check`.
static bool holds(StringRef relation, int64_t a, int64_t b) {
  if (relation == "ge")
    return a >= b;
  return a == b || (relation == "broadcast" && (a == 1 || b == 1));
}

LogicalResult ShapeSolver::addChecksOf(CallOp call, func::FuncOp callee, AttrTypeReplacer &replacer) {
  auto list = callee->getAttrOfType<ArrayAttr>("graph.checks");
  if (!list)
    return success();
  for (auto check : list.getAsRange<CheckAttr>()) {
    auto mine = cast<CheckAttr>(replacer.replace(check));
    StringRef relation = mine.getRelation();
    AffineExpr a = simplify(mine.getMap().getResult(0)), b = simplify(mine.getMap().getResult(1));
    auto first = dyn_cast<AffineConstantExpr>(a), second = dyn_cast<AffineConstantExpr>(b);
    if (first && second) {
      if (holds(relation, first.getValue(), second.getValue()))
        continue;
      InFlightDiagnostic error = call.emitOpError() << "cannot be: @" << call.getCallee() << " checks a size of "
                                                    << first.getValue() << " and one of " << second.getValue()
                                                    << " by '" << relation << "' [graph-shape-mismatch]";
      std::string text = mine.getMessage().getValue().str();
      for (AffineConstantExpr size : {first, second})
        if (size_t at = text.find("%lld"); at != std::string::npos)
          text.replace(at, 4, std::to_string(size.getValue()));
      error.attachNote() << "the check says: " << text;
      return error;
    }
    bool isAtLeast = relation == "ge" && isNonNegative(simplify(a - b));
    if (!isAtLeast && !(relation != "ge" && equal(a, b).value_or(false)))
      addCheck(mine, call);
  }
  return success();
}

LogicalResult ShapeSolver::inlineCall(CallOp call) {
  auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(call, call.getCalleeAttr());
  FailureOr<SmallVector<AffineExpr>> values = symbolsOf(call, callee);
  if (failed(values))
    return failure();
  IRMapping mapping;
  for (auto [number, argument] : llvm::enumerate(callee.getArguments())) {
    FailureOr<Value> operand = operandOf(call, number, argument.getType(), *values);
    if (failed(operand))
      return failure();
    mapping.map(argument, *operand);
  }
  AttrTypeReplacer replacer = replacerOf(*values);
  if (failed(addChecksOf(call, callee, replacer)))
    return failure();
  OpBuilder builder(call);
  SmallVector<Operation *> body;
  for (Operation &op : callee.getBody().front().without_terminator()) {
    Operation *clone = builder.clone(op, mapping);
    replacer.recursivelyReplaceElementsIn(clone, /*replaceAttrs=*/true, /*replaceLocs=*/false, /*replaceTypes=*/true);
    clone->walk([&](Operation *inner) {
      inner->setLoc(CallSiteLoc::get(inner->getLoc(), call.getLoc()));
      if (auto defines = dyn_cast<DefineSymbolOp>(inner))
        defines.setSymbol(cast<AffineSymbolExpr>((*values)[defines.getSymbol()]).getPosition());
    });
    findInner(clone);
    body.push_back(clone);
  }
  // What reads elements of results comes behind the body.
  for (auto entry = elementSymbols.begin(); entry != elementSymbols.end(); ++entry)
    if (llvm::is_contained(call.getResults(), entry->first.first))
      elementSymbols.erase(entry);
  // The call holds the results meanwhile: to infer shapes may replace what was cloned.
  SmallVector<Value> results;
  for (Value value : callee.getBody().front().getTerminator()->getOperands())
    results.push_back(mapping.lookupOrDefault(value));
  call->setOperands(results);
  contentsCache.clear();
  for (Operation *op : body)
    if (failed(infer(op)))
      return failure();
  // What the call says of its results, its users may rely on.
  for (auto [number, result] : llvm::enumerate(call.getResults())) {
    FailureOr<Value> value = fitted(call, call->getOperand(number), result.getType(), {},
                                    "result " + Twine(number) + " of @" + call.getCallee() + " and of the call");
    if (failed(value))
      return failure();
    result.replaceAllUsesWith(*value);
  }
  call.erase();
  contentsCache.clear();
  return success();
}

} // namespace lathe::graph
