// lib/OpLibrary/Yaml.cpp: from LLVM's YAML parser to a tree with lines.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Yaml.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/YAMLParser.h"

using llvm::StringRef;

namespace lathe::oplib {

std::string YamlNode::describe() const {
  switch (kind) {
  case Kind::Null:
    return "nothing";
  case Kind::Text:
    return quoted(text);
  case Kind::List:
    return "a list";
  case Kind::Map:
    return "a map";
  }
  return "";
}

const YamlNode *YamlNode::find(StringRef key) const {
  for (auto [i, known] : llvm::enumerate(keys))
    if (known.text == key)
      return &items[i];
  return nullptr;
}

namespace {

/// Deeper nesting than any specification needs: the parser's stack is not endless.
constexpr unsigned mostDepth = 16;

class Converter {
public:
  Converter(llvm::SourceMgr &sources, StringRef file, Diagnostics &diagnostics)
      : sources(sources), file(file), diagnostics(diagnostics) {}

  bool convert(llvm::yaml::Node *from, YamlNode &to, unsigned depth = 0) {
    if (!from)
      return false;
    to.place = place(from->getSourceRange().Start);
    if (depth > mostDepth) {
      diagnostics.error("oplib-yaml-depth", to.place, "values are nested deeper than " + llvm::Twine(mostDepth))
          .note("no specification needs this; the file is damaged");
      return false;
    }
    if (auto *scalar = llvm::dyn_cast<llvm::yaml::ScalarNode>(from)) {
      llvm::SmallString<64> storage;
      to.kind = YamlNode::Kind::Text;
      to.text = scalar->getValue(storage).str();
      return true;
    }
    if (auto *block = llvm::dyn_cast<llvm::yaml::BlockScalarNode>(from)) {
      to.kind = YamlNode::Kind::Text;
      to.text = block->getValue().str();
      return true;
    }
    if (auto *list = llvm::dyn_cast<llvm::yaml::SequenceNode>(from)) {
      to.kind = YamlNode::Kind::List;
      for (llvm::yaml::Node &item : *list)
        if (!convert(&item, to.items.emplace_back(), depth + 1))
          return false;
      return true;
    }
    if (auto *map = llvm::dyn_cast<llvm::yaml::MappingNode>(from)) {
      to.kind = YamlNode::Kind::Map;
      for (llvm::yaml::KeyValueNode &entry : *map)
        if (!convert(entry.getKey(), to.keys.emplace_back(), depth + 1) ||
            !convert(entry.getValue(), to.items.emplace_back(), depth + 1))
          return false;
      return true;
    }
    if (llvm::isa<llvm::yaml::NullNode>(from))
      return true;
    diagnostics.error("oplib-yaml-alias", to.place, "anchors and aliases are not read").note("write the value out");
    return false;
  }

private:
  std::string place(llvm::SMLoc loc) {
    auto [line, column] = sources.getLineAndColumn(loc);
    return (file + ":" + llvm::Twine(line) + ":" + llvm::Twine(column)).str();
  }

