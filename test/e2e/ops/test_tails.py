# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What follows a root, of whatever type it is, costs no parallelism and no accuracy."""

from __future__ import annotations

import functools
import pathlib
import re
from dataclasses import dataclass, field
from typing import Any

import lathe
import numpy as np
import onnx
import onnxruntime
import pytest
from gpu_driver import LATHE, run
from onnx import TensorProto, helper, numpy_helper
from oracle import Array, Random

random = Random(5)
Nodes = list[onnx.NodeProto]
make = helper.make_node
SOURCES = pathlib.Path(__file__).resolve().parents[3] / "lib" / "Strategies"


@dataclass
class Root:
    """What computes "p" of the inputs."""

    nodes: Nodes
    inputs: dict[str, Array]
    constants: dict[str, Array] = field(default_factory=dict)
    free: dict[str, list[int | str]] | None = None  # The dims of the inputs where they are open.


def halves(*shape: int) -> Array:
    """Numbers of 16 bits whose sums of some hundreds are of middling size."""
    return (random.floats(*shape) / np.float32(16)).astype(np.float16)


def attention(dtype: type) -> Root:
    """The nodes as exporters write them; the result is f32."""
    nodes = [
        make("Transpose", ["k"], ["kt"], perm=[0, 1, 3, 2]),
        make("MatMul", ["x", "kt"], ["scores"]),
        make("Mul", ["scores", "factor"], ["scaled"]),
        make("Softmax", ["scaled"], ["weights"]),
        make("MatMul", ["weights", "v"], ["sums"]),
        make("Cast", ["sums"], ["p"], to=TensorProto.FLOAT),
    ]
    inputs: dict[str, Array] = {
        name: random.floats(2, 8, 128, 64).astype(dtype) for name in ("x", "k", "v")
    }
    return Root(nodes, inputs, {"factor": np.array(0.125, dtype)})


def half_product(size: int) -> Root:
    """A product of f16, whose result is cast to f32."""
    nodes = [make("MatMul", ["x", "w"], ["h"]), make("Cast", ["h"], ["p"], to=TensorProto.FLOAT)]
    return Root(nodes, {"x": halves(size, 256)}, {"w": halves(256, size)})


IMAGE: list[int | str] = ["n", 64, "h", "w"]

