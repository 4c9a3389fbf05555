// lib/Conversion/HostToLLVM/CallFields.h: reads and writes of what a call hands to generated code.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CONVERSION_HOSTTOLLVM_CALLFIELDS_H
#define LATHE_CONVERSION_HOSTTOLLVM_CALLFIELDS_H

#include "KernelLaunch.h"
#include "dialects/Host/Host.h"
#include "lathe-runtime/module_abi.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Transforms/DialectConversion.h"

/// Offsets of fields come from the header itself.
#define LATHE_OFFSET(STRUCT, FIELD) static_cast<int32_t>(offsetof(STRUCT, FIELD))

namespace lathe {

/// Builds code at one place; `call` is the address of the lathe_call.
struct CallBuilder {
  CallBuilder(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value call = {})
      : b(builder), loc(loc), call(call), i32(b.getI32Type()), i64(b.getI64Type()), index(b.getIndexType()),
        ptr(mlir::LLVM::LLVMPointerType::get(b.getContext())) {}

  mlir::Value number(int64_t n) { return mlir::arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(n)); }
  mlir::Value status(int32_t n) { return mlir::arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(n)); }
  mlir::Value asIndex(mlir::Value v) { return mlir::arith::IndexCastOp::create(b, loc, index, v); }
  mlir::Value asInt(mlir::Value v) { return mlir::arith::IndexCastOp::create(b, loc, i64, v); }
  mlir::Value at(mlir::Value base, int64_t bytes) {
    return mlir::LLVM::GEPOp::create(b, loc, ptr, b.getI8Type(), base,
                                     llvm::ArrayRef<mlir::LLVM::GEPArg>{static_cast<int32_t>(bytes)});
  }
  mlir::Value at(mlir::Value base, mlir::Value bytes) {
    return mlir::LLVM::GEPOp::create(b, loc, ptr, b.getI8Type(), base, llvm::ArrayRef<mlir::LLVM::GEPArg>{bytes});
  }
  mlir::Value load(mlir::Type type, mlir::Value base, int64_t bytes) {
    return mlir::LLVM::LoadOp::create(b, loc, type, at(base, bytes));
  }
  void store(mlir::Value value, mlir::Value base, int64_t bytes) {
    mlir::LLVM::StoreOp::create(b, loc, value, at(base, bytes));
  }
  /// Entry `i` of an array of pointers that a field of the call points to.
  mlir::Value entry(int64_t field, int64_t i) { return load(ptr, load(ptr, call, field), i * sizeof(void *)); }
  /// A function of the program's services, and its context.
  std::pair<mlir::Value, mlir::Value> service(int64_t field) {
    mlir::Value imports = load(ptr, call, LATHE_OFFSET(lathe_call, imports));
    return {load(ptr, imports, field), load(ptr, imports, LATHE_OFFSET(lathe_imports, context))};
  }
  /// The lathe_call_space of a space other than the host's.
  mlir::Value spaceOf(host::Space space) {
    return entry(LATHE_OFFSET(lathe_call, spaces), static_cast<int64_t>(space));
  }
  /// A function for memory in a space, and its context.
  std::pair<mlir::Value, mlir::Value> memoryService(host::Space space, int64_t ofHost, int64_t ofOthers) {
    if (space == host::Space::host)
      return service(ofHost);
    mlir::Value services = load(ptr, spaceOf(space), LATHE_OFFSET(lathe_call_space, services));
    return {load(ptr, services, ofOthers), load(ptr, services, LATHE_OFFSET(lathe_space_services, context))};
  }
  mlir::Value compare(mlir::arith::CmpIPredicate predicate, mlir::Value x, mlir::Value y) {
    return mlir::arith::CmpIOp::create(b, loc, predicate, x, y);
  }
  /// An integer of memory as a number: unsigned ones and booleans, which are
  /// bytes, without a sign.
  mlir::Value readInteger(mlir::Value base, int64_t position, mlir::Type declared) {
    auto integer = mlir::cast<mlir::IntegerType>(declared);
    unsigned width = std::max(8u, integer.getWidth());
    mlir::Value value = load(b.getIntegerType(width), base, position * (width / 8));
    bool hasSign = !integer.isUnsigned() && integer.getWidth() != 1;
    return hasSign ? asIndex(value) : mlir::Value(mlir::arith::IndexCastUIOp::create(b, loc, index, value));
  }

  mlir::OpBuilder &b;
  mlir::Location loc;
  mlir::Value call;
  mlir::Type i32, i64, index, ptr;
};

/// A builder at `b` for the call of the program that `op` is in.
CallBuilder callOf(mlir::OpBuilder &b, mlir::Operation *op);

/// Ends the function with a status behind `op` where `fails`. The builder is at the
/// start of what follows then.
void returnIf(mlir::ConversionPatternRewriter &b, mlir::Operation *op, mlir::Value fails,
              llvm::function_ref<mlir::Value(CallBuilder &)> makeStatus);

/// What the patterns need to know of the module.
struct HostModule {
  mlir::ModuleOp module;
  llvm::StringMap<int64_t> offsets; ///< Of constants, in the weights.
  mlir::func::FuncOp poll;          ///< `@lathe.poll`, where there are loops.
  /// Of each converted program: where launches put their loops and arguments.
  llvm::DenseMap<mlir::Operation *, mlir::Value> closures;
  llvm::DenseMap<mlir::Operation *, LaunchPlace> places; ///< Of launches there.
};

/// Patterns for all ops in programs that are functions already, whose branches and
/// loops are `cf`.
void populateHostToLLVMPatterns(mlir::TypeConverter &types, HostModule &host, mlir::RewritePatternSet &patterns);

} // namespace lathe

#endif // LATHE_CONVERSION_HOSTTOLLVM_CALLFIELDS_H
