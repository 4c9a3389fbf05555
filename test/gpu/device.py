#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tensors and streams of callers on a GPU, with the emulator's driver.

device.py NAME     runs the function of that name; it raises where something is wrong

The emulator does nothing before somebody waits for it, and then a step of each stream in turn: what
relies on an order that nobody promised computes something else.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import math
import os
import pickle
import sys
import threading
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import lathe
import numpy as np
import numpy.typing as npt
from lathe import DeviceArray
from lathe.ort import OrtValue

Array = npt.NDArray[Any]
TARGET = "cuda:sm_80"
RNG = np.random.default_rng(1)
DRIVER = ctypes.CDLL("libcuda.so.1")

# A product, a softmax and a product: the values between them are in the workspace.
CHAIN = b"""
func.func @main(%x: tensor<?x8xf32, #graph.dims<()[s0] -> (s0, 8)>> {graph.name = "x"},
                %w: tensor<8x8xf32> {graph.name = "w"})
    -> (tensor<?x8xf32, #graph.dims<()[s0] -> (s0, 8)>> {graph.name = "y"})
    attributes {graph.symbols = [#graph.symbol<"n">]} {
  %a = graph.matmul %x, %w : (tensor<?x8xf32, #graph.dims<()[s0] -> (s0, 8)>>, tensor<8x8xf32>)
      -> tensor<?x8xf32, #graph.dims<()[s0] -> (s0, 8)>>
  %b = graph.softmax %a axis = 1 : tensor<?x8xf32, #graph.dims<()[s0] -> (s0, 8)>>
  %y = graph.matmul %b, %w : (tensor<?x8xf32, #graph.dims<()[s0] -> (s0, 8)>>, tensor<8x8xf32>)
      -> tensor<?x8xf32, #graph.dims<()[s0] -> (s0, 8)>>
  return %y : tensor<?x8xf32, #graph.dims<()[s0] -> (s0, 8)>>
}
"""


class Producer:
    """Another library's array on the GPU: DLPack, and nothing else."""

    def __init__(self, array: Any, device: int = 0) -> None:
        """Hold an array that has DLPack."""
        self.array = array
        self.device = device
        self.streams: list[Any] = []

    def __dlpack__(self, *, stream: int | None = None, **options: Any) -> Any:
        """Note the consumer's stream."""
        self.streams.append(stream)
        return self.array.__dlpack__(stream=stream, **options)

    def __dlpack_device__(self) -> tuple[int, int]:
        """Say CUDA, as the array does."""
        return (2, self.device)


def check(code: int) -> None:
    """Raise if the driver refused."""
    assert code == 0, f"the driver says {code}"


def in_context(device: int, work: Callable[[], None]) -> None:
    """Do something with a device as the current one."""
    context = ctypes.c_void_p()
    check(DRIVER.cuDevicePrimaryCtxRetain(ctypes.byref(context), device))
    check(DRIVER.cuCtxPushCurrent_v2(context))
    try:
        work()
    finally:
        check(DRIVER.cuCtxPopCurrent_v2(ctypes.byref(context)))


def new_stream(device: int = 0) -> int:
    """Return a stream that does not wait for the driver's own queue."""
    stream = ctypes.c_void_p()
    in_context(device, lambda: check(DRIVER.cuStreamCreate(ctypes.byref(stream), 1)))
    assert stream.value
    return stream.value


def finish(stream: int) -> None:
    """Wait for what was begun on a stream."""
    in_context(0, lambda: check(DRIVER.cuStreamSynchronize(ctypes.c_void_p(stream))))


def words_of_log() -> list[list[str]]:
    """Return the lines of the log in words: "launch NAME BLOCKS", "copy DIRECTION BYTES"."""
    path = Path(os.environ["LATHE_EMU_LOG"])
    lines = path.read_text().splitlines() if path.exists() else []
    return [line.split() for line in lines if not line.startswith(("load", "map"))]


def log() -> list[str]:
    """Return what the device has done so far: launches, and copies with their direction."""
    return [w[0] if w[0] == "launch" else " ".join(w[:2]) for w in words_of_log()]


def chain(**options: Any) -> tuple[lathe.CompiledModel, lathe.CompiledModel]:
    """Return the model for the GPU and for the CPU."""
    gpu = lathe.compile(CHAIN, target=TARGET, cache=False, **options)
    return gpu, lathe.compile(CHAIN, cache=False)


