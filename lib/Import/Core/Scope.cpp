// lib/Import/Core/Scope.cpp: names become values; tensors become constants where
// they are first used.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Scope.h"

#include "dialects/Graph/Graph.h"
#include "dialects/Graph/NodeLocation.h"

using namespace lathe;
using namespace lathe::importer;
using llvm::StringRef;
using mlir::Value;

/// The first use may be in a region inside of the scope's block: others must see
/// the constant, too, so it goes before the op that the region belongs to.
Value Scope::makeConstant(mlir::OpBuilder &builder, StringRef name, const TensorReader &read, StringRef file,
                          StringRef at) const {
  mlir::OpBuilder::InsertionGuard guard(builder);
  while (builder.getInsertionBlock() != block)
    builder.setInsertionPoint(builder.getInsertionBlock()->getParentOp());
  mlir::ElementsAttr elements = read(at);
  if (!elements)
    return {};
  mlir::Location loc = graph::getNodeLocation(builder.getContext(), file, name, "initializer");
  return graph::ConstantOp::create(builder, loc, elements.getType(), elements);
}

std::optional<Value> Scope::lookUp(mlir::OpBuilder &builder, StringRef name, StringRef file, StringRef at) {
  for (Scope *scope = this; scope; scope = scope->outer) {
    if (scope->absent.contains(name))
      return std::nullopt;
    if (auto known = scope->values.find(name); known != scope->values.end())
      return known->second;
    if (auto tensor = scope->tensors.find(name); tensor != scope->tensors.end())
      return scope->values[name] = scope->makeConstant(builder, name, tensor->second, file, at);
  }
  return Value();
}

bool Scope::lookUpAll(mlir::OpBuilder &builder, llvm::ArrayRef<StringRef> names, StringRef file, StringRef at,
                      llvm::SmallVectorImpl<Value> &found) {
  for (StringRef name : names) {
    std::optional<Value> value = name.empty() ? std::nullopt : lookUp(builder, name, file, at);
    if (value && !*value)
      return false;
    found.push_back(value.value_or(Value()));
  }
  // Inputs at the end that are left out are as good as not there.
  while (!found.empty() && !found.back())
    found.pop_back();
  return true;
}

void Scope::setAbsent(StringRef name) {
  values.erase(name);
  absent.insert(name);
}
