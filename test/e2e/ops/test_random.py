# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators that draw random numbers: the stream by its definition, and distributions."""

from __future__ import annotations

import struct
from typing import Any

import lathe
import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper

Array = NDArray[Any]


def philox(positions: Array, key: int) -> tuple[Array, Array]:
    """Philox2x32-10 of 64-bit positions, as two arrays of 32-bit words in uint64."""
    first, second = positions & 0xFFFFFFFF, positions >> 32
    for _ in range(10):
        product = first * np.uint64(0xD256D193)
        first, second = (product >> 32) ^ np.uint64(key) ^ second, product & 0xFFFFFFFF
        key = (key + 0x9E3779B9) & 0xFFFFFFFF
    return first, second


def key_of(seed: float) -> int:
    """The bits of a seed."""
    return int(struct.unpack("I", struct.pack("f", seed))[0])


def uniform(count: int, seed: float) -> Array:
    """The numbers in [0, 1) that a seed stands for."""
    first, _ = philox(np.arange(count, dtype=np.uint64), key_of(seed))
    return (first >> np.uint64(8)).astype(np.float32) * np.float32(2**-24)


def model_of(
    op: str, inputs: list[tuple[str, int, Any]], kind: int, **attributes: Any
) -> ModelProto:
    """A model of one node."""
    infos = [helper.make_tensor_value_info(*entry) for entry in inputs]
    node = helper.make_node(op, [name for name, _, _ in inputs], ["y"], **attributes)
    graph = helper.make_graph([node], "g", infos, [helper.make_tensor_value_info("y", kind, None)])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)


def test_the_stream_is_the_published_one() -> None:
    """The first block of the zero key has the words that the authors give for it."""
    first, second = philox(np.zeros(1, np.uint64), 0)
    assert (int(first[0]), int(second[0])) == (0xFF1DAE59, 0x6CD10DF2)


@pytest.mark.parametrize("seed", [0.0, 1.0, -3.5])
@pytest.mark.parametrize("threads", [1, 2])
def test_uniform_numbers(seed: float, threads: int) -> None:
    model = model_of(
        "RandomUniform", [], TensorProto.FLOAT, shape=[37, 129], seed=seed, low=-1.0, high=3.0
    )
    compiled = lathe.compile(model, cache=False)
    lathe.set_threads(threads)
    try:
        (y,) = compiled()
    finally:
        lathe.set_threads(0)
    right = uniform(37 * 129, seed).reshape(37, 129) * np.float32(4) + np.float32(-1)
    np.testing.assert_allclose(y, right, rtol=0, atol=5e-7)
    np.testing.assert_array_equal(y, compiled()[0])


@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.FLOAT, TensorProto.DOUBLE])
def test_normal_numbers(kind: int) -> None:
    model = model_of(
        "RandomNormal", [], kind, shape=[200, 500], seed=2.0, mean=3.0, scale=0.5, dtype=kind
    )
    (y,) = lathe.compile(model, cache=False)()
    assert y.dtype == helper.tensor_dtype_to_np_dtype(kind)
    z = (y.astype(np.float64) - 3) / 0.5
    count = z.size
    assert abs(z.mean()) < 5 / count**0.5 and abs(z.var() - 1) < 5 * (2 / count) ** 0.5
    assert (
        abs((z**3).mean()) < 5 * (15 / count) ** 0.5
        and abs((z**4).mean() - 3) < 5 * (96 / count) ** 0.5
    )
    neighbours = np.corrcoef(z.ravel()[:-1], z.ravel()[1:])[0, 1]
    assert abs(neighbours) < 5 / count**0.5 and np.abs(z).max() > 3.5


def test_like_takes_shape_and_type() -> None:
    x = np.zeros((3, 5), np.float64)
    for op in ("RandomUniformLike", "RandomNormalLike"):
        model = model_of(op, [("x", TensorProto.DOUBLE, ["n", "m"])], TensorProto.DOUBLE, seed=1.0)
        (y,) = lathe.compile(model, cache=False)(x)
        assert y.shape == (3, 5) and y.dtype == np.float64 and len(np.unique(y)) == 15
        model = model_of(
            op,
            [("x", TensorProto.INT64, ["n"])],
            TensorProto.FLOAT16,
            seed=1.0,
            dtype=TensorProto.FLOAT16,
        )
        (y,) = lathe.compile(model, cache=False)(np.zeros(4, np.int64))
        assert y.dtype == np.float16


def test_without_a_seed_calls_and_nodes_differ() -> None:
    nodes = [helper.make_node("RandomUniform", [], [name], shape=[64]) for name in ("a", "b")]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [64]) for name in ("a", "b")]
    graph = helper.make_graph(nodes, "g", [], outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)
    compiled = lathe.compile(model, cache=False)
    drawn = [*compiled(), *compiled()]
    assert len({y.tobytes() for y in drawn}) == 4
    assert all(y.min() >= 0 and y.max() < 1 for y in drawn)