def inputs(rows: int) -> tuple[Array, Array]:
    """Return inputs of `CHAIN`."""
    return tuple(RNG.standard_normal(size).astype(np.float32) for size in ((rows, 8), (8, 8)))  # type: ignore[return-value]


def close(actual: Any, expected: Any) -> None:
    """Raise if the numbers differ by more than the order of sums explains."""
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


def refused(name: str, *parts: str, work: Callable[[], object]) -> None:
    """Raise unless `work` is refused with this id and all of these words."""
    try:
        work()
    except lathe.RuntimeError as error:
        text = str(error)
        assert name in error.ids, (name, error.ids, text)
        assert all(part in text for part in parts), (parts, text)
        return
    raise AssertionError(f"{name}: nothing was refused")


def ends() -> None:
    """Inputs and outputs on the GPU are not copied, and the call returns before it computes."""
    gpu, cpu = chain()
    x, w = inputs(5)
    on_device = [Producer(DeviceArray.from_host(a)) for a in (x, w)]
    stream = new_stream()
    model = gpu.with_options(stream=stream, outputs="device")
    before = len(log())
    (y,) = model(*on_device)
    assert log()[before:] == [], "the call returned and nothing was done yet"
    assert isinstance(y, DeviceArray) and y.shape == (5, 8) and y.__dlpack_device__() == (2, 0)
    assert [p.streams for p in on_device] == [[stream]] * 2
    close(y.numpy(), cpu(x, w)[0])
    done = log()[before:]
    assert done.count("launch") >= 1 and set(done[:-1]) == {"launch"} and done[-1] == "copy out"
    # Some here, some there.
    before = len(log())
    (z,) = gpu(on_device[0], w)
    assert isinstance(z, np.ndarray)
    close(z, cpu(x, w)[0])
    assert [line for line in log()[before:] if line != "launch"] == ["copy in", "copy out"]
    # To memory of the caller on the GPU.
    target = Producer(DeviceArray.allocate(y.dtype_code, (5, 8)))
    result = model.run({"x": on_device[0], "w": w}, out={"y": target})
    assert result["y"] is target and target.streams == [stream]
    finish(stream)
    close(target.array.numpy(), cpu(x, w)[0])


def order() -> None:
    """Calls on different streams share a workspace, one behind the other, and so do threads."""
    gpu, cpu = chain()
    models = [gpu.with_options(stream=new_stream(), outputs="device") for _ in range(3)]
    given = [inputs(rows) for rows in (4, 9, 2, 9, 30, 4)]
    moved = [[DeviceArray.from_host(a) for a in pair] for pair in given]
    found = [models[i % 3](*pair)[0] for i, pair in enumerate(moved)]
    del moved  # What the calls read stays until it is read.
    for i in reversed(range(len(given))):
        close(found[i].numpy(), cpu(*given[i])[0])
    problems: list[Exception] = []

    def work(model: lathe.CompiledModel) -> None:
        try:
            for pair in given:
                close(model(*pair)[0].numpy(), cpu(*pair)[0])
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(model,)) for model in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems, problems


def consumers() -> None:
    """A consumer's stream waits for what computes the array, and another model is one."""
    gpu, cpu = chain()
    x, w = inputs(6)
    first = gpu.with_options(stream=new_stream(), outputs="device")
    second = gpu.with_options(stream=new_stream(), outputs="device")
    (y,) = first(x, w)
    (z,) = second(y, w)
    expected = cpu(cpu(x, w)[0], w)[0]
    close(z.numpy(), expected)
    for stream in (None, 1, new_stream(), -1):
        capsule = y.__dlpack__(stream=stream, max_version=(1, 0))
        assert "dltensor" in repr(capsule)
        del capsule
    close(first(y, w)[0].numpy(), expected)


