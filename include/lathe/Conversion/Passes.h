// include/lathe/Conversion/Passes.h: registers every pass of this area.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CONVERSION_PASSES_H
#define LATHE_CONVERSION_PASSES_H

#include "lathe/Conversion/GraphToLinalg.h"
#include "lathe/Conversion/ReshapeToReinterpretCast.h"

namespace lathe {

#define GEN_PASS_REGISTRATION
#include "lathe/Conversion/Passes.h.inc"

} // namespace lathe

#endif // LATHE_CONVERSION_PASSES_H
