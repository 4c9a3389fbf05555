// lib/Transforms/Graph/FormIntegerProducts.cpp: products of quantized tensors multiply bytes, not what they stand for.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Transforms/Graph/Passes.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;

namespace lathe::graph {
#define GEN_PASS_DEF_FORMINTEGERPRODUCTSPASS
#include "lathe/Transforms/Graph/Passes.h.inc"

namespace {

/// The largest product of two bytes, and how many of them i32 holds.
constexpr int64_t maxTerms = ((int64_t(1) << 31) - 1) / (255 * 255);

bool isByte(Value value) { return typeOf(value).getElementType().isInteger(8); }

/// The one value that all elements of the constant `value` have, if that is so.
std::optional<int64_t> splatOf(Value value) {
  while (true) {
    Operation *op = value.getDefiningOp();
    if (auto reshape = dyn_cast_or_null<ReshapeOp>(op))
      value = reshape.getX();
    else if (auto cast = dyn_cast_or_null<CastOp>(op);
             cast && isa<IntegerType>(cast.getX().getType().getElementType()) &&
             cast.getY().getType().getElementType().getIntOrFloatBitWidth() >= 32)
      value = cast.getX();
    else
      break;
  }
  auto constant = value.getDefiningOp<ConstantOp>();
  if (!constant || !isa<IntegerType>(constant.getType().getElementType()) || !constant.getType().getNumElements())
    return std::nullopt;
  auto elements = dyn_cast<DenseElementsAttr>(constant.getValue());
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(constant.getValue())) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    bool isSplat = false;
    if (constant.getType().getNumElements() > 1 << 16 || !blob ||
        !DenseElementsAttr::isValidRawBuffer(constant.getType(), blob->getData(), isSplat))
      return std::nullopt;
    elements = DenseElementsAttr::getFromRawBuffer(constant.getType(), blob->getData());
  }
  if (!elements || constant.getType().getElementType().isInteger(1))
    return std::nullopt;
  APInt first = *elements.value_begin<APInt>();
  for (const APInt &element : elements.getValues<APInt>())
    if (element != first)
      return std::nullopt;
  bool isUnsigned = constant.getType().getElementType().isUnsignedInteger();
  return isUnsigned ? static_cast<int64_t>(first.getZExtValue()) : first.getSExtValue();
}

/// A tensor of bytes and what it stands for: `(bytes - zero) scale`. `zero`,
/// of i32, is null if it is 0; `scale` is null in integer products.
struct Quantized {
  Value bytes, zero, scale;
};

/// What builds the ops of one product.
class ProductBuilder {
public:
  ProductBuilder(OpBuilder &builder, ShapeSolver &solver, Location loc) : builder(builder), solver(solver), loc(loc) {}

  template <typename OpT, typename... Args> Value create(Type element, Args &&...args) {
    FailureOr<OpT> op = solver.create<OpT>(builder, loc, element, std::forward<Args>(args)...);
    return failed(op) ? Value() : (*op)->getResult(0);
  }
  Type i32() { return builder.getI32Type(); }
  Value cast(Value x, Type element) { return typeOf(x).getElementType() == element ? x : create<CastOp>(element, x); }
  Value sum(Value x, ArrayRef<int64_t> axes) {
    return create<ReduceOp>(i32(), cast(x, i32()), ReduceKind::sum, axes, /*keep_dims=*/true);
  }
  Value sub(Value a, Value b) { return create<SubOp>(i32(), a, b); }
  Value mul(Value a, Value b) { return create<MulOp>(typeOf(a).getElementType(), a, b); }
  Value reshape(Value x, ArrayRef<int64_t> shape) {
    return ReshapeOp::create(builder, loc, RankedTensorType::get(shape, typeOf(x).getElementType()), x, Value());
  }

  OpBuilder &builder;
  ShapeSolver &solver;
  Location loc;
};

/// Null for a zero point that is known to be 0.
Value nonZero(Value zero) { return zero && splatOf(zero) != 0 ? zero : Value(); }

/// The bytes behind `value`, an i32 tensor: `cast(bytes) - zero`.
std::optional<Quantized> findWidened(Value value) {
  Value zero;
  if (auto sub = value.getDefiningOp<SubOp>()) {
    // A difference of the operand's shape: zero points broadcast to it.
    if (typeOf(sub.getA()).getShape() != typeOf(sub.getY()).getShape())
      return std::nullopt;
    zero = sub.getB();
    value = sub.getA();
  }
  auto cast = value.getDefiningOp<CastOp>();
  if (!cast || !isByte(cast.getX()) || !cast.getType().getElementType().isSignlessInteger(32))
    return std::nullopt;
  return Quantized{cast.getX(), nonZero(zero), Value()};
}

