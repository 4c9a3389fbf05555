// lib/Codegen/CPU/CodeUnits.cpp: which functions are compiled together.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "CodeUnits.h"
#include "dialects/Kernel/Kernel.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;

namespace lathe {

namespace {

/// Functions that belong together: those of one phase of a kernel.
struct Cluster {
  SmallVector<LLVM::LLVMFuncOp> functions;
  StringRef title;
  bool isLoops = false, isHost = false;
};

class Divider {
public:
  explicit Divider(ModuleOp module) : module(module), symbols(module) {}
  CodeUnits divide();

private:
  llvm::StringMap<StringRef> findOwners();
  llvm::MapVector<StringRef, Cluster> cluster();
  void declareUses(CodeUnit &unit, CodeUnits &result);

  ModuleOp module;
  SymbolTable symbols;
  llvm::StringMap<std::string> titles; ///< Of phases, by their bodies.
  llvm::StringSet<> loops;             ///< Bodies of phases that are loops over scalars.
  llvm::StringMap<Operation *> all;    ///< Every symbol, also those that were moved.
};

} // namespace

/// What profilers call a kernel: its root and its strategy, which follow from what it is and not from the model.
static std::string titleOf(kernel::EntryOp entry) {
  StringRef name = entry.getSymName();
  name.consume_front(kernel::EntryOp::symbolInCode(""));
  // Behind the last line is a number that tells kernels of a model apart.
  if (auto [root, number] = name.rsplit('_'); !number.empty() && llvm::all_of(number, llvm::isDigit))
    name = root;
  StringRef strategy = entry.getStrategy() ? entry.getStrategy()->getName().getValue() : StringRef();
  strategy.consume_front("cpu.");
  return (name + (strategy.empty() ? "" : ".") + strategy).str();
}

/// Which phase of a kernel each function is for, by the symbol of its body; the
/// rest is the host's.
llvm::StringMap<StringRef> Divider::findOwners() {
  llvm::StringMap<StringRef> owners;
  for (auto entry : module.getOps<kernel::EntryOp>())
    for (auto phase : entry.getPhases().getAsRange<kernel::PhaseAttr>()) {
      StringRef body = phase.getBody().getValue();
      if (phase.getLoops())
        loops.insert(body);
      titles[body] = titleOf(entry);
      owners[body] = owners[phase.getTasks().getValue()] = body;
      // What it calls and others do not: the kernel on unpacked arguments.
      if (auto function = symbols.lookup<LLVM::LLVMFuncOp>(body))
        function.walk([&](LLVM::CallOp call) {
          if (auto callee = call.getCallee(); callee && entry.getMemory() != callee)
            owners[*callee] = body;
        });
    }
  return owners;
}

llvm::MapVector<StringRef, Cluster> Divider::cluster() {
  llvm::StringMap<StringRef> owners = findOwners();
  llvm::MapVector<StringRef, Cluster> clusters;
  clusters[""].isHost = true;
  for (Operation &op : *module.getBody()) {
    if (auto symbol = dyn_cast<SymbolOpInterface>(op))
      all[symbol.getName()] = &op;
    auto function = dyn_cast<LLVM::LLVMFuncOp>(op);
    if (!function || function.isExternal())
      continue;
    StringRef owner = owners.lookup(function.getSymName());
    Cluster &entry = clusters[owner];
    entry.functions.push_back(function);
    entry.isLoops = loops.contains(owner);
    entry.title = titles[owner];
  }
  return clusters;
}

/// Declares functions of other units and of libraries, and copies what small
/// constants the functions share.
void Divider::declareUses(CodeUnit &unit, CodeUnits &result) {
  SymbolTable own(*unit.module);
  SmallVector<Operation *> open;
  for (Operation &op : *unit.module->getBody())
    open.push_back(&op);
  while (!open.empty()) {
    std::optional<SymbolTable::UseRange> uses = SymbolTable::getSymbolUses(open.pop_back_val());
    for (const SymbolTable::SymbolUse &use : *uses) {
      StringRef name = use.getSymbolRef().getRootReference().getValue();
      auto found = all.find(name);
      if (found == all.end() || own.lookup(name))
        continue;
      OpBuilder builder = OpBuilder::atBlockEnd(unit.module->getBody());
      auto function = dyn_cast<LLVM::LLVMFuncOp>(found->second);
      if (!function) {
        Operation *copy = builder.clone(*found->second);
        own.insert(copy);
        open.push_back(copy);
        continue;
      }
      if (!function.isExternal())
        result.shared.insert(name);
      Operation *declaration = builder.cloneWithoutRegions(function);
      cast<LLVM::LLVMFuncOp>(declaration).setLinkage(LLVM::Linkage::External);
      own.insert(declaration);
    }
  }
}

bool isCalledByName(StringRef function) {
  return function.starts_with("lathe_query_") || function.starts_with("lathe_kernel_");
}

CodeUnits Divider::divide() {
  CodeUnits result;
  llvm::MapVector<StringRef, Cluster> clusters = cluster();
  for (auto &[name, cluster] : clusters) {
    CodeUnit &unit = result.units.emplace_back();
    unit.module = ModuleOp::create(module.getLoc());
    unit.isLoops = cluster.isLoops;
    unit.title = cluster.title.str();
    unit.isHost = cluster.isHost;
    for (LLVM::LLVMFuncOp function : cluster.functions)
      function->moveBefore(unit.module->getBody(), unit.module->getBody()->end());
  }
  for (CodeUnit &unit : result.units)
    declareUses(unit, result);
  for (CodeUnit &unit : result.units)
    unit.isAlone = !unit.isHost && llvm::none_of(unit.module->getOps<LLVM::LLVMFuncOp>(), [&](auto function) {
      return isCalledByName(function.getSymName()) ||
             (function.isExternal() && result.shared.contains(function.getSymName()));
    });
  llvm::stable_sort(result.units, [](const CodeUnit &a, const CodeUnit &b) {
    return std::pair(!a.isAlone, a.isHost) < std::pair(!b.isAlone, b.isHost);
  });
  return result;
}

CodeUnits divideIntoUnits(ModuleOp module) { return Divider(module).divide(); }

} // namespace lathe
