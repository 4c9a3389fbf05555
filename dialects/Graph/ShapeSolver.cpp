// dialects/Graph/ShapeSolver.cpp: symbols, checks and types; the arithmetic is in DimArithmetic.cpp.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/ShapeSolver.h"
#include "dialects/Graph/Graph.h"
#include "dialects/Graph/NodeLocation.h"

using namespace mlir;

namespace lathe::graph {

/// A map with just as many symbols as its expressions use, so that equal
/// shapes have equal types, whatever was known of the function when they were
/// made.
static AffineMap minimalMap(ArrayRef<AffineExpr> dims, MLIRContext *context) {
  unsigned count = 0;
  for (AffineExpr dim : dims)
    dim.walk([&](AffineExpr part) {
      if (auto symbol = dyn_cast<AffineSymbolExpr>(part))
        count = std::max(count, symbol.getPosition() + 1);
    });
  return AffineMap::get(0, count, dims, context);
}

RankedTensorType tensorType(ArrayRef<AffineExpr> dims, Type element) {
  SmallVector<int64_t> shape;
  for (AffineExpr dim : dims) {
    auto fixed = dyn_cast<AffineConstantExpr>(dim);
    shape.push_back(fixed ? fixed.getValue() : ShapedType::kDynamic);
  }
  if (!llvm::is_contained(shape, ShapedType::kDynamic))
    return RankedTensorType::get(shape, element);
  MLIRContext *context = element.getContext();
  return RankedTensorType::get(shape, element, DimsAttr::get(context, minimalMap(dims, context)));
}

ShapeSolver::ShapeSolver(func::FuncOp func) : func(func), context(func.getContext()) {
  if (auto list = func->getAttrOfType<ArrayAttr>("graph.symbols"))
    for (Attribute entry : list)
      if (auto definition = dyn_cast<SymbolAttr>(entry))
        symbol(definition);
  if (auto list = func->getAttrOfType<ArrayAttr>("graph.checks"))
    for (Attribute entry : list)
      if (auto check = dyn_cast<CheckAttr>(entry))
        checks.push_back(check);
  findInner(func);
}

void ShapeSolver::commit() {
  auto asAttributes = [](auto &list) { return SmallVector<Attribute>(list.begin(), list.end()); };
  func->setAttr("graph.symbols", ArrayAttr::get(context, asAttributes(symbols)));
  func->setAttr("graph.checks", ArrayAttr::get(context, asAttributes(checks)));
}

AffineExpr ShapeSolver::symbol(SymbolAttr definition) {
  symbols.push_back(definition);
  ranges.add(definition);
  return getAffineSymbolExpr(symbols.size() - 1, context);
}

std::optional<SizeRange> ShapeSolver::restrict(unsigned position, const SizeRange &range) {
  SymbolAttr &symbol = symbols[position];
  RangeAttr known = symbol.getRange();
  std::optional<SizeRange> both = known ? range.intersect(known.getValue()) : range;
  if (both && !both->isTrivial()) {
    symbol = SymbolAttr::get(symbol.getName(), RangeAttr::get(context, *both));
    ranges = SizeRanges(symbols);
  }
  return both;
}

AffineExpr ShapeSolver::fresh(StringRef name) { return symbol(SymbolAttr::get(StringAttr::get(context, name))); }

AffineExpr ShapeSolver::named(StringRef name) {
  for (auto [position, definition] : llvm::enumerate(symbols))
    if (definition.getName().getValue() == name && definition.isInputDim())
      return getAffineSymbolExpr(position, context);
  return fresh(name);
}

void ShapeSolver::resolveArguments() {
  if (func.isExternal())
    return;
  SmallVector<Type> inputs;
  for (BlockArgument argument : func.getArguments()) {
    auto tensor = dyn_cast<RankedTensorType>(argument.getType());
    // Also where all is resolved: inferred types name no symbol without need,
    // and types of one shape must be equal.
    if (tensor) {
      Dims resolved = dims(tensor);
      // What is computed from symbols is checked; the dim itself is read.
      for (auto [i, dim] : llvm::enumerate(resolved)) {
        if (isa<AffineConstantExpr, AffineSymbolExpr>(dim))
          continue;
        AffineExpr read = fresh("");
        addCheck("eq", read, dim, func,
                 "dim " + Twine(i) + " of input " + Twine(argument.getArgNumber()) + " must be " + printDim(dim) +
                     ": %lld is not %lld");
        dim = read;
      }
      argument.setType(type(resolved, tensor.getElementType()));
    }
    inputs.push_back(argument.getType());
  }
  func.setType(FunctionType::get(context, inputs, func.getResultTypes()));
}

SmallVector<StringRef> ShapeSolver::symbolNames() const {
  SmallVector<StringRef> names;
  for (SymbolAttr symbol : symbols)
    names.push_back(symbol.isInputDim() ? symbol.getName().getValue() : StringRef());
  return names;
}

void ShapeSolver::substitute(ArrayRef<AffineExpr> values) {
  auto replaced = [&](AffineMap map) {
    SmallVector<AffineExpr> results;
    for (AffineExpr expr : map.getResults())
      results.push_back(simplify(expr.replaceSymbols(values)));
    return minimalMap(results, context);
  };
  auto replacedAttr = [&](AffineMapAttr attr) {
    return attr ? AffineMapAttr::get(replaced(attr.getAffineMap())) : attr;
  };
  for (auto [i, symbol] : llvm::enumerate(symbols)) {
    // What has a value has no range any more.
    RangeAttr range = isa<AffineConstantExpr>(values[i]) ? RangeAttr() : symbol.getRange();
    symbol = SymbolAttr::get(context, symbol.getName(), symbol.getInput(), symbol.getElement(),
                             replacedAttr(symbol.getMin()), replacedAttr(symbol.getMax()), symbol.getInner(),
                             replacedAttr(symbol.getBound()), range);
  }
  SmallVector<CheckAttr> kept;
  for (CheckAttr check : checks)
    kept.push_back(CheckAttr::get(context, check.getRelation(), replaced(check.getMap()), check.getMessage()));
  checks = std::move(kept);
  ranges = SizeRanges(symbols);
  contentsCache.clear();
}

AttrTypeReplacer ShapeSolver::replacerOf(ArrayRef<AffineExpr> values) {
  auto replaced = [this, values](AffineMap map) {
    Dims results;
    for (AffineExpr expr : map.getResults())
      results.push_back(simplify(expr.replaceSymbols(values)));
    return results;
  };
  AttrTypeReplacer replacer;
  // Skipped after, or the encoding would be replaced again, by one that names
  // all symbols: equal shapes would have types that differ.
  using Replaced = std::optional<std::pair<Type, WalkResult>>;
  replacer.addReplacement([this, replaced](RankedTensorType type) -> Replaced {
    auto encoding = dyn_cast_or_null<DimsAttr>(type.getEncoding());
    if (!encoding)
      return std::nullopt;
    return {{this->type(replaced(encoding.getMap()), type.getElementType()), WalkResult::skip()}};
  });
  replacer.addReplacement([this, replaced](DimsAttr attr) -> std::optional<Attribute> {
    return DimsAttr::get(context, map(replaced(attr.getMap())));
  });
  replacer.addReplacement([this, replaced](CheckAttr check) -> std::optional<Attribute> {
    return CheckAttr::get(context, check.getRelation(), map(replaced(check.getMap())), check.getMessage());
  });
  return replacer;
}

Dims ShapeSolver::dims(Value value) { return dims(cast<RankedTensorType>(value.getType())); }

Dims ShapeSolver::dims(RankedTensorType tensor) {
  if (auto encoding = dyn_cast_or_null<DimsAttr>(tensor.getEncoding()))
    return Dims(encoding.getMap().getResults());
  Dims result;
  for (int64_t size : tensor.getShape())
    result.push_back(ShapedType::isDynamic(size) ? fresh("") : constant(size));
  return result;
}

AffineMap ShapeSolver::map(ArrayRef<AffineExpr> dims) { return AffineMap::get(0, symbols.size(), dims, context); }

RankedTensorType ShapeSolver::type(ArrayRef<AffineExpr> dims, Type element) { return tensorType(dims, element); }

//===----------------------------------------------------------------------===//
// Contents of small integer tensors
//===----------------------------------------------------------------------===//

std::optional<SmallVector<int64_t>> ShapeSolver::constantContents(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  if (!constant)
    return std::nullopt;
  auto type = cast<RankedTensorType>(constant.getType());
  Type element = type.getElementType();
  // Parameters such as the sizes of parts; never weights.
  constexpr int64_t maxConstant = 65536;
  if (!element.isIntOrIndex() || type.getNumElements() > maxConstant)
    return std::nullopt;
  SmallVector<int64_t> result;
  bool isUnsigned = element.isUnsignedInteger() || element.isInteger(1);
  if (auto dense = dyn_cast<DenseElementsAttr>(constant.getValue())) {
    for (const APInt &entry : dense.getValues<APInt>())
      result.push_back(isUnsigned ? entry.getZExtValue() : entry.getSExtValue());
    return result;
  }
  auto resource = dyn_cast<DenseResourceElementsAttr>(constant.getValue());
  AsmResourceBlob *blob = resource ? resource.getRawHandle().getBlob() : nullptr;
  if (!blob)
    return std::nullopt;
  unsigned bytes = (element.getIntOrFloatBitWidth() + 7) / 8;
  if (blob->getData().size() < static_cast<size_t>(type.getNumElements()) * bytes)
    return std::nullopt;
  for (int64_t i = 0; i < type.getNumElements(); ++i) {
    uint64_t raw = 0;
    memcpy(&raw, blob->getData().data() + i * bytes, bytes);
    APInt entry(8 * bytes, raw);
    result.push_back(isUnsigned ? entry.getZExtValue() : entry.getSExtValue());
  }
  return result;
}

std::optional<Dims> ShapeSolver::inputContents(BlockArgument argument) {
  auto type = cast<RankedTensorType>(argument.getType());
  Dims result;
  for (int64_t element = 0; element < type.getNumElements(); ++element) {
    AffineExpr found;
    for (auto [position, definition] : llvm::enumerate(symbols))
      if (definition.getInput() == argument.getArgNumber() && definition.getElement() == element)
        found = getAffineSymbolExpr(position, context);
    if (!found) {
      std::string name = "input" + std::to_string(argument.getArgNumber());
      if (auto given = func.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "graph.name"))
        name = given.getValue().str();
      name += "[" + std::to_string(element) + "]";
      found = symbol(SymbolAttr::get(context, StringAttr::get(context, name), argument.getArgNumber(), element, {}, {},
                                     false, {}, {}));
    }
    result.push_back(found);
  }
  return result;
}

