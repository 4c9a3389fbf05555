// lib/Import/ONNX/GroupQueryAttention.cpp: attention of ONNX Runtime's domain
// com.microsoft with fewer heads for keys and values than for queries, and a cache
// of those that calls hand on.
//
// The cache may be longer than what is in it: each sample says how many of its keys
// count, and those of this call are written behind the ones before. So one shape of
// the cache serves all steps of a generation.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Compose.h"
#include "ElementType.h"
#include "Import/Core/Axes.h"
#include "OpTable.h"
#include "Tensor.h"

#include "dialects/Graph/Attention.h"

#include <limits>

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::StringRef;
using llvm::Twine;

namespace {

class GroupQueryAttention {
public:
  explicit GroupQueryAttention(Node &node)
      : node(node), solver(node.solver()), i64(node.builder().getI64Type()), i1(node.builder().getI1Type()),
        element(node.element(node.input(0))), heads(node.integer("num_heads")), keyHeads(node.integer("kv_num_heads")) {
  }

  void import();

private:
  Node &node;
  graph::ShapeSolver &solver;
  Type i64, i1, element;
  int64_t heads, keyHeads, size = 0;
  AffineExpr batch, length, one;
  /// [batch, length, heads, size]
  Value q, k, v;
  /// [batch, 1]: how many keys each sample has before this call, and at its end.
  Value before, total;

