// lib/Transforms/Graph/FormAttention.cpp: finds attention in what exporters wrote out.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/Attention.h"
#include "lathe/Transforms/Graph/Passes.h"
#include "mlir/IR/DialectResourceBlobManager.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace lathe::graph {
#define GEN_PASS_DEF_FORMATTENTIONPASS
#include "lathe/Transforms/Graph/Passes.h.inc"

namespace {

/// What a finite score of common size is lost in when it is added: with f32, the sum is this number itself.
constexpr double mostHidden = -1e30;

/// Adds on the way to a product that are looked at, so that long chains of them cost no more.
constexpr unsigned mostSteps = 16;

/// The element of a constant that has one, as a number.
std::optional<double> numberOf(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  if (!constant || !isa<FloatType>(constant.getType().getElementType()))
    return std::nullopt;
  auto elements = dyn_cast<DenseElementsAttr>(constant.getValue());
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(constant.getValue());
      resource && constant.getType().getNumElements() == 1) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    bool isSplat = false;
    if (blob && DenseElementsAttr::isValidRawBuffer(constant.getType(), blob->getData(), isSplat))
      elements = DenseElementsAttr::getFromRawBuffer(constant.getType(), blob->getData());
  }
  if (!elements || !elements.isSplat())
    return std::nullopt;
  return elements.getSplatValue<APFloat>().convertToDouble();
}

/// A number that all elements of `value`, which broadcasts to `other`, have.
std::optional<double> numberFor(Value value, Value other) {
  std::optional<double> number = numberOf(value);
  return number && typeOf(value).getRank() <= typeOf(other).getRank() ? number : std::nullopt;
}

/// Scores and weights of these types may be f32 on the way: what f64 has is more, and bytes are rounded on purpose.
bool isNearF32(Value value) {
  Type element = typeOf(value).getElementType();
  return element.isF32() || element.isF16() || element.isBF16();
}

/// The result of `op`, an elementwise op, has the shape of `x`: nothing stretches it.
bool keepsShape(Operation *op, Value x) {
  auto type = typeOf(op->getResult(0));
  return type.getShape() == typeOf(x).getShape() && type.getEncoding() == typeOf(x).getEncoding();
}

/// The value and the number of a product with, or a quotient by, a number.
std::optional<std::pair<Value, double>> findScaled(Operation *op) {
  if (auto mul = dyn_cast_or_null<MulOp>(op)) {
    for (auto [x, factor] : {std::pair<Value, Value>(mul.getA(), mul.getB()), {mul.getB(), mul.getA()}})
      if (std::optional<double> number = numberFor(factor, x); number && keepsShape(op, x))
        return {{x, *number}};
  }
  if (auto div = dyn_cast_or_null<DivOp>(op))
    if (std::optional<double> number = numberFor(div.getB(), div.getA());
        number && *number != 0 && keepsShape(op, div.getA()))
      return {{div.getA(), 1 / *number}};
  return std::nullopt;
}

/// One operand of the products, seen through scales and permutations.
struct Factor {
  Value value;
  SmallVector<int64_t> order; ///< Dim i of the operand is dim `order[i]` of `value`.
  double scale = 1;
};

Factor seeThrough(Value value, bool takesScales) {
  Factor factor{value, llvm::to_vector(llvm::seq<int64_t>(0, typeOf(value).getRank()))};
  while (Operation *op = factor.value.getDefiningOp()) {
    if (auto transpose = dyn_cast<TransposeOp>(op)) {
      for (int64_t &dim : factor.order)
        dim = transpose.getPermutation()[dim];
      factor.value = transpose.getX();
    } else if (auto scaled = takesScales ? findScaled(op) : std::nullopt) {
      factor.value = scaled->first;
      factor.scale *= scaled->second;
    } else {
      break;
    }
  }
  return factor;
}

