# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Layers of networks with all their attributes, for random_graphs.py: windows, norms, recurrences,
attention, images, signals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto
from random_operands import (
    BYTES,
    FLOAT,
    FLOATS,
    alone,
    given,
    number,
    numbers,
    operand,
    require,
    size,
)

if TYPE_CHECKING:
    from random_generator import Generator, Size, Value

KINDS = (FLOAT, FLOAT, FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE)


class Window:
    """Sizes, strides, dilations and padding that fit an image, which is drawn, too."""

    def __init__(self, g: Generator, rank: int, dilated: bool = True) -> None:
        self.kernel = [g.integer(1, 3) for _ in range(rank)]
        self.strides = [g.integer(1, 3) for _ in range(rank)]
        self.dilations = [g.integer(1, 2) if dilated else 1 for _ in range(rank)]
        spans = [(k - 1) * d + 1 for k, d in zip(self.kernel, self.dilations, strict=True)]
        self.image: list[Size] = [size(g, s, s + 6, empty=False) for s in spans]
        self.auto = g.pick([None, None, None, "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"])
        self.pads = [g.integer(0, max(0, self.kernel[i % rank] - 1)) for i in range(2 * rank)]

    def attributes(self, g: Generator, kernel: bool = True) -> dict[str, Any]:
        result: dict[str, Any] = {"auto_pad": self.auto, "strides": self.strides}
        if any(d > 1 for d in self.dilations):
            result["dilations"] = self.dilations
        if kernel:
            result["kernel_shape"] = self.kernel
        if self.auto in (None, "NOTSET") and g.chance(0.8):
            result["pads"] = self.pads
        return result


def conv(g: Generator) -> Value:
    kind, rank = g.pick(KINDS), g.integer(1, 3)
    w = Window(g, rank)
    groups, per = g.pick([1, 1, 1, 2, 3]), g.integer(1, 3)
    features = groups * g.integer(1, 4)
    x = operand(g, [size(g, 1, 3), groups * per, *w.image], kind)
    names = [x.name, operand(g, [features, per, *w.kernel], kind, -1, 1, constant=0.6).name]
    if g.chance(0.5):
        names.append(operand(g, [features], kind, constant=0.6).name)
    return alone(g, "Conv", names, kind, group=groups, **w.attributes(g, kernel=g.chance(0.6)))


def conv_transpose(g: Generator) -> Value:
    kind, rank = g.pick(KINDS), g.integer(1, 3)
    w = Window(g, rank)
    groups, per = g.pick([1, 1, 2]), g.integer(1, 3)
    x = operand(
        g, [size(g, 1, 3), groups * per, *[size(g, 1, 5, empty=False) for _ in w.image]], kind
    )
    features = g.integer(1, 3)
    spans = [(k - 1) * d + 1 for k, d in zip(w.kernel, w.dilations, strict=True)]
    # Where windows leave gaps, ONNX Runtime's SAME makes less than ONNX says.
    require("SAME" not in str(w.auto) or all(a >= b for a, b in zip(spans, w.strides, strict=True)))
    names = [
        x.name,
        operand(g, [groups * per, features, *w.kernel], kind, -1, 1, constant=0.6).name,
    ]
    if g.chance(0.5):
        names.append(operand(g, [groups * features], kind, constant=0.6).name)
    attributes = w.attributes(g)
    if g.chance(0.4):
        attributes["output_padding"] = [g.integer(0, s - 1) for s in w.strides]
    return alone(g, "ConvTranspose", names, kind, group=groups, **attributes)


