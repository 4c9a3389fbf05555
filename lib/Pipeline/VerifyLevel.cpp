// lib/Pipeline/VerifyLevel.cpp: a phase that did not finish its work is found where it happened.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Host/Host.h"
#include "dialects/Kernel/Kernel.h"
#include "lathe/Pipeline/Pipeline.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_VERIFYLEVELPASS
#include "lathe/Pipeline/Passes.h.inc"

namespace {

/// What is wrong with an op at a level; empty if nothing is.
using Rule = std::string (*)(Operation *op);

struct LevelInfo {
  StringRef name;
  SmallVector<StringRef> dialects;
  SmallVector<Rule> rules;
};

/// Calls `visit` with each type of a value that `op` makes, until one is wrong.
std::string forTypes(Operation *op, llvm::function_ref<std::string(Type)> visit) {
  for (Type type : op->getResultTypes())
    if (std::string text = visit(type); !text.empty())
      return text;
  for (Region &region : op->getRegions())
    for (Block &block : region)
      for (Type type : block.getArgumentTypes())
        if (std::string text = visit(type); !text.empty())
          return text;
  return "";
}

std::string show(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

bool isGraph(Operation *op) { return isa_and_nonnull<graph::GraphDialect>(op->getDialect()); }

//===----------------------------------------------------------------------===//
// Rules
//===----------------------------------------------------------------------===//

/// Values of the model are ranked tensors whose open dims are expressions of
/// symbols, and what a symbol stands for is said by the function or the kernel.
std::string hasNamedDims(Operation *op) {
  if (!isGraph(op) && !isa<func::FuncOp, kernel::FuncOp, kernel::CallOp>(op))
    return "";
  return forTypes(op, [](Type type) -> std::string {
    auto shaped = dyn_cast<ShapedType>(type);
    if (!shaped)
      return "";
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor)
      return "has a " + show(type) + ", which is no ranked tensor";
    if (!tensor.hasStaticShape() && !isa_and_nonnull<graph::DimsAttr>(tensor.getEncoding()))
      return "has a " + show(type) + ", whose open dims have no expressions";
    return "";
  });
}

std::string hasNoTarget(Operation *op) {
  for (NamedAttribute attr : op->getAttrs())
    if (isa<kernel::TargetAttr>(attr.getValue()))
      return ("says what it is compiled for in '" + attr.getName().getValue() + "'").str();
  return "";
}

/// The functions of a model are each one list of operations.
std::string isNoCall(Operation *op) { return isa<graph::CallOp>(op) ? "is not written out" : ""; }

std::string hasTarget(Operation *op) {
  auto kernel = dyn_cast<kernel::FuncOp>(op);
  return kernel && !kernel.getTarget() ? "does not say what it is compiled for" : "";
}

/// The function that calls kernels computes nothing itself.
std::string onlyCalls(Operation *op) {
  bool computes = isa<graph::LinalgLowering>(op) && !isa<graph::ConstantOp, graph::ReshapeOp>(op);
  return computes && !op->getParentOfType<kernel::FuncOp>() ? "computes elements outside of a kernel" : "";
}

std::string isScheduled(Operation *op) {
  return isGraph(op) && op->getParentOfType<kernel::FuncOp>() ? "is not scheduled" : "";
}

std::string hasNoTensors(Operation *op) {
  return forTypes(op, [](Type type) -> std::string {
    return isa<TensorType>(type) ? "has a " + show(type) + ", which is no memory" : "";
  });
}

/// Temporaries are slices of the planned workspace, or small and on the stack.
std::string isPlanned(Operation *op) {
  return isa<memref::AllocOp, memref::DeallocOp>(op) ? "allocates outside of the workspace" : "";
}

/// A launch passes what its kernel takes, in the space where the kernel works.
std::string fitsKernel(Operation *op) {
  auto launch = dyn_cast<host::LaunchOp>(op);
  if (!launch)
    return "";
  auto kernel = op->getParentOfType<ModuleOp>().lookupSymbol<kernel::FuncOp>(launch.getKernel());
  if (!kernel)
    return "launches '" + launch.getKernel().str() + "', which is no kernel";
  size_t sizes = kernel.getSizes(), buffers = kernel.getNumArguments() - sizes;
  size_t temporaries = kernel.getTemporaries().size(), passed = launch.getBuffers().size();
  // Memory for all temporaries is one buffer.
  size_t expected = buffers - temporaries + (temporaries ? 1 : 0);
  if (launch.getSizes().size() != sizes || passed != expected)
    return "passes " + std::to_string(launch.getSizes().size()) + " sizes and " + std::to_string(passed) +
           " buffers, but '" + launch.getKernel().str() + "' takes " + std::to_string(sizes) + " and " +
           std::to_string(expected);
  for (Value buffer : launch.getBuffers().take_front(buffers - temporaries))
    if (host::Space space = cast<host::BufferType>(buffer.getType()).getSpace(); space != kernel.getSpace())
      return ("passes memory in '" + host::stringifySpace(space) + "', but '" + launch.getKernel() + "' works in '" +
              host::stringifySpace(kernel.getSpace()) + "'")
          .str();
  return "";
}

std::optional<int64_t> constantOf(Value value) {
  llvm::APInt number;
  return matchPattern(value, m_ConstantInt(&number)) ? std::optional(number.getSExtValue()) : std::nullopt;
}

/// A slice of the workspace starts in what `plan` asks for, where both are constants.
std::string isInArena(Operation *op) {
  auto slice = dyn_cast<host::WorkspaceOp>(op);
  std::optional<int64_t> offset = slice ? constantOf(slice.getOffset()) : std::nullopt;
  auto program = op->getParentOfType<host::ProgramOp>();
  auto plan = offset && program ? host::ProgramOp::find(op->getParentOfType<ModuleOp>(), program.getFunction(),
                                                        host::ProgramKind::plan)
                                : host::ProgramOp();
  if (!plan)
    return "";
  host::Space space = cast<host::BufferType>(slice.getType()).getSpace();
  for (auto asks : plan.getBody().getOps<host::SetWorkspaceOp>()) {
    std::optional<int64_t> bytes = constantOf(asks.getBytes());
    if (asks.getSpace() == space)
      return bytes && *offset > *bytes
                 ? "starts at byte " + std::to_string(*offset) + " of a workspace of " + std::to_string(*bytes)
                 : "";
  }
  return "is a slice of a workspace that 'plan' does not ask for";
}

bool isKernel(Operation *op) { return isa_and_nonnull<kernel::KernelDialect>(op->getDialect()); }

/// Nothing calls kernels on memory any more; positions are checked, and memory of
/// blocks is placed, where their loops are split into ranges.
std::string isKernelOnMemory(Operation *op) {
  bool mayStay = isa<kernel::FuncOp, kernel::ReturnOp, kernel::CheckIndexOp, kernel::BlockMemoryOp>(op);
  return isKernel(op) && !mayStay ? "is left" : "";
}

/// Kernels are functions, and an entry names them.
std::string isEntryOfKernel(Operation *op) { return isKernel(op) && !isa<kernel::EntryOp>(op) ? "is left" : ""; }

/// Descriptions and constants wait for `emit`; the rest of `host` is gone.
std::string isCodeOrConstant(Operation *op) {
  bool isHost = isa_and_nonnull<host::HostDialect>(op->getDialect());
  return isHost && !isa<host::ConstantOp, host::KernelOp, host::SignatureOp, host::WeightsOp>(op) ? "is not converted"
                                                                                                  : "";
}

/// Of `host`, there are only descriptions of kernels so far.
std::string isNoProgram(Operation *op) {
  bool isHost = isa_and_nonnull<host::HostDialect>(op->getDialect());
  return isHost && !isa<host::KernelOp>(op) ? "is of a launch program" : "";
}

/// A function has a signature and both programs, each once.
std::string hasPrograms(Operation *op) {
  auto module = dyn_cast<ModuleOp>(op);
  if (!module)
    return "";
  llvm::StringMap<unsigned> programs;
  for (auto signature : module.getOps<host::SignatureOp>())
    if (!programs.try_emplace(signature.getName(), 0).second)
      return ("has two signatures of '" + signature.getName() + "'").str();
  for (auto program : module.getOps<host::ProgramOp>()) {
    auto found = programs.find(program.getFunction());
    unsigned bit = 1u << static_cast<unsigned>(program.getKind());
    if (found == programs.end() || (found->second & bit))
      return ("has a program '" + host::stringifyProgramKind(program.getKind()) + "' of '" + program.getFunction() +
              (found == programs.end() ? "', which has no signature" : "' twice"))
          .str();
    found->second |= bit;
  }
  for (auto &[name, bits] : programs)
    if (bits != 3)
      return ("lacks a program of '" + name + "'").str();
  return "";
}

/// Programs have become functions that are there.
std::string hasCode(Operation *op) {
  auto signature = dyn_cast<host::SignatureOp>(op);
  if (!signature)
    return "";
  for (FlatSymbolRefAttr code : {signature.getPlanAttr(), signature.getRunAttr()})
    if (!code || !op->getParentOfType<ModuleOp>().lookupSymbol<LLVM::LLVMFuncOp>(code.getValue()))
      return ("has no code of '" + signature.getName() + "'").str();
  return "";
}

/// What describes a kernel on the host describes one that is there.
std::string describesKernel(Operation *op) {
  auto info = dyn_cast<host::KernelOp>(op);
  return info && !op->getParentOfType<ModuleOp>().lookupSymbol<kernel::FuncOp>(info.getName())
             ? ("describes '" + info.getName() + "', which is no kernel").str()
             : "";
}

const SmallVector<LevelInfo> &levels() {
  static const SmallVector<LevelInfo> table = {
      {"graph", {"builtin", "func", "graph"}, {hasNamedDims, hasNoTarget, isNoCall}},
      {"kernel", {"builtin", "func", "graph", "kernel"}, {hasNamedDims, hasTarget, onlyCalls}},
      {"linalg",
       {"builtin", "func", "graph", "kernel", "linalg", "tensor", "arith", "math", "affine", "scf", "host"},
       {onlyCalls, isNoProgram}},
      {"scheduled",
       {"builtin", "func", "graph", "kernel", "linalg", "tensor", "arith", "math", "affine", "scf", "tile",
        "bufferization", "host"},
       {onlyCalls, isScheduled, isNoProgram, describesKernel}},
      {"buffers",
       {"builtin", "host", "func", "kernel", "linalg", "memref", "arith", "math", "affine", "scf", "tile", "nvvm",
        "device"},
       {hasNoTensors, isPlanned, fitsKernel, isInArena, isKernelOnMemory, hasPrograms, describesKernel}},
      {"llvm", {"builtin", "llvm", "nvvm", "host", "kernel", "device"}, {isCodeOrConstant, isEntryOfKernel, hasCode}},
  };
  return table;
}

struct VerifyLevelPass final : impl::VerifyLevelPassBase<VerifyLevelPass> {
  using VerifyLevelPassBase::VerifyLevelPassBase;

  void runOnOperation() override {
    const LevelInfo *info = nullptr;
    for (const LevelInfo &entry : levels())
      if (entry.name == level)
        info = &entry;
    if (!info) {
      getOperation().emitError() << "there is no level '" << level << "' [verify-unknown-level]";
      return signalPassFailure();
    }
    WalkResult result = getOperation().walk([&](Operation *op) {
      StringRef dialect = op->getName().getDialectNamespace();
      std::string fault = llvm::is_contained(info->dialects, dialect) ? "" : "is left";
      for (Rule rule : info->rules)
        if (fault.empty())
          fault = rule(op);
      if (fault.empty())
        return WalkResult::advance();
      op->emitError() << "internal: '" << op->getName().getStringRef() << "' " << fault << " after phase '" << phase
                      << "' [level-" << level << "]";
      return WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};

} // namespace
} // namespace lathe
