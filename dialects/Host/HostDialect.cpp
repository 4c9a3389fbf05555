// dialects/Host/HostDialect.cpp: the host dialect and what its ops demand.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Host/Donations.h"
#include "dialects/Host/Host.h"
#include "lathe/Support/Winograd.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

#include "dialects/Host/HostDialect.cpp.inc"

#include "dialects/Host/HostEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Host/HostAttrs.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/Host/HostTypes.cpp.inc"

//===----------------------------------------------------------------------===//
// Spaces in text: a buffer of the host is a name alone
//===----------------------------------------------------------------------===//

using lathe::host::BufferType;
using lathe::host::Space;
using lathe::host::SpaceAttr;

static ParseResult parseInSpace(OpAsmParser &parser, SpaceAttr &attr) {
  Space space = Space::host;
  if (succeeded(parser.parseOptionalKeyword("in"))) {
    FailureOr<Space> named = FieldParser<Space>::parse(parser);
    if (failed(named))
      return failure();
    space = *named;
  }
  attr = SpaceAttr::get(parser.getContext(), space);
  return success();
}

static void printInSpace(OpAsmPrinter &printer, Operation *, SpaceAttr attr) {
  if (attr.getValue() != Space::host)
    printer << " in " << stringifySpace(attr.getValue());
}

static ParseResult parseSpace(OpAsmParser &parser, Type &type) {
  SpaceAttr attr;
  if (parseInSpace(parser, attr))
    return failure();
  type = BufferType::get(parser.getContext(), attr.getValue());
  return success();
}

static void printSpace(OpAsmPrinter &printer, Operation *op, Type type) {
  printInSpace(printer, op, SpaceAttr::get(type.getContext(), cast<BufferType>(type).getSpace()));
}

static ParseResult parseBuffer(OpAsmParser &parser, OpAsmParser::UnresolvedOperand &buffer, Type &type) {
  return failure(parser.parseOperand(buffer) || parseSpace(parser, type));
}

static void printBuffer(OpAsmPrinter &printer, Operation *op, Value buffer, Type type) {
  printer << buffer;
  printSpace(printer, op, type);
}

static ParseResult parseBuffers(OpAsmParser &parser, SmallVectorImpl<OpAsmParser::UnresolvedOperand> &buffers,
                                SmallVectorImpl<Type> &types) {
  return parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Paren, [&]() {
    return parseBuffer(parser, buffers.emplace_back(), types.emplace_back());
  });
}

static void printBuffers(OpAsmPrinter &printer, Operation *op, OperandRange buffers, TypeRange) {
  printer << "(";
  llvm::interleaveComma(buffers, printer, [&](Value buffer) { printBuffer(printer, op, buffer, buffer.getType()); });
  printer << ")";
}

#define GET_OP_CLASSES
#include "dialects/Host/HostOps.cpp.inc"

namespace lathe::host {

void HostDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Host/HostAttrs.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/Host/HostTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Host/HostOps.cpp.inc"
      >();
}

LogicalResult verifyDonations(FunctionOpInterface func) {
  if (func->hasAttr(aliasAttrName))
    return func->emitOpError("has '") << aliasAttrName << "', which is of results alone [donation-input]";
  for (unsigned i = 0; i < func.getNumArguments(); ++i)
    if (func.getArgAttr(i, aliasAttrName))
      return func->emitOpError("has '") << aliasAttrName << "' on argument " << i
                                        << ", but it is of the result that may have its memory "
                                        << "[donation-input]";
  for (unsigned i = 0; i < func.getNumResults(); ++i) {
    Attribute alias = func.getResultAttr(i, aliasAttrName);
    auto number = dyn_cast_or_null<IntegerAttr>(alias);
    if (!alias ||
        (number && number.getType().isInteger(64) && number.getInt() >= 0 && number.getInt() < func.getNumArguments()))
      continue;
    InFlightDiagnostic error = func->emitOpError("result ") << i << " is to have the memory of argument ";
    if (number && number.getType().isInteger(64))
      error << number.getInt();
    else
      error << alias;
    return error << ", but there are " << func.getNumArguments() << " [donation-input]";
  }
  return success();
}

ProgramOp ProgramOp::find(ModuleOp module, StringRef function, ProgramKind kind) {
  for (auto program : module.getOps<ProgramOp>())
    if (program.getKind() == kind && program.getFunction() == function)
      return program;
  return {};
}

LogicalResult ProgramOp::verifyRegions() {
  bool isPlan = getKind() == ProgramKind::plan;
  WalkResult walked = getBody().walk([&](Operation *op) { // program_c1
    bool ofPlan = isa<SetWorkspaceOp>(op);
    bool ofRun = isa<OutputOp, WorkspaceOp, LaunchOp, CopyOp, AllocOp, FreeOp, LoadOp, StoreOp, PollOp, SetOutputOp,
                     DescribeOp, MakeValueOp, LoadAddressOp>(op);
    if (isPlan ? !ofRun : !ofPlan)
      return WalkResult::advance();
    op->emitOpError("belongs into program '") << (isPlan ? "run" : "plan") << "' [host-program]";
    return WalkResult::interrupt();
  });
  return failure(walked.wasInterrupted());
}

