// lib/Import/ONNX/ElementType.h: what Lathe knows of ONNX's element types, in
// one table.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_ONNX_ELEMENTTYPE_H
#define LATHE_LIB_IMPORT_ONNX_ELEMENTTYPE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/LogicalResult.h"

#include <cstdint>
#include <string>

namespace lathe::onnx_import {

/// The highest rank of a tensor, as in the runtime's ABI.
constexpr int maxRank = 8;

/// One value of TensorProto.DataType.
struct ElementType {
  int32_t onnx;
  llvm::StringLiteral name;
  /// Size of an element in bytes; 0 if Lathe cannot represent the type.
  unsigned size;
};

/// The row of `onnx`, or null for a number that the format does not define.
const ElementType *findElementType(int32_t onnx);

/// "float32", or "number 99" for a type that does not exist.
std::string elementTypeName(int32_t onnx);

/// Bytes that `dims` elements of `elementSize` bytes take. Fails if a dim is
/// negative or the product, with zeros taken as ones, passes 2^47: no process
/// can address more, and sums of a few such sizes cannot overflow later.
llvm::FailureOr<uint64_t> sizeInBytes(llvm::ArrayRef<int64_t> dims, uint64_t elementSize);

/// "[2, 3]".
std::string formatDims(llvm::ArrayRef<int64_t> dims);

} // namespace lathe::onnx_import

#endif // LATHE_LIB_IMPORT_ONNX_ELEMENTTYPE_H
