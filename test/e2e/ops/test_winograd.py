# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""3x3 convolutions by Winograd's filtering: as near to the exact result as a policy promises."""

from __future__ import annotations

import lathe
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

EPSILON = 2.0**-24


def build(
    channels: int, outputs: int, size: list[int | str], pads: list[int], weights: np.ndarray
) -> onnx.ModelProto:
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"], pads=pads)],
        "conv",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [size[0], channels, *size[1:]])],
        [helper.make_empty_tensor_value_info("y")],
        [numpy_helper.from_array(weights, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def exact(x: np.ndarray, w: np.ndarray, pads: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """The convolution in f64, and that of the sizes of both."""
    top, left, bottom, right = pads
    padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (top, bottom), (left, right)))
    height, width = padded.shape[2] - 2, padded.shape[3] - 2
    result = np.zeros((x.shape[0], w.shape[0], height, width))
    size = np.zeros_like(result)
    for i, j in np.ndindex(3, 3):
        window, taps = padded[:, :, i : i + height, j : j + width], w[:, :, i, j].astype(np.float64)
        result += np.einsum("nchw,oc->nohw", window, taps)
        size += np.einsum("nchw,oc->nohw", np.abs(window), np.abs(taps))
    return result, size


CASES = {
    "even": (64, 64, [1, 56, 56], [1, 1, 1, 1]),
    "odd": (40, 72, [2, 27, 30], [1, 1, 1, 1]),
    "no padding": (64, 64, [1, 30, 29], [0, 0, 0, 0]),
    "one side": (64, 64, [1, 29, 31], [1, 0, 0, 1]),
    "deep": (256, 256, [1, 14, 14], [1, 1, 1, 1]),
    "batch": (128, 128, [5, 13, 13], [1, 1, 1, 1]),
    "wide padding": (64, 64, [1, 20, 20], [3, 3, 3, 3]),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("scale", [1.0, 1e-20, 1e15])
@pytest.mark.parametrize("positive", [False, True])
def test_error(case: str, scale: float, positive: bool) -> None:
    """The error is a few times what a sum term by term may have, at numbers of any size."""
    channels, outputs, size, pads = CASES[case]
    rng = np.random.default_rng(3)
    x = rng.standard_normal([size[0], channels, *size[1:]])
    w = rng.standard_normal([outputs, channels, 3, 3])
    if positive:
        x, w = np.abs(x), np.abs(w)
    x, w = (x * scale).astype(np.float32), w.astype(np.float32)
    compiled = lathe.compile(build(channels, outputs, list(size), pads, w), cache=False)
    right, magnitude = exact(x, w, pads)
    errors = []
    for threads in (1, 2):
        (result,) = compiled.with_threads(threads)(x)
        errors.append(np.abs(result - right).max() / (EPSILON * magnitude.max()))
    assert errors[0] == errors[1]
    # The bound of docs/numerics.md: a sum term by term has `terms` instead of a part of them.
    terms = 9 * channels
    assert errors[0] <= 16 + terms / 32


@pytest.mark.parametrize("height", [1, 2, 5, 8, 33])
def test_open_sizes(height: int) -> None:
    rng = np.random.default_rng(4)
    w = rng.standard_normal((64, 64, 3, 3)).astype(np.float32)
    compiled = lathe.compile(build(64, 64, ["n", "h", "w"], [1, 1, 1, 1], w))
    for batch, width in ((1, 7), (3, 12)):
        x = rng.standard_normal((batch, 64, height, width)).astype(np.float32)
        right, magnitude = exact(x, w, [1, 1, 1, 1])
        (one,), (two,) = compiled.with_threads(1)(x), compiled.with_threads(2)(x)
        np.testing.assert_array_equal(one, two)
        assert np.abs(one - right).max() <= 16 * EPSILON * magnitude.max()


def test_policy() -> None:
    """`strict` computes term by term: what is not finite stays where it is."""
    rng = np.random.default_rng(5)
    w = rng.standard_normal((64, 64, 3, 3)).astype(np.float32)
    model = build(64, 64, [1, 56, 56], [1, 1, 1, 1], w)
    standard = lathe.compile(model, target="x86_64:v3", cache=False)
    strict = lathe.compile(model, target="x86_64:v3", accuracy="strict", cache=False)
    assert "cpu.conv.winograd" in standard.ir("lower")
    assert "cpu.conv.winograd" not in strict.ir("lower")
    x = rng.standard_normal((1, 64, 56, 56)).astype(np.float32)
    x[0, 3, 20, 20] = np.inf
    (y,) = strict(x)
    touched = np.zeros((56, 56), bool)
    touched[19:22, 19:22] = True
    assert np.isfinite(y[0][:, ~touched]).all()


def test_unknown_policy() -> None:
    model = build(8, 8, [1, 9, 9], [1, 1, 1, 1], np.ones((8, 8, 3, 3), np.float32))
    with pytest.raises(lathe.CompileError, match=r"did you mean 'strict'.*accuracy-unknown"):
        lathe.compile(model, accuracy="strickt", cache=False)