LogicalResult SignatureOp::verify() {
  if (getRanges() && getRanges()->size() != 3 * getSymbols().size()) // signature_c1
    return emitOpError("has ") << getRanges()->size() << " numbers for the ranges of " << getSymbols().size()
                               << " symbols, but three for each are expected [host-signature]";
  if (getPlanAttr() ? !getRunAttr() : bool(getRunAttr())) // signature_c2
    return emitOpError("has the code of one program, but of both or of none is expected [host-signature]");
  auto valueAt = [](ArrayAttr list, int64_t i) { return cast<ValueAttr>(list[i]); };
  for (auto output : getOutputs().getAsRange<ValueAttr>()) { // signature_c3
    int64_t alias = output.getAlias();
    if (alias == -1)
      continue;
    if (alias < 0 || alias >= static_cast<int64_t>(getInputs().size()))
      return emitOpError("has an output ") << output.getName() << " in the memory of input " << alias
                                           << ", but there are " << getInputs().size() << " inputs [host-signature]";
    ValueAttr input = valueAt(getInputs(), alias);
    if (input.getType() != output.getType() || input.getSpace() != output.getSpace())
      return emitOpError("has an output ") << output << " in the memory of " << input << " [host-signature]";
  }
  return success();
}

LogicalResult ConstantOp::verify() {
  auto type = dyn_cast<RankedTensorType>(getValue().getType());
  if (!type) // constant_c1
    return emitOpError("has elements of type ") << getValue().getType() << ", not of a ranked tensor [host-constant]";
  if (!getTile() && !getTiled() && !getOrder())
    return success();
  if (!getTile() || !getTiled() || !getOrder()) // constant_c2
    return emitOpError("needs 'tiled', 'order' and 'tile' together, or none of them [host-constant]");
  int64_t rank = type.getRank(), tiled = *getTiled();
  ArrayRef<int64_t> order = *getOrder();
  if (tiled < 0 || tiled >= rank || *getTile() < 1)
    return emitOpError("cannot tile dim ") << tiled << " of " << type << " by " << *getTile() << " [host-constant]";
  for (int64_t dim = 0; dim < rank; ++dim)
    if (llvm::count(order, dim) != (dim == tiled ? 0 : 1) || static_cast<int64_t>(order.size()) != rank - 1)
      return emitOpError("'order' must list every dim of ") << type << " but " << tiled << " once [host-constant]";
  int64_t run = getRun().value_or(1);
  if (getStep() && (*getStep() < 1 || run < 0 || run > static_cast<int64_t>(order.size())))
    return emitOpError("cannot put ") << *getStep() << " elements of the last " << run << " dims of " << type
                                      << " beside each other [host-constant]";
  bool isFilter = rank == 4 && type.getElementType().isF32() && type.getDimSize(2) == Winograd::taps &&
                  type.getDimSize(3) == Winograd::taps;
  if (getWinograd() && (getStep() || !isFilter || !Winograd::find(*getWinograd())))
    return emitOpError("cannot transform ") << type << " for " << *getWinograd() << " outputs [host-constant]";
  if (getBits() && (!type.getElementType().isInteger(8) || getStep().value_or(1) * *getBits() != 8))
    return emitOpError("cannot put ") << getStep().value_or(1) << " elements of " << type << " of " << *getBits()
                                      << " bits into a byte [host-constant]";
  return success();
}

/// element_c1 and load_c1.
static LogicalResult verifyInteger(Operation *op, Type type) {
  auto integer = dyn_cast<IntegerType>(type);
  if (!integer || !llvm::is_contained({1u, 8u, 16u, 32u, 64u}, integer.getWidth()))
    return op->emitOpError("reads an element of type ")
           << type << ", but only integers of 1, 8, 16, 32 or 64 bits are sizes [host-element]";
  return success();
}

LogicalResult ElementOp::verify() { return verifyInteger(*this, getType()); }

LogicalResult LoadOp::verify() { return verifyInteger(*this, getType()); }

LogicalResult TextOp::verify() {
  size_t buffers = getBuffers().size();
  if (getTypes().size() == buffers && getCounts().size() == buffers && getWidths().size() == buffers &&
      getOperandsAttr().getInt() <= static_cast<int64_t>(buffers) && llvm::all_of(getTypes(), llvm::IsaPred<TypeAttr>))
    return success();
  return emitOpError("has ") << buffers << " buffers, but " << getTypes().size() << " types, " << getCounts().size()
                             << " counts, " << getWidths().size() << " widths and " << getOperandsAttr().getInt()
                             << " operands"; // text_c1
}

LogicalResult AddressOfOp::verifySymbolUses(SymbolTableCollection &symbols) {
  if (!symbols.lookupNearestSymbolFrom<ConstantOp>(*this, getConstantAttr())) // address_of_c1
    return emitOpError("'") << getConstant() << "' is not a constant of this module [host-address-of]";
  return success();
}

} // namespace lathe::host
