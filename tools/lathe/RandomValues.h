// tools/lathe/RandomValues.h: values for inputs that the user does not give.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_TOOLS_LATHE_RANDOMVALUES_H
#define LATHE_TOOLS_LATHE_RANDOMVALUES_H

#include "Tensor.h"

#include "llvm/ADT/StringRef.h"

namespace lathe::cli {

/// Fills `tensor`, of any dtype, which is the input called `name`: floats from
/// the standard normal distribution, integers from 0 to 99, or from the first
/// `rows` of these if that is not 0. Integers whose names contain "mask" or
/// "type" are flags, 0 or 1. The values depend on the name, the rows and the seed alone.
void fillRandomly(lathe_tensor &tensor, llvm::StringRef name, uint64_t seed, int64_t rows);

} // namespace lathe::cli

#endif // LATHE_TOOLS_LATHE_RANDOMVALUES_H
