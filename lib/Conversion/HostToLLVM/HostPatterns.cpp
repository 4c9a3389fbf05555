// lib/Conversion/HostToLLVM/HostPatterns.cpp: what each action of a launch program is in the module ABI.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "CallFields.h"
#include "dialects/Graph/ElementTypes.h"

using namespace mlir;

namespace lathe {

CallBuilder callOf(OpBuilder &b, Operation *op) {
  return {b, op->getLoc(), op->getParentOfType<func::FuncOp>().getArgument(0)};
}

void returnIf(ConversionPatternRewriter &b, Operation *op, Value fails, function_ref<Value(CallBuilder &)> makeStatus) {
  Block *here = b.getInsertionBlock(), *next = b.splitBlock(here, b.getInsertionPoint());
  Block *end = b.createBlock(next);
  CallBuilder c = callOf(b, op);
  func::ReturnOp::create(b, op->getLoc(), makeStatus(c));
  b.setInsertionPointToEnd(here);
  cf::CondBranchOp::create(b, op->getLoc(), fails, end, next);
  b.setInsertionPointToStart(next);
}

namespace {

template <typename OpT> class HostPattern : public OpConversionPattern<OpT> {
public:
  HostPattern(const TypeConverter &types, HostModule &host)
      : OpConversionPattern<OpT>(types, host.module.getContext()), host(host) {}

protected:
  kernel::EntryOp entryOf(StringRef kernel) const { return host.module.lookupSymbol<kernel::EntryOp>(kernel); }

  HostModule &host;
};

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

struct Dim final : HostPattern<host::DimOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(host::DimOp op, OpAdaptor, ConversionPatternRewriter &b) const override {
    CallBuilder c = callOf(b, op);
    Value dims = c.entry(LATHE_OFFSET(lathe_call, input_dims), op.getInput());
    b.replaceOp(op, c.asIndex(c.load(c.i64, dims, 8 * op.getDim())));
    return success();
  }
};

struct Element final : HostPattern<host::ElementOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(host::ElementOp op, OpAdaptor, ConversionPatternRewriter &b) const override {
    CallBuilder c = callOf(b, op);
    Value data = c.entry(LATHE_OFFSET(lathe_call, inputs), op.getInput());
    b.replaceOp(op, c.readInteger(data, op.getPosition(), op.getType()));
    return success();
  }
};

struct Load final : HostPattern<host::LoadOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(host::LoadOp op, OpAdaptor adaptor, ConversionPatternRewriter &b) const override {
    CallBuilder c = callOf(b, op);
    b.replaceOp(op, c.readInteger(adaptor.getSource(), op.getPosition(), op.getType()));
    return success();
  }
};

struct Store final : HostPattern<host::StoreOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(host::StoreOp op, OpAdaptor adaptor, ConversionPatternRewriter &b) const override {
    CallBuilder c = callOf(b, op);
    c.store(c.asInt(adaptor.getValue()), adaptor.getTarget(), 0);
    b.eraseOp(op);
    return success();
  }
};

/// The largest or the smallest number where the result does not fit.
template <typename OpT, typename Overflowing> struct Saturating final : HostPattern<OpT> {
  using HostPattern<OpT>::HostPattern;
  LogicalResult matchAndRewrite(OpT op, typename OpT::Adaptor adaptor, ConversionPatternRewriter &b) const override {
    CallBuilder c = callOf(b, op);
    Value x = c.asInt(adaptor.getA()), y = c.asInt(adaptor.getB());
    auto pair = LLVM::LLVMStructType::getLiteral(b.getContext(), {c.i64, b.getI1Type()});
    Value both = Overflowing::create(b, op.getLoc(), pair, x, y);
    Value result = LLVM::ExtractValueOp::create(b, op.getLoc(), both, ArrayRef<int64_t>{0});
    Value overflows = LLVM::ExtractValueOp::create(b, op.getLoc(), both, ArrayRef<int64_t>{1});
    // The sign of a product is that of the factors, of a sum that of either.
    Value zero = c.number(0), isBelow = c.compare(arith::CmpIPredicate::slt, x, zero);
    if (std::is_same_v<OpT, host::MulOp>)
      isBelow = arith::XOrIOp::create(b, op.getLoc(), isBelow, c.compare(arith::CmpIPredicate::slt, y, zero));
    Value end = arith::SelectOp::create(b, op.getLoc(), isBelow, c.number(INT64_MIN), c.number(INT64_MAX));
    b.replaceOp(op, c.asIndex(arith::SelectOp::create(b, op.getLoc(), overflows, end, result)));
    return success();
  }
};

