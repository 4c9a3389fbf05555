// dialects/Graph/Graph.h: the graph dialect for C++ code: include this one.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_DIALECTS_GRAPH_GRAPH_H
#define LATHE_DIALECTS_GRAPH_GRAPH_H

#include "dialects/Graph/GraphAttrs.h"
#include "dialects/Graph/LinalgBuilder.h"
#include "dialects/Graph/ShapeSolver.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/Graph/GraphInterfaces.h.inc"

#include "dialects/Graph/GraphDialect.h.inc"

namespace lathe::graph {

/// Result dims of an elementwise op: all operands broadcast together.
llvm::LogicalResult inferElementwise(mlir::Operation *op, ShapeSolver &solver, llvm::SmallVectorImpl<Dims> &results);

/// Fails, with an error, unless `graph.symbols`, `graph.checks` and all
/// expressions of sizes in `func` fit each other. The dialect calls it for
/// functions that have one of the attributes.
llvm::LogicalResult verifySymbols(mlir::func::FuncOp func);

/// The type of a tensor, which every value of the dialect but sequences, optionals and maps is.
inline mlir::RankedTensorType typeOf(mlir::Value tensor) {
  return mlir::cast<mlir::RankedTensorType>(tensor.getType());
}

/// The type without the `graph.dims` encoding and with signless integers: what
/// a graph tensor becomes at the levels below.
mlir::RankedTensorType getPlainType(mlir::Type type);

/// Signless integers of the same width; other types as they are.
mlir::Type getSignlessType(mlir::Type element);

/// f32 for half precision, else `element` itself.
mlir::Type getAccumulatorType(mlir::Type element);

/// Whether `op` is a `graph.dequantize` whose codes a product reads as they are: it is not folded.
bool hasCodes(mlir::Operation *op);

/// Enforces (C3) of `graph.matmul` for factors of the types `left` and `right`.
mlir::LogicalResult verifyProductTypes(mlir::Operation *op, mlir::Type left, mlir::Type right, mlir::Type result);

} // namespace lathe::graph

#define GET_OP_CLASSES
#include "dialects/Graph/GraphOps.h.inc"

#endif // LATHE_DIALECTS_GRAPH_GRAPH_H
