// lib/Pipeline/QuarterTurns.cpp: an angle in f64 as a whole number of quarters of a turn and what is left.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "QuarterTurns.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include <limits>

using namespace mlir;

namespace lathe {

namespace {

/// pi/2 as a sum of three numbers, and 2/pi.
constexpr double quarter[] = {0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54, -0x1.f1976b7ed8fbcp-110};
constexpr double perQuarter = 0x1.45f306dc9c883p-1;

/// The first 1280 bits of 2/pi behind the point, behind 64 zeros.
constexpr uint64_t bitsPerQuarter[] = {0x0,
                                       0xa2f9836e4e441529,
                                       0xfc2757d1f534ddc0,
                                       0xdb6295993c439041,
                                       0xfe5163abdebbc561,
                                       0xb7246e3a424dd2e0,
                                       0x06492eea09d1921c,
                                       0xfe1deb1cb129a73e,
                                       0xe88235f52ebb4484,
                                       0xe99c7026b45f7e41,
                                       0x3991d639835339f4,
                                       0x9c845f8bbdf9283b,
                                       0x1ff897ffde05980f,
                                       0xef2f118b5a0a6d1f,
                                       0x6d367ecf27cb09b7,
                                       0x4f463f669e5fea2d,
                                       0x7527bac7ebe5f17b,
                                       0x3d0739f78a5292ea,
                                       0x6bfb5fb11f8d5d08,
                                       0x56033046fc7b6bab,
                                       0xf0cfbc209af4361d};

/// An angle: the number of quarters, an i64 of which the last two bits count, and what is left, at most pi/4 and
/// little more.
struct Angle {
  Value quarters;
  Pair left;
};

/// From the integer that is nearest to x / (pi/2), for |x| <= 2^20: `once` with the first part of pi/2 is exact.
Angle reduceSmall(Lanes l, Value x) {
  Value k = math::RoundEvenOp::create(l.b, l.loc, l.mul(x, l.like(x, perQuarter)));
  Value minus = l.neg(k);
  Value first = l.once(minus, l.like(x, quarter[0]), x);
  Pair second = productOf(l, minus, l.like(x, quarter[1]));
  Value high = l.add(first, second.high);
  // What the sum lost, whichever of the two is larger (D. E. Knuth, The Art of Computer Programming, 4.2.2).
  Value part = l.sub(high, first);
  Value lost = l.add(l.sub(first, l.sub(high, part)), l.sub(second.high, part));
  Value low = l.once(minus, l.like(x, quarter[2]), l.add(second.low, lost));
  return {arith::FPToSIOp::create(l.b, l.loc, l.of(l.b.getI64Type()), k), sumOf(l, high, low)};
}

/// For |x| >= 2: x = m 2^e with an integer m < 2^53. The bits of 2/pi in front of some 2^-(e - 2) make whole turns of
/// it. Of the 192 bits behind, times m, the last 192 bits are a fraction of a turn whose error is 2^-137 (M. H. Payne
/// and R. N. Hanek, Radian reduction for trigonometric functions, 1983).
struct LargeAngles {
  Lanes l;
  Type i64 = l.b.getI64Type();

  Value bits(uint64_t value) { return l.integer(i64, value); }
  Value add(Value x, Value y) { return arith::AddIOp::create(l.b, l.loc, x, y); }
  Value sub(Value x, Value y) { return arith::SubIOp::create(l.b, l.loc, x, y); }
  Value both(Value x, Value y) { return arith::AndIOp::create(l.b, l.loc, x, y); }
  Value left(Value x, Value by) { return arith::ShLIOp::create(l.b, l.loc, x, by); }
  Value right(Value x, Value by) { return arith::ShRUIOp::create(l.b, l.loc, x, by); }
  Value isBelow(Value x, Value y) { return arith::CmpIOp::create(l.b, l.loc, arith::CmpIPredicate::ult, x, y); }

  /// 64 bits of 2/pi from `start` on.
  Value bitsFrom(Value start) {
    Value word = right(start, bits(6)), by = both(start, bits(63));
    Value here = bits(bitsPerQuarter[0]), next = bits(bitsPerQuarter[1]);
    for (size_t i = 1; i + 1 < std::size(bitsPerQuarter); ++i) {
      Value isBefore = isBelow(word, bits(i));
      here = l.select(isBefore, here, bits(bitsPerQuarter[i]));
      next = l.select(isBefore, next, bits(bitsPerQuarter[i + 1]));
    }
    // A shift by 64 is none: the word behind is shifted by one and by what is left.
    Value behind = right(right(next, bits(1)), sub(bits(63), by));
    return arith::OrIOp::create(l.b, l.loc, left(here, by), behind);
  }

