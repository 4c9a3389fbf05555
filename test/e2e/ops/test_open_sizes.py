# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators all of whose sizes and parameters are inputs, of which only the ranks are known."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import lathe
import numpy as np
import onnx
import onnx.numpy_helper
import pytest
from onnx import helper
from oracle import Array, Random, onnx_result

random = Random(37)


def f32(*shape: int) -> Array:
    return random.floats(*shape)


def i64(*values: Any) -> Array:
    return np.array(values, np.int64)


@dataclasses.dataclass
class Open:
    """An operator that is compiled once, and then called with each of several lists of inputs."""

    op: str
    calls: Sequence[Sequence[Array | None]]
    attributes: dict[str, Any] = dataclasses.field(default_factory=dict)
    opset: int = 20
    rank: int | None = None  # Of the result, where the model has to say it.
    known: tuple[int, ...] = ()  # Inputs whose sizes the model says.

    def compile(self) -> lathe.CompiledModel:
        names = [f"i{k}" if x is not None else "" for k, x in enumerate(self.calls[0])]
        infos = [
            helper.make_tensor_value_info(
                name,
                helper.np_dtype_to_tensor_dtype(x.dtype),
                x.shape if k in self.known else [None] * x.ndim,
            )
            for k, (name, x) in enumerate(zip(names, self.calls[0], strict=True))
            if x is not None
        ]
        right = self.expected(0)
        kind = helper.np_dtype_to_tensor_dtype(right.dtype)
        shape = None if self.rank is None else [None] * self.rank
        result = helper.make_tensor_value_info("y", kind, shape)
        node = helper.make_node(self.op, names, ["y"], **self.attributes)
        graph = helper.make_graph([node], "g", infos, [result])
        opsets = [helper.make_opsetid("", self.opset)]
        return lathe.compile(
            helper.make_model(graph, opset_imports=opsets, ir_version=10), cache=False
        )

    def expected(self, call: int) -> Array:
        inputs, attributes = self.calls[call], dict(self.attributes)
        if self.op in ("RNN", "GRU", "LSTM") and inputs[2] is not None:
            attributes["hidden_size"] = inputs[2].shape[2]  # ONNX Runtime must be told.
        return onnx_result(self.op, inputs, opset=self.opset, **attributes)


