// include/lathe/OpLibrary/OpLibrary.h: libraries of operators for C programs, from a short specification.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_OPLIBRARY_OPLIBRARY_H
#define LATHE_OPLIBRARY_OPLIBRARY_H

#include <cstdint>
#include <functional>
#include <optional>
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
  std::string spec;   ///< Path of the specification.
  std::string folder; ///< What to write; replaced if it is such a library already.
  /// Compile the interface; C11 compilers with GCC's options: "cc", or "ARCH=cc" for those targets alone. For an
  /// architecture that none is for: "cc", or, if it is not this machine's, its name in Debian, such as
  /// "aarch64-linux-gnu-gcc".
  std::vector<std::string> compilers;
  std::string arch;                ///< Of the targets, only those for this architecture; empty: all.
  unsigned threads = 0;            ///< That the compiler may use; 0: all.
  uint64_t budgetBytes = 0;        ///< The most that a shared library may have; 0: what the specification says.
  std::string cache;               ///< A folder that keeps what was compiled; empty: none.
  std::string compilerId;          ///< Part of the cache's keys: what tells one compiler from another.
  std::vector<std::string> limits; ///< As in LoadOptions; for each kernel, and each model that becomes an operator.
  /// Called with the name of each step as it starts.
  std::function<void(const std::string &step)> progress;
};

/// What was built, for a line to the user.
struct BuildSummary {
  std::string name;
  size_t ops = 0, kernels = 0;
  size_t cached = 0;      ///< Of the kernels, those that the cache had.
  uint64_t codeBytes = 0; ///< Of its objects.
  /// For each architecture the bytes of its shared library.
  std::vector<std::pair<std::string, uint64_t>> libraryBytes;
};

/// Writes a library to `options.folder`: all of it, or nothing after an error.
bool build(const BuildOptions &options, BuildSummary &summary, Diagnostics &diagnostics);

/// Reads the specification and prints the operators, forms and variants that it
/// asks for, without generating code. `limits` are those of LoadOptions.
bool check(const std::string &spec, const std::vector<std::string> &limits, llvm::raw_ostream &out,
           Diagnostics &diagnostics);

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

/// What programs that were written for one library can do with another.
enum class Compatibility {
  None,   ///< They have to be changed.
  Source, ///< They have to be compiled, or to pack their operands, again.
  Binary, ///< They run with either.
};

/// Prints what differs between two libraries, each the folder of one or its manifest. Nothing after an error.
std::optional<Compatibility> diff(const std::string &before, const std::string &after, llvm::raw_ostream &out,
                                  Diagnostics &diagnostics);

struct TestOptions {
  std::string folder; ///< Of the library.
  /// Of the tests, as in BuildOptions; without one: what CMake finds, or the one for the library's architecture.
  std::vector<std::string> compilers;
  std::string arch;     ///< Only the library for this architecture; empty: all.
  std::string emulator; ///< What runs them, with its arguments; empty: this machine, or else QEMU.
  unsigned threads = 0; ///< That build them; 0: all.
  std::function<void(const std::string &step)> progress;
};

/// A program of those that ship with a library.
struct TestResult {
  std::string name; ///< "gemm_f32", or "aarch64/gemm_f32" where the library is for several architectures.
  bool hasPassed = false;
  double seconds = 0;
  uint64_t variants = 0, skipped = 0; ///< That it called; that this machine cannot run.
  uint64_t calls = 0, wrong = 0;
  std::string output; ///< The end of what it printed.
};

/// Configures, builds and runs the tests of a library, in a folder of its own. True if all of them pass; there is an
/// error if they could not be run.
bool test(const TestOptions &options, std::vector<TestResult> &results, Diagnostics &diagnostics);

struct HarvestOptions {
  std::string model;               ///< Path, in any format that Lathe reads.
  std::string output;              ///< Path of the specification to write.
  std::vector<std::string> dims;   ///< "NAME=VALUE" for each named dim to fix.
  std::vector<std::string> limits; ///< As in LoadOptions.
};

/// What was found, for a line to the user.
struct HarvestSummary {
  size_t taken = 0, leftOut = 0;    ///< Operations of families that libraries have; the file says why others are not.
  size_t hot = 0, convolutions = 0; ///< Shapes with kernels of their own.
};

/// Writes a specification of the products, convolutions, norms and softmaxes of a model. False after an error.
bool harvest(const HarvestOptions &options, HarvestSummary &summary, Diagnostics &diagnostics);

} // namespace oplib
} // namespace lathe

#endif // LATHE_OPLIBRARY_OPLIBRARY_H
