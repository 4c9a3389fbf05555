// include/lathe/Support/SizeRange.h: what is known of a size that stays open.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_SUPPORT_SIZERANGE_H
#define LATHE_SUPPORT_SIZERANGE_H

#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

namespace lathe {

/// The multiples of `divisor` from `least` to `most`, both of which are such.
struct SizeRange {
  static constexpr int64_t unbounded = std::numeric_limits<int64_t>::max();
  /// The largest size that a range may name.
  static constexpr int64_t largest = int64_t(1) << 40;

  int64_t least = 0, most = unbounded, divisor = 1;

  bool isBounded() const { return most != unbounded; }
  /// Whether it says nothing that is not true of every size.
  bool isTrivial() const { return least <= 0 && !isBounded() && divisor == 1; }
  bool operator==(const SizeRange &) const = default;

  /// Reads "8..512%8", of which each number may be missing: "8..", "..512", "%8". A size
  /// alone, "8", is the range of just that. None where the text is none of these, or
  /// where no size is in the range. Bounds move to the next multiple inside.
  static std::optional<SizeRange> parse(llvm::StringRef text);
  /// The same sizes, with bounds that are multiples of the divisor; none if there are no sizes.
  std::optional<SizeRange> normalized() const;
  /// The sizes in both; none if there are none.
  std::optional<SizeRange> intersect(const SizeRange &other) const;
  /// As `parse` reads it.
  std::string str() const;
};

} // namespace lathe

#endif // LATHE_SUPPORT_SIZERANGE_H
