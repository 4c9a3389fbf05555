// dialects/Graph/ControlShapes.cpp: sizes that come from data, from branches and from turns of loops.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/NodeLocation.h"
#include "dialects/Graph/Sequence.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace mlir;

namespace lathe::graph {

//===----------------------------------------------------------------------===//
// Inner symbols
//===----------------------------------------------------------------------===//

AffineExpr ShapeSolver::inner(StringRef name, Region *region, Operation *op, AffineExpr bound) {
  auto boundAttr = bound ? AffineMapAttr::get(AffineMap::get(0, symbols.size(), bound)) : AffineMapAttr();
  definers[symbols.size()] = {region, op};
  return symbol(SymbolAttr::get(context, StringAttr::get(context, name), -1, -1, {}, {}, true, boundAttr, {}));
}

bool ShapeSolver::isInner(AffineExpr expr, Region *region, Operation *op) const {
  auto symbol = dyn_cast<AffineSymbolExpr>(expr);
  auto found = symbol ? definers.find(symbol.getPosition()) : definers.end();
  return found != definers.end() && found->second == std::pair(region, op);
}

bool ShapeSolver::isVisible(AffineExpr expr, Region *region) const {
  bool isVisibleHere = true;
  expr.walk([&](AffineExpr part) {
    auto symbol = dyn_cast<AffineSymbolExpr>(part);
    if (!symbol)
      return;
    if (AffineMapAttr parts = symbols[symbol.getPosition()].getParts()) {
      for (AffineExpr inPart : parts.getAffineMap().getResults())
        isVisibleHere &= isVisible(inPart, region);
      return;
    }
    auto found = definers.find(symbol.getPosition());
    if (found == definers.end())
      return;
    Region *at = region;
    while (at && at != found->second.first)
      at = at->getParentRegion();
    isVisibleHere &= !!at;
  });
  return isVisibleHere;
}

/// Whether `op` comes directly after what defines the tensor that it reads, so
/// that its symbol is there wherever the tensor is.
static bool isEarly(DefineSymbolOp op) {
  Operation *before = op->getPrevNode();
  while (before && isa<DefineSymbolOp>(before))
    before = before->getPrevNode();
  auto argument = dyn_cast<BlockArgument>(op.getTensor());
  return argument ? !before && argument.getOwner() == op->getBlock() : before == op.getTensor().getDefiningOp();
}

/// Whether the elements of `tensor` are sizes or lengths, never negative.
static bool isSize(Value tensor) {
  return tensor.getDefiningOp<SequenceShapeOp>() || tensor.getDefiningOp<SequenceLengthOp>();
}

void ShapeSolver::findInner(Operation *root) {
  auto addDims = [&](TypeRange types, Region *region, Operation *op) {
    for (Type type : types) {
      auto tensor = dyn_cast<RankedTensorType>(type);
      auto encoding = tensor ? dyn_cast_or_null<DimsAttr>(tensor.getEncoding()) : DimsAttr();
      if (!encoding)
        continue;
      for (AffineExpr dim : encoding.getMap().getResults()) {
        auto symbol = dyn_cast<AffineSymbolExpr>(dim);
        if (symbol && symbol.getPosition() < symbols.size() && symbols[symbol.getPosition()].getInner())
          definers.try_emplace(symbol.getPosition(), region, op);
      }
    }
  };
  root->walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (auto defines = dyn_cast<DefineSymbolOp>(op)) {
      definers.try_emplace(defines.getSymbol(), op->getParentRegion(), op);
      Type element = getElementTypeOrSelf(defines.getTensor());
      bool isCount = defines.getSymbol() < symbols.size() && symbols[defines.getSymbol()].getBound();
      if (!isCount && !isSize(defines.getTensor()) && !element.isUnsignedInteger() && !element.isInteger(1))
        signedSymbols.insert(defines.getSymbol());
      if (isEarly(defines))
        elementSymbols[{defines.getTensor(), defines.getElement()}] = defines.getSymbol();
    } else if (auto loop = dyn_cast<LoopOp>(op)) {
      addDims(loop->getResultTypes(), op->getParentRegion(), op);
      if (!loop.getBody().empty())
        addDims(loop.getBody().getArgumentTypes(), &loop.getBody(), op);
    } else if (isa<IfOp>(op)) {
      addDims(op->getResultTypes(), op->getParentRegion(), op);
    }
  });
}

