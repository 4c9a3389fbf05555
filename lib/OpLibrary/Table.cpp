// lib/OpLibrary/Table.cpp: dispatch tables, as rows and as YAML.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Table.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <limits>

using llvm::StringRef;

namespace lathe::oplib {

static constexpr int64_t most = std::numeric_limits<int64_t>::max();

std::vector<Row> makeRows(const BuiltOp &op) {
  std::vector<Row> rows;
  for (size_t i = 0; i < op.variants.size(); ++i) {
    Row row;
    row.variant = i;
    row.ranges = op.variants[i].specialization->range;
    for (const std::optional<int64_t> &fixed : op.variants[i].specialization->fixed)
      row.ranges.push_back(fixed ? std::pair(*fixed, *fixed) : std::pair(int64_t(0), most));
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string writeRange(std::pair<int64_t, int64_t> range) {
  if (range.first == range.second)
    return std::to_string(range.first);
  return std::to_string(range.first) + ".." + (range.second == most ? "" : std::to_string(range.second));
}

std::optional<std::pair<int64_t, int64_t>> readRange(StringRef text) {
  auto number = [](StringRef digits) -> std::optional<int64_t> {
    int64_t value = 0;
    if (digits.empty() || !llvm::all_of(digits, llvm::isDigit) || digits.getAsInteger(10, value))
      return std::nullopt;
    return value;
  };
  size_t dots = text.find("..");
  std::optional<int64_t> low = number(text.take_front(dots)), high = low;
  if (dots != StringRef::npos)
    high = text.drop_front(dots + 2).empty() ? most : number(text.drop_front(dots + 2));
  if (!low || !high || *low > *high)
    return std::nullopt;
  return std::pair(*low, *high);
}

static void writeRow(llvm::raw_ostream &out, const BuiltOp &op, const Row &row) {
  out << "    - {";
  for (size_t i = 0; i < row.ranges.size(); ++i)
    if (row.ranges[i] != std::pair(int64_t(0), most))
      out << op.op->symbols[i] << ": " << writeRange(row.ranges[i]) << ", ";
  const Variant &variant = op.variants[row.variant];
  out << "use: " << variant.name << ", kernel: " << variant.key << ", by: " << row.by << "}\n";
}

std::string writeTables(const Spec &spec, llvm::ArrayRef<BuiltTarget> targets) {
  std::string text;
  llvm::raw_string_ostream out(text);
  out << "# Which kernels the library " << spec.name << " takes. Of the targets, the first that the machine can run\n"
      << "# is taken when the library is opened; of the rows of an operator, the first that fits the sizes of a\n"
      << "# call. The last row of each fits all.\n"
      << "lathe-table: 1\nlibrary: {name: " << spec.name << ", version: " << spec.version << ", spec: " << spec.hash
      << "}\ntargets:\n";
  for (const BuiltTarget &target : targets) {
    out << "  \"" << target.target.str() << "\":\n";
    for (const BuiltOp &op : target.ops) {
      out << "    " << op.op->name << ":\n";
      for (const Row &row : op.rows) {
        out << "  ";
        writeRow(out, op, row);
      }
    }
  }
  return text;
}

} // namespace lathe::oplib
