// lib/Import/ONNX/Sequence.h: sequences and optional values while a model is
// imported.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_ONNX_SEQUENCE_H
#define LATHE_LIB_IMPORT_ONNX_SEQUENCE_H

#include "Import/Core/Node.h"
#include "Tensor.h"

#include "dialects/Graph/Sequence.h"
#include "mlir/IR/BuiltinOps.h"

namespace lathe::onnx_import {

using namespace importer;

// A sequence of which the importer knows the elements is *static*: a cast of its
// elements to a tuple, which nothing below the importer sees. A tensor or a static
// sequence is its own optional, and null is an empty one. What is known only at run
// time has a type of the graph dialect, and so does what a model takes or returns.

/// Whether the elements of a sequence are known.
inline bool isStatic(Value value) { return value && mlir::isa<mlir::TupleType>(value.getType()); }

/// Whether a value is a sequence or an optional value, and no tensor.
inline bool isSequence(Value value) { return isStatic(value) || (value && graph::isValueType(value.getType())); }

/// The elements of a static sequence.
inline mlir::ValueRange elementsOf(Value sequence) {
  return sequence.getDefiningOp<mlir::UnrealizedConversionCastOp>().getInputs();
}

/// The element type of its tensors.
Type elementTypeOf(Value sequence);

/// A static sequence of tensors of `element`. Null after an error.
Value makeSequence(Node &node, Type element, llvm::ArrayRef<Value> elements);

/// The type of `value` at run time; null for an empty optional. A static sequence
/// without elements may have elements of any rank.
Type runtimeType(Value value);

/// The most special type of the graph dialect that both values have; null where there is none.
/// `null` is an empty optional.
Type commonType(Value a, Value b);

/// `value` as one of `type`, a type of the graph dialect that `runtimeType` is a subtype of, or
/// the content of one.
Value toRuntime(mlir::OpBuilder &builder, mlir::Location loc, Value value, Type type);

/// The type of a sequence or an optional value as a model declares it; null for
/// others, and where the element type is none of ours.
Type importValueType(mlir::MLIRContext *context, const ::onnx::TypeProto &type);

/// Element `position` of a sequence of the graph dialect; its rank, where the type does not say
/// it, is what the model declares for output 0.
Value elementAt(Node &node, Value sequence, Value position);

/// How many elements a sequence of the graph dialect has, a scalar of i64.
Value lengthOf(Node &node, Value sequence);

/// SequenceMap over sequences that are known at run time: a loop over their elements.
void mapAtRunTime(Node &node);

/// `sequence` with `element` behind its last.
Value append(Node &node, Value sequence, Value element);

} // namespace lathe::onnx_import

#endif // LATHE_LIB_IMPORT_ONNX_SEQUENCE_H
