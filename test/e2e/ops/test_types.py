# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every element type goes in, is moved, cast and quantized, and comes out, bit for bit."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Sequence
from typing import Any

import lathe
import numpy as np
import numpy.typing as npt
import onnx
import pytest
from lathe import dtypes
from onnx import TensorProto, helper, numpy_helper
from oracle import BFLOAT16

Array = npt.NDArray[Any]

NARROW = [d for d in dtypes.BY_CODE.values() if d.numpy.type.__module__ == "ml_dtypes"]
FORMATS = [d for d in NARROW if d.name.startswith(("f8", "f6", "f4")) and d.name != "f8e8m0"]
INTEGERS = [d for d in NARROW if d.name in ("i2", "u2", "i4", "u4")]
OTHERS = [dtypes.BY_NUMPY[np.dtype(t)] for t in ("c8", "c16", "i8", "f4", "?")]
OPSET = onnx.defs.onnx_opset_version()


def onnx_type(dtype: dtypes.DType) -> int:
    if dtype is dtypes.STRING:
        return TensorProto.STRING
    return int(helper.np_dtype_to_tensor_dtype(dtype.numpy))


def codes_of(array: Array) -> Array:
    """The bits of the elements of a type of at most 8 bits, as bytes."""
    dtype = dtypes.BY_NUMPY[array.dtype]
    bytes_ = array.astype(np.int8).view(np.uint8) if "int" in array.dtype.name else array.view("u1")
    return bytes_ & np.uint8((1 << dtype.bits) - 1)


def all_codes(dtype: dtypes.DType) -> Array:
    """Every element that the type has."""
    codes = np.arange(1 << dtype.bits)
    if dtype.name.startswith("i"):
        codes = codes - (1 << (dtype.bits - 1))
    kind = codes.astype(np.int8 if dtype.name.startswith("i") else np.uint8)
    return kind.astype(dtype.numpy) if "int" in dtype.numpy.name else kind.view(dtype.numpy)


def some(dtype: dtypes.DType, shape: Sequence[int]) -> Array:
    rng = np.random.default_rng(3)
    if dtype is dtypes.STRING:
        array = np.array([f"«{n}» {'x' * (n % 5)}" for n in range(int(np.prod(shape)))], object)
        return array.reshape(shape)
    if dtype in NARROW and dtype.bits <= 8:
        return rng.choice(all_codes(dtype), shape)
    if dtype.numpy.kind == "c":
        return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(dtype.numpy)
    return (rng.standard_normal(shape) * 9).astype(dtype.numpy)


def model(
    nodes: list[onnx.NodeProto],
    inputs: Sequence[tuple[str, int, Sequence[Any]]],
    outputs: Sequence[tuple[str, int]],
    constants: Sequence[onnx.TensorProto] = (),
) -> bytes:
    graph = helper.make_graph(
        nodes,
        "types",
        [helper.make_tensor_value_info(*i) for i in inputs],
        [helper.make_tensor_value_info(name, kind, None) for name, kind in outputs],
        list(constants),
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=14)
    return bytes(made.SerializeToString())


def compiled(*arguments: Any) -> lathe.CompiledModel:
    return lathe.compile(model(*arguments), cache=False, threads=1)


def same(a: Array, b: Array) -> None:
    assert a.dtype == b.dtype and a.shape == b.shape
    if a.dtype == object:
        assert a.tolist() == b.tolist()
    else:
        assert np.ascontiguousarray(a).tobytes() == np.ascontiguousarray(b).tobytes()


# Only Cast, QuantizeLinear and DequantizeLinear have floats of six bits.
ALL = [*(d for d in NARROW if d.bits != 6), *OTHERS, dtypes.STRING]


