// lib/Import/ONNX/TreeEnsembles.cpp: the ways in which ai.onnx.ml writes down
// decision trees.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "MachineLearning.h"
#include "OpTable.h"
#include "Trees.h"

#include "llvm/ADT/StringSwitch.h"

#include <cmath>
#include <map>
#include <set>

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

static std::nullopt_t reportNodes(Node &node, const Twine &message) {
  if (!node.failed())
    node.error("onnx-tree-nodes", message).note("export the model again");
  return std::nullopt;
}

/// The numbers of attribute `name`, or of the tensor that may be there instead.
static SmallVector<double> readList(Node &node, StringRef name) {
  SmallVector<double> numbers = node.numbers(name);
  if (node.version() >= 3 && node.tensor((name + "_as_tensor").str()))
    return readNumbers(node, (name + "_as_tensor").str());
  return numbers;
}

//===----------------------------------------------------------------------===//
// Versions 1 and 3: nodes have the numbers of their trees and of their own
//===----------------------------------------------------------------------===//

namespace {

/// Names of the attributes that say what leaves vote for.
struct VoteNames {
  StringRef trees, nodes, targets, weights;
};

class NumberedTrees {
public:
  explicit NumberedTrees(Node &node) : node(node) {}
  std::optional<Trees> read(const VoteNames &names, int64_t targets);

private:
  Node &node;
  Trees trees;
  SmallVector<int64_t> treeIds, nodeIds, features, whenTrue, whenFalse, missing;
  SmallVector<StringRef> modes;
  SmallVector<double> splits;
  std::map<std::pair<int64_t, int64_t>, size_t> rows; ///< Of tree and node.
  SmallVector<int64_t> places;                        ///< Of rows: branches, and leaves from -1 down.

  bool readNodes();
  bool connect();
  bool readVotes(const VoteNames &names);
};

} // namespace

bool NumberedTrees::readNodes() {
  treeIds = node.integers("nodes_treeids"), nodeIds = node.integers("nodes_nodeids");
  features = node.integers("nodes_featureids");
  whenTrue = node.integers("nodes_truenodeids"), whenFalse = node.integers("nodes_falsenodeids");
  missing = node.integers("nodes_missing_value_tracks_true");
  modes = node.strings("nodes_modes");
  splits = readList(node, "nodes_values");
  node.ignore({"nodes_hitrates", "nodes_hitrates_as_tensor"}); // They tell which nodes are popular.
  size_t count = nodeIds.size();
  for (size_t length : {treeIds.size(), features.size(), whenTrue.size(), whenFalse.size(), modes.size(), splits.size(),
                        missing.empty() ? count : missing.size()})
    if (length != count || count == 0)
      return reportNodes(node, "the attributes 'nodes_...' have " + Twine(count) + " and " + Twine(length) +
                                   " entries, but each needs one for each node"),
             false;
  return !node.failed();
}

/// Gives rows their places; the first row of a tree is its root.
bool NumberedTrees::connect() {
  for (size_t row = 0; row < nodeIds.size(); ++row) {
    bool isLeaf = modes[row] == "LEAF";
    places.push_back(isLeaf ? -1 - static_cast<int64_t>(trees.leaves.size())
                            : static_cast<int64_t>(trees.branches.size()));
    if (isLeaf)
      trees.leaves.emplace_back();
    else
      trees.branches.emplace_back();
    if (!rows.try_emplace({treeIds[row], nodeIds[row]}, row).second)
      return reportNodes(node, "node " + Twine(nodeIds[row]) + " of tree " + Twine(treeIds[row]) + " is there twice"),
             false;
  }
  std::set<int64_t> begun;
  for (size_t row = 0; row < nodeIds.size(); ++row) {
    if (begun.insert(treeIds[row]).second)
      trees.roots.push_back(places[row]);
    if (places[row] < 0)
      continue;
    Branch &branch = trees.branches[places[row]];
    int mode = llvm::StringSwitch<int>(modes[row])
                   .Case("BRANCH_LEQ", static_cast<int>(TreeMode::LessOrEqual))
                   .Case("BRANCH_LT", static_cast<int>(TreeMode::Less))
                   .Case("BRANCH_GTE", static_cast<int>(TreeMode::GreaterOrEqual))
                   .Case("BRANCH_GT", static_cast<int>(TreeMode::Greater))
                   .Case("BRANCH_EQ", static_cast<int>(TreeMode::Equal))
                   .Case("BRANCH_NEQ", static_cast<int>(TreeMode::NotEqual))
                   .Default(-1);
    if (mode < 0) {
      node.unsupported("nodes_modes", quoted(modes[row]), "'LEAF' and 'BRANCH_' with LEQ, LT, GTE, GT, EQ or NEQ are");
      return false;
    }
    branch.mode = static_cast<TreeMode>(mode);
    branch.feature = features[row];
    branch.split = splits[row];
    branch.missingIsTrue = !missing.empty() && missing[row] != 0;
    auto yes = rows.find({treeIds[row], whenTrue[row]}), no = rows.find({treeIds[row], whenFalse[row]});
    if (yes == rows.end() || no == rows.end())
      return reportNodes(node, "node " + Twine(nodeIds[row]) + " of tree " + Twine(treeIds[row]) +
                                   " has a child that does not exist"),
             false;
    branch.whenTrue = places[yes->second];
    branch.whenFalse = places[no->second];
  }
  return true;
}

