// lib/Conversion/GraphToHost/Sizes.cpp: arithmetic on sizes that neither wraps nor traps.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Sizes.h"
#include "dialects/Host/Host.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace lathe {

Sizes::Sizes(OpBuilder &builder, ArrayRef<graph::SymbolAttr> symbols) : builder(builder), symbols(symbols) {
  scopes.emplace_back();
  // Parts of a symbol are earlier ones.
  for (auto [i, symbol] : llvm::enumerate(symbols)) {
    llvm::BitVector bits(symbols.size());
    if (symbol.getInner())
      bits.set(i);
    if (AffineMapAttr parts = symbol.getParts())
      for (AffineExpr part : parts.getAffineMap().getResults())
        bits |= innerOf(part);
    inner.push_back(bits);
  }
}

void Sizes::define(unsigned symbol, Value value) {
  scopes.back()[getAffineSymbolExpr(symbol, builder.getContext())] = value;
}

Value Sizes::find(AffineExpr expr) const {
  for (const auto &scope : llvm::reverse(scopes))
    if (Value value = scope.lookup(expr))
      return value;
  return {};
}

llvm::BitVector Sizes::innerOf(AffineExpr expr) const {
  llvm::BitVector result(symbols.size());
  expr.walk([&](AffineExpr part) {
    if (auto symbol = dyn_cast<AffineSymbolExpr>(part))
      result |= inner[symbol.getPosition()];
  });
  return result;
}

bool Sizes::isKnown(AffineExpr expr) const {
  return llvm::all_of(innerOf(expr).set_bits(),
                      [&](unsigned i) { return isDefined(getAffineSymbolExpr(i, builder.getContext())); });
}

bool Sizes::isKnownAtEntry(AffineExpr expr) const { return innerOf(expr).none(); }

Value Sizes::get(Location loc, int64_t number) { return get(loc, getAffineConstantExpr(number, builder.getContext())); }

Value Sizes::get(Location loc, AffineExpr expr) {
  if (Value known = find(expr))
    return known;
  Value value = compute(loc, expr);
  scopes.back()[expr] = value;
  return value;
}

/// Rounds down. Divisors that are not known may be 0.
Value Sizes::floorDivide(Location loc, Value a, AffineExpr divisor) {
  Value zero = get(loc, 0), b = get(loc, divisor), safe = b;
  auto compare = [&](arith::CmpIPredicate predicate, Value x, Value y) {
    return arith::CmpIOp::create(builder, loc, predicate, x, y);
  };
  bool isFixed = isa<AffineConstantExpr>(divisor);
  Value isUsable;
  if (!isFixed) {
    // Sizes are divided by sizes: what is not above 0 has no meaning.
    isUsable = compare(arith::CmpIPredicate::sgt, b, zero);
    safe = arith::SelectOp::create(builder, loc, isUsable, b, get(loc, 1));
  }
  Value quotient = arith::DivSIOp::create(builder, loc, a, safe), rest = arith::RemSIOp::create(builder, loc, a, safe);
  Value isBelow = compare(arith::CmpIPredicate::slt, rest, zero);
  Value lower = arith::SubIOp::create(builder, loc, quotient, get(loc, 1));
  Value result = arith::SelectOp::create(builder, loc, isBelow, lower, quotient);
  return isFixed ? result : Value(arith::SelectOp::create(builder, loc, isUsable, result, zero));
}

Value Sizes::compute(Location loc, AffineExpr expr) {
  if (auto fixed = dyn_cast<AffineConstantExpr>(expr))
    return arith::ConstantIndexOp::create(builder, loc, fixed.getValue());
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr)) {
    graph::SymbolAttr definition = symbols[symbol.getPosition()];
    AffineMapAttr parts = definition.getParts();
    if (!parts) {
      failed = true;
      return arith::ConstantIndexOp::create(builder, loc, 0);
    }
    Value a = get(loc, parts.getAffineMap().getResult(0)), b = get(loc, parts.getAffineMap().getResult(1));
    return definition.getMin() ? Value(arith::MinSIOp::create(builder, loc, a, b))
                               : Value(arith::MaxSIOp::create(builder, loc, a, b));
  }
  auto binary = cast<AffineBinaryOpExpr>(expr);
  Value a = get(loc, binary.getLHS());
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return host::AddOp::create(builder, loc, a.getType(), a, get(loc, binary.getRHS()));
  case AffineExprKind::Mul:
    return host::MulOp::create(builder, loc, a.getType(), a, get(loc, binary.getRHS()));
  case AffineExprKind::FloorDiv:
    return floorDivide(loc, a, binary.getRHS());
  case AffineExprKind::CeilDiv: {
    // ceil(a / b) = -floor(-a / b).
    Value zero = get(loc, 0), negated = arith::SubIOp::create(builder, loc, zero, a);
    return arith::SubIOp::create(builder, loc, zero, floorDivide(loc, negated, binary.getRHS()));
  }
  default: {
    Value times = floorDivide(loc, a, binary.getRHS());
    // Below the least number it wraps around, and back.
    Value whole = arith::MulIOp::create(builder, loc, times, get(loc, binary.getRHS()));
    return arith::SubIOp::create(builder, loc, a, whole);
  }
  }
}

} // namespace lathe
