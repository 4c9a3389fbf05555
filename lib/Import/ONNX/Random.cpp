// lib/Import/ONNX/Random.cpp: operators that draw random numbers.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Random.h"
#include "ElementType.h"
#include "OpTable.h"
#include "Tensor.h"

#include "llvm/ADT/bit.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::Twine;
using mlir::AffineExpr;

//===----------------------------------------------------------------------===//
// The stream
//===----------------------------------------------------------------------===//

RandomStream::RandomStream(Node &node) : node(node), ui64(node.builder().getIntegerType(64, /*isSigned=*/false)) {
  if (node.has("seed")) {
    // A float in most operators, an integer in Dropout: the bits of either.
    int64_t whole = node.integer("seed");
    float seed = static_cast<float>(node.number("seed"));
    key = number(whole ? static_cast<uint32_t>(whole ^ whole >> 32) : llvm::bit_cast<uint32_t>(seed));
    salt = number(0);
    return;
  }
  if (node.failed())
    return;
  // Nodes differ in their numbers, so that they stay different calls.
  SmallVector<Type> types = {mlir::RankedTensorType::get({1}, node.builder().getI64Type())};
  std::string id = std::to_string(node.context.randomNodes++);
  Value bits = graph::TextOp::create(node.builder(), node.loc, types, "random", mlir::ValueRange(),
                                     node.builder().getStrArrayAttr({id}))
                   .getResult(0);
  bits = node.cast(node.squeeze(bits, {0}), ui64);
  key = node.create<graph::BitwiseAndOp>(bits, number(UINT32_MAX));
  salt = node.create<graph::ShiftRightOp>(bits, number(32));
}

Value RandomStream::number(uint64_t value) {
  auto type = mlir::RankedTensorType::get({}, ui64);
  return node.constant(mlir::DenseElementsAttr::get(type, ArrayRef(value)));
}

/// Enciphers the position of each element.
RandomStream::Words RandomStream::block(ArrayRef<AffineExpr> dims, int64_t draw) {
  if (node.failed())
    return {};
  constexpr uint64_t multiplier = 0xD256D193, weyl = 0x9E3779B9;
  Dims flat = {node.solver().product(dims)};
  Value position = node.reshape(node.createTyped<graph::IotaOp>(node.solver().type(flat, ui64), int64_t(0)), dims);
  auto low = [&](Value x) { return node.create<graph::BitwiseAndOp>(x, number(UINT32_MAX)); };
  auto high = [&](Value x) { return node.create<graph::ShiftRightOp>(x, number(32)); };
  Value first = low(position);
  // The upper bits of positions and the number of the draw share a word.
  Value second = node.create<graph::BitwiseXorOp>(node.create<graph::BitwiseXorOp>(high(position), salt),
                                                  number(static_cast<uint64_t>(draw) << 30));
  Value turn = key;
  for (int round = 0; round < 10; ++round) {
    Value product = node.mul(first, number(multiplier));
    first = node.create<graph::BitwiseXorOp>(node.create<graph::BitwiseXorOp>(high(product), turn), second);
    second = low(product);
    if (round < 9)
      turn = low(node.add(turn, number(weyl)));
  }
  return {first, second};
}

/// The upper bits of 64 as a number in [0, 1).
Value RandomStream::toUnit(Type element, Value words) {
  bool isDouble = element.isF64();
  Value kept = node.create<graph::ShiftRightOp>(words, number(isDouble ? 11 : 40));
  return node.mul(node.cast(kept, element), isDouble ? 0x1p-53 : 0x1p-24);
}

Value RandomStream::uniform(Type element, ArrayRef<AffineExpr> dims, int64_t draw) {
  Words words = block(dims, draw);
  if (node.failed())
    return {};
  Value joined =
      node.create<graph::BitwiseOrOp>(node.create<graph::ShiftLeftOp>(words.first, number(32)), words.second);
  return toUnit(element, joined);
}

/// By Box and Muller: the radius and the angle of a point in the plane.
Value RandomStream::normal(Type element, ArrayRef<AffineExpr> dims) {
  Value first, second;
  if (element.isF64()) {
    first = uniform(element, dims, 0);
    second = uniform(element, dims, 1);
  } else {
    // Each word has more bits than an f32.
    Words words = block(dims, 0);
    if (node.failed())
      return {};
    first = node.mul(node.cast(words.first, element), 0x1p-32);
    second = toUnit(element, node.create<graph::ShiftLeftOp>(words.second, number(32)));
  }
  // Never the logarithm of 0.
  Value inside = node.create<graph::MaxOp>(first, node.scalar(element, element.isF64() ? 0x1p-54 : 0x1p-33));
  Value radius = node.create<graph::SqrtOp>(node.mul(node.create<graph::LogOp>(inside), -2));
  return node.mul(radius, node.create<graph::CosOp>(node.mul(second, 6.283185307179586)));
}

