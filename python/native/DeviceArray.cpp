// python/native/DeviceArray.cpp: tensors on a GPU, for NumPy by a copy and for all others by DLPack.
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "DeviceArray.h"

#include "Errors.h"
#include "Tensors.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

namespace nb = nanobind;

namespace lathe::python {

void *toStream(uintptr_t number) { return number <= 1 ? nullptr : reinterpret_cast<void *>(number); }
uintptr_t fromStream(void *stream) { return stream ? reinterpret_cast<uintptr_t>(stream) : 1; }

static const lathe_space_services *servicesOf(uint32_t device) {
  const lathe_space_services *services = nullptr;
  if (lathe_cuda_services(device, &services) != LATHE_OK)
    raiseRuntimeError(lathe_last_error());
  return services;
}

/// Raises what the driver says of the last thing that it refused.
[[noreturn]] static void raiseReason(const lathe_space_services *services, const std::string &what) {
  const char *reason = services->reason(services->context);
  raiseRuntimeError((what + ": " + (reason ? reason : "unknown [cuda-error]")).c_str());
}

/// Sets `mark` behind what was asked for on the stream of the call.
static void noteEnd(const lathe_space_services *services, const DeviceCall &call, void *&mark) {
  if (services->end(services->context, call.stream, &mark) != 0)
    raiseReason(services, "the end of the call cannot be noted");
}

static size_t bytesOf(const lathe_tensor &tensor) {
  size_t bytes = 0;
  if (lathe_tensor_bytes(&tensor, &bytes) != LATHE_OK)
    raiseRuntimeError(lathe_last_error());
  return bytes;
}

static lathe_tensor describe(int dtype, nb::handle shape) {
  nb::tuple dims(shape);
  lathe_tensor tensor = {};
  if (dims.size() > LATHE_MAX_RANK)
    raiseRuntimeError(("an array of " + std::to_string(dims.size()) + " dims is wanted, but at most " +
                       std::to_string(LATHE_MAX_RANK) + " are supported [call-rank-mismatch]")
                          .c_str());
  tensor.dtype = static_cast<lathe_dtype>(dtype);
  tensor.rank = static_cast<uint32_t>(dims.size());
  for (size_t d = 0; d < dims.size(); ++d)
    tensor.dims[d] = nb::cast<int64_t>(dims[d]);
  tensor.space = LATHE_SPACE_CUDA;
  bytesOf(tensor);
  return tensor;
}

CallInFlight::CallInFlight(DeviceCall given, std::shared_ptr<void> kept)
    : call(std::move(given)), services(servicesOf(call.device)), kept(std::move(kept)) {
  noteEnd(services, call, mark);
}

CallInFlight::~CallInFlight() {
  nb::gil_scoped_release unlocked;
  services->wait(services->context, mark);
}

DeviceArray::DeviceArray(const lathe_tensor &tensor, uint32_t device, bool owns)
    : tensor(tensor), call{device}, services(servicesOf(device)), owns(owns) {}

DeviceArray::DeviceArray(const lathe_tensor &tensor, DeviceCall by, std::shared_ptr<void> kept)
    : tensor(tensor), call(std::move(by)), services(servicesOf(call.device)), kept(std::move(kept)) {
  noteEnd(services, call, mark);
}

void DeviceArray::noteWritten(const DeviceCall &by) {
  noteEnd(services, by, mark);
  call = by;
}

DeviceArray::~DeviceArray() {
  nb::gil_scoped_release unlocked;
  if (mark)
    services->wait(services->context, mark);
  if (owns)
    services->free(services->context, tensor.data);
}

void DeviceArray::allocateMemory() {
  size_t bytes = bytesOf(tensor);
  tensor.data = services->alloc(services->context, bytes, LATHE_ALIGNMENT);
  if (!tensor.data)
    raiseReason(services, "no memory for an array of " + std::to_string(bytes) + " bytes");
}

DeviceArray *DeviceArray::allocate(int dtype, nb::handle shape, uint32_t device) {
  std::unique_ptr<DeviceArray> made(new DeviceArray(describe(dtype, shape), device, true));
  made->allocateMemory();
  return made.release();
}

DeviceArray *DeviceArray::at(uintptr_t address, int dtype, nb::handle shape, uint32_t device) {
  lathe_tensor tensor = describe(dtype, shape);
  tensor.data = reinterpret_cast<void *>(address);
  return new DeviceArray(tensor, device, false);
}

DeviceArray *DeviceArray::fromHost(nb::handle array, uint32_t device) {
  lathe_value_desc desc = {};
  desc.name = "array";
  lathe_tensor source = {};
  BorrowedInput borrowed;
  borrowed.borrow(array, desc, source, {device});
  if (source.dtype == LATHE_DTYPE_STRING)
    raiseRuntimeError("strings cannot be on a GPU; pass an array of numbers [call-input-dtype]");
  lathe_tensor target = source;
  target.space = LATHE_SPACE_CUDA;
  std::unique_ptr<DeviceArray> made(new DeviceArray(target, device, true));
  made->tensor.data = nullptr;
  made->allocateMemory();
  made->copyFrom(source);
  return made.release();
}

DeviceArray *DeviceArray::fromDLPack(nb::handle array, std::optional<int> dtype) {
  std::optional<uint32_t> device = deviceOf(array);
  if (!device)
    raiseRuntimeError("the array is on the CPU, but one on a GPU is wanted; copy it there with from_host "
                      "[call-space-mismatch]");
  lathe_value_desc desc = {};
  desc.name = "array";
  lathe_tensor tensor = {};
  auto borrowed = std::make_shared<BorrowedInput>();
  borrowed->borrow(array, desc, tensor, {*device});
  if (dtype) {
    auto wanted = static_cast<lathe_dtype>(*dtype);
    if (lathe_dtype_bits(wanted) != lathe_dtype_bits(tensor.dtype))
      raiseRuntimeError((std::string("elements of ") + lathe_dtype_name(tensor.dtype) + " cannot be taken for " +
                         lathe_dtype_name(wanted) + ", which has another size [call-input-dtype]")
                            .c_str());
    tensor.dtype = wanted;
  }
  std::unique_ptr<DeviceArray> made(new DeviceArray(tensor, *device, false));
  made->kept = borrowed;
  return made.release();
}

void DeviceArray::copyFrom(const lathe_tensor &source) {
  size_t bytes = bytesOf(source), room = bytesOf(tensor);
  if (bytes != room)
    raiseRuntimeError((std::to_string(bytes) + " bytes cannot be copied to an array of " + std::to_string(room) +
                       " on the GPU; give one of its shape and type [tensor-copy]")
                          .c_str());
  if (!bytes)
    return;
  int32_t status = 0;
  {
    nb::gil_scoped_release unlocked;
    status = services->copy_on(services->context, call.stream, tensor.data, LATHE_SPACE_CUDA, source.data, source.space,
                               bytes);
    // Other streams see it, and the source may go.
    void *done = nullptr;
    if (status == 0)
      status = services->end(services->context, call.stream, &done);
    if (done)
      status = services->wait(services->context, done);
  }
  if (status != 0)
    raiseReason(services, "the array cannot be copied to the GPU");
}

void DeviceArray::write(nb::handle array) {
  lathe_value_desc desc = {};
  desc.name = "array";
  lathe_tensor source = {};
  BorrowedInput borrowed;
  borrowed.borrow(array, desc, source, call);
  copyFrom(source);
}

nb::object DeviceArray::numpy() {
  lathe_tensor host = tensor;
  host.space = LATHE_SPACE_HOST;
  size_t bytes = 0;
  if (lathe_tensor_alloc(&host) != LATHE_OK || lathe_tensor_bytes(&host, &bytes) != LATHE_OK)
    raiseRuntimeError(lathe_last_error());
  int32_t status = 0;
  {
    nb::gil_scoped_release unlocked;
    if (bytes)
      status = services->copy_on(services->context, call.stream, host.data, LATHE_SPACE_HOST, tensor.data,
                                 LATHE_SPACE_CUDA, bytes);
  }
  if (status != 0) {
    lathe_tensor_free(&host);
    raiseReason(services, "the array cannot be copied to the host");
  }
  return nb::module_::import_("lathe._arrays").attr("as_declared")(takeArray(host), dtype());
}

/// What DLPack has for the elements, where NumPy's types do not say it.
static nb::dlpack::dtype elementsOf(lathe_dtype dtype) {
  if (dtype == LATHE_DTYPE_BF16)
    return {static_cast<uint8_t>(nb::dlpack::dtype_code::Bfloat), 16, 1};
  return dlpackOfDtype(dtype);
}

nb::object DeviceArray::dlpack(nb::handle self, nb::object stream, const nb::kwargs &options) {
  int64_t number = stream.is_none() ? 1 : nb::cast<int64_t>(stream);
  // -1: the consumer sees to the order. An equal number may be another stream, which took the place of an ended one.
  if (number >= 0 && mark && services->begin(services->context, toStream(static_cast<uintptr_t>(number)), mark) != 0)
    raiseReason(services, "the stream cannot wait for the array");
  if (lathe_dtype_bits(tensor.dtype) < 8)
    throw nb::buffer_error("DLPack has no elements of less than a byte; take numpy() of the array");
  size_t shape[LATHE_MAX_RANK];
  for (uint32_t d = 0; d < tensor.rank; ++d)
    shape[d] = static_cast<size_t>(tensor.dims[d]);
  nb::ndarray<nb::array_api> view(tensor.data, tensor.rank, shape, self, nullptr, elementsOf(tensor.dtype),
                                  nb::device::cuda::value, static_cast<int>(call.device));
  return nb::cast(view).attr("__dlpack__")(**options);
}

nb::tuple DeviceArray::dlpackDevice() const {
  return nb::make_tuple(static_cast<int>(nb::device::cuda::value), static_cast<int>(call.device));
}

nb::tuple DeviceArray::shape() const {
  nb::list dims;
  for (uint32_t d = 0; d < tensor.rank; ++d)
    dims.append(tensor.dims[d]);
  return nb::tuple(dims);
}

void bindDeviceArray(nb::module_ &m) {
  nb::class_<DeviceArray>(
      m, "DeviceArray", nb::is_weak_referenceable(),
      "A tensor in the memory of an NVIDIA GPU. PyTorch and others take it by DLPack, without a copy.")
      .def_static("from_host", &DeviceArray::fromHost, nb::arg("array"), nb::arg("device") = 0,
                  "Copy an array of NumPy, or what has DLPack, to a GPU. Raises lathe.RuntimeError.")
      .def_static("allocate", &DeviceArray::allocate, nb::arg("dtype"), nb::arg("shape"), nb::arg("device") = 0,
                  "New memory for elements of the type with that number, which are undefined.")
      .def_static("at", &DeviceArray::at, nb::arg("address"), nb::arg("dtype"), nb::arg("shape"), nb::arg("device") = 0,
                  "Row-major elements at an address of the GPU, which the caller keeps alive.")
      .def_static("from_dlpack", &DeviceArray::fromDLPack, nb::arg("array"), nb::arg("dtype") = nb::none(),
                  "Share the memory of what has DLPack on a GPU; with the number of an element type, as elements of "
                  "that type, which has their size. Raises lathe.RuntimeError.")
      .def("write", &DeviceArray::write, nb::arg("array"), "Copy an array of its size into it.")
      .def_prop_ro("shape", &DeviceArray::shape, "The sizes of its dims.")
      .def_prop_ro("dtype_code", &DeviceArray::dtype, "The number of its element type.")
      .def_prop_ro("device", &DeviceArray::device, "Which GPU has it, counted from 0.")
      .def_prop_ro("address", &DeviceArray::address, "Where its first element is, in the memory of the GPU.")
      .def("numpy", &DeviceArray::numpy,
           "Copy it to an array of NumPy, when it is computed. Raises lathe.RuntimeError if the GPU failed.")
      .def(
          "__dlpack__",
          [](nb::pointer_and_handle<DeviceArray> self, nb::object stream, const nb::kwargs &options) {
            return self.p->dlpack(self.h, std::move(stream), options);
          },
          nb::kw_only(), nb::arg("stream").none() = nb::none(), nb::arg("options"),
          "Share the memory, behind which work on `stream` comes: a cudaStream_t as a number.")
      .def("__dlpack_device__", &DeviceArray::dlpackDevice, "The device of DLPack: CUDA, and which GPU.");
}

} // namespace lathe::python
