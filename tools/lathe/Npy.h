// tools/lathe/Npy.h: tensors in files of NumPy's format .npy.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_TOOLS_LATHE_NPY_H
#define LATHE_TOOLS_LATHE_NPY_H

#include "Tensor.h"

#include "llvm/ADT/StringRef.h"

#include <optional>

namespace lathe {
class Diagnostics;
}

namespace lathe::cli {

/// Reads format versions 1 and 2 with little-endian elements in C order, of
/// every lathe_dtype and up to LATHE_MAX_RANK dims. Types that NumPy has not are
/// read as the package ml_dtypes saves them: bf16 from elements of two raw bytes
/// ("V2"), types of 8 bits and less from one ("V1") for each, which then is taken
/// for `wanted`. Strings are of a fixed size ("U" or "S"). Nothing after an error.
std::optional<Tensor> readNpy(llvm::StringRef path, lathe_dtype wanted, Diagnostics &diagnostics);

/// Writes version 1. Replaces the file only when all of it is written.
bool writeNpy(llvm::StringRef path, const Tensor &tensor, Diagnostics &diagnostics);

} // namespace lathe::cli

#endif // LATHE_TOOLS_LATHE_NPY_H