/// The heads of [batch, heads, length, size] that `factor` repeats, each for several heads of queries, as exporters
/// write it: a dim of one more, which is broadcast and becomes part of the next.
void seeThroughCopies(Factor &factor, ShapeSolver &solver) {
  auto merge = factor.value.getDefiningOp<ReshapeOp>();
  auto broadcast = merge ? merge.getX().getDefiningOp<BroadcastOp>() : BroadcastOp();
  auto split = broadcast ? broadcast.getX().getDefiningOp<ReshapeOp>() : ReshapeOp();
  if (!split || factor.order.size() != 4 || factor.order[1] != 1)
    return;
  Dims all = solver.dims(factor.value), copies = solver.dims(broadcast.getY()), one = solver.dims(broadcast.getX()),
       own = solver.dims(split.getX());
  if (own.size() != 4 || copies.size() != 5 || one.size() != 5)
    return;
  Dims expected = own;
  expected.insert(expected.begin() + 2, solver.constant(1));
  bool isOne = one == expected;
  expected[2] = copies[2];
  bool isCopied = copies == expected && all[0] == own[0] && all[2] == own[2] && all[3] == own[3];
  if (isOne && isCopied && isa<AffineConstantExpr>(own[1]) && isa<AffineConstantExpr>(all[1]))
    factor.value = split.getX();
}

/// Operands as the op has them: in one of its two layouts, of rank 4, of which the first dim is the batch.
class OperandMaker {
public:
  OperandMaker(OpBuilder &builder, Location loc, ShapeSolver &solver, int64_t rank)
      : b(builder), loc(loc), solver(solver), rank(rank) {}

  /// Null after an error.
  Value take(const Factor &factor, SmallVectorImpl<bool> &inside) {
    Value value = factor.value;
    bool isInside = rank == 4 && ArrayRef(factor.order) == ArrayRef<int64_t>{0, 2, 1, 3};
    inside.push_back(isInside);
    bool isInOrder = llvm::equal(factor.order, llvm::seq<int64_t>(0, rank));
    if (!isInside && !isInOrder) {
      auto transposed =
          solver.create<TransposeOp>(b, loc, typeOf(value).getElementType(), value, ArrayRef<int64_t>(factor.order));
      if (failed(transposed))
        return {};
      value = transposed->getY();
    }
    return raise(value);
  }

  /// `value`, which broadcasts to the scores or is an operand, with rank 4.
  Value raise(Value value) {
    Dims dims = solver.dims(value);
    while (static_cast<int64_t>(dims.size()) < rank)
      dims.insert(dims.begin(), solver.constant(1));
    if (rank == 3)
      dims.insert(dims.begin() + 1, solver.constant(1));
    if (dims.size() == solver.dims(value).size())
      return value;
    return ReshapeOp::create(b, loc, solver.type(dims, typeOf(value).getElementType()), value, Value());
  }

private:
  OpBuilder &b;
  Location loc;
  ShapeSolver &solver;
  int64_t rank;
};

/// The transpose that alone reads `y`, [batch, heads, length, size], and gives [batch, length, heads, size].
TransposeOp findMove(Value y) {
  auto moved = y.hasOneUse() ? dyn_cast<TransposeOp>(*y.getUsers().begin()) : TransposeOp();
  return moved && moved.getPermutation() == ArrayRef<int64_t>{0, 2, 1, 3} ? moved : TransposeOp();
}

/// What lies between the products.
struct Scores {
  /// What is true where a key is seen or, with `isInverted`, where it is hidden.
  struct Mask {
    Value value;
    bool isInverted;
  };
  MatmulOp product;
  double scale = 1, softcap = 0, hidden = 0;
  SmallVector<Value> biases;
  SmallVector<Mask> masks;
  /// Hides by a number that a bias is added to, and comes after all other masks and biases.
  std::optional<std::pair<Mask, double>> added;
};

/// Follows scores from the softmax back to the product of queries and keys.
class ScoreFinder {
public:
  std::optional<Scores> find(Value value) {
    while (true) {
      Operation *op = value.getDefiningOp();
      if (!op || !value.hasOneUse())
        return std::nullopt;
      if (auto product = dyn_cast<MatmulOp>(op)) {
        found.product = product;
        return found;
      }
      Value next = step(op);
      if (!next)
        return std::nullopt;
      value = next;
    }
  }

private:
  Scores found;
  bool isScaled = false; ///< What is found now comes before a scale.

  /// The scores that `op` makes scores of; null if it does something else.
  Value step(Operation *op) {
    if (auto cast = dyn_cast<CastOp>(op))
      return isNearF32(cast.getX()) && isNearF32(cast.getY()) ? Value(cast.getX()) : Value();
    if (Value capped = findCap(op))
      return capped;
    if (auto scaled = findScaled(op)) {
      isScaled = true;
      found.scale *= scaled->second;
      return scaled->first;
    }
    if (isScaled || found.softcap > 0 || found.added)
      return {};
    if (auto add = dyn_cast<AddOp>(op))
      return takeBias(op, add.getA(), add.getB());
    if (auto select = dyn_cast<SelectOp>(op))
      return takeMask(select);
    return {};
  }

