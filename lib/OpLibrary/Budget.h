// lib/OpLibrary/Budget.h: what a library may cost, and what is said when it costs more.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_OPLIBRARY_BUDGET_H
#define LATHE_LIB_OPLIBRARY_BUDGET_H

#include "Op.h"
#include "Yaml.h"
#include "llvm/ADT/ArrayRef.h"
#include <memory>

namespace lathe::oplib {

/// The entry `budget` of a specification. What is not given is not limited.
struct Budget {
  std::string place;               ///< "ops.yaml:4:9"; of the file where the command line gives the size.
  std::optional<uint64_t> size;    ///< Bytes of the shared library of each architecture.
  std::optional<uint64_t> seconds; ///< Of compiling kernels.
  std::optional<int64_t> variants; ///< Of an operator, for one target.
};

/// Reads `budget: {size: 8MB, time: 10min, variants: 6}`. False after an error.
bool readBudget(const YamlNode &node, YamlReader &reader, Budget &budget);

/// False, and an error at `node`, if an operator has more variants than the budget allows.
bool checkVariants(const Budget &budget, const std::vector<std::unique_ptr<Op>> &ops, const YamlNode &node,
                   YamlReader &reader);
/// False, and an error that names the ten largest operators, if the library of `bytes` for `targets`, which are of one
/// architecture, is too large.
bool checkSize(const Budget &budget, uint64_t bytes, llvm::ArrayRef<BuiltTarget> targets, Diagnostics &diagnostics);

/// "1,234,567".
std::string formatCount(uint64_t number);

} // namespace lathe::oplib

#endif // LATHE_LIB_OPLIBRARY_BUDGET_H