ROOTS: dict[str, Root] = {
    "gemm": Root(
        [make("MatMul", ["x", "w"], ["p"])],
        {"x": random.floats(512, 256)},
        {"w": random.floats(256, 512) / np.float32(16)},
        free={"x": ["n", 256]},
    ),
    # Sums so long that they are kept in the output from block to block, which must
    # then be of their type: another one is a second phase.
    "deep": Root(
        [make("MatMul", ["x", "w"], ["p"])],
        {"x": random.floats(128, 3000)},
        {"w": random.floats(3000, 256) / np.float32(55)},
        free={"x": ["n", 3000]},
    ),
    "batched": Root(
        [make("MatMul", ["x", "y"], ["p"])],
        {"x": random.floats(12, 128, 64) / np.float32(8), "y": random.floats(12, 64, 128)},
        free={"x": ["b", "r", 64], "y": ["b", 64, "c"]},
    ),
    "winograd": Root(
        [make("Conv", ["x", "w"], ["p"])],
        {"x": random.floats(1, 64, 58, 58) / np.float32(24)},
        {"w": random.floats(64, 64, 3, 3)},
        free={"x": IMAGE},
    ),
    "conv": Root(
        [make("Conv", ["x", "w"], ["p"], dilations=[2, 2])],
        {"x": random.floats(1, 64, 60, 60) / np.float32(24)},
        {"w": random.floats(64, 64, 3, 3)},
        free={"x": IMAGE},
    ),
    "depthwise": Root(
        [make("Conv", ["x", "w"], ["p"], group=64)],
        {"x": random.floats(1, 64, 58, 58) / np.float32(3)},
        {"w": random.floats(64, 1, 3, 3)},
        free={"x": IMAGE},
    ),
    "rows": Root(
        [make("Softmax", ["x"], ["s"]), make("Mul", ["s", "n"], ["p"])],
        {"x": random.floats(512, 256)},
        {"n": np.array(100, np.float32)},
        free={"x": ["r", "c"]},
    ),
    "1x1": Root(
        [make("Conv", ["x", "w"], ["p"])],
        {"x": random.floats(1, 64, 56, 56) / np.float32(8)},
        {"w": random.floats(64, 64, 1, 1)},
    ),
    "half": half_product(512),
    "large half": half_product(2048),
    "bytes": Root(
        [
            make("MatMulInteger", ["x", "w"], ["i"]),
            make("Cast", ["i"], ["f"], to=TensorProto.FLOAT),
            make("Mul", ["f", "n"], ["p"]),
        ],
        {"x": random.integers(0, 100, (512, 256), np.uint8)},
        {"w": random.integers(-60, 60, (256, 512), np.int8), "n": np.array(1e-4, np.float32)},
    ),
    "codes": Root(
        [
            make("DequantizeLinear", ["codes", "scales", "zeros"], ["w"], axis=1),
            make("MatMul", ["x", "w"], ["p"]),
        ],
        {"x": random.floats(64, 512) / np.float32(16)},
        {
            "codes": random.integers(0, 255, (512, 512), np.uint8),
            "scales": np.abs(random.floats(512)) / np.float32(64),
            "zeros": np.full(512, 128, np.uint8),
        },
    ),
    "attention": attention(np.float32),
    "half attention": attention(np.float16),
    "transpose": Root(
        [make("Transpose", ["x"], ["p"], perm=[0, 2, 1])], {"x": random.floats(4, 512, 256)}
    ),
    "pad": Root(
        [make("Pad", ["x", "amounts"], ["p"])],
        {"x": random.floats(4, 56, 56, 64)},
        {"amounts": np.array([0, 1, 1, 0, 0, 1, 1, 0], np.int64)},
    ),
    # Whose loops are over other dims than those of the result.
    "resize": Root(
        [make("Resize", ["x", "", "scales"], ["p"], mode="nearest")],
        {"x": random.floats(1, 64, 28, 28)},
        {"scales": np.array([1, 1, 2, 2], np.float32)},
    ),
    "instance norm": Root(
        [make("InstanceNormalization", ["x", "g", "b"], ["p"])],
        {"x": random.floats(2, 64, 56, 56)},
        {"g": random.floats(64), "b": random.floats(64)},
    ),
    "concat": Root(
        [make("Concat", ["x", "y"], ["p"], axis=1)],
        {"x": random.floats(64, 100, 64), "y": random.floats(64, 28, 64)},
    ),
}
V3, AMX, SM_80, SM_90A = "x86_64:v3", "x86_64:amx", "cuda:sm_80", "cuda:sm_90a"

# Targets, roots, and the strategies that compute them where nothing follows.
STRATEGIES = [
    (V3, "gemm", "cpu.gemm.packed"),
    (V3, "deep", "cpu.gemm.packed"),
    (V3, "1x1", "cpu.gemm.packed"),
    (V3, "half", "cpu.gemm.packed"),
    (V3, "bytes", "cpu.gemm.packed"),
    (V3, "codes", "cpu.gemm.packed"),
    (V3, "batched", "cpu.gemm.batched"),
    (V3, "winograd", "cpu.conv.winograd"),
    (V3, "conv", "cpu.conv.direct"),
    (V3, "depthwise", "cpu.conv.depthwise"),
    (V3, "attention", "cpu.attention"),
    (V3, "transpose", "cpu.transpose"),
    (V3, "pad", "cpu.pad"),
    (V3, "rows", "cpu.loops"),
    (V3, "resize", "cpu.loops"),
    (V3, "instance norm", "cpu.loops"),
    (V3, "concat", "cpu.loops"),
    (AMX, "half", "cpu.gemm.packed"),
    (AMX, "bytes", "cpu.gemm.packed"),
    (SM_80, "gemm", "gpu.product.fma"),
    (SM_80, "conv", "gpu.product.fma"),
    (SM_80, "half", "gpu.product.mma"),
    (SM_80, "bytes", "gpu.product.mma"),
    (SM_80, "half attention", "gpu.attention"),
    (SM_80, "rows", "gpu.rows"),
    (SM_80, "transpose", "gpu.transpose"),
    (SM_80, "depthwise", "gpu.loops"),
    (SM_90A, "half", "gpu.product.wgmma"),
    (SM_90A, "large half", "gpu.product.tma"),
]

