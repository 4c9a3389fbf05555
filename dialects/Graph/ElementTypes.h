// dialects/Graph/ElementTypes.h: the rows of element_types.def as MLIR types.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_DIALECTS_GRAPH_ELEMENTTYPES_H
#define LATHE_DIALECTS_GRAPH_ELEMENTTYPES_H

#include "lathe-runtime/module_abi.h"
#include "mlir/IR/Types.h"
#include "llvm/ADT/StringRef.h"

namespace lathe::graph {

enum class ElementKind : uint8_t { Float, Signed, Unsigned, Bool, Complex, String };

/// A row of the table.
struct ElementType {
  lathe_dtype dtype;
  ElementKind kind;
  unsigned bits; ///< In memory.
  llvm::StringLiteral name, numpy, c;
  int32_t onnx;
  llvm::StringLiteral onnxName;

  /// "float32", as messages call it.
  llvm::StringRef title() const { return kind == ElementKind::String ? name : numpy; }
};

llvm::ArrayRef<ElementType> elementTypes();

/// The row of an element type of the dialect, or null.
const ElementType *findElementType(mlir::Type element);
/// The type of a row.
mlir::Type getElementType(mlir::MLIRContext *context, const ElementType &row);

/// What an element is while it is computed or moved: the type itself where codegen
/// knows it, else an integer of as many bits, or of a byte if those are fewer.
mlir::Type getStorageType(mlir::Type element);
/// Whether elements have less than a byte in memory.
bool isPacked(mlir::Type element);
/// Bits of an element in memory.
unsigned bitsInMemory(mlir::Type element);
/// Bytes of `elements` elements in memory.
int64_t bytesInMemory(mlir::Type element, int64_t elements);

} // namespace lathe::graph

#endif // LATHE_DIALECTS_GRAPH_ELEMENTTYPES_H
