// dialects/Tile/Tile.h: the one header through which C++ sees the tile dialect.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LATHE_DIALECTS_TILE_TILE_H
#define LATHE_DIALECTS_TILE_TILE_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "lathe/Target/DotUnits.h"

#include "dialects/Tile/TileDialect.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/Tile/TileAttributes.h.inc"

namespace lathe::tile {

/// The signless element type that `type` stands for.
mlir::Type toType(DotType type, mlir::MLIRContext *context);

/// The type in which `op`, a tile compute op, accumulates.
mlir::Type getAccumulatorType(mlir::Operation *op);

/// Enforces that the unit of `op`, an EpilogueOpInterface, takes factors of the
/// types `a` and `b`.
mlir::LogicalResult verifyUnit(mlir::Operation *op, mlir::Type a, mlir::Type b);

/// Enforces (E1) to (E5) of the dialect on `op`, an EpilogueOpInterface.
mlir::LogicalResult verifyEpilogue(mlir::Operation *op);

} // namespace lathe::tile

#include "dialects/Tile/TileInterfaces.h.inc"
#define GET_OP_CLASSES
#include "dialects/Tile/TileOps.h.inc"

#endif // LATHE_DIALECTS_TILE_TILE_H
