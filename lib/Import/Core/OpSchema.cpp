// lib/Import/Core/OpSchema.cpp: looks up parameters and attributes of a schema.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "OpSchema.h"

using namespace lathe::importer;
using llvm::ArrayRef;
using llvm::StringRef;

const AttributeSchema *OpSchema::attribute(StringRef name) const {
  for (const AttributeSchema &attribute : attributes)
    if (attribute.name == name)
      return &attribute;
  return nullptr;
}

const ParameterSchema *OpSchema::parameter(ArrayRef<ParameterSchema> parameters, size_t index) {
  if (index < parameters.size())
    return &parameters[index];
  if (!parameters.empty() && parameters.back().kind == ParameterKind::Variadic)
    return &parameters.back();
  return nullptr;
}

std::string OpSchema::label() const {
  std::string version = "-" + std::to_string(since);
  if (domain.empty())
    return name.str() + version;
  return domain.str() + "." + name.str() + version;
}
