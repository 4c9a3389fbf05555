// dialects/Kernel/KernelDialect.cpp: registration, text form and verification of kernels.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Kernel/Kernel.h"
#include "lathe/Support/Diagnostics.h"
#include "lathe/Support/Winograd.h"
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

namespace {
/// One line for the target, not its text on every kernel.
struct TargetAlias final : OpAsmDialectInterface {
  using OpAsmDialectInterface::OpAsmDialectInterface;

  AliasResult getAlias(Attribute attr, raw_ostream &os) const override {
    if (!isa<TargetAttr>(attr))
      return AliasResult::NoAlias;
    os << "target";
    return AliasResult::FinalAlias;
  }
};
} // namespace

void KernelDialect::initialize() {
  addInterfaces<TargetAlias>();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Kernel/KernelAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Kernel/KernelOps.cpp.inc"
      >();
}

Attribute TargetAttr::parse(AsmParser &parser, Type) {
  std::string text;
  SMLoc place = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseString(&text) || parser.parseGreater())
    return {};
  Diagnostics diagnostics;
  std::optional<Target> target = Target::parse(text, diagnostics);
  if (!target) {
    parser.emitError(place, diagnostics.text());
    return {};
  }
  return get(parser.getContext(), *target);
}

void TargetAttr::print(AsmPrinter &printer) const { printer << "<\"" << getValue().str() << "\">"; }

Operation *findRoot(Block &body) {
  Operation *root = nullptr;
  for (Operation &op : body.without_terminator()) {
    if (op.hasAttr(KernelDialect::rootAttrName))
      return &op;
    if (!isa<graph::GraphDialect>(op.getDialect()) || isa<graph::ConstantOp>(op))
      continue;
    if (!root || (isa<graph::ScalarComputation>(root) && !isa<graph::ScalarComputation>(op)))
      root = &op;
  }
  return root;
}

