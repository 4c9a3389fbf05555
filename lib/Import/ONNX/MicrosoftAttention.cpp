// lib/Import/ONNX/MicrosoftAttention.cpp: attention of ONNX Runtime's domain
// com.microsoft, with the projections of its inputs or without.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Compose.h"
#include "OpTable.h"
#include "Quantize.h"

#include "dialects/Graph/Attention.h"

#include <limits>

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::StringRef;
using llvm::Twine;
using mlir::AffineExpr;

namespace {

/// What both operators share: heads, masks, the past, and the product. Masks are
/// added to the scores: 0 where a query may see a key, 'mask_filter_value' where
/// it may not.
class HeadedAttention {
public:
  explicit HeadedAttention(Node &node)
      : node(node), solver(node.solver()), element(node.element(node.input(0))), heads(node.integer("num_heads")),
        hidden(node.has("mask_filter_value") ? node.number("mask_filter_value") : -10000) {}

  Node &node;
  graph::ShapeSolver &solver;
  Type element;
  int64_t heads;
  double hidden;
  /// [batch, heads, length, size]
  Value q, k, v;
  /// How many keys come before those of this call; null for none.
  AffineExpr past;

  Value splitHeads(Value x, StringRef what);
  void prepend(Value pastKey, Value pastValue);
  Value padding(Value mask);
  graph::DimsAttr causal();
  Value attend(Value mask, Value bias);

private:
  Value filter(Value allowed);
  Value keyPositions();
};

/// [batch, length, heads size] to [batch, heads, length, size]; what has rank 4
/// is so already.
Value HeadedAttention::splitHeads(Value x, StringRef what) {
  if (node.failed() || node.rank(x) == 4)
    return x;
  if (node.rank(x) != 3) {
    node.error("onnx-shape-mismatch", "'" + what + "' has rank " + Twine(node.rank(x)) + ", but 3 is supported")
        .note("export the model with queries, keys and values as [batch, length, heads size]");
    return {};
  }
  int64_t width = node.staticDim(x, 2, node.opType());
  if (!node.failed() && (heads < 1 || width % heads != 0))
    node.error("onnx-shape-mismatch",
               "'num_heads' is " + Twine(heads) + ", but '" + what + "' has " + Twine(width) + " columns")
        .note("the heads must divide the last dimension");
  if (node.failed())
    return {};
  Dims dims = node.dims(x);
  Value split = node.reshape(x, {dims[0], dims[1], solver.constant(heads), solver.constant(width / heads)});
  return node.transpose(split, {0, 2, 1, 3});
}

void HeadedAttention::prepend(Value pastKey, Value pastValue) {
  if (node.failed())
    return;
  if (node.rank(pastKey) != 4 || node.rank(pastValue) != 4) {
    node.error("onnx-shape-mismatch", "the past has rank " + Twine(node.rank(pastKey)) + ", but 4 is expected")
        .note("give [batch, heads, length, size] for keys and for values");
    return;
  }
  past = node.dims(pastKey)[2];
  k = node.createAs<graph::ConcatOp>(element, mlir::ValueRange{pastKey, k}, int64_t(2));
  v = node.createAs<graph::ConcatOp>(element, mlir::ValueRange{pastValue, v}, int64_t(2));
}

Value HeadedAttention::filter(Value allowed) {
  return node.createAs<graph::SelectOp>(element, allowed, node.scalar(element, 0), node.scalar(element, hidden));
}

Value HeadedAttention::keyPositions() {
  if (node.failed())
    return {};
  AffineExpr one = solver.constant(1);
  return node.createTyped<graph::IotaOp>(solver.type({one, one, one, node.dims(k)[2]}, node.builder().getI64Type()),
                                         int64_t(3));
}

/// A mask of int32: how many keys each sample has, or which keys count: for each
/// sample, or for each query of it.
Value HeadedAttention::padding(Value mask) {
  if (node.failed() || !mask)
    return {};
  int64_t rank = node.rank(mask);
  if (rank < 1 || rank > 3) {
    node.error("onnx-shape-mismatch", "the mask has rank " + Twine(rank) + ", but 1 to 3 are supported")
        .note("give [batch], [batch, keys] or [batch, queries, keys]");
    return {};
  }
  Type i1 = node.builder().getI1Type();
  AffineExpr one = solver.constant(1);
  Dims dims = node.dims(mask);
  if (rank == 1) {
    // Behind the ends there may be the starts; where there are none, those are 0.
    AffineExpr batch = node.dims(q)[0];
    node.require(dims[0], batch, "a mask of rank 1 needs an entry for each sample of the batch");
    Type i64 = node.builder().getI64Type();
    mask = node.cast(mask, i64);
    Value ends = node.slice(mask, 0, solver.constant(0), batch);
    Value seen = node.createAs<graph::LessOp>(i1, keyPositions(), node.reshape(ends, {batch, one, one, one}));
    if (solver.equal(dims[0], batch) == std::optional<bool>(true))
      return filter(seen);
    Value none = node.broadcast(node.scalar(i64, 0), {batch});
    Value starts = node.createAs<graph::ConcatOp>(i64, mlir::ValueRange{mask, none}, int64_t(0));
    starts = node.reshape(node.slice(starts, 0, batch, batch), {batch, one, one, one});
    seen = node.create<graph::AndOp>(seen, node.createAs<graph::GreaterEqualOp>(i1, keyPositions(), starts));
    return filter(seen);
  }
  Dims wide = rank == 2 ? Dims{dims[0], one, one, dims[1]} : Dims{dims[0], one, dims[1], dims[2]};
  Value counts = node.reshape(mask, wide);
  return filter(node.createAs<graph::GreaterOp>(i1, counts, node.scalar(node.element(mask), 0)));
}

/// A query sees the keys up to its own position: an offset for it, or null.
graph::DimsAttr HeadedAttention::causal() {
  if (!node.flag("unidirectional") || node.failed())
    return {};
  return graph::DimsAttr::get(node.builder().getContext(), solver.map({past ? past : solver.constant(0)}));
}

/// softmax(scale q kT + mask + bias) v as [batch, length, heads size].
Value HeadedAttention::attend(Value mask, Value bias) {
  double scale = node.has("scale") ? node.number("scale") : 0;
  if (!node.failed() && scale == 0)
    scale = 1 / std::sqrt(node.staticDim(q, 3, node.opType()));
  Value added = mask && bias ? node.add(mask, bias) : mask ? mask : bias;
  if (added && !node.failed() && node.rank(added) < 4) {
    Dims dims = node.dims(added);
    dims.insert(dims.begin(), 4 - dims.size(), solver.constant(1));
    added = node.reshape(added, dims);
  }
  // Of the keys, each query sees its own at least, however hidden, so what causality hides has no weight at all.
  Value y = node.createAs<graph::AttentionOp>(
      element, q, k, v, added, Value(), llvm::ArrayRef<bool>{false, false, false, false}, llvm::APFloat(scale),
      llvm::APFloat(0.0), llvm::APFloat(-std::numeric_limits<double>::infinity()), causal(), /*zero_rows=*/false);
  y = node.transpose(y, {0, 2, 1, 3});
  if (node.failed())
    return {};
  Dims dims = node.dims(y);
  return node.reshape(y, {dims[0], dims[1], solver.product({dims[2], dims[3]})});
}

} // namespace

