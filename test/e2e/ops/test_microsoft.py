# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators of ONNX Runtime's own domain compute what ONNX Runtime computes."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import lathe
import ml_dtypes
import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

Array = npt.NDArray[Any]

RANDOM = np.random.default_rng(11)


def floats(*shape: int) -> Array:
    return RANDOM.standard_normal(shape).astype(np.float32)


def u8(*shape: int) -> Array:
    return RANDOM.integers(0, 256, shape).astype(np.uint8)


def s8(*shape: int) -> Array:
    return RANDOM.integers(-128, 128, shape).astype(np.int8)


def narrow(*shape: int) -> Array:
    """Weights of seven bits: with eight, ONNX Runtime's sums saturate on some machines."""
    return RANDOM.integers(-64, 64, shape).astype(np.int8)


def scalar(value: float, dtype: Any = np.float32) -> Array:
    return np.array(value, dtype)


@dataclass
class Case:
    """A node of `op`; operands of `constant` are initializers. An empty operand is left out."""

    op: str
    operands: Sequence[Array | None]
    attributes: dict[str, Any] = field(default_factory=dict)
    constant: frozenset[int] = frozenset()
    outputs: tuple[int, ...] = (0,)
    domain: str = "com.microsoft"
    half: bool = False  # Whether to compute in float16, too.


# Scales of quantized operators are such that no result lies exactly between two integers.


def unary(op: str, x: Array, zero: Any, **attributes: Any) -> Case:
    kind = type(zero)
    operands = [x, scalar(0.0317), scalar(zero, kind), scalar(0.0209), scalar(kind(5), kind)]
    return Case(op, operands, attributes, frozenset({1, 2, 3, 4}))


def binary(op: str, a: Array, b: Array, kind: Any) -> Case:
    scales = [scalar(0.0217), scalar(kind(3), kind), scalar(0.0493), scalar(kind(7), kind)]
    operands = [a, *scales[:2], b, *scales[2:], scalar(0.0811), scalar(kind(1), kind)]
    return Case(op, operands, {}, frozenset({1, 2, 4, 5, 6, 7}))


def grouped(
    length: int,
    lengths: Sequence[int],
    total: int,
    past: int | None = None,
    packed: bool = False,
    **extra: Any,
) -> Case:
    """Group query attention: four heads of queries and two of keys, each of 16.

    `lengths` are the keys of each sample, `past` the size of the cache; `extra` has operands by
    number, as x7, and attributes.
    """
    batch = len(lengths)
    operands: list[Array | None] = [floats(batch, length, 128 if packed else 64)]
    operands += [None, None] if packed else [floats(batch, length, 32), floats(batch, length, 32)]
    cache = None if past is None else (batch, 2, past, 16)
    operands += [None, None] if cache is None else [floats(*cache), floats(*cache)]
    operands += [np.array(lengths, np.int32) - 1, np.array([total], np.int32)]
    operands += [extra.pop(f"x{i}", None) for i in range(7, 12)]
    while operands[-1] is None:
        operands.pop()
    attributes = {"num_heads": 4, "kv_num_heads": 2, **extra}
    outputs = (0,) if packed else (0, 1, 2)
    return Case("GroupQueryAttention", operands, attributes, outputs=outputs, half=past is not None)