//===----------------------------------------------------------------------===//
// Operators
//===----------------------------------------------------------------------===//

/// The element type that attribute 'dtype' says, or that of `like`.
static Type resultElement(Node &node, Type like) {
  if (!node.has("dtype") && like)
    return like;
  auto number = static_cast<int32_t>(node.integer("dtype"));
  Type element = toMLIRType(node.builder().getContext(), number);
  if (element)
    return element;
  node.unsupported("dtype", elementTypeName(number), "numbers of TensorProto.DataType are");
  return {};
}

/// The same where only floats can be.
static Type floatElement(Node &node, Type like) {
  Type element = resultElement(node, like);
  if (!element || llvm::isa<mlir::Float16Type, mlir::BFloat16Type, mlir::Float32Type, mlir::Float64Type>(element))
    return element;
  node.unsupported("dtype", "a type of " + elementTypeName(toONNXType(element)), "floats of 16 to 64 bits are");
  return {};
}

/// What a draw is computed in.
static Type wideOf(Type element) {
  return element.isF64() ? element : Type(mlir::Float32Type::get(element.getContext()));
}

static Value drawUniform(Node &node, Type element, ArrayRef<AffineExpr> dims) {
  double low = node.number("low"), high = node.number("high");
  if (!element || node.failed())
    return {};
  Value unit = RandomStream(node).uniform(wideOf(element), dims);
  return node.cast(node.add(node.mul(unit, high - low), low), element);
}

static Value drawNormal(Node &node, Type element, ArrayRef<AffineExpr> dims) {
  double mean = node.number("mean"), deviation = node.number("scale");
  if (!element || node.failed())
    return {};
  Value unit = RandomStream(node).normal(wideOf(element), dims);
  return node.cast(node.add(node.mul(unit, deviation), mean), element);
}

/// The dims that attribute 'shape' says.
static Dims readShape(Node &node) {
  Dims dims;
  for (int64_t size : node.integers("shape")) {
    if (size < 0 && !node.failed())
      node.error("onnx-shape-mismatch", "'shape' has the size " + Twine(size)).note("sizes are 0 or more");
    dims.push_back(node.solver().constant(std::max<int64_t>(size, 0)));
  }
  return dims;
}

static Value importRandomUniform(Node &node) {
  Dims dims = readShape(node);
  return drawUniform(node, floatElement(node, {}), dims);
}

static Value importRandomNormal(Node &node) {
  Dims dims = readShape(node);
  return drawNormal(node, floatElement(node, {}), dims);
}

static Value importRandomUniformLike(Node &node) {
  return drawUniform(node, floatElement(node, node.element(node.input(0))), node.dims(node.input(0)));
}

static Value importRandomNormalLike(Node &node) {
  return drawNormal(node, floatElement(node, node.element(node.input(0))), node.dims(node.input(0)));
}

static Value importBernoulli(Node &node) {
  Value probability = node.input(0);
  Type element = resultElement(node, node.element(probability));
  if (!element || node.failed())
    return {};
  Type wide = wideOf(node.element(probability));
  Value unit = RandomStream(node).uniform(wide, node.dims(probability));
  Value isOne = node.createAs<graph::LessOp>(node.builder().getI1Type(), unit, node.cast(probability, wide));
  return node.cast(isOne, element);
}

