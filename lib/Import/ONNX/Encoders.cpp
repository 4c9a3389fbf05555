// lib/Import/ONNX/Encoders.cpp: operators of ai.onnx.ml that look values up in a
// list.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Import/Core/Messages.h"
#include "MachineLearning.h"
#include "OpTable.h"

#include "dialects/Graph/ElementTypes.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

//===----------------------------------------------------------------------===//
// LabelEncoder, CategoryMapper
//===----------------------------------------------------------------------===//

namespace {

/// A list of keys or values, as one of several attributes gives it.
struct List {
  std::string name;
  Value vector; ///< Null if no attribute has it.
};

} // namespace

static int64_t lengthOf(Value vector) {
  return vector ? mlir::cast<mlir::RankedTensorType>(vector.getType()).getNumElements() : 0;
}

/// The list `stem` ("keys", "values") of a LabelEncoder.
static List readList(Node &node, StringRef stem) {
  std::string name = stem.str();
  SmallVector<List> found;
  if (SmallVector<StringRef> texts = node.strings(name + "_strings"); !texts.empty())
    found.push_back({name + "_strings", textsOf(node, texts)});
  if (SmallVector<int64_t> numbers = node.integers(name + "_int64s"); !numbers.empty())
    found.push_back({name + "_int64s", node.constant(numbers)});
  if (SmallVector<double> numbers = node.numbers(name + "_floats"); !numbers.empty())
    found.push_back({name + "_floats",
                     numbersOf(node, node.builder().getF32Type(), numbers, static_cast<int64_t>(numbers.size()))});
  if (node.version() >= 4)
    if (const TensorAttribute *tensor = node.tensor(name + "_tensor")) {
      Value constant = node.constant(*tensor);
      // Some exporters write a matrix of one row.
      if (!node.failed() && node.rank(constant) != 1)
        constant = node.reshape(constant, {node.solver().product(node.dims(constant))});
      found.push_back({name + "_tensor", constant});
    }
  if (found.size() == 1 || node.failed())
    return found.empty() ? List() : found.front();
  node.error("onnx-label-lists", found.empty() ? "no attribute '" + name + "_...' has an element"
                                               : "both '" + found[0].name + "' and '" + found[1].name + "' are given")
      .note("one list of keys and one of values are needed");
  return {};
}

/// What stands for values without a key, as a vector of one element.
static Value readDefault(Node &node, Type element) {
  if (node.version() >= 4)
    if (const TensorAttribute *tensor = node.tensor("default_tensor")) {
      Value constant = node.constant(*tensor);
      if (!node.failed() && (lengthOf(constant) != 1 || node.element(constant) != element))
        node.error("onnx-label-lists", "'default_tensor' has " + Twine(lengthOf(constant)) + " elements of " +
                                           importer::describeElement(node.element(constant)) +
                                           ", but the values are of " + importer::describeElement(element))
            .note("it needs one element of the type of the values");
      return node.failed() ? Value() : node.reshape(constant, {node.solver().constant(1)});
    }
  node.ignore({"default_string", "default_int64", "default_float"});
  if (mlir::isa<graph::StringType>(element))
    return textsOf(node, node.string("default_string"));
  if (element.isInteger(64))
    return node.constant(ArrayRef(node.integer("default_int64")));
  return numbersOf(node, element, mlir::isa<mlir::FloatType>(element) ? node.number("default_float") : -1.0, {1});
}

/// For each element of `x` the value of its key, or `otherwise`.
static Value lookUp(Node &node, Value x, const List &keys, const List &values, Value otherwise) {
  if (node.failed())
    return {};
  if (lengthOf(keys.vector) != lengthOf(values.vector)) {
    node.error("onnx-label-lists", "'" + keys.name + "' has " + Twine(lengthOf(keys.vector)) + " elements, but '" +
                                       values.name + "' has " + Twine(lengthOf(values.vector)))
        .note("each key needs a value");
    return {};
  }
  if (node.element(x) != node.element(keys.vector)) {
    node.error("onnx-label-lists", "the input has elements of " + importer::describeElement(node.element(x)) +
                                       ", but '" + keys.name + "' of " +
                                       importer::describeElement(node.element(keys.vector)))
        .note("add a Cast before the node");
    return {};
  }
  Value table = node.createAs<graph::ConcatOp>(node.element(values.vector), mlir::ValueRange{values.vector, otherwise},
                                               int64_t(0));
  return node.create<graph::GatherOp>(table, findKeys(node, x, keys.vector), int64_t(0));
}

