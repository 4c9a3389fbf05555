# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""More forms for forms.py: what networks have beside the common form of an operator."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from form import Chain, Form


def conv(
    name: str,
    shape: Sequence[int],
    filters: Sequence[int],
    open: Sequence[int] = (),
    dtype: str = "f32",
    **attributes: Any,
) -> Form:
    return Form(name, "Conv", shape, [filters], attributes, dtype, open)


def convolutions_of_networks() -> Iterator[Form]:
    """Shapes and attributes of layers that networks have."""
    same = {"pads": [1] * 4}
    yield conv(
        "conv first layer 7x7", [1, 3, 224, 224], [64, 3, 7, 7], strides=[2, 2], pads=[3] * 4
    )
    yield conv("conv first layer 3x3", [1, 3, 224, 224], [32, 3, 3, 3], strides=[2, 2], **same)
    yield conv("conv patches 16x16", [1, 3, 224, 224], [192, 3, 16, 16], strides=[16, 16])
    yield conv("conv patches 4x4", [1, 3, 224, 224], [96, 3, 4, 4], strides=[4, 4])
    yield conv("conv batch open", [2, 32, 56, 56], [64, 32, 3, 3], open=[0], **same)
    yield conv("conv image open", [1, 32, 56, 56], [64, 32, 3, 3], open=[2, 3], **same)
    yield conv("conv all open", [2, 32, 56, 56], [64, 32, 3, 3], open=[0, 2, 3], **same)
    yield conv(
        "conv all open strided",
        [2, 32, 56, 56],
        [64, 32, 3, 3],
        open=[0, 2, 3],
        strides=[2, 2],
        **same,
    )
    yield conv("conv pointwise all open", [2, 64, 28, 28], [256, 64, 1, 1], open=[0, 2, 3])
    yield conv("conv pointwise strided", [1, 256, 56, 56], [512, 256, 1, 1], strides=[2, 2])
    yield conv(
        "conv depthwise all open", [2, 64, 56, 56], [64, 1, 3, 3], open=[0, 2, 3], group=64, **same
    )
    yield conv("conv depthwise 7x7", [1, 96, 56, 56], [96, 1, 7, 7], group=96, pads=[3] * 4)
    yield conv(
        "conv depthwise 5x5 s2",
        [1, 96, 56, 56],
        [96, 1, 5, 5],
        group=96,
        pads=[2] * 4,
        strides=[2, 2],
    )
    yield conv("conv depthwise 31x31", [1, 64, 32, 32], [64, 1, 31, 31], group=64, pads=[15] * 4)
    yield conv("conv 32 groups of 4", [1, 128, 56, 56], [128, 4, 3, 3], group=32, **same)
    yield conv(
        "conv 32 groups of 8 s2", [1, 256, 28, 28], [256, 8, 3, 3], group=32, strides=[2, 2], **same
    )
    yield conv("conv 3 groups of 80", [1, 240, 28, 28], [240, 80, 1, 1], group=3)
    yield conv("conv 1x7", [1, 160, 17, 17], [160, 160, 1, 7], pads=[0, 3, 0, 3])
    yield conv("conv 7x1", [1, 160, 17, 17], [160, 160, 7, 1], pads=[3, 0, 3, 0])
    yield conv(
        "conv atrous rate 12", [1, 256, 33, 33], [256, 256, 3, 3], pads=[12] * 4, dilations=[12, 12]
    )
    yield conv("conv to one channel", [1, 64, 128, 128], [1, 64, 3, 3], **same)
    yield conv("conv to 3 channels", [1, 64, 128, 128], [3, 64, 3, 3], **same)
    yield conv("conv to 21 channels", [1, 256, 64, 64], [21, 256, 1, 1])
    yield conv(
        "conv uneven pads", [1, 32, 57, 57], [64, 32, 3, 3], pads=[0, 0, 1, 1], strides=[2, 2]
    )
    yield conv("conv of 7x7 image", [1, 512, 7, 7], [512, 512, 3, 3], **same)
    yield conv("conv of 1x1 image", [1, 960, 1, 1], [240, 960, 1, 1])
    yield conv("conv whole image", [1, 256, 6, 6], [1024, 256, 6, 6])
    yield conv(
        "conv auto pad", [1, 32, 56, 56], [64, 32, 3, 3], auto_pad="SAME_UPPER", strides=[2, 2]
    )
    yield conv("conv1d of audio", [1, 1, 16000], [512, 1, 10], strides=[5])
    yield conv("conv1d strided 512", [1, 512, 800], [512, 512, 3], strides=[2])
    yield conv("conv1d dilated 8", [1, 64, 1000], [128, 64, 3], pads=[8, 8], dilations=[8])
    yield conv("conv1d causal depthwise", [1, 256, 400], [256, 1, 31], group=256, pads=[15, 15])
    yield conv("conv1d open length", [1, 80, 300], [256, 80, 5], open=[2], pads=[2, 2])
    yield conv(
        "conv1d 128 taps in 16 groups", [1, 768, 199], [768, 48, 128], group=16, pads=[64, 64]
    )
    yield conv(
        "conv3d of video",
        [1, 3, 8, 56, 56],
        [32, 3, 3, 7, 7],
        strides=[1, 2, 2],
        pads=[1, 3, 3, 1, 3, 3],
    )
    yield conv("conv3d 1x3x3", [1, 32, 8, 28, 28], [64, 32, 1, 3, 3], pads=[0, 1, 1, 0, 1, 1])
    yield conv("conv3d 3x1x1", [1, 32, 8, 28, 28], [64, 32, 3, 1, 1], pads=[1, 0, 0, 1, 0, 0])
    yield conv(
        "conv f16 all open", [2, 32, 28, 28], [64, 32, 3, 3], open=[0, 2, 3], dtype="f16", **same
    )
    yield conv("conv f16 pointwise", [1, 64, 28, 28], [256, 64, 1, 1], dtype="f16")
    yield conv("conv f16 depthwise", [1, 64, 56, 56], [64, 1, 3, 3], dtype="f16", group=64, **same)
    for name, shape, filters, more in (
        ("unet", [1, 128, 32, 32], [128, 64, 2, 2], {"strides": [2, 2]}),
        ("dcgan", [1, 256, 8, 8], [256, 128, 4, 4], {"strides": [2, 2], "pads": [1] * 4}),
        ("first of dcgan", [1, 100, 1, 1], [100, 512, 4, 4], {}),
        ("to one channel", [1, 64, 64, 64], [64, 1, 2, 2], {"strides": [2, 2]}),
        (
            "bilinear",
            [1, 21, 32, 32],
            [21, 1, 16, 16],
            {"strides": [8, 8], "group": 21, "pads": [4] * 4},
        ),
        ("of sound s8", [1, 256, 200], [256, 128, 16], {"strides": [8], "pads": [4, 4]}),
        ("dilated", [1, 32, 32, 32], [32, 32, 3, 3], {"dilations": [2, 2], "pads": [2] * 4}),
        ("3d", [1, 32, 8, 8, 8], [32, 16, 2, 2, 2], {"strides": [2, 2, 2]}),
    ):
        yield Form(f"conv_transpose {name}", "ConvTranspose", shape, [filters], more)
    yield Form(
        "conv_transpose open",
        "ConvTranspose",
        [1, 64, 32, 32],
        [[64, 32, 4, 4]],
        {"strides": [2, 2], "pads": [1] * 4},
        open=[0, 2, 3],
    )