struct SetDim final : HostPattern<host::SetDimOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(host::SetDimOp op, OpAdaptor adaptor, ConversionPatternRewriter &b) const override {
    CallBuilder c = callOf(b, op);
    Value dims = c.entry(LATHE_OFFSET(lathe_call, output_dims), op.getOutput());
    c.store(c.asInt(adaptor.getSize()), dims, 8 * op.getDim());
    b.eraseOp(op);
    return success();
  }
};

struct SetWorkspace final : HostPattern<host::SetWorkspaceOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(host::SetWorkspaceOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    CallBuilder c = callOf(b, op);
    c.store(c.asInt(adaptor.getBytes()), op->getParentOfType<func::FuncOp>().getArgument(1),
            static_cast<int64_t>(sizeof(uint64_t)) * static_cast<int64_t>(op.getSpace()));
    b.eraseOp(op);
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

struct Check final : HostPattern<host::CheckOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(host::CheckOp op, OpAdaptor adaptor, ConversionPatternRewriter &b) const override {
    auto predicate = op.getRelation() == host::Relation::ge ? arith::CmpIPredicate::slt : arith::CmpIPredicate::ne;
    Value fails = arith::CmpIOp::create(b, op.getLoc(), predicate, adaptor.getA(), adaptor.getB());
    if (op.getRelation() == host::Relation::broadcast) {
      Value one = arith::ConstantIndexOp::create(b, op.getLoc(), 1);
      for (Value size : {adaptor.getA(), adaptor.getB()}) {
        Value isMore = arith::CmpIOp::create(b, op.getLoc(), arith::CmpIPredicate::ne, size, one);
        fails = arith::AndIOp::create(b, op.getLoc(), fails, isMore);
      }
    }
    returnIf(b, op, fails, [&](CallBuilder &c) {
      c.store(c.asInt(adaptor.getA()), c.call, LATHE_OFFSET(lathe_call, error_values));
      c.store(c.asInt(adaptor.getB()), c.call, LATHE_OFFSET(lathe_call, error_values) + 8);
      return c.status(static_cast<int32_t>(op.getId() + 1));
    });
    b.eraseOp(op);
    return success();
  }
};

struct Poll final : HostPattern<host::PollOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(host::PollOp op, OpAdaptor, ConversionPatternRewriter &b) const override {
    CallBuilder c = callOf(b, op);
    Value id = c.status(static_cast<int32_t>(op.getId()));
    Value result = func::CallOp::create(b, op.getLoc(), host.poll, ValueRange{c.call, id}).getResult(0);
    returnIf(b, op, c.compare(arith::CmpIPredicate::ne, result, c.status(0)), [&](CallBuilder &) { return result; });
    b.eraseOp(op);
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

struct Input final : HostPattern<host::InputOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(host::InputOp op, OpAdaptor, ConversionPatternRewriter &b) const override {
    b.replaceOp(op, callOf(b, op).entry(LATHE_OFFSET(lathe_call, inputs), op.getIndex()));
    return success();
  }
};

struct Output final : HostPattern<host::OutputOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(host::OutputOp op, OpAdaptor, ConversionPatternRewriter &b) const override {
    b.replaceOp(op, callOf(b, op).entry(LATHE_OFFSET(lathe_call, outputs), op.getIndex()));
    return success();
  }
};

struct SetOutput final : HostPattern<host::SetOutputOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(host::SetOutputOp op, OpAdaptor adaptor, ConversionPatternRewriter &b) const override {
    CallBuilder c = callOf(b, op);
    Value outputs = c.load(c.ptr, c.call, LATHE_OFFSET(lathe_call, outputs));
    c.store(adaptor.getAddress(), outputs, static_cast<int64_t>(op.getOutput() * sizeof(void *)));
    b.eraseOp(op);
    return success();
  }
};