ShapeSolver::Mark ShapeSolver::mark() const { return {symbols.size(), checks.size()}; }

void ShapeSolver::rollBack(Mark mark) {
  for (unsigned i = mark.symbols; i < symbols.size(); ++i) {
    definers.erase(i);
    signedSymbols.erase(i);
  }
  for (auto entry = elementSymbols.begin(); entry != elementSymbols.end(); ++entry)
    if (entry->second >= mark.symbols)
      elementSymbols.erase(entry);
  // What was read for them outside of what is forgotten.
  SmallVector<DefineSymbolOp> unused;
  func.walk([&](DefineSymbolOp defines) {
    if (defines.getSymbol() >= mark.symbols)
      unused.push_back(defines);
  });
  for (DefineSymbolOp defines : unused)
    defines.erase();
  symbols.resize(mark.symbols);
  ranges.truncate(mark.symbols);
  checks.resize(mark.checks);
  contentsCache.clear();
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

AffineExpr ShapeSolver::readElement(OpBuilder &builder, Value tensor, int64_t index, AffineExpr most) {
  if (auto found = elementSymbols.find({tensor, index}); found != elementSymbols.end())
    return getAffineSymbolExpr(found->second, context);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointAfterValue(tensor);
  std::string node = describeNode(tensor.getLoc());
  std::string name = (node.empty() ? "element" : node) + "[" + std::to_string(index) + "]";
  unsigned position = symbols.size();
  auto op = DefineSymbolOp::create(builder, tensor.getLoc(), tensor, index, position);
  AffineExpr result = inner(name, op->getParentRegion(), op, most);
  Type element = getElementTypeOrSelf(tensor);
  if (!most && !isSize(tensor) && !element.isUnsignedInteger() && !element.isInteger(1))
    signedSymbols.insert(position);
  elementSymbols[{tensor, index}] = position;
  return result;
}

AffineExpr ShapeSolver::element(OpBuilder &builder, Value tensor, int64_t index) {
  auto type = dyn_cast<RankedTensorType>(tensor.getType());
  if (!type || !type.hasStaticShape() || !type.getElementType().isInteger() || index < 0 ||
      index >= type.getNumElements())
    return {};
  if (std::optional<Dims> known = contents(tensor))
    return (*known)[index];
  if (type.getNumElements() > maxContents)
    return readElement(builder, tensor, index);
  std::optional<Dims> all = elements(builder, tensor);
  return all ? (*all)[index] : AffineExpr();
}

AffineExpr ShapeSolver::count(OpBuilder &builder, Value tensor, AffineExpr most) {
  if (std::optional<Dims> known = contents(tensor))
    return known->front();
  return readElement(builder, tensor, 0, most);
}

std::optional<Dims> ShapeSolver::elements(OpBuilder &builder, Value tensor) {
  llvm::SaveAndRestore<OpBuilder *> reading(reader, &builder);
  return contents(tensor);
}

//===----------------------------------------------------------------------===//
// Regions
//===----------------------------------------------------------------------===//

static bool haveOneRank(ArrayRef<Value> values) {
  return llvm::all_of(values, [&](Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType()), first = dyn_cast<RankedTensorType>(values[0].getType());
    return type && first && type.getRank() == first.getRank() && type.getElementType() == first.getElementType();
  });
}

AffineExpr ShapeSolver::resultDim(Operation *op, AffineExpr expr, AffineExpr was, AffineExpr bound) {
  Region *region = op->getParentRegion();
  bool isOwn = was && isInner(was, region, op);
  if (expr && isVisible(expr, region)) {
    // Nothing defines the symbol any more, and ops that say their own shape may name it.
    if (isOwn && expr != was)
      replaceSymbol(cast<AffineSymbolExpr>(was).getPosition(), expr);
    return expr;
  }
  return isOwn ? was : inner("result", region, op, bound);
}