  /// cap * tanh(scores / cap)
  Value findCap(Operation *op) {
    auto outer = findScaled(op);
    auto tanh = outer ? outer->first.getDefiningOp<TanhOp>() : TanhOp();
    auto inner = tanh && tanh->hasOneUse() ? findScaled(tanh.getX().getDefiningOp()) : std::nullopt;
    if (!inner || isScaled || found.softcap > 0 || !(outer->second > 0) ||
        std::abs(outer->second * inner->second - 1) > 1e-6 || !tanh.getX().hasOneUse())
      return {};
    found.softcap = outer->second;
    return inner->first;
  }

  /// Whether `value` follows from a product by no more than `steps` steps that this class knows.
  static bool leadsToProduct(Value value, unsigned &steps) {
    while (steps > 0) {
      --steps;
      Operation *op = value.getDefiningOp();
      if (!op || !value.hasOneUse())
        return false;
      if (isa<MatmulOp>(op))
        return true;
      if (isa<CastOp, TanhOp>(op))
        value = op->getOperand(0);
      else if (auto scaled = findScaled(op))
        value = scaled->first;
      else if (isa<AddOp>(op) && leadsToProduct(op->getOperand(0), steps))
        return true;
      else if (isa<AddOp>(op))
        value = op->getOperand(1);
      else if (auto select = dyn_cast<SelectOp>(op))
        value = numberOf(select.getA()) ? select.getB() : select.getA();
      else
        return false;
    }
    return false;
  }

  Value takeBias(Operation *op, Value a, Value b) {
    for (auto [scores, bias] : {std::pair<Value, Value>(a, b), {b, a}}) {
      unsigned steps = mostSteps;
      if (leadsToProduct(scores, steps) && keepsShape(op, scores)) {
        found.biases.push_back(bias);
        return scores;
      }
    }
    return {};
  }

  Value takeMask(SelectOp op) {
    std::optional<double> hidden = numberOf(op.getB());
    bool isInverted = !hidden;
    Value scores = isInverted ? op.getB() : op.getA();
    if (isInverted)
      hidden = numberOf(op.getA());
    // All masks hide by one number.
    if (!hidden || !keepsShape(op, scores) || (!found.masks.empty() && *hidden != found.hidden))
      return {};
    // A bias is added before scores are hidden, which is the same where it cannot bring them back.
    if (!found.biases.empty() && !(*hidden == -std::numeric_limits<double>::infinity())) {
      if (!found.masks.empty() || *hidden > mostHidden)
        return {};
      found.added = {{op.getC(), isInverted}, *hidden};
      return scores;
    }
    found.hidden = *hidden;
    found.masks.push_back({op.getC(), isInverted});
    return scores;
  }
};

/// Makes the op for one softmax.
class Former {
public:
  Former(SoftmaxOp softmax, ShapeSolver &solver) : softmax(softmax), solver(solver), b(softmax) {}

  /// Whether there was attention to form; failure after an error.
  FailureOr<bool> form() {
    rank = softmax.getType().getRank();
    if (softmax.getLog() || static_cast<int64_t>(softmax.getAxis()) != rank - 1 || (rank != 3 && rank != 4))
      return false;
    std::optional<Scores> scores = ScoreFinder().find(softmax.getX());
    if (!scores || !findLast() || !findOperands(*scores))
      return false;
    b.setInsertionPoint(last);
    return build(*scores);
  }

private:
  /// The product of weights and values.
  bool findLast() {
    Value weights = softmax.getY();
    if (Value kept = findKept(weights)) {
      weights = kept;
      zeroRows = true;
    }
    while (weights.hasOneUse()) {
      Operation *user = *weights.getUsers().begin();
      if (auto cast = dyn_cast<CastOp>(user); cast && isNearF32(cast.getX()) && isNearF32(cast.getY())) {
        weights = cast.getY();
        continue;
      }
      last = dyn_cast<MatmulOp>(user);
      return last && last.getA() == weights && last.getB() != weights;
    }
    return false;
  }