def decoding() -> None:
    """A cache that grows from token to token stays on the GPU."""
    sys.path.append(str(Path(__file__).resolve().parents[1] / "e2e"))
    test_zoo = importlib.import_module("test_zoo")
    _, source = test_zoo.written(test_zoo.CASES["networks-gpt2_two_layers"], 17)
    cpu = lathe.compile(source, cache=False)
    gpu = lathe.compile(source, target=TARGET, cache=False).with_options(
        stream=new_stream(), outputs="device"
    )
    empty = np.zeros((2, 1, 2, 0, 8), np.float32)
    wanted = [empty] * 2
    found: list[Any] = [empty] * 2
    ids = np.array([[3, 1, 4]])
    for step in range(4):
        before = len(log())
        scores, *wanted = cpu(ids, *wanted)
        actual, *found = gpu(ids, *found)
        close(actual.numpy(), scores)
        shape = (2, 1, 2, 3 + step, 8)
        assert [tuple(a.shape) for a in found] == [shape] * 2
        size = math.prod(shape) * 4
        moved = [int(w[2]) for w in words_of_log()[before:] if w[0] == "copy"]
        assert step == 0 or max(moved) < size, "nothing as large as the cache is copied"
        ids = scores.argmax(axis=1, keepdims=True)
    close(found[1].numpy(), wanted[1])


def pinned() -> None:
    """Memory that the driver has pinned is read by the device, and not after the call."""
    gpu, cpu = chain()
    x, w = inputs(3)
    memory = ctypes.c_void_p()
    in_context(0, lambda: check(DRIVER.cuMemAllocHost_v2(ctypes.byref(memory), x.nbytes)))
    assert memory.value
    view = np.ctypeslib.as_array(ctypes.cast(memory, ctypes.POINTER(ctypes.c_float)), x.shape)
    view[...] = x
    (y,) = gpu.with_options(stream=new_stream(), outputs="device")(view, w)
    view[...] = 0
    close(y.numpy(), cpu(x, w)[0])


def slices() -> None:
    """An input that begins within a word is copied to where kernels read whole words."""
    gpu, cpu = chain()
    x, w = inputs(5)
    for skipped in (4, 3):
        here = DeviceArray.from_host(np.concatenate([np.zeros(skipped, np.float32), x.ravel()]))
        part = DeviceArray.at(here.address + 4 * skipped, here.dtype_code, x.shape)
        before = len(log())
        close(gpu(part, w)[0], cpu(x, w)[0])
        assert log()[before:].count("copy within") == (skipped == 3), log()[before:]


def types() -> None:
    """Elements that NumPy has not keep their type on the GPU."""
    kind = "tensor<4xbf16>"
    text = f"""func.func @main(%x: {kind} {{graph.name = "x"}}) -> ({kind} {{graph.name = "y"}}) {{
      %y = graph.add %x, %x : ({kind}, {kind}) -> {kind}
      return %y : {kind} }}""".encode()
    model = lathe.compile(text, target=TARGET, cache=False).with_options(outputs="device")
    dtype = model.inputs[0].dtype.numpy
    x = np.arange(4).astype(dtype)
    (y,) = model(DeviceArray.from_host(x))
    (z,) = model(Producer(y))
    assert z.numpy().dtype == dtype and (z.numpy() == 4 * x).all()


def writes() -> None:
    """What is written to an array is read after it: by whoever asks, and whoever wrote it."""
    gpu, cpu = chain()
    x, w = inputs(5)
    stream = new_stream()
    model = gpu.with_options(stream=stream, outputs="device")
    (y,) = model(x, w)
    y.write(np.full((5, 8), 7, np.float32))
    assert (y.numpy() == 7).all(), "behind the call, not before it"
    (z,) = gpu.with_options(stream=new_stream(), outputs="device")(y, w)
    close(z.numpy(), cpu(np.full((5, 8), 7, np.float32), w)[0])
    # A call that writes to an array of the caller, and whose inputs nobody keeps.
    target = DeviceArray.allocate(y.dtype_code, (5, 8))
    model.run({"x": DeviceArray.from_host(x), "w": DeviceArray.from_host(w)}, out={"y": target})
    close(target.numpy(), cpu(x, w)[0])
    model.run({"x": DeviceArray.from_host(x), "w": w}, out={"y": target})
    (z,) = gpu.with_options(outputs="device")(target, w)
    close(z.numpy(), cpu(cpu(x, w)[0], w)[0])


def turns() -> None:
    """Two arrays take turns as input and output, and keep nothing alive."""
    gpu, cpu = chain()
    x, w = inputs(4)
    model = gpu.with_options(stream=new_stream(), outputs="device")
    there = DeviceArray.from_host(w)
    state, other = DeviceArray.from_host(x), DeviceArray.allocate(1, (4, 8))
    for _ in range(4):
        model.run({"x": state, "w": there}, out={"y": other})
        state, other = other, state
        (x,) = cpu(x, w)
    close(state.numpy(), x)
    alive = [weakref.ref(state), weakref.ref(other)]
    del state, other, model, gpu
    gc.collect()
    assert [r() for r in alive] == [None, None]


