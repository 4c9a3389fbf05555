// lib/Transforms/Kernel/OutlineKernels.cpp: groups become isolated functions that know nothing of the model.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/NodeLocation.h"
#include "dialects/Graph/SizeRanges.h"
#include "dialects/Kernel/Views.h"
#include "lathe/Transforms/Kernel/Passes.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using lathe::graph::DimsAttr;

namespace lathe::kernel {
#define GEN_PASS_DEF_OUTLINEKERNELSPASS
#include "lathe/Transforms/Kernel/Passes.h.inc"

namespace {

/// Gives each distinct expression of the model's symbols a symbol of the
/// kernel, in the order of first use.
class LocalSymbols {
public:
  explicit LocalSymbols(MLIRContext *context) : context(context) {
    replacer.addReplacement([this](DimsAttr attr) -> std::optional<std::pair<Attribute, WalkResult>> {
      return {{DimsAttr::get(attr.getContext(), local(attr.getMap())), WalkResult::skip()}};
    });
    // Skipped after, or the new encoding would be taken for one of the model's.
    using Replaced = std::optional<std::pair<Type, WalkResult>>;
    replacer.addReplacement([this, context](RankedTensorType type) -> Replaced {
      auto encoding = dyn_cast_or_null<DimsAttr>(type.getEncoding());
      if (!encoding)
        return std::nullopt;
      sizes.insert_range(encoding.getMap().getResults());
      auto dims = DimsAttr::get(context, local(encoding.getMap()));
      return {{RankedTensorType::get(type.getShape(), type.getElementType(), dims), WalkResult::skip()}};
    });
  }

  AffineMap local(AffineMap map) {
    SmallVector<AffineExpr> results;
    unsigned used = 0;
    for (AffineExpr expr : map.getResults()) {
      if (isa<AffineConstantExpr>(expr)) {
        results.push_back(expr);
        continue;
      }
      auto *found = llvm::find(exprs, expr);
      unsigned position = found - exprs.begin();
      if (found == exprs.end())
        exprs.push_back(expr);
      used = std::max(used, position + 1);
      results.push_back(getAffineSymbolExpr(position, context));
    }
    return AffineMap::get(0, used, results, context);
  }

  AttrTypeReplacer replacer;
  SmallVector<AffineExpr> exprs;
  DenseSet<AffineExpr> sizes; ///< Those of `exprs` that are dims of tensors.

private:
  MLIRContext *context;
};

struct OutlineKernelsPass final : impl::OutlineKernelsPassBase<OutlineKernelsPass> {
  void runOnOperation() override {
    for (FuncOp kernel : getOperation().getOps<FuncOp>())
      numberChecks(kernel);
    SmallVector<GroupOp> groups;
    getOperation().walk([&](GroupOp group) { groups.push_back(group); });
    SymbolTable symbols(getOperation());
    for (GroupOp group : groups)
      outline(group, symbols);
  }

