// lib/Export/ONNX/Tensors.cpp: constants as the file holds them.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Writer.h"

#include "dialects/Graph/ElementTypes.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace lathe;
using namespace lathe::onnx_export;
using namespace mlir;
using ::onnx::TensorProto;

int32_t onnx_export::dataType(Type element) {
  const graph::ElementType *row = graph::findElementType(element);
  return row ? row->onnx : static_cast<int32_t>(TensorProto::UNDEFINED);
}

/// The codes of elements of less than a byte, one after the other from the lowest bit on.
static std::string packed(DenseElementsAttr dense, unsigned bits) {
  std::string result(llvm::divideCeil(dense.getNumElements() * bits, 8), '\0');
  auto put = [&](int64_t index, uint64_t code) {
    for (unsigned bit = 0; bit < bits; ++bit)
      if (code >> bit & 1)
        result[(index * bits + bit) / 8] |= static_cast<char>(1u << ((index * bits + bit) % 8));
  };
  if (isa<FloatType>(dense.getElementType())) {
    for (auto [i, value] : llvm::enumerate(dense.getValues<APFloat>()))
      put(i, value.bitcastToAPInt().getZExtValue());
  } else {
    for (auto [i, value] : llvm::enumerate(dense.getValues<APInt>()))
      put(i, value.getZExtValue());
  }
  return result;
}

static std::string elementBytes(DenseElementsAttr dense) {
  Type element = dense.getElementType();
  if (element.isInteger(1)) {
    std::string result;
    for (bool value : dense.getValues<bool>())
      result += static_cast<char>(value);
    return result;
  }
  if (unsigned bits = graph::bitsInMemory(element); bits < 8)
    return packed(dense, bits);
  llvm::ArrayRef<char> raw = dense.getRawData();
  if (!dense.isSplat())
    return std::string(raw.begin(), raw.end());
  std::string result;
  result.reserve(raw.size() * dense.getNumElements());
  for (int64_t i = 0, e = dense.getNumElements(); i < e; ++i)
    result.append(raw.begin(), raw.end());
  return result;
}

bool onnx_export::writeTensor(TensorProto &tensor, ElementsAttr value) {
  auto type = cast<RankedTensorType>(value.getType());
  for (int64_t dim : type.getShape())
    tensor.add_dims(dim);
  tensor.set_data_type(dataType(type.getElementType()));
  if (auto texts = dyn_cast<DenseStringElementsAttr>(value)) {
    for (int64_t i = 0, e = type.getNumElements(); i < e; ++i)
      tensor.add_string_data((texts.isSplat() ? texts.getRawStringData().front() : texts.getRawStringData()[i]).str());
    return true;
  }
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(value)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    auto needed = static_cast<size_t>(graph::bytesInMemory(type.getElementType(), type.getNumElements()));
    if (!blob || blob->getData().size() < needed)
      return false;
    tensor.set_raw_data(blob->getData().data(), needed);
    return true;
  }
  auto dense = dyn_cast<DenseElementsAttr>(value);
  if (dense)
    tensor.set_raw_data(elementBytes(dense));
  return static_cast<bool>(dense);
}
