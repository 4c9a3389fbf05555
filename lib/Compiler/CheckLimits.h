// lib/Compiler/CheckLimits.h: what a model asks for against what it may.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_COMPILER_CHECKLIMITS_H
#define LATHE_LIB_COMPILER_CHECKLIMITS_H

#include "lathe/Support/Diagnostics.h"
#include "lathe/Support/Limits.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/MemoryBuffer.h"
#include <atomic>
#include <chrono>

namespace lathe {

/// Reports the first op whose result has more elements than it may, [limit-tensor-elements], and models of more ops
/// than there may be, [limit-nodes]. What a file holds is as large as the file.
llvm::LogicalResult checkLimits(mlir::ModuleOp module, const Limits &limits);

/// The bytes of the file or the pipe at `path`, "-" for standard input. A regular file is mapped. Null after
/// [model-not-readable] or [limit-file-bytes] at `name`.
std::unique_ptr<llvm::MemoryBuffer> readModel(llvm::StringRef path, llvm::StringRef name, const Limits &limits,
                                              Diagnostics &diagnostics);

/// Reports a file of the models in `context` that is not any more as it was when it was mapped, [model-changed]; for
/// when all has been read that is needed.
bool checkFiles(mlir::MLIRContext &context, Diagnostics &diagnostics);

/// While it lives, passes of `context` are left out once compiling has taken longer, or the process more memory, than
/// it may. Looked at before each pass and each round of rewriting; who takes much memory, or much time outside of
/// passes, asks. Any thread may.
class CompileWatch {
public:
  CompileWatch(mlir::MLIRContext &context, const Limits &limits);
  ~CompileWatch();
  CompileWatch(const CompileWatch &) = delete;
  CompileWatch &operator=(const CompileWatch &) = delete;

  bool isOver();
  /// Whether the process may take `more` bytes now; if not, compiling is over.
  bool allows(int64_t more);
  /// [limit-compile-seconds] or [limit-compile-bytes]; for after `isOver`.
  void report(llvm::StringRef place, Diagnostics &diagnostics) const;

private:
  enum State { Going, TooLong, TooLarge };

  mlir::MLIRContext &context;
  std::chrono::steady_clock::time_point end;
  int64_t seconds, bytes;
  std::atomic<int> state = Going;
  std::atomic<int64_t> nextLook = 0; ///< At memory, in ticks of the clock.
};

} // namespace lathe

#endif // LATHE_LIB_COMPILER_CHECKLIMITS_H
