// tools/lathe/Python.h: hands work to the Python package, which has the other
// engines to compare with.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_TOOLS_LATHE_PYTHON_H
#define LATHE_TOOLS_LATHE_PYTHON_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <string>
#include <vector>

namespace lathe::cli {

/// Runs `python3 -m MODULE ARGUMENTS` with this process's streams and returns
/// its exit code. Takes the python3 beside this program or the first on PATH,
/// whichever can import `lathe` and all of `packages`; if none can, prints what
/// is missing and how to get it. `place` stands in messages.
int runPython(llvm::StringRef place, llvm::StringRef module, const std::vector<std::string> &arguments,
              llvm::ArrayRef<std::string> packages);

} // namespace lathe::cli

#endif // LATHE_TOOLS_LATHE_PYTHON_H
