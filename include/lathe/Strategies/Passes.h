// include/lathe/Strategies/Passes.h: choosing a strategy for each kernel, and obeying it.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_STRATEGIES_PASSES_H
#define LATHE_STRATEGIES_PASSES_H

#include "dialects/Kernel/Kernel.h"
#include "dialects/Tile/Tile.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Pass/Pass.h"

namespace lathe {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "lathe/Strategies/Passes.h.inc"

} // namespace lathe

#endif // LATHE_STRATEGIES_PASSES_H