std::optional<Dims> ShapeSolver::transposedContents(TransposeOp op) {
  std::optional<Dims> x = contents(op.getX());
  if (!x)
    return std::nullopt;
  ArrayRef<int64_t> from = cast<RankedTensorType>(op.getX().getType()).getShape(), to = op.getType().getShape();
  ArrayRef<int64_t> permutation = op.getPermutation();
  Dims result;
  for (int64_t position = 0, count = x->size(); position < count; ++position) {
    int64_t rest = position, source = 0;
    for (size_t axis = to.size(); axis-- > 0;) {
      int64_t stride = 1;
      for (int64_t size : from.drop_front(permutation[axis] + 1))
        stride *= size;
      source += rest % to[axis] * stride;
      rest /= to[axis];
    }
    result.push_back((*x)[source]);
  }
  return result;
}

std::optional<Dims> ShapeSolver::contents(Value value) {
  if (auto found = contentsCache.find(value); found != contentsCache.end() && (found->second || !reader))
    return found->second;
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !type.hasStaticShape() || type.getNumElements() > maxContents || !type.getElementType().isInteger())
    return std::nullopt;
  std::optional<Dims> result;
  auto argument = dyn_cast<BlockArgument>(value);
  if (auto constants = constantContents(value)) {
    result.emplace();
    for (int64_t entry : *constants)
      result->push_back(constant(entry));
  } else if (argument && argument.getOwner()->getParentOp() == func) {
    if (type.getElementType().isInteger(64) || type.getElementType().isInteger(32))
      result = inputContents(argument);
  } else if (auto transpose = value.getDefiningOp<TransposeOp>()) {
    result = transposedContents(transpose);
  } else if (auto op = dyn_cast_or_null<ShapeInference>(value.getDefiningOp())) {
    result = op.inferContents(*this);
    if (result && static_cast<int64_t>(result->size()) != type.getNumElements())
      result = std::nullopt;
  }
  if (!result) {
    Dims read;
    for (int64_t index = 0; index < type.getNumElements(); ++index)
      if (reader)
        read.push_back(readElement(*reader, value, index));
      else if (auto found = elementSymbols.find({value, index}); found != elementSymbols.end())
        read.push_back(getAffineSymbolExpr(found->second, context));
    if (static_cast<int64_t>(read.size()) == type.getNumElements())
      result = read;
  }
  return contentsCache[value] = result;
}

