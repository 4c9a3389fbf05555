// dialects/Graph/ScaledSizes.cpp: sizes that a model computes in floating point: cast, scaled by a constant, rounded
// and cast back, as exporters write the output size of a resize by a factor.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/Graph.h"

using namespace mlir;

namespace lathe::graph {

namespace {
/// `numerators[i] / denominator`, exactly.
struct Fractions {
  Dims numerators;
  int64_t denominator = 1;
};
} // namespace

/// The single element of a constant as a fraction whose parts are so small that
/// products with sizes are far from overflowing.
static std::optional<std::pair<int64_t, int64_t>> constantFraction(Value value) {
  auto op = value.getDefiningOp<ConstantOp>();
  auto dense = op ? dyn_cast<DenseElementsAttr>(op.getValue()) : DenseElementsAttr();
  if (!dense || dense.getNumElements() != 1 || !isa<FloatType>(dense.getElementType()))
    return std::nullopt;
  APFloat number = *dense.getValues<APFloat>().begin();
  bool lossy = false;
  number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lossy);
  double numerator = number.convertToDouble();
  for (int64_t denominator = 1; denominator <= 1 << 16; denominator *= 2, numerator *= 2)
    if (std::abs(numerator) < 1 << 24 && numerator == std::floor(numerator))
      return std::pair(static_cast<int64_t>(numerator), denominator);
  return std::nullopt;
}

static std::optional<Fractions> fractions(ShapeSolver &solver, Value value);

/// `value` times `numerator / denominator`.
static std::optional<Fractions> scaled(ShapeSolver &solver, Value value, int64_t numerator, int64_t denominator) {
  std::optional<Fractions> result = fractions(solver, value);
  if (!result || denominator <= 0 || llvm::MulOverflow(result->denominator, denominator, result->denominator) ||
      result->denominator > int64_t(1) << 40)
    return std::nullopt;
  for (AffineExpr &expr : result->numerators)
    expr = solver.simplify(expr * numerator);
  return result;
}

/// The elements of a tensor of floats, if they are scaled sizes.
static std::optional<Fractions> fractions(ShapeSolver &solver, Value value) {
  Operation *op = value.getDefiningOp();
  if (auto cast = dyn_cast_or_null<CastOp>(op)) {
    Type from = cast.getX().getType().getElementType();
    // Halves are too short for sizes.
    if (getElementTypeOrSelf(value).getIntOrFloatBitWidth() < 32)
      return std::nullopt;
    if (isa<FloatType>(from))
      return fractions(solver, cast.getX());
    std::optional<Dims> contents = from.isInteger() ? solver.contents(cast.getX()) : std::nullopt;
    return contents ? std::optional(Fractions{*contents}) : std::nullopt;
  }
  if (auto reshape = dyn_cast_or_null<ReshapeOp>(op))
    return fractions(solver, reshape.getX());
  if (auto mul = dyn_cast_or_null<MulOp>(op)) {
    for (auto [x, factor] : {std::pair(mul.getA(), mul.getB()), std::pair(mul.getB(), mul.getA())})
      if (auto number = constantFraction(factor))
        return scaled(solver, x, number->first, number->second);
    return std::nullopt;
  }
  if (auto div = dyn_cast_or_null<DivOp>(op)) {
    auto number = constantFraction(div.getB());
    return number && number->first > 0 ? scaled(solver, div.getA(), number->second, number->first) : std::nullopt;
  }
  if (isa_and_nonnull<FloorOp, CeilOp>(op)) {
    std::optional<Fractions> result = fractions(solver, op->getOperand(0));
    if (!result)
      return std::nullopt;
    for (AffineExpr &expr : result->numerators)
      expr = solver.simplify(isa<FloorOp>(op) ? expr.floorDiv(result->denominator) : expr.ceilDiv(result->denominator));
    result->denominator = 1;
    return result;
  }
  return std::nullopt;
}

std::optional<Dims> CastOp::inferContents(ShapeSolver &solver) {
  Type from = getX().getType().getElementType(), to = getY().getType().getElementType();
  // Narrower than 32 bits, a size could wrap.
  if (!to.isInteger() || to.getIntOrFloatBitWidth() < 32)
    return std::nullopt;
  if (from.isInteger())
    return solver.contents(getX());
  std::optional<Fractions> values = fractions(solver, getX());
  if (!values)
    return std::nullopt;
  Dims result;
  for (AffineExpr expr : values->numerators) {
    // Casts truncate, which is rounding down only from zero on.
    if (values->denominator != 1 && !solver.isNonNegative(expr))
      return std::nullopt;
    result.push_back(solver.simplify(expr.floorDiv(values->denominator)));
  }
  return result;
}

} // namespace lathe::graph
