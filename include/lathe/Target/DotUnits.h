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
  Fma,          ///< A factor times a vector, in the type of the sums.
  Widen,        ///< The same after both were converted to it.
  Pairs,        ///< Two bf16 in 32 bits, taken apart by shifts, exact.
  Nibbles,      ///< Two codes of 4 bits in a byte, taken apart and converted.
  Madd16,       ///< Four bytes in 32 bits, as two pairs of 16 bits: pmaddwd, exact.
  Dot4,         ///< An instruction that adds four products of bytes.
  Dot2,         ///< An instruction that adds two products of halves.
  Amx,          ///< Matrices in registers of their own.
  WarpMma,      ///< Tensor cores: 16 rows, 8 columns and 32 bytes of terms of a warp at once.
  WarpgroupMma, ///< Tensor cores that four warps use together, and that read shared memory.
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

  /// Whether floats are multiplied in the type of the sums, which needs no name in a tiling.
  bool isPlain() const { return kind == DotKind::Fma && !isInteger(sum); }
  /// Whether instructions multiply both types as they are: none is converted or taken apart before.
  bool multipliesAsStored() const;
  /// Registers of factors that one of `b`, and one of `a`, becomes.
  int64_t parts() const { return kind == DotKind::Pairs || kind == DotKind::Madd16 ? 2 : 1; }
  /// How many terms of `b` an element in memory holds.
  int64_t termsOfElement() const { return kind == DotKind::Nibbles ? step : 1; }
  /// Whether `b` are codes, which stand for numbers by a scale and a zero that are not the unit's.
  bool takesCodes() const { return !isInteger(sum) && isInteger(b); }

  /// The processor's unit whose registers hold the factors and sums; null for what multiplies vectors or is a GPU's.
  const MatrixUnit *matrixUnit() const;
  bool isOfWarpgroups() const { return kind == DotKind::WarpgroupMma; }
  bool isOnTensorCores() const { return kind == DotKind::WarpMma || isOfWarpgroups(); }
  /// Whether an instruction multiplies matrices, not vectors.
  bool multipliesMatrices() const { return matrixUnit() || isOnTensorCores(); }
};

/// All rows, best first.
llvm::ArrayRef<DotUnit> dotUnits();

/// The best row for the types on `target` whose step is at most `mostStep`, or
/// null. Units with `matrixUnit` count only `withTiles`: they multiply matrices
/// that are packed.
const DotUnit *findDotUnit(const Target &target, DotType a, DotType b, DotType sum, int64_t mostStep = 64,
                           bool withTiles = false);

/// The row called `name`, or null.
const DotUnit *findDotUnit(llvm::StringRef name);

} // namespace lathe

#endif // LATHE_TARGET_DOTUNITS_H
