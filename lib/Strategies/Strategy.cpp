// lib/Strategies/Strategy.cpp: the ordered list, and the passes that walk it.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Strategies/Strategy.h"
#include "Because.h"
#include "CPU/Strategies.h"
#include "FuseEpilogue.h"
#include "GPU/Strategies.h"
#include "WeightCodes.h"
#include "dialects/Kernel/Accuracy.h"
#include "dialects/Kernel/Choice.h"
#include "lathe/Conversion/GraphToLinalg.h"
#include "lathe/Strategies/Passes.h"
#include "lathe/Support/Diagnostics.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_SELECTSTRATEGIESPASS
#define GEN_PASS_DEF_LOWERKERNELSPASS
#define GEN_PASS_DEF_APPLYSTRATEGIESPASS
#include "lathe/Strategies/Passes.h.inc"

/// Best first: the batched product takes those that cannot be packed. `loops`
/// takes everything that is left.
static const Strategy *const cpuStrategies[] = {&attention,     &packedGemm, &batchedGemm, &winogradConv, &directConv,
                                                &depthwiseConv, &pad,        &transpose,   &loops};

static const Strategy *const gpuStrategies[] = {&gpuAttention,  &gpuProductTma, &gpuProductWgmma, &gpuProductMma,
                                                &gpuProductFma, &gpuRows,       &gpuTranspose,    &gpuLoops};

ArrayRef<const Strategy *> getStrategies(const Target &target) {
  if (target.kind() == TargetKind::Gpu)
    return gpuStrategies;
  return cpuStrategies;
}

/// What takes everything.
static const Strategy &fallbackOf(const Target &target) { return *getStrategies(target).back(); }

const Strategy *findStrategy(StringRef name, const Target &target) {
  for (const Strategy *strategy : getStrategies(target))
    if (strategy->name == name)
      return strategy;
  return nullptr;
}

/// Whether `user` reads `value` at positions that come from data. Of a table whose elements are
/// known to be equal, no read would be left, and with it no check of the position.
static bool isTableOf(Value value, Operation *user) {
  return isa<graph::GatherOp, graph::GatherElementsOp, graph::GatherNdOp>(user) && user->getOperand(0) == value;
}

bool movesInside(Value value, Operation *user) {
  auto constant = value.getDefiningOp<graph::ConstantOp>();
  // What is packed is an argument, as are tables.
  if (!constant || isTableOf(value, user) || graph::hasCodes(user))
    return false;
  if (constant.getType().getNumElements() == 1)
    return true;
  return isa<SplatElementsAttr>(constant.getValue()) && !isa<graph::MatmulOp, graph::ConvOp>(user);
}

/// What the kernel says as `name` of its argument `value`; null for other values.
static Attribute argumentAttr(Value value, StringRef name) {
  auto argument = dyn_cast<BlockArgument>(value);
  auto kernel = argument ? dyn_cast<kernel::FuncOp>(argument.getOwner()->getParentOp()) : kernel::FuncOp();
  return kernel ? kernel.getArgAttr(argument.getArgNumber(), name) : Attribute();
}

bool Problem::isConstant(Value value) const {
  if (value.getDefiningOp<graph::ConstantOp>())
    return !root->getParentOfType<kernel::FuncOp>() && !movesInside(value, root);
  return argumentAttr(value, kernel::FuncOp::constantAttrName) != nullptr;
}

bool Problem::hasStrides(Value value) const { return argumentAttr(value, kernel::FuncOp::stridesAttrName) != nullptr; }

bool Problem::isStrict() const { return root->hasAttr(kernel::KernelDialect::strictAttrName); }

bool Problem::allowsTf32() const { return root->hasAttr(kernel::tf32AttrName); }

Choice chooseStrategy(const Problem &problem, const Target &target, std::string *reasons) {
  SmallVector<std::string> rejections;
  for (const Strategy *strategy : getStrategies(target)) {
    std::string reason;
    std::optional<Config> config = strategy->match({problem.root, &reason}, target);
    if (config) {
      if (reasons)
        *reasons = llvm::join(rejections, "; ");
      return {strategy, *config};
    }
    if (!reason.empty() && !llvm::is_contained(rejections, reason))
      rejections.push_back(reason);
  }
  llvm_unreachable("the last strategy matches everything");
}

/// The target that a kernel says, else this machine.
static Target targetOf(kernel::FuncOp kernel) {
  kernel::TargetAttr attr = kernel.getTargetAttr();
  return attr ? attr.getValue() : Target::host();
}

/// What costs many times more as loops than in registers.
static bool isProduct(Operation *op) { return isa<graph::MatmulOp, graph::ConvOp>(op); }

/// Tells the user that a product falls to loops and why, now and where the
/// kernel is shown.
static Config explainLoops(kernel::FuncOp kernel, Operation *root, StringRef reasons) {
  Builder builder(kernel.getContext());
  if (reasons.empty())
    reasons = "no strategy knows its form";
  root->emitRemark() << "kernel '" << kernel.getSymName() << "' for '" << targetOf(kernel).str()
                     << "' is computed by plain loops, many times slower than in registers: " << reasons
                     << " [strategy-loops]";
  return builder.getDictionaryAttr(builder.getNamedAttr(becauseName, builder.getStringAttr(reasons)));
}

namespace {

struct SelectStrategiesPass final : impl::SelectStrategiesPassBase<SelectStrategiesPass> {
  using SelectStrategiesPassBase::SelectStrategiesPassBase;

