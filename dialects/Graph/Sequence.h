// dialects/Graph/Sequence.h: sequences and optional values, for the files that know them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_DIALECTS_GRAPH_SEQUENCE_H
#define LATHE_DIALECTS_GRAPH_SEQUENCE_H

#include "dialects/Graph/Graph.h"

namespace lathe::graph {

/// Whether values of `type` are sequences or optional values.
bool isValueType(mlir::Type type);

/// Whether the host itself computes `op`: one on sequences or optional values.
bool isValueOp(mlir::Operation *op);

/// Whether every value of `from` is one of `to`: the element types are equal, and
/// where `to` knows the rank or a size, `from` has the same. Encodings do not count.
bool isSubtype(mlir::Type from, mlir::Type to);

/// The most special type that both are subtypes of, without an encoding; null where
/// there is none.
mlir::Type join(mlir::Type a, mlir::Type b);

/// `type` as that of an element: without expressions of symbols.
mlir::TensorType asElement(mlir::Type type);

} // namespace lathe::graph

#define GET_OP_CLASSES
#include "dialects/Graph/SequenceOps.h.inc"

#endif // LATHE_DIALECTS_GRAPH_SEQUENCE_H
