// lib/Conversion/BufferizeKernels/BufferizeKernels.cpp: kernels on tensors become kernels on memrefs.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Kernel/Kernel.h"
#include "lathe/Conversion/Buffers.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotAnalysis.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Transforms.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Dominance.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_BUFFERIZEKERNELSPASS
#include "lathe/Conversion/Buffers.h.inc"

namespace {

/// `strides` is what `kernel.strides` says, or null.
MemRefType bufferType(Type type, Attribute strides) {
  auto tensor = cast<RankedTensorType>(type);
  if (!strides)
    return MemRefType::get(tensor.getShape(), tensor.getElementType());
  SmallVector<int64_t> distances;
  for (AffineExpr expr : cast<AffineMapAttr>(strides).getValue().getResults()) {
    auto number = dyn_cast<AffineConstantExpr>(expr);
    distances.push_back(number ? number.getValue() : ShapedType::kDynamic);
  }
  auto layout = StridedLayoutAttr::get(type.getContext(), /*offset=*/0, distances);
  return MemRefType::get(tensor.getShape(), tensor.getElementType(), layout);
}

/// The kernel that takes the kernel's place: sizes, operands and then results as
/// arguments.
kernel::FuncOp createKernel(kernel::FuncOp old) {
  OpBuilder builder(old);
  SmallVector<Type> types(old.getSizes(), builder.getIndexType());
  SmallVector<std::pair<unsigned, Attribute>> strided;
  auto add = [&](Type type, Attribute strides) {
    if (strides)
      strided.emplace_back(types.size(), strides);
    types.push_back(bufferType(type, strides));
  };
  StringRef name = kernel::FuncOp::stridesAttrName;
  for (unsigned i = old.getSizes(); i < old.getNumArguments(); ++i)
    add(old.getArgument(i).getType(), old.getArgAttr(i, name));
  for (auto [i, type] : llvm::enumerate(old.getResultTypes()))
    add(type, old.getResultAttr(i, name));
  auto kernel = kernel::FuncOp::create(builder, old.getLoc(), old.getSymName(), builder.getFunctionType(types, {}),
                                       old.getSizes());
  kernel.setDimsAttr(old.getDimsAttr());
  kernel.setRangesAttr(old.getRangesAttr());
  kernel.setOutputs(old.getResultTypes().size());
  kernel.setStrategyAttr(old.getStrategyAttr());
  kernel.setTargetAttr(old.getTargetAttr());
  if (old.getSpace() != host::Space::host)
    kernel.setSpace(old.getSpace());
  kernel.setKeyAttr(old.getKeyAttr());
  kernel.setInplaceAttr(old.getInplaceAttr());
  for (auto [position, strides] : strided)
    kernel.setArgAttr(position, name, strides);
  return kernel;
}

/// Of an operand and a result that are one memory, what is left is the result.
void computeInPlace(kernel::FuncOp kernel) {
  if (std::optional<int64_t> operand = kernel.getInplace())
    kernel.getArgument(kernel.getSizes() + *operand)
        .replaceAllUsesWith(kernel.getArgument(kernel.getNumArguments() - kernel.getOutputs()));
}

/// The sizes with which the tensor was made that ops in place made into `value`;
/// empty if there is none, or if they are not known at the start of the kernel.
SmallVector<OpFoldResult> sizesAtStart(Value value) {
  while (auto result = dyn_cast<OpResult>(value)) {
    if (auto op = dyn_cast<DestinationStyleOpInterface>(result.getOwner())) {
      value = op.getTiedOpOperand(result)->get();
    } else if (auto forall = dyn_cast<scf::ForallOp>(result.getOwner())) {
      value = forall.getTiedOpOperand(result)->get();
    } else {
      auto empty = dyn_cast<tensor::EmptyOp>(result.getOwner());
      bool isEarly = empty && llvm::all_of(empty.getDynamicSizes(), llvm::IsaPred<BlockArgument>);
      return isEarly ? empty.getMixedSizes() : SmallVector<OpFoldResult>();
    }
  }
  return {};
}

/// Whether each group has a free dim in one shape exactly if it has in the other.
bool agrees(ArrayRef<int64_t> expanded, ArrayRef<int64_t> collapsed, ArrayRef<ReassociationIndices> groups) {
  for (auto [size, group] : llvm::zip_equal(collapsed, groups))
    if (ShapedType::isDynamic(size) !=
        llvm::any_of(group, [&](int64_t dim) { return ShapedType::isDynamic(expanded[dim]); }))
      return false;
  return true;
}

/// While `value` is another view of a tensor, takes that tensor instead and sees
/// `target` in its shape: what is computed in place needs no copy at the end.
void lookThroughViews(OpBuilder &builder, Value &value, Value &target) {
  for (;;) {
    Operation *op = value.getDefiningOp();
    if (!op || !op->hasOneUse())
      return;
    Location loc = op->getLoc();
    auto type = cast<MemRefType>(target.getType());
    if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
      RankedTensorType wanted = collapse.getSrcType();
      SmallVector<OpFoldResult> sizes = sizesAtStart(collapse.getSrc());
      if (sizes.empty() || !agrees(wanted.getShape(), type.getShape(), collapse.getReassociationIndices()))
        return;
      target = memref::ExpandShapeOp::create(builder, loc, wanted.getShape(), target,
                                             collapse.getReassociationIndices(), sizes);
      value = collapse.getSrc();
    } else if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
      if (!agrees(type.getShape(), expand.getSrcType().getShape(), expand.getReassociationIndices()))
        return;
      target = memref::CollapseShapeOp::create(builder, loc, target, expand.getReassociationIndices());
      value = expand.getSrc();
    } else {
      return;
    }
  }
}

