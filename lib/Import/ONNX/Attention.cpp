// lib/Import/ONNX/Attention.cpp: scaled dot-product attention and rotary
// embeddings.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Compose.h"
#include "OpTable.h"
#include "Tensor.h"

#include "dialects/Graph/Attention.h"

#include <limits>

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::StringRef;
using llvm::Twine;
using mlir::AffineExpr;

/// [batch, length, columns] to [batch, length, heads, columns / heads], with as many heads as `attribute` says; null
/// after an error.
static Value splitColumns(Node &node, Value x, StringRef attribute) {
  int64_t heads = node.positiveCount(attribute);
  if (node.failed())
    return {};
  graph::ShapeSolver &solver = node.solver();
  Dims dims = node.dims(x);
  auto fixed = mlir::dyn_cast<mlir::AffineConstantExpr>(dims[2]);
  if (fixed && fixed.getValue() % heads != 0) {
    node.error("onnx-shape-mismatch",
               "'" + attribute + "' is " + Twine(heads) + ", but there are " + Twine(fixed.getValue()) + " columns")
        .note("the heads must divide the last dimension");
    return {};
  }
  AffineExpr size = solver.simplify(dims[2].floorDiv(heads));
  node.check({}, dims[2], size * heads, "the columns and as many equal heads as '" + attribute + "' says");
  return node.reshape(x, {dims[0], dims[1], solver.constant(heads), size});
}

namespace {

/// Attention-23 to -25. Where the node gives scores or weights, or rounds them on the way, it is written out, with all
/// masks as one tensor that is added to the scores: 0 where a query may see a key, minus infinity where it may not.
class Attention {
public:
  explicit Attention(Node &node)
      : node(node), element(node.element(node.input(0))), i64(node.builder().getI64Type()),
        i1(node.builder().getI1Type()) {}

  void import();

private:
  Node &node;
  Type element, i64, i1;
  Value q, k, v;
  /// Keys that come before those of this call.
  AffineExpr past;

