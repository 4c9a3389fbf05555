// lib/Target/Title.cpp: what messages call a target.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lathe/Target/Title.h"

#include "CpuTables.h"
#include "lathe/Support/Diagnostics.h"
#include "lathe/Target/DotUnits.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace lathe;
using llvm::StringRef;

/// The longest list of features that a message shows whole.
static constexpr long mostFeatures = 3;

static bool hasAll(const Target &target, StringRef list) {
  return list.empty() || llvm::all_of(llvm::split(list, ','), [&](StringRef name) { return target.has(name); });
}

/// The features by which `target` computes products: of each row's alternatives the first that it has.
static std::vector<StringRef> productFeatures(const Target &target) {
  std::vector<StringRef> features;
  for (const DotUnit &unit : dotUnits())
    for (StringRef list : llvm::split(unit.needs, '|'))
      if (hasAll(target, list)) {
        llvm::append_range(features, llvm::split(list, ','));
        break;
      }
  return features;
}

std::string lathe::titleOf(const Target &target) {
  std::string whole = target.str();
  const ArchRow *arch = llvm::find_if(archTable(), [&](const ArchRow &row) { return row.name == target.arch(); });
  if (llvm::count(whole, ',') < mostFeatures || arch == archTable().end())
    return whole;
  std::string text, level = arch->name.str() + ":";
  for (const LevelRow &row : arch->levels)
    if (hasAll(target, row.features)) {
      // A level beyond the numbered ones is called by what it adds.
      bool isNumbered = row.name.size() == 2 && row.name.front() == 'v' && llvm::isDigit(row.name.back());
      text = isNumbered || text.empty() ? row.name.str() : text + "+" + row.name.str();
      level = arch->name.str() + ":" + row.name.str();
    }
  Diagnostics ignored;
  std::optional<Target> known = Target::parse(level, ignored);
  std::vector<StringRef> products = productFeatures(target);
  for (const FeatureRow &row : arch->features)
    if (llvm::is_contained(products, row.name) && known && !known->has(row.name))
      text += "," + row.name.str();
  return arch->name.str() + ":" + text;
}

std::string lathe::titleOf(StringRef text) {
  Diagnostics ignored;
  std::optional<Target> target = Target::parse(text, ignored);
  return target ? titleOf(*target) : text.str();
}
