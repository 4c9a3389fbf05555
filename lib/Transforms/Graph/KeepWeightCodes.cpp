// lib/Transforms/Graph/KeepWeightCodes.cpp: quantized weights stay in their few bits where a product alone reads them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "FindConstants.h"
#include "dialects/Kernel/Accuracy.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;

namespace lathe::graph {
#define GEN_PASS_DEF_KEEPWEIGHTCODESPASS
#include "lathe/Transforms/Graph/Passes.h.inc"

namespace {

/// Smaller matrices are in the cache whatever they take.
constexpr int64_t leastElements = 4096;
/// Fewer codes that share a scale would take more operations to decode than to multiply.
constexpr int64_t leastOfBlock = 8;
/// Products of more rows are computed faster in bf16; those of fewer wait for memory, of which codes take less.
constexpr int64_t mostRowsInBF16 = 4;

/// The one element of a constant, however it is shaped; null for other values.
Attribute elementOf(Value value) {
  while (auto reshape = value.getDefiningOp<ReshapeOp>())
    value = reshape.getX();
  auto constant = value.getDefiningOp<ConstantOp>();
  if (!constant || constant.getType().getNumElements() != 1)
    return {};
  auto elements = dyn_cast<DenseElementsAttr>(constant.getValue());
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(constant.getValue())) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    bool isSplat;
    if (blob && DenseElementsAttr::isValidRawBuffer(constant.getType(), blob->getData(), isSplat))
      elements = DenseElementsAttr::getFromRawBuffer(constant.getType(), blob->getData());
  }
  return elements ? *elements.value_begin<Attribute>() : Attribute();
}

/// The matrix [k, n] that a product reads, as `graph.dequantize` gives it.
struct Weights {
  DequantizeOp op;
  int64_t k, n;
  int64_t blocks = 1; ///< Of a column, each with a scale and a zero.
  bool isByRow;       ///< `op` gives [n, k] or [n, blocks, k / blocks], else [k, n] or [blocks, k / blocks, n].

  bool hasBlockDim() const { return typeOf(op->getResult(0)).getRank() == 3; }
  /// The shape of what `blocks` blocks share, in the order of `op`.
  SmallVector<int64_t> sharedShape() const {
    return isByRow ? SmallVector<int64_t>{n, blocks, 1} : SmallVector<int64_t>{blocks, 1, n};
  }
};

/// The dequantization behind `b`, past what only arranges its result.
std::optional<Weights> findWeights(Value b) {
  RankedTensorType type = typeOf(b);
  if (type.getRank() != 2 || !type.hasStaticShape())
    return std::nullopt;
  Weights weights{nullptr, type.getDimSize(0), type.getDimSize(1), 1, false};
  if (auto transpose = b.getDefiningOp<TransposeOp>()) {
    weights.isByRow = true;
    b = transpose.getX();
  }
  while (auto reshape = b.getDefiningOp<ReshapeOp>())
    b = reshape.getX();
  weights.op = b.getDefiningOp<DequantizeOp>();
  if (!weights.op || !typeOf(weights.op.getX()).getElementType().isInteger(8) ||
      typeOf(weights.op.getX()).getShape() != weights.op.getType().getShape() ||
      !llvm::all_of(weights.op->getOperands(), [](Value value) { return typeOf(value).hasStaticShape(); }))
    return std::nullopt;
  ArrayRef<int64_t> shape = weights.op.getType().getShape();
  if (shape.size() == 3)
    weights.blocks = shape[weights.isByRow ? 1 : 0];
  if (shape.size() != 2 && shape.size() != 3)
    return std::nullopt;
  int64_t outer = weights.isByRow ? weights.n : weights.k, inner = weights.isByRow ? weights.k : weights.n;
  bool fits = weights.isByRow || shape.size() == 2 ? shape.front() == outer : shape.front() * shape[1] == outer;
  fits = fits && (weights.isByRow && shape.size() == 3 ? shape[1] * shape[2] == inner : shape.back() == inner);
  return fits ? std::optional(weights) : std::nullopt;
}

/// The tensor that `parameter`, of the shape of the weights, repeats for each code of a block; the size of a block
/// is not said by it.
Value findRepeated(Value parameter) {
  auto reshape = parameter.getDefiningOp<ReshapeOp>();
  auto broadcast = reshape ? reshape.getX().getDefiningOp<BroadcastOp>() : BroadcastOp();
  return broadcast && typeOf(broadcast.getY()).getRank() == 3 ? broadcast.getX() : Value();
}

/// Whether `codes` are arranged numbers of 4 bits at most. A cast may have changed their sign.
bool haveFewBits(Value codes) {
  Operation *op = codes.getDefiningOp();
  while (isa_and_nonnull<ReshapeOp, TransposeOp, BroadcastOp>(op))
    op = op->getOperand(0).getDefiningOp();
  auto unpack = dyn_cast_or_null<UnpackOp>(op);
  return unpack && unpack.getBits() <= 4;
}

