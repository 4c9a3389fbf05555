// lib/Import/ONNX/ElementType.cpp: the table of element types and checked
// tensor sizes.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ElementType.h"

#include "onnx/onnx-ml.pb.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace lathe::onnx_import;
using ::onnx::TensorProto;

static constexpr ElementType elementTypes[] = {
    {TensorProto::FLOAT, "float32", 4},
    {TensorProto::UINT8, "uint8", 1},
    {TensorProto::INT8, "int8", 1},
    {TensorProto::UINT16, "uint16", 2},
    {TensorProto::INT16, "int16", 2},
    {TensorProto::INT32, "int32", 4},
    {TensorProto::INT64, "int64", 8},
    {TensorProto::STRING, "string", 0},
    {TensorProto::BOOL, "bool", 1},
    {TensorProto::FLOAT16, "float16", 2},
    {TensorProto::DOUBLE, "float64", 8},
    {TensorProto::UINT32, "uint32", 4},
    {TensorProto::UINT64, "uint64", 8},
    {TensorProto::COMPLEX64, "complex64", 0},
    {TensorProto::COMPLEX128, "complex128", 0},
    {TensorProto::BFLOAT16, "bfloat16", 2},
    {TensorProto::FLOAT8E4M3FN, "float8e4m3fn", 0},
    {TensorProto::FLOAT8E4M3FNUZ, "float8e4m3fnuz", 0},
    {TensorProto::FLOAT8E5M2, "float8e5m2", 0},
    {TensorProto::FLOAT8E5M2FNUZ, "float8e5m2fnuz", 0},
    {TensorProto::UINT4, "uint4", 0},
    {TensorProto::INT4, "int4", 0},
    {TensorProto::FLOAT4E2M1, "float4e2m1", 0},
    {TensorProto::FLOAT8E8M0, "float8e8m0", 0},
    {TensorProto::UINT2, "uint2", 0},
    {TensorProto::INT2, "int2", 0},
    {TensorProto::FLOAT6E2M3, "float6e2m3", 0},
    {TensorProto::FLOAT6E3M2, "float6e3m2", 0},
};

const ElementType *lathe::onnx_import::findElementType(int32_t onnx) {
  for (const ElementType &type : elementTypes)
    if (type.onnx == onnx)
      return &type;
  return nullptr;
}

std::string lathe::onnx_import::elementTypeName(int32_t onnx) {
  if (const ElementType *type = findElementType(onnx))
    return type->name.str();
  return "number " + std::to_string(onnx);
}

llvm::FailureOr<uint64_t> lathe::onnx_import::sizeInBytes(llvm::ArrayRef<int64_t> dims, uint64_t elementSize) {
  constexpr uint64_t limit = uint64_t(1) << 47;
  uint64_t size = elementSize;
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
  return size;
}

std::string lathe::onnx_import::formatDims(llvm::ArrayRef<int64_t> dims) {
  std::string result;
  llvm::raw_string_ostream os(result);
  os << '[';
  llvm::interleaveComma(dims, os);
  os << ']';
  return result;
}