void moveBody(kernel::FuncOp kernel, kernel::FuncOp func) {
  Location loc = kernel.getLoc();
  Block *entry = func.addEntryBlock();
  OpBuilder builder = OpBuilder::atBlockBegin(entry);
  Block &body = kernel.getBody().front();
  SmallVector<Value> arguments;
  for (auto [i, argument] : llvm::enumerate(body.getArguments())) {
    Value value = entry->getArgument(i);
    if (i >= kernel.getSizes())
      value = bufferization::ToTensorOp::create(builder, loc, argument.getType(), value, /*restrict=*/true,
                                                /*writable=*/false);
    arguments.push_back(value);
  }
  auto terminator = cast<kernel::ReturnOp>(body.getTerminator());
  for (auto [argument, value] : llvm::zip_equal(body.getArguments(), arguments))
    argument.replaceAllUsesWith(value);
  entry->getOperations().splice(entry->end(), body.getOperations());
  unsigned first = body.getNumArguments();
  for (auto [i, operand] : llvm::enumerate(terminator.getOperands())) {
    Value value = operand, target = entry->getArgument(first + i);
    builder.setInsertionPointToStart(entry);
    lookThroughViews(builder, value, target);
    builder.setInsertionPoint(terminator);
    bufferization::MaterializeInDestinationOp::create(builder, loc, Type(), value, target, /*restrict=*/true,
                                                      /*writable=*/true);
  }
  kernel::ReturnOp::create(builder, loc, ValueRange());
  terminator.erase();
}

/// Dims of `value` that are known before it is computed, where they are.
static SmallVector<OpFoldResult> earlySizes(OpBuilder &builder, Location loc, Value value) {
  Operation *op = value.getDefiningOp();
  while (auto linalgOp = dyn_cast_or_null<linalg::LinalgOp>(op)) {
    if (linalgOp.getNumDpsInits() != 1)
      break;
    op = linalgOp.getDpsInits()[0].getDefiningOp();
  }
  if (auto empty = dyn_cast_or_null<tensor::EmptyOp>(op))
    return empty.getMixedSizes();
  return tensor::getMixedSizes(builder, loc, value);
}

/// As early as `values` allow: a destination must be there before what is
/// computed into it.
static void setEarlyInsertionPoint(OpBuilder &builder, kernel::FuncOp func, ValueRange values) {
  Block *entry = &func.getBody().front();
  Operation *last = nullptr;
  for (Value value : values)
    if (Operation *op = value.getDefiningOp(); op && op->getBlock() == entry && (!last || last->isBeforeInBlock(op)))
      last = op;
  if (last)
    builder.setInsertionPointAfter(last);
  else
    builder.setInsertionPointToStart(entry);
}

/// Results are stored before they are reshaped: then what computes them may do
/// so in the caller's memory.
void storeBeforeReshape(kernel::FuncOp func) {
  SmallVector<bufferization::MaterializeInDestinationOp> stores;
  func.walk([&](bufferization::MaterializeInDestinationOp store) { stores.push_back(store); });
  for (bufferization::MaterializeInDestinationOp store : stores)
    while (true) {
      OpBuilder builder(store);
      Location loc = store.getLoc();
      Value target = store.getDest(), source;
      if (auto expand = store.getSource().getDefiningOp<tensor::ExpandShapeOp>()) {
        source = expand.getSrc();
        setEarlyInsertionPoint(builder, func, target);
        target = memref::CollapseShapeOp::create(builder, loc, target, expand.getReassociationIndices());
      } else if (auto collapse = store.getSource().getDefiningOp<tensor::CollapseShapeOp>()) {
        source = collapse.getSrc();
        SmallVector<OpFoldResult> sizes = earlySizes(builder, loc, source);
        SmallVector<Value> needed = {target};
        for (OpFoldResult size : sizes)
          if (auto value = dyn_cast<Value>(size))
            needed.push_back(value);
        setEarlyInsertionPoint(builder, func, needed);
        target = memref::ExpandShapeOp::create(builder, loc, cast<RankedTensorType>(source.getType()).getShape(),
                                               target, collapse.getReassociationIndices(), sizes);
      } else {
        break;
      }
      store.getSourceMutable().assign(source);
      store.getDestMutable().assign(target);
    }
}

