// include/lathe/Support/Limits.h: what a model may ask for at most, in one table.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_SUPPORT_LIMITS_H
#define LATHE_SUPPORT_LIMITS_H

#include "lathe/Support/Diagnostics.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <array>
#include <cstdint>
#include <string>

namespace lathe {

/// The rows of `allLimits`.
enum class Limit : unsigned {
  FileBytes,
  GraphBytes,
  Nodes,
  Depth,
  TensorElements,
  FoldedBytes,
  CompileBytes,
  CompileSeconds,
  CallBytes,
};
inline constexpr size_t limitCount = 9;

struct LimitInfo {
  llvm::StringLiteral name; ///< "tensor-elements", as users write it.
  int64_t standard;         ///< 0: the memory that the process may use (lathe_get_memory of the runtime).
  int64_t most;             ///< What users may raise it to.
  llvm::StringLiteral what;
};

llvm::ArrayRef<LimitInfo> allLimits();

/// The limits of one model: those of the table, and what a user set in their place.
class Limits {
public:
  Limits();
  int64_t operator[](Limit limit) const { return values[static_cast<unsigned>(limit)]; }
  /// Whether a user has set it.
  bool isSet(Limit limit) const { return given[static_cast<unsigned>(limit)]; }
  /// Takes "NAME=NUMBER" in place of the standard, for each text. False, with [limit-unknown], [limit-value] or
  /// [limit-twice] at `place`, if one is none.
  bool set(llvm::ArrayRef<std::string> texts, const llvm::Twine &place, Diagnostics &diagnostics);

private:
  bool setOne(llvm::StringRef text, const llvm::Twine &place, Diagnostics &diagnostics);

  std::array<int64_t, limitCount> values;
  std::array<bool, limitCount> given = {};
};

/// Nodes of an ONNX model are counted; each may become so many operations of the graph dialect.
inline constexpr int64_t opsOfNode = 1000;

/// How to raise a limit, for the note of an error: "if you trust the model, allow more with --limit nodes=NUMBER, in
/// Python limits={...}".
std::string howToRaise(Limit limit);

} // namespace lathe

#endif // LATHE_SUPPORT_LIMITS_H
