// tools/lathe/Inputs.h: tensors for a compiled function: from files, or random.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_TOOLS_LATHE_INPUTS_H
#define LATHE_TOOLS_LATHE_INPUTS_H

#include "Command.h"
#include "Tensor.h"

#include "lathe/Support/SizeRange.h"

#include <optional>
#include <string>
#include <vector>

namespace lathe {
class Diagnostics;
}

namespace lathe::cli {

/// What the user says about the inputs.
struct InputOptions {
  std::vector<NamedSizes> dims;   ///< Of --dim: sizes by the dim's name.
  std::vector<NamedSizes> shapes; ///< Of --shape: shapes by the input's name.
  std::vector<std::string> files; ///< Of --input: NAME=FILE.
  uint64_t seed = 0;
  std::vector<int64_t> indexBounds; ///< As of Program: 0, or none, where ids have no bound.

  static InputOptions from(const Arguments &arguments, std::vector<int64_t> indexBounds = {});
};

/// Makes all inputs of `function`, in order. Where there is no file, floats are
/// drawn from the standard normal distribution and integers from 0 to 99, or below the
/// rows of the table that they are looked up in;
/// integers whose names contain "mask" or "type" are flags, 0 or 1. Values
/// depend on the name and the seed alone. If nothing else is said, a dim that has a range
/// is the least size in it, and another free first dim is taken for the batch and is 1.
/// A sequence holds one tensor a file, and an optional value is there if a file is. `place` stands in messages.
std::optional<std::vector<Value>> makeInputs(const lathe_function_desc &function, const InputOptions &options,
                                             llvm::StringRef place, Diagnostics &diagnostics);

/// What can be known of `options` before anything is compiled: the files are
/// there, and `names`, the model's inputs, have those of --input and --shape.
bool checkInputs(llvm::ArrayRef<std::string> names, const InputOptions &options, llvm::StringRef place,
                 Diagnostics &diagnostics);

/// What the model was compiled for of a symbol's sizes; none if for any.
std::optional<SizeRange> rangeOf(const lathe_function_desc &function, uint32_t symbol);

/// Whether `makeInputs` would find a size for every dim of `function`.
bool hasAllSizes(const lathe_function_desc &function, const InputOptions &options);

/// "f32[batch, 3, 224, 224]"; a dim without a name is "?". Others than tensors are
/// "sequence(f32[?])" and "optional(f32[?])".
std::string formatValue(const lathe_function_desc &function, const lathe_value_desc &value);

} // namespace lathe::cli

#endif // LATHE_TOOLS_LATHE_INPUTS_H
