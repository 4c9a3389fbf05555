// lib/OpLibrary/Explain.cpp: what a specification asks for, and what a library would take, without running code.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Table.h"
#include "Units.h"
#include "lathe/OpLibrary/OpLibrary.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using llvm::StringRef;

namespace lathe::oplib {

bool check(const std::string &file, const std::vector<std::string> &limits, llvm::raw_ostream &out,
           Diagnostics &diagnostics) {
  std::unique_ptr<Spec> spec = readSpec(file, limits, diagnostics);
  if (!spec)
    return false;
  for (const auto &op : spec->ops) {
    out << op->name << "(" << llvm::join(op->symbols, ", ") << "): " << op->about << "\n  forms:";
    for (const Form &form : op->forms)
      out << " " << form.name;
    out << "\n";
    for (const Target &target : spec->targets) {
      out << "  " << target.str() << ":";
      for (const Specialization &special : op->specializations)
        if (special.pays(target))
          out << " " << levelName(target) << "." << special.name;
      if (Target own = targetOf(*op, target); !(own == target))
        out << ", as for " << own.str();
      out << "\n";
    }
  }
  out << file << ": ok, " << spec->ops.size() << " operators, " << listUnits(*spec).units.size() << " kernels\n";
  return true;
}

/// The table of each architecture of the library in `folder`. None after an error.
static std::vector<std::unique_ptr<YamlNode>> readTables(const std::string &folder, Diagnostics &diagnostics) {
  std::error_code error;
  std::vector<std::unique_ptr<YamlNode>> tables;
  for (llvm::sys::fs::directory_iterator it(folder + "/share", error), end; it != end && !error; it.increment(error))
    for (StringRef arch : {"x86_64", "aarch64"}) {
      std::string path = it->path() + "/tables/" + arch.str() + ".yaml";
      auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
      if (!buffer)
        continue;
      tables.push_back(parseYaml((*buffer)->getBuffer(), path, diagnostics));
      if (!tables.back())
        return {};
    }
  if (tables.empty())
    diagnostics.error("oplib-no-library", folder, "holds no library: there is no share/NAME/tables/ARCHITECTURE.yaml")
        .note("give the folder that 'lathe oplib build' wrote");
  return tables;
}

/// Whether the row fits; nothing, and an error, if it is damaged.
static std::optional<bool> fits(const YamlNode &row, const std::vector<std::pair<std::string, int64_t>> &sizes,
                                YamlReader &reader) {
  for (auto [key, value] : llvm::zip_equal(row.keys, row.items)) {
    if (llvm::is_contained({"use", "kernel", "by", "gain"}, key.text))
      continue;
    auto size = llvm::find_if(sizes, [&](const auto &size) { return size.first == key.text; });
    std::optional<std::pair<int64_t, int64_t>> range = readRange(value.text);
    if (!range) {
      reader.error("oplib-table-range", value, "'" + key.text + "' is " + value.describe() + ", which is no range")
          .note("write 4, 2..8 or 257..");
      return std::nullopt;
    }
    if (size == sizes.end()) {
      reader.error("oplib-explain-size", key, "the size '" + key.text + "' of this row is not given")
          .note("add " + key.text + "=SIZE to the command");
      return std::nullopt;
    }
    if (size->second < range->first || size->second > range->second)
      return false;
  }
  return true;
}

static bool explainTarget(const YamlNode &target, const YamlNode &ops, const std::string &op,
                          const std::vector<std::pair<std::string, int64_t>> &sizes, llvm::raw_ostream &out,
                          YamlReader &reader) {
  const YamlNode *rows = ops.find(op);
  if (!rows) {
    std::vector<StringRef> known;
    for (const YamlNode &key : ops.keys)
      known.push_back(key.text);
    reader.error("oplib-explain-op", ops, "there is no operator " + quoted(op) + didYouMean(op, known))
        .note("the operators are: " + llvm::join(known, ", "));
    return false;
  }
  for (auto [i, row] : llvm::enumerate(rows->items)) {
    std::optional<bool> doesFit = fits(row, sizes, reader);
    if (!doesFit)
      return false;
    const YamlNode *use = row.find("use"), *kernel = row.find("kernel"), *by = row.find("by");
    if (!*doesFit || !use || !kernel || !by)
      continue;
    out << target.text << ": " << use->text << " by row " << i << " (" << by->text << "), kernel " << kernel->text
        << "\n";
    return true;
  }
  reader.error("oplib-table-open", *rows, "no row of '" + op + "' fits, but the last must fit all sizes")
      .note("build the library again");
  return false;
}

bool explain(const std::string &folder, const std::string &op,
             const std::vector<std::pair<std::string, int64_t>> &sizes, llvm::raw_ostream &out,
             Diagnostics &diagnostics) {
  YamlReader reader(diagnostics);
  std::vector<std::unique_ptr<YamlNode>> tables = readTables(folder, diagnostics);
  for (const std::unique_ptr<YamlNode> &table : tables) {
    const YamlNode *targets = table->find("targets");
    if (!targets) {
      reader.error("oplib-spec-missing", *table, "the key 'targets' is missing").note("build the library again");
      return false;
    }
    for (auto [target, ops] : llvm::zip_equal(targets->keys, targets->items))
      if (!explainTarget(target, ops, op, sizes, out, reader))
        return false;
  }
  return !tables.empty();
}

} // namespace lathe::oplib
