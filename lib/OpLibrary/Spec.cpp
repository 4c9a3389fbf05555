// lib/OpLibrary/Spec.cpp: reads a specification.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Spec.h"
#include "Compile.h"
#include "Family.h"
#include "lathe/Support/Limits.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using llvm::StringRef;

namespace lathe::oplib {

namespace {

/// What lib/Runtime/Ops/Ops.h has room for; one size is left for a stride of `pack`.
constexpr size_t mostOperands = 16, mostSizes = 31;

constexpr StringRef keys[] = {"lathe-oplib", "name", "version", "targets", "budget", "ops"};

class SpecReader {
public:
  SpecReader(Spec &spec, const std::vector<std::string> &limits, Diagnostics &diagnostics)
      : spec(spec), reader(diagnostics) {
    reader.folder = llvm::sys::path::parent_path(spec.file).str();
    reader.limits = limits;
  }
  bool read(const YamlNode &root);

private:
  const YamlNode *require(const YamlNode &root, StringRef key);
  bool readName(const YamlNode &node);
  bool readVersion(const YamlNode &node);
  bool readTargets(const YamlNode &node);
  bool readOps(const YamlNode &node);
  bool expand(const Family &family, const YamlNode &options);
  bool expandEntry(const Family &family, const YamlNode &entry);
  bool checkOps();

