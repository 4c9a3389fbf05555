// lib/Import/Core/OpTable.h: which operators of a format are imported, by which
// function.
//
// Names, arity, attributes with their types and defaults, and element types
// come from schemas (OpSchema.h); a row adds what only we know.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_CORE_OPTABLE_H
#define LATHE_LIB_IMPORT_CORE_OPTABLE_H

#include "OpSchema.h"

#include "mlir/IR/Value.h"
#include "llvm/ADT/SmallVector.h"

#include <map>
#include <utility>

namespace lathe::importer {

class Node;

/// Makes the graph ops of a node and returns its first output, or null after
/// `node.error`.
using ImportFn = mlir::Value (*)(Node &node);
/// The same for nodes with several outputs, which it sets by
/// `node.setOutput`.
using ImportManyFn = void (*)(Node &node);

struct OpRow {
  ImportFn import = nullptr;
  ImportManyFn importMany = nullptr;
};

/// Rows by domain, name and since-version. A version without a row is
/// unsupported, however alike it may look.
class OpTable {
public:
  /// Domain and name of an operator; a name alone is one of the default domain.
  struct Key {
    Key(const char *name) : name(name) {}
    Key(llvm::StringRef name) : name(name) {}
    Key(llvm::StringRef domain, llvm::StringRef name) : domain(domain), name(name) {}
    std::string domain, name;
    auto operator<=>(const Key &) const = default;
  };

  void add(const Key &key, llvm::ArrayRef<int> versions, ImportFn import) {
    add(key, versions, OpRow{import, nullptr});
  }
  void add(const Key &key, llvm::ArrayRef<int> versions, ImportManyFn import) {
    add(key, versions, OpRow{nullptr, import});
  }

  const OpRow *find(const OpSchema &schema) const;

  const std::map<Key, std::map<int, OpRow>> &rows() const { return table; }

private:
  std::map<Key, std::map<int, OpRow>> table;

  void add(const Key &key, llvm::ArrayRef<int> versions, OpRow row);
};

} // namespace lathe::importer

#endif // LATHE_LIB_IMPORT_CORE_OPTABLE_H
