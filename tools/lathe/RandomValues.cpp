// tools/lathe/RandomValues.cpp: numbers that are the same on every machine.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "RandomValues.h"

#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/xxhash.h"

#include <cmath>
#include <cstdio>
#include <numbers>

using namespace lathe;
using namespace lathe::cli;
using llvm::StringRef;

namespace {
/// splitmix64: small, and good enough for inputs.
class Random {
public:
  explicit Random(uint64_t seed) : state(seed) {}

  uint64_t next() {
    state += 0x9e3779b97f4a7c15;
    uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  /// From 0 up to and without `end`.
  uint64_t below(uint64_t end) { return next() % end; }
  /// From the standard normal distribution (Box-Muller).
  double normal() {
    double u = (double(next() >> 11) + 1) * 0x1p-53;
    double v = double(next() >> 11) * 0x1p-53;
    return std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
  }

private:
  uint64_t state;
};
} // namespace

/// Words for strings: pointers, and the texts behind them.
static void fillWithWords(lathe_tensor &tensor, Random &random) {
  int64_t count = elementCount(tensor);
  constexpr size_t room = sizeof "word99";
  lathe_tensor words = tensor;
  words.rank = 1;
  words.dims[0] = count * int64_t(1 + (room + sizeof(char *) - 1) / sizeof(char *));
  if (lathe_tensor_alloc(&words) != LATHE_OK)
    llvm::report_bad_alloc_error("no memory for words");
  auto **pointers = static_cast<char **>(words.data);
  char *text = reinterpret_cast<char *>(pointers + count);
  for (int64_t e = 0; e < count; ++e, text += room) {
    std::snprintf(text, room, "word%u", unsigned(random.below(100)));
    pointers[e] = text;
  }
  lathe_tensor_free(&tensor);
  tensor.data = words.data;
}

void cli::fillRandomly(lathe_tensor &tensor, StringRef name, uint64_t seed, int64_t rows) {
  // An odd factor spreads small seeds over all bits.
  Random random(llvm::xxh3_64bits(name) ^ (seed * 0xd1342543de82ef95));
  std::string lower = name.lower();
  bool isMask = StringRef(lower).contains("mask");
  bool isFlag = isMask || StringRef(lower).contains("type") || tensor.dtype == LATHE_DTYPE_BOOL;
  bool isFloat = tensor.dtype >= LATHE_DTYPE_F32 && tensor.dtype <= LATHE_DTYPE_BF16;
  int64_t count = elementCount(tensor);
  if (tensor.dtype == LATHE_DTYPE_STRING)
    return fillWithWords(tensor, random);
  if (isNarrow(tensor.dtype)) {
    // Codes of numbers that are neither large nor special in any format.
    size_t bits = lathe_dtype_bits(tensor.dtype);
    for (int64_t e = 0; e < count; ++e)
      setElementCode(tensor, e, uint8_t(bits < 8 ? random.below(uint64_t(1) << bits) : 1 + random.below(0x3f)));
    return;
  }
  if (tensor.dtype == LATHE_DTYPE_C64 || tensor.dtype == LATHE_DTYPE_C128) {
    lathe_tensor parts = tensor;
    parts.dtype = tensor.dtype == LATHE_DTYPE_C64 ? LATHE_DTYPE_F32 : LATHE_DTYPE_F64;
    for (int64_t e = 0; e < 2 * count; ++e)
      setElement(parts, e, random.normal());
    return;
  }
  int64_t row = tensor.rank ? tensor.dims[tensor.rank - 1] : 1;
  for (int64_t e = 0; e < count; ++e) {
    if (isFloat)
      setElement(tensor, e, random.normal());
    else if (isFlag) // A row that is masked out whole makes NaN of models.
      setElement(tensor, e, isMask && e % row == 0 ? 1 : double(random.below(2)));
    else
      setElement(tensor, e, double(random.below(rows > 0 && rows < 100 ? uint64_t(rows) : 100)));
  }
}
