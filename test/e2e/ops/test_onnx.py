# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""ONNX operators that become several graph ops, compared with ONNX Runtime.

ONNX's own backend tests have each operator in a few forms; here are those that they lack: open
sizes, other element types, attributes together.
"""

from __future__ import annotations

from typing import Any

import lathe
import numpy as np
import onnxruntime
import pytest
from onnx import helper, numpy_helper
from oracle import Array, Random

random = Random(11)


def check(
    op: str,
    inputs: dict[str, Array],
    constants: dict[str, Array] | None = None,
    outputs: int = 1,
    opset: int = 20,
    tolerance: float = 1e-5,
    least: int = 5,
    **attributes: Any,
) -> None:
    """Compares one node, with fixed sizes and with those from `least` on open.

    The name of an operand ends in its place among the node's inputs.
    """
    names = [*inputs, *(constants or {})]
    order = sorted(names, key=lambda name: int(name.rsplit("_", 1)[1]))
    highest = int(order[-1].rsplit("_", 1)[1])
    by_place = {int(name.rsplit("_", 1)[1]): name for name in order}
    made = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(
        op, [by_place.get(i, "") for i in range(highest + 1)], made, **attributes
    )
    for free in (False, True):
        graph = helper.make_graph(
            [node],
            "one",
            [
                helper.make_tensor_value_info(
                    name,
                    helper.np_dtype_to_tensor_dtype(array.dtype),
                    [f"d{size}" if free and size >= least else size for size in array.shape],
                )
                for name, array in inputs.items()
            ],
            [helper.make_empty_tensor_value_info(name) for name in made],
            [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()],
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9
        )
        expected = onnxruntime.InferenceSession(model.SerializeToString()).run(None, inputs)
        found = lathe.compile(model, cache=False).run(inputs)
        for name, right in zip(made, expected, strict=True):
            assert found[name].dtype == right.dtype
            np.testing.assert_allclose(found[name], right, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("mode", ["linear", "nearest", "cubic"])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("corners", [0, 1])
def test_grid_sample(mode: str, padding: str, corners: int) -> None:
    x = random.floats(2, 3, 6, 5)
    grid = random.floats(2, 7, 4, 2) * 0.9
    check(
        "GridSample",
        {"x_0": x, "grid_1": grid},
        tolerance=1e-4,
        mode=mode,
        padding_mode=padding,
        align_corners=corners,
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.int32])
def test_top_k(dtype: type) -> None:
    x: np.ndarray[Any, Any] = random.integers(-9, 9, (3, 17, 2), np.int64).astype(dtype)
    for largest in (0, 1):
        for axis, k in ((1, 6), (-2, 17), (0, 2), (1, 1), (-1, 1)):
            count = {"k_1": np.array([k])}
            check("TopK", {"x_0": x}, count, outputs=2, opset=11, axis=axis, largest=largest)


def test_top_k_whose_number_is_an_input() -> None:
    """How many are wanted is known when the model runs."""
    node = helper.make_node("TopK", ["x", "k"], ["values", "positions"])
    graph = helper.make_graph(
        [node],
        "one",
        [
            helper.make_tensor_value_info("x", 1, ["batch", 9]),
            helper.make_tensor_value_info("k", 7, [1]),
        ],
        [helper.make_tensor_value_info("values", 1, ["batch", "k"])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    compiled = lathe.compile(model, cache=False)
    x = random.floats(4, 9)
    for k in (0, 1, 5, 9):
        (values,) = compiled(x, np.array([k]))
        np.testing.assert_array_equal(values, -np.sort(-x)[:, :k])
    with pytest.raises(
        lathe.RuntimeError, match=r"as many elements as are taken.*call-shape-check"
    ):
        compiled(x, np.array([10]))


@pytest.mark.parametrize("size", [7, 8])
def test_fourier_transforms(size: int) -> None:
    real, both = random.floats(3, size, 1), random.floats(3, size, 2)
    axis = {"axis_2": np.array(1)}
    for x in (real, both):
        check("DFT", {"x_0": x}, axis, tolerance=1e-4)
    check("DFT", {"x_0": real}, axis, tolerance=1e-4, onesided=1)
    check("DFT", {"x_0": both}, axis, tolerance=1e-4, inverse=1)
    for length in (5, 11):
        given = {"length_1": np.array(length), **axis}
        check("DFT", {"x_0": real}, given, tolerance=1e-4)


def test_short_time_transform() -> None:
    signal = random.floats(2, 30, 1)
    window = random.floats(8)
    constants = {"step_1": np.array(3), "window_2": window, "length_3": np.array(8)}
    check("STFT", {"signal_0": signal}, constants, tolerance=1e-4)


def test_blocks_of_an_image() -> None:
    x = random.floats(2, 12, 20)
    constants = {"image_1": np.array([6, 5]), "block_2": np.array([3, 2])}
    pads: dict[str, Any] = {"pads": [0, 0, 1, 0], "strides": [1, 1]}
    check("Col2Im", {"x_0": x}, constants, opset=18, least=20, **pads)


@pytest.mark.parametrize("ceil_mode", [0, 1])
def test_places_of_maxima(ceil_mode: int) -> None:
    x = random.floats(2, 3, 9, 8)
    attributes: dict[str, Any] = {"kernel_shape": [3, 2], "strides": [2, 3], "pads": [1, 0, 1, 1]}
    check("MaxPool", {"x_0": x}, outputs=2, opset=12, ceil_mode=ceil_mode, **attributes)


@pytest.mark.parametrize("p", [1, 2, 3])
def test_norms_of_windows(p: int) -> None:
    x = random.floats(2, 3, 9, 8)
    attributes: dict[str, Any] = {"kernel_shape": [3, 2], "strides": [2, 3], "pads": [1, 0, 1, 1]}
    check("LpPool", {"x_0": x}, opset=18, ceil_mode=1, p=p, tolerance=1e-4, **attributes)


def test_batch_normalization_in_training() -> None:
    x = random.floats(3, 4, 6, 5)
    parameters = {f"{n}_{i + 1}": random.floats(4) for i, n in enumerate("abc")}
    variance = {"v_4": np.abs(random.floats(4))}
    check(
        "BatchNormalization",
        {"x_0": x, **parameters, **variance},
        outputs=3,
        opset=15,
        tolerance=1e-4,
        training_mode=1,
        momentum=0.8,
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
def test_quantization_in_blocks(dtype: type) -> None:
    x: np.ndarray[Any, Any] = random.integers(0, 100, (3, 10), np.int64).astype(dtype)
    scale = {"scale_1": np.abs(random.floats(3, 4)) + 0.1}
    z: np.ndarray[Any, Any] = random.integers(0, 9, (3, 4), np.int64).astype(dtype)
    zero = {"zero_2": z}
    check("DequantizeLinear", {"x_0": x}, {**scale, **zero}, opset=21, axis=1, block_size=3)


def test_reading_a_shape() -> None:
    """A shape that is an input may hold 0 and -1, as one that is known."""
    node = helper.make_node("Reshape", ["x", "shape"], ["y"], name="view")
    graph = helper.make_graph(
        [node],
        "one",
        [
            helper.make_tensor_value_info("x", 1, ["batch", 6, 4]),
            helper.make_tensor_value_info("shape", 7, [3]),
        ],
        [helper.make_tensor_value_info("y", 1, ["a", "b", "c"])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    compiled = lathe.compile(model, cache=False)
    for batch in (1, 3):
        x = random.floats(batch, 6, 4)
        for shape in ([0, 0, 0], [0, -1, 2], [-1, 0, 4], [batch, 8, 3], [-1, 2, 2], [0, 24, -1]):
            (y,) = compiled(x, np.array(shape))
            right = [x.shape[i] if s == 0 else s for i, s in enumerate(shape)]
            np.testing.assert_array_equal(y, x.reshape(right))
    for wrong in ([0, 5, 4], [-1, 7, 1], [0, -2, -12], [-1, -1, 5]):
        with pytest.raises(lathe.RuntimeError, match=r'node "view".*\[call-shape-check\]'):
            compiled(random.floats(2, 6, 4), np.array(wrong))


def test_reading_an_expansion() -> None:
    node = helper.make_node("Expand", ["x", "shape"], ["y"], name="wide")
    graph = helper.make_graph(
        [node],
        "one",
        [
            helper.make_tensor_value_info("x", 1, [3, 1]),
            helper.make_tensor_value_info("shape", 7, [3]),
        ],
        [helper.make_tensor_value_info("y", 1, ["a", "b", "c"])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    compiled = lathe.compile(model, cache=False)
    x = random.floats(3, 1)
    for shape in ([2, 3, 4], [1, 1, 1], [2, 1, 6]):
        (y,) = compiled(x, np.array(shape))
        np.testing.assert_array_equal(y, x * np.ones(shape, np.float32))
    with pytest.raises(lathe.RuntimeError, match=r'node "wide".*\[call-shape-check\]'):
        compiled(x, np.array([2, 2, 4]))


@pytest.mark.parametrize("dtype", [np.int64, np.int32])
def test_reading_a_range(dtype: type) -> None:
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    names = ["start", "limit", "delta"]
    graph = helper.make_graph(
        [helper.make_node("Range", names, ["y"], name="count")],
        "one",
        [helper.make_tensor_value_info(name, kind, []) for name in names],
        [helper.make_tensor_value_info("y", kind, ["n"])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    compiled = lathe.compile(model, cache=False)
    for values in ((0, 10, 3), (10, 0, -3), (5, 5, 1), (0, 10, -1), (-4, 9, 2)):
        (y,) = compiled(*(np.array(v, dtype) for v in values))
        np.testing.assert_array_equal(y, np.arange(*values, dtype=dtype))
    with pytest.raises(
        lathe.RuntimeError, match=r'node "count".*must not be 0.*\[call-shape-check\]'
    ):
        compiled(np.array(0, dtype), np.array(9, dtype), np.array(0, dtype))


@pytest.mark.parametrize("step", [1, 3, -1, None])
def test_ranges_that_do_not_fit_are_refused(step: int | None) -> None:
    """A difference of two 64-bit numbers may need one bit more, but must not wrap around."""
    names = ["start", "limit"] if step else ["start", "limit", "delta"]
    graph = helper.make_graph(
        [helper.make_node("Range", ["start", "limit", "delta"], ["y"], name="count")],
        "one",
        [helper.make_tensor_value_info(name, 7, []) for name in names],
        [helper.make_tensor_value_info("y", 7, ["n"])],
        [helper.make_tensor("delta", 7, [], [step])] if step else [],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    compiled = lathe.compile(model, cache=False)
    most, least, delta = 2**63 - 1, -(2**63), step or 1
    sign = 1 if delta > 0 else -1

    def count(start: int, limit: int) -> list[int]:
        values = [np.array(v, np.int64) for v in (start, limit, delta)]
        (y,) = compiled(*values[: len(names)])
        return [int(v) for v in y]

    for start, limit in ((1 - most, most), (-2, most - 1), (-most, 0), (least, 9)):
        start, limit = (start, limit) if sign > 0 else (limit, start)
        with pytest.raises(lathe.RuntimeError, match=r'node "count".*\[call-shape-check\]'):
            count(start, limit)
    with pytest.raises(lathe.RuntimeError, match=r"\[call-(shape-check|size-overflow)\]"):
        count(*((0, most) if sign > 0 else (most, 0)))
    # Away from each other there is nothing between.
    assert count(most * sign, -most * sign) == []
    for start, limit in ((most - 4, most), (-most, 4 - most), (4 - most, -most)):
        assert count(start, limit) == list(range(start, limit, delta))


@pytest.mark.parametrize("step", [1 << 62, -(1 << 62), 3 << 61, -(3 << 61), 2**63 - 1])
def test_ranges_of_few_large_steps(step: int) -> None:
    """The bounds are farther apart than 64 bits say, but there is room for what is between."""
    names = ["start", "limit"]
    graph = helper.make_graph(
        [helper.make_node("Range", [*names, "delta"], ["y"])],
        "one",
        [helper.make_tensor_value_info(name, 7, []) for name in names],
        [helper.make_tensor_value_info("y", 7, ["n"])],
        [helper.make_tensor("delta", 7, [], [step])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    compiled = lathe.compile(model, cache=False)
    most = 2**63 - 1
    for start, limit in ((-most, most), (-most, 5), (-7, most), (3, 9), (9, 3)):
        start, limit = (start, limit) if step > 0 else (limit, start)
        (y,) = compiled(np.array(start, np.int64), np.array(limit, np.int64))
        assert [int(v) for v in y] == list(range(start, limit, step))


def test_repeating_many_dimensions() -> None:
    x = random.floats(2, 1, 3, 2, 5, 2)
    check("Tile", {"x_0": x}, {"repeats_1": np.array([2, 3, 1, 2, 2, 3])})


@pytest.mark.parametrize("mode", ["avg", "max"])
@pytest.mark.parametrize("aligned", ["half_pixel", "output_half_pixel"])
@pytest.mark.parametrize("ratio", [0, 2])
def test_regions(mode: str, aligned: str, ratio: int) -> None:
    """Without a ratio, each region has as many samples as its bins have elements."""
    x = random.floats(2, 3, 9, 8)
    corners = np.sort(np.abs(random.floats(6, 2, 2)) * 8, axis=1).reshape(6, 4).astype(np.float32)
    batch = random.integers(0, 2, (6,), np.int64)
    check(
        "RoiAlign",
        {"x_0": x, "rois_1": corners, "batch_2": batch},
        opset=16,
        tolerance=1e-4,
        mode=mode,
        coordinate_transformation_mode=aligned,
        output_height=3,
        output_width=2,
        sampling_ratio=ratio,
        spatial_scale=0.5,
    )