//===----------------------------------------------------------------------===//
// Constraints
//===----------------------------------------------------------------------===//

std::string printDim(AffineExpr expr) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << expr;
  return text;
}

bool ShapeSolver::isChecked(StringRef relation, AffineExpr a, AffineExpr b) const {
  return llvm::any_of(checks, [&](CheckAttr check) {
    AffineExpr first = check.getMap().getResult(0), second = check.getMap().getResult(1);
    return check.getRelation() == relation && ((first == a && second == b) || (first == b && second == a));
  });
}

void ShapeSolver::addCheck(StringRef relation, AffineExpr a, AffineExpr b, Operation *op, const Twine &what) {
  std::string node = describeNode(op->getLoc());
  std::string message = node + (node.empty() ? "" : ": ") + what.str() +
                        "; change the inputs' shapes, or fix the dim when compiling [call-shape-check]";
  addCheck(CheckAttr::get(context, relation, minimalMap({a, b}, context), StringAttr::get(context, message)), op);
}

void ShapeSolver::addCheck(CheckAttr check, Operation *op) {
  // One check is enough for all nodes that need the same.
  auto isSame = [&](CheckAttr made) {
    return made.getRelation() == check.getRelation() && made.getMap() == check.getMap();
  };
  if (llvm::any_of(checks, isSame))
    return;
  Block *block = op == func ? nullptr : op->getBlock();
  if (!block || block->getParentOp() == func) {
    checks.push_back(check);
    return;
  }
  // Only where this branch is taken.
  if (llvm::none_of(block->getOps<CheckOp>(), [&](CheckOp made) { return isSame(made.getCheck()); })) {
    OpBuilder builder(op);
    CheckOp::create(builder, op->getLoc(), check);
  }
}

