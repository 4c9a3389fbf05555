// lib/OpLibrary/Compile.h: one kernel or program of a library, compiled or taken from a cache.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_OPLIBRARY_COMPILE_H
#define LATHE_LIB_OPLIBRARY_COMPILE_H

#include "Op.h"
#include "lathe/Compiler/Compiler.h"
#include "lathe/Support/Diagnostics.h"

namespace lathe::oplib {

/// What is compiled on its own: a form of an operator, for some sizes, for a target.
struct Unit {
  const Op *op = nullptr;
  const Specialization *specialization = nullptr;
  const Form *form = nullptr;
  Target target;
  std::string name; ///< "mlops_gemm_f32_bias_v3_any".
};

struct UnitCode {
  BuiltKernel kernel;
  int64_t panel = 0;                ///< As in BuiltOp.
  std::vector<std::string> objects; ///< ELF relocatables.
  std::string fingerprint;          ///< Of what the objects do, whatever their functions are called.
  bool isCached = false;
};

/// Where units may be kept; without a folder, they are not.
struct UnitCache {
  std::string folder;
  std::string compiler; ///< What tells one compiler from another; empty: its version.
};

/// Compiles `unit`, or reads it from `cache`. False after an error. May be called from several threads.
bool compileUnit(const Unit &unit, const UnitCache &cache, UnitCode &code, Diagnostics &diagnostics);

/// The file of `op`, or its function or node. Null after an error.
std::unique_ptr<Program> loadProgram(const Op &op, Diagnostics &diagnostics);

/// Adds what `from` holds to `to`; its errors get `note`, which says where in a specification they come from.
void passOn(const Diagnostics &from, Diagnostics &to, const std::string &note);

/// 32 hex digits.
std::string hashOf(llvm::StringRef text);

} // namespace lathe::oplib

#endif // LATHE_LIB_OPLIBRARY_COMPILE_H
