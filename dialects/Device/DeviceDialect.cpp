// dialects/Device/DeviceDialect.cpp: registration and verification of what threads of a block do apart.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Device/Device.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

#include "dialects/Device/DeviceDialect.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Device/DeviceAttrs.cpp.inc"

#define GET_OP_CLASSES
#include "dialects/Device/DeviceOps.cpp.inc"

namespace lathe::device {

void DeviceDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Device/DeviceAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Device/DeviceOps.cpp.inc"
      >();
}

int64_t copiersOf(kernel::FuncOp kernel) {
  DictionaryAttr config = kernel.getBlockThreads() ? kernel.getStrategyAttr().getConfig() : DictionaryAttr();
  auto copiers = config ? config.getAs<IntegerAttr>(copiersName) : IntegerAttr();
  return copiers ? copiers.getInt() : 0;
}

BodyOp findBody(ModuleOp module, kernel::PhaseAttr phase) {
  for (auto body : module.getOps<BodyOp>())
    if (body.getFunctionAttr() == phase.getBody())
      return body;
  return {};
}

LogicalResult BodyOp::verifySymbolUses(SymbolTableCollection &symbols) {
  for (FlatSymbolRefAttr name : {getFunctionAttr(), getExtentsAttr()}) // body_c1
    if (!symbols.lookupNearestSymbolFrom(*this, name))
      return emitOpError("names the function ") << name << ", which does not exist";
  return success();
}

LogicalResult TensorMapOp::verify() {
  auto rank = static_cast<int64_t>(getSizes().size());
  if (rank < 2 || rank > 5 || static_cast<int64_t>(getBox().size()) != rank ||
      static_cast<int64_t>(getPitches().size()) != rank - 1) // tensor_map_c1
    return emitOpError("has ") << rank << " sizes, " << getPitches().size() << " pitches and a box of "
                               << getBox().size()
                               << "; 2 to 5 sizes, one pitch fewer and as many of the box are needed";
  constexpr int64_t mostOfBox = 256, rowBytes = 128;
  for (int64_t size : getBox()) // tensor_map_c2
    if (size < 1 || size > mostOfBox)
      return emitOpError("has a box of ") << size << " elements in a dimension, which 1 to " << mostOfBox << " may be";
  Type element = cast<BaseMemRefType>(getMemref().getType()).getElementType();
  int64_t bytes = element.isIntOrFloat() ? getBox().front() * element.getIntOrFloatBitWidth() / 8 : 0;
  if (bytes != rowBytes)
    return emitOpError("has rows of ") << bytes << " bytes in its box, which must be " << rowBytes;
  return success();
}

LogicalResult RolesOp::verify() {
  auto takesTurn = [](Region &region) {
    return region.getNumArguments() == 1 && region.getArgument(0).getType().isIndex();
  };
  if (getSetup().getNumArguments() != 0 || !takesTurn(getCopy()) || !takesTurn(getCompute())) // roles_c1
    return emitOpError("needs 'setup' without arguments, and one of type index of 'copy' and of 'compute'");
  auto fits = [](int64_t registers) { return registers >= 24 && registers <= 256 && registers % 8 == 0; };
  if (!fits(getCopyRegisters()) || !fits(getComputeRegisters())) // roles_c2
    return emitOpError("has ") << getCopyRegisters() << " and " << getComputeRegisters()
                               << " registers, which must be multiples of 8 from 24 to 256";
  constexpr int64_t groupThreads = 128;
  if (getCopiers() < groupThreads || getCopiers() % groupThreads != 0)
    return emitOpError("has ") << getCopiers() << " threads that copy, which must be a multiple of " << groupThreads;
  return success();
}

} // namespace lathe::device
