# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""DeformConv and MaxRoiPool, compared with ONNX Runtime."""

from __future__ import annotations

from typing import Any

import lathe
import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, helper
from oracle import Random

random = Random(41)

Array = NDArray[Any]


def model_of(op: str, opset: int, inputs: dict[str, Array], **attributes: Any) -> ModelProto:
    """A model of one node; the first dimension of each input is open."""
    node = helper.make_node(op, list(inputs), ["y"], **attributes)
    infos = [
        helper.make_tensor_value_info(
            name,
            helper.np_dtype_to_tensor_dtype(x.dtype),
            ["n" if name in ("x", "offset", "mask") else f"n_{name}", *x.shape[1:]]
            if name not in ("w", "b")
            else x.shape,
        )
        for name, x in inputs.items()
    ]
    output = helper.make_tensor_value_info(
        "y", helper.np_dtype_to_tensor_dtype(inputs["x"].dtype), None
    )
    graph = helper.make_graph([node], "g", infos, [output])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


def expect(model: ModelProto, inputs: dict[str, Array], tolerance: float) -> None:
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (right,) = session.run(None, inputs)
    (y,) = lathe.compile(model, cache=False)(*inputs.values())
    np.testing.assert_allclose(y, right, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("strides", [[1, 1], [2, 3]])
@pytest.mark.parametrize("pads", [[0, 0, 0, 0], [1, 2, 2, 1]])
@pytest.mark.parametrize(("groups", "offset_groups"), [(1, 1), (2, 1), (1, 2), (2, 4)])
@pytest.mark.parametrize("masked", [False, True])
def test_deform_conv(
    strides: list[int], pads: list[int], groups: int, offset_groups: int, masked: bool
) -> None:
    x, w = random.floats(2, 4, 9, 8), random.floats(6, 4 // groups, 3, 2)
    height = (9 + pads[0] + pads[2] - 3) // strides[0] + 1
    width = (8 + pads[1] + pads[3] - 2) // strides[1] + 1
    inputs: dict[str, Array] = {
        "x": x,
        "w": w,
        "offset": random.floats(2, offset_groups * 3 * 2 * 2, height, width) * 2,
    }
    if masked:
        inputs["b"] = random.floats(6)
        inputs["mask"] = random.floats(2, offset_groups * 3 * 2, height, width)
    model = model_of(
        "DeformConv",
        19,
        inputs,
        strides=strides,
        pads=pads,
        group=groups,
        offset_group=offset_groups,
        kernel_shape=[3, 2],
    )
    expect(model, inputs, 2e-4)


def test_deform_conv_without_offsets_is_a_convolution() -> None:
    x, w = random.floats(1, 2, 6, 6), random.floats(3, 2, 3, 3)
    offset = np.zeros((1, 18, 4, 4), np.float32)
    model = model_of("DeformConv", 22, {"x": x, "w": w, "offset": offset})
    (y,) = lathe.compile(model, cache=False)(x, w, offset)
    right = np.zeros((1, 3, 4, 4))
    for i in range(3):
        for j in range(3):
            right += np.einsum("ncyx,fc->nfyx", x[:, :, i : i + 4, j : j + 4], w[:, :, i, j])
    np.testing.assert_allclose(y, right, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("offset", [np.nan, np.inf, -np.inf, 1e30])
def test_offsets_that_lead_nowhere(offset: float) -> None:
    x, w = random.floats(1, 1, 4, 4), random.floats(1, 1, 2, 2)
    offsets = np.full((1, 8, 3, 3), offset, np.float32)
    (y,) = lathe.compile(
        model_of("DeformConv", 22, {"x": x, "w": w, "offset": offsets}), cache=False
    )(x, w, offsets)
    assert y.shape == (1, 1, 3, 3)


@pytest.mark.parametrize("pooled", [[1, 1], [2, 3], [7, 7]])
@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_max_roi_pool(pooled: list[int], scale: float) -> None:
    x = random.floats(2, 3, 9, 11)
    rois = np.array(
        [
            [0, 0, 0, 10, 8],
            [1, 2, 3, 5, 4],
            [0, 7, 7, 3, 3],  # Ends before it begins.
            [1, -4, -5, 40, 30],  # Reaches over the image.
            [0, 30, 30, 40, 40],  # Outside of it.
            [1, 2.5, 3.5, 2.5, 3.5],
        ],
        np.float32,
    )
    rois[:, 1:] /= scale
    inputs = {"x": x, "rois": rois}
    expect(
        model_of("MaxRoiPool", 1, inputs, pooled_shape=pooled, spatial_scale=scale), inputs, 1e-6
    )


def test_no_regions() -> None:
    x, rois = random.floats(1, 2, 4, 4), np.zeros((0, 5), np.float32)
    model = model_of("MaxRoiPool", 22, {"x": x, "rois": rois}, pooled_shape=[2, 2])
    (y,) = lathe.compile(model, cache=False)(x, rois)
    assert y.shape == (0, 2, 2, 2)
    with pytest.raises(lathe.CompileError, match="onnx-window-attribute"):
        lathe.compile(
            model_of("MaxRoiPool", 22, {"x": x, "rois": rois}, pooled_shape=[0, 2]), cache=False
        )


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("which", [2, 3])
def test_regions_without_a_number_of_samples(value: float, which: int) -> None:
    rois = np.array([[0, 0, 2, 2], [0, 0, 3, 3]], np.float32)
    inputs = {"x": random.floats(1, 2, 4, 4), "rois": rois, "where": np.zeros(2, np.int64)}
    model = lathe.compile(
        model_of("RoiAlign", 16, inputs, output_height=2, output_width=2), cache=False
    )
    assert np.all(np.isfinite(model(**inputs)[0]))
    rois[1, which] = value
    if value == -np.inf:  # Ends before it begins: one sample.
        model(**inputs)
        return
    with pytest.raises(lathe.RuntimeError, match="the regions of 'rois' must be finite"):
        model(**inputs)


def test_regions_need_a_position_each() -> None:
    x, rois = random.floats(1, 2, 4, 4), np.zeros((3, 4), np.float32)
    at = {"output_height": 2, "output_width": 2}
    inputs = {"x": x, "rois": rois, "where": np.zeros(3, np.int64)}
    (y,) = lathe.compile(model_of("RoiAlign", 16, inputs, **at), cache=False)(**inputs)
    assert y.shape == (3, 2, 2, 2)
    inputs["where"] = np.zeros(2, np.int64)
    with pytest.raises(lathe.RuntimeError, match="'batch_indices'"):
        lathe.compile(model_of("RoiAlign", 16, inputs, **at), cache=False)(**inputs)
    inputs["rois"] = np.zeros((2, 5), np.float32)
    with pytest.raises(lathe.CompileError, match="numbers of a region and 4"):
        lathe.compile(model_of("RoiAlign", 16, inputs, **at), cache=False)