@pytest.mark.parametrize("dtype", ALL, ids=str)
def test_moves(dtype: dtypes.DType) -> None:
    kind = onnx_type(dtype)
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[1, 0]),
        helper.make_node("Concat", ["t", "t"], ["c"], axis=0),
        helper.make_node("Slice", ["c", "one", "five", "zero", "two"], ["s"]),
        helper.make_node("Reshape", ["x", "flat"], ["r"]),
        helper.make_node("Gather", ["x", "at"], ["g"], axis=0),
        helper.make_node("Where", ["m", "x", "x"], ["w"]),
        helper.make_node("Pad", ["x", "pads"], ["p"], mode="constant"),
    ]
    numbers = {"one": [1], "five": [5], "zero": [0], "two": [2], "flat": [-1], "at": [1, -1]}
    numbers["pads"] = [0, 1, 0, 0]
    constants = [numpy_helper.from_array(np.array(v, np.int64), n) for n, v in numbers.items()]
    constants.append(numpy_helper.from_array(np.array([[True, False, True]]), "m"))
    names = ["t", "s", "r", "g", "w", "p", "x"]
    if dtype in NARROW and dtype.name != "bf16":
        # The others are not for these types.
        nodes = [n for n in nodes if n.op_type in ("Transpose", "Reshape", "Pad")]
        names = [n for n in names if n in ("t", "r", "p", "x")]
    moved = compiled(nodes, [("x", kind, ["n", 3])], [(name, kind) for name in names], constants)
    for rows in (5, 2, 1):
        x = some(dtype, (rows, 3))
        if rows == 1:
            x = np.concatenate([x, x])
        c = np.concatenate([x.T, x.T])
        zero = np.array([""], object) if dtype is dtypes.STRING else np.zeros(1, dtype.numpy)
        p = np.concatenate([np.broadcast_to(zero, (len(x), 1)), x], axis=1)
        expected = {
            "t": x.T,
            "s": c[1:5:2],
            "r": x.reshape(-1),
            "g": x[[1, -1]],
            "w": x,
            "p": p,
            "x": x,
        }
        for name, y in zip(names, moved(x), strict=True):
            e = expected[name]
            if dtype.name == "f8e8m0" and name == "p":
                continue  # ml_dtypes has no zero of this type.
            same(y, np.asarray(e))


@pytest.mark.parametrize("dtype", ALL, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (1,), (2, 0, 2), (7,)], ids=str)
def test_shapes(dtype: dtypes.DType, shape: tuple[int, ...]) -> None:
    kind = onnx_type(dtype)
    passing = compiled(
        [
            helper.make_node("Identity", ["x"], ["y"]),
            helper.make_node("Unsqueeze", ["x", "a"], ["z"]),
        ],
        [("x", kind, [None] * len(shape))],
        [("y", kind), ("z", kind)],
        [numpy_helper.from_array(np.array([0]), "a")],
    )
    x = some(dtype, shape)
    x = np.asarray(x, dtype.numpy) if dtype is not dtypes.STRING else x
    y, z = passing(x)
    same(y, x)
    same(z, x[np.newaxis])


def raw(array: Array) -> onnx.TensorProto:
    return numpy_helper.from_array(array, "c")


def typed(array: Array) -> onnx.TensorProto:
    """The same tensor with its elements in the field of their type."""
    dtype = dtypes.BY_NUMPY[array.dtype]
    made = TensorProto(name="c", data_type=onnx_type(dtype), dims=array.shape)
    flat = array.ravel()
    if dtype.bits == 6:
        made.int32_data.extend(int(c) for c in codes_of(flat))
    elif dtype.bits < 8:
        from lathe._arrays import pack

        made.int32_data.extend(int(c) for c in pack(flat))
    elif dtype.name == "bf16":
        made.int32_data.extend(int(c) for c in flat.view(np.uint16))
    elif dtype.numpy.kind == "c":
        field = made.float_data if dtype.bits == 64 else made.double_data
        field.extend(itertools.chain.from_iterable((c.real, c.imag) for c in flat.tolist()))
    elif dtype in NARROW:
        made.int32_data.extend(int(c) for c in codes_of(flat))
    else:
        return raw(array)
    return made


