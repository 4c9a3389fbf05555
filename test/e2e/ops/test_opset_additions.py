# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators that ONNX Runtime lacks or computes alike, compared with numpy and ONNX's reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lathe
import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper
from onnx.reference import ReferenceEvaluator
from oracle import Array, Random

random = Random(11)


def model_of(
    op: str,
    inputs: dict[str, Array],
    outputs: list[str],
    domain: str = "",
    opset: int = 27,
    free: bool = False,
    **attributes: Any,
) -> ModelProto:
    """A model of one node; with `free`, all sizes are known at run time only."""
    node = helper.make_node(op, list(inputs), outputs, domain=domain, **attributes)
    infos = [
        helper.make_tensor_value_info(
            name,
            helper.np_dtype_to_tensor_dtype(x.dtype),
            [f"{name}{d}" for d in range(x.ndim)] if free else x.shape,
        )
        for name, x in inputs.items()
    ]
    results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    graph = helper.make_graph([node], "g", infos, results)
    opsets = [helper.make_opsetid("", opset)]
    if domain:
        opsets.append(helper.make_opsetid(domain, 1))
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def f32(*shape: int) -> Array:
    return random.floats(*shape)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 8, 20])
@pytest.mark.parametrize("free", [False, True])
def test_determinants(size: int, free: bool) -> None:
    x = f32(3, 2, size, size)
    if size > 1:
        x[0, 0, 0] = 0  # A row of zeros.
        x[0, 1, :, 0] = x[0, 1, :, 1]  # Equal columns.
        x[1, 0, 0, 0] = 0  # The pivot is below.
    compiled = lathe.compile(model_of("Det", {"x": x}, ["y"], opset=22, free=free), cache=False)
    (y,) = compiled(x)
    right = np.linalg.det(x.astype(np.float64))
    assert y.shape == (3, 2) and y.dtype == np.float32
    np.testing.assert_allclose(
        y, right, rtol=2e-4, atol=1e-5 * max(1.0, float(np.abs(right).max()))
    )


def test_a_matrix_has_one_determinant() -> None:
    (y,) = lathe.compile(model_of("Det", {"x": f32(2, 2)}, ["y"]), cache=False)(
        np.array([[1, 2], [3, 4]], np.float32)
    )
    assert y.shape == () and abs(float(y) + 2) < 1e-6
    with pytest.raises(lathe.CompileError, match="onnx-shape-mismatch"):
        lathe.compile(model_of("Det", {"x": f32(2, 3)}, ["y"]), cache=False)


