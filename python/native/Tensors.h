// python/native/Tensors.h: tensors of the runtime over the memory of Python's
// arrays, and back.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_PYTHON_TENSORS_H
#define LATHE_PYTHON_TENSORS_H

#include "DeviceArray.h"

#include "lathe-runtime/runtime.h"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <memory>
#include <optional>
#include <vector>

namespace lathe::python {

/// (lathe_dtype, name, NumPy's or ml_dtypes' name, X of ONNX's "tensor(X)", bits) of
/// every element type.
nanobind::list describeElementTypes();

/// An array over the memory of `tensor`, which is the caller's: good for as long as that, and to be read only unless it
/// is `writable`. Elements that NumPy has not are unsigned integers, packed ones a vector of bytes; of strings a copy,
/// as an array of objects.
nanobind::object viewTensor(const lathe_tensor &tensor, bool writable);

/// Which NVIDIA GPU an object of DLPack is on; nothing for one that is elsewhere, or is none.
std::optional<uint32_t> deviceOf(nanobind::handle value);

/// What NumPy is told of the elements: for types that it has not, bytes or integers of their
/// size.
nanobind::dlpack::dtype dlpackOfDtype(lathe_dtype dtype);

/// An array that owns the memory of the host that `tensor` has, which has none then. Packed
/// elements are unpacked.
nanobind::object takeArray(lathe_tensor &tensor);

/// An input whose memory belongs to an object of Python, and stays as it is
/// while this lives. Needs the GIL to be made and destroyed.
class BorrowedInput {
public:
  BorrowedInput() = default;
  BorrowedInput(const BorrowedInput &) = delete;
  BorrowedInput &operator=(const BorrowedInput &) = delete;
  ~BorrowedInput();

  /// Makes `tensor` a view of `value`, or of a copy where the runtime cannot
  /// read it in place. What is on a GPU is there for work on the stream of the call. Raises for
  /// what is no array.
  void borrow(nanobind::handle value, const lathe_value_desc &desc, lathe_tensor &tensor, const DeviceCall &call);

private:
  bool borrowBuffer(nanobind::handle value, lathe_tensor &tensor);
  bool borrowDLPack(nanobind::handle value, lathe_tensor &tensor);
  bool borrowDevice(nanobind::handle value, const lathe_value_desc &desc, lathe_tensor &tensor, const DeviceCall &call);
  bool describe(const nanobind::ndarray<nanobind::ro> &array, lathe_tensor &tensor);

  Py_buffer buffer = {};
  nanobind::object converted, texts;
  nanobind::ndarray<nanobind::ro> dlpack;
};

/// An input of any kind: an array, a list or tuple of arrays for a sequence, or
/// None for an optional value that is absent. As BorrowedInput.
class BorrowedValue {
public:
  void borrow(nanobind::handle value, const lathe_value_desc &desc, lathe_value &result, const DeviceCall &call);

private:
  void borrowSequence(nanobind::handle items, const lathe_value_desc &desc, lathe_value &result,
                      const DeviceCall &call);
  void borrowMap(nanobind::handle map, const lathe_value_desc &desc, lathe_value &result, const DeviceCall &call);

  BorrowedInput single;
  std::unique_ptr<BorrowedInput[]> parts; ///< Of `elements`; they cannot be moved.
  std::vector<lathe_tensor> elements;
};

/// Outputs that the runtime allocated, or writes to the memory of arrays that the caller gave;
/// frees those that Python did not take. Needs the GIL to be made and destroyed.
class Outputs {
public:
  Outputs(size_t count, DeviceCall call) : values(count, lathe_value{}), given(count), call(call) {}
  Outputs(const Outputs &) = delete;
  Outputs &operator=(const Outputs &) = delete;
  ~Outputs();

  /// Lets output `index`, a tensor, be written to `array`, of the buffer protocol or DLPack.
  /// Raises if it cannot be written in place; whether it fits the runtime says.
  void giveMemory(size_t index, nanobind::handle array, const lathe_value_desc &desc);

  lathe_value *data() { return values.data(); }
  size_t size() const { return values.size(); }

  /// Whether one is written to memory of the caller on a GPU.
  bool givesDeviceMemory() const;

  /// Hands all of them over: tensors as NumPy arrays, or DeviceArrays that keep `inputs`, sequences as lists of these,
  /// maps as dicts, absent ones as None, strings as arrays of objects, and the caller's arrays as they are. Elements
  /// that NumPy has not are given as unsigned integers of their size, and those of less than a byte as
  /// ml_dtypes has them.
  nanobind::list take(const lathe_function_desc &function, const std::shared_ptr<void> &inputs);

private:
  void freeDevice(lathe_tensor &tensor) const;

  /// An array of the caller's; null for none.
  struct Given {
    nanobind::object array;
    Py_buffer buffer = {};
    nanobind::ndarray<> dlpack;
  };

  std::vector<lathe_value> values;
  std::vector<Given> given;
  DeviceCall call;
};

} // namespace lathe::python

#endif // LATHE_PYTHON_TENSORS_H
