// lib/Conversion/BufferizeKernels/ScalarLoops.h: a linalg op as loops over scalars, some of which threads share.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CONVERSION_BUFFERIZEKERNELS_SCALARLOOPS_H
#define LATHE_CONVERSION_BUFFERIZEKERNELS_SCALARLOOPS_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace lathe {

/// Writes one linalg op on memrefs out. Whoever has it sets the positions of the
/// parallel loops, then asks for what is inside.
class ScalarLoops {
public:
  /// Of `op`, for which `fits` holds. The fill of a result that it starts from is
  /// gone after this.
  explicit ScalarLoops(mlir::linalg::GenericOp op);

  /// Whether each result is either the same element in all steps of the reductions
  /// and starts from what is there, or another one in each step and starts from
  /// nothing.
  static bool fits(mlir::linalg::GenericOp op);

  mlir::ArrayRef<unsigned> getParallel() const { return parallel; }
  mlir::ArrayRef<unsigned> getReduced() const { return reduced; }
  const mlir::Range &getRange(unsigned loop) const { return ranges[loop]; }
  void setPosition(unsigned loop, mlir::Value position) { positions[loop] = position; }

  /// What each result that is reduced starts from; null for the others.
  llvm::SmallVector<mlir::Value> starts(mlir::OpBuilder &builder);
  /// The loops over all that is reduced, from `values` as `starts` has them on, with
  /// what is not reduced stored in them: what comes out.
  llvm::SmallVector<mlir::Value> reduce(mlir::OpBuilder &builder, mlir::ValueRange values);
  /// The op's body at the positions.
  llvm::SmallVector<mlir::Value> step(mlir::OpBuilder &builder, mlir::ValueRange values);
  /// Stores the results that are reduced, at the positions of the parallel loops.
  void store(mlir::OpBuilder &builder, mlir::ValueRange values);

  mlir::linalg::GenericOp op;
  mlir::Location loc;

private:
  void takeFill(mlir::OpOperand &out);
  llvm::SmallVector<mlir::Value> indices(mlir::OpBuilder &builder, mlir::OpOperand &operand);
  mlir::Value read(mlir::OpBuilder &builder, mlir::OpOperand &operand);
  llvm::SmallVector<mlir::Value> reduceFrom(mlir::OpBuilder &builder, mlir::ArrayRef<unsigned> loops,
                                            mlir::ValueRange values);

  llvm::SmallVector<unsigned> parallel, reduced;
  llvm::SmallVector<mlir::Value> positions; ///< Of each loop; null before it is there.
  llvm::SmallVector<mlir::Range> ranges;
  llvm::DenseMap<mlir::OpOperand *, mlir::Value> fills; ///< Of results that were filled.
};

} // namespace lathe

#endif // LATHE_CONVERSION_BUFFERIZEKERNELS_SCALARLOOPS_H
