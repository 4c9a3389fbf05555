// lib/Import/Core/Scope.h: what the names in a graph stand for, and those of the
// graphs around it.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_CORE_SCOPE_H
#define LATHE_LIB_IMPORT_CORE_SCOPE_H

#include "Operator.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

#include <optional>

namespace lathe::importer {

struct Scope {
  /// Start of messages: the file, then the calls that lead here.
  std::string place;
  /// Start of node names: "call/".
  std::string prefix;
  /// The scope around a subgraph, whose names it sees, too.
  Scope *outer = nullptr;
  /// Where the scope's own constants go.
  mlir::Block *block = nullptr;
  /// Null for values that could not be made, which has been reported.
  llvm::StringMap<mlir::Value> values = {};
  /// Optional values that are known to be empty, and optional inputs of a
  /// function that its caller left out.
  llvm::StringSet<> absent = {};
  /// Tensors of the model, which become constants at their first use.
  llvm::StringMap<TensorReader> tensors = {};

  /// What a name stands for; nothing if that is an optional value that is
  /// empty, null if it could not be made, which has then been reported. `file`
  /// and `place` are those of locations and messages.
  std::optional<mlir::Value> lookUp(mlir::OpBuilder &builder, llvm::StringRef name, llvm::StringRef file,
                                    llvm::StringRef place);
  /// Collects the values of `names`, null for those that are absent. Fails if
  /// one could not be made.
  bool lookUpAll(mlir::OpBuilder &builder, llvm::ArrayRef<llvm::StringRef> names, llvm::StringRef file,
                 llvm::StringRef place, llvm::SmallVectorImpl<mlir::Value> &values);
  /// Says that an optional value is empty.
  void setAbsent(llvm::StringRef name);

private:
  mlir::Value makeConstant(mlir::OpBuilder &builder, llvm::StringRef name, const TensorReader &read,
                           llvm::StringRef file, llvm::StringRef place) const;
};

} // namespace lathe::importer

#endif // LATHE_LIB_IMPORT_CORE_SCOPE_H