@pytest.mark.parametrize("dtype", ALL, ids=str)
@pytest.mark.parametrize("elements", [0, 3, 64, 65, 257])
@pytest.mark.parametrize("form", [raw, typed], ids=["raw", "typed"])
def test_constants(dtype: dtypes.DType, elements: int, form: Any) -> None:
    x = some(dtype, (elements,))
    constant = raw(x) if dtype is dtypes.STRING else form(x)
    kind = onnx_type(dtype)
    held = compiled(
        [
            helper.make_node("Identity", ["c"], ["y"]),
            helper.make_node("Reshape", ["c", "shape"], ["r"]),
            helper.make_node("Transpose", ["r"], ["t"], perm=[1, 0]),
        ],
        [("shape", TensorProto.INT64, [2])],
        [("y", kind), ("t", kind)],
        [constant],
    )
    rows = 5 if elements % 5 == 0 else 1
    y, t = held(np.array([rows, elements // rows], np.int64))
    same(y, x)
    same(t, x.reshape(rows, -1).T if elements else x.reshape(0, 5))


@pytest.mark.parametrize("dtype", [d for d in NARROW if d.bits == 6], ids=str)
@pytest.mark.parametrize("elements", [0, 1, 2, 3, 64, 65, 66, 67])
@pytest.mark.parametrize("form", [raw, typed], ids=["raw", "typed"])
def test_constants_of_six_bits(dtype: dtypes.DType, elements: int, form: Any) -> None:
    x = some(dtype, (elements,))
    nodes = [helper.make_node("Cast", ["c"], ["y"], to=1)]
    (y,) = compiled(nodes, [], [("y", TensorProto.FLOAT)], [form(x)])()
    same(y, x.astype(np.float32))


def interesting(kind: Any) -> Array:
    """Numbers at and between those of narrow formats, and far outside."""
    steps = [d for f in FORMATS for d in all_codes(f).astype(np.float64)]
    finite = np.unique([s for s in steps if np.isfinite(s)])
    middles = (finite[1:] + finite[:-1]) / 2
    exact = np.concatenate([finite, middles, [1e9, -1e9, 1e-30, 65504, 500, 464, 465, 1e-45]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        x = exact.astype(kind)
        near = np.concatenate([np.nextafter(x, kind(np.inf)), np.nextafter(x, kind(-np.inf))])
    return np.concatenate([x, near, np.array([np.inf, -np.inf, np.nan, 0.0, -0.0], kind)])


def rounded(x: Array, dtype: dtypes.DType, saturate: bool) -> Array:
    """`x` in a narrow format by search, in exact arithmetic: nearest, ties to even."""
    codes = all_codes(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = codes.astype(np.float64)
    sign = 1 << (dtype.bits - 1)
    has_nan, has_inf = bool(np.isnan(values).any()), bool(np.isinf(values).any())
    no_minus_zero = has_nan and bool(np.isnan(values[sign]))
    largest = values[np.isfinite(values)].max()
    order = [c for c in np.argsort(values[:sign]) if np.isfinite(values[c])]
    ladder = values[order]
    result = []
    for value in x.astype(np.float64):
        negative = bool(np.signbit(value))
        if np.isnan(value):
            if not has_nan:
                code = 0 if negative else sign
            elif no_minus_zero:
                code = sign
            else:
                code = 0x7F if dtype.name == "f8e4m3fn" else 0x7E
                code |= sign if negative else 0
            result.append(code)
            continue
        magnitude = abs(value)
        step = ladder[-1] - ladder[-2]
        limit = largest + step / 2  # A tie here goes to the next code, which is even.
        over = magnitude > limit or (magnitude == limit and order[-1] % 2 == 1)
        if over:
            if saturate or not has_nan:
                code = order[-1]
            elif has_inf:
                code = int(np.flatnonzero(np.isinf(values[:sign]))[0])
            else:
                code = sign if no_minus_zero else 0x7F
        else:
            i = int(np.searchsorted(ladder, min(magnitude, largest)))
            below = max(i - 1, 0)
            above = min(i, len(ladder) - 1)
            down, up = magnitude - ladder[below], ladder[above] - magnitude
            pick = below if down < up or (down == up and order[below] % 2 == 0) else above
            code = order[pick]
        if negative and not (no_minus_zero and code in (0, sign)):
            code |= sign
        result.append(int(code))
    return np.array(result, np.uint8)


@pytest.mark.parametrize("saturate", [1, 0])
@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64], ids=lambda k: k.__name__)
@pytest.mark.parametrize("dtype", FORMATS, ids=str)
def test_casts_to_formats(dtype: dtypes.DType, kind: Any, saturate: int) -> None:
    to = onnx_type(dtype)
    x = interesting(kind)
    cast = compiled(
        [helper.make_node("Cast", ["x"], ["y"], to=to, saturate=saturate)],
        [("x", onnx_type(dtypes.BY_NUMPY[np.dtype(kind)]), ["n"])],
        [("y", to)],
    )
    (y,) = cast(x)
    expected = rounded(x, dtype, bool(saturate))
    wrong = np.flatnonzero(codes_of(y) != expected)
    assert not len(wrong), [(x[i], hex(codes_of(y)[i]), hex(expected[i])) for i in wrong[:5]]


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64], ids=lambda k: k.__name__)
@pytest.mark.parametrize("dtype", NARROW, ids=str)
def test_casts_from_narrow_types(dtype: dtypes.DType, kind: Any) -> None:
    if dtype.name == "bf16":
        pytest.skip("test_elementwise.py has it")
    to = onnx_type(dtypes.BY_NUMPY[np.dtype(kind)])
    x = all_codes(dtype)
    cast = compiled(
        [helper.make_node("Cast", ["x"], ["y"], to=to)],
        [("x", onnx_type(dtype), ["n"])],
        [("y", to)],
    )
    (y,) = cast(x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = x.astype(np.float32).astype(kind)
    np.testing.assert_array_equal(y, expected)
    is_number = ~np.isnan(y)
    np.testing.assert_array_equal(np.signbit(y)[is_number], np.signbit(expected)[is_number])


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
@pytest.mark.parametrize("kind", ["f4", "f8", "i1", "u1", "i4", "i8"])
def test_casts_to_small_integers_keep_the_lowest_bits(dtype: dtypes.DType, kind: str) -> None:
    to = onnx_type(dtype)
    x = np.array([0, 1, 2, 3, 7, 8, 9, 15, 16, 100, 127], np.float64)
    x = np.concatenate([x, -x, x + 0.75]) if kind != "u1" else x
    x = x.astype(kind)
    cast = compiled(
        [
            helper.make_node("Cast", ["x"], ["y"], to=to),
            helper.make_node("Cast", ["y"], ["z"], to=7),
        ],
        [("x", onnx_type(dtypes.BY_NUMPY[np.dtype(kind)]), ["n"])],
        [("y", to), ("z", TensorProto.INT64)],
    )
    y, z = cast(x)
    low = x.astype(np.int64) & ((1 << dtype.bits) - 1)
    half = 1 << (dtype.bits - 1)
    signed = np.where(low >= half, low - 2 * half, low) if dtype.name[0] == "i" else low
    np.testing.assert_array_equal(z, signed)
    np.testing.assert_array_equal(codes_of(y), low.astype(np.uint8))


@pytest.mark.parametrize("mode", ["up", "down", "nearest"])
@pytest.mark.parametrize("saturate", [1, 0])
def test_powers_of_two(mode: str, saturate: int) -> None:
    x = np.array([1, 1.0000001, 1.4999999, 1.5, 1.9, 2, 3e38, 2.0**127, 1.7e38], np.float32)
    tiny = np.array([0, 1e-45, 2.0**-128, 2.0**-127, 7e-39, 2.0**-126, np.inf, np.nan], np.float32)
    x = np.concatenate([x, tiny])
    cast = compiled(
        [helper.make_node("Cast", ["x"], ["y"], to=24, saturate=saturate, round_mode=mode)],
        [("x", TensorProto.FLOAT, ["n"])],
        [("y", TensorProto.FLOAT8E8M0)],
    )
    (y,) = cast(x)
    expected = []
    for value in x.astype(np.float64):
        if np.isnan(value):
            expected.append(255)
        elif np.isinf(value) or value < 2.0**-127:
            expected.append((254 if value > 1 else 0) if saturate else 255)
        else:
            e = int(np.floor(np.log2(value)))
            fraction = value / 2.0**e
            goes_up = {"up": fraction > 1, "down": False, "nearest": fraction >= 1.5}[mode]
            code = e + 127 + goes_up
            expected.append(code if code <= 254 else 254 if saturate else 255)
    np.testing.assert_array_equal(y.view(np.uint8), expected)


@pytest.mark.parametrize("dtype", [*INTEGERS, *FORMATS], ids=str)
@pytest.mark.parametrize("axis", [None, 1])
def test_quantizes(dtype: dtypes.DType, axis: int | None) -> None:
    from onnx.reference import ReferenceEvaluator

    kind = onnx_type(dtype)
    rng = np.random.default_rng(5)
    x = (rng.standard_normal((5, 3)) * 12).astype(np.float32)
    scale = np.array([0.5, 2, 0.25], np.float32) if axis else np.float32(1.5)
    zero = np.zeros_like(scale).astype(dtype.numpy)
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], axis=axis or 0),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"], axis=axis or 0),
    ]
    constants = [numpy_helper.from_array(np.asarray(scale), "s")]
    constants.append(numpy_helper.from_array(np.asarray(zero), "z"))
    data = model(nodes, [("x", 1, ["n", 3])], [("q", kind), ("y", TensorProto.FLOAT)], constants)
    q, y = lathe.compile(data, cache=False)(x)
    expected: Any = ReferenceEvaluator(onnx.load_from_string(data)).run(None, {"x": x})
    np.testing.assert_array_equal(codes_of(q), codes_of(expected[0]))
    np.testing.assert_array_equal(y, expected[1])