  void checkModes();
  bool readOperands();
  void readLengths();
  Value normalize(Value x, Value weight);
  void rotate();
  Value append(Value past, Value x);
  Value mask(AffineExpr keys);
  Value weigh(Value scores);
  Value attend(Value keys, Value values);
  Value padBias(AffineExpr known);
  Value compose(Value keys, Value values, Value bias, Value seen, double scale, double softcap);
  Value iota(AffineExpr count);
};

/// 0, 1, ... as a vector of i64.
Value GroupQueryAttention::iota(AffineExpr count) {
  return node.createTyped<graph::IotaOp>(solver.type({count}, i64), int64_t(0));
}

void GroupQueryAttention::checkModes() {
  if (node.integer("sliding_window_cache") != 0)
    node.unsupported("sliding_window_cache", "1", "0 is");
  if (node.integer("qk_output") != 0)
    node.unsupported("qk_output", Twine(node.integer("qk_output")), "0 is");
  for (StringRef name : {"k_quant_type", "v_quant_type"})
    if (node.string(name) != "NONE")
      node.unsupported(name, quoted(node.string(name)), "\"NONE\" is");
  node.ignore({"kv_cache_bit_width"}); // Of no use for caches of floats.
  for (unsigned i : {12u, 13u})
    if (node.input(i))
      node.error("onnx-unsupported-operand", "'" + node.inputName(i) + "' is given, which is not supported")
          .note("export the model with a cache of floats");
  if (bool(node.input(3)) != bool(node.input(4)))
    node.error("onnx-arity", "only one of 'past_key' and 'past_value' is given").note("give both or none");
  if (heads < 1 || keyHeads < 1 || heads % keyHeads != 0)
    node.error("onnx-shape-mismatch", "'num_heads' is " + Twine(heads) + " and 'kv_num_heads' " + Twine(keyHeads))
        .note("the heads of keys and values must divide those of queries");
}

/// Queries, keys and values, which may be columns of one tensor.
bool GroupQueryAttention::readOperands() {
  Value query = node.input(0), key = node.input(1), value = node.input(2);
  if (bool(key) != bool(value))
    node.error("onnx-arity", "only one of 'key' and 'value' is given").note("give both, or none for one tensor of all");
  for (Value x : {query, key, value})
    if (x && !node.failed() && node.rank(x) != 3)
      node.error("onnx-shape-mismatch", "an operand has rank " + Twine(node.rank(x)) + ", but 3 is expected")
          .note("give [batch, length, heads size]");
  if (node.failed())
    return false;
  int64_t columns = node.staticDim(query, 2, "GroupQueryAttention"), parts = key ? heads : heads + 2 * keyHeads;
  if (!node.failed() && (columns < parts || columns % parts != 0))
    node.error("onnx-shape-mismatch",
               "'query' has " + Twine(columns) + " columns, but " + Twine(parts) + " heads must divide them")
        .note(key ? "give 'num_heads' heads of queries" : "give the heads of queries, keys and values in one tensor");
  if (node.failed())
    return false;
  size = columns / parts;
  Dims dims = node.dims(query);
  batch = dims[0], length = dims[1], one = solver.constant(1);
  if (!key) {
    int64_t first = heads * size, second = first + keyHeads * size;
    key = lastPart(node, query, first, second);
    value = lastPart(node, query, second, columns);
    query = lastPart(node, query, 0, first);
  }
  auto split = [&](Value x, int64_t count) {
    return node.failed()
               ? Value()
               : node.reshape(x, {node.dims(x)[0], node.dims(x)[1], solver.constant(count), solver.constant(size)});
  };
  q = normalize(split(query, heads), node.input(14));
  k = normalize(split(key, keyHeads), node.input(15));
  v = split(value, keyHeads);
  return !node.failed();
}

/// Root mean square normalization of each head; `weight` may be null.
Value GroupQueryAttention::normalize(Value x, Value weight) {
  double epsilon = node.number("qk_norm_epsilon");
  if (!weight || node.failed())
    return x;
  return node.mul(node.cast(makeRmsNorm(node, x, 3, epsilon), element), weight);
}

/// In the first call, whose keys are all there are, nothing is before them, however
/// long the cache is.
void GroupQueryAttention::readLengths() {
  Value lengths = node.input(5);
  if (node.rank(lengths) < 1 || node.rank(lengths) > 2) {
    node.error("onnx-shape-mismatch", "'seqlens_k' has rank " + Twine(node.rank(lengths)) + ", but 1 is expected")
        .note("give the number of keys but one for each sample");
    return;
  }
  total = node.add(node.reshape(node.cast(lengths, i64), {batch, one}), 1);
  if (!node.input(3)) {
    node.check(k, node.entry(6), length, "'total_sequence_length' and the length of the keys, where there is no past");
    before = node.broadcast(node.scalar(i64, 0), {batch, one});
    return;
  }
  Value count = node.size(length);
  Value all = node.reshape(node.cast(node.input(6), i64), {});
  before = node.createAs<graph::SelectOp>(i64, node.createAs<graph::EqualOp>(i1, all, count), node.scalar(i64, 0),
                                          node.sub(total, count));
}

void GroupQueryAttention::rotate() {
  bool interleaved = node.flag("rotary_interleaved");
  if (!node.flag("do_rotary") || node.failed())
    return;
  Value cosine = node.input(7), sine = node.input(8), positions = node.input(9);
  if (!cosine || !sine) {
    node.error("onnx-arity", "'do_rotary' is 1, but 'cos_cache' or 'sin_cache' is left out").note("give both caches");
    return;
  }
  if (!positions)
    positions = node.add(before, iota(length));
  int64_t width = 2 * node.staticDim(cosine, 1, "GroupQueryAttention");
  cosine = node.create<graph::GatherOp>(cosine, positions, int64_t(0));
  sine = node.create<graph::GatherOp>(sine, positions, int64_t(0));
  q = makeRotation(node, q, cosine, sine, node.solver().constant(width), interleaved);
  k = makeRotation(node, k, cosine, sine, node.solver().constant(width), interleaved);
}

/// The cache with `x`, [batch, heads, length, size], behind what each sample has in
/// it. What is in use by none is zero.
Value GroupQueryAttention::append(Value past, Value x) {
  if (node.failed() || !past)
    return x;
  if (node.rank(past) != 4) {
    node.error("onnx-shape-mismatch", "the past has rank " + Twine(node.rank(past)) + ", but 4 is expected")
        .note("give [batch, heads, length, size] for keys and for values");
    return {};
  }
  if (node.element(past) != element) {
    node.error("onnx-input-dtype", "the past is " + elementTypeName(toONNXType(node.element(past))) +
                                       ", but 'query' is " + elementTypeName(toONNXType(element)))
        .note("export the model with a cache of the type of its queries");
    return {};
  }
  AffineExpr room = node.dims(past)[2], keys = solver.max(room, asSize(node, node.entry(6), "'total_sequence_length'"));
  Dims amounts(8, solver.constant(0));
  amounts[6] = solver.simplify(keys - room);
  Value wide = node.create<graph::PadOp>(past, Value(), Value(), graph::PadMode::constant,
                                         graph::DimsAttr::get(node.builder().getContext(), solver.map(amounts)));
  if (node.failed())
    return {};
  Value valid = node.createAs<graph::LessOp>(i1, node.reshape(iota(keys), {one, one, keys, one}),
                                             node.reshape(before, {batch, one, one, one}));
  wide = node.createAs<graph::SelectOp>(element, valid, wide, node.scalar(element, 0));
  // One index for each row: sample, head, position.
  AffineExpr count = solver.constant(keyHeads);
  Dims rows = {batch, count, length};
  auto coordinate = [&](Value at, llvm::ArrayRef<AffineExpr> shape) {
    return node.unsqueeze(node.broadcast(node.reshape(at, shape), rows), {3});
  };
  Value at = node.createAs<graph::ConcatOp>(
      i64,
      mlir::ValueRange{coordinate(iota(batch), {batch, one, one}), coordinate(iota(count), {one, count, one}),
                       coordinate(node.add(before, iota(length)), {batch, one, length})},
      int64_t(3));
  return node.create<graph::ScatterNdOp>(wide, at, x, graph::ScatterKind::none);
}

/// [batch, length, keys]: which keys a query sees.
Value GroupQueryAttention::mask(AffineExpr keys) {
  int64_t window = node.integer("local_window_size");
  bool isCausal = node.flag("causal");
  Value key = iota(keys);
  Value own = node.unsqueeze(node.add(before, iota(length)), {2});
  Value seen = isCausal ? node.createAs<graph::LessEqualOp>(i1, key, own)
                        : node.createAs<graph::LessOp>(i1, key, node.unsqueeze(total, {2}));
  if (window < 0 || node.failed())
    return seen;
  Value first = node.sub(own, node.scalar(i64, static_cast<double>(window)));
  return node.create<graph::AndOp>(seen, node.createAs<graph::GreaterOp>(i1, key, first));
}

/// Softmax over the last dimension of [batch, key heads, group, length, keys], with
/// a sink of its own for each head, or one of 0 for all.
Value GroupQueryAttention::weigh(Value scores) {
  Value sink = node.input(11);
  if (node.failed())
    return {};
  Dims dims = node.dims(scores);
  AffineExpr keys = dims[4];
  dims[4] = one;
  Value column = sink ? node.reshape(sink, {one, dims[1], dims[2], one, one}) : node.scalar(element, 0);
  Value wide =
      node.createAs<graph::ConcatOp>(element, mlir::ValueRange{scores, node.broadcast(column, dims)}, int64_t(4));
  Value weights = node.create<graph::SoftmaxOp>(wide, int64_t(4), /*log=*/false);
  return node.slice(weights, 4, solver.constant(0), keys);
}

/// The bias of `known` keys, or null. It ends with the keys that there are; the cache may be longer.
Value GroupQueryAttention::padBias(AffineExpr known) {
  Value bias = node.input(10);
  if (!bias || node.failed())
    return {};
  Dims dims = node.dims(bias);
  if (dims.size() != 4) {
    node.error("onnx-shape-mismatch", "'attention_bias' has rank " + Twine(dims.size()) + ", but 4 is expected")
        .note("give [batch or 1, heads or 1, length, keys]");
    return {};
  }
  if (dims[3] == known)
    return bias;
  Dims amounts(8, solver.constant(0));
  amounts[7] = solver.simplify(known - dims[3]);
  return node.create<graph::PadOp>(bias, Value(), Value(), graph::PadMode::constant,
                                   graph::DimsAttr::get(node.builder().getContext(), solver.map(amounts)));
}

/// As one op, unless a sink takes part in the softmax.
Value GroupQueryAttention::attend(Value keys, Value values) {
  double scale = node.number("scale"), softcap = node.number("softcap");
  if (scale == 0)
    scale = 1 / std::sqrt(static_cast<double>(size));
  if (node.failed())
    return {};
  AffineExpr known = node.dims(keys)[2];
  Value bias = padBias(known), seen = mask(known), y;
  if (node.failed())
    return {};
  if (node.input(11) || node.integer("smooth_softmax") > 0)
    y = compose(keys, values, bias, seen, scale, softcap);
  else
    y = node.createAs<graph::AttentionOp>(
        element, q, keys, values, bias, node.unsqueeze(seen, {1}), llvm::ArrayRef<bool>{true, false, false, true},
        llvm::APFloat(scale), llvm::APFloat(softcap), llvm::APFloat(-std::numeric_limits<double>::infinity()),
        graph::DimsAttr(), /*zero_rows=*/false);
  return node.reshape(y, {batch, length, solver.constant(heads * size)});
}

/// [batch, length, heads, size], with weights that `weigh` gives.
Value GroupQueryAttention::compose(Value keys, Value values, Value bias, Value seen, double scale, double softcap) {
  AffineExpr known = node.dims(keys)[2], count = solver.constant(keyHeads), group = solver.constant(heads / keyHeads),
             width = solver.constant(size), rows = solver.product({group, length});
  // All queries of a group go through one product with the head that they share.
  Value queries = node.reshape(node.transpose(q, {0, 2, 1, 3}), {batch, count, rows, width});
  Value scores = node.mul(node.create<graph::MatmulOp>(queries, node.transpose(keys, {0, 1, 3, 2})), scale);
  if (softcap > 0)
    scores = node.mul(node.create<graph::TanhOp>(node.div(scores, softcap)), softcap);
  scores = node.reshape(scores, {batch, count, group, length, known});
  if (bias) {
    Dims dims = node.dims(bias);
    bool isShared = dims[1] == one;
    bias = node.reshape(bias, {dims[0], isShared ? one : count, isShared ? one : group, dims[2], dims[3]});
    scores = node.add(scores, bias);
  }
  scores = node.createAs<graph::SelectOp>(element, node.unsqueeze(seen, {1, 2}), scores,
                                          node.scalar(element, -std::numeric_limits<double>::infinity()));
  Value weights = node.reshape(weigh(scores), {batch, count, rows, known});
  Value y = node.reshape(node.create<graph::MatmulOp>(weights, values), {batch, solver.constant(heads), length, width});
  return node.transpose(y, {0, 2, 1, 3});
}

void GroupQueryAttention::import() {
  checkModes();
  if (node.failed() || !readOperands())
    return;
  readLengths();
  rotate();
  Value keys = append(node.input(3), node.transpose(k, {0, 2, 1, 3}));
  Value values = append(node.input(4), node.transpose(v, {0, 2, 1, 3}));
  if (node.failed())
    return;
  node.setOutput(1, keys);
  node.setOutput(2, values);
  node.setOutput(0, attend(keys, values));
}

} // namespace

static void importGroupQueryAttention(Node &node) { GroupQueryAttention(node).import(); }

void onnx_import::registerGroupQueryAttentionOps(OpTable &ops) {
  ops.add({"com.microsoft", "GroupQueryAttention"}, {1}, importGroupQueryAttention);
}
