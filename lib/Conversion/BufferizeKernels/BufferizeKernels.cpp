// lib/Conversion/BufferizeKernels/BufferizeKernels.cpp: kernels on tensors become functions on memrefs.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Kernel/Kernel.h"
#include "lathe/Conversion/Buffers.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotAnalysis.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Transforms.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_BUFFERIZEKERNELSPASS
#include "lathe/Conversion/Buffers.h.inc"

namespace {

MemRefType bufferType(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return MemRefType::get(tensor.getShape(), tensor.getElementType());
}

/// The function that takes the kernel's place: sizes, operands and then
/// results as arguments. The dims of every buffer are written down as an
/// argument attribute, since the kernel's types have lost them.
func::FuncOp createFunction(kernel::FuncOp kernel) {
  OpBuilder builder(kernel);
  MLIRContext *context = kernel.getContext();
  SmallVector<Type> types(kernel.getSizes(), builder.getIndexType());
  for (Value tensor : kernel.getTensorArguments())
    types.push_back(bufferType(tensor.getType()));
  for (Type type : kernel.getResultTypes())
    types.push_back(bufferType(type));
  auto func =
      func::FuncOp::create(builder, kernel.getLoc(), kernel.getSymName(), FunctionType::get(context, types, {}));
  if (kernel.getStrategy())
    func->setAttr("kernel.strategy", kernel.getStrategyAttr());
  if (kernel.getTarget())
    func->setAttr("kernel.target", kernel.getTargetAttr());
  func->setAttr("kernel.sizes", kernel.getSizesAttr());
  auto dims = kernel->getAttrOfType<ArrayAttr>("kernel.dims");
  for (auto [i, map] : llvm::enumerate(dims))
    func.setArgAttr(kernel.getSizes() + i, "kernel.dims", map);
  return func;
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

void moveBody(kernel::FuncOp kernel, func::FuncOp func) {
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
  func::ReturnOp::create(builder, loc);
  terminator.erase();
}

/// `value` in memory of its own, made at the insertion point.
Value copyOf(OpBuilder &builder, Location loc, Value value) {
  auto type = cast<MemRefType>(value.getType());
  SmallVector<Value> sizes;
  for (int64_t i = 0; i < type.getRank(); ++i)
    if (type.isDynamicDim(i))
      sizes.push_back(memref::DimOp::create(builder, loc, value, i));
  auto own = MemRefType::get(type.getShape(), type.getElementType());
  Value copy = memref::AllocOp::create(builder, loc, own, sizes);
  linalg::CopyOp::create(builder, loc, value, copy);
  return type == own ? copy : Value(memref::CastOp::create(builder, loc, type, copy));
}

Value withoutCasts(Value value) {
  while (auto cast = value.getDefiningOp<memref::CastOp>())
    value = cast.getSource();
  return value;
}

/// Frees each temporary at the end of the block that owns it: the block that
/// allocates it, or, where a branch yields it, the block around the branch. A
/// branch that yields something else yields a copy, so that the owner may free
/// what it gets.
void freeTemporaries(func::FuncOp func) {
  SmallVector<Value> owned;
  func.walk([&](memref::AllocOp alloc) { owned.push_back(alloc); });
  DenseSet<Value> done;
  while (!owned.empty()) {
    Value value = owned.pop_back_val();
    if (!done.insert(value).second)
      continue;
    Block *block = value.getParentBlock();
    auto yield = dyn_cast<scf::YieldOp>(block->getTerminator());
    auto branch = dyn_cast<scf::IfOp>(block->getParentOp());
    bool yielded = false;
    if (yield && branch)
      for (OpOperand &operand : yield->getOpOperands()) {
        if (withoutCasts(operand.get()) != value)
          continue;
        yielded = true;
        unsigned index = operand.getOperandNumber();
        for (Region &region : branch->getRegions()) {
          auto other = cast<scf::YieldOp>(region.front().getTerminator());
          Value source = withoutCasts(other.getOperand(index));
          if (source.getDefiningOp<memref::AllocOp>() && source.getParentBlock() == &region.front())
            continue;
          OpBuilder builder(other);
          Value copy = copyOf(builder, other.getLoc(), other.getOperand(index));
          done.insert(withoutCasts(copy));
          other.setOperand(index, copy);
        }
        owned.push_back(branch.getResult(index));
      }
    if (yielded)
      continue;
    OpBuilder builder(block->getTerminator());
    memref::DeallocOp::create(builder, value.getLoc(), value);
  }
}

/// Copies as loops: a copy between strided buffers would otherwise call a
/// library that the artifact does not have.
void writeOutCopies(func::FuncOp func) {
  func.walk([&](memref::CopyOp copy) {
    OpBuilder builder(copy);
    if (copy.getSource() != copy.getTarget())
      linalg::CopyOp::create(builder, copy.getLoc(), copy.getSource(), copy.getTarget());
    copy.erase();
  });
}

struct BufferizeKernelsPass final : impl::BufferizeKernelsPassBase<BufferizeKernelsPass> {
  void runOnOperation() override {
    bufferization::OneShotBufferizationOptions options;
    options.unknownTypeConverterFn = [](TensorType type, Attribute space, const bufferization::BufferizationOptions &) {
      return bufferization::getMemRefTypeWithStaticIdentityLayout(type, space);
    };
    for (kernel::FuncOp kernel : llvm::make_early_inc_range(getOperation().getOps<kernel::FuncOp>())) {
      func::FuncOp func = createFunction(kernel);
      moveBody(kernel, func);
      kernel.erase();
      IRRewriter rewriter(func);
      bufferization::BufferizationState state;
      if (failed(bufferization::eliminateEmptyTensors(rewriter, func)) ||
          failed(bufferization::runOneShotBufferize(func, options, state)))
        return signalPassFailure();
      bufferization::hoistBuffersFromLoops(func);
      writeOutCopies(func);
      freeTemporaries(func);
    }
  }
};

} // namespace
} // namespace lathe
