// tools/lathe/Tensor.cpp: reads and writes elements of every dtype.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Tensor.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <bit>
#include <cmath>
#include <cstring>

using namespace lathe;
using namespace lathe::cli;

namespace {
/// The upper half of an f32.
struct BFloat16 {
  uint16_t bits;

  operator double() const { return std::bit_cast<float>(uint32_t(bits) << 16); }
  static BFloat16 from(float value) {
    uint32_t wide = std::bit_cast<uint32_t>(value);
    if (std::isnan(value))
      return {uint16_t(wide >> 16 | 0x40)};
    // To the nearest, ties to even.
    return {uint16_t((wide + 0x7fff + (wide >> 16 & 1)) >> 16)};
  }
};
} // namespace

/// What APFloat calls the formats of the table; null for rows that are none.
static const llvm::fltSemantics *semanticsOf(lathe_dtype dtype) {
  struct Formats : llvm::APFloat {
    static const llvm::fltSemantics &Float32() { return IEEEsingle(); }
    static const llvm::fltSemantics &Float64() { return IEEEdouble(); }
    static const llvm::fltSemantics &Float16() { return IEEEhalf(); }
    static const llvm::fltSemantics &BFloat16() { return BFloat(); }
    static const llvm::fltSemantics &Other() { return Bogus(); }
  };
  switch (dtype) {
#define LATHE_ELEMENT_TYPE(ID, NUMBER, KIND, BITS, NAME, NUMPY, C, ONNX, ONNX_NAME, MLIR)                              \
  case LATHE_DTYPE_##ID:                                                                                               \
    return &Formats::MLIR() == &llvm::APFloat::Bogus() ? nullptr : &Formats::MLIR();
#include "lathe-runtime/element_types.def"
  case LATHE_DTYPE_INVALID:
    break;
  }
  return nullptr;
}

bool cli::isNarrow(lathe_dtype dtype) {
  return lathe_dtype_bits(dtype) < 8 || (lathe_dtype_bits(dtype) == 8 && semanticsOf(dtype));
}

uint8_t cli::elementCode(const lathe_tensor &tensor, int64_t index) {
  const auto *bytes = static_cast<const uint8_t *>(tensor.data);
  uint64_t bits = lathe_dtype_bits(tensor.dtype), first = bits * uint64_t(index);
  unsigned code = bytes[first / 8] >> first % 8;
  if (first % 8 + bits > 8)
    code |= unsigned(bytes[first / 8 + 1]) << (8 - first % 8);
  return uint8_t(code & ((1u << bits) - 1));
}

void cli::setElementCode(lathe_tensor &tensor, int64_t index, uint8_t code) {
  auto *bytes = static_cast<uint8_t *>(tensor.data);
  uint64_t bits = lathe_dtype_bits(tensor.dtype), first = bits * uint64_t(index);
  unsigned mask = (1u << bits) - 1, value = (code & mask) << first % 8, place = mask << first % 8;
  bytes[first / 8] = uint8_t((bytes[first / 8] & ~place) | value);
  if (first % 8 + bits > 8)
    bytes[first / 8 + 1] = uint8_t((bytes[first / 8 + 1] & ~(place >> 8)) | value >> 8);
}

/// The number that a code of a type of at most 8 bits stands for.
static double valueOfCode(lathe_dtype dtype, uint8_t code) {
  unsigned bits = unsigned(lathe_dtype_bits(dtype));
  if (const llvm::fltSemantics *semantics = semanticsOf(dtype))
    return llvm::APFloat(*semantics, llvm::APInt(bits, code)).convertToDouble();
  bool isSigned = dtype == LATHE_DTYPE_I4 || dtype == LATHE_DTYPE_I2;
  return isSigned && code >> (bits - 1) ? int(code) - (1 << bits) : code;
}

/// Calls `visit` with a null pointer to the C++ type of `dtype`.
template <typename Visit> static auto dispatch(lathe_dtype dtype, Visit visit) {
  switch (dtype) {
  case LATHE_DTYPE_F64:
    return visit(static_cast<double *>(nullptr));
  case LATHE_DTYPE_F16:
    return visit(static_cast<_Float16 *>(nullptr));
  case LATHE_DTYPE_BF16:
    return visit(static_cast<BFloat16 *>(nullptr));
  case LATHE_DTYPE_I8:
    return visit(static_cast<int8_t *>(nullptr));
  case LATHE_DTYPE_I16:
    return visit(static_cast<int16_t *>(nullptr));
  case LATHE_DTYPE_I32:
    return visit(static_cast<int32_t *>(nullptr));
  case LATHE_DTYPE_I64:
    return visit(static_cast<int64_t *>(nullptr));
  case LATHE_DTYPE_BOOL:
  case LATHE_DTYPE_U8:
    return visit(static_cast<uint8_t *>(nullptr));
  case LATHE_DTYPE_U16:
    return visit(static_cast<uint16_t *>(nullptr));
  case LATHE_DTYPE_U32:
    return visit(static_cast<uint32_t *>(nullptr));
  case LATHE_DTYPE_U64:
    return visit(static_cast<uint64_t *>(nullptr));
  default:
    return visit(static_cast<float *>(nullptr));
  }
}

static bool isFloat(lathe_dtype dtype) { return semanticsOf(dtype) != nullptr; }

static bool isComplex(lathe_dtype dtype) { return dtype == LATHE_DTYPE_C64 || dtype == LATHE_DTYPE_C128; }

/// The parts of a complex tensor, as a tensor of twice as many elements.
static lathe_tensor partsOf(const lathe_tensor &tensor) {
  lathe_tensor parts = tensor;
  parts.dtype = tensor.dtype == LATHE_DTYPE_C64 ? LATHE_DTYPE_F32 : LATHE_DTYPE_F64;
  return parts;
}

