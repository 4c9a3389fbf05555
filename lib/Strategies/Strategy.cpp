// lib/Strategies/Strategy.cpp: the ordered list, and the passes that walk it.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Strategies/Strategy.h"
#include "CPU/Strategies.h"
#include "FuseEpilogue.h"
#include "lathe/Conversion/GraphToLinalg.h"
#include "lathe/Strategies/Passes.h"
#include "lathe/Support/Diagnostics.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_SELECTSTRATEGIESPASS
#define GEN_PASS_DEF_LOWERKERNELSPASS
#define GEN_PASS_DEF_APPLYSTRATEGIESPASS
#include "lathe/Strategies/Passes.h.inc"

/// Best first: the batched product takes those that cannot be packed. `loops`
/// takes everything that is left.
static const Strategy *const cpuStrategies[] = {&packedGemm, &batchedGemm, &directConv, &depthwiseConv, &pad, &loops};

ArrayRef<const Strategy *> getStrategies(const Target &) { return cpuStrategies; }

const Strategy *findStrategy(StringRef name, const Target &target) {
  for (const Strategy *strategy : getStrategies(target))
    if (strategy->name == name)
      return strategy;
  return nullptr;
}

Operation *findRoot(kernel::FuncOp kernel) {
  Operation *root = nullptr;
  for (Operation &op : kernel.getBody().front().without_terminator()) {
    if (isa<graph::ConstantOp>(op))
      continue;
    if (!root || isa<graph::ScalarComputation>(root))
      root = &op;
  }
  return root;
}

bool Problem::isConstant(Value value) const {
  auto argument = dyn_cast<BlockArgument>(value);
  kernel::FuncOp func = kernel; // Ops are handles without const methods.
  return argument && func.getArgAttr(argument.getArgNumber(), kernel::FuncOp::constantAttrName);
}

bool Problem::hasElementwiseEpilogue() const {
  auto shape = cast<RankedTensorType>(root->getResult(0).getType());
  for (Operation *op = root->getNextNode(); op && !isa<kernel::ReturnOp>(op); op = op->getNextNode()) {
    if (isa<graph::ConstantOp>(op))
      continue;
    auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
    if (!isa<graph::ScalarComputation>(op) || type.getShape() != shape.getShape() ||
        type.getEncoding() != shape.getEncoding())
      return false;
  }
  return true;
}

/// The target that a kernel says; reports an error on it if that is none.
static std::optional<Target> targetOf(kernel::FuncOp kernel) {
  Diagnostics diagnostics;
  std::optional<Target> target = Target::parse(kernel.getTarget().value_or("host"), diagnostics);
  if (!target)
    kernel.emitError(diagnostics.text());
  return target;
}

namespace {

struct SelectStrategiesPass final : impl::SelectStrategiesPassBase<SelectStrategiesPass> {
  void runOnOperation() override {
    for (kernel::FuncOp kernel : getOperation().getOps<kernel::FuncOp>()) {
      Operation *root = findRoot(kernel);
      if (kernel.getStrategy() || !root)
        continue;
      std::optional<Target> target = targetOf(kernel);
      if (!target)
        return signalPassFailure();
      for (const Strategy *strategy : getStrategies(*target)) {
        std::optional<Config> config = strategy->match({kernel, root}, *target);
        if (!config)
          continue;
        kernel.setStrategyAttr(kernel::StrategyAttr::get(&getContext(), StringAttr::get(&getContext(), strategy->name),
                                                         config->empty() ? Config() : *config));
        break;
      }
    }
  }
};

/// The strategy that is written into a kernel, or null after an error.
const Strategy *strategyOf(kernel::FuncOp kernel, const Target &target) {
  kernel::StrategyAttr attr = kernel.getStrategyAttr();
  const Strategy *strategy = attr ? findStrategy(attr.getName().getValue(), target) : &loops;
  SmallVector<StringRef> names;
  for (const Strategy *known : getStrategies(target))
    names.push_back(known->name);
  if (!strategy)
    kernel.emitError() << "there is no strategy " << attr.getName() << " for target '" << target.str() << "'"
                       << didYouMean(attr.getName().getValue(), names) << " [strategy-unknown]";
  return strategy;
}

/// Plain types do not tell sizes, so a root that is kept says its own.
void recordDims(Operation *root) {
  auto type = cast<RankedTensorType>(root->getResult(0).getType());
  if (auto dims = dyn_cast_or_null<graph::DimsAttr>(type.getEncoding()))
    root->setAttr(rootDimsAttrName, AffineMapAttr::get(dims.getMap()));
}

struct LowerKernelsPass final : impl::LowerKernelsPassBase<LowerKernelsPass> {
  void runOnOperation() override {
    for (kernel::FuncOp kernel : getOperation().getOps<kernel::FuncOp>()) {
      std::optional<Target> target = targetOf(kernel);
      const Strategy *strategy = target ? strategyOf(kernel, *target) : nullptr;
      if (!strategy)
        return signalPassFailure();
      Operation *root = strategy->keepsRoot ? findRoot(kernel) : nullptr;
      if (root)
        recordDims(root);
      if (failed(convertGraphToLinalg(kernel, [&](Operation *op) { return op == root; })))
        return signalPassFailure();
    }
  }
};

struct ApplyStrategiesPass final : impl::ApplyStrategiesPassBase<ApplyStrategiesPass> {
  void runOnOperation() override {
    for (kernel::FuncOp kernel : llvm::make_early_inc_range(getOperation().getOps<kernel::FuncOp>())) {
      std::optional<Target> target = targetOf(kernel);
      const Strategy *strategy = target ? strategyOf(kernel, *target) : nullptr;
      if (!strategy)
        return signalPassFailure();
      Config config = kernel.getStrategyAttr() ? kernel.getStrategyAttr().getConfig() : Config();
      if (failed(strategy->apply(kernel, config ? config : Config::get(&getContext()), *target)))
        return signalPassFailure();
    }
  }
};

} // namespace
} // namespace lathe