static Value importLabelEncoder(Node &node) {
  List keys = readList(node, "keys"), values = readList(node, "values");
  if (node.failed())
    return {};
  return lookUp(node, node.input(0), keys, values, readDefault(node, node.element(values.vector)));
}

/// Texts to numbers or back, whichever the input is not.
static Value importPairs(Node &node, const List &texts, const List &numbers) {
  node.ignore({"default_string", "default_int64"});
  if (node.failed())
    return {};
  if (mlir::isa<graph::StringType>(node.element(node.input(0))))
    return lookUp(node, node.input(0), texts, numbers, node.constant(ArrayRef(node.integer("default_int64"))));
  return lookUp(node, node.input(0), numbers, texts, textsOf(node, node.string("default_string")));
}

/// The first version: a class and its position in the list.
static Value importLabelEncoder1(Node &node) {
  SmallVector<StringRef> classes = node.strings("classes_strings");
  auto positions = llvm::to_vector(llvm::seq<int64_t>(0, classes.size()));
  if (classes.empty()) {
    node.error("onnx-label-lists", "'classes_strings' has no element").note("name the classes");
    return {};
  }
  return importPairs(node, {"classes_strings", textsOf(node, classes)}, {"positions", node.constant(positions)});
}

static Value importCategoryMapper(Node &node) {
  SmallVector<StringRef> texts = node.strings("cats_strings");
  SmallVector<int64_t> numbers = node.integers("cats_int64s");
  if (texts.empty() || numbers.empty()) {
    node.error("onnx-label-lists", "'cats_strings' has " + Twine(texts.size()) + " elements and 'cats_int64s' has " +
                                       Twine(numbers.size()) + ", but neither may be empty")
        .note("each category needs both");
    return {};
  }
  return importPairs(node, {"cats_strings", textsOf(node, texts)}, {"cats_int64s", node.constant(numbers)});
}

//===----------------------------------------------------------------------===//
// OneHotEncoder
//===----------------------------------------------------------------------===//

static Value importOneHotEncoder(Node &node) {
  SmallVector<StringRef> texts = node.strings("cats_strings");
  SmallVector<int64_t> numbers = node.integers("cats_int64s");
  Value x = node.input(0);
  bool isText = !node.failed() && mlir::isa<graph::StringType>(node.element(x));
  bool allowsNone = node.flag("zeros");
  if (texts.empty() == numbers.empty() || isText == texts.empty()) {
    node.error("onnx-label-lists", "'cats_strings' has " + Twine(texts.size()) + " elements and 'cats_int64s' has " +
                                       Twine(numbers.size()) + ", for an input of " + (isText ? "texts" : "numbers"))
        .note("one list of categories, of the kind of the input, is needed");
    return {};
  }
  Type i64 = node.builder().getI64Type(), i1 = node.builder().getI1Type(), f32 = node.builder().getF32Type();
  Value keys = isText ? textsOf(node, texts) : node.constant(numbers);
  Value values = isText ? x : node.cast(x, i64);
  int64_t count = isText ? texts.size() : numbers.size();
  Value place = findKeys(node, values, keys);
  if (node.failed())
    return {};
  if (!allowsNone) {
    Value last = node.reduce(graph::ReduceKind::max, node.reshape(place, {node.solver().product(node.dims(place))}),
                             {0}, /*keepDims=*/false);
    // Of no elements, the least number there is.
    node.require(node.solver().constant(count - 1), node.entry(last, "the category of 'X'"),
                 "'X' has an element in no category, and 'zeros' is 0");
  }
  Value each = node.createTyped<graph::IotaOp>(node.solver().type({node.solver().constant(count)}, i64), int64_t(0));
  Value isPlace = node.createAs<graph::EqualOp>(i1, node.unsqueeze(place, {node.rank(place)}), each);
  return node.cast(isPlace, f32);
}

//===----------------------------------------------------------------------===//
// Imputer, FeatureVectorizer
//===----------------------------------------------------------------------===//

