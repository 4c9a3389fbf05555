// include/lathe/Support/Winograd.h: the numbers of Winograd's minimal filtering, for filters of three taps.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LATHE_SUPPORT_WINOGRAD_H
#define LATHE_SUPPORT_WINOGRAD_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <optional>

namespace lathe {

/// F(m, 3): `outputs` sums of three products each, of `size()` inputs, by as many multiplications
/// (S. Winograd, Arithmetic Complexity of Computations, 1980). Inputs and filter are polynomials,
/// evaluated at the points 0, infinity and `+p` and `-p` for each p of `points`; what is multiplied
/// there is interpolated. In two dims each transform is applied along both.
struct Winograd {
  int64_t outputs;
  llvm::ArrayRef<double> points;

  static constexpr int64_t taps = 3;

  /// The transform for so many outputs; null if there is none.
  static const Winograd *find(int64_t outputs);

  int64_t size() const { return outputs + taps - 1; }

  /// The coefficients, by ascending powers of x squared, of the product of `x^2 - p^2` over all
  /// points but the one at position `without`. The last is 1.
  llvm::SmallVector<double> vanishing(std::optional<size_t> without = std::nullopt) const;

  /// The filter `taps`, [3][3], at all points: `result` is [size][size]. The order of points is 0,
  /// the pairs with their positive point first, infinity.
  void transformFilter(const double *taps, double *result) const;
};

} // namespace lathe

#endif // LATHE_SUPPORT_WINOGRAD_H