# What follows, from "p" to "q".
TAILS: dict[str, tuple[Nodes, dict[str, Array]]] = {
    "nothing": ([make("Identity", ["p"], ["q"])], {}),
    "relu": ([make("Relu", ["p"], ["q"])], {}),
    "quantize": (
        [make("QuantizeLinear", ["p", "scale", "zero"], ["q"])],
        {"scale": np.array(0.05, np.float32), "zero": np.array(7, np.uint8)},
    ),
    "half": ([make("Cast", ["p"], ["q"], to=TensorProto.FLOAT16)], {}),
    "relu after half": (
        [make("Cast", ["p"], ["h16"], to=TensorProto.FLOAT16), make("Relu", ["h16"], ["q"])],
        {},
    ),
    "compare": ([make("Greater", ["p", "limit"], ["q"])], {"limit": np.array(0.25, np.float32)}),
    "mask": ([make("Where", ["m", "p", "low"], ["q"])], {"low": np.array(-1e9, np.float32)}),
    "double": ([make("Cast", ["p"], ["q"], to=TensorProto.DOUBLE)], {}),
    "long": (
        [
            make("Gelu", ["p"], ["g1"]),
            make("Tanh", ["g1"], ["t1"]),
            make("Cast", ["t1"], ["q"], to=TensorProto.FLOAT16),
        ],
        {},
    ),
}
PRODUCTS = ("gemm", "deep", "batched", "winograd", "conv", "depthwise", "rows")
SHORT_TAILS = ("quantize", "half", "compare", "mask")


