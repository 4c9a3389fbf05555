// lib/Import/ONNX/MachineLearning.h: what the operators of ai.onnx.ml share:
// lists of numbers and labels, and transformed scores.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_ONNX_MACHINELEARNING_H
#define LATHE_LIB_IMPORT_ONNX_MACHINELEARNING_H

#include "Import/Core/Node.h"

namespace lathe::onnx_import {

using namespace importer;

constexpr llvm::StringLiteral machineLearningDomain = "ai.onnx.ml";

/// Numbers as a constant of f32, f64 or an integer type.
Value numbersOf(Node &node, Type element, llvm::ArrayRef<double> numbers, llvm::ArrayRef<int64_t> shape);
/// A list of floats as a vector; a single one as a scalar.
Value vectorOf(Node &node, llvm::ArrayRef<double> numbers);
/// A vector of texts; an error if one has a zero in it.
Value textsOf(Node &node, llvm::ArrayRef<llvm::StringRef> texts);
/// The numbers of a tensor among the attributes; empty if the node has none, or
/// after an error.
llvm::SmallVector<double> readNumbers(Node &node, llvm::StringRef attribute);

/// What an operator computes in: f64 if the input is, else f32.
Type wideOf(Node &node, Value x);
/// The input as a matrix of rows of features, in `element`: a vector is one row.
Value readRows(Node &node, Type element);

/// The names of the classes of a classifier.
class Labels {
public:
  Labels(Node &node, llvm::StringRef ints, llvm::StringRef strings);

  int64_t size() const { return texts.empty() ? numbers.size() : texts.size(); }
  /// A vector of all.
  Value all() const { return texts.empty() ? node.constant(numbers) : textsOf(node, texts); }
  /// Those at the positions `index`, i64.
  Value at(Value index) const { return node.create<graph::GatherOp>(all(), index, int64_t(0)); }

private:
  Node &node;
  llvm::SmallVector<int64_t> numbers;
  llvm::SmallVector<llvm::StringRef> texts;
};

/// For each of `values` the position of the last one of the vector `keys` that is
/// equal; their number where there is none. i64.
Value findKeys(Node &node, Value values, Value keys);

/// Scores [rows, classes] after `transform`, a value of attribute 'post_transform'.
Value transformScores(Node &node, Value scores, llvm::StringRef transform);
/// The position of the largest score in each row, i64.
Value bestClass(Node &node, Value scores);

} // namespace lathe::onnx_import

#endif // LATHE_LIB_IMPORT_ONNX_MACHINELEARNING_H
