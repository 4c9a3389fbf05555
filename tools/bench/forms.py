#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times every form of the operators that have strategies against ONNX Runtime, worst first.

A form that no strategy knows falls to loops and shows here as a cliff. Each form is a model of
one operator; both engines run it in turns on one thread, and the least processor time of each
counts.

    tools/bench/forms.py [--only WORD] [--group NAME] [--rounds N] [--markdown] [--least RATIO]
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import lathe
import network_forms
import numpy as np
import onnxruntime
from form import Form
from onnx import TensorProto


def convolutions() -> Iterator[Form]:
    for rank, size in ((1, 4000), (2, 40), (3, 14)):
        image = [size] * rank

        def conv(
            name: str, inputs: int, outputs: int, taps: int = 3, groups: int = 1, **more: Any
        ) -> Form:
            attributes = {"group": groups, "pads": [taps // 2] * 2 * rank}  # noqa: B023
            for key in ("strides", "dilations"):
                if key in more:
                    attributes[key] = [more.pop(key)] * rank  # noqa: B023
            return Form(
                f"conv{rank}d {name}",  # noqa: B023
                "Conv",
                [1, inputs, *image],  # noqa: B023
                [[outputs, inputs // groups] + [taps] * rank],  # noqa: B023
                attributes,
                **more,
            )

        yield conv("plain", 32, 64)
        yield conv("dilated", 32, 64, dilations=2)
        yield conv("strided", 32, 64, strides=2)
        yield conv("pointwise", 64, 64, taps=1)
        yield conv("odd channels", 13, 27)
        yield conv("one input", 1, 32)
        yield conv("three inputs", 3, 32, taps=5, strides=2)
        yield conv("2 groups", 32, 64, groups=2)
        yield conv("8 groups of 4", 32, 32, groups=8)
        yield conv("groups of 3", 36, 36, groups=12)
        yield conv("depthwise", 64, 64, groups=64)
        yield conv("depthwise dilated", 64, 64, groups=64, dilations=2)
        yield conv("depthwise strided", 64, 64, groups=64, strides=2)
        yield conv("depthwise odd", 37, 37, groups=37)
        yield conv("depthwise doubled", 32, 64, groups=32)
        yield conv("open size", 32, 64, open=[rank + 1])
        yield conv("f16", 32, 64, dtype="f16")

        def transposed(name: str, taps: int, stride: int, groups: int = 1, **more: Any) -> Form:
            attributes = {"strides": [stride] * rank, "group": groups, **more}  # noqa: B023
            shape = [1, 32, *(s // stride for s in image)]  # noqa: B023
            return Form(
                f"conv_transpose{rank}d {name}",  # noqa: B023
                "ConvTranspose",
                shape,
                [[32, 32 // groups] + [taps] * rank],  # noqa: B023
                attributes,
            )

        yield transposed("side by side", 2, 2)
        yield transposed("k4 s2 p1", 4, 2, pads=[1] * 2 * rank)
        yield transposed("k3 s2", 3, 2, pads=[1] * 2 * rank, output_padding=[1] * rank)
        yield transposed("k3 s1", 3, 1, pads=[1] * 2 * rank)
        yield transposed("depthwise k4 s2", 4, 2, groups=32, pads=[1] * 2 * rank)
        for op in ("MaxPool", "AveragePool"):
            for stride in (1, 2):
                yield Form(
                    f"{op}{rank}d s{stride}",
                    op,
                    [1, 32, *image],
                    attributes={
                        "kernel_shape": [3] * rank,
                        "strides": [stride] * rank,
                        "pads": [1] * 2 * rank,
                    },
                )
    yield Form("conv2d row of taps", "Conv", [1, 64, 1, 512], [[128, 64, 1, 5]])
    yield Form("conv2d column of taps", "Conv", [1, 64, 512, 1], [[128, 64, 5, 1]])


def movements() -> Iterator[Form]:
    shapes: list[tuple[Sequence[int], Sequence[int]]] = [
        ((1, 224, 224, 32), (0, 3, 1, 2)),
        ((1, 32, 224, 224), (0, 2, 3, 1)),
        ((1, 3, 224, 224), (0, 2, 3, 1)),
        ((1, 224, 224, 3), (0, 3, 1, 2)),
        ((1024, 1024), (1, 0)),
        ((333, 517), (1, 0)),
        ((1, 128, 12, 64), (0, 2, 1, 3)),
        ((1, 12, 128, 64), (0, 1, 3, 2)),
        ((2, 7, 7, 512), (0, 3, 1, 2)),
        ((8, 16, 24, 32), (3, 2, 1, 0)),
    ]
    for shape, order in shapes:
        for dtype in ("f32", "f16", "u8"):
            name = f"transpose {'x'.join(map(str, shape))} {''.join(map(str, order))} {dtype}"
            yield Form(name, "Transpose", shape, attributes={"perm": list(order)}, dtype=dtype)
    yield Form("transpose open", "Transpose", (512, 512), attributes={"perm": [1, 0]}, open=[0, 1])


def resizes() -> Iterator[Form]:
    empty = np.zeros(0, np.float32)
    for mode in ("nearest", "linear", "cubic"):
        for shape, factor in (((1, 3, 256, 256), 2.0), ((1, 32, 64, 64), 4.0)):
            yield Form(
                f"resize {mode} {'x'.join(map(str, shape))} by {factor:g}",
                "Resize",
                shape,
                attributes={"mode": mode},
                constants=[empty, np.array([1, 1, factor, factor], np.float32)],
            )


def others() -> Iterator[Form]:
    for dtype in ("f32", "f16"):
        yield Form(f"matmul {dtype}", "MatMul", [128, 512], [[512, 512]], dtype=dtype)
        yield Form(f"matmul row {dtype}", "MatMul", [1, 1024], [[1024, 1024]], dtype=dtype)
        yield Form(f"softmax {dtype}", "Softmax", [512, 512], dtype=dtype)
        yield Form(f"sigmoid {dtype}", "Sigmoid", [1 << 18], dtype=dtype)
        yield Form(f"add {dtype}", "Add", [256, 1024], [[1024]], dtype=dtype)
        yield Form(f"relu {dtype}", "Relu", [256, 1024], dtype=dtype)
        yield Form(
            f"reduce {dtype}",
            "ReduceMean",
            [1, 256, 64, 64],
            attributes={"axes": [2, 3]},
            dtype=dtype,
        )
        yield Form(
            f"layer_norm {dtype}", "LayerNormalization", [256, 768], [[768], [768]], dtype=dtype
        )


def reductions() -> Iterator[Form]:
    for op in ("ReduceMean", "ReduceMax", "ReduceL2"):
        for name, shape, axes in [
            ("inner", [4096, 256], [1]),
            ("outer", [256, 4096], [0]),
            ("middle", [32, 128, 256], [1]),
            ("all", [512, 512], [0, 1]),
            ("channels", [1, 64, 56, 56], [1]),
            ("short inner", [65536, 8], [1]),
        ]:
            yield Form(f"{op} {name}", op, shape, attributes={"axes": axes})
    axis = np.array([1], np.int64)
    yield Form("ReduceSum middle", "ReduceSum", [32, 128, 256], constants=[axis])
    yield Form("argmax inner", "ArgMax", [512, 1000], attributes={"axis": 1})
    yield Form("argmax channels", "ArgMax", [1, 21, 128, 128], attributes={"axis": 1})
    yield Form("softmax channels", "Softmax", [1, 21, 128, 128], attributes={"axis": 1})
    yield Form("softmax odd", "Softmax", [1000, 77], attributes={"axis": -1})
    yield Form("softmax long", "Softmax", [4, 50257], attributes={"axis": -1})
    yield Form("log_softmax", "LogSoftmax", [512, 512], attributes={"axis": -1})
    yield Form("cumsum inner", "CumSum", [512, 512], constants=[np.array(1, np.int64)])
    yield Form("cumsum outer", "CumSum", [512, 512], constants=[np.array(0, np.int64)])
    k = np.array([10], np.int64)
    yield Form("topk", "TopK", [64, 1000], constants=[k], outputs=2)
    yield Form("topk one", "TopK", [64, 1000], constants=[np.array([1], np.int64)], outputs=2)


def normalizations() -> Iterator[Form]:
    for width in (96, 768, 333, 48):
        yield Form(f"layer_norm {width}", "LayerNormalization", [512, width], [[width], [width]])
    image = [1, 64, 56, 56]
    yield Form("instance_norm", "InstanceNormalization", image, [[64], [64]])
    yield Form(
        "batch_norm",
        "BatchNormalization",
        image,
        constants=[np.full(64, value, np.float32) for value in (1.5, 0.5, 0.25, 2.0)],
    )
    yield Form("lp_norm", "LpNormalization", [512, 512], attributes={"axis": 1})
    yield Form("lrn", "LRN", image, attributes={"size": 5})


def pieces() -> Iterator[Form]:
    table = np.random.default_rng(3).uniform(-1, 1, (64, 512)).astype(np.float32)
    for op, shape, axis in [("Split", [1, 64, 56, 56], 1), ("Split", [512, 768], 1)]:
        yield Form(f"split {shape}", op, shape, attributes={"axis": axis}, outputs=2)
    starts = [np.array(v, np.int64) for v in ([0, 8], [512, 500], [0, 1])]
    yield Form("slice columns", "Slice", [512, 512], constants=starts)
    steps = [np.array(v, np.int64) for v in ([0], [512], [1], [2])]
    yield Form("slice every second", "Slice", [512, 512], constants=steps)
    back = [np.array(v, np.int64) for v in ([-1], [-513], [1], [-1])]
    yield Form("slice reversed", "Slice", [512, 512], constants=back)
    amounts = np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64)
    for mode in ("constant", "reflect", "edge"):
        yield Form(
            f"pad {mode}", "Pad", [1, 64, 56, 56], attributes={"mode": mode}, constants=[amounts]
        )
    yield Form("tile", "Tile", [64, 64], constants=[np.array([8, 8], np.int64)])
    yield Form("expand", "Expand", [64, 1, 64], constants=[np.array([64, 64, 64], np.int64)])
    ids = np.arange(0, 512, 2)
    yield Form("gather rows", "Gather", [512, 768], constants=[ids])
    yield Form("gather columns", "Gather", [512, 768], attributes={"axis": 1}, constants=[ids])
    places = np.random.default_rng(4).integers(0, 512, (512, 512))
    yield Form("gather elements", "GatherElements", [512, 512], constants=[places])
    pairs = np.random.default_rng(5).integers(0, 256, (4096, 2))
    yield Form("gather nd", "GatherND", [256, 256, 8], constants=[pairs])
    yield Form(
        "scatter elements",
        "ScatterElements",
        [512, 512],
        constants=[places[:64], np.ones((64, 512), np.float32)],
    )
    yield Form("space to depth", "SpaceToDepth", [1, 16, 128, 128], attributes={"blocksize": 2})
    yield Form("depth to space", "DepthToSpace", [1, 64, 64, 64], attributes={"blocksize": 2})
    yield Form("clip", "Clip", [512, 512], constants=[np.float32(-0.5), np.float32(0.5)])
    yield Form(
        "one hot",
        "OneHot",
        [4096],
        dtype="i64",
        constants=[np.array(64, np.int64), np.array([0, 1], np.float32)],
    )
    yield Form("cast to i64", "Cast", [512, 512], attributes={"to": TensorProto.INT64})
    yield Form("cast to f16", "Cast", [512, 512], attributes={"to": TensorProto.FLOAT16})
    yield Form("mul by row", "Mul", [512, 512], constants=[table[:1, :512].copy()])
    yield Form("mul by column", "Mul", [64, 512], constants=[table[:, :1].copy()])
    yield Form("mul by channel", "Mul", [1, 64, 56, 56], [[64, 1, 1]])
    for op in ("Exp", "Tanh", "Erf", "Sqrt", "Abs", "Softplus", "HardSwish", "Elu"):
        yield Form(op.lower(), op, [512, 512])
    yield Form("pow", "Pow", [512, 512], constants=[np.float32(2.0)])
    yield Form("pow root", "Pow", [512, 512], constants=[np.float32(0.5)])


def products() -> Iterator[Form]:
    yield Form("matmul batch open", "MatMul", [128, 512], [[512, 512]], open=[0])
    yield Form("matmul small", "MatMul", [4, 64], [[64, 10]])
    yield Form("matmul thin", "MatMul", [4096, 64], [[64, 3]])
    yield Form("matmul deep", "MatMul", [16, 8192], [[8192, 64]])
    yield Form("matmul rows 8", "MatMul", [8, 1024], [[1024, 1024]])
    yield Form("matmul batched", "MatMul", [12, 128, 64], [[12, 64, 128]])
    yield Form("gemm transposed", "Gemm", [128, 512], [[512, 512], [512]], {"transB": 1})
    yield Form("matmul denormal", "MatMul", [128, 512], [[512, 512]], scale=1e-38)
    for op, gates in (("LSTM", 4), ("GRU", 3), ("RNN", 1)):
        size, steps = 128, 64
        yield Form(
            op.lower(),
            op,
            [steps, 1, 64],
            [[1, gates * size, 64], [1, gates * size, size]],
            {"hidden_size": size},
            weight_scale=0.1,
        )
    yield Form(
        "lstm both ways",
        "LSTM",
        [64, 4, 64],
        [[2, 512, 64], [2, 512, 128]],
        {"hidden_size": 128, "direction": "bidirectional"},
        weight_scale=0.1,
    )


def further() -> Iterator[Form]:
    """Axes, windows, sizes and types that a strategy for the common form may not take."""
    for op in ("ArgMax", "ArgMin"):
        for axis, shape in (
            (0, [256, 1024]),
            (1, [16, 128, 256]),
            (2, [64, 64, 64]),
            (1, [4096, 8]),
        ):
            name = f"{op} axis {axis} of {'x'.join(map(str, shape))}"
            yield Form(name, op, shape, attributes={"axis": axis})
    for op in ("ReduceMean", "ReduceMax", "ReduceProd"):
        yield Form(f"{op} first and last", op, [32, 64, 128], attributes={"axes": [0, 2]})
        yield Form(f"{op} batch and image", op, [8, 64, 28, 28], attributes={"axes": [0, 2, 3]})
        yield Form(f"{op} outer odd", op, [100, 333], attributes={"axes": [0]})
    for op in ("AveragePool", "MaxPool"):
        yield Form(f"{op} 7x7", op, [1, 64, 56, 56], attributes={"kernel_shape": [7, 7]})
        window = {"kernel_shape": [13, 13], "pads": [6] * 4}
        yield Form(f"{op} 13x13", op, [1, 64, 28, 28], attributes=window)
        window = {"kernel_shape": [8, 8], "strides": [8, 8]}
        yield Form(f"{op} 8x8 side by side", op, [1, 64, 64, 64], attributes=window)
    yield Form("global average", "GlobalAveragePool", [1, 512, 14, 14])
    yield Form("global max", "GlobalMaxPool", [1, 512, 14, 14])
    yield Form("cumsum middle", "CumSum", [16, 128, 128], constants=[np.array(1, np.int64)])
    empty = np.zeros(0, np.float32)
    for mode in ("linear", "cubic"):
        for size, target in (((1, 8, 65, 97), (129, 193)), ((1, 8, 193, 129), (97, 65))):
            sizes = np.array([1, 8, *target], np.int64)
            name = f"resize {mode} {size[2]}x{size[3]} to {target[0]}x{target[1]}"
            yield Form(
                name, "Resize", size, attributes={"mode": mode}, constants=[empty, empty, sizes]
            )
    for shape, order in (
        ((8, 12, 64, 64), (0, 2, 1, 3)),
        ((4, 33, 65, 17), (0, 3, 1, 2)),
        ((4, 8, 16, 16, 24), (0, 2, 1, 4, 3)),
        ((1, 8, 8, 32, 32), (0, 3, 1, 4, 2)),
        ((2, 16, 2, 16, 48), (0, 1, 3, 2, 4)),
    ):
        name = f"transpose {'x'.join(map(str, shape))} {''.join(map(str, order))}"
        yield Form(name, "Transpose", shape, attributes={"perm": list(order)})
    ids = np.random.default_rng(6).integers(0, 4096, 1024)
    yield Form("gather rows of 32", "Gather", [4096, 32], constants=[ids])
    yield Form("gather rows of 300", "Gather", [4096, 300], constants=[ids])
    yield Form("softmax middle", "Softmax", [32, 64, 128], attributes={"axis": 1})
    yield Form("softmax first", "Softmax", [64, 2048], attributes={"axis": 0})
    for width in (33, 1023):
        yield Form(
            f"layer_norm odd {width}", "LayerNormalization", [512, width], [[width], [width]]
        )
    mask = np.random.default_rng(7).uniform(size=(1, 1, 128, 128)) < 0.5
    rows = np.random.default_rng(8).uniform(size=(64, 1)) < 0.5
    yield Form("equal", "Equal", [512, 512], [[512]])
    yield Form("less column", "Less", [512, 512], [[512, 1]])
    yield Form("expand rows", "Expand", [1, 512], constants=[np.array([512, 512], np.int64)])
    yield Form("expand columns", "Expand", [512, 1], constants=[np.array([512, 512], np.int64)])
    for name, condition, shape in (("mask", mask, [4, 8, 128, 128]), ("rows", rows, [64, 4096])):
        form = Form(f"where {name}", "Where", shape, constants=[condition, np.float32(-1e9)])
        yield dataclasses.replace(form, order=(1, 0, 2))
    for to in ("FLOAT16", "BFLOAT16", "INT8", "UINT8", "INT32", "BOOL", "DOUBLE"):
        form = Form(
            f"cast f32 to {to}",
            "Cast",
            [512, 512],
            attributes={"to": TensorProto.DataType.Value(to)},
        )
        yield dataclasses.replace(form, scale=100.0)
    to_float = {"to": TensorProto.FLOAT}
    yield Form("cast f16 to f32", "Cast", [512, 512], attributes=to_float, dtype="f16")
    yield Form("cast u8 to f32", "Cast", [512, 512], attributes=to_float, dtype="u8")
    yield Form("cast i64 to f32", "Cast", [512, 512], attributes=to_float, dtype="i64")
    scale, zero = np.float32(0.02), np.uint8(120)
    yield Form("quantize", "QuantizeLinear", [512, 512], constants=[scale, zero])
    yield Form("dequantize", "DequantizeLinear", [512, 512], constants=[scale, zero], dtype="u8")
    yield Form("instance_norm 1d", "InstanceNormalization", [4, 64, 3000], [[64], [64]])
    yield Form("mean variance", "MeanVarianceNormalization", [4, 64, 28, 28])
    yield Form(
        "lstm small",
        "LSTM",
        [32, 2, 40],
        [[1, 4 * 32, 40], [1, 4 * 32, 32]],
        {"hidden_size": 32},
        weight_scale=0.1,
    )
    yield Form(
        "conv_transpose2d wide",
        "ConvTranspose",
        [1, 64, 32, 32],
        [[64, 32, 5, 5]],
        {"strides": [2, 2]},
    )
    yield Form("not zero", "NonZero", [512, 512])
    yield Form("trilu", "Trilu", [512, 512])
    yield Form("max of two", "Max", [512, 512], [[512, 512]])
    yield Form("mod", "Mod", [512, 512], [[512]], {"fmod": 1})
    yield Form("round", "Round", [512, 512])
    yield Form("gelu", "Gelu", [512, 512], opset=20)
    yield Form("reduce log sum exp", "ReduceLogSumExp", [512, 512], attributes={"axes": [1]})
    yield Form("einsum", "Einsum", [8, 64, 32], [[8, 32, 64]], {"equation": "bij,bjk->bik"})
    yield Form("einsum outer", "Einsum", [64, 32, 16], [[16, 32, 8]], {"equation": "aij,jib->ab"})


def quantized() -> Iterator[Form]:
    """Weights in codes, with few rows and many, and integers."""
    rng = np.random.default_rng(9)
    n, k, block = 1024, 1024, 32
    scales = rng.uniform(0.5, 1, n * k // block).astype(np.float32) / 500
    for bits in (4, 8):
        codes = rng.integers(0, 256, (n, k // block, block * bits // 8)).astype(np.uint8)
        for rows in (1, 8, 128):
            form = Form(
                f"matmul {bits} bits {rows} rows",
                "MatMulNBits",
                [rows, k],
                attributes={"N": n, "K": k, "bits": bits, "block_size": block},
                constants=[codes, scales],
            )
            yield dataclasses.replace(form, domain="com.microsoft")
    weights = rng.integers(0, 255, (512, 512)).astype(np.uint8)
    zeros = [np.uint8(120), np.uint8(130)]
    for rows in (1, 128):
        yield Form(
            f"matmul integer {rows} rows",
            "MatMulInteger",
            [rows, 512],
            constants=[weights, *zeros],
            dtype="u8",
        )


def sizes() -> Iterator[Form]:
    """Odd sizes, broadcasts and many operands."""
    for m, k, n in ((127, 333, 65), (1, 4096, 1000), (300, 7, 300), (64, 2000, 17), (5, 5, 5)):
        yield Form(f"matmul {m}x{k}x{n}", "MatMul", [m, k], [[k, n]])
    yield Form("matmul broadcast batch", "MatMul", [8, 1, 64, 64], [[1, 12, 64, 64]])
    yield Form("matmul vector", "MatMul", [4, 128, 512], [[512]])
    yield Form("gemm transA", "Gemm", [512, 128], [[512, 256], [256]], {"transA": 1})
    yield Form("gemm transA transB", "Gemm", [512, 128], [[256, 512]], {"transA": 1, "transB": 1})
    yield Form("concat of 12", "Concat", [1, 8, 56, 56], [[1, 8, 56, 56]] * 11, {"axis": 1})
    yield Form("concat columns", "Concat", [512, 64], [[512, 64]] * 7, {"axis": 1})
    for mode in ("reflect", "edge", "wrap"):
        amounts = np.array([0, 0, 3, 3, 0, 0, 3, 3], np.int64)
        yield Form(
            f"pad {mode} 3",
            "Pad",
            [1, 8, 65, 97],
            attributes={"mode": mode},
            constants=[amounts],
            opset=19,
        )
    for op in ("Add", "Mul", "Div", "Max"):
        yield Form(f"{op.lower()} i64", op, [512, 512], constants=[np.array(3)], dtype="i64")
    group = [np.ones(64, np.float32), np.zeros(64, np.float32)]
    norm = {"num_groups": 8}
    yield Form(
        "group_norm", "GroupNormalization", [2, 64, 28, 28], (), norm, constants=group, opset=21
    )
    rng = np.random.default_rng(10)
    for kept in (3, 50):
        wanted = [np.array([kept], np.int64)]
        yield Form(f"topk {kept} of 300", "TopK", [64, 300], constants=wanted, outputs=2)
    places, updates = rng.integers(0, 512, (64, 1)), rng.uniform(size=(64, 512)).astype(np.float32)
    yield Form("scatter nd", "ScatterND", [512, 512], constants=[places, updates])
    yield Form("cumsum long", "CumSum", [4, 50000], constants=[np.array(1, np.int64)])
    yield Form("reverse", "ReverseSequence", [64, 8, 64], constants=[np.full(8, 40)])
    heads = {"q_num_heads": 8, "kv_num_heads": 8}
    for rows in (1, 64):
        yield Form(
            f"attention {rows} rows",
            "Attention",
            [1, rows, 512],
            [[1, 128, 512]] * 2,
            heads,
            opset=23,
        )


GROUPS: list[Callable[[], Iterator[Form]]] = [
    convolutions,
    movements,
    resizes,
    others,
    reductions,
    normalizations,
    pieces,
    products,
    further,
    quantized,
    sizes,
    *network_forms.GROUPS,
]


def least_times(runs: Sequence[Callable[[], Any]], rounds: int) -> list[float]:
    """The least milliseconds of each, in turns, each long enough to be measured."""
    counts = []
    for run in runs:
        run()
        start = time.process_time()
        run()
        counts.append(max(1, int(0.002 / max(time.process_time() - start, 1e-6))))
    best = [float("inf")] * len(runs)
    for _ in range(rounds):
        for i, run in enumerate(runs):
            start = time.process_time()
            for _ in range(counts[i]):
                run()
            best[i] = min(best[i], (time.process_time() - start) / counts[i])
    return [1e3 * seconds for seconds in best]


def measure(form: Form, rounds: int) -> tuple[float, float]:
    """Milliseconds of ONNX Runtime and of Lathe; their results are compared."""
    model, x = form.model(), form.input()
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    peer = onnxruntime.InferenceSession(
        model.SerializeToString(), settings, providers=["CPUExecutionProvider"]
    )
    mine = lathe.compile(model)
    expected, result = peer.run(None, {"x": x})[0], mine(x)[0]
    tolerance = 2e-2 if form.dtype == "f16" else 1e-3
    np.testing.assert_allclose(
        result.astype(np.float64), expected.astype(np.float64), rtol=tolerance, atol=tolerance
    )
    ort, own = least_times([lambda: peer.run(None, {"x": x}), lambda: mine(x)], rounds)
    return ort, own


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="forms whose name has this in it")
    parser.add_argument("--group", default="", help="one group of forms, as 'reductions'")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--markdown", action="store_true", help="print a table")
    parser.add_argument("--least", type=float, default=0.0, help="fail below this ratio")
    arguments = parser.parse_args()
    lathe.set_threads(1)
    rows = []
    failed = False
    for group in GROUPS:
        if arguments.group not in ("", group.__name__):
            continue
        for form in group():
            if arguments.only not in form.name:
                continue
            try:
                ort, own = measure(form, arguments.rounds)
            except Exception as error:  # A form that one engine refuses is a line of its own.
                print(f"{form.name}: {str(error).strip().splitlines()[0]}", file=sys.stderr)
                failed = failed or isinstance(error, AssertionError | lathe.LatheError)
                continue
            rows.append((ort / own, form.name, ort, own))
    rows.sort()
    if arguments.markdown:
        print("| form | ORT ms | Lathe ms | ratio |\n|---|---|---|---|")
    for ratio, name, ort, own in rows:
        if arguments.markdown:
            print(f"| {name} | {ort:.3f} | {own:.3f} | {ratio:.2f} |")
        else:
            print(f"{ratio:6.2f}  {ort:8.3f}  {own:8.3f}  {name}", flush=True)
    return 1 if failed or (rows and rows[0][0] < arguments.least) else 0


if __name__ == "__main__":
    sys.exit(main())
