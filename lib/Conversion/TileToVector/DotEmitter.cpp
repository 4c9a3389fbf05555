// lib/Conversion/TileToVector/DotEmitter.cpp: one class for each kind of row.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "DotEmitter.h"

#include "Epilogue.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lathe;

namespace {

int64_t lanesOf(Value vector) { return cast<VectorType>(vector.getType()).getNumElements(); }
Type elementOf(Value value) { return getElementTypeOrSelf(value.getType()); }

Value splat(Emitter &e, Type type, int64_t value) {
  auto shaped = cast<VectorType>(type);
  return arith::ConstantOp::create(e.b, e.loc,
                                   SplatElementsAttr::get(shaped, e.b.getIntegerAttr(shaped.getElementType(), value)));
}

Value bitcast(Emitter &e, Value vector, Type element) {
  int64_t bits = lanesOf(vector) * elementOf(vector).getIntOrFloatBitWidth();
  auto type = VectorType::get(bits / element.getIntOrFloatBitWidth(), element);
  return type == vector.getType() ? vector : Value(vector::BitCastOp::create(e.b, e.loc, type, vector));
}

/// A scalar or vector of `type` in the element type `wide`. Of bf16 it has the
/// bits (see `asStored`), which are the upper half of those of an f32.
Value widen(Emitter &e, Value value, DotType type, Type wide) {
  if (elementOf(value) == wide)
    return value;
  auto vector = dyn_cast<VectorType>(value.getType());
  auto as = [&](Type element) { return vector ? Type(vector.clone(element)) : element; };
  Type to = as(wide);
  if (type == DotType::BF16) {
    Type bits = as(e.b.getI32Type());
    Value half = arith::ConstantOp::create(
        e.b, e.loc,
        vector ? cast<TypedAttr>(SplatElementsAttr::get(cast<VectorType>(bits), e.b.getI32IntegerAttr(16)))
               : e.b.getI32IntegerAttr(16));
    Value upper = arith::ShLIOp::create(e.b, e.loc, arith::ExtUIOp::create(e.b, e.loc, bits, value), half);
    return arith::BitcastOp::create(e.b, e.loc, to, upper);
  }
  if (!isInteger(type))
    return arith::ExtFOp::create(e.b, e.loc, to, value);
  Type integers = isa<FloatType>(wide) ? as(e.b.getI32Type()) : to;
  value = type == DotType::U8 ? Value(arith::ExtUIOp::create(e.b, e.loc, integers, value))
                              : Value(arith::ExtSIOp::create(e.b, e.loc, integers, value));
  return integers == to ? value : Value(arith::SIToFPOp::create(e.b, e.loc, to, value));
}

Value callIntrinsic(Emitter &e, const Twine &name, Type result, ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(e.b, e.loc, result, e.b.getStringAttr(name), operands).getResult(0);
}

//===----------------------------------------------------------------------===//
// One term at a time
//===----------------------------------------------------------------------===//

class Multiply final : public DotEmitter {
public:
  Multiply(const DotUnit *unit, Type sum) : DotEmitter(unit, sum) {}

  Value loadA(Emitter &e, const ElementPlace &place, int64_t) const override {
    Value scalar = memref::LoadOp::create(e.b, e.loc, asStored(e, place.memref), place.indices);
    return unit ? widen(e, scalar, unit->a, sum) : scalar;
  }
  /// Converting one scalar costs as much as converting a vector.
  Value loadRun(Emitter &e, const ElementPlace &place, int64_t count) const override {
    if (!unit || unit->kind != DotKind::Widen || unit->a == DotType::F32 || count < 2)
      return nullptr;
    return widen(e, loadVector(e, asStored(e, place.memref), place.indices, count, nullptr), unit->a, sum);
  }
  SmallVector<Value> widenA(Emitter &e, Value vector) const override {
    return {unit ? widen(e, vector, unit->a, sum) : vector};
  }
  SmallVector<Value> spreadB(Emitter &e, Value vector) const override {
    return {unit ? widen(e, vector, unit->b, sum) : vector};
  }
  Value multiply(Emitter &e, Value total, ArrayRef<Value> a, ArrayRef<Value> b) const override {
    if (isa<FloatType>(sum))
      return vector::FMAOp::create(e.b, e.loc, a[0], b[0], total);
    return arith::AddIOp::create(e.b, e.loc, total, arith::MulIOp::create(e.b, e.loc, a[0], b[0]));
  }
};

//===----------------------------------------------------------------------===//
// Two terms at a time
//===----------------------------------------------------------------------===//

/// Of which each register of factors becomes two.
class TwoTerms : public DotEmitter {
public:
  TwoTerms(const DotUnit *unit, Type sum) : DotEmitter(unit, sum) {}

  Value multiply(Emitter &e, Value total, ArrayRef<Value> a, ArrayRef<Value> b) const final {
    total = vector::FMAOp::create(e.b, e.loc, a[0], b[0], total);
    return vector::FMAOp::create(e.b, e.loc, a[1], b[1], total);
  }
};

/// The first bf16 of a pair is the low half of 32 bits, and either one with 16
/// zeros behind it is the same number as an f32.
class Pairs final : public TwoTerms {
public:
  using TwoTerms::TwoTerms;