  void runOnOperation() override {
    kernel::FuncOp kernel = getOperation();
    Operation *root = kernel::findRoot(kernel.getBody().front());
    if (kernel.getStrategy() || !root)
      return;
    std::string reasons;
    Choice choice = chooseStrategy({root}, targetOf(kernel), &reasons);
    if (choice.strategy == &fallbackOf(targetOf(kernel)) && isProduct(root))
      choice.config = explainLoops(kernel, root, reasons);
    StringRef name = findChoice(kernel.getKey().value_or(""));
    if (!name.empty() || alternative > 0)
      choice = takeAlternative(kernel, root, choice, name);
    kernel.setStrategyAttr(kernel::StrategyAttr::get(&getContext(),
                                                     StringAttr::get(&getContext(), choice.strategy->name),
                                                     choice.config.empty() ? Config() : choice.config));
  }

private:
  /// The alternative that is wanted for the kernel with this key; "" for none.
  StringRef findChoice(StringRef key) const {
    for (StringRef entry : choices)
      if (StringRef name = entry; !key.empty() && name.consume_front(key) && name.consume_front("="))
        return name;
    return "";
  }

  /// The alternative called `name`, or the one of the pass's number if `name` is empty; `chosen` where there is none.
  Choice takeAlternative(kernel::FuncOp kernel, Operation *root, Choice chosen, StringRef name) const {
    SmallVector<Alternative> known = listAlternatives({root}, targetOf(kernel), chosen);
    const Alternative *found = alternative < known.size() ? &known[alternative] : &known.front();
    if (!name.empty())
      found = llvm::find_if(known, [&](const Alternative &each) { return each.name == name; });
    if (found == known.end()) {
      root->emitRemark() << "kernel '" << kernel.getSymName() << "' has no alternative '" << name
                         << "', so that what was tuned for it is not used [choice-unknown]";
      return chosen;
    }
    Builder builder(kernel.getContext());
    NamedAttrList config(found->choice.config);
    if (found != known.begin()) {
      config.set(kernel::choiceName, builder.getStringAttr(found->name));
      config.set(kernel::insteadOfName, builder.getStringAttr(known.front().name));
    }
    if (alternative > 0 && known.size() > 1)
      config.set(kernel::alternativesName, builder.getI64IntegerAttr(known.size()));
    return {found->choice.strategy, config.getDictionary(kernel.getContext())};
  }
};

/// The strategy that is written into a kernel, or null after an error.
const Strategy *strategyOf(kernel::FuncOp kernel, const Target &target) {
  kernel::StrategyAttr attr = kernel.getStrategyAttr();
  const Strategy *strategy = attr ? findStrategy(attr.getName().getValue(), target) : &fallbackOf(target);
  SmallVector<StringRef> names;
  for (const Strategy *known : getStrategies(target))
    names.push_back(known->name);
  if (!strategy)
    kernel.emitError() << "there is no strategy " << attr.getName() << " for target '" << target.str() << "'"
                       << didYouMean(attr.getName().getValue(), names) << " [strategy-unknown]";
  return strategy;
}

/// The dims of operands and results in the kernel's sizes: types lose them now,
/// but callers and descriptors need them to the end.
void recordDims(kernel::FuncOp kernel) {
  if (kernel.getDims())
    return;
  MLIRContext *context = kernel.getContext();
  SmallVector<Attribute> dims;
  for (Type type :
       llvm::concat<const Type>(kernel.getArgumentTypes().drop_front(kernel.getSizes()), kernel.getResultTypes())) {
    auto tensor = cast<RankedTensorType>(type);
    if (auto encoding = dyn_cast_or_null<graph::DimsAttr>(tensor.getEncoding())) {
      dims.push_back(AffineMapAttr::get(encoding.getMap()));
      continue;
    }
    SmallVector<AffineExpr> fixed;
    for (int64_t size : tensor.getShape())
      fixed.push_back(getAffineConstantExpr(size, context));
    dims.push_back(AffineMapAttr::get(AffineMap::get(0, 0, fixed, context)));
  }
  kernel.setDimsAttr(ArrayAttr::get(context, dims));
}

/// Plain types do not tell sizes, so a root that is kept says its own.
void recordDims(Operation *root) {
  auto type = cast<RankedTensorType>(root->getResult(0).getType());
  if (auto dims = dyn_cast_or_null<graph::DimsAttr>(type.getEncoding()))
    root->setAttr(rootDimsAttrName, AffineMapAttr::get(dims.getMap()));
}

struct LowerKernelsPass final : impl::LowerKernelsPassBase<LowerKernelsPass> {
  void runOnOperation() override {
    kernel::FuncOp kernel = getOperation();
    Target target = targetOf(kernel);
    const Strategy *strategy = strategyOf(kernel, target);
    if (!strategy)
      return signalPassFailure();
    recordDims(kernel);
    Operation *root = strategy->keepsRoot ? kernel::findRoot(kernel.getBody().front()) : nullptr;
    SmallPtrSet<Operation *, 4> kept = {root};
    if (root)
      recordDims(root);
    if (std::optional<WeightCodes> codes = findWeightCodes(root))
      kept.insert(codes->ops.begin(), codes->ops.end());
    if (failed(convertGraphToLinalg(kernel, [&](Operation *op) { return kept.contains(op); })))
      return signalPassFailure();
  }
};

struct ApplyStrategiesPass final : impl::ApplyStrategiesPassBase<ApplyStrategiesPass> {
  void runOnOperation() override {
    kernel::FuncOp kernel = getOperation();
    Target target = targetOf(kernel);
    const Strategy *strategy = strategyOf(kernel, target);
    if (!strategy)
      return signalPassFailure();
    Config config = kernel.getStrategyAttr() ? kernel.getStrategyAttr().getConfig() : Config();
    if (failed(strategy->apply(kernel, config ? config : Config::get(&getContext()), target)))
      return signalPassFailure();
  }
};

} // namespace
} // namespace lathe
