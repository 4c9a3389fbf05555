// dialects/Host/HostDialect.cpp: registration of the host dialect.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Host/Host.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

#include "dialects/Host/HostDialect.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/Host/HostTypes.cpp.inc"

#define GET_OP_CLASSES
#include "dialects/Host/HostOps.cpp.inc"

namespace lathe::host {

void HostDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/Host/HostTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Host/HostOps.cpp.inc"
      >();
}

} // namespace lathe::host
