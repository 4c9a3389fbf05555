// python/native/Tensors.cpp: borrows inputs by the buffer protocol or DLPack;
// NumPy arrays take over outputs.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Tensors.h"

#include "Bindings.h"
#include "Errors.h"

#include <cstdint>
#include <cstring>
#include <string>

namespace nb = nanobind;

namespace lathe::python {

//===-- Element types -----------------------------------------------------===//

namespace {
enum class Kind { Float, Signed, Unsigned, Bool, Complex, String };

struct ElementType {
  lathe_dtype dtype;
  Kind kind;
  unsigned bits;
  const char *name, *numpy;
  int number; ///< TensorProto.DataType.
  const char *onnx;
};

constexpr ElementType elementTypes[] = {
#define LATHE_ELEMENT_TYPE(ID, NUMBER, KIND, BITS, NAME, NUMPY, C, ONNX, ONNX_NAME, MLIR)                              \
  {LATHE_DTYPE_##ID, Kind::KIND, BITS, NAME, NUMPY, ONNX, ONNX_NAME},
#include "lathe-runtime/element_types.def"
};
} // namespace

nb::list describeElementTypes() {
  nb::list result;
  for (const ElementType &type : elementTypes)
    result.append(
        nb::make_tuple(static_cast<int>(type.dtype), type.name, type.numpy, type.number, type.onnx, type.bits));
  return result;
}

/// The type of that kind and size that Python's buffers and DLPack know; INVALID if
/// there is none. The rows of the usual types come first.
static lathe_dtype dtypeOf(Kind kind, size_t bits) {
  for (const ElementType &type : elementTypes)
    if (type.kind == kind && type.bits == bits && bits >= (kind == Kind::Float ? 16 : 8))
      return type.dtype;
  return LATHE_DTYPE_INVALID;
}

/// The lathe_dtype of a format of Python's struct module, or INVALID.
static lathe_dtype dtypeOfFormat(const char *format, Py_ssize_t itemSize) {
  if (!format)
    return LATHE_DTYPE_U8; // What the buffer protocol says a missing one means.
  if (*format == '@' || *format == '=' || *format == '<')
    ++format;
  size_t bits = 8 * static_cast<size_t>(itemSize);
  if (format[0] == 'Z' && (format[1] == 'f' || format[1] == 'd') && !format[2])
    return dtypeOf(Kind::Complex, bits);
  if (format[0] == '\0' || format[1] != '\0')
    return LATHE_DTYPE_INVALID;
  switch (*format) {
  case '?':
    return LATHE_DTYPE_BOOL;
  case 'e':
  case 'f':
  case 'd':
    return dtypeOf(Kind::Float, bits);
  case 'b':
  case 'h':
  case 'i':
  case 'l':
  case 'q':
    return dtypeOf(Kind::Signed, bits);
  case 'B':
  case 'H':
  case 'I':
  case 'L':
  case 'Q':
    return dtypeOf(Kind::Unsigned, bits);
  default:
    return LATHE_DTYPE_INVALID;
  }
}

static lathe_dtype dtypeOfDLPack(nb::dlpack::dtype dtype) {
  if (dtype.lanes != 1)
    return LATHE_DTYPE_INVALID;
  switch (static_cast<nb::dlpack::dtype_code>(dtype.code)) {
  case nb::dlpack::dtype_code::Int:
    return dtypeOf(Kind::Signed, dtype.bits);
  case nb::dlpack::dtype_code::UInt:
    return dtypeOf(Kind::Unsigned, dtype.bits);
  case nb::dlpack::dtype_code::Float:
    return dtypeOf(Kind::Float, dtype.bits);
  case nb::dlpack::dtype_code::Bfloat:
    return dtype.bits == 16 ? LATHE_DTYPE_BF16 : LATHE_DTYPE_INVALID;
  case nb::dlpack::dtype_code::Complex:
    return dtypeOf(Kind::Complex, dtype.bits);
  case nb::dlpack::dtype_code::Bool:
    return dtypeOf(Kind::Bool, dtype.bits);
  default:
    return LATHE_DTYPE_INVALID;
  }
}

nb::dlpack::dtype dlpackOfDtype(lathe_dtype dtype) {
  auto make = [](nb::dlpack::dtype_code code, unsigned bits) {
    return nb::dlpack::dtype{static_cast<uint8_t>(code), static_cast<uint8_t>(bits), 1};
  };
  for (const ElementType &type : elementTypes) {
    if (type.dtype != dtype)
      continue;
    switch (type.kind) {
    case Kind::Float:
      if (dtypeOf(Kind::Float, type.bits) == dtype)
        return make(nb::dlpack::dtype_code::Float, type.bits);
      break;
    case Kind::Signed:
      if (type.bits >= 8)
        return make(nb::dlpack::dtype_code::Int, type.bits);
      break;
    case Kind::Bool:
      return nb::dtype<bool>();
    case Kind::Complex:
      return make(nb::dlpack::dtype_code::Complex, type.bits);
    case Kind::Unsigned:
    case Kind::String:
      break;
    }
    return make(nb::dlpack::dtype_code::UInt, std::max(8u, type.bits));
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
  return nb::hasattr(value, "__dlpack__") && nb::try_cast<Array>(value, array, /*convert=*/false) &&
         describe(nb::ndarray<nb::ro>(array), tensor);
}

std::optional<uint32_t> deviceOf(nb::handle value) {
  if (!nb::hasattr(value, "__dlpack_device__"))
    return std::nullopt;
  nb::tuple device(value.attr("__dlpack_device__")());
  int kind = nb::cast<int>(device[0]);
  if (kind != nb::device::cuda::value && kind != nb::device::cuda_managed::value)
    return std::nullopt;
  return nb::cast<uint32_t>(device[1]);
}

/// Whether elements of DLPack stand for those that are expected: what NumPy has no type for is passed as unsigned
/// integers of its size.
static bool standFor(nb::dlpack::dtype given, lathe_dtype expected) {
  return lathe_dtype_bits(expected) >= 8 && expected != LATHE_DTYPE_BOOL && dlpackOfDtype(expected) == given;
}

/// The row-major elements of an object on a GPU, which are there for what comes on the stream. Raises
/// with `what` for others.
template <typename Array> static Array importDevice(nb::handle value, void *stream, const std::string &what) {
  nb::object capsule;
  try {
    capsule = value.attr("__dlpack__")(nb::arg("stream") = fromStream(stream));
  } catch (nb::python_error &error) {
    raiseRuntimeError((what + nb::str(value.type().attr("__name__")).c_str() + " cannot be read by DLPack (" +
                       nb::str(error.value()).c_str() + "); bring it to the CPU first [call-input-type]")
                          .c_str());
  }
  Array array;
  if (!nb::try_cast<Array>(capsule, array, /*convert=*/false))
    raiseRuntimeError((what + nb::str(value.type().attr("__name__")).c_str() +
                       " on the GPU is not contiguous in row-major order; make it so first [call-input-type]")
                          .c_str());
  return array;
}

bool BorrowedInput::borrowDevice(nb::handle value, const lathe_value_desc &desc, lathe_tensor &tensor,
                                 const DeviceCall &call) {
  using Array = nb::ndarray<nb::ro, nb::c_contig>;
  if (!deviceOf(value))
    return false;
  std::string what = "input \"" + std::string(desc.name) + "\": ";
  if (!describe(nb::ndarray<nb::ro>(importDevice<Array>(value, call.stream, what)), tensor))
    raiseRuntimeError((what + "its element type, or more than " + std::to_string(LATHE_MAX_RANK) +
                       " dims, are not supported on the GPU; convert it first [call-input-type]")
                          .c_str());
  if (standFor(dlpack.dtype(), lathe_dtype(desc.dtype)))
    tensor.dtype = lathe_dtype(desc.dtype);
  tensor.space = LATHE_SPACE_CUDA;
  return true;
}

bool BorrowedInput::describe(const nb::ndarray<nb::ro> &array, lathe_tensor &tensor) {
  lathe_dtype dtype = dtypeOfDLPack(array.dtype());
  if (dtype == LATHE_DTYPE_INVALID || array.ndim() > LATHE_MAX_RANK || !isAligned(array.data(), array.itemsize()))
    return false;
  // The tensors of the runtime are not const; inputs are only read.
  tensor.data = const_cast<void *>(static_cast<const void *>(array.data()));
  tensor.dtype = dtype;
  tensor.rank = static_cast<uint32_t>(array.ndim());
  for (size_t i = 0; i < array.ndim(); ++i)
    tensor.dims[i] = static_cast<int64_t>(array.shape(i));
  dlpack = array;
  return true;
}

void BorrowedInput::borrow(nb::handle value, const lathe_value_desc &desc, lathe_tensor &tensor,
                           const DeviceCall &call) {
  if (borrowBuffer(value, tensor) || borrowDevice(value, desc, tensor, call) || borrowDLPack(value, tensor))
    return;
  nb::object made = nb::module_::import_("lathe._arrays").attr("to_borrowable")(value, desc.name, desc.dtype);
  converted = made[0];
  nb::tuple shape(made[2]);
  if (shape.size() > LATHE_MAX_RANK || !borrowBuffer(converted, tensor)) {
    std::string message = "input \"" + std::string(desc.name) + "\": the array has " + std::to_string(shape.size()) +
                          " dims, but at most " + std::to_string(LATHE_MAX_RANK) +
                          " are supported [call-rank-mismatch]";
    raiseRuntimeError(message.c_str());
  }
  tensor.dtype = static_cast<lathe_dtype>(nb::cast<int>(made[1]));
  // Of packed elements there are more than bytes.
  tensor.rank = static_cast<uint32_t>(shape.size());
  for (size_t i = 0; i < shape.size(); ++i)
    tensor.dims[i] = nb::cast<int64_t>(shape[i]);
  texts = made[3];
}

void BorrowedValue::borrowSequence(nb::handle items, const lathe_value_desc &desc, lathe_value &result,
                                   const DeviceCall &call) {
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
    parts[i].borrow(own[i], desc, elements[i], call);
  result.kind = LATHE_KIND_SEQUENCE;
  result.elements = elements.data();
  result.count = static_cast<int64_t>(elements.size());
}

void BorrowedValue::borrowMap(nb::handle map, const lathe_value_desc &desc, lathe_value &result,
                              const DeviceCall &call) {
  nb::tuple split(nb::module_::import_("lathe._arrays").attr("split_map")(map, desc.name, desc.key_dtype, desc.dtype));
  lathe_value_desc keys = desc;
  keys.dtype = desc.key_dtype;
  elements.resize(2, lathe_tensor{});
  parts = std::make_unique<BorrowedInput[]>(2);
  parts[0].borrow(split[0], keys, elements[0], call);
  parts[1].borrow(split[1], desc, elements[1], call);
  result.kind = LATHE_KIND_MAP;
  result.elements = elements.data();
  result.count = 2;
}

void BorrowedValue::borrow(nb::handle value, const lathe_value_desc &desc, lathe_value &result,
                           const DeviceCall &call) {
  bool isOptional = desc.kind == LATHE_KIND_OPTIONAL;
  if (isOptional && value.is_none()) {
    result.kind = LATHE_KIND_OPTIONAL;
    return;
  }
  if (desc.kind == LATHE_KIND_MAP)
    return borrowMap(value, desc, result, call);
  if (desc.kind == LATHE_KIND_SEQUENCE || (isOptional && (desc.flags & LATHE_VALUE_OF_SEQUENCE)))
    return borrowSequence(value, desc, result, call);
  result.kind = LATHE_KIND_TENSOR;
  single.borrow(value, desc, result.tensor, call);
}

//===-- Outputs -----------------------------------------------------------===//

Outputs::~Outputs() {
  for (size_t i = 0; i < values.size(); ++i) {
    if (!given[i].array) {
      if (values[i].kind == LATHE_KIND_TENSOR && values[i].tensor.space != LATHE_SPACE_HOST)
        freeDevice(values[i].tensor);
      lathe_value_free(&values[i]);
    }
    if (given[i].buffer.obj)
      PyBuffer_Release(&given[i].buffer);
  }
}

void Outputs::freeDevice(lathe_tensor &tensor) const {
  const lathe_space_services *services = nullptr;
  if (tensor.data && lathe_cuda_services(call.device, &services) == LATHE_OK)
    services->free(services->context, tensor.data);
  tensor.data = nullptr;
}

void Outputs::giveMemory(size_t index, nb::handle array, const lathe_value_desc &desc) {
  if (desc.kind != LATHE_KIND_TENSOR || desc.dtype == LATHE_DTYPE_STRING ||
      lathe_dtype_bits(lathe_dtype(desc.dtype)) < 8)
    raiseRuntimeError(
        ("output \"" + std::string(desc.name) +
         "\": only a tensor whose elements have whole bytes can be written to memory of the caller; leave "
         "it out [call-output-type]")
            .c_str());
  Given &memory = given[index];
  lathe_tensor &tensor = values[index].tensor;
  auto describe = [&](void *data, lathe_dtype dtype, size_t rank, auto size) {
    if (rank > LATHE_MAX_RANK || dtype == LATHE_DTYPE_INVALID)
      return false;
    tensor.data = data;
    // What NumPy has no type for is seen as unsigned integers of its size.
    bool isView = dlpackOfDtype(lathe_dtype(desc.dtype)) == dlpackOfDtype(dtype);
    tensor.dtype = isView ? lathe_dtype(desc.dtype) : dtype;
    tensor.rank = static_cast<uint32_t>(rank);
    for (size_t d = 0; d < rank; ++d)
      tensor.dims[d] = static_cast<int64_t>(size(d));
    memory.array = nb::borrow(array);
    return true;
  };
  if (PyObject_CheckBuffer(array.ptr())) {
    int flags = PyBUF_WRITABLE | PyBUF_FORMAT | PyBUF_C_CONTIGUOUS;
    if (PyObject_GetBuffer(array.ptr(), &memory.buffer, flags) == 0) {
      Py_buffer &buffer = memory.buffer;
      if (describe(buffer.buf, dtypeOfFormat(buffer.format, buffer.itemsize), static_cast<size_t>(buffer.ndim),
                   [&](size_t d) { return buffer.shape[d]; }))
        return;
      PyBuffer_Release(&buffer);
    }
    PyErr_Clear();
    memory.buffer = {};
  }
  using Array = nb::ndarray<nb::c_contig>;
  Array view;
  bool isDevice = deviceOf(array).has_value();
  if (isDevice)
    view = importDevice<Array>(array, call.stream, "output \"" + std::string(desc.name) + "\": ");
  tensor.space = isDevice ? LATHE_SPACE_CUDA : LATHE_SPACE_HOST;
  if (nb::hasattr(array, "__dlpack__") && (isDevice || nb::try_cast<Array>(array, view, /*convert=*/false)) &&
      (isDevice || view.device_type() == nb::device::cpu::value) &&
      describe(view.data(), dtypeOfDLPack(view.dtype()), view.ndim(), [&](size_t d) { return view.shape(d); })) {
    memory.dlpack = nb::ndarray<>(view);
    return;
  }
  std::string message = "output \"" + std::string(desc.name) + "\": a " +
                        nb::str(array.type().attr("__name__")).c_str() +
                        " cannot be written to; give a writable, contiguous array on the CPU [call-output-type]";
  raiseRuntimeError(message.c_str());
}

/// An array of objects; NumPy has no view of C's strings.
static nb::object copyStrings(const lathe_tensor &tensor) {
  nb::list strings, shape;
  size_t count = 1;
  for (uint32_t i = 0; i < tensor.rank; ++i) {
    shape.append(tensor.dims[i]);
    count *= static_cast<size_t>(tensor.dims[i]);
  }
  for (size_t i = 0; i < count; ++i)
    strings.append(toText(static_cast<const char *const *>(tensor.data)[i]));
  return nb::module_::import_("lathe._arrays").attr("from_strings")(strings, shape);
}

nb::object viewTensor(const lathe_tensor &tensor, bool writable) {
  if (tensor.dtype == LATHE_DTYPE_STRING)
    return copyStrings(tensor);
  size_t shape[LATHE_MAX_RANK];
  uint32_t rank = tensor.rank;
  for (uint32_t i = 0; i < rank; ++i)
    shape[i] = static_cast<size_t>(tensor.dims[i]);
  if (lathe_dtype_bits(tensor.dtype) < 8) {
    lathe_tensor_bytes(&tensor, shape);
    rank = 1;
  }
  // With an owner, or the elements would be copied.
  nb::dlpack::dtype elements = dlpackOfDtype(tensor.dtype);
  if (writable)
    return nb::cast(nb::ndarray<nb::numpy>(tensor.data, rank, shape, nb::none(), nullptr, elements));
  return nb::cast(nb::ndarray<nb::numpy, nb::ro>(tensor.data, rank, shape, nb::none(), nullptr, elements));
}

nb::object takeArray(lathe_tensor &tensor) {
  if (tensor.dtype == LATHE_DTYPE_STRING) {
    nb::object strings = copyStrings(tensor);
    lathe_tensor_free(&tensor);
    return strings;
  }
  size_t shape[LATHE_MAX_RANK];
  uint32_t rank = tensor.rank;
  for (uint32_t i = 0; i < rank; ++i)
    shape[i] = static_cast<size_t>(tensor.dims[i]);
  nb::list declared;
  bool isPacked = lathe_dtype_bits(tensor.dtype) < 8;
  if (isPacked) {
    for (uint32_t i = 0; i < rank; ++i)
      declared.append(shape[i]);
    lathe_tensor_bytes(&tensor, shape);
    rank = 1;
  }
  nb::capsule owner = nb::capsule(tensor.data, [](void *data) noexcept {
    lathe_tensor freed = {};
    freed.data = data;
    lathe_tensor_free(&freed);
  });
  void *data = tensor.data;
  tensor.data = nullptr; // The capsule owns it.
  nb::object array = nb::cast(nb::ndarray<nb::numpy>(data, rank, shape, owner, nullptr, dlpackOfDtype(tensor.dtype)));
  return isPacked
             ? nb::module_::import_("lathe._arrays").attr("unpack")(array, static_cast<int>(tensor.dtype), declared)
             : array;
}

bool Outputs::givesDeviceMemory() const {
  for (size_t i = 0; i < values.size(); ++i)
    if (given[i].array && values[i].tensor.space != LATHE_SPACE_HOST)
      return true;
  return false;
}

nb::list Outputs::take(const lathe_function_desc &function, const std::shared_ptr<void> &inputs) {
  nb::list result;
  for (size_t i = 0; i < values.size(); ++i) {
    lathe_value &value = values[i];
    if (given[i].array) {
      if (DeviceArray *array = nullptr; nb::try_cast<DeviceArray *>(given[i].array, array))
        array->noteWritten(call);
      result.append(given[i].array);
    } else if (value.kind == LATHE_KIND_TENSOR && value.tensor.space != LATHE_SPACE_HOST) {
      nb::object array = nb::cast(new DeviceArray(value.tensor, call, inputs), nb::rv_policy::take_ownership);
      value.tensor.data = nullptr;
      result.append(array);
    } else if (value.kind == LATHE_KIND_TENSOR) {
      result.append(takeArray(value.tensor));
    } else if (value.kind == LATHE_KIND_SEQUENCE || value.kind == LATHE_KIND_MAP) {
      nb::list arrays;
      for (int64_t e = 0; e < value.count; ++e)
        arrays.append(takeArray(value.elements[e]));
      bool isMany = function.outputs[i]->flags & LATHE_VALUE_OF_SEQUENCE;
      result.append(value.kind == LATHE_KIND_SEQUENCE
                        ? nb::object(arrays)
                        : nb::module_::import_("lathe._arrays").attr("join_maps")(arrays, isMany));
    } else {
      result.append(nb::none());
    }
  }
  return result;
}

} // namespace lathe::python