def test_packed_weights_stay_packed() -> None:
    x = some(next(d for d in INTEGERS if d.name == "i4"), (1000, 1000))
    kind = TensorProto.INT4
    held = lathe.compile(
        model(
            [helper.make_node("Reshape", ["c", "shape"], ["r"])],
            [("shape", TensorProto.INT64, [2])],
            [("r", kind)],
            [raw(x)],
        ),
        cache=False,
    )
    (r,) = held(np.array([500, 2000], np.int64))
    same(r, x.reshape(500, 2000))
    assert held._module is not None
    assert held._module.describe()["weights_size"] < 501_000


def test_branches_and_loops_carry_them() -> None:
    for kind, x in (
        (TensorProto.STRING, np.array(["a", "b", "c"], object)),
        (TensorProto.COMPLEX128, np.array([1j, 2, 3 - 4j], np.complex128)),
    ):
        body = helper.make_graph(
            [
                helper.make_node("Concat", ["a", "x"], ["b"], axis=0),
                helper.make_node("Identity", ["c"], ["d"]),
            ],
            "body",
            [
                helper.make_tensor_value_info("i", TensorProto.INT64, []),
                helper.make_tensor_value_info("c", TensorProto.BOOL, []),
                helper.make_tensor_value_info("a", kind, ["k"]),
            ],
            [
                helper.make_tensor_value_info("d", TensorProto.BOOL, []),
                helper.make_tensor_value_info("b", kind, ["k"]),
            ],
        )
        looping = compiled(
            [helper.make_node("Loop", ["n", "", "x"], ["y"], body=body)],
            [("n", TensorProto.INT64, []), ("x", kind, [3])],
            [("y", kind)],
        )
        for turns in (0, 1, 3):
            (y,) = looping(np.int64(turns), x)
            same(y, np.concatenate([x] * (turns + 1)))


