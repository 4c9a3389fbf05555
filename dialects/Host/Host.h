// dialects/Host/Host.h: the host dialect for C++ code.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_DIALECTS_HOST_HOST_H
#define LATHE_DIALECTS_HOST_HOST_H

#include "dialects/Host/HostBase.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#define GET_TYPEDEF_CLASSES
#include "dialects/Host/HostTypes.h.inc"

#define GET_OP_CLASSES
#include "dialects/Host/HostOps.h.inc"

#endif // LATHE_DIALECTS_HOST_HOST_H
