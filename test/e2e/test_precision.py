# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`precision="bf16"`: products with constant weights multiply bf16, and the error is that of
rounding both factors once; models keep their types, and targets without instructions for it stay
f32.
"""

from __future__ import annotations

import pathlib
import warnings
from typing import Any

import lathe
import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

Array = npt.NDArray[Any]


def network(rng: np.random.Generator) -> onnx.ModelProto:
    """A convolution of 3 channels, two of a residual block, pooling and a product."""
    weights = {
        "w0": rng.uniform(-1, 1, (32, 3, 3, 3)) / 5,
        "w1": rng.uniform(-1, 1, (32, 32, 3, 3)) / 17,
        "w2": rng.uniform(-1, 1, (48, 32, 1, 1)) / 6,
        "w3": rng.uniform(-1, 1, (48, 10)) / 7,
    }
    nodes = [
        helper.make_node("Conv", ["x", "w0"], ["c0"], pads=[1] * 4, strides=[2, 2]),
        helper.make_node("Relu", ["c0"], ["r0"]),
        helper.make_node("Conv", ["r0", "w1"], ["c1"], pads=[1] * 4),
        helper.make_node("Add", ["c1", "r0"], ["s1"]),
        helper.make_node("Relu", ["s1"], ["r1"]),
        helper.make_node("Conv", ["r1", "w2"], ["c2"]),
        helper.make_node("Relu", ["c2"], ["r2"]),
        helper.make_node("GlobalAveragePool", ["r2"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("MatMul", ["f", "w3"], ["y"]),
    ]
    arrays = {name: array.astype(np.float32) for name, array in weights.items()}
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 30, 26])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 10])],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)


def matrix_unit() -> bool:
    flags = set(pathlib.Path("/proc/cpuinfo").read_text().split())
    return {"amx_tile", "amx_bf16"} <= flags


def test_a_network_is_close_to_its_f32_self() -> None:
    rng = np.random.default_rng(0)
    model = network(rng)
    target = "x86_64:amx" if matrix_unit() else "x86_64:v3,avx512bf16,avx512vl,avx512f"
    narrow = lathe.compile(model, target=target, precision="bf16", cache=False, threads=1)
    try:
        narrow(np.zeros((1, 3, 30, 26), np.float32))
    except lathe.RuntimeError as error:
        assert "call-other-machine" in error.ids
        pytest.skip("this machine has no instruction that multiplies bf16")
    wide = lathe.compile(model, accuracy="strict", cache=False)
    for n in (1, 3):
        x = rng.standard_normal((n, 3, 30, 26)).astype(np.float32)
        (y,) = narrow(x)
        (again,) = narrow.with_threads(2)(x)
        (wanted,) = wide(x)
        assert y.dtype == np.float32
        assert y.tobytes() == again.tobytes()
        # Three products in a row round both factors, each to 2^-9 of itself; errors of either sign.
        size = np.abs(wanted).max()
        assert np.abs(y - wanted).max() <= 2**-6 * size
        assert np.abs(y - wanted).max() > 2**-20 * size, "nothing was rounded"
    units = [kernel["strategy"] for kernel in narrow.kernels]
    assert sum("bf16" in unit for unit in units) >= 3, units


def test_one_product_has_the_error_of_two_roundings() -> None:
    """Bounded by the sum of the products' sizes: 2^-9 for each factor, and what f32 adds."""
    if not matrix_unit():
        pytest.skip("this machine has no matrix unit")
    rng = np.random.default_rng(1)
    for m, k, n in [(1, 64, 48), (7, 130, 33), (40, 96, 100)]:
        a = rng.uniform(-1, 1, (m, k)).astype(np.float32)
        b = rng.uniform(-1, 1, (k, n)).astype(np.float32)
        graph = helper.make_graph(
            [helper.make_node("MatMul", ["a", "b"], ["y"])],
            "product",
            [helper.make_tensor_value_info("a", TensorProto.FLOAT, [m, k])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [m, n])],
            [numpy_helper.from_array(b, "b")],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)
        (y,) = lathe.compile(model, precision="bf16", cache=False)(a)
        error = np.abs(y - a.astype(np.float64) @ b.astype(np.float64))
        size = np.abs(a).astype(np.float64) @ np.abs(b)
        assert np.all(error <= (2**-8 + 2**-16 + k * 2**-23) * size)
        assert np.any(error > 2**-16 * size), "nothing was rounded"


