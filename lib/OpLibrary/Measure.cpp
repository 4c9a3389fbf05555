// lib/OpLibrary/Measure.cpp: how long the variants of a library take on this machine, and the table that follows.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Dims.h"
#include "Execute.h"
#include "Installed.h"
#include "Table.h"
#include "Types.h"
#include "Yaml.h"
#include "lathe/OpLibrary/OpLibrary.h"
#include "lathe/Support/PartialFile.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include <chrono>
#include <cstring>

using llvm::StringRef;

namespace lathe::oplib {

namespace {

/// Sizes of a call, in the order of the symbols.
using Sizes = std::vector<int64_t>;

/// Memory for a call; all operands are there but optional ones, whose forms are others.
class Arguments {
public:
  Arguments(const InstalledOp &op, const Sizes &sizes) : op(op), sizes(sizes) {}
  /// False if the operands have no size, or are larger than `mostBytes`.
  bool make();

  std::vector<int64_t> values; ///< Symbols, and 0 for each stride.
  std::vector<const void *> operands;

private:
  static constexpr int64_t mostBytes = int64_t(1) << 30;

  const InstalledOp &op;
  const Sizes &sizes;
  std::vector<std::vector<char>> memory;
};

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

} // namespace

bool Arguments::make() {
  std::function<std::optional<int64_t>(StringRef)> valueOf = [&](StringRef name) -> std::optional<int64_t> {
    for (auto [i, symbol] : llvm::enumerate(op.symbols))
      if (symbol == name)
        return sizes[i];
    for (const auto &[derived, expression] : op.derived)
      if (derived == name)
        return evaluate(expression, valueOf);
    return std::nullopt;
  };
  values = sizes;
  values.resize(op.symbols.size() + op.strides, 0);
  for (const InstalledOperand &operand : op.operands) {
    int64_t bytes = elementType(operand.dtype).bytes;
    for (const std::string &dim : operand.dims) {
      std::optional<int64_t> size = evaluate(dim, valueOf);
      if (!size || *size < 1 || *size > mostBytes / bytes)
        return false;
      bytes *= *size;
    }
    if (operand.isPacked)
      return false; // One layout for each machine: there is nothing to choose.
    constexpr size_t alignment = 64;
    std::vector<char> &own = memory.emplace_back(operand.isOptional ? 0 : bytes + alignment, 0);
    char *first = own.empty() ? nullptr : own.data() + (-reinterpret_cast<uintptr_t>(own.data()) & (alignment - 1));
    // Small floats, which no processor computes slowly; as integers they are numbers, too.
    for (int64_t at = 0; first && operand.dtype == "f32" && at + 4 <= bytes; at += 4) {
      float value = static_cast<float>(at / 4 % 7) / 8;
      std::memcpy(first + at, &value, sizeof value);
    }
    operands.push_back(first);
  }
  return true;
}

/// Seconds of a call, the least of some; a negative number is a status.
static double timeOf(OpenLibrary &library, size_t op, Arguments &arguments, double seconds) {
  size_t needed = 0;
  if (int status = library.call(op, arguments.values.data(), arguments.operands.data(), nullptr, 0, &needed))
    return -status;
  std::vector<char> workspace(needed + 1);
  double best = 1e9, end = now() + seconds;
  for (int turns = 0; turns < 3 || now() < end; ++turns) {
    double begin = now();
    if (int status = library.call(op, arguments.values.data(), arguments.operands.data(), workspace.data(),
                                  workspace.size(), nullptr))
      return -status;
    best = std::min(best, now() - begin);
  }
  return best;
}

/// The target whose variants have names that start with `isa`.
static const std::vector<InstalledVariant> *variantsOf(const InstalledOp &op, const std::string &isa) {
  for (const auto &[target, variants] : op.variants)
    if (!variants.empty() && StringRef(variants.front().name).starts_with(isa + "."))
      return &variants;
  return nullptr;
}

bool bench(const std::string &folder, const std::string &opName,
           const std::vector<std::pair<std::string, int64_t>> &sizes, llvm::raw_ostream &out,
           Diagnostics &diagnostics) {
  std::optional<Installed> installed = readInstalled(folder, diagnostics);
  OpenLibrary library;
  if (!installed || !library.open(*installed, diagnostics))
    return false;
  std::vector<StringRef> known;
  for (const InstalledOp &op : installed->ops)
    known.push_back(op.name);
  auto found = llvm::find(known, opName);
  if (found == known.end()) {
    diagnostics.error("oplib-explain-op", folder, "there is no operator " + quoted(opName) + didYouMean(opName, known))
        .note("the operators are: " + llvm::join(known, ", "));
    return false;
  }
  size_t index = found - known.begin();
  const InstalledOp &op = installed->ops[index];
  Sizes values;
  for (const std::string &symbol : op.symbols) {
    auto size = llvm::find_if(sizes, [&](const auto &given) { return given.first == symbol; });
    if (size == sizes.end()) {
      diagnostics.error("oplib-explain-size", folder, "the size '" + symbol + "' of " + opName + " is not given")
          .note("add " + symbol + "=SIZE to the command");
      return false;
    }
    values.push_back(size->second);
  }
  Arguments arguments(op, values);
  if (!arguments.make()) {
    diagnostics.error("oplib-bench-size", folder, "a call of " + opName + " with these sizes cannot be measured")
        .note("operands that are not packed, of 1 byte to 1 GiB, are expected");
    return false;
  }
  for (const auto &[target, variants] : op.variants)
    for (const InstalledVariant &variant : variants) {
      if (library.force(op.name, variant.name) != 0) {
        out << variant.name << ": this machine lacks " << target << "\n";
        continue;
      }
      double seconds = timeOf(library, index, arguments, /*seconds=*/0.2);
      if (seconds >= 0)
        out << llvm::formatv("{0}: {1:f2} us, {2}\n", variant.name, seconds * 1e6,
                             llvm::join(variant.strategies, "; "));
    }
  return true;
}

//===----------------------------------------------------------------------===//
// tune
//===----------------------------------------------------------------------===//

namespace {

/// A shape and the variant that was fastest there.
struct Measured {
  Sizes sizes;
  const InstalledVariant *variant;
  double gain; ///< Of the time of the variant that the library would take.
};

class Tuner {
public:
  Tuner(const TuneOptions &options, const Installed &installed, OpenLibrary &library)
      : options(options), installed(installed), library(library), end(now() + options.minutes * 60) {}
  std::string run();
  size_t shapes = 0;

private:
  std::vector<Sizes> shapesOf(const InstalledOp &op, const YamlNode &rows);
  std::optional<Measured> measure(size_t op, const Sizes &sizes, const std::vector<InstalledVariant> &variants);