  /// Weights with zeros in the place of what is not a number, as of a query that sees no key; null if that is not
  /// what uses them.
  static Value findKept(Value weights) {
    SmallVector<Operation *> users(weights.getUsers());
    for (Operation *user : users) {
      auto select = dyn_cast<SelectOp>(user);
      auto test = select ? select.getC().getDefiningOp<IsNanOp>() : IsNanOp();
      if (test && users.size() == 2 && llvm::is_contained(users, test) && test->hasOneUse() &&
          select.getB() == weights && numberOf(select.getA()) == 0.0 && keepsShape(select, weights))
        return select.getY();
    }
    return {};
  }

  bool findOperands(const Scores &scores) {
    MatmulOp first = scores.product;
    q = seeThrough(first.getA(), /*takesScales=*/true);
    k = seeThrough(first.getB(), /*takesScales=*/true);
    v = seeThrough(last.getB(), /*takesScales=*/false);
    Type element = typeOf(first.getA()).getElementType();
    if (!isNearF32(first.getA()))
      return false;
    for (Value value :
         SmallVector<Value>{first.getA(), first.getB(), last.getB(), last.getY(), q.value, k.value, v.value})
      if (typeOf(value).getRank() != rank || typeOf(value).getElementType() != element)
        return false;
    Factor keys = k, values4 = v;
    seeThroughCopies(keys, solver);
    seeThroughCopies(values4, solver);
    if (rank == 4 && solver.dims(keys.value)[keys.order[1]] == solver.dims(values4.value)[values4.order[1]]) {
      k = keys;
      v = values4;
    }
    // The products broadcast nothing.
    Dims a = solver.dims(first.getA()), right = solver.dims(first.getB()), values = solver.dims(last.getB());
    for (int64_t dim = 0; dim + 2 < rank; ++dim)
      if (a[dim] != right[dim] || a[dim] != values[dim])
        return false;
    if (typeOf(softmax.getX()).getShape() != typeOf(first.getY()).getShape())
      return false;
    return isa<AffineConstantExpr>(a.back()) && isa<AffineConstantExpr>(values.back());
  }

  FailureOr<bool> build(Scores &scores) {
    SmallVector<bool> inside;
    // Keys come as [batch, heads, size, length].
    std::swap(k.order[rank - 2], k.order[rank - 1]);
    OperandMaker operands(b, last.getLoc(), solver, rank);
    Value queries = operands.take(q, inside), keys = operands.take(k, inside), values = operands.take(v, inside);
    if (!queries || !keys || !values)
      return failure();
    SmallVector<Value> seen;
    for (const Scores::Mask &mask : scores.masks)
      seen.push_back(seenOf(mask));
    if (scores.added)
      scores.biases.push_back(toBias(scores.added->first, scores.added->second));
    if (llvm::is_contained(seen, Value()) || llvm::is_contained(scores.biases, Value()) || failed(widen(scores.biases)))
      return failure();
    FailureOr<Value> bias = join(scores.biases), mask = join(seen);
    if (failed(bias) || failed(mask))
      return failure();
    *bias = *bias ? operands.raise(*bias) : *bias;
    *mask = *mask ? operands.raise(*mask) : *mask;
    TransposeOp moved = rank == 4 ? findMove(last.getY()) : TransposeOp();
    inside.push_back(bool(moved));
    llvm::APFloat scale(scores.scale * q.scale * k.scale), softcap(scores.softcap),
        hidden(scores.masks.empty() ? -std::numeric_limits<double>::infinity() : scores.hidden);
    auto made = solver.create<AttentionOp>(
        b, FusedLoc::get(b.getContext(), {scores.product.getLoc(), softmax.getLoc(), last.getLoc()}),
        typeOf(last.getY()).getElementType(), queries, keys, values, *bias, *mask, inside, scale, softcap, hidden,
        DimsAttr(), zeroRows);
    if (failed(made))
      return failure();
    Value y = made->getY();
    if (rank == 3)
      y = ReshapeOp::create(b, last.getLoc(), last.getType(), y, Value());
    Operation *replaced = moved ? moved.getOperation() : last.getOperation();
    replaced->getResult(0).replaceAllUsesWith(y);
    return true;
  }

