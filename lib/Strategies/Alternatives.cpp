// lib/Strategies/Alternatives.cpp: all ways to compute a kernel, by names that say what each does.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Strategies/Strategy.h"

using namespace mlir;

namespace lathe {

/// A number of a configuration, as a name has it.
struct Letter {
  StringLiteral parameter, letter;
  int64_t usual; ///< Left out where it is this.
};
static constexpr Letter letters[] = {
    {"outputs", "f", 0}, {"unroll", "u", 1}, {"block", "k", 0}, {"prefetch", "p", 0}, {"held", "h", 0}};

/// "gemm.packed/6x64/u8/t48x1": the strategy, the register tile in rows and columns, and what else it is told.
static std::string nameOf(const Choice &choice) {
  StringRef strategy = choice.strategy->name;
  strategy.consume_front("cpu.");
  std::string name = strategy.str();
  auto number = [&](StringRef parameter, int64_t otherwise) {
    auto value = choice.config.getAs<IntegerAttr>(parameter);
    return value ? value.getInt() : otherwise;
  };
  auto pair = [&](StringRef before, int64_t rows, int64_t columns) {
    name += ("/" + before + Twine(rows) + "x" + Twine(columns)).str();
  };
  if (choice.config.contains("rows"))
    pair("", number("rows", 1), number("vectors", 1) * number("lanes", 1));
  for (const Letter &each : letters)
    if (int64_t value = number(each.parameter, each.usual); value != each.usual)
      name += ("/" + each.letter + Twine(value)).str();
  if (choice.config.contains("task_rows"))
    pair("t", number("task_rows", 0), number("task_panels", 0));
  if (auto unit = choice.config.getAs<StringAttr>("unit"))
    name += "/" + unit.str();
  return name;
}

SmallVector<Alternative> listAlternatives(const Problem &problem, const Target &target, Choice chosen) {
  SmallVector<Alternative> list = {{nameOf(chosen), chosen}};
  for (const Strategy *strategy : getStrategies(target)) {
    if (!strategy->alternatives)
      continue;
    SmallVector<Config> configs;
    strategy->alternatives(problem, target, configs);
    for (Config config : configs) {
      Choice choice = {strategy, config};
      std::string name = nameOf(choice);
      if (llvm::none_of(list, [&](const Alternative &known) { return known.name == name; }))
        list.push_back({std::move(name), choice});
    }
  }
  return list;
}

} // namespace lathe
