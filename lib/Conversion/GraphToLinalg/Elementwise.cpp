// lib/Conversion/GraphToLinalg/Elementwise.cpp: one loop nest per op, whose
// body is what the op says of one element.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Lowerings.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace lathe::graph;

namespace lathe::lowering {

/// The attribute of a scalar constant, signless and with half precision
/// widened, if `operand` is one value repeated.
static TypedAttr splatOf(Value operand) {
  auto op = operand.getDefiningOp<ConstantOp>();
  auto splat = op ? dyn_cast<SplatElementsAttr>(op.getValue()) : nullptr;
  if (!splat)
    return {};
  Type type = getAccumulatorType(getSignlessType(splat.getElementType()));
  if (isa<IntegerType>(type))
    return IntegerAttr::get(type, splat.getSplatValue<APInt>());
  APFloat value = splat.getSplatValue<APFloat>();
  bool lost; // Never: the type is as wide or wider.
  value.convert(cast<FloatType>(type).getFloatSemantics(), APFloat::rmNearestTiesToEven, &lost);
  return FloatAttr::get(type, value);
}

static Lowered lowerElementwise(Operation *op, LinalgBuilder &b, ValueRange operands) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  Type element = getSignlessType(type.getElementType());

  SmallVector<TypedAttr> splats;
  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;
  for (auto [old, operand] : llvm::zip_equal(op->getOperands(), operands)) {
    splats.push_back(splatOf(old));
    if (splats.back())
      continue;
    inputs.push_back(operand);
    maps.push_back(broadcastMap(b.getContext(), typeOf(operand).getShape(), type.getShape()));
  }

  bool isSupported = true;
  Value result =
      b.elementwise(inputs, b.empty(type), maps, [&](OpBuilder &body, Location loc, ValueRange elements) -> Value {
        SmallVector<Value> args;
        for (TypedAttr splat : splats) {
          if (splat) {
            args.push_back(arith::ConstantOp::create(body, loc, splat));
            continue;
          }
          args.push_back(widen(body, loc, elements.front()));
          elements = elements.drop_front();
        }
        Value y = cast<ScalarComputation>(op).buildScalar(body, args);
        isSupported = !!y;
        if (!isSupported) // Any value completes the body; an error follows.
          return constant(body, loc, element, 0);
        return narrow(body, loc, y, element);
      });
  if (!isSupported) {
    InFlightDiagnostic error = op->emitOpError("does not compute on ");
    llvm::interleaveComma(op->getOperandTypes(), error, [&](Type operand) { error << getElementTypeOrSelf(operand); });
    return error << " [lower-unsupported-type]";
  }
  return SmallVector<Value>{result};
}

namespace {
/// The lowering of every op that says what it computes of one element.
struct ElementwiseModel final : LinalgLowering::FallbackModel<ElementwiseModel> {
  Lowered lowerToLinalg(Operation *op, LinalgBuilder &b, ValueRange operands) const {
    return lowerElementwise(op, b, operands);
  }
};
} // namespace

void attachElementwise(MLIRContext *context) {
  // Not getRegisteredOperationsByDialect: MLIR 22.1 finds nothing through it
  // once dialects are loaded that sort before ours.
  for (RegisteredOperationName name : context->getRegisteredOperations())
    if (name.hasInterface<ScalarComputation>())
      name.attachInterface<ElementwiseModel>();
}

} // namespace lathe::lowering