FailureOr<AffineExpr> ShapeSolver::unify(Operation *op, AffineExpr a, AffineExpr b, const Twine &what) {
  std::optional<bool> same = equal(a, b);
  if (same && !*same)
    return op->emitOpError() << what << " must be equal, but are " << printDim(a) << " and " << printDim(b)
                             << " [graph-shape-mismatch]";
  if (!same)
    addCheck("eq", a, b, op, what + " must be equal, but are %lld and %lld");
  // The simpler of the two makes for simpler kernels.
  if (isa<AffineConstantExpr>(b) ||
      (isa<AffineSymbolExpr>(b) && !isa<AffineConstantExpr>(a) && !isa<AffineSymbolExpr>(a)))
    return b;
  return a;
}

FailureOr<AffineExpr> ShapeSolver::broadcast(Operation *op, AffineExpr a, AffineExpr b, const Twine &what) {
  AffineExpr one = constant(1);
  if (a == one)
    return b;
  if (b == one)
    return a;
  if (absorbs(a, b))
    return a;
  if (absorbs(b, a))
    return b;
  bool areMany = isNeverOne(a) && isNeverOne(b);
  if (areMany || equal(a, b).value_or(false) || isChecked("eq", a, b) || !mayStretch(a, b))
    return unify(op, a, b, what);
  addCheck("broadcast", a, b, op, what + " must be equal, or one of them 1, but are %lld and %lld");
  // A size that is not 1 is the result's.
  if (isNeverOne(a))
    return a;
  return isNeverOne(b) ? b : stretched(a, b);
}

FailureOr<Dims> ShapeSolver::broadcast(Operation *op, ArrayRef<AffineExpr> a, ArrayRef<AffineExpr> b) {
  size_t rank = std::max(a.size(), b.size());
  Dims result(rank);
  AffineExpr one = constant(1);
  for (size_t i = 0; i < rank; ++i) {
    AffineExpr left = i + a.size() < rank ? one : a[i + a.size() - rank];
    AffineExpr right = i + b.size() < rank ? one : b[i + b.size() - rank];
    FailureOr<AffineExpr> dim = broadcast(op, left, right, "operand dims " + Twine(i) + " of the broadcast shape");
    if (failed(dim))
      return failure();
    result[i] = *dim;
  }
  return result;
}

void ShapeSolver::stretchOperands(Operation *op, ArrayRef<AffineExpr> shape) {
  // Of a matrix product, all but the last two dimensions broadcast.
  size_t behind = isa<MatmulOp>(op) ? 2 : 0;
  for (OpOperand &operand : op->getOpOperands()) {
    Dims mine = dims(operand.get()), wanted = mine;
    for (size_t fromEnd = behind + 1; fromEnd <= mine.size(); ++fromEnd) {
      AffineExpr &dim = wanted[mine.size() - fromEnd], result = shape[shape.size() - fromEnd];
      if (dim == constant(1) || equal(dim, result).value_or(false) || isChecked("eq", dim, result))
        continue;
      // Other results come from sizes that are checked to be equal.
      if (isNeverOne(result) || stretchedFrom(result))
        dim = result;
    }
    if (wanted == mine)
      continue;
    OpBuilder builder(op);
    RankedTensorType stretched = type(wanted, getElementTypeOrSelf(operand.get()));
    operand.set(BroadcastOp::create(builder, op->getLoc(), stretched, operand.get(), Value(), /*exact=*/false));
  }
}

