// lib/Conversion/GraphToLinalg/Storage.cpp: elements that share their bytes with others.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Lowerings.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace lathe::graph;

namespace lathe::lowering {

namespace {
/// Arithmetic on positions and bits in the body of a loop.
struct Body {
  OpBuilder &b;
  Location loc;

  Value index(int64_t n) { return arith::ConstantIndexOp::create(b, loc, n); }
  Value bits(int64_t n) { return arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(static_cast<int32_t>(n))); }
  Value add(Value x, Value y) { return arith::AddIOp::create(b, loc, x, y); }
  Value sub(Value x, Value y) { return arith::SubIOp::create(b, loc, x, y); }
  Value mul(Value x, Value y) { return arith::MulIOp::create(b, loc, x, y); }
  Value div(Value x, int64_t n) { return arith::DivUIOp::create(b, loc, x, index(n)); }
  Value rem(Value x, int64_t n) { return arith::RemUIOp::create(b, loc, x, index(n)); }
  Value conj(Value x, int64_t mask) { return arith::AndIOp::create(b, loc, x, bits(mask)); }
  Value left(Value x, Value n) { return arith::ShLIOp::create(b, loc, x, n); }
  Value right(Value x, Value n) { return arith::ShRUIOp::create(b, loc, x, n); }
  Value asBits(Value position) { return arith::IndexCastOp::create(b, loc, b.getI32Type(), position); }
  /// An element of a vector of bytes, or its last one.
  Value read(Value bytes, Value position, Value last) {
    position = arith::MinSIOp::create(b, loc, position, last);
    Value byte = tensor::ExtractOp::create(b, loc, bytes, position);
    return arith::ExtUIOp::create(b, loc, b.getI32Type(), byte);
  }
  Value asByte(Value x) { return arith::TruncIOp::create(b, loc, b.getI8Type(), x); }
};
} // namespace

static Value lastOf(LinalgBuilder &b, Type vector) {
  return indexValue(b, sub(b, b.sizesOf(vector).front(), b.getIndexAttr(1)));
}

static Lowered lowerUnpack(UnpackOp op, LinalgBuilder &b, ValueRange operands) {
  auto bits = static_cast<int64_t>(op.getBits());
  SmallVector<Value> sizes;
  for (OpFoldResult size : b.sizesOf(op.getType()))
    sizes.push_back(indexValue(b, size));
  Value last = lastOf(b, op.getX().getType());
  bool isSigned = !op.getType().getElementType().isUnsignedInteger();
  Value y = b.elementwise({}, b.empty(op.getType()), {}, [&](OpBuilder &in, Location loc, ValueRange) -> Value {
    Body s{in, loc};
    Value position = s.index(0);
    for (auto [i, size] : llvm::enumerate(sizes))
      position = s.add(s.mul(position, size), linalg::IndexOp::create(in, loc, i));
    position = s.mul(position, s.index(bits));
    Value byte = s.div(position, 8), pair = s.read(operands[0], byte, last);
    if (8 % bits) // An element may go on in the next byte.
      pair = arith::OrIOp::create(in, loc, pair, s.left(s.read(operands[0], s.add(byte, s.index(1)), last), s.bits(8)));
    Value code = s.conj(s.right(pair, s.asBits(s.rem(position, 8))), (1 << bits) - 1);
    if (isSigned) {
      Value distance = s.bits(32 - bits);
      code = arith::ShRSIOp::create(in, loc, s.left(code, distance), distance);
    }
    return s.asByte(code);
  });
  return SmallVector<Value>{y};
}

static Lowered lowerPack(PackOp op, LinalgBuilder &b, ValueRange operands) {
  auto bits = static_cast<int64_t>(op.getBits());
  Value last = lastOf(b, op.getX().getType());
  // As many elements as have bits in one byte.
  int64_t perByte = 8 % bits ? 2 : 8 / bits;
  Value y = b.elementwise({}, b.empty(op.getType()), {}, [&](OpBuilder &in, Location loc, ValueRange) -> Value {
    Body s{in, loc};
    Value start = s.mul(linalg::IndexOp::create(in, loc, 0), s.index(8)), first = s.div(start, bits);
    Value byte = s.bits(0);
    for (int64_t i = 0; i < perByte; ++i) {
      Value element = s.add(first, s.index(i));
      Value isThere = arith::CmpIOp::create(in, loc, arith::CmpIPredicate::sle, element, last);
      Value code = s.conj(s.read(operands[0], element, last), (1 << bits) - 1);
      // It may have begun in the byte before.
      Value back = s.asBits(s.sub(s.add(start, s.index(8)), s.mul(element, s.index(bits))));
      Value part = s.right(s.left(code, s.bits(8)), back);
      part = arith::SelectOp::create(in, loc, isThere, part, s.bits(0));
      byte = arith::OrIOp::create(in, loc, byte, part);
    }
    return s.asByte(byte);
  });
  return SmallVector<Value>{y};
}

void attachStorage(MLIRContext *context) { attach<&lowerUnpack, &lowerPack>(context); }

} // namespace lathe::lowering