static_assert(static_cast<int>(host::Space::host) == LATHE_SPACE_HOST &&
              static_cast<int>(host::Space::cuda) == LATHE_SPACE_CUDA);

host::Space spaceOf(Value buffer) { return cast<host::BufferType>(buffer.getType()).getSpace(); }

/// A field of the call, or the field of the same meaning that another space has.
Value baseOf(CallBuilder &c, Value buffer, int64_t ofHost, int64_t ofOthers) {
  host::Space space = spaceOf(buffer);
  return space == host::Space::host ? c.load(c.ptr, c.call, ofHost) : c.load(c.ptr, c.spaceOf(space), ofOthers);
}

struct Workspace final : HostPattern<host::WorkspaceOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(host::WorkspaceOp op, OpAdaptor adaptor, ConversionPatternRewriter &b) const override {
    CallBuilder c = callOf(b, op);
    Value base =
        baseOf(c, op.getAddress(), LATHE_OFFSET(lathe_call, workspace), LATHE_OFFSET(lathe_call_space, workspace));
    b.replaceOp(op, c.at(base, c.asInt(adaptor.getOffset())));
    return success();
  }
};

struct AddressOf final : HostPattern<host::AddressOfOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(host::AddressOfOp op, OpAdaptor, ConversionPatternRewriter &b) const override {
    CallBuilder c = callOf(b, op);
    Value base = baseOf(c, op.getAddress(), LATHE_OFFSET(lathe_call, weights), LATHE_OFFSET(lathe_call_space, weights));
    b.replaceOp(op, c.at(base, c.number(host.offsets.at(op.getConstant()))));
    return success();
  }
};

struct Offset final : HostPattern<host::OffsetOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(host::OffsetOp op, OpAdaptor adaptor, ConversionPatternRewriter &b) const override {
    CallBuilder c = callOf(b, op);
    b.replaceOp(op, c.at(adaptor.getBase(), c.asInt(adaptor.getBytes())));
    return success();
  }
};

struct Null final : HostPattern<host::NullOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(host::NullOp op, OpAdaptor, ConversionPatternRewriter &b) const override {
    b.replaceOpWithNewOp<LLVM::ZeroOp>(op, LLVM::LLVMPointerType::get(b.getContext()));
    return success();
  }
};

struct Alloc final : HostPattern<host::AllocOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(host::AllocOp op, OpAdaptor adaptor, ConversionPatternRewriter &b) const override {
    CallBuilder c = callOf(b, op);
    Location loc = op.getLoc();
    auto [alloc, context] = c.memoryService(spaceOf(op.getAddress()), LATHE_OFFSET(lathe_imports, alloc),
                                            LATHE_OFFSET(lathe_space_services, alloc));
    auto type = LLVM::LLVMFunctionType::get(c.ptr, {c.ptr, c.i64, c.i64});
    // What has no elements has an address all the same.
    Value bytes = arith::MaxUIOp::create(b, loc, c.asInt(adaptor.getBytes()), c.number(1));
    Value memory =
        LLVM::CallOp::create(b, loc, type, ValueRange{alloc, context, bytes, c.number(LATHE_ALIGNMENT)}).getResult();
    Value isNone = LLVM::ICmpOp::create(b, loc, LLVM::ICmpPredicate::eq, memory, LLVM::ZeroOp::create(b, loc, c.ptr));
    returnIf(b, op, isNone, [&](CallBuilder &end) {
      if (std::optional<uint64_t> id = op.getId()) {
        end.store(end.status(static_cast<int32_t>(*id + 1)), end.call, LATHE_OFFSET(lathe_call, error_code));
        end.store(bytes, end.call, LATHE_OFFSET(lathe_call, error_values));
      }
      return end.status(LATHE_TASK_OUT_OF_MEMORY);
    });
    b.replaceOp(op, memory);
    return success();
  }
};

