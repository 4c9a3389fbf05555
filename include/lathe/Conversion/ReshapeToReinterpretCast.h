// include/lathe/Conversion/ReshapeToReinterpretCast.h: writes out reshapes that
// upstream cannot.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CONVERSION_RESHAPETOREINTERPRETCAST_H
#define LATHE_CONVERSION_RESHAPETOREINTERPRETCAST_H

#include "mlir/Pass/Pass.h"

namespace lathe {

#define GEN_PASS_DECL_CONVERTRESHAPETOREINTERPRETCASTPASS
#include "lathe/Conversion/Passes.h.inc"

} // namespace lathe

#endif // LATHE_CONVERSION_RESHAPETOREINTERPRETCAST_H
