// lib/Target/DotUnits.cpp: to use an instruction that multiplies and adds, add
// its row here.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lathe/Target/DotUnits.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace lathe;
using enum DotType;
using enum DotKind;
using llvm::StringRef;

// Intel's dpbf16ps runs at half the speed of f32, and its processors that have
// it mostly have AMX, too; on AMD's, which have none, it doubles the speed.
static constexpr StringRef vnni = "avx512vnni,avx512vl|avxvnni";

static constexpr DotUnit units[] = {
    {"fma.f32", Fma, F32, F32, F32, "", "", 1, 0, "", false, false},
    {"fma.f64", Fma, F64, F64, F64, "", "", 1, 0, "", false, false},
    // Factors that are rounded, with sums in f32: of products that allow it (`tf32AttrName`).
    {"mma.tf32", WarpMma, TF32, TF32, F32, "sm_80", "", 1, 0, "", false, false},
    // Half precision with sums in f32.
    {"wgmma.f16", WarpgroupMma, F16, F16, F32, "sm_90a", "", 1, 0, "", false, false},
    {"wgmma.bf16", WarpgroupMma, BF16, BF16, F32, "sm_90a", "", 1, 0, "", false, false},
    {"mma.f16", WarpMma, F16, F16, F32, "sm_80", "", 1, 0, "", false, false},
    {"mma.bf16", WarpMma, BF16, BF16, F32, "sm_80", "", 1, 0, "", false, false},
    {"amx.bf16", Amx, BF16, BF16, F32, "amx-bf16", "", 2, 0, "llvm.x86.tdpbf16ps", false, false},
    {"dpbf16.bf16", Dot2, BF16, BF16, F32, "avx512bf16,avx512vl", "amx-tile", 2, 0, "llvm.x86.avx512bf16.dpbf16ps",
     false, false},
    {"pairs.bf16", Pairs, BF16, BF16, F32, "", "", 2, 0, "", false, false},
    {"widen.f16", Widen, F16, F16, F32, "f16c|aarch64", "", 1, 0, "", false, false},
    {"widen.bf16", Widen, BF16, BF16, F32, "", "", 1, 0, "", false, false},
    // Codes of weights (`tile.contract` with scales), two of 4 bits in a byte, or one of 8.
    {"nibbles.f32u8", Nibbles, F32, U8, F32, "", "", 2, 0, "", false, false},
    {"codes.f32u8", Widen, F32, U8, F32, "", "", 1, 0, "", false, false},
    // Bytes with sums in i32, which wrap and do not saturate in any row.
    // Of warpgroups, which read a slot's 128 terms of each column side by side.
    {"wgmma.s8s8", WarpgroupMma, S8, S8, I32, "sm_90a", "", 128, 0, "", false, false},
    {"wgmma.u8s8", WarpgroupMma, U8, S8, I32, "sm_90a", "", 128, 0, "", false, false},
    {"wgmma.s8u8", WarpgroupMma, S8, U8, I32, "sm_90a", "", 128, 0, "", false, false},
    {"wgmma.u8u8", WarpgroupMma, U8, U8, I32, "sm_90a", "", 128, 0, "", false, false},
    {"mma.s8s8", WarpMma, S8, S8, I32, "sm_80", "", 1, 0, "", false, false},
    {"mma.u8s8", WarpMma, U8, S8, I32, "sm_80", "", 1, 0, "", false, false},
    {"mma.s8u8", WarpMma, S8, U8, I32, "sm_80", "", 1, 0, "", false, false},
    {"mma.u8u8", WarpMma, U8, U8, I32, "sm_80", "", 1, 0, "", false, false},
    {"amx.u8s8", Amx, U8, S8, I32, "amx-int8", "", 4, 0, "llvm.x86.tdpbusd", false, false},
    {"amx.s8u8", Amx, S8, U8, I32, "amx-int8", "", 4, 0, "llvm.x86.tdpbsud", false, false},
    {"amx.s8s8", Amx, S8, S8, I32, "amx-int8", "", 4, 0, "llvm.x86.tdpbssd", false, false},
    {"amx.u8u8", Amx, U8, U8, I32, "amx-int8", "", 4, 0, "llvm.x86.tdpbuud", false, false},
    {"vnni.u8s8", Dot4, U8, S8, I32, vnni, "", 4, 0, "llvm.x86.avx512.vpdpbusd", false, false},
    {"vnni.s8u8", Dot4, S8, U8, I32, vnni, "", 4, 0, "llvm.x86.avx512.vpdpbusd", true, false},
    {"vnni.s8s8", Dot4, S8, S8, I32, vnni, "", 4, 1, "llvm.x86.avx512.vpdpbusd", false, true},
    {"madd.u8s8", Madd16, U8, S8, I32, "sse3", "", 4, 0, "", false, false},
    {"madd.s8u8", Madd16, S8, U8, I32, "sse3", "", 4, 0, "", false, false},
    {"madd.s8s8", Madd16, S8, S8, I32, "sse3", "", 4, 0, "", false, false},
    {"madd.u8u8", Madd16, U8, U8, I32, "sse3", "", 4, 0, "", false, false},
    {"i8mm.u8s8", Dot4, U8, S8, I32, "i8mm", "", 4, 0, "llvm.aarch64.neon.usdot", false, false},
    {"i8mm.s8u8", Dot4, S8, U8, I32, "i8mm", "", 4, 0, "llvm.aarch64.neon.usdot", true, false},
    {"dotprod.s8s8", Dot4, S8, S8, I32, "dotprod", "", 4, 0, "llvm.aarch64.neon.sdot", false, false},
    {"dotprod.u8u8", Dot4, U8, U8, I32, "dotprod", "", 4, 0, "llvm.aarch64.neon.udot", false, false},
    {"dotprod.u8s8", Dot4, U8, S8, I32, "dotprod", "", 4, 1, "llvm.aarch64.neon.sdot", false, true},
    {"dotprod.s8u8", Dot4, S8, U8, I32, "dotprod", "", 4, 1, "llvm.aarch64.neon.udot", false, true},
    {"widen.u8s8", Widen, U8, S8, I32, "", "", 1, 0, "", false, false},
    {"widen.s8u8", Widen, S8, U8, I32, "", "", 1, 0, "", false, false},
    {"widen.s8s8", Widen, S8, S8, I32, "", "", 1, 0, "", false, false},
    {"widen.u8u8", Widen, U8, U8, I32, "", "", 1, 0, "", false, false},
    {"multiply.i32", Fma, I32, I32, I32, "", "", 1, 0, "", false, false},
    {"multiply.i64", Fma, I64, I64, I64, "", "", 1, 0, "", false, false},
};