  Spec &spec;
  YamlReader reader;
};

} // namespace

const YamlNode *SpecReader::require(const YamlNode &root, StringRef key) {
  const YamlNode *node = root.find(key);
  if (!node)
    reader.error("oplib-spec-missing", root, "the key '" + key + "' is missing")
        .note("a specification has the keys lathe-oplib, name, targets and ops");
  return node;
}

bool SpecReader::readName(const YamlNode &node) {
  std::optional<std::string> name = reader.text(node, "'name'");
  if (!name)
    return false;
  constexpr size_t longest = 40;
  auto fits = [](char c) { return llvm::isLower(c) || llvm::isDigit(c) || c == '_'; };
  if (name->empty() || name->size() > longest || !llvm::isLower(name->front()) || !llvm::all_of(*name, fits) ||
      StringRef(*name).starts_with("lathe")) {
    reader.error("oplib-spec-name", node, "'name' is " + quoted(*name) + ", but it becomes part of names in C")
        .note("use a letter and then up to " + llvm::Twine(longest - 1) +
              " of a-z, 0-9 and '_', but not 'lathe' first");
    return false;
  }
  spec.name = *name;
  return true;
}

bool SpecReader::readVersion(const YamlNode &node) {
  std::optional<std::string> version = reader.text(node, "'version'");
  llvm::SmallVector<StringRef> parts;
  if (version)
    StringRef(*version).split(parts, '.');
  unsigned number = 0;
  if (!version || parts.size() != 3 ||
      llvm::any_of(parts, [&](StringRef part) { return part.getAsInteger(10, number) || number > 9999; })) {
    reader.error("oplib-spec-version", node, "'version' is " + node.describe() + ", but three numbers are expected")
        .note("write a version such as 1.0.0");
    return false;
  }
  spec.version = *version;
  return true;
}

/// The architecture that a target names, or nothing where it goes on with that of the one before: "v4" behind
/// "x86_64:v3".
static std::string archOf(StringRef name) {
  Diagnostics ignored;
  StringRef arch = name.take_until([](char c) { return c == ':' || c == '+'; });
  std::optional<Target> target = Target::parse(arch, ignored);
  return target ? target->arch().str() : "";
}

bool SpecReader::readTargets(const YamlNode &node) {
  auto names = reader.texts(node, "'targets'");
  if (!names)
    return false;
  std::vector<std::pair<std::string, std::string>> lists; // An architecture, and its targets.
  std::string arch;
  for (const std::string &name : *names) {
    if (std::string own = archOf(name); !own.empty())
      arch = own;
    auto list = llvm::find_if(lists, [&](const auto &known) { return known.first == arch; });
    if (list == lists.end())
      lists.emplace_back(arch, name);
    else
      list->second += "+" + name;
  }
  for (const auto &[own, list] : lists) {
    std::vector<Target> targets = Target::parseList(list, reader.diagnostics, node.place);
    if (targets.empty())
      return false;
    if (!llvm::is_contained({"x86_64", "aarch64"}, targets.front().arch())) {
      reader.error("oplib-spec-arch", node, "operators for '" + targets.front().arch() + "' cannot be built yet")
          .note("name targets such as x86_64:v2 and x86_64:v3, or aarch64 and aarch64:dotprod");
      return false;
    }
    llvm::append_range(spec.targets, targets);
  }
  return true;
}

bool SpecReader::readOps(const YamlNode &node) {
  std::vector<StringRef> known;
  for (const Family *family : families())
    known.push_back(family->name);
  if (!reader.isMap(node, "'ops'", known))
    return false;
  if (node.items.empty()) {
    reader.error("oplib-spec-empty", node, "'ops' is empty").note("name at least one family of operators");
    return false;
  }
  bool fits = true;
  for (auto [key, options] : llvm::zip_equal(node.keys, node.items))
    for (const Family *family : families())
      if (key.text == family->name)
        fits &= expand(*family, options);
  return fits && checkOps();
}

/// The operators of an entry know where they are asked for, and have what pays for one of the targets.
bool SpecReader::expandEntry(const Family &family, const YamlNode &entry) {
  size_t before = spec.ops.size();
  bool fits = family.expand(entry, reader, spec.ops);
  for (const auto &op : llvm::ArrayRef(spec.ops).drop_front(before)) {
    if (op->place.empty())
      op->place = entry.place;
    op->limits = reader.limits;
    llvm::erase_if(op->specializations, [&](const Specialization &special) {
      return llvm::none_of(spec.targets, [&](const Target &target) { return special.pays(target); });
    });
  }
  return fits;
}

/// An entry of a family, or a list of several: of types that have different epilogues, for instance.
bool SpecReader::expand(const Family &family, const YamlNode &options) {
  bool isList = options.kind == YamlNode::Kind::List && !options.items.empty();
  bool fits = true;
  for (const YamlNode &entry : isList ? llvm::ArrayRef(options.items) : llvm::ArrayRef(options))
    fits &= expandEntry(family, entry);
  return fits;
}

/// Operators are functions of the library, beside those that each has.
bool SpecReader::checkOps() {
  static constexpr StringRef taken[] = {"status",       "status_text",  "body",    "config",     "ctx",
                                        "open",         "force",        "choice",  "select",     "isa_name",
                                        "op_name",      "variant_name", "call",    "load_table", "table",
                                        "table_report", "pack",         "library", "pathlib",    "torch"};
  llvm::StringSet<> names;
  for (const auto &op : spec.ops) {
    bool isTaken = llvm::is_contained(taken, op->name) || StringRef(op->name).ends_with("_workspace");
    if (isTaken || !names.insert(op->name).second) {
      reader.diagnostics
          .error("oplib-spec-twice", op->place,
                 isTaken ? "an operator is called '" + op->name + "', as another function of the library is"
                         : "two operators are called '" + op->name + "'")
          .note("rename one, or leave it out");
      return false;
    }
    if (op->operands.size() > mostOperands || op->sizes().size() + op->derived.size() > mostSizes) {
      reader.diagnostics
          .error("oplib-spec-large", op->place,
                 "the operator '" + op->name + "' has " + llvm::Twine(op->operands.size()) + " operands and " +
                     llvm::Twine(op->sizes().size()) + " sizes")
          .note("at most 16 operands and 31 sizes are possible");
      return false;
    }
  }
  return true;
}

bool SpecReader::read(const YamlNode &root) {
  if (!reader.isMap(root, "the specification", keys))
    return false;
  const YamlNode *format = require(root, "lathe-oplib"), *name = require(root, "name"),
                 *targets = require(root, "targets"), *ops = require(root, "ops"), *version = root.find("version"),
                 *budget = root.find("budget");
  if (!format || !name || !targets || !ops)
    return false;
  if (!reader.number(*format, "'lathe-oplib', the version of the format,", 1, 1))
    return false;
  bool fits = readName(*name);
  fits &= !version || readVersion(*version);
  fits &= readTargets(*targets);
  fits &= !budget || readBudget(*budget, reader, spec.budget);
  return readOps(*ops) && fits && (!budget || checkVariants(spec.budget, spec.ops, *budget, reader));
}

std::vector<std::string> Spec::archs() const {
  std::vector<std::string> result;
  for (const Target &target : targets)
    if (!llvm::is_contained(result, target.arch()))
      result.push_back(target.arch().str());
  return result;
}

std::string Spec::libraryFolder(StringRef arch) const {
  return archs().size() == 1 ? "lib" : ("lib/" + arch + "-linux-gnu").str();
}

llvm::ArrayRef<BuiltTarget> targetsOf(llvm::ArrayRef<BuiltTarget> targets, StringRef arch) {
  auto isOfArch = [&](const BuiltTarget &built) { return built.target.arch() == arch; };
  return targets.drop_until(isOfArch).take_while(isOfArch);
}

std::unique_ptr<Spec> readSpec(const std::string &file, const std::vector<std::string> &limits,
                               Diagnostics &diagnostics) {
  if (Limits known; !known.set(limits, file, diagnostics))
    return nullptr;
  auto buffer = llvm::MemoryBuffer::getFile(file, /*IsText=*/true);
  if (!buffer) {
    diagnostics.error("oplib-spec-unreadable", file, "cannot be read: " + buffer.getError().message())
        .note("give the path of a specification");
    return nullptr;
  }
  StringRef text = (*buffer)->getBuffer();
  constexpr size_t most = 1 << 20;
  if (text.size() > most) {
    diagnostics
        .error("oplib-spec-unreadable", file, "has " + llvm::Twine(text.size()) + " bytes, more than a specification")
        .note("give the path of a specification");
    return nullptr;
  }
  std::unique_ptr<YamlNode> root = parseYaml(text, file, diagnostics);
  auto spec = std::make_unique<Spec>();
  spec->file = file;
  spec->hash = hashOf(text);
  return root && SpecReader(*spec, limits, diagnostics).read(*root) ? std::move(spec) : nullptr;
}

} // namespace lathe::oplib
