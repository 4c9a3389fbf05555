// tools/lathe/StoredModule.h: the description in a library, an archive or an object, of any machine, read from the
// file: nothing of it is loaded or run.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_TOOLS_LATHE_STOREDMODULE_H
#define LATHE_TOOLS_LATHE_STOREDMODULE_H

#include "lathe-runtime/module_abi.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/MemoryBuffer.h"

#include <memory>

namespace lathe {
class Diagnostics;
} // namespace lathe

namespace lathe::cli {

class StoredModule {
public:
  /// Reads the `.so`, `.a` or `.o` file at `path`, which Lathe wrote. Null after an
  /// error. All that the description refers to, but for code and weights, lies in
  /// the object and is what it should be.
  static std::unique_ptr<StoredModule> read(llvm::StringRef path, Diagnostics &diagnostics);

  const lathe_module_desc &description() const { return *found; }

private:
  StoredModule() = default;

  /// The object whose data the description is, with addresses of this process.
  std::unique_ptr<llvm::WritableMemoryBuffer> bytes;
  const lathe_module_desc *found = nullptr;
};

} // namespace lathe::cli

#endif // LATHE_TOOLS_LATHE_STOREDMODULE_H