def elements() -> None:
    """Arrays have the elements, the shape and the device of what they were made from."""
    u8 = np.arange(4, dtype=np.uint8)
    there = DeviceArray.from_host(u8, 1)
    shared = DeviceArray.from_dlpack(Producer(there, 1))
    assert shared.device == 1 and shared.dtype_code == there.dtype_code
    there = DeviceArray.from_host(u8)
    shared = DeviceArray.from_dlpack(Producer(there))
    assert shared.numpy().dtype == np.uint8 and (shared.numpy() == u8).all()
    target = DeviceArray.allocate(there.dtype_code, (4,))
    target.write(Producer(there))
    assert (target.numpy() == u8).all()
    four = np.zeros(4, np.float32)
    refused("tensor-copy", "16 bytes", "array of 4", work=lambda: target.write(four))
    bits = np.array([1, 0, 1], np.uint8)
    value = OrtValue.from_dlpack(Producer(DeviceArray.from_host(bits)), is_bool_tensor=True)
    assert value.data_type() == "tensor(bool)" and value.numpy().tolist() == [True, False, True]
    refused(
        "call-input-dtype", "another size", work=lambda: DeviceArray.from_dlpack(Producer(there), 1)
    )
    refused("call-space-mismatch", work=lambda: DeviceArray.from_dlpack(u8))
    # Elements of less than a byte are no bytes.
    text = b"""func.func @main(%x: tensor<4xi4> {graph.name = "x"}) -> (tensor<4xi32>) {
      %y = graph.cast %x : tensor<4xi4> -> tensor<4xi32>
      return %y : tensor<4xi32> }"""
    model = lathe.compile(text, target=TARGET, cache=False)
    refused("call-dtype-mismatch", 'input "x"', work=lambda: model(Producer(there)))
    # Of Python's own, with the elements that NumPy gives them.
    assert DeviceArray.from_host([1, 2, 3]).numpy().dtype == np.int64
    assert DeviceArray.from_host(1.5).shape == ()
    value = OrtValue.ortvalue_from_numpy(np.array(3, np.int64), "cuda", 0)
    assert value.shape() == []
    value.update_inplace(np.array(4, np.int64))
    assert value.numpy() == 4
    for strings in (np.array(["a"], object), ["a"], np.array(["a"])):
        refused("call-input-dtype", "strings", work=partial(DeviceArray.from_host, strings))
    dates = np.array(["2020-01-01"], "datetime64[D]")
    refused("call-input-dtype", "datetime64", work=lambda: DeviceArray.from_host(dates))


def travels() -> None:
    """A model that was pickled runs where it did, and its outputs stay there."""
    gpu, cpu = chain(device=1)
    x, w = inputs(3)
    model = gpu.with_options(outputs="device", stream=new_stream(1))
    (y,) = pickle.loads(pickle.dumps(model))(x, w)
    assert isinstance(y, DeviceArray) and y.device == 1
    close(y.numpy(), cpu(x, w)[0])


class Stream:
    """A stream that lives as long as its object, as those of other libraries."""

    def __init__(self) -> None:
        """Make it."""
        self.cuda_stream = new_stream()

    def __del__(self) -> None:
        """End it."""
        check(DRIVER.cuStreamDestroy_v2(ctypes.c_void_p(self.cuda_stream)))


def stream_object() -> None:
    """A stream that only the model and its outputs have goes on."""
    gpu, cpu = chain()
    x, w = inputs(3)
    model = gpu.with_options(stream=Stream(), outputs="device").with_threads(1)
    gc.collect()
    (y,) = model(x, w)
    del model
    gc.collect()
    close(y.numpy(), cpu(x, w)[0])


