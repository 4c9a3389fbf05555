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

/// The row of an architecture; behind the table, that of machines without one.
static const ArchRow &rowAt(unsigned index) { return index < archTable().size() ? archTable()[index] : unknownArch(); }

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
    if (!llvm::is_contained(words, row.name)) // A GPU is both.
      words.push_back(row.name);
  return words;
}

/// What every processor of the architecture has.
static uint64_t baseOf(const ArchRow &arch) { return closure(arch, arch.levels.front().features); }

Target Target::host() {
  llvm::Triple triple(llvm::sys::getProcessTriple()); // Owns the name.
  StringRef name = triple.getArchName();
  const ArchRow *arch = llvm::find_if(archTable(), [&](const ArchRow &row) { return row.name == name; });
  unsigned index = arch - archTable().begin();
  const ArchRow &row = rowAt(index);
  // LLVM leaves out what the operating system does not save on a switch.
  uint64_t bits = baseOf(row);
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  for (const FeatureRow &feature : row.features)
    if (features.lookup(feature.name))
      bits |= closure(row, feature.name);
  return Target(index, bits);
}

std::optional<Target> Target::parse(StringRef text, Diagnostics &diagnostics, StringRef place) {
  if (text == "host" || text == unknownArch().name)
    if (Target target = host(); text == "host" || target.arch() == text)
      return target;
  auto [archName, list] = text.split(':');
  if (archName == "host") // With features of its own: this machine's architecture, and no more than those.
    archName = host().arch();
  llvm::SmallVector<StringRef> archNames{"host"};
  for (const ArchRow &row : archTable())
    archNames.push_back(row.name);
  const ArchRow *arch = llvm::find_if(archTable(), [&](const ArchRow &row) { return row.name == archName; });
  if (arch == archTable().end()) {
    diagnostics
        .error("target-unknown-arch", place, "unknown target " + inQuotes(archName) + suggest(archName, archNames))
        .note("targets are " + llvm::join(archNames, ", ") +
              ", each with an optional list of features: x86_64:avx2,fma; "
              "'host' alone has all of this machine's");
    return std::nullopt;
  }
  Target target(arch - archTable().begin(), baseOf(*arch));
  if (!text.contains(':'))
    return target;
  if (!arch->gpus.empty() && list.contains(',')) {
    diagnostics.error("target-several-gpus", place, inQuotes(text) + " names several GPUs as one target")
        .note("code is for one of them and those that can run it; 'cuda:sm_80' runs on all");
    return std::nullopt;
  }
  for (StringRef word : llvm::split(list, ',')) {
    const LevelRow *level = llvm::find_if(arch->levels, [&](const LevelRow &row) { return row.name == word; });
    if (level != arch->levels.end()) {
      target.features |= closure(*arch, level->features);
      continue;
    }
    if (!findFeature(*arch, word)) {
      llvm::SmallVector<StringRef> words = knownWords(*arch);
      bool isGpu = !arch->gpus.empty();
      diagnostics
          .error("target-unknown-feature", place,
                 (isGpu ? "unknown GPU " : "unknown CPU feature ") + inQuotes(word) + suggest(word, words))
          .note((isGpu ? "GPUs of " : "features of ") + arch->name + " are " + llvm::join(words, ", "));
      return std::nullopt;
    }
    target.features |= closure(*arch, word);
  }
  return target;
}

std::vector<Target> Target::parseList(StringRef text, Diagnostics &diagnostics, StringRef place) {
  std::vector<Target> given, sorted;
  StringRef arch = text.take_until([](char c) { return c == ':' || c == '+'; });
  if (arch == "host")
    arch = host().arch();
  for (StringRef part : llvm::split(text, '+')) {
    bool isArch = llvm::any_of(archTable(), [&](const ArchRow &row) { return row.name == part; });
    bool isWhole = given.empty() || part == "host" || isArch || part.contains(':');
    if (isWhole)
      arch = part == "host" ? host().arch() : part.split(':').first;
    std::string whole = isWhole ? part.str() : (arch + ":" + part).str();
    std::optional<Target> target = parse(whole, diagnostics, place);
    if (!target)
      return {};
    if (text == part)
      return {*target};
    auto other = llvm::find_if(given, [&](const Target &known) {
      return target->kind() == TargetKind::Cpu && known.kind() == TargetKind::Cpu && known.arch() != target->arch();
    });
    if (other != given.end()) {
      diagnostics
          .error("target-architectures", place,
                 "'" + target->str() + "' and '" + other->str() + "' are of different architectures")
          .note("an artifact is for one of them; compile the model once for each");
      return {};
    }
    if (llvm::is_contained(given, *target)) {
      diagnostics.error("target-twice", place, "target '" + target->str() + "' is named twice in " + inQuotes(text))
          .note("leave one out: each target is a variant of its own in the artifact");
      return {};
    }
    given.push_back(*target);
  }
  // The last that no other one includes, again and again; CPUs first, because a GPU
  // is taken by name, or where there is no code for a CPU.
  auto isCpu = [](const Target &target) { return target.kind() == TargetKind::Cpu; };
  while (!given.empty()) {
    bool hasCpu = llvm::any_of(given, isCpu);
    auto best = llvm::find_if(llvm::reverse(given), [&](const Target &target) {
      return isCpu(target) == hasCpu &&
             llvm::none_of(given, [&](const Target &other) { return !(other == target) && other.includes(target); });
    });
    sorted.push_back(*best);
    given.erase(std::next(best).base());
  }
  return sorted;
}

