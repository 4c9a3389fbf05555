// dialects/Graph/Windows.h: what ops that move a window over spatial dimensions have in common.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_DIALECTS_GRAPH_WINDOWS_H
#define LATHE_DIALECTS_GRAPH_WINDOWS_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"
#include "llvm/ADT/STLExtras.h"
#include <limits>

namespace lathe::graph {

/// The number of spatial dimensions of `x`, `[N, C, spatial...]` in either
/// layout; an error on `op` unless it is 1 to 3.
inline llvm::FailureOr<size_t> verifySpatialRank(mlir::Operation *op, mlir::RankedTensorType x) {
  if (x.getRank() < 3 || x.getRank() > 5)
    return op->emitOpError("takes one to three spatial dimensions, but 'x' has rank ") << x.getRank();
  return x.getRank() - 2;
}

/// An error on `op` unless `values` has `count` entries, none below `least`.
inline llvm::LogicalResult verifyEntries(mlir::Operation *op, llvm::StringRef name, llvm::ArrayRef<int64_t> values,
                                         size_t count, int64_t least) {
  if (values.size() != count)
    return op->emitOpError() << "'" << name << "' has " << values.size() << " entries, but " << count
                             << " are expected";
  for (int64_t value : values)
    if (value < least || value > std::numeric_limits<int32_t>::max())
      return op->emitOpError() << "'" << name << "' has the entry " << value << ", but it must be at least " << least
                               << " and fit 32 bits";
  return llvm::success();
}

/// Whether windows of a pool have so few positions that each is an operand of its own, which is read at the border
/// instead of beside it: passes and lowerings of pools agree on it.
template <typename OpT> bool hasShortWindows(OpT op) { return llvm::product_of(op.getKernel()) <= 16; }

} // namespace lathe::graph

#endif // LATHE_DIALECTS_GRAPH_WINDOWS_H
