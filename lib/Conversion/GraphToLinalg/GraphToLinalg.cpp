// lib/Conversion/GraphToLinalg/GraphToLinalg.cpp: the pass that applies the
// lowerings to a kernel.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Conversion/GraphToLinalg.h"

#include "Lowerings.h"
#include "dialects/Kernel/Kernel.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"

namespace lathe {
#define GEN_PASS_DEF_CONVERTGRAPHTOLINALGPASS
#include "lathe/Conversion/Passes.h.inc"
} // namespace lathe

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

void lathe::registerGraphToLinalgModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, GraphDialect *) {
    lowering::attachElementwise(context);
    lowering::attachContraction(context);
    lowering::attachConvolution(context);
    lowering::attachPooling(context);
    lowering::attachNormalization(context);
    lowering::attachReduction(context);
    lowering::attachShape(context);
    lowering::attachReshape(context);
    lowering::attachIndexing(context);
    lowering::attachResize(context);
    lowering::attachSelection(context);
    lowering::attachSort(context);
    lowering::attachStorage(context);
  });
}

/// Whether `map` uses only the symbols that `numSizes` sizes define.
static bool isDefined(AffineMap map, size_t numSizes) {
  bool result = true;
  for (AffineExpr expr : map.getResults())
    expr.walk([&](AffineExpr part) {
      auto symbol = dyn_cast<AffineSymbolExpr>(part);
      result = result && !(symbol && symbol.getPosition() >= numSizes);
    });
  return result;
}

/// Every size that a lowering may ask for must be known: static, or an
/// expression of the sizes.
static LogicalResult verifyResolved(Operation *op, size_t numSizes) {
  auto unresolved = [&](Type type) {
    return op->emitOpError() << "has a tensor of type " << type << ", which leaves a size open in "
                             << "a kernel of " << numSizes
                             << " sizes; run graph-infer-shapes first [lower-unresolved-shape]";
  };
  auto isResolved = [&](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor || tensor.hasStaticShape())
      return true;
    auto dims = dyn_cast_or_null<DimsAttr>(tensor.getEncoding());
    return dims && dims.getMap().getNumResults() == static_cast<unsigned>(tensor.getRank()) &&
           isDefined(dims.getMap(), numSizes);
  };
  for (Type type : op->getOperandTypes())
    if (!isResolved(type))
      return unresolved(type);
  for (Type type : op->getResultTypes())
    if (!isResolved(type))
      return unresolved(type);
  for (NamedAttribute attribute : op->getAttrs())
    if (auto dims = dyn_cast<DimsAttr>(attribute.getValue()))
      if (!isDefined(dims.getMap(), numSizes))
        return op->emitOpError() << "'" << attribute.getName().getValue() << "' is " << dims << ", but the kernel has "
                                 << numSizes << " sizes [lower-unresolved-shape]";
  return success();
}

LogicalResult lathe::lowerGraphOp(Operation *op, LinalgBuilder &b, ValueRange plainOperands,
                                  SmallVectorImpl<Value> &results) {
  auto iface = dyn_cast<LinalgLowering>(op);
  if (!iface)
    return op->emitOpError("has no lowering to linalg [lower-unsupported-op]");
  lowering::Lowered lowered = iface.lowerToLinalg(b, plainOperands);
  if (failed(lowered))
    return failure();
  for (auto [value, result] : llvm::zip_equal(*lowered, op->getResults()))
    results.push_back(lowering::castShape(b, value, getPlainType(result.getType()).getShape()));
  return success();
}

static Type plainOrSame(Type type) { return isa<RankedTensorType>(type) ? Type(getPlainType(type)) : type; }

/// The leading index arguments.
static SmallVector<Value> sizesOf(Block &block) {
  SmallVector<Value> sizes;
  for (BlockArgument argument : block.getArguments()) {
    if (!argument.getType().isIndex())
      break;
    sizes.push_back(argument);
  }
  return sizes;
}

/// Removes what nothing uses: constants that became part of a body, tensors
/// that only said a shape.
static void eraseDead(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (isOpTriviallyDead(&op))
      op.erase();
}

LogicalResult lathe::convertGraphToLinalg(FunctionOpInterface kernel, llvm::function_ref<bool(Operation *)> keep,
                                          uint64_t *numLowered) {
  if (kernel.isExternal())
    return success();
  if (!kernel.getFunctionBody().hasOneBlock())
    return kernel.emitOpError("has more than one block; a kernel is one list "
                              "of operations [lower-not-a-kernel]");
  Block &block = kernel.getFunctionBody().front();
  SmallVector<Value> sizes = sizesOf(block);
  SmallVector<Operation *> old;
  for (Operation &op : block) {
    old.push_back(&op);
    if (isa<GraphDialect>(op.getDialect()) && failed(verifyResolved(&op, sizes.size())))
      return failure();
  }

  // The old ops keep their types until the end: lowerings read shapes and
  // signs from them. New arguments with plain types stand behind the old ones.
  IRMapping plain;
  unsigned numArguments = block.getNumArguments();
  for (unsigned i = 0; i < numArguments; ++i) {
    BlockArgument argument = block.getArgument(i);
    Type type = plainOrSame(argument.getType());
    plain.map(argument, block.addArgument(type, argument.getLoc()));
  }
  for (Value &size : sizes)
    size = plain.lookup(size);

  OpBuilder builder(block.getTerminator());
  LogicalResult converted = [&]() -> LogicalResult {
    for (Operation *op : old) {
      bool isGraph = isa<GraphDialect>(op->getDialect());
      if (!isGraph || keep(op)) {
        Operation *copy = builder.clone(*op, plain);
        for (Value result : copy->getResults())
          result.setType(plainOrSame(result.getType()));
        continue;
      }
      LinalgBuilder b(builder, op->getLoc(), sizes);
      SmallVector<Value> operands, results;
      for (Value operand : op->getOperands())
        operands.push_back(plain.lookup(operand));
      if (failed(lowerGraphOp(op, b, operands, results)))
        return failure();
      plain.map(op->getResults(), results);
      if (numLowered)
        ++*numLowered;
    }
    return success();
  }();
  if (failed(converted)) {
    // All that is new stands between the old ops and the terminator.
    SmallPtrSet<Operation *, 32> kept(old.begin(), old.end());
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
      if (!kept.contains(&op))
        op.erase();
    block.eraseArguments(numArguments, numArguments);
    return failure();
  }

  for (Operation *op : llvm::reverse(old))
    op->erase();
  block.eraseArguments(0, numArguments);
  eraseDead(block);
  SmallVector<Type> resultTypes;
  for (Type type : kernel.getResultTypes())
    resultTypes.push_back(plainOrSame(type));
  kernel.setType(kernel.cloneTypeWith(block.getArgumentTypes(), resultTypes));
  return success();
}

namespace {
struct ConvertGraphToLinalg final : lathe::impl::ConvertGraphToLinalgPassBase<ConvertGraphToLinalg> {
  using ConvertGraphToLinalgPassBase::ConvertGraphToLinalgPassBase;

  void runOnOperation() override {
    uint64_t lowered = 0;
    auto isKept = [&](Operation *op) { return llvm::is_contained(keep, op->getName().getStringRef()); };
    if (failed(convertGraphToLinalg(getOperation(), isKept, &lowered)))
      return signalPassFailure();
    numOps += lowered;
  }
};
} // namespace
