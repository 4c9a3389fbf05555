// include/lathe/Conversion/PlaceConstants.h: where constants are in the weights, which variants of a model share.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CONVERSION_PLACECONSTANTS_H
#define LATHE_CONVERSION_PLACECONSTANTS_H

#include "mlir/IR/BuiltinOps.h"

namespace lathe {

/// Gives every `host.constant` of `modules`, variants of one model, its place:
/// its `offset`, and each module a `host.weights`. Constants
/// of equal elements in equal order have one place, in whatever module they are.
void placeConstants(llvm::ArrayRef<mlir::ModuleOp> modules);

} // namespace lathe

#endif // LATHE_CONVERSION_PLACECONSTANTS_H
