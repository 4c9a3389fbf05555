// include/lathe/Codegen/Codegen.h: from the LLVM dialect to object code, in memory or in files.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CODEGEN_CODEGEN_H
#define LATHE_CODEGEN_CODEGEN_H

#include "lathe-runtime/module_abi.h"
#include "lathe/Target/Target.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/LogicalResult.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>
#include <string>
#include <vector>

namespace lathe {

class Diagnostics;
class KernelCache;

/// Whether the process may take so many more bytes, which any thread may ask; where it may not, who asked fails without
/// a message. 0 asks whether to go on.
using MayTake = llvm::function_ref<bool(int64_t bytes)>;

/// The code of a model for one target.
struct ModelVariant {
  mlir::ModuleOp module; ///< At level `llvm`.
  Target target;
};

/// What a compiled model consists of until somebody writes or calls it.
struct CompiledModel {
  std::string name; ///< Of the model, for symbols and headers.
  /// Tells models of one name apart: of what the model computes, not of its code,
  /// so that the artifacts for several machines share a header.
  uint64_t fingerprint = 0;
  std::string target; ///< As Target::parseList reads it.
  /// ELF relocatables, of which the first describes the model. None: no code.
  std::vector<std::unique_ptr<llvm::MemoryBuffer>> objects;
  std::unique_ptr<llvm::MemoryBuffer> weights; ///< Maybe empty.
  std::string ptx;                             ///< The kernels, where the model is for one GPU alone.
};

/// `name` with what no C identifier holds replaced: letters of other scripts by
/// their bytes in hex, which keeps names apart, all else by "_".
std::string symbolName(llvm::StringRef prefix, llvm::StringRef name);

/// The exported symbols of a model called `name`: the query function, which
/// several models in one program keep apart, what it returns, and the weights.
std::string querySymbol(llvm::StringRef name);
/// The query function's other name, which headers use: another model called
/// `name` is an error of the linker then, as it has a `querySymbol` of its own.
std::string querySymbol(llvm::StringRef name, uint64_t fingerprint);
std::string descriptorSymbol(llvm::StringRef name);
std::string weightsSymbol(llvm::StringRef name);

/// Translates the variants of a model, the best first, optimizes and generates
/// code, on `threads` threads, on whose number the objects do not depend, and
/// adds the descriptors of the module ABI, which any processor of the
/// architecture can read. The functions of the modules are gone then. Internal
/// errors are reported on the modules.
/// The text of the kernels of the first variant, if that is for a GPU, goes to
/// `ptx`, which may be null, too. Kernels are taken from `cache`, which may be
/// null, and kept in it; the objects are the same with and without it. `mayTake` is asked before each unit of code.
llvm::FailureOr<std::vector<std::unique_ptr<llvm::MemoryBuffer>>>
emitObjects(llvm::ArrayRef<ModelVariant> variants, llvm::StringRef name, uint64_t fingerprint, unsigned threads,
            MayTake mayTake, std::string *ptx = nullptr, KernelCache *cache = nullptr);

/// The kernels of a variant for a GPU.
struct DeviceCode {
  /// As `lathe_tensor_map_desc`.
  struct Map {
    unsigned word = 0;
    mlir::Type element;
    llvm::SmallVector<int64_t> box;
  };
  struct Kernel {
    std::string name;          ///< In the text.
    bool makesChecks = false;  ///< Notes an error where it finds one.
    bool isForBlocks = false;  ///< A task is for a block of threads, not for one.
    unsigned blockThreads = 0; ///< Of each block.
    unsigned sharedBytes = 0;  ///< Of memory that each block has.
    unsigned registers = 0;    ///< Of each thread; 0 where no assembler said so.
    unsigned spillBytes = 0;   ///< Of each thread, that these do not hold.
    bool stays = false;        ///< A processor gets one block at most.
    std::vector<Map> maps;     ///< What it takes behind its words.
  };
  std::string ptx;
  std::string cubin;           ///< The same for the GPU alone; empty where no assembler made it.
  std::vector<Kernel> kernels; ///< In the order of the phases of all kernels of the module.
};

/// The kernels of `variant`, which is for a GPU, as text for the driver. A kernel
/// that needs what PTX lacks is an error on the module.
llvm::FailureOr<DeviceCode> emitPtx(const ModelVariant &variant);

/// The weights of all variants as the `offset` of every `host.constant` lays
/// them out. Call it while the modules still hold their constants. `done` is
/// told each resource that the rest of the weights does not need, so that large
/// models need not be in memory twice.
llvm::FailureOr<std::unique_ptr<llvm::MemoryBuffer>>
writeWeights(llvm::ArrayRef<mlir::ModuleOp> modules, MayTake mayTake,
             llvm::function_ref<void(mlir::DenseResourceElementsHandle)> done);

/// An object linked into this process.
class LoadedModel {
public:
  virtual ~LoadedModel() = default;
  virtual const lathe_module_desc *desc() const = 0;
};

/// Links `model` into this process and runs nothing of it: `model` may be for
/// another machine, and only the runtime checks whether its code can run on this
/// one. `model` must outlive the result.
std::unique_ptr<LoadedModel> loadInProcess(const CompiledModel &model, Diagnostics &diagnostics);

/// Writes `.so`, `.a`, `.o` or `.lathebin`. Goes through a temporary file in the
/// same folder, so that a failure leaves nothing behind.
bool writeArtifact(const CompiledModel &model, const std::string &path, Diagnostics &diagnostics);

/// Reads a `.lathebin`; the weights are mapped, and compared with their checksum
/// unless `uncheckedWeights`.
bool readArtifact(const std::string &path, bool uncheckedWeights, CompiledModel &model, Diagnostics &diagnostics);

/// The checksum of lathe-runtime/seal.h over the chunks of `bytes`, on all threads.
uint64_t weightsChecksum(llvm::StringRef bytes);

} // namespace lathe

#endif // LATHE_CODEGEN_CODEGEN_H
