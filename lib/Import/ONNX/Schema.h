// lib/Import/ONNX/Schema.h: the operator schemas of the pinned ONNX package, as
// tables.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_ONNX_SCHEMA_H
#define LATHE_LIB_IMPORT_ONNX_SCHEMA_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <optional>
#include <string>

namespace lathe::onnx_import {

enum class ParameterKind { Single, Optional, Variadic };

/// A formal input or output of an operator.
struct ParameterSchema {
  llvm::StringLiteral name;
  ParameterKind kind;
  /// Whether all values of a variadic parameter have one type.
  bool homogeneous;
  /// Parameters with the same variable have the same type; "" for none.
  llvm::StringLiteral typeVariable;
  /// Bit `1 << TensorProto::X` for each tensor of X; bit 0 for other types.
  uint32_t types;
};

struct AttributeSchema {
  llvm::StringLiteral name;
  /// AttributeProto.AttributeType.
  int type;
  bool required;
  bool hasDefault;
  int64_t intDefault;
  float floatDefault;
  llvm::StringRef stringDefault;
  /// Separated by spaces.
  llvm::StringRef intsDefault;
};

/// One version of an operator.
struct OpSchema {
  static constexpr int unlimited = INT32_MAX;

  llvm::StringLiteral domain;
  llvm::StringLiteral name;
  int since;
  bool deprecated;
  int minInputs, maxInputs, minOutputs, maxOutputs;
  llvm::ArrayRef<ParameterSchema> inputs, outputs;
  /// In the order of their names.
  llvm::ArrayRef<AttributeSchema> attributes;

  const AttributeSchema *attribute(llvm::StringRef name) const;
  /// The formal input that actual input `index` belongs to: the last one if
  /// that is variadic. Null beyond the end.
  const ParameterSchema *input(size_t index) const { return parameter(inputs, index); }
  const ParameterSchema *output(size_t index) const { return parameter(outputs, index); }
  /// "Softmax-13", with its domain in front if that is not the default one.
  std::string label() const;

private:
  static const ParameterSchema *parameter(llvm::ArrayRef<ParameterSchema> parameters, size_t index);
};

/// The oldest opset of the default domain that the importer takes.
constexpr int64_t oldestOpset = 1;

/// Highest IR version of the pinned package.
int64_t getNewestIRVersion();

/// The newest opset version of `domain`; nullopt if the domain is unknown.
std::optional<int64_t> getNewestOpset(llvm::StringRef domain);

/// "ai.onnx" is another name of the default domain "".
llvm::StringRef canonicalDomain(llvm::StringRef domain);

/// The version of an operator that is in force in `opset`, or null.
const OpSchema *findSchema(llvm::StringRef domain, llvm::StringRef name, int64_t opset);

/// All versions of an operator, oldest first; empty if there is none.
llvm::ArrayRef<OpSchema> findSchemas(llvm::StringRef domain, llvm::StringRef name);

/// All schemas, sorted by domain, name and version.
llvm::ArrayRef<OpSchema> allSchemas();

} // namespace lathe::onnx_import

#endif // LATHE_LIB_IMPORT_ONNX_SCHEMA_H
