// lib/Compiler/Implementation.h: what the opaque classes of Compiler.h hold.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_COMPILER_IMPLEMENTATION_H
#define LATHE_LIB_COMPILER_IMPLEMENTATION_H

#include "lathe/Codegen/Codegen.h"
#include "lathe/Compiler/Compiler.h"
#include "lathe/Support/Diagnostics.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include <mutex>

namespace lathe {

struct Program::Impl {
  std::shared_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string file; ///< For messages.
  std::string name; ///< For symbols: the file's name without its ending.
};

struct Artifact::Impl {
  std::string ir;
  CompiledModel model;
  std::vector<KernelInfo> kernels;
  std::unique_ptr<LoadedModel> loaded;
  std::mutex mutex; ///< Guards `loaded`.
};

/// Collects what MLIR reports into `diagnostics`, in the words of the model.
class DiagnosticHandler {
public:
  DiagnosticHandler(mlir::MLIRContext &context, Diagnostics &diagnostics, std::string file);
  ~DiagnosticHandler();

private:
  void report(mlir::Diagnostic &diagnostic);

  mlir::MLIRContext &context;
  Diagnostics &diagnostics;
  std::string file;
  mlir::DiagnosticEngine::HandlerID id;
};

std::shared_ptr<mlir::MLIRContext> createContext();

} // namespace lathe

#endif // LATHE_LIB_COMPILER_IMPLEMENTATION_H