  Angle reduce(Value x) {
    Type f64 = getElementTypeOrSelf(x);
    Value pattern = l.reinterpret(i64, l.abs(x));
    Value m = add(both(pattern, bits((uint64_t(1) << 52) - 1)), bits(uint64_t(1) << 52));
    // The exponent has 1023 more than e + 52; 62 of the zeros stay in front.
    Value start = sub(right(pattern, bits(52)), bits(1023 + 52 - 62));
    auto low = [&](Value from) -> std::pair<Value, Value> {
      auto product = arith::MulUIExtendedOp::create(l.b, l.loc, m, bitsFrom(from));
      return {product.getLow(), product.getHigh()};
    };
    auto [last, carry] = low(add(start, bits(128)));
    auto [middle, upper] = low(add(start, bits(64)));
    auto first = low(start).first;
    middle = add(middle, carry);
    Value overflow = arith::ExtUIOp::create(l.b, l.loc, l.of(i64), isBelow(middle, carry));
    first = add(add(first, upper), overflow);

    // Of `first`, two bits are quarters; what is left is from -1/2 to 1/2 of one.
    Value quarters = right(add(first, bits(uint64_t(1) << 61)), bits(62));
    Value large = arith::OrIOp::create(l.b, l.loc, left(first, bits(2)), right(middle, bits(62)));
    Value small = arith::OrIOp::create(l.b, l.loc, left(middle, bits(2)), right(last, bits(62)));
    // A float has 53 bits: the last 11 of the first 64 go to those behind.
    Value tail = both(large, bits(2047));
    Value head = arith::SIToFPOp::create(l.b, l.loc, l.of(f64), sub(large, tail));
    Value rest = arith::UIToFPOp::create(l.b, l.loc, l.of(f64), tail);
    rest = l.once(arith::UIToFPOp::create(l.b, l.loc, l.of(f64), small), l.like(x, 0x1p-64), rest);
    Pair part = sumOf(l, l.mul(head, l.like(x, 0x1p-64)), l.mul(rest, l.like(x, 0x1p-64)));
    Pair turned = productOf(l, part, {l.like(x, quarter[0]), l.like(x, quarter[1])});
    // The same angle with the sign of x.
    Value isNegative = l.compare(arith::CmpFPredicate::OLT, x, l.like(x, 0));
    auto signedLike = [&](Value v) { return l.select(isNegative, l.neg(v), v); };
    return {l.select(isNegative, sub(bits(0), quarters), quarters),
            sumOf(l, signedLike(turned.high), signedLike(turned.low))};
  }
};

Angle reduce(Lanes l, Value x) {
  Angle small = reduceSmall(l, x);
  // Infinity and NaN as well: their quarters mean nothing.
  Value isLarge = l.compare(arith::CmpFPredicate::UGT, l.abs(x), l.like(x, 0x1p20));
  auto compute = [&](OpBuilder &b, Location loc) {
    Lanes in{b, loc, l.type};
    Angle large = LargeAngles{in}.reduce(x);
    scf::YieldOp::create(b, loc,
                         ValueRange{in.select(isLarge, large.quarters, small.quarters),
                                    in.select(isLarge, large.left.high, small.left.high),
                                    in.select(isLarge, large.left.low, small.left.low)});
  };
  auto keep = [&](OpBuilder &b, Location loc) {
    scf::YieldOp::create(b, loc, ValueRange{small.quarters, small.left.high, small.left.low});
  };
  auto chosen = scf::IfOp::create(l.b, l.loc, l.any(isLarge), compute, keep);
  return {chosen.getResult(0), {chosen.getResult(1), chosen.getResult(2)}};
}

/// Taylor's series, whose rests are below 3e-18.
Value sineOf(Lanes l, Pair x) {
  Value z = l.mul(x.high, x.high);
  Value p = l.series(z, {1.0 / 355687428096000, -1.0 / 1307674368000, 1.0 / 6227020800, -1.0 / 39916800, 1.0 / 362880,
                         -1.0 / 5040, 1.0 / 120, -1.0 / 6});
  Value ofLow = l.mul(x.low, l.once(z, l.like(z, -0.5), l.like(z, 1)));
  return l.add(x.high, l.once(l.mul(z, x.high), p, ofLow));
}
Value cosineOf(Lanes l, Pair x) {
  Value z = l.mul(x.high, x.high), one = l.like(z, 1);
  Value p = l.series(z, {-1.0 / 6402373705728000, 1.0 / 20922789888000, -1.0 / 87178291200, 1.0 / 479001600,
                         -1.0 / 3628800, 1.0 / 40320, -1.0 / 720, 1.0 / 24});
  // 1 - z/2 and what it lost.
  Value half = l.mul(z, l.like(z, 0.5)), most = l.sub(one, half);
  Value lost = l.sub(l.sub(one, most), half);
  Value small = l.once(l.mul(z, z), p, l.sub(lost, l.mul(x.high, x.low)));
  return l.add(most, small);
}

/// NaN where `x` is not finite, else `y`.
Value finish(Lanes l, Value x, Value y) {
  Value isFinite = l.compare(arith::CmpFPredicate::OLT, l.abs(x), l.like(x, std::numeric_limits<double>::infinity()));
  return l.select(isFinite, y, l.sub(x, x));
}

/// sin(x + quarters pi / 2).
Value sine(Lanes l, Value x, uint64_t quarters) {
  Angle angle = reduce(l, x);
  Value count = angle.quarters;
  if (quarters)
    count = arith::AddIOp::create(l.b, l.loc, count, l.integer(l.b.getI64Type(), quarters));
  Value y = l.select(l.hasBit(count, 1), cosineOf(l, angle.left), sineOf(l, angle.left));
  y = l.select(l.hasBit(count, 2), l.neg(y), y);
  if (!quarters) // The sign of zero.
    y = l.select(l.compare(arith::CmpFPredicate::OEQ, x, l.like(x, 0)), x, y);
  return finish(l, x, y);
}

} // namespace

Value lowerWideSin(Lanes l, Value x) { return sine(l, x, 0); }
Value lowerWideCos(Lanes l, Value x) { return sine(l, x, 1); }

Value lowerWideTan(Lanes l, Value x) {
  Angle angle = reduce(l, x);
  Value sin = sineOf(l, angle.left), cos = cosineOf(l, angle.left);
  Value isOdd = l.hasBit(angle.quarters, 1);
  Value y = l.div(l.select(isOdd, l.neg(cos), sin), l.select(isOdd, sin, cos));
  y = l.select(l.compare(arith::CmpFPredicate::OEQ, x, l.like(x, 0)), x, y); // The sign of zero.
  return finish(l, x, y);
}

} // namespace lathe