def pools() -> Iterator[Form]:
    """Windows, ceilings, open sizes."""
    image = [1, 64, 112, 112]
    window = {"kernel_shape": [3, 3], "strides": [2, 2]}
    for op in ("MaxPool", "AveragePool"):
        yield Form(f"{op} ceil", op, image, attributes={**window, "ceil_mode": 1})
        yield Form(f"{op} open", op, image, attributes={**window, "pads": [1] * 4}, open=[0, 2, 3])
        yield Form(f"{op} 2x2", op, image, attributes={"kernel_shape": [2, 2], "strides": [2, 2]})
        yield Form(f"{op} uneven", op, image, attributes={**window, "pads": [0, 0, 1, 1]})
        yield Form(f"{op} 2x1", op, image, attributes={"kernel_shape": [2, 1], "strides": [2, 1]})
        whole = {"kernel_shape": [7, 7]}
        yield Form(f"{op} whole image", op, [1, 512, 7, 7], attributes=whole)
        yield Form(f"{op} odd channels", op, [1, 13, 64, 64], attributes=window)
        yield Form(f"{op} f16", op, image, attributes=window, dtype="f16")
    counted = {**window, "pads": [1] * 4, "count_include_pad": 1}
    yield Form("AveragePool with padding", "AveragePool", image, attributes=counted)
    yield Form("MaxPool dilated", "MaxPool", image, attributes={**window, "dilations": [2, 2]})
    yield Form("MaxPool indices", "MaxPool", image, attributes=window, outputs=2)
    yield Form("LpPool", "LpPool", image, attributes=window)
    yield Form("global average open", "GlobalAveragePool", [1, 512, 14, 14], open=[0, 2, 3])
    yield Form("global average 3d", "GlobalAveragePool", [1, 64, 8, 14, 14])


