// lib/Import/ONNX/Trees.cpp: a row is at one node of each tree, and takes a step
// in all of them at once.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Trees.h"

#include "Loops.h"
#include "MachineLearning.h"

#include <cmath>
#include <limits>

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::Twine;

//===----------------------------------------------------------------------===//
// What files say
//===----------------------------------------------------------------------===//

std::optional<int64_t> Trees::check(Node &node) const {
  auto report = [&](const Twine &message) {
    node.error("onnx-tree-nodes", message).note("export the model again");
    return std::nullopt;
  };
  auto isPlace = [&](int64_t place) {
    return place < static_cast<int64_t>(branches.size()) && ~place < static_cast<int64_t>(leaves.size());
  };
  constexpr int64_t mostFeatures = int64_t(1) << 28;
  for (auto [i, branch] : llvm::enumerate(branches))
    if (!isPlace(branch.whenTrue) || !isPlace(branch.whenFalse) || branch.feature < 0 || branch.feature >= mostFeatures)
      return report("node " + Twine(i) + " of the trees has the children " + Twine(branch.whenTrue) + " and " +
                    Twine(branch.whenFalse) + " of " + Twine(branches.size()) + " nodes and " + Twine(leaves.size()) +
                    " leaves, and looks at feature " + Twine(branch.feature));
  for (const auto &leaf : leaves)
    for (const Vote &vote : leaf)
      if (vote.target < 0 || vote.target >= targets)
        return report("a leaf votes for target " + Twine(vote.target) + ", but there are " + Twine(targets));
  for (int64_t root : roots)
    if (!isPlace(root))
      return report("a tree begins at node " + Twine(root) + ", which does not exist");
  if (roots.empty() || targets < 1)
    return report("there are " + Twine(roots.size()) + " trees for " + Twine(targets) + " targets");
  // Depths from below, without recursion: files may be as deep as they like.
  constexpr int64_t unseen = -1, open = -2;
  SmallVector<int64_t> depth(branches.size(), unseen);
  auto depthOf = [&](int64_t place) { return place < 0 ? 0 : depth[place]; };
  SmallVector<int64_t> stack(roots.begin(), roots.end());
  int64_t most = 0;
  while (!stack.empty()) {
    int64_t at = stack.back();
    if (at < 0 || depth[at] >= 0) {
      stack.pop_back();
      continue;
    }
    const Branch &branch = branches[at];
    if (depth[at] == open) {
      depth[at] = 1 + std::max(depthOf(branch.whenTrue), depthOf(branch.whenFalse));
      most = std::max(most, depth[at]);
      stack.pop_back();
      continue;
    }
    depth[at] = open;
    for (int64_t child : {branch.whenTrue, branch.whenFalse}) {
      if (child >= 0 && depth[child] == open)
        return report("a node of a tree is below itself");
      stack.push_back(child);
    }
  }
  return most;
}

/// Leaves `LessOrEqual` and `Equal`, by turning children round and moving splits to
/// the next number.
static void simplify(Branch &branch, Type element) {
  auto turn = [&] {
    std::swap(branch.whenTrue, branch.whenFalse);
    branch.missingIsTrue = !branch.missingIsTrue;
  };
  auto before = [&](double split) {
    constexpr double least = -std::numeric_limits<double>::infinity();
    if (split == least) // Nothing is less.
      return std::numeric_limits<double>::quiet_NaN();
    return element.isF64() ? std::nextafter(split, least)
                           : static_cast<double>(std::nextafter(static_cast<float>(split), static_cast<float>(least)));
  };
  switch (branch.mode) {
  case TreeMode::LessOrEqual:
  case TreeMode::Equal:
  case TreeMode::Member:
    return;
  case TreeMode::Greater:
    turn();
    branch.mode = TreeMode::LessOrEqual;
    return;
  case TreeMode::GreaterOrEqual:
    turn();
    [[fallthrough]];
  case TreeMode::Less:
    branch.split = before(branch.split);
    branch.mode = TreeMode::LessOrEqual;
    return;
  case TreeMode::NotEqual:
    turn();
    branch.mode = TreeMode::Equal;
    return;
  }
}

/// Asks for one member after the other.
static void splitMembers(Trees &trees) {
  for (size_t i = 0; i < trees.branches.size(); ++i) {
    if (trees.branches[i].mode != TreeMode::Member)
      continue;
    SmallVector<double> members = std::move(trees.branches[i].members);
    Branch whole = trees.branches[i];
    size_t at = i;
    for (auto [position, member] : llvm::enumerate(members)) {
      bool isLast = position + 1 == members.size();
      Branch one = whole;
      one.mode = TreeMode::Equal;
      one.split = member;
      if (!isLast)
        one.whenFalse = static_cast<int64_t>(trees.branches.size());
      trees.branches[at] = one;
      at = trees.branches.size();
      if (!isLast)
        trees.branches.emplace_back();
    }
    if (members.empty()) { // Nothing is a member.
      whole.mode = TreeMode::Equal;
      whole.split = std::numeric_limits<double>::quiet_NaN();
      trees.branches[i] = whole;
    }
  }
}