def wrong_memory() -> None:
    """An address that is not what the tensor says is one error, and the next call is fine."""
    gpu, cpu = chain()
    x, w = inputs(3)
    here = DeviceArray.at(x.ctypes.data, DeviceArray.from_host(x).dtype_code, x.shape)
    names = ('input "x"', "memory of the host", "memory space 1 (cuda)")
    refused("call-wrong-memory", *names, work=lambda: gpu(here, w))
    there = DeviceArray.from_host(x)
    fake = np.ctypeslib.as_array(
        ctypes.cast(there.address, ctypes.POINTER(ctypes.c_float)), x.shape
    )
    names = ('input "x"', "memory of a GPU", "memory space 0 (host)")
    refused("call-wrong-memory", *names, work=lambda: gpu(fake, w))
    names = ('input "x"', "memory space 1 (cuda)", "the model takes host")
    refused("call-space-mismatch", *names, work=lambda: cpu(there, w))
    on_device = cpu.with_options(outputs="device")
    refused("call-output-space", "space 1 (cuda)", cpu.isa, work=lambda: on_device(x, w))
    refused("call-stream", cpu.isa, work=lambda: cpu.with_options(stream=64)(x, w))
    close(gpu(there, w)[0], cpu(x, w)[0])


def wrong_device() -> None:
    """A stream or memory of another GPU is one error with both numbers."""
    gpu, cpu = chain()
    other = chain(device=1)[0]
    x, w = inputs(3)
    stream = new_stream(1)
    names = ("of GPU 1", "on GPU 0")
    refused("cuda-other-device", *names, work=lambda: gpu.with_options(stream=stream)(x, w))
    there = DeviceArray.from_host(x, 1)
    refused("cuda-other-device", 'input "x"', *names, work=lambda: gpu(there, w))
    (y,) = other.with_options(stream=stream, outputs="device")(there, w)
    assert y.device == 1 and y.__dlpack_device__() == (2, 1)
    close(y.numpy(), cpu(x, w)[0])
    close(gpu(x, w)[0], cpu(x, w)[0])


def ended_stream() -> None:
    """A stream that was destroyed is one error."""
    gpu, cpu = chain()
    x, w = inputs(3)
    stream = new_stream()
    check(DRIVER.cuStreamDestroy_v2(ctypes.c_void_p(stream)))
    names = ("does not know the stream", "CUDA_ERROR_INVALID_HANDLE")
    refused("cuda-error", *names, work=lambda: gpu.with_options(stream=stream)(x, w))
    close(gpu(x, w)[0], cpu(x, w)[0])


def reset() -> None:
    """A GPU that the program has reset is one error, and a module that is loaded later works."""
    gpu, cpu = chain()
    x, w = inputs(3)
    close(gpu(x, w)[0], cpu(x, w)[0])
    check(DRIVER.cuDevicePrimaryCtxReset_v2(0))
    names = ("has reset the GPU", "load the module again", "CUDA_ERROR_CONTEXT_IS_DESTROYED")
    refused("cuda-error", *names, work=lambda: gpu(x, w))
    new = chain()[0]
    close(new(x, w)[0], cpu(x, w)[0])
    # What was loaded before stays gone, and its end leaves alone what came after.
    refused("cuda-error", *names, work=lambda: gpu(x, w))
    gpu = new
    gc.collect()
    close(gpu(x, w)[0], cpu(x, w)[0])


def failing_kernel() -> None:
    """A kernel that fails is one error, at the latest where somebody waits; the CPU goes on."""
    gpu, cpu = chain()
    x, w = inputs(3)
    names = ("unspecified launch failure", "CUDA_ERROR_LAUNCH_FAILED")
    refused("cuda-error", *names, work=lambda: gpu(x, w))
    refused("cuda-error", *names, work=lambda: gpu(x, w))
    assert np.isfinite(cpu(x, w)[0]).all()


# Large enough for threads that copy by tensor maps.
LARGE = b"""
func.func @main(%x: tensor<?x64xf16, #graph.dims<()[s0] -> (s0, 64)>> {graph.name = "x"},
                %w: tensor<64x1032xf16> {graph.name = "w"})
    -> (tensor<?x1032xf16, #graph.dims<()[s0] -> (s0, 1032)>> {graph.name = "y"})
    attributes {graph.symbols = [#graph.symbol<"n">]} {
  %y = graph.matmul %x, %w
      : (tensor<?x64xf16, #graph.dims<()[s0] -> (s0, 64)>>, tensor<64x1032xf16>)
      -> tensor<?x1032xf16, #graph.dims<()[s0] -> (s0, 1032)>>
  return %y : tensor<?x1032xf16, #graph.dims<()[s0] -> (s0, 1032)>>
}
"""


