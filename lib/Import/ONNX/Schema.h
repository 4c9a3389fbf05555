// lib/Import/ONNX/Schema.h: the operator schemas of the pinned ONNX package, as
// tables.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_ONNX_SCHEMA_H
#define LATHE_LIB_IMPORT_ONNX_SCHEMA_H

#include "Import/Core/OpSchema.h"

#include "llvm/ADT/SmallVector.h"

#include <optional>

namespace lathe::onnx_import {

// Masks of types and the numbers of attribute types are ONNX's: bit
// `1 << TensorProto::X`, and AttributeProto.AttributeType.
using namespace importer;

/// The oldest opset of the default domain that the importer takes.
constexpr int64_t oldestOpset = 1;

/// Highest IR version of the pinned package.
int64_t getNewestIRVersion();

/// The newest opset version of `domain`; nullopt if the domain is unknown.
std::optional<int64_t> getNewestOpset(llvm::StringRef domain);

/// All domains that have operators, but for the default one.
llvm::SmallVector<llvm::StringRef> knownDomains();

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
