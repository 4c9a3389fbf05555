// dialects/Graph/GraphDialect.cpp: registration, attributes, and the types of the levels below.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/Attention.h"
#include "dialects/Graph/Graph.h"
#include "dialects/Graph/GraphVersion.h"
#include "dialects/Graph/MappedFiles.h"
#include "dialects/Graph/Recurrent.h"
#include "dialects/Graph/Sequence.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

#include "dialects/Graph/GraphInterfaces.cpp.inc"

#include "dialects/Graph/GraphDialect.cpp.inc"

#include "dialects/Graph/GraphEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Graph/GraphAttrs.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/Graph/GraphTypes.cpp.inc"

/// `T` for both, or `T -> U`: which of the two an op prints, it reads either.
static ParseResult parseUnaryTypes(OpAsmParser &parser, Type &operand, Type &result) {
  if (parser.parseType(operand))
    return failure();
  result = operand;
  return succeeded(parser.parseOptionalArrow()) ? parser.parseType(result) : ParseResult(success());
}

static void printUnaryTypes(OpAsmPrinter &printer, Operation *, Type operand, Type result) {
  printer << operand << " -> " << result;
}

/// The same of ops whose result always has the type of the operand.
static ParseResult parseSameTypes(OpAsmParser &parser, Type &operand, Type &result) {
  return parseUnaryTypes(parser, operand, result);
}

static void printSameTypes(OpAsmPrinter &printer, Operation *, Type operand, Type) { printer << operand; }

#define GET_OP_CLASSES
#include "dialects/Graph/GraphOps.cpp.inc"

namespace lathe::graph {

void GraphDialect::initialize() {
  addInterfaces<MappedFiles, GraphBytecode>();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Graph/GraphAttrs.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/Graph/GraphTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Graph/GraphOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Graph/AttentionOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Graph/RecurrentOps.cpp.inc"
      >();
  registerSequences();
}

Operation *GraphDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type, Location loc) {
  auto elements = dyn_cast<ElementsAttr>(value);
  if (!elements || elements.getType() != type)
    return nullptr;
  return ConstantOp::create(builder, loc, type, elements);
}

LogicalResult RangeAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t least, int64_t most,
                                int64_t divisor) {
  bool areMultiples = divisor > 0 && least % divisor == 0 && (most == SizeRange::unbounded || most % divisor == 0);
  if (least >= 0 && least <= most && areMultiples) // range_c1
    return success();
  return emitError() << "a range is from a 'least' of 0 or more to a 'most' that is not below it, both multiples of a "
                        "'divisor' of 1 or more, but there are "
                     << least << ", " << most << ", " << divisor << " [graph-range]";
}

LogicalResult DimsAttr::verify(function_ref<InFlightDiagnostic()> emitError, AffineMap map) {
  // dims_c1
  if (map.getNumDims() != 0)
    return emitError() << "expressions of dimensions use symbols only, but the map has " << map.getNumDims()
                       << " dimensions";
  return success();
}

LogicalResult DimsAttr::verifyEncoding(ArrayRef<int64_t> shape, Type,
                                       function_ref<InFlightDiagnostic()> emitError) const {
  // dims_c2
  if (getMap().getNumResults() != shape.size())
    return emitError() << "the encoding has " << getMap().getNumResults() << " expressions, but the tensor has rank "
                       << shape.size();
  for (auto [i, expr, size] : llvm::enumerate(getMap().getResults(), shape)) {
    auto fixed = dyn_cast<AffineConstantExpr>(expr);
    if (fixed ? fixed.getValue() != size : !ShapedType::isDynamic(size))
      return emitError() << "the encoding says " << printDim(expr) << " of dim " << i << ", but the type says "
                         << (ShapedType::isDynamic(size) ? "?" : std::to_string(size));
  }
  return success();
}

Type getSignlessType(Type element) {
  auto integer = dyn_cast<IntegerType>(element);
  if (!integer || integer.isSignless())
    return element;
  return IntegerType::get(element.getContext(), integer.getWidth());
}

RankedTensorType getPlainType(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return RankedTensorType::get(tensor.getShape(), getSignlessType(tensor.getElementType()));
}

Type getAccumulatorType(Type element) {
  if (element.isF16() || element.isBF16())
    return Float32Type::get(element.getContext());
  return element;
}

} // namespace lathe::graph
