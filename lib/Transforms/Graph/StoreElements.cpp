// lib/Transforms/Graph/StoreElements.cpp: elements that no processor knows become integers, once for all that follows.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/ElementTypes.h"
#include "dialects/Graph/Sequence.h"
#include "lathe/Transforms/Graph/Passes.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;

namespace lathe::graph {
#define GEN_PASS_DEF_STOREELEMENTSPASS
#include "lathe/Transforms/Graph/Passes.h.inc"

namespace {

Type elementOf(Value value) { return getElementTypeOrSelf(value.getType()); }
/// Sequences, optional values and maps are what they are.
bool isStored(Type element) { return !findElementType(element) || getStorageType(element) == element; }
bool isNarrowFloat(Type element) { return isa<FloatType>(element) && !isStored(element); }
bool isString(Type element) { return isa<StringType>(element); }

RankedTensorType withElement(Type type, Type element) {
  auto tensor = cast<RankedTensorType>(type);
  return RankedTensorType::get(tensor.getShape(), element, tensor.getEncoding());
}

/// The bits of an element as the integer that it is stored as.
APInt codeOf(const APInt &value, Type storage) {
  unsigned width = storage.getIntOrFloatBitWidth();
  return storage.isUnsignedInteger() ? value.zextOrTrunc(width) : value.sextOrTrunc(width);
}

/// Ops that move elements and never look at them.
bool movesElements(Operation *op) {
  if (isa<ScatterElementsOp, ScatterNdOp>(op)) {
    auto kind = op->getAttrOfType<ScatterKindAttr>("kind");
    return kind && kind.getValue() == ScatterKind::none;
  }
  return isa<ConstantOp, ShapeOp, ReshapeOp, TransposeOp, BroadcastOp, ConcatOp, SliceOp, PadOp, GatherOp,
             GatherElementsOp, GatherNdOp, SelectOp, IfOp, LoopOp, YieldOp, func::ReturnOp, ReinterpretOp, TextOp>(
             op) ||
         isValueOp(op);
}

bool isPackedElement(Type type) { return findElementType(type) && isPacked(type); }

/// Rewrites one function.
class Rewriter {
public:
  explicit Rewriter(func::FuncOp func) : func(func), b(func.getContext()) {}
  LogicalResult run();

private:
  bool isNeeded();
  LogicalResult rewrite(Operation *op);
  void rewriteCast(CastOp op);
  void rewriteBitcast(BitcastOp op);
  void rewriteEqual(EqualOp op);
  void rewriteConstant(ConstantOp op);
  void fillPadding(PadOp op);
  void storeTypes();
  void wrapValues(Operation *op);
  void readArguments();
  void writeResults();

  Value cast(Value x, Type element) {
    return elementOf(x) == element ? x : CastOp::create(b, loc(), withElement(x.getType(), element), x);
  }
  Value text(StringRef function, ValueRange operands, Type result, ArrayRef<StringRef> parameters = {}) {
    return TextOp::create(b, loc(), TypeRange{result}, function, operands, b.getStrArrayAttr(parameters)).getResult(0);
  }
  /// Of bytes, the lowest bits that an element of type `element` has, with its sign.
  Value wrap(Value x, Type element);
  Value scalar(Type element, int64_t value) {
    auto type = RankedTensorType::get({}, element);
    APInt number(element.getIntOrFloatBitWidth(), value);
    return ConstantOp::create(b, loc(), type, DenseElementsAttr::get(type, number));
  }
  Location loc() const { return at->getLoc(); }
  /// How many elements `type` has.
  AffineExpr countOf(RankedTensorType type);
  /// The bytes of packed elements of `type`.
  RankedTensorType bytesOf(RankedTensorType type);

  /// The element type that an operand of an op of the model had.
  Type elementOfOperand(Operation *op, unsigned i = 0) const { return operands.lookup(op)[i]; }

