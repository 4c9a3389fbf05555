// lib/Conversion/TileToVector/DotEmitter.h: the hooks of a row of the table of
// dot units: how factors are loaded and what multiplies them.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LATHE_LIB_CONVERSION_TILETOVECTOR_DOTEMITTER_H
#define LATHE_LIB_CONVERSION_TILETOVECTOR_DOTEMITTER_H

#include "Emitter.h"

#include "lathe/Target/DotUnits.h"

#include <functional>
#include <memory>

namespace lathe {

/// An element of a memref, and its neighbours in the innermost dim.
struct ElementPlace {
  mlir::Value memref;
  llvm::SmallVector<mlir::Value> indices;
};

/// What one row of the table emits. Operands of a multiplication may be several
/// vectors: the two halves of what a register of narrow elements holds.
class DotEmitter {
public:
  /// `unit` is null for f32 and f64, whose type is `sum`.
  static std::unique_ptr<DotEmitter> create(const DotUnit *unit, mlir::Type sum);
  virtual ~DotEmitter() = default;

  int64_t step() const { return unit ? unit->step : 1; }
  /// Elements in memory of `b` that hold the terms of a step.
  int64_t storedTerms() const { return unit ? unit->step / unit->termsOfElement() : 1; }
  int64_t columnSums() const { return unit ? unit->columnSums : 0; }
  mlir::Type sumType() const { return sum; }

  /// The first `count` of `step` neighbours, as one scalar; the others are 0.
  virtual mlir::Value loadA(Emitter &e, const ElementPlace &place, int64_t count) const;
  /// Whether a vector of several steps' terms pays; if so, the vector of
  /// `count` terms, converted, of which `fromRun` takes one.
  virtual mlir::Value loadRun(Emitter &e, const ElementPlace &place, int64_t count) const { return nullptr; }
  mlir::Value fromRun(Emitter &e, mlir::Value run, int64_t position) const;
  /// A vector of `a`, one term a lane, as factors; with a step of 1 only.
  virtual llvm::SmallVector<mlir::Value> widenA(Emitter &e, mlir::Value vector) const { return {vector}; }
  /// What `loadA` or `fromRun` gave, as factors for `lanes` columns.
  virtual llvm::SmallVector<mlir::Value> spreadA(Emitter &e, mlir::Value scalar, int64_t lanes) const;

  /// `lanes` columns from `place` on, of which `mask`, unless null, says which
  /// exist; with a step, that many terms of each lie side by side.
  mlir::Value loadB(Emitter &e, const ElementPlace &place, int64_t lanes, mlir::Value mask) const;
  /// The same from `rows.size()` up to `step` rows of an operand that nobody
  /// packed, term by term.
  mlir::Value interleaveB(Emitter &e, llvm::ArrayRef<ElementPlace> rows, int64_t lanes, mlir::Value mask) const;
  /// What these gave, as factors.
  virtual llvm::SmallVector<mlir::Value> spreadB(Emitter &e, mlir::Value vector) const;

  /// `sum` and the products of `a` and `b`.
  virtual mlir::Value multiply(Emitter &e, mlir::Value sum, llvm::ArrayRef<mlir::Value> a,
                               llvm::ArrayRef<mlir::Value> b) const = 0;
  /// `sum` and what `multiply` adds too much for the factor `b` to every row.
  virtual mlir::Value addExcess(Emitter &e, mlir::Value sum, llvm::ArrayRef<mlir::Value> b) const { return nullptr; }

protected:
  DotEmitter(const DotUnit *unit, mlir::Type sum) : unit(unit), sum(sum) {}

  const DotUnit *unit;
  mlir::Type sum;
};

} // namespace lathe

#endif // LATHE_LIB_CONVERSION_TILETOVECTOR_DOTEMITTER_H