//===----------------------------------------------------------------------===//
// Code
//===----------------------------------------------------------------------===//

namespace {

/// Nodes are numbered: the branches, then the leaves, whose children are themselves.
class TreeWalk {
public:
  TreeWalk(Node &node, const Trees &trees, Value x)
      : node(node), trees(trees), x(x), element(node.element(x)), index(node.builder().getI32Type()),
        i1(node.builder().getI1Type()) {}

  Value run(int64_t depth);

private:
  Node &node;
  const Trees &trees;
  Value x;
  Type element, index, i1;
  Value features, splits, children, missing, equals; ///< Tables; the last two may be null.

  int64_t numberOf(int64_t place) const {
    return place < 0 ? static_cast<int64_t>(trees.branches.size()) + ~place : place;
  }
  int64_t numNodes() const { return static_cast<int64_t>(trees.branches.size() + trees.leaves.size()); }
  Value integers(ArrayRef<int32_t> values);
  Value flags(ArrayRef<bool> values);
  void makeTables();
  Value take(Value table, Value at) { return node.create<graph::GatherOp>(table, at, int64_t(0)); }
  Value step(Value at);
  Value walk(int64_t depth);
  Value addUp(Value at);
  Value aggregate(Value parts);
  SmallVector<int64_t> targetOfTrees() const;
  SmallVector<int64_t> treeTargets;
};

} // namespace

Value TreeWalk::integers(ArrayRef<int32_t> values) {
  auto type = mlir::RankedTensorType::get(static_cast<int64_t>(values.size()), index);
  return node.constant(mlir::DenseElementsAttr::get(type, values));
}

Value TreeWalk::flags(ArrayRef<bool> values) {
  auto type = mlir::RankedTensorType::get(static_cast<int64_t>(values.size()), i1);
  return node.constant(mlir::DenseElementsAttr::get(type, values));
}

void TreeWalk::makeTables() {
  size_t count = numNodes();
  SmallVector<int32_t> feature(count, 0), child(2 * count);
  SmallVector<double> split(count, 0);
  SmallVector<bool> isMissing(count, false), isEqual(count, false);
  for (size_t i = 0; i < count; ++i)
    child[2 * i] = child[2 * i + 1] = static_cast<int32_t>(i);
  for (auto [i, branch] : llvm::enumerate(trees.branches)) {
    feature[i] = static_cast<int32_t>(branch.feature);
    split[i] = branch.split;
    child[2 * i] = static_cast<int32_t>(numberOf(branch.whenTrue));
    child[2 * i + 1] = static_cast<int32_t>(numberOf(branch.whenFalse));
    isMissing[i] = branch.missingIsTrue;
    isEqual[i] = branch.mode == TreeMode::Equal;
  }
  features = integers(feature);
  children = integers(child);
  splits = numbersOf(node, element, split, static_cast<int64_t>(count));
  if (llvm::is_contained(isMissing, true))
    missing = flags(isMissing);
  if (llvm::is_contained(isEqual, true))
    equals = flags(isEqual);
}

/// From the nodes `at`, [rows, trees], to their children.
Value TreeWalk::step(Value at) {
  Value value = node.create<graph::GatherElementsOp>(x, take(features, at), int64_t(1)), split = take(splits, at);
  Value holds = node.createAs<graph::LessEqualOp>(i1, value, split);
  if (equals)
    holds =
        node.createAs<graph::SelectOp>(i1, take(equals, at), node.createAs<graph::EqualOp>(i1, value, split), holds);
  if (missing)
    holds = node.create<graph::OrOp>(
        holds, node.create<graph::AndOp>(node.createAs<graph::IsNanOp>(i1, value), take(missing, at)));
  Value side = node.createAs<graph::SelectOp>(index, holds, node.scalar(index, 0), node.scalar(index, 1));
  return take(children, node.add(node.mul(at, 2), side));
}

/// The leaves that the rows come to.
Value TreeWalk::walk(int64_t depth) {
  SmallVector<int32_t> roots;
  for (int64_t root : trees.roots)
    roots.push_back(static_cast<int32_t>(numberOf(root)));
  if (node.failed())
    return {};
  graph::ShapeSolver &solver = node.solver();
  auto count = static_cast<int64_t>(roots.size());
  Value at = node.broadcast(node.reshape(integers(roots), {solver.constant(1), solver.constant(count)}),
                            {node.dims(x)[0], solver.constant(count)});
  // Code for deeper trees would be long, and the steps of a loop cost little there.
  constexpr int64_t longest = 24;
  if (depth > longest) {
    Value turns = node.scalar(node.builder().getI64Type(), static_cast<double>(depth));
    graph::LoopOp loop = makeLoop(node, turns, {}, at, 0, [&](Value, mlir::ValueRange carried) {
      Value next = step(carried[0]);
      return node.failed() ? std::nullopt : std::optional<Turn>(Turn{{}, {next}, {}});
    });
    return loop ? loop.getResult(0) : Value();
  }
  for (int64_t level = 0; level < depth; ++level)
    at = step(at);
  return at;
}

