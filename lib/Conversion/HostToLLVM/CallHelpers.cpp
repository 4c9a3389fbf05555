// lib/Conversion/HostToLLVM/CallHelpers.cpp: how generated code reports errors, and when it looks whether to go on.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "CallHelpers.h"
#include "lathe-runtime/module_abi.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace lathe {

namespace {

#define LATHE_OFFSET(FIELD) static_cast<int32_t>(offsetof(lathe_call, FIELD))

/// A private function at the end of a module, whose first argument is the call.
class Helper {
public:
  Helper(ModuleOp module, StringRef name, ArrayRef<Type> arguments, TypeRange results)
      : loc(module.getLoc()), builder(OpBuilder::atBlockEnd(module.getBody())),
        func(func::FuncOp::create(builder, loc, name, builder.getFunctionType(arguments, results))) {
    func.setPrivate();
    builder.setInsertionPointToStart(func.addEntryBlock());
  }

  Value argument(unsigned i) { return func.getArgument(i); }
  Value at(int32_t offset) {
    return LLVM::GEPOp::create(builder, loc, LLVM::LLVMPointerType::get(builder.getContext()), builder.getI8Type(),
                               argument(0), ArrayRef<LLVM::GEPArg>{offset});
  }
  Value load(Type type, int32_t offset) { return LLVM::LoadOp::create(builder, loc, type, at(offset)); }
  void store(Value value, int32_t offset) { LLVM::StoreOp::create(builder, loc, value, at(offset)); }
  Value number(Type type, int64_t n) {
    return arith::ConstantOp::create(builder, loc, builder.getIntegerAttr(type, n));
  }
  Block *block() { return builder.createBlock(&func.getBody(), func.getBody().end()); }
  void branch(Value condition, Block *yes, Block *no) { cf::CondBranchOp::create(builder, loc, condition, yes, no); }
  void finish(ValueRange results) { func::ReturnOp::create(builder, loc, results); }

  Location loc;
  OpBuilder builder;
  func::FuncOp func;
};

} // namespace

func::FuncOp failHelper(ModuleOp module) {
  if (auto made = module.lookupSymbol<func::FuncOp>("lathe.fail"))
    return made;
  MLIRContext *context = module.getContext();
  Type ptr = LLVM::LLVMPointerType::get(context), i32 = IntegerType::get(context, 32),
       i64 = IntegerType::get(context, 64);
  Helper helper(module, "lathe.fail", {ptr, i32, i64, i64}, {});
  OpBuilder &builder = helper.builder;
  Value exchanged = LLVM::AtomicCmpXchgOp::create(builder, helper.loc, helper.at(LATHE_OFFSET(error_code)),
                                                  helper.number(i32, 0), helper.argument(1),
                                                  LLVM::AtomicOrdering::monotonic, LLVM::AtomicOrdering::monotonic);
  Value isFirst = LLVM::ExtractValueOp::create(builder, helper.loc, exchanged, ArrayRef<int64_t>{1});
  Block *start = builder.getBlock(), *first = helper.block();
  for (unsigned i = 0; i < 2; ++i)
    helper.store(helper.argument(2 + i), LATHE_OFFSET(error_values) + 8 * static_cast<int32_t>(i));
  helper.finish({});
  Block *later = helper.block();
  helper.finish({});
  builder.setInsertionPointToEnd(start);
  helper.branch(isFirst, first, later);
  return helper.func;
}

func::FuncOp pollHelper(ModuleOp module) {
  if (auto made = module.lookupSymbol<func::FuncOp>("lathe.poll"))
    return made;
  MLIRContext *context = module.getContext();
  Type ptr = LLVM::LLVMPointerType::get(context), i32 = IntegerType::get(context, 32),
       i64 = IntegerType::get(context, 64);
  Helper helper(module, "lathe.poll", {ptr, i32}, i32);
  OpBuilder &builder = helper.builder;
  Location loc = helper.loc;
  Block *start = builder.getBlock();

  Block *look = helper.block();
  Value flag = helper.load(ptr, LATHE_OFFSET(cancel));
  // Volatile: another thread sets it, and no turn may take the last one's word.
  Value set = LLVM::LoadOp::create(builder, loc, i32, flag, /*alignment=*/4, /*isVolatile=*/true);
  Value isSet = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne, set, helper.number(i32, 0));
  Block *cancelled = helper.block();
  helper.finish(helper.number(i32, LATHE_TASK_CANCELLED));

  Block *count = helper.block();
  Value steps = helper.load(i64, LATHE_OFFSET(loop_steps)), most = helper.load(i64, LATHE_OFFSET(max_loop_steps));
  Value isOver = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::sge, steps, most);
  Block *over = helper.block();
  Value one = helper.number(i32, 1);
  helper.store(arith::AddIOp::create(builder, loc, helper.argument(1), one), LATHE_OFFSET(error_code));
  helper.store(most, LATHE_OFFSET(error_values));
  helper.finish(helper.number(i32, LATHE_TASK_LIMIT));
  Block *fine = helper.block();
  Value more = arith::AddIOp::create(builder, loc, steps, helper.number(i64, 1));
  helper.store(more, LATHE_OFFSET(loop_steps));
  helper.finish(helper.number(i32, 0));

  builder.setInsertionPointToEnd(count);
  helper.branch(isOver, over, fine);
  builder.setInsertionPointToEnd(look);
  helper.branch(isSet, cancelled, count);
  builder.setInsertionPointToEnd(start);
  Value given = helper.load(ptr, LATHE_OFFSET(cancel)), none = LLVM::ZeroOp::create(builder, loc, ptr);
  helper.branch(LLVM::ICmpOp::create(builder, loc, LLVM::ICmpPredicate::ne, given, none), look, count);
  return helper.func;
}

} // namespace lathe
