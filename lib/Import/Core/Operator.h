// lib/Import/Core/Operator.h: an operator node of a model as values of our own,
// whatever the file format is.
//
// A reader of a format makes one for each node and keeps what it refers to alive
// for as long as the node is imported.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_CORE_OPERATOR_H
#define LATHE_LIB_IMPORT_CORE_OPERATOR_H

#include "mlir/IR/BuiltinAttributeInterfaces.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

#include <functional>
#include <variant>

namespace lathe::importer {

/// Reads a tensor of the model when it is asked for; `place` starts messages.
/// Null after an error.
using TensorReader = std::function<mlir::ElementsAttr(llvm::StringRef place)>;

/// A tensor among the attributes of a node.
struct TensorAttribute {
  TensorReader read;
};

/// A graph among the attributes of a node.
struct GraphAttribute {
  size_t numInputs = 0;
  /// What the model declares of the outputs' element types; null for what is no
  /// tensor or not declared.
  llvm::SmallVector<mlir::Type> outputElements;
  /// Imports the graph at the builder's insertion point. Null inputs and outputs
  /// are empty optionals. False after an error.
  std::function<bool(llvm::ArrayRef<mlir::Value> inputs, llvm::SmallVectorImpl<mlir::Value> &outputs)> import;
};

/// `monostate` is a value of a kind that no operator is known to need.
using AttributeValue =
    std::variant<std::monostate, int64_t, double, llvm::StringRef, llvm::SmallVector<int64_t>,
                 llvm::SmallVector<double>, llvm::SmallVector<llvm::StringRef>, TensorAttribute, GraphAttribute>;

struct Attribute {
  llvm::StringRef name;
  AttributeValue value;
};

struct Operator {
  /// Names of values; "" for an optional one that is left out.
  llvm::SmallVector<llvm::StringRef> inputs, outputs;
  llvm::SmallVector<Attribute, 0> attributes;

  const Attribute *find(llvm::StringRef name) const;
};

} // namespace lathe::importer

#endif // LATHE_LIB_IMPORT_CORE_OPERATOR_H
