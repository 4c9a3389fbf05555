// include/lathe/Target/Target.h: what code is compiled for, as one value with
// one string form.
//
// The string appears in IR, artifacts, cache keys and Python. Everything that
// depends on the processor (vector widths, registers, cache sizes, LLVM's
// features) is looked up here, in plain-data tables; no other code reads CPUID.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LATHE_TARGET_TARGET_H
#define LATHE_TARGET_TARGET_H

#include "llvm/ADT/Hashing.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lathe {

class Diagnostics;

/// The vector unit that strategies plan for.
struct VectorUnit {
  llvm::StringRef name;  ///< "avx512", "avx2", "sse2", "neon", "sve", "rvv", "scalar".
  llvm::StringRef needs; ///< Features, with commas between them.
  int64_t bits;          ///< Of one vector; of a scalable one, the least.
  int64_t registers;     ///< Architectural vector registers.
  bool hasMasks;         ///< Masked loads and stores cost as plain ones do.
  bool isScalable;       ///< The machine may have more than `bits`.
  int64_t l1Bytes;       ///< Per-core data caches, the least that is common
  int64_t l2Bytes;       ///< among processors with this unit.

  /// Elements of `bytes` bytes in one vector.
  int64_t lanes(int64_t bytes = 4) const { return bits / 8 / bytes; }
};

/// A unit that multiplies matrices, in registers of their own: rows of the left factor, which lie at one distance in
/// memory, and packed columns of the right one, with sums of 4 bytes.
struct MatrixUnit {
  llvm::StringRef name;    ///< "amx".
  llvm::StringRef needs;   ///< Features, with commas between them.
  int64_t registers;       ///< How many there are.
  int64_t rows;            ///< The most in one of them.
  int64_t rowBytes;        ///< The most bytes of a row.
  int64_t blocks, vectors; ///< Registers of sums, down and across, in the largest tile that leaves room for factors.
  double rate;             ///< Operations in the time of one of the vector unit.

  /// Sums in a row of one register.
  constexpr int64_t lanes() const { return rowBytes / 4; }
  /// Rows and columns of the largest tile.
  constexpr int64_t tileRows() const { return blocks * rows; }
  constexpr int64_t tileColumns() const { return vectors * lanes(); }
};

/// Of the eight registers, four hold sums and two each factor.
inline constexpr MatrixUnit amxUnit = {"amx",        "amx-tile",    /*registers=*/8, /*rows=*/16, /*rowBytes=*/64,
                                       /*blocks=*/2, /*vectors=*/2, /*rate=*/8};

/// A graphics processor that computes: what the code generator needs to know of it.
struct GpuUnit {
  llvm::StringRef name; ///< As LLVM and the assembler call it: "sm_90a".
  llvm::StringRef ptx;  ///< LLVM's feature for the lowest version of PTX that knows it: "ptx80".
};

/// Threads of a GPU that do the same at once.
inline constexpr int64_t warpLanes = 32;

/// What a target's code runs on. Strategies and the passes of `codegen` are
/// chosen by it.
enum class TargetKind { Cpu, Gpu };

/// A processor architecture and the features that code may use.
class Target {
public:
  /// The machine that this runs on, whatever it is.
  static Target host();

  /// Reads "host", "host:avx2", "x86_64", "x86_64:avx2,fma", "x86_64:v4", "aarch64:neon",
  /// "cuda:sm_90a" and the like; "cuda" alone is what every supported GPU runs. Reports an error at `place` and returns
  /// nothing if `text` is none of these.
  static std::optional<Target> parse(llvm::StringRef text, Diagnostics &diagnostics, llvm::StringRef place = "");

  /// Reads what `parse` reads, or several targets of one architecture,
  /// "x86_64:v2+v3+amx". The best comes first: one with more features than
  /// another before it, else the later in the text. Reports an error and
  /// returns an empty list if `text` is neither, or names one target twice.
  static std::vector<Target> parseList(llvm::StringRef text, Diagnostics &diagnostics, llvm::StringRef place = "");

  /// The canonical form: the architecture, then its highest level that is
  /// there, then the other features in the order of the table, without those
  /// that the level has or others imply. `parse` accepts it.
  std::string str() const;

  /// What `--isa` calls it among others of its architecture: `str` without the
  /// architecture, or its first level: "v3", "v4,avx512vnni", "neon".
  std::string name() const;

  TargetKind kind() const;
  llvm::StringRef arch() const; ///< "x86_64", "aarch64", "riscv64"; "unknown" for a host of another one.
  /// Whether code may use `feature`, by itself or as implied by another.
  bool has(llvm::StringRef feature) const;
  /// Whether a machine that runs code for this target runs code for `other`.
  bool includes(const Target &other) const;
  /// What every processor of the architecture can run.
  Target baseline() const;
  /// The best unit of which all features are there.
  const VectorUnit &vectorUnit() const;
  /// Null if there is none.
  const MatrixUnit *matrixUnit() const;
  /// Null for a CPU.
  const GpuUnit *gpu() const;

  std::string llvmTriple() const;  ///< "x86_64-unknown-linux-gnu".
  llvm::StringRef llvmAbi() const; ///< "lp64d"; empty for the architecture's only one.
  /// "+avx2,+fma,...": all features, implied ones too. Code is selected by them
  /// alone: processor names that a machine reports can be wrong.
  std::string llvmFeatures() const;
  llvm::StringRef llvmCpu() const; ///< "sm_80"; empty where features say everything.

  friend bool operator==(const Target &a, const Target &b) {
    return a.archIndex == b.archIndex && a.features == b.features;
  }
  friend llvm::hash_code hash_value(const Target &target) {
    return llvm::hash_combine(target.archIndex, target.features);
  }

private:
  Target(unsigned archIndex, uint64_t features) : archIndex(archIndex), features(features) {}

  unsigned archIndex; ///< Row of the table of architectures.
  uint64_t features;  ///< A bit for each row of its features, closed under
                      ///< implication.
};

} // namespace lathe

#endif // LATHE_TARGET_TARGET_H
