// lib/OpLibrary/Diff.cpp: what differs between two libraries, and whether programs of the one can take the other.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Budget.h"
#include "Installed.h"
#include "lathe/OpLibrary/OpLibrary.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using llvm::StringRef;

namespace lathe::oplib {

namespace {

class Differ {
public:
  Differ(const Installed &before, const Installed &after, llvm::raw_ostream &out)
      : before(before), after(after), out(out) {}
  Compatibility run();

private:
  /// Programs have to be changed.
  void breakSource(const llvm::Twine &why) { breaks.push_back(why.str()); }
  /// Programs have to be compiled again.
  void breakBinary(const llvm::Twine &why) { rebuilds.push_back(why.str()); }
  void compareTargets();
  void compareOps(const InstalledOp &old, const InstalledOp &now);
  void compareChoices(const InstalledOp &old, const InstalledOp &now, std::vector<std::string> &lines);
  void compareTarget(const std::string &target, const InstalledOp &old, const InstalledOp &now,
                     std::vector<std::string> &lines);
  void say(const InstalledOp &op, const std::vector<std::string> &lines);

  const Installed &before, &after;
  llvm::raw_ostream &out;
  std::vector<std::string> breaks, rebuilds;
};

} // namespace

static const InstalledOp *findOp(const Installed &library, StringRef name) {
  auto found = llvm::find_if(library.ops, [&](const InstalledOp &op) { return op.name == name; });
  return found == library.ops.end() ? nullptr : &*found;
}

static std::string bytesText(int64_t bytes) { return formatCount(static_cast<uint64_t>(std::max<int64_t>(bytes, 0))); }

static int64_t codeBytes(const InstalledOp &op) {
  int64_t bytes = 0;
  for (const auto &[target, variants] : op.variants)
    for (const InstalledVariant &variant : variants)
      bytes += variant.codeBytes;
  return bytes;
}

static std::vector<std::string> targetsOf(const Installed &library) {
  std::vector<std::string> names;
  for (const InstalledOp &op : library.ops)
    for (const auto &[name, variants] : op.variants)
      if (!llvm::is_contained(names, name))
        names.push_back(name);
  return names;
}

/// A machine that ran the old library may not run the new one.
void Differ::compareTargets() {
  std::vector<std::string> old = targetsOf(before), now = targetsOf(after);
  for (const std::string &name : old)
    if (!llvm::is_contained(now, name)) {
      out << "- target " << name << "\n";
      breakSource("the target " + name + " is gone");
    }
  for (const std::string &name : now)
    if (!llvm::is_contained(old, name))
      out << "+ target " << name << "\n";
}

/// Values of an enumeration count from 0, so a new one may only be behind the others.
void Differ::compareChoices(const InstalledOp &old, const InstalledOp &now, std::vector<std::string> &lines) {
  if (old.choices == now.choices)
    return;
  lines.push_back(old.choiceName + ": " + llvm::join(old.choices, " ") + " -> " + llvm::join(now.choices, " "));
  if (!llvm::all_of(old.choices, [&](const std::string &name) { return llvm::is_contained(now.choices, name); }))
    breakSource(old.name + " lacks a value of " + old.choiceName);
  else if (now.choices.size() < old.choices.size() ||
           !std::equal(old.choices.begin(), old.choices.end(), now.choices.begin()))
    breakBinary("the values of " + old.choiceName + " of " + old.name + " have other numbers");
}

/// Of the operator, for a target that both libraries have.
void Differ::compareTarget(const std::string &target, const InstalledOp &old, const InstalledOp &now,
                           std::vector<std::string> &lines) {
  int64_t oldPanel = old.panels.at(target), panel = now.panels.at(target);
  if (oldPanel != panel) {
    lines.push_back(target + ": panels of " + std::to_string(oldPanel) + " -> " + std::to_string(panel) + " columns");
    breakBinary("what " + old.name + " has packed for " + target + " has to be packed again");
  }
  const std::vector<InstalledVariant> &oldVariants = old.variants.at(target), &variants = now.variants.at(target);
  auto find = [](const std::vector<InstalledVariant> &in, const std::string &name) -> const InstalledVariant * {
    auto found = llvm::find_if(in, [&](const InstalledVariant &own) { return own.name == name; });
    return found == in.end() ? nullptr : &*found;
  };
  for (const InstalledVariant &variant : oldVariants) {
    const InstalledVariant *other = find(variants, variant.name);
    if (!other) {
      lines.push_back(target + ": " + variant.name + " removed");
      continue;
    }
    std::string line;
    if (variant.key != other->key)
      line += ", kernel " + variant.key + " -> " + other->key;
    if (variant.codeBytes != other->codeBytes)
      line += ", " + bytesText(variant.codeBytes) + " -> " + bytesText(other->codeBytes) + " bytes";
    if (variant.strategies != other->strategies)
      line += ", strategy " + llvm::join(variant.strategies, " | ") + " -> " + llvm::join(other->strategies, " | ");
    if (!line.empty())
      lines.push_back(target + ": " + variant.name + " " + line.substr(2));
  }
  for (const InstalledVariant &variant : variants)
    if (!find(oldVariants, variant.name))
      lines.push_back(target + ": " + variant.name + " added, " + bytesText(variant.codeBytes) + " bytes");
}

void Differ::say(const InstalledOp &op, const std::vector<std::string> &lines) {
  for (const std::string &line : lines)
    out << "~ " << op.name << " " << line << "\n";
}

void Differ::compareOps(const InstalledOp &old, const InstalledOp &now) {
  std::vector<std::string> lines;
  if (old.signature != now.signature) {
    lines.push_back("signature: " + old.signature + " -> " + now.signature);
    breakSource("the signature of " + old.name + " is another one");
  }
  compareChoices(old, now, lines);
  for (const auto &[target, variants] : old.variants)
    if (now.variants.count(target))
      compareTarget(target, old, now, lines);
  say(old, lines);
}

Compatibility Differ::run() {
  out << before.name << " " << before.version << " -> " << after.name << " " << after.version << "\n";
  if (before.name != after.name)
    breakSource("the library has another name, and so have its functions");
  compareTargets();
  size_t same = 0;
  for (const InstalledOp &op : before.ops)
    if (!findOp(after, op.name)) {
      out << "- " << op.name << op.signature << ", " << bytesText(codeBytes(op)) << " bytes\n";
      breakSource(op.name + " is gone");
    }
  for (const InstalledOp &op : after.ops)
    if (!findOp(before, op.name))
      out << "+ " << op.name << op.signature << ", " << bytesText(codeBytes(op)) << " bytes\n";
  for (const InstalledOp &op : before.ops)
    if (const InstalledOp *other = findOp(after, op.name)) {
      compareOps(op, *other);
      ++same;
    }
  out << "= " << same << " operators are in both\n";
  if (before.contextWords != after.contextWords)
    breakBinary("a context has " + llvm::Twine(before.contextWords) + " -> " + llvm::Twine(after.contextWords) +
                " words, which programs make room for");
  for (const std::string &why : breaks)
    out << "incompatible: " << why << "\n";
  for (const std::string &why : rebuilds)
    out << "compile programs again: " << why << "\n";
  bool isSameMajor = StringRef(before.version).split('.').first == StringRef(after.version).split('.').first;
  if (isSameMajor && (!breaks.empty() || !rebuilds.empty()))
    out << "the two have the same soname: raise the first number of 'version', so that a loader keeps them apart\n";
  if (breaks.empty() && rebuilds.empty())
    out << "compatible: programs run with either\n";
  return !breaks.empty() ? Compatibility::None : !rebuilds.empty() ? Compatibility::Source : Compatibility::Binary;
}

std::optional<Compatibility> diff(const std::string &before, const std::string &after, llvm::raw_ostream &out,
                                  Diagnostics &diagnostics) {
  std::optional<Installed> old = readInstalled(before, diagnostics), now = readInstalled(after, diagnostics);
  if (!old || !now)
    return std::nullopt;
  return Differ(*old, *now, out).run();
}

} // namespace lathe::oplib
