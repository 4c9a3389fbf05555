// include/lathe/Conversion/TileToVector.h: from tile ops on memrefs to loops
// over vectors.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LATHE_CONVERSION_TILETOVECTOR_H
#define LATHE_CONVERSION_TILETOVECTOR_H

#include "dialects/Tile/Tile.h"

#include "mlir/IR/Builders.h"
#include "mlir/Pass/Pass.h"

#include <memory>

namespace lathe {

/// Emits the loops of `op`, a tile op, which must be on memrefs, at the
/// insertion point of `builder`. `op` itself stays; the caller erases it. Fails
/// with a diagnostic if an operand's innermost stride is not 1.
mlir::LogicalResult lowerTileOp(mlir::OpBuilder &builder, mlir::Operation *op);

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "lathe/Conversion/TileToVector.h.inc"

} // namespace lathe

#endif // LATHE_CONVERSION_TILETOVECTOR_H
