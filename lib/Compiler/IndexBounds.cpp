// lib/Compiler/IndexBounds.cpp: how many rows the tables have in which inputs of a model look up positions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Functions.h"
#include "Implementation.h"
#include "dialects/Graph/Graph.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace lathe {

/// The size of the dimension at which `user` looks up the elements of `use`; 0 if it does not, or
/// if the size is open.
static int64_t rowsAt(OpOperand &use) {
  auto rows = [&](Value table, Value indices, int64_t axis) -> int64_t {
    auto type = cast<RankedTensorType>(table.getType());
    return use.get() == indices && axis < type.getRank() && !type.isDynamicDim(axis) ? type.getDimSize(axis) : 0;
  };
  if (auto gather = dyn_cast<graph::GatherOp>(use.getOwner()))
    return rows(gather.getX(), gather.getIndices(), gather.getAxis());
  if (auto gather = dyn_cast<graph::GatherElementsOp>(use.getOwner()))
    return rows(gather.getX(), gather.getIndices(), gather.getAxis());
  return 0;
}

std::vector<int64_t> Program::indexBounds(const std::string &function) const {
  std::vector<int64_t> bounds;
  func::FuncOp main = findFunction(*impl->module, function);
  for (Value argument : main ? main.getArguments() : MutableArrayRef<BlockArgument>()) {
    int64_t least = 0;
    SmallVector<Value> same = {argument};
    llvm::SmallDenseSet<Value> seen = {argument};
    while (!same.empty())
      for (OpOperand &use : same.pop_back_val().getUses()) {
        if (int64_t rows = rowsAt(use))
          least = least ? std::min(least, rows) : rows;
        // Elements that these ops move or cast are the same positions.
        if (isa<graph::CastOp, graph::ReshapeOp, graph::TransposeOp, graph::BroadcastOp, graph::SliceOp,
                graph::ConcatOp>(use.getOwner()) &&
            use.getOwner()->getOperand(0) == use.get() && seen.insert(use.getOwner()->getResult(0)).second)
          same.push_back(use.getOwner()->getResult(0));
      }
    bounds.push_back(least);
  }
  return bounds;
}

} // namespace lathe
