// lib/Import/ONNX/Recurrence.cpp: sequence mixers that carry a state from call to
// call: causal convolutions and linear attention.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Import/Core/Node.h"
#include "Loops.h"
#include "OpTable.h"

#include <cmath>

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;
using mlir::AffineExpr;

/// False, with an error, unless the input has the rank.
static bool checkRank(Node &node, unsigned index, int64_t rank) {
  Value x = node.input(index);
  if (node.failed() || !x || node.rank(x) == rank)
    return !node.failed();
  node.error("onnx-shape-mismatch", "'" + node.inputName(index) + "' has rank " + Twine(node.rank(x)) + ", but " +
                                        Twine(rank) + " is expected")
      .note("reshape it as the operator's description says");
  return false;
}

static Value zeros(Node &node, Type element, ArrayRef<AffineExpr> dims) {
  return node.broadcast(
      node.reshape(node.scalar(element, 0), SmallVector<AffineExpr>(dims.size(), node.solver().constant(1))), dims);
}

//===----------------------------------------------------------------------===//
// CausalConvWithState
//===----------------------------------------------------------------------===//

static void importCausalConv(Node &node) {
  Value x = node.input(0), weight = node.input(1), bias = node.input(2), past = node.input(3);
  StringRef activation = node.string("activation");
  if (!llvm::is_contained({"none", "silu", "swish"}, activation)) {
    node.unsupported("activation", "\"" + activation + "\"", "'none', 'silu' and 'swish' are");
    return;
  }
  if (!checkRank(node, 0, 3) || !checkRank(node, 1, 3) || !checkRank(node, 2, 1) || !checkRank(node, 3, 3))
    return;
  int64_t size = node.staticDim(weight, 2, "CausalConvWithState"),
          channels = node.staticDim(weight, 0, "CausalConvWithState");
  if (!node.failed() && size < 1)
    node.error("onnx-shape-mismatch", "'weight' has a kernel of size 0").note("give a kernel of 1 or more");
  if (node.failed())
    return;
  graph::ShapeSolver &solver = node.solver();
  Dims dims = node.dims(x);
  Dims state = {dims[0], dims[1], solver.constant(size - 1)};
  if (past)
    for (auto [own, needed] : llvm::zip_equal(node.dims(past), state))
      node.check(past, own, needed, "sizes of 'past_state' and of what the kernel reads before the first element");
  if (node.failed())
    return;
  Value padded = x;
  if (size > 1 || past) {
    Value before = past ? past : zeros(node, node.element(x), state);
    padded = node.createAs<graph::ConcatOp>(node.element(x), mlir::ValueRange{before, x}, int64_t(2));
  }
  Value y = node.create<graph::ConvOp>(padded, weight, ArrayRef<int64_t>(1), ArrayRef<int64_t>{0, 0},
                                       ArrayRef<int64_t>(1), channels, /*channels_last=*/false);
  if (bias)
    y = node.add(y, node.channels(bias, y));
  if (activation != "none") {
    Value wide = node.cast(y, node.builder().getF32Type());
    y = node.cast(node.mul(wide, node.create<graph::SigmoidOp>(wide)), node.element(y));
  }
  node.setOutput(0, y);
  if (node.failed())
    return;
  // The last elements of what was convolved.
  auto offset = graph::DimsAttr::get(node.builder().getContext(), solver.map({dims[2]}));
  node.setOutput(1, node.createTyped<graph::SliceOp>(solver.type(state, node.element(x)), padded, Value(), Value(),
                                                     ArrayRef<int64_t>(2), ArrayRef<int64_t>(1), offset));
}

//===----------------------------------------------------------------------===//
// LinearAttention
//===----------------------------------------------------------------------===//

namespace {

/// One matrix of state for each head; each step reads and writes all of it.
class LinearAttention {
public:
  explicit LinearAttention(Node &node) : node(node), f32(node.builder().getF32Type()) {}
  void import();

private:
  Node &node;
  Type f32;
  bool decays = false, corrects = false;
  int64_t queryHeads = 0, heads = 0;
  AffineExpr batch, keySize, valueSize;
  double scale = 0;
  Value q, k, v, decay, beta; ///< [steps, batch, heads, size], in f32.

  AffineExpr constant(int64_t value) { return node.solver().constant(value); }
  bool readRule();
  Value unpack(unsigned input, int64_t count, AffineExpr &size);
  std::optional<Turn> makeStep(Value index, Value state);
};

} // namespace

bool LinearAttention::readRule() {
  StringRef rule = node.string("update_rule");
  if (!llvm::is_contained({"linear", "gated", "delta", "gated_delta"}, rule)) {
    node.unsupported("update_rule", "\"" + rule + "\"", "'linear', 'gated', 'delta' and 'gated_delta' are");
    return false;
  }
  decays = rule.starts_with("gated");
  corrects = rule.ends_with("delta");
  for (auto [index, needed] : {std::pair(4u, decays), std::pair(5u, corrects)})
    if (bool(node.input(index)) != needed) {
      node.error("onnx-arity", "'" + node.inputName(index) + "' is " + (needed ? "left out" : "given") +
                                   ", but 'update_rule' is '" + rule + "'")
          .note(needed ? "give it" : "leave it out");
      return false;
    }
  node.ignore({"chunk_size"}); // How others compute the same.
  queryHeads = node.integer("q_num_heads"), heads = node.integer("kv_num_heads");
  if (heads < 1 || queryHeads < 1 || queryHeads % heads != 0) {
    node.error("onnx-shape-mismatch",
               "'q_num_heads' is " + Twine(queryHeads) + " and 'kv_num_heads' is " + Twine(heads))
        .note("the heads of keys and values must divide those of queries");
    return false;
  }
  return checkRank(node, 0, 3) && checkRank(node, 1, 3) && checkRank(node, 2, 3) && checkRank(node, 3, 4) &&
         checkRank(node, 4, 3) && checkRank(node, 5, 3);
}

