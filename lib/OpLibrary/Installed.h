// lib/OpLibrary/Installed.h: a library that `lathe oplib build` wrote, as its manifest describes it, and opened.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_OPLIBRARY_INSTALLED_H
#define LATHE_LIB_OPLIBRARY_INSTALLED_H

#include "lathe/Support/Diagnostics.h"
#include "llvm/ADT/ArrayRef.h"
#include <map>
#include <optional>

namespace lathe::oplib {

struct InstalledOperand {
  std::string dtype;
  std::vector<std::string> dims;
  bool isOptional = false, isPacked = false, isResult = false;
};

struct InstalledVariant {
  std::string name, key, why;
  int64_t bytes = 0, codeBytes = 0;    ///< Of its objects, and of what those put into memory.
  std::vector<std::string> strategies; ///< Of its kernels.
};

struct InstalledOp {
  std::string name, family, about;
  std::string signature; ///< "(m, n, k; a: f32[m, k] lda, bias?: f32[n], c: f32[m, n] ldc)".
  std::vector<std::string> symbols;
  std::vector<std::pair<std::string, std::string>> derived;
  std::vector<InstalledOperand> operands;
  size_t strides = 0;
  std::string choiceName; ///< "activation", or "".
  std::vector<std::string> choices;
  std::map<std::string, int64_t> panels; ///< By target: columns of a panel of its packed operand, or 0.
  std::map<std::string, std::vector<InstalledVariant>> variants; ///< By target: "x86_64:v3".
};

/// What the manifest says.
struct Installed {
  std::string folder, name, version, spec, compiler;
  size_t contextWords = 0;
  std::vector<InstalledOp> ops;
  std::vector<std::pair<std::string, std::string>> libraries; ///< An architecture, and the path of its shared library.

  std::vector<std::string> archs() const;
};

/// Reads the manifest of the library in `folder`, or the manifest `folder` itself. Nothing after an error.
std::optional<Installed> readInstalled(const std::string &folder, Diagnostics &diagnostics);

/// A library in this process.
class OpenLibrary {
public:
  /// Loads and opens it for this machine. False after an error.
  bool open(const Installed &library, Diagnostics &diagnostics);
  /// As NAME_force. The status.
  int force(const std::string &op, const std::string &variant);
  /// The instruction set that serves `op` for these sizes now; empty if none does.
  std::string isaOf(const std::string &op, llvm::ArrayRef<int64_t> sizes);
  int call(size_t op, const int64_t *sizes, const void *const *operands, void *workspace, size_t bytes, size_t *needed);

private:
  void *function(const std::string &name);

  std::string name;
  void *handle = nullptr;
  std::vector<uint64_t> context;
};

} // namespace lathe::oplib

#endif // LATHE_LIB_OPLIBRARY_INSTALLED_H