def result_shape(root: Root) -> list[int]:
    """The sizes of "p"."""
    inputs = [
        helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
        )
        for name, array in root.inputs.items()
    ]
    constants = [numpy_helper.from_array(array, name) for name, array in root.constants.items()]
    output = helper.make_empty_tensor_value_info("p")
    graph = helper.make_graph(root.nodes, "root", inputs, [output], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph.output[0]
    return [dim.dim_value for dim in inferred.type.tensor_type.shape.dim]


def build(name: str, tail: str, free: bool = False) -> tuple[onnx.ModelProto, dict[str, Array]]:
    """The model, and its inputs; with `free`, sizes of inputs are open."""
    root = ROOTS[name]
    after, more = TAILS[tail]
    given = dict(root.inputs)
    declared: dict[str, Any] = {key: array.shape for key, array in given.items()}
    if free:
        assert root.free
        declared = dict(root.free)
    if tail == "mask":
        given["m"] = random.integers(0, 2, result_shape(root), np.bool_)
        declared["m"] = [f"m{i}" for i in range(given["m"].ndim)] if free else given["m"].shape
    graph = helper.make_graph(
        root.nodes + after,
        "tail",
        [
            helper.make_tensor_value_info(
                key, helper.np_dtype_to_tensor_dtype(array.dtype), declared[key]
            )
            for key, array in given.items()
        ],
        [helper.make_empty_tensor_value_info("q")],
        [numpy_helper.from_array(a, n) for n, a in {**root.constants, **more}.items()],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9
    ), given


@functools.cache
def tasks_of(
    folder: pathlib.Path, target: str, root: str, tail: str
) -> list[tuple[str, list[int]]]:
    """The kernels of the model, each with its strategy and the tasks of each of its phases."""
    path = folder / "model.onnx"
    path.write_bytes(build(root, tail)[0].SerializeToString())
    done = run({}, LATHE, "compile", path, "--target", target, "--stop-after", "codegen")
    assert done.returncode == 0, done.stderr
    counts = {
        name: int(number)
        for name, number in re.findall(
            r"llvm\.func @([^\s(]+)\([^)]*\) -> i64 .*\{"
            r"\s*%\S+ = llvm\.mlir\.constant\((\d+) : index\)[^\n]*\n\s*llvm\.return",
            done.stdout,
        )
    }
    kernels = []
    for entry in re.findall(r"kernel\.entry @.*", done.stdout):
        (strategy,) = re.findall(r'#kernel\.strategy<"([^"]+)"', entry)
        kernels.append((strategy, [counts[n] for n in re.findall(r"tasks = @([^,]+),", entry)]))
    return kernels


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("tails")


def test_each_strategy_is_here() -> None:
    defined = {
        name
        for path in SOURCES.glob("*PU/*.cpp")
        for name in re.findall(r'^const Strategy .* = \{"([^"]+)"', path.read_text(), re.M)
    }
    assert len(defined) > 10
    assert {strategy for _, _, strategy in STRATEGIES} == defined


@pytest.mark.parametrize(("target", "root", "strategy"), STRATEGIES)
@pytest.mark.parametrize("tail", [tail for tail in TAILS if tail not in ("nothing", "double")])
def test_tasks(folder: pathlib.Path, target: str, root: str, strategy: str, tail: str) -> None:
    """No kernel is one task, and the root has as many as without a tail."""
    (plain,) = [
        tasks for name, tasks in tasks_of(folder, target, root, "nothing") if name == strategy
    ]
    assert min(plain) > 1
    kernels = tasks_of(folder, target, root, tail)
    for name, tasks in kernels:
        assert min(tasks) > 1, kernels
        # One phase, but where a second one is the way.
        if name.startswith("cpu.") and root not in ("deep", "resize", "concat"):
            assert len(tasks) == 1, kernels
    found = [tasks for name, tasks in kernels if name == strategy]
    if root == "pad":  # Loops, which pad on the way.
        assert not found
    else:
        assert len(found) == 1, kernels
        assert max(found[0]) >= min(plain) or root == "transpose", kernels


@pytest.mark.parametrize(
    ("root", "tail", "free"),
    [(root, tail, free) for root in PRODUCTS for tail in TAILS for free in (False, True)]
    + [(root, tail, False) for root in ROOTS if root not in PRODUCTS for tail in SHORT_TAILS],
)
def test_values(root: str, tail: str, free: bool) -> None:
    """The right numbers, the same on one thread and on several."""
    model, inputs = build(root, tail, free)
    compiled = lathe.compile(model, cache=False)
    results = [compiled.with_threads(threads).run(inputs)["q"] for threads in (1, 3)]
    np.testing.assert_array_equal(results[0], results[1])
    # As it is written: optimized, products with weights in codes round their left side to bytes.
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    right = session.run(None, inputs)[0]
    found: Any = results[0]
    assert found.dtype == right.dtype
    # Sums of f16 are rounded once here, and ONNX Runtime rounds what it computes on the way.
    is_half = any(array.dtype == np.float16 for array in inputs.values())
    if found.dtype == np.bool_:
        assert np.mean(found != right) < (1e-3 if is_half else 1e-4)
    elif found.dtype == np.uint8:  # A tie of rounding may fall either way.
        assert np.abs(found.astype(int) - right.astype(int)).max() <= 1
        assert np.mean(found != right) < (1e-2 if is_half else 1e-3)
    else:
        tolerance = 2e-3 if found.dtype == np.float16 or is_half else 1e-4
        np.testing.assert_allclose(found, right, rtol=tolerance, atol=tolerance)
