// lib/Conversion/GraphToHost/Lifetimes.cpp: uses in branches and loops, and values that are other values.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Lifetimes.h"
#include "dialects/Kernel/Views.h"

using namespace mlir;

namespace lathe {

Lifetimes::Lifetimes(func::FuncOp func) {
  number(func.getBody().front());
  func.walk([&](Operation *op) {
    for (Value result : op->getResults())
      findUses(result);
    for (Region &region : op->getRegions())
      for (Block &block : region)
        for (Value argument : block.getArguments())
          findUses(argument);
    findAliases(op);
  });
  // Each round makes a chain of aliases one longer; inner ones come first.
  for (bool changed = true; changed;) {
    changed = false;
    for (auto [from, to] : aliases)
      if (unsigned last = lastStep.lookup(to); lastStep.lookup(from) < last)
        lastStep[from] = last, changed = true;
  }
}

void Lifetimes::number(Block &block) {
  for (Value argument : block.getArguments())
    owners[argument] = argument;
  for (Operation &op : block) {
    unsigned begin = next++;
    for (Region &region : op.getRegions())
      for (Block &inner : region)
        number(inner);
    // Behind what is in the regions, so that what is copied there is still there.
    if (op.getNumRegions())
      ++next;
    steps[&op] = {begin, next - 1};
    bool isAlias = isa<graph::ReshapeOp, graph::ReinterpretOp>(op) || kernel::isView(&op);
    for (Value result : op.getResults()) {
      owners[result] = isAlias ? owners.lookup(op.getOperand(0)) : result;
      // What nothing reads is written all the same.
      lastStep.try_emplace(owners[result], next - 1);
    }
  }
}

void Lifetimes::findUses(Value value) {
  unsigned &last = lastStep[owners.lookup(value)];
  for (Operation *user : value.getUsers()) {
    unsigned step = begin(user);
    // In every turn of a loop that the value is not of.
    while (user->getBlock() != value.getParentBlock()) {
      user = user->getParentOp();
      if (isa<graph::LoopOp>(user))
        step = end(user);
    }
    last = std::max(last, step);
  }
}

void Lifetimes::findAliases(Operation *op) {
  auto add = [&](ValueRange from, ValueRange to) {
    for (auto [a, b] : llvm::zip_equal(from, to))
      if (owners.lookup(a) != b)
        aliases.push_back({owners.lookup(a), b});
  };
  if (auto branch = dyn_cast<graph::IfOp>(op)) {
    add(branch.thenYield().getValues(), branch.getResults());
    add(branch.elseYield().getValues(), branch.getResults());
  } else if (auto loop = dyn_cast<graph::LoopOp>(op)) {
    // Without a turn the results are these.
    add(loop.getInits(), loop.carriedResults());
    add(loop.getInits(), loop.carriedArguments());
    // What a turn carries on may be where it wrote a scan output.
    for (auto [part, whole] : llvm::zip_equal(loop.scanned(), loop.scanResults()))
      for (auto [next, result] : llvm::zip_equal(loop.nextCarried(), loop.carriedResults()))
        if (owners.lookup(part) == owners.lookup(next))
          aliases.push_back({whole, result});
  }
}

bool Lifetimes::isWhole(Value value) const {
  for (Value owner = ownerOf(value); value != owner; value = value.getDefiningOp()->getOperand(0))
    if (kernel::isView(value.getDefiningOp()))
      return false;
  return true;
}

bool Lifetimes::mayBe(Value from, Value to) const {
  SmallVector<Value> open = {ownerOf(from)};
  DenseSet<Value> seen;
  while (!open.empty()) {
    Value value = open.pop_back_val();
    if (value == ownerOf(to))
      return true;
    if (seen.insert(value).second)
      for (auto [a, b] : aliases)
        if (a == value)
          open.push_back(b);
  }
  return false;
}

} // namespace lathe