void FuncOp::build(OpBuilder &builder, OperationState &state, StringRef name, FunctionType type, int64_t sizes) {
  auto &properties = state.getOrAddProperties<Properties>();
  properties.sym_name = builder.getStringAttr(name);
  properties.function_type = TypeAttr::get(type);
  properties.sizes = builder.getI64IntegerAttr(sizes);
  state.addRegion();
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

/// Whether `attr`, the strides of a tensor of type `type`, are what `sizes` sizes can say.
static bool areStrides(Attribute attr, Type type, int64_t sizes) {
  auto map = dyn_cast<AffineMapAttr>(attr);
  auto shaped = dyn_cast<ShapedType>(type);
  if (!map || !shaped || map.getValue().getNumResults() != shaped.getRank() || shaped.getRank() == 0)
    return false;
  for (AffineExpr expr : map.getValue().getResults()) {
    auto symbol = dyn_cast<AffineSymbolExpr>(expr);
    auto number = dyn_cast<AffineConstantExpr>(expr);
    if (!(symbol && symbol.getPosition() < sizes) && !(number && number.getValue() >= 0))
      return false;
  }
  return map.getValue().getResults().back() == getAffineConstantExpr(1, attr.getContext());
}

static LogicalResult verifyStrides(FuncOp kernel) {
  auto check = [&](Attribute attr, Type type, StringRef what, size_t i) -> LogicalResult {
    if (!attr || areStrides(attr, type, kernel.getSizes())) // func_c6
      return success();
    return kernel.emitOpError() << what << " " << i << " has the strides " << attr << ", but for a " << type
                                << " one of the sizes or a number is expected for each dim, and 1 for the last";
  };
  for (auto [i, type] : llvm::enumerate(kernel.getArgumentTypes()))
    if (failed(check(kernel.getArgAttr(i, FuncOp::stridesAttrName), type, "argument", i)))
      return failure();
  for (auto [i, type] : llvm::enumerate(kernel.getResultTypes()))
    if (failed(check(kernel.getResultAttr(i, FuncOp::stridesAttrName), type, "result", i)))
      return failure();
  return success();
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
  int64_t temporaries = getShared() + getScratch(), buffers = count - sizes - temporaries;
  if (static_cast<int64_t>(getOutputs()) > buffers || (temporaries > 0 && !getMemory())) // func_c4
    return emitOpError("has ") << count << " arguments, which cannot be " << sizes << " sizes, " << getOutputs()
                               << " outputs and " << temporaries << " temporaries of the bytes that 'memory' says";
  if (std::optional<int64_t> operand = getInplace()) { // func_c5
    // Results become arguments.
    SmallVector<Type> types(getArgumentTypes().slice(sizes, buffers));
    llvm::append_range(types, getResultTypes());
    int64_t operands = buffers - static_cast<int64_t>(getOutputs()), results = types.size() - operands;
    if (*operand < 0 || *operand >= operands || results == 0 || types[*operand] != types[operands])
      return emitOpError("cannot compute its first result in the memory of operand ")
             << *operand << ", of " << operands << "; that must have the result's type";
  }
  if (failed(verifyStrides(*this)))
    return failure();
  if (getRanges() && static_cast<int64_t>(getRanges()->size()) != sizes) // func_c7
    return emitOpError("has the ranges of ") << getRanges()->size() << " sizes, but " << sizes << " are expected";
  if (!getDims())
    return success();
  int64_t expected = buffers + getResultTypes().size();
  if (static_cast<int64_t>(getDims()->size()) != expected) // func_c3
    return emitOpError("has the dims of ") << getDims()->size() << " tensors, but " << expected << " are expected";
  auto types = llvm::concat<const Type>(getArgumentTypes().slice(sizes, buffers), getResultTypes());
  for (auto [map, type] : llvm::zip_equal(getDims()->getAsRange<AffineMapAttr>(), types))
    if (auto shape = dyn_cast<ShapedType>(type); !shape || shape.getRank() != map.getValue().getNumResults()) // func_c3
      return emitOpError("has the dims ") << map << " for " << type;
  return success();
}

LogicalResult EntryOp::verifySymbolUses(SymbolTableCollection &symbols) {
  if (getPhases().empty()) // entry_c1
    return emitOpError("has no phase");
  auto exists = [&](FlatSymbolRefAttr name) -> LogicalResult {
    if (symbols.lookupNearestSymbolFrom(*this, name))
      return success();
    return emitOpError("names the function ") << name << ", which does not exist";
  };
  for (auto phase : getPhases().getAsRange<PhaseAttr>())
    if (failed(exists(phase.getTasks())) || failed(exists(phase.getBody())))
      return failure();
  return getMemoryAttr() ? exists(getMemoryAttr()) : success();
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

SmallVector<int64_t> packedShape(ArrayRef<int64_t> given, int64_t tiled, ArrayRef<int64_t> order, int64_t tile,
                                 std::optional<int64_t> step, std::optional<int64_t> run,
                                 std::optional<int64_t> winograd, std::optional<int64_t> bits) {
  auto partsOf = [](int64_t size, int64_t part) {
    return ShapedType::isDynamic(size) ? size : static_cast<int64_t>(llvm::divideCeil(size, part));
  };
  SmallVector<int64_t> shape(given);
  if (winograd)
    shape[2] = shape[3] = *winograd + Winograd::taps - 1;
  SmallVector<int64_t> result = {partsOf(shape[tiled], tile)};
  ArrayRef<int64_t> last = step ? order.take_back(run.value_or(1)) : ArrayRef<int64_t>();
  for (int64_t dim : order.drop_back(last.size()))
    result.push_back(shape[dim]);
  if (step) {
    int64_t length = 1;
    for (int64_t dim : last)
      length = ShapedType::isDynamic(length) || ShapedType::isDynamic(shape[dim]) ? ShapedType::kDynamic
                                                                                  : length * shape[dim];
    result.push_back(partsOf(length, *step));
  }
  result.push_back(tile);
  if (step && !bits)
    result.push_back(*step);
  return result;
}

LogicalResult BlockMemoryOp::verify() {
  auto type = dyn_cast<MemRefType>(getMemory().getType());
  if (!type || !type.hasStaticShape() || !type.getLayout().isIdentity()) // block_memory_c1
    return emitOpError("needs a memref of static sizes without a layout, but has ") << getMemory().getType();
  return success();
}

LogicalResult PackOp::verify() {
  auto x = cast<RankedTensorType>(getX().getType()), y = cast<RankedTensorType>(getY().getType());
  int64_t rank = x.getRank(), tiled = getTiled(), tile = getTile();
  if (tiled < 0 || tiled >= rank || tile <= 0 || static_cast<int64_t>(getOrder().size()) != rank - 1)
    return emitOpError("cannot tile dim ") << tiled << " of " << x << " by " << tile;
  for (int64_t dim : getOrder()) // pack_c1
    if (dim < 0 || dim >= rank || dim == tiled || llvm::count(getOrder(), dim) != 1)
      return emitOpError("'order' must list every dim but ") << tiled << " once";
  int64_t run = getRun().value_or(1);
  if (static_cast<int64_t>(getStep().value_or(1)) < 1 || run < 1 || run > rank - 1 ||
      (getRun() && !getStep())) // pack_c3
    return emitOpError("cannot put ") << getStep().value_or(0) << " neighbours of a run of " << run
                                      << " dims side by side";
  if (getWinograd() && (getStep() || !Winograd::find(*getWinograd()) || rank != 4 || !x.getElementType().isF32() ||
                        x.getDimSize(2) != Winograd::taps || x.getDimSize(3) != Winograd::taps)) // pack_c4
    return emitOpError("cannot transform ") << x << " for " << *getWinograd() << " outputs";
  if (getBits() && (!x.getElementType().isInteger(8) || getStep().value_or(1) * *getBits() != 8)) // pack_c5
    return emitOpError("cannot put ") << getStep().value_or(1) << " elements of " << x << " of " << *getBits()
                                      << " bits into a byte";
  SmallVector<int64_t> expected =
      packedShape(x.getShape(), tiled, getOrder(), tile, getStep(), getRun(), getWinograd(), getBits());
  if (y.getShape() != ArrayRef(expected) || y.getElementType() != x.getElementType()) // pack_c2
    return emitOpError("has a result of type ") << y << ", which is not the packed shape of " << x;
  return success();
}

} // namespace lathe::kernel