  bool readHeads();
  Value splitHeads(Value x, StringRef attribute);
  void appendPast();
  Value repeatHeads(Value x);
  void shareDim(Value &a, Value &b, unsigned i, const char *what);
  Value pickHeads(Value x);
  Value makeBias();
  Value allowed(bool isCausal);
  Value padMask(Value mask);
  Value raise(Value mask);
  Value attend(double scale, double softcap);
  Value compose(double scale, double softcap, Type precision);
  Value vector(Value sizes);
  Value disallow(Value where);
  double negativeInfinity() const { return -std::numeric_limits<double>::infinity(); }
};

/// [batch, length, heads size] to [batch, heads, length, size].
Value Attention::splitHeads(Value x, StringRef attribute) {
  if (node.rank(x) == 4)
    return x;
  return node.transpose(splitColumns(node, x, attribute), {0, 2, 1, 3});
}

bool Attention::readHeads() {
  int64_t rank = node.rank(node.input(0));
  for (unsigned i = 0; i < 3; ++i)
    if (node.rank(node.input(i)) != rank || (rank != 3 && rank != 4)) {
      node.error("onnx-shape-mismatch", "'" + node.inputName(i) + "' has rank " + Twine(node.rank(node.input(i))) +
                                            ", but 'Q', 'K' and 'V' must all have rank 3 or all 4")
          .note("reshape to [batch, heads, length, size]");
      return false;
    }
  if (bool(node.input(4)) != bool(node.input(5))) {
    node.error("onnx-arity", "only one of 'past_key' and 'past_value' is given").note("give both or none");
    return false;
  }
  node.ignore({"q_num_heads", "kv_num_heads"}); // Of no use with rank 4.
  q = splitHeads(node.input(0), "q_num_heads");
  k = splitHeads(node.input(1), "kv_num_heads");
  v = node.cast(splitHeads(node.input(2), "kv_num_heads"), element);
  return !node.failed();
}

void Attention::appendPast() {
  past = node.solver().constant(0);
  if (!node.input(4))
    return;
  Value pastKey = node.input(4);
  Value pastValue = node.cast(node.input(5), element);
  if (node.rank(pastKey) != 4 || node.rank(pastValue) != 4) {
    node.error("onnx-shape-mismatch", "the past has rank " + Twine(node.rank(pastKey)) + ", but 4 is expected")
        .note("reshape to [batch, heads, length, size]");
    return;
  }
  past = node.dims(pastKey)[2];
  k = node.createAs<graph::ConcatOp>(element, mlir::ValueRange{pastKey, k}, int64_t(2));
  v = node.createAs<graph::ConcatOp>(element, mlir::ValueRange{pastValue, v}, int64_t(2));
}

/// Grouped queries: each head of `x` serves as many heads of `q`.
Value Attention::repeatHeads(Value x) {
  if (node.failed())
    return {};
  Dims dims = node.dims(x);
  AffineExpr wanted = node.dims(q)[1];
  if (dims[1] == wanted)
    return x;
  int64_t heads = node.staticDim(x, 1, "Attention");
  int64_t queries = node.staticDim(q, 1, "Attention");
  if (node.failed())
    return {};
  if (heads < 1 || queries % heads != 0) {
    node.error("onnx-shape-mismatch", "'Q' has " + Twine(queries) + " heads and 'K' or 'V' " + Twine(heads))
        .note("the heads of keys and values must divide those of queries");
    return {};
  }
  graph::ShapeSolver &solver = node.solver();
  AffineExpr groups = solver.constant(queries / heads);
  Value single = node.reshape(x, {dims[0], dims[1], solver.constant(1), dims[2], dims[3]});
  Value many = node.broadcast(single, {dims[0], dims[1], groups, dims[2], dims[3]});
  return node.reshape(many, {dims[0], wanted, dims[2], dims[3]});
}

/// Dimension `i` of `a` and `b` is the same: where only one of them says it, the other has it, too.
void Attention::shareDim(Value &a, Value &b, unsigned i, const char *what) {
  if (node.failed())
    return;
  if (auto size = mlir::dyn_cast<mlir::AffineConstantExpr>(node.dims(b)[i]))
    a = node.withDim(a, i, size.getValue(), what);
  else if (auto size = mlir::dyn_cast<mlir::AffineConstantExpr>(node.dims(a)[i]))
    b = node.withDim(b, i, size.getValue(), what);
  if (!node.failed())
    node.check({}, node.dims(a)[i], node.dims(b)[i], what);
}

/// Where it is open how many heads queries or `x` have, a head of `x` for each of the queries'.
Value Attention::pickHeads(Value x) {
  if (node.failed())
    return {};
  graph::ShapeSolver &solver = node.solver();
  AffineExpr queries = node.dims(q)[1], have = node.dims(x)[1];
  bool isKnown = mlir::isa<mlir::AffineConstantExpr>(queries) && mlir::isa<mlir::AffineConstantExpr>(have);
  if (isKnown || queries == have)
    return x;
  AffineExpr one = solver.constant(1);
  node.require(have, one, "keys and values must have heads");
  node.check({}, queries, solver.simplify(queries.floorDiv(solver.max(have, one)) * have),
             "the heads of queries and a multiple of those of keys and values");
  Value at = node.createTyped<graph::IotaOp>(solver.type({queries}, i64), int64_t(0));
  at = node.div(node.mul(at, node.size(have)), node.size(queries));
  return node.create<graph::GatherOp>(x, at, int64_t(1));
}

/// Sizes of the batch's samples, shaped to broadcast with scores.
Value Attention::vector(Value sizes) {
  AffineExpr one = node.solver().constant(1);
  return node.failed() ? Value() : node.reshape(sizes, {node.dims(sizes)[0], one, one, one});
}

/// Zero where `where` holds, minus infinity elsewhere.
Value Attention::disallow(Value where) {
  return node.createAs<graph::SelectOp>(element, where, node.scalar(element, 0),
                                        node.scalar(element, negativeInfinity()));
}

/// What causality, windows and padding allow; null where they do not apply.
Value Attention::allowed(bool causal) {
  int64_t left = -1, right = -1;
  if (node.version() >= 25) {
    left = node.integer("left_window_size");
    right = node.integer("right_window_size");
  }
  Value valid = node.input(6);
  if (valid && node.rank(valid) != 1) {
    node.error("onnx-shape-mismatch",
               "'nonpad_kv_seqlen' has rank " + Twine(node.rank(valid)) + ", but a vector is expected")
        .note("give one length for every sample of the batch");
    return {};
  }
  if (node.failed() || (!causal && left < 0 && right < 0 && !valid))
    return {};
  graph::ShapeSolver &solver = node.solver();
  AffineExpr one = solver.constant(1), queries = node.dims(q)[2];
  Value keys = node.createTyped<graph::IotaOp>(solver.type({one, node.dims(k)[2]}, i64), int64_t(1));
  Value result;
  auto require = [&](Value condition) { result = result ? node.create<graph::AndOp>(result, condition) : condition; };
  if (causal || left >= 0 || right >= 0) {
    Value at = node.createTyped<graph::IotaOp>(solver.type({queries, one}, i64), int64_t(0));
    // The position of a query among all keys.
    Value offset = valid && !node.input(4) ? node.sub(vector(valid), node.size(queries)) : node.size(past);
    at = node.add(at, offset);
    if (causal)
      require(node.createAs<graph::LessEqualOp>(i1, keys, at));
    if (left >= 0)
      require(node.createAs<graph::GreaterEqualOp>(i1, keys, node.sub(at, node.scalar(i64, left))));
    if (right >= 0)
      require(node.createAs<graph::LessEqualOp>(i1, keys, node.add(at, node.scalar(i64, right))));
  }
  if (valid)
    require(node.createAs<graph::LessOp>(i1, keys, vector(valid)));
  return result;
}

Value Attention::makeBias() {
  Value bias;
  if (Value condition = allowed(node.flag("is_causal")))
    bias = disallow(condition);
  Value mask = node.input(3);
  if (node.failed() || !mask)
    return bias;
  mask = padMask(node.element(mask) == i1 ? disallow(mask) : node.cast(mask, element));
  return bias ? node.add(bias, mask) : mask;
}

/// A mask that is too short disallows the rest.
Value Attention::padMask(Value mask) {
  if (node.failed() || node.rank(mask) == 0)
    return mask;
  int64_t rank = node.rank(mask);
  AffineExpr have = node.dims(mask)[rank - 1], want = node.dims(k)[2];
  auto missing = mlir::dyn_cast<mlir::AffineConstantExpr>(node.solver().simplify(want - have));
  if (missing && missing.getValue() > 0 && have != node.solver().constant(1)) {
    Dims amounts(2 * rank, node.solver().constant(0));
    amounts.back() = missing;
    mask = node.create<graph::PadOp>(mask, Value(), node.scalar(element, negativeInfinity()), graph::PadMode::constant,
                                     graph::DimsAttr::get(node.builder().getContext(), node.solver().map(amounts)));
  }
  return mask;
}

/// Dims of one in front, up to those of the scores.
Value Attention::raise(Value mask) {
  if (!mask || node.failed())
    return {};
  Dims dims = node.dims(mask);
  AffineExpr one = node.solver().constant(1);
  while (dims.size() < 4)
    dims.insert(dims.begin(), one);
  mask = node.reshape(mask, dims);
  // An open dim may turn out to be one, too.
  Dims scores = {node.dims(q)[0], node.dims(q)[1], node.dims(q)[2], node.dims(k)[2]}, stretched(4, one);
  for (unsigned i = 0; i < 4 && dims.size() == 4; ++i)
    if (!mlir::isa<mlir::AffineConstantExpr>(dims[i]) && dims[i] != scores[i])
      stretched[i] = scores[i];
  if (stretched == Dims(4, one))
    return mask;
  Value nothing = node.broadcast(node.scalar(node.element(mask), 0), stretched);
  return node.element(mask) == i1 ? node.create<graph::OrOp>(mask, nothing) : node.add(mask, nothing);
}

/// As one op, which a kernel computes without scores in memory.
Value Attention::attend(double scale, double softcap) {
  // Where lengths say how many keys a sample has, they say where its queries are, too.
  bool isCausal = node.flag("is_causal"), isFixed = !node.input(6) || node.input(4);
  Value seen = raise(allowed(isCausal && !isFixed)), bias, mask = node.input(3);
  graph::DimsAttr causal;
  if (isCausal && isFixed)
    causal = graph::DimsAttr::get(node.builder().getContext(), node.solver().map({past}));
  if (mask && node.element(mask) == i1 && node.rank(mask) > 0 && node.dims(mask).back() == node.dims(k)[2])
    seen = seen ? node.create<graph::AndOp>(seen, raise(mask)) : raise(mask);
  else if (mask)
    bias = raise(padMask(node.element(mask) == i1 ? disallow(mask) : node.cast(mask, element)));
  bool zeroRows = isCausal || seen || bias;
  return node.createAs<graph::AttentionOp>(element, q, k, v, bias, seen,
                                           llvm::ArrayRef<bool>{false, false, false, false}, llvm::APFloat(scale),
                                           llvm::APFloat(softcap), llvm::APFloat(negativeInfinity()), causal, zeroRows);
}

void Attention::import() {
  double softcap = node.number("softcap");
  node.ignore({"qk_matmul_output_mode"}); // Of no use without the output.
  Type precision = element;
  if (node.has("softmax_precision"))
    precision = toMLIRType(node.builder().getContext(), static_cast<int32_t>(node.integer("softmax_precision")));
  if (!precision || !mlir::isa<mlir::FloatType>(precision)) {
    node.unsupported("softmax_precision", Twine(node.integer("softmax_precision")),
                     "float16, bfloat16, float32 and float64 are");
    return;
  }
  double scale = node.number("scale");
  if (!readHeads())
    return;
  if (!node.has("scale")) {
    AffineExpr size = node.dims(q)[3];
    auto fixed = mlir::dyn_cast<mlir::AffineConstantExpr>(size);
    // Heads without elements have no products to scale.
    scale = fixed && fixed.getValue() != 0 ? 1 / std::sqrt(fixed.getValue()) : 1;
    if (!fixed) {
      Type wide = graph::getAccumulatorType(element);
      Value root = node.create<graph::SqrtOp>(node.cast(node.size(size), wide));
      q = node.cast(node.div(node.cast(q, wide), root), element);
    }
  }
  appendPast();
  if (node.failed())
    return;
  node.setOutput(1, k);
  node.setOutput(2, v);
  shareDim(k, v, 1, "the heads of keys and those of values");
  shareDim(q, k, 3, "the sizes of heads of queries and keys");
  k = pickHeads(k);
  v = pickHeads(v);
  bool isWhole = !node.wantsOutput(3) && (precision == element || precision == graph::getAccumulatorType(element));
  Value y = isWhole ? attend(scale, softcap) : compose(scale, softcap, precision);
  if (!node.failed() && node.rank(node.input(0)) == 3) {
    y = node.transpose(y, {0, 2, 1, 3});
    Dims dims = node.dims(y);
    y = node.failed() ? Value() : node.reshape(y, {dims[0], dims[1], node.solver().product({dims[2], dims[3]})});
  }
  node.setOutput(0, y);
}

/// In parts, of which the node gives one: scores or weights.
Value Attention::compose(double scale, double softcap, Type precision) {
  int64_t mode = node.integer("qk_matmul_output_mode");
  // Both factors are scaled, so that their product stays in range.
  Value root = node.scalar(element, std::sqrt(scale));
  Value keys = node.transpose(repeatHeads(k), {0, 1, 3, 2});
  Value scores = node.create<graph::MatmulOp>(node.mul(q, root), node.mul(keys, root));
  Value raw = scores;
  if (softcap > 0)
    scores = node.mul(node.create<graph::TanhOp>(node.div(scores, softcap)), softcap);
  Value capped = scores;
  Value bias = makeBias();
  if (bias)
    scores = node.add(scores, bias);
  Value weights = node.create<graph::SoftmaxOp>(node.cast(scores, precision), int64_t(3), /*log=*/false);
  weights = node.cast(weights, element);
  if (bias && node.rank(bias) > 0) {
    // A query that may see no key has weights of zero and not of 0 / 0.
    Value best = node.reduce(graph::ReduceKind::max, bias, {node.rank(bias) - 1}, /*keepDims=*/true);
    Value none = node.createAs<graph::EqualOp>(i1, best, node.scalar(element, negativeInfinity()));
    weights = node.createAs<graph::SelectOp>(element, none, node.scalar(element, 0), weights);
  }
  node.setOutput(3, mode == 0 ? raw : mode == 1 ? capped : mode == 2 ? scores : weights);
  return node.create<graph::MatmulOp>(weights, repeatHeads(v));
}

} // namespace

