// include/lathe/Support/Diagnostics.h: how every part of Lathe reports to the
// user.
//
// A diagnostic says where (file, node, operator), what (with both values), has
// a stable id that scripts and docs may rely on, and shows the way out in its
// notes. They are collected, not thrown, so that all gaps of a model can be
// listed at once.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_SUPPORT_DIAGNOSTICS_H
#define LATHE_SUPPORT_DIAGNOSTICS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"

#include <deque>
#include <string>
#include <vector>

namespace lathe {

enum class Severity { Error, Warning, Remark };

/// "error", "warning" or "remark".
llvm::StringRef severityName(Severity severity);

/// One message to the user.
struct Diagnostic {
  Severity severity = Severity::Error;
  /// Stable and without its brackets: "onnx-unsupported-op".
  std::string id;
  /// Where: `model.onnx: node "fc1" (Gemm-13)`; may be empty.
  std::string place;
  std::string message;
  std::vector<std::string> notes;

  /// Adds a note that is printed on a line of its own.
  Diagnostic &note(const llvm::Twine &text) {
    notes.push_back(text.str());
    return *this;
  }

  /// The lines that the command line prints, without a final line break.
  std::string text() const;
};

/// The diagnostics of one task, in the order of their making. References to
/// them stay valid while the collector lives.
class Diagnostics {
public:
  Diagnostic &error(llvm::StringRef id, const llvm::Twine &place, const llvm::Twine &message);
  Diagnostic &warning(llvm::StringRef id, const llvm::Twine &place, const llvm::Twine &message);

  /// What is right, but could be better, for who asks for it.
  Diagnostic &remark(llvm::StringRef id, const llvm::Twine &place, const llvm::Twine &message);

  bool hasErrors() const { return numErrors != 0; }
  size_t getNumErrors() const { return numErrors; }
  bool empty() const { return list.empty(); }
  size_t size() const { return list.size(); }
  auto begin() const { return list.begin(); }
  auto end() const { return list.end(); }

  /// All texts, a line break after each.
  std::string text() const;

private:
  std::deque<Diagnostic> list;
  size_t numErrors = 0;
};

/// `text` in double quotes, with what could upset a terminal escaped, and cut
/// to a readable length: names in damaged files can be anything.
std::string quoted(llvm::StringRef text);

/// `names` with commas between them: the first 20, and how many more there are.
std::string shortList(llvm::ArrayRef<llvm::StringRef> names);
std::string shortList(llvm::ArrayRef<std::string> names);

/// The entry of `known` that `word` most probably meant, or "".
llvm::StringRef closestWord(llvm::StringRef word, llvm::ArrayRef<llvm::StringRef> known);

/// `; did you mean 'Relu'?`, or "" if nothing is close.
std::string didYouMean(llvm::StringRef word, llvm::ArrayRef<llvm::StringRef> known);

} // namespace lathe

#endif // LATHE_SUPPORT_DIAGNOSTICS_H