  SmallVector<Value> spreadA(Emitter &e, Value scalar, int64_t lanes) const override {
    return apart(e, vector::BroadcastOp::create(e.b, e.loc, VectorType::get(lanes, scalar.getType()), scalar));
  }
  SmallVector<Value> spreadB(Emitter &e, Value vector) const override {
    return apart(e, bitcast(e, vector, e.b.getI32Type()));
  }

private:
  SmallVector<Value> apart(Emitter &e, Value pairs) const {
    Type type = pairs.getType();
    Value low = arith::ShLIOp::create(e.b, e.loc, pairs, splat(e, type, 16));
    Value high = arith::AndIOp::create(e.b, e.loc, pairs, splat(e, type, -65536));
    return {bitcast(e, low, sum), bitcast(e, high, sum)};
  }
};

/// Two codes of 4 bits in a byte, which meet two f32.
class Nibbles final : public TwoTerms {
public:
  using TwoTerms::TwoTerms;

  Value loadA(Emitter &e, const ElementPlace &place, int64_t count) const override {
    SmallVector<Value> terms(step(), arith::ConstantOp::create(e.b, e.loc, e.b.getZeroAttr(sum)));
    for (int64_t i = 0; i < count; ++i) {
      SmallVector<Value> indices(place.indices);
      indices.back() = e.add(indices.back(), i);
      terms[i] = memref::LoadOp::create(e.b, e.loc, place.memref, indices);
    }
    return vector::FromElementsOp::create(e.b, e.loc, VectorType::get(step(), sum), terms);
  }
  SmallVector<Value> spreadA(Emitter &e, Value terms, int64_t lanes) const override {
    SmallVector<Value> factors;
    for (int64_t i = 0; i < step(); ++i)
      factors.push_back(vector::BroadcastOp::create(e.b, e.loc, VectorType::get(lanes, sum),
                                                    vector::ExtractOp::create(e.b, e.loc, terms, i)));
    return factors;
  }
  SmallVector<Value> spreadB(Emitter &e, Value bytes) const override {
    auto words = VectorType::get(lanesOf(bytes), e.b.getI32Type()), floats = words.clone(sum);
    Value both = arith::ExtUIOp::create(e.b, e.loc, words, bytes);
    Value low = arith::AndIOp::create(e.b, e.loc, both, splat(e, words, 15));
    Value high = arith::ShRUIOp::create(e.b, e.loc, both, splat(e, words, 4));
    return {arith::SIToFPOp::create(e.b, e.loc, floats, low), arith::SIToFPOp::create(e.b, e.loc, floats, high)};
  }
};

//===----------------------------------------------------------------------===//
// Four bytes in 32 bits
//===----------------------------------------------------------------------===//

/// pmaddwd adds two products of 16 bits. Of four bytes, the first and third
/// are one such pair, the second and fourth the other. pmaddubsw would take
/// bytes as they are, but its sums of two saturate.
class Madd16 final : public DotEmitter {
public:
  Madd16(const DotUnit *unit, Type sum) : DotEmitter(unit, sum) {}

  SmallVector<Value> spreadA(Emitter &e, Value scalar, int64_t lanes) const override {
    Value bytes = vector::BroadcastOp::create(e.b, e.loc, VectorType::get(lanes, scalar.getType()), scalar);
    return apart(e, bytes, unit->a);
  }
  SmallVector<Value> spreadB(Emitter &e, Value vector) const override { return apart(e, vector, unit->b); }

  Value multiply(Emitter &e, Value total, ArrayRef<Value> a, ArrayRef<Value> b) const override {
    for (unsigned i : {0, 1})
      total = arith::AddIOp::create(e.b, e.loc, total, madd(e, a[i], b[i]));
    return total;
  }

private:
  SmallVector<Value> apart(Emitter &e, Value bytes, DotType type) const {
    Value words = bitcast(e, bytes, e.b.getI16Type());
    Value eight = splat(e, words.getType(), 8);
    if (type == DotType::U8)
      return {arith::AndIOp::create(e.b, e.loc, words, splat(e, words.getType(), 255)),
              arith::ShRUIOp::create(e.b, e.loc, words, eight)};
    Value shifted = arith::ShLIOp::create(e.b, e.loc, words, eight);
    return {arith::ShRSIOp::create(e.b, e.loc, shifted, eight), arith::ShRSIOp::create(e.b, e.loc, words, eight)};
  }

  Value madd(Emitter &e, Value a, Value b) const {
    int64_t lanes = lanesOf(a) / 2;
    StringRef name = lanes == 16  ? "llvm.x86.avx512.pmaddw.d.512"
                     : lanes == 8 ? "llvm.x86.avx2.pmadd.wd"
                                  : "llvm.x86.sse2.pmadd.wd";
    return callIntrinsic(e, name, VectorType::get(lanes, sum), {a, b});
  }
};

//===----------------------------------------------------------------------===//
// Instructions that sum
//===----------------------------------------------------------------------===//

class Instruction final : public DotEmitter {
public:
  Instruction(const DotUnit *unit, Type sum) : DotEmitter(unit, sum) {}

