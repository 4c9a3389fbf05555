// python/native/Tensors.cpp: borrows inputs by the buffer protocol or DLPack;
// NumPy arrays take over outputs.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Tensors.h"

#include "Errors.h"

#include <cstdint>
#include <cstring>
#include <string>

namespace nb = nanobind;

namespace lathe::python {

//===-- Element types -----------------------------------------------------===//

/// The lathe_dtype of a format of Python's struct module, or INVALID.
static lathe_dtype dtypeOfFormat(const char *format, Py_ssize_t itemSize) {
  if (!format)
    return LATHE_DTYPE_U8; // What the buffer protocol says a missing one means.
  if (*format == '@' || *format == '=' || *format == '<')
    ++format;
  if (format[0] == '\0' || format[1] != '\0')
    return LATHE_DTYPE_INVALID;
  auto bySize = [&](lathe_dtype one, lathe_dtype two, lathe_dtype four, lathe_dtype eight) {
    switch (itemSize) {
    case 1:
      return one;
    case 2:
      return two;
    case 4:
      return four;
    case 8:
      return eight;
    default:
      return LATHE_DTYPE_INVALID;
    }
  };
  switch (*format) {
  case '?':
    return LATHE_DTYPE_BOOL;
  case 'e':
  case 'f':
  case 'd':
    return bySize(LATHE_DTYPE_INVALID, LATHE_DTYPE_F16, LATHE_DTYPE_F32, LATHE_DTYPE_F64);
  case 'b':
  case 'h':
  case 'i':
  case 'l':
  case 'q':
    return bySize(LATHE_DTYPE_I8, LATHE_DTYPE_I16, LATHE_DTYPE_I32, LATHE_DTYPE_I64);
  case 'B':
  case 'H':
  case 'I':
  case 'L':
  case 'Q':
    return bySize(LATHE_DTYPE_U8, LATHE_DTYPE_U16, LATHE_DTYPE_U32, LATHE_DTYPE_U64);
  default:
    return LATHE_DTYPE_INVALID;
  }
}

static lathe_dtype dtypeOfDLPack(nb::dlpack::dtype dtype) {
  if (dtype.lanes != 1)
    return LATHE_DTYPE_INVALID;
  bool isSigned = dtype.code == static_cast<uint8_t>(nb::dlpack::dtype_code::Int);
  if (isSigned || dtype.code == static_cast<uint8_t>(nb::dlpack::dtype_code::UInt)) {
    switch (dtype.bits) {
    case 8:
      return isSigned ? LATHE_DTYPE_I8 : LATHE_DTYPE_U8;
    case 16:
      return isSigned ? LATHE_DTYPE_I16 : LATHE_DTYPE_U16;
    case 32:
      return isSigned ? LATHE_DTYPE_I32 : LATHE_DTYPE_U32;
    case 64:
      return isSigned ? LATHE_DTYPE_I64 : LATHE_DTYPE_U64;
    default:
      return LATHE_DTYPE_INVALID;
    }
  }
  if (dtype.code == static_cast<uint8_t>(nb::dlpack::dtype_code::Float))
    return dtype.bits == 32   ? LATHE_DTYPE_F32
           : dtype.bits == 64 ? LATHE_DTYPE_F64
           : dtype.bits == 16 ? LATHE_DTYPE_F16
                              : LATHE_DTYPE_INVALID;
  if (dtype.code == static_cast<uint8_t>(nb::dlpack::dtype_code::Bfloat))
    return dtype.bits == 16 ? LATHE_DTYPE_BF16 : LATHE_DTYPE_INVALID;
  if (dtype.code == static_cast<uint8_t>(nb::dlpack::dtype_code::Bool))
    return dtype.bits == 8 ? LATHE_DTYPE_BOOL : LATHE_DTYPE_INVALID;
  return LATHE_DTYPE_INVALID;
}

static nb::dlpack::dtype dlpackOfDtype(lathe_dtype dtype) {
  switch (dtype) {
  case LATHE_DTYPE_F32:
    return nb::dtype<float>();
  case LATHE_DTYPE_F64:
    return nb::dtype<double>();
  case LATHE_DTYPE_F16:
    return {static_cast<uint8_t>(nb::dlpack::dtype_code::Float), 16, 1};
  case LATHE_DTYPE_BF16: // See Outputs::take.
    return nb::dtype<uint16_t>();
  case LATHE_DTYPE_I8:
    return nb::dtype<int8_t>();
  case LATHE_DTYPE_I16:
    return nb::dtype<int16_t>();
  case LATHE_DTYPE_I32:
    return nb::dtype<int32_t>();
  case LATHE_DTYPE_I64:
    return nb::dtype<int64_t>();
  case LATHE_DTYPE_U8:
    return nb::dtype<uint8_t>();
  case LATHE_DTYPE_U16:
    return nb::dtype<uint16_t>();
  case LATHE_DTYPE_U32:
    return nb::dtype<uint32_t>();
  case LATHE_DTYPE_U64:
    return nb::dtype<uint64_t>();
  case LATHE_DTYPE_BOOL:
    return nb::dtype<bool>();
  case LATHE_DTYPE_INVALID:
    break;
  }
  return nb::dtype<uint8_t>();
}

static bool isAligned(const void *data, size_t itemSize) {
  return itemSize == 0 || reinterpret_cast<uintptr_t>(data) % itemSize == 0;
}

//===-- Inputs ------------------------------------------------------------===//

BorrowedInput::~BorrowedInput() {
  if (buffer.obj)
    PyBuffer_Release(&buffer);
}

bool BorrowedInput::borrowBuffer(nb::handle value, lathe_tensor &tensor) {
  if (!PyObject_CheckBuffer(value.ptr()))
    return false;
  if (PyObject_GetBuffer(value.ptr(), &buffer, PyBUF_RECORDS_RO) != 0) {
    PyErr_Clear(); // An element type without a format, such as bfloat16.
    buffer = {};
    return false;
  }
  lathe_dtype dtype = dtypeOfFormat(buffer.format, buffer.itemsize);
  if (dtype == LATHE_DTYPE_INVALID || buffer.ndim > LATHE_MAX_RANK || !PyBuffer_IsContiguous(&buffer, 'C') ||
      !isAligned(buffer.buf, static_cast<size_t>(buffer.itemsize))) {
    PyBuffer_Release(&buffer);
    buffer = {};
    return false;
  }
  tensor.data = buffer.buf;
  tensor.dtype = dtype;
  tensor.rank = static_cast<uint32_t>(buffer.ndim);
  for (int i = 0; i < buffer.ndim; ++i)
    tensor.dims[i] = buffer.shape[i];
  return true;
}

bool BorrowedInput::borrowDLPack(nb::handle value, lathe_tensor &tensor) {
  using Array = nb::ndarray<nb::ro, nb::device::cpu, nb::c_contig>;
  Array array;
  if (!nb::hasattr(value, "__dlpack__") || !nb::try_cast<Array>(value, array, /*convert=*/false))
    return false;
  lathe_dtype dtype = dtypeOfDLPack(array.dtype());
  if (dtype == LATHE_DTYPE_INVALID || array.ndim() > LATHE_MAX_RANK || !isAligned(array.data(), array.itemsize()))
    return false;
  // The tensors of the runtime are not const; inputs are only read.
  tensor.data = const_cast<void *>(static_cast<const void *>(array.data()));
  tensor.dtype = dtype;
  tensor.rank = static_cast<uint32_t>(array.ndim());
  for (size_t i = 0; i < array.ndim(); ++i)
    tensor.dims[i] = static_cast<int64_t>(array.shape(i));
  dlpack = nb::ndarray<nb::ro>(array);
  return true;
}

void BorrowedInput::borrow(nb::handle value, const lathe_value_desc &desc, lathe_tensor &tensor) {
  if (borrowBuffer(value, tensor) || borrowDLPack(value, tensor))
    return;
  nb::object pair = nb::module_::import_("lathe._arrays").attr("to_borrowable")(value, desc.name, desc.dtype);
  converted = pair[0];
  if (!borrowBuffer(converted, tensor)) {
    std::string message = "input \"" + std::string(desc.name) + "\": the array has " +
                          std::to_string(nb::cast<size_t>(converted.attr("ndim"))) + " dims, but at most " +
                          std::to_string(LATHE_MAX_RANK) + " are supported [call-rank-mismatch]";
    raiseRuntimeError(message.c_str());
  }
  tensor.dtype = static_cast<lathe_dtype>(nb::cast<int>(pair[1]));
}

void BorrowedValue::borrowSequence(nb::handle items, const lathe_value_desc &desc, lathe_value &result) {
  if (!PyList_Check(items.ptr()) && !PyTuple_Check(items.ptr())) {
    std::string message = "input \"" + std::string(desc.name) +
                          "\": " + nb::str(items.type().attr("__name__")).c_str() +
                          " is no sequence of arrays; pass a list or a tuple of them [call-input-type]";
    raiseRuntimeError(message.c_str());
  }
  nb::tuple own(items); // No other thread changes its length.
  elements.resize(own.size(), lathe_tensor{});
  parts = std::make_unique<BorrowedInput[]>(own.size());
  for (size_t i = 0; i < own.size(); ++i)
    parts[i].borrow(own[i], desc, elements[i]);
  result.kind = LATHE_KIND_SEQUENCE;
  result.elements = elements.data();
  result.count = static_cast<int64_t>(elements.size());
}

void BorrowedValue::borrow(nb::handle value, const lathe_value_desc &desc, lathe_value &result) {
  bool isOptional = desc.kind == LATHE_KIND_OPTIONAL;
  if (isOptional && value.is_none()) {
    result.kind = LATHE_KIND_OPTIONAL;
    return;
  }
  if (desc.kind == LATHE_KIND_SEQUENCE || (isOptional && (desc.flags & LATHE_VALUE_OF_SEQUENCE)))
    return borrowSequence(value, desc, result);
  result.kind = LATHE_KIND_TENSOR;
  single.borrow(value, desc, result.tensor);
}

//===-- Outputs -----------------------------------------------------------===//

Outputs::~Outputs() {
  for (lathe_value &value : values)
    lathe_value_free(&value);
}

/// An array that owns the memory of `tensor`, which has none then.
static nb::object takeArray(lathe_tensor &tensor) {
  size_t shape[LATHE_MAX_RANK];
  for (uint32_t i = 0; i < tensor.rank; ++i)
    shape[i] = static_cast<size_t>(tensor.dims[i]);
  nb::capsule owner = nb::capsule(tensor.data, [](void *data) noexcept {
    lathe_tensor freed = {};
    freed.data = data;
    lathe_tensor_free(&freed);
  });
  void *data = tensor.data;
  tensor.data = nullptr; // The capsule owns it.
  return nb::cast(nb::ndarray<nb::numpy>(data, tensor.rank, shape, owner, nullptr, dlpackOfDtype(tensor.dtype)));
}

nb::list Outputs::take() {
  nb::list result;
  for (lathe_value &value : values) {
    if (value.kind == LATHE_KIND_TENSOR) {
      result.append(takeArray(value.tensor));
    } else if (value.kind == LATHE_KIND_SEQUENCE) {
      nb::list arrays;
      for (int64_t i = 0; i < value.count; ++i)
        arrays.append(takeArray(value.elements[i]));
      result.append(arrays);
    } else {
      result.append(nb::none());
    }
  }
  return result;
}

} // namespace lathe::python
