// lib/Import/ONNX/Sequence.h: sequences whose structure is known while a model
// is imported.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_ONNX_SEQUENCE_H
#define LATHE_LIB_IMPORT_ONNX_SEQUENCE_H

#include "Import/Core/Node.h"

#include "mlir/IR/BuiltinOps.h"

namespace lathe::onnx_import {

using namespace importer;

// A sequence is a cast of its elements to a tuple: no op below the importer
// knows sequences, and those whose structure is followed are not needed there.

/// Whether a value is a sequence and no tensor.
inline bool isSequence(Value value) { return value && mlir::isa<mlir::TupleType>(value.getType()); }

/// The elements of a sequence.
inline mlir::ValueRange elementsOf(Value sequence) {
  return sequence.getDefiningOp<mlir::UnrealizedConversionCastOp>().getInputs();
}

/// The element type of its tensors.
Type elementTypeOf(Value sequence);

/// A sequence of tensors of `element`. Null after an error.
Value makeSequence(Node &node, Type element, llvm::ArrayRef<Value> elements);

} // namespace lathe::onnx_import

#endif // LATHE_LIB_IMPORT_ONNX_SEQUENCE_H
