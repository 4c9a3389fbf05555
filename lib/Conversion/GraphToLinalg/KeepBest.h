// lib/Conversion/GraphToLinalg/KeepBest.h: the first elements of an order, without sorting all.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_CONVERSION_GRAPHTOLINALG_KEEPBEST_H
#define LATHE_LIB_CONVERSION_GRAPHTOLINALG_KEEPBEST_H

#include "Lowerings.h"

namespace lathe::lowering {

/// Elements that a list is as fast for as a heap: each that enters moves all behind it.
constexpr int64_t mostListed = 64;

/// The positions along dimension `axis` of `x`, a tensor of `sizes`, of the elements that come first,
/// in order: as many as `result`, an i64 type, has there, a known number. `isBefore` says whether an
/// element must come before another; of equal ones the first in `x` does. One pass, each row a task.
Value lowerKeepBest(graph::LinalgBuilder &b, Value x, Sizes sizes, int64_t axis, RankedTensorType result,
                    llvm::function_ref<Value(OpBuilder &, Value, Value)> isBefore);

} // namespace lathe::lowering

#endif // LATHE_LIB_CONVERSION_GRAPHTOLINALG_KEEPBEST_H