def integer_conv(g: Generator) -> Value:
    a, b, rank = g.pick(BYTES), g.pick(BYTES), g.integer(1, 2)
    w = Window(g, rank)
    features, channels = g.integer(1, 4), g.integer(1, 3)
    x = operand(g, [size(g, 1, 3), channels, *w.image], a, -99, 99)
    y = operand(g, [features, channels, *w.kernel], b, -99, 99, constant=0.6)
    attributes = w.attributes(g)
    if g.chance(0.5):
        names = [x.name, y.name]
        if g.chance(0.7):
            names.append(operand(g, [], a, 0, 9).name)
            if g.chance(0.5):
                names.append(operand(g, g.pick([[], [features]]), b, 0, 0).name)
        return alone(g, "ConvInteger", names, TensorProto.INT32, **attributes)
    per = g.pick([[], [features]])
    names = [x.name, operand(g, [], FLOAT, 0.01, 0.1).name, operand(g, [], a, 0, 9).name]
    names += [y.name, operand(g, per, FLOAT, 0.01, 0.1).name, operand(g, per, b, 0, 0).name]
    to = g.pick(BYTES)
    names += [operand(g, [], FLOAT, 0.1, 0.9).name, operand(g, [], to, 0, 9).name]
    if g.chance(0.5):
        names.append(operand(g, [features], TensorProto.INT32, -99, 99).name)
    return alone(g, "QLinearConv", names, to, **attributes)


def pool(g: Generator) -> Value:
    op, kind, rank = g.pick(["MaxPool", "AveragePool", "LpPool"]), g.pick(KINDS), g.integer(1, 3)
    w = Window(g, rank)
    if op == "MaxPool" and g.chance(0.2):
        kind = g.pick(BYTES)
    x = operand(g, [size(g, 1, 3), size(g, 1, 3), *w.image], kind)
    if "SAME" in str(w.auto):
        # ONNX Runtime's SAME does not count dilation in pooling, and where windows leave gaps it
        # and the reference do not know what to pad.
        require(max(w.dilations) == 1)
        require(all(k >= s for k, s in zip(w.kernel, w.strides, strict=True)))
    attributes = w.attributes(g)
    if (
        op != "LpPool"
    ):  # The reference's last windows are wrong, and ONNX Runtime has no version 22.
        attributes["ceil_mode"] = g.pick([None, 0, 1])
    if op == "AveragePool":
        attributes["count_include_pad"] = g.pick([None, 0, 1])
    if op == "LpPool":
        attributes["p"] = g.pick([None, 1, 2, 3])
    if op == "MaxPool" and g.chance(0.4):
        return alone(
            g,
            op,
            [x.name],
            wanted=[kind, TensorProto.INT64],
            storage_order=g.pick([None, 0, 1]),
            **attributes,
        )
    return alone(g, op, [x.name], kind, **attributes)


def global_pool(g: Generator) -> Value:
    kind = g.pick(KINDS)
    x = operand(
        g,
        [size(g, 1, 3), size(g, 1, 3), *[size(g, 1, 5, False) for _ in range(g.integer(1, 3))]],
        kind,
    )
    op = g.pick(["GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"])
    return alone(g, op, [x.name], kind, p=g.integer(1, 3) if op == "GlobalLpPool" else None)


def unpool(g: Generator) -> Value:
    from onnx import helper

    kernel = g.pick([[2, 2], [2, 3]])
    # Sizes that pooling leaves nothing of, so that the places are those of the result.
    sizes = [tuple(k * n for n in size(g, 2, 3, False)) for k in kernel]
    x = operand(g, [g.integer(1, 2), g.integer(1, 2), *sizes], FLOAT)
    names = [f"u{len(g.nodes)}", f"u{len(g.nodes)}_at"]
    g.nodes.append(
        helper.make_node("MaxPool", [x.name], names, kernel_shape=kernel, strides=kernel)
    )
    return alone(g, "MaxUnpool", names, kernel_shape=kernel, strides=kernel)


