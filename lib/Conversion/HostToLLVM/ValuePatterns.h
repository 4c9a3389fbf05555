// lib/Conversion/HostToLLVM/ValuePatterns.h: sequences and optional values in the module ABI.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CONVERSION_HOSTTOLLVM_VALUEPATTERNS_H
#define LATHE_CONVERSION_HOSTTOLLVM_VALUEPATTERNS_H

#include "CallFields.h"

namespace lathe {

/// Patterns for the ops of ValueOps.td, where `populateHostToLLVMPatterns` has those
/// for the others.
void populateValuePatterns(mlir::TypeConverter &types, mlir::RewritePatternSet &patterns);

} // namespace lathe

#endif // LATHE_CONVERSION_HOSTTOLLVM_VALUEPATTERNS_H
