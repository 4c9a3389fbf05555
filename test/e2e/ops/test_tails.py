# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What follows a product, of whatever type it is, costs no parallelism and no accuracy."""

from __future__ import annotations

import re
from typing import Any

import lathe
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from oracle import Array, Random

random = Random(5)
Nodes = list[onnx.NodeProto]

# A root for each strategy, from "x" (and "y") to "p".
ROOTS: dict[str, tuple[str, Nodes, dict[str, Array], dict[str, Array]]] = {
    "gemm": (
        "cpu.gemm.packed",
        [helper.make_node("MatMul", ["x", "w"], ["p"])],
        {"x": random.floats(512, 256)},
        {"w": random.floats(256, 512) / np.float32(16)},
    ),
    # Sums so long that they are kept in the output from block to block, which must
    # then be of their type: another one is a second phase.
    "deep": (
        "cpu.gemm.packed",
        [helper.make_node("MatMul", ["x", "w"], ["p"])],
        {"x": random.floats(128, 3000)},
        {"w": random.floats(3000, 256) / np.float32(55)},
    ),
    "batched": (
        "cpu.gemm.batched",
        [helper.make_node("MatMul", ["x", "y"], ["p"])],
        {"x": random.floats(12, 128, 64) / np.float32(8), "y": random.floats(12, 64, 128)},
        {},
    ),
    "winograd": (
        "cpu.conv.winograd",
        [helper.make_node("Conv", ["x", "w"], ["p"])],
        {"x": random.floats(1, 64, 58, 58) / np.float32(24)},
        {"w": random.floats(64, 64, 3, 3)},
    ),
    "conv": (
        "cpu.conv.direct",
        [helper.make_node("Conv", ["x", "w"], ["p"], dilations=[2, 2])],
        {"x": random.floats(1, 64, 60, 60) / np.float32(24)},
        {"w": random.floats(64, 64, 3, 3)},
    ),
    "depthwise": (
        "cpu.conv.depthwise",
        [helper.make_node("Conv", ["x", "w"], ["p"], group=64)],
        {"x": random.floats(1, 64, 58, 58) / np.float32(3)},
        {"w": random.floats(64, 1, 3, 3)},
    ),
    "rows": (
        "cpu.loops",
        [helper.make_node("Softmax", ["x"], ["s"]), helper.make_node("Mul", ["s", "n"], ["p"])],
        {"x": random.floats(512, 256)},
        {"n": np.array(100, np.float32)},
    ),
}

# What follows, from "p" to "q"; the first is what the others are measured by.
TAILS: dict[str, tuple[Nodes, dict[str, Array]]] = {
    "relu": ([helper.make_node("Relu", ["p"], ["q"])], {}),
    "quantize": (
        [helper.make_node("QuantizeLinear", ["p", "scale", "zero"], ["q"])],
        {"scale": np.array(0.05, np.float32), "zero": np.array(7, np.uint8)},
    ),
    "half": ([helper.make_node("Cast", ["p"], ["q"], to=TensorProto.FLOAT16)], {}),
    "relu after half": (
        [
            helper.make_node("Cast", ["p"], ["h"], to=TensorProto.FLOAT16),
            helper.make_node("Relu", ["h"], ["q"]),
        ],
        {},
    ),
    "compare": (
        [helper.make_node("Greater", ["p", "limit"], ["q"])],
        {"limit": np.array(0.25, np.float32)},
    ),
    "mask": (
        [helper.make_node("Where", ["m", "p", "low"], ["q"])],
        {"low": np.array(-1e9, np.float32)},
    ),
    "double": ([helper.make_node("Cast", ["p"], ["q"], to=TensorProto.DOUBLE)], {}),
    "long": (
        [
            helper.make_node("Gelu", ["p"], ["g"]),
            helper.make_node("Tanh", ["g"], ["t"]),
            helper.make_node("Cast", ["t"], ["q"], to=TensorProto.FLOAT16),
        ],
        {},
    ),
}