static void importAttention(Node &node) { Attention(node).import(); }

Value onnx_import::lastPart(Node &node, Value x, int64_t start, int64_t end, int64_t step) {
  graph::ShapeSolver &solver = node.solver();
  return node.slice(x, node.rank(x) - 1, solver.constant(start), solver.constant(llvm::divideCeil(end - start, step)),
                    step);
}

/// The pairs of `width` elements are even in number, and a head has them; after an error, false.
static bool checkRotation(Node &node, AffineExpr width, AffineExpr size) {
  graph::ShapeSolver &solver = node.solver();
  auto pairs = mlir::dyn_cast<mlir::AffineConstantExpr>(width), all = mlir::dyn_cast<mlir::AffineConstantExpr>(size);
  bool isBad =
      pairs && (pairs.getValue() < 2 || pairs.getValue() % 2 != 0 || (all && pairs.getValue() > all.getValue()));
  if (!node.failed() && isBad)
    node.error("onnx-shape-mismatch", "the rotation has " + Twine(pairs.getValue()) + " elements of a head of " +
                                          (all ? Twine(all.getValue()) : Twine("any size")))
        .note("'rotary_embedding_dim' must be even and at most the head's "
              "size");
  node.check({}, width, solver.simplify(width.floorDiv(2)) * 2, "the elements that are turned and those of all pairs");
  node.require(size, width, "a head must have the elements that are turned");
  return !node.failed();
}

