// dialects/Kernel/KernelDialect.cpp: registration, text form and verification of kernels.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Kernel/Kernel.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/Interfaces/FunctionImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

#include "dialects/Kernel/KernelDialect.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Kernel/KernelAttrs.cpp.inc"

#define GET_OP_CLASSES
#include "dialects/Kernel/KernelOps.cpp.inc"

namespace lathe::kernel {

void KernelDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Kernel/KernelAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Kernel/KernelOps.cpp.inc"
      >();
}

ParseResult FuncOp::parse(OpAsmParser &parser, OperationState &result) {
  auto buildType = [](Builder &builder, ArrayRef<Type> inputs, ArrayRef<Type> results,
                      function_interface_impl::VariadicFlag,
                      std::string &) { return builder.getFunctionType(inputs, results); };
  return function_interface_impl::parseFunctionOp(parser, result, /*allowVariadic=*/false,
                                                  getFunctionTypeAttrName(result.name), buildType,
                                                  getArgAttrsAttrName(result.name), getResAttrsAttrName(result.name));
}

void FuncOp::print(OpAsmPrinter &printer) {
  function_interface_impl::printFunctionOp(printer, *this, /*isVariadic=*/false, getFunctionTypeAttrName(),
                                           getArgAttrsAttrName(), getResAttrsAttrName());
}

LogicalResult FuncOp::verify() {
  int64_t sizes = getSizes(), count = getFunctionType().getNumInputs();
  if (sizes < 0 || sizes > count) // func_c1
    return emitOpError("has ") << sizes << " sizes, but " << count << " arguments";
  for (auto [i, type] : llvm::enumerate(getArgumentTypes()))
    if (isa<IndexType>(type) != (static_cast<int64_t>(i) < sizes))
      return emitOpError("argument ") << i << " has type " << type << ", but just the first " << sizes
                                      << " arguments are sizes";
  auto terminator = dyn_cast<ReturnOp>(getBody().front().getTerminator());
  if (!terminator || !llvm::equal(terminator.getOperandTypes(), getResultTypes())) // func_c2
    return emitOpError("must end in 'kernel.return' of its result types");
  return success();
}

LogicalResult GroupOp::verify() {
  auto yield = cast<YieldOp>(getBody().front().getTerminator());
  if (!llvm::equal(yield.getOperandTypes(), getResultTypes())) // group_c1
    return emitOpError("yields other types than those of its results");
  return success();
}

LogicalResult CallOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto callee = symbols.lookupNearestSymbolFrom<FuncOp>(*this, getCalleeAttr());
  if (!callee) // call_c1
    return emitOpError("callee '") << getCallee() << "' is not a kernel";
  int64_t sizes = getSizes().getNumResults();
  if (sizes != static_cast<int64_t>(callee.getSizes()))
    return emitOpError("has ") << sizes << " sizes, but kernel '" << getCallee() << "' takes " << callee.getSizes();
  if (getOperands().size() != callee.getTensorArguments().size() || getNumResults() != callee.getResultTypes().size())
    return emitOpError("does not have the operands and results of kernel '") << getCallee() << "'";
  return success();
}

LogicalResult PackOp::verify() {
  auto x = cast<RankedTensorType>(getX().getType()), y = cast<RankedTensorType>(getY().getType());
  int64_t rank = x.getRank(), tiled = getTiled(), tile = getTile();
  if (tiled < 0 || tiled >= rank || tile <= 0 || static_cast<int64_t>(getOrder().size()) != rank - 1)
    return emitOpError("cannot tile dim ") << tiled << " of " << x << " by " << tile;
  SmallVector<int64_t> expected = {static_cast<int64_t>(llvm::divideCeil(x.getDimSize(tiled), tile))};
  for (int64_t dim : getOrder()) { // pack_c1
    if (dim < 0 || dim >= rank || dim == tiled || llvm::count(getOrder(), dim) != 1)
      return emitOpError("'order' must list every dim but ") << tiled << " once";
    expected.push_back(x.getDimSize(dim));
  }
  expected.push_back(tile);
  if (y.getShape() != ArrayRef(expected) || y.getElementType() != x.getElementType()) // pack_c2
    return emitOpError("has a result of type ") << y << ", which is not the packed shape of " << x;
  return success();
}

} // namespace lathe::kernel