/// A parameter that broadcasts to `permutation`'s operand, for its result.
Value permuteParameter(ProductBuilder &b, Value parameter, ArrayRef<int64_t> permutation) {
  if (!parameter || typeOf(parameter).getNumElements() == 1)
    return parameter;
  SmallVector<int64_t> shape(permutation.size() - typeOf(parameter).getRank(), 1);
  llvm::append_range(shape, typeOf(parameter).getShape());
  Value full = b.reshape(parameter, shape);
  return b.create<TransposeOp>(typeOf(parameter).getElementType(), full, permutation);
}

/// The bytes behind `value`, a float tensor that dequantizing them gives, be it
/// in another layout.
std::optional<Quantized> findDequantized(ProductBuilder &b, Value value) {
  if (auto transpose = value.getDefiningOp<TransposeOp>()) {
    std::optional<Quantized> x = findDequantized(b, transpose.getX());
    if (!x || !typeOf(x->scale).hasStaticShape() || (x->zero && !typeOf(x->zero).hasStaticShape()))
      return std::nullopt;
    ArrayRef<int64_t> permutation = transpose.getPermutation();
    x->bytes = b.create<TransposeOp>(typeOf(x->bytes).getElementType(), x->bytes, permutation);
    x->zero = permuteParameter(b, x->zero, permutation);
    x->scale = permuteParameter(b, x->scale, permutation);
    return x;
  }
  if (auto reshape = value.getDefiningOp<ReshapeOp>()) {
    std::optional<Quantized> x = findDequantized(b, reshape.getX());
    if (!x || reshape.getShape() || typeOf(x->scale).getNumElements() != 1 ||
        (x->zero && typeOf(x->zero).getNumElements() != 1))
      return std::nullopt;
    auto type = typeOf(value).clone(typeOf(x->bytes).getElementType());
    x->bytes = ReshapeOp::create(b.builder, b.loc, type, x->bytes, Value());
    // A rank that the new shape may be below of.
    x->scale = b.reshape(x->scale, {});
    x->zero = x->zero ? b.reshape(x->zero, {}) : Value();
    return x;
  }
  auto op = value.getDefiningOp<DequantizeOp>();
  if (!op || !isByte(op.getX()) || !op.getType().getElementType().isF32() ||
      !op.getScale().getType().getElementType().isF32() || !op.getScale().getType().hasStaticShape() ||
      op.getX().getType().getShape() != op.getType().getShape())
    return std::nullopt;
  Value zero = nonZero(op.getZero());
  return Quantized{op.getX(), zero ? b.cast(zero, b.i32()) : Value(), op.getScale()};
}

/// Whether `parameter`, which broadcasts to a tensor of `rank` dims, is the same
/// along dim `dim`.
bool isUniform(Value parameter, int64_t rank, int64_t dim) {
  if (!parameter)
    return true;
  int64_t position = dim - (rank - typeOf(parameter).getRank());
  return position < 0 || typeOf(parameter).getDimSize(position) == 1;
}

/// Weights without a sign whose zero point is in the middle, as ones with a sign
/// and no zero point. Other weights stay.
void centre(ProductBuilder &b, Quantized &weights) {
  auto type = typeOf(weights.bytes);
  Operation *source = weights.bytes.getDefiningOp();
  while (isa_and_nonnull<TransposeOp, ReshapeOp>(source))
    source = source->getOperand(0).getDefiningOp();
  if (!isa_and_nonnull<ConstantOp>(source) || !type.getElementType().isUnsignedInteger() || !weights.zero ||
      splatOf(weights.zero) != 128)
    return;
  auto one = RankedTensorType::get({}, type.getElementType());
  Value top = ConstantOp::create(b.builder, b.loc, one, DenseElementsAttr::get(one, APInt(8, 128)));
  weights.bytes =
      b.create<BitcastOp>(b.builder.getI8Type(), b.create<BitwiseXorOp>(type.getElementType(), weights.bytes, top));
  weights.zero = Value();
}

