# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Values and sizes at the edge: NaN, the ends of types, ties, dims of 1 and 0, large arguments."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import lathe
import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper
from oracle import Array, Random

random = Random(22)
NAN = np.nan
INT64 = np.iinfo(np.int64)


def model(
    op: str,
    inputs: dict[str, tuple[Array, list[Any]]],
    constants: dict[str, Array] | None = None,
    order: list[str] | None = None,
    outputs: int = 1,
    opset: int = 20,
    **attributes: Any,
) -> ModelProto:
    """One node; each input has an example for its dtype, and dims."""
    names = order or [*inputs, *(constants or {})]
    made = [f"y{i}" for i in range(outputs)]
    graph = helper.make_graph(
        [helper.make_node(op, names, made, **attributes)],
        "edge",
        [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), dims)
            for name, (array, dims) in inputs.items()
        ],
        [helper.make_empty_tensor_value_info(name) for name in made],
        [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def compute(op: str, operands: list[Array], free: bool = True, **more: Any) -> list[Array]:
    inputs = {f"x{i}": (array, [*array.shape]) for i, array in enumerate(operands)}
    if free:
        inputs = {n: (a, [f"{n}_{k}" for k in range(a.ndim)]) for n, (a, _) in inputs.items()}
    compiled = lathe.compile(model(op, inputs, **more), threads=1, cache=False)
    return list(compiled(*operands))


# --- Elementwise ----------------------------------------------------------------


@pytest.mark.parametrize("op", ["Sin", "Cos", "Tan", "Atan"])
def test_periodic_functions(op: str) -> None:
    """In units of the last place, up to the largest arguments and beside multiples of pi / 2."""
    x = np.concatenate(
        [
            *(10.0**e * random.floats(2000) for e in range(-5, 39, 2)),
            np.arange(1, 3000) * np.pi / 2,
            [0, 1e-40, 1.0, 1e20, 3.4e38, np.pi],
            # The nearest to a multiple of pi / 2, and where one way to reduce follows the other.
            [
                np.ldexp(16367173, 72),
                np.nextafter(np.float32(2**22), np.float32(0)),
                2**22,
                2**22 + 0.5,
            ],
        ]
    ).astype(np.float32)
    x = np.concatenate([x, -x])
    (found,) = compute(op, [x])
    right = getattr(np, op.lower().replace("atan", "arctan"))(x.astype(np.float64))
    unit = np.spacing(np.abs(right).astype(np.float32)).astype(np.float64)
    assert np.max(np.abs(found - right) / unit) < (1 if op in ("Sin", "Cos") else 4)
    nans = compute(op, [np.array([np.inf, -np.inf, NAN], np.float32)])[0]
    assert np.isnan(nans[2]) and (op == "Atan" or np.isnan(nans).all())


def test_remainders() -> None:
    """Exact, whatever the quotient: also beside integers, and where the division is not finite."""
    draw = random.generator
    y = (10.0 ** draw.uniform(-6, 6, 20000)).astype(np.float32)
    whole = (np.round(10.0 ** draw.uniform(0, 9, y.size)) * y).astype(np.float32)
    far = (y * 2.0 ** draw.integers(20, 60, y.size)).astype(np.float32)
    below = np.nextafter(whole, np.float32(0))
    x = np.concatenate([draw.uniform(-1, 1, y.size), whole, below, far])
    x = (x * draw.choice([-1, 1], x.size)).astype(np.float32)
    y = np.tile(y, 4) * draw.choice([-1, 1], x.size).astype(np.float32)
    ends = [0.0, -0.0, 1.0, -1.5, np.inf, -np.inf, NAN, 3.4e38, 1.2e-38, -1e-45]
    pairs = np.array(list(itertools.product(ends, ends)), np.float32)
    x, y = np.concatenate([x, pairs[:, 0]]), np.concatenate([y, pairs[:, 1]])
    (found,) = compute("Mod", [x, y], fmod=1)
    with np.errstate(invalid="ignore"):
        right = np.fmod(x, y)
    np.testing.assert_array_equal(found, right)
    isnt_nan = ~np.isnan(right)
    np.testing.assert_array_equal(np.signbit(found[isnt_nan]), np.signbit(right[isnt_nan]))


def test_denormal_numbers() -> None:
    x = np.array([1e-45, 3e-42, 1.1754942e-38, 1.17549435e-38, 1, 0, -1e-45], np.float32)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(compute("Log", [x])[0], np.log(x.astype(np.float64)), rtol=1e-6)
    x = np.linspace(-105, -75, 1000).astype(np.float32)
    right = np.exp(x.astype(np.float64)).astype(np.float32)
    np.testing.assert_allclose(compute("Exp", [x])[0], right, rtol=2e-6, atol=1.5e-45)


def test_policies_for_denormal_numbers() -> None:
    """Values are kept unless a call says otherwise; weights only if all must be exact."""
    x = np.full((4, 64), 1e-39, np.float32)
    compiled = lathe.compile(
        model("Mul", {"x": (x, [4, 64])}, {"two": np.float32(2) * np.ones(1, np.float32)})
    )
    assert (compiled(x)[0] != 0).all()
    flushing = compiled.with_options(denormals="flush")
    assert (flushing(x)[0] == 0).all() and (compiled(x)[0] != 0).all()
    with pytest.raises(ValueError, match="give one of keep, flush"):
        compiled.with_options(denormals="drop")

    w = np.full((64, 32), 1e-40, np.float32)
    w[0] = 1.0
    large = np.full((4, 64), 1e30, np.float32)
    large[:, 0] = 0
    product = model("MatMul", {"x": (large, [4, 64])}, {"w": w})
    (found,) = lathe.compile(product, cache=False)(large)
    (strict,) = lathe.compile(product, accuracy="strict", cache=False)(large)
    assert (found == 0).all()
    np.testing.assert_allclose(strict, 63e-10, rtol=1e-4)


def test_powers_of_integers() -> None:
    x = np.array([3037000499, -3037000499, 7, -2, 0, 1, -1], np.int64)
    (found,) = compute("Pow", [x], constants={"n": np.array(2)})
    np.testing.assert_array_equal(found, x * x)
    for dtype in (np.int64, np.int32):
        a = np.array([3, 2, -2, 10, 0, 0, 1, -1, -1, 5], dtype)
        n = np.array([19, 30, 31, 9, 0, 3, -5, -3, -4, -1], dtype)
        (found,) = compute("Pow", [a, n])
        right = [
            int(Fraction(int(p)) ** int(q)) if p else int(q == 0) for p, q in zip(a, n, strict=True)
        ]
        np.testing.assert_array_equal(found, np.array(right).astype(dtype))


def test_powers_of_floats() -> None:
    """As C's pow has it: NumPy takes the root for 0.5, which differs for -inf and -0."""
    x = np.array([-np.inf, -0.0, 4, np.inf, NAN], np.float32)
    inf, nan = np.inf, NAN
    for exponent, right in (
        (0.5, [inf, 0.0, 2, inf, nan]),
        (2.0, [inf, 0.0, 16, inf, nan]),
        (-1.0, [-0.0, -inf, 0.25, 0.0, nan]),
        (0.0, [1, 1, 1, 1, 1]),
    ):
        (found,) = compute("Pow", [x], constants={"n": np.array(exponent, np.float32)})
        np.testing.assert_array_equal(found, np.array(right, np.float32))
        np.testing.assert_array_equal(np.signbit(found[:4]), np.signbit(right[:4]))
    (found,) = compute(
        "Pow", [np.array([1.01], np.float32)], constants={"n": np.array(250, np.uint8)}
    )
    np.testing.assert_allclose(found, [12.032], rtol=1e-3)


def test_sign_of_nan() -> None:
    (found,) = compute("Sign", [np.array([NAN, -2, 0, 3], np.float32)])
    np.testing.assert_array_equal(found, [NAN, -1, 0, 1])


# --- Reductions and orders --------------------------------------------------------


@pytest.mark.parametrize("op", ["ArgMax", "ArgMin"])
@pytest.mark.parametrize("last", [0, 1])
def test_positions_of_nan(op: str, last: int) -> None:
    x = np.array([[1, NAN, 3, NAN], [4, 4, 1, 1], [NAN, 9, 0, 2], [5, 6, 7, NAN]], np.float32)
    (found,) = compute(op, [x], axis=1, keepdims=0, select_last_index=last)
    right = [3, 1 if op == "ArgMax" else 3, 0, 3] if last else [1, 0 if op == "ArgMax" else 2, 0, 3]
    np.testing.assert_array_equal(found, right)


@pytest.mark.parametrize("largest", [0, 1])
def test_order_with_nan(largest: int) -> None:
    """NaN counts as the largest; all others are in order."""
    for size in (2, 3, 17, 40):
        x = random.floats(3, size)
        x[random.floats(3, size) > 0.6] = NAN
        k = {"k": np.array([size])}
        values = compute("TopK", [x], constants=k, outputs=2, largest=largest)[0]
        right = np.sort(x, axis=1)
        np.testing.assert_array_equal(values, right[:, ::-1] if largest else right)


SHAPES = [s for rank in (1, 2, 3, 4) for s in itertools.product((1, 3, None), repeat=rank)]


@pytest.mark.parametrize("kept", [1, 2, 10, 33, 50, 64])
@pytest.mark.parametrize("count", [64, 65, 79, 80, 300, 1000])
def test_best_of_rows(kept: int, count: int) -> None:
    """Rows with many ties, of which the first come first, and rows that only rise or fall."""
    x = random.integers(-40, 40, (9, count), np.int64).astype(np.float32)
    x[0], x[1], x[2] = np.arange(count), -np.arange(count), 7
    k = {"k": np.array([kept])}
    for largest in (0, 1):
        values, places = compute("TopK", [x], free=False, constants=k, outputs=2, largest=largest)
        order = np.argsort(-x if largest else x, axis=-1, kind="stable")[:, :kept]
        np.testing.assert_array_equal(places, order)
        np.testing.assert_array_equal(values, np.take_along_axis(x, order, -1))


@pytest.mark.parametrize("shape", [(9, 4), (9, 4, 5), (9, 4, 3, 33)])
@pytest.mark.parametrize("time", [0, 1])
def test_reversed_sequences(shape: tuple[int, ...], time: int) -> None:
    """Each sample has a length of its own, from none to all; what is behind it stays."""
    x = random.floats(*shape)
    lengths = random.integers(0, shape[time] + 1, (shape[1 - time],), np.int64)
    lengths[:2] = 0, shape[time]
    right = x.copy()
    for sample, length in enumerate(lengths):
        part = (slice(0, length), sample) if time == 0 else (sample, slice(0, length))
        right[part] = np.flip(x[part], 0)
    for free in (False, True):
        axes = {"time_axis": time, "batch_axis": 1 - time}
        (found,) = compute("ReverseSequence", [x, lengths], free, **axes)
        np.testing.assert_array_equal(found, right)


@pytest.mark.parametrize("axes", [(0, 1), (1, 0), (2, 1)])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_reversed_sequences_without_a_length_each(axes: tuple[int, int], count: int) -> None:
    """A length for each of the 4 samples, no fewer and no more; one is not for all."""
    x, lengths = random.floats(4, 4, 3), np.full(count, 2)
    named: dict[str, Any] = dict(zip(("time_axis", "batch_axis"), axes, strict=True))
    words = rf"sequence_lens.*dim {axes[1]}"
    with pytest.raises(lathe.CompileError, match=words):
        compute("ReverseSequence", [x, lengths], free=False, **named)
    with pytest.raises(lathe.RuntimeError, match=words):
        compute("ReverseSequence", [x, lengths], **named)


@pytest.mark.parametrize("part", range(6))
def test_running_sums_beside_units(part: int) -> None:
    """All mixtures of dims of 1, fixed ones and free ones, along all of them."""
    for shape in SHAPES[part::6]:
        for axis in range(len(shape)):
            x = random.floats(*(size or 4 for size in shape))
            reverse = axis % 2
            dims = [f"d{i}" if size is None else size for i, size in enumerate(shape)]
            compiled = lathe.compile(
                model("CumSum", {"x": (x, dims)}, {"axis": np.array(axis)}, reverse=reverse),
                threads=1,
                cache=False,
            )
            flipped = np.flip(x, axis) if reverse else x
            right = np.cumsum(flipped, axis)
            right = np.flip(right, axis) if reverse else right
            np.testing.assert_allclose(compiled(x)[0], right, rtol=1e-5, atol=1e-6)


def test_running_sums_of_nothing() -> None:
    for shape in ((0, 4), (4, 0), (0,)):
        for axis in range(len(shape)):
            x = np.zeros(shape, np.float32)
            for free in (False, True):
                (y,) = compute("CumSum", [x], free, constants={"axis": np.array(axis)})
                assert y.shape == shape


# --- Positions ------------------------------------------------------------------


@pytest.mark.parametrize("low", [np.uint8(0), np.int8(-128), np.float32(-np.inf)])
def test_pooled_positions_are_inside(low: Any) -> None:
    """Padding never wins, also not over the lowest value of the type."""
    x = np.full((1, 1, 4, 5), low)
    x[0, 0, 3, 4] = 1
    _, indices = compute(
        "MaxPool", [x], False, outputs=2, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]
    )
    np.testing.assert_array_equal(indices.ravel(), [0, 1, 3, 5, 6, 19])