/// Element `index` of dimension 3 of [batch, length, heads, parts, size], as
/// [batch, heads, length, size].
static Value unpack(Node &node, Value packed, int64_t index) {
  Value at = node.scalar(node.builder().getI64Type(), static_cast<double>(index));
  return node.transpose(node.create<graph::GatherOp>(packed, at, int64_t(3)), {0, 2, 1, 3});
}

/// Queries, keys and values, which may share a tensor; false after an error.
static bool readOperands(Node &node, HeadedAttention &attention) {
  Value q = node.input(0), k = node.input(1), v = node.input(2), bias = node.input(3);
  bool isPacked = !v && node.rank(k ? k : q) == 5;
  if (!v && (!isPacked || bias)) {
    node.error("onnx-unsupported-operand", isPacked ? "'bias' is given for queries, keys or values in one tensor"
                                                    : "'value' is left out, and what is given is not of rank 5")
        .note("give 'key' and 'value', or [batch, length, heads, parts, size] without a bias");
    return false;
  }
  if (isPacked) {
    int64_t parts = k ? 2 : 3;
    attention.q = k ? attention.splitHeads(q, "query") : unpack(node, q, 0);
    attention.k = unpack(node, k ? k : q, parts - 2);
    attention.v = unpack(node, k ? k : q, parts - 1);
    return !node.failed();
  }
  int64_t at = 0;
  for (Value *x : {&q, &k, &v}) {
    if (!bias || node.rank(*x) != 3)
      continue;
    int64_t width = node.staticDim(*x, 2, "MultiHeadAttention");
    *x = node.add(*x, lastPart(node, bias, at, at + width));
    at += width;
  }
  attention.q = attention.splitHeads(q, "query");
  attention.k = attention.splitHeads(k, "key");
  attention.v = attention.splitHeads(v, "value");
  return !node.failed();
}

static void importMultiHeadAttention(Node &node) {
  HeadedAttention attention(node);
  for (unsigned i : {8u, 9u})
    if (node.input(i)) {
      node.error("onnx-unsupported-operand", "'" + node.inputName(i) + "' is given, which is not supported")
          .note("export the model without buffers that are shared between calls");
      return;
    }
  if (!readOperands(node, attention))
    return;
  if (bool(node.input(6)) != bool(node.input(7)))
    node.error("onnx-arity", "only one of 'past_key' and 'past_value' is given").note("give both or none");
  if (node.input(6))
    attention.prepend(node.input(6), node.input(7));
  if (node.failed())
    return;
  node.setOutput(1, attention.k);
  node.setOutput(2, attention.v);
  node.setOutput(0, attention.attend(attention.padding(node.input(4)), node.input(5)));
}

