// lib/Conversion/BufferizeKernels/KernelPhases.cpp: finds the barriers that a kernel needs.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "KernelPhases.h"
#include "dialects/Tile/Tile.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;

namespace lathe {

Value memoryOf(Value value) {
  for (;;) {
    Operation *op = value.getDefiningOp();
    if (auto view = dyn_cast_or_null<ViewLikeOpInterface>(op))
      value = view.getViewSource();
    else if (op && isa<UnrealizedConversionCastOp>(op) && op->getNumOperands() == 1)
      value = op->getOperand(0);
    else
      return value;
  }
}

llvm::SetVector<Value> accessedMemory(Operation *op) {
  llvm::SetVector<Value> memory;
  op->walk([&](Operation *inner) {
    for (Value operand : inner->getOperands())
      if (isa<BaseMemRefType>(operand.getType()))
        if (Value whole = memoryOf(operand); !op->isAncestor(whole.getParentBlock()->getParentOp()))
          memory.insert(whole);
  });
  return memory;
}

namespace {

/// What an op at the top of a kernel does to memory.
struct Effects {
  llvm::SetVector<Value> reads, writes;
  bool hasOthers = false; ///< Whether it does something else, too.

  explicit Effects(Operation *op) {
    op->walk([&](Operation *inner) {
      auto iface = dyn_cast<MemoryEffectOpInterface>(inner);
      if (!iface) {
        if (!inner->hasTrait<OpTrait::HasRecursiveMemoryEffects>() && !isMemoryEffectFree(inner))
          addUnknown(inner);
        return;
      }
      SmallVector<MemoryEffects::EffectInstance> list;
      iface.getEffects(list);
      for (const MemoryEffects::EffectInstance &effect : list) {
        if (isa<MemoryEffects::Allocate, MemoryEffects::Free>(effect.getEffect()))
          continue;
        if (effect.getValue())
          (isa<MemoryEffects::Write>(effect.getEffect()) ? writes : reads).insert(memoryOf(effect.getValue()));
        else
          addUnknown(inner);
      }
    });
  }

private:
  /// An op that does not say what it does may do it to all that it gets.
  void addUnknown(Operation *op) {
    hasOthers = true;
    for (Value operand : op->getOperands())
      if (isa<BaseMemRefType>(operand.getType())) {
        reads.insert(memoryOf(operand));
        writes.insert(memoryOf(operand));
      }
  }
};

/// Memory that is gone when the task is done.
bool isOnStack(Value memory) {
  return isa_and_nonnull<memref::AllocaOp, kernel::BlockMemoryOp>(memory.getDefiningOp());
}

} // namespace

SmallVector<KernelPhase> findPhases(kernel::FuncOp kernel) {
  SmallVector<KernelPhase> phases;
  SmallVector<Effects> effects; // Of each phase, together.
  struct Repeated {
    size_t before; ///< The phase that it comes before.
    Effects effects;
  };
  SmallVector<Repeated> repeated;
  bool isSplittable = true, isOpen = false; // Whether the last phase may grow.
  KernelPhase all;
  for (Operation &op : kernel.getBody().front().without_terminator()) {
    Effects own(&op);
    bool isParallel = isa<scf::ForallOp>(op) || isa<tile::TileDialect>(op.getDialect());
    if (!isParallel && !own.hasOthers && llvm::all_of(own.writes, isOnStack)) {
      if (!own.reads.empty() || !own.writes.empty())
        repeated.push_back({phases.size() - isOpen, std::move(own)});
      continue;
    }
    all.ops.push_back(&op);
    if (isParallel || !isOpen) {
      phases.emplace_back();
      effects.push_back(std::move(own));
    } else {
      effects.back().reads.insert(own.reads.begin(), own.reads.end());
      effects.back().writes.insert(own.writes.begin(), own.writes.end());
    }
    phases.back().ops.push_back(&op);
    if (isParallel)
      phases.back().tasks = &op;
    isOpen = !isParallel;
  }
  // A phase does again what stands before it, so that must still come out the same.
  for (const Repeated &one : repeated)
    for (const Effects &phase : ArrayRef(effects).drop_front(std::min(one.before, effects.size())))
      isSplittable &= llvm::none_of(phase.writes, [&](Value memory) {
        return one.effects.reads.contains(memory) || one.effects.writes.contains(memory);
      });
  // Nor does memory of one worker live on from one phase to the next.
  auto isPrivate = [&](Value memory) {
    auto argument = dyn_cast<BlockArgument>(memory);
    return isOnStack(memory) || (argument && argument.getArgNumber() + kernel.getScratch() >= kernel.getNumArguments());
  };
  for (auto [i, phase] : llvm::enumerate(effects))
    for (Value memory : phase.writes)
      for (auto [j, other] : llvm::enumerate(effects))
        isSplittable &=
            i == j || !isPrivate(memory) || (!other.reads.contains(memory) && !other.writes.contains(memory));
  if (isSplittable && !phases.empty())
    return phases;
  return {all};
}

} // namespace lathe
