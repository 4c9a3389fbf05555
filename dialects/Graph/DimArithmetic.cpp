// dialects/Graph/DimArithmetic.cpp: what can be known of expressions of sizes.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/Graph.h"
#include "dialects/Graph/ShapeSolver.h"

using namespace mlir;

namespace lathe::graph {

AffineExpr ShapeSolver::constant(int64_t value) const { return getAffineConstantExpr(value, context); }

AffineExpr ShapeSolver::simplify(AffineExpr expr) { return simplifyAffineExpr(expr, 0, symbols.size()); }

AffineExpr ShapeSolver::product(ArrayRef<AffineExpr> factors) {
  AffineExpr result = constant(1);
  for (AffineExpr factor : factors)
    result = result * factor;
  return simplify(result);
}

bool ShapeSolver::isNonNegative(AffineExpr expr) const {
  if (ranges.of(expr).least >= 0)
    return true;
  if (auto fixed = dyn_cast<AffineConstantExpr>(expr))
    return fixed.getValue() >= 0;
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr)) {
    // Elements of integer inputs may be anything.
    SymbolAttr definition = symbols[symbol.getPosition()];
    if (definition.getInput() >= 0 || signedSymbols.contains(symbol.getPosition()))
      return isChecked(expr);
    if (AffineMapAttr least = definition.getMin())
      return llvm::all_of(least.getAffineMap().getResults(), [&](AffineExpr part) { return isNonNegative(part); });
    if (AffineMapAttr largest = definition.getMax())
      return llvm::any_of(largest.getAffineMap().getResults(), [&](AffineExpr part) { return isNonNegative(part); });
    return true;
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  return binary && isNonNegative(binary.getLHS()) && isNonNegative(binary.getRHS());
}

bool ShapeSolver::isChecked(AffineExpr expr) const {
  return llvm::any_of(checks, [&](CheckAttr check) {
    auto least = dyn_cast<AffineConstantExpr>(check.getMap().getResult(1));
    return check.getRelation() == "ge" && least && least.getValue() >= 0 && check.getMap().getResult(0) == expr;
  });
}

bool ShapeSolver::isAtMostOne(AffineExpr expr) const {
  if (auto fixed = dyn_cast<AffineConstantExpr>(expr))
    return fixed.getValue() <= 1;
  auto symbol = dyn_cast<AffineSymbolExpr>(expr);
  AffineMapAttr least = symbol ? symbols[symbol.getPosition()].getMin() : AffineMapAttr();
  return least && llvm::any_of(least.getAffineMap().getResults(), [&](AffineExpr part) { return isAtMostOne(part); });
}

bool ShapeSolver::isNeverOne(AffineExpr expr) { return !equal(expr, constant(1)).value_or(true); }

std::optional<bool> ShapeSolver::equal(AffineExpr a, AffineExpr b) {
  if (a == b)
    return true;
  AffineExpr difference = simplify(a - b);
  if (auto fixed = dyn_cast<AffineConstantExpr>(difference))
    return fixed.getValue() == 0;
  SizeRange between = ranges.of(difference);
  if (between.least > 0 || between.most < 0)
    return false;
  // A size never equals a negative number.
  auto isNegative = [](AffineExpr expr) {
    auto fixed = dyn_cast<AffineConstantExpr>(expr);
    return fixed && fixed.getValue() < 0;
  };
  if ((isNegative(a) && isNonNegative(b)) || (isNegative(b) && isNonNegative(a)))
    return false;
  return std::nullopt;
}

std::optional<bool> ShapeSolver::less(AffineExpr a, AffineExpr b) {
  if (isNonNegative(simplify(a - b)))
    return false;
  if (isNonNegative(simplify(b - a - 1)))
    return true;
  return std::nullopt;
}

AffineExpr ShapeSolver::derived(AffineExpr a, AffineExpr b, bool isMin) {
  auto map = AffineMapAttr::get(AffineMap::get(0, symbols.size(), {a, b}, context));
  for (auto [position, definition] : llvm::enumerate(symbols)) {
    AffineMapAttr made = isMin ? definition.getMin() : definition.getMax();
    if (made && made.getAffineMap().getResults() == map.getAffineMap().getResults())
      return getAffineSymbolExpr(position, context);
  }
  StringAttr name = StringAttr::get(context, isMin ? "min" : "max");
  return symbol(SymbolAttr::get(context, name, -1, -1, isMin ? map : AffineMapAttr(), isMin ? AffineMapAttr() : map,
                                false, {}, {}));
}

AffineExpr ShapeSolver::min(AffineExpr a, AffineExpr b) {
  AffineExpr difference = simplify(a - b);
  if (isNonNegative(difference))
    return b;
  if (isNonNegative(simplify(-difference)))
    return a;
  return derived(a, b, /*isMin=*/true);
}

AffineExpr ShapeSolver::max(AffineExpr a, AffineExpr b) {
  AffineExpr difference = simplify(a - b);
  if (isNonNegative(difference))
    return a;
  if (isNonNegative(simplify(-difference)))
    return b;
  return derived(a, b, /*isMin=*/false);
}

AffineExpr ShapeSolver::stretched(AffineExpr a, AffineExpr b) {
  // In one order, so that equal sizes are equal expressions.
  auto first = dyn_cast<AffineSymbolExpr>(a), second = dyn_cast<AffineSymbolExpr>(b);
  if (first && second && second.getPosition() < first.getPosition())
    std::swap(a, b);
  AffineExpr most = max(a, b);
  return min(most, product({a, b}));
}

