// dialects/Graph/ControlOps.cpp: what branches and loops demand of their regions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/Graph.h"

using namespace mlir;

namespace lathe::graph {

static bool hasOneElement(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  return type.hasStaticShape() && type.getNumElements() == 1;
}

/// Whether a value of one type may become one of the other, up to sizes that
/// are known at run time; the first dimension of `to` is left out if it `isStacked`.
static bool fits(Type from, Type to, bool isStacked = false) {
  auto a = dyn_cast<RankedTensorType>(from), b = dyn_cast<RankedTensorType>(to);
  if (!a || !b)
    return from == to && !isStacked;
  if (a.getElementType() != b.getElementType() || a.getRank() + isStacked != b.getRank())
    return false;
  return llvm::all_of(llvm::zip_equal(a.getShape(), b.getShape().drop_front(isStacked)), [](auto sizes) {
    auto [x, y] = sizes;
    return x == y || ShapedType::isDynamic(x) || ShapedType::isDynamic(y);
  });
}

/// The dims that a type says, or nothing where some have no expression yet.
static std::optional<Dims> dimsOf(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type)
    return std::nullopt;
  if (auto encoding = dyn_cast_or_null<DimsAttr>(type.getEncoding()))
    return Dims(encoding.getMap().getResults());
  if (!type.hasStaticShape())
    return std::nullopt;
  Dims dims;
  for (int64_t size : type.getShape())
    dims.push_back(getAffineConstantExpr(size, value.getContext()));
  return dims;
}

static YieldOp yieldOf(Region &region) {
  return region.empty() || region.front().empty() ? YieldOp() : dyn_cast<YieldOp>(region.front().back());
}

LogicalResult DefineSymbolOp::verify() {
  auto type = cast<RankedTensorType>(getTensor().getType());
  if (!type.hasStaticShape() || static_cast<int64_t>(getElement()) >= type.getNumElements()) // define_symbol_c1
    return emitOpError("reads element ") << getElement() << " of a " << type << " [graph-symbols]";
  return success();
}

LogicalResult CheckOp::verify() {
  CheckAttr check = getCheck();
  bool isPair = check.getMap().getNumDims() == 0 && check.getMap().getNumResults() == 2;
  if (!isPair || !llvm::is_contained({"eq", "ge", "broadcast"}, check.getRelation())) // check_c1
    return emitOpError("asks for ") << check
                                    << ", but 'eq', 'ge' or 'broadcast' of two expressions is expected [graph-symbols]";
  return success();
}

//===----------------------------------------------------------------------===//
// call
//===----------------------------------------------------------------------===//

LogicalResult CallOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto callee = symbols.lookupNearestSymbolFrom<func::FuncOp>(*this, getCalleeAttr());
  if (!callee || callee.isExternal() || !(*this)->getParentOfType<func::FuncOp>()) // call_c1
    return emitOpError("calls @") << getCallee()
                                  << ", but functions of a module call others that have a body in it [graph-call]";
  auto check = [&](StringRef kind, TypeRange given, TypeRange wanted) -> LogicalResult { // call_c2
    if (given.size() != wanted.size())
      return emitOpError("has ") << given.size() << " " << kind << "s, but @" << getCallee() << " has " << wanted.size()
                                 << " [graph-call]";
    for (auto [i, mine, theirs] : llvm::enumerate(given, wanted))
      if (!fits(mine, theirs))
        return emitOpError("has ") << kind << " " << i << " of type " << mine << ", but that of @" << getCallee()
                                   << " is a " << theirs << " [graph-call]";
    return success();
  };
  if (failed(check("operand", getOperandTypes(), callee.getArgumentTypes())))
    return failure();
  return check("result", getResultTypes(), callee.getResultTypes());
}

//===----------------------------------------------------------------------===//
// if
//===----------------------------------------------------------------------===//

YieldOp IfOp::thenYield() { return yieldOf(getThenRegion()); }
YieldOp IfOp::elseYield() { return yieldOf(getElseRegion()); }

LogicalResult IfOp::verifyRegions() {
  if (!hasOneElement(getCondition())) // if_c1
    return emitOpError("has a condition of type ") << getCondition().getType() << ", but one element is expected";
  for (Region *region : {&getThenRegion(), &getElseRegion()}) { // if_c2
    StringRef name = region == &getThenRegion() ? "first" : "second";
    YieldOp yield = yieldOf(*region);
    if (!yield || yield.getValues().size() != getNumResults())
      return emitOpError("must end its ") << name << " region in 'graph.yield' of " << getNumResults() << " values";
    for (auto [i, value, result] : llvm::enumerate(yield.getValues(), getResults()))
      if (!fits(value.getType(), result.getType()))
        return emitOpError("has result ") << i << " of type " << result.getType() << ", but its " << name
                                          << " region yields a " << value.getType() << " [graph-branch-type]";
  }
  return success();
}

