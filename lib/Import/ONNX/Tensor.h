// lib/Import/ONNX/Tensor.h: element types and tensors of ONNX as MLIR has them.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_ONNX_TENSOR_H
#define LATHE_LIB_IMPORT_ONNX_TENSOR_H

#include "ModelFile.h"

#include "mlir/IR/BuiltinAttributeInterfaces.h"

namespace lathe::onnx_import {

/// The MLIR type of a TensorProto.DataType, or null.
mlir::Type toMLIRType(mlir::MLIRContext *context, int32_t onnx);
/// The TensorProto.DataType of an MLIR element type.
int32_t toONNXType(mlir::Type element);

/// What `tensor` is read from, and where errors go.
struct TensorSource {
  ModelFile &file;
  mlir::MLIRContext *context;
  Diagnostics &diagnostics;
};

/// The elements of `tensor` as an attribute that refers to the file's mapping
/// if the tensor is not small; null after an error.
mlir::ElementsAttr importTensor(const TensorSource &source, const ::onnx::TensorProto &tensor, llvm::StringRef place);

} // namespace lathe::onnx_import

#endif // LATHE_LIB_IMPORT_ONNX_TENSOR_H
