// lib/OpLibrary/Families.cpp: the list of families, and what several of them read.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Family.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using llvm::StringRef;

namespace lathe::oplib {

extern const Family gemmFamily, conv2dFamily, attentionFamily, softmaxFamily, layernormFamily, rmsnormFamily,
    reduceFamily, elementwiseFamily, transposeFamily, gatherFamily, graphFamily, fromModelFamily;

static const Family *const all[] = {&gemmFamily,      &conv2dFamily,  &attentionFamily, &softmaxFamily,
                                    &layernormFamily, &rmsnormFamily, &reduceFamily,    &elementwiseFamily,
                                    &transposeFamily, &gatherFamily,  &graphFamily,     &fromModelFamily};

llvm::ArrayRef<const Family *> families() { return all; }

void addForms(Op &op) {
  std::vector<unsigned> optional;
  for (auto [i, operand] : llvm::enumerate(op.operands))
    if (operand.isOptional && !operand.isZeroIfAbsent)
      optional.push_back(i);
  for (unsigned choice = 0; choice < std::max<size_t>(op.choices.size(), 1); ++choice)
    for (unsigned mask = 0; mask < 1u << optional.size(); ++mask) {
      Form form;
      form.choice = choice;
      form.present.assign(op.operands.size(), true);
      form.name = op.choices.empty() ? "" : op.choices[choice];
      for (auto [bit, index] : llvm::enumerate(optional)) {
        form.present[index] = mask >> bit & 1;
        if (form.present[index])
          form.name += (form.name.empty() ? "" : "_") + op.operands[index].name;
      }
      if (form.name.empty())
        form.name = "only";
      op.forms.push_back(std::move(form));
    }
}

std::optional<std::vector<std::string>> readTexts(const YamlNode &options, StringRef key, YamlReader &reader,
                                                  const llvm::Twine &what, llvm::ArrayRef<StringRef> known,
                                                  std::vector<std::string> otherwise) {
  const YamlNode *list = options.find(key);
  return list ? reader.texts(*list, "'" + key + "' of " + what, known) : otherwise;
}

std::optional<std::vector<std::string>> readDtypes(const YamlNode &options, YamlReader &reader, StringRef family,
                                                   llvm::ArrayRef<StringRef> known) {
  return readTexts(options, "dtypes", reader, family, known, {"f32"});
}

std::optional<int64_t> readNumber(const YamlNode &options, StringRef key, YamlReader &reader, const llvm::Twine &what,
                                  int64_t low, int64_t high, int64_t otherwise) {
  const YamlNode *node = options.find(key);
  return node ? reader.number(*node, "'" + key + "' of " + what, low, high) : otherwise;
}

bool checkName(const YamlNode &name, const llvm::Twine &what, YamlReader &reader) {
  static constexpr StringRef taken[] = {
      "and", "asm", "auto", "bool", "break", "case", "catch", "char", "class", "const", "default", "delete", "do",
      "double", "else", "enum", "explicit", "export", "extern", "false", "float", "for", "friend", "goto", "if",
      "inline", "int", "long", "mutable", "namespace", "new", "not", "operator", "or", "private", "public", "register",
      "restrict", "return", "short", "signed", "sizeof", "static", "struct", "switch", "template", "this", "throw",
      "true", "try", "typedef", "typename", "union", "unsigned", "using", "virtual", "void", "volatile", "while", "xor",
      "rows", "columns", "workspace", "workspace_bytes", "activation",
      // Of C++ beside C, and what parameters of Python's functions and rows of tables have besides.
      "constexpr", "decltype", "final", "module", "noexcept", "nullptr", "protected", "requires", "concept", "as",
      "assert", "async", "await", "def", "del", "elif", "except", "finally", "from", "global", "import", "in", "is",
      "lambda", "nonlocal", "none", "pass", "raise", "with", "yield", "out", "sizes", "self", "op", "library", "use",
      "kernel", "by", "gain"};
  StringRef text = name.text;
  constexpr size_t longest = 40;
  auto fits = [](char c) { return llvm::isLower(c) || llvm::isDigit(c) || c == '_'; };
  if (name.kind == YamlNode::Kind::Text && !text.empty() && text.size() <= longest && llvm::isLower(text.front()) &&
      llvm::all_of(text, fits) && !llvm::is_contained(taken, text))
    return true;
  reader.error("oplib-spec-name", name, what + " is " + name.describe() + ", but it becomes part of names in C")
      .note("use a letter and then up to " + llvm::Twine(longest - 1) +
            " of a-z, 0-9 and '_', and no word that C, C++, Python, the arguments of an operator or the rows of a "
            "table have");
  return false;
}

static constexpr StringRef epilogueKeys[] = {"bias", "activation", "residual"};
static constexpr StringRef activations[] = {"none", "relu", "gelu", "silu", "tanh", "sigmoid"};
static constexpr StringRef presence[] = {"optional", "none"};

static bool readPresence(const YamlNode *node, YamlReader &reader, StringRef what, bool &isThere) {
  if (!node)
    return true;
  std::optional<std::string> value = reader.text(*node, "'" + what + "' of an epilogue", presence);
  isThere = value && *value == "optional";
  return value.has_value();
}

bool readEpilogue(const YamlNode *node, YamlReader &reader, StringRef family, Epilogue &epilogue) {
  if (!node)
    return true;
  if (!reader.isMap(*node, "'epilogue' of " + family, epilogueKeys))
    return false;
  auto values = readTexts(*node, "activation", reader, "an epilogue", activations, {"none"});
  if (!values)
    return false;
  epilogue.activations = *values;
  return readPresence(node->find("bias"), reader, "bias", epilogue.hasBias) &&
         readPresence(node->find("residual"), reader, "residual", epilogue.hasResidual);
}

void addActivation(Op &op, const Epilogue &epilogue) {
  op.choiceName = "activation";
  op.choices = epilogue.activations;
}

std::string activate(KernelText &text, StringRef kind, const std::string &value, const std::string &type) {
  if (kind == "silu") {
    std::string gate = text.unary("sigmoid", value, type);
    return text.binary("mul", value, type, gate, type, type);
  }
  return kind == "none" ? value : text.unary(kind, value, type);
}

std::string activationNames(const Op &op) {
  std::string text = "  static const char *const NAMES[] = {";
  for (const std::string &name : op.choices)
    text += "\"" + name + "\", ";
  if (op.choices.empty())
    text += "\"none\"";
  return text + "};\n";
}

} // namespace lathe::oplib
