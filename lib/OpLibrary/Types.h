// lib/OpLibrary/Types.h: the element types that operators of a library have.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_OPLIBRARY_TYPES_H
#define LATHE_LIB_OPLIBRARY_TYPES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace lathe::oplib {

struct ElementType {
  llvm::StringLiteral name; ///< As element_types.def has it: "f32".
  llvm::StringLiteral mlir; ///< In the text of kernels.
  llvm::StringLiteral c;    ///< In headers; half precision is its bits.
  llvm::StringLiteral kind; ///< In the tests that come with a library.
  unsigned bytes;
  llvm::StringLiteral sums; ///< The type in which sums and functions are computed.
};

/// The row of a type that a family has checked.
const ElementType &elementType(llvm::StringRef name);

/// The floats, which most families take.
llvm::ArrayRef<llvm::StringRef> floatTypes();
/// All types, for families that only move elements.
llvm::ArrayRef<llvm::StringRef> allTypes();

} // namespace lathe::oplib

#endif // LATHE_LIB_OPLIBRARY_TYPES_H
