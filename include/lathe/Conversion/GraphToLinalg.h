// include/lathe/Conversion/GraphToLinalg.h: from graph ops to linalg on
// tensors.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CONVERSION_GRAPHTOLINALG_H
#define LATHE_CONVERSION_GRAPHTOLINALG_H

#include "dialects/Graph/Graph.h"

#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Pass/Pass.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace lathe {

/// Attaches the `graph::LinalgLowering` of every graph op that has one.
void registerGraphToLinalgModels(mlir::DialectRegistry &registry);

/// Builds `op` at the insertion point of `b` from `plainOperands`: signless
/// tensors without encoding, of the shapes of `op`'s operands. Appends one
/// plain tensor per result; `op` stays as it is. Fails after an error on `op`
/// ([lower-unsupported-op], [lower-unresolved-shape] or the op's own).
llvm::LogicalResult lowerGraphOp(mlir::Operation *op, graph::LinalgBuilder &b, mlir::ValueRange plainOperands,
                                 llvm::SmallVectorImpl<mlir::Value> &results);

/// Lowers the graph ops of `kernel`, a function of one block whose leading
/// `index` arguments are the sizes of its symbols, and makes its tensor types
/// plain. Ops for which `keep` holds stay, with plain operand and result types.
/// `numLowered`, if given, is increased by the number of ops written out. After
/// a failure `kernel` is as it was.
llvm::LogicalResult convertGraphToLinalg(mlir::FunctionOpInterface kernel,
                                         llvm::function_ref<bool(mlir::Operation *)> keep,
                                         uint64_t *numLowered = nullptr);

#define GEN_PASS_DECL_CONVERTGRAPHTOLINALGPASS
#include "lathe/Conversion/Passes.h.inc"

} // namespace lathe

#endif // LATHE_CONVERSION_GRAPHTOLINALG_H
