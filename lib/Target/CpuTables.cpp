// lib/Target/CpuTables.cpp: to support a processor, add its rows here; features
// and levels are in lathe-runtime/cpu_features.def, which the runtime reads too.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "CpuTables.h"

using namespace lathe;

static constexpr FeatureRow x86Features[] = {
#define LATHE_X86_FEATURE(name, implies, ...) {name, implies},
#include "lathe-runtime/cpu_features.def"
};
static constexpr LevelRow x86Levels[] = {
#define LATHE_X86_LEVEL(name, features) {name, features},
#include "lathe-runtime/cpu_features.def"
};
static constexpr VectorUnit x86Units[] = {
    {"avx512", "avx512f,avx512dq,avx512bw,avx512vl", 512, 32, true, false, 32 << 10, 1 << 20},
    {"avx2", "avx2,fma", 256, 16, false, false, 32 << 10, 256 << 10},
    {"sse2", "", 128, 16, false, false, 32 << 10, 256 << 10},
};
static constexpr MatrixUnit x86MatrixUnits[] = {amxUnit};

static constexpr FeatureRow armFeatures[] = {
#define LATHE_ARM_FEATURE(name, implies, ...) {name, implies},
#include "lathe-runtime/cpu_features.def"
};
static constexpr LevelRow armLevels[] = {
#define LATHE_ARM_LEVEL(name, features) {name, features},
#include "lathe-runtime/cpu_features.def"
};
static constexpr VectorUnit armUnits[] = {
    {"sve", "sve", 128, 32, true, true, 32 << 10, 256 << 10},
    {"neon", "", 128, 32, false, false, 32 << 10, 256 << 10},
};

static constexpr FeatureRow riscvFeatures[] = {
#define LATHE_RISCV_FEATURE(name, implies, ...) {name, implies},
#include "lathe-runtime/cpu_features.def"
};
static constexpr LevelRow riscvLevels[] = {
#define LATHE_RISCV_LEVEL(name, features) {name, features},
#include "lathe-runtime/cpu_features.def"
};
// Without vectors, two numbers are in flight where others have a vector.
static constexpr VectorUnit riscvUnits[] = {
    {"rvv", "v", 128, 32, true, true, 32 << 10, 128 << 10},
    {"scalar", "", 64, 16, false, false, 32 << 10, 128 << 10},
};

// Code for one of them runs on those that imply it; what is specific to an
// architecture, with an `a`, on no later one.
static constexpr FeatureRow cudaFeatures[] = {
    {"sm_80", ""},       {"sm_86", "sm_80"},   {"sm_89", "sm_86"},
    {"sm_90a", "sm_89"}, {"sm_100a", "sm_89"}, {"sm_120a", "sm_89"},
};
static constexpr LevelRow cudaLevels[] = {
    {"sm_80", "sm_80"},   {"sm_86", "sm_86"},     {"sm_89", "sm_89"},
    {"sm_90a", "sm_90a"}, {"sm_100a", "sm_100a"}, {"sm_120a", "sm_120a"},
};
// The versions of PTX in which the assembler's manual introduces them.
static constexpr GpuUnit cudaGpus[] = {
    {"sm_80", "ptx70"},  {"sm_86", "ptx71"},   {"sm_89", "ptx78"},
    {"sm_90a", "ptx80"}, {"sm_100a", "ptx86"}, {"sm_120a", "ptx87"},
};
static_assert(std::size(cudaFeatures) == std::size(cudaGpus), "a row of both for each GPU");
// What one thread loads at once, and its registers.
static constexpr VectorUnit cudaUnits[] = {
    {"thread", "", 128, 255, true, false, 128 << 10, 4 << 20},
};

static_assert(std::size(x86Features) <= 64 && std::size(armFeatures) <= 64 && std::size(riscvFeatures) <= 64,
              "a Target keeps its features in 64 bits");

static constexpr ArchRow archs[] = {
    {"x86_64", "x86_64-unknown-linux-gnu", "", x86Features, x86Levels, x86Units, x86MatrixUnits, {}},
    {"aarch64", "aarch64-unknown-linux-gnu", "", armFeatures, armLevels, armUnits, {}, {}},
    {"riscv64", "riscv64-unknown-linux-gnu", "lp64d", riscvFeatures, riscvLevels, riscvUnits, {}, {}},
    {"cuda", "nvptx64-nvidia-cuda", "", cudaFeatures, cudaLevels, cudaUnits, {}, cudaGpus},
};

llvm::ArrayRef<ArchRow> lathe::archTable() { return archs; }

const ArchRow &lathe::unknownArch() {
  static constexpr LevelRow levels[] = {{"base", ""}};
  static constexpr VectorUnit units[] = {{"scalar", "", 64, 16, false, false, 32 << 10, 128 << 10}};
  static constexpr ArchRow row = {"unknown", "", "", {}, levels, units, {}, {}};
  return row;
}
