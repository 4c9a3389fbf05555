// lib/Import/ONNX/FunctionBodies.cpp: looks up the generated function bodies.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "FunctionBodies.h"

#include "llvm/ADT/STLExtras.h"

#include <map>
#include <memory>
#include <mutex>

using namespace lathe::onnx_import;

namespace {

/// An operator with the bytes of its FunctionProto.
struct FunctionRow {
  llvm::StringLiteral domain, name;
  int since;
  int size;
  const char *bytes;
};

#include "Functions.inc"

} // namespace

const ::onnx::FunctionProto *lathe::onnx_import::findFunctionBody(const OpSchema &schema) {
  const FunctionRow *row = llvm::find_if(functions, [&](const FunctionRow &other) {
    return other.since == schema.since && other.name == schema.name && other.domain == schema.domain;
  });
  if (row == std::end(functions))
    return nullptr;
  // Few models need one, and those few; they are read when they are asked for.
  static std::mutex mutex;
  static std::map<const FunctionRow *, std::unique_ptr<::onnx::FunctionProto>> parsed;
  std::lock_guard lock(mutex);
  std::unique_ptr<::onnx::FunctionProto> &body = parsed[row];
  if (!body) {
    body = std::make_unique<::onnx::FunctionProto>();
    if (!body->ParseFromArray(row->bytes, row->size))
      llvm::report_fatal_error("a generated function body is damaged");
  }
  return body.get();
}