# ---
# Strings
# ---

STRING = TensorProto.STRING
WORDS = np.array([["a", "Straße"], ["", "日本"]], object)


@pytest.mark.parametrize("form", [lambda x: x, lambda x: x.astype(str), lambda x: x.tolist()])
def test_forms_of_strings(form: Any) -> None:
    echo = compiled(
        [helper.make_node("Identity", ["x"], ["y"])], [("x", STRING, ["n", 2])], [("y", STRING)]
    )
    same(echo(form(WORDS))[0], WORDS)
    same(echo(form(WORDS[::-1]))[0], WORDS[::-1])
    encoded = np.array([[w.encode() for w in row] for row in WORDS], object)
    same(echo(encoded)[0], WORDS)


@pytest.mark.parametrize(
    ("value", "id"),
    [
        (np.array([["a\0b", "c"]], object), "call-string-zero"),
        (np.array([["a", 1]], object), "call-input-type"),
        (np.ones((1, 2), np.float32), "call-dtype-mismatch"),
    ],
    ids=str,
)
def test_what_is_no_string(value: Any, id: str) -> None:
    echo = compiled(
        [helper.make_node("Identity", ["x"], ["y"])], [("x", STRING, ["n", 2])], [("y", STRING)]
    )
    with pytest.raises(lathe.RuntimeError) as caught:
        echo(value)
    assert caught.value.ids == (id,)
    same(echo(WORDS)[0], WORDS)


