# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators of ONNX Runtime that few exporters write: hashes, inverses, regions, group norms."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import lathe
import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

Array = npt.NDArray[Any]
RANDOM = np.random.default_rng(17)
TEXTS = np.array([["", "a", "ab", "abc"], ["abcd", "abcde", "Straße", "a longer text"]], object)


def f32(*shape: int) -> Array:
    return RANDOM.standard_normal(shape).astype(np.float32)


def u8(*shape: int) -> Array:
    return RANDOM.integers(0, 256, shape).astype(np.uint8)


def scalar(value: Any, kind: Any) -> Array:
    return np.array(value, kind)


def group_norm(x: Array, gamma: Array, beta: Array, groups: int, silu: bool, last: bool) -> Array:
    x = np.moveaxis(x, -1, 1) if last else x
    parts = x.astype(np.float64).reshape(x.shape[0], groups, -1)
    parts = parts - parts.mean(2, keepdims=True)
    y = (parts / np.sqrt((parts**2).mean(2, keepdims=True) + 1e-5)).reshape(x.shape)
    y = y * gamma[:, None, None] + beta[:, None, None]
    y = y / (1 + np.exp(-y)) if silu else y
    return np.asarray(np.moveaxis(y, 1, -1) if last else y, np.float32)


def gelu(x: Array) -> Array:
    return np.asarray(0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))))


def softmax(x: Array, axis: int) -> Array:
    flat = x.reshape(*x.shape[:axis], -1)
    e = np.exp(flat - flat.max(-1, keepdims=True))
    return np.asarray(e / e.sum(-1, keepdims=True)).reshape(x.shape)


@dataclass
class Case:
    """Operands of `constant` are initializers; `compute` is right where ONNX Runtime has no kernel.

    An operand that is None is left out.
    """

    op: str
    operands: Sequence[Array | None]
    attributes: dict[str, Any] = field(default_factory=dict)
    constant: frozenset[int] = frozenset()
    outputs: int = 1
    compute: Callable[..., Sequence[Array]] | None = None
    tolerance: float = 2e-5


def well_conditioned(*shape: int) -> Array:
    return f32(*shape) + 3 * np.eye(shape[-1], dtype=np.float32)


# Each needs a swap of rows, and one of them two.
PERMUTED = np.array(
    [[[0, 2, 1], [1, 0, 0], [0, 0, 4]], [[0, 0, 1], [0, 3, 1], [2, 1, 1]]], np.float32
)


