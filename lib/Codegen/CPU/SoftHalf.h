// lib/Codegen/CPU/SoftHalf.h: arithmetic on f16 for processors that cannot convert it.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CODEGEN_CPU_SOFTHALF_H
#define LATHE_CODEGEN_CPU_SOFTHALF_H

#include "lathe/Target/Target.h"
#include "llvm/IR/Module.h"

namespace lathe {

/// Whether the processor of `target` has no instruction between f16 and f32, so
/// that LLVM calls functions of a compiler's library, `__extendhfsf2` and
/// `__truncsfhf2`, for each element.
bool needsSoftHalf(const Target &target);

/// Replaces arithmetic on f16 by arithmetic on f32 with each result rounded to
/// f16, and conversions of f16 by arithmetic on integers, on vectors as on scalars:
/// to the nearest, ties to even, with denormals, infinities and NaN (which becomes
/// quiet) as IEEE 754 has them, and whatever the mode of the processor for
/// denormals is.
void expandHalf(llvm::Module &code);

} // namespace lathe

#endif // LATHE_CODEGEN_CPU_SOFTHALF_H
