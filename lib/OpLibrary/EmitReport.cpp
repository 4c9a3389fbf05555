// lib/OpLibrary/EmitReport.cpp: a page that shows what is in a library: sizes, variants and choices.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Emit.h"
#include "Table.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using llvm::StringRef;

namespace lathe::oplib {

static constexpr StringRef head = R"(<meta name="viewport" content="width=device-width">
<style>
body{font:15px/1.45 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}
th,td{text-align:left;padding:.2rem .6rem .2rem 0;border-bottom:1px solid #ddd;vertical-align:top}
td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.bar{background:#3b6ea5;height:.7rem}code{font-size:13px}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}th,td{border-color:#444}}
</style>
)";

/// What is text in a page, and no mark-up.
static std::string escape(StringRef text) {
  std::string result;
  llvm::raw_string_ostream out(result);
  llvm::printHTMLEscaped(text, out);
  return result;
}

/// The name of a strategy, without its numbers.
static std::string strategiesOf(const Variant &variant) {
  std::vector<std::string> names;
  for (const BuiltKernel &kernel : variant.kernels)
    if (std::string name = StringRef(kernel.strategy).split(" {").first.str(); !llvm::is_contained(names, name))
      names.push_back(name);
  return llvm::join(names, ", ");
}

/// "m: 1, k: 2..8", or "any sizes".
static std::string rangesOf(const Op &op, const Row &row) {
  std::string text;
  for (auto [symbol, range] : llvm::zip(op.symbols, row.ranges))
    if (std::string written = writeRange(range); written != "0..")
      text += (text.empty() ? "" : ", ") + symbol + ": " + written;
  return text.empty() ? "any sizes" : text;
}

/// The bytes of a variant, or the one that has them.
static std::string bytesOf(const Variant &variant) {
  return variant.sameAs.empty() ? formatCount(variant.codeBytes) : "as " + escape(variant.sameAs);
}

/// One chart: a bar for each operator and target of a family, as long as its share of the largest.
static void writeChart(llvm::raw_ostream &out, StringRef family, const std::vector<BuiltTarget> &targets) {
  uint64_t most = 1;
  for (const BuiltTarget &target : targets)
    for (const BuiltOp &op : target.ops)
      if (op.op->family == family)
        most = std::max(most, op.codeBytes);
  out << "<h2>" << escape(family) << "</h2>\n<table><tr><th>operator<th>target<th>bytes<th style=\"width:45%\">\n";
  for (size_t i = 0; i < targets.front().ops.size(); ++i)
    for (const BuiltTarget &target : targets)
      if (const BuiltOp &op = target.ops[i]; op.op->family == family)
        out << "<tr><td><code>" << escape(op.op->name) << "</code><td>" << escape(target.target.str()) << "<td class=n>"
            << formatCount(op.codeBytes) << "<td><div class=bar style=\"width:" << op.codeBytes * 100 / most
            << "%\"></div>\n";
  out << "</table>\n<details><summary>What is taken for which sizes</summary>\n"
      << "<table><tr><th>operator<th>sizes<th>variant<th>strategy<th>bytes\n";
  for (size_t i = 0; i < targets.front().ops.size(); ++i)
    for (const BuiltTarget &target : targets)
      if (const BuiltOp &op = target.ops[i]; op.op->family == family)
        for (const Row &row : op.rows) {
          const Variant &variant = op.variants[row.variant];
          out << "<tr><td><code>" << escape(op.op->name) << "</code><td>" << escape(rangesOf(*op.op, row))
              << "<td><code>" << escape(variant.name) << "</code><td>" << escape(strategiesOf(variant))
              << "<td class=n>" << bytesOf(variant) << "\n";
        }
  out << "</table></details>\n";
}

std::string emitReport(const Spec &spec, const std::vector<BuiltTarget> &targets,
                       llvm::ArrayRef<LinkedLibrary> libraries) {
  std::string text;
  llvm::raw_string_ostream out(text);
  out << "<!doctype html>\n<html lang=en><meta charset=utf-8><title>" << escape(spec.name) << "</title>\n"
      << head << "<h1>" << escape(spec.name) << " " << escape(spec.version) << "</h1>\n<p>" << spec.ops.size()
      << " operators";
  for (const LinkedLibrary &library : libraries)
    out << ", " << formatCount(library.binary->getBufferSize()) << " bytes"
        << (libraries.size() > 1 ? " for " + library.arch : "");
  if (spec.budget.size)
    out << " of a budget of " << formatCount(*spec.budget.size);
  out << ", for";
  for (const BuiltTarget &target : targets)
    out << " " << escape(target.target.str());
  out << ". Bars and bytes are what an operator takes in memory; the first row that fits the sizes of a call is "
         "taken, on the best target that the machine has. What two targets have in common is counted for the lesser "
         "one. How fast it is, only a machine says: python -m lathe.oplib_bench makes a page of that.</p>\n";
  std::vector<StringRef> seen;
  for (const auto &op : spec.ops)
    if (!llvm::is_contained(seen, op->family)) {
      seen.push_back(op->family);
      writeChart(out, op->family, targets);
    }
  out << "</html>\n";
  return text;
}

} // namespace lathe::oplib