bool NumberedTrees::readVotes(const VoteNames &names) {
  SmallVector<int64_t> tree = node.integers(names.trees), at = node.integers(names.nodes),
                       target = node.integers(names.targets);
  SmallVector<double> weight = readList(node, names.weights);
  if (tree.size() != at.size() || tree.size() != target.size() || tree.size() != weight.size())
    return reportNodes(node, "'" + names.trees + "', '" + names.nodes + "', '" + names.targets + "' and '" +
                                 names.weights + "' have " + Twine(tree.size()) + ", " + Twine(at.size()) + ", " +
                                 Twine(target.size()) + " and " + Twine(weight.size()) + " entries"),
           false;
  for (size_t i = 0; i < tree.size(); ++i) {
    auto row = rows.find({tree[i], at[i]});
    if (row == rows.end())
      return reportNodes(node, "there is a vote of node " + Twine(at[i]) + " of tree " + Twine(tree[i]) +
                                   ", which does not exist"),
             false;
    // Votes of nodes that are no leaves are never cast.
    if (int64_t place = places[row->second]; place < 0)
      trees.leaves[~place].push_back({target[i], weight[i]});
  }
  return !node.failed();
}

std::optional<Trees> NumberedTrees::read(const VoteNames &names, int64_t targets) {
  trees.targets = targets;
  if (!readNodes() || !connect() || !readVotes(names))
    return std::nullopt;
  return std::move(trees);
}

/// Adds 'base_values' to the scores, if there are some.
static Value addBase(Node &node, Value scores, ArrayRef<double> base) {
  return base.empty()
             ? scores
             : node.add(scores, numbersOf(node, node.element(scores), base, static_cast<int64_t>(base.size())));
}

static std::optional<Aggregate> readAggregate(Node &node) {
  StringRef name = node.string("aggregate_function");
  if (name == "SUM")
    return Aggregate::Sum;
  if (name == "AVERAGE")
    return Aggregate::Average;
  if (name == "MIN")
    return Aggregate::Min;
  if (name == "MAX")
    return Aggregate::Max;
  node.unsupported("aggregate_function", quoted(name), "'SUM', 'AVERAGE', 'MIN' and 'MAX' are");
  return std::nullopt;
}

static Value importTreeEnsembleRegressor(Node &node) {
  std::optional<Aggregate> aggregate = readAggregate(node);
  int64_t targets = node.has("n_targets") ? node.integer("n_targets") : 1;
  SmallVector<double> base = readList(node, "base_values");
  StringRef transform = node.string("post_transform");
  std::optional<Trees> trees =
      NumberedTrees(node).read({"target_treeids", "target_nodeids", "target_ids", "target_weights"}, targets);
  if (!trees || !aggregate || node.failed())
    return {};
  if (!base.empty() && static_cast<int64_t>(base.size()) != targets) {
    reportNodes(node, "'base_values' has " + Twine(base.size()) + " entries for " + Twine(targets) + " targets");
    return {};
  }
  trees->aggregate = *aggregate;
  Value scores = evaluateTrees(node, std::move(*trees), readRows(node, wideOf(node, node.input(0))));
  scores = transformScores(node, addBase(node, scores, base), transform);
  return node.cast(scores, node.builder().getF32Type());
}

