// lib/Target/CpuTables.cpp: to support a processor, add its rows here.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "CpuTables.h"

using namespace lathe;

static constexpr FeatureRow x86Features[] = {
    {"sse3", ""},
    {"ssse3", "sse3"},
    {"sse4.1", "ssse3"},
    {"sse4.2", "sse4.1"},
    {"popcnt", ""},
    {"lzcnt", ""},
    {"movbe", ""},
    {"bmi", ""},
    {"bmi2", ""},
    {"avx", "sse4.2"},
    {"f16c", "avx"},
    {"fma", "avx"},
    {"avx2", "avx"},
    {"avxvnni", "avx2"},
    {"avx512f", "avx2,fma,f16c"},
    {"avx512cd", "avx512f"},
    {"avx512dq", "avx512f"},
    {"avx512bw", "avx512f"},
    {"avx512vl", "avx512f"},
    {"avx512vnni", "avx512f"},
    {"avx512bf16", "avx512bw"},
    {"avx512fp16", "avx512bw,avx512vl,avx512dq"},
    {"amx-tile", ""},
    {"amx-bf16", "amx-tile"},
    {"amx-int8", "amx-tile"},
};

// The levels of the x86-64 psABI.
static constexpr LevelRow x86Levels[] = {
    {"v1", ""},
    {"v2", "sse4.2,popcnt"},
    {"v3", "sse4.2,popcnt,lzcnt,movbe,bmi,bmi2,f16c,fma,avx2"},
    {"v4", "popcnt,lzcnt,movbe,bmi,bmi2,avx512cd,avx512dq,avx512bw,avx512vl"},
};

static constexpr VectorUnit x86Units[] = {
    {"avx512", "avx512f,avx512dq,avx512bw,avx512vl", 512, 32, true, 32 << 10, 1 << 20},
    {"avx2", "avx2,fma", 256, 16, false, 32 << 10, 256 << 10},
    {"sse2", "", 128, 16, false, 32 << 10, 256 << 10},
};

static constexpr FeatureRow armFeatures[] = {
    {"neon", ""}, {"fullfp16", "neon"}, {"dotprod", "neon"}, {"bf16", "neon"}, {"i8mm", "neon"},
};

static constexpr VectorUnit armUnits[] = {
    {"neon", "", 128, 32, false, 32 << 10, 256 << 10},
};

static constexpr ArchRow archs[] = {
    {"x86_64", "x86_64-unknown-linux-gnu", x86Features, x86Levels, x86Units},
    {"aarch64", "aarch64-unknown-linux-gnu", armFeatures, {}, armUnits},
};

llvm::ArrayRef<ArchRow> lathe::archTable() { return archs; }