/// sum_k (a - za)(b - zb) as sum_k a b - za sum_k b - zb sum_k (a - za), or null.
Value makeMatmul(ProductBuilder &b, Quantized left, Quantized right) {
  int64_t rankA = typeOf(left.bytes).getRank(), rankB = typeOf(right.bytes).getRank();
  if (!isUniform(left.zero, rankA, rankA - 1) || !isUniform(right.zero, rankB, rankB - 2))
    return {};
  centre(b, right);
  Value y = b.create<MatmulOp>(b.i32(), left.bytes, right.bytes);
  if (y && left.zero)
    y = b.sub(y, b.mul(left.zero, b.sum(right.bytes, {rankB - 2})));
  if (y && right.zero) {
    Value a = b.cast(left.bytes, b.i32());
    y = b.sub(y, b.mul(b.sum(left.zero ? b.sub(a, left.zero) : a, {rankA - 1}), right.zero));
  }
  return y;
}

/// `parameter`, one for each output channel of a filter, for those of a result.
Value perChannel(ProductBuilder &b, Value parameter, int64_t rank) {
  if (typeOf(parameter).getNumElements() == 1)
    return b.reshape(parameter, {});
  SmallVector<int64_t> shape(rank - 1, 1);
  shape[0] = typeOf(parameter).getNumElements();
  return b.reshape(parameter, shape);
}

/// Whether a parameter of a filter has at most one value for each output channel.
bool isPerOutput(Value parameter, int64_t rank) {
  if (!parameter)
    return true;
  for (int64_t dim = 1; dim < rank; ++dim)
    if (!isUniform(parameter, rank, dim))
      return false;
  return typeOf(parameter).hasStaticShape();
}

/// The image with what its zero point says around it.
Value padImage(ProductBuilder &b, ConvOp conv, const Quantized &x) {
  Dims shape = b.solver.dims(x.bytes);
  size_t rank = shape.size(), spatial = rank - 2;
  Dims amounts(2 * rank, b.solver.constant(0));
  for (size_t i = 0; i < spatial; ++i) {
    int64_t before = conv.getPads()[i], after = conv.getPads()[spatial + i];
    amounts[2 + i] = b.solver.constant(before);
    amounts[rank + 2 + i] = b.solver.constant(after);
    shape[2 + i] = b.solver.simplify(shape[2 + i] + (before + after));
  }
  Type element = typeOf(x.bytes).getElementType();
  Value value = b.cast(b.reshape(x.zero, {}), element);
  auto attr = DimsAttr::get(b.builder.getContext(), AffineMap::get(0, 0, amounts, b.builder.getContext()));
  return PadOp::create(b.builder, b.loc, b.solver.type(shape, element), x.bytes, Value(), value, PadMode::constant,
                       attr);
}

/// The same for windows instead of rows; null if the zero point of the filter
/// would need sums over the windows of each group.
Value makeConv(ProductBuilder &b, ConvOp conv, Quantized x, Quantized filter) {
  int64_t rank = typeOf(x.bytes).getRank();
  if (conv.getChannelsLast() || !typeOf(filter.bytes).hasStaticShape() ||
      (x.zero && typeOf(x.zero).getNumElements() != 1) || !isPerOutput(filter.zero, rank))
    return {};
  centre(b, filter);
  if (filter.zero && conv.getGroups() != 1)
    return {};
  SmallVector<int64_t> pads(conv.getPads());
  if (x.zero && llvm::any_of(pads, [](int64_t pad) { return pad != 0; })) {
    x.bytes = padImage(b, conv, x);
    pads.assign(pads.size(), 0);
  }
  auto convolve = [&](Value weights) {
    return b.create<ConvOp>(b.i32(), x.bytes, weights, conv.getStrides(), pads, conv.getDilations(), conv.getGroups(),
                            /*channels_last=*/false);
  };
  Value y = convolve(filter.bytes);
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(1, rank));
  Value zero = x.zero ? b.reshape(x.zero, {}) : Value();
  if (y && zero)
    y = b.sub(y, b.mul(zero, perChannel(b, b.sum(filter.bytes, axes), rank)));
  if (y && filter.zero) {
    SmallVector<int64_t> shape(typeOf(filter.bytes).getShape());
    int64_t terms = ShapedType::getNumElements(ArrayRef(shape).drop_front());
    shape[0] = 1;
    auto type = RankedTensorType::get(shape, b.builder.getI8Type());
    Value ones = ConstantOp::create(b.builder, b.loc, type, DenseElementsAttr::get(type, APInt(8, 1)));
    Value sums = convolve(ones);
    auto scalar = RankedTensorType::get({}, b.i32());
    Value count = ConstantOp::create(b.builder, b.loc, scalar, DenseElementsAttr::get(scalar, APInt(32, terms)));
    if (zero)
      sums = b.sub(sums, b.mul(zero, count));
    y = b.sub(y, b.mul(sums, perChannel(b, filter.zero, rank)));
  }
  return y;
}