/// Counts the classes whose running sum of probabilities a uniform number passes.
static Value importMultinomial(Node &node) {
  Value logits = node.input(0);
  int64_t samples = node.integer("sample_size");
  Type element = resultElement(node, {});
  if (!node.failed() && element && !element.isInteger(32) && !element.isInteger(64))
    return node.unsupported("dtype", "a type of " + elementTypeName(toONNXType(element)), "int32 and int64 are");
  if (!node.failed() && (node.rank(logits) != 2 || samples < 0))
    node.error("onnx-shape-mismatch",
               "'input' has rank " + Twine(node.rank(logits)) + " and 'sample_size' is " + Twine(samples))
        .note("give a row of logarithms of probabilities for each batch, and a size from 0 on");
  if (node.failed() || !element)
    return {};
  graph::ShapeSolver &solver = node.solver();
  Type wide = wideOf(node.element(logits));
  Value x = node.cast(logits, wide);
  node.require(node.dims(x)[1], solver.constant(1), "the classes of Multinomial and 1");
  Value weights = node.create<graph::ExpOp>(node.sub(x, node.reduce(graph::ReduceKind::max, x, {1}, true)));
  Value sums = node.create<graph::CumulativeSumOp>(weights, int64_t(1), /*exclusive=*/false, /*reverse=*/false);
  Value total = node.reduce(graph::ReduceKind::max, sums, {1}, true);
  // One bit less than f32 has: the product stays below the total however it is
  // rounded, and no class without a probability is drawn.
  Value unit = RandomStream(node).uniform(wide, {node.dims(x)[0], solver.constant(samples)});
  double steps = wide.isF64() ? 0x1p52 : 0x1p23;
  unit = node.mul(node.create<graph::FloorOp>(node.mul(unit, steps)), 1 / steps);
  Value passed = node.createAs<graph::LessEqualOp>(node.builder().getI1Type(), node.unsqueeze(sums, {1}),
                                                   node.unsqueeze(node.mul(unit, total), {2}));
  return node.reduce(graph::ReduceKind::sum, node.cast(passed, element), {2}, /*keepDims=*/false);
}

//===----------------------------------------------------------------------===//
// Dropout
//===----------------------------------------------------------------------===//

/// The share of elements that a dropout drops, a scalar of `wide`; null if that is
/// none, as in inference.
static Value droppedShare(Node &node, Type wide) {
  Value training = node.input(2);
  std::optional<Dims> known = training ? node.solver().contents(training) : std::nullopt;
  auto fixed = known && known->size() == 1 ? mlir::dyn_cast<mlir::AffineConstantExpr>(known->front()) : nullptr;
  std::optional<SmallVector<double>> ratio =
      node.input(1) ? node.knownNumbers(1) : std::optional(SmallVector<double>{0.5});
  if (!training || (fixed && fixed.getValue() == 0) || (ratio && ratio->size() == 1 && ratio->front() == 0))
    return {};
  if (ratio && (ratio->size() != 1 || !(ratio->front() >= 0 && ratio->front() < 1)))
    node.error("onnx-dropout-ratio", "'ratio' has " + Twine(ratio->size()) + " elements, or one that is not in [0, 1)")
        .note("give the share of elements to drop, a scalar");
  if (node.failed())
    return {};
  auto scalarOf = [&](Value x, Type element) { return node.reshape(node.cast(x, element), {}); };
  Value share = node.input(1) ? scalarOf(node.input(1), wide) : node.scalar(wide, 0.5);
  return fixed ? share
               : node.createAs<graph::SelectOp>(wide, scalarOf(training, node.builder().getI1Type()), share,
                                                node.scalar(wide, 0));
}

/// At inference, dropout passes everything through; the mask is all true.
static void importDropout(Node &node) {
  node.ignore({"ratio", "seed", "is_test"});
  Value x = node.input(0);
  Type i1 = node.builder().getI1Type(), element = node.element(x), wide = wideOf(element);
  Value share = droppedShare(node, wide);
  if (node.failed())
    return;
  if (!share) {
    node.setOutput(0, x);
    if (node.wantsOutput(1))
      node.setOutput(1, node.broadcast(node.scalar(i1, 1), node.dims(x)));
    return;
  }
  Value unit = RandomStream(node).uniform(wide, node.dims(x));
  Value isKept = node.createAs<graph::GreaterEqualOp>(i1, unit, share);
  Value scaled = node.div(node.cast(x, wide), node.sub(node.scalar(wide, 1), share));
  node.setOutput(0, node.cast(node.createAs<graph::SelectOp>(wide, isKept, scaled, node.scalar(wide, 0)), element));
  node.setOutput(1, isKept);
}

void onnx_import::registerRandomOps(OpTable &ops) {
  ops.add("Bernoulli", {15, 22}, importBernoulli);
  ops.add("Dropout", {1, 6, 7, 10, 12, 13, 22}, importDropout);
  ops.add("Multinomial", {7, 22}, importMultinomial);
  ops.add("RandomNormal", {1, 22}, importRandomNormal);
  ops.add("RandomNormalLike", {1, 22}, importRandomNormalLike);
  ops.add("RandomUniform", {1, 22}, importRandomUniform);
  ops.add("RandomUniformLike", {1, 22}, importRandomUniformLike);
}