  /// Kernels without a model check indices, too: the number of a check is what they return.
  static void numberChecks(FuncOp kernel);
  /// What is known of the arguments of a kernel for `group`; null if nothing is said of any.
  static ArrayAttr rangesOf(GroupOp group, const LocalSymbols &local);
  void outline(GroupOp group, SymbolTable &symbols);
};

/// Whether all entries of constant `indices` lie in the dims that `sizes` says.
bool areInside(Value indices, function_ref<int64_t(int64_t)> sizeOf) {
  auto constant = indices.getDefiningOp<graph::ConstantOp>();
  auto dense = constant ? dyn_cast<DenseIntElementsAttr>(constant.getValue()) : DenseIntElementsAttr();
  if (!dense)
    return false;
  int64_t i = 0;
  return llvm::all_of(dense.getValues<APInt>(), [&](const APInt &value) {
    int64_t size = sizeOf(i++), position = value.getSExtValue();
    return !ShapedType::isDynamic(size) && position >= -size && position < size;
  });
}

/// Whether the op may find at run time that its indices point outside.
bool checksIndices(Operation &op) {
  auto sizeOf = [](Value x, int64_t dim) { return cast<ShapedType>(x.getType()).getDimSize(dim); };
  return TypeSwitch<Operation *, bool>(&op)
      .Case<graph::GatherOp, graph::GatherElementsOp, graph::ScatterElementsOp>([&](auto indexing) {
        return !areInside(indexing.getIndices(), [&](int64_t) { return sizeOf(indexing.getX(), indexing.getAxis()); });
      })
      .Case([&](graph::GatherNdOp gather) {
        int64_t length = cast<ShapedType>(gather.getIndices().getType()).getShape().back();
        return !areInside(gather.getIndices(), [&](int64_t i) {
          return sizeOf(gather.getX(), static_cast<int64_t>(gather.getBatchDims()) + i % length);
        });
      })
      .Case([&](graph::ScatterNdOp scatter) {
        int64_t length = cast<ShapedType>(scatter.getIndices().getType()).getShape().back();
        return !areInside(scatter.getIndices(), [&](int64_t i) { return sizeOf(scatter.getX(), i % length); });
      })
      .Default(false);
}

void OutlineKernelsPass::numberChecks(FuncOp kernel) {
  Builder builder(kernel.getContext());
  int64_t count = 0;
  kernel.walk([&](Operation *op) {
    if (checksIndices(*op) && !op->hasAttr(FuncOp::checkAttrName))
      op->setAttr(FuncOp::checkAttrName, builder.getI64IntegerAttr(count++));
  });
}

ArrayAttr OutlineKernelsPass::rangesOf(GroupOp group, const LocalSymbols &local) {
  auto func = group->getParentOfType<func::FuncOp>();
  auto symbols = func ? func->getAttrOfType<ArrayAttr>("graph.symbols") : ArrayAttr();
  if (!symbols)
    return {};
  graph::SizeRanges known(llvm::to_vector(symbols.getAsRange<graph::SymbolAttr>()));
  // Without a word of the user's, kernels of several models would differ in what follows from expressions.
  if (!known.areStated())
    return {};
  SmallVector<Attribute> ranges;
  for (AffineExpr expr : local.exprs) {
    SizeRange range = known.of(expr);
    // A size of a tensor below 0 is an error of the call; amounts that pad or crop may be.
    if (local.sizes.contains(expr))
      range.least = std::max<int64_t>(range.least, 0);
    ranges.push_back(graph::RangeAttr::get(func.getContext(),
                                           range.least < 0 ? SizeRange() : range.normalized().value_or(SizeRange())));
  }
  return ArrayAttr::get(func.getContext(), ranges);
}

void OutlineKernelsPass::outline(GroupOp group, SymbolTable &symbols) {
  MLIRContext *context = &getContext();
  Location loc = group.getLoc();
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(group->getRegions(), captured);

  LocalSymbols local(context);
  SmallVector<Type> tensorTypes, resultTypes;
  for (Value value : captured)
    tensorTypes.push_back(local.replacer.replace(value.getType()));
  Block &body = group.getBody().front();
  for (Operation &op : body) {
    for (Type type : op.getResultTypes())
      local.replacer.replace(type);
    for (NamedAttribute attr : op.getAttrs())
      local.replacer.replace(attr.getValue());
  }
  for (Type type : group.getResultTypes())
    resultTypes.push_back(local.replacer.replace(type));

  SmallVector<Type> argumentTypes(local.exprs.size(), IndexType::get(context));
  argumentTypes.append(tensorTypes);
  OpBuilder builder(context);
  auto kernel = FuncOp::create(builder, loc, findRoot(body)->getName().stripDialect(),
                               FunctionType::get(context, argumentTypes, resultTypes), local.exprs.size());
  kernel.setRangesAttr(rangesOf(group, local));
  symbols.insert(kernel);
  Block *entry =
      builder.createBlock(&kernel.getBody(), {}, argumentTypes, SmallVector<Location>(argumentTypes.size(), loc));
  IRMapping mapping;
  for (auto [i, value] : llvm::enumerate(captured)) {
    unsigned position = local.exprs.size() + i;
    mapping.map(value, entry->getArgument(position));
    if (value.getDefiningOp<graph::ConstantOp>())
      kernel.setArgAttr(position, FuncOp::constantAttrName, UnitAttr::get(context));
  }
  SmallVector<Attribute> checks;
  for (Operation &op : body.without_terminator()) {
    Operation *clone = builder.clone(op, mapping);
    local.replacer.replaceElementsIn(clone, true, false, true);
    if (!checksIndices(op))
      continue;
    clone->setAttr(FuncOp::checkAttrName, builder.getI64IntegerAttr(checks.size()));
    std::string node = graph::describeNode(op.getLoc());
    checks.push_back(builder.getStringAttr(node + (node.empty() ? "" : ": ") +
                                           "index %lld does not lie in a dim of size %lld; check the values of "
                                           "'indices' [call-index-range]"));
  }
  SmallVector<Value> results;
  for (Value value : body.getTerminator()->getOperands())
    results.push_back(mapping.lookup(value));
  ReturnOp::create(builder, loc, results);

  builder.setInsertionPoint(group);
  unsigned symbolCount = 0;
  for (AffineExpr expr : local.exprs)
    expr.walk([&](AffineExpr part) {
      if (auto symbol = dyn_cast<AffineSymbolExpr>(part))
        symbolCount = std::max(symbolCount, symbol.getPosition() + 1);
    });
  auto sizes = AffineMapAttr::get(AffineMap::get(0, symbolCount, local.exprs, context));
  auto call = CallOp::create(builder, loc, group.getResultTypes(), FlatSymbolRefAttr::get(kernel), sizes,
                             captured.getArrayRef(), checks.empty() ? ArrayAttr() : builder.getArrayAttr(checks));
  // Only where the operands of the call are those of the op, each once.
  if (captured.size() == body.front().getNumOperands())
    for (StringRef name : {concatAttrName, viewAttrName})
      if (Attribute arrangement = group->getAttr(name))
        call->setAttr(name, arrangement);
  group.replaceAllUsesWith(call.getResults());
  group.erase();
}

} // namespace
} // namespace lathe::kernel