def build(root: str, tail: str, free: bool) -> tuple[onnx.ModelProto, dict[str, Array]]:
    """The model, and its inputs; with `free`, no size of an input is known but channels."""
    _, nodes, inputs, constants = ROOTS[root]
    after, more = TAILS[tail]
    given = dict(inputs)
    if tail == "mask":
        bare = helper.make_graph(
            nodes,
            "root",
            [
                helper.make_tensor_value_info(n, TensorProto.FLOAT, a.shape)
                for n, a in inputs.items()
            ],
            [helper.make_empty_tensor_value_info("p")],
            [numpy_helper.from_array(a, n) for n, a in constants.items()],
        )
        shape = (
            onnx.shape_inference.infer_shapes(
                helper.make_model(bare, opset_imports=[helper.make_opsetid("", 20)])
            )
            .graph.output[0]
            .type.tensor_type.shape
        )
        dims = [d.dim_value for d in shape.dim]
        given["m"] = random.integers(0, 2, dims, np.bool_)
    declared = {
        name: [
            f"{name}{i}"
            if free
            and not (root in ("winograd", "conv", "depthwise") and i == 1)
            and not (root in ("gemm", "deep") and i == 1)
            else size
            for i, size in enumerate(array.shape)
        ]
        for name, array in given.items()
    }
    if free and root == "batched":
        declared["x"], declared["y"] = ["b", "r", 64], ["b", 64, "c"]
    graph = helper.make_graph(
        nodes + after,
        "tail",
        [
            helper.make_tensor_value_info(
                name, helper.np_dtype_to_tensor_dtype(array.dtype), declared[name]
            )
            for name, array in given.items()
        ],
        [helper.make_empty_tensor_value_info("q")],
        [numpy_helper.from_array(a, n) for n, a in {**constants, **more}.items()],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9
    ), given


def tasks_of(model: onnx.ModelProto, strategy: str) -> list[int]:
    """The tasks of each phase of the kernel that `strategy` computes."""
    text = lathe.compile(model, cache=False, target="x86_64:v3").ir("codegen")
    counts = {
        name: int(number)
        for name, number in re.findall(
            r"llvm\.func @([^\s(]+)\([^)]*\) -> i64 .*\{"
            r"\s*%\S+ = llvm\.mlir\.constant\((\d+) : index\)[^\n]*\n\s*llvm\.return",
            text,
        )
    }
    entries = [e for e in re.findall(r"kernel\.entry @.*", text) if f'"{strategy}"' in e]
    assert len(entries) == 1, entries
    return [counts[name] for name in re.findall(r"tasks = @([^,]+),", entries[0])]


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize("tail", TAILS)
def test_tasks(root: str, tail: str) -> None:
    """A tail of any type leaves as many tasks as one of floats."""
    strategy = ROOTS[root][0]
    plain = tasks_of(build(root, "relu", free=False)[0], strategy)
    assert min(plain) > 1
    tasks = tasks_of(build(root, tail, free=False)[0], strategy)
    assert tasks[0] >= min(plain)
    # One phase, but where a second one is the way, which has tasks of its own.
    assert len(tasks) <= (2 if root == "deep" else 1)
    assert min(tasks[1:], default=16) >= 16


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("free", [False, True])
def test_values(root: str, tail: str, free: bool) -> None:
    """The right numbers, the same on one thread and on several."""
    model, inputs = build(root, tail, free)
    compiled = lathe.compile(model, cache=False)
    results = [compiled.with_threads(threads).run(inputs)["q"] for threads in (1, 3)]
    np.testing.assert_array_equal(results[0], results[1])
    right = onnxruntime.InferenceSession(model.SerializeToString()).run(None, inputs)[0]
    found: Any = results[0]
    assert found.dtype == right.dtype
    if found.dtype == np.bool_:
        assert np.mean(found != right) < 1e-4
    elif found.dtype == np.uint8:  # A tie of rounding may fall either way.
        assert np.abs(found.astype(int) - right.astype(int)).max() <= 1
        assert np.mean(found != right) < 1e-3
    else:
        tolerance = 2e-3 if found.dtype == np.float16 else 1e-4
        np.testing.assert_allclose(found, right, rtol=tolerance, atol=tolerance)