Value Value::take(lathe_value &result) {
  Value value;
  value.kind = result.kind;
  auto add = [&](lathe_tensor &tensor) {
    value.parts.emplace_back();
    value.parts.back().view = std::exchange(tensor, {});
  };
  if (result.kind == LATHE_KIND_TENSOR)
    add(result.tensor);
  bool isList = result.kind == LATHE_KIND_SEQUENCE || result.kind == LATHE_KIND_MAP;
  for (int64_t i = 0; isList && i < result.count; ++i)
    add(result.elements[i]);
  lathe_value_free(&result);
  return value;
}

ValueViews::ValueViews(const std::vector<Value> &values) {
  for (const Value &value : values) {
    std::vector<lathe_tensor> &parts = elements.emplace_back();
    for (const Tensor &part : value.parts)
      parts.push_back(part.view);
    lathe_value view = {};
    view.kind = value.kind;
    if (value.kind == LATHE_KIND_TENSOR)
      view.tensor = parts.front();
    view.elements = parts.data();
    view.count = int64_t(parts.size());
    views.push_back(view);
  }
}

std::string cli::formatShape(const Value &value) {
  if (value.kind == LATHE_KIND_OPTIONAL)
    return "none";
  std::string text;
  for (const Tensor &part : value.parts)
    text += (text.empty() ? "" : ", ") + formatShape(part.view);
  return value.kind == LATHE_KIND_TENSOR ? text : "(" + text + ")";
}

std::string cli::formatShape(const lathe_tensor &tensor) {
  std::string text = "[";
  for (uint32_t i = 0; i < tensor.rank; ++i)
    text += (i ? ", " : "") + std::to_string(tensor.dims[i]);
  return text + "]";
}

int64_t cli::elementCount(const lathe_tensor &tensor) {
  int64_t count = 1;
  for (uint32_t i = 0; i < tensor.rank; ++i) {
    if (tensor.dims[i] == 0)
      return 0;
    count *= tensor.dims[i];
  }
  return count;
}

double cli::elementValue(const lathe_tensor &tensor, int64_t index) {
  if (isNarrow(tensor.dtype))
    return valueOfCode(tensor.dtype, elementCode(tensor, index));
  return dispatch(tensor.dtype,
                  [&]<typename T>(T *) -> double { return double(static_cast<const T *>(tensor.data)[index]); });
}

std::string cli::elementText(const lathe_tensor &tensor, int64_t index) {
  if (tensor.dtype == LATHE_DTYPE_BOOL)
    return elementValue(tensor, index) != 0 ? "true" : "false";
  if (tensor.dtype == LATHE_DTYPE_STRING) {
    std::string quoted = "\"";
    llvm::raw_string_ostream(quoted).write_escaped(static_cast<const char *const *>(tensor.data)[index]);
    return quoted + "\"";
  }
  if (isComplex(tensor.dtype)) {
    lathe_tensor parts = partsOf(tensor);
    std::string imaginary = elementText(parts, 2 * index + 1);
    return elementText(parts, 2 * index) + (imaginary[0] == '-' ? "" : "+") + imaginary + "j";
  }
  if (isNarrow(tensor.dtype)) {
    char text[32];
    std::snprintf(text, sizeof text, "%.4g", elementValue(tensor, index));
    return text;
  }
  return dispatch(tensor.dtype, [&]<typename T>(T *) -> std::string {
    T value = static_cast<const T *>(tensor.data)[index];
    if constexpr (std::is_integral_v<T>)
      return std::to_string(value);
    char text[32];
    std::snprintf(text, sizeof text, sizeof(T) == 2 ? "%.4g" : "%.7g", double(value));
    return text;
  });
}

void cli::setElement(lathe_tensor &tensor, int64_t index, double value) {
  dispatch(tensor.dtype, [&]<typename T>(T *) {
    T *elements = static_cast<T *>(tensor.data);
    if constexpr (std::is_same_v<T, BFloat16>)
      elements[index] = BFloat16::from(float(value));
    else
      elements[index] = T(value);
  });
}

std::string cli::summarize(const lathe_tensor &tensor) {
  std::string text;
  llvm::raw_string_ostream os(text);
  int64_t count = elementCount(tensor), finite = 0, nans = 0;
  if (count == 0)
    return "no elements";
  if (count == 1)
    return elementText(tensor, 0);
  constexpr int64_t shown = 6;
  auto showFirst = [&] {
    os << "first ";
    for (int64_t i = 0; i < std::min(count, shown); ++i)
      os << (i ? ", " : "") << elementText(tensor, i);
    if (count > shown)
      os << ", ...";
    return text;
  };
  if (tensor.dtype == LATHE_DTYPE_STRING || isComplex(tensor.dtype)) // Nothing is the least of them.
    return showFirst();
  // Places rather than values: 64-bit integers are printed without rounding.
  int64_t least = -1, largest = -1;
  double low = 0, high = 0, sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    double value = elementValue(tensor, i);
    if (!std::isfinite(value)) {
      nans += std::isnan(value);
      continue;
    }
    if (finite == 0 || value < low) {
      least = i;
      low = value;
    }
    if (finite == 0 || value > high) {
      largest = i;
      high = value;
    }
    sum += value;
    ++finite;
  }
  if (finite) {
    os << "min " << elementText(tensor, least) << ", max " << elementText(tensor, largest) << ", mean "
       << llvm::format("%.7g", sum / double(finite));
    os << "; ";
  }
  if (isFloat(tensor.dtype) && finite < count)
    os << nans << " NaN, " << count - finite - nans << " infinite; ";
  return showFirst();
}
