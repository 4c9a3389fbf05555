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

/// All units of a library.
struct Units {
  std::deque<Unit> units;
  /// For each target, operator, specialization that pays for the target, and form, in this order: the unit that
  /// computes it, and whether that is the last use of this unit.
  std::vector<std::pair<size_t, bool>> uses;
  std::vector<size_t> lastTargets; ///< Of each unit: the last of the specification's targets that takes it.
};
Units listUnits(const Spec &spec);

} // namespace lathe::oplib

#endif // LATHE_LIB_OPLIBRARY_UNITS_H
