// lib/Transforms/Kernel/OutlineKernels.cpp: groups become isolated functions that know nothing of the model.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Transforms/Kernel/Passes.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/RegionUtils.h"

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

private:
  MLIRContext *context;
};

struct OutlineKernelsPass final : impl::OutlineKernelsPassBase<OutlineKernelsPass> {
  void runOnOperation() override {
    SmallVector<GroupOp> groups;
    getOperation().walk([&](GroupOp group) { groups.push_back(group); });
    SymbolTable symbols(getOperation());
    for (GroupOp group : groups)
      outline(group, symbols);
  }

  /// What the kernel is called after: its op with the most to do.
  static std::string nameOf(GroupOp group) {
    Operation *root = nullptr;
    for (Operation &op : group.getBody().front().without_terminator())
      if (!root || (isa<graph::ScalarComputation>(root) && !isa<graph::ScalarComputation, graph::ConstantOp>(op)) ||
          isa<graph::ConstantOp>(root))
        root = &op;
    return root->getName().stripDialect().str();
  }

  void outline(GroupOp group, SymbolTable &symbols);
};

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
  auto kernel =
      FuncOp::create(builder, loc, nameOf(group), FunctionType::get(context, argumentTypes, resultTypes),
                     local.exprs.size(), StrategyAttr(), StringAttr(), StringAttr(), ArrayAttr(), ArrayAttr());
  symbols.insert(kernel);
  // The dims of operands and results in the kernel's sizes: types lose them at
  // the levels below, but callers and descriptors need them to the end.
  SmallVector<Attribute> dims;
  for (Type type : llvm::concat<Type>(tensorTypes, resultTypes)) {
    auto tensor = cast<RankedTensorType>(type);
    if (auto encoding = dyn_cast_or_null<DimsAttr>(tensor.getEncoding())) {
      dims.push_back(AffineMapAttr::get(encoding.getMap()));
      continue;
    }
    SmallVector<AffineExpr> fixed;
    for (int64_t size : tensor.getShape())
      fixed.push_back(getAffineConstantExpr(size, context));
    dims.push_back(AffineMapAttr::get(AffineMap::get(0, 0, fixed, context)));
  }
  kernel->setAttr("kernel.dims", ArrayAttr::get(context, dims));
  Block *entry =
      builder.createBlock(&kernel.getBody(), {}, argumentTypes, SmallVector<Location>(argumentTypes.size(), loc));
  IRMapping mapping;
  for (auto [i, value] : llvm::enumerate(captured)) {
    unsigned position = local.exprs.size() + i;
    mapping.map(value, entry->getArgument(position));
    if (value.getDefiningOp<graph::ConstantOp>())
      kernel.setArgAttr(position, FuncOp::constantAttrName, UnitAttr::get(context));
  }
  for (Operation &op : body.without_terminator()) {
    Operation *clone = builder.clone(op, mapping);
    local.replacer.replaceElementsIn(clone, true, false, true);
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
                             captured.getArrayRef());
  group.replaceAllUsesWith(call.getResults());
  group.erase();
}

} // namespace
} // namespace lathe::kernel