  llvm::SourceMgr &sources;
  StringRef file;
  Diagnostics &diagnostics;
};

} // namespace

std::unique_ptr<YamlNode> parseYaml(StringRef text, StringRef file, Diagnostics &diagnostics) {
  struct State {
    StringRef file;
    Diagnostics &diagnostics;
  } state{file, diagnostics};
  llvm::SourceMgr sources;
  sources.setDiagHandler(
      [](const llvm::SMDiagnostic &problem, void *context) {
        auto &state = *static_cast<State *>(context);
        if (!state.diagnostics.hasErrors())
          state.diagnostics
              .error("oplib-yaml-syntax",
                     state.file + ":" + llvm::Twine(problem.getLineNo()) + ":" + llvm::Twine(problem.getColumnNo() + 1),
                     "is no YAML: " + problem.getMessage())
              .note("see docs/recipes/make-ops-library.md for a specification");
      },
      &state);
  size_t before = diagnostics.getNumErrors();
  llvm::yaml::Stream stream(llvm::MemoryBufferRef(text, file), sources, /*ShowColors=*/false);
  auto root = std::make_unique<YamlNode>();
  bool isRead = false;
  for (llvm::yaml::Document &document : stream) {
    if (isRead) {
      diagnostics.error("oplib-yaml-documents", file, "holds several documents, but one is expected")
          .note("remove the lines behind the second '---'");
      break;
    }
    isRead = Converter(sources, file, diagnostics).convert(document.getRoot(), *root);
    if (!isRead)
      break;
  }
  if (diagnostics.getNumErrors() == before && (stream.failed() || !isRead))
    diagnostics.error("oplib-yaml-syntax", file, "is no YAML")
        .note("see docs/recipes/make-ops-library.md for a specification");
  return diagnostics.getNumErrors() == before ? std::move(root) : nullptr;
}

bool YamlReader::wrongKind(const YamlNode &node, const llvm::Twine &what, const llvm::Twine &expected,
                           const llvm::Twine &example) {
  error("oplib-spec-kind", node, what + " is " + node.describe() + ", but " + expected + " is expected")
      .note("write " + example);
  return false;
}

bool YamlReader::isMap(const YamlNode &node, const llvm::Twine &what, llvm::ArrayRef<StringRef> known) {
  if (node.kind != YamlNode::Kind::Map) {
    return wrongKind(node, what, "a map", "KEY: VALUE, a line each; the keys are: " + llvm::join(known, ", "));
  }
  bool fits = true;
  llvm::StringSet<> seen;
  for (const YamlNode &key : node.keys) {
    if (!llvm::is_contained(known, StringRef(key.text))) {
      error("oplib-spec-key", key, what + " has no key " + quoted(key.text) + didYouMean(key.text, known))
          .note("the keys are: " + llvm::join(known, ", "));
      fits = false;
    } else if (!seen.insert(key.text).second) {
      error("oplib-spec-twice", key, "the key " + quoted(key.text) + " is there twice").note("leave one out");
      fits = false;
    }
  }
  return fits;
}

std::optional<std::string> YamlReader::text(const YamlNode &node, const llvm::Twine &what,
                                            llvm::ArrayRef<StringRef> known) {
  if (node.kind != YamlNode::Kind::Text) {
    wrongKind(node, what, "a text",
              known.empty() ? "one value, in quotes if it has signs of YAML" : llvm::join(known, " or "));
    return std::nullopt;
  }
  if (!known.empty() && !llvm::is_contained(known, StringRef(node.text))) {
    error("oplib-spec-value", node, what + " is " + node.describe() + didYouMean(node.text, known))
        .note("it may be: " + llvm::join(known, ", "));
    return std::nullopt;
  }
  return node.text;
}

std::optional<std::vector<std::string>> YamlReader::texts(const YamlNode &node, const llvm::Twine &what,
                                                          llvm::ArrayRef<StringRef> known) {
  std::vector<std::string> result;
  llvm::ArrayRef<YamlNode> items =
      node.kind == YamlNode::Kind::List ? llvm::ArrayRef(node.items) : llvm::ArrayRef(node);
  if (items.empty()) {
    error("oplib-spec-empty", node, what + " is an empty list").note("name at least one value");
    return std::nullopt;
  }
  for (const YamlNode &item : items) {
    std::optional<std::string> one = text(item, what, known);
    if (!one)
      return std::nullopt;
    if (llvm::is_contained(result, *one)) {
      error("oplib-spec-twice", item, what + " has " + quoted(*one) + " twice").note("leave one out");
      return std::nullopt;
    }
    result.push_back(std::move(*one));
  }
  return result;
}

std::optional<int64_t> YamlReader::number(const YamlNode &node, const llvm::Twine &what, int64_t low, int64_t high) {
  int64_t value = 0;
  if (node.kind != YamlNode::Kind::Text || StringRef(node.text).getAsInteger(10, value) || value < low ||
      value > high) {
    error("oplib-spec-number", node,
          what + " is " + node.describe() + ", but a whole number from " + llvm::Twine(low) + " to " +
              llvm::Twine(high) + " is expected")
        .note("write it in digits alone, such as " + llvm::Twine(std::clamp<int64_t>(3, low, high)));
    return std::nullopt;
  }
  return value;
}

} // namespace lathe::oplib