/// Attention of queries, keys and values that are columns of `projected`, as many as
/// `sizes` says; `mask`, `past` and `bias` may be null.
static void attendProjected(Node &node, Value projected, llvm::ArrayRef<int64_t> sizes, Value mask, Value past,
                            Value bias) {
  HeadedAttention attention(node);
  attention.element = node.element(projected);
  graph::ShapeSolver &solver = node.solver();
  int64_t keys = sizes[0], values = sizes[0] + sizes[1];
  attention.q = attention.splitHeads(lastPart(node, projected, 0, keys), "query");
  attention.k = attention.splitHeads(lastPart(node, projected, keys, values), "key");
  attention.v = attention.splitHeads(lastPart(node, projected, values, values + sizes[2]), "value");
  if (past) {
    // Keys and values of one size in one tensor: [2, batch, heads, length, size].
    Dims dims = node.dims(past);
    if (dims.size() != 5 || dims[0] != solver.constant(2)) {
      node.error("onnx-shape-mismatch", "'past' has rank " + Twine(dims.size()) + ", but 5 is expected")
          .note("give [2, batch, heads, length, size]");
      return;
    }
    auto half = [&](int64_t index) {
      Value at = node.scalar(node.builder().getI64Type(), static_cast<double>(index));
      return node.create<graph::GatherOp>(past, at, int64_t(0));
    };
    attention.prepend(half(0), half(1));
  }
  if (node.wantsOutput(1)) {
    mlir::SmallVector<Value> parts = {node.unsqueeze(attention.k, {0}), node.unsqueeze(attention.v, {0})};
    node.setOutput(1, node.createAs<graph::ConcatOp>(attention.element, mlir::ValueRange(parts), int64_t(0)));
  }
  node.setOutput(0, attention.attend(attention.padding(mask), bias));
}

/// Reports what Attention and QAttention have for buffers that calls share.
static void checkModes(Node &node) {
  if (node.flag("do_rotary"))
    node.unsupported("do_rotary", "1", "0 is");
  if (node.flag("past_present_share_buffer"))
    node.unsupported("past_present_share_buffer", "1", "0 is");
}

static void importAttention(Node &node) {
  checkModes(node);
  node.ignore({"rotary_embedding_dim"}); // Of no use without 'do_rotary'.
  if (node.input(6))
    node.error("onnx-unsupported-operand", "'past_sequence_length' is given, which is not supported")
        .note("export the model without buffers that are shared between calls");
  int64_t all = node.staticDim(node.input(1), 1, "Attention");
  llvm::SmallVector<int64_t> sizes = node.integers("qkv_hidden_sizes");
  if (sizes.empty())
    sizes.assign(3, all / 3);
  if (!node.failed() && (sizes.size() != 3 || sizes[0] < 1 || sizes[1] != sizes[0] || sizes[2] < 1 || sizes[0] > all ||
                         sizes[2] > all || sizes[0] + sizes[1] + sizes[2] != all))
    node.error("onnx-shape-mismatch", "'weights' has " + Twine(all) +
                                          " columns, which are not those of queries, keys and values by "
                                          "'qkv_hidden_sizes'")
        .note("give three sizes whose sum is the columns, the first two the same");
  Value projected = makeMatmul(node, node.input(0), node.input(1));
  if (node.input(2))
    projected = node.add(projected, node.input(2));
  if (!node.failed())
    attendProjected(node, projected, sizes, node.input(3), node.input(4), node.input(5));
}

/// Attention whose projection is a product of integers.
static void importQAttention(Node &node) {
  checkModes(node);
  int64_t all = node.staticDim(node.input(1), 1, "QAttention");
  if (!node.failed() && (all < 3 || all % 3 != 0))
    node.error("onnx-shape-mismatch", "'weight' has " + Twine(all) + " columns")
        .note("give as many columns for each of queries, keys and values");
  Value projected = scaledProduct(node, node.input(0), node.input(3), node.input(6), node.input(1), node.input(4),
                                  node.input(7), node.input(2));
  if (!node.failed())
    attendProjected(node, projected, {all / 3, all / 3, all / 3}, node.input(5), node.input(8), {});
}

void onnx_import::registerMicrosoftAttentionOps(OpTable &ops) {
  ops.add({"com.microsoft", "Attention"}, {1}, importAttention);
  ops.add({"com.microsoft", "QAttention"}, {1}, importQAttention);
  ops.add({"com.microsoft", "MultiHeadAttention"}, {1}, importMultiHeadAttention);
}