def norm(g: Generator) -> Value:
    kind = g.pick(KINDS)
    op = g.pick(
        ["LayerNormalization", "RMSNormalization", "GroupNormalization", "InstanceNormalization",
         "BatchNormalization", "LpNormalization", "MeanVarianceNormalization", "LRN"]
    )  # fmt: skip
    n, rest = size(g, 1, 3), [size(g, 2, 5, empty=False) for _ in range(g.integer(1, 3))]
    if op in ("LayerNormalization", "RMSNormalization"):
        x = operand(g, [n, *rest], kind)
        axis = g.integer(0, x.rank - 1)
        names = [x.name, operand(g, x.dims[axis:], kind).name]
        if op.startswith("Layer") and g.chance(0.5):
            names.append(operand(g, x.dims[axis:], kind).name)
        signed = axis - x.rank if g.chance(0.5) else axis
        return alone(g, op, names, kind, axis=signed, epsilon=g.pick([None, 1e-2]))
    if op == "LpNormalization":
        x = operand(g, [n, *rest], kind)
        return alone(g, op, [x.name], kind, axis=g.integer(-x.rank, x.rank - 1), p=g.integer(1, 2))
    groups = g.integer(1, 3) if op == "GroupNormalization" else 1
    channels = (groups * g.integer(1, 3),) * g.calls
    x = operand(g, [n, channels, *rest], kind)
    if op == "LRN":
        return alone(g, op, [x.name], kind, size=g.pick([1, 3, 5]), alpha=0.1, beta=0.6, bias=1.5)
    if op == "MeanVarianceNormalization":
        axes = sorted(int(a) for a in g.random.permutation(x.rank)[: g.integer(1, x.rank)])
        # Of one element, the variance is what rounding leaves of 0, of which there may be no root.
        require(all(any(x.dims[a][call] > 1 for a in axes) for call in range(g.calls)))
        return alone(g, op, [x.name], kind, axes=axes)
    names = [x.name, operand(g, [channels], kind).name, operand(g, [channels], kind).name]
    if op == "GroupNormalization":
        return alone(g, op, names, kind, num_groups=groups, epsilon=g.pick([None, 1e-2]))
    if op == "BatchNormalization":
        names += [operand(g, [channels], kind).name, operand(g, [channels], kind, 0.5, 2).name]
        if g.chance(0.2):
            return alone(g, op, names, kind, outputs=3, training_mode=1)
    return alone(g, op, names, kind, epsilon=g.pick([None, 1e-2]))


def recurrent(g: Generator) -> Value:
    op = g.pick(["RNN", "GRU", "LSTM"])
    gates = {"RNN": 1, "GRU": 3, "LSTM": 4}[op]
    direction = g.pick(["forward", "reverse", "bidirectional"])
    ways, hidden, width = 1 + (direction == "bidirectional"), g.integer(1, 4), g.integer(1, 4)
    steps, n = size(g, 1, 4, empty=False), size(g, 1, 3, empty=False)
    x = operand(g, [steps, n, width])
    names = [x.name, operand(g, [ways, gates * hidden, width], low=-1, high=1, constant=0.6).name]
    names.append(operand(g, [ways, gates * hidden, hidden], low=-1, high=1, constant=0.6).name)
    names.append(operand(g, [ways, 2 * gates * hidden]).name if g.chance(0.6) else "")
    lengths = g.chance(0.3)
    names.append(operand(g, [n], TensorProto.INT32, 1, min(steps)).name if lengths else "")
    names.append(operand(g, [ways, n, hidden]).name if g.chance(0.5) else "")
    attributes: dict[str, Any] = {"hidden_size": hidden, "direction": direction}
    if op == "LSTM":
        names.append(operand(g, [ways, n, hidden]).name if g.chance(0.5) and names[-1] else "")
        names.append(operand(g, [ways, 3 * hidden]).name if g.chance(0.3) else "")
    if op == "GRU":
        attributes["linear_before_reset"] = g.pick([None, 0, 1])
    if g.chance(0.3):
        attributes["clip"] = 0.7
    if g.chance(0.3) and op == "RNN":
        attributes["activations"] = [g.pick(["Relu", "Tanh", "Sigmoid"])] * ways
    return alone(g, op, names, outputs=g.integer(1, 3 if op == "LSTM" else 2), **attributes)


