// lib/Import/ONNX/ElementType.cpp: element types by ONNX's numbers, and checked
// tensor sizes.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ElementType.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace lathe::onnx_import;

const lathe::graph::ElementType *lathe::onnx_import::findElementType(int32_t onnx) {
  for (const graph::ElementType &row : graph::elementTypes())
    if (row.onnx == onnx)
      return &row;
  return nullptr;
}

std::string lathe::onnx_import::elementTypeName(int32_t onnx) {
  if (const graph::ElementType *row = findElementType(onnx))
    return row->title().str();
  return "number " + std::to_string(onnx);
}

llvm::FailureOr<uint64_t> lathe::onnx_import::sizeInBytes(llvm::ArrayRef<int64_t> dims, uint64_t elementBits) {
  constexpr uint64_t limit = uint64_t(8) << 47;
  uint64_t size = elementBits;
  for (int64_t dim : dims) {
    if (dim < 0)
      return llvm::failure();
    // A zero must not hide an overflow of the others: strides use those.
    uint64_t factor = dim == 0 ? 1 : static_cast<uint64_t>(dim);
    if (size != 0 && factor > limit / size)
      return llvm::failure();
    size *= factor;
  }
  for (int64_t dim : dims)
    if (dim == 0)
      return 0;
  return llvm::divideCeil(size, 8);
}

std::string lathe::onnx_import::formatDims(llvm::ArrayRef<int64_t> dims) {
  std::string result;
  llvm::raw_string_ostream os(result);
  os << '[';
  llvm::interleaveComma(dims, os);
  os << ']';
  return result;
}
