// lib/Import/ONNX/SupportVectors.cpp: linear models and support vector machines
// of ai.onnx.ml.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Loops.h"
#include "MachineLearning.h"
#include "OpTable.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

/// Columns of `rows` next to each other, [rows, 2].
static Value twoColumns(Node &node, Value first, Value second) {
  return node.createAs<graph::ConcatOp>(node.element(first), mlir::ValueRange{first, second}, int64_t(1));
}

static Value negative(Node &node, Value x) { return node.create<graph::NegOp>(x); }

/// Column `index` of a matrix, [rows, 1].
static Value columnOf(Node &node, Value x, int64_t index) {
  return node.unsqueeze(node.create<graph::GatherOp>(x, node.scalar(node.builder().getI64Type(), index), int64_t(1)),
                        {1});
}

//===----------------------------------------------------------------------===//
// LinearClassifier
//===----------------------------------------------------------------------===//

static void importLinearClassifier(Node &node) {
  SmallVector<double> coefficients = node.numbers("coefficients"), intercepts = node.numbers("intercepts");
  StringRef transform = node.string("post_transform");
  Labels labels(node, "classlabels_ints", "classlabels_strings");
  node.ignore({"multi_class"}); // The transform says the same.
  Type f32 = node.builder().getF32Type();
  Value x = readRows(node, f32);
  if (node.failed())
    return;
  int64_t classes = labels.size(), features = node.staticDim(x, 1, "LinearClassifier");
  int64_t count = coefficients.size(), rows = features > 0 ? count / features : 0;
  if (!node.failed() && (rows < 1 || rows * features != count || (rows != classes && !(rows == 1 && classes == 2)) ||
                         (!intercepts.empty() && static_cast<int64_t>(intercepts.size()) != rows)))
    node.error("onnx-shape-mismatch", "there are " + Twine(count) + " coefficients and " + Twine(intercepts.size()) +
                                          " intercepts for " + Twine(features) + " features and " + Twine(classes) +
                                          " classes")
        .note("give one coefficient for each feature and class; two classes may share theirs");
  if (node.failed())
    return;
  Value scores =
      node.create<graph::MatmulOp>(x, node.transpose(numbersOf(node, f32, coefficients, {rows, features}), {1, 0}));
  if (!intercepts.empty())
    scores = node.add(scores, numbersOf(node, f32, intercepts, rows));
  if (classes == 1) {
    // A class, or what is not of it.
    node.unsupported("classlabels", "a list of one", "lists of two classes or more are");
    return;
  }
  if (rows == 1)
    scores = twoColumns(node, negative(node, scores), scores);
  Value best = bestClass(node, scores);
  node.setOutput(0, labels.at(best));
  node.setOutput(1, transformScores(node, scores, transform));
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

namespace {

/// What makes a number of a row and a support vector.
struct Kernel {
  StringRef kind;
  double gamma = 0, offset = 0, degree = 0;
};

} // namespace

static Kernel readKernel(Node &node) {
  Kernel kernel{node.string("kernel_type")};
  SmallVector<double> parameters = node.numbers("kernel_params");
  if (!llvm::is_contained({"LINEAR", "POLY", "RBF", "SIGMOID"}, kernel.kind))
    node.unsupported("kernel_type", quoted(kernel.kind), "'LINEAR', 'POLY', 'RBF' and 'SIGMOID' are");
  if (parameters.size() != 3 && (!parameters.empty() || kernel.kind != "LINEAR") && !node.failed())
    node.error("onnx-shape-mismatch",
               "'kernel_params' has " + Twine(parameters.size()) + " elements, but 3 are expected")
        .note("give gamma, coef0 and degree");
  if (parameters.size() == 3) {
    kernel.gamma = parameters[0];
    kernel.offset = parameters[1];
    kernel.degree = parameters[2];
  }
  return kernel;
}

/// [rows, vectors] of rows [rows, features] and a constant [vectors, features].
static Value applyKernel(Node &node, const Kernel &kernel, Value x, Value vectors) {
  if (kernel.kind == "RBF") {
    // The difference first: what is left of two large products would be noise.
    Value difference = node.sub(node.unsqueeze(x, {1}), vectors);
    Value distance = node.reduce(graph::ReduceKind::sum, node.mul(difference, difference), {2}, /*keepDims=*/false);
    return node.create<graph::ExpOp>(node.mul(distance, -kernel.gamma));
  }
  Value product = node.create<graph::MatmulOp>(x, node.transpose(vectors, {1, 0}));
  if (kernel.kind == "LINEAR")
    return product;
  Value moved = node.add(node.mul(product, kernel.gamma), kernel.offset);
  return kernel.kind == "POLY" ? node.pow(moved, kernel.degree) : node.create<graph::TanhOp>(moved);
}

//===----------------------------------------------------------------------===//
// SVMRegressor
//===----------------------------------------------------------------------===//

static Value importSVMRegressor(Node &node) {
  SmallVector<double> coefficients = node.numbers("coefficients"), rho = node.numbers("rho"),
                      vectors = node.numbers("support_vectors");
  int64_t supports = node.integer("n_supports");
  bool isOneClass = node.flag("one_class");
  StringRef transform = node.string("post_transform");
  Kernel kernel = readKernel(node);
  Type f32 = node.builder().getF32Type();
  Value x = readRows(node, f32);
  int64_t features = node.failed() ? 0 : node.staticDim(x, 1, "SVMRegressor");
  if (node.failed())
    return {};
  int64_t wanted = supports > 0 ? supports : features;
  bool isTooMany = supports > static_cast<int64_t>(vectors.size());
  if (features < 1 || supports < 0 || isTooMany || static_cast<int64_t>(coefficients.size()) != wanted ||
      rho.size() != 1 || (supports > 0 && static_cast<int64_t>(vectors.size()) != supports * features)) {
    node.error("onnx-shape-mismatch", "there are " + Twine(coefficients.size()) + " coefficients, " +
                                          Twine(vectors.size()) + " numbers of support vectors and " +
                                          Twine(rho.size()) + " of 'rho' for " + Twine(supports) + " vectors of " +
                                          Twine(features) + " features")
        .note("give one coefficient for each vector, or for each feature if there is no vector, and one 'rho'");
    return {};
  }
  if (supports > 0)
    x = applyKernel(node, kernel, x, numbersOf(node, f32, vectors, {supports, features}));
  Value y = node.add(node.create<graph::MatmulOp>(x, numbersOf(node, f32, coefficients, {wanted, 1})), rho[0]);
  if (isOneClass) {
    Value isInside = node.createAs<graph::GreaterOp>(node.builder().getI1Type(), y, node.scalar(f32, 0));
    return node.createAs<graph::SelectOp>(f32, isInside, node.scalar(f32, 1), node.scalar(f32, -1));
  }
  return transformScores(node, y, transform);
}

//===----------------------------------------------------------------------===//
// SVMClassifier
//===----------------------------------------------------------------------===//

namespace {

/// Each two classes have a machine of their own that decides between them.
class SVMClassifier {
public:
  explicit SVMClassifier(Node &node)
      : node(node), labels(node, "classlabels_ints", "classlabels_strings"), f32(node.builder().getF32Type()),
        i1(node.builder().getI1Type()) {}
  void import();

private:
  Node &node;
  Labels labels;
  Type f32, i1;
  Kernel kernel;
  SmallVector<double> coefficients, rho, vectors, probA, probB;
  SmallVector<int64_t> perClass;
  int64_t classes = 0, supports = 0, features = 0, pairs = 0;

  bool read(Value x);
  Value decide(Value x);
  Value countVotes(Value decisions);
  Value estimate(Value decisions);
  Value pairwise(Value decisions);
  std::optional<Turn> refine(Value q, Value p);
};

} // namespace

bool SVMClassifier::read(Value x) {
  kernel = readKernel(node);
  coefficients = node.numbers("coefficients"), rho = node.numbers("rho");
  vectors = node.numbers("support_vectors"), perClass = node.integers("vectors_per_class");
  probA = node.numbers("prob_a"), probB = node.numbers("prob_b");
  classes = labels.size();
  features = node.failed() ? 0 : node.staticDim(x, 1, "SVMClassifier");
  bool isGood = classes >= 2 && features > 0;
  for (int64_t count : perClass) {
    isGood &= count >= 0 && count <= static_cast<int64_t>(vectors.size());
    supports += isGood ? count : 0;
  }
  pairs = classes * (classes - 1) / 2;
  int64_t given = coefficients.size();
  if (isGood && supports > 0)
    isGood = static_cast<int64_t>(perClass.size()) == classes &&
             static_cast<int64_t>(vectors.size()) == supports * features && given == (classes - 1) * supports &&
             static_cast<int64_t>(rho.size()) == pairs && probA.size() == probB.size() &&
             (probA.empty() || static_cast<int64_t>(probA.size()) == pairs);
  else if (isGood)
    isGood = given == classes * features && !rho.empty();
  if (!isGood && !node.failed())
    node.error("onnx-shape-mismatch", "there are " + Twine(given) + " coefficients, " + Twine(vectors.size()) +
                                          " numbers of support vectors, " + Twine(perClass.size()) +
                                          " 'vectors_per_class', " + Twine(rho.size()) + " of 'rho' and " +
                                          Twine(probA.size()) + " of 'prob_a' for " + Twine(classes) + " classes and " +
                                          Twine(features) + " features")
        .note("export the model again");
  return !node.failed();
}

/// The machines' decisions, [rows, pairs]: above 0 for the first of each two.
Value SVMClassifier::decide(Value x) {
  SmallVector<int64_t> starts(classes, 0);
  for (int64_t c = 1; c < classes; ++c)
    starts[c] = starts[c - 1] + perClass[c - 1];
  SmallVector<double> weights(supports * pairs, 0);
  int64_t pair = 0;
  for (int64_t i = 0; i < classes; ++i)
    for (int64_t j = i + 1; j < classes; ++j, ++pair) {
      for (int64_t v = starts[i]; v < starts[i] + perClass[i]; ++v)
        weights[v * pairs + pair] = coefficients[(j - 1) * supports + v];
      for (int64_t v = starts[j]; v < starts[j] + perClass[j]; ++v)
        weights[v * pairs + pair] = coefficients[i * supports + v];
    }
  Value near = applyKernel(node, kernel, x, numbersOf(node, f32, vectors, {supports, features}));
  return node.add(node.create<graph::MatmulOp>(near, numbersOf(node, f32, weights, {supports, pairs})),
                  numbersOf(node, f32, rho, pairs));
}

/// How many decisions each class won, [rows, classes].
Value SVMClassifier::countVotes(Value decisions) {
  SmallVector<double> first(pairs * classes, 0), second(pairs * classes, 0);
  int64_t pair = 0;
  for (int64_t i = 0; i < classes; ++i)
    for (int64_t j = i + 1; j < classes; ++j, ++pair)
      first[pair * classes + i] = second[pair * classes + j] = 1;
  Value isFirst = node.createAs<graph::GreaterOp>(i1, decisions, node.scalar(f32, 0));
  auto count = [&](Value won, ArrayRef<double> whose) {
    return node.create<graph::MatmulOp>(node.cast(won, f32), numbersOf(node, f32, whose, {pairs, classes}));
  };
  return node.add(count(isFirst, first), count(node.create<graph::NotOp>(isFirst), second));
}

/// The probability of each class against each other one, [rows, classes, classes].
Value SVMClassifier::pairwise(Value decisions) {
  Value raw = node.add(node.mul(decisions, numbersOf(node, f32, probA, pairs)), numbersOf(node, f32, probB, pairs));
  Value first = node.create<graph::SigmoidOp>(negative(node, raw));
  first =
      node.create<graph::MinOp>(node.create<graph::MaxOp>(first, node.scalar(f32, 1e-7)), node.scalar(f32, 1 - 1e-7));
  Value both = twoColumns(node, first, node.sub(node.scalar(f32, 1), first));
  // On the diagonal stands what nobody reads.
  SmallVector<int64_t> places(classes * classes, 0);
  int64_t pair = 0;
  for (int64_t i = 0; i < classes; ++i)
    for (int64_t j = i + 1; j < classes; ++j, ++pair) {
      places[i * classes + j] = pair;
      places[j * classes + i] = pairs + pair;
    }
  Value taken = node.create<graph::GatherOp>(both, node.constant(places), int64_t(1));
  graph::ShapeSolver &solver = node.solver();
  return node.reshape(taken, {node.dims(taken)[0], solver.constant(classes), solver.constant(classes)});
}

/// One sweep over the classes of the iteration that couples their probabilities.
std::optional<Turn> SVMClassifier::refine(Value q, Value p) {
  Value column = node.unsqueeze(p, {2});
  Value qp = node.squeeze(node.create<graph::MatmulOp>(q, column), {2});
  Value pqp = node.reduce(graph::ReduceKind::sum, node.mul(p, qp), {1}, true);
  Value error = node.reduce(graph::ReduceKind::max, node.create<graph::AbsOp>(node.sub(qp, pqp)), {1}, true);
  Value isOpen =
      node.createAs<graph::GreaterEqualOp>(i1, error, node.scalar(f32, 0.005 / static_cast<double>(classes)));
  Value next = p;
  for (int64_t t = 0; t < classes; ++t) {
    Value row = node.create<graph::GatherOp>(q, node.scalar(node.builder().getI64Type(), t), int64_t(1));
    Value qtt = columnOf(node, row, t), qpt = columnOf(node, qp, t);
    Value step = node.div(node.sub(pqp, qpt), qtt), scale = node.add(step, 1);
    SmallVector<double> unit(classes, 0);
    unit[t] = 1;
    pqp = node.div(node.add(pqp, node.mul(step, node.add(node.mul(step, qtt), node.mul(qpt, 2)))),
                   node.mul(scale, scale));
    next = node.div(node.add(next, node.mul(step, numbersOf(node, f32, unit, classes))), scale);
    qp = node.div(node.add(qp, node.mul(step, row)), scale);
  }
  Value kept = node.createAs<graph::SelectOp>(f32, isOpen, next, p);
  Value rows = node.cast(isOpen, node.builder().getI32Type());
  Value open = node.reduce(graph::ReduceKind::max, rows, {0, 1}, /*keepDims=*/false);
  Value goesOn = node.createAs<graph::GreaterOp>(i1, open, node.scalar(node.builder().getI32Type(), 0));
  if (node.failed())
    return std::nullopt;
  return Turn{goesOn, {kept}, {}};
}

/// Probabilities of the classes that fit those of all pairs best (Wu, Lin, Weng:
/// Probability Estimates for Multi-class Classification by Pairwise Coupling; 2004).
Value SVMClassifier::estimate(Value decisions) {
  Value r = pairwise(decisions), turned = node.transpose(r, {0, 2, 1});
  SmallVector<double> ones(classes * classes, 1), diagonal(classes * classes, 0);
  for (int64_t c = 0; c < classes; ++c) {
    ones[c * classes + c] = 0;
    diagonal[c * classes + c] = 1;
  }
  Value isOther = numbersOf(node, f32, ones, {classes, classes});
  Value squares = node.mul(node.mul(turned, turned), isOther);
  Value sums = node.reduce(graph::ReduceKind::sum, squares, {2}, true);
  Value q = node.sub(node.mul(sums, numbersOf(node, f32, diagonal, {classes, classes})),
                     node.mul(node.mul(r, turned), isOther));
  if (node.failed())
    return {};
  graph::ShapeSolver &solver = node.solver();
  Value even = node.scalar(f32, 1 / static_cast<double>(classes));
  Value p = node.broadcast(node.reshape(even, {solver.constant(1), solver.constant(1)}),
                           {node.dims(decisions)[0], solver.constant(classes)});
  Value turns = node.scalar(node.builder().getI64Type(), static_cast<double>(std::max<int64_t>(100, classes)));
  graph::LoopOp loop =
      makeLoop(node, turns, {}, p, 0, [&](Value, mlir::ValueRange carried) { return refine(q, carried[0]); });
  return loop ? loop.getResult(0) : Value();
}

void SVMClassifier::import() {
  StringRef transform = node.string("post_transform");
  Value x = readRows(node, f32);
  if (!read(x))
    return;
  if (supports == 0) {
    Value matrix = node.transpose(numbersOf(node, f32, coefficients, {classes, features}), {1, 0});
    Value scores = node.add(node.create<graph::MatmulOp>(x, matrix), rho[0]);
    node.setOutput(0, labels.at(bestClass(node, scores)));
    node.setOutput(1, transformScores(node, scores, transform));
    return;
  }
  Value decisions = decide(x);
  node.setOutput(0, labels.at(bestClass(node, countVotes(decisions))));
  Value scores = decisions;
  if (!probA.empty())
    scores = estimate(decisions);
  else if (classes == 2) // The second class has what is left.
    scores = twoColumns(node, negative(node, decisions), decisions);
  node.setOutput(1, transformScores(node, scores, transform));
}

static void importSVMClassifier(Node &node) { SVMClassifier(node).import(); }

void onnx_import::registerSupportVectors(OpTable &ops) {
  constexpr StringRef domain = machineLearningDomain;
  ops.add({domain, "LinearClassifier"}, {1}, importLinearClassifier);
  ops.add({domain, "SVMClassifier"}, {1}, importSVMClassifier);
  ops.add({domain, "SVMRegressor"}, {1}, importSVMRegressor);
}