  const TuneOptions &options;
  const Installed &installed;
  OpenLibrary &library;
  double end;

public:
  const YamlNode *table = nullptr;
};

} // namespace

/// Those for which a variant was made, with the sizes that it leaves open at some usual values.
std::vector<Sizes> Tuner::shapesOf(const InstalledOp &op, const YamlNode &rows) {
  static constexpr int64_t usual[] = {64, 512, 2048};
  std::vector<Sizes> result;
  for (const YamlNode &row : rows.items) {
    std::vector<Sizes> shapes = {{}};
    bool isFixed = false;
    for (const std::string &symbol : op.symbols) {
      const YamlNode *given = row.find(symbol);
      std::optional<std::pair<int64_t, int64_t>> range = given ? readRange(given->text) : std::nullopt;
      llvm::ArrayRef<int64_t> values(usual);
      int64_t exact = range && range->first == range->second ? range->first : 0;
      isFixed |= exact > 0;
      if (exact > 0)
        values = exact;
      std::vector<Sizes> next;
      for (const Sizes &shape : shapes)
        for (int64_t value : values) {
          next.push_back(shape);
          next.back().push_back(value);
        }
      shapes = std::move(next);
    }
    if (isFixed)
      llvm::append_range(result, shapes);
  }
  llvm::sort(result);
  result.erase(llvm::unique(result), result.end());
  return result;
}

/// Nothing where only one variant is for these sizes.
std::optional<Measured> Tuner::measure(size_t op, const Sizes &sizes, const std::vector<InstalledVariant> &variants) {
  Arguments arguments(installed.ops[op], sizes);
  if (!arguments.make())
    return std::nullopt;
  const std::string &name = installed.ops[op].name;
  (void)library.force(name, "");
  double usual = timeOf(library, op, arguments, /*seconds=*/0.05), best = 1e9;
  Measured result{sizes, nullptr, 1};
  size_t count = 0;
  for (const InstalledVariant &variant : variants) {
    if (library.force(name, variant.name) != 0)
      continue;
    double seconds = timeOf(library, op, arguments, /*seconds=*/0.05);
    count += seconds >= 0;
    if (seconds >= 0 && seconds < best) {
      best = seconds;
      result.variant = &variant;
    }
  }
  (void)library.force(name, "");
  result.gain = best > 0 ? usual / best : 1;
  return count > 1 ? std::optional(result) : std::nullopt;
}

std::string Tuner::run() {
  std::string text;
  llvm::raw_string_ostream out(text);
  out << "# Measured by `lathe oplib tune`: rows that say so are of this machine, the others of the library.\n"
      << "lathe-table: 1\nlibrary: {name: " << installed.name << ", version: " << installed.version
      << ", spec: " << installed.spec << "}\ntargets:\n";
  for (auto [target, ops] : llvm::zip_equal(table->keys, table->items)) {
    std::string heading = "  \"" + target.text + "\":\n";
    for (auto [i, op] : llvm::enumerate(installed.ops)) {
      const YamlNode *rows = ops.find(op.name);
      auto own = op.variants.find(target.text);
      if (!rows || own == op.variants.end())
        continue;
      std::string isa = library.isaOf(op.name, Sizes(op.symbols.size(), 2));
      if (&own->second != variantsOf(op, isa))
        continue;
      std::string lines;
      for (const Sizes &sizes : own->second.size() > 1 ? shapesOf(op, *rows) : std::vector<Sizes>()) {
        if (now() > end)
          break;
        if (options.progress)
          options.progress("measure " + op.name);
        std::optional<Measured> measured = measure(i, sizes, own->second);
        if (!measured)
          continue;
        ++shapes;
        lines += "      - {";
        for (auto [symbol, size] : llvm::zip_equal(op.symbols, sizes))
          lines += symbol + ": " + std::to_string(size) + ", ";
        lines += llvm::formatv("use: {0}, kernel: {1}, by: measured, gain: {2:f2}}\n", measured->variant->name,
                               measured->variant->key, measured->gain)
                     .str();
      }
      if (lines.empty())
        continue;
      out << heading << "    " << op.name << ":\n" << lines;
      heading.clear();
      for (const YamlNode &row : rows->items) {
        std::vector<std::string> entries;
        for (auto [key, value] : llvm::zip_equal(row.keys, row.items))
          entries.push_back(key.text + ": " + value.text);
        out << "      - {" << llvm::join(entries, ", ") << "}\n";
      }
    }
  }
  return text;
}

bool tune(const TuneOptions &options, size_t &shapes, Diagnostics &diagnostics) {
  std::optional<Installed> installed = readInstalled(options.folder, diagnostics);
  OpenLibrary library;
  if (!installed || !library.open(*installed, diagnostics))
    return false;
  auto own = llvm::find_if(installed->libraries, [](const auto &entry) { return isHost(entry.first); });
  std::string file = options.folder + "/share/" + installed->name + "/tables/" + own->first + ".yaml";
  auto buffer = llvm::MemoryBuffer::getFile(file, /*IsText=*/true);
  std::unique_ptr<YamlNode> table = buffer ? parseYaml((*buffer)->getBuffer(), file, diagnostics) : nullptr;
  const YamlNode *targets = table ? table->find("targets") : nullptr;
  if (!targets || targets->kind != YamlNode::Kind::Map) {
    if (!diagnostics.hasErrors())
      diagnostics.error("oplib-no-library", file, "is no dispatch table").note("build the library again");
    return false;
  }
  Tuner tuner(options, *installed, library);
  tuner.table = targets;
  std::string text = tuner.run();
  shapes = tuner.shapes;
  std::error_code error = replaceFile(options.output, {text});
  return !error || reportWriteError(options.output, error, diagnostics);
}

} // namespace lathe::oplib
