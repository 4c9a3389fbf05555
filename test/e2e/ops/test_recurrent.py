# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""RNN, GRU and LSTM with every attribute of the spec, compared with ONNX Runtime.

ONNX's reference ignores most of the attributes, so it is the oracle for the element types only
that ONNX Runtime does not have.
"""

from __future__ import annotations

from typing import Any

import lathe
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from oracle import Array, Random

random = Random(5)

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
FUNCTIONS = {"RNN": 1, "GRU": 2, "LSTM": 3}
STEPS, BATCH, INPUTS, HIDDEN = 7, 3, 5, 6


def layer(
    op: str,
    optional: str = "",
    steps: int = STEPS,
    free: bool = True,
    dtype: type = np.float32,
    opset: int = 22,
    lengths: Array | None = None,
    constant: bool = True,
    **attributes: Any,
) -> tuple[onnx.ModelProto, dict[str, Array]]:
    """A model of one layer; `optional` has letters of the inputs that it has: B, L, H, C, P."""
    directions = 2 if attributes.get("direction") == "bidirectional" else 1
    gates, batch_first = GATES[op], attributes.get("layout", 0) == 1
    state = (BATCH, directions, HIDDEN) if batch_first else (directions, BATCH, HIDDEN)

    def floats(*shape: int) -> Array:
        return (random.floats(*shape) * 0.5).astype(dtype)

    values: dict[str, Array | None] = {
        "X": floats(*((BATCH, steps, INPUTS) if batch_first else (steps, BATCH, INPUTS))),
        "W": floats(directions, gates * HIDDEN, INPUTS),
        "R": floats(directions, gates * HIDDEN, HIDDEN),
        "B": floats(directions, 2 * gates * HIDDEN) if "B" in optional else None,
        "L": lengths if lengths is not None else None,
        "H": floats(*state) if "H" in optional else None,
    }
    if op == "LSTM":
        values["C"] = floats(*state) if "C" in optional else None
        values["P"] = floats(directions, 3 * HIDDEN) if "P" in optional else None
    weights = "WRBP" if constant else ""
    outputs = ["Y", "Y_h", "Y_c"][: 3 if op == "LSTM" else 2]
    node = helper.make_node(
        op,
        [name if value is not None else "" for name, value in values.items()],
        outputs,
        hidden_size=HIDDEN,
        **attributes,
    )
    inputs = {n: v for n, v in values.items() if v is not None and n not in weights}

    def dims(array: Array) -> list[int | str]:
        return [f"d{size}" if free and size in (STEPS, BATCH) else size for size in array.shape]

    graph = helper.make_graph(
        [node],
        "one",
        [
            helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), dims(a))
            for n, a in inputs.items()
        ],
        [helper.make_empty_tensor_value_info(n) for n in outputs],
        [
            numpy_helper.from_array(v, n)
            for n, v in values.items()
            if v is not None and n in weights
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    return model, inputs


def check(
    op: str, optional: str = "", tolerance: float = 2e-5, runtime: bool = True, **parameters: Any
) -> None:
    """Compares a layer with the oracle, with fixed sizes and with open ones."""
    for free in (False, True):
        model, inputs = layer(op, optional, free=free, **parameters)
        if runtime:
            session = onnxruntime.InferenceSession(model.SerializeToString())
            expected = session.run(None, inputs)
        else:
            expected = ReferenceEvaluator(model).run(None, inputs)
        found = lathe.compile(model, cache=False)(*inputs.values())
        for have, right in zip(found, expected, strict=True):
            assert have.dtype == right.dtype and have.shape == right.shape
            np.testing.assert_allclose(have, right, rtol=tolerance, atol=tolerance)


operators = pytest.mark.parametrize("op", GATES)


@operators
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_directions(op: str, direction: str) -> None:
    check(op, "BHC", direction=direction)
    check(op, direction=direction)


@operators
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_rows_of_different_lengths(op: str, direction: str) -> None:
    for lengths in ([4, STEPS, 1], [0, 2, STEPS]):
        check(op, "BHC", lengths=np.array(lengths, np.int32), direction=direction)


@operators
def test_batch_first(op: str) -> None:
    # ONNX Runtime has no such layout; ONNX's reference has it for one step only.
    model, inputs = layer(op, "BHC", layout=1, direction="bidirectional")
    found = lathe.compile(model, cache=False)(*inputs.values())
    node = model.graph.node[0]
    del node.attribute[[a.name for a in node.attribute].index("layout")]
    swapped = {n: a if n == "L" else a.swapaxes(0, 1) for n, a in inputs.items()}
    for value in model.graph.input:
        first, second = value.type.tensor_type.shape.dim[:2]
        for dim, size in (
            (first, swapped[value.name].shape[0]),
            (second, swapped[value.name].shape[1]),
        ):
            dim.Clear()
            dim.dim_value = size
    expected = onnxruntime.InferenceSession(model.SerializeToString()).run(None, swapped)
    expected[0] = expected[0].transpose(2, 0, 1, 3)
    expected[1:] = [state.swapaxes(0, 1) for state in expected[1:]]
    for have, right in zip(found, expected, strict=True):
        np.testing.assert_allclose(have, right, rtol=2e-5, atol=2e-5)


ACTIVATIONS = [
    ("Relu", [], []),
    ("Tanh", [], []),
    ("Sigmoid", [], []),
    ("Affine", [0.5], [0.25]),
    ("LeakyRelu", [0.1], []),
    ("ThresholdedRelu", [0.2], []),
    ("ScaledTanh", [0.8], [0.6]),
    ("HardSigmoid", [0.3], [0.4]),
    ("Elu", [0.7], []),
    ("Softsign", [], []),
    ("Softplus", [], []),
]


@operators
@pytest.mark.parametrize(("name", "alpha", "beta"), ACTIVATIONS, ids=[a[0] for a in ACTIVATIONS])
def test_activations(op: str, name: str, alpha: list[float], beta: list[float]) -> None:
    parameters: dict[str, Any] = {"activations": [name] * FUNCTIONS[op]}
    if alpha:
        parameters["activation_alpha"] = alpha * FUNCTIONS[op]
    if beta:
        parameters["activation_beta"] = beta * FUNCTIONS[op]
    # A few steps only: some functions let a state grow beyond all bounds, and ONNX Runtime's
    # Softplus is infinite from 89 on.
    steps = 1 if name == "Softplus" else 3
    check(op, "BHC", tolerance=1e-4, steps=steps, **parameters)


@operators
def test_parameters_go_to_the_functions_that_have_some(op: str) -> None:
    names = ["HardSigmoid", "Tanh", "LeakyRelu"][: FUNCTIONS[op]]
    names += ["Sigmoid", "Elu", "Affine"][: FUNCTIONS[op]]
    # Of the LSTM's, LeakyRelu and Affine come third in their direction.
    alphas = {"RNN": [0.3], "GRU": [0.3, 0.6], "LSTM": [0.3, 0.05, 0.6, 1.2]}[op]
    check(
        op,
        "B",
        direction="bidirectional",
        activations=names,
        activation_alpha=alphas,
        activation_beta=[0.45, 0.1][: 2 if op == "LSTM" else 1],
    )


@operators
def test_clip(op: str) -> None:
    check(op, "BHC", clip=0.3)


def test_lstm_peepholes() -> None:
    check("LSTM", "BHCP", direction="bidirectional")
    check("LSTM", "P")


def test_lstm_input_forget() -> None:
    check("LSTM", "BHC", input_forget=1)


@pytest.mark.parametrize("bias", ["", "B"])
@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
def test_gru_linear_before_reset(bias: str, direction: str) -> None:
    check("GRU", bias + "H", linear_before_reset=1, direction=direction)


@operators
def test_weights_are_inputs(op: str) -> None:
    check(op, "BHC", constant=False)


@operators
@pytest.mark.parametrize("steps", [1, 2, 40])
def test_few_and_many_steps(op: str, steps: int) -> None:
    check(op, "BHC", steps=steps)


@operators
def test_double_precision(op: str) -> None:
    # ONNX Runtime has no recurrent layers of f64.
    check(op, "BH", tolerance=1e-12, dtype=np.float64, runtime=False)


@operators
def test_half_precision(op: str) -> None:
    model, inputs = layer(op, "BH", dtype=np.float16)
    found = lathe.compile(model, cache=False)(*inputs.values())
    expected = ReferenceEvaluator(model).run(None, inputs)
    for have, right in zip(found, expected, strict=True):
        assert have.dtype == np.float16
        # The reference rounds every step of every turn to half precision.
        np.testing.assert_allclose(have, right, rtol=1e-2, atol=1e-2)


@operators
@pytest.mark.parametrize("opset", [7, 14])
def test_older_versions(op: str, opset: int) -> None:
    check(op, "BH", opset=opset)
