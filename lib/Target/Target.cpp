// lib/Target/Target.cpp: target strings, and the machine we run on.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lathe/Target/Target.h"

#include "CpuTables.h"
#include "lathe/Support/Diagnostics.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

using namespace lathe;
using llvm::StringRef;

static std::optional<unsigned> findFeature(const ArchRow &arch, StringRef name) {
  for (auto [i, row] : llvm::enumerate(arch.features))
    if (row.name == name)
      return i;
  return std::nullopt;
}

/// The bits of the features in `list`, all of which the table has, with what
/// they imply.
static uint64_t closure(const ArchRow &arch, StringRef list) {
  uint64_t bits = 0;
  for (StringRef name : llvm::split(list, ','))
    if (std::optional<unsigned> i = findFeature(arch, name))
      bits |= uint64_t(1) << *i | closure(arch, arch.features[*i].implies);
  return bits;
}

/// A word of the user's, in the quotes that target messages use.
static std::string inQuotes(StringRef word) {
  std::string text = quoted(word);
  text.front() = text.back() = '\'';
  return text;
}

/// `didYouMean`, but also for a word that was cut short: "avx51".
static std::string suggest(StringRef word, llvm::ArrayRef<StringRef> known) {
  std::string text = didYouMean(word, known);
  if (!text.empty() || word.size() < 3)
    return text;
  const StringRef *match = llvm::find_if(known, [&](StringRef name) { return name.starts_with(word); });
  return match == known.end() ? "" : ("; did you mean '" + *match + "'?").str();
}

/// Words that may follow "ARCH:" for `arch`.
static llvm::SmallVector<StringRef> knownWords(const ArchRow &arch) {
  llvm::SmallVector<StringRef> words;
  for (const FeatureRow &row : arch.features)
    words.push_back(row.name);
  for (const LevelRow &row : arch.levels)
    words.push_back(row.name);
  return words;
}

Target Target::host() {
  llvm::Triple triple(llvm::sys::getProcessTriple());
  llvm::ArrayRef<ArchRow> archs = archTable();
  unsigned index = triple.isAArch64() ? 1 : 0;
  // LLVM leaves out what the operating system does not save on a switch.
  uint64_t bits = 0;
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  for (const FeatureRow &row : archs[index].features)
    if (features.lookup(row.name))
      bits |= closure(archs[index], row.name);
  return Target(index, bits);
}

std::optional<Target> Target::parse(StringRef text, Diagnostics &diagnostics, StringRef place) {
  if (text == "host")
    return host();
  auto [archName, list] = text.split(':');
  llvm::SmallVector<StringRef> archNames{"host"};
  for (const ArchRow &row : archTable())
    archNames.push_back(row.name);
  const ArchRow *arch = llvm::find_if(archTable(), [&](const ArchRow &row) { return row.name == archName; });
  if (arch == archTable().end()) {
    diagnostics
        .error("target-unknown-arch", place, "unknown target " + inQuotes(archName) + suggest(archName, archNames))
        .note("targets are " + llvm::join(archNames, ", ") +
              ", each but 'host' with an optional list of features: "
              "x86_64:avx2,fma");
    return std::nullopt;
  }
  Target target(arch - archTable().begin(), 0);
  if (!text.contains(':'))
    return target;
  for (StringRef word : llvm::split(list, ',')) {
    const LevelRow *level = llvm::find_if(arch->levels, [&](const LevelRow &row) { return row.name == word; });
    if (level != arch->levels.end()) {
      target.features |= closure(*arch, level->features);
      continue;
    }
    if (!findFeature(*arch, word)) {
      llvm::SmallVector<StringRef> words = knownWords(*arch);
      diagnostics.error("target-unknown-feature", place, "unknown CPU feature " + inQuotes(word) + suggest(word, words))
          .note("features of " + arch->name + " are " + llvm::join(words, ", "));
      return std::nullopt;
    }
    target.features |= closure(*arch, word);
  }
  return target;
}

std::string Target::str() const {
  const ArchRow &row = archTable()[archIndex];
  uint64_t implied = 0;
  for (auto [i, feature] : llvm::enumerate(row.features))
    if (features >> i & 1)
      implied |= closure(row, feature.implies);
  std::string text = row.name.str();
  char separator = ':';
  for (auto [i, feature] : llvm::enumerate(row.features))
    if ((features & ~implied) >> i & 1) {
      text += separator;
      text += feature.name;
      separator = ',';
    }
  return text;
}

StringRef Target::arch() const { return archTable()[archIndex].name; }

bool Target::has(StringRef feature) const {
  std::optional<unsigned> i = findFeature(archTable()[archIndex], feature);
  return i && features >> *i & 1;
}

const VectorUnit &Target::vectorUnit() const {
  const ArchRow &row = archTable()[archIndex];
  for (const VectorUnit &unit : row.units) {
    uint64_t needed = closure(row, unit.needs);
    if ((features & needed) == needed)
      return unit;
  }
  return row.units.back();
}

std::string Target::llvmTriple() const {
  const ArchRow &row = archTable()[archIndex];
  llvm::Triple process(llvm::sys::getProcessTriple());
  // The system of this process is the one that the code will run on, unless
  // the architecture says otherwise.
  return process.getArchName() == row.name ? process.str() : row.triple.str();
}

std::string Target::llvmFeatures() const {
  const ArchRow &row = archTable()[archIndex];
  llvm::SmallVector<std::string> names;
  for (auto [i, feature] : llvm::enumerate(row.features))
    if (features >> i & 1)
      names.push_back(("+" + feature.name).str());
  return llvm::join(names, ",");
}
