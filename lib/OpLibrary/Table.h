// lib/OpLibrary/Table.h: dispatch tables, as rows and as YAML.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_OPLIBRARY_TABLE_H
#define LATHE_LIB_OPLIBRARY_TABLE_H

#include "Op.h"
#include "Spec.h"

namespace lathe::oplib {

/// The rows that serve every size: a row for each specialization, in order, and
/// an unconditional one last.
std::vector<Row> makeRows(const BuiltOp &op);

/// "3" or "2..8" or "257..", as tables write a range.
std::string writeRange(std::pair<int64_t, int64_t> range);
/// Nothing if `text` is no range.
std::optional<std::pair<int64_t, int64_t>> readRange(llvm::StringRef text);

/// The tables of the targets of an architecture.
std::string writeTables(const Spec &spec, llvm::ArrayRef<BuiltTarget> targets);

} // namespace lathe::oplib

#endif // LATHE_LIB_OPLIBRARY_TABLE_H
