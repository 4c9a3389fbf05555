// lib/OpLibrary/Spec.h: what the author of a library asks for.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_OPLIBRARY_SPEC_H
#define LATHE_LIB_OPLIBRARY_SPEC_H

#include "Budget.h"
#include "Op.h"
#include "Yaml.h"
#include <memory>

namespace lathe::oplib {

struct Spec {
  std::string file, name, version = "1.0.0";
  std::string hash;            ///< Of the file's text.
  std::vector<Target> targets; ///< The best first.
  Budget budget;
  std::vector<std::unique_ptr<Op>> ops;
};

/// Reads a specification, and expands its families. Null after an error.
std::unique_ptr<Spec> readSpec(const std::string &file, Diagnostics &diagnostics);

} // namespace lathe::oplib

#endif // LATHE_LIB_OPLIBRARY_SPEC_H