//===----------------------------------------------------------------------===//
// TreeEnsembleClassifier
//===----------------------------------------------------------------------===//

/// Two classes of which the trees vote for the first only, as files of boosted trees
/// have it: its score is that of the second class, and decides.
static void classifyByOne(Node &node, const Labels &labels, Value score, bool isProbability, StringRef transform) {
  Type element = node.element(score);
  Value isSecond =
      node.createAs<graph::GreaterOp>(node.builder().getI1Type(), score, node.scalar(element, isProbability ? 0.5 : 0));
  Value index = node.squeeze(node.cast(isSecond, node.builder().getI64Type()), {1});
  node.setOutput(0, labels.at(index));
  // Probabilities have a rest; other scores have an opposite.
  Value other = isProbability ? node.sub(node.scalar(element, 1), score) : node.create<graph::NegOp>(score);
  Value both = node.createAs<graph::ConcatOp>(element, mlir::ValueRange{other, score}, int64_t(1));
  node.setOutput(1, node.cast(transformScores(node, both, transform), node.builder().getF32Type()));
}

static void importTreeEnsembleClassifier(Node &node) {
  Labels labels(node, "classlabels_int64s", "classlabels_strings");
  SmallVector<double> base = readList(node, "base_values");
  StringRef transform = node.string("post_transform");
  std::optional<Trees> read =
      NumberedTrees(node).read({"class_treeids", "class_nodeids", "class_ids", "class_weights"}, labels.size());
  if (!read || node.failed())
    return;
  Trees &trees = *read;
  std::set<int64_t> voted;
  bool isPositive = true;
  for (const auto &leaf : trees.leaves)
    for (const Vote &vote : leaf) {
      voted.insert(vote.target);
      isPositive &= vote.weight >= 0;
    }
  bool isOne = labels.size() == 2 && voted.size() == 1, isByOne = isOne && *voted.begin() == 0;
  if (labels.size() < 2) {
    node.unsupported("classlabels", "a list of " + Twine(labels.size()), "lists of two classes or more are");
    return;
  }
  if (!base.empty() && static_cast<int64_t>(base.size()) != labels.size() && !(isByOne && base.size() == 1)) {
    reportNodes(node, "'base_values' has " + Twine(base.size()) + " entries for " + Twine(labels.size()) + " classes");
    return;
  }
  Value x = readRows(node, wideOf(node, node.input(0)));
  if (isByOne) {
    trees.targets = 1;
    Value score = evaluateTrees(node, std::move(trees), x);
    // Where all votes are positive and nothing is done to them, they are probabilities.
    bool isProbability = isPositive && (transform == "NONE" || transform == "PROBIT");
    return classifyByOne(node, labels, addBase(node, score, base.empty() ? base : ArrayRef(base).take_back()),
                         isProbability, transform);
  }
  Value scores = addBase(node, evaluateTrees(node, std::move(trees), x), base);
  Value best = bestClass(node, scores);
  if (isOne && !node.failed()) { // Of the second only.
    Value second = node.create<graph::GatherOp>(scores, node.scalar(node.builder().getI64Type(), 1), int64_t(1));
    Value least = node.scalar(node.element(scores), isPositive ? 0.5 : 0);
    best = node.cast(node.createAs<graph::GreaterOp>(node.builder().getI1Type(), second, least),
                     node.builder().getI64Type());
  }
  node.setOutput(0, labels.at(best));
  node.setOutput(1, node.cast(transformScores(node, scores, transform), node.builder().getF32Type()));
}

//===----------------------------------------------------------------------===//
// Version 5: branches and leaves have lists of their own
//===----------------------------------------------------------------------===//

/// Members of the sets, in the order of the branches that have one; a number that
/// is none ends a set.
static bool readMembers(Node &node, Trees &trees) {
  SmallVector<double> members = readNumbers(node, "membership_values");
  ArrayRef<double> left = members;
  for (Branch &branch : trees.branches) {
    if (branch.mode != TreeMode::Member)
      continue;
    while (!left.empty() && !std::isnan(left.front())) {
      branch.members.push_back(left.front());
      left = left.drop_front();
    }
    if (left.empty() && branch.members.empty())
      return reportNodes(node, "'membership_values' has fewer sets than there are nodes that ask for one"), false;
    left = left.drop_front(left.empty() ? 0 : 1);
  }
  return !node.failed();
}

