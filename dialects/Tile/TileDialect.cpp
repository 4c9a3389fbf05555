// dialects/Tile/TileDialect.cpp: the dialect, its attribute, and the rules that
// all epilogues share.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialects/Tile/Attention.h"
#include "dialects/Tile/Tile.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lathe::tile;

#include "dialects/Tile/TileDialect.cpp.inc"
#include "dialects/Tile/TileInterfaces.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/Tile/TileAttributes.cpp.inc"

void TileDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Tile/TileAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Tile/TileOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Tile/AttentionOps.cpp.inc"
      >();
}

LogicalResult TilingAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t rows, int64_t vectors,
                                 int64_t lanes, int64_t unroll, int64_t prefetch, int64_t block, int64_t taskRows,
                                 int64_t taskPanels, StringAttr unit) {
  auto require = [&](StringRef name, int64_t value, int64_t least) {
    if (value >= least)
      return success();
    return LogicalResult(emitError() << "'" << name << "' is " << value << ", but must be at least " << least
                                     << " [tile-tiling]");
  };
  if (unit && !findDotUnit(unit.getValue())) // tiling_c3
    return emitError() << "there is no dot unit " << unit << " [tile-unit]";
  return success(succeeded(require("rows", rows, 1)) && // tiling_c1
                 succeeded(require("vectors", vectors, 1)) && succeeded(require("lanes", lanes, 1)) &&
                 succeeded(require("unroll", unroll, 1)) && succeeded(require("prefetch", prefetch, 0)) && // tiling_c2
                 succeeded(require("block", block, 0)) && succeeded(require("task_rows", taskRows, 0)) &&
                 succeeded(require("task_panels", taskPanels, 0)));
}

const lathe::DotUnit *TilingAttr::getDotUnit() const { return getUnit() ? findDotUnit(getUnit().getValue()) : nullptr; }

const lathe::MatrixUnit *TilingAttr::getMatrixUnit() const {
  const DotUnit *unit = getDotUnit();
  return unit ? unit->matrixUnit() : nullptr;
}

Type lathe::tile::toType(DotType type, MLIRContext *context) {
  switch (type) {
  case DotType::F64:
    return Float64Type::get(context);
  case DotType::F32:
  case DotType::TF32:
    return Float32Type::get(context);
  case DotType::F16:
    return Float16Type::get(context);
  case DotType::BF16:
    return BFloat16Type::get(context);
  default:
    return IntegerType::get(context, bytesOf(type) * 8);
  }
}

Type lathe::tile::getAccumulatorType(Operation *op) {
  if (const DotUnit *unit = cast<EpilogueOpInterface>(op).getTiling().getDotUnit())
    return toType(unit->sum, op->getContext());
  return getElementTypeOrSelf(op->getOperand(0).getType());
}

LogicalResult lathe::tile::verifyUnit(Operation *op, Type a, Type b) {
  const DotUnit *unit = cast<EpilogueOpInterface>(op).getTiling().getDotUnit();
  if (!unit) {
    if (a == b && (a.isF32() || a.isF64()))
      return success();
    return op->emitOpError("multiplies ") << a << " and " << b << ", so it needs a 'unit' [tile-unit]";
  }
  Type expectedA = toType(unit->a, op->getContext()), expectedB = toType(unit->b, op->getContext());
  if (a == expectedA && b == expectedB)
    return success();
  return op->emitOpError("multiplies ") << a << " and " << b << ", but its unit '" << unit->name << "' takes "
                                        << expectedA << " and " << expectedB << " [tile-unit]";
}

/// (E1) to (E3) for one extra.
static LogicalResult verifyExtra(EpilogueOpInterface op, unsigned index) {
  auto type = cast<ShapedType>(op.getExtras()[index].getType());
  ShapedType init = op.getInitType();
  AffineMap map = op.getExtraMap(index);
  auto error = [&] { return op->emitOpError("extra ") << index << ": "; };
  if (map.getNumDims() != init.getRank() || map.getNumSymbols() != 0) // e1
    return error() << "the map has " << map.getNumDims() << " dims and " << map.getNumSymbols() << " symbols, but "
                   << init.getRank() << " dims are expected";
  if (map.getNumResults() != type.getRank()) // e1
    return error() << "the map has " << map.getNumResults() << " results, but the operand has rank " << type.getRank();
  for (auto [position, expr] : llvm::enumerate(map.getResults())) {
    int64_t expected = 1;
    if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
      expected = init.getDimSize(dim.getPosition());
      if (dim.getPosition() + 1 == init.getRank() && position + 1 != map.getNumResults()) // e2
        return error() << "result " << position
                       << " is the innermost dim of the output, which may "
                          "only be the last result";
    } else if (auto zero = dyn_cast<AffineConstantExpr>(expr); !zero || zero.getValue() != 0) { // e2
      return error() << "result " << position << " is neither a dim nor 0";
    }
    int64_t size = type.getDimSize(position);
    if (!ShapedType::isDynamic(size) && !ShapedType::isDynamic(expected) && size != expected) // e3
      return error() << "dim " << position << " is " << size << ", but " << expected << " is expected";
  }
  return success();
}

LogicalResult lathe::tile::verifyEpilogue(Operation *operation) {
  auto op = cast<EpilogueOpInterface>(operation);
  if (op.getExtraMaps().size() != op.getExtras().size()) // e1
    return op->emitOpError("has ") << op.getExtraMaps().size() << " maps for " << op.getExtras().size() << " extras";
  for (unsigned i = 0, e = op.getExtras().size(); i < e; ++i)
    if (failed(verifyExtra(op, i)))
      return failure();

  Region &region = op.getEpilogue();
  if (region.empty()) {
    if (op.getExtras().empty())
      return success();
    return op->emitOpError("has extras, but no epilogue that uses them"); // e4
  }
  Block &block = region.front();
  SmallVector<Type> expected{op.getAccumulatorType()};
  for (Value extra : op.getExtras())
    expected.push_back(getElementTypeOrSelf(extra.getType()));
  if (!llvm::equal(block.getArgumentTypes(), expected)) // e4
    return op->emitOpError("has an epilogue with arguments (")
           << block.getArgumentTypes() << "), but (" << expected << ") are expected";
  auto yield = dyn_cast_or_null<YieldOp>(block.empty() ? nullptr : &block.back());
  if (!yield) // e4
    return op->emitOpError("has an epilogue that does not end in 'tile.yield'");
  if (Type stored = op.getInitType().getElementType(); yield.getValue().getType() != stored) // e4
    return yield.emitOpError("yields ") << yield.getValue().getType() << ", but the output holds " << stored;
  for (Operation &inner : block.without_terminator()) // e5
    if (!inner.hasTrait<OpTrait::ConstantLike>() && !OpTrait::hasElementwiseMappableTraits(&inner))
      return inner.emitOpError("is not elementwise, so it cannot stand in an epilogue");
  return success();
}