bool isSigned(Value codes) { return !typeOf(codes).getElementType().isUnsignedInteger(); }

/// The bits of a code, 4 or 8, where those of the zero point stay numbers of a byte when the sign goes.
int64_t bitsOf(DequantizeOp op) {
  Value zero = op.getZero();
  bool zeroFits = !zero || !isSigned(zero) || haveFewBits(zero);
  if (auto known = zeroFits ? IntegerAttr() : dyn_cast_or_null<IntegerAttr>(elementOf(zero)))
    zeroFits = known.getValue().sge(-8);
  return haveFewBits(op.getX()) && zeroFits ? 4 : 8;
}

/// Whether bytes are behind the floats of `b`, which are constant.
bool areMadeOfBytes(Value b) {
  SmallVector<Value> work = {b};
  DenseSet<Operation *> seen;
  while (!work.empty()) {
    Operation *op = work.pop_back_val().getDefiningOp();
    if (!op || !seen.insert(op).second)
      continue;
    if (isa<DequantizeOp, CastOp>(op)) {
      RankedTensorType type = typeOf(op->getOperand(0));
      if (type.getElementType().isInteger(8) && type.hasStaticShape() && type.getNumElements() >= leastElements)
        return true;
    }
    llvm::append_range(work, op->getOperands());
  }
  return false;
}

/// Builds the one form of weights in codes.
class CodeBuilder {
public:
  CodeBuilder(MatmulOp product, Weights weights)
      : b(product), loc(product.getLoc()), weights(weights), bits(bitsOf(weights.op)) {}

  /// The operand of the product; null if a parameter is of a form that blocks do not have.
  Value build() {
    Value scale = weights.op.getScale(), zero = weights.op.getZero();
    if (Value repeated = findRepeated(scale)) {
      ArrayRef<int64_t> shape = typeOf(repeated).getShape();
      weights.blocks = shape.size() == 3 ? shape[weights.isByRow ? 1 : 0] : 0;
      scale = repeated;
      if (zero && typeOf(zero).getNumElements() != 1)
        zero = findRepeated(zero);
      if (!zero && weights.op.getZero())
        return {};
    }
    if (weights.blocks < 1 || weights.k % weights.blocks || weights.k / weights.blocks < leastOfBlock ||
        weights.k / weights.blocks % (8 / bits))
      return {};
    scale = shared(scale, b.getF32Type());
    zero = zero ? sharedZero(zero) : splat(b.getIntegerAttr(byte(), offset()));
    if (!scale || !zero)
      return {};
    int64_t block = weights.k / weights.blocks;
    Value codes = reshape(byColumn(withoutSign(weights.op.getX()), weights.k), {weights.n, weights.blocks, block});
    auto type = RankedTensorType::get({weights.n, weights.blocks, block}, b.getF32Type());
    Value values = DequantizeOp::create(b, loc, type, codes, scale, zero, b.getI64IntegerAttr(bits));
    return transpose(reshape(values, {weights.n, weights.k}));
  }

private:
  Type byte() { return b.getIntegerType(8, /*isSigned=*/false); }
  /// What is added to codes with a sign, so that the least is 0.
  int64_t offset() { return isSigned(weights.op.getX()) ? int64_t(1) << (bits - 1) : 0; }

  Value reshape(Value x, ArrayRef<int64_t> shape) {
    return ReshapeOp::create(b, loc, RankedTensorType::get(shape, typeOf(x).getElementType()), x, Value());
  }
  Value transpose(Value x) {
    RankedTensorType type = typeOf(x);
    auto turned = RankedTensorType::get({type.getDimSize(1), type.getDimSize(0)}, type.getElementType());
    return TransposeOp::create(b, loc, turned, x, ArrayRef<int64_t>{1, 0});
  }
  /// `x`, in the order of the weights with `rows` elements of a column, as [n, rows].
  Value byColumn(Value x, int64_t rows) {
    return weights.isByRow ? reshape(x, {weights.n, rows}) : transpose(reshape(x, {rows, weights.n}));
  }

  Value withoutSign(Value x) {
    if (!isSigned(x))
      return x;
    auto type = cast<RankedTensorType>(typeOf(x).clone(byte()));
    auto one = RankedTensorType::get({}, byte());
    Value top = ConstantOp::create(b, loc, one, DenseElementsAttr::get(one, APInt(8, offset())));
    return AddOp::create(b, loc, type, BitcastOp::create(b, loc, type, x), top);
  }

  /// One element for all blocks: a tensor whose elements are not written out until it is packed.
  Value splat(TypedAttr element) {
    auto type = RankedTensorType::get({weights.n, weights.blocks, 1}, element.getType());
    return ConstantOp::create(b, loc, type, SplatElementsAttr::get(type, Attribute(element)));
  }

