// lib/Conversion/GraphToLinalg/Reductions.h: loops of which some reduce, for
// reductions and for normalizations that are made of them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_CONVERSION_GRAPHTOLINALG_REDUCTIONS_H
#define LATHE_LIB_CONVERSION_GRAPHTOLINALG_REDUCTIONS_H

#include "Lowerings.h"

namespace lathe::lowering {

/// Loops over a tensor in the order of its dimensions, of which those in `axes`
/// reduce. Results have the other dimensions only.
struct AxisLoops {
  AxisLoops(LinalgBuilder &b, Type graphType, ArrayRef<int64_t> axes);

  /// The number of elements that become one, an index.
  Value count(LinalgBuilder &b) const;

  /// The reduction of `x` from the neutral element; half precision becomes f32.
  Value reduce(LinalgBuilder &b, graph::ReduceKind kind, Value x, bool isUnsigned) const;
  /// The reduction onto `init` of what `element` computes from `inputs`.
  Value reduce(LinalgBuilder &b, graph::ReduceKind kind, Value init, ArrayRef<Value> inputs,
               ArrayRef<AffineMap> inputMaps, bool isUnsigned, LinalgBuilder::BodyFn element) const;

  MLIRContext *context;
  Sizes sizes, keptSizes, reduced;
  SmallVector<utils::IteratorType> iterators;
  AffineMap full; ///< Of a tensor with all dimensions.
  AffineMap rows; ///< Of one with the others only.
};

} // namespace lathe::lowering

#endif // LATHE_LIB_CONVERSION_GRAPHTOLINALG_REDUCTIONS_H
