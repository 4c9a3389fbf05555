# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Calls: what goes in without a copy, what comes out, and what is refused."""

from __future__ import annotations

import gc
import threading
import time
from typing import Any

import lathe
import ml_dtypes
import numpy as np
import pytest
from conftest import add_one, make_model, twice
from onnx import TensorProto, helper

DTYPES = {
    np.dtype(np.float32): TensorProto.FLOAT,
    np.dtype(np.float64): TensorProto.DOUBLE,
    np.dtype(np.float16): TensorProto.FLOAT16,
    np.dtype(ml_dtypes.bfloat16): TensorProto.BFLOAT16,
    np.dtype(np.int8): TensorProto.INT8,
    np.dtype(np.int16): TensorProto.INT16,
    np.dtype(np.int32): TensorProto.INT32,
    np.dtype(np.int64): TensorProto.INT64,
    np.dtype(np.uint8): TensorProto.UINT8,
    np.dtype(np.uint16): TensorProto.UINT16,
    np.dtype(np.uint32): TensorProto.UINT32,
    np.dtype(np.uint64): TensorProto.UINT64,
    np.dtype(np.bool_): TensorProto.BOOL,
}


class DLPackOnly:
    """An array of another library: nothing but DLPack."""

    def __init__(self, array: np.ndarray[Any, Any], device: tuple[int, int] = (1, 0)) -> None:
        """Wrap an array and say that it is on `device`."""
        self.array = array
        self.device = device

    def __dlpack__(self, **kwargs: Any) -> Any:
        """Return the capsule."""
        if self.device != (1, 0):
            raise BufferError(f"the data is on device {self.device}")
        return self.array.__dlpack__()

    def __dlpack_device__(self) -> tuple[int, int]:
        """Return the device."""
        return self.device


@pytest.fixture
def model() -> lathe.CompiledModel:
    """Return y = x + 1 over f32[batch, 3]."""
    return lathe.compile(add_one())


X = np.arange(6, dtype=np.float32).reshape(2, 3)


def test_by_position_and_by_name(model: lathe.CompiledModel) -> None:
    for (y,) in (model(X), model(x=X), model.run({"x": X}).values()):
        np.testing.assert_array_equal(y, X + 1)


def test_any_size_without_compiling_again(model: lathe.CompiledModel) -> None:
    for rows in (1, 7, 0, 300):
        (y,) = model(np.full((rows, 3), 2, np.float32))
        assert y.shape == (rows, 3)
        assert (y == 3).all()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_dtype(dtype: np.dtype[Any]) -> None:
    model = lathe.compile(twice(DTYPES[dtype]))
    assert model.inputs[0].dtype.numpy == dtype
    x = np.array([[0, 1], [1, 0], [1, 1]]).astype(dtype)
    (y,) = model(x)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, np.concatenate([x, x]))


def test_scalar_input_and_output() -> None:
    model = lathe.compile(
        make_model(
            [helper.make_node("Add", ["x", "x"], ["y"])],
            [("x", TensorProto.FLOAT, [])],
            [("y", TensorProto.FLOAT, [])],
        )
    )
    for x in (np.float32(3), np.array(3, np.float32), 3.0):
        (y,) = model(x)
        assert y.shape == ()
        assert y == 6


def test_outputs_outlive_the_model_and_the_inputs() -> None:
    model = lathe.compile(add_one(), cache=False)
    x = np.full((1000, 3), 5, np.float32)
    outputs = [model(x)[0] for _ in range(20)]
    del model, x
    gc.collect()
    assert all((y == 6).all() for y in outputs)


def test_outputs_are_aligned_writable_and_distinct(model: lathe.CompiledModel) -> None:
    (first,), (second,) = model(X), model(X)
    assert first.ctypes.data % 64 == 0
    assert first.flags.writeable and first.flags.c_contiguous
    assert not np.shares_memory(first, second)
    first[:] = 0
    np.testing.assert_array_equal(second, X + 1)


