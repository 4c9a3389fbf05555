# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares what several parts of the compiler decide together with ONNX Runtime."""

from __future__ import annotations

import math
import pathlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import lathe
import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

Array = npt.NDArray[Any]
Shape = tuple[int | str, ...]
Tolerance = tuple[float, float]  # Relative, absolute.

F32: Tolerance = (1e-5, 1e-5)
F16: Tolerance = (4e-3, 4e-3)
EXACT: Tolerance = (0.0, 0.0)


class Model:
    """An ONNX model under construction."""

    def __init__(self, seed: int = 0) -> None:
        """Start without nodes; constants are drawn from `seed`."""
        self.random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, shape: Shape, dtype: npt.DTypeLike = np.float32) -> str:
        """Declare an input; strings in `shape` are free sizes."""
        element = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        self.inputs.append(helper.make_tensor_value_info(name, element, list(shape)))
        return name

    def constant(self, value: npt.ArrayLike) -> str:
        """Add a constant."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def weights(self, *shape: int, dtype: npt.DTypeLike = np.float32) -> str:
        """Add a constant of random numbers, scaled so that sums of products stay near one."""
        scale = 1 / math.sqrt(max(1, math.prod(shape[1:])))
        return self.constant((self.random.standard_normal(shape) * scale).astype(dtype))

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output."""
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], name=name, **attributes))
        return name

    def conv(self, x: str, channels: int, out: int, side: int = 1, **attributes: Any) -> str:
        """Add a convolution that keeps the size, with a bias."""
        pads = [side // 2] * 4
        groups = attributes.get("group", 1)
        return self.node(
            "Conv",
            x,
            self.weights(out, channels // groups, side, side),
            self.weights(out),
            pads=pads,
            **attributes,
        )

    def build(self, *outputs: str) -> bytes:
        """Finish the model."""
        graph = helper.make_graph(
            self.nodes,
            "numerics",
            self.inputs,
            [helper.make_empty_tensor_value_info(name) for name in outputs],
            self.constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
        inferred: onnx.ModelProto = onnx.shape_inference.infer_shapes(model)
        return bytes(inferred.SerializeToString())


Builder = Callable[[Model], str]


@dataclass
class Case:
    """A model, and the sizes with which it is called: for each call, one shape per input."""

    build: Builder
    calls: list[list[tuple[int, ...]]]
    tolerance: Tolerance = F32


def values(model: bytes, shapes: list[tuple[int, ...]], seed: int) -> dict[str, Array]:
    """Inputs of the given shapes, in the element types of the model."""
    random = np.random.default_rng(seed)
    result: dict[str, Array] = {}
    declared = onnx.load_from_string(model).graph.input
    for value, shape in zip(declared, shapes, strict=True):
        dtype = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        if dtype.kind == "f":
            result[value.name] = random.standard_normal(shape).astype(dtype)
        elif dtype.kind == "b":
            result[value.name] = random.random(shape) > 0.5
        else:
            result[value.name] = random.integers(-9 if dtype.kind == "i" else 0, 9, shape).astype(
                dtype
            )
    return result


def expected(model: bytes, inputs: dict[str, Array]) -> Array:
    """What ONNX Runtime computes."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, inputs)[0])


# Fusion.


def epilogue(m: Model) -> str:
    x = m.input("x", ("n", 24))
    y = m.node("Gemm", x, m.weights(24, 40), m.weights(40))
    y = m.node("Mul", m.node("Sigmoid", y), y)
    return m.node("Add", y, m.constant(np.float32(0.5)))


def residual_epilogue(m: Model) -> str:
    x = m.input("x", (1, 8, "h", "w"))
    y = m.node("Relu", m.conv(x, 8, 8, 3))
    return m.node("Relu", m.node("Add", m.conv(y, 8, 8, 3), x))


def into_reduction(m: Model) -> str:
    x = m.input("x", ("n", "k"))
    y = m.node("Exp", m.node("Mul", x, m.constant(np.float32(0.5))))
    y = m.node("ReduceSum", m.node("Add", y, x), m.constant(np.array([1])), keepdims=1)
    return m.node("Sqrt", m.node("Abs", y))


def shared_value(m: Model) -> str:
    x = m.input("x", ("n", 7))
    y = m.node("Tanh", x)
    left, right = m.node("ReduceMax", y, m.constant(np.array([1]))), m.node("Softmax", y, axis=1)
    return m.node("Div", right, m.node("Add", left, m.constant(np.float32(3))))


def normalized(m: Model) -> str:
    x = m.input("x", ("n", 5, 33))
    y = m.node("LayerNormalization", x, m.weights(33), m.weights(33), axis=-1, epsilon=1e-5)
    return m.node("Gelu", y)


def attention(m: Model) -> str:
    x = m.input("x", (2, "t", 16))
    q, k, v = (m.node("MatMul", x, m.weights(16, 16)) for _ in range(3))
    scores = m.node("MatMul", q, m.node("Transpose", k, perm=[0, 2, 1]))
    scores = m.node("Softmax", m.node("Mul", scores, m.constant(np.float32(0.25))), axis=-1)
    return m.node("MatMul", scores, v)


# Layouts.


def squeeze_and_excite(m: Model) -> str:
    x = m.conv(m.input("x", ("n", 6, 9, 9)), 6, 8, 3)
    y = m.node("Relu", m.conv(m.node("GlobalAveragePool", x), 8, 4))
    return m.node("Mul", x, m.node("HardSigmoid", m.conv(y, 4, 8)))


def batch_norm(m: Model) -> str:
    x = m.conv(m.input("x", (1, 3, "h", 10)), 3, 5, 3)
    variance = m.constant(np.linspace(0.5, 2, 5, dtype=np.float32))
    y = m.node("BatchNormalization", x, m.weights(5), m.weights(5), m.weights(5), variance)
    return m.node("Clip", y, m.constant(np.float32(0)), m.constant(np.float32(6)))


def depthwise(m: Model) -> str:
    x = m.input("x", ("n", 16, 11, 13))
    y = m.conv(x, 16, 16, 3, group=16)
    return m.conv(m.node("HardSwish", y), 16, 20, 1, strides=[2, 2])


def grouped(m: Model) -> str:
    return m.node("Relu", m.conv(m.input("x", ("n", 8, 6, 6)), 8, 12, 3, group=4))


def concat_of_layouts(m: Model) -> str:
    x = m.input("x", (1, 4, "h", "h"))
    a, b = m.conv(x, 4, 3, 3), m.node("MaxPool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    return m.node("Sigmoid", m.node("Concat", a, b, x, axis=1))


def flattened(m: Model) -> str:
    y = m.node("Relu", m.conv(m.input("x", ("n", 3, 6, 7)), 3, 4, 3))
    return m.node("Gemm", m.node("Flatten", y), m.weights(4 * 6 * 7, 10), m.weights(10))


def upsampled(m: Model) -> str:
    y = m.conv(m.input("x", (1, 3, "h", 5)), 3, 4, 3)
    scales = m.constant(np.array([1, 1, 2, 2], np.float32))
    y = m.node(
        "Resize",
        y,
        "",
        scales,
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )
    return m.conv(y, 4, 2, 3)


def transposed(m: Model) -> str:
    x = m.input("x", ("n", 4, 5, 5))
    y = m.node("ConvTranspose", x, m.weights(4, 3, 2, 2), strides=[2, 2])
    return m.node(
        "AveragePool", y, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1
    )


def one_spatial_dim(m: Model) -> str:
    x = m.input("x", ("n", 4, "l"))
    y = m.node("Conv", x, m.weights(4, 4, 3), pads=[1, 1])
    y = m.node("Add", m.node("Relu", y), x)
    return m.node("ReduceMean", y, m.constant(np.array([2])), keepdims=0)


# Shapes, constants, types.


def constant_arithmetic(m: Model) -> str:
    x = m.input("x", ("n", 6))
    table = m.node("Softmax", m.weights(6, 6), axis=0)
    table = m.node("Transpose", m.node("CumSum", table, m.constant(np.array(0))), perm=[1, 0])
    return m.node("MatMul", x, table)


def shape_arithmetic(m: Model) -> str:
    x = m.input("x", ("n", "k", 4))
    shape = m.node("Shape", x)
    rows = m.node(
        "Mul",
        m.node("Gather", shape, m.constant(np.array([0]))),
        m.node("Gather", shape, m.constant(np.array([1]))),
    )
    return m.node("Reshape", x, m.node("Concat", rows, m.constant(np.array([-1])), axis=0))


def clamped_slice(m: Model) -> str:
    x = m.input("x", ("n", 8))
    return m.node(
        "Slice",
        x,
        m.constant(np.array([-3])),
        m.constant(np.array([100])),
        m.constant(np.array([0])),
    )


def reversed_slice(m: Model) -> str:
    x = m.input("x", ("n", 8))
    low = m.constant(np.array([-(2**62)]))
    return m.node(
        "Slice",
        x,
        m.constant(np.array([-1])),
        low,
        m.constant(np.array([0])),
        m.constant(np.array([-1])),
    )


def positions(m: Model) -> str:
    x, i = m.input("x", (9, "k")), m.input("i", ("n",), np.int64)
    return m.node("Mul", m.node("Gather", x, i), m.constant(np.float32(2)))


def half(m: Model) -> str:
    x = m.input("x", ("n", 20), np.float16)
    y = m.node("MatMul", x, m.weights(20, 12, dtype=np.float16))
    return m.node("Softmax", m.node("Add", y, m.weights(12, dtype=np.float16)), axis=1)


def half_conv(m: Model) -> str:
    x = m.input("x", (1, 4, "h", 8), np.float16)
    y = m.node("Conv", x, m.weights(8, 4, 3, 3, dtype=np.float16), pads=[1, 1, 1, 1])
    return m.node("Relu", y)


def integers(m: Model) -> str:
    x, y = m.input("x", ("n", 5), np.int32), m.input("y", (5,), np.int32)
    z = m.node("Sub", m.node("Mul", x, y), m.constant(np.int32(3)))
    return m.node(
        "ReduceMax", m.node("Where", m.node("Less", z, y), x, z), m.constant(np.array([1]))
    )


def small_integers(m: Model) -> str:
    x, y = m.input("x", ("n", 5), np.uint8), m.input("y", ("n", 1), np.uint8)
    return m.node(
        "BitwiseXor", m.node("BitShift", x, y, direction="LEFT"), m.constant(np.uint8(90))
    )


def ranged(m: Model) -> str:
    x = m.input("x", ("n", 3))
    size = m.node("Gather", m.node("Shape", x), m.constant(np.array(0)))
    order = m.node("Range", m.constant(np.array(0)), size, m.constant(np.array(1)))
    return m.node(
        "Add",
        x,
        m.node("Unsqueeze", m.node("Cast", order, to=TensorProto.FLOAT), m.constant(np.array([1]))),
    )


def emptied(m: Model) -> str:
    x = m.input("x", ("n", 4))
    y = m.node("Relu", m.node("Gemm", x, m.weights(4, 6), m.weights(6)))
    return m.node("ReduceSum", y, m.constant(np.array([0])), keepdims=0)


def rows(width: int, *counts: int) -> list[list[tuple[int, ...]]]:
    """One call for each number of rows."""
    return [[(count, width)] for count in counts]


CASES = {
    "epilogue": Case(epilogue, rows(24, 1, 5, 67)),
    "residual": Case(residual_epilogue, [[(1, 8, 4, 5)], [(1, 8, 1, 1)], [(1, 8, 17, 23)]]),
    "into_reduction": Case(into_reduction, [[(3, 4)], [(1, 100)], [(40, 1)]]),
    "shared_value": Case(shared_value, rows(7, 1, 2, 33)),
    "normalized": Case(normalized, [[(n, 5, 33)] for n in (1, 4, 9)], (1e-4, 1e-4)),
    "attention": Case(attention, [[(2, t, 16)] for t in (1, 7, 50)]),
    "squeeze_and_excite": Case(squeeze_and_excite, [[(n, 6, 9, 9)] for n in (1, 2, 5)]),
    "batch_norm": Case(batch_norm, [[(1, 3, h, 10)] for h in (1, 6, 31)]),
    "depthwise": Case(depthwise, [[(n, 16, 11, 13)] for n in (1, 2, 3)]),
    "grouped": Case(grouped, [[(n, 8, 6, 6)] for n in (1, 2, 3)]),
    "concat_of_layouts": Case(concat_of_layouts, [[(1, 4, h, h)] for h in (1, 6, 13)]),
    "flattened": Case(flattened, [[(n, 3, 6, 7)] for n in (1, 2, 8)]),
    "upsampled": Case(upsampled, [[(1, 3, h, 5)] for h in (1, 4, 9)]),
    "transposed": Case(transposed, [[(n, 4, 5, 5)] for n in (1, 2, 3)]),
    "one_spatial_dim": Case(one_spatial_dim, [[(1, 4, 3)], [(2, 4, 1)], [(3, 4, 50)]]),
    "constant_arithmetic": Case(constant_arithmetic, rows(6, 1, 4, 19)),
    "shape_arithmetic": Case(shape_arithmetic, [[(1, 1, 4)], [(2, 3, 4)], [(5, 9, 4)]], EXACT),
    "clamped_slice": Case(clamped_slice, rows(8, 1, 3, 20), EXACT),
    "reversed_slice": Case(reversed_slice, rows(8, 1, 3, 20), EXACT),
    "positions": Case(positions, [[(9, 2), (3,)], [(9, 1), (1,)], [(9, 40), (11,)]], EXACT),
    "half": Case(half, rows(20, 1, 6, 35), F16),
    "half_conv": Case(half_conv, [[(1, 4, h, 8)] for h in (1, 5, 12)], F16),
    "integers": Case(integers, [[(n, 5), (5,)] for n in (1, 4, 30)], EXACT),
    "small_integers": Case(small_integers, [[(n, 5), (n, 1)] for n in (1, 4, 30)], EXACT),
    "ranged": Case(ranged, rows(3, 1, 5, 40)),
    "emptied": Case(emptied, rows(4, 0, 1, 12)),
    "empty_positions": Case(positions, [[(9, 2), (0,)], [(9, 0), (3,)], [(9, 4), (2,)]], EXACT),
}


@pytest.mark.parametrize("name", CASES)
def test_against_onnxruntime(name: str) -> None:
    """One compiled model agrees for all sizes, and threads change no bit."""
    case = CASES[name]
    m = Model()
    model = m.build(case.build(m))
    one = lathe.compile(model, cache=False, threads=1)
    two = lathe.compile(model, cache=False, threads=2)
    for seed, shapes in enumerate(case.calls):
        inputs = values(model, shapes, seed)
        (y,) = one(*inputs.values())
        wanted = expected(model, inputs)
        assert (y.dtype, y.shape) == (wanted.dtype, wanted.shape)
        relative, absolute = case.tolerance
        np.testing.assert_allclose(y, wanted, rtol=relative, atol=absolute, err_msg=f"{shapes}")
        (again,) = two(*inputs.values())
        assert y.tobytes() == again.tobytes()


def test_fixed_dims_change_no_result() -> None:
    """Fixing one of two free dims, or both, computes what the free model does."""
    m = Model()
    x = m.input("x", ("n", "k"))
    model = m.build(m.node("Softmax", m.node("Relu", x), axis=1))
    inputs = values(model, [(3, 8)], 0)
    wanted = expected(model, inputs)
    for dims in ({"n": 3}, {"k": 8}, {"n": 3, "k": 8}):
        (y,) = lathe.compile(model, dims=dims, cache=False)(inputs["x"])
        np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-6)


def test_reversal_of_nothing() -> None:
    """A reversed slice of no rows has no rows."""
    m = Model()
    model = m.build(reversed_slice(m))
    (y,) = lathe.compile(model, cache=False)(np.zeros((0, 8), np.float32))
    assert y.shape == (0, 8)


def test_check_at_run_time() -> None:
    """Sizes that must agree but do not: the error names the node and both sizes."""
    m = Model()
    x, y = m.input("x", ("n", 4)), m.input("y", ("m", 4))
    compiled = lathe.compile(m.build(m.node("Add", x, y)), cache=False)
    (ok,) = compiled(np.ones((3, 4), np.float32), np.ones((3, 4), np.float32))
    assert (ok == 2).all()
    with pytest.raises(
        lathe.RuntimeError, match=r"v0.*must be equal, or one of them 1, but are 3 and 5"
    ):
        compiled(np.ones((3, 4), np.float32), np.ones((5, 4), np.float32))
    (again,) = compiled(np.ones((2, 4), np.float32), np.ones((2, 4), np.float32))
    assert again.shape == (2, 4)


def test_rows_that_do_not_divide() -> None:
    """A reshape that the sizes do not allow is found when the model is called."""
    m = Model()
    x = m.input("x", ("n",))
    compiled = lathe.compile(
        m.build(m.node("Reshape", x, m.constant(np.array([-1, 3])))), cache=False
    )
    (ok,) = compiled(np.arange(6, dtype=np.float32))
    assert ok.tolist() == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(lathe.RuntimeError, match="must be equal, but are 7 and 6"):
        compiled(np.arange(7, dtype=np.float32))


# What the vector units of x86 have: vectors of 4, 8 and 16 lanes, of which the last have masks.
UNITS = {
    "x86_64:v2": {"sse4_2"},
    "x86_64:v3": {"avx2", "fma"},
    "x86_64:v4": {"avx512f", "avx512bw", "avx512dq", "avx512vl"},
}


@pytest.mark.parametrize("target", UNITS)
@pytest.mark.parametrize("filters", [1, 16, 33, 64, 67])
@pytest.mark.parametrize("channels", [1, 3, 8, 21])
def test_filters_of_a_call(filters: int, channels: int, target: str) -> None:
    """Filters that no constant has are packed in squares, whole and partial panels of them."""
    if not UNITS[target] <= set(pathlib.Path("/proc/cpuinfo").read_text().split()):
        pytest.skip(f"the machine does not run {target}")
    m = Model()
    x, w = m.input("x", (1, channels, 9, "w")), m.input("f", (filters, channels, 3, 3))
    model = m.build(m.node("Relu", m.node("Conv", x, w, m.weights(filters), pads=[1, 1, 1, 1])))
    compiled = lathe.compile(model, target=target, cache=False)
    assert channels * filters < 16 or "tile.pack" in compiled.ir("schedule")
    for width in (1, 12):
        inputs = values(model, [(1, channels, 9, width), (filters, channels, 3, 3)], width)
        (y,) = compiled(*inputs.values())
        np.testing.assert_allclose(y, expected(model, inputs), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("target", UNITS)
def test_columns_of_a_call(target: str) -> None:
    """Columns whose number is open end in masks, which some vector units do slowly."""
    if not UNITS[target] <= set(pathlib.Path("/proc/cpuinfo").read_text().split()):
        pytest.skip(f"the machine does not run {target}")
    m = Model()
    a, b, c = m.input("a", ("m", "k")), m.input("b", ("k", "n")), m.input("c", ("n",))
    model = m.build(m.node("Relu", m.node("Add", m.node("MatMul", a, b), c)))
    compiled = lathe.compile(model, target=target, cache=False)
    for columns in (1, 7, 16, 31, 32, 33, 64, 75, 96, 128, 131):
        for row_count in (1, 3, 7, 13, 23, 45, 61):
            inputs = values(model, [(row_count, 19), (19, columns), (columns,)], columns)
            (y,) = compiled(*inputs.values())
            np.testing.assert_allclose(y, expected(model, inputs), rtol=1e-4, atol=1e-4)
