// lib/Import/Core/OpSchema.h: what a format says of one version of an operator.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_CORE_OPSCHEMA_H
#define LATHE_LIB_IMPORT_CORE_OPSCHEMA_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <string>

namespace lathe::importer {

enum class ParameterKind { Single, Optional, Variadic };

/// A formal input or output of an operator.
struct ParameterSchema {
  llvm::StringLiteral name;
  ParameterKind kind;
  /// Whether all values of a variadic parameter have one type.
  bool homogeneous;
  /// Parameters with the same variable have the same type; "" for none.
  llvm::StringLiteral typeVariable;
  /// Bit `1 << n` for each tensor of the element type that has number n in the
  /// format; bit 0 for other types.
  uint32_t types;
};

struct AttributeSchema {
  llvm::StringLiteral name;
  /// The number of the attribute's type in the format.
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

} // namespace lathe::importer

#endif // LATHE_LIB_IMPORT_CORE_OPSCHEMA_H
