// lib/OpLibrary/EmbeddedFiles.cpp: files of this tree that every library gets as they are.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Emit.h"

namespace lathe::oplib {

llvm::StringRef embeddedFile(llvm::StringRef name) {
  static constexpr std::pair<llvm::StringRef, llvm::StringRef> files[] = {
#include "EmbeddedFiles.inc"
  };
  for (auto [known, text] : files)
    if (known == name)
      return text;
  return "";
}

} // namespace lathe::oplib