struct Free final : HostPattern<host::FreeOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(host::FreeOp op, OpAdaptor adaptor, ConversionPatternRewriter &b) const override {
    CallBuilder c = callOf(b, op);
    auto [release, context] = c.memoryService(spaceOf(op.getAddress()), LATHE_OFFSET(lathe_imports, free),
                                              LATHE_OFFSET(lathe_space_services, free));
    auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), {c.ptr, c.ptr});
    LLVM::CallOp::create(b, op.getLoc(), type, ValueRange{release, context, adaptor.getAddress()});
    b.eraseOp(op);
    return success();
  }
};

struct Copy final : HostPattern<host::CopyOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(host::CopyOp op, OpAdaptor adaptor, ConversionPatternRewriter &b) const override {
    CallBuilder c = callOf(b, op);
    host::Space from = spaceOf(op.getSource()), to = spaceOf(op.getTarget());
    if (from != host::Space::host || to != host::Space::host) {
      copyAcross(b, op, adaptor, from, to);
      return success();
    }
    LLVM::MemcpyOp::create(b, op.getLoc(), adaptor.getTarget(), adaptor.getSource(), bytesOf(c, op, adaptor),
                           /*isVolatile=*/false);
    b.eraseOp(op);
    return success();
  }

  /// None where the two may be the same memory and are.
  static Value bytesOf(CallBuilder &c, host::CopyOp op, OpAdaptor adaptor) {
    Value bytes = c.asInt(adaptor.getBytes());
    if (!op.getUnlessSame())
      return bytes;
    Value isSame = LLVM::ICmpOp::create(c.b, c.loc, LLVM::ICmpPredicate::eq, adaptor.getSource(), adaptor.getTarget());
    return arith::SelectOp::create(c.b, c.loc, isSame, c.number(0), bytes);
  }

  /// By the services of the space that is not the host's.
  static void copyAcross(ConversionPatternRewriter &b, host::CopyOp op, OpAdaptor adaptor, host::Space from,
                         host::Space to) {
    CallBuilder c = callOf(b, op);
    auto [copy, context] =
        c.memoryService(to == host::Space::host ? from : to, /*ofHost=*/0, LATHE_OFFSET(lathe_space_services, copy));
    auto type = LLVM::LLVMFunctionType::get(c.i32, {c.ptr, c.ptr, c.i32, c.ptr, c.i32, c.i64});
    SmallVector<Value> arguments = {copy,
                                    context,
                                    adaptor.getTarget(),
                                    c.status(static_cast<int32_t>(to)),
                                    adaptor.getSource(),
                                    c.status(static_cast<int32_t>(from)),
                                    bytesOf(c, op, adaptor)};
    Value status = LLVM::CallOp::create(b, op.getLoc(), type, arguments).getResult();
    returnIf(b, op, c.compare(arith::CmpIPredicate::ne, status, c.status(0)), [&](CallBuilder &) { return status; });
    b.eraseOp(op);
  }
};

//===----------------------------------------------------------------------===//
// Strings
//===----------------------------------------------------------------------===//