def test_outputs_go_out_by_dlpack(model: lathe.CompiledModel) -> None:
    (y,) = model(X)
    other = np.from_dlpack(y)
    assert np.shares_memory(y, other)


def test_dlpack_comes_in(model: lathe.CompiledModel) -> None:
    np.testing.assert_array_equal(model(DLPackOnly(X))[0], X + 1)


def test_dlpack_of_another_layout_is_copied(model: lathe.CompiledModel) -> None:
    np.testing.assert_array_equal(model(DLPackOnly(X.T.copy().T))[0], X + 1)


def test_dlpack_of_another_device_is_refused(model: lathe.CompiledModel) -> None:
    with pytest.raises(lathe.RuntimeError, match=r'input "x": DLPackOnly .*call-input-type'):
        model(DLPackOnly(X, device=(2, 0)))


@pytest.mark.parametrize(
    "x",
    [
        np.asfortranarray(X),
        np.repeat(X, 2, axis=1)[:, ::2],
        X[::-1][::-1],
        np.flip(np.flip(X, 1).copy(), 1),
        X.astype(">f4"),
        np.frombuffer(b"\0" + X.tobytes(), np.uint8)[1:].view(np.float32).reshape(2, 3),
        np.broadcast_to(np.float32(1), (2, 3)),
    ],
    ids=["fortran", "strided", "reversed", "flipped", "big-endian", "misaligned", "broadcast"],
)
def test_any_layout(model: lathe.CompiledModel, x: np.ndarray[Any, Any]) -> None:
    before = x.copy()
    np.testing.assert_array_equal(model(x)[0], before + 1)
    np.testing.assert_array_equal(x, before)


def test_read_only_input(model: lathe.CompiledModel) -> None:
    x = X.copy()
    x.flags.writeable = False
    np.testing.assert_array_equal(model(x)[0], X + 1)
    np.testing.assert_array_equal(model(X.tolist())[0], X + 1)


def test_input_is_not_kept(model: lathe.CompiledModel) -> None:
    x = bytearray(24)
    (y,) = model(memoryview(x).cast("f", (2, 3)))
    assert (y == 1).all()
    x.clear()  # Raises BufferError if anything still borrows it.


@pytest.mark.parametrize(
    ("values", "id"),
    [
        ((X.astype(np.float64),), "call-dtype-mismatch"),
        ((X[0],), "call-rank-mismatch"),
        ((np.zeros((2, 4), np.float32),), "call-dim-mismatch"),
        ((np.zeros((1,) * 9, np.float32),), "call-rank-mismatch"),
        ((X.astype(np.complex64),), "call-dtype-mismatch"),
        ((np.array([["a", "b", "c"]]),), "call-dtype-mismatch"),
        ((np.zeros((2, 3), "datetime64[s]"),), "call-input-dtype"),
        ((None,), "call-input-type"),
        (("text",), "call-input-type"),
        (([[1, 2, 3], [4]],), "call-input-type"),
        ((), "call-input-names"),
        ((X, X), "call-input-names"),
    ],
    ids=str,
)
def test_wrong_inputs(model: lathe.CompiledModel, values: tuple[Any, ...], id: str) -> None:
    with pytest.raises(lathe.RuntimeError) as caught:
        model(*values)
    assert caught.value.ids == (id,)
    assert caught.value.diagnostics[0].severity == "error"
    assert isinstance(caught.value, RuntimeError)


def test_wrong_names_say_what_there_is(model: lathe.CompiledModel) -> None:
    words = r'no input "z".*"x" is missing.*x: f32\[batch, 3\]'
    with pytest.raises(lathe.RuntimeError, match=words):
        model(z=X)
    with pytest.raises(lathe.RuntimeError, match="by position and by name"):
        model(X, x=X)


