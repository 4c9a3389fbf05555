// lib/Conversion/TileToVector/MicroKernel.cpp: accumulators as loop-carried
// vectors, so that LLVM keeps every one of them in a register.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "MicroKernel.h"

#include "../BufferizeKernels/KernelSizes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace lathe;

SmallVector<Value> MicroKernel::emit(Emitter &e, ValueRange inits) const {
  SmallVector<Value> sums(inits);
  // Sums that belong to columns follow those of the rows.
  if (dot->columnSums())
    for (int64_t vector = 0; vector < vectors; ++vector)
      sums.push_back(e.zeros(dot->sumType(), cast<VectorType>(inits[vector].getType()).getNumElements()));
  sums = emitOuter(e, {}, sums);
  if (!dot->columnSums())
    return sums;
  SmallVector<Value> excess(ArrayRef(sums).take_back(vectors));
  sums.truncate(sums.size() - vectors);
  for (auto [i, sum] : llvm::enumerate(sums))
    sum = arith::SubIOp::create(e.b, e.loc, sum, excess[i % vectors]);
  return sums;
}

SmallVector<Value> MicroKernel::emitOuter(Emitter &e, ValueRange outerIvs, ValueRange inits) const {
  if (outerIvs.size() == outer.size())
    return emitInner(e, outerIvs, inits);
  return e.loop({e.index(0), outer[outerIvs.size()]}, 1, inits, [&](Value iv, ValueRange sums) {
    SmallVector<Value> ivs(outerIvs);
    ivs.push_back(iv);
    return emitOuter(e, ivs, sums);
  });
}

SmallVector<Value> MicroKernel::emitInner(Emitter &e, ValueRange outerIvs, ValueRange inits) const {
  if (enter)
    enter(outerIvs);
  int64_t step = dot->step();
  Value begin = e.floorDiv(inner.begin, step), end = e.floorDiv(inner.end, step);
  Value remainder = e.rem(e.sub(end, begin), unroll);
  Value middle = e.sub(end, remainder);
  SmallVector<Value> sums = e.loop({begin, middle}, unroll, inits, [&](Value group, ValueRange carried) {
    if (prefetch)
      prefetch(outerIvs, e.mul(group, step));
    SmallVector<Value> runs;
    for (int64_t row = 0; row < rows && !gather; ++row)
      if (Value run = dot->loadRun(e, lhs(outerIvs, group, row), unroll))
        runs.push_back(run);
    SmallVector<Value> sums(carried);
    for (int64_t i = 0; i < unroll; ++i) {
      SmallVector<Value> factors;
      for (Value run : runs)
        factors.push_back(dot->fromRun(e, run, i));
      Value at = e.add(group, i);
      sums = emitStep(e, outerIvs, {at, e.mul(at, step), step, factors}, sums);
    }
    return sums;
  });
  auto one = [&](Value group, ValueRange carried) {
    return emitStep(e, outerIvs, {group, e.mul(group, step), step, {}}, carried);
  };
  if (std::optional<int64_t> steps = constantIndex(remainder)) {
    for (int64_t i = 0; i < *steps; ++i)
      sums = one(e.add(middle, i), sums);
  } else {
    sums = e.loop({middle, end}, 1, sums, one);
  }
  return step == 1 ? sums : emitRest(e, outerIvs, end, sums);
}

/// The terms behind the last whole step, which is `group`.
SmallVector<Value> MicroKernel::emitRest(Emitter &e, ValueRange outerIvs, Value group, ValueRange inits) const {
  int64_t step = dot->step();
  Value begin = e.mul(group, step);
  if (std::optional<int64_t> size = constantIndex(inner.end)) {
    int64_t count = *size % step;
    return count ? emitStep(e, outerIvs, {group, begin, count, {}}, inits) : SmallVector<Value>(inits);
  }
  if (divisorOf(inner.end) % step == 0)
    return SmallVector<Value>(inits);
  // One at a time, as the first of its step; only an operand that is not packed
  // can be read so, and only it has a size that is not known.
  return e.loop({begin, inner.end}, 1, inits,
                [&](Value k, ValueRange carried) { return emitStep(e, outerIvs, {group, k, 1, {}}, carried); });
}

SmallVector<Value> MicroKernel::emitStep(Emitter &e, ValueRange outerIvs, const Step &step, ValueRange sums) const {
  SmallVector<SmallVector<Value>> columns;
  SmallVector<Value> result;
  SmallVector<int64_t> lanes;
  for (int64_t vector = 0; vector < vectors; ++vector) {
    lanes.push_back(cast<VectorType>(sums[vector].getType()).getNumElements());
    columns.push_back(dot->spreadB(e, rhs(outerIvs, step.group, step.k, step.count, vector)));
    if (decode)
      columns.back() = decode(columns.back(), vector);
  }
  for (int64_t row = 0; row < rows; ++row) {
    Value scalar = !step.factors.empty() ? step.factors[row]
                   : gather              ? gather(outerIvs, step.k, step.count, row)
                                         : dot->loadA(e, lhs(outerIvs, step.k, row), step.count);
    SmallVector<Value> factor;
    for (int64_t vector = 0; vector < vectors; ++vector) {
      if (factor.empty() || lanes[vector] != lanes[vector - 1])
        factor = dot->spreadA(e, scalar, lanes[vector]);
      result.push_back(dot->multiply(e, sums[row * vectors + vector], factor, columns[vector]));
    }
  }
  for (size_t vector = 0; result.size() < sums.size(); ++vector)
    result.push_back(dot->addExcess(e, sums[result.size()], columns[vector]));
  return result;
}