def rows_and_axes() -> Iterator[Form]:
    """Softmax, normalisations and reductions of odd, tiny, huge and open sizes."""
    for shape, axis in (
        ((8, 12, 128, 128), -1),
        ((100000, 4), -1),
        ((4096, 10), -1),
        ((1, 1000), -1),
        ((1, 100000), -1),
        ((8400, 4, 16), 1),
        ((1, 16, 4, 8400), 1),
        ((1, 150, 64, 64), 1),
    ):
        name = f"softmax {'x'.join(map(str, shape))} axis {axis}"
        yield Form(name, "Softmax", shape, attributes={"axis": axis})
    yield Form("softmax open", "Softmax", [12, 128, 128], attributes={"axis": -1}, open=[0, 1, 2])
    yield Form("softmax f16 long", "Softmax", [16, 4096], attributes={"axis": -1}, dtype="f16")
    for width in (1, 5, 17, 64, 4096):
        rows = max(16, 65536 // width)
        yield Form(
            f"layer_norm of {width}", "LayerNormalization", [rows, width], [[width], [width]]
        )
    yield Form("layer_norm open", "LayerNormalization", [2, 128, 768], [[768], [768]], open=[0, 1])
    yield Form(
        "layer_norm of two axes",
        "LayerNormalization",
        [4, 64, 28, 28],
        [[28, 28], [28, 28]],
        {"axis": 2},
    )
    norm = {"dtype": "f32", "opset": 23}
    yield Form("rms_norm 768", "RMSNormalization", [512, 768], [[768]], {}, **norm)
    yield Form("rms_norm 4096", "RMSNormalization", [16, 4096], [[4096]], {}, **norm)
    yield Form("rms_norm open", "RMSNormalization", [128, 768], [[768]], {}, open=[0], **norm)
    yield Form(
        "instance_norm open", "InstanceNormalization", [1, 32, 56, 56], [[32], [32]], open=[0, 2, 3]
    )
    yield Form("instance_norm small", "InstanceNormalization", [8, 256, 7, 7], [[256], [256]])
    for kind in (
        "ReduceSum",
        "ReduceMean",
        "ReduceMax",
        "ReduceSumSquare",
        "ReduceL1",
        "ReduceLogSum",
    ):
        axis = {"axes": [1]} if kind != "ReduceSum" else {}
        constants = [np.array([1], np.int64)] if kind == "ReduceSum" else []
        yield Form(
            f"{kind} rows open", kind, [512, 512], attributes=axis, constants=constants, open=[0, 1]
        )
        yield Form(f"{kind} of 3", kind, [65536, 3], attributes=axis, constants=constants)
    yield Form(
        "ReduceMean columns open", "ReduceMean", [512, 512], attributes={"axes": [0]}, open=[0, 1]
    )
    yield Form(
        "ReduceMean image open",
        "ReduceMean",
        [1, 64, 56, 56],
        attributes={"axes": [2, 3]},
        open=[2, 3],
    )
    yield Form(
        "ReduceMax all f16", "ReduceMax", [512, 512], attributes={"axes": [0, 1]}, dtype="f16"
    )
    yield Form("ReduceMax i64", "ReduceMax", [512, 512], attributes={"axes": [1]}, dtype="i64")
    yield Form("ReduceMean of a long row", "ReduceMean", [1, 1 << 18], attributes={"axes": [1]})
    yield Form("ArgMax open", "ArgMax", [512, 1000], attributes={"axis": 1}, open=[0, 1])
    yield Form("ArgMax long", "ArgMax", [1, 50257], attributes={"axis": 1})
    yield Form("ArgMax i64", "ArgMax", [512, 100], attributes={"axis": 1}, dtype="i64")
    yield Form("cumsum open", "CumSum", [64, 1024], constants=[np.array(1, np.int64)], open=[0, 1])
    yield Form("cumsum i64", "CumSum", [64, 1024], constants=[np.array(1, np.int64)], dtype="i64")
    yield Form(
        "cumsum reverse exclusive",
        "CumSum",
        [64, 1024],
        attributes={"reverse": 1, "exclusive": 1},
        constants=[np.array(1, np.int64)],
    )
    for k, size, rows in (
        (1, 50257, 1),
        (5, 1000, 1),
        (40, 50257, 1),
        (100, 8400, 1),
        (300, 8400, 1),
        (1000, 1000, 16),
    ):
        yield Form(
            f"topk {k} of {size}",
            "TopK",
            [rows, size],
            constants=[np.array([k], np.int64)],
            outputs=2,
        )
    yield Form(
        "topk open", "TopK", [16, 1000], constants=[np.array([5], np.int64)], outputs=2, open=[0, 1]
    )
    yield Form(
        "topk axis 1",
        "TopK",
        [1, 512, 64],
        attributes={"axis": 1},
        constants=[np.array([5], np.int64)],
        outputs=2,
    )


def places() -> Iterator[Form]:
    """Gathers, scatters, concatenations, slices and resizes of detectors and language models."""
    rng = np.random.default_rng(11)
    ids = rng.integers(0, 1000, 128)
    yield Form("gather middle", "Gather", [4, 1000, 32], attributes={"axis": 1}, constants=[ids])
    yield Form("gather last", "Gather", [64, 1000], attributes={"axis": 1}, constants=[ids])
    yield Form(
        "gather one", "Gather", [1, 128, 768], attributes={"axis": 1}, constants=[np.array(0)]
    )
    by_ids = Form("gather by input", "Gather", [8, 128], constants=[], dtype="i64")
    table = rng.uniform(-1, 1, (1000, 256)).astype(np.float32)
    yield dataclasses.replace(by_ids, constants=[table], order=(1, 0))
    flat = rng.integers(0, 512, (16, 8400))
    yield Form(
        "gather elements last",
        "GatherElements",
        [16, 512],
        attributes={"axis": 1},
        constants=[flat],
    )
    nd = rng.integers(0, 64, (1024, 3))
    yield Form("gather nd single", "GatherND", [64, 64, 64], constants=[nd])
    rows = rng.permutation(4096)[:512].reshape(-1, 1)
    yield Form(
        "scatter nd rows",
        "ScatterND",
        [4096, 64],
        constants=[rows, rng.uniform(size=(512, 64)).astype(np.float32)],
    )
    yield Form(
        "scatter elements add",
        "ScatterElements",
        [1024, 64],
        attributes={"reduction": "add"},
        constants=[rng.integers(0, 1024, (1024, 64)), np.ones((1024, 64), np.float32)],
        opset=18,
    )
    yield Form("concat channels", "Concat", [1, 64, 28, 28], [[1, 32, 28, 28]] * 3, {"axis": 1})
    yield Form(
        "concat last",
        "Concat",
        [1, 3, 80, 80, 2],
        [[1, 3, 80, 80, 2], [1, 3, 80, 80, 81]],
        {"axis": 4},
    )
    yield Form("concat cache", "Concat", [1, 12, 127, 64], [[1, 12, 1, 64]], {"axis": 2})
    yield Form(
        "concat cache open", "Concat", [1, 12, 127, 64], [[1, 12, 1, 64]], {"axis": 2}, open=[2]
    )
    yield Form("split of 3", "Split", [1, 128, 2304], attributes={"axis": 2}, outputs=3, opset=13)
    yield Form(
        "split of 85",
        "Split",
        [1, 25200, 85],
        constants=[np.array([4, 1, 80])],
        attributes={"axis": 2},
        outputs=3,
        opset=13,
    )
    half = [np.array(v, np.int64) for v in ([0, 0], [1 << 40, 1 << 40], [2, 3], [2, 2])]
    yield Form("slice focus", "Slice", [1, 3, 320, 320], constants=half)
    last = [np.array(v, np.int64) for v in ([-1], [1 << 40], [1])]
    yield Form("slice last position", "Slice", [1, 128, 768], constants=last)
    yield Form(
        "shuffle of channels", "Transpose", [1, 2, 58, 28, 28], attributes={"perm": [0, 2, 1, 3, 4]}
    )
    yield Form(
        "heads", "Transpose", [1, 128, 12, 64], attributes={"perm": [0, 2, 1, 3]}, open=[0, 1]
    )
    yield Form(
        "heads to keys",
        "Transpose",
        [1, 128, 12, 64],
        attributes={"perm": [0, 2, 3, 1]},
        open=[0, 1],
    )
    yield Form("windows", "Transpose", [1, 8, 7, 8, 7, 96], attributes={"perm": [0, 1, 3, 2, 4, 5]})
    yield Form("transpose of rows of 3", "Transpose", [65536, 3], attributes={"perm": [1, 0]})
    yield Form("transpose to rows of 3", "Transpose", [3, 65536], attributes={"perm": [1, 0]})
    yield Form("transpose i64", "Transpose", [512, 512], attributes={"perm": [1, 0]}, dtype="i64")
    yield Form(
        "expand heads", "Expand", [1, 4, 1, 128, 64], constants=[np.array([1, 4, 8, 128, 64])]
    )
    yield Form("tile rows", "Tile", [1, 768], constants=[np.array([128, 1])])
    yield Form("tile image", "Tile", [1, 64, 1, 1], constants=[np.array([1, 1, 56, 56])])
    empty = np.zeros(0, np.float32)
    for mode, how, shape, target, open in (
        ("linear", "align_corners", [1, 64, 32, 32], (128, 128), ()),
        ("linear", "half_pixel", [1, 256, 16, 16], (64, 64), ()),
        ("linear", "half_pixel", [1, 3, 480, 640], (224, 224), ()),
        ("linear", "asymmetric", [1, 64, 56, 56], (28, 28), ()),
        ("linear", "half_pixel", [1, 19, 64, 128], (512, 1024), ()),
        ("nearest", "asymmetric", [1, 128, 26, 26], (52, 52), ()),
        ("nearest", "half_pixel", [1, 64, 30, 30], (50, 50), ()),
        ("cubic", "half_pixel", [1, 3, 64, 64], (256, 256), ()),
        ("linear", "half_pixel", [1, 64, 32, 32], (64, 64), (2, 3)),
        ("nearest", "asymmetric", [1, 64, 32, 32], (64, 64), (2, 3)),
        ("cubic", "half_pixel", [1, 3, 64, 64], (128, 128), (2, 3)),
    ):
        attributes = {"mode": mode, "coordinate_transformation_mode": how}
        if mode == "nearest":
            attributes["nearest_mode"] = "floor" if how == "asymmetric" else "round_prefer_floor"
        scales = np.array([1, 1, target[0] / shape[2], target[1] / shape[3]], np.float32)
        sizes = np.array([*shape[:2], *target])
        name = f"resize {mode} {how} {'x'.join(map(str, shape))} to {target[0]}x{target[1]}"
        more = [empty, scales] if open else [empty, empty, sizes]
        yield Form(
            name + (" open" if open else ""),
            "Resize",
            shape,
            attributes=attributes,
            constants=more,
            open=open,
        )
    yield Form(
        "grid sample",
        "GridSample",
        [1, 16, 64, 64],
        constants=[rng.uniform(-1, 1, (1, 64, 64, 2)).astype(np.float32)],
        opset=16,
    )
    boxes = np.array([[4, 4, 40, 40], [10, 10, 60, 60]] * 16, np.float32)
    yield Form(
        "roi align",
        "RoiAlign",
        [1, 64, 64, 64],
        attributes={"output_height": 7, "output_width": 7, "sampling_ratio": 2},
        constants=[boxes, np.zeros(32, np.int64)],
        opset=16,
    )


def sequences() -> Iterator[Form]:
    """Recurrent layers, products of few rows, attention and einsum."""
    for op, gates in (("LSTM", 4), ("GRU", 3)):
        for steps, batch, inputs, size in (
            (1, 1, 256, 256),
            (20, 16, 128, 128),
            (100, 1, 64, 512),
            (50, 8, 40, 50),
        ):
            yield Form(
                f"{op.lower()} {steps} steps, batch {batch}, {inputs} to {size}",
                op,
                [steps, batch, inputs],
                [[1, gates * size, inputs], [1, gates * size, size]],
                {"hidden_size": size},
                weight_scale=0.1,
            )
        yield Form(
            f"{op.lower()} open",
            op,
            [40, 2, 64],
            [[1, gates * 128, 64], [1, gates * 128, 128]],
            {"hidden_size": 128},
            weight_scale=0.1,
            open=[0, 1],
        )
    for m, k, n in (
        (1, 768, 3072),
        (1, 3072, 768),
        (1, 768, 50257),
        (2, 768, 768),
        (3, 512, 512),
        (16, 768, 768),
    ):
        yield Form(f"matmul {m}x{k}x{n}", "MatMul", [m, k], [[k, n]])
    for m in (1, 7, 33):
        yield Form(f"matmul open called with {m}", "MatMul", [m, 768], [[768, 768]], open=[0])
    yield Form("matmul f16 open", "MatMul", [64, 512], [[512, 512]], open=[0], dtype="f16")
    yield Form("matmul weights left", "MatMul", [512, 128], [[256, 512]], order=(1, 0))
    yield Form("matmul heads", "MatMul", [12, 128, 64], [[12, 64, 128]], open=[1])
    yield Form("matmul one query", "MatMul", [12, 1, 64], [[12, 64, 1024]])
    yield Form("matmul many small", "MatMul", [1024, 8, 8], [[1024, 8, 8]])
    yield Form("matmul many tiny", "MatMul", [4096, 3, 3], [[4096, 3, 1]])
    yield Form("matmul f64", "MatMul", [128, 128], [[128, 128]], dtype="f64")
    yield Form("matmul i64", "MatMul", [64, 64], [[64, 64]], dtype="i64")
    for name, shape, other, equation in (
        ("heads", [2, 8, 64, 32], [2, 8, 64, 32], "bhid,bhjd->bhij"),
        ("heads inside", [2, 64, 8, 32], [2, 64, 8, 32], "bihd,bjhd->bhij"),
        ("values", [2, 8, 64, 64], [2, 64, 8, 32], "bhij,bjhd->bihd"),
        ("channels", [1, 64, 28, 28], [64, 32], "bchw,cd->bdhw"),
        ("rows", [512, 64], [512, 64], "ij,ij->i"),
        ("outer", [512], [512], "i,j->ij"),
        ("diagonal sum", [8, 64, 64], [8, 64, 64], "bij,bji->b"),
    ):
        yield Form(f"einsum {name}", "Einsum", shape, [other], {"equation": equation})
    for rows, keys, heads, shared, open in (
        (1, 512, 12, 12, ()),
        (1, 1024, 8, 8, ()),
        (1, 1024, 32, 8, ()),
        (1, 512, 12, 12, (1,)),
        (4, 512, 12, 12, ()),
        (4, 512, 12, 12, (1,)),
        (17, 64, 8, 8, (1,)),
        (197, 197, 12, 12, ()),
    ):
        yield Form(
            f"attention {rows} of {keys}, {heads} heads of {shared}{' open' if open else ''}",
            "Attention",
            [1, rows, heads * 64],
            [[1, keys, shared * 64]] * 2,
            {"q_num_heads": heads, "kv_num_heads": shared},
            opset=23,
            open=open,
        )


def elements() -> Iterator[Form]:
    """Elementwise work: broadcasts, large and tiny tensors, functions, integers and halves."""
    for op in ("Add", "Mul", "Sub", "Div"):
        yield Form(f"{op.lower()} large", op, [1 << 22], [[1 << 22]])
    for op in (
        "Sigmoid",
        "Tanh",
        "Exp",
        "Erf",
        "Relu",
        "Neg",
        "Sqrt",
        "Log",
        "Sin",
        "Cos",
        "Floor",
        "Softsign",
    ):
        yield Form(f"{op.lower()} large", op, [1 << 20], scale=1.0)
    for op in (
        "Sin",
        "Atan",
        "Acos",
        "Asin",
        "Tan",
        "Cosh",
        "Sinh",
        "Asinh",
        "Mish",
        "Selu",
        "HardSigmoid",
        "Sign",
        "Reciprocal",
        "Ceil",
        "LeakyRelu",
        "Celu",
        "ThresholdedRelu",
    ):
        yield Form(f"{op.lower()}", op, [1 << 17], opset=18)
    yield Form("gelu large", "Gelu", [1 << 20], opset=20)
    yield Form("gelu tanh large", "Gelu", [1 << 20], attributes={"approximate": "tanh"}, opset=20)
    yield Form("prelu", "PRelu", [1, 64, 56, 56], [[64, 1, 1]])
    yield Form("add channels open", "Add", [1, 64, 56, 56], [[64, 1, 1]], open=[0, 2, 3])
    yield Form("add both broadcast", "Add", [1, 512, 1, 128], [[1, 1, 64, 128]])
    yield Form("add outer", "Add", [512, 1], [[1, 512]])
    yield Form("add scalar open", "Add", [256, 1024], constants=[np.float32(1)], open=[0, 1])
    yield Form("sum of 4", "Sum", [512, 512], [[512, 512]] * 3)
    yield Form("pow 3", "Pow", [512, 512], constants=[np.float32(3)])
    yield Form(
        "pow of tensors", "Pow", [512, 512], constants=[np.full((512, 512), 3.0, np.float32)]
    )
    for dtype in ("f16", "i64", "u8", "f64"):
        yield Form(f"add {dtype} tensors", "Add", [512, 512], [[512, 512]], dtype=dtype)
    yield Form("mul f16 open", "Mul", [512, 512], [[512]], dtype="f16", open=[0])
    yield Form("gelu f16", "Gelu", [512, 512], opset=20, dtype="f16")
    yield Form("tanh f16", "Tanh", [512, 512], dtype="f16")
    yield Form("exp f64", "Exp", [512, 512], dtype="f64")
    yield Form("is nan", "IsNaN", [512, 512])
    yield Form("not equal", "Equal", [512, 512], constants=[np.array(3)], dtype="i64")
    yield Form("div i64", "Div", [512, 512], constants=[np.array(7)], dtype="i64")
    yield Form("mod i64", "Mod", [512, 512], constants=[np.array(7)], dtype="i64")
    yield Form(
        "batch_norm open",
        "BatchNormalization",
        [1, 64, 56, 56],
        open=[0, 2, 3],
        constants=[np.full(64, value, np.float32) for value in (1.5, 0.5, 0.25, 2.0)],
    )
    yield Form(
        "batch_norm rows",
        "BatchNormalization",
        [256, 512],
        constants=[np.full(512, value, np.float32) for value in (1.5, 0.5, 0.25, 2.0)],
    )
    yield Form(
        "clip f16", "Clip", [512, 512], constants=[np.float16(-0.5), np.float16(0.5)], dtype="f16"
    )
    yield Form(
        "quantize per channel",
        "QuantizeLinear",
        [64, 1024],
        attributes={"axis": 0},
        constants=[np.full(64, 0.02, np.float32), np.full(64, 120, np.uint8)],
    )
    yield Form("dynamic quantize", "DynamicQuantizeLinear", [512, 512], outputs=3)
    yield Form("tiny add", "Add", [16], [[16]])
    yield Form("tiny softmax", "Softmax", [1, 10])


def sampled() -> Iterator[Form]:
    """Deformable convolutions, as detectors and super-resolution have them."""
    rng = np.random.default_rng(12)
    for channels, size, groups in ((64, 28, 1), (32, 40, 4)):
        offsets = rng.uniform(-2, 2, (1, 2 * groups * 9, size, size)).astype(np.float32)
        filters = rng.uniform(-1, 1, (channels, channels, 3, 3)).astype(np.float32)
        yield Form(
            f"deform_conv {channels} channels, {groups} of offsets",
            "DeformConv",
            [1, channels, size, size],
            attributes={"kernel_shape": [3, 3], "pads": [1] * 4, "offset_group": groups},
            constants=[filters, offsets],
            opset=19,
        )


def chains() -> Iterator[Form]:
    """What networks compute in a few nodes, which have no operator of their own."""

    def ints(*values: int) -> np.ndarray:
        return np.array(values, np.int64)

    yield Chain(
        "shifted windows",
        "",
        [1, 56, 56, 96],
        constants=[ints(0), ints(3), ints(56), ints(1), ints(2)],
        lines="""
            a = Slice(x, c1, c2, c3)
            b = Slice(x, c0, c1, c3)
            rows = Concat<axis = 1>(a, b)
            d = Slice(rows, c1, c2, c4)
            e = Slice(rows, c0, c1, c4)
            y = Concat<axis = 2>(d, e)""",
    )
    angles = np.outer(np.arange(128), 1e4 ** (-np.arange(32) / 32))
    angles = np.concatenate([angles, angles], 1).astype(np.float32).reshape(1, 128, 1, 64)
    yield Chain(
        "rms_norm and rotary positions",
        "",
        [1, 128, 12, 64],
        [[64]],
        constants=[np.cos(angles), np.sin(angles), np.float32(1e-6), ints(-1)],
        opset=18,
        lines="""
            squares = Mul(x, x)
            mean = ReduceMean(squares, c3)
            sum = Add(mean, c2)
            root = Sqrt(sum)
            unit = Div(x, root)
            scaled = Mul(unit, w0)
            a, b = Split<axis = -1, num_outputs = 2>(scaled)
            minus = Neg(b)
            turned = Concat<axis = -1>(minus, a)
            p = Mul(scaled, c0)
            q = Mul(turned, c1)
            r = Add(p, q)
            y = Transpose<perm = [0, 2, 1, 3]>(r)""",
    )
    yield Chain(
        "conv and pixel shuffle",
        "",
        [1, 64, 48, 48],
        [[256, 64, 3, 3]],
        lines="""
            a = Conv<pads = [1, 1, 1, 1]>(x, w0)
            y = DepthToSpace<blocksize = 2, mode = "CRD">(a)""",
    )
    yield Chain(
        "conv with gate",
        "",
        [1, 256, 400],
        [[512, 256, 1]],
        opset=18,
        lines="""
            a = Conv(x, w0)
            b, c = Split<axis = 1, num_outputs = 2>(a)
            d = Sigmoid(c)
            y = Mul(b, d)""",
    )
    yield Chain(
        "swiglu",
        "",
        [64, 512],
        [[512, 1376], [512, 1376], [1376, 512]],
        weight_scale=0.1,
        lines="""
            a = MatMul(x, w0)
            b = MatMul(x, w1)
            c = Sigmoid(a)
            d = Mul(a, c)
            e = Mul(d, b)
            y = MatMul(e, w2)""",
    )
    lower = np.tril(np.ones((64, 64), np.float32))
    yield Chain(
        "state space chunk",
        "",
        [8, 64, 64],
        [[8, 64, 16], [8, 16, 64], [8, 64]],
        constants=[ints(1)[0], ints(2), ints(1), lower],
        weight_scale=0.1,
        lines="""
            sums = CumSum(w2, c0)
            column = Unsqueeze(sums, c1)
            row = Unsqueeze(sums, c2)
            gaps = Sub(column, row)
            decays = Exp(gaps)
            mask = Mul(decays, c3)
            scores = MatMul(w0, w1)
            weights = Mul(scores, mask)
            y = MatMul(weights, x)""",
    )
    yield Chain(
        "recurrent state, channels by channels",
        "",
        [1, 16, 64, 1],
        [[1, 16, 1, 64], [1, 16, 64, 64], [1, 16, 64, 1]],
        lines="""
            outer = MatMul(x, w0)
            kept = Mul(w1, w2)
            state = Add(kept, outer)
            y = MatMul(state, w2)""",
    )
    yield Chain(
        "gate and channel attention",
        "",
        [1, 128, 64, 64],
        [[64, 64, 1, 1]],
        opset=18,
        lines="""
            a, b = Split<axis = 1, num_outputs = 2>(x)
            c = Mul(a, b)
            d = GlobalAveragePool(c)
            e = Conv(d, w0)
            y = Mul(c, e)""",
    )
    yield Chain(
        "product with a vocabulary and its best",
        "",
        [1, 512],
        [[512, 32000]],
        lines="""
            a = MatMul(x, w0)
            y = ArgMax<axis = -1>(a)""",
    )
    yield Chain(
        "gates of experts",
        "",
        [512, 64],
        constants=[ints(6), ints(-1)],
        lines="""
            a = Softmax(x)
            b, c = TopK(a, c0)
            d = ReduceSum(b, c1)
            y = Div(b, d)""",
    )
    yield Chain(
        "norm of channels behind a depthwise conv",
        "",
        [1, 96, 56, 56],
        [[96, 1, 7, 7], [96], [96]],
        lines="""
            a = Conv<group = 96, pads = [3, 3, 3, 3]>(x, w0)
            b = Transpose<perm = [0, 2, 3, 1]>(a)
            c = LayerNormalization(b, w1, w2)
            y = Transpose<perm = [0, 3, 1, 2]>(c)""",
    )
    yield Chain(
        "pyramid of pools",
        "",
        [1, 128, 20, 20],
        lines="""
            a = MaxPool<kernel_shape = [5, 5], pads = [2, 2, 2, 2]>(x)
            b = MaxPool<kernel_shape = [5, 5], pads = [2, 2, 2, 2]>(a)
            c = MaxPool<kernel_shape = [5, 5], pads = [2, 2, 2, 2]>(b)
            y = Concat<axis = 1>(x, a, b, c)""",
    )


GROUPS = [
    convolutions_of_networks,
    pools,
    rows_and_axes,
    places,
    sequences,
    elements,
    sampled,
    chains,
]