def large(rows: int) -> tuple[lathe.CompiledModel, list[DeviceArray]]:
    """Return the model for an sm_90a, and inputs on the GPU."""
    gpu = lathe.compile(LARGE, target="cuda:sm_90a", cache=False)
    assert str(gpu.kernels[0]["strategy"]).startswith("gpu.product.tma"), gpu.kernels
    given = (RNG.standard_normal(size).astype(np.float16) for size in ((rows, 64), (64, 1032)))
    return gpu, [DeviceArray.from_host(a) for a in given]


def kept_maps() -> None:
    """The driver encodes a tensor map where an address or a size is another, and not again."""

    def encoded() -> int:
        lines = Path(os.environ["LATHE_EMU_LOG"]).read_text().splitlines()
        return sum(line.startswith("map") for line in lines)

    gpu, (x, w) = large(40)
    expected = lathe.compile(LARGE, cache=False)(x.numpy(), w.numpy())[0]
    for _ in range(3):
        np.testing.assert_allclose(
            np.asarray(gpu(x, w)[0], np.float32), np.asarray(expected, np.float32), atol=5e-2
        )
        assert encoded() == 3  # Of both factors and of the result.
    more = DeviceArray.from_host(RNG.standard_normal((41, 64)).astype(np.float16))
    gpu(more, w)
    assert encoded() == 5
    gpu(x, w)
    again = encoded()
    assert again in (5, 6)  # The result may be elsewhere now.
    gpu(x, w)
    assert encoded() == again


def failing_maps() -> None:
    """A tensor map that the driver refuses is one error, and the next call works."""
    gpu, given = large(3)
    kernel = str(gpu.kernels[0]["name"])
    names = (
        "a tensor map was not made: number 0 of",
        kernel,
        "of sizes 64 3",
        "CUDA_ERROR_UNKNOWN",
    )
    refused("cuda-error", *names, work=lambda: gpu(*given))
    os.environ.pop("LATHE_EMU_FAIL")
    assert np.isfinite(np.asarray(gpu(*given)[0], np.float32)).all()


def lacking_maps() -> None:
    """A driver that encodes no tensor maps is too old for what needs them, and runs the rest."""
    gpu, given = large(3)
    names = ("cuTensorMapEncodeTiled", "CUDA 12.0", "--target=cuda:sm_80")
    refused("cuda-old-driver", *names, work=lambda: gpu(*given))
    plain, cpu = chain()
    x, w = inputs(5)
    close(plain(x, w)[0], cpu(x, w)[0])


def memory() -> None:
    """Too little memory is one error with both numbers, and a smaller call goes on."""
    gpu, cpu = chain()
    x, w = inputs(100000)
    names = ("bytes", "are unused", os.environ["LATHE_EMU_MEMORY"])
    refused("cuda-out-of-memory", *names, work=lambda: gpu(x, w))
    close(gpu(x[:5], w)[0], cpu(x[:5], w)[0])


def layouts() -> None:
    """What is not in row-major order, and what is no stream, is refused."""
    gpu, _ = chain()
    x, w = inputs(8)
    transposed = Producer(Transposed(DeviceArray.from_host(x)))
    refused("call-input-type", 'input "x"', "contiguous", work=lambda: gpu(transposed, w))
    for stream in ("a", -3, 1.5, True):
        try:
            gpu.with_options(stream=stream)
        except ValueError as error:
            assert repr(stream) in str(error)
        else:
            raise AssertionError(f"{stream!r} is no stream")


class Transposed:
    """The transposed view of a square array, by changing the strides in its capsule."""

    def __init__(self, array: DeviceArray) -> None:
        """Keep the array."""
        self.array = array

    def __dlpack__(self, **options: Any) -> Any:
        """Swap the strides: behind data, device, ndim, dtype and shape of a DLTensor."""
        capsule = self.array.__dlpack__(**options)
        api = ctypes.pythonapi
        api.PyCapsule_GetPointer.restype = ctypes.c_void_p
        api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
        start = api.PyCapsule_GetPointer(capsule, b"dltensor")
        strides = ctypes.POINTER(ctypes.c_int64).from_address(start + 32)
        strides[0], strides[1] = 1, 8
        return capsule


if __name__ == "__main__":
    globals()[sys.argv[1]]()