@pytest.mark.parametrize("kind", ["f2", "f4", "f8", "i1", "i4", "i8", "u8", "?"])
def test_numbers_become_text_and_back(kind: str) -> None:
    dtype = dtypes.BY_NUMPY[np.dtype(kind)]
    if np.dtype(kind).kind == "f":
        x = np.array([0.1, 1, -2.5, 1e-5, 123456.78, 3e4, 1 / 3, 0, -0.0, 1e16, 1e15], np.float64)
        limits = [np.finfo(kind).max, np.finfo(kind).tiny, np.inf, -np.inf, np.nan]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            x = np.concatenate([x.astype(kind), np.array(limits, kind)])
    elif kind == "?":
        x = np.array([True, False])
    else:
        x = np.array([0, 1, np.iinfo(kind).min, np.iinfo(kind).max], kind)
    cast = compiled(
        [helper.make_node("Cast", ["x"], ["t"], to=STRING)],
        [("x", onnx_type(dtype), ["n"])],
        [("t", STRING)],
    )
    (text,) = cast(x)
    # NumPy has another border between 1e+15 and 1000000000000000.0 for each type.
    assert text.tolist() == [str(float(str(v))) if kind in ("f2", "f4") else str(v) for v in x]
    if kind == "?":
        return
    back = compiled(
        [helper.make_node("Cast", ["t"], ["y"], to=onnx_type(dtype))],
        [("t", STRING, ["n"])],
        [("y", onnx_type(dtype))],
    )
    np.testing.assert_array_equal(back(text)[0], x)
    with pytest.raises(lathe.RuntimeError, match="element 1 is text that is no number, of 5 bytes"):
        back(np.array(["1", "1 two"], object))


@pytest.mark.parametrize(
    ("text", "value"),
    [("INF", np.inf), ("+inf", np.inf), ("-Inf", -np.inf), ("nan", np.nan), (" 1e3 ", 1000)],
)
def test_literals(text: str, value: float) -> None:
    parse = compiled(
        [helper.make_node("Cast", ["t"], ["y"], to=1)], [("t", STRING, [])], [("y", 1)]
    )
    np.testing.assert_array_equal(parse(np.array(text, object))[0], np.float32(value))


@pytest.mark.parametrize("text", ["", "0x10", "1,5", "one", "--1", "1e", "infinite"])
def test_what_is_no_number(text: str) -> None:
    parse = compiled(
        [helper.make_node("Cast", ["t"], ["y"], to=1)], [("t", STRING, [1])], [("y", 1)]
    )
    with pytest.raises(lathe.RuntimeError) as caught:
        parse(np.array([text], object))
    assert caught.value.ids == ("call-text-number",)


@pytest.mark.parametrize(
    ("pattern", "fits", "misses"),
    [
        (r"\d+", ["12"], ["", "a1", "1a", "12\n"]),
        (r"[\w.-]+@[\w-]+\.com", ["a.b-c@d-e.com"], ["a@b.org", "@b.com"]),
        (r"(?:ab|c)*?", ["", "ab", "cab"], ["a", "abb"]),
        (r"(?P<year>[0-9]{4})-\d\d", ["2026-11"], ["2026-1", "12026-11"]),
        (r"[^\s]+", ["a"], ["a b", "\t"]),
        (r"[]^-]+", ["]^-"], ["a"]),
        (r"a|bc", ["a", "bc"], ["ac", "abc"]),
        (r".", ["x", "ß", "日"], ["", "xy", "\n"]),
        (r"\.\*", [".*"], ["aa"]),
        ("", [""], ["a"]),
        (r"\Aab\z", ["ab"], ["abc"]),
        (r"www\.[\w.-]+\.\bcom\b", ["www.a.com", "www.a-b.com"], ["www.com", "www.a.comx"]),
        (r"\b.\b", ["x"], ["ß", "日", " ", "xy"]),
        (r"a\bß+", ["aß", "aßß"], ["ab", "aß "]),
        (r"[^b]\B.", ["ßß", "ab"], ["a ", "bb", "aß"]),
    ],
)
def test_patterns(pattern: str, fits: list[str], misses: list[str]) -> None:
    match = compiled(
        [helper.make_node("RegexFullMatch", ["x"], ["y"], pattern=pattern)],
        [("x", STRING, ["n"])],
        [("y", TensorProto.BOOL)],
    )
    (y,) = match(np.array(fits + misses, object))
    assert y.tolist() == [True] * len(fits) + [False] * len(misses)


