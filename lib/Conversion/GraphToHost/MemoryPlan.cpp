// lib/Conversion/GraphToHost/MemoryPlan.cpp: offsets for constant sizes, slots behind them for sizes known at entry.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "MemoryPlan.h"
#include "lathe-runtime/module_abi.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace lathe {

static int64_t aligned(int64_t bytes) { return llvm::alignTo(bytes, LATHE_ALIGNMENT); }

static bool overlaps(const Temporary &a, const Temporary &b) { return a.first <= b.last && b.first <= a.last; }

/// Largest first, each at the lowest offset that is free during its life.
static void planOffsets(ArrayRef<Temporary> temporaries, SmallVector<size_t> order, MemoryPlan &plan) {
  auto bytesOf = [&](size_t i) { return aligned(cast<AffineConstantExpr>(temporaries[i].bytes).getValue()); };
  llvm::sort(order, [&](size_t a, size_t b) { return std::make_pair(bytesOf(b), a) < std::make_pair(bytesOf(a), b); });
  SmallVector<size_t> placed; // By offset.
  for (size_t i : order) {
    int64_t offset = 0;
    for (size_t other : placed) {
      if (!overlaps(temporaries[i], temporaries[other]))
        continue;
      if (offset + bytesOf(i) <= plan.offsets[other])
        break;
      offset = std::max(offset, plan.offsets[other] + bytesOf(other));
    }
    plan.offsets[i] = offset;
    plan.staticBytes = std::max(plan.staticBytes, offset + bytesOf(i));
    placed.insert(llvm::upper_bound(placed, i, [&](size_t a, size_t b) { return plan.offsets[a] < plan.offsets[b]; }),
                  i);
  }
}

/// The value of an expression with every symbol 64: a guess, for choosing only.
static int64_t estimate(AffineExpr expr) {
  unsigned symbols = 0;
  expr.walk([&](AffineExpr part) {
    if (auto symbol = dyn_cast<AffineSymbolExpr>(part))
      symbols = std::max(symbols, symbol.getPosition() + 1);
  });
  SmallVector<AffineExpr> values(symbols, getAffineConstantExpr(64, expr.getContext()));
  auto fixed = dyn_cast<AffineConstantExpr>(simplifyAffineExpr(expr.replaceSymbols(values), 0, 0));
  return fixed ? fixed.getValue() : 0;
}

static void planSlots(ArrayRef<Temporary> temporaries, SmallVector<size_t> order, MemoryPlan &plan) {
  struct Use {
    unsigned last;
    int64_t guess;
  };
  llvm::stable_sort(order, [&](size_t a, size_t b) { return temporaries[a].first < temporaries[b].first; });
  SmallVector<Use> uses; // Of the slots.
  for (size_t number : order) {
    const Temporary &temporary = temporaries[number];
    int64_t guess = estimate(temporary.bytes);
    std::optional<unsigned> best;
    int64_t bestCost = 0;
    for (auto [i, use] : llvm::enumerate(uses)) {
      if (use.last >= temporary.first)
        continue;
      bool same = llvm::is_contained(plan.slots[i].sizes, temporary.bytes);
      int64_t cost = same ? -1 : std::abs(use.guess - guess);
      if (!best || cost < bestCost)
        best = i, bestCost = cost;
    }
    if (!best) {
      best = plan.slots.size();
      plan.slots.emplace_back();
      uses.push_back({0, 0});
    }
    uses[*best] = {temporary.last, std::max(uses[*best].guess, guess)};
    if (!llvm::is_contained(plan.slots[*best].sizes, temporary.bytes))
      plan.slots[*best].sizes.push_back(temporary.bytes);
    plan.slotOf[number] = *best;
  }
}

MemoryPlan planMemory(ArrayRef<Temporary> temporaries, unsigned space) {
  MemoryPlan plan;
  plan.offsets.assign(temporaries.size(), 0);
  plan.slotOf.assign(temporaries.size(), -1);
  SmallVector<size_t> fixed, computed;
  for (auto [i, temporary] : llvm::enumerate(temporaries))
    if (temporary.space == space)
      (isa<AffineConstantExpr>(temporary.bytes) ? fixed : computed).push_back(i);
  plan.isNeeded = !fixed.empty() || !computed.empty();
  planOffsets(temporaries, fixed, plan);
  planSlots(temporaries, computed, plan);
  return plan;
}

} // namespace lathe
