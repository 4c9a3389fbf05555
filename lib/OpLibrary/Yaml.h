// lib/OpLibrary/Yaml.h: a YAML file as a tree that knows its lines, so that errors point into the file.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_OPLIBRARY_YAML_H
#define LATHE_LIB_OPLIBRARY_YAML_H

#include "lathe/Support/Diagnostics.h"
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lathe::oplib {

/// A value: text, a list, or a map from keys to values in the file's order.
struct YamlNode {
  enum class Kind { Null, Text, List, Map };
  Kind kind = Kind::Null;
  std::string text;
  std::vector<YamlNode> items; ///< Of a list, or the values of a map.
  std::vector<YamlNode> keys;  ///< Of a map.
  std::string place;           ///< "spec.yaml:3:9".

  /// "a list" and the like, for messages.
  std::string describe() const;
  /// The value of `key` in a map, or null.
  const YamlNode *find(llvm::StringRef key) const;
};

/// Reads one document. Reports errors with their lines; null after one.
std::unique_ptr<YamlNode> parseYaml(llvm::StringRef text, llvm::StringRef file, Diagnostics &diagnostics);

/// Takes values out of nodes and reports whatever does not fit at its line.
class YamlReader {
public:
  explicit YamlReader(Diagnostics &diagnostics) : diagnostics(diagnostics) {}

  Diagnostic &error(llvm::StringRef id, const YamlNode &node, const llvm::Twine &message) {
    return diagnostics.error(id, node.place, message);
  }
  /// Reports that `node`, called `what`, is no map, list or text, whichever is `expected`, and what to write instead.
  /// False.
  bool wrongKind(const YamlNode &node, const llvm::Twine &what, const llvm::Twine &expected,
                 const llvm::Twine &example);
  /// Whether `node`, called `what` in messages, is a map of known keys only, none twice.
  bool isMap(const YamlNode &node, const llvm::Twine &what, llvm::ArrayRef<llvm::StringRef> known);
  /// A text that is one of `known`, or any if there is none.
  std::optional<std::string> text(const YamlNode &node, const llvm::Twine &what,
                                  llvm::ArrayRef<llvm::StringRef> known = {});
  /// A list of such texts without repetitions; a single text is a list of one.
  std::optional<std::vector<std::string>> texts(const YamlNode &node, const llvm::Twine &what,
                                                llvm::ArrayRef<llvm::StringRef> known = {});
  /// A whole number from `low` to `high`.
  std::optional<int64_t> number(const YamlNode &node, const llvm::Twine &what, int64_t low, int64_t high);

  Diagnostics &diagnostics;
  std::string folder; ///< Of the file, for paths in it.
  /// As in LoadOptions, for models that the file names.
  std::vector<std::string> limits;
};

} // namespace lathe::oplib

#endif // LATHE_LIB_OPLIBRARY_YAML_H