@pytest.mark.parametrize(
    "kind", [TensorProto.FLOAT, TensorProto.INT32, TensorProto.BOOL, TensorProto.DOUBLE]
)
def test_bernoulli(kind: int) -> None:
    p = np.repeat(np.array([0, 0.1, 0.5, 1], np.float32), 20000).reshape(4, -1)
    model = model_of(
        "Bernoulli", [("p", TensorProto.FLOAT, ["n", "m"])], kind, seed=5.0, dtype=kind
    )
    (y,) = lathe.compile(model, cache=False)(p)
    assert y.dtype == helper.tensor_dtype_to_np_dtype(kind)
    right = uniform(p.size, 5.0).reshape(p.shape) < p
    np.testing.assert_array_equal(y.astype(bool), right)
    assert not y[0].any() and y[3].all() and abs(y[1].astype(float).mean() - 0.1) < 0.02


def test_multinomial() -> None:
    p = np.array([[0.1, 0, 0.7, 0.2], [0, 0, 0, 1]])
    with np.errstate(divide="ignore"):
        x = np.log(p).astype(np.float32) + np.array([[2], [-5]], np.float32)
    for kind in (TensorProto.INT32, TensorProto.INT64):
        model = model_of(
            "Multinomial",
            [("x", TensorProto.FLOAT, ["n", "c"])],
            kind,
            seed=3.0,
            sample_size=20000,
            dtype=kind,
        )
        (y,) = lathe.compile(model, cache=False)(x)
        assert y.dtype == helper.tensor_dtype_to_np_dtype(kind) and y.shape == (2, 20000)
        shares = np.stack([np.bincount(row, minlength=4) / 20000 for row in y])
        assert shares[0, 1] == 0 and (y[1] == 3).all()
        np.testing.assert_allclose(shares, p, atol=0.02)


def dropout(training: bool, ratio: float, seed: int | None) -> ModelProto:
    infos = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", "m"]),
        helper.make_tensor_value_info("ratio", TensorProto.FLOAT, []),
        helper.make_tensor_value_info("training", TensorProto.BOOL, []),
    ]
    attributes: dict[str, Any] = {} if seed is None else {"seed": seed}
    node = helper.make_node("Dropout", ["x", "ratio", "training"], ["y", "mask"], **attributes)
    outputs = [
        helper.make_tensor_value_info("y", TensorProto.FLOAT, None),
        helper.make_tensor_value_info("mask", TensorProto.BOOL, None),
    ]
    constants = [
        helper.make_tensor("ratio", TensorProto.FLOAT, [], [ratio]),
        helper.make_tensor("training", TensorProto.BOOL, [], [training]),
    ]
    graph = helper.make_graph([node], "g", infos[:1], outputs, constants)
    open_graph = helper.make_graph([node], "g", infos, outputs)
    return helper.make_model(
        graph if ratio >= 0 else open_graph,
        opset_imports=[helper.make_opsetid("", 22)],
        ir_version=10,
    )


@pytest.mark.parametrize("seed", [None, 0, 7])
def test_dropout_in_training(seed: int | None) -> None:
    x = np.linspace(1, 2, 40000, dtype=np.float32).reshape(200, 200)
    y, mask = lathe.compile(dropout(True, 0.25, seed), cache=False)(x)
    assert abs(mask.mean() - 0.75) < 0.02
    np.testing.assert_allclose(y, np.where(mask, x / 0.75, 0), rtol=1e-6)


def test_dropout_decides_in_the_call() -> None:
    x = np.linspace(1, 2, 10000, dtype=np.float32).reshape(100, 100)
    compiled = lathe.compile(dropout(True, -1, 3), cache=False)
    y, mask = compiled(x, np.array(0.5, np.float32), np.array(False))
    assert mask.all() and (y == x).all()
    y, mask = compiled(x, np.array(0.5, np.float32), np.array(True))
    assert abs(mask.mean() - 0.5) < 0.05
    np.testing.assert_allclose(y, np.where(mask, x * 2, 0), rtol=1e-6)


def test_bad_attributes_are_errors() -> None:
    with pytest.raises(lathe.CompileError, match="onnx-unsupported-attribute"):
        lathe.compile(
            model_of("RandomNormal", [], TensorProto.FLOAT, shape=[2], dtype=TensorProto.INT32),
            cache=False,
        )
    with pytest.raises(lathe.CompileError, match="onnx-shape-mismatch"):
        lathe.compile(model_of("RandomUniform", [], TensorProto.FLOAT, shape=[-2]), cache=False)
    with pytest.raises(lathe.CompileError, match="onnx-dropout-ratio"):
        lathe.compile(dropout(True, 1.5, 1), cache=False)