struct Text final : HostPattern<host::TextOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(host::TextOp op, OpAdaptor adaptor, ConversionPatternRewriter &b) const override {
    CallBuilder c = callOf(b, op);
    // Where launches put their arguments there is room for this, too.
    Value text = host.closures.lookup(op->getParentOfType<func::FuncOp>());
    auto operands = static_cast<int64_t>(op.getOperandsAttr().getInt());
    for (auto [i, buffer, count, width, type] :
         llvm::enumerate(adaptor.getBuffers(), adaptor.getCounts(), adaptor.getWidths(), op.getTypes())) {
      Value at = c.at(text, static_cast<int64_t>(sizeof(lathe_text_call) + i * sizeof(lathe_text_tensor)));
      const graph::ElementType *row = graph::findElementType(cast<TypeAttr>(type).getValue());
      c.store(buffer, at, LATHE_OFFSET(lathe_text_tensor, data));
      c.store(c.asInt(count), at, LATHE_OFFSET(lathe_text_tensor, count));
      c.store(c.asInt(width), at, LATHE_OFFSET(lathe_text_tensor, width));
      c.store(c.number(row ? row->dtype : LATHE_DTYPE_INVALID), at, LATHE_OFFSET(lathe_text_tensor, dtype));
    }
    auto store32 = [&](int64_t number, int64_t field) { c.store(c.status(static_cast<int32_t>(number)), text, field); };
    store32(sizeof(lathe_text_call), LATHE_OFFSET(lathe_text_call, struct_size));
    store32(op.getParametersAttr().getInt(), LATHE_OFFSET(lathe_text_call, parameter_count));
    c.store(adaptor.getTexts(), text, LATHE_OFFSET(lathe_text_call, texts));
    c.store(c.at(text, sizeof(lathe_text_call)), text, LATHE_OFFSET(lathe_text_call, operands));
    c.store(c.at(text, static_cast<int64_t>(sizeof(lathe_text_call) + operands * sizeof(lathe_text_tensor))), text,
            LATHE_OFFSET(lathe_text_call, results));
    store32(operands, LATHE_OFFSET(lathe_text_call, operand_count));
    store32(static_cast<int64_t>(op.getTypes().size()) - operands, LATHE_OFFSET(lathe_text_call, result_count));
    auto [function, context] = c.service(LATHE_OFFSET(lathe_imports, text));
    auto type = LLVM::LLVMFunctionType::get(c.i32, {c.ptr, c.ptr});
    Value status = LLVM::CallOp::create(b, op.getLoc(), type, ValueRange{function, context, text}).getResult();
    Value fails = c.compare(arith::CmpIPredicate::ne, status, c.status(0));
    returnIf(b, op, fails, [&](CallBuilder &end) -> Value {
      for (int64_t i : {0, 8})
        end.store(end.load(end.i64, text, LATHE_OFFSET(lathe_text_call, error_values) + i), end.call,
                  LATHE_OFFSET(lathe_call, error_values) + i);
      Value isElement = end.compare(arith::CmpIPredicate::eq, status, end.status(1));
      Value message = end.status(static_cast<int32_t>(op.getMessageAttr().getInt() + 1));
      return arith::SelectOp::create(b, op.getLoc(), isElement, message, status);
    });
    b.eraseOp(op);
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------===//

struct Temporaries final : HostPattern<host::TemporariesOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(host::TemporariesOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    kernel::EntryOp entry = entryOf(op.getKernel());
    CallBuilder c = callOf(b, op);
    Value bytes = KernelLaunch(b, op.getLoc(), entry, c.call, adaptor.getSizes()).workspaceBytes();
    b.replaceOp(op, bytes ? bytes : Value(arith::ConstantIndexOp::create(b, op.getLoc(), 0)));
    return success();
  }
};

struct Launch final : HostPattern<host::LaunchOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(host::LaunchOp op, OpAdaptor adaptor, ConversionPatternRewriter &b) const override {
    kernel::EntryOp entry = entryOf(op.getKernel());
    SmallVector<Value> sizes(adaptor.getSizes()), buffers(adaptor.getBuffers());
    Value temporaries = entry.getMemoryAttr() ? buffers.pop_back_val() : Value();
    auto found = host.places.find(op);
    if (found == host.places.end())
      return b.notifyMatchFailure(op, "no place was made for its loops and arguments");
    LaunchPlace place = found->second;
    place.memory = host.closures.lookup(op->getParentOfType<func::FuncOp>());
    KernelLaunch(b, op.getLoc(), entry, callOf(b, op).call, sizes)
        .run(buffers, temporaries, place, static_cast<int32_t>(op.getChecks()));
    b.eraseOp(op);
    return success();
  }
};

} // namespace

void populateHostToLLVMPatterns(TypeConverter &types, HostModule &host, RewritePatternSet &patterns) {
  patterns.add<Dim, Element, Load, Store, Saturating<host::MulOp, LLVM::SMulWithOverflowOp>,
               Saturating<host::AddOp, LLVM::SAddWithOverflowOp>, SetDim, SetWorkspace, Check, Poll, Input, Output,
               SetOutput, Workspace, AddressOf, Offset, Null, Alloc, Free, Copy, Text, Temporaries, Launch>(types,
                                                                                                            host);
}

} // namespace lathe
