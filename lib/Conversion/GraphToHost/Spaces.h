// lib/Conversion/GraphToHost/Spaces.h: in which memory each value of a model is.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CONVERSION_GRAPHTOHOST_SPACES_H
#define LATHE_CONVERSION_GRAPHTOHOST_SPACES_H

#include "dialects/Host/Host.h"
#include "dialects/Kernel/Kernel.h"

namespace lathe {

/// Kernels say where they read and write, callers where inputs and outputs are.
/// What a branch hands on is where its first region has it, and what a loop carries
/// where its body computes it. All else is in the host's memory; so are constants,
/// but kernels of every space find them in their own.
///
/// Where kernels are for a GPU and nothing says where callers have a tensor, they may have it
/// anywhere, as the runtime copies: then it is where the program wants it.
class Spaces {
public:
  Spaces(mlir::ModuleOp module, mlir::func::FuncOp func);

  host::Space of(mlir::Value value) const { return spaces.lookup(value); }
  /// Whether all is in the host's memory.
  bool areOne() const { return used == 1; }
  /// A bit for each space that there is, of its number.
  unsigned mask() const { return used; }
  /// Where a kernel reads and writes.
  host::Space of(kernel::CallOp call) const { return kernels.lookup(call.getCallee()); }
  /// Where a result of the function is.
  host::Space ofResult(unsigned result) const { return results[result]; }
  /// Whether callers may have an input or a result of the function anywhere.
  bool isFree(mlir::Attribute given, mlir::Type type) const;

private:
  host::Space findInput(mlir::BlockArgument input);
  bool isReadBySpace(mlir::Value value, host::Space space) const;
  host::Space find(mlir::Value value);
  host::Space findSource(mlir::Value value);

  llvm::StringMap<host::Space> kernels;
  llvm::DenseMap<mlir::Value, host::Space> spaces;
  llvm::SmallVector<host::Space> results;
  mlir::func::FuncOp func;
  unsigned used = 1;
  bool runsOnGpu = false;
};

/// Puts a `kernel.copy` behind the definition of each value that something needs in
/// another space. Where there is one space only, nothing happens.
void insertSpaceCopies(mlir::ModuleOp module, mlir::func::FuncOp func);

} // namespace lathe

#endif // LATHE_CONVERSION_GRAPHTOHOST_SPACES_H
