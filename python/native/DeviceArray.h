// python/native/DeviceArray.h: a tensor in the memory of a GPU as an object of Python.
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_PYTHON_DEVICEARRAY_H
#define LATHE_PYTHON_DEVICEARRAY_H

#include "lathe-runtime/runtime.h"

#include <nanobind/nanobind.h>

#include <memory>
#include <optional>
#include <string>

namespace lathe::python {

/// A queue of a GPU as the number that DLPack has for it: 1 is the driver's own.
void *toStream(uintptr_t number);
uintptr_t fromStream(void *stream);

/// Which GPU serves DLPack objects, and which call reads and writes them.
struct DeviceCall {
  uint32_t device = 0;
  void *stream = nullptr;
  nanobind::object owner = {}; ///< Keeps the stream; its handle alone does not.
};

/// What a call on a stream reads and writes. It stays until the call is done, for which the destructor waits.
class CallInFlight {
public:
  CallInFlight(DeviceCall call, std::shared_ptr<void> kept);
  CallInFlight(const CallInFlight &) = delete;
  CallInFlight &operator=(const CallInFlight &) = delete;
  ~CallInFlight();

private:
  DeviceCall call;
  const lathe_space_services *services = nullptr;
  void *mark = nullptr;
  std::shared_ptr<void> kept;
};

/// Memory of a GPU, and the place in the queue of a stream behind which its elements are
/// there. Other libraries take it by DLPack, without a copy.
class DeviceArray {
public:
  /// Takes the memory of `tensor`, which is written by what was asked for on the stream. `kept`
  /// stays until that is done.
  DeviceArray(const lathe_tensor &tensor, DeviceCall call, std::shared_ptr<void> kept);
  DeviceArray(const DeviceArray &) = delete;
  DeviceArray &operator=(const DeviceArray &) = delete;
  ~DeviceArray();

  /// New memory with a copy of an array.
  static DeviceArray *fromHost(nanobind::handle array, uint32_t device);
  /// New memory whose elements are undefined.
  static DeviceArray *allocate(int dtype, nanobind::handle shape, uint32_t device);
  /// Memory that the caller keeps alive.
  static DeviceArray *at(uintptr_t address, int dtype, nanobind::handle shape, uint32_t device);

  /// The memory of an object of DLPack on a GPU, as elements of another type of their size if one is given.
  static DeviceArray *fromDLPack(nanobind::handle array, std::optional<int> dtype);

  nanobind::object numpy();
  /// Copies an array of the same size into it.
  void write(nanobind::handle array);
  /// Notes that what was asked for on the stream of the call, up to now, writes to it.
  void noteWritten(const DeviceCall &by);
  nanobind::object dlpack(nanobind::handle self, nanobind::object stream, const nanobind::kwargs &options);
  nanobind::tuple dlpackDevice() const;
  nanobind::tuple shape() const;
  int dtype() const { return static_cast<int>(tensor.dtype); }
  uint32_t device() const { return call.device; }
  uintptr_t address() const { return reinterpret_cast<uintptr_t>(tensor.data); }

private:
  DeviceArray(const lathe_tensor &tensor, uint32_t device, bool owns);
  void allocateMemory();
  void copyFrom(const lathe_tensor &source);

  lathe_tensor tensor;
  DeviceCall call;
  const lathe_space_services *services = nullptr;
  void *mark = nullptr;
  bool owns = true;
  std::shared_ptr<void> kept;
};

/// Defines DeviceArray.
void bindDeviceArray(nanobind::module_ &m);

} // namespace lathe::python

#endif // LATHE_PYTHON_DEVICEARRAY_H
