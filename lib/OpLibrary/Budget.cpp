// lib/OpLibrary/Budget.cpp: what a library may cost, and what is said when it costs more.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Budget.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using llvm::StringRef;

namespace lathe::oplib {

static constexpr StringRef keys[] = {"size", "time", "variants"};

namespace {
/// What a number may be counted in.
struct Unit {
  StringRef name;
  uint64_t factor;
};
} // namespace

static constexpr Unit sizeUnits[] = {{"B", 1},          {"kB", 1000},      {"MB", 1000000},  {"GB", 1000000000},
                                     {"KiB", 1u << 10}, {"MiB", 1u << 20}, {"GiB", 1u << 30}};
static constexpr Unit timeUnits[] = {{"s", 1}, {"min", 60}, {"h", 3600}};

/// A whole number with one of `units` behind it.
static std::optional<uint64_t> readAmount(const YamlNode &node, YamlReader &reader, const llvm::Twine &what,
                                          llvm::ArrayRef<Unit> units, StringRef example) {
  StringRef text = node.kind == YamlNode::Kind::Text ? StringRef(node.text) : "";
  StringRef digits = text.take_while([](char c) { return llvm::isDigit(c); });
  StringRef name = text.drop_front(digits.size()).trim();
  const auto *unit = llvm::find_if(units, [&](const Unit &known) { return known.name == name; });
  constexpr uint64_t most = uint64_t(1) << 50;
  uint64_t number = 0;
  if (unit != units.end() && !digits.getAsInteger(10, number) && number > 0 && number <= most / unit->factor)
    return number * unit->factor;
  std::vector<StringRef> names;
  for (const Unit &known : units)
    names.push_back(known.name);
  reader
      .error("oplib-spec-budget", node,
             what + " of a budget is " + node.describe() + ", but a whole number above 0 and a unit are expected")
      .note("write one such as " + example + "; the units are " + llvm::join(names, ", "));
  return std::nullopt;
}

bool readBudget(const YamlNode &node, YamlReader &reader, Budget &budget) {
  if (!reader.isMap(node, "'budget'", keys))
    return false;
  budget.place = node.place;
  bool fits = true;
  if (const YamlNode *size = node.find("size")) {
    budget.size = readAmount(*size, reader, "'size'", sizeUnits, "8MB");
    budget.place = size->place;
    fits = budget.size.has_value();
  }
  if (const YamlNode *time = node.find("time")) {
    budget.seconds = readAmount(*time, reader, "'time'", timeUnits, "10min");
    fits &= budget.seconds.has_value();
  }
  if (const YamlNode *variants = node.find("variants")) {
    budget.variants = reader.number(*variants, "'variants' of a budget", 1, 1 << 20);
    fits &= budget.variants.has_value();
  }
  return fits;
}

bool checkVariants(const Budget &budget, const std::vector<std::unique_ptr<Op>> &ops, const YamlNode &node,
                   YamlReader &reader) {
  if (!budget.variants)
    return true;
  bool fits = true;
  for (const auto &op : ops)
    if (int64_t count = static_cast<int64_t>(op->specializations.size()); count > *budget.variants) {
      reader
          .error("oplib-budget-variants", node,
                 "'" + op->name + "' has " + llvm::Twine(count) + " variants for each target, but the budget is " +
                     llvm::Twine(*budget.variants))
          .note("raise 'variants' of the budget, or take shapes out of 'hot'");
      fits = false;
    }
  return fits;
}

bool checkSize(const Budget &budget, uint64_t bytes, llvm::ArrayRef<BuiltTarget> targets, Diagnostics &diagnostics) {
  if (!budget.size || bytes <= *budget.size)
    return true;
  std::vector<std::pair<uint64_t, std::string>> costs;
  for (const BuiltTarget &target : targets)
    for (auto [i, op] : llvm::enumerate(target.ops)) {
      if (costs.size() <= i)
        costs.emplace_back(0, op.op->name);
      costs[i].first += op.codeBytes;
    }
  llvm::stable_sort(costs, [](const auto &a, const auto &b) { return a.first > b.first; });
  constexpr size_t shown = 10;
  std::string list;
  for (const auto &[cost, name] : llvm::ArrayRef(costs).take_front(shown))
    list += (list.empty() ? "" : ", ") + name + " " + formatCount(cost);
  diagnostics
      .error("oplib-budget", budget.place,
             "the library has " + formatCount(bytes) + " bytes for " + targets.front().target.arch() +
                 ", but the budget is " + formatCount(*budget.size))
      .note("the largest of its " + llvm::Twine(costs.size()) + " operators, in bytes for all targets: " + list)
      .note("raise the budget, or ask for fewer targets, types, activations, optional operands or shapes in 'hot'");
  return false;
}

std::string formatCount(uint64_t number) {
  std::string text = std::to_string(number);
  for (size_t i = text.size(); i > 3;)
    text.insert(i -= 3, ",");
  return text;
}

} // namespace lathe::oplib