@pytest.mark.parametrize("rule", ["linear", "gated", "delta", "gated_delta"])
def test_linear_attention_over_two_calls(rule: str) -> None:
    """The state of the first half makes the second half what it is in one call."""
    inputs = {"q": f32(2, 6, 8), "k": f32(2, 6, 4) / 2, "v": f32(2, 6, 6)}
    names = ["q", "k", "v", "past"]
    if rule.startswith("gated"):
        inputs["g"] = -np.abs(f32(2, 6, 2))
    if rule.endswith("delta"):
        inputs["b"] = 1 / (1 + np.exp(-f32(2, 6, 1)))
    past = np.zeros((2, 2, 2, 3), np.float32)
    node_inputs = [*names, "g" if "g" in inputs else "", "b" if "b" in inputs else ""]
    while not node_inputs[-1]:
        node_inputs.pop()
    node = helper.make_node(
        "LinearAttention", node_inputs, ["y", "s"], q_num_heads=4, kv_num_heads=2, update_rule=rule
    )
    infos = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, ["B", "T", x.shape[2]])
        for n, x in inputs.items()
    ]
    infos.append(helper.make_tensor_value_info("past", TensorProto.FLOAT, ["B", 2, 2, 3]))
    results = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in ("y", "s")]
    graph = helper.make_graph([node], "g", infos, results)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 27)], ir_version=10)
    compiled = lathe.compile(model, cache=False)
    right: Any
    state: Any
    right, state = ReferenceEvaluator(model).run(None, {**inputs, "past": past})
    y, s = compiled(*inputs.values(), past)
    np.testing.assert_allclose(y, right, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(s, state, rtol=1e-4, atol=1e-5)
    first = compiled(*(x[:, :2] for x in inputs.values()), past)
    second = compiled(*(np.ascontiguousarray(x[:, 2:]) for x in inputs.values()), first[1])
    np.testing.assert_allclose(
        np.concatenate([first[0], second[0]], 1), right, rtol=1e-4, atol=1e-5
    )


def test_causal_convolution_over_two_calls() -> None:
    inputs = {"x": f32(2, 3, 7), "w": f32(3, 1, 4), "b": f32(3), "past": f32(2, 3, 3)}
    model = model_of("CausalConvWithState", inputs, ["y", "s"], activation="silu")
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "T"
    compiled = lathe.compile(model, cache=False)
    right: Any
    state: Any
    right, state = ReferenceEvaluator(model).run(None, inputs)
    y, s = compiled(*inputs.values())
    np.testing.assert_allclose(y, right, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(s, state)
    x, w, b, past = inputs.values()
    first = compiled(np.ascontiguousarray(x[:, :, :2]), w, b, past)
    second = compiled(np.ascontiguousarray(x[:, :, 2:]), w, b, first[1])
    np.testing.assert_allclose(
        np.concatenate([first[0], second[0]], 2), right, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("size", [2, 4])
def test_a_past_of_another_size_is_an_error(size: int) -> None:
    inputs = {"x": f32(1, 2, 5), "w": f32(2, 1, 4), "b": f32(2), "past": f32(1, 2, size)}
    model = model_of("CausalConvWithState", inputs, ["y", "s"])
    with pytest.raises(lathe.CompileError, match="past_state"):
        lathe.compile(model, cache=False)
    model.graph.input[3].type.tensor_type.shape.dim[2].dim_param = "P"
    with pytest.raises(lathe.RuntimeError, match="past_state"):
        lathe.compile(model, cache=False)(*inputs.values())


ML = "ai.onnx.ml"


@pytest.mark.parametrize(
    ("op", "attributes", "right"),
    [
        ("Binarizer", {"threshold": 0.5}, lambda x: (x > 0.5).astype(np.float32)),
        ("Scaler", {"offset": [1.0], "scale": [2.0]}, lambda x: (x - 1) * 2),
        ("Scaler", {"offset": [1.0, 2.0, 3.0], "scale": [2.0, 1.0, 4.0]},
         lambda x: (x - [1, 2, 3]) * [2, 1, 4]),
        ("Normalizer", {"norm": "MAX"}, lambda x: x / x.max(-1, keepdims=True)),
        ("Normalizer", {"norm": "L1"}, lambda x: x / np.abs(x).sum(-1, keepdims=True)),
        ("Normalizer", {"norm": "L2"}, lambda x: x / np.sqrt((x * x).sum(-1, keepdims=True))),
        ("LinearRegressor", {"coefficients": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "targets": 2,
                             "intercepts": [1.0, -1.0]},
         lambda x: x @ np.array([[1, 4], [2, 5], [3, 6]]) + [1, -1]),
    ],
)  # fmt: skip
def test_simple_operators_of_ml(
    op: str, attributes: dict[str, Any], right: Callable[[Array], Array]
) -> None:
    x = f32(5, 3)
    (y,) = lathe.compile(model_of(op, {"x": x}, ["y"], ML, **attributes), cache=False)(x)
    np.testing.assert_allclose(y, right(x), rtol=1e-5, atol=1e-6)


def test_a_row_of_zeros_stays() -> None:
    x = np.zeros((2, 3), np.float32)
    (y,) = lathe.compile(model_of("Normalizer", {"x": x}, ["y"], ML, norm="L2"), cache=False)(x)
    assert not y.any()


def test_a_pool_that_does_not_fit_is_an_error() -> None:
    model = model_of(
        "TfIdfVectorizer", {"x": np.zeros(5, np.int64)}, ["y"], opset=9, mode="TF",
        min_gram_length=2, max_gram_length=2, max_skip_count=0, ngram_counts=[0, 3],
        ngram_indexes=[0, 1],
        pool_int64s=[1, 2, 3, 4, 5, 6, 7],
    )  # fmt: skip
    with pytest.raises(lathe.CompileError, match="onnx-ngram-pool"):
        lathe.compile(model, cache=False)
