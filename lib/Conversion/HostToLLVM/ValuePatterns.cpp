// lib/Conversion/HostToLLVM/ValuePatterns.cpp: sequences and optional values in the module ABI.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ValuePatterns.h"
#include "dialects/Host/RuntimeTypes.h"

using namespace mlir;

namespace lathe {
namespace {

Value isNull(CallBuilder &c, Value address) {
  return LLVM::ICmpOp::create(c.b, c.loc, LLVM::ICmpPredicate::eq, address, LLVM::ZeroOp::create(c.b, c.loc, c.ptr));
}

struct Describe final : OpConversionPattern<host::DescribeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(host::DescribeOp op, OpAdaptor adaptor, ConversionPatternRewriter &b) const override {
    CallBuilder c = callOf(b, op);
    constexpr int64_t tensor = offsetof(lathe_value, tensor);
    auto [alloc, context] = c.service(LATHE_OFFSET(lathe_imports, alloc));
    auto type = LLVM::LLVMFunctionType::get(c.ptr, {c.ptr, c.i64, c.i64});
    Value size = c.number(sizeof(lathe_value)), alignment = c.number(LATHE_ALIGNMENT);
    Value value = LLVM::CallOp::create(b, op.getLoc(), type, ValueRange{alloc, context, size, alignment}).getResult();
    returnIf(b, op, isNull(c, value), [](CallBuilder &end) { return end.status(LATHE_TASK_OUT_OF_MEMORY); });
    c.store(c.status(LATHE_KIND_TENSOR), value, offsetof(lathe_value, kind));
    c.store(c.status(0), value, offsetof(lathe_value, reserved));
    c.store(adaptor.getData(), value, tensor + offsetof(lathe_tensor, data));
    c.store(c.status(host::getRuntimeType(op.getType())), value, tensor + offsetof(lathe_tensor, dtype));
    c.store(c.status(static_cast<int32_t>(op.getSizes().size())), value, tensor + offsetof(lathe_tensor, rank));
    c.store(c.status(LATHE_SPACE_HOST), value, tensor + offsetof(lathe_tensor, space));
    c.store(c.status(0), value, tensor + offsetof(lathe_tensor, reserved));
    for (auto [d, dim] : llvm::enumerate(adaptor.getSizes()))
      c.store(c.asInt(dim), value, tensor + offsetof(lathe_tensor, dims) + 8 * static_cast<int64_t>(d));
    b.replaceOp(op, value);
    return success();
  }
};

struct MakeValue final : OpConversionPattern<host::MakeValueOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(host::MakeValueOp op, OpAdaptor adaptor, ConversionPatternRewriter &b) const override {
    CallBuilder c = callOf(b, op);
    auto [make, context] = c.service(LATHE_OFFSET(lathe_imports, make_value));
    auto type = LLVM::LLVMFunctionType::get(c.ptr, {c.ptr, c.ptr, c.i32, c.ptr, c.ptr, c.i64, c.i64});
    Value action = c.status(static_cast<int32_t>(op.getAction()));
    Value result =
        LLVM::CallOp::create(b, op.getLoc(), type,
                             ValueRange{make, context, c.call, action, adaptor.getValue(), adaptor.getOther(),
                                        c.asInt(adaptor.getA()), c.asInt(adaptor.getB())})
            .getResult();
    returnIf(b, op, isNull(c, result), [&](CallBuilder &end) -> Value {
      // Below 0 it is a status already.
      Value code = end.load(end.i32, end.call, LATHE_OFFSET(lathe_call, error_code));
      Value isStatus = end.compare(arith::CmpIPredicate::slt, code, end.status(0));
      return arith::SelectOp::create(b, op.getLoc(), isStatus, code, end.status(static_cast<int32_t>(op.getId() + 1)));
    });
    b.replaceOp(op, result);
    return success();
  }
};

struct LoadAddress final : OpConversionPattern<host::LoadAddressOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(host::LoadAddressOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    CallBuilder c = callOf(b, op);
    b.replaceOp(op, c.load(c.ptr, adaptor.getSource(), static_cast<int64_t>(op.getPosition() * sizeof(void *))));
    return success();
  }
};

} // namespace

void populateValuePatterns(TypeConverter &types, RewritePatternSet &patterns) {
  patterns.add<Describe, MakeValue, LoadAddress>(types, patterns.getContext());
}

} // namespace lathe
