// lib/Import/ONNX/Optimizers.cpp: one step of an optimiser, for any number of
// tensors at once.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Import/Core/Node.h"
#include "OpTable.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::SmallVector;
using llvm::Twine;

namespace {

/// What an optimiser has of each of the tensors: the value, its gradient, and what it keeps.
struct Optimized {
  Value x, gradient;
  SmallVector<Value> kept;
};

} // namespace

/// The inputs behind the rate and the count of updates: all values, then all
/// gradients, then all of each kind that is kept.
static SmallVector<Optimized> readTensors(Node &node, unsigned kinds) {
  SmallVector<Optimized> result;
  size_t count = node.inputs().size() - std::min<size_t>(2, node.inputs().size());
  if (node.failed())
    return result;
  if (count == 0 || count % kinds != 0) {
    node.error("onnx-arity", "has " + Twine(count) + " tensors, but " + Twine(kinds) + " for each value")
        .note("give values, gradients and what the optimiser keeps");
    return result;
  }
  size_t each = count / kinds;
  for (size_t i = 0; i < each; ++i) {
    Optimized one{node.input(2 + i), node.input(2 + each + i), {}};
    for (unsigned kind = 2; kind < kinds; ++kind)
      one.kept.push_back(node.input(2 + kind * each + i));
    result.push_back(one);
  }
  return result;
}

/// Outputs: all new values, then all of each kind that is kept.
static void writeTensors(Node &node, const SmallVector<SmallVector<Value>> &made) {
  for (auto [i, one] : llvm::enumerate(made))
    for (auto [kind, value] : llvm::enumerate(one))
      node.setOutput(kind * made.size() + i, value);
}

/// A scalar for an elementwise op, in the element type of the tensors.
static Value scalarInput(Node &node, unsigned index, Type element) {
  Value x = node.input(index);
  if (!node.failed() && node.rank(x) != 0)
    x = node.reshape(x, {});
  return node.cast(x, element);
}

/// The gradient with that of the regularisation.
static Value regularized(Node &node, const Optimized &one) {
  double norm = node.number("norm_coefficient");
  return norm == 0 ? one.gradient : node.add(one.gradient, node.mul(one.x, norm));
}

static void importAdagrad(Node &node) {
  double decay = node.number("decay_factor"), epsilon = node.number("epsilon");
  node.ignore({"norm_coefficient"});
  SmallVector<SmallVector<Value>> made;
  for (const Optimized &one : readTensors(node, 3)) {
    Type element = node.element(one.x);
    Value steps = scalarInput(node, 1, element);
    Value rate = node.div(scalarInput(node, 0, element), node.add(node.mul(steps, decay), 1));
    Value gradient = regularized(node, one);
    Value sum = node.add(one.kept[0], node.mul(gradient, gradient));
    Value root = node.add(node.create<graph::SqrtOp>(sum), epsilon);
    made.push_back({node.sub(one.x, node.div(node.mul(rate, gradient), root)), sum});
  }
  writeTensors(node, made);
}

static void importMomentum(Node &node) {
  double alpha = node.number("alpha"), beta = node.number("beta");
  llvm::StringRef mode = node.string("mode");
  node.ignore({"norm_coefficient"});
  if (mode != "standard" && mode != "nesterov") {
    node.unsupported("mode", "\"" + mode + "\"", "'standard' and 'nesterov' are");
    return;
  }
  SmallVector<SmallVector<Value>> made;
  for (const Optimized &one : readTensors(node, 3)) {
    Type element = node.element(one.x);
    Value isLater = node.createAs<graph::LessOp>(node.builder().getI1Type(), node.scalar(element, 0),
                                                 scalarInput(node, 1, element));
    // The first gradient counts in full.
    Value weight =
        node.createAs<graph::SelectOp>(element, isLater, node.scalar(element, beta), node.scalar(element, 1));
    Value gradient = regularized(node, one);
    Value velocity = node.add(node.mul(one.kept[0], alpha), node.mul(gradient, weight));
    Value step = mode == "nesterov" ? node.add(gradient, node.mul(velocity, alpha)) : velocity;
    made.push_back({node.sub(one.x, node.mul(step, scalarInput(node, 0, element))), velocity});
  }
  writeTensors(node, made);
}

static void importAdam(Node &node) {
  double alpha = node.number("alpha"), beta = node.number("beta"), epsilon = node.number("epsilon");
  double after = node.number("norm_coefficient_post");
  node.ignore({"norm_coefficient"});
  SmallVector<SmallVector<Value>> made;
  for (const Optimized &one : readTensors(node, 4)) {
    Type element = node.element(one.x);
    Value rate = scalarInput(node, 0, element), steps = scalarInput(node, 1, element);
    Value gradient = regularized(node, one);
    Value first = node.add(node.mul(one.kept[0], alpha), node.mul(gradient, 1 - alpha));
    Value second = node.add(node.mul(one.kept[1], beta), node.mul(node.mul(gradient, gradient), 1 - beta));
    // Both means start at zero, which the first steps make up for.
    auto missing = [&](double decay) {
      Value power = node.create<graph::PowOp>(node.scalar(element, decay), steps);
      return node.sub(node.scalar(element, 1), power);
    };
    Value isLater = node.createAs<graph::LessOp>(node.builder().getI1Type(), node.scalar(element, 0), steps);
    Value adjusted = node.div(node.mul(rate, node.create<graph::SqrtOp>(missing(beta))), missing(alpha));
    rate = node.createAs<graph::SelectOp>(element, isLater, adjusted, rate);
    Value root = node.add(node.create<graph::SqrtOp>(second), epsilon);
    Value x = node.sub(one.x, node.mul(rate, node.div(first, root)));
    made.push_back({after == 0 ? x : node.mul(x, 1 - after), first, second});
  }
  writeTensors(node, made);
}

void onnx_import::registerOptimizers(OpTable &ops) {
  constexpr llvm::StringRef domain = "ai.onnx.preview.training";
  ops.add({domain, "Adagrad"}, {1}, importAdagrad);
  ops.add({domain, "Adam"}, {1}, importAdam);
  ops.add({domain, "Momentum"}, {1}, importMomentum);
}