/// What a product of bytes becomes, or why it stays as it is; both empty if it
/// is none.
struct Outcome {
  Value value;
  StringRef reason = "";
};

constexpr StringRef zeroVaries = "a zero point varies within a sum or a group";

/// matmul(cast(a) - za, cast(b) - zb) or matmul(dequantize(a), dequantize(b)).
/// A sum of integers is exact, so the latter comes closer to the truth than the
/// sum of rounded products that it replaces.
Outcome rewrite(ProductBuilder &b, MatmulOp op) {
  if (op.getType().getElementType().isSignlessInteger(32)) {
    std::optional<Quantized> left = findWidened(op.getA()), right = findWidened(op.getB());
    if (!left || !right)
      return {};
    Value y = makeMatmul(b, *left, *right);
    return {y, zeroVaries};
  }
  std::optional<Quantized> left = findDequantized(b, op.getA());
  std::optional<Quantized> right = left ? findDequantized(b, op.getB()) : std::nullopt;
  if (!left || !right)
    return {};
  int64_t terms = op.getA().getType().getShape().back();
  if (ShapedType::isDynamic(terms) || terms > maxTerms)
    return {{}, "the sum may leave the range of i32"};
  int64_t rankA = typeOf(left->bytes).getRank(), rankB = typeOf(right->bytes).getRank();
  if (!isUniform(left->scale, rankA, rankA - 1) || !isUniform(right->scale, rankB, rankB - 2))
    return {{}, "a scale varies within a sum"};
  Value y = makeMatmul(b, *left, *right);
  if (!y)
    return {{}, zeroVaries};
  return {b.mul(b.cast(y, b.builder.getF32Type()), b.mul(left->scale, right->scale))};
}

/// The same for conv.
Outcome rewrite(ProductBuilder &b, ConvOp op) {
  if (op.getType().getElementType().isSignlessInteger(32)) {
    std::optional<Quantized> x = findWidened(op.getX()), filter = findWidened(op.getFilter());
    if (!x || !filter)
      return {};
    return {makeConv(b, op, *x, *filter), zeroVaries};
  }
  std::optional<Quantized> x = findDequantized(b, op.getX());
  std::optional<Quantized> filter = x ? findDequantized(b, op.getFilter()) : std::nullopt;
  if (!x || !filter)
    return {};
  auto filterType = op.getFilter().getType();
  if (!filterType.hasStaticShape() || filterType.getNumElements() > maxTerms * filterType.getDimSize(0))
    return {{}, "the sum may leave the range of i32"};
  int64_t rank = op.getType().getRank();
  if (typeOf(x->scale).getNumElements() != 1 || !isPerOutput(filter->scale, rank))
    return {{}, "a scale varies within a sum"};
  Value y = makeConv(b, op, *x, *filter);
  if (!y)
    return {{}, zeroVaries};
  Value scale = b.mul(b.reshape(x->scale, {}), perChannel(b, filter->scale, rank));
  return {b.mul(b.cast(y, b.builder.getF32Type()), scale)};
}

struct FormIntegerProductsPass final : impl::FormIntegerProductsPassBase<FormIntegerProductsPass> {
  void runOnOperation() override {
    ShapeSolver solver(getOperation());
    SmallVector<Operation *> products;
    getOperation().walk([&](Operation *op) {
      if (isa<MatmulOp, ConvOp>(op))
        products.push_back(op);
    });
    for (Operation *op : products) {
      OpBuilder builder(op);
      ProductBuilder b(builder, solver, op->getLoc());
      Outcome outcome = isa<MatmulOp>(op) ? rewrite(b, cast<MatmulOp>(op)) : rewrite(b, cast<ConvOp>(op));
      if (outcome.value) {
        op->getResult(0).replaceAllUsesWith(outcome.value);
        op->erase();
        ++numFormed;
      } else if (!outcome.reason.empty()) {
        op->emitRemark("a product of quantized tensors is computed in ")
            << cast<RankedTensorType>(op->getResult(0).getType()).getElementType()
            << ", not in bytes: " << outcome.reason << " [quantized-product]";
      }
    }
    solver.commit();
  }
};

} // namespace
} // namespace lathe::graph