def convolutions() -> list[Open]:
    one = [[f32(2, 4, 9), f32(6, 2, 3), f32(6)], [f32(1, 2, 5), f32(2, 1, 2), f32(2)]]
    two = [[f32(2, 3, 9, 7), f32(4, 3, 3, 2)], [f32(1, 1, 5, 6), f32(2, 1, 1, 4)]]
    three = [[f32(1, 4, 5, 6, 7), f32(4, 2, 2, 3, 1)], [f32(2, 2, 4, 4, 4), f32(2, 1, 1, 2, 3)]]
    cases = [
        Open("Conv", one, {"group": 2, "strides": [2], "dilations": [2], "pads": [1, 2]}),
        Open("Conv", two, {"auto_pad": "SAME_LOWER", "strides": [2, 3]}),
        Open("Conv", two, {"auto_pad": "VALID"}),
        Open("Conv", two[:1], {"kernel_shape": [3, 2], "auto_pad": "SAME_UPPER"}),
        Open("Conv", three, {"group": 2}),
    ]
    one = [[f32(2, 4, 9), f32(4, 3, 3), f32(6)], [f32(1, 2, 5), f32(2, 1, 4), f32(2)]]
    two = [[f32(2, 3, 5, 4), f32(3, 2, 3, 2)], [f32(1, 1, 3, 6), f32(1, 4, 2, 4)]]
    three = [[f32(1, 2, 3, 2, 4), f32(2, 2, 2, 3, 2)], [f32(2, 4, 2, 2, 2), f32(4, 1, 3, 2, 3)]]
    more = {"strides": [2, 2], "output_padding": [1, 0], "pads": [1, 0, 0, 1]}
    return [
        *cases,
        Open("ConvTranspose", one, {"group": 2, "strides": [3], "dilations": [2], "pads": [1, 2]}),
        Open("ConvTranspose", two, more),
        Open("ConvTranspose", two, {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
        Open("ConvTranspose", two, {"output_shape": [6, 5], "strides": [2, 1]}),
        Open("ConvTranspose", three, {"group": 2, "strides": [2, 1, 2]}),
    ]


def attentions() -> list[Open]:
    flat = {"q_num_heads": 4, "kv_num_heads": 2}
    turned = {"num_heads": 2, "interleaved": 1}
    return [
        Open("Attention", [[f32(2, 2, 3, 8), f32(2, 2, 5, 8), f32(2, 2, 5, 4)]], {}, 23),
        Open(
            "Attention",
            [[f32(2, 3, 4 * s), f32(2, 5, 2 * s), f32(2, 5, 2)] for s in (8, 3)],
            flat,
            23,
        ),
        Open(
            "RotaryEmbedding",
            [
                [f32(2, 3, 5, 2 * h), f32(9, h), f32(9, h), i64([1, 2, 8, 0, 4], [3] * 5)]
                for h in (4, 2)
            ],
            {},
            23,
        ),
        Open(
            "Attention",
            [[f32(2, h, 3, 8), f32(2, g, 5, 8), f32(2, g, 5, 4)] for h, g in ((4, 2), (3, 3))],
            {"is_causal": 1},
            23,
        ),
        *[
            Open("Attention", [[f32(2, 4, 3, 8), *[f32(2, 2, 5, 8)] * 2]], {}, 23, known=known)
            for known in ((0, 2), (0, 1))  # As many keys as values, although one is open.
        ],
        Open(
            "Attention", [[f32(1, 2, 3, 8), f32(1, 2, 5, 8), f32(1, 2, 5, 4)]], {}, 23, known=(2,)
        ),
        Open(
            "Attention",
            [
                [f32(2, 2, 3, 8), f32(2, 2, 5, 8), f32(2, 2, 5, 4), f32(*mask)]
                for mask in ((1, 1, 3, 5), (2, 2, 3, 5), (1, 2, 3, 5))
            ],
            {},
            23,
        ),
        Open("RotaryEmbedding", [[f32(2, 5, 12), f32(2, 5, 3), f32(2, 5, 3)]], turned, 23),
        Open(
            "RotaryEmbedding",
            [[f32(2, 2, 5, n), f32(2, 5, 2), f32(2, 5, 2)] for n in (6, 4)],
            {"rotary_embedding_dim": 4, "num_heads": 2},
            23,
        ),
    ]


def deformable() -> list[Open]:
    """Where the sizes of filters are known, the places in a window are constants."""

    def call(n: int, c: int, f: int, kernel: Sequence[int], image: Sequence[int]) -> list[Any]:
        pads, strides, groups = 2, (2, 1), 2
        out = [(image[d] + pads - kernel[d]) // strides[d] + 1 for d in range(2)]
        places = groups * kernel[0] * kernel[1]
        return [
            f32(n, c, *image), f32(f, c // groups, *kernel), f32(n, 2 * places, *out) * 2, f32(f),
            f32(n, places, *out),
        ]  # fmt: skip

    attributes = {"group": 2, "offset_group": 2, "pads": [1, 1, 1, 1], "strides": [2, 1]}
    calls = [call(2, 4, 6, (3, 2), (7, 6)), call(1, 4, 6, (3, 2), (4, 9))]
    other = call(3, 8, 2, (1, 4), (5, 5))
    return [
        Open("DeformConv", [*calls, other], attributes, 19),
        Open("DeformConv", calls, attributes, 19, known=(1, 3)),
        Open("DeformConv", [x[:3] for x in calls], attributes, 19, known=(1,)),
    ]


def places() -> list[Open]:
    scatters = [
        [f32(3, 4, 5), i64([0, 1], [2, 3]), f32(2, 5)],
        [f32(2, 2, 1), i64([1, 1]), f32(1, 1)],
    ]
    boxes = [np.sort(random.generator.random((2, n, 4)).astype(np.float32)) for n in (5, 3)]
    scores = [random.generator.random((2, 3, n)).astype(np.float32) for n in (5, 3)]
    limit, bound = np.array(2, np.int64), np.array(0.5, np.float32)
    gathers = [[f32(3, 4, 5), i64([[0, 1], [2, -1]])], [f32(2, 2, 1), i64([[1, 1]])]]
    return [
        Open("ScatterND", scatters),
        Open("Slice", [[f32(5, 4, 3), i64(1, 0), i64(9, -1)], [f32(5, 4, 3), i64(2), i64(4)]]),
        Open(
            "Slice",
            [
                [f32(5, 4, 3), i64(1, -1), i64(9, -9), i64(0, -1), i64(2, -1)],
                [f32(5, 4, 3), i64(3), i64(0), i64(1), i64(-2)],
            ],
        ),
        Open(
            "Slice",
            [[f32(5, 4, 3), i64(1, 0), i64(4, 2), i64(2, 0)]],
            known=(3,),
        ),
        Open("GatherND", gathers, rank=3),
        Open(
            "GatherND",
            [[f32(2, 3, 4), i64([2, 1], [0, 3])], [f32(1, 3, 4), i64([1, 1])]],
            {"batch_dims": 1},
            rank=1,
        ),
        Open("Col2Im", [[f32(2, 12, 9), i64(5, 4), i64(3, 2)]], known=(1, 2)),
        Open(
            "NonMaxSuppression",
            [[b, s, limit, bound] for b, s in zip(boxes, scores, strict=True)],
        ),
        Open("GridSample", [[f32(1, 2, 4, 5), f32(1, 3, 3, 2) / 2]]),
        Open("Resize", [[f32(1, 2, 4, 5), None, np.array([1, 1, 2, 1.5], np.float32)]]),
    ]


def layers() -> list[Open]:
    def weights(op: str, gates: int, attributes: dict[str, Any]) -> Open:
        calls = [
            [f32(4, 2, w), f32(1, gates * h, w), f32(1, gates * h, h), None, None, f32(1, 2, h)]
            for w, h in ((3, 5), (2, 5 if attributes else 1))
        ]
        return Open(op, calls, attributes)

    groups = [[f32(2, c, 3, 4), f32(c), f32(c)] for c in (6, 4)]
    wave = [[f32(2, 7, parts), None, np.array(1, np.int64)] for parts in (1, 2)]
    return [
        weights("RNN", 1, {"hidden_size": 5}),
        weights("GRU", 3, {"hidden_size": 5}),
        weights("LSTM", 4, {"hidden_size": 5}),
        weights("RNN", 1, {}),
        weights("GRU", 3, {}),
        weights("LSTM", 4, {}),
        Open("GroupNormalization", groups, {"num_groups": 2}, 21),
        Open("DFT", wave),
    ]


def lengths() -> list[Open]:
    """Vectors of parameters whose lengths are open: that of each call, or what the ranks say."""
    x = f32(2, 3, 4)
    axes = [i64(), i64(0), i64(-1), i64(2, 0), i64(1, 0, 2)]
    reductions = [
        Open(op, [[x, a] for a in axes], {"keepdims": 1, "noop_with_empty_axes": noop}, rank=rank)
        for op in ("ReduceSum", "ReduceMax", "ReduceMean", "ReduceL2", "ReduceLogSumExp")
        for noop, rank in ((0, None), (1, 3))
    ]
    image = f32(1, 2, 3, 4)
    pads = [
        [x, i64(1, 2), None, i64(-2)],
        [x, i64(1, 0, 2, 3), None, i64(2, 0)],
        [x, i64(), None, i64()],
    ]
    return [
        *reductions,
        Open("ReduceMin", [[x, i64(0, 2)], [x, i64(1, -1)]], {"keepdims": 0}, rank=1),
        Open("ReduceProd", [[x, i64(2, 0, 1)]], {"keepdims": 0}, rank=0),
        Open("Pad", pads),
        Open("Pad", pads[:1], known=(1,)),
        Open("Pad", pads[:1], known=(3,)),
        Open("Squeeze", [[x[:1], i64(0)], [x[:, :, :1], i64(-1)]], rank=2),
        Open("Unsqueeze", [[x, i64(0, 4)], [x, i64(1, 2)]], rank=5),
        Open("Reshape", [[x, i64(4, -1)], [x, i64(0, 12)]], rank=2),
        Open("Expand", [[f32(3, 1), i64(2, 1, 4)], [f32(1, 4), i64(2, 3, 1)]], rank=3),
        Open("ConstantOfShape", [[i64(2, 3)], [i64(0, 7)]], rank=2),
        Open("Tile", [[x, i64(1, 2, 3)], [x, i64(2, 0, 1)]]),
        Open("Resize", [[image, None, None, i64(1, 2, 6, 5)]], {"mode": "linear"}),
    ]


ALL = [*convolutions(), *deformable(), *attentions(), *places(), *layers(), *lengths()]


@pytest.mark.parametrize("case", ALL, ids=[f"{i}-{case.op}" for i, case in enumerate(ALL)])
def test_all_sizes_are_open(case: Open) -> None:
    compiled = case.compile()
    for call, inputs in enumerate(case.calls):
        (y,) = compiled(*(x for x in inputs if x is not None))
        right = case.expected(call)
        assert y.shape == right.shape and y.dtype == right.dtype
        np.testing.assert_allclose(y, right, rtol=1e-4, atol=1e-5)


def model_of(
    op: str,
    inputs: Sequence[Array],
    attributes: dict[str, Any],
    opset: int = 23,
    *,
    is_open: bool = True,
    result: onnx.ValueInfoProto | None = None,
) -> onnx.ModelProto:
    """One node whose inputs have the ranks of `inputs`, and their sizes if not `is_open`."""
    names = [f"i{k}" for k in range(len(inputs))]
    infos = [
        helper.make_tensor_value_info(
            n, helper.np_dtype_to_tensor_dtype(x.dtype), [None] * x.ndim if is_open else x.shape
        )
        for n, x in zip(names, inputs, strict=True)
    ]
    node = helper.make_node(op, names, ["y"], **attributes)
    result = result or helper.make_empty_tensor_value_info("y")
    graph = helper.make_graph([node], "g", infos, [result])
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


HEADS = "heads of queries and a multiple"
SMALL = "too small for the filter"
AXES = "'axes' must be from -3 to 2"
SLICE = [f32(5, 4, 3), i64(0, 0), i64(2, 2)]


@pytest.mark.parametrize(
    ("op", "inputs", "attributes", "message"),
    [
        ("Conv", [f32(1, 4, 5), f32(3, 1, 2)], {"group": 2}, "output channels and 'group'"),
        ("Conv", [f32(1, 3, 5), f32(2, 2, 2)], {}, "channels of the input and those"),
        ("Conv", [f32(1, 2, 5), f32(2, 2, 3)], {"kernel_shape": [2]}, "kernel_shape"),
        ("Conv", [f32(1, 1, 3), f32(1, 1, 9)], {"pads": [1, 0]}, SMALL),
        ("Conv", [f32(1, 1, 3), f32(1, 1, 0)], {}, "a filter must have elements"),
        ("ConvTranspose", [f32(1, 1, 0), f32(1, 1, 2)], {"strides": [3]}, SMALL),
        ("ConvTranspose", [f32(1, 2, 4), f32(3, 1, 2)], {}, "channels of the input and those"),
        ("DeformConv", [f32(1, 2, 3, 3), f32(1, 3, 1, 1), f32(1, 2, 3, 3)], {}, "that 'W' takes"),
        ("DeformConv", [f32(1, 2, 3, 3), f32(1, 2, 1, 1), f32(1, 4, 3, 3)], {}, "two for each"),
        ("DeformConv", [f32(1, 2, 3, 3), f32(1, 2, 1, 1), f32(1, 2, 2, 3)], {}, "a spatial dim"),
        ("DeformConv", [f32(1, 2, 0, 3), f32(1, 2, 1, 1), f32(1, 2, 0, 3)], {}, "have elements"),
        ("GroupNormalization", [f32(1, 5, 3), f32(5), f32(5)], {"num_groups": 2}, "equal groups"),
        ("Attention", [f32(1, 4, 2, 8), *[f32(1, 3, 5, 8)] * 2], {}, HEADS),
        ("Attention", [f32(1, 2, 2, 8), *[f32(1, 4, 5, 8)] * 2], {}, HEADS),
        ("Attention", [f32(1, 2, 2, 8), *[f32(1, 0, 5, 8)] * 2], {}, "must have heads"),
        (
            "Attention",
            [f32(1, 2, 2, 8), f32(1, 2, 5, 8), f32(1, 1, 5, 8)],
            {},
            "heads of keys and those of values",
        ),
        ("ReduceSum", [f32(5, 4, 3), i64(0, 3)], {}, AXES),
        ("ReduceSum", [f32(5, 4, 3), i64(-4)], {}, AXES),
        ("ReduceSum", [f32(5, 4, 3), i64(2, -1)], {}, "'axes' must not name a dimension twice"),
        ("ReduceSum", [f32(), i64(0)], {}, "a scalar has no 'axes'"),
        ("Pad", [f32(5, 4, 3), i64(1, 2), f32(), i64(3)], {}, AXES),
        ("Pad", [f32(5, 4, 3), i64(1, 2, 3), f32(), i64(0)], {}, "two for each axis"),
        ("Tile", [f32(5, 4), i64(1)], {}, "the entries of 'repeats' and what ranks say"),
        ("Slice", [*SLICE, i64(0, 3)], {}, AXES),
        ("Slice", [*SLICE, i64(-4, 1)], {}, AXES),
        ("Slice", [*SLICE, i64(2, -1)], {}, "'axes' must not name a dimension twice"),
    ],
)
def test_sizes_that_do_not_fit_are_an_error(
    op: str, inputs: list[Array], attributes: dict[str, Any], message: str
) -> None:
    compiled = lathe.compile(model_of(op, inputs, attributes), cache=False)
    with pytest.raises(lathe.RuntimeError, match="call-shape-check") as error:
        compiled(*inputs)
    assert message in str(error.value)


@pytest.mark.parametrize("is_open", [False, True], ids=["static", "open"])
@pytest.mark.parametrize(
    ("op", "inputs", "attributes", "message"),
    [
        *[
            (op, [f32(*[4] * rank)] * 2, {}, f"'X' has rank {rank}, but a batch, a channel")
            for op in ("Conv", "ConvTranspose")
            for rank in (0, 1, 2)
        ],
        *[
            ("Conv", [f32(1, 1, 3)] * 2, {"kernel_shape": [size]}, "attribute 'kernel_shape' is")
            for size in (-1, 1 << 41, 1 << 62, (1 << 63) - 1)
        ],
        *[
            (op, [f32(1, 1, 3)] * 2, {"group": group}, f"'group' is {group}, but it must be from 1")
            for op in ("Conv", "ConvTranspose")
            for group in (0, -1, (1 << 63) - 1)
        ],
        *[
            ("ConvTranspose", [f32(1, 1, 3)] * 2, {name: [size]}, f"attribute '{name}' is")
            for name in ("output_padding", "output_shape")
            for size in (-3, -(1 << 63), (1 << 63) - 1)
        ],
        *[
            (
                "GroupNormalization",
                [f32(1, 4, 3), f32(4), f32(4)],
                {"num_groups": groups},
                f"'num_groups' is {groups}, but it must be from 1",
            )
            for groups in (0, (1 << 63) - 1)
        ],
        *[
            (
                "DeformConv",
                [f32(1, 2, 3, 3), f32(1, 2, 1, 1), f32(1, 2, 3, 3)],
                {name: count},
                f"'{name}' is {count}, but it must be from 1",
            )
            for name in ("group", "offset_group")
            for count in (0, (1 << 63) - 1)
        ],
        *[
            (
                "Attention",
                [f32(1, 2, 8)] * 3,
                {"q_num_heads": heads, "kv_num_heads": 2},
                f"'q_num_heads' is {heads}, but it must be from 1",
            )
            for heads in (0, (1 << 63) - 1)
        ],
    ],
)
def test_parameters_out_of_range_are_an_error(
    op: str, inputs: list[Array], attributes: dict[str, Any], message: str, *, is_open: bool
) -> None:
    with pytest.raises(lathe.CompileError) as error:
        lathe.compile(model_of(op, inputs, attributes, is_open=is_open), cache=False)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("op", "inputs", "rank", "message"),
    [
        ("GatherND", [f32(3, 4, 5), i64([0])], 0, "0 of the result says that positions have 4"),
        ("GatherND", [f32(3), i64(0)], 3, "3 of the result says that positions have -2"),
        ("ScatterND", [f32(3), i64(0), f32(1, 1, 1)], 1, "'updates' says that positions have -2"),
    ],
)
def test_ranks_that_no_depth_of_indices_has(
    op: str, inputs: list[Array], rank: int, message: str
) -> None:
    result = helper.make_tensor_value_info("y", 1, [None] * rank)
    with pytest.raises(lathe.CompileError) as error:
        lathe.compile(model_of(op, inputs, {}, result=result), cache=False)
    assert message in str(error.value)


@pytest.mark.parametrize("is_open", [False, True], ids=["static", "open"])
def test_attention_with_heads_of_no_elements_is_the_mean(*, is_open: bool) -> None:
    inputs = [f32(1, 2, 3, 0), f32(1, 2, 4, 0), f32(1, 2, 4, 5)]
    compiled = lathe.compile(model_of("Attention", inputs, {}, is_open=is_open), cache=False)
    (y,) = compiled(*inputs)
    right = np.broadcast_to(inputs[2].mean(2, keepdims=True), (1, 2, 3, 5))
    np.testing.assert_allclose(y, right, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
@pytest.mark.parametrize(("power", "scale"), [(54, 2.0), (54, 0.5), (60, 1.0), (62, 2.0)])
def test_large_numbers_stay_when_they_are_resized(dtype: type, power: int, scale: float) -> None:
    """Beyond 2^53, of both signs."""
    data: Array = np.full((1, 1, 4, 4), 1 << power, dtype)
    if dtype is np.int64:
        data = -data
    scales = np.array([1, 1, scale, scale], np.float32)
    node = helper.make_node("Resize", ["x", "", "s"], ["y"], mode="linear", antialias=1)
    x = helper.make_tensor_value_info("x", helper.np_dtype_to_tensor_dtype(data.dtype), data.shape)
    y = helper.make_empty_tensor_value_info("y")
    s = onnx.numpy_helper.from_array(scales, "s")
    graph = helper.make_graph([node], "g", [x], [y], [s])
    opsets = [helper.make_opsetid("", 19)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    (found,) = lathe.compile(model, cache=False)(data)
    value = int(data.flat[0])
    assert all(abs(int(z) - value) <= abs(value) >> 50 for z in found.flat)


@pytest.mark.parametrize("op", ["MaxPool", "AveragePool", "LpPool"])
@pytest.mark.parametrize("shape", [(0, 3, 8), (2, 0, 8), (2, 3, 1)])
def test_pools_of_nothing(op: str, shape: tuple[int, ...]) -> None:
    """No batch, no channels, or an image that is smaller than the window."""
    x = helper.make_tensor_value_info("x", 1, shape)
    y = helper.make_empty_tensor_value_info("y")
    node = helper.make_node(op, ["x"], ["y"], kernel_shape=[2], strides=[2])
    graph = helper.make_graph([node], "g", [x], [y])
    opsets = [helper.make_opsetid("", 22)]
    compiled = lathe.compile(
        helper.make_model(graph, opset_imports=opsets, ir_version=10), cache=False
    )
    (found,) = compiled(np.zeros(shape, np.float32))
    assert found.shape == (*shape[:2], shape[2] // 2)


def test_indices_of_same_padding_at_any_size() -> None:
    x = helper.make_tensor_value_info("x", 1, [None] * 4)
    node = helper.make_node(
        "MaxPool", ["x"], ["y", "at"], kernel_shape=[3, 2], strides=[2, 3], auto_pad="SAME_LOWER"
    )
    results = [helper.make_empty_tensor_value_info(name) for name in ("y", "at")]
    graph = helper.make_graph([node], "g", [x], results)
    opsets = [helper.make_opsetid("", 22)]
    compiled = lathe.compile(
        helper.make_model(graph, opset_imports=opsets, ir_version=10), cache=False
    )
    for shape in ((2, 3, 7, 8), (1, 1, 4, 5)):
        data = f32(*shape)
        y, at = compiled(data)
        np.testing.assert_array_equal(data.reshape(-1)[at], y)
        right = onnx_result("MaxPool", [data], 22, **{
            "kernel_shape": [3, 2], "strides": [2, 3], "auto_pad": "SAME_LOWER"
        })  # fmt: skip
        np.testing.assert_array_equal(y, right)


def test_zeros_are_quantized_with_some_scale() -> None:
    node = helper.make_node("DynamicQuantizeLinear", ["x"], ["y", "scale", "zero"])
    x = helper.make_tensor_value_info("x", 1, [None])
    results = [helper.make_empty_tensor_value_info(name) for name in ("y", "scale", "zero")]
    graph = helper.make_graph([node], "g", [x], results)
    opsets = [helper.make_opsetid("", 21)]
    compiled = lathe.compile(
        helper.make_model(graph, opset_imports=opsets, ir_version=10), cache=False
    )
    # The least number above 0, divided by 255, is 0.
    for data in (np.zeros(3, np.float32), np.array([0, 1e-45], np.float32)):
        y, scale, zero = compiled(data)
        assert not y.any() and scale == 1 and zero == 0


@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_whole_numbers_are_rounded_when_they_are_resized(mode: str) -> None:
    """Halves and steps between the least and the largest number, which a cubic goes beyond."""
    data = random.integers(0, 2, (1, 1, 8, 8), np.uint8) * np.uint8(255)
    node = helper.make_node("Resize", ["x", "", "s"], ["y"], mode=mode, antialias=1)
    x = helper.make_tensor_value_info("x", 2, data.shape)
    s = helper.make_tensor_value_info("s", 1, [4])
    y = helper.make_tensor_value_info("y", 2, None)
    graph = helper.make_graph([node], "g", [x, s], [y])
    opsets = [helper.make_opsetid("", 19)]
    compiled = lathe.compile(
        helper.make_model(graph, opset_imports=opsets, ir_version=10), cache=False
    )
    for scale in (0.6, 1.7):
        scales = np.array([1, 1, scale, scale], np.float32)
        (found,) = compiled(data, scales)
        right = onnx_result(
            "Resize", [data.astype(np.float32), None, scales], 19, mode=mode, antialias=1
        )
        assert np.abs(found - np.clip(right, 0, 255)).max() <= 0.501


def test_conditions_of_open_sizes_have_one_element() -> None:
    """Exporters slice a condition out of a vector at a position that is computed."""
    branches = [
        helper.make_graph(
            [helper.make_node("Constant", [], [name], value_float=value)],
            name,
            [],
            [helper.make_tensor_value_info(name, 1, [])],
        )
        for name, value in (("a", 1.5), ("b", 2.5))
    ]
    nodes = [
        helper.make_node("Slice", ["c", "begin", "end"], ["cond"]),
        helper.make_node("If", ["cond"], ["y"], then_branch=branches[0], else_branch=branches[1]),
    ]
    inputs = [
        helper.make_tensor_value_info("c", 9, [None]),
        helper.make_tensor_value_info("begin", 7, [1]),
        helper.make_tensor_value_info("end", 7, [1]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        inputs,
        [helper.make_tensor_value_info("y", 1, [])],
    )
    opsets = [helper.make_opsetid("", 20)]
    model = lathe.compile(helper.make_model(graph, opset_imports=opsets, ir_version=9), cache=False)
    conditions = np.array([True, False, True])
    for at, right in ((0, 1.5), (1, 2.5)):
        assert model(conditions, i64(at), i64(at + 1))[0] == right
    with pytest.raises(lathe.RuntimeError, match="the elements of 'cond' and 1"):
        model(conditions, i64(0), i64(2))
