// lib/Compiler/CustomOps.h: operators of the user's own, read before a model that has them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_COMPILER_CUSTOMOPS_H
#define LATHE_LIB_COMPILER_CUSTOMOPS_H

#include "lathe/Support/Diagnostics.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <optional>

namespace lathe {

class CustomOps {
public:
  /// Reads `sources`, as LoadOptions::customOps has them. Nothing after an error.
  static std::optional<CustomOps> load(llvm::ArrayRef<std::string> sources, mlir::MLIRContext &context,
                                       Diagnostics &diagnostics);
  /// Those of the last source first.
  std::vector<mlir::func::FuncOp> declarations();

private:
  std::vector<mlir::OwningOpRef<mlir::ModuleOp>> modules;
};

} // namespace lathe

#endif // LATHE_LIB_COMPILER_CUSTOMOPS_H
