// lib/Import/ONNX/Regex.h: patterns of RE2 as the C library takes them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_ONNX_REGEX_H
#define LATHE_LIB_IMPORT_ONNX_REGEX_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/LogicalResult.h"

#include <string>

namespace lathe::onnx_import {

/// A POSIX extended regular expression.
struct PosixPattern {
  std::string text;
  /// Whether it is one of bytes, to be matched in the locale "C": there a boundary of
  /// a word is one of ASCII, as RE2 has it.
  bool isOfBytes = false;
};

/// A POSIX extended regular expression that fits exactly the strings that `pattern`,
/// one of RE2, fits as a whole. Fails with `problem`, the part of the pattern that has
/// no counterpart or is wrong. Without `isWhole`, it fits parts of strings, as long ones as there
/// are.
llvm::FailureOr<PosixPattern> toPosixPattern(llvm::StringRef pattern, std::string &problem, bool isWhole = true);

} // namespace lathe::onnx_import

#endif // LATHE_LIB_IMPORT_ONNX_REGEX_H
