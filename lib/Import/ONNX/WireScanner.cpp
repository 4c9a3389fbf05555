// lib/Import/ONNX/WireScanner.cpp: finds the tensor bytes of an ONNX file, so
// that protobuf never copies them.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "WireScanner.h"

#include "llvm/Support/Endian.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::failure;
using llvm::FailureOr;
using llvm::LogicalResult;
using llvm::StringRef;
using llvm::success;
using llvm::Twine;

std::string RawDataHandle::encode() const {
  std::string result(16, '\0');
  llvm::support::endian::write64le(result.data(), offset);
  llvm::support::endian::write64le(result.data() + 8, size);
  return result;
}

std::optional<RawDataHandle> RawDataHandle::decode(StringRef encoded) {
  if (encoded.size() != 16)
    return std::nullopt;
  return RawDataHandle{llvm::support::endian::read64le(encoded.data()),
                       llvm::support::endian::read64le(encoded.data() + 8)};
}

namespace {

/// The message types on the way from ModelProto to TensorProto.raw_data;
/// everything else is copied as it is.
enum class Message {
  Model,
  Training,
  Graph,
  Function,
  Node,
  Attribute,
  SparseTensor,
  Tensor,
  RawData,
};

enum WireType : unsigned {
  Varint = 0,
  Fixed64 = 1,
  LengthDelimited = 2,
  Fixed32 = 5,
};

struct Edge {
  Message parent;
  uint64_t field;
  Message child;
};

/// Field numbers of onnx-ml.proto; protobuf never reuses one.
constexpr Edge edges[] = {
    {Message::Model, 7, Message::Graph},
    {Message::Model, 20, Message::Training},
    {Message::Model, 25, Message::Function},
    {Message::Training, 1, Message::Graph},
    {Message::Training, 2, Message::Graph},
    {Message::Graph, 1, Message::Node},
    {Message::Graph, 5, Message::Tensor},
    {Message::Graph, 15, Message::SparseTensor},
    {Message::Function, 7, Message::Node},
    {Message::Function, 11, Message::Attribute},
    {Message::Node, 5, Message::Attribute},
    {Message::Attribute, 5, Message::Tensor},
    {Message::Attribute, 6, Message::Graph},
    {Message::Attribute, 10, Message::Tensor},
    {Message::Attribute, 11, Message::Graph},
    {Message::Attribute, 22, Message::SparseTensor},
    {Message::Attribute, 23, Message::SparseTensor},
    {Message::SparseTensor, 1, Message::Tensor},
    {Message::SparseTensor, 2, Message::Tensor},
    {Message::Tensor, 9, Message::RawData},
};

std::optional<Message> childOf(Message parent, uint64_t field) {
  for (const Edge &edge : edges)
    if (edge.parent == parent && edge.field == field)
      return edge.child;
  return std::nullopt;
}

/// What a first field of ModelProto can look like; tells a model from a file
/// of another kind.
bool isModelField(uint64_t field, unsigned wireType) {
  switch (field) {
  case 1: // ir_version
  case 5: // model_version
    return wireType == Varint;
  case 2:  // producer_name
  case 3:  // producer_version
  case 4:  // domain
  case 6:  // doc_string
  case 7:  // graph
  case 8:  // opset_import
  case 14: // metadata_props
  case 20: // training_info
  case 25: // functions
  case 26: // configuration
    return wireType == LengthDelimited;
  default:
    return false;
  }
}

class Scanner {
public:
  Scanner(llvm::ArrayRef<char> file, StringRef name, const Limits &limits, Diagnostics &diagnostics)
      : file(file), name(name), limits(limits), diagnostics(diagnostics) {}

  LogicalResult scan(Message message, uint64_t end, unsigned depth);

  std::string skeleton;

private:
  llvm::ArrayRef<char> file;
  StringRef name;
  const Limits &limits;
  Diagnostics &diagnostics;
  uint64_t position = 0;

  LogicalResult scanField(Message message, uint64_t end, unsigned depth);
  LogicalResult scanChild(Message child, uint64_t field, uint64_t size, unsigned depth);
  void appendVarint(uint64_t value);
  FailureOr<uint64_t> readVarint(uint64_t end);
  void append(uint64_t from, uint64_t to) { skeleton.append(file.data() + from, to - from); }

  LogicalResult damaged(uint64_t at, const Twine &why) {
    diagnostics.error("onnx-not-protobuf", name, "the bytes are not an ONNX model: at byte " + Twine(at) + " " + why)
        .note("an ONNX model is a protobuf message of type ModelProto; check "
              "that the file is complete and not compressed or a text file");
    return failure();
  }

