// lib/Compiler/StartPhase.cpp: a phase leaves traces in the IR that it writes.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "StartPhase.h"
#include "NativeModel.h"
#include "dialects/Host/Host.h"
#include "dialects/Kernel/Kernel.h"
#include "dialects/Tile/Tile.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace lathe {

/// IR that one phase alone goes on from.
static StartPhase onlyAt(Phase phase) {
  std::string name = phaseName(phase).str();
  return {"IR that '" + name + "' starts from", "use --start-at " + name, phase, phase};
}

/// Programs of the host start `codegen`, and LLVM functions `emit`.
static StartPhase findBehindBufferize(ModuleOp module) {
  auto hasPrograms = [&](host::SignatureOp signature) {
    return host::ProgramOp::find(module, signature.getName(), host::ProgramKind::plan) &&
           host::ProgramOp::find(module, signature.getName(), host::ProgramKind::run);
  };
  auto hasCode = [&](host::SignatureOp signature) {
    return signature.getPlan() && signature.getRun() && module.lookupSymbol(*signature.getPlan()) &&
           module.lookupSymbol(*signature.getRun());
  };
  if (llvm::all_of(module.getOps<host::SignatureOp>(), hasPrograms))
    return onlyAt(Phase::Codegen);
  if (!module.getOps<host::WeightsOp>().empty() && llvm::all_of(module.getOps<host::SignatureOp>(), hasCode))
    return onlyAt(Phase::Emit);
  return {"IR that is not whole", "write it again from the model", Phase::Emit, Phase::Import};
}

/// Kernels get `dims` in `lower` and lose their last graph op in `schedule`, which makes loops of tasks of some. What
/// needs none of that is IR of either phase.
static StartPhase findInKernels(ModuleOp module) {
  bool isLowered = true, hasRoots = false, hasTasks = false;
  for (auto kernel : module.getOps<kernel::FuncOp>()) {
    isLowered &= kernel.getDims().has_value();
    kernel.walk([&](Operation *op) {
      hasRoots |= isa<graph::GraphDialect>(op->getDialect());
      hasTasks |= isa<scf::ForallOp>(op) || isa<tile::TileDialect>(op->getDialect());
    });
  }
  if (!isLowered)
    return onlyAt(Phase::Lower);
  if (hasRoots)
    return onlyAt(Phase::Schedule);
  if (hasTasks)
    return onlyAt(Phase::Bufferize);
  return {"IR that 'schedule' or 'bufferize' starts from", "use --start-at bufferize", Phase::Schedule,
          Phase::Bufferize};
}

StartPhase findStartPhase(ModuleOp module) {
  if (isBehindBufferize(module))
    return findBehindBufferize(module);
  bool computes = false;
  for (auto func : module.getOps<func::FuncOp>())
    func.walk([&](Operation *op) {
      computes |= isa<graph::LinalgLowering>(op) && !isa<graph::ConstantOp, graph::ReshapeOp>(op);
    });
  Phase last = computes ? Phase::Partition : Phase::Bufferize;
  StartPhase model = {"a model", "start at a phase up to '" + phaseName(last).str() + "', or leave --start-at out",
                      Phase::Import, last};
  if (computes || module.getOps<kernel::FuncOp>().empty())
    return model;
  StartPhase start = findInKernels(module);
  // Kernels alone are a file that users write.
  if (start.first == Phase::Lower && isKernelLibrary(module))
    start.first = Phase::Import;
  return start;
}

} // namespace lathe