static bool readBranches(Node &node, Trees &trees) {
  SmallVector<double> modes = readNumbers(node, "nodes_modes"), splits = readNumbers(node, "nodes_splits");
  SmallVector<int64_t> features = node.integers("nodes_featureids"), yes = node.integers("nodes_truenodeids"),
                       no = node.integers("nodes_falsenodeids"), yesIsLeaf = node.integers("nodes_trueleafs"),
                       noIsLeaf = node.integers("nodes_falseleafs"),
                       missing = node.integers("nodes_missing_value_tracks_true");
  node.ignore({"nodes_hitrates"});
  size_t count = modes.size();
  for (size_t length : {splits.size(), features.size(), yes.size(), no.size(), yesIsLeaf.size(), noIsLeaf.size(),
                        missing.empty() ? count : missing.size()})
    if (length != count || count == 0)
      return reportNodes(node, "the attributes 'nodes_...' have " + Twine(count) + " and " + Twine(length) +
                                   " entries, but each needs one for each node"),
             false;
  for (size_t i = 0; i < count; ++i) {
    if (modes[i] < 0 || modes[i] > 6 || yes[i] < 0 || no[i] < 0)
      return reportNodes(node, "node " + Twine(i) + " has the mode " + Twine(static_cast<int64_t>(modes[i])) +
                                   ", or a negative child"),
             false;
    Branch &branch = trees.branches.emplace_back();
    branch.mode = static_cast<TreeMode>(static_cast<int>(modes[i]));
    branch.feature = features[i];
    branch.split = splits[i];
    branch.missingIsTrue = !missing.empty() && missing[i] != 0;
    branch.whenTrue = yesIsLeaf[i] ? ~yes[i] : yes[i];
    branch.whenFalse = noIsLeaf[i] ? ~no[i] : no[i];
  }
  return readMembers(node, trees);
}

static Value importTreeEnsemble(Node &node) {
  constexpr StringRef transforms[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"};
  constexpr Aggregate aggregates[] = {Aggregate::Average, Aggregate::Sum, Aggregate::Min, Aggregate::Max};
  Trees trees;
  trees.targets = node.has("n_targets") ? node.integer("n_targets") : 1;
  int64_t transform = node.integer("post_transform"), aggregate = node.integer("aggregate_function");
  if (transform < 0 || transform >= 5)
    return node.unsupported("post_transform", Twine(transform), "numbers from 0 to 4 are");
  if (aggregate < 0 || aggregate >= 4)
    return node.unsupported("aggregate_function", Twine(aggregate), "numbers from 0 to 3 are");
  trees.aggregate = aggregates[aggregate];
  trees.roots = node.integers("tree_roots");
  SmallVector<double> weights = readNumbers(node, "leaf_weights");
  SmallVector<int64_t> targets = node.integers("leaf_targetids");
  if (weights.size() != targets.size() || llvm::any_of(trees.roots, [](int64_t root) { return root < 0; })) {
    reportNodes(node, "'leaf_weights' has " + Twine(weights.size()) + " entries and 'leaf_targetids' " +
                          Twine(targets.size()) + ", or a root is negative");
    return {};
  }
  for (auto [target, weight] : llvm::zip_equal(targets, weights))
    trees.leaves.push_back({Vote{target, weight}});
  if (!readBranches(node, trees))
    return {};
  Value scores = evaluateTrees(node, std::move(trees), readRows(node, wideOf(node, node.input(0))));
  return node.cast(transformScores(node, scores, transforms[transform]), node.element(node.input(0)));
}

void onnx_import::registerTreeEnsembles(OpTable &ops) {
  constexpr StringRef domain = machineLearningDomain;
  ops.add({domain, "TreeEnsemble"}, {5}, importTreeEnsemble);
  ops.add({domain, "TreeEnsembleClassifier"}, {1, 3}, importTreeEnsembleClassifier);
  ops.add({domain, "TreeEnsembleRegressor"}, {1, 3}, importTreeEnsembleRegressor);
}