def bnb4(kind: int, rows: int, columns: int, block: int, **extra: int) -> Case:
    count = rows * columns
    operands = [f32(2, 3, columns), u8(-(-count // 2)), np.abs(f32(-(-count // block)))]
    attributes = {"N": rows, "K": columns, "block_size": block, "quant_type": kind, **extra}
    return Case("MatMulBnb4", operands, attributes, frozenset({1, 2}))


def quantized_embedding(segments: bool, mask: bool) -> Case:
    ids = RANDOM.integers(0, 9, (2, 5)).astype(np.int32)
    kinds = RANDOM.integers(0, 2, (2, 5)).astype(np.int32)
    scales = [scalar(value, np.float32) for value in (0.02, 0.01, 0.03, 0.005, 0.004)]
    zeros = [scalar(value, np.uint8) for value in (120, 99, 7, 3, 128)]
    masks = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], np.int32)
    operands = [
        ids,
        kinds if segments else None,
        u8(9, 8),
        u8(7, 8),
        u8(2, 8) if segments else None,
    ]
    operands += [u8(8), u8(8), masks if mask else None, *scales, *zeros]
    if not segments:
        operands[10] = operands[15] = None
    return Case("QEmbedLayerNormalization", operands, {"epsilon": 1e-5}, outputs=2)


REGIONS = np.array(
    [[0, 0, 1, 1], [0.2, 0.3, 0.7, 0.6], [0.9, 0.8, 0.1, 0.2], [-0.5, 0, 0.5, 1.5]], np.float32
)


def regions(size: Sequence[int], **attributes: Any) -> Case:
    operands = [
        f32(2, 3, 7, 6),
        REGIONS,
        np.array([0, 1, 1, 0], np.int32),
        np.array(size, np.int32),
    ]
    return Case("CropAndResize", operands, attributes, frozenset({3}))


IMAGE, SKIP = f32(2, 4, 5, 6), f32(2, 4, 5, 6)
GAMMA, BETA = f32(6), f32(6)
ROW, BIAS = f32(2, 6), f32(6)


def skipped(skip: Array, bias: Array | None = None) -> Callable[..., Sequence[Array]]:
    total = IMAGE + skip + (0 if bias is None else bias)
    return lambda: [group_norm(total, GAMMA, BETA, 2, False, True), total]


CASES = {
    "hash": Case("MurmurHash3", [TEXTS]),
    "hash-signed": Case("MurmurHash3", [TEXTS], {"positive": 0, "seed": 42}),
    "hash-i32": Case("MurmurHash3", [np.array([3, -4, 0], np.int32)], {"positive": 0}),
    "hash-u64": Case("MurmurHash3", [np.array([3, 2**63, 0], np.uint64)], {"seed": 7}),
    "hash-f32": Case("MurmurHash3", [f32(3, 2)]),
    "hash-f64": Case("MurmurHash3", [f32(5).astype(np.float64)], {"positive": 0}),
    "inverse": Case("Inverse", [well_conditioned(2, 3, 4, 4)], tolerance=2e-4),
    "inverse-swaps": Case("Inverse", [PERMUTED]),
    "inverse-f64": Case("Inverse", [well_conditioned(7, 7).astype(np.float64)]),
    "inverse-of-nothing": Case("Inverse", [f32(0, 3, 3)], compute=lambda x: [x]),
    "bnb-floats": bnb4(0, 5, 32, 16),
    "bnb-normal": bnb4(1, 5, 32, 16),
    "bnb-odd": bnb4(1, 3, 37, 16),
    "crop": regions([3, 4]),
    "crop-one": regions([1, 5], extrapolation_value=2.5),
    "crop-nearest": regions([4, 3], mode="nearest"),
    "quantized-embedding": quantized_embedding(segments=True, mask=True),
    "quantized-embedding-plain": quantized_embedding(segments=False, mask=False),
    "group-norm": Case(
        "GroupNorm",
        [IMAGE, GAMMA, BETA],
        {"groups": 3, "activation": 1},
        compute=lambda x, g, b: [group_norm(x, g, b, 3, True, True)],
    ),
    "group-norm-second": Case(
        "GroupNorm",
        [f32(2, 6, 4, 5), GAMMA, BETA],
        {"groups": 2, "activation": 0, "channels_last": 0},
        compute=lambda x, g, b: [group_norm(x, g, b, 2, False, False)],
    ),
    "skip-group-norm": Case(
        "SkipGroupNorm",
        [IMAGE, GAMMA, BETA, SKIP],
        {"groups": 2, "activation": 0},
        outputs=2,
        compute=lambda *_: skipped(SKIP)(),
    ),
    "skip-group-norm-row": Case(
        "SkipGroupNorm",
        [IMAGE, GAMMA, BETA, ROW, BIAS],
        {"groups": 2, "activation": 0},
        outputs=2,
        compute=lambda *_: skipped(ROW[:, None, None], BIAS)(),
    ),
    "causal-conv": Case(
        "CausalConvWithState",
        [f32(2, 4, 6), f32(4, 1, 3), f32(4), f32(2, 4, 2)],
        {"activation": "silu"},
        outputs=2,
    ),
    "linear-attention": Case(
        "LinearAttention",
        [f32(2, 5, 16), f32(2, 5, 16) / 2, f32(2, 5, 8), f32(2, 2, 8, 4), -np.abs(f32(2, 5, 2)),
        np.abs(f32(2, 5, 2)) / 2],
        {"q_num_heads": 2, "kv_num_heads": 2},
        outputs=2,
        tolerance=2e-4,
    ),
    "gemm-gelu": Case(
        "GemmFastGelu",
        [f32(2, 3, 4), f32(4, 5), f32(5)],
        compute=lambda x, w, b: [gelu(x @ w + b)],
    ),
    "bias-softmax": Case(
        "BiasSoftmax",
        [f32(2, 3, 4, 5), f32(2, 1, 1, 5)],
        {"axis": 3, "is_inner_broadcast": 1},
        compute=lambda x, b: [softmax(x + b, 3)],
    ),
    "bias-softmax-outer": Case(
        "BiasSoftmax",
        [f32(2, 3, 4, 5), f32(1, 3, 4, 5)],
        {"axis": 2, "is_inner_broadcast": 0},
        compute=lambda x, b: [softmax(x + b, 2)],
    ),
    "matmul-16": Case(
        "MatMulInteger16",
        [np.array([[32767, -5], [3, 4]], np.int16), np.array([[-32768, 2], [7, 9]], np.int16)],
    ),
    "unfold": Case("UnfoldTensor", [f32(2, 9)], {"size": 3, "step": 2}),
    "unfold-first": Case("UnfoldTensor", [f32(7, 4)], {"size": 2, "dim": 0}),
    "range": Case("Range", [scalar(3, np.int64), scalar(11, np.int64)]),
    "range-f32": Case("Range", [scalar(v, np.float32) for v in (1, 4.2, 0.5)]),
}  # fmt: skip


def build(case: Case, free: bool) -> tuple[onnx.ModelProto, dict[str, Array]]:
    """The model of a case and what it is called with."""
    names = [f"x{i}" if x is not None else "" for i, x in enumerate(case.operands)]
    feed = {n: x for n, x in zip(names, case.operands, strict=True) if x is not None}
    fixed = {f"x{i}" for i in case.constant}
    inputs = []
    for name, x in feed.items():
        kind = helper.np_dtype_to_tensor_dtype(x.dtype) if x.dtype != object else TensorProto.STRING
        # Channels and heads are known in any case; batch and length are open.
        dims = ["n", *x.shape[1:]] if free and name == "x0" and x.ndim else x.shape
        inputs.append(helper.make_tensor_value_info(name, kind, dims))
    outputs = [f"y{i}" for i in range(case.outputs)]
    graph = helper.make_graph(
        [helper.make_node(case.op, names, outputs, domain="com.microsoft", **case.attributes)],
        "rare",
        [value for value in inputs if value.name not in fixed],
        [onnx.ValueInfoProto(name=name) for name in outputs],
        [numpy_helper.from_array(feed[name], name) for name in feed if name in fixed],
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    return model, {n: x for n, x in feed.items() if n not in fixed}


def expected(case: Case) -> Sequence[Array]:
    if case.compute:
        return case.compute(*(x for x in case.operands if x is not None))
    model, feed = build(case, free=False)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    result: list[Array] = session.run(None, feed)
    return result


@pytest.mark.parametrize("free", [False, True], ids=["static", "free"])
@pytest.mark.parametrize("name", CASES)
def test_operator(name: str, free: bool) -> None:
    case = CASES[name]
    model, feed = build(case, free)
    found = lathe.compile(model, cache=False).run(feed).values()
    for y, wanted in zip(found, expected(case), strict=True):
        assert (y.dtype, y.shape) == (wanted.dtype, wanted.shape)
        np.testing.assert_allclose(y, wanted, case.tolerance, case.tolerance)


@pytest.mark.parametrize("kind", [0, 1])
def test_weights_of_the_other_order(kind: int) -> None:
    """Without 'transB', the codes are those of [N, K], too, and 'A' has rows of N numbers."""
    given, turned = bnb4(kind, 4, 8, 16, transB=0), bnb4(kind, 4, 8, 16)
    _, codes, scales = given.operands
    assert codes is not None and scales is not None
    weights = {}
    for name, case, eye in (("given", given, 4), ("turned", turned, 8)):
        case.operands = [np.eye(eye, dtype=np.float32), codes, scales]
        model, feed = build(case, free=False)
        (weights[name],) = lathe.compile(model, cache=False).run(feed).values()
    np.testing.assert_array_equal(weights["given"], weights["turned"].T)


def test_half_precision_inverse() -> None:
    x = well_conditioned(2, 4, 4).astype(np.float16)
    model, feed = build(Case("Inverse", [x]), free=False)
    (y,) = lathe.compile(model, cache=False).run(feed).values()
    assert y.dtype == np.float16
    np.testing.assert_allclose(y, np.linalg.inv(x.astype(np.float64)), 2e-3, 2e-3)


def test_inverse_of_a_singular_matrix_is_not_finite() -> None:
    model, feed = build(Case("Inverse", [np.ones((2, 2), np.float32)]), free=False)
    (y,) = lathe.compile(model, cache=False).run(feed).values()
    assert not np.isfinite(y).all()


REFUSED: dict[str, tuple[Case, str]] = {
    "quant-type": (bnb4(2, 5, 32, 16), "onnx-unsupported-attribute"),
    "training": (bnb4(0, 5, 32, 16, training_mode=1), "onnx-unsupported-attribute"),
    "block": (bnb4(0, 5, 32, 16) , "onnx-shape-mismatch"),
    "bytes": (bnb4(0, 5, 32, 16), "graph-shape-mismatch"),
    "bias": (
        Case("BiasSoftmax", [f32(1, 3, 5), f32(2, 1, 5)], {"axis": 2, "is_inner_broadcast": 1}),
        "graph-shape-mismatch",
    ),
    "more-heads-of-keys": (
        Case(
            "LinearAttention",
            [f32(2, 5, 16), f32(2, 5, 32), f32(2, 5, 16), f32(2, 4, 8, 4), *[f32(2, 5, 4)] * 2],
            {"q_num_heads": 2, "kv_num_heads": 4},
            outputs=2,
        ),
        "onnx-unsupported-attribute",
    ),
    "mode": (regions([3, 4], mode="cubic"), "onnx-unsupported-attribute"),
    "sizes": (regions([3, 4, 5]), "onnx-shape-mismatch"),
    "square": (Case("Inverse", [f32(2, 3)]), "onnx-shape-mismatch"),
    "groups": (
        Case("GroupNorm", [IMAGE, GAMMA, BETA], {"groups": 4, "activation": 0}),
        "onnx-shape-mismatch",
    ),
    "activation": (
        Case("GroupNorm", [IMAGE, GAMMA, BETA], {"groups": 2, "activation": 2}),
        "onnx-unsupported-attribute",
    ),
    "skip-rank": (
        Case("SkipGroupNorm", [f32(2, 6), GAMMA, BETA, f32(2, 6)], {"groups": 2, "activation": 0}),
        "onnx-shape-mismatch",
    ),
    "window": (
        Case("UnfoldTensor", [f32(2, 9)], {"size": 0}),
        "onnx-window-attribute",
    ),
    "state": (
        Case("CausalConvWithState", [f32(2, 4, 6), f32(4, 1, 3)], {"dilation": 2}, outputs=2),
        "onnx-unsupported-attribute",
    ),
}  # fmt: skip
REFUSED["block"][0].attributes["block_size"] = 0
REFUSED["bytes"][0].operands = [f32(2, 3, 32), u8(79), f32(10)]


@pytest.mark.parametrize("name", REFUSED)
def test_refusal(name: str) -> None:
    case, reason = REFUSED[name]
    model, _ = build(case, free=False)
    with pytest.raises(lathe.CompileError) as raised:
        lathe.compile(model, cache=False)
    assert reason in raised.value.ids


def test_window_that_is_too_long() -> None:
    """Where the size is open, the call says so."""
    case = Case("UnfoldTensor", [f32(2, 9)], {"size": 3, "dim": 0})
    model, feed = build(case, free=True)
    compiled = lathe.compile(model, cache=False)
    with pytest.raises(lathe.RuntimeError, match=r"unfolded.*size.*2 is less than 3"):
        compiled.run(feed)


@pytest.mark.parametrize("op", ["MatMulBnb4", "MatMulNBits"])
@pytest.mark.parametrize("short", [1, 2])
def test_too_few_bytes_of_weights(op: str, short: int) -> None:
    """Weights of an open size that a call gives are as many as are read."""
    attributes = {"N": 4, "K": 32, "block_size": 16}
    attributes |= {"quant_type": 1} if op == "MatMulBnb4" else {"bits": 4}
    case = Case(op, [f32(2, 32), u8(64), f32(8)], attributes)
    model, feed = build(case, free=False)
    for value in model.graph.input[1:]:
        value.type.tensor_type.shape.dim[0].dim_param = f"size of {value.name}"
    compiled = lathe.compile(model, cache=False)
    assert compiled.run(feed)["y0"].shape == (2, 4)
    feed[f"x{short}"] = feed[f"x{short}"][:-1]
    with pytest.raises(lathe.RuntimeError, match=r"the elements of '.*call-shape-check"):
        compiled.run(feed)


@pytest.mark.parametrize("kinds", list(itertools.product([np.int16, np.uint16], repeat=2)))
def test_products_of_16_bits(kinds: tuple[Any, Any]) -> None:
    """32 bits have a sign where one of the operands has one."""
    a, b = (np.array([[32767, 5], [3, 4]], k).astype(k) for k in kinds)
    a[1, 0] = 2**15 if kinds[0] is np.uint16 else -(2**15)
    model, feed = build(Case("MatMulInteger16", [a, b]), free=False)
    (y,) = lathe.compile(model, cache=False).run(feed).values()
    assert y.dtype == (np.uint32 if set(kinds) == {np.uint16} else np.int32)
    wanted = a.astype(np.int64) @ b.astype(np.int64)
    np.testing.assert_array_equal(y, wanted.astype(y.dtype))


def test_bias_that_is_larger_than_the_data() -> None:
    case = Case("BiasSoftmax", [f32(1, 4), f32(3, 4)], {"axis": 1, "is_inner_broadcast": 1})
    model, feed = build(case, free=True)
    compiled = lathe.compile(model, cache=False)
    with pytest.raises(lathe.RuntimeError, match=r"call-shape-check"):
        compiled.run(feed)
