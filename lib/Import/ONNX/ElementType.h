// lib/Import/ONNX/ElementType.h: ONNX's numbers of element types, and sizes of
// tensors.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_ONNX_ELEMENTTYPE_H
#define LATHE_LIB_IMPORT_ONNX_ELEMENTTYPE_H

#include "dialects/Graph/ElementTypes.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/LogicalResult.h"

#include <cstdint>
#include <string>

namespace lathe::onnx_import {

/// The highest rank of a tensor, as in the runtime's ABI.
constexpr int maxRank = 8;

/// The row of a TensorProto.DataType, or null for a number that the format does
/// not define.
const graph::ElementType *findElementType(int32_t onnx);

/// "float32", or "number 99" for a type that does not exist.
std::string elementTypeName(int32_t onnx);

/// Bytes that `dims` elements of `elementBits` bits take. Fails if a dim is
/// negative or the size, with zeros taken as ones, passes 2^47 bytes: no process
/// can address more, and sums of a few such sizes cannot overflow later.
llvm::FailureOr<uint64_t> sizeInBytes(llvm::ArrayRef<int64_t> dims, uint64_t elementBits);

/// "[2, 3]".
std::string formatDims(llvm::ArrayRef<int64_t> dims);

} // namespace lathe::onnx_import

#endif // LATHE_LIB_IMPORT_ONNX_ELEMENTTYPE_H