def attention(g: Generator) -> Value:
    kind = g.pick((FLOAT, FLOAT, TensorProto.FLOAT16))
    n, groups = size(g, 1, 2, empty=False), g.integer(1, 2)
    heads = groups * g.integer(1, 2)
    q, k = size(g, 1, 5, empty=False), size(g, 1, 5, empty=False)
    width, deep = g.pick([1, 2, 4, 8]), g.pick([2, 4, 8])
    attributes: dict[str, Any] = {
        "scale": g.pick([None, 0.5]), "softcap": g.pick([None, None, 2.0]),
        "is_causal": g.pick([None, 0, 1]),
    }  # fmt: skip
    parts: list[tuple[Any, ...]]
    if g.chance(0.5):
        parts = [(n, heads, q, width), (n, groups, k, width), (n, groups, k, deep)]
    else:
        parts = [(n, q, heads * width), (n, k, groups * width), (n, k, groups * deep)]
        attributes |= {"q_num_heads": heads, "kv_num_heads": groups}
    names = [operand(g, p, kind, -1, 1).name for p in parts]
    if g.chance(0.5):
        masks: list[Any] = [(q, k), (1, 1, q, k), (n, 1, q, k), (n, heads, q, k)]
        chosen = g.pick(masks)
        boolean = g.chance(0.4) and not attributes["is_causal"]
        names.append(operand(g, chosen, TensorProto.BOOL if boolean else kind).name)
    return alone(g, "Attention", names, kind, **attributes)


def rotary(g: Generator) -> Value:
    kind = g.pick((FLOAT, TensorProto.FLOAT16))
    n, heads, steps = size(g, 1, 2), g.integer(1, 3), size(g, 1, 4, empty=False)
    width = g.pick([4, 6, 8])
    part = g.pick([0, 0, 2, 4])
    half = (part or width) // 2
    flat = g.chance(0.5)
    x = operand(g, [n, steps, heads * width] if flat else [n, heads, steps, width], kind)
    attributes: dict[str, Any] = {
        "interleaved": g.pick([None, 0, 1]),
        "rotary_embedding_dim": part or None,
    }
    if flat or part:
        attributes["num_heads"] = heads
    if g.chance(0.6):
        table = [operand(g, [9, half], kind, -1, 1).name for _ in range(2)]
        at = operand(g, [n, steps], TensorProto.INT64, 0, 8)
        return alone(g, "RotaryEmbedding", [x.name, *table, at.name], kind, **attributes)
    table = [operand(g, [n, steps, half], kind, -1, 1).name for _ in range(2)]
    return alone(g, "RotaryEmbedding", [x.name, *table], kind, **attributes)


