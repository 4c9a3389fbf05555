// lib/OpLibrary/Units.cpp: what is compiled for a library: each kernel once, however many of its targets take it.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Units.h"
#include "Emit.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"

using llvm::StringRef;

namespace lathe::oplib {

namespace {
/// A feature of processors that is for elements of some types alone.
struct FeatureOfTypes {
  StringRef feature, types;
};
} // namespace

static constexpr FeatureOfTypes ofTypes[] = {
    {"avxvnni", "i8,u8"},      {"avxvnniint8", "i8,u8"},
    {"avxvnniint16", "i8,u8"}, {"avx512vnni", "i8,u8"},
    {"avx512bf16", "bf16"},    {"avxneconvert", "f16,bf16"},
    {"avx512fp16", "f16"},     {"amx-int8", "i8,u8"},
    {"amx-bf16", "bf16"},      {"amx-tile", "i8,u8,f16,bf16"},
    {"amx-fp16", "f16"},       {"dotprod", "i8,u8"},
    {"i8mm", "i8,u8"},         {"bf16", "bf16"},
};

static bool isOfUse(StringRef feature, const Op &op) {
  const auto *row = llvm::find_if(ofTypes, [&](const FeatureOfTypes &known) { return known.feature == feature; });
  return row == std::end(ofTypes) || llvm::any_of(op.operands, [&](const Operand &operand) {
           return llvm::is_contained(llvm::split(row->types, ','), StringRef(operand.dtype));
         });
}

Target targetOf(const Op &op, const Target &target) {
  if (!op.file.empty()) // What its operations compute with, only they know.
    return target;
  std::string text, features = target.llvmFeatures();
  for (StringRef feature : llvm::split(features, ','))
    if (feature.consume_front("+") && isOfUse(feature, op))
      text += (text.empty() ? ":" : ",") + feature.str();
  Diagnostics ignored;
  return Target::parse(target.arch().str() + text, ignored).value_or(target);
}

static std::string identifier(StringRef text) {
  std::string result;
  for (char c : text)
    result += llvm::isAlnum(c) ? c : '_';
  return result;
}

/// Which uses are the last of their units.
static void findLastUses(Units &units) {
  std::vector<size_t> last(units.units.size());
  for (auto [i, use] : llvm::enumerate(units.uses))
    last[use.unit] = i;
  for (auto [i, use] : llvm::enumerate(units.uses)) {
    use.lastTarget = units.uses[last[use.unit]].target;
    use.isLast = last[use.unit] == i;
  }
}

Units listUnits(const Spec &spec) {
  Units result;
  llvm::StringMap<size_t> known;
  for (const auto &[index, target] : llvm::enumerate(spec.targets))
    for (const auto &op : spec.ops) {
      Target own = targetOf(*op, target);
      for (const Specialization &specialization : op->specializations) {
        if (!specialization.pays(target))
          continue;
        for (const Form &form : op->forms) {
          std::string name = functionName(spec, *op) + "_" + form.name + "_" + identifier(own.name()) + "_" +
                             identifier(specialization.name);
          // Two architectures may have levels of one name.
          auto [entry, isNew] = known.try_emplace(own.str() + " " + name, result.units.size());
          if (isNew)
            result.units.push_back({op.get(), &specialization, &form, own, name});
          result.uses.push_back({entry->second, index, 0, false});
        }
      }
    }
  findLastUses(result);
  return result;
}

void shareEqualVariants(Units &units, llvm::ArrayRef<UnitCode> codes) {
  // The forms of a variant are uses side by side.
  auto countForms = [&](size_t first) { return units.units[units.uses[first].unit].op->forms.size(); };
  auto keyOf = [&](size_t first) {
    const Unit &unit = units.units[units.uses[first].unit];
    std::string key = unit.target.arch().str() + " " + unit.op->name + " " + unit.specialization->name;
    for (size_t i = 0; i < countForms(first); ++i) {
      size_t form = units.uses[first + i].unit;
      key += " " + (codes[form].fingerprint.empty() ? units.units[form].name : codes[form].fingerprint);
    }
    return key;
  };
  llvm::StringMap<size_t> lastOf; // The last variant of equal ones, which is that of the least target.
  for (size_t first = 0; first < units.uses.size(); first += countForms(first))
    lastOf[keyOf(first)] = first;
  for (size_t first = 0; first < units.uses.size(); first += countForms(first)) {
    size_t last = lastOf.lookup(keyOf(first));
    for (size_t i = 0; i < countForms(first); ++i)
      units.uses[first + i].unit = units.uses[last + i].unit;
  }
  findLastUses(units);
}

} // namespace lathe::oplib