const MatrixUnit *DotUnit::matrixUnit() const { return kind == Amx ? &amxUnit : nullptr; }

bool DotUnit::multipliesAsStored() const {
  switch (kind) {
  case Fma:
  case Dot4:
  case Dot2:
  case Amx:
  case WarpMma:
  case WarpgroupMma:
    return true;
  case Widen:
  case Pairs:
  case Nibbles:
  case Madd16:
    return false;
  }
  return false;
}

int64_t lathe::bytesOf(DotType type) {
  switch (type) {
  case F64:
  case I64:
    return 8;
  case F32:
  case TF32:
  case I32:
    return 4;
  case F16:
  case BF16:
  case I16:
    return 2;
  case S8:
  case U8:
    return 1;
  }
  return 0;
}

llvm::ArrayRef<DotUnit> lathe::dotUnits() { return units; }

static bool hasAll(const Target &target, StringRef list) {
  auto isThere = [&](StringRef name) { return target.has(name) || target.arch() == name; };
  return list.empty() || llvm::all_of(llvm::split(list, ','), isThere);
}

const DotUnit *lathe::findDotUnit(const Target &target, DotType a, DotType b, DotType sum, int64_t mostStep,
                                  bool withTiles) {
  for (const DotUnit &unit : units) {
    if (unit.a != a || unit.b != b || unit.sum != sum || unit.step > mostStep)
      continue;
    if (unit.matrixUnit() && !withTiles)
      continue;
    if (!unit.lacks.empty() && target.has(unit.lacks))
      continue;
    if (llvm::any_of(llvm::split(unit.needs, '|'), [&](StringRef list) { return hasAll(target, list); }))
      return &unit;
  }
  return nullptr;
}

const DotUnit *lathe::findDotUnit(StringRef name) {
  const DotUnit *unit = llvm::find_if(units, [&](const DotUnit &row) { return row.name == name; });
  return unit == std::end(units) ? nullptr : unit;
}
