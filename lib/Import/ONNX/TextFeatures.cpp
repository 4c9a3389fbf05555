// lib/Import/ONNX/TextFeatures.cpp: counts of n-grams.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "MachineLearning.h"
#include "OpTable.h"

#include "dialects/Graph/ElementTypes.h"
#include "llvm/ADT/StringMap.h"

#include <map>

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::SmallVectorImpl;
using llvm::StringRef;
using llvm::Twine;

namespace {

/// All n-grams of the pool that have as many items as the level says, as steps from those that they begin with:
/// a level maps (n-gram of the level before, item) to n-grams, which are numbered.
struct Level {
  std::map<std::pair<int64_t, int64_t>, int64_t> steps;
  SmallVector<int64_t> columns; ///< Of the result, for each n-gram; -1 for those that are not in the pool.
};

/// TfIdfVectorizer: every window of a row is looked up level by level, and what is found is counted in its column.
/// Items become their positions among those of the pool first.
class NgramCounter {
public:
  explicit NgramCounter(Node &node) : node(node), f32(node.builder().getF32Type()) {}
  Value import();

private:
  Node &node;
  Type f32;
  SmallVector<int64_t> pool, starts, columns;
  SmallVector<StringRef> texts; ///< Of the pool, each once; empty for integers.
  SmallVector<double> weights;
  SmallVector<Level> levels;
  Value x;           ///< [rows, items] of positions, then as many that are in no n-gram as a window may reach out.
  int64_t known = 0; ///< Different items of the pool: the position of all others.
  int64_t width = 0; ///< Of the result.
  mlir::AffineExpr items;

  bool read();
  void readTexts();
  void fillLevels();
  Value readItems();
  Value lookUp(Value table, Value at);
  void findWindows(int64_t distance, int64_t shortest, int64_t longest, SmallVectorImpl<Value> &found);
};

} // namespace

/// Replaces texts of the pool by numbers.
void NgramCounter::readTexts() {
  llvm::StringMap<int64_t> numbers;
  for (StringRef text : node.strings("pool_strings")) {
    auto [entry, isNew] = numbers.try_emplace(text, texts.size());
    if (isNew)
      texts.push_back(text);
    pool.push_back(entry->second);
  }
}

/// The items of the input as positions among those of the pool, which become positions, too.
Value NgramCounter::readItems() {
  Value items = node.input(0);
  bool isText = mlir::isa<graph::StringType>(node.element(items));
  if (isText == texts.empty()) {
    node.error("onnx-ngram-pool", isText ? "the input has texts, but 'pool_strings' has none"
                                         : "the input has numbers, but 'pool_strings' is given")
        .note("the pool has the type of the input");
    return {};
  }
  if (isText) {
    known = static_cast<int64_t>(texts.size());
    return findKeys(node, items, textsOf(node, texts));
  }
  SmallVector<int64_t> distinct(pool);
  llvm::sort(distinct);
  distinct.erase(llvm::unique(distinct), distinct.end());
  for (int64_t &item : pool)
    item = llvm::lower_bound(distinct, item) - distinct.begin();
  known = static_cast<int64_t>(distinct.size());
  Type i64 = node.builder().getI64Type();
  return findKeys(node, node.cast(items, i64), node.constant(distinct));
}

bool NgramCounter::read() {
  pool = node.integers("pool_int64s");
  if (node.has("pool_strings") && pool.empty())
    readTexts();
  else if (node.has("pool_strings"))
    node.unsupported("pool_strings", "given beside 'pool_int64s'", "one of them is");
  starts = node.integers("ngram_counts");
  columns = node.integers("ngram_indexes");
  weights = node.numbers("weights");
  if (node.failed())
    return false;
  int64_t grams = 0, least = 0;
  bool isGood = !starts.empty();
  for (auto [i, start] : llvm::enumerate(starts)) {
    int64_t end = i + 1 < starts.size() ? starts[i + 1] : static_cast<int64_t>(pool.size());
    isGood &= start >= 0 && start <= end && end <= static_cast<int64_t>(pool.size()) &&
              (end - start) % static_cast<int64_t>(i + 1) == 0;
    grams += isGood ? (end - start) / static_cast<int64_t>(i + 1) : 0;
  }
  for (int64_t column : columns) {
    width = std::max(width, column + 1);
    least = std::min(least, column);
  }
  constexpr int64_t mostColumns = 1 << 24;
  if (!isGood || grams != static_cast<int64_t>(columns.size()) || columns.empty() || least < 0 || width > mostColumns ||
      (!weights.empty() && weights.size() != columns.size())) {
    node.error("onnx-ngram-pool", "the pool, 'ngram_counts', 'ngram_indexes' and 'weights' do not fit each other: " +
                                      Twine(grams) + " n-grams, " + Twine(columns.size()) + " indexes, " +
                                      Twine(weights.size()) + " weights for " + Twine(width) + " columns")
        .note("export the model again");
    return false;
  }
  return true;
}

/// Of n-grams that are in the pool twice, the last one counts.
void NgramCounter::fillLevels() {
  levels.resize(starts.size());
  int64_t gram = 0;
  for (auto [i, start] : llvm::enumerate(starts)) {
    int64_t length = static_cast<int64_t>(i) + 1,
            end = i + 1 < starts.size() ? starts[i + 1] : static_cast<int64_t>(pool.size());
    for (int64_t at = start; at < end; at += length) {
      int64_t step = 0;
      for (int64_t k = 0; k < length; ++k) {
        Level &level = levels[k];
        auto [entry, isNew] = level.steps.try_emplace({step, pool[at + k]}, level.columns.size());
        if (isNew)
          level.columns.push_back(-1);
        step = entry->second;
      }
      levels[i].columns[step] = columns[gram++];
    }
  }
  // Models may say that n-grams are longer than any of the pool is.
  while (!levels.empty() && levels.back().columns.empty())
    levels.pop_back();
}

