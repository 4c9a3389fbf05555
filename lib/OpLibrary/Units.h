// lib/OpLibrary/Units.h: what is compiled for a library: each kernel once, however many of its targets take it.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_OPLIBRARY_UNITS_H
#define LATHE_LIB_OPLIBRARY_UNITS_H

#include "Compile.h"
#include "Spec.h"
#include <deque>

namespace lathe::oplib {

/// `target` without the features that no type of `op` has a use for, such as products of bytes where all is f32: two
/// targets of which the same is left have the same kernels.
Target targetOf(const Op &op, const Target &target);

/// A form of a variant of a target, and the unit that computes it.
struct UnitUse {
  size_t unit;
  size_t target;     ///< Among the specification's.
  size_t lastTarget; ///< The last of the targets that take the unit.
  bool isLast;       ///< No later use takes it.
};

/// All units of a library.
struct Units {
  std::deque<Unit> units;
  /// For each target, operator, specialization that pays for the target, and form, in this order.
  std::vector<UnitUse> uses;
};
Units listUnits(const Spec &spec);

/// Lets the targets of an architecture share the variants that became the same code: the compiler had features that
/// were of no use to it. `codes` are those of the units.
void shareEqualVariants(Units &units, llvm::ArrayRef<UnitCode> codes);

} // namespace lathe::oplib

#endif // LATHE_LIB_OPLIBRARY_UNITS_H