  func::FuncOp func;
  OpBuilder b;
  /// Replaced operands are integers already when their users are reached.
  DenseMap<Operation *, SmallVector<Type>> operands;
  /// What ops on sequences, optional values and maps gave.
  DenseMap<Operation *, SmallVector<Type>> results;
  Operation *at = nullptr;
};

} // namespace

bool Rewriter::isNeeded() {
  auto isOther = [](Type type) { return !isStored(getElementTypeOrSelf(type)); };
  bool found = llvm::any_of(func.getArgumentTypes(), isOther);
  func.walk([&](Operation *op) { found = found || llvm::any_of(op->getResultTypes(), isOther); });
  return found;
}

AffineExpr Rewriter::countOf(RankedTensorType type) {
  auto encoding = dyn_cast_or_null<DimsAttr>(type.getEncoding());
  AffineExpr count = getAffineConstantExpr(1, b.getContext());
  for (auto [i, size] : llvm::enumerate(type.getShape()))
    count = count * (ShapedType::isDynamic(size) ? encoding.getMap().getResult(i)
                                                 : getAffineConstantExpr(size, b.getContext()));
  return count;
}

RankedTensorType Rewriter::bytesOf(RankedTensorType type) {
  AffineExpr bits = countOf(type) * static_cast<int64_t>(bitsInMemory(type.getElementType()));
  return tensorType({bits.ceilDiv(8)}, b.getIntegerType(8, /*isSigned=*/false));
}

Value Rewriter::wrap(Value x, Type element) {
  unsigned bits = bitsInMemory(element);
  if (bits >= 8)
    return x;
  Type byte = elementOf(x);
  if (byte.isUnsignedInteger())
    return BitwiseAndOp::create(b, loc(), x.getType(), x, scalar(byte, (1 << bits) - 1));
  Value distance = scalar(byte, 8 - bits);
  Value high = ShiftLeftOp::create(b, loc(), x.getType(), x, distance);
  return ShiftRightOp::create(b, loc(), x.getType(), high, distance);
}

/// What strings are read as before they are cast to `to`: as little as possible is
/// rounded twice.
static Type typeToParse(OpBuilder &b, Type to) {
  if (to.isF32() || to.isF64() || to.isInteger(64))
    return to;
  return isa<IntegerType>(to) && !to.isInteger(1) ? Type(b.getI64Type()) : Type(b.getF64Type());
}

void Rewriter::rewriteCast(CastOp op) {
  Type from = elementOfOperand(op), to = elementOf(op.getY());
  Value x = op.getX();
  if (from == to) {
    op.replaceAllUsesWith(x);
    op.erase();
    return;
  }
  if (isString(from) && !isString(to))
    x = text("parse", x, withElement(x.getType(), typeToParse(b, to)));
  else if (isNarrowFloat(from))
    x = DecodeOp::create(b, loc(), withElement(x.getType(), b.getF32Type()), x, from);
  Type storage = getStorageType(to);
  if (isString(to)) {
    x = text("format", x, withElement(x.getType(), storage));
  } else if (isNarrowFloat(to)) {
    auto integer = dyn_cast<IntegerType>(elementOf(x));
    if (integer) // All integers up to 24 bits are numbers of f32.
      x = cast(x, integer.getWidth() <= 16 ? Type(b.getF32Type()) : Type(b.getF64Type()));
    x = EncodeOp::create(b, loc(), withElement(x.getType(), storage), x, to, op.getSaturate(), op.getRoundMode());
  } else {
    x = wrap(cast(x, storage), to);
  }
  op.replaceAllUsesWith(x);
  op.erase();
}

void Rewriter::rewriteBitcast(BitcastOp op) {
  Type from = elementOfOperand(op), to = elementOf(op.getY());
  Value x = op.getX();
  if (getStorageType(from) != getStorageType(to))
    x = BitcastOp::create(b, loc(), withElement(x.getType(), getStorageType(to)), x);
  op.replaceAllUsesWith(wrap(x, to));
  op.erase();
}

/// Strings are equal by their text.
void Rewriter::rewriteEqual(EqualOp op) {
  auto whole = op.getType();
  SmallVector<Value> sides;
  for (Value operand : op->getOperands()) {
    RankedTensorType wanted = withElement(whole, elementOf(operand));
    sides.push_back(operand.getType() == wanted
                        ? operand
                        : BroadcastOp::create(b, loc(), wanted, operand, Value(), /*exact=*/false));
  }
  op.replaceAllUsesWith(text("equal", sides, whole));
  op.erase();
}

/// Codes of the elements of a constant that has them one by one.
static SmallVector<APInt> codesOf(DenseElementsAttr elements, Type storage) {
  SmallVector<APInt> codes;
  Type element = elements.getElementType();
  if (isa<FloatType>(element)) {
    for (const APFloat &value : elements.getValues<APFloat>())
      codes.push_back(codeOf(value.bitcastToAPInt(), storage));
  } else if (isa<ComplexType>(element)) {
    for (const std::complex<APFloat> &value : elements.getValues<std::complex<APFloat>>())
      codes.push_back(value.imag().bitcastToAPInt().concat(value.real().bitcastToAPInt()));
  } else {
    for (const APInt &value : elements.getValues<APInt>())
      codes.push_back(codeOf(value, storage));
  }
  return codes;
}

void Rewriter::rewriteConstant(ConstantOp op) {
  auto type = cast<RankedTensorType>(op.getType());
  Type element = type.getElementType(), storage = getStorageType(element);
  if (isStored(element))
    return;
  RankedTensorType stored = withElement(type, storage);
  Value made;
  if (auto strings = dyn_cast<DenseStringElementsAttr>(op.getValue())) {
    SmallVector<StringRef> texts;
    if (strings.isSplat())
      texts.assign(type.getNumElements(), strings.getRawStringData().front());
    else
      texts.assign(strings.getRawStringData().begin(), strings.getRawStringData().end());
    made = text("literal", {}, stored, texts);
  } else if (auto resource = dyn_cast<DenseResourceElementsAttr>(op.getValue())) {
    RankedTensorType bytes = isPacked(element) ? bytesOf(type) : stored;
    made = ConstantOp::create(b, loc(), bytes, DenseResourceElementsAttr::get(bytes, resource.getRawHandle()));
    if (isPacked(element))
      made = UnpackOp::create(b, loc(), stored, made, bitsInMemory(element));
  } else {
    auto dense = cast<DenseElementsAttr>(op.getValue());
    made = ConstantOp::create(b, loc(), stored, DenseElementsAttr::get(stored, codesOf(dense, storage)));
  }
  op.replaceAllUsesWith(made);
  op.erase();
}

/// Padding without a value holds zeros, of which no string is one.
void Rewriter::fillPadding(PadOp op) {
  Type element = elementOfOperand(op);
  if (isString(element) && op.getMode() == PadMode::constant && !op.getValue())
    op.getValueMutable().assign(text("literal", {}, RankedTensorType::get({}, getStorageType(element)), {""}));
}

LogicalResult Rewriter::rewrite(Operation *op) {
  auto isOther = [](Type type) { return !isStored(getElementTypeOrSelf(type)); };
  SmallVector<Type> types = operands.lookup(op);
  if (llvm::none_of(types, isOther) && llvm::none_of(op->getResultTypes(), isOther))
    return success();
  at = op;
  b.setInsertionPoint(op);
  if (auto cast = dyn_cast<CastOp>(op))
    return rewriteCast(cast), success();
  if (auto bitcast = dyn_cast<BitcastOp>(op))
    return rewriteBitcast(bitcast), success();
  if (auto constant = dyn_cast<ConstantOp>(op))
    return rewriteConstant(constant), success();
  if (auto equal = dyn_cast<EqualOp>(op); equal && isString(types[0]))
    return rewriteEqual(equal), success();
  if (auto pad = dyn_cast<PadOp>(op))
    fillPadding(pad);
  bool isMoved = movesElements(op);
  // The elements of a sequence have memory of their own, as in the program.
  if (isMoved && isValueOp(op))
    isMoved = llvm::none_of(types, isPackedElement) && llvm::none_of(op->getResultTypes(), [](Type type) {
                return isPackedElement(getElementTypeOrSelf(type));
              });
  if (isMoved)
    return success();
  llvm::append_range(types, op->getResultTypes());
  Type element = getElementTypeOrSelf(*llvm::find_if(types, isOther));
  return op->emitOpError("computes on ") << element
                                         << ", which can be moved and cast only; add a Cast "
                                            "before and behind it [type-not-computed]";
}

/// Values have the types that they are stored as, but for the arguments.
void Rewriter::storeTypes() {
  auto store = [](Value value) {
    if (auto tensor = dyn_cast<RankedTensorType>(value.getType()))
      value.setType(withElement(tensor, getStorageType(tensor.getElementType())));
  };
  func.walk([&](Operation *op) {
    llvm::for_each(op->getResults(), store);
    if (op == func)
      return;
    for (Region &region : op->getRegions())
      for (Block &block : region)
        llvm::for_each(block.getArguments(), store);
  });
}

/// In sequences, optional values and maps, elements are what the model says.
void Rewriter::wrapValues(Operation *op) {
  at = op;
  b.setInsertionPoint(op);
  for (auto [operand, element] : llvm::zip_equal(op->getOpOperands(), operands.lookup(op)))
    if (isa<RankedTensorType>(operand.get().getType()) && elementOf(operand.get()) != element)
      operand.set(ReinterpretOp::create(b, loc(), withElement(operand.get().getType(), element), operand.get()));
  b.setInsertionPointAfter(op);
  for (auto [result, element] : llvm::zip_equal(op->getResults(), results.lookup(op)))
    if (isa<RankedTensorType>(result.getType()) && elementOf(result) != element) {
      Type stored = result.getType();
      result.setType(withElement(stored, element));
      auto view = ReinterpretOp::create(b, loc(), stored, result);
      result.replaceAllUsesExcept(view, view);
    }
}

void Rewriter::readArguments() {
  Block &body = func.getBody().front();
  at = func;
  b.setInsertionPointToStart(&body);
  for (BlockArgument argument : body.getArguments()) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!type || isStored(type.getElementType()))
      continue;
    RankedTensorType stored = withElement(type, getStorageType(type.getElementType()));
    bool packed = isPacked(type.getElementType());
    auto view = ReinterpretOp::create(b, loc(), packed ? bytesOf(type) : stored, argument);
    Value read = view;
    if (packed)
      read = UnpackOp::create(b, loc(), stored, read, bitsInMemory(type.getElementType()));
    argument.replaceAllUsesExcept(read, view);
  }
}

