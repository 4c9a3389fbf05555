// lib/Import/ONNX/Tensor.cpp: tensors of the file as MLIR attributes, without
// copying the big ones.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ElementType.h"
#include "Node.h"

#include "dialects/Graph/MappedFiles.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace lathe;
using namespace lathe::onnx_import;
using namespace mlir;
using ::onnx::TensorProto;

Type onnx_import::toMLIRType(MLIRContext *context, int32_t onnx) {
  Builder b(context);
  switch (onnx) {
  case TensorProto::FLOAT:
    return b.getF32Type();
  case TensorProto::DOUBLE:
    return b.getF64Type();
  case TensorProto::FLOAT16:
    return b.getF16Type();
  case TensorProto::BFLOAT16:
    return b.getBF16Type();
  case TensorProto::INT8:
    return b.getI8Type();
  case TensorProto::INT16:
    return b.getI16Type();
  case TensorProto::INT32:
    return b.getI32Type();
  case TensorProto::INT64:
    return b.getI64Type();
  case TensorProto::UINT8:
    return b.getIntegerType(8, /*isSigned=*/false);
  case TensorProto::UINT16:
    return b.getIntegerType(16, /*isSigned=*/false);
  case TensorProto::UINT32:
    return b.getIntegerType(32, /*isSigned=*/false);
  case TensorProto::UINT64:
    return b.getIntegerType(64, /*isSigned=*/false);
  case TensorProto::BOOL:
    return b.getI1Type();
  default:
    return {};
  }
}

int32_t onnx_import::toONNXType(Type element) {
  for (int32_t onnx = TensorProto::FLOAT; onnx <= TensorProto::BFLOAT16; ++onnx)
    if (toMLIRType(element.getContext(), onnx) == element)
      return onnx;
  return TensorProto::UNDEFINED;
}

/// Small tensors are written into the attribute itself: they are axes, shapes
/// and scalars, which folders read and people want to see in the IR.
static constexpr int64_t maxInlineElements = 64;

static DenseElementsAttr inlineElements(RankedTensorType type, ArrayRef<char> bytes) {
  if (type.getElementType().isInteger(1)) {
    SmallVector<bool> bools;
    for (char byte : bytes)
      bools.push_back(byte != 0);
    return DenseElementsAttr::get(type, bools);
  }
  return DenseElementsAttr::getFromRawBuffer(type, bytes);
}

ElementsAttr onnx_import::importTensor(ImportContext &context, const TensorProto &tensor, StringRef place) {
  if (tensor.dims_size() > maxRank) {
    context.diagnostics
        .error("onnx-rank-limit", place,
               "tensor " + quoted(tensor.name()) + " has rank " + Twine(tensor.dims_size()) + ", but at most " +
                   Twine(maxRank) + " is supported")
        .note("merge dimensions of the tensor");
    return {};
  }
  FailureOr<TensorBytes> data = context.file.read(tensor, place, context.diagnostics);
  if (failed(data))
    return {};
  MLIRContext *mlir = context.builder.getContext();
  auto type = RankedTensorType::get(ArrayRef<int64_t>(tensor.dims().data(), tensor.dims_size()),
                                    toMLIRType(mlir, tensor.data_type()));
  if (type.getNumElements() <= maxInlineElements)
    return inlineElements(type, data->bytes);

  graph::MappedFiles::of(*mlir).add(data->file);
  // The file keeps the tensor at any address; say how well it is aligned.
  uintptr_t address = reinterpret_cast<uintptr_t>(data->bytes.data());
  size_t alignment = std::min<size_t>(address & -address, 64);
  AsmResourceBlob blob(
      data->bytes, alignment, [owner = data->owner](void *, size_t, size_t) mutable { owner.reset(); },
      /*dataIsMutable=*/false);
  auto &manager = DenseResourceElementsHandle::getManagerInterface(mlir);
  StringRef name = tensor.name().empty() ? "constant" : StringRef(tensor.name());
  return DenseResourceElementsAttr::get(type, manager.insert(name, std::move(blob)));
}