Value onnx_import::makeRotation(Node &node, Value x, Value cosine, Value sine, AffineExpr width, bool interleaved) {
  if (node.failed())
    return {};
  graph::ShapeSolver &solver = node.solver();
  AffineExpr size = node.dims(x)[3], half = solver.simplify(width.floorDiv(2));
  if (!checkRotation(node, width, size))
    return {};
  cosine = node.unsqueeze(cosine, {2});
  sine = node.unsqueeze(sine, {2});

  AffineExpr zero = solver.constant(0), one = solver.constant(1);
  Value a = node.slice(x, 3, zero, half, interleaved ? 2 : 1);
  Value b = node.slice(x, 3, interleaved ? one : half, half, interleaved ? 2 : 1);
  Value real = node.sub(node.mul(a, cosine), node.mul(b, sine));
  Value imaginary = node.add(node.mul(a, sine), node.mul(b, cosine));
  auto join = [&](Value left, Value right) {
    return node.createAs<graph::ConcatOp>(node.element(x), mlir::ValueRange{left, right}, node.rank(left) - 1);
  };
  Value y;
  if (interleaved) {
    y = join(node.unsqueeze(real, {4}), node.unsqueeze(imaginary, {4}));
    if (node.failed())
      return {};
    Dims dims = node.dims(real);
    y = node.reshape(y, {dims[0], dims[1], dims[2], solver.simplify(dims[3] * 2)});
  } else {
    y = join(real, imaginary);
  }
  if (width != size)
    y = join(y, node.slice(x, 3, width, solver.simplify(size - width)));
  return y;
}

