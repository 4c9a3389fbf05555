// lib/Import/ONNX/Schema.cpp: looks up the generated schema tables.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Schema.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <tuple>

using namespace lathe::onnx_import;
using llvm::ArrayRef;
using llvm::StringRef;

namespace {

struct DomainSchema {
  llvm::StringLiteral name;
  int64_t newest;
};

constexpr int unlimited = OpSchema::unlimited;
#include "Schemas.inc"

} // namespace

int64_t lathe::onnx_import::getNewestIRVersion() { return newestIRVersion; }

std::optional<int64_t> lathe::onnx_import::getNewestOpset(StringRef domain) {
  for (const DomainSchema &known : domains)
    if (known.name == canonicalDomain(domain))
      return known.newest;
  return std::nullopt;
}

llvm::SmallVector<StringRef> lathe::onnx_import::knownDomains() {
  llvm::SmallVector<StringRef> result;
  for (const DomainSchema &known : domains)
    if (!known.name.empty())
      result.push_back(known.name);
  return result;
}

StringRef lathe::onnx_import::canonicalDomain(StringRef domain) { return domain == "ai.onnx" ? "" : domain; }

ArrayRef<OpSchema> lathe::onnx_import::allSchemas() { return schemas; }

ArrayRef<OpSchema> lathe::onnx_import::findSchemas(StringRef domain, StringRef name) {
  domain = canonicalDomain(domain);
  auto key = [](const OpSchema &schema) { return std::make_tuple(StringRef(schema.domain), StringRef(schema.name)); };
  auto wanted = std::make_tuple(domain, name);
  const OpSchema *begin =
      std::partition_point(std::begin(schemas), std::end(schemas), [&](const OpSchema &s) { return key(s) < wanted; });
  const OpSchema *end =
      std::partition_point(begin, std::end(schemas), [&](const OpSchema &s) { return key(s) == wanted; });
  return {begin, end};
}

const OpSchema *lathe::onnx_import::findSchema(StringRef domain, StringRef name, int64_t opset) {
  const OpSchema *result = nullptr;
  for (const OpSchema &schema : findSchemas(domain, name))
    if (schema.since <= opset)
      result = &schema;
  return result;
}