@pytest.mark.parametrize("op", ["GatherElements", "ScatterElements"])
def test_more_indices_than_data(op: str) -> None:
    x, indices = random.floats(2, 3), np.zeros((5, 3), np.int64)
    operands = [x, indices] + ([random.floats(5, 3)] if op == "ScatterElements" else [])
    with pytest.raises(lathe.CompileError, match=r"dim 0.*at least.*graph-shape-mismatch"):
        compute(op, operands, free=False, axis=1)
    with pytest.raises(lathe.RuntimeError, match=r"dim 0.*at least.*call-shape-check"):
        compute(op, operands, axis=1)


def test_triangles_far_away() -> None:
    x = random.floats(3, 4)
    for k, upper in itertools.product((INT64.max, INT64.min, 1, -1), (0, 1)):
        (found,) = compute("Trilu", [x], constants={"k": np.array(k)}, upper=upper)
        near = max(-9, min(9, int(k)))
        np.testing.assert_array_equal(found, np.triu(x, near) if upper else np.tril(x, near))
    for shape in ((0, 3), (3, 0)):
        (found,) = compute("Trilu", [np.zeros(shape, np.float32)], free=False)
        assert found.shape == shape


def test_ends_of_int64() -> None:
    least, most = INT64.min, INT64.max
    (found,) = compute(
        "Range", [], constants={"a": np.array(least), "b": np.array(most), "c": np.array(1 << 62)}
    )
    np.testing.assert_array_equal(found, [least, least // 2, 0, 1 << 62])
    x = random.floats(5)
    bounds = {
        "s": np.array([3]),
        "e": np.array([least]),
        "a": np.array([0]),
        "d": np.array([least]),
    }
    for free in (False, True):
        np.testing.assert_array_equal(compute("Slice", [x], free, constants=bounds)[0], x[3:4])


@pytest.mark.parametrize("stride", [1, 2])
def test_transposed_convolution_of_nothing(stride: int) -> None:
    """Whether the batch is empty for good, or in this call."""
    weights = {"w": random.floats(2, 4, 1)}
    for free in (False, True):
        x = np.zeros((0, 2, 3), np.float32)
        (found,) = compute("ConvTranspose", [x], free, constants=weights, strides=[stride])
        assert found.shape == (0, 4, 2 * stride + 1)


# --- Resize ---------------------------------------------------------------------


def nearest(
    size: int, out: int, coordinates: str, rounding: str, scale: Fraction | None = None
) -> list[int]:
    """Positions in exact arithmetic."""
    half, result = Fraction(1, 2), []
    scale = scale or Fraction(out, size)
    for o in range(out):
        if coordinates == "half_pixel":
            x = (o + half) / scale - half
        elif coordinates == "asymmetric":
            x = o / scale
        else:
            x = Fraction(o * (size - 1), out - 1) if out > 1 else Fraction(0)
        at = {
            "round_prefer_floor": -((half - x) // 1),
            "round_prefer_ceil": (x + half) // 1,
            "floor": x // 1,
            "ceil": -(-x // 1),
        }[rounding]
        result.append(min(max(int(at), 0), size - 1))
    return result


@pytest.mark.parametrize("coordinates", ["half_pixel", "asymmetric", "align_corners"])
@pytest.mark.parametrize("rounding", ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
def test_nearest_is_exact(coordinates: str, rounding: str) -> None:
    """One model for all sizes: they are read at run time."""
    x = np.arange(32, dtype=np.float32)
    graph = helper.make_graph(
        [
            helper.make_node(
                "Resize",
                ["x", "", "", "s"],
                ["y"],
                coordinate_transformation_mode=coordinates,
                nearest_mode=rounding,
            )
        ],
        "nearest",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"]),
            helper.make_tensor_value_info("s", TensorProto.INT64, [1]),
        ],
        [helper.make_empty_tensor_value_info("y")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    compiled = lathe.compile(made, threads=1, cache=False)
    for size, out in itertools.product(range(1, 33), range(1, 49)):
        (found,) = compiled(x[:size], np.array([out]))
        np.testing.assert_array_equal(found, nearest(size, out, coordinates, rounding))


@pytest.mark.parametrize("coordinates", ["half_pixel", "asymmetric"])
@pytest.mark.parametrize("policy", ["not_larger", "not_smaller"])
@pytest.mark.parametrize("free", [False, True])
def test_sizes_that_keep_the_ratio_are_exact(coordinates: str, policy: str, free: bool) -> None:
    """The common scale is a fraction of two sizes: 5 / 3 has ties that its rounded value lacks."""
    order = ["x0", "", "", "x1"]
    options: dict[str, Any] = {"mode": "nearest", "nearest_mode": "floor"}
    options |= {"keep_aspect_ratio_policy": policy, "coordinate_transformation_mode": coordinates}
    x = np.arange(21, dtype=np.float32).reshape(3, 7)
    inputs: dict[str, tuple[Array, list[Any]]] = {"x0": (x, ["n", "m"])}
    if free:
        inputs["x1"] = (np.array([1, 1]), [2])
        made = model("Resize", inputs, order=order, **options)
        compiled = lathe.compile(made, threads=1, cache=False)
    for sizes in [(5, 3), (5, 13), (11, 9), (2, 5), (6, 40)]:
        if free:
            (found,) = compiled(x, np.array(sizes))
        else:
            constants = {"x1": np.array(sizes)}
            (found,) = compute("Resize", [x], False, constants=constants, order=order, **options)
        choose = min if policy == "not_larger" else max
        scale = choose(Fraction(out, size) for out, size in zip(sizes, x.shape, strict=True))
        places = [
            nearest(size, int((size * scale + Fraction(1, 2)) // 1), coordinates, "floor", scale)
            for size in x.shape
        ]
        np.testing.assert_array_equal(found, x[np.ix_(*places)])


def test_scales_are_fractions() -> None:
    """0.6 is meant where the nearest number of float32 stands."""
    x = np.arange(20, dtype=np.float32)[None]
    scales = {"s": np.array([1, 0.3], np.float32)}
    for rounding, right in (("round_prefer_floor", 14), ("round_prefer_ceil", 15)):
        for free in (False, True):
            (found,) = compute(
                "Resize", [x], free, constants=scales, order=["x0", "", "s"], nearest_mode=rounding
            )
            assert found.shape == (1, 6) and found[0, 4] == right


def test_cubic_on_bytes() -> None:
    """The overshoot stays in the type."""
    x = np.array([[0, 0, 255, 255, 0, 0]], np.uint8)
    sizes = {"s": np.array([1, 12])}
    (found,) = compute(
        "Resize", [x], False, constants=sizes, order=["x0", "", "", "s"], mode="cubic"
    )
    assert found[0, :3].max() <= 5 and found[0, 5:7].min() >= 250
    wide = [x.astype(np.float32)]
    (right,) = compute(
        "Resize", wide, False, constants=sizes, order=["x0", "", "", "s"], mode="cubic"
    )
    np.testing.assert_array_equal(found, np.clip(np.rint(right), 0, 255))


def test_old_resize_rounds_each_axis() -> None:
    x = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
    scales = {"s": np.array([1, 1, 1.5, 0.6], np.float32)}
    (found,) = compute("Resize", [x], False, constants=scales, opset=10)
    rows, columns = [int(o / 1.5) for o in range(6)], [0, 2]
    np.testing.assert_array_equal(found[0, 0], x[0, 0][np.ix_(rows, columns)])


# --- Errors ---------------------------------------------------------------------


def test_windows_of_padding() -> None:
    with pytest.raises(lathe.CompileError, match=r"pads.*spans.*onnx-window-attribute"):
        compute("MaxPool", [random.floats(1, 1, 4)], kernel_shape=[2], pads=[2, 0])


def test_upsample_does_not_shrink() -> None:
    scales = {"s": np.array([1, 1, 0.5, 1], np.float32)}
    with pytest.raises(lathe.CompileError, match=r"Upsample takes 1 or more.*onnx-scale-range"):
        compute("Upsample", [random.floats(1, 1, 4, 4)], constants=scales, opset=9)


# --- Quantisation and parts -------------------------------------------------------


def test_integer_products_of_vectors() -> None:
    a, b = random.integers(0, 255, (2, 3, 5), np.uint8), random.integers(-99, 99, (5, 4), np.int8)
    for left, right in ((a, b), (a[0, 0], b), (a, b[:, 0]), (a[0, 0], b[:, 0])):
        for free in (False, True):
            (found,) = compute("MatMulInteger", [left, right], free)
            np.testing.assert_array_equal(found, left.astype(np.int32) @ right.astype(np.int32))


def test_scales_that_are_vectors_of_one() -> None:
    """They are for the whole tensor; 'axis' does not matter."""
    scale, zero = np.array([0.5], np.float32), np.array([3], np.uint8)
    constants = {"s": scale, "z": zero}
    for shape in ((4,), (2, 3), (2, 3, 4)):
        x = random.integers(0, 255, shape, np.uint8)
        (found,) = compute("DequantizeLinear", [x], constants=constants)
        np.testing.assert_array_equal(found, (x.astype(np.float32) - 3) * 0.5)
        (back,) = compute("QuantizeLinear", [found], constants=constants)
        np.testing.assert_array_equal(back, x)


def test_more_parts_than_elements() -> None:
    for size in (5, 1, 0, 8):
        x = np.arange(size, dtype=np.float32)
        part = -(-size // 4)
        for free in (False, True):
            found = compute("Split", [x], free, outputs=4, num_outputs=4)
            for i, piece in enumerate(found):
                np.testing.assert_array_equal(piece, x[i * part : (i + 1) * part])


def test_labels_of_size_one() -> None:
    a, b = random.floats(1, 4), random.floats(3, 5)
    (found,) = compute("Einsum", [a, b], free=False, equation="ij,ik->jk")
    np.testing.assert_allclose(found, a[0][:, None] * b.sum(0), rtol=1e-4, atol=1e-5)


def test_blocks_of_free_sizes() -> None:
    x = random.floats(2, 3, 4, 6)
    (found,) = compute("SpaceToDepth", [x], blocksize=2)
    right = x.reshape(2, 3, 2, 2, 3, 2).transpose(0, 3, 5, 1, 2, 4).reshape(2, 12, 2, 3)
    np.testing.assert_array_equal(found, right)
    np.testing.assert_array_equal(compute("DepthToSpace", [found], blocksize=2)[0], x)
    with pytest.raises(lathe.RuntimeError, match=r"multiple of 'blocksize'.*call-shape-check"):
        compute("SpaceToDepth", [random.floats(1, 1, 3, 4)], blocksize=2)


# --- The best of a line ---------------------------------------------------------


@pytest.mark.parametrize("kept", [64, 65, 100, 511, 600])
@pytest.mark.parametrize("largest", [0, 1])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int64])
def test_many_best(kept: int, largest: int, axis: int, dtype: Any) -> None:
    """Of equal elements the first is better, and NaN is the greatest number."""
    shape = (600, 3) if axis == 0 else (3, 600)
    x = random.generator.integers(-40, 40, shape).astype(dtype)
    if dtype != np.int64:
        x[random.generator.random(shape) < 0.05] = NAN
    order = np.where(np.isnan(x), 1e9, x.astype(np.float64))
    right = np.argsort(-order if largest else order, axis, kind="stable")
    right = np.take(right, range(kept), axis)
    for free in (False, True):
        more = {"constants": {"k": np.array([kept])}, "outputs": 2, "axis": axis}
        best, where = compute("TopK", [x], free, largest=largest, **more)
        np.testing.assert_array_equal(where, right)
        np.testing.assert_array_equal(best, np.take_along_axis(x, right, axis))


@pytest.mark.parametrize("op", ["ArgMax", "ArgMin"])
@pytest.mark.parametrize("last", [0, 1])
@pytest.mark.parametrize("size", [1, 7, 16, 133])
def test_extremes_of_open_lines(op: str, last: int, size: int) -> None:
    """The first or the last of equal ones; NaN is the extreme of a line that has one."""
    x = random.generator.integers(-3, 3, (9, size)).astype(np.float32)
    x[3, size // 2 :] = NAN
    x[4] = np.inf
    x[5] = -np.inf
    find = getattr(np, op.lower())
    right = size - 1 - find(x[:, ::-1], 1) if last else find(x, 1)
    (found,) = compute(op, [x], axis=1, keepdims=0, select_last_index=last)
    np.testing.assert_array_equal(found, right)


# --- Of nothing -----------------------------------------------------------------


@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("mode", ["edge", "reflect", "wrap"])
def test_nothing_is_there_to_pad_with(mode: str, free: bool) -> None:
    """An element beside the image would be read."""
    pads = {"pads": np.array([1, 0, 1, 0])}
    x = np.zeros((0, 3), np.float32)
    with pytest.raises((lathe.CompileError, lathe.RuntimeError), match="element to pad with"):
        compute("Pad", [x], free, constants=pads, mode=mode)
    if free:
        (y,) = compute("Pad", [np.ones((2, 3), np.float32)], constants=pads, mode=mode)
        assert y.shape == (4, 3) and (y == 1).all()
    (y,) = compute("Pad", [x], free, constants={"pads": np.array([0, 1, 0, 1])}, mode=mode)
    assert y.shape == (0, 5)


@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("op", ["ArgMax", "ArgMin"])
def test_nothing_is_the_largest(op: str, free: bool) -> None:
    """There is no index that one could gather with."""
    with pytest.raises((lathe.CompileError, lathe.RuntimeError), match="must have an element"):
        compute(op, [np.zeros((0, 3), np.float32)], free, axis=0)
    (y,) = compute(op, [np.zeros((0, 3), np.float32)], free, axis=1)
    assert y.shape == (0, 1)


@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["linear", "nearest", "cubic"])
def test_positions_that_are_no_number(mode: str, padding: str) -> None:
    """They are no index: the call ends, and other positions have what they had."""
    x = random.floats(1, 2, 4, 5)
    grid = np.zeros((1, 1, 3, 2), np.float32)
    (right,) = compute("GridSample", [x, grid], mode=mode, padding_mode=padding, free=False)
    grid[0, 0, 1, 0], grid[0, 0, 2, 1] = NAN, np.inf
    (y,) = compute("GridSample", [x, grid], mode=mode, padding_mode=padding, free=False)
    np.testing.assert_array_equal(y[..., 0], right[..., 0])