def test_equal_names_of_dims_must_have_equal_sizes() -> None:
    both = lathe.compile(
        make_model(
            [helper.make_node("Add", ["a", "b"], ["c"])],
            [("a", TensorProto.FLOAT, ["n", 3]), ("b", TensorProto.FLOAT, ["n", 3])],
            [("c", TensorProto.FLOAT, ["n", 3])],
        )
    )
    np.testing.assert_array_equal(both(X, X)[0], X + X)
    with pytest.raises(lathe.RuntimeError, match=r'"b": dim 0 .* 1,.*call-symbol-mismatch'):
        both(X, X[:1])


def test_a_failed_call_leaves_the_model_usable(model: lathe.CompiledModel) -> None:
    for _ in range(3):
        with pytest.raises(lathe.RuntimeError):
            model(X[0])
        np.testing.assert_array_equal(model(X)[0], X + 1)


def test_several_threads_call_one_model(model: lathe.CompiledModel) -> None:
    failures: list[str] = []

    def call(value: int) -> None:
        x = np.full((50 + value, 3), value, np.float32)
        for _ in range(100):
            (y,) = model(x)
            if y.shape != x.shape or not (y == value + 1).all():
                failures.append(f"{value}: {y}")

    threads = [threading.Thread(target=call, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_the_gil_is_released_during_a_call() -> None:
    size = 1024
    product = lathe.compile(
        make_model(
            [helper.make_node("MatMul", ["a", "b"], ["c"])],
            [("a", TensorProto.FLOAT, ["n", size])],
            [("c", TensorProto.FLOAT, ["n", size])],
            {"b": np.ones((size, size), np.float32)},
        ),
        threads=1,
    )
    a = np.ones((8 * size, size), np.float32)
    took: list[float] = []

    def call() -> None:
        begin = time.perf_counter()
        product(a)
        took.append(time.perf_counter() - begin)

    thread = threading.Thread(target=call)
    last = time.perf_counter()
    thread.start()
    gap = 0.0
    while thread.is_alive():
        now = time.perf_counter()
        gap = max(gap, now - last)
        last = now
    assert gap < took[0] / 2


def test_threads_limit(model: lathe.CompiledModel) -> None:
    assert model.threads is None
    limited = model.with_threads(2)
    assert limited.threads == 2
    np.testing.assert_array_equal(limited(X)[0], X + 1)
    with pytest.raises(ValueError, match="threads is -1"):
        model.with_threads(-1)
    with pytest.raises(lathe.RuntimeError, match="100000"):
        model.with_threads(100000)(X)


def test_process_wide_threads() -> None:
    lathe.set_threads(1)
    lathe.set_threads(0)
    with pytest.raises(lathe.RuntimeError, match=r"-3.*\[[a-z-]+\]"):
        lathe.set_threads(-3)


def test_an_initializer_that_is_an_input() -> None:
    """It is a default: a constant, until a call gives another value."""
    proto = make_model(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        [("x", TensorProto.FLOAT, ["n"]), ("w", TensorProto.FLOAT, [2])],
        [("y", TensorProto.FLOAT, [2])],
        {"w": np.array([1, 1], np.float32), "k": np.zeros(1, np.float32)},
    )
    model = lathe.compile(proto, threads=1)
    x, w = np.array([1, 2], np.float32), np.array([5, 6], np.float32)
    assert [v.name for v in model.inputs] == ["x"]
    np.testing.assert_array_equal(model(x)[0], [2, 3])
    np.testing.assert_array_equal(model.run({"x": x, "w": w})["y"], [6, 8])
    np.testing.assert_array_equal(model(x, w=w)[0], [6, 8])
    np.testing.assert_array_equal(model.run({"x": x})["y"], [2, 3])
    with pytest.raises(lathe.RuntimeError, match=r'no input "k".*call-input-names'):
        model.run({"x": x, "k": x})
    both = lathe.compile(proto, overridable=["w"])
    assert [v.name for v in both.inputs] == ["x", "w"]
    with pytest.raises(lathe.CompileError, match=r"not listed as an input.*onnx-no-default"):
        lathe.compile(proto, overridable=["k"])