void Rewriter::writeResults() {
  Operation *end = func.getBody().front().getTerminator();
  at = func;
  b.setInsertionPoint(end);
  for (auto [operand, declared] : llvm::zip_equal(end->getOpOperands(), func.getResultTypes())) {
    auto type = dyn_cast<RankedTensorType>(declared);
    if (!type || isStored(type.getElementType()))
      continue;
    Value value = operand.get();
    if (isPacked(type.getElementType())) {
      RankedTensorType bytes = bytesOf(type);
      value = ReshapeOp::create(b, loc(), tensorType({countOf(type)}, elementOf(value)), value, Value(), false);
      value = PackOp::create(b, loc(), bytes, value, bitsInMemory(type.getElementType()));
    }
    operand.set(ReinterpretOp::create(b, loc(), type, value));
  }
}

LogicalResult Rewriter::run() {
  if (!isNeeded())
    return success();
  SmallVector<Operation *> ops;
  func.getBody().walk<WalkOrder::PreOrder>([&](Operation *op) {
    ops.push_back(op);
    for (Value operand : op->getOperands())
      operands[op].push_back(elementOf(operand));
    if (isValueOp(op))
      for (Value result : op->getResults())
        results[op].push_back(elementOf(result));
  });
  for (Operation *op : ops)
    if (failed(rewrite(op)))
      return failure();
  storeTypes();
  readArguments();
  // Arguments, too, are read as integers by now.
  for (Operation *op : ops)
    if (results.contains(op))
      wrapValues(op);
  writeResults();
  return success();
}

namespace {
struct StoreElementsPass final : impl::StoreElementsPassBase<StoreElementsPass> {
  void runOnOperation() override {
    if (!getOperation().isExternal() && failed(Rewriter(getOperation()).run()))
      signalPassFailure();
  }
};
} // namespace

} // namespace lathe::graph