/// Copies as loops: a copy between strided buffers would otherwise call a
/// library that the artifact does not have.
void writeOutCopies(kernel::FuncOp func) {
  func.walk([&](memref::CopyOp copy) {
    OpBuilder builder(copy);
    if (copy.getSource() != copy.getTarget())
      linalg::CopyOp::create(builder, copy.getLoc(), copy.getSource(), copy.getTarget());
    copy.erase();
  });
}

/// Whether `op` only drops dims of one position. A slice of nothing has no position to begin at.
bool onlyDropsUnits(memref::CollapseShapeOp op) {
  ArrayRef<int64_t> shape = op.getSrcType().getShape();
  return !llvm::is_contained(shape, 0) && llvm::all_of(op.getReassociationIndices(), [&](ArrayRef<int64_t> group) {
    return llvm::count_if(group, [&](int64_t dim) { return shape[dim] != 1; }) <= 1;
  });
}

/// Dims of one position are dropped by slices: positions in a collapsed shape would be divided
/// by its sizes, in the innermost loop.
void dropUnitDims(kernel::FuncOp func) {
  SmallVector<memref::CollapseShapeOp> ops;
  func.walk([&](memref::CollapseShapeOp op) {
    if (onlyDropsUnits(op))
      ops.push_back(op);
  });
  for (memref::CollapseShapeOp op : ops) {
    OpBuilder builder(op);
    int64_t rank = op.getSrcType().getRank();
    SmallVector<OpFoldResult> begin(rank, builder.getIndexAttr(0)), step(rank, builder.getIndexAttr(1));
    SmallVector<OpFoldResult> sizes = memref::getMixedSizes(builder, op.getLoc(), op.getSrc());
    MemRefType type = memref::SubViewOp::inferRankReducedResultType(op.getResultType().getShape(), op.getSrcType(),
                                                                    begin, sizes, step);
    Value slice = memref::SubViewOp::create(builder, op.getLoc(), type, op.getSrc(), begin, sizes, step);
    if (type != op.getResultType()) {
      if (!memref::CastOp::areCastCompatible(type, op.getResultType())) {
        slice.getDefiningOp()->erase();
        continue;
      }
      slice = memref::CastOp::create(builder, op.getLoc(), op.getResultType(), slice);
    }
    op.replaceAllUsesWith(slice);
    op.erase();
  }
}

/// A loop that changes an operand changes a copy of it, which is made where the result
/// is to be.
void copyChangedOperands(kernel::FuncOp func) {
  func.walk([&](scf::ForOp loop) {
    if (loop->getBlock() != &func.getBody().front())
      return;
    for (OpOperand &init : loop.getInitArgsMutable()) {
      if (!init.get().getDefiningOp<bufferization::ToTensorOp>())
        continue;
      OpBuilder builder(loop);
      Location loc = loop.getLoc();
      auto type = cast<RankedTensorType>(init.get().getType());
      Value empty =
          tensor::EmptyOp::create(builder, loc, tensor::getMixedSizes(builder, loc, init.get()), type.getElementType());
      init.set(linalg::CopyOp::create(builder, loc, init.get(), empty).getResult(0));
    }
  });
}

struct BufferizeKernelsPass final : impl::BufferizeKernelsPassBase<BufferizeKernelsPass> {
  void runOnOperation() override {
    bufferization::OneShotBufferizationOptions options;
    options.unknownTypeConverterFn = [](TensorType type, Attribute space, const bufferization::BufferizationOptions &) {
      return bufferization::getMemRefTypeWithStaticIdentityLayout(type, space);
    };
    // A padded tensor would be memory of its own, wherever it goes.
    RewritePatternSet patterns(&getContext());
    linalg::populateDecomposePadPatterns(patterns);
    FrozenRewritePatternSet padding(std::move(patterns));
    for (kernel::FuncOp kernel : llvm::make_early_inc_range(getOperation().getOps<kernel::FuncOp>())) {
      kernel::FuncOp func = createKernel(kernel);
      moveBody(kernel, func);
      kernel.erase();
      IRRewriter rewriter(func);
      bufferization::BufferizationState state;
      storeBeforeReshape(func);
      (void)applyPatternsGreedily(func, padding);
      copyChangedOperands(func);
      if (failed(bufferization::eliminateEmptyTensors(rewriter, func)) ||
          failed(bufferization::runOneShotBufferize(func, options, state)))
        return signalPassFailure();
      bufferization::hoistBuffersFromLoops(func);
      computeInPlace(func);
      // A copy of a buffer onto itself is found by its two views being one.
      DominanceInfo dominance(func);
      eliminateCommonSubExpressions(rewriter, dominance, func);
      writeOutCopies(func);
      if (func.getTarget() && func.getTargetAttr().getValue().kind() == TargetKind::Cpu)
        dropUnitDims(func);
    }
  }
};

} // namespace
} // namespace lathe