void ShapeSolver::replaceSymbol(unsigned position, AffineExpr value) {
  Dims values;
  for (unsigned i = 0; i < symbols.size(); ++i)
    values.push_back(i == position ? value : getAffineSymbolExpr(i, context));
  AttrTypeReplacer replacer = replacerOf(values);
  func.walk([&](Operation *op) {
    if (op != func)
      replacer.replaceElementsIn(op, /*replaceAttrs=*/true, /*replaceLocs=*/false, /*replaceTypes=*/true);
  });
  substitute(values);
}

/// The dims that a type says, or null ones.
static Dims knownDims(RankedTensorType type) {
  if (auto encoding = dyn_cast_or_null<DimsAttr>(type.getEncoding()))
    return Dims(encoding.getMap().getResults());
  Dims result;
  for (int64_t size : type.getShape())
    result.push_back(ShapedType::isDynamic(size) ? AffineExpr() : getAffineConstantExpr(size, type.getContext()));
  return result;
}

LogicalResult ShapeSolver::inferBlock(Region &region) {
  for (Operation &op : llvm::make_early_inc_range(region.front()))
    if (failed(infer(&op)))
      return failure();
  return success();
}

LogicalResult ShapeSolver::inferIf(IfOp op) {
  if (failed(inferBlock(op.getThenRegion())) || failed(inferBlock(op.getElseRegion())))
    return failure();
  YieldOp thenYield = op.thenYield(), elseYield = op.elseYield();
  if (!thenYield || !elseYield || thenYield.getValues().size() != op.getNumResults() ||
      elseYield.getValues().size() != op.getNumResults())
    return op.verifyRegions();
  for (auto [i, result] : llvm::enumerate(op.getResults())) {
    Value first = thenYield.getValues()[i], second = elseYield.getValues()[i];
    if (!isa<RankedTensorType>(result.getType()))
      continue;
    if (!haveOneRank({first, second}))
      return op->emitOpError() << "has branches that yield a " << first.getType() << " and a " << second.getType()
                               << " as result " << i << "; element type and rank must be one [graph-branch-type]";
    Dims a = dims(first), b = dims(second), was = knownDims(cast<RankedTensorType>(result.getType()));
    was.resize(a.size());
    Region *region = op->getParentRegion();
    for (auto [dim, x, y] : llvm::enumerate(a, b)) {
      bool hasBound = x != y && isVisible(x, region) && isVisible(y, region);
      bool isOwn = was[dim] && isInner(was[dim], region, op);
      AffineExpr bound = hasBound && !isOwn ? max(x, y) : AffineExpr();
      was[dim] = resultDim(op, x == y ? x : AffineExpr(), was[dim], bound);
    }
    Type element = getElementTypeOrSelf(first);
    result.setType(RankedTensorType::get({}, element));
    if (failed(setDims(op, result, was)))
      return failure();
  }
  return success();
}

SmallVector<CarriedDim> ShapeSolver::changingDims(LoopOp loop) {
  SmallVector<CarriedDim> result;
  for (auto [i, init, argument, next] : llvm::enumerate(loop.getInits(), loop.carriedArguments(), loop.nextCarried())) {
    if (!haveOneRank({init, argument, next}))
      continue;
    Dims before = dims(init), during = dims(argument), after = dims(next);
    for (auto [dim, x, y, z] : llvm::enumerate(before, during, after))
      if ((x != y || y != z) && !isInner(y, &loop.getBody(), loop))
        result.push_back({static_cast<unsigned>(i), static_cast<unsigned>(dim)});
  }
  return result;
}

