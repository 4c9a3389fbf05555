// dialects/Graph/LinalgBuilder.h: what a lowering to linalg builds with.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_DIALECTS_GRAPH_LINALGBUILDER_H
#define LATHE_DIALECTS_GRAPH_LINALGBUILDER_H

#include "mlir/Dialect/Utils/StructuredOpsUtils.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace lathe::graph {

/// Builds plain tensor IR inside of one kernel, in which the symbol `s_i` of
/// every dimension expression is the i-th of `sizes`.
class LinalgBuilder : public mlir::OpBuilder {
public:
  LinalgBuilder(mlir::OpBuilder &builder, mlir::Location loc, mlir::ValueRange sizes)
      : OpBuilder(builder), loc(loc), sizes(sizes.begin(), sizes.end()) {}

  mlir::Location getLoc() const { return loc; }

  /// The value of `expr` as an index, a constant attribute where it is one.
  mlir::OpFoldResult size(mlir::AffineExpr expr);
  /// The same as an SSA value.
  mlir::Value index(mlir::AffineExpr expr);
  mlir::Value indexConstant(int64_t value);

  /// The sizes of a graph tensor type: static ones and those of its encoding.
  llvm::SmallVector<mlir::OpFoldResult> sizesOf(mlir::Type graphType);

  /// An uninitialized plain tensor with the shape of `graphType`; `element`
  /// replaces its element type where given.
  mlir::Value empty(mlir::Type graphType, mlir::Type element = {});
  /// `empty`, filled with the scalar `value`.
  mlir::Value filled(mlir::Type graphType, mlir::Value value);

  /// A scalar constant; `value` is rounded for integer types.
  mlir::Value scalar(mlir::Type element, double value);

  using BodyFn = llvm::function_ref<mlir::Value(mlir::OpBuilder &, mlir::Location, mlir::ValueRange)>;

  /// A `linalg.generic` that computes `init`'s elements from those of
  /// `inputs` under `maps` (one per input, then one for `init`). The body gets
  /// the inputs' elements and the old element of `init`.
  mlir::Value generic(mlir::ValueRange inputs, mlir::Value init, llvm::ArrayRef<mlir::AffineMap> maps,
                      llvm::ArrayRef<mlir::utils::IteratorType> iterators, BodyFn body);
  /// The same with all loops parallel and an identity map for `init`.
  mlir::Value elementwise(mlir::ValueRange inputs, mlir::Value init, llvm::ArrayRef<mlir::AffineMap> inputMaps,
                          BodyFn body);

  /// Elementwise conversion of a plain tensor between float types or to wider
  /// ones; the tensor itself if it has that type.
  mlir::Value castFloat(mlir::Value tensor, mlir::Type element);

private:
  mlir::Location loc;
  llvm::SmallVector<mlir::Value> sizes;
};

} // namespace lathe::graph

#endif // LATHE_DIALECTS_GRAPH_LINALGBUILDER_H