def resize(g: Generator) -> Value:
    kind = g.pick((FLOAT, FLOAT, TensorProto.DOUBLE, TensorProto.UINT8))
    rank = g.integer(1, 2)
    x = operand(
        g, [size(g, 1, 2), g.integer(1, 2), *[number(g, 2, 6) for _ in range(rank)]], kind, 0, 9
    )
    mode = g.pick(["nearest", "linear", "cubic"])
    way = g.pick(
        [
            None,
            "half_pixel",
            "align_corners",
            "asymmetric",
            "pytorch_half_pixel",
            "half_pixel_symmetric",
        ]
    )
    attributes: dict[str, Any] = {"mode": mode, "coordinate_transformation_mode": way}
    integers = kind not in FLOATS
    if mode != "nearest" and (integers or (mode == "cubic" and rank != 2)):
        # Here the reference is alone: onnxruntime lacks this form, or cuts fractions off. The
        # reference takes the new size as it was before it is rounded down.
        require(way not in ("align_corners", "pytorch_half_pixel"))
    if mode == "nearest":
        attributes["nearest_mode"] = g.pick(
            [None, "round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]
        )
    if mode == "cubic":
        attributes["exclude_outside"] = g.pick([None, 0, 1])
        attributes["cubic_coeff_a"] = g.pick([None, -0.5])
    if mode != "nearest":
        attributes["antialias"] = None if integers else g.pick([None, None, 1])
    # Of integers, factors that leave no doubt which fractions are halves.
    exact = integers and mode != "nearest"
    if exact or g.chance(0.5):
        factors = [0.5, 1.0, 2.0] if exact else [0.5, 0.6, 0.8, 1.0, 1.5, 2.0, 2.3, 3.0]
        scales = [g.pick(factors) for _ in range(rank)]
        names = [x.name, "", given(g, np.array([1, 1, *scales], np.float32), 0.8)]
        require(all(int(x.dims[2 + i][0] * s) > 0 for i, s in enumerate(scales)))
    elif g.chance(0.5):
        sizes = [g.integer(1, 9) for _ in range(rank)]
        names = [x.name, "", "", numbers(g, sizes)]
        attributes["axes"] = list(range(2, 2 + rank))
        attributes["keep_aspect_ratio_policy"] = g.pick(
            [None, "stretch", "not_larger", "not_smaller"]
        )
    else:
        require(len(set(x.dims[0])) == 1)
        sizes = [x.dims[0][0], x.dims[1][0], *[g.integer(1, 9) for _ in range(rank)]]
        require(0 not in sizes)
        names = [x.name, "", "", numbers(g, sizes)]
    return alone(g, "Resize", names, kind, **attributes)


def regions(g: Generator) -> Value:
    op = g.pick(["RoiAlign", "MaxRoiPool", "GridSample", "AffineGrid", "DeformConv"])
    if op == "AffineGrid":
        rank = g.integer(2, 3)
        theta = operand(g, [g.integer(1, 2), rank, rank + 1], low=-1, high=1)
        sizes = [theta.dims[0][0], g.integer(1, 2), *[g.integer(2, 4) for _ in range(rank)]]
        return alone(g, op, [theta.name, numbers(g, sizes)], align_corners=g.integer(0, 1))
    n, c = g.integer(1, 2), size(g, 1, 3, empty=False)
    if op == "GridSample":
        rank = g.pick([2, 2, 3])
        x = operand(g, [n, c, *[size(g, 2, 5, empty=False) for _ in range(rank)]])
        grid = operand(g, [n, *[size(g, 1, 4) for _ in range(rank)], rank], low=-1.3, high=1.3)
        return alone(
            g, op, [x.name, grid.name], align_corners=g.integer(0, 1),
            mode=g.pick(["linear", "nearest", "cubic"] if rank == 2 else ["linear", "nearest"]),
            padding_mode=g.pick([None, "zeros", "border", "reflection"]),
        )  # fmt: skip
    if op == "DeformConv":
        kernel, groups = [g.integer(1, 3), g.integer(1, 3)], g.pick([1, 2])
        h, w = g.integer(3, 6), g.integer(3, 6)
        channels = 2 * g.integer(1, 2)
        offsets = g.pick([1, 2])
        pads = [g.integer(0, 1) for _ in range(4)]
        out = [h + pads[0] + pads[2] - kernel[0] + 1, w + pads[1] + pads[3] - kernel[1] + 1]
        x = operand(g, [n, channels, h, w])
        names = [x.name, operand(g, [2 * groups, channels // groups, *kernel]).name]
        area = kernel[0] * kernel[1]
        names.append(operand(g, [n, offsets * 2 * area, *out], low=-1.5, high=1.5).name)
        names.append(operand(g, [2 * groups]).name if g.chance(0.5) else "")
        names.append(
            operand(g, [n, offsets * area, *out], low=0, high=1).name if g.chance(0.5) else ""
        )
        return alone(
            g, op, names, group=groups, offset_group=offsets, kernel_shape=kernel, pads=pads
        )
    x = operand(g, [n, c, size(g, 4, 8, empty=False), size(g, 4, 8, empty=False)])
    count = g.integer(0, 3)
    corner = g.random.integers(0, 4, (count, 2))
    boxes = np.concatenate([corner, corner + g.random.integers(1, 5, (count, 2))], 1)
    boxes = boxes.astype(np.float32)
    which = g.random.integers(0, n, (count,))
    scale = g.pick([None, 0.5, 1.0])
    if op == "MaxRoiPool":
        rows = np.concatenate([which[:, None], boxes], 1).astype(np.float32)
        pooled = [g.integer(1, 3), g.integer(1, 3)]
        return alone(g, op, [x.name, given(g, rows)], pooled_shape=pooled, spatial_scale=scale)
    boxes += 0.03  # No sample lies where rounding decides whether it is in the image.
    return alone(
        g, op, [x.name, given(g, boxes), given(g, which.astype(np.int64))],
        mode=g.pick([None, "avg", "max"]),
        output_height=g.integer(1, 3), output_width=g.integer(1, 3),
        sampling_ratio=g.integer(0, 2), spatial_scale=scale,
        coordinate_transformation_mode=g.pick([None, "half_pixel", "output_half_pixel"]),
    )  # fmt: skip


def suppression(g: Generator) -> Value:
    n, classes, boxes = g.integer(1, 2), size(g, 1, 3), size(g, 1, 6, empty=False)
    names = [
        operand(g, [n, boxes, 4], low=0, high=1).name,
        operand(g, [n, classes, boxes], low=0, high=1).name,
    ]
    if g.chance(0.9):
        names.append(given(g, np.array(g.integer(0, 4), np.int64)))
        if g.chance(0.7):
            names.append(given(g, np.array(0.4, np.float32)))
            if g.chance(0.6):
                names.append(given(g, np.array(0.3, np.float32)))
    return alone(
        g, "NonMaxSuppression", names, TensorProto.INT64, center_point_box=g.pick([None, 0, 1])
    )


def signals(g: Generator) -> Value:
    kind = g.pick((FLOAT, TensorProto.DOUBLE))
    if g.chance(0.4):
        length, frame = size(g, 8, 20, empty=False), g.integer(2, 8)
        x = operand(g, [g.integer(1, 2), length, 1], kind)
        window = operand(g, [frame], kind, 0.1, 1).name if g.chance(0.6) else ""
        names = [x.name, given(g, np.array(g.integer(1, 4), np.int64), 1.0), window]
        names.append(
            given(g, np.array(frame, np.int64), 1.0) if not window or g.chance(0.5) else ""
        )
        return alone(g, "STFT", names, kind, onesided=g.pick([None, 0, 1]))
    inverse, onesided = g.integer(0, 1), g.integer(0, 1)
    require(not (inverse and onesided))
    parts = 1 if onesided else g.integer(1, 2)
    dims = [size(g, 1, 7, empty=False) for _ in range(g.integer(1, 3))]
    axis = g.integer(0, len(dims) - 1)
    x = operand(g, [*dims, parts], kind)
    count = given(g, np.array(g.integer(1, 9), np.int64)) if g.chance(0.4) else ""
    along = given(g, np.array(axis - x.rank if g.chance(0.3) else axis, np.int64))
    return alone(g, "DFT", [x.name, count, along], kind, inverse=inverse, onesided=onesided)


def determinant(g: Generator) -> Value:
    n = number(g, 1, 4)
    kind = g.pick((FLOAT, TensorProto.DOUBLE))
    x = operand(g, [*[size(g, 1, 3) for _ in range(g.integer(0, 2))], n, n], kind)
    return alone(g, "Det", [x.name], kind)


OPERATORS = (
    [conv] * 3 + [conv_transpose] * 2 + [integer_conv, integer_conv] + [pool] * 3
    + [global_pool, unpool] + [norm] * 4 + [recurrent] * 3 + [attention] * 3 + [rotary]
    + [resize] * 3 + [regions] * 3 + [suppression, signals, signals, determinant]
)  # fmt: skip
