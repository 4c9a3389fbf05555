// lib/Support/SizeRange.cpp: the text form of ranges of sizes.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Support/SizeRange.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"
#include <numeric>

using namespace lathe;
using llvm::StringRef;

/// Reads a number of at least `low` into `value`; keeps it where the text is empty.
static bool readSize(StringRef text, int64_t low, int64_t &value) {
  if (text.empty())
    return true;
  return llvm::all_of(text, llvm::isDigit) && !text.getAsInteger(10, value) && value >= low &&
         value <= SizeRange::largest;
}

std::optional<SizeRange> SizeRange::normalized() const {
  SizeRange range = *this;
  range.least = llvm::alignTo(range.least, range.divisor);
  if (range.isBounded())
    range.most -= range.most % range.divisor;
  return range.least <= range.most ? std::optional(range) : std::nullopt;
}

std::optional<SizeRange> SizeRange::parse(StringRef text) {
  SizeRange range;
  auto [bounds, divisor] = text.split('%');
  auto [least, most] = bounds.split("..");
  bool isSize = !bounds.empty() && !bounds.contains("..");
  if (text.empty() || text.ends_with("%") || text == ".." || !readSize(divisor, 1, range.divisor) ||
      !readSize(least, 0, range.least) || !readSize(most, 0, range.most))
    return std::nullopt;
  if (isSize)
    range.most = range.least;
  return range.normalized();
}

std::optional<SizeRange> SizeRange::intersect(const SizeRange &other) const {
  int64_t common = divisor / std::gcd(divisor, other.divisor);
  if (common > largest / other.divisor)
    return std::nullopt;
  return SizeRange{std::max(least, other.least), std::min(most, other.most), common * other.divisor}.normalized();
}

std::string SizeRange::str() const {
  std::string text;
  if (least == most)
    return std::to_string(least);
  if (least > 0 || isBounded())
    text = (least > 0 ? std::to_string(least) : "") + ".." + (isBounded() ? std::to_string(most) : "");
  return divisor > 1 ? text + "%" + std::to_string(divisor) : text;
}
