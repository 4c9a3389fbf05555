// lib/Conversion/KernelToLLVM/DeviceEntry.cpp: the threads of a grid take the tasks of a phase in turn.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "DeviceEntry.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace lathe {

Value readRegister(OpBuilder &builder, Location loc, StringRef name) {
  Type i32 = builder.getI32Type(), i64 = builder.getI64Type();
  auto read = LLVM::CallIntrinsicOp::create(builder, loc, i32, builder.getStringAttr("llvm.nvvm.read.ptx.sreg." + name),
                                            ValueRange());
  return LLVM::ZExtOp::create(builder, loc, i64, read.getResults());
}

func::FuncOp createDeviceEntry(kernel::FuncOp kernel, func::FuncOp body, StringRef name, const DeviceBody &is) {
  Location loc = kernel.getLoc();
  OpBuilder builder(kernel.getContext());
  builder.setInsertionPointAfter(body);
  Type i64 = builder.getI64Type(), index = builder.getIndexType(),
       ptr = LLVM::LLVMPointerType::get(builder.getContext());
  unsigned shared = kernel.getShared(), scratch = kernel.getScratch();
  // The tasks, scratch memory and its stride, where checks are noted.
  SmallVector<Type> types = {i64, ptr, i64, ptr};
  constexpr unsigned first = 4;
  TypeRange own = TypeRange(body.getArgumentTypes()).drop_front(2).drop_back(shared + scratch + is.maps + is.failing);
  for (Type type : own)
    types.push_back(type.isIndex() ? i64 : ptr);
  if (shared)
    types.push_back(ptr);
  types.append(is.maps, ptr);
  auto entry = func::FuncOp::create(builder, loc, name, builder.getFunctionType(types, {}));
  Block *block = entry.addEntryBlock();
  builder.setInsertionPointToStart(block);
  auto asIndex = [&](Value value) -> Value { return arith::IndexCastOp::create(builder, loc, index, value); };
  // Who takes a task, and how many take one each: blocks, or threads.
  Value worker = readRegister(builder, loc, "ctaid.x"), step = readRegister(builder, loc, "nctaid.x");
  if (kernel.getBlockThreads() == 0) {
    Value size = readRegister(builder, loc, "ntid.x");
    Value start = LLVM::MulOp::create(builder, loc, worker, size);
    worker = LLVM::AddOp::create(builder, loc, start, readRegister(builder, loc, "tid.x"));
    step = LLVM::MulOp::create(builder, loc, step, size);
  }
  SmallVector<Value> arguments;
  for (auto [i, type] : llvm::enumerate(own)) {
    Value argument = block->getArgument(first + i);
    arguments.push_back(type.isIndex() ? asIndex(argument) : argument);
  }
  if (shared + scratch) {
    SmallVector<Type> bytesTypes(shared + scratch, index);
    auto bytes = func::CallOp::create(builder, loc, kernel.getMemoryAttr(), bytesTypes,
                                      ValueRange(arguments).take_front(kernel.getSizes()));
    auto place = [&](Value base, ValueRange list) {
      Value offset = arith::ConstantIndexOp::create(builder, loc, 0);
      for (Value one : list) {
        Value at = arith::IndexCastOp::create(builder, loc, i64, offset);
        arguments.push_back(
            LLVM::GEPOp::create(builder, loc, ptr, builder.getI8Type(), base, ArrayRef<LLVM::GEPArg>{at}));
        offset = arith::AddIOp::create(builder, loc, offset, one);
      }
    };
    if (shared)
      place(block->getArguments().drop_back(is.maps).back(), bytes.getResults().take_front(shared));
    Value offset = LLVM::MulOp::create(builder, loc, worker, block->getArgument(2));
    Value mine = LLVM::GEPOp::create(builder, loc, ptr, builder.getI8Type(), block->getArgument(1),
                                     ArrayRef<LLVM::GEPArg>{offset});
    place(mine, bytes.getResults().drop_front(shared));
  }
  llvm::append_range(arguments, block->getArguments().take_back(is.maps));
  if (is.failing)
    arguments.push_back(block->getArgument(3));
  if (is.staying) {
    SmallVector<Value> all = {asIndex(worker), asIndex(block->getArgument(0))};
    all.append(arguments);
    func::CallOp::create(builder, loc, body, all);
    func::ReturnOp::create(builder, loc);
    return entry;
  }
  auto loop = scf::ForOp::create(builder, loc, asIndex(worker), asIndex(block->getArgument(0)), asIndex(step));
  OpBuilder inner = OpBuilder::atBlockBegin(loop.getBody());
  Value task = loop.getInductionVar(), one = arith::ConstantIndexOp::create(inner, loc, 1);
  SmallVector<Value> all = {task, arith::AddIOp::create(inner, loc, task, one)};
  all.append(arguments);
  func::CallOp::create(inner, loc, body, all);
  func::ReturnOp::create(builder, loc);
  return entry;
}

} // namespace lathe
