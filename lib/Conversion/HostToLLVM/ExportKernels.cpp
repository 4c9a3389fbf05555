// lib/Conversion/HostToLLVM/ExportKernels.cpp: kernels without a model become functions that C code calls.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "KernelLaunch.h"
#include "lathe-runtime/module_abi.h"
#include "lathe/Conversion/Buffers.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_EXPORTKERNELSPASS
#include "lathe/Conversion/Buffers.h.inc"

namespace {

/// The arguments of `kernel` as C passes them, behind the call: sizes and, if
/// `withBuffers`, pointers.
SmallVector<Type> argumentTypes(kernel::EntryOp entry, bool withBuffers) {
  MLIRContext *context = entry.getContext();
  SmallVector<Type> types = {LLVM::LLVMPointerType::get(context)};
  for (Type type : entry.getFunctionType().getInputs())
    if (type.isIndex())
      types.push_back(IntegerType::get(context, 64));
    else if (withBuffers)
      types.push_back(LLVM::LLVMPointerType::get(context));
  return types;
}

SmallVector<Value> sizesOf(OpBuilder &builder, kernel::EntryOp entry, Block *block) {
  SmallVector<Value> sizes;
  for (unsigned i = 0; i < entry.getSizes(); ++i)
    sizes.push_back(
        arith::IndexCastOp::create(builder, entry.getLoc(), builder.getIndexType(), block->getArgument(1 + i)));
  return sizes;
}

void createCall(kernel::EntryOp entry) {
  Location loc = entry.getLoc();
  OpBuilder builder(entry);
  Type i64 = builder.getI64Type(), ptr = LLVM::LLVMPointerType::get(builder.getContext());
  auto func = func::FuncOp::create(builder, loc, ("lathe_kernel_" + entry.getSymName()).str(),
                                   builder.getFunctionType(argumentTypes(entry, true), builder.getI32Type()));
  Block *block = func.addEntryBlock();
  builder.setInsertionPointToStart(block);
  Value call = block->getArgument(0);
  KernelLaunch launch(builder, loc, entry, call, sizesOf(builder, entry, block));
  SmallVector<Value> buffers(block->getArguments().drop_front(1 + entry.getSizes()));
  LaunchPlace place;
  place.closure = KernelLaunch::bytesOfLoops(KernelLaunch::loopsOf(entry));
  int64_t count = place.closure / static_cast<int64_t>(sizeof(uint64_t)) + launch.closureWords(buffers.size());
  Value temporaries, words = arith::ConstantOp::create(builder, loc, builder.getI64IntegerAttr(count));
  place.memory = LLVM::AllocaOp::create(builder, loc, ptr, i64, words, /*alignment=*/8);
  if (entry.getMemoryAttr()) {
    auto offset = static_cast<int32_t>(offsetof(lathe_call, workspace));
    Value field = LLVM::GEPOp::create(builder, loc, ptr, builder.getI8Type(), call, ArrayRef<LLVM::GEPArg>{offset});
    temporaries = LLVM::LoadOp::create(builder, loc, ptr, field);
  }
  launch.run(buffers, temporaries, place);
  Value fine = arith::ConstantOp::create(builder, loc, builder.getI32IntegerAttr(0));
  func::ReturnOp::create(builder, loc, fine);
}

void createWorkspace(kernel::EntryOp entry) {
  Location loc = entry.getLoc();
  OpBuilder builder(entry);
  Type i64 = builder.getI64Type();
  auto func = func::FuncOp::create(builder, loc, ("lathe_kernel_" + entry.getSymName() + "_workspace").str(),
                                   builder.getFunctionType(argumentTypes(entry, false), i64));
  Block *block = func.addEntryBlock();
  builder.setInsertionPointToStart(block);
  Value bytes =
      KernelLaunch(builder, loc, entry, block->getArgument(0), sizesOf(builder, entry, block)).workspaceBytes();
  if (!bytes)
    bytes = arith::ConstantIndexOp::create(builder, loc, 0);
  Value number = arith::IndexCastOp::create(builder, loc, i64, bytes);
  func::ReturnOp::create(builder, loc, number);
}

struct ExportKernelsPass final : impl::ExportKernelsPassBase<ExportKernelsPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    // The kernels of a model are the model's own.
    if (!module.getOps<host::ProgramOp>().empty())
      return;
    for (auto entry : llvm::make_early_inc_range(module.getOps<kernel::EntryOp>())) {
      createCall(entry);
      createWorkspace(entry);
    }
  }
};

} // namespace
} // namespace lathe
