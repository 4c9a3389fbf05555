// lib/Conversion/TileToVector/MicroKernel.cpp: accumulators as loop-carried
// vectors, so that LLVM keeps every one of them in a register.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "MicroKernel.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lathe;

SmallVector<Value> MicroKernel::emit(Emitter &e, ValueRange inits) const { return emitOuter(e, {}, inits); }

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
  Value count = e.sub(inner.end, inner.begin);
  Value remainder = e.rem(count, unroll);
  Value middle = e.sub(inner.end, remainder);
  SmallVector<Value> sums = e.loop({inner.begin, middle}, unroll, inits, [&](Value k, ValueRange carried) {
    if (prefetch)
      prefetch(outerIvs, k);
    SmallVector<Value> sums(carried);
    for (int64_t i = 0; i < unroll; ++i)
      sums = emitStep(e, outerIvs, e.add(k, i), sums);
    return sums;
  });
  if (std::optional<int64_t> steps = constantIndex(remainder)) {
    for (int64_t i = 0; i < *steps; ++i)
      sums = emitStep(e, outerIvs, e.add(middle, i), sums);
    return sums;
  }
  return e.loop({middle, inner.end}, 1, sums,
                [&](Value k, ValueRange carried) { return emitStep(e, outerIvs, k, carried); });
}

SmallVector<Value> MicroKernel::emitStep(Emitter &e, ValueRange outerIvs, Value k, ValueRange sums) const {
  SmallVector<Value> columns, result;
  for (int64_t vector = 0; vector < vectors; ++vector)
    columns.push_back(rhs(outerIvs, k, vector));
  for (int64_t row = 0; row < rows; ++row) {
    Value scalar = lhs(outerIvs, k, row);
    Value factor;
    for (int64_t vector = 0; vector < vectors; ++vector) {
      Type type = columns[vector].getType();
      if (!factor || factor.getType() != type)
        factor = vector::BroadcastOp::create(e.b, e.loc, type, scalar);
      result.push_back(vector::FMAOp::create(e.b, e.loc, factor, columns[vector], sums[row * vectors + vector]));
    }
  }
  return result;
}
