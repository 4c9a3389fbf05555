# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Weights of 4 and 8 bits stay codes in memory: a product reads them in each call, and its bits are
those of the same product with weights that were widened beforehand.
"""

from __future__ import annotations

import pathlib
from typing import Any

import lathe
import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

Array = npt.NDArray[Any]
OPSETS = [helper.make_opsetid("", 22), helper.make_opsetid("com.microsoft", 1)]
LEVELS = "x86_64:v2+v3+v4"
# Of a part of a tile, of several, and of so many that panels are widened first.
ROWS = (1, 3, 14, 61, 300)


def compile_model(
    nodes: list[onnx.NodeProto], arrays: dict[str, Array | onnx.TensorProto], k: int, **options: Any
) -> lathe.CompiledModel:
    element = options.pop("element", TensorProto.FLOAT)
    tensors = [
        a if isinstance(a, onnx.TensorProto) else numpy_helper.from_array(a, name)
        for name, a in arrays.items()
    ]
    graph = helper.make_graph(
        nodes,
        "codes",
        [helper.make_tensor_value_info("x", element, [options.pop("rows", "rows"), k])],
        [helper.make_empty_tensor_value_info("y")],
        tensors,
    )
    model = helper.make_model(graph, opset_imports=OPSETS, ir_version=10)
    return lathe.compile(model, cache=False, **options)


def widened(weights: Array, bias: Array | None, **options: Any) -> lathe.CompiledModel:
    """The product with f32 weights [k, n]."""
    nodes = [helper.make_node("MatMul", ["x", "w"], ["p" if bias is not None else "y"])]
    arrays: dict[str, Array | onnx.TensorProto] = {"w": weights}
    if bias is not None:
        nodes.append(helper.make_node("Add", ["p", "bias"], ["y"]))
        arrays["bias"] = bias
    return compile_model(nodes, arrays, len(weights), **options)


def units(model: lathe.CompiledModel) -> str:
    return " ".join(kernel["strategy"] for kernel in model.kernels)


def pack_rows(codes: Array, bits: int) -> Array:
    """Codes [..., count] with the first of a byte in its lowest bits."""
    per = 8 // bits
    parts = codes.reshape(*codes.shape[:-1], -1, per).astype(np.uint8)
    packed: Array = np.bitwise_or.reduce(parts << (bits * np.arange(per, dtype=np.uint8)), axis=-1)
    return packed


def pad_to(codes: Array, multiple: int) -> Array:
    return np.pad(codes, [(0, 0)] * (codes.ndim - 1) + [(0, -codes.shape[-1] % multiple)])


def check(
    model: lathe.CompiledModel, plain: lathe.CompiledModel, weights: Array, bias: Array | None
) -> None:
    """The same bits as `plain` on one and two threads, and near the exact sum."""
    rng = np.random.default_rng(3)
    k = len(weights)
    for rows in ROWS:
        x = rng.standard_normal((rows, k)).astype(np.float32)
        (y,) = model(x)
        exact = x.astype(np.float64) @ weights + (0 if bias is None else bias)
        size = np.abs(x).astype(np.float64) @ np.abs(weights) + (
            0 if bias is None else np.abs(bias)
        )
        assert (np.abs(y - exact) <= (k + 2) * 2.0**-24 * size).all(), rows
        (two,) = model.with_threads(2)(x)
        assert y.tobytes() == two.tobytes(), rows
        (wide,) = plain(x)
        assert y.tobytes() == wide.tobytes(), rows


@pytest.mark.parametrize(
    ("bits", "block", "n", "k", "has_zeros"),
    [
        (4, 32, 96, 256, False),
        (4, 16, 83, 208, True),
        (4, 128, 200, 2560, True),
        (8, 32, 67, 224, True),
        (8, 64, 128, 4096, False),
        (2, 16, 72, 128, True),
    ],
)
def test_matmul_nbits(bits: int, block: int, n: int, k: int, has_zeros: bool) -> None:
    rng = np.random.default_rng(bits + block)
    blocks = k // block
    codes = rng.integers(0, 1 << bits, (n, blocks, block))
    scales = (rng.uniform(0.2, 1, (n, blocks)) / 17).astype(np.float32)
    zeros = (
        rng.integers(0, 1 << bits, (n, blocks))
        if has_zeros
        else np.full((n, blocks), 1 << (bits - 1))
    )
    bias = rng.standard_normal(n).astype(np.float32)
    arrays: dict[str, Array | onnx.TensorProto] = {
        "b": pack_rows(codes, bits),
        "scales": scales.reshape(-1),
        "bias": bias,
    }
    if has_zeros:
        arrays["zeros"] = pack_rows(pad_to(zeros, 8 // bits), bits).reshape(-1)
    names = ["x", "b", "scales", "zeros" if has_zeros else "", "", "bias"]
    node = helper.make_node(
        "MatMulNBits", names, ["y"], domain="com.microsoft", N=n, K=k, bits=bits, block_size=block
    )
    weights = ((codes - zeros[..., None]).astype(np.float32) * scales[..., None]).reshape(n, k).T
    weights = np.ascontiguousarray(weights)
    for rows in ("rows", 1):
        model = compile_model([node], arrays, k, rows=rows)
        assert ("codes" if bits == 8 else "nibbles") + ".f32u8" in units(model)
        plain = widened(weights, bias, rows=rows)
        if rows == "rows":
            check(model, plain, weights, bias)
        else:
            x = rng.standard_normal((1, k)).astype(np.float32)
            assert model(x)[0].tobytes() == plain(x)[0].tobytes()
            assert model.with_threads(2)(x)[0].tobytes() == plain(x)[0].tobytes()


LAYOUTS = ["tensor", "column", "blocks", "transposed", "transposed-blocks"]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", ["int8", "uint8", "int4", "uint4"])
def test_dequantize_linear(kind: str, layout: str) -> None:
    rng = np.random.default_rng(LAYOUTS.index(layout))
    n, k, block = 75, 160, 32
    bits, is_signed = int(kind[-1]), not kind.startswith("u")
    low = -(1 << (bits - 1)) if is_signed else 0
    axis = 1 if layout.startswith("transposed") else 0
    shape = (n, k) if axis else (k, n)
    codes = rng.integers(low, low + (1 << bits), shape)
    shared = {"tensor": (), "column": (n,), "blocks": (k // block, n), "transposed": (n,)}
    size = shared.get(layout, (n, k // block))
    scale = (rng.uniform(0.2, 1, size) / 17).astype(np.float32)
    zero = rng.integers(low, low + (1 << bits), size)
    element = getattr(TensorProto, kind.upper())

    def tensor(name: str, values: Array) -> onnx.TensorProto:
        flat = [int(value) for value in values.reshape(-1)]
        if bits == 4:  # Large constants are packed.
            raw = pack_rows(pad_to(np.array(flat) & 15, 2), 4).tobytes()
        else:
            raw = np.array(flat).astype(kind).tobytes()
        return helper.make_tensor(name, element, values.shape, raw, raw=True)

    attributes: dict[str, Any] = {}
    if "blocks" in layout:
        attributes = {"axis": axis, "block_size": block}
    elif layout != "tensor":
        attributes = {"axis": 0 if axis else 1}
    nodes = [
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["w"], **attributes),
        helper.make_node("Gemm", ["x", "w"], ["y"], transB=axis),
    ]
    arrays: dict[str, Array | onnx.TensorProto] = {
        "q": tensor("q", codes),
        "scale": scale,
        "zero": tensor("zero", zero),
    }

    def spread(values: Array) -> Array:
        if "blocks" in layout:
            return np.repeat(values, block, axis=axis)
        return values[:, None] if layout == "transposed" else values

    weights = (codes - spread(zero)).astype(np.float32) * spread(scale)
    weights = np.ascontiguousarray(weights.T if axis else weights)
    model = compile_model(nodes, arrays, k)
    assert ("codes" if bits == 8 else "nibbles") + ".f32u8" in units(model)
    check(model, widened(weights, None), weights, None)


def int8_model(k: int, n: int, **options: Any) -> tuple[lathe.CompiledModel, Array]:
    rng = np.random.default_rng(9)
    codes = rng.integers(-128, 128, (k, n)).astype(np.int8)
    scale = (rng.uniform(0.2, 1, n) / 99).astype(np.float32)
    nodes = [
        helper.make_node("DequantizeLinear", ["q", "scale"], ["w"], axis=1),
        helper.make_node("MatMul", ["x", "w"], ["y"]),
    ]
    return compile_model(nodes, {"q": codes, "scale": scale}, k, **options), codes * scale


def nibble_model(k: int, n: int, **options: Any) -> tuple[lathe.CompiledModel, Array]:
    rng = np.random.default_rng(12)
    block = 16
    codes = rng.integers(0, 16, (n, k // block, block))
    scales = (rng.uniform(0.2, 1, (n, k // block)) / 17).astype(np.float32)
    size: dict[str, Any] = {"N": n, "K": k, "bits": 4, "block_size": block}
    node = helper.make_node("MatMulNBits", ["x", "b", "s"], ["y"], domain="com.microsoft", **size)
    arrays: dict[str, Array | onnx.TensorProto] = {
        "b": pack_rows(codes, 4),
        "s": scales.reshape(-1),
    }
    weights = ((codes - 8).astype(np.float32) * scales[..., None]).reshape(n, k).T
    return compile_model([node], arrays, k, **options), np.ascontiguousarray(weights)


@pytest.mark.parametrize("make", [int8_model, nibble_model])
def test_every_level_has_the_bits_of_its_widened_product(make: Any) -> None:
    model, weights = make(144, 75, target=LEVELS)
    plain = widened(weights, None, target=LEVELS)
    for level in model.variants:
        try:
            model.with_isa(level)
        except lathe.CompileError as error:
            assert "module-cannot-run" in error.ids
            continue
        check(model.with_isa(level), plain.with_isa(level), weights, None)


def test_long_sums_with_one_scale_are_computed_in_blocks() -> None:
    model, weights = int8_model(2614, 70)
    assert "block = 1024" in units(model)
    check(model, widened(weights, None), weights, None)


def test_two_products_share_their_weights() -> None:
    rng = np.random.default_rng(11)
    k, block = 96, 32
    codes = rng.integers(0, 16, (k, k // block, block))
    scales = (rng.uniform(0.2, 1, (k, k // block)) / 17).astype(np.float32)
    size: dict[str, Any] = {"N": k, "K": k, "bits": 4, "block_size": block}
    names = [["x", "b", "s"], ["h", "b", "s"]]
    nodes = [
        helper.make_node("MatMulNBits", inputs, [output], domain="com.microsoft", **size)
        for inputs, output in zip(names, ["h", "y"], strict=True)
    ]
    model = compile_model(nodes, {"b": pack_rows(codes, 4), "s": scales.reshape(-1)}, k)
    assert units(model).count("nibbles.f32u8") == len(model.kernels)
    weights = ((codes - 8).astype(np.float32) * scales[..., None]).reshape(k, k).T
    plain = widened(np.ascontiguousarray(weights), None)
    for rows in ROWS:
        x = rng.standard_normal((rows, k)).astype(np.float32)
        assert model(x)[0].tobytes() == plain(plain(x)[0])[0].tobytes()


def test_the_artifact_holds_codes(tmp_path: pathlib.Path) -> None:
    k, n = 512, 512
    model, _ = int8_model(k, n)
    model.save(tmp_path / "codes.lathebin")
    size = (tmp_path / "codes.lathebin").stat().st_size
    assert k * n <= size < 2 * k * n


def test_half_precision_is_rounded_once() -> None:
    rng = np.random.default_rng(5)
    n, k, block = 64, 128, 32
    codes = rng.integers(0, 16, (n, k // block, block))
    scales = (rng.uniform(0.2, 1, (n, k // block)) / 17).astype(np.float16)
    node = helper.make_node(
        "MatMulNBits",
        ["x", "b", "s"],
        ["y"],
        domain="com.microsoft",
        N=n,
        K=k,
        bits=4,
        block_size=block,
    )
    arrays = {"b": pack_rows(codes, 4), "s": scales.reshape(-1)}
    model = compile_model([node], arrays, k, element=TensorProto.FLOAT16)
    assert "nibbles.f32u8" in units(model)
    weights = ((codes - 8) * scales[..., None].astype(np.float64)).reshape(n, k).T
    for rows in (1, 40):
        x = rng.standard_normal((rows, k)).astype(np.float16)
        (y,) = model(x)
        exact, size = x.astype(np.float64) @ weights, np.abs(x).astype(np.float64) @ np.abs(weights)
        assert y.dtype == np.float16
        assert (
            np.abs(y - exact) <= 2.0**-11 * np.abs(exact) + k * 2.0**-24 * size + 2.0**-25
        ).all()
        assert y.tobytes() == model.with_threads(2)(x)[0].tobytes()


@pytest.mark.parametrize(
    ("stored", "cast"), [("uint4", "int8"), ("int4", "uint8"), ("int4", "int8")]
)
def test_codes_that_a_cast_changes(stored: str, cast: str) -> None:
    """Sign and range of codes are those that the cast gives them."""
    rng = np.random.default_rng(14)
    k, n = 96, 75
    codes = rng.integers(0, 16, (k, n))
    values = codes if stored == "uint4" else codes - 16 * (codes > 7)
    scale = (rng.uniform(0.2, 1, n) / 17).astype(np.float32)
    zero = np.array(-100 if cast == "int8" else 100).astype(cast)
    raw = pack_rows(codes.reshape(-1), 4).tobytes()
    packed = helper.make_tensor("p", getattr(TensorProto, stored.upper()), (k, n), raw, raw=True)
    nodes = [
        helper.make_node("Cast", ["p"], ["q"], to=getattr(TensorProto, cast.upper())),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["w"], axis=1),
        helper.make_node("MatMul", ["x", "w"], ["y"]),
    ]
    model = compile_model(nodes, {"p": packed, "scale": scale, "zero": np.full(n, zero)}, k)
    weights = (values.astype(cast).astype(np.int32) - int(zero)).astype(np.float32) * scale
    check(model, widened(weights, None), weights, None)


def test_one_zero_point_that_is_packed() -> None:
    rng = np.random.default_rng(15)
    k, n = 96, 75
    codes = rng.integers(0, 16, (k, n))
    raw = pack_rows(codes.reshape(-1), 4).tobytes()
    arrays: dict[str, Array | onnx.TensorProto] = {
        "q": helper.make_tensor("q", TensorProto.UINT4, (k, n), raw, raw=True),
        "scale": np.array(0.03, np.float32),
        "zero": helper.make_tensor("zero", TensorProto.UINT4, (), b"\x05", raw=True),
    }
    nodes = [
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["w"]),
        helper.make_node("MatMul", ["x", "w"], ["y"]),
    ]
    model = compile_model(nodes, arrays, k)
    assert "nibbles.f32u8" in units(model)
    weights = (codes - 5).astype(np.float32) * np.float32(0.03)
    check(model, widened(weights, None), weights, None)


def test_denormal_scales_of_normal_weights() -> None:
    rng = np.random.default_rng(16)
    k, n = 64, 80
    codes = rng.integers(150, 256, (k, n)).astype(np.uint8)
    scale = rng.uniform(2e-39, 1e-38, n).astype(np.float32)
    nodes = [
        helper.make_node("DequantizeLinear", ["q", "scale"], ["w"], axis=1),
        helper.make_node("MatMul", ["x", "w"], ["y"]),
    ]
    model = compile_model(nodes, {"q": codes, "scale": scale}, k)
    assert "codes.f32u8" in units(model)
    plain = widened(codes * scale, None)
    for rows in ROWS:
        x = rng.uniform(1, 2, (rows, k)).astype(np.float32)
        assert model(x)[0].tobytes() == plain(x)[0].tobytes()
        assert (model(x)[0] > 1e-36).all()


@pytest.mark.parametrize(("rows", "is_bf16"), [(1, False), (4, False), (64, True), ("rows", True)])
def test_few_rows_stay_codes_where_products_are_bf16(rows: Any, is_bf16: bool) -> None:
    target = "x86_64:v3,avx512bf16,avx512vl,avx512f"
    model, weights = nibble_model(256, 96, rows=rows, target=target, precision="bf16")
    assert ("bf16" in units(model), "nibbles" in units(model)) == (is_bf16, not is_bf16)
    x = np.random.default_rng(13).standard_normal((4 if rows == "rows" else rows, 256))
    x = x.astype(np.float32)
    bound = 2.0**-7 * (np.abs(x) @ np.abs(weights)) if is_bf16 else 1e-4
    try:
        (found,) = model(x)
    except lathe.RuntimeError as error:
        assert "cannot run here" in str(error)
        pytest.skip("this machine has no instruction that multiplies bf16")
    assert (np.abs(found - x @ weights) <= bound).all()


def test_weights_of_another_form_are_widened() -> None:
    rng = np.random.default_rng(6)
    n, k = 80, 96
    codes = rng.integers(-128, 128, (k, n)).astype(np.int8)
    scale = rng.uniform(0.5, 1, k).astype(np.float32)  # One for each term of a sum.
    nodes = [
        helper.make_node("DequantizeLinear", ["q", "scale"], ["w"], axis=0),
        helper.make_node("MatMul", ["x", "w"], ["y"]),
    ]
    model = compile_model(nodes, {"q": codes, "scale": scale}, k)
    assert "f32u8" not in units(model)
    x = rng.standard_normal((2, k)).astype(np.float32)
    weights = codes * scale[:, None].astype(np.float64)
    bound = (k + 2) * 2.0**-23 * (np.abs(x) @ np.abs(weights))
    assert (np.abs(model(x)[0] - x @ weights) <= bound).all()