ShapeSolver::Mark ShapeSolver::widen(LoopOp loop, ArrayRef<CarriedDim> changing) {
  for (CarriedDim carried : changing) {
    Value argument = loop.carriedArguments()[carried.value];
    Dims wider = dims(argument);
    wider[carried.dim] = inner("carried", &loop.getBody(), loop, {});
    argument.setType(type(wider, getElementTypeOrSelf(argument)));
  }
  contentsCache.clear();
  return mark();
}

LogicalResult ShapeSolver::inferLoop(LoopOp op) {
  Region &body = op.getBody();
  if (!op.yield() || body.getNumArguments() != op.getInits().size() + 1 ||
      op.yield().getValues().size() != op.getNumResults() + !!op.getCondition())
    return op.verifyRegions();
  for (auto [i, init, argument] : llvm::enumerate(op.getInits(), op.carriedArguments())) {
    if (!isa<RankedTensorType>(argument.getType()))
      continue;
    if (!haveOneRank({init, argument}))
      return op->emitOpError() << "carries value " << i << " of type " << init.getType() << ", but its body takes a "
                               << argument.getType() << " [graph-loop-type]";
    Dims before = dims(init), during = knownDims(cast<RankedTensorType>(argument.getType()));
    for (auto [x, y] : llvm::zip_equal(before, during))
      if (!y || !isInner(y, &body, op))
        y = x;
    argument.setType(type(during, getElementTypeOrSelf(init)));
  }
  for (Mark before = mark();;) {
    Region untouched;
    IRMapping mapping;
    body.cloneInto(&untouched, mapping);
    if (failed(inferBlock(body)))
      return failure();
    SmallVector<CarriedDim> changing = changingDims(op);
    if (changing.empty())
      break;
    rollBack(before);
    body.takeBody(untouched);
    before = widen(op, changing);
  }
  for (auto [i, argument, next, result] :
       llvm::enumerate(op.carriedArguments(), op.nextCarried(), op.carriedResults())) {
    if (!isa<RankedTensorType>(result.getType()))
      continue;
    if (!haveOneRank({argument, next}))
      return op->emitOpError() << "carries value " << i << " of type " << argument.getType()
                               << ", but its body yields a " << next.getType()
                               << "; element type and rank must stay [graph-loop-type]";
    Dims during = dims(argument), was = knownDims(cast<RankedTensorType>(result.getType()));
    was.resize(during.size());
    for (auto [dim, old] : llvm::zip_equal(during, was))
      old = resultDim(op, dim, old, {});
    result.setType(RankedTensorType::get({}, getElementTypeOrSelf(argument)));
    if (failed(setDims(op, result, was)))
      return failure();
  }
  return inferScans(op);
}

LogicalResult ShapeSolver::inferScans(LoopOp op) {
  if (op.scanResults().empty())
    return success();
  // No more turns than the trip count, where that means something.
  AffineExpr turns;
  if (op.getTripCount()) {
    OpBuilder builder(op);
    if (AffineExpr count = element(builder, op.getTripCount(), 0))
      turns = max(count, constant(0));
    auto fixed = dyn_cast_or_null<AffineConstantExpr>(turns);
    if (fixed && fixed.getValue() > maxElements && op.getCondition())
      turns = {};
  }
  for (auto [i, part, result] : llvm::enumerate(op.scanned(), op.scanResults())) {
    if (!isa<RankedTensorType>(part.getType()))
      return op->emitOpError() << "stacks a " << part.getType() << " as scan output " << i << " [graph-loop-type]";
    Dims inBody = dims(part), was = knownDims(cast<RankedTensorType>(result.getType()));
    was.resize(inBody.size() + 1);
    was[0] = resultDim(op, op.getCondition() ? AffineExpr() : turns, was[0], turns);
    for (auto [dim, old] : llvm::zip_equal(inBody, MutableArrayRef(was).drop_front()))
      old = resultDim(op, dim, old, {});
    result.setType(RankedTensorType::get({}, getElementTypeOrSelf(part)));
    if (failed(setDims(op, result, was)))
      return failure();
  }
  return success();
}

} // namespace lathe::graph