  SmallVector<Value> spreadA(Emitter &e, Value scalar, int64_t lanes) const override {
    Value vector = vector::BroadcastOp::create(e.b, e.loc, VectorType::get(lanes, scalar.getType()), scalar);
    if (unit->flipped)
      vector = arith::XOrIOp::create(e.b, e.loc, vector, splat(e, vector.getType(), int32_t(0x80808080)));
    return {bitcast(e, vector, tile::toType(unit->a, e.b.getContext()))};
  }
  SmallVector<Value> spreadB(Emitter &e, Value vector) const override {
    return {bitcast(e, vector, tile::toType(unit->b, e.b.getContext()))};
  }
  Value multiply(Emitter &e, Value total, ArrayRef<Value> a, ArrayRef<Value> b) const override {
    int64_t lanes = lanesOf(total);
    Value first = a[0], second = b[0];
    if (unit->swapped)
      std::swap(first, second);
    std::string name = unit->instruction.str();
    if (StringRef(name).starts_with("llvm.x86."))
      name += "." + std::to_string(lanes * 32);
    return callIntrinsic(e, name, total.getType(), {total, first, second});
  }
  /// The flipped sign of `a` is 128 more or less than `a`, as the instruction
  /// takes it; so is a byte of which only that bit is set.
  Value addExcess(Emitter &e, Value total, ArrayRef<Value> b) const override {
    return multiply(e, total, splat(e, b[0].getType(), -128), b);
  }
};

} // namespace

std::unique_ptr<DotEmitter> DotEmitter::create(const DotUnit *unit, Type sum) {
  switch (unit ? unit->kind : DotKind::Fma) {
  case DotKind::Pairs:
    return std::make_unique<Pairs>(unit, sum);
  case DotKind::Nibbles:
    return std::make_unique<Nibbles>(unit, sum);
  case DotKind::Madd16:
    return std::make_unique<Madd16>(unit, sum);
  case DotKind::Dot4:
  case DotKind::Dot2:
    return std::make_unique<Instruction>(unit, sum);
  case DotKind::WarpMma: // Of GPUs: see TileToThreads.
  case DotKind::WarpgroupMma:
  case DotKind::Amx: // Has no vectors of factors: see AmxTile.h.
  case DotKind::Fma:
  case DotKind::Widen:
    return std::make_unique<Multiply>(unit, sum);
  }
  llvm_unreachable("every kind has a case");
}

Value DotEmitter::loadA(Emitter &e, const ElementPlace &place, int64_t count) const {
  Type element = cast<MemRefType>(place.memref.getType()).getElementType();
  Type whole = e.b.getIntegerType(step() * element.getIntOrFloatBitWidth());
  Value vector;
  if (count == step()) {
    vector = loadVector(e, asStored(e, place.memref), place.indices, count, nullptr);
  } else {
    Value stored = asStored(e, place.memref);
    vector = e.zeros(cast<MemRefType>(stored.getType()).getElementType(), step());
    for (int64_t i = 0; i < count; ++i) {
      SmallVector<Value> indices(place.indices);
      indices.back() = e.add(indices.back(), i);
      Value scalar = memref::LoadOp::create(e.b, e.loc, stored, indices);
      vector = vector::InsertOp::create(e.b, e.loc, scalar, vector, i);
    }
  }
  return vector::ExtractOp::create(e.b, e.loc, bitcast(e, vector, whole), 0);
}

Value DotEmitter::fromRun(Emitter &e, Value run, int64_t position) const {
  return vector::ExtractOp::create(e.b, e.loc, run, position);
}

SmallVector<Value> DotEmitter::spreadA(Emitter &e, Value scalar, int64_t lanes) const {
  return {vector::BroadcastOp::create(e.b, e.loc, VectorType::get(lanes, scalar.getType()), scalar)};
}

SmallVector<Value> DotEmitter::spreadB(Emitter &, Value vector) const { return {vector}; }

Value DotEmitter::loadB(Emitter &e, const ElementPlace &place, int64_t lanes, Value mask) const {
  return loadVector(e, asStored(e, place.memref), place.indices, lanes * storedTerms(), mask);
}

Value DotEmitter::interleaveB(Emitter &e, ArrayRef<ElementPlace> rows, int64_t lanes, Value mask) const {
  SmallVector<Value> vectors;
  for (const ElementPlace &row : rows)
    vectors.push_back(loadVector(e, asStored(e, row.memref), row.indices, lanes, mask));
  while (static_cast<int64_t>(vectors.size()) < step())
    vectors.push_back(e.zeros(elementOf(vectors.front()), lanes));
  // First and third, second and fourth, then both: 0, 1, 2, 3 of each column.
  for (size_t half = vectors.size() / 2; half > 0; half /= 2)
    for (size_t i = 0; i < half; ++i)
      vectors[i] = vector::InterleaveOp::create(e.b, e.loc, vectors[i], vectors[i + half]);
  return vectors.front();
}
