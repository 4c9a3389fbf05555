// lib/Target/CpuTables.h: the facts about processors that code generation
// depends on, as data.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LATHE_LIB_TARGET_CPUTABLES_H
#define LATHE_LIB_TARGET_CPUTABLES_H

#include "lathe/Target/Target.h"

#include "llvm/ADT/ArrayRef.h"

namespace lathe {

/// A feature by LLVM's name. What it implies comes before it in its table.
struct FeatureRow {
  llvm::StringRef name;
  llvm::StringRef implies; ///< Names with commas between them.
};

/// A name for a set of features.
struct LevelRow {
  llvm::StringRef name;
  llvm::StringRef features;
};

struct ArchRow {
  llvm::StringRef name;
  llvm::StringRef triple;
  llvm::StringRef abi;                    ///< As LLVM calls it; empty for the only one.
  llvm::ArrayRef<FeatureRow> features;    ///< At most 64.
  llvm::ArrayRef<LevelRow> levels;        ///< Of the first, every processor has all.
  llvm::ArrayRef<VectorUnit> units;       ///< Best first; the last needs nothing.
  llvm::ArrayRef<MatrixUnit> matrixUnits; ///< Best first.
  llvm::ArrayRef<GpuUnit> gpus;           ///< By the order of `features`; empty for a CPU.
};

/// All architectures that a target string may name.
llvm::ArrayRef<ArchRow> archTable();

/// What stands for a machine that has no row: LLVM's default code for it.
const ArchRow &unknownArch();

} // namespace lathe

#endif // LATHE_LIB_TARGET_CPUTABLES_H