/// What follows the architecture in the canonical form.
static std::string wordsOf(const ArchRow &row, uint64_t features) {
  uint64_t implied = 0;
  StringRef name;
  for (const LevelRow &level : row.levels)
    if (uint64_t bits = closure(row, level.features); (features & bits) == bits) {
      implied = bits;
      name = &level == row.levels.begin() && row.gpus.empty() ? StringRef() : level.name;
    }
  for (auto [i, feature] : llvm::enumerate(row.features))
    if (features >> i & 1)
      implied |= closure(row, feature.implies);
  std::string text = name.str();
  for (auto [i, feature] : llvm::enumerate(row.features))
    if ((features & ~implied) >> i & 1)
      text += (text.empty() ? "" : ",") + feature.name.str();
  return text;
}

std::string Target::str() const {
  const ArchRow &row = rowAt(archIndex);
  std::string words = wordsOf(row, features);
  return words.empty() ? row.name.str() : row.name.str() + ":" + words;
}

std::string Target::name() const {
  const ArchRow &row = rowAt(archIndex);
  std::string words = wordsOf(row, features);
  return words.empty() ? row.levels.front().name.str() : words;
}

TargetKind Target::kind() const { return gpu() ? TargetKind::Gpu : TargetKind::Cpu; }

StringRef Target::arch() const { return rowAt(archIndex).name; }

bool Target::has(StringRef feature) const {
  std::optional<unsigned> i = findFeature(rowAt(archIndex), feature);
  return i && features >> *i & 1;
}

bool Target::includes(const Target &other) const {
  return archIndex == other.archIndex && (features & other.features) == other.features;
}

Target Target::baseline() const { return Target(archIndex, baseOf(rowAt(archIndex))); }

const VectorUnit &Target::vectorUnit() const {
  const ArchRow &row = rowAt(archIndex);
  for (const VectorUnit &unit : row.units) {
    uint64_t needed = closure(row, unit.needs);
    if ((features & needed) == needed)
      return unit;
  }
  return row.units.back();
}

const MatrixUnit *Target::matrixUnit() const {
  const ArchRow &row = rowAt(archIndex);
  for (const MatrixUnit &unit : row.matrixUnits) {
    uint64_t needed = closure(row, unit.needs);
    if ((features & needed) == needed)
      return &unit;
  }
  return nullptr;
}

const GpuUnit *Target::gpu() const {
  // The later of two that it includes.
  const GpuUnit *found = nullptr;
  for (auto [i, unit] : llvm::enumerate(rowAt(archIndex).gpus))
    if (features >> i & 1)
      found = &unit;
  return found;
}

std::string Target::llvmTriple() const {
  const ArchRow &row = rowAt(archIndex);
  llvm::Triple process(llvm::sys::getProcessTriple());
  // The system of this process is the one that the code will run on, unless
  // the architecture says otherwise.
  return row.triple.empty() || process.getArchName() == row.name ? process.str() : row.triple.str();
}

StringRef Target::llvmAbi() const { return rowAt(archIndex).abi; }

StringRef Target::llvmCpu() const { return gpu() ? gpu()->name : StringRef(); }

std::string Target::llvmFeatures() const {
  if (gpu())
    return ("+" + gpu()->ptx).str();
  const ArchRow &row = rowAt(archIndex);
  llvm::SmallVector<std::string> names;
  for (auto [i, feature] : llvm::enumerate(row.features))
    if (features >> i & 1)
      names.push_back(("+" + feature.name).str());
  return llvm::join(names, ",");
}