  /// What is true where a key is seen; null after an error.
  Value seenOf(const Scores::Mask &mask) {
    if (!mask.isInverted)
      return mask.value;
    auto made = solver.create<NotOp>(b, last.getLoc(), b.getI1Type(), mask.value);
    return failed(made) ? Value() : Value(made->getY());
  }

  /// `mask` as what is added to scores: `hidden` where it hides. Null after an error.
  Value toBias(const Scores::Mask &mask, double hidden) {
    auto type = RankedTensorType::get({}, b.getF32Type());
    auto scalar = [&](double value) -> Value {
      return ConstantOp::create(b, last.getLoc(), type,
                                DenseElementsAttr::get(type, b.getF32FloatAttr(static_cast<float>(value))));
    };
    Value seen = scalar(0), unseen = scalar(hidden);
    if (mask.isInverted)
      std::swap(seen, unseen);
    auto made = solver.create<SelectOp>(b, last.getLoc(), b.getF32Type(), mask.value, seen, unseen);
    return failed(made) ? Value() : Value(made->getY());
  }

  /// Biases that are to be summed up get one type, as scores had it where they were added, or a wider one.
  LogicalResult widen(MutableArrayRef<Value> biases) {
    if (biases.size() < 2)
      return success();
    for (Value &bias : biases) {
      if (typeOf(bias).getElementType().isF32())
        continue;
      auto made = solver.create<CastOp>(b, last.getLoc(), b.getF32Type(), bias);
      if (failed(made))
        return failure();
      bias = made->getY();
    }
    return success();
  }

  /// All biases as their sum, or all masks as their conjunction; null for none.
  FailureOr<Value> join(ArrayRef<Value> values) {
    Value all;
    for (Value value : values) {
      FailureOr<Value> both = all ? join(all, value) : FailureOr<Value>(value);
      if (failed(both))
        return failure();
      all = *both;
    }
    return all;
  }
  FailureOr<Value> join(Value a, Value c) {
    Type element = typeOf(a).getElementType();
    if (element.isInteger(1)) {
      auto made = solver.create<AndOp>(b, last.getLoc(), element, a, c);
      return failed(made) ? FailureOr<Value>() : FailureOr<Value>(made->getY());
    }
    auto made = solver.create<AddOp>(b, last.getLoc(), element, a, c);
    return failed(made) ? FailureOr<Value>() : FailureOr<Value>(made->getY());
  }

  SoftmaxOp softmax;
  ShapeSolver &solver;
  OpBuilder b;
  int64_t rank = 0;
  MatmulOp last;
  bool zeroRows = false;
  Factor q, k, v;
};

/// Lets `op` read and write what transposes around it would move.
LogicalResult takeTransposes(AttentionOp op, ShapeSolver &solver) {
  OpBuilder b(op);
  OperandMaker operands(b, op.getLoc(), solver, 4);
  SmallVector<bool> inside;
  for (OpOperand &operand : op->getOpOperands().take_front(3)) {
    Factor factor = seeThrough(operand.get(), /*takesScales=*/false);
    if (op.getHeadsInside()[operand.getOperandNumber()])
      std::swap(factor.order[1], factor.order[2]);
    Value value = operands.take(factor, inside);
    if (!value)
      return failure();
    operand.set(value);
  }
  TransposeOp moved = findMove(op.getY());
  inside.push_back(op.getHeadsInside()[3] != bool(moved));
  if (moved) {
    op.getY().setType(moved.getY().getType());
    moved.getY().replaceAllUsesWith(op.getY());
    moved.erase();
  }
  op.setHeadsInside(inside);
  return success();
}

struct FormAttentionPass final : impl::FormAttentionPassBase<FormAttentionPass> {
  void runOnOperation() override {
    SmallVector<SoftmaxOp> ops;
    SmallVector<AttentionOp> known;
    getOperation().walk([&](SoftmaxOp op) { ops.push_back(op); });
    getOperation().walk([&](AttentionOp op) { known.push_back(op); });
    if (ops.empty() && known.empty())
      return;
    ShapeSolver solver(getOperation());
    for (AttentionOp op : known)
      if (failed(takeTransposes(op, solver)))
        return signalPassFailure();
    for (SoftmaxOp op : ops) {
      FailureOr<bool> formed = Former(op, solver).form();
      if (failed(formed))
        return signalPassFailure();
      numFormed += *formed;
    }
    solver.commit();
  }
};

} // namespace
} // namespace lathe::graph
