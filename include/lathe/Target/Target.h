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

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <optional>
#include <string>

namespace lathe {

class Diagnostics;

/// The vector unit that strategies plan for.
struct VectorUnit {
  llvm::StringRef name;  ///< "avx512", "avx2", "sse2", "neon".
  llvm::StringRef needs; ///< Features, with commas between them.
  int64_t bits;          ///< Of one vector.
  int64_t registers;     ///< Architectural vector registers.
  bool hasMasks;         ///< Masked loads and stores cost as plain ones do.
  int64_t l1Bytes;       ///< Per-core data caches, the least that is common
  int64_t l2Bytes;       ///< among processors with this unit.

  /// Elements of `bytes` bytes in one vector.
  int64_t lanes(int64_t bytes = 4) const { return bits / 8 / bytes; }
};

/// A processor architecture and the features that code may use.
class Target {
public:
  /// The machine that this runs on.
  static Target host();

  /// Reads "host", "x86_64", "x86_64:avx2,fma", "x86_64:v4", "aarch64:neon" and
  /// the like. Reports an error at `place` and returns nothing if `text` is
  /// none of these.
  static std::optional<Target> parse(llvm::StringRef text, Diagnostics &diagnostics, llvm::StringRef place = "");

  /// The canonical form: the architecture, then the features in the order of
  /// the table, without those that others imply. `parse` accepts it.
  std::string str() const;

  llvm::StringRef arch() const; ///< "x86_64" or "aarch64".
  /// Whether code may use `feature`, by itself or as implied by another.
  bool has(llvm::StringRef feature) const;
  /// The widest unit of which all features are there.
  const VectorUnit &vectorUnit() const;

  std::string llvmTriple() const; ///< "x86_64-unknown-linux-gnu".
  /// "+avx2,+fma,...": all features, implied ones too. Code is selected by them
  /// alone: processor names that a machine reports can be wrong.
  std::string llvmFeatures() const;

  friend bool operator==(const Target &a, const Target &b) {
    return a.archIndex == b.archIndex && a.features == b.features;
  }

private:
  Target(unsigned archIndex, uint64_t features) : archIndex(archIndex), features(features) {}

  unsigned archIndex; ///< Row of the table of architectures.
  uint64_t features;  ///< A bit for each row of its features, closed under
                      ///< implication.
};

} // namespace lathe

#endif // LATHE_TARGET_TARGET_H
