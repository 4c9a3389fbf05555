// lib/Transforms/Graph/FindConstants.cpp: one walk from operands to what reads them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "FindConstants.h"

using namespace mlir;

namespace lathe::graph {

DenseSet<Value> findConstants(func::FuncOp func) {
  DenseSet<Value> constants;
  // Operands come before what reads them, also those from around a body.
  func.walk<WalkOrder::PreOrder>([&](Operation *op) {
    bool isFoldable = op->getNumOperands() > 0 && op->getNumRegions() == 0 && isPure(op) && !hasCodes(op) &&
                      llvm::all_of(op->getOperands(), [&](Value operand) { return constants.contains(operand); });
    if (isFoldable || isa<ConstantOp>(op))
      constants.insert(op->result_begin(), op->result_end());
  });
  return constants;
}

} // namespace lathe::graph