/// The elements of a vector of i64 at positions that it has.
Value NgramCounter::lookUp(Value table, Value at) { return node.create<graph::GatherOp>(table, at, int64_t(0)); }

/// Looks windows up whose items lie `distance` apart, and adds the columns of what was found, [rows, items], for each
/// length; `width` where nothing was.
void NgramCounter::findWindows(int64_t distance, int64_t shortest, int64_t longest, SmallVectorImpl<Value> &found) {
  Value gram;
  for (int64_t length = 1; length <= longest && !node.failed(); ++length) {
    const Level &level = levels[length - 1];
    Value item = node.slice(x, 1, node.solver().constant((length - 1) * distance), items);
    // A step is one number, and so is what is no step: it is behind all of them.
    SmallVector<int64_t> keys(level.columns.size());
    for (auto [step, number] : level.steps)
      keys[number] = step.first * (known + 1) + step.second;
    Value key = gram ? node.add(node.mul(gram, static_cast<double>(known + 1)), item) : item;
    gram = findKeys(node, key, node.constant(keys));
    // Single items have none between them; what others begin with is in no column.
    bool isInPool = llvm::any_of(level.columns, [](int64_t column) { return column >= 0; });
    if (length < shortest || (length == 1 && distance > 1) || !isInPool)
      continue;
    SmallVector<int64_t> ends;
    for (int64_t column : level.columns)
      ends.push_back(column < 0 ? width : column);
    ends.push_back(width);
    found.push_back(lookUp(node.constant(ends), gram));
  }
}

Value NgramCounter::import() {
  StringRef mode = node.string("mode");
  int64_t shortest = node.integer("min_gram_length"), longest = node.integer("max_gram_length"),
          skips = node.integer("max_skip_count"), rank = node.rank(node.input(0));
  if (!read())
    return {};
  if (mode != "TF" && mode != "IDF" && mode != "TFIDF")
    return node.unsupported("mode", "\"" + mode + "\"", "'TF', 'IDF' and 'TFIDF' are");
  if (rank < 1 || rank > 2 || shortest < 1 || longest < shortest || skips < 0) {
    node.error("onnx-ngram-pool", "the input has rank " + Twine(rank) + " and n-grams have " + Twine(shortest) +
                                      " to " + Twine(longest) + " items with 0 to " + Twine(skips) + " between them")
        .note("give rank 1 or 2, lengths from 1 on, and skips from 0 on");
    return {};
  }
  x = readItems();
  if (node.failed())
    return {};
  fillLevels();
  x = rank == 1 ? node.unsqueeze(x, {0}) : x;
  graph::ShapeSolver &solver = node.solver();
  mlir::AffineExpr rows = node.dims(x)[0];
  items = node.dims(x)[1];
  longest = std::min<int64_t>(longest, static_cast<int64_t>(levels.size()));
  // What does not fit into a row is not there.
  if (auto fixed = mlir::dyn_cast<mlir::AffineConstantExpr>(items))
    skips = std::min(skips, fixed.getValue());
  skips = longest < 2 ? 0 : skips;
  constexpr int64_t mostWindows = 4000; // Of which each has ops of its own.
  if (skips >= mostWindows / std::max<int64_t>(longest, 1))
    return node.unsupported("max_skip_count", Twine(skips) + ", with n-grams of up to " + Twine(longest) + " items",
                            "up to " + Twine(mostWindows) + " in all, of lengths times distances, are");
  // Windows at the end of a row reach out of it.
  Value beyond = node.broadcast(node.reshape(node.constant({known}), {solver.constant(1), solver.constant(1)}),
                                {rows, solver.constant(std::max<int64_t>(longest - 1, 0) * (skips + 1))});
  x = node.createAs<graph::ConcatOp>(node.element(x), mlir::ValueRange{x, beyond}, int64_t(1));
  SmallVector<Value> found;
  for (int64_t distance = 1; distance <= skips + 1; ++distance)
    findWindows(distance, shortest, longest, found);
  if (node.failed())
    return {};
  Value counts = node.broadcast(node.reshape(node.scalar(f32, 0), {solver.constant(1), solver.constant(1)}),
                                {rows, solver.constant(width + 1)});
  if (!found.empty()) {
    Value all = node.createAs<graph::ConcatOp>(node.element(x), mlir::ValueRange(found), int64_t(1));
    Value ones = node.failed() ? Value() : node.broadcast(node.scalar(f32, 1), node.dims(all));
    counts = node.create<graph::ScatterElementsOp>(counts, all, ones, int64_t(1), graph::ScatterKind::add);
  }
  // The last column has what was not found.
  counts = node.slice(counts, 1, solver.constant(0), solver.constant(width));
  if (mode == "IDF")
    counts = node.cast(node.createAs<graph::GreaterOp>(node.builder().getI1Type(), counts, node.scalar(f32, 0)), f32);
  if (mode != "TF" && !weights.empty()) {
    SmallVector<float> values(width, 0); // Weights are in the order of the pool, not in that of the columns.
    for (auto [gram, column] : llvm::enumerate(columns))
      values[column] = static_cast<float>(weights[gram]);
    auto type = mlir::RankedTensorType::get({width}, f32);
    counts = node.mul(counts, node.constant(mlir::DenseElementsAttr::get(type, ArrayRef<float>(values))));
  }
  return rank == 1 ? node.squeeze(counts, {0}) : counts;
}

static Value importTfIdfVectorizer(Node &node) { return NgramCounter(node).import(); }

void onnx_import::registerTextFeatures(OpTable &ops) { ops.add("TfIdfVectorizer", {9}, importTfIdfVectorizer); }
