// lib/Codegen/CPU/SoftHalf.cpp: f16 in integers, as LLVM would have a library do it one element at a time.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "SoftHalf.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Intrinsics.h"
#include "llvm/IR/Operator.h"

using namespace llvm;

namespace lathe {

bool needsSoftHalf(const Target &target) { return target.arch() == "x86_64" && !target.has("f16c"); }

namespace {

bool isHalf(Type *type) { return type->getScalarType()->isHalfTy(); }

/// Code in place of one instruction.
class Expander {
public:
  explicit Expander(Instruction &at) : b(&at), at(at) {}
  /// What replaces the instruction; null if it stays.
  Value *expand();

private:
  Type *like(Type *type, Type *element) const { return type->getWithNewType(element); }
  Value *number(Value *shape, uint64_t value) const { return ConstantInt::get(shape->getType(), value); }
  Value *extend(Value *half);
  Value *truncate(Value *wide);
  Value *toOddFloat(Value *wide);
  Value *reduce(IntrinsicInst &call, Instruction::BinaryOps op);
  Value *expandCall(IntrinsicInst &call);
  Value *bitsOf(Value *half) { return b.CreateBitCast(half, like(half->getType(), b.getInt16Ty())); }
  Value *halfOf(Value *bits) { return b.CreateBitCast(bits, like(bits->getType(), b.getHalfTy())); }