static Value importImputer(Node &node) {
  Value x = node.input(0);
  SmallVector<double> floats = node.numbers("imputed_value_floats");
  SmallVector<int64_t> ints = node.integers("imputed_value_int64s");
  double replacedFloat = node.number("replaced_value_float");
  int64_t replacedInt = node.integer("replaced_value_int64");
  if (node.failed())
    return {};
  bool isFloat = node.isFloat(x);
  size_t count = isFloat ? floats.size() : ints.size();
  auto type = mlir::cast<mlir::RankedTensorType>(x.getType());
  int64_t features = type.getRank() ? type.getDimSize(type.getRank() - 1) : 1;
  if (count == 0 || (count > 1 && !mlir::ShapedType::isDynamic(features) && features != static_cast<int64_t>(count))) {
    node.error("onnx-shape-mismatch", "there are " + Twine(count) + " values of the input's kind to impute for " +
                                          Twine(features) + " features")
        .note("give one, or one for each feature");
    return {};
  }
  Type element = node.element(x), i1 = node.builder().getI1Type();
  Value values, isMissing;
  if (isFloat) {
    values = node.cast(vectorOf(node, floats), element);
    isMissing = std::isnan(replacedFloat) ? node.createAs<graph::IsNanOp>(i1, x)
                                          : node.createAs<graph::EqualOp>(i1, x, node.scalar(element, replacedFloat));
  } else {
    values = node.cast(node.constant(ints), element);
    if (count == 1 && !node.failed())
      values = node.squeeze(values, {0});
    Value replaced = node.squeeze(node.constant(ArrayRef(replacedInt)), {0});
    isMissing = node.createAs<graph::EqualOp>(i1, node.cast(x, node.builder().getI64Type()), replaced);
  }
  if (count > 1)
    node.check(values, node.dims(x).back(), node.solver().constant(count), "features of 'X' and values to impute");
  return node.createAs<graph::SelectOp>(element, isMissing, values, x);
}

/// The first `size` columns, and zeros where there are fewer.
static Value takeColumns(Node &node, Value x, int64_t size) {
  int64_t have = node.staticDim(x, 1, "FeatureVectorizer");
  if (node.failed() || have == size)
    return x;
  graph::ShapeSolver &solver = node.solver();
  Dims dims = {node.dims(x)[0], solver.constant(std::abs(size - have))};
  if (size > have) {
    Value zeros =
        node.broadcast(node.reshape(node.scalar(node.element(x), 0), {solver.constant(1), solver.constant(1)}), dims);
    return node.createAs<graph::ConcatOp>(node.element(x), mlir::ValueRange{x, zeros}, int64_t(1));
  }
  dims[1] = solver.constant(size);
  auto offset = graph::DimsAttr::get(node.builder().getContext(), solver.map({solver.constant(0)}));
  return node.createTyped<graph::SliceOp>(solver.type(dims, node.element(x)), x, Value(), Value(), ArrayRef<int64_t>(1),
                                          ArrayRef<int64_t>(1), offset);
}

static Value importFeatureVectorizer(Node &node) {
  SmallVector<int64_t> sizes = node.integers("inputdimensions");
  if (sizes.size() != node.inputs().size() || llvm::any_of(sizes, [](int64_t size) { return size < 1; })) {
    node.error("onnx-shape-mismatch", "'inputdimensions' has " + Twine(sizes.size()) + " sizes for " +
                                          Twine(node.inputs().size()) + " inputs, or one below 1")
        .note("give the number of columns of each input");
    return {};
  }
  Type f32 = node.builder().getF32Type();
  SmallVector<Value> parts;
  for (auto [index, size] : llvm::enumerate(sizes)) {
    Value x = node.cast(node.input(index), f32);
    int64_t rank = node.rank(node.input(index));
    if (!node.failed() && (rank < 1 || rank > 2))
      node.error("onnx-shape-mismatch",
                 "input " + Twine(index) + " has rank " + Twine(rank) + ", but 1 or 2 is expected")
          .note("reshape it to rows of features");
    if (node.failed())
      return {};
    parts.push_back(takeColumns(node, rank == 1 ? node.unsqueeze(x, {0}) : x, size));
  }
  return node.createAs<graph::ConcatOp>(f32, mlir::ValueRange(parts), int64_t(1));
}

void onnx_import::registerEncoders(OpTable &ops) {
  constexpr StringRef domain = machineLearningDomain;
  ops.add({domain, "CategoryMapper"}, {1}, importCategoryMapper);
  ops.add({domain, "FeatureVectorizer"}, {1}, importFeatureVectorizer);
  ops.add({domain, "Imputer"}, {1}, importImputer);
  ops.add({domain, "LabelEncoder"}, {1}, importLabelEncoder1);
  ops.add({domain, "LabelEncoder"}, {2, 4}, importLabelEncoder);
  ops.add({domain, "OneHotEncoder"}, {1}, importOneHotEncoder);
}
