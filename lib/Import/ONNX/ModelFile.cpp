// lib/Import/ONNX/ModelFile.cpp: an ONNX file in memory, its tensors still
// where the file has them.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ModelFile.h"

#include "ElementType.h"
#include "SortNodes.h"
#include "WireScanner.h"
#include "lathe/Support/MappedFile.h"

#include <google/protobuf/io/coded_stream.h>

#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::failure;
using llvm::FailureOr;
using llvm::StringRef;
using llvm::Twine;
using ::onnx::TensorProto;

FailureOr<std::unique_ptr<ModelFile>> ModelFile::open(StringRef path, const ImportOptions &options,
                                                      Diagnostics &diagnostics) {
  // Not a null-terminated copy: a model may be larger than memory.
  auto buffer = mapFile(path);
  if (!buffer) {
    diagnostics.error("onnx-cannot-read", path, "cannot be read: " + buffer.getError().message())
        .note("give the path of an ONNX file");
    return failure();
  }
  FailureOr<std::unique_ptr<ModelFile>> file = parse(std::move(*buffer), path, options.limits, diagnostics);
  if (failed(file))
    return failure();
  StringRef folder = llvm::sys::path::parent_path(path);
  (*file)->external = ExternalData(folder.empty() ? "." : folder.str(), options.allowLinks);
  return file;
}

FailureOr<std::unique_ptr<ModelFile>> ModelFile::parse(std::shared_ptr<llvm::MemoryBuffer> buffer, StringRef name,
                                                       const Limits &limits, Diagnostics &diagnostics) {
  FailureOr<std::string> skeleton =
      scanModel({buffer->getBufferStart(), buffer->getBufferSize()}, name, limits, diagnostics);
  if (failed(skeleton))
    return failure();
  auto file = std::make_unique<ModelFile>();
  file->fileName = name.str();
  file->buffer = std::move(buffer);
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const uint8_t *>(skeleton->data()),
                                                static_cast<int>(skeleton->size()));
  // Deep enough for what was scanned, and for types, which nest as well.
  stream.SetRecursionLimit(static_cast<int>(3 * limits[Limit::Depth] + 100));
  if (!file->proto.ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage()) {
    diagnostics.error("onnx-not-protobuf", name, "the bytes are not an ONNX model: protobuf cannot parse them")
        .note("an ONNX model is a protobuf message of type ModelProto; check "
              "that the file is complete and not damaged");
    return failure();
  }
  if (file->proto.has_graph())
    sortNodes(file->proto);
  return file;
}

/// Copies a typed list of numbers as elements of type `T`.
template <typename T, typename Field> static TensorBytes copyElements(const Field &field) {
  auto copy = std::make_shared<std::vector<T>>(field.begin(), field.end());
  return {{reinterpret_cast<const char *>(copy->data()), copy->size() * sizeof(T)}, copy, nullptr};
}

/// Elements of six bits, which the typed field has apart and memory has packed.
static TensorBytes packSixBits(const TensorProto &tensor) {
  auto bytes = std::make_shared<std::vector<char>>(llvm::divideCeil(6 * uint64_t(tensor.int32_data_size()), 8));
  for (auto [i, code] : llvm::enumerate(tensor.int32_data())) {
    unsigned bits = (static_cast<unsigned>(code) & 63) << (6 * i % 8);
    size_t at = 6 * i / 8;
    (*bytes)[at] = static_cast<char>((*bytes)[at] | bits);
    if (bits > 255)
      (*bytes)[at + 1] = static_cast<char>(bits >> 8);
  }
  return {*bytes, bytes, nullptr};
}

/// The elements of a tensor that uses one of the typed fields; onnx-ml.proto
/// says which type is stored in which.
static TensorBytes readTyped(const TensorProto &tensor, unsigned bits) {
  switch (tensor.data_type()) {
  case TensorProto::FLOAT:
  case TensorProto::COMPLEX64:
    return copyElements<float>(tensor.float_data());
  case TensorProto::DOUBLE:
  case TensorProto::COMPLEX128:
    return copyElements<double>(tensor.double_data());
  case TensorProto::INT64:
    return copyElements<int64_t>(tensor.int64_data());
  case TensorProto::INT32:
    return copyElements<int32_t>(tensor.int32_data());
  case TensorProto::UINT64:
    return copyElements<uint64_t>(tensor.uint64_data());
  case TensorProto::UINT32:
    return copyElements<uint32_t>(tensor.uint64_data());
  default: // Smaller integers, and the bit patterns of smaller floats.
    if (bits == 6)
      return packSixBits(tensor);
    // Of less than a byte, an entry holds as many as a byte does.
    return bits <= 8 ? copyElements<uint8_t>(tensor.int32_data()) : copyElements<uint16_t>(tensor.int32_data());
  }
}

