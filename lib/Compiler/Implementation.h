// lib/Compiler/Implementation.h: what the opaque classes of Compiler.h hold.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_COMPILER_IMPLEMENTATION_H
#define LATHE_LIB_COMPILER_IMPLEMENTATION_H

#include "lathe/Codegen/Codegen.h"
#include "lathe/Compiler/Compiler.h"
#include "lathe/Support/Diagnostics.h"
#include "lathe/Support/Limits.h"
#include "lathe/Target/Target.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringMap.h"
#include <mutex>

namespace lathe {

/// What messages call the model that comes through standard input.
inline constexpr char stdinName[] = "<stdin>";

class CompileWatch;

struct Program::Impl {
  std::shared_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string file; ///< For messages.
  std::string name; ///< For symbols: the file's name without its ending.
  Limits limits;
};

struct Artifact::Impl {
  std::string ir;
  CompiledModel model;
  std::vector<KernelInfo> kernels;
  bool allocates = false;
  std::unique_ptr<LoadedModel> loaded;
  std::mutex mutex; ///< Guards `loaded`.
};

/// Collects what MLIR reports into `diagnostics`, in the words of the model;
/// remarks only where they are asked for.
class DiagnosticHandler {
public:
  DiagnosticHandler(mlir::MLIRContext &context, Diagnostics &diagnostics, std::string file, bool wantsRemarks = false);
  ~DiagnosticHandler();

  /// The id of what MLIR itself has to say from here on; at first, of an error inside the compiler.
  void setErrorId(llvm::StringRef id) { foreignId = id; }
  /// Asked before each message, which is dropped where it is true.
  void setMute(std::function<bool()> isMuted) { this->isMuted = std::move(isMuted); }

private:
  void report(mlir::Diagnostic &diagnostic);

  mlir::MLIRContext &context;
  Diagnostics &diagnostics;
  std::string file;
  bool wantsRemarks;
  llvm::StringRef foreignId;
  std::function<bool()> isMuted;
  mlir::DiagnosticEngine::HandlerID id;
};

std::shared_ptr<mlir::MLIRContext> createContext();

/// `Program::load`, or `Program::parse` where `source` has bytes, in a context that other programs may be in.
std::unique_ptr<Program> loadInto(std::shared_ptr<mlir::MLIRContext> context, const FunctionSource &source,
                                  Diagnostics &diagnostics, const LoadOptions &options);

/// Resources that constant folding made in one run of the compiler. Nothing
/// refers to them after it, but the context would keep them.
class FoldedResources {
public:
  void add(mlir::DenseResourceElementsHandle handle) { handles.insert(handle); }
  void release(mlir::DenseResourceElementsHandle handle) {
    if (handles.erase(handle))
      handle.getResource()->setBlob(mlir::AsmResourceBlob());
  }
  ~FoldedResources() {
    while (!handles.empty())
      release(llvm::cast<mlir::DenseResourceElementsHandle>(*handles.begin()));
  }

private:
  llvm::DenseSet<mlir::AsmDialectResourceHandle> handles;
};

/// Compiles `module`, a program without inputs, for this machine through all
/// phases and runs it once. `folded`, which may be null, is told what it made; `watch`,
/// which may be null, ends it.
llvm::LogicalResult evaluateConstants(mlir::ModuleOp module, llvm::SmallVectorImpl<mlir::ElementsAttr> &results,
                                      FoldedResources *folded, CompileWatch *watch);

/// Writes weights and objects of the variants of a model, which are at level
/// `llvm`. `folded`, which may be null, is told which resources are not needed
/// any more. `watch`, which may be null, ends it.
llvm::LogicalResult emitModel(llvm::ArrayRef<ModelVariant> variants, const std::string &name, uint64_t fingerprint,
                              unsigned threads, FoldedResources *folded, CompileWatch *watch, CompiledModel &model,
                              KernelCache *cache = nullptr);

/// Describes the kernels in the module, too, as `host.kernel`s; to be called after
/// `lower`, while calls and strategies are both there.
/// `known` is what `describeForC` said, for kernels without a model.
std::vector<KernelInfo> describeKernels(mlir::ModuleOp module, llvm::StringMap<KernelInfo> known);
/// What a header says of each kernel, by its name; to be called before `lower`.
llvm::StringMap<KernelInfo> describeForC(mlir::ModuleOp module);
/// Adds what each kernel wants packed, which `schedule` decides.
void describePacking(mlir::ModuleOp module, std::vector<KernelInfo> &kernels);
/// What `describeKernels` noted before the IR was written and read again.
std::vector<KernelInfo> readKernels(mlir::ModuleOp module);

/// Of what `module`, as it was read, computes with these dims fixed: of its text
/// and its constants.
uint64_t modelFingerprint(mlir::ModuleOp module, llvm::ArrayRef<std::string> dims);

} // namespace lathe

#endif // LATHE_LIB_COMPILER_IMPLEMENTATION_H