LogicalResult IfOp::verifyDims(function_ref<bool(AffineExpr)> isDefinedByResults) {
  for (auto [i, result] : llvm::enumerate(getResults())) { // if_c3
    std::optional<Dims> first = dimsOf(thenYield().getValues()[i]), second = dimsOf(elseYield().getValues()[i]),
                        whole = dimsOf(result);
    if (!first || !second || !whole)
      continue;
    for (auto [dim, a, b, r] : llvm::enumerate(*first, *second, *whole))
      if (!isDefinedByResults(r) && (a != r || b != r))
        return emitOpError("has ") << printDim(r) << " as dim " << dim << " of result " << i
                                   << ", but its regions yield " << printDim(a) << " and " << printDim(b)
                                   << " [graph-branch-type]";
  }
  return success();
}

//===----------------------------------------------------------------------===//
// loop
//===----------------------------------------------------------------------===//

YieldOp LoopOp::yield() { return yieldOf(getBody()); }
Value LoopOp::nextCondition() { return getCondition() ? yield().getValues().front() : Value(); }
ValueRange LoopOp::nextCarried() {
  return ValueRange(yield().getValues()).drop_front(!!getCondition()).take_front(getInits().size());
}
ValueRange LoopOp::scanned() {
  return ValueRange(yield().getValues()).drop_front(!!getCondition() + getInits().size());
}

LogicalResult LoopOp::verifyRegions() {
  for (Value value : {Value(getTripCount()), Value(getCondition())}) // loop_c1
    if (value && !hasOneElement(value))
      return emitOpError("has a trip count or condition of type ")
             << value.getType() << ", but one element is expected";
  MLIRContext *context = getContext();
  auto scalar = RankedTensorType::get({}, IntegerType::get(context, 64));
  size_t carried = getInits().size();
  if (getBody().getNumArguments() != carried + 1 || turn().getType() != scalar) // loop_c2
    return emitOpError("must have a body with arguments for the turn, a tensor<i64>, and for ")
           << carried << " carried values";
  if (getNumResults() < carried)
    return emitOpError("has ") << getNumResults() << " results for " << carried << " carried values";
  for (auto [i, init, argument] : llvm::enumerate(getInits(), carriedArguments()))
    if (!fits(init.getType(), argument.getType()))
      return emitOpError("carries value ") << i << " of type " << init.getType() << ", but its body takes a "
                                           << argument.getType() << " [graph-loop-type]";
  YieldOp end = yield(); // loop_c3
  size_t expected = getNumResults() + !!getCondition();
  if (!end || end.getValues().size() != expected)
    return emitOpError("must end its body in 'graph.yield' of ") << expected << " values";
  if (Value next = nextCondition()) {
    auto type = dyn_cast<RankedTensorType>(next.getType());
    if (!type || !type.getElementType().isInteger(1) || !hasOneElement(next))
      return emitOpError("yields a condition of type ") << next.getType() << ", but one element of i1 is expected";
  }
  for (auto [i, next, argument, result] : llvm::enumerate(nextCarried(), carriedArguments(), carriedResults()))
    if (!fits(next.getType(), argument.getType()) || !fits(argument.getType(), result.getType()))
      return emitOpError("carries value ")
             << i << " of type " << argument.getType() << ", but its body yields a " << next.getType()
             << " and its result is a " << result.getType() << " [graph-loop-type]";
  for (auto [i, part, result] : llvm::enumerate(scanned(), scanResults()))
    if (!fits(part.getType(), result.getType(), /*isStacked=*/true))
      return emitOpError("has scan output ") << i << " of type " << result.getType() << ", but its body yields a "
                                             << part.getType() << " [graph-loop-type]";
  return success();
}

LogicalResult LoopOp::verifyDims(function_ref<bool(AffineExpr)> isDefinedByArguments,
                                 function_ref<bool(AffineExpr)> isDefinedByResults) {
  for (unsigned i = 0; i < getInits().size(); ++i) { // loop_c4
    std::optional<Dims> init = dimsOf(getInits()[i]), argument = dimsOf(carriedArguments()[i]),
                        next = dimsOf(nextCarried()[i]), result = dimsOf(carriedResults()[i]);
    if (!init || !argument || !next || !result)
      continue;
    for (auto [dim, a, b, c, d] : llvm::enumerate(*init, *argument, *next, *result)) {
      bool stays = a == b && b == c && c == d, changes = isDefinedByArguments(b) && isDefinedByResults(d);
      if (!stays && !changes)
        return emitOpError("carries value ")
               << i << " with " << printDim(a) << ", " << printDim(b) << ", " << printDim(c) << " and " << printDim(d)
               << " as dim " << dim << " before the loop, in its body, at the end of a turn and in the result"
               << " [graph-loop-type]";
    }
  }
  for (auto [i, part, whole] : llvm::enumerate(scanned(), scanResults())) { // loop_c5
    std::optional<Dims> inner = dimsOf(part), outer = dimsOf(whole);
    if (!inner || !outer)
      continue;
    if (getCondition() && !isDefinedByResults(outer->front()))
      return emitOpError("has ") << printDim(outer->front()) << " turns in scan output " << i
                                 << ", but with a condition their number is known when it ends [graph-loop-type]";
    for (auto [dim, a, b] : llvm::enumerate(*inner, ArrayRef(*outer).drop_front()))
      if (a != b && !isDefinedByResults(b))
        return emitOpError("has ") << printDim(b) << " as dim " << dim + 1 << " of scan output " << i
                                   << ", but its body yields " << printDim(a) << " [graph-loop-type]";
  }
  return success();
}

} // namespace lathe::graph