  /// `end` is that of the enclosing message; beyond the file's own end, bytes
  /// are missing, otherwise a length is wrong.
  LogicalResult outOfBytes(uint64_t at, uint64_t end, const Twine &needed) {
    if (end < file.size())
      return damaged(at, "a field needs " + needed + " bytes and its message has only " + Twine(end - at) + " left");
    diagnostics
        .error("onnx-truncated", name,
               "the file ends at byte " + Twine(file.size()) + ", but the field at byte " + Twine(at) + " needs " +
                   needed + " bytes and " + Twine(end - at) + " are left")
        .note("the file is cut short; copy or download it again");
    return failure();
  }
};

FailureOr<uint64_t> Scanner::readVarint(uint64_t end) {
  uint64_t begin = position, value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (position == end)
      return outOfBytes(begin, end, Twine(position - begin + 1));
    uint8_t byte = static_cast<uint8_t>(file[position++]);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80)
      return value;
  }
  return damaged(begin, "a number has more than 64 bits");
}

LogicalResult Scanner::scan(Message message, uint64_t end, unsigned depth) {
  // A graph is in an attribute of a node, and the last one has an attribute with a tensor.
  if (depth > 3 * limits[Limit::Depth] + 3) {
    diagnostics
        .error("onnx-too-deep", name,
               "more than " + Twine(limits[Limit::Depth]) + " graphs are nested, one inside of the other, at byte " +
                   Twine(position))
        .note("flatten the control flow of the model; " + howToRaise(Limit::Depth));
    return failure();
  }
  while (position < end)
    if (failed(scanField(message, end, depth)))
      return failure();
  return success();
}

LogicalResult Scanner::scanField(Message message, uint64_t end, unsigned depth) {
  uint64_t tagAt = position;
  FailureOr<uint64_t> tag = readVarint(end);
  if (failed(tag))
    return failure();
  uint64_t field = *tag >> 3;
  unsigned wireType = *tag & 7;
  if (field == 0 || field > UINT32_MAX >> 3)
    return damaged(tagAt, "there is no field number " + Twine(field));
  if (tagAt == 0 && !isModelField(field, wireType))
    return damaged(tagAt, "no field of a model begins");

  std::optional<Message> child = childOf(message, field);
  if (child && wireType != LengthDelimited)
    return damaged(tagAt, "field " + Twine(field) + " has wire type " + Twine(wireType) + ", but 2 is expected");

  uint64_t size = 0;
  switch (wireType) {
  case Varint:
    if (failed(readVarint(end)))
      return failure();
    break;
  case Fixed64:
    size = 8;
    break;
  case Fixed32:
    size = 4;
    break;
  case LengthDelimited: {
    FailureOr<uint64_t> length = readVarint(end);
    if (failed(length))
      return failure();
    size = *length;
    break;
  }
  default:
    return damaged(tagAt, "wire type " + Twine(wireType) + " is not used");
  }
  if (size > end - position)
    return outOfBytes(position, end, Twine(size));
  if (child)
    return scanChild(*child, field, size, depth);
  position += size;
  append(tagAt, position);
  return success();
}

void Scanner::appendVarint(uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    skeleton.push_back(static_cast<char>(value | 0x80));
  skeleton.push_back(static_cast<char>(value));
}

LogicalResult Scanner::scanChild(Message child, uint64_t field, uint64_t size, unsigned depth) {
  uint64_t end = position + size;
  appendVarint(field << 3 | LengthDelimited);
  if (child == Message::RawData) {
    std::string handle = RawDataHandle{position, size}.encode();
    appendVarint(handle.size());
    skeleton += handle;
    position = end;
    return success();
  }
  // The length is known only after the children: reserve the longest form.
  constexpr unsigned lengthBytes = 5;
  size_t lengthAt = skeleton.size();
  skeleton.append(lengthBytes, '\0');
  if (failed(scan(child, end, depth + 1)))
    return failure();
  uint64_t length = skeleton.size() - lengthAt - lengthBytes;
  for (unsigned i = 0; i < lengthBytes; ++i)
    skeleton[lengthAt + i] = static_cast<char>(((length >> (7 * i)) & 0x7f) | (i + 1 < lengthBytes ? 0x80 : 0));
  return success();
}

} // namespace

FailureOr<std::string> onnx_import::scanModel(llvm::ArrayRef<char> file, StringRef name, const Limits &limits,
                                              Diagnostics &diagnostics) {
  if (file.empty()) {
    diagnostics.error("onnx-empty", name, "the file is empty")
        .note("an ONNX model is expected; write or download the file again");
    return failure();
  }
  Scanner scanner(file, name, limits, diagnostics);
  if (failed(scanner.scan(Message::Model, file.size(), /*depth=*/1)))
    return failure();
  int64_t most = limits[Limit::GraphBytes];
  if (scanner.skeleton.size() > static_cast<uint64_t>(most)) {
    diagnostics
        .error("onnx-too-large", name,
               "the model without its raw tensor data has " + Twine(scanner.skeleton.size()) + " bytes, but at most " +
                   Twine(most) + " are allowed")
        .note("save tensors as raw_data or external data, not as lists of "
              "numbers; " +
              howToRaise(Limit::GraphBytes));
    return failure();
  }
  return std::move(scanner.skeleton);
}
