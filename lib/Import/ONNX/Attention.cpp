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
  int64_t heads = node.integer(attribute);
  int64_t width = node.staticDim(x, 2, "Attention");
  if (node.failed())
    return {};
  if (heads < 1 || width % heads != 0) {
    node.error("onnx-shape-mismatch",
               "'" + attribute + "' is " + Twine(heads) + ", but there are " + Twine(width) + " columns")
        .note("the heads must divide the last dimension");
    return {};
  }
  Dims dims = node.dims(x);
  graph::ShapeSolver &solver = node.solver();
  Value split = node.reshape(x, {dims[0], dims[1], solver.constant(heads), solver.constant(width / heads)});
  return node.transpose(split, {0, 2, 1, 3});
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
  while (dims.size() < 4)
    dims.insert(dims.begin(), node.solver().constant(1));
  return node.reshape(mask, dims);
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
  if (!node.has("scale"))
    scale = 1 / std::sqrt(node.staticDim(q, 3, "Attention without 'scale'"));
  appendPast();
  if (node.failed())
    return;
  node.setOutput(1, k);
  node.setOutput(2, v);
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

Value onnx_import::makeRotation(Node &node, Value x, Value cosine, Value sine, int64_t width, bool interleaved) {
  graph::ShapeSolver &solver = node.solver();
  int64_t size = node.staticDim(x, 3, "RotaryEmbedding");
  if (!node.failed() && (width < 2 || width % 2 != 0 || width > size))
    node.error("onnx-shape-mismatch", "the rotation has " + Twine(width) + " elements of a head of " + Twine(size))
        .note("'rotary_embedding_dim' must be even and at most the head's "
              "size");
  cosine = node.unsqueeze(cosine, {2});
  sine = node.unsqueeze(sine, {2});

  Value a = interleaved ? lastPart(node, x, 0, width, 2) : lastPart(node, x, 0, width / 2, 1);
  Value b = interleaved ? lastPart(node, x, 1, width, 2) : lastPart(node, x, width / 2, width, 1);
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
    y = node.reshape(y, {dims[0], dims[1], dims[2], solver.constant(width)});
  } else {
    y = join(real, imaginary);
  }
  if (width < size)
    y = join(y, lastPart(node, x, width, size, 1));
  return y;
}

/// RotaryEmbedding-23: pairs of elements are turned by an angle that depends
/// on the position.
static Value importRotaryEmbedding(Node &node) {
  Value x = node.input(0), cosine = node.input(1), sine = node.input(2);
  int64_t heads = node.integer("num_heads");
  int64_t width = node.integer("rotary_embedding_dim");
  bool interleaved = node.flag("interleaved");
  graph::ShapeSolver &solver = node.solver();
  Dims original = node.dims(x);
  if (node.rank(x) == 4) {
    x = node.transpose(x, {0, 2, 1, 3});
  } else {
    int64_t columns = node.rank(x) == 3 ? node.staticDim(x, 2, "RotaryEmbedding") : 0;
    if (!node.failed() && (columns == 0 || heads < 1 || columns % heads != 0))
      node.error("onnx-shape-mismatch", "'num_heads' is " + Twine(heads) + ", but 'X' has rank " + Twine(node.rank(x)) +
                                            " and " + Twine(columns) + " columns")
          .note("give rank 4, or rank 3 and heads that divide its columns");
    if (node.failed())
      return {};
    x = node.reshape(x, {original[0], original[1], solver.constant(heads), solver.constant(columns / heads)});
  }
  if (width == 0)
    width = node.staticDim(x, 3, "RotaryEmbedding");
  if (Value positions = node.input(3)) {
    cosine = node.create<graph::GatherOp>(cosine, positions, int64_t(0));
    sine = node.create<graph::GatherOp>(sine, positions, int64_t(0));
  }
  if (!node.failed() && (node.rank(cosine) != 3 || node.rank(sine) != 3))
    node.error("onnx-shape-mismatch", "the caches have ranks " + Twine(node.rank(cosine)) + " and " +
                                          Twine(node.rank(sine)) + " after 'position_ids'")
        .note("[batch, length, half] is expected");
  Value y = makeRotation(node, x, cosine, sine, width, interleaved);
  return original.size() == 4 ? node.transpose(y, {0, 2, 1, 3}) : node.reshape(y, original);
}

void onnx_import::registerAttentionOps(OpTable &ops) {
  ops.add("Attention", {23, 24, 25}, importAttention);
  ops.add("RotaryEmbedding", {23}, importRotaryEmbedding);
}
