// lib/OpLibrary/Dims.h: dims that are computed from others, as affine expressions and as C.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_OPLIBRARY_DIMS_H
#define LATHE_LIB_OPLIBRARY_DIMS_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include <optional>
#include <string>

namespace lathe::oplib {

/// Expressions are in reverse Polish notation, with blanks between the words, as
/// `lathe::ValueInfo` has them: "n 2 *". A single word is one, too.

/// The same as an affine expression. `leaf` says what stands for a name.
std::string toAffine(llvm::StringRef polish, llvm::function_ref<std::string(llvm::StringRef)> leaf);
/// The same in C, with the functions of lib/Runtime/Ops/Sizes.h.
std::string toC(llvm::StringRef polish, llvm::function_ref<std::string(llvm::StringRef)> leaf);
/// For people: "(h - 3) / 2 + 1".
std::string toText(llvm::StringRef polish);
/// The value, if `leaf` knows each name in it.
std::optional<int64_t> evaluate(llvm::StringRef polish,
                                llvm::function_ref<std::optional<int64_t>(llvm::StringRef)> leaf);
/// Calls `use` with each name.
void forEachName(llvm::StringRef polish, llvm::function_ref<void(llvm::StringRef)> use);

bool isNumber(llvm::StringRef word);

} // namespace lathe::oplib

#endif // LATHE_LIB_OPLIBRARY_DIMS_H
