// test/fuzz/Messages.cpp: ONNX's messages as trees of fields, by the wire format, and random changes to them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Messages.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <vector>

namespace lathe::fuzz {

namespace {

/// The messages of onnx.proto that others are in.
enum class Kind { Model, Graph, Node, Attribute, Tensor, Value, Type, TensorType, Shape, Dim, Opset, Function, Bytes };

struct Edge {
  Kind parent;
  uint32_t field;
  Kind child;
};

constexpr Edge edges[] = {
    {Kind::Model, 7, Kind::Graph},      {Kind::Model, 8, Kind::Opset},         {Kind::Model, 25, Kind::Function},
    {Kind::Graph, 1, Kind::Node},       {Kind::Graph, 5, Kind::Tensor},        {Kind::Graph, 11, Kind::Value},
    {Kind::Graph, 12, Kind::Value},     {Kind::Graph, 13, Kind::Value},        {Kind::Node, 5, Kind::Attribute},
    {Kind::Attribute, 5, Kind::Tensor}, {Kind::Attribute, 6, Kind::Graph},     {Kind::Attribute, 10, Kind::Tensor},
    {Kind::Attribute, 11, Kind::Graph}, {Kind::Value, 2, Kind::Type},          {Kind::Type, 1, Kind::TensorType},
    {Kind::TensorType, 2, Kind::Shape}, {Kind::Shape, 1, Kind::Dim},           {Kind::Function, 7, Kind::Node},
    {Kind::Function, 9, Kind::Opset},   {Kind::Function, 11, Kind::Attribute},
};

struct Field {
  uint32_t number;
  unsigned wire; ///< 0: varint, 1: eight bytes, 2: bytes or a message, 5: four bytes.
  Kind kind = Kind::Bytes;
  uint64_t value = 0;
  std::string bytes;
  std::vector<Field> fields = {};
};

std::optional<uint64_t> readVarint(std::string_view &in) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !in.empty(); shift += 7) {
    auto byte = static_cast<uint8_t>(in.front());
    in.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80)
      return value;
  }
  return std::nullopt;
}

bool read(std::string_view in, Kind kind, std::vector<Field> &fields, unsigned depth) {
  if (depth > 60)
    return false;
  while (!in.empty()) {
    std::optional<uint64_t> tag = readVarint(in);
    if (!tag || *tag >> 3 == 0 || *tag >> 3 > 4095)
      return false;
    Field field{static_cast<uint32_t>(*tag >> 3), static_cast<unsigned>(*tag & 7)};
    size_t size = field.wire == 1 ? 8 : field.wire == 5 ? 4 : 0;
    if (field.wire == 0 || field.wire == 2) {
      std::optional<uint64_t> number = readVarint(in);
      if (!number)
        return false;
      (field.wire == 0 ? field.value : size) = *number;
    } else if (size == 0) {
      return false;
    }
    if (size > in.size())
      return false;
    field.bytes = in.substr(0, size);
    in.remove_prefix(size);
    for (const Edge &edge : edges)
      if (edge.parent == kind && edge.field == field.number && field.wire == 2)
        field.kind = edge.child;
    if (field.kind != Kind::Bytes && !read(field.bytes, field.kind, field.fields, depth + 1))
      return false;
    fields.push_back(std::move(field));
  }
  return true;
}

void writeVarint(uint64_t value, std::string &out) {
  for (; value >= 0x80; value >>= 7)
    out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void write(const std::vector<Field> &fields, std::string &out) {
  for (const Field &field : fields) {
    writeVarint(static_cast<uint64_t>(field.number) << 3 | field.wire, out);
    if (field.wire == 0) {
      writeVarint(field.value, out);
      continue;
    }
    std::string inner = field.bytes;
    if (field.kind != Kind::Bytes) {
      inner.clear();
      write(field.fields, inner);
    }
    if (field.wire == 2)
      writeVarint(inner.size(), out);
    out += inner;
  }
}

/// A field and the list that it is in.
struct Place {
  std::vector<Field> *list;
  size_t index;
  Kind parent;
  Field &field() const { return (*list)[index]; }
};

void collect(std::vector<Field> &fields, Kind parent, std::vector<Place> &places) {
  for (size_t i = 0; i < fields.size(); ++i) {
    places.push_back({&fields, i, parent});
    collect(fields[i].fields, fields[i].kind, places);
  }
}

class Changer {
public:
  explicit Changer(unsigned seed) : random(seed) {}

  void change(std::vector<Field> &model) {
    std::vector<Place> places;
    collect(model, Kind::Model, places);
    if (places.empty())
      return;
    Place place = places[below(places.size())];
    Field &field = place.field();
    std::vector<Field> &list = *place.list;
    switch (below(8)) {
    case 0:
      list.erase(list.begin() + static_cast<ptrdiff_t>(place.index));
      return;
    case 1: {
      Field copy = field;
      list.insert(list.begin() + static_cast<ptrdiff_t>(below(list.size() + 1)), std::move(copy));
      return;
    }
    case 2:
      std::swap(list[place.index], list[below(list.size())]);
      return;
    case 3: { // One of the same kind, from elsewhere.
      Place other = places[below(places.size())];
      if (other.parent == place.parent && other.field().number == field.number) {
        Field copy = other.field();
        field = std::move(copy);
      }
      return;
    }
    default:
      changeValue(field);
    }
  }

  size_t below(size_t count) { return std::uniform_int_distribution<size_t>(0, count - 1)(random); }

private:
  uint64_t number() {
    static constexpr uint64_t odd[] = {
        0,   1,          2,          3,          4,          5,     7,         8,         16,   255,   1u << 31,
        ~0u, 1ull << 32, 1ull << 62, ~0ull >> 1, 1ull << 63, ~0ull, ~0ull - 1, ~0ull - 2, 1000, 65536, 1ull << 40};
    return odd[below(std::size(odd))];
  }

  void changeValue(Field &field) {
    if (field.wire == 0) {
      field.value = below(3) ? number() : field.value + below(5) - 2;
    } else if (field.kind != Kind::Bytes) {
      if (!field.fields.empty())
        changeValue(field.fields[below(field.fields.size())]);
    } else if (field.bytes.size() % 8 == 0 && !field.bytes.empty() && below(2)) {
      uint64_t value = number(); // An element of a tensor of integers, as often as not.
      field.bytes.replace(8 * below(field.bytes.size() / 8), 8, reinterpret_cast<const char *>(&value), 8);
    } else if (!field.bytes.empty()) {
      field.bytes[below(field.bytes.size())] ^= static_cast<char>(1u << below(8));
    } else {
      field.bytes = "x";
    }
  }

  std::mt19937 random;
};

} // namespace

std::string changeModel(std::string_view model, unsigned seed) {
  std::vector<Field> fields;
  if (!read(model, Kind::Model, fields, 0))
    return {};
  Changer changer(seed);
  for (size_t count = 1 + changer.below(4); count > 0; --count)
    changer.change(fields);
  std::string out;
  write(fields, out);
  return out;
}

} // namespace lathe::fuzz