def test_a_target_without_instructions_stays_f32() -> None:
    rng = np.random.default_rng(2)
    model = network(rng)
    with pytest.warns(
        UserWarning, match=r"x86_64:v3.*multiplies bf16.*stay f32.*precision-no-unit"
    ):
        made = lathe.compile(model, target="x86_64:v3", precision="bf16", cache=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain = lathe.compile(model, target="x86_64:v3", cache=False)
    x = rng.standard_normal((2, 3, 30, 26)).astype(np.float32)
    assert made(x)[0].tobytes() == plain(x)[0].tobytes()


def test_an_unknown_precision() -> None:
    model = network(np.random.default_rng(3))
    with pytest.raises(
        lathe.CompileError, match=r"no precision 'bf61'.*did you mean 'bf16'.*precision-unknown"
    ):
        lathe.compile(model, precision="bf61", cache=False)


def test_the_precision_of_gpus_does_nothing_on_a_processor() -> None:
    model = network(np.random.default_rng(4))
    with pytest.warns(
        UserWarning, match=r"multiplies tf32, so products stay f32.*precision-no-unit"
    ):
        lathe.compile(model, target="x86_64:v3", precision="tf32", cache=False)


def test_each_precision_has_a_fingerprint(tmp_path: pathlib.Path) -> None:
    """A header of one is no header of the other."""
    model = network(np.random.default_rng(5))
    headers = set()
    for precision in ("f32", "bf16"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # v3 multiplies bf16 without instructions for it.
            made = lathe.compile(model, target="x86_64:amx+v3", precision=precision, cache=False)
        made.save_header(tmp_path / "m.h")
        headers.add((tmp_path / "m.h").read_text())
    assert len(headers) == 2


PRODUCT = """
module attributes {%s} {
  func.func @main(%%x: tensor<32x64xf32>) -> tensor<32x64xf32> {
    %%w = graph.constant dense<3.0e-1> : tensor<64x64xf32>
    %%y = graph.matmul %%x, %%w : (tensor<32x64xf32>, tensor<64x64xf32>) -> tensor<32x64xf32>
    return %%y : tensor<32x64xf32>
  }
}
"""


@pytest.mark.parametrize("precision", ["bf16", "tf32"])
def test_a_mark_of_the_ir_is_the_option(precision: str) -> None:
    """On a target that has no instructions, the mark is taken off with a warning."""
    marked = (PRODUCT % f"kernel.{precision}").encode()
    options: dict[str, Any] = {"target": "x86_64:v3", "cache": False}
    for given in ("f32", precision):
        with pytest.warns(UserWarning, match=f"multiplies {precision}.*precision-no-unit"):
            made = lathe.compile(marked, precision=given, **options)
    x = np.random.default_rng(6).standard_normal((32, 64)).astype(np.float32)
    plain = lathe.compile((PRODUCT % "").encode(), **options)
    assert made(x)[0].tobytes() == plain(x)[0].tobytes()


@pytest.mark.parametrize(
    ("marks", "precision", "says"),
    [
        ("kernel.bf16", "tf32", "marked 'kernel.bf16', but the precision 'tf32' is given"),
        ("kernel.tf32", "bf16", "marked 'kernel.tf32', but the precision 'bf16' is given"),
        ("kernel.bf16, kernel.tf32", "f32", "marked 'kernel.bf16' and 'kernel.tf32'"),
        ("kernel.bf16, kernel.tf32", "bf16", "marked 'kernel.bf16' and 'kernel.tf32'"),
    ],
)
def test_marks_that_contradict(marks: str, precision: str, says: str) -> None:
    with pytest.raises(lathe.CompileError, match=rf"{says}.*precision-conflict"):
        lathe.compile((PRODUCT % marks).encode(), precision=precision, cache=False)
