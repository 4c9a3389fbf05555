// lib/Conversion/TileToThreads/TensorCore.cpp: the instructions of `mma.sync` and what brings factors to its registers.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "TensorCore.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace lathe {

Value TensorCore::round(Emitter &e, Value value) {
  if (!value.getType().isF32())
    value = LLVM::BitcastOp::create(e.b, e.loc, e.b.getF32Type(), value);
  return NVVM::ConvertFloatToTF32Op::create(e.b, e.loc, e.b.getI32Type(), value, NVVM::FPRoundingMode::RNA);
}

Value TensorCore::narrow(Emitter &e, Value first, Value second) const {
  Value two =
      vector::FromElementsOp::create(e.b, e.loc, VectorType::get(2, e.b.getF32Type()), ValueRange{first, second});
  Value halves = arith::TruncFOp::create(e.b, e.loc, VectorType::get(2, element), two);
  return element.isF16() ? halves : Value(LLVM::BitcastOp::create(e.b, e.loc, e.b.getI32Type(), halves));
}

SmallVector<Value> TensorCore::load(Emitter &e, Value address, bool isTransposed) const {
  Type i32 = e.b.getI32Type();
  auto type = LLVM::LLVMStructType::getLiteral(e.b.getContext(), SmallVector<Type>(4, i32));
  auto shape = NVVM::LdStMatrixShapeAttr::get(e.b.getContext(), 8, 8);
  Value all =
      NVVM::LdMatrixOp::create(e.b, e.loc, type, address, 4, isTransposed ? NVVM::MMALayout::col : NVVM::MMALayout::row,
                               shape, NVVM::LdStMatrixEltType::B16);
  SmallVector<Value> parts;
  for (int64_t i = 0; i < 4; ++i) {
    Value part = LLVM::ExtractValueOp::create(e.b, e.loc, all, ArrayRef<int64_t>{i});
    if (element.isF16())
      part = LLVM::BitcastOp::create(e.b, e.loc, VectorType::get(2, element), part);
    if (unit.a == DotType::TF32)
      part = round(e, part);
    parts.push_back(part);
  }
  return parts;
}

static NVVM::MMATypes typeOf(DotType type) {
  switch (type) {
  case DotType::BF16:
    return NVVM::MMATypes::bf16;
  case DotType::TF32:
    return NVVM::MMATypes::tf32;
  case DotType::S8:
    return NVVM::MMATypes::s8;
  case DotType::U8:
    return NVVM::MMATypes::u8;
  default:
    return NVVM::MMATypes::f16;
  }
}

SmallVector<Value> TensorCore::multiplyAdd(Emitter &e, ValueRange a, ValueRange b, ValueRange c) const {
  auto type = LLVM::LLVMStructType::getLiteral(e.b.getContext(), SmallVector<Type>(4, c.front().getType()));
  std::optional<std::array<NVVM::MMATypes, 2>> types;
  std::optional<NVVM::MMAIntOverflow> overflow;
  if (!element.isF16())
    types = {typeOf(unit.a), typeOf(unit.b)};
  if (isInteger(unit.sum))
    overflow = NVVM::MMAIntOverflow::wrapped;
  Value all = NVVM::MmaOp::create(e.b, e.loc, type, a, b, c,
                                  ArrayRef<int64_t>{rows, columns, termBytes / bytesOf(unit.a)}, std::nullopt, overflow,
                                  types, std::array<NVVM::MMALayout, 2>{NVVM::MMALayout::row, NVVM::MMALayout::col});
  SmallVector<Value> parts;
  for (int64_t i = 0; i < 4; ++i)
    parts.push_back(LLVM::ExtractValueOp::create(e.b, e.loc, all, ArrayRef<int64_t>{i}));
  return parts;
}

} // namespace lathe