/// The one target that all leaves of each tree vote for, once; empty if a tree has
/// several.
SmallVector<int64_t> TreeWalk::targetOfTrees() const {
  SmallVector<int64_t> result;
  for (int64_t root : trees.roots) {
    int64_t target = -1;
    SmallVector<int64_t> stack = {root};
    llvm::DenseSet<int64_t> seen;
    while (!stack.empty()) {
      int64_t at = stack.pop_back_val();
      if (at >= 0) {
        if (seen.insert(at).second)
          stack.append({trees.branches[at].whenTrue, trees.branches[at].whenFalse});
        continue;
      }
      const auto &leaf = trees.leaves[~at];
      if (leaf.size() != 1 || (target >= 0 && leaf[0].target != target))
        return {};
      target = leaf[0].target;
    }
    result.push_back(target);
  }
  return result;
}

/// [rows, trees, targets] to [rows, targets].
Value TreeWalk::aggregate(Value parts) {
  if (trees.aggregate == Aggregate::Sum || trees.aggregate == Aggregate::Average)
    return node.reduce(graph::ReduceKind::sum, parts, {1}, /*keepDims=*/false);
  Value best = node.reduce(trees.aggregate == Aggregate::Min ? graph::ReduceKind::min : graph::ReduceKind::max, parts,
                           {1}, /*keepDims=*/false);
  // A target that no tree has voted for.
  Value isNone =
      node.createAs<graph::IsInfOp>(i1, best, trees.aggregate == Aggregate::Max, trees.aggregate == Aggregate::Min);
  return node.createAs<graph::SelectOp>(element, isNone, node.scalar(element, 0), best);
}

Value TreeWalk::addUp(Value at) {
  bool isSum = trees.aggregate == Aggregate::Sum || trees.aggregate == Aggregate::Average;
  if (!treeTargets.empty() && (trees.targets == 1 || isSum)) {
    SmallVector<double> weights(numNodes(), 0);
    for (auto [i, leaf] : llvm::enumerate(trees.leaves))
      if (!leaf.empty())
        weights[trees.branches.size() + i] = leaf[0].weight;
    Value taken = take(numbersOf(node, element, weights, numNodes()), at);
    if (trees.targets == 1)
      return aggregate(node.unsqueeze(taken, {2}));
    auto count = static_cast<int64_t>(trees.roots.size());
    SmallVector<double> whose(count * trees.targets, 0);
    for (auto [tree, target] : llvm::enumerate(treeTargets))
      whose[tree * trees.targets + target] = 1;
    return node.create<graph::MatmulOp>(taken, numbersOf(node, element, whose, {count, trees.targets}));
  }
  double none = isSum                               ? 0
                : trees.aggregate == Aggregate::Min ? std::numeric_limits<double>::infinity()
                                                    : -std::numeric_limits<double>::infinity();
  SmallVector<double> weights(trees.leaves.size() * trees.targets, none);
  for (auto [i, leaf] : llvm::enumerate(trees.leaves))
    for (const Vote &vote : leaf) {
      double &weight = weights[i * trees.targets + vote.target];
      weight = isSum                               ? weight + vote.weight
               : trees.aggregate == Aggregate::Min ? std::min(weight, vote.weight)
                                                   : std::max(weight, vote.weight);
    }
  Value table = numbersOf(node, element, weights, {static_cast<int64_t>(trees.leaves.size()), trees.targets});
  Value leaf = node.sub(at, node.scalar(index, static_cast<double>(trees.branches.size())));
  return aggregate(take(table, leaf));
}

Value TreeWalk::run(int64_t depth) {
  makeTables();
  treeTargets = targetOfTrees();
  Value at = walk(depth);
  Value y = addUp(at);
  return trees.aggregate == Aggregate::Average ? node.div(y, static_cast<double>(trees.roots.size())) : y;
}

Value onnx_import::evaluateTrees(Node &node, Trees trees, Value x) {
  if (node.failed())
    return {};
  // Nodes are numbered in 32 bits, and tables are constants of the model.
  constexpr size_t most = 1 << 28;
  auto isTooMany = [&] {
    size_t nodes = trees.branches.size() + trees.leaves.size(), targets = static_cast<size_t>(trees.targets);
    return nodes > most || targets > most || std::max(trees.leaves.size(), trees.roots.size()) * targets > most;
  };
  if (!trees.check(node) || node.failed())
    return {};
  splitMembers(trees);
  for (Branch &branch : trees.branches)
    simplify(branch, node.element(x));
  if (isTooMany()) {
    node.error("onnx-too-large", "the trees have " + Twine(trees.branches.size()) + " branches and " +
                                     Twine(trees.leaves.size()) + " leaves for " + Twine(trees.targets) +
                                     " targets, but at most " + Twine(most) + " nodes and votes are supported")
        .note("split the ensemble");
    return {};
  }
  int64_t last = 0;
  for (const Branch &branch : trees.branches)
    last = std::max(last, branch.feature);
  node.require(node.dims(x)[1], node.solver().constant(last + 1), "the features of 'X' and those of the trees");
  std::optional<int64_t> depth = trees.check(node);
  return depth ? TreeWalk(node, trees, x).run(*depth) : Value();
}
