// lib/Import/ONNX/Tensor.cpp: tensors of the file as MLIR attributes, without
// copying the big ones.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Tensor.h"
#include "ElementType.h"

#include "dialects/Graph/MappedFiles.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace lathe;
using namespace lathe::onnx_import;
using namespace mlir;
using ::onnx::TensorProto;

Type onnx_import::toMLIRType(MLIRContext *context, int32_t onnx) {
  const graph::ElementType *row = findElementType(onnx);
  return row ? graph::getElementType(context, *row) : Type();
}

int32_t onnx_import::toONNXType(Type element) {
  const graph::ElementType *row = graph::findElementType(element);
  return row ? row->onnx : static_cast<int32_t>(TensorProto::UNDEFINED);
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
  if (unsigned bits = graph::bitsInMemory(type.getElementType()); bits < 8) {
    SmallVector<APInt> codes;
    for (int64_t i = 0, e = type.getNumElements(); i < e; ++i) {
      size_t at = i * bits / 8, next = std::min(at + 1, bytes.size() - 1);
      unsigned pair = static_cast<uint8_t>(bytes[at]) | static_cast<uint8_t>(bytes[next]) << 8;
      codes.push_back(APInt(bits, pair >> (i * bits % 8), /*isSigned=*/false, /*implicitTrunc=*/true));
    }
    auto format = dyn_cast<FloatType>(type.getElementType());
    if (!format)
      return DenseElementsAttr::get(type, codes);
    SmallVector<APFloat> values;
    for (const APInt &code : codes)
      values.push_back(APFloat(format.getFloatSemantics(), code));
    return DenseElementsAttr::get(type, values);
  }
  return DenseElementsAttr::getFromRawBuffer(type, bytes);
}

/// Strings end with a zero for the program, so none may be within.
static ElementsAttr importStrings(const TensorSource &source, const TensorProto &tensor, StringRef place) {
  auto report = [&](StringRef id, const Twine &message, StringRef way) {
    source.diagnostics.error(id, place, "tensor " + quoted(tensor.name()) + message).note(way);
    return ElementsAttr();
  };
  ArrayRef<int64_t> dims(tensor.dims().data(), tensor.dims_size());
  FailureOr<uint64_t> bytes = sizeInBytes(dims, 64);
  if (failed(bytes) || *bytes / 8 != static_cast<uint64_t>(tensor.string_data_size()))
    return report("onnx-tensor-size",
                  " with dims " + formatDims(dims) + " of string has " + Twine(tensor.string_data_size()) + " elements",
                  "the model is damaged; export it again");
  SmallVector<StringRef> texts;
  for (const std::string &text : tensor.string_data()) {
    if (StringRef(text).contains('\0'))
      return report("onnx-string-zero",
                    " has a zero within element " + Twine(texts.size()) + ", where its text would end",
                    "remove what stands behind it");
    texts.push_back(text);
  }
  auto element = graph::StringType::get(source.context);
  return DenseStringElementsAttr::get(RankedTensorType::get(dims, element), texts);
}

ElementsAttr onnx_import::importTensor(const TensorSource &source, const TensorProto &tensor, StringRef place) {
  if (tensor.dims_size() > maxRank) {
    source.diagnostics
        .error("onnx-rank-limit", place,
               "tensor " + quoted(tensor.name()) + " has rank " + Twine(tensor.dims_size()) + ", but at most " +
                   Twine(maxRank) + " is supported")
        .note("merge dimensions of the tensor");
    return {};
  }
  if (tensor.data_type() == TensorProto::STRING)
    return importStrings(source, tensor, place);
  FailureOr<TensorBytes> data = source.file.read(tensor, place, source.diagnostics);
  if (failed(data))
    return {};
  MLIRContext *mlir = source.context;
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