  IRBuilder<> b;
  Instruction &at;
};

} // namespace

/// The f32 of an f16.
Value *Expander::extend(Value *half) {
  Type *ints = like(half->getType(), b.getInt32Ty()), *floats = like(half->getType(), b.getFloatTy());
  Value *bits = b.CreateZExt(bitsOf(half), ints);
  Value *sign = b.CreateShl(b.CreateAnd(bits, number(bits, 0x8000)), 16);
  Value *size = b.CreateAnd(bits, number(bits, 0x7fff));
  // The exponents differ by 112; those of infinity and NaN by twice that.
  Value *bias = number(bits, uint64_t(112) << 23);
  Value *normal = b.CreateAdd(b.CreateShl(size, 13), bias);
  Value *special = b.CreateAdd(normal, bias);
  special =
      b.CreateSelect(b.CreateICmpUGT(size, number(bits, 0x7c00)), b.CreateOr(special, number(bits, 0x400000)), special);
  // A denormal f16 is a whole number of 2^-24, which f32 has as a normal number.
  Value *scaled = b.CreateFMul(b.CreateSIToFP(size, floats), ConstantFP::get(floats, 0x1p-24));
  Value *result = b.CreateSelect(b.CreateICmpULT(size, number(bits, 0x400)), b.CreateBitCast(scaled, ints), normal);
  result = b.CreateSelect(b.CreateICmpUGE(size, number(bits, 0x7c00)), special, result);
  return b.CreateBitCast(b.CreateOr(result, sign), floats);
}

/// An f64 as an f32 whose last bit is set where it is not exact, so that rounding
/// it once more gives what rounding the f64 gives.
Value *Expander::toOddFloat(Value *wide) {
  Type *floats = like(wide->getType(), b.getFloatTy()), *ints = like(wide->getType(), b.getInt32Ty());
  Value *narrow = b.CreateFPTrunc(wide, floats), *back = b.CreateFPExt(narrow, wide->getType());
  Value *bits = b.CreateBitCast(narrow, ints);
  Value *isLarger =
      b.CreateFCmpOGT(b.CreateUnaryIntrinsic(Intrinsic::fabs, back), b.CreateUnaryIntrinsic(Intrinsic::fabs, wide));
  Value *odd = b.CreateOr(b.CreateSub(bits, b.CreateZExt(isLarger, ints)), number(bits, 1));
  // False for NaN, which stays.
  return b.CreateBitCast(b.CreateSelect(b.CreateFCmpONE(back, wide), odd, bits), floats);
}

/// The f16 that is nearest to an f32 or f64.
Value *Expander::truncate(Value *wide) {
  if (wide->getType()->getScalarType()->isDoubleTy())
    wide = toOddFloat(wide);
  Type *ints = like(wide->getType(), b.getInt32Ty());
  Value *bits = b.CreateBitCast(wide, ints);
  Value *sign = b.CreateAnd(b.CreateLShr(bits, 16), number(bits, 0x8000));
  Value *size = b.CreateAnd(bits, number(bits, 0x7fffffff));
  Value *isOdd = b.CreateAnd(b.CreateLShr(size, 13), number(bits, 1));
  Value *biased = b.CreateSub(size, number(bits, (uint64_t(112) << 23) - 0xfff));
  Value *normal = b.CreateLShr(b.CreateAdd(biased, isOdd), 13);
  // Beside 0.5, the last bit of an f32 is that of a denormal f16.
  Type *floats = wide->getType();
  Value *sum = b.CreateFAdd(b.CreateBitCast(size, floats), ConstantFP::get(floats, 0.5));
  Value *denormal = b.CreateSub(b.CreateBitCast(sum, ints), number(bits, 0x3f000000));
  Value *nan = b.CreateOr(b.CreateAnd(b.CreateLShr(size, 13), number(bits, 0x3ff)), number(bits, 0x7e00));
  Value *result = b.CreateSelect(b.CreateICmpULT(size, number(bits, 0x38800000)), denormal, normal);
  result = b.CreateSelect(b.CreateICmpUGE(size, number(bits, 0x47800000)), number(bits, 0x7c00), result);
  result = b.CreateSelect(b.CreateICmpUGT(size, number(bits, 0x7f800000)), nan, result);
  return halfOf(b.CreateTrunc(b.CreateOr(result, sign), like(ints, b.getInt16Ty())));
}

/// A sum or product one element after another, each rounded.
Value *Expander::reduce(IntrinsicInst &call, Instruction::BinaryOps op) {
  Value *result = call.getArgOperand(0), *vector = call.getArgOperand(1);
  for (unsigned i = 0; i < cast<FixedVectorType>(vector->getType())->getNumElements(); ++i)
    result = truncate(b.CreateBinOp(op, extend(result), extend(b.CreateExtractElement(vector, i))));
  return result;
}

/// The same function on f32.
Value *Expander::expandCall(IntrinsicInst &call) {
  Intrinsic::ID id = call.getIntrinsicID();
  // They move elements, and are the same on bits.
  if (isa<MemIntrinsic>(call) || call.mayReadOrWriteMemory() || id == Intrinsic::vector_insert ||
      id == Intrinsic::vector_extract)
    return nullptr;
  if (id == Intrinsic::fabs) {
    Value *bits = bitsOf(call.getArgOperand(0));
    return halfOf(b.CreateAnd(bits, number(bits, 0x7fff)));
  }
  if (id == Intrinsic::copysign) {
    Value *size = bitsOf(call.getArgOperand(0)), *sign = bitsOf(call.getArgOperand(1));
    return halfOf(b.CreateOr(b.CreateAnd(size, number(size, 0x7fff)), b.CreateAnd(sign, number(sign, 0x8000))));
  }
  if (id == Intrinsic::vector_reduce_fadd)
    return reduce(call, Instruction::FAdd);
  if (id == Intrinsic::vector_reduce_fmul)
    return reduce(call, Instruction::FMul);
  SmallVector<Type *> types;
  if (!Intrinsic::getIntrinsicSignature(call.getCalledFunction(), types))
    return nullptr;
  for (Type *&type : types)
    if (isHalf(type))
      type = like(type, b.getFloatTy());
  SmallVector<Value *> arguments;
  for (Value *argument : call.args())
    arguments.push_back(isHalf(argument->getType()) ? extend(argument) : argument);
  Value *result = b.CreateIntrinsic(id, types, arguments);
  return isHalf(call.getType()) ? truncate(result) : result;
}

Value *Expander::expand() {
  Type *type = at.getType();
  Type *from = at.getNumOperands() ? at.getOperand(0)->getType() : type;
  if (auto *call = dyn_cast<IntrinsicInst>(&at)) {
    bool uses = isHalf(type) || any_of(call->args(), [](Value *value) { return isHalf(value->getType()); });
    return uses ? expandCall(*call) : nullptr;
  }
  if (isHalf(type)) {
    if (auto *binary = dyn_cast<BinaryOperator>(&at))
      return truncate(b.CreateBinOp(binary->getOpcode(), extend(binary->getOperand(0)), extend(binary->getOperand(1))));
    if (at.getOpcode() == Instruction::FNeg) {
      Value *bits = bitsOf(at.getOperand(0));
      return halfOf(b.CreateXor(bits, number(bits, 0x8000)));
    }
    if (isa<FPTruncInst>(at))
      return truncate(at.getOperand(0));
    // What f32 rounds is too large for f16 anyway.
    if (isa<SIToFPInst, UIToFPInst>(at))
      return truncate(b.CreateCast(cast<CastInst>(at).getOpcode(), at.getOperand(0), like(type, b.getFloatTy())));
    return nullptr;
  }
  if (!isHalf(from))
    return nullptr;
  if (auto *compare = dyn_cast<FCmpInst>(&at))
    return b.CreateFCmp(compare->getPredicate(), extend(at.getOperand(0)), extend(at.getOperand(1)));
  if (isa<FPExtInst>(at)) {
    Value *wide = extend(at.getOperand(0));
    return wide->getType() == type ? wide : b.CreateFPExt(wide, type);
  }
  if (isa<FPToSIInst, FPToUIInst>(at))
    return b.CreateCast(cast<CastInst>(at).getOpcode(), extend(at.getOperand(0)), type);
  return nullptr;
}

void expandHalf(Module &code) {
  for (Function &function : code) {
    SmallVector<Instruction *> all;
    for (Instruction &instruction : instructions(function))
      all.push_back(&instruction);
    for (Instruction *instruction : all)
      if (Value *value = Expander(*instruction).expand()) {
        instruction->replaceAllUsesWith(value);
        instruction->eraseFromParent();
      }
  }
}

} // namespace lathe
