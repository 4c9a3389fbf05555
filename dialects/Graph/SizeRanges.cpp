// dialects/Graph/SizeRanges.cpp: intervals and divisors of expressions of sizes.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/SizeRanges.h"
#include "llvm/Support/MathExtras.h"
#include <numeric>

using namespace mlir;
using llvm::ConstantRange;

namespace lathe::graph {

static constexpr unsigned bits = 64;

/// All numbers from `least` to `most`; any if these are all that there are.
static ConstantRange between(int64_t least, int64_t most) {
  return ConstantRange::getNonEmpty(APInt(bits, least, /*isSigned=*/true), APInt(bits, most, /*isSigned=*/true) + 1);
}

SizeRanges::SizeRanges(ArrayRef<SymbolAttr> symbols) {
  for (SymbolAttr symbol : symbols)
    add(symbol);
}

void SizeRanges::add(SymbolAttr symbol) {
  ConstantRange known = ConstantRange::getFull(bits);
  int64_t divisor = 1;
  if (RangeAttr range = symbol.getRange()) {
    known = between(range.getLeast(), range.getMost());
    divisor = range.getDivisor();
    isStated = true;
  } else if (symbol.isInputDim()) {
    known = between(0, SizeRange::unbounded);
  } else if (AffineMapAttr parts = symbol.getParts()) {
    AffineExpr a = parts.getAffineMap().getResult(0), b = parts.getAffineMap().getResult(1);
    known = symbol.getMin() ? interval(a).smin(interval(b)) : interval(a).smax(interval(b));
    divisor = std::gcd(divisorOf(a), divisorOf(b));
  } else if (AffineMapAttr bound = symbol.getBound()) {
    int64_t most = interval(bound.getAffineMap().getResult(0)).getSignedMax().getSExtValue();
    known = between(std::numeric_limits<int64_t>::min(), most);
  }
  intervals.push_back(known);
  divisors.push_back(divisor);
}

void SizeRanges::truncate(size_t count) {
  intervals.truncate(count);
  divisors.truncate(count);
}

ConstantRange SizeRanges::interval(AffineExpr expr) const {
  if (auto fixed = dyn_cast<AffineConstantExpr>(expr))
    return between(fixed.getValue(), fixed.getValue());
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return symbol.getPosition() < intervals.size() ? intervals[symbol.getPosition()] : ConstantRange::getFull(bits);
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return ConstantRange::getFull(bits);
  ConstantRange a = interval(binary.getLHS()), b = interval(binary.getRHS());
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return a.sadd_sat(b);
  case AffineExprKind::Mul:
    return a.smul_sat(b);
  default:
    break;
  }
  // Division rounds towards zero there, down here: the same where nothing is negative.
  if (a.getSignedMin().isNegative() || !b.getSignedMin().isStrictlyPositive())
    return ConstantRange::getFull(bits);
  if (expr.getKind() == AffineExprKind::Mod)
    return a.srem(b);
  if (expr.getKind() == AffineExprKind::CeilDiv)
    a = a.sadd_sat(b.sub(ConstantRange(APInt(bits, 1))));
  return a.sdiv(b);
}

/// `AffineExpr::getLargestKnownDivisor` with divisors of symbols, and without overflow.
int64_t SizeRanges::divisorOf(AffineExpr expr) const {
  if (auto fixed = dyn_cast<AffineConstantExpr>(expr))
    return fixed.getValue();
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return symbol.getPosition() < divisors.size() ? divisors[symbol.getPosition()] : 1;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return 1;
  int64_t a = divisorOf(binary.getLHS()), b = divisorOf(binary.getRHS()), product;
  switch (expr.getKind()) {
  case AffineExprKind::Add:
  case AffineExprKind::Mod:
    return std::gcd(a, b);
  case AffineExprKind::Mul:
    return llvm::MulOverflow(a, b, product) ? a : product;
  default: {
    auto by = dyn_cast<AffineConstantExpr>(binary.getRHS());
    return by && by.getValue() > 0 && a % by.getValue() == 0 ? a / by.getValue() : 1;
  }
  }
}

SizeRange SizeRanges::of(AffineExpr expr) const {
  ConstantRange known = interval(expr);
  return {known.getSignedMin().getSExtValue(), known.getSignedMax().getSExtValue(),
          std::max<int64_t>(std::abs(divisorOf(expr)), 1)};
}

} // namespace lathe::graph
