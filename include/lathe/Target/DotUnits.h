// include/lathe/Target/DotUnits.h: how a processor multiplies and adds, as one
// table: a row for each pair of operand types, accumulator and instruction.
//
// Strategies choose a row by the types of a product and the features of the
// target, and tile by its numbers; the lowering of tile ops emits what the row
// says. Nothing else knows which instructions multiply.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LATHE_TARGET_DOTUNITS_H
#define LATHE_TARGET_DOTUNITS_H

#include "lathe/Target/Target.h"

#include "llvm/ADT/ArrayRef.h"

namespace lathe {

/// Element types of products. Wide integers have no sign here: their sums wrap. TF32 is f32 in
/// memory, of which a product takes 11 bits of the significand.
enum class DotType : uint8_t { F64, F32, TF32, F16, BF16, S8, U8, I16, I32, I64 };

int64_t bytesOf(DotType type);
inline bool isInteger(DotType type) { return type >= DotType::S8; }

/// What code a row stands for.
enum class DotKind : uint8_t {
  Fma,     ///< A factor times a vector, in the type of the sums.
  Widen,   ///< The same after both were converted to it.
  Pairs,   ///< Two bf16 in 32 bits, taken apart by shifts, exact.
  Nibbles, ///< Two codes of 4 bits in a byte, taken apart and converted.
  Madd16,  ///< Four bytes in 32 bits, as two pairs of 16 bits: pmaddwd, exact.
  Dot4,    ///< An instruction that adds four products of bytes.
  Dot2,    ///< An instruction that adds two products of halves.
  Amx,     ///< Tiles of 16 rows and 16 columns in registers of their own.
  Mma,     ///< Tensor cores: 16 rows, 8 columns and 32 bytes of terms of a warp at once.
};

/// One row. `y[m, n] += sum over step of a[m, k] b[k, n]`: in one register are
/// `step` terms of each of its lanes.
struct DotUnit {
  llvm::StringRef name; ///< "vnni.u8s8".
  DotKind kind;
  DotType a, b, sum;
  /// Features or an architecture, with commas between them; `|` between
  /// alternatives.
  llvm::StringRef needs;
  llvm::StringRef lacks; ///< A feature with which another row is better.
  int64_t step;
  /// Registers of extra sums that each vector of columns needs.
  int64_t columnSums;
  /// What the emitter is told besides: an instruction and its operands' order.
  llvm::StringRef instruction;
  bool swapped; ///< `b` is the instruction's first factor.
  bool flipped; ///< The sign of `a` is flipped, and `columnSums` puts it right.
};

/// How many terms of `b` an element in memory holds.
inline int64_t termsOfElement(const DotUnit &unit) { return unit.kind == DotKind::Nibbles ? unit.step : 1; }
/// Whether `b` are codes, which stand for numbers by a scale and a zero that are not the unit's.
inline bool takesCodes(const DotUnit &unit) { return !isInteger(unit.sum) && isInteger(unit.b); }

/// All rows, best first.
llvm::ArrayRef<DotUnit> dotUnits();

/// The best row for the types on `target` whose step is at most `mostStep`, or
/// null. Tiles of a matrix unit count only `withTiles`: they multiply matrices
/// that are packed.
const DotUnit *findDotUnit(const Target &target, DotType a, DotType b, DotType sum, int64_t mostStep = 64,
                           bool withTiles = false);

/// The row called `name`, or null.
const DotUnit *findDotUnit(llvm::StringRef name);

} // namespace lathe

#endif // LATHE_TARGET_DOTUNITS_H