  /// The one element of `x` for all blocks, where it is computed.
  Value repeat(Value x) {
    auto type = RankedTensorType::get({weights.n, weights.blocks, 1}, typeOf(x).getElementType());
    return BroadcastOp::create(b, loc, type, reshape(x, {1, 1, 1}), Value(), /*exact=*/true);
  }

  /// A parameter that blocks share, as [n, blocks, 1] of `element`, or null.
  Value shared(Value parameter, Type element) {
    RankedTensorType type = typeOf(parameter);
    if (auto value = dyn_cast_or_null<FloatAttr>(elementOf(parameter))) {
      APFloat number = value.getValue();
      bool losesInfo;
      number.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven, &losesInfo);
      return splat(b.getFloatAttr(element, number));
    }
    bool isOne = type.getNumElements() == 1;
    if (!isOne && !hasSharedShape(type))
      return {};
    if (type.getElementType() != element)
      parameter = CastOp::create(b, loc, type.clone(element), parameter);
    return isOne ? repeat(parameter) : reshape(byColumn(parameter, weights.blocks), {weights.n, weights.blocks, 1});
  }

  Value sharedZero(Value zero) {
    if (auto value = dyn_cast_or_null<IntegerAttr>(elementOf(zero)))
      return splat(b.getIntegerAttr(byte(), (value.getValue() + offset()).getZExtValue()));
    if (typeOf(zero).getNumElements() == 1)
      return repeat(withoutSign(zero));
    return hasSharedShape(typeOf(zero))
               ? reshape(byColumn(withoutSign(zero), weights.blocks), {weights.n, weights.blocks, 1})
               : Value();
  }

  /// Whether a parameter of `type`, which broadcasts to the weights, is one for each block of each column.
  bool hasSharedShape(RankedTensorType type) const {
    SmallVector<int64_t> expected = weights.sharedShape();
    if (weights.blocks == 1 && !weights.hasBlockDim())
      expected.erase(expected.begin() + (weights.isByRow ? 1 : 0));
    SmallVector<int64_t> shape(expected.size() - std::min<size_t>(type.getRank(), expected.size()), 1);
    llvm::append_range(shape, type.getShape());
    return shape == expected;
  }

  OpBuilder b;
  Location loc;
  Weights weights;
  int64_t bits;
};

struct KeepWeightCodesPass final : impl::KeepWeightCodesPassBase<KeepWeightCodesPass> {
  using KeepWeightCodesPassBase::KeepWeightCodesPassBase;

  void runOnOperation() override {
    isFastInBF16 = kernel::isMarked(getOperation(), kernel::bf16AttrName);
    DenseSet<Value> constants = findConstants(getOperation());
    SmallVector<MatmulOp> products;
    getOperation().walk([&](MatmulOp op) { products.push_back(op); });
    for (MatmulOp op : products)
      rewrite(op, constants);
  }

private:
  /// Whether the product multiplies bf16 faster than it decodes: it has many rows, or may have.
  bool isFasterWidened(MatmulOp op) const {
    RankedTensorType y = op.getType();
    return isFastInBF16 && (!y.hasStaticShape() || y.getNumElements() > mostRowsInBF16 * y.getShape().back());
  }

  void rewrite(MatmulOp op, const DenseSet<Value> &constants) {
    Type element = op.getType().getElementType();
    if ((!element.isF32() && !element.isF16()) || typeOf(op.getA()).getElementType() != element ||
        !constants.contains(op.getB()) || typeOf(op.getB()).getRank() != 2 || !typeOf(op.getB()).hasStaticShape() ||
        typeOf(op.getB()).getNumElements() < leastElements || isFasterWidened(op))
      return;
    std::optional<Weights> weights = findWeights(op.getB());
    Value codes = weights ? CodeBuilder(op, *weights).build() : Value();
    if (!codes) {
      if (areMadeOfBytes(op.getB()))
        op.emitRemark("the weights of a product are widened when it is compiled, to many times as many bytes: their "
                      "scales and integer zero points are not one for each column, or for each of equal blocks of at "
                      "least ")
            << leastOfBlock << " elements of it [weights-widened]";
      return;
    }
    multiply(op, codes);
    ++numKept;
  }

  /// The product of f32 with `codes`; one of f16 is rounded once.
  void multiply(MatmulOp op, Value codes) {
    OpBuilder b(op);
    Type f32 = b.getF32Type(), element = op.getType().getElementType();
    if (element == f32) {
      op.getBMutable().assign(codes);
      return;
    }
    Value a = CastOp::create(b, op.getLoc(), typeOf(op.getA()).clone(f32), op.getA());
    Value y = MatmulOp::create(b, op.getLoc(), op.getType().clone(f32), a, codes);
    op.replaceAllUsesWith(CastOp::create(b, op.getLoc(), op.getType(), y).getY());
    op.erase();
  }

  bool isFastInBF16 = false;
};

} // namespace
} // namespace lathe::graph