/// RotaryEmbedding-23: pairs of elements are turned by an angle that depends
/// on the position.
static Value importRotaryEmbedding(Node &node) {
  Value x = node.input(0), cosine = node.input(1), sine = node.input(2);
  node.ignore({"num_heads"}); // Of no use with rank 4.
  int64_t width = node.integer("rotary_embedding_dim");
  bool interleaved = node.flag("interleaved");
  graph::ShapeSolver &solver = node.solver();
  Dims original = node.dims(x);
  if (node.rank(x) == 4) {
    x = node.transpose(x, {0, 2, 1, 3});
  } else {
    if (!node.failed() && node.rank(x) != 3)
      node.error("onnx-shape-mismatch", "'X' has rank " + Twine(node.rank(x)) + ", but 3 or 4 is expected")
          .note("give rank 4, or rank 3 and heads that divide its columns");
    x = node.failed() ? Value() : splitColumns(node, x, "num_heads");
  }
  if (node.failed())
    return {};
  AffineExpr turned = width == 0 ? node.dims(x)[3] : solver.constant(width);
  if (Value positions = node.input(3)) {
    cosine = node.create<graph::GatherOp>(cosine, positions, int64_t(0));
    sine = node.create<graph::GatherOp>(sine, positions, int64_t(0));
  }
  if (!node.failed() && (node.rank(cosine) != 3 || node.rank(sine) != 3))
    node.error("onnx-shape-mismatch", "the caches have ranks " + Twine(node.rank(cosine)) + " and " +
                                          Twine(node.rank(sine)) + " after 'position_ids'")
        .note("[batch, length, half] is expected");
  Value y = makeRotation(node, x, cosine, sine, turned, interleaved);
  return original.size() == 4 ? node.transpose(y, {0, 2, 1, 3}) : node.reshape(y, original);
}

void onnx_import::registerAttentionOps(OpTable &ops) {
  ops.add("Attention", {23, 24, 25}, importAttention);
  ops.add("RotaryEmbedding", {23}, importRotaryEmbedding);
}