def nbits(bits: int, columns: int, block: int, zeros: str = "", **extra: Any) -> Case:
    """A product with 5 rows of `bits` bits; `zeros` are packed, floats or none."""
    blocks = -(-columns // block)
    operands: list[Array | None] = [floats(3, columns), u8(5, blocks, block * bits // 8)]
    operands.append(np.abs(floats(5, blocks)) / 8)
    packed = u8(5 * -(-blocks * bits // 8))
    operands.append({"packed": packed, "floats": floats(5, blocks), "": None}[zeros])
    operands += [extra.pop("x4", None), extra.pop("x5", None)]
    while operands[-1] is None:
        operands.pop()
    attributes = {"N": 5, "K": columns, "bits": bits, "block_size": block, **extra}
    return Case("MatMulNBits", operands, attributes, frozenset({1, 2, 3, 4}))


def quantized_conv(last: bool, group: int = 1) -> Case:
    x = u8(1, 8, 8, 4) if last else u8(1, 4, 8, 8)
    scales = [scalar(0.0217), scalar(99, np.uint8), narrow(6, 4 // group, 3, 3)]
    scales += [np.abs(floats(6)) / 64, np.zeros(6, np.int8), scalar(0.0493), scalar(7, np.uint8)]
    attributes = {"channels_last": int(last), "pads": [1, 1, 1, 1], "group": group}
    bias = RANDOM.integers(-999, 999, 6).astype(np.int32)
    return Case("QLinearConv", [x, *scales, bias], attributes, frozenset(range(1, 9)))


POSITIONS = np.arange(10, dtype=np.int64).reshape(2, 5)[:, ::-1] % 8
TURNS = (np.cos(floats(9, 8)), np.sin(floats(9, 8)))
CACHES = (np.cos(floats(8, 4)), np.sin(floats(8, 4)))

CASES = {
    "gelu": Case("Gelu", [3 * floats(5, 7)], half=True),
    "fast-gelu": Case("FastGelu", [3 * floats(5, 7)], half=True),
    "fast-gelu-bias": Case("FastGelu", [3 * floats(5, 7), floats(7)], half=True),
    "bias-gelu": Case("BiasGelu", [3 * floats(5, 7), floats(7)], half=True),
    "quick-gelu": Case("QuickGelu", [3 * floats(5, 7)], half=True),
    "quick-gelu-alpha": Case("QuickGelu", [3 * floats(5, 7)], {"alpha": 1.0}),
    "matmul": Case("FusedMatMul", [floats(4, 6), floats(6, 5)], {"alpha": 0.25}, half=True),
    "matmul-a": Case("FusedMatMul", [floats(2, 6, 4), floats(2, 6, 5)], {"transA": 1}),
    "matmul-b": Case(
        "FusedMatMul", [floats(2, 4, 6), floats(2, 5, 6)], {"transB": 1, "alpha": 2.0}
    ),
    "matmul-batch": Case(
        "FusedMatMul", [floats(4, 2, 6), floats(6, 2, 5)], {"transBatchA": 1, "transBatchB": 1}
    ),
    "matmul-batch-both": Case(
        "FusedMatMul",
        [floats(6, 2, 4), floats(5, 2, 6)],
        {"transBatchA": 1, "transA": 1, "transBatchB": 1, "transB": 1},
    ),
    "conv": Case("FusedConv", [floats(2, 3, 8, 8), floats(4, 3, 3, 3)], {"activation": "Relu"}),
    "conv-sum": Case(
        "FusedConv",
        [floats(1, 4, 6, 6), floats(4, 1, 3, 3), floats(4), floats(1, 4, 6, 6)],
        {"activation": "Relu", "group": 4, "pads": [1, 1, 1, 1]},
    ),
    "conv-leaky": Case(
        "FusedConv",
        [floats(1, 3, 8, 8), floats(4, 3, 3, 3), floats(4)],
        {"activation": "LeakyRelu", "activation_params": [0.125], "strides": [2, 2]},
    ),
    "conv-clip": Case(
        "FusedConv",
        [floats(1, 3, 8, 8), floats(4, 3, 3, 3), floats(4)],
        {"activation": "Clip", "activation_params": [-0.5, 1.0], "dilations": [2, 2]},
    ),
    "conv-tanh": Case(
        "FusedConv", [floats(1, 3, 8, 8), floats(4, 3, 3, 3), floats(4)], {"activation": "Tanh"}
    ),
    "conv-sigmoid": Case(
        "FusedConv", [floats(1, 3, 8, 8), floats(4, 3, 3, 3), floats(4)], {"activation": "Sigmoid"}
    ),
    "conv-hard-sigmoid": Case(
        "FusedConv",
        [floats(1, 3, 8, 8), floats(4, 3, 3, 3), floats(4)],
        {"activation": "HardSigmoid", "activation_params": [0.2, 0.5]},
    ),
    "conv-hard-swish": Case(
        "FusedConv",
        [floats(1, 3, 8, 8), floats(4, 3, 3, 3), floats(4)],
        {"activation": "HardSwish"},
    ),
    "max-pool": Case("NhwcMaxPool", [u8(2, 9, 8, 3)], {"kernel_shape": [3, 2], "ceil_mode": 1}),
    "max-pool-padded": Case(
        "NhwcMaxPool",
        [s8(1, 8, 8, 5)],
        {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1], "dilations": [2, 2]},
    ),
    "max-pool-same": Case(
        "NhwcMaxPool", [u8(1, 8, 7, 3)], {"kernel_shape": [3, 3], "auto_pad": "SAME_UPPER"}
    ),
    "skip": Case(
        "SkipLayerNormalization",
        [floats(2, 5, 8), floats(2, 5, 8), floats(8), floats(8), floats(8)],
        {"epsilon": 1e-5},
        outputs=(0, 3),
        half=True,
    ),
    "skip-broadcast": Case("SkipLayerNormalization", [floats(2, 5, 8), floats(1, 5, 8), floats(8)]),
    "skip-simplified": Case(
        "SkipSimplifiedLayerNormalization",
        [floats(2, 5, 8), floats(2, 5, 8), floats(8), floats(8)],
        {"epsilon": 1e-5},
        outputs=(0, 3),
        half=True,
    ),
    "simplified": Case(
        "SimplifiedLayerNormalization", [floats(2, 5, 8), floats(8)], {"axis": -1}, domain=""
    ),
    "rotary": Case("RotaryEmbedding", [floats(2, 5, 24), POSITIONS, *CACHES], half=True),
    "rotary-heads": Case("RotaryEmbedding", [floats(2, 3, 5, 8), POSITIONS, *CACHES]),
    "rotary-offset": Case(
        "RotaryEmbedding", [floats(2, 5, 24), np.array([3]), *CACHES], {"interleaved": 1}
    ),
    "rotary-part": Case(
        "RotaryEmbedding",
        [floats(2, 3, 5, 12), POSITIONS, *CACHES],
        {"rotary_embedding_dim": 8, "num_heads": 3},
    ),
    "heads": Case(
        "MultiHeadAttention",
        [floats(2, 5, 24), floats(2, 7, 24), floats(2, 7, 12), floats(60)],
        {"num_heads": 3},
        half=True,
    ),
    "heads-masked": Case(
        "MultiHeadAttention",
        [
            floats(2, 5, 24),
            floats(2, 7, 24),
            floats(2, 7, 24),
            None,
            np.array([[1] * 4 + [0] * 3, [0] * 2 + [1] * 5], np.int32),
            floats(1, 1, 5, 7),
        ],
        {"num_heads": 3, "scale": 0.5},
    ),
    "heads-causal": Case(
        "MultiHeadAttention",
        [floats(2, 5, 24), floats(2, 5, 24), floats(2, 5, 24)],
        {"num_heads": 2, "unidirectional": 1},
    ),
    "heads-past": Case(
        "MultiHeadAttention",
        [
            floats(2, 1, 24),
            floats(2, 1, 24),
            floats(2, 1, 24),
            None,
            None,
            None,
            floats(2, 3, 4, 8),
            floats(2, 3, 4, 8),
        ],
        {"num_heads": 3},
        outputs=(0, 1, 2),
    ),
    "attention": Case(
        "Attention",
        [floats(2, 5, 16), floats(16, 36) / 4, floats(36)],
        {"num_heads": 3},
        half=True,
    ),
    "attention-lengths": Case(
        "Attention",
        [floats(2, 5, 16), floats(16, 36) / 4, floats(36), np.array([3, 5], np.int32)],
        {"num_heads": 3},
    ),
    "attention-mask": Case(
        "Attention",
        [
            floats(2, 5, 16),
            floats(16, 36) / 4,
            floats(36),
            RANDOM.integers(0, 2, (2, 5, 5)).astype(np.int32) | np.eye(5, dtype=np.int32),
        ],
        {"num_heads": 3, "qkv_hidden_sizes": [12, 12, 12]},
    ),
    "attention-past": Case(
        "Attention",
        [floats(2, 3, 16), floats(16, 36) / 4, floats(36), None, floats(2, 2, 3, 4, 4)],
        {"num_heads": 3, "unidirectional": 1},
        outputs=(0, 1),
    ),
    "add": binary("QLinearAdd", u8(3, 5), u8(3, 5), np.uint8),
    "add-broadcast": binary("QLinearAdd", s8(3, 5), s8(5), np.int8),
    "mul": binary("QLinearMul", u8(3, 5), u8(3, 5), np.uint8),
    "mul-broadcast": binary("QLinearMul", s8(2, 3, 5), s8(3, 1), np.int8),
    "sigmoid": unary("QLinearSigmoid", u8(4, 9), np.uint8(120)),
    "leaky-relu": unary("QLinearLeakyRelu", s8(4, 9), np.int8(-3), alpha=0.25),
    "average-pool": unary(
        "QLinearAveragePool",
        u8(1, 3, 8, 8),
        np.uint8(120),
        kernel_shape=[3, 3],
        strides=[2, 2],
        pads=[1, 1, 1, 1],
    ),
    "average-pool-last": unary(
        "QLinearAveragePool", u8(1, 8, 8, 3), np.uint8(9), kernel_shape=[2, 2], channels_last=1
    ),
    "global-average-pool": unary("QLinearGlobalAveragePool", u8(2, 3, 5, 7), np.uint8(120)),
    "global-average-pool-last": unary(
        "QLinearGlobalAveragePool", s8(2, 5, 7, 3), np.int8(4), channels_last=1
    ),
    "softmax": unary("QLinearSoftmax", u8(2, 3, 5), np.uint8(120), axis=1, opset=13),
    "softmax-flat": unary("QLinearSoftmax", s8(2, 3, 5), np.int8(4), axis=1, opset=12),
    "concat": Case(
        "QLinearConcat",
        [
            scalar(0.0513),
            scalar(9, np.uint8),
            u8(2, 3),
            scalar(0.0513),
            scalar(9, np.uint8),
            u8(2, 4),
            scalar(0.0987),
            scalar(0, np.uint8),
        ],
        {"axis": 1},
        frozenset({0, 1, 3, 4, 6, 7}),
    ),
    "dynamic-quantize": Case(
        "DynamicQuantizeMatMul",
        [floats(4, 16), narrow(16, 5), np.abs(floats(5)), np.zeros(5, np.int8), floats(5)],
    ),
    "dynamic-quantize-scalar": Case(
        "DynamicQuantizeMatMul",
        [floats(2, 3, 16), u8(16, 5) // 2, scalar(0.1), scalar(60, np.uint8)],
    ),
    "matmul-transposed": Case("TransposeMatMul", [floats(4, 6), floats(5, 6)], {"transB": 1}),
    "gemm": Case(
        "FusedGemm",
        [floats(4, 6), floats(5, 6), floats(5)],
        {"activation": "LeakyRelu", "activation_alpha": 0.125, "transB": 1, "beta": 0.5},
    ),
    "gemm-selu": Case(
        "FusedGemm",
        [floats(4, 6), floats(6, 5)],
        {"activation": "Selu", "activation_alpha": 1.5, "activation_gamma": 1.25, "alpha": 0.5},
    ),
    "gemm-softplus": Case("FusedGemm", [floats(4, 6), floats(6, 5)], {"activation": "Softplus"}),
    "embed": Case(
        "EmbedLayerNormalization",
        [
            RANDOM.integers(0, 9, (2, 5)).astype(np.int32),
            RANDOM.integers(0, 2, (2, 5)).astype(np.int32),
            floats(9, 8),
            floats(7, 8),
            floats(2, 8),
            floats(8),
            floats(8),
            np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], np.int32),
        ],
        outputs=(0, 1, 2),
        half=True,
    ),
    "embed-positions": Case(
        "EmbedLayerNormalization",
        [
            RANDOM.integers(0, 9, (2, 5)).astype(np.int32),
            None,
            floats(9, 8),
            floats(7, 8),
            None,
            floats(8),
            floats(8),
            None,
            RANDOM.integers(0, 7, (2, 5)).astype(np.int32),
        ],
        {"epsilon": 1e-5},
        outputs=(0, 1),
    ),
    "grouped-first": grouped(5, (5, 5), 5),
    "grouped-first-packed": grouped(5, (5, 5), 5, packed=True),
    "grouped-first-cache": grouped(4, (4, 4), 4, past=6),
    "grouped-next": grouped(1, (4, 6), 6, past=5),
    "grouped-next-cache": grouped(1, (4, 6), 6, past=8),
    "grouped-several": grouped(3, (8,), 8, past=8),
    "grouped-rotary": grouped(1, (4, 6), 6, past=8, do_rotary=1, x7=TURNS[0], x8=TURNS[1]),
    "grouped-rotary-first": grouped(
        5, (5, 5), 5, do_rotary=1, rotary_interleaved=1, x7=TURNS[0], x8=TURNS[1]
    ),
    "grouped-window": grouped(4, (7,), 7, past=8, local_window_size=3),
    "grouped-softcap": grouped(1, (4, 6), 6, past=5, softcap=2.0, scale=0.5),
    "grouped-smooth": grouped(1, (4, 6), 6, past=8, smooth_softmax=1),
    "grouped-sink": grouped(2, (6,), 6, past=8, x11=floats(4)),
    "grouped-bias": grouped(1, (4, 6), 6, past=8, x10=floats(2, 4, 1, 6)),
    "grouped-both-ways": grouped(5, (5, 5), 5, causal=0),
    "attention-range": Case(
        "Attention",
        [floats(2, 5, 16), floats(16, 36) / 4, floats(36), np.array([4, 5, 1, 0], np.int32)],
        {"num_heads": 3},
    ),
    "quantized-attention": Case(
        "QAttention",
        [
            u8(2, 5, 16),
            narrow(16, 36),
            floats(36),
            scalar(0.03),
            scalar(0.004),
            np.array([3, 5], np.int32),
            scalar(128, np.uint8),
            scalar(3, np.int8),
        ],
        {"num_heads": 3},
    ),
    "quantized-attention-past": Case(
        "QAttention",
        [
            u8(2, 3, 16),
            narrow(16, 36),
            floats(36),
            scalar(0.03),
            scalar(0.004),
            None,
            scalar(128, np.uint8),
            scalar(0, np.int8),
            floats(2, 2, 3, 4, 4),
        ],
        {"num_heads": 3, "unidirectional": 1},
        outputs=(0, 1),
    ),
    "quantized-conv": quantized_conv(last=False),
    "quantized-conv-last": quantized_conv(last=True),
    "quantized-conv-groups": quantized_conv(last=True, group=2),
    "quantized-gemm": Case(
        "QGemm",
        [
            u8(4, 16),
            scalar(0.0217),
            scalar(99, np.uint8),
            narrow(5, 16),
            np.abs(floats(5)) / 16,
            np.zeros(5, np.int8),
            RANDOM.integers(-999, 999, 5).astype(np.int32),
            scalar(0.4931),
            scalar(120, np.uint8),
        ],
        {"transB": 1},
        frozenset({1, 2, 3, 4, 5, 6, 7, 8}),
    ),
    "quantized-gemm-real": Case(
        "QGemm",
        [
            u8(4, 16),
            scalar(0.02),
            scalar(99, np.uint8),
            u8(16, 5) // 2,
            scalar(0.03),
            scalar(7, np.uint8),
        ],
        {"alpha": 0.5},
        frozenset({1, 2, 3, 4, 5}),
    ),
    "quantized-where": Case(
        "QLinearWhere",
        [
            RANDOM.integers(0, 2, (3, 5)).astype(bool),
            u8(3, 5),
            scalar(0.0217),
            scalar(9, np.uint8),
            u8(5),
            scalar(0.0493),
            scalar(7, np.uint8),
            scalar(0.0811),
            scalar(1, np.uint8),
        ],
        {},
        frozenset({2, 3, 5, 6, 7, 8}),
    ),
    "quantize-u16": Case(
        "QuantizeLinear", [9 * floats(3, 5), scalar(0.00173), scalar(32000, np.uint16)]
    ),
    "quantize-s16-axis": Case(
        "QuantizeLinear",
        [9 * floats(3, 4, 5), np.abs(floats(4)) / 99, np.arange(4, dtype=np.int16)],
    ),
    "dequantize-s16": Case(
        "DequantizeLinear",
        [RANDOM.integers(-999, 999, (3, 5)).astype(np.int16), scalar(0.1), scalar(7, np.int16)],
    ),
    "dequantize-s32-axis": Case(
        "DequantizeLinear",
        [RANDOM.integers(-999, 999, (3, 5)).astype(np.int32), np.abs(floats(3))],
        {"axis": 0},
    ),
    "dequantize-s4": Case(
        "DequantizeLinear",
        [RANDOM.integers(-8, 8, (3, 5)).astype(ml_dtypes.int4), np.abs(floats(5))],
        {"axis": -1},
        frozenset({0}),
    ),
    "nbits-2": nbits(2, 40, 16),
    "nbits-4": nbits(4, 40, 16, zeros="packed"),
    "nbits-8": nbits(8, 40, 16, zeros="packed"),
    "nbits-bias": nbits(4, 64, 32, x5=floats(5)),
    "nbits-floats": nbits(4, 48, 16, zeros="floats"),
    # Zero points beside an order are what ONNX Runtime leaves out on processors.
    "nbits-order": nbits(4, 48, 16, x4=RANDOM.permutation(np.arange(48) // 16).astype(np.int32)),
    "gather-blocks": Case(
        "GatherBlockQuantized",
        [
            RANDOM.integers(0, 16, (7, 32)).astype(ml_dtypes.uint4),
            RANDOM.integers(0, 7, (2, 3)),
            np.abs(floats(7, 2)),
            RANDOM.integers(0, 16, (7, 2)).astype(ml_dtypes.uint4),
        ],
        {"block_size": 16},
        frozenset({0, 2, 3}),
    ),
    "gather-blocks-bytes": Case(
        "GatherBlockQuantized",
        [u8(7, 24), RANDOM.integers(0, 7, (2, 3)), np.abs(floats(7, 3)), u8(7, 2)],
        {"block_size": 16, "bits": 4},
        frozenset({0, 2, 3}),
    ),
    "gather-blocks-8": Case(
        "GatherBlockQuantized",
        [u8(7, 48), RANDOM.integers(0, 7, (2, 3)), np.abs(floats(7, 3))],
        {"block_size": 16, "bits": 8},
        frozenset({0, 2}),
    ),
    "integer-to-float": Case(
        "MatMulIntegerToFloat",
        [
            u8(4, 16),
            u8(16, 5),
            scalar(0.1),
            np.abs(floats(5)),
            scalar(7, np.uint8),
            np.full(5, 99, np.uint8),
            floats(5),
        ],
    ),
}


def build(case: Case, free: bool, half: bool) -> tuple[bytes, dict[str, Array]]:
    """The model of `case` and what it is called with."""
    names: list[str] = []
    inputs: list[onnx.ValueInfoProto] = []
    constants: list[onnx.TensorProto] = []
    values: dict[str, Array] = {}
    for index, operand in enumerate(case.operands):
        name = f"x{index}" if operand is not None else ""
        names.append(name)
        if operand is None:
            continue
        if half and operand.dtype == np.float32:
            operand = operand.astype(np.float16)
        element = helper.np_dtype_to_tensor_dtype(operand.dtype)
        if index in case.constant:
            constants.append(numpy_helper.from_array(operand, name))
            continue
        # Channels and heads are known in any case; batch and length are open.
        shape: list[Any] = list(operand.shape)
        if free and index == 0:
            shape[0] = "batch"
        inputs.append(helper.make_tensor_value_info(name, element, shape))
        values[name] = operand
    outputs = ["" for _ in range(max(case.outputs) + 1)]
    for index in case.outputs:
        outputs[index] = f"y{index}"
    node = helper.make_node(case.op, names, outputs, "node", domain=case.domain, **case.attributes)
    infos = [onnx.ValueInfoProto(name=name) for name in outputs if name]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    graph = helper.make_graph([node], "one", inputs, infos, constants)
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString(), values


def session(model: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


RUNS = [(name, half) for name, case in CASES.items() for half in (False, True)[: 1 + case.half]]


@pytest.mark.parametrize("free", [False, True], ids=["static", "free"])
@pytest.mark.parametrize(
    ("name", "half"), RUNS, ids=[f"{name}-{'f16' if half else 'f32'}" for name, half in RUNS]
)
def test_operator(name: str, half: bool, free: bool) -> None:
    case = CASES[name]
    reference, values = build(case, free=False, half=False)
    expected = session(reference).run(None, values)
    model, values = build(case, free, half)
    results = lathe.compile(model, cache=False)(**values)
    for y, wanted in zip(results, expected, strict=True):
        assert y.shape == wanted.shape
        if y.dtype.kind in "iu" and y.dtype.itemsize < 4:
            # A number that all but lies between two integers may be rounded either way. ONNX
            # Runtime's softmax rounds down; test_softmax_rounds says what ours does.
            step = np.abs(y.astype(int) - wanted.astype(int))
            others = y.size if case.op == "QLinearSoftmax" else 1
            assert step.max() <= 1 and np.count_nonzero(step) <= others
        else:
            # Inputs, too, are rounded to 11 bits; sums of up to 36 products of about 1.
            rtol, atol = (8e-3, 8e-3) if half else (1e-5, 2e-5)
            np.testing.assert_allclose(y.astype(np.float32), wanted, rtol, atol)


@pytest.mark.parametrize("name", ["softmax", "softmax-flat"])
def test_softmax_rounds(name: str) -> None:
    """A quantized softmax is the nearest integer to what float64 gives."""
    model, values = build(CASES[name], free=False, half=False)
    _, x_scale, x_zero, y_scale, y_zero = CASES[name].operands
    assert x_scale is not None and x_zero is not None and y_scale is not None and y_zero is not None
    x = (values["x0"].astype(np.float64) - float(x_zero)) * float(x_scale)
    axes = (1,) if name == "softmax" else (1, 2)
    weights = np.exp(x - x.max(axes, keepdims=True))
    wanted = weights / weights.sum(axes, keepdims=True) / float(y_scale) + float(y_zero)
    (y,) = lathe.compile(model, cache=False)(**values)
    assert np.abs(y - wanted).max() <= 0.5 + 1e-4


@pytest.mark.parametrize("parts", [2, 3])
def test_packed_heads(parts: int) -> None:
    """Keys and values, or queries too, in one tensor are what they are in several."""
    q, k, v = floats(2, 5, 3, 8), floats(2, 5, 3, 8), floats(2, 5, 3, 8)
    separate = [x.reshape(2, 5, 24) for x in (q, k, v)]
    packed = [separate[0], np.stack([k, v], 3)] if parts == 2 else [np.stack([q, k, v], 3)]
    attributes = {"num_heads": 3}
    model, values = build(Case("MultiHeadAttention", separate, attributes), False, False)
    (wanted,) = session(model).run(None, values)
    model, values = build(Case("MultiHeadAttention", packed, attributes), True, False)
    (y,) = lathe.compile(model, cache=False)(**values)
    np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-5)


def test_channels_last() -> None:
    """NhwcConv, for which ONNX Runtime has no kernel on processors, is Conv with all turned."""
    x, w, bias = floats(2, 4, 8, 8), floats(6, 2, 3, 3), floats(6)
    attributes = {"group": 2, "pads": [1, 1, 0, 0], "strides": [2, 1]}
    model, values = build(Case("Conv", [x, w, bias], attributes, domain=""), False, False)
    (wanted,) = session(model).run(None, values)
    turned = [x.transpose(0, 2, 3, 1), w.transpose(0, 2, 3, 1), bias]
    model, values = build(Case("NhwcConv", turned, attributes), True, False)
    (y,) = lathe.compile(model, cache=False)(**values)
    np.testing.assert_allclose(y, wanted.transpose(0, 2, 3, 1), rtol=1e-4, atol=1e-5)
    fused = [turned[0], w, bias, floats(*y.shape)]
    case = Case("NhwcFusedConv", fused, {**attributes, "activation": "Relu"})
    model, values = build(case, True, False)
    (z,) = lathe.compile(model, cache=False)(**values)
    np.testing.assert_allclose(z, np.maximum(y + fused[3], 0), rtol=1e-4, atol=1e-5)


def recurrent(directions: int) -> Case:
    hidden, columns = 5, 6
    x = floats(7, 2, columns)
    weights = [narrow(directions, columns, 4 * hidden), narrow(directions, hidden, 4 * hidden)]
    scales = [np.abs(floats(directions)) / 99 + 1e-3, s8(directions) // 9]
    # ONNX Runtime wants no zero point there.
    columnwise = [np.abs(floats(directions, 4 * hidden)) / 99]
    columnwise.append(np.zeros((directions, 4 * hidden), np.int8))
    bias = floats(directions, 8 * hidden)
    attributes = {
        "hidden_size": hidden,
        "direction": "forward" if directions == 1 else "bidirectional",
    }
    operands = [x, *weights, bias, None, None, None, None, *scales, *columnwise]
    constant = frozenset(range(1, len(operands)))
    return Case("DynamicQuantizeLSTM", operands, attributes, constant, outputs=(0, 1, 2))


@pytest.mark.parametrize("directions", [1, 2])
def test_recurrent(directions: int) -> None:
    """An LSTM of bytes is one of the numbers that they stand for."""
    case = recurrent(directions)
    model, values = build(case, free=True, half=False)
    found = lathe.compile(model, cache=False)(**values)
    for y, wanted in zip(found, session(model).run(None, values), strict=True):
        # ONNX Runtime rounds hidden states, from -1 to 1, to bytes in each step.
        np.testing.assert_allclose(y, wanted, rtol=0, atol=2 / 255)

    x, w, r, bias, _, _, _, _, w_scale, w_zero, r_scale, r_zero = case.operands
    assert x is not None and w is not None and r is not None and r_scale is not None
    assert w_scale is not None and w_zero is not None and r_zero is not None
    step = np.float32((max(x.max(), 0) - min(x.min(), 0)) / np.float32(255))
    zero = np.clip(np.rint(-min(x.min(), 0) / step), 0, 255)
    rounded = (np.clip(np.rint(x / step) + zero, 0, 255) - zero) * step
    wide = w_scale[:, None, None], w_zero[:, None, None].astype(float)
    real = (w - wide[1]) * wide[0]
    recurrence = (r - r_zero[:, None].astype(float)) * r_scale[:, None]
    plain = [rounded, real.transpose(0, 2, 1), recurrence.transpose(0, 2, 1), bias]
    plain = [np.asarray(value, np.float32) for value in plain]
    one = Case("LSTM", plain, case.attributes, frozenset({1, 2, 3}), (0, 1, 2), domain="")
    wanted = session(build(one, free=False, half=False)[0]).run(None, {"x0": plain[0]})
    for y, z in zip(found, wanted, strict=True):
        np.testing.assert_allclose(y, z, rtol=1e-4, atol=1e-5)


def transformer() -> onnx.ModelProto:
    """A block that ONNX Runtime's optimizer fuses: norms, gelu, residuals, scaled products."""
    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = []

    def weight(array: Array) -> str:
        constants.append(numpy_helper.from_array(array, f"w{len(constants)}"))
        return constants[-1].name

    def node(op: str, *inputs: str, **attributes: Any) -> str:
        nodes.append(
            helper.make_node(op, inputs, [f"v{len(nodes)}"], f"n{len(nodes)}", **attributes)
        )
        return str(nodes[-1].output[0])

    def norm(x: str) -> str:
        return node("LayerNormalization", x, weight(floats(16)), weight(floats(16)), axis=-1)

    width = weight(scalar(0.25))
    x = norm(node("Add", "x", "s"))
    q, k = (node("MatMul", x, weight(floats(16, 16) / 4)) for _ in range(2))
    scores = node("Mul", node("MatMul", q, node("Transpose", k, perm=[0, 2, 1])), width)
    x = node("Add", x, node("MatMul", node("Softmax", scores, axis=-1), x))
    h = node("Add", node("MatMul", norm(x), weight(floats(16, 32) / 4)), weight(floats(32)))
    root = weight(scalar(2**0.5))
    gate = node("Add", node("Erf", node("Div", h, root)), weight(scalar(1)))
    gelu = node("Mul", node("Mul", h, gate), weight(scalar(0.5)))
    x = node("Add", x, node("MatMul", gelu, weight(floats(32, 16) / 6)))
    y = norm(x)
    infos = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", "t", 16]) for n in "xs"]
    out = [helper.make_tensor_value_info(y, TensorProto.FLOAT, None)]
    graph = helper.make_graph(nodes, "block", infos, out, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_optimized_model(tmp_path: pathlib.Path) -> None:
    """What ONNX Runtime's optimizer writes at its highest level is read and computed."""
    path = tmp_path / "optimized.onnx"
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.optimized_model_filepath = str(path)
    model = transformer()
    optimized = onnxruntime.InferenceSession(model.SerializeToString(), options)
    fused = {n.op_type for n in onnx.load(path).graph.node if n.domain == "com.microsoft"}
    assert len(fused) >= 2, fused
    compiled = lathe.compile(str(path), cache=False)
    values = {"x": floats(2, 5, 16), "s": floats(2, 5, 16)}
    np.testing.assert_allclose(
        compiled(**values)[0], optimized.run(None, values)[0], rtol=1e-4, atol=1e-4
    )
