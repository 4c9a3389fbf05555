// lib/Pipeline/Lanes.h: what approximations of functions are written with.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_PIPELINE_LANES_H
#define LATHE_LIB_PIPELINE_LANES_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/PatternMatch.h"

namespace lathe {

/// Arithmetic on scalars, or on vectors of the shape of one.
struct Lanes {
  mlir::OpBuilder &b;
  mlir::Location loc;
  mlir::Type type; ///< Of the argument.

  mlir::Type of(mlir::Type element) const {
    if (auto vector = mlir::dyn_cast<mlir::VectorType>(type))
      return vector.clone(element);
    return element;
  }
  mlir::Value constant(mlir::Type element, double value) {
    mlir::TypedAttr scalar = mlir::isa<mlir::FloatType>(element)
                                 ? mlir::TypedAttr(b.getFloatAttr(element, value))
                                 : b.getIntegerAttr(element, static_cast<int64_t>(value));
    if (auto vector = mlir::dyn_cast<mlir::VectorType>(type))
      scalar = mlir::SplatElementsAttr::get(vector.clone(element), scalar);
    return mlir::arith::ConstantOp::create(b, loc, scalar);
  }
  /// An integer, all of whose bits count.
  mlir::Value integer(mlir::Type element, uint64_t value) {
    mlir::TypedAttr scalar = b.getIntegerAttr(element, llvm::APInt(element.getIntOrFloatBitWidth(), value));
    if (auto vector = mlir::dyn_cast<mlir::VectorType>(type))
      scalar = mlir::SplatElementsAttr::get(vector.clone(element), scalar);
    return mlir::arith::ConstantOp::create(b, loc, scalar);
  }
  mlir::Value like(mlir::Value x, double value) { return constant(mlir::getElementTypeOrSelf(x), value); }
  mlir::Value add(mlir::Value x, mlir::Value y) { return mlir::arith::AddFOp::create(b, loc, x, y); }
  mlir::Value sub(mlir::Value x, mlir::Value y) { return mlir::arith::SubFOp::create(b, loc, x, y); }
  mlir::Value mul(mlir::Value x, mlir::Value y) { return mlir::arith::MulFOp::create(b, loc, x, y); }
  mlir::Value div(mlir::Value x, mlir::Value y) { return mlir::arith::DivFOp::create(b, loc, x, y); }
  mlir::Value abs(mlir::Value x) { return mlir::math::AbsFOp::create(b, loc, x); }
  mlir::Value neg(mlir::Value x) { return mlir::arith::NegFOp::create(b, loc, x); }
  mlir::Value compare(mlir::arith::CmpFPredicate predicate, mlir::Value x, mlir::Value y) {
    return mlir::arith::CmpFOp::create(b, loc, predicate, x, y);
  }
  mlir::Value select(mlir::Value c, mlir::Value x, mlir::Value y) {
    return mlir::arith::SelectOp::create(b, loc, c, x, y);
  }
  /// `x * y + z`, rounded once where the processor has an instruction for it.
  mlir::Value fused(mlir::Value x, mlir::Value y, mlir::Value z) {
    auto contract = mlir::arith::FastMathFlags::contract;
    return mlir::arith::AddFOp::create(b, loc, mlir::arith::MulFOp::create(b, loc, x, y, contract), z, contract);
  }
  /// `x * y + z`, rounded once whatever the processor has.
  mlir::Value once(mlir::Value x, mlir::Value y, mlir::Value z) { return mlir::math::FmaOp::create(b, loc, x, y, z); }
  /// Horner's rule with `once`.
  mlir::Value series(mlir::Value x, llvm::ArrayRef<double> coefficients) {
    mlir::Value result = like(x, coefficients.front());
    for (double coefficient : coefficients.drop_front())
      result = once(result, x, like(x, coefficient));
    return result;
  }
  /// `x` with the bits of a float as an integer, or the other way round.
  mlir::Value reinterpret(mlir::Type element, mlir::Value x) {
    return mlir::arith::BitcastOp::create(b, loc, of(element), x);
  }
  /// Horner's rule, from the coefficient of the highest power down.
  mlir::Value polynomial(mlir::Value x, llvm::ArrayRef<double> coefficients) {
    mlir::Value result = like(x, coefficients.front());
    for (double coefficient : coefficients.drop_front())
      result = add(mul(result, x), like(x, coefficient));
    return result;
  }
  /// Whether a bit of `x` is set.
  mlir::Value hasBit(mlir::Value x, int64_t bit) {
    mlir::Value masked = mlir::arith::AndIOp::create(b, loc, x, like(x, static_cast<double>(bit)));
    return mlir::arith::CmpIOp::create(b, loc, mlir::arith::CmpIPredicate::ne, masked, like(x, 0));
  }
  /// Whether any lane of `mask` is set.
  mlir::Value any(mlir::Value mask) {
    auto vector = mlir::dyn_cast<mlir::VectorType>(mask.getType());
    if (!vector)
      return mask;
    auto flat = mlir::VectorType::get({vector.getNumElements()}, vector.getElementType());
    mlir::Value lanes = mlir::vector::ShapeCastOp::create(b, loc, flat, mask);
    return mlir::vector::ReductionOp::create(b, loc, mlir::vector::CombiningKind::OR, lanes);
  }
};

/// A number as the sum of two, of which the second is below the last digit of the first.
struct Pair {
  mlir::Value high, low;
};

/// `x + y` without a rounding, where `x` is 0 or not smaller than `y` (T. J. Dekker, A floating-point technique for
/// extending the available precision, 1971).
inline Pair sumOf(Lanes l, mlir::Value x, mlir::Value y) {
  mlir::Value sum = l.add(x, y);
  return {sum, l.sub(y, l.sub(sum, x))};
}

/// `x * y` without a rounding.
inline Pair productOf(Lanes l, mlir::Value x, mlir::Value y) {
  mlir::Value product = l.mul(x, y);
  return {product, l.once(x, y, l.neg(product))};
}

/// The same of pairs, but for what is below the last digit of the second number.
inline Pair productOf(Lanes l, Pair x, Pair y) {
  Pair product = productOf(l, x.high, y.high);
  return {product.high, l.add(product.low, l.once(x.high, y.low, l.mul(x.low, y.high)))};
}

/// Replaces an op on floats of `bits` bits by what `lower` makes of its operands.
template <typename OpT, unsigned bits, auto lower> struct LowerFunction final : mlir::OpRewritePattern<OpT> {
  explicit LowerFunction(mlir::MLIRContext *context) : mlir::OpRewritePattern<OpT>(context, /*benefit=*/10) {}
  llvm::LogicalResult matchAndRewrite(OpT op, mlir::PatternRewriter &rewriter) const override {
    mlir::Type type = op.getType(), element = mlir::getElementTypeOrSelf(type);
    if (!(bits == 64 ? element.isF64() : element.isF32()))
      return rewriter.notifyMatchFailure(op, "another type has another approximation");
    if (auto vector = mlir::dyn_cast<mlir::VectorType>(type); vector && vector.isScalable())
      return rewriter.notifyMatchFailure(op, "lanes of scalable vectors cannot be told apart");
    Lanes l{rewriter, op.getLoc(), type};
    if constexpr (OpT::template hasTrait<mlir::OpTrait::OneOperand>())
      rewriter.replaceOp(op, lower(l, op.getOperand()));
    else
      rewriter.replaceOp(op, lower(l, op.getLhs(), op.getRhs()));
    return mlir::success();
  }
};

} // namespace lathe

#endif // LATHE_LIB_PIPELINE_LANES_H
