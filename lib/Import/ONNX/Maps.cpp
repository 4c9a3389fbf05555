// lib/Import/ONNX/Maps.cpp: operators of ai.onnx.ml that make maps or read them.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "MachineLearning.h"
#include "OpTable.h"
#include "Sequence.h"

#include "dialects/Graph/ElementTypes.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

static Value importZipMap(Node &node) {
  Labels labels(node, "classlabels_int64s", "classlabels_strings");
  Value x = readRows(node, node.element(node.input(0)));
  if (node.failed())
    return {};
  Value keys = labels.all();
  node.check(keys, node.dims(x)[1], node.solver().constant(labels.size()), "columns of 'X' and class labels");
  if (node.failed())
    return {};
  Type type = graph::MapType::get(x.getContext(), node.element(keys), node.element(x), /*many=*/true);
  return node.createTyped<graph::MakeMapOp>(type, keys, x);
}

namespace {

/// A map as vectors of its keys and of its values, and one more value for keys that
/// it does not have.
struct Entries {
  Value keys, values;
};

} // namespace

/// The elements of `type` that stand for nothing: zeros, and texts without letters.
static Value nothing(Node &node, Type element) {
  if (mlir::isa<graph::StringType>(element))
    return textsOf(node, StringRef());
  return node.failed() ? Value() : node.reshape(node.scalar(element, 0), {node.solver().constant(1)});
}

static std::optional<Entries> readMap(Node &node) {
  auto map = node.input(0) ? mlir::dyn_cast<graph::MapType>(node.input(0).getType()) : graph::MapType();
  if (!map || map.getMany()) {
    if (!node.failed())
      node.error("onnx-input-dtype", "input 'X' is no map").note("check which value the input names");
    return std::nullopt;
  }
  auto vectorsOf = [&](Type element) {
    auto vector = mlir::RankedTensorType::get({mlir::ShapedType::kDynamic}, element);
    return graph::SequenceType::get(map.getContext(), vector);
  };
  Value first = node.scalar(node.builder().getI64Type(), 0);
  Value keys = node.createTyped<graph::MapKeysOp>(vectorsOf(map.getKey()), node.input(0));
  Value values = node.createTyped<graph::MapValuesOp>(vectorsOf(map.getValue()), node.input(0));
  Entries entries{elementAt(node, keys, first), elementAt(node, values, first)};
  if (node.failed())
    return std::nullopt;
  node.check(entries.values, node.dims(entries.values)[0], node.dims(entries.keys)[0], "keys and values of a map");
  return node.failed() ? std::nullopt : std::optional(entries);
}

/// The values of `wanted`, a vector of keys, as a matrix of one row.
static Value valuesOf(Node &node, const Entries &entries, Value wanted) {
  Type element = node.element(entries.values);
  Value table =
      node.createAs<graph::ConcatOp>(element, mlir::ValueRange{entries.values, nothing(node, element)}, int64_t(0));
  // Keys are looked up as numbers of 64 bits, or as texts.
  bool isText = mlir::isa<graph::StringType>(node.element(entries.keys));
  Value keys = isText ? entries.keys : node.cast(entries.keys, node.builder().getI64Type());
  return node.unsqueeze(node.create<graph::GatherOp>(table, findKeys(node, wanted, keys), int64_t(0)), {0});
}

static Value importDictVectorizer(Node &node) {
  SmallVector<StringRef> texts = node.strings("string_vocabulary");
  SmallVector<int64_t> numbers = node.integers("int64_vocabulary");
  std::optional<Entries> entries = readMap(node);
  if (!entries)
    return {};
  bool isText = mlir::isa<graph::StringType>(node.element(entries->keys));
  if (texts.empty() == numbers.empty() || isText == texts.empty()) {
    node.error("onnx-label-lists", "'string_vocabulary' has " + Twine(texts.size()) +
                                       " elements and 'int64_vocabulary' " + Twine(numbers.size()) +
                                       ", for keys that are " + (isText ? "texts" : "numbers"))
        .note("one vocabulary, of the kind of the keys, is needed");
    return {};
  }
  return valuesOf(node, *entries, isText ? textsOf(node, texts) : node.constant(numbers));
}

/// The element type that attribute 'cast_to' names.
static Type readTarget(Node &node) {
  mlir::OpBuilder &b = node.builder();
  StringRef name = node.string("cast_to");
  if (name == "TO_FLOAT")
    return b.getF32Type();
  if (name == "TO_INT64")
    return b.getI64Type();
  if (name == "TO_STRING")
    return graph::StringType::get(b.getContext());
  node.unsupported("cast_to", quoted(name), "'TO_FLOAT', 'TO_INT64' and 'TO_STRING' are");
  return {};
}

static Value importCastMap(Node &node) {
  Type target = readTarget(node);
  StringRef form = node.string("map_form");
  int64_t size = node.integer("max_map");
  std::optional<Entries> entries = readMap(node);
  if (!entries || !target)
    return {};
  if (form == "DENSE")
    return node.cast(node.unsqueeze(entries->values, {0}), target);
  if (form != "SPARSE")
    return node.unsupported("map_form", quoted(form), "'DENSE' and 'SPARSE' are");
  constexpr int64_t most = 1 << 24;
  if (size < 1 || size > most)
    return node.unsupported("max_map", Twine(size), "sizes from 1 to " + Twine(most) + " are");
  // Keys are positions, in rising order.
  graph::ShapeSolver &solver = node.solver();
  Value highest = node.reduce(graph::ReduceKind::max, entries->keys, {0}, /*keepDims=*/false);
  node.require(solver.constant(size - 1), node.entry(highest, "the highest key of 'X'"),
               "a key of 'X' is not below 'max_map'");
  if (node.failed())
    return {};
  Value positions =
      node.createTyped<graph::IotaOp>(solver.type({solver.constant(size)}, node.builder().getI64Type()), int64_t(0));
  return node.cast(valuesOf(node, *entries, positions), target);
}

void onnx_import::registerMaps(OpTable &ops) {
  constexpr StringRef domain = machineLearningDomain;
  ops.add({domain, "CastMap"}, {1}, importCastMap);
  ops.add({domain, "DictVectorizer"}, {1}, importDictVectorizer);
  ops.add({domain, "ZipMap"}, {1}, importZipMap);
}
