// lib/OpLibrary/Spec.h: what the author of a library asks for.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_OPLIBRARY_SPEC_H
#define LATHE_LIB_OPLIBRARY_SPEC_H

#include "Budget.h"
#include "Op.h"
#include "Yaml.h"
#include "llvm/ADT/ArrayRef.h"
#include <memory>

namespace lathe::oplib {

struct Spec {
  std::string file, name, version = "1.0.0";
  std::string hash; ///< Of the file's text.
  /// Those of an architecture side by side, of each the best first.
  std::vector<Target> targets;
  Budget budget;
  std::vector<std::unique_ptr<Op>> ops;

  /// "x86_64", "aarch64": those of the targets, in their order.
  std::vector<std::string> archs() const;
  /// Where the libraries for `arch` are in the folder: "lib", or, beside those for another one, "lib/ARCH-linux-gnu".
  std::string libraryFolder(llvm::StringRef arch) const;
};

/// The targets for `arch`, which are side by side.
llvm::ArrayRef<BuiltTarget> targetsOf(llvm::ArrayRef<BuiltTarget> targets, llvm::StringRef arch);

/// Reads a specification, and expands its families; `limits` are those of LoadOptions. Null after an error.
std::unique_ptr<Spec> readSpec(const std::string &file, const std::vector<std::string> &limits,
                               Diagnostics &diagnostics);

} // namespace lathe::oplib

#endif // LATHE_LIB_OPLIBRARY_SPEC_H