/// [batch, steps, count size] as [steps, batch, count, size].
Value LinearAttention::unpack(unsigned input, int64_t count, AffineExpr &size) {
  Value x = node.input(input);
  int64_t width = node.staticDim(x, 2, "LinearAttention");
  if (node.failed())
    return {};
  if (width % count != 0) {
    node.error("onnx-shape-mismatch",
               "'" + node.inputName(input) + "' has " + Twine(width) + " columns for " + Twine(count) + " heads")
        .note("the heads must divide the last dimension");
    return {};
  }
  Dims dims = node.dims(x);
  size = constant(width / count);
  Value split = node.reshape(node.cast(x, f32), {dims[0], dims[1], constant(count), size});
  return node.transpose(split, {1, 0, 2, 3});
}

std::optional<Turn> LinearAttention::makeStep(Value index, Value state) {
  auto at = [&](Value x) { return node.create<graph::GatherOp>(x, index, int64_t(0)); };
  Value key = node.unsqueeze(at(k), {3}), value = node.unsqueeze(at(v), {2});
  if (decays)
    state = node.mul(state, node.create<graph::ExpOp>(node.unsqueeze(at(decay), {3})));
  if (corrects) {
    Value known = node.reduce(graph::ReduceKind::sum, node.mul(state, key), {2}, /*keepDims=*/true);
    value = node.mul(node.unsqueeze(at(beta), {3}), node.sub(value, known));
  }
  Value next = node.add(state, node.mul(key, value));
  // Each head of the state serves a group of queries.
  AffineExpr group = constant(queryHeads / heads);
  Value query = node.reshape(at(q), {batch, constant(heads), group, keySize});
  Value y = node.mul(node.create<graph::MatmulOp>(query, next), scale);
  if (node.failed())
    return std::nullopt;
  return Turn{{}, {next}, {y}};
}

void LinearAttention::import() {
  if (!readRule())
    return;
  AffineExpr size;
  q = unpack(0, queryHeads, keySize);
  k = unpack(1, heads, size);
  if (node.failed())
    return;
  if (size != keySize) {
    node.error("onnx-shape-mismatch", "the heads of 'query' and 'key' differ in size").note("they need one size");
    return;
  }
  v = unpack(2, heads, valueSize);
  if (decays)
    decay = unpack(4, heads, size);
  if (corrects && !node.failed())
    beta = unpack(5, node.staticDim(node.input(5), 2, "LinearAttention") == 1 ? 1 : heads, size);
  if (node.failed())
    return;
  scale = node.number("scale");
  if (scale == 0)
    scale = 1 / std::sqrt(static_cast<double>(mlir::cast<mlir::AffineConstantExpr>(keySize).getValue()));
  Dims dims = node.dims(node.input(0));
  batch = dims[0];
  Value past = node.input(3);
  Type stateType = past ? node.element(past) : node.element(node.input(0));
  Value state = past ? node.cast(past, f32) : zeros(node, f32, {batch, constant(heads), keySize, valueSize});
  auto makeTurn = [&](Value index, mlir::ValueRange carried) { return makeStep(index, carried[0]); };
  graph::LoopOp loop = makeLoop(node, node.size(dims[1]), {}, {state}, 1, makeTurn);
  if (!loop)
    return;
  // [steps, batch, heads, group, size] to [batch, steps, all].
  Value y = node.transpose(loop.getResult(1), {1, 0, 2, 3, 4});
  int64_t width = queryHeads * mlir::cast<mlir::AffineConstantExpr>(valueSize).getValue();
  y = node.reshape(y, {batch, dims[1], constant(width)});
  node.setOutput(0, node.cast(y, node.element(node.input(0))));
  node.setOutput(1, node.cast(loop.getResult(0), stateType));
}

static void importLinearAttention(Node &node) { LinearAttention(node).import(); }

/// Attributes that ONNX's own operators do not have, with the values that mean the same.
static bool checkExtras(Node &node, std::initializer_list<std::pair<StringRef, int64_t>> extras) {
  for (auto [name, value] : extras)
    if (int64_t given = node.integer(name); !node.failed() && given != value)
      node.unsupported(name, Twine(given), Twine(value) + " is");
  return !node.failed();
}

static void importMicrosoftCausalConv(Node &node) {
  if (checkExtras(node, {{"ndim", 1}, {"channels_last", 0}, {"dilation", 1}, {"state_window", 0}}))
    importCausalConv(node);
}

static void importMicrosoftLinearAttention(Node &node) {
  if (!checkExtras(node, {{"state_window", 0}}))
    return;
  // There, a head of queries may serve a group of those of keys and values, too.
  int64_t queryHeads = node.integer("q_num_heads"), heads = node.integer("kv_num_heads");
  if (node.failed())
    return;
  if (queryHeads > 0 && heads > queryHeads)
    node.unsupported("kv_num_heads", Twine(heads), "at most 'q_num_heads', " + Twine(queryHeads) + ", is");
  else
    importLinearAttention(node);
}

void onnx_import::registerRecurrenceOps(OpTable &ops) {
  ops.add("CausalConvWithState", {27}, importCausalConv);
  ops.add("LinearAttention", {27}, importLinearAttention);
  ops.add({"com.microsoft", "CausalConvWithState"}, {1}, importMicrosoftCausalConv);
  ops.add({"com.microsoft", "LinearAttention"}, {1}, importMicrosoftLinearAttention);
}