void ShapeSolver::stretchUnits(OpBuilder &builder, Operation *op) {
  if (!isa<ScalarComputation>(op))
    return;
  for (OpOperand &operand : op->getOpOperands()) {
    Dims mine = dims(operand.get()), wanted = mine;
    for (size_t fromEnd = 1; fromEnd <= mine.size(); ++fromEnd) {
      AffineExpr &dim = wanted[mine.size() - fromEnd];
      if (isa<AffineConstantExpr>(dim) || !isAtMostOne(dim))
        continue;
      bool isStretched = llvm::any_of(op->getOperands(), [&](Value other) {
        Dims theirs = dims(other);
        if (theirs.size() < fromEnd)
          return false;
        AffineExpr against = theirs[theirs.size() - fromEnd];
        return against != constant(1) && !equal(dim, against).value_or(false);
      });
      if (!isStretched)
        continue;
      addCheck("eq", dim, constant(1), op, "a dim that is broadcast must be 1: %lld is not %lld");
      dim = constant(1);
    }
    if (wanted == mine)
      continue;
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(op);
    Type element = getElementTypeOrSelf(operand.get());
    operand.set(ReshapeOp::create(builder, op->getLoc(), type(wanted, element), operand.get(), Value(), false));
  }
}

LogicalResult ShapeSolver::require(Operation *op, AffineExpr a, AffineExpr b, const Twine &what) {
  AffineExpr difference = simplify(a - b);
  if (isNonNegative(difference))
    return success();
  if (auto fixed = dyn_cast<AffineConstantExpr>(difference))
    return op->emitOpError() << what << ", but " << printDim(a) << " is less than " << printDim(b)
                             << " [graph-shape-mismatch]";
  addCheck("ge", a, b, op, what + ", but %lld is less than %lld");
  return success();
}

LogicalResult ShapeSolver::infer(Operation *op) {
  if (auto branch = dyn_cast<IfOp>(op))
    return inferIf(branch);
  if (auto loop = dyn_cast<LoopOp>(op))
    return inferLoop(loop);
  if (auto call = dyn_cast<CallOp>(op))
    return inlineCall(call);
  auto iface = dyn_cast<ShapeInference>(op);
  if (!iface)
    return success();
  SmallVector<Dims> results;
  if (failed(iface.inferResultDims(*this, results)))
    return failure();
  for (auto [result, dims] : llvm::zip_equal(op->getResults(), results))
    if (failed(setDims(op, result, dims)))
      return failure();
  if (isa<ScalarComputation, MatmulOp>(op))
    stretchOperands(op, dims(op->getResult(0)));
  return success();
}

LogicalResult ShapeSolver::setDims(Operation *op, Value result, Dims dims) {
  if (dims.size() > maxRank)
    return op->emitOpError() << "has a result of rank " << dims.size() << ", but at most " << maxRank
                             << " are supported [graph-rank-limit]";
  for (AffineExpr &dim : dims) {
    dim = simplify(dim);
    auto fixed = dyn_cast<AffineConstantExpr>(dim);
    if (fixed && fixed.getValue() < 0)
      return op->emitOpError() << "has a result dimension of " << fixed.getValue()
                               << "; the operands are too small for its attributes"
                               << " [graph-shape-mismatch]";
    if (!fixed && !isNonNegative(dim))
      addCheck("ge", dim, constant(0), op, "the input is too small: a size is %lld, less than %lld");
  }
  int64_t elements = 1;
  for (AffineExpr dim : dims)
    if (auto fixed = dyn_cast<AffineConstantExpr>(dim))
      if (fixed.getValue() && llvm::MulOverflow(elements, fixed.getValue(), elements))
        return op->emitOpError() << "has a result whose number of elements overflows 64 bits"
                                 << " [graph-size-overflow]";
  if (elements > maxElements)
    return op->emitOpError() << "has a result of " << elements << " elements, but at most " << maxElements
                             << " are supported [graph-size-overflow]";
  result.setType(type(dims, cast<RankedTensorType>(result.getType()).getElementType()));
  return success();
}

} // namespace lathe::graph
