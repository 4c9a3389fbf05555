// lib/Conversion/GraphToLinalg/Lowerings.h: what the lowerings of all op
// families share.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_CONVERSION_GRAPHTOLINALG_LOWERINGS_H
#define LATHE_LIB_CONVERSION_GRAPHTOLINALG_LOWERINGS_H

#include "dialects/Graph/Graph.h"

#include "mlir/Dialect/Utils/StructuredOpsUtils.h"

namespace lathe::lowering {

using namespace mlir;
using graph::LinalgBuilder;
using graph::typeOf;

/// One plain tensor per result of the op, or failure after an error on it.
using Lowered = FailureOr<SmallVector<Value>>;

//===----------------------------------------------------------------------===//
// Models: a family is a list of functions
//===----------------------------------------------------------------------===//

/// The `LinalgLowering` of `OpT` that calls `lower`.
template <typename OpT, auto lower> struct Model final : graph::LinalgLowering::ExternalModel<Model<OpT, lower>, OpT> {
  Lowered lowerToLinalg(Operation *op, LinalgBuilder &b, ValueRange operands) const {
    return lower(cast<OpT>(op), b, operands);
  }
};

/// Attaches `lower` to the op that its first parameter names.
template <auto lower, typename OpT> void attachTo(MLIRContext *context, Lowered (*)(OpT, LinalgBuilder &, ValueRange)) {
  OpT::template attachInterface<Model<OpT, lower>>(*context);
}
template <auto... lower> void attach(MLIRContext *context) { (attachTo<lower>(context, lower), ...); }

void attachElementwise(MLIRContext *context);
void attachContraction(MLIRContext *context);
void attachConvolution(MLIRContext *context);
void attachPooling(MLIRContext *context);
void attachNormalization(MLIRContext *context);
void attachReduction(MLIRContext *context);
void attachShape(MLIRContext *context);
void attachReshape(MLIRContext *context);
void attachIndexing(MLIRContext *context);
void attachResize(MLIRContext *context);
void attachSelection(MLIRContext *context);
void attachSort(MLIRContext *context);
void attachStorage(MLIRContext *context);

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

constexpr auto parallel = utils::IteratorType::parallel;
constexpr auto reduction = utils::IteratorType::reduction;

/// `d<first>`, `d<first + 1>` ...
SmallVector<AffineExpr> loops(MLIRContext *context, unsigned first, unsigned count);
/// A map from `numLoops` loops.
AffineMap loopMap(MLIRContext *context, unsigned numLoops, ArrayRef<AffineExpr> results);
/// How an operand of `shape` is read by loops over a result of shape `result`
/// that it broadcasts to: aligned at the last dimensions, with position 0 where
/// only the operand's size is one.
AffineMap broadcastMap(MLIRContext *context, ArrayRef<int64_t> shape, ArrayRef<int64_t> result);

//===----------------------------------------------------------------------===//
// Sizes and tensors
//===----------------------------------------------------------------------===//

using Sizes = SmallVector<OpFoldResult>;

/// `expr`, in which `d_i` stands for entry `i` of `values`.
OpFoldResult apply(LinalgBuilder &b, AffineExpr expr, ArrayRef<OpFoldResult> values);
OpFoldResult add(LinalgBuilder &b, OpFoldResult x, OpFoldResult y);
OpFoldResult sub(LinalgBuilder &b, OpFoldResult x, OpFoldResult y);
OpFoldResult mul(LinalgBuilder &b, OpFoldResult x, OpFoldResult y);
/// `size` as an index value.
Value indexValue(LinalgBuilder &b, OpFoldResult size);

Value emptyTensor(LinalgBuilder &b, ArrayRef<OpFoldResult> sizes, Type element);
Value filledTensor(LinalgBuilder &b, ArrayRef<OpFoldResult> sizes, Value element);

/// The same tensor under a type of `shape`, which says more or less of its
/// sizes.
Value castShape(LinalgBuilder &b, Value tensor, ArrayRef<int64_t> shape);

/// The same elements in row-major order under `sizes`, where dimensions
/// `groups[i]` of the result are what dimension `i` of `tensor` becomes.
Value expand(LinalgBuilder &b, Value tensor, ArrayRef<ReassociationIndices> groups, ArrayRef<OpFoldResult> sizes);
/// The inverse: dimensions `groups[i]` become dimension `i`.
Value collapse(LinalgBuilder &b, Value tensor, ArrayRef<ReassociationIndices> groups);

/// Dimension `i` of the result is dimension `permutation[i]` of `tensor`.
Value permute(LinalgBuilder &b, Value tensor, ArrayRef<int64_t> permutation);

/// `size` elements from `offset` on in every dimension; `tensor` itself if
/// that is all of it.
Value crop(LinalgBuilder &b, Value tensor, ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes);

/// `low[i]` elements of `value` before and `high[i]` after dimension `i`;
/// `tensor` itself if there are none.
Value pad(LinalgBuilder &b, Value tensor, ArrayRef<OpFoldResult> low, ArrayRef<OpFoldResult> high, Value value);

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

/// Integers that count from zero: unsigned ones and `i1`.
inline bool isUnsigned(Type element) { return element.isUnsignedInteger() || element.isInteger(1); }
inline Type elementOf(Value tensor) { return cast<RankedTensorType>(tensor.getType()).getElementType(); }

Value constant(OpBuilder &b, Location loc, Type type, double value);
/// Half precision as f32; anything else as it is.
Value widen(OpBuilder &b, Location loc, Value scalar);
/// A factor of a product, an element of the graph type `element`, in the type of
/// the sums.
Value widenTo(OpBuilder &b, Location loc, Value scalar, Type element, Type sum);
/// A float in `element`, if that is narrower.
Value narrow(OpBuilder &b, Location loc, Value scalar, Type element);
/// A size or position as a number of the signless type `element`.
Value fromIndex(OpBuilder &b, Location loc, Value index, Type element);

/// The value that `kind` combines with any `x` to `x`; `type` is signless.
Value neutralElement(OpBuilder &b, Location loc, graph::ReduceKind kind, Type type, bool isUnsigned);
/// `x` and `y` combined by `kind`; a mean is a sum. Float sums and products may
/// be reassociated, so that reductions vectorize: one order is as good as
/// another, and the order does not depend on who runs which part. Of a positive
/// and a negative zero either may be the maximum: telling them apart costs
/// processors more than the rest.
Value combine(OpBuilder &b, Location loc, graph::ReduceKind kind, Value x, Value y, bool isUnsigned);
/// `sum + x * y`, of floats or integers, possibly fused.
Value multiplyAdd(OpBuilder &b, Location loc, Value sum, Value x, Value y);

} // namespace lathe::lowering

#endif // LATHE_LIB_CONVERSION_GRAPHTOLINALG_LOWERINGS_H