@pytest.mark.parametrize("pattern", [r"\b[ß]\b", "(?i)a", r"\pN", "[a", "a)", "(", r"a\x41", "a\\"])
def test_patterns_that_are_not_covered(pattern: str) -> None:
    with pytest.raises(lathe.CompileError) as caught:
        compiled(
            [helper.make_node("RegexFullMatch", ["x"], ["y"], pattern=pattern)],
            [("x", STRING, ["n"])],
            [("y", TensorProto.BOOL)],
        )
    assert caught.value.ids == ("onnx-unsupported-attribute",)


@pytest.mark.parametrize("delimiter", [None, "", ",", "::"])
@pytest.mark.parametrize("most", [None, 0, 1, 2])
def test_splits(delimiter: str | None, most: int | None) -> None:
    attributes: dict[str, Any] = {}
    if delimiter is not None:
        attributes["delimiter"] = delimiter
    if most is not None:
        attributes["maxsplit"] = most
    split = compiled(
        [helper.make_node("StringSplit", ["x"], ["y", "n"], **attributes)],
        [("x", STRING, ["n"])],
        [("y", STRING), ("n", TensorProto.INT64)],
    )
    for x in (["a,b ,,c", " x  y z ", "", "::", "a::b::", "ß, ß"], [""], ["   "], []):
        y, n = split(np.array(x, object))
        expected = [t.split(delimiter or None, -1 if most is None else most) for t in x]
        if not delimiter:  # ONNX drops blanks at the end also where Python leaves them.
            expected = [[part.rstrip() for part in parts] for parts in expected]
        width = max(map(len, expected), default=0)
        assert n.tolist() == [len(e) for e in expected] and y.shape == (len(x), width)
        assert y.tolist() == [e + [""] * (width - len(e)) for e in expected]


def test_normalizes() -> None:
    def normalize(x: list[str], **attributes: Any) -> list[str]:
        made = compiled(
            [helper.make_node("StringNormalizer", ["x"], ["y"], **attributes)],
            [("x", STRING, ["n"])],
            [("y", STRING)],
        )
        return list(made(np.array(x, object))[0].tolist())

    words = ["Monday", "TUESDAY", "Ünder", "Ελλάδα", "Привет", "日本"]
    lower = normalize(words, case_change_action="LOWER")
    assert lower == [w.lower() for w in words]
    upper = normalize(words, case_change_action="UPPER")
    assert upper[:3] == [w.upper() for w in words[:3]] and upper[4:] == [
        w.upper() for w in words[4:]
    ]
    assert normalize(["a", "B", "b"], stopwords=["b"], is_case_sensitive=1) == ["a", "B"]
    assert normalize(["a", "B", "b"], stopwords=["b"], is_case_sensitive=0) == ["a"]
    assert normalize(["a"], stopwords=["a"]) == [""]
    assert normalize([]) == [""]


def test_computing_is_refused() -> None:
    with pytest.raises(lathe.CompileError) as caught:
        compiled(
            [helper.make_node("Add", ["x", "x"], ["y"])], [("x", STRING, ["n"])], [("y", STRING)]
        )
    assert "Add" in str(caught.value)


@pytest.mark.parametrize("shape", [(2, 6), (7,), (3, 40)])
@pytest.mark.parametrize("source", ["f32", "f64"])
@pytest.mark.parametrize("level", ["x86_64:v2", "x86_64:v3"])
def test_floats_become_bf16(level: str, source: str, shape: tuple[int, ...]) -> None:
    """Without a library function, which LLVM has for a choice between two of them."""
    dims = "x".join(map(str, shape))
    text = f"""
func.func @main(%x: tensor<{dims}x{source}>) -> tensor<{dims}xbf16> {{
  %y = graph.cast %x : tensor<{dims}x{source}> -> tensor<{dims}xbf16>
  return %y : tensor<{dims}xbf16>
}}
"""
    x = np.random.default_rng(5).standard_normal(shape).astype(f"float{source[1:]}")
    (y,) = lathe.compile(text.encode(), target=level, cache=False)(x)
    np.testing.assert_array_equal(y.view(np.uint16), x.astype(BFLOAT16).view(np.uint16))