std::optional<std::pair<AffineExpr, AffineExpr>> ShapeSolver::stretchedFrom(AffineExpr expr) const {
  auto operands = [&](AffineExpr of, bool isMin) -> AffineMap {
    auto symbol = dyn_cast<AffineSymbolExpr>(of);
    if (!symbol)
      return {};
    SymbolAttr definition = symbols[symbol.getPosition()];
    AffineMapAttr map = isMin ? definition.getMin() : definition.getMax();
    return map ? map.getAffineMap() : AffineMap();
  };
  AffineMap least = operands(expr, /*isMin=*/true);
  AffineMap most = least ? operands(least.getResult(0), /*isMin=*/false) : AffineMap();
  if (!most)
    return std::nullopt;
  AffineExpr a = most.getResult(0), b = most.getResult(1);
  if (simplifyAffineExpr(a * b, 0, symbols.size()) != least.getResult(1))
    return std::nullopt;
  return std::make_pair(a, b);
}

bool ShapeSolver::absorbs(AffineExpr whole, AffineExpr part) const {
  if (whole == part)
    return true;
  auto parts = stretchedFrom(whole);
  return parts && (absorbs(parts->first, part) || absorbs(parts->second, part));
}

bool ShapeSolver::mayStretch(AffineExpr a, AffineExpr b) const {
  if (stretchedFrom(a) || stretchedFrom(b))
    return true;
  // The sizes and input elements from which `expr` follows.
  auto roots = [&](AffineExpr expr) {
    DenseSet<unsigned> visited, result;
    SmallVector<AffineExpr> pending = {expr};
    while (!pending.empty())
      pending.pop_back_val().walk([&](AffineExpr part) {
        auto symbol = dyn_cast<AffineSymbolExpr>(part);
        if (!symbol || !visited.insert(symbol.getPosition()).second)
          return;
        SymbolAttr definition = symbols[symbol.getPosition()];
        if (AffineMapAttr map = definition.getMin() ? definition.getMin() : definition.getMax())
          llvm::append_range(pending, map.getAffineMap().getResults());
        else
          result.insert(symbol.getPosition());
      });
    return result;
  };
  DenseSet<unsigned> first = roots(a), second = roots(b);
  return llvm::none_of(first, [&](unsigned root) { return second.contains(root); });
}

void ShapeSolver::resolveDerived(MutableArrayRef<AffineExpr> values) {
  for (auto [i, definition] : llvm::enumerate(symbols)) {
    AffineMapAttr map = definition.getMin() ? definition.getMin() : definition.getMax();
    if (!map)
      continue;
    auto valueOf = [&](AffineExpr expr) { return simplify(expr.replaceSymbols(values)); };
    if (auto parts = stretchedFrom(getAffineSymbolExpr(i, context))) {
      AffineExpr a = valueOf(parts->first), b = valueOf(parts->second);
      if (isa<AffineConstantExpr>(b))
        std::swap(a, b);
      if (isa<AffineConstantExpr>(a))
        values[i] = a == constant(1) ? b : a;
      continue;
    }
    AffineExpr a = valueOf(map.getAffineMap().getResult(0)), b = valueOf(map.getAffineMap().getResult(1));
    AffineExpr difference = simplify(a - b);
    if (isNonNegative(difference))
      values[i] = definition.getMin() ? b : a;
    else if (isNonNegative(simplify(-difference)))
      values[i] = definition.getMin() ? a : b;
  }
}

/// Splits a product into a constant and other factors.
static int64_t factorize(AffineExpr expr, SmallVectorImpl<AffineExpr> &factors) {
  if (auto fixed = dyn_cast<AffineConstantExpr>(expr))
    return fixed.getValue();
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (binary && binary.getKind() == AffineExprKind::Mul)
    return factorize(binary.getLHS(), factors) * factorize(binary.getRHS(), factors);
  factors.push_back(expr);
  return 1;
}

AffineExpr ShapeSolver::divide(AffineExpr numerator, AffineExpr denominator) {
  SmallVector<AffineExpr> above, below;
  int64_t top = factorize(numerator, above), bottom = factorize(denominator, below);
  for (AffineExpr factor : below) {
    auto *found = llvm::find(above, factor);
    if (found == above.end())
      return {};
    above.erase(found);
  }
  if (bottom == 0)
    return {};
  if (top % bottom == 0)
    return simplify(product(above) * (top / bottom));
  AffineExpr rest = simplify(product(above) * top);
  return ranges.of(rest).divisor % bottom == 0 ? simplify(rest.floorDiv(bottom)) : AffineExpr();
}

AffineExpr ShapeSolver::windowed(AffineExpr in, int64_t kernel, int64_t stride, int64_t padBegin, int64_t padEnd,
                                 int64_t dilation, bool ceil) {
  AffineExpr span = in + (padBegin + padEnd - dilation * (kernel - 1) - 1);
  AffineExpr out = (ceil ? span.ceilDiv(stride) : span.floorDiv(stride)) + 1;
  if (ceil) {
    // A window that starts in the padding behind the input does not count:
    // (out - 1) stride must be less than in + padBegin.
    AffineExpr largest = (in + (padBegin - 1)).floorDiv(stride) + 1;
    return min(simplify(out), simplify(largest));
  }
  return simplify(out);
}

} // namespace lathe::graph
