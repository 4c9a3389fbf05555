// include/lathe/OpLibrary/OpLibrary.h: libraries of operators for C programs, from a short specification.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_OPLIBRARY_OPLIBRARY_H
#define LATHE_OPLIBRARY_OPLIBRARY_H

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace llvm {
class raw_ostream;
}

namespace lathe {

class Diagnostics;

namespace oplib {

struct BuildOptions {
  std::string spec;            ///< Path of the specification.
  std::string folder;          ///< What to write; replaced if it is such a library already.
  std::string compiler = "cc"; ///< Compiles the interface; a C11 compiler with GCC's options.
  unsigned threads = 0;        ///< That the compiler may use; 0: all.
  std::string cache;           ///< A folder that keeps what was compiled; empty: none.
  std::string compilerId;      ///< Part of the cache's keys: what tells one compiler from another.
  /// Called with the name of each step as it starts.
  std::function<void(const std::string &step)> progress;
};

/// What was built, for a line to the user.
struct BuildSummary {
  std::string name;
  size_t ops = 0, kernels = 0;
  size_t cached = 0; ///< Of the kernels, those that the cache had.
  uint64_t codeBytes = 0;
};

/// Writes a library to `options.folder`: all of it, or nothing after an error.
bool build(const BuildOptions &options, BuildSummary &summary, Diagnostics &diagnostics);

/// Reads the specification and prints the operators, forms and variants that it
/// asks for, without generating code.
bool check(const std::string &spec, llvm::raw_ostream &out, Diagnostics &diagnostics);

/// Prints which variant of the library in `folder` computes the operator `op` for
/// `sizes`, by which row of its table, for each target.
bool explain(const std::string &folder, const std::string &op,
             const std::vector<std::pair<std::string, int64_t>> &sizes, llvm::raw_ostream &out,
             Diagnostics &diagnostics);

/// Prints how long each variant of `op` takes for `sizes` on this machine.
bool bench(const std::string &folder, const std::string &op, const std::vector<std::pair<std::string, int64_t>> &sizes,
           llvm::raw_ostream &out, Diagnostics &diagnostics);

struct TuneOptions {
  std::string folder; ///< Of the library.
  std::string output; ///< Path of the table to write.
  double minutes = 10;
  std::function<void(const std::string &step)> progress;
};

/// Measures the variants of a library where several are for the same sizes, and
/// writes a dispatch table. `shapes` becomes how many were measured.
bool tune(const TuneOptions &options, size_t &shapes, Diagnostics &diagnostics);

} // namespace oplib
} // namespace lathe

#endif // LATHE_OPLIBRARY_OPLIBRARY_H
