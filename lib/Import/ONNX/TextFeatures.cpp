// lib/Import/ONNX/TextFeatures.cpp: counts of n-grams.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "MachineLearning.h"
#include "OpTable.h"

#include "dialects/Graph/ElementTypes.h"
#include "llvm/ADT/StringMap.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

namespace {

/// TfIdfVectorizer: every n-gram of the pool is compared with every window. Texts become
/// their positions among those of the pool first.
class NgramCounter {
public:
  explicit NgramCounter(Node &node) : node(node), f32(node.builder().getF32Type()), i1(node.builder().getI1Type()) {}
  Value import();

private:
  Node &node;
  Type f32, i1;
  SmallVector<int64_t> pool, starts, columns;
  SmallVector<StringRef> texts; ///< Of the pool, each once; empty for integers.
  SmallVector<double> weights;
  Value x; ///< [rows, items].
  int64_t items = 0;
  int64_t width = 0; ///< Of the result.
  Value counts;      ///< [rows, width], or null.

  bool read();
  void readTexts();
  Value readItems();
  Value window(int64_t first, int64_t count);
  void count(int64_t length, int64_t skip);
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

/// The items of the input as integers.
Value NgramCounter::readItems() {
  Value items = node.input(0);
  bool isText = mlir::isa<graph::StringType>(node.element(items));
  if (isText == !texts.empty())
    return isText ? findKeys(node, items, textsOf(node, texts)) : items;
  node.error("onnx-ngram-pool", isText ? "the input has texts, but 'pool_strings' has none"
                                       : "the input has numbers, but 'pool_strings' is given")
      .note("the pool has the type of the input");
  return {};
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
      (!weights.empty() && static_cast<int64_t>(weights.size()) != width)) {
    node.error("onnx-ngram-pool", "the pool, 'ngram_counts', 'ngram_indexes' and 'weights' do not fit each other: " +
                                      Twine(grams) + " n-grams, " + Twine(columns.size()) + " indexes, " +
                                      Twine(weights.size()) + " weights for " + Twine(width) + " columns")
        .note("export the model again");
    return false;
  }
  return true;
}

/// Items `first` to `first + count - 1` of each row, as [rows, count, 1].
Value NgramCounter::window(int64_t first, int64_t count) {
  if (node.failed())
    return {};
  Dims dims = {node.dims(x)[0], node.solver().constant(count)};
  auto offset = graph::DimsAttr::get(node.builder().getContext(), node.solver().map({node.solver().constant(first)}));
  Value part = node.createTyped<graph::SliceOp>(node.solver().type(dims, node.element(x)), x, Value(), Value(),
                                                ArrayRef<int64_t>(1), ArrayRef<int64_t>(1), offset);
  return node.unsqueeze(part, {2});
}

/// Adds the n-grams of `length` items that lie `distance` apart.
void NgramCounter::count(int64_t length, int64_t distance) {
  if (length > static_cast<int64_t>(starts.size()))
    return;
  int64_t start = starts[length - 1],
          end = length < static_cast<int64_t>(starts.size()) ? starts[length] : static_cast<int64_t>(pool.size());
  int64_t grams = (end - start) / length, windows = items - (length - 1) * distance, first = 0;
  for (int64_t shorter = 1; shorter < length; ++shorter)
    first += (starts[shorter] - starts[shorter - 1]) / shorter;
  if (grams <= 0 || windows <= 0)
    return;
  Value isSame;
  for (int64_t k = 0; k < length; ++k) {
    SmallVector<int64_t> wanted;
    for (int64_t gram = 0; gram < grams; ++gram)
      wanted.push_back(pool[start + gram * length + k]);
    Value same = node.createAs<graph::EqualOp>(i1, window(k * distance, windows),
                                               node.cast(node.constant(wanted), node.element(x)));
    isSame = isSame ? node.create<graph::AndOp>(isSame, same) : same;
  }
  Value found = node.reduce(graph::ReduceKind::sum, node.cast(isSame, f32), {1}, /*keepDims=*/false);
  // Each n-gram's column of the result.
  Value to = node.unsqueeze(node.constant(ArrayRef(columns).slice(first, grams)), {1});
  Value all = node.createTyped<graph::IotaOp>(
      node.solver().type({node.solver().constant(1), node.solver().constant(width)}, node.builder().getI64Type()),
      int64_t(1));
  Value table = node.cast(node.createAs<graph::EqualOp>(i1, to, all), f32);
  Value part = node.create<graph::MatmulOp>(found, table);
  counts = counts ? node.add(counts, part) : part;
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
  x = rank == 1 ? node.unsqueeze(x, {0}) : x;
  items = node.staticDim(x, 1, "TfIdfVectorizer");
  longest = std::min<int64_t>(longest, static_cast<int64_t>(starts.size()));
  for (int64_t length = shortest; length <= longest; ++length)
    // Single items have none between them; what does not fit into a row is not there.
    for (int64_t skip = 0; skip <= (length == 1 ? 0 : std::min(skips, items)); ++skip)
      count(length, skip + 1);
  if (node.failed())
    return {};
  Dims dims = {node.dims(x)[0], node.solver().constant(width)};
  if (!counts)
    counts =
        node.broadcast(node.reshape(node.scalar(f32, 0), {node.solver().constant(1), node.solver().constant(1)}), dims);
  if (mode == "IDF")
    counts = node.cast(node.createAs<graph::GreaterOp>(i1, counts, node.scalar(f32, 0)), f32);
  if (mode != "TF" && !weights.empty()) {
    SmallVector<float> values(weights.begin(), weights.end());
    auto type = mlir::RankedTensorType::get({width}, f32);
    counts = node.mul(counts, node.constant(mlir::DenseElementsAttr::get(type, ArrayRef<float>(values))));
  }
  return rank == 1 ? node.squeeze(counts, {0}) : counts;
}

static Value importTfIdfVectorizer(Node &node) { return NgramCounter(node).import(); }

void onnx_import::registerTextFeatures(OpTable &ops) { ops.add("TfIdfVectorizer", {9}, importTfIdfVectorizer); }