/// A bool is one byte that is 0 or 1; other bytes would be other truths after
/// compilation, so those are normalized.
static TensorBytes normalizeBools(TensorBytes tensor) {
  if (llvm::all_of(tensor.bytes, [](char byte) { return (byte & ~1) == 0; }))
    return tensor;
  auto copy = std::make_shared<std::vector<char>>(tensor.bytes);
  for (char &byte : *copy)
    byte = byte != 0;
  return {*copy, copy, nullptr};
}

FailureOr<TensorBytes> ModelFile::read(const TensorProto &tensor, StringRef place, Diagnostics &diagnostics) {
  const graph::ElementType *type = findElementType(tensor.data_type());
  if (!type || type->kind == graph::ElementKind::String) {
    diagnostics
        .error("onnx-unsupported-dtype", place,
               "tensor " + quoted(tensor.name()) + " has element type " + elementTypeName(tensor.data_type()) +
                   ", which " + (type ? "has no bytes" : "is none of ONNX"))
        .note(type ? "strings are in the field 'string_data'" : "export the model again, or update Lathe");
    return failure();
  }
  llvm::ArrayRef<int64_t> dims(tensor.dims().data(), tensor.dims_size());
  FailureOr<uint64_t> expected = sizeInBytes(dims, type->bits);
  if (failed(expected)) {
    diagnostics
        .error("onnx-tensor-dims", place,
               "tensor " + quoted(tensor.name()) + " has dims " + formatDims(dims) +
                   ", but dims must not be negative and a tensor can have "
                   "at most 2^47 bytes")
        .note("the model is damaged; export it again");
    return failure();
  }

  TensorBytes result;
  if (tensor.data_location() == TensorProto::EXTERNAL) {
    FailureOr<ExternalBytes> found =
        external.read(tensor, *expected, (place + ": tensor " + quoted(tensor.name())).str(), diagnostics);
    if (failed(found))
      return failure();
    result = {found->bytes, found->file, found->file};
  } else if (tensor.has_raw_data()) {
    RawDataHandle handle = RawDataHandle::decode(tensor.raw_data()).value_or(RawDataHandle{});
    result = {{buffer->getBufferStart() + handle.offset, handle.size}, buffer, buffer};
  } else {
    result = readTyped(tensor, type->bits);
  }
  if (result.bytes.size() != *expected) {
    diagnostics
        .error("onnx-tensor-size", place,
               "tensor " + quoted(tensor.name()) + " with dims " + formatDims(dims) + " of " +
                   elementTypeName(tensor.data_type()) + " needs " + Twine(*expected) + " bytes, but " +
                   Twine(result.bytes.size()) + " are stored")
        .note("the model is damaged; export it again");
    return failure();
  }
  if (tensor.data_type() == TensorProto::BOOL)
    return normalizeBools(std::move(result));
  return result;
}

bool ModelFile::giveRanks(const std::map<std::string, int64_t> &ranks, Diagnostics &diagnostics) {
  for (const auto &[name, rank] : ranks) {
    auto &inputs = *proto.mutable_graph()->mutable_input();
    auto found = llvm::find_if(inputs, [&](const auto &input) { return input.name() == name; });
    auto refuse = [&](const llvm::Twine &message, StringRef wayOut) {
      diagnostics.error("onnx-rank", fileName, message).note(wayOut);
      return false;
    };
    if (found == inputs.end() || !found->type().has_tensor_type())
      return refuse("a rank is given for " + quoted(name) + ", which is no input that is a tensor",
                    "name an input without a shape");
    if (rank < 0 || rank > maxRank)
      return refuse("rank " + llvm::Twine(rank) + " is given for input " + quoted(name) + ", but ranks are 0 to " +
                        llvm::Twine(maxRank),
                    "give the number of its dims");
    auto &type = *found->mutable_type()->mutable_tensor_type();
    if (type.has_shape() && type.shape().dim_size() != rank)
      return refuse("input " + quoted(name) + " has rank " + llvm::Twine(type.shape().dim_size()) + ", but " +
                        llvm::Twine(rank) + " is given",
                    "leave the rank out: the model has it");
    while (type.mutable_shape()->dim_size() < rank)
      type.mutable_shape()->add_dim();
  }
  return true;
}
