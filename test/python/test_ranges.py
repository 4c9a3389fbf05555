# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Dims that stay open, of which the user says what they can be."""

from __future__ import annotations

import itertools

import lathe
import numpy as np
import pytest
from conftest import ValueSpec, make_model
from lathe.signature import SizeRange
from onnx import ModelProto, TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT
RNG = np.random.default_rng(7)


def product(k: int = 24, n: int = 40) -> ModelProto:
    """Rows times weights, twice, with a bias and a Relu between."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("Add", ["a", "b"], ["c"]),
        helper.make_node("Relu", ["c"], ["d"]),
        helper.make_node("MatMul", ["d", "v"], ["y"]),
    ]
    weights = {
        "w": RNG.standard_normal((k, n), np.float32),
        "b": RNG.standard_normal(n, np.float32),
        "v": RNG.standard_normal((n, k), np.float32),
    }
    return make_model(nodes, [("x", FLOAT, ["m", k])], [("y", FLOAT, ["m", k])], weights)


def attention() -> ModelProto:
    """Scores and values of heads: both sizes of a product are open."""
    nodes = [
        helper.make_node("MatMul", ["q", "k"], ["s"]),
        helper.make_node("Softmax", ["s"], ["p"], axis=-1),
        helper.make_node("MatMul", ["p", "v"], ["y"]),
    ]
    inputs: list[ValueSpec] = [
        ("q", FLOAT, [2, "n", 16]),
        ("k", FLOAT, [2, 16, "n"]),
        ("v", FLOAT, [2, "n", 16]),
    ]
    return make_model(nodes, inputs, [("y", FLOAT, [2, "n", 16])])


@pytest.mark.parametrize("divisor", [1, 2, 5, 8, 12, 48])
def test_products_have_the_bits_of_any_size(divisor: int) -> None:
    """The rows of a product are sums of one order each, however they are cut into tiles."""
    model = product()
    free, known = lathe.compile(model), lathe.compile(model, dims={"m": f"{divisor}..96%{divisor}"})
    for rows in range(divisor, 97, divisor):
        x = RNG.standard_normal((rows, 24), np.float32)
        np.testing.assert_array_equal(known(x)[0], free(x)[0])


@pytest.mark.parametrize("given", ["%8", "..96%8", "..96", "..4096"])
def test_sizes_from_0_on(given: str) -> None:
    """Rows, columns and terms of a product can be none, also where they are multiples."""
    nodes = [helper.make_node("MatMul", ["a", "b"], ["y"])]
    inputs: list[ValueSpec] = [("a", FLOAT, ["m", "k"]), ("b", FLOAT, ["k", "n"])]
    plain = make_model(nodes, inputs, [("y", FLOAT, ["m", "n"])])
    free = lathe.compile(plain)
    known = lathe.compile(plain, dims={"m": given, "k": given, "n": given})
    for m, k, n in itertools.product((0, 8, 64), repeat=3):
        a, b = RNG.standard_normal((m, k), np.float32), RNG.standard_normal((k, n), np.float32)
        np.testing.assert_array_equal(known(a, b)[0], free(a, b)[0])


def test_a_call_takes_the_memory_of_its_sizes_where_bounds_are_far() -> None:
    """The largest scores would take 2 GiB; "strict" has them in memory."""
    q, v = (RNG.standard_normal((2, 8, 16), np.float32) for _ in range(2))
    k = RNG.standard_normal((2, 16, 8), np.float32)
    limits = {"call-bytes": 1 << 20}
    limited = lathe.compile(attention(), dims={"n": "..16384"}, limits=limits, accuracy="strict")
    unbounded = lathe.compile(attention(), accuracy="strict")
    np.testing.assert_array_equal(limited(q, k, v)[0], unbounded(q, k, v)[0])


def test_amounts_below_0_are_computed() -> None:
    """What is cut off or added is no size: it has both signs within the range of a dim."""
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Sub", ["s", "less"], ["d"]),
        helper.make_node("Cast", ["d"], ["y"], to=FLOAT),
        helper.make_node("CenterCropPad", ["x", "size"], ["z"], axes=[0]),
    ]
    constants = {"less": np.array([96]), "size": np.array([512])}
    graph = helper.make_graph(
        nodes,
        "amounts",
        [helper.make_tensor_value_info("x", FLOAT, ["n"])],
        [
            helper.make_tensor_value_info(name, FLOAT, [size])
            for name, size in (("y", 1), ("z", 512))
        ],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    opsets = [helper.make_opsetid("", 18)]
    model = lathe.compile(
        helper.make_model(graph, opset_imports=opsets, ir_version=8), dims={"n": "8..1024%8"}
    )
    for n in (8, 96, 512, 520, 1024):
        x = RNG.standard_normal(n, np.float32)
        y, z = model(x)
        np.testing.assert_array_equal(y, [n - 96])
        before = max(0, (n - 512) // 2)
        cut = x[before : before + 512]
        left = (512 - len(cut)) // 2
        np.testing.assert_array_equal(z, np.pad(cut, (left, 512 - len(cut) - left)))


@pytest.mark.parametrize("isa", ["v2", "v3", "v4"])
def test_each_level_computes_it(isa: str) -> None:
    try:
        models = [
            lathe.compile(attention(), "x86_64:v2+v3+v4", {"n": "16..64%16"}, threads, isa=isa)
            for threads in (1, 2)
        ]
    except lathe.CompileError as error:
        assert "module-cannot-run" in error.ids
        pytest.skip(str(error))
    for n in (16, 48, 64):
        q, v = (RNG.standard_normal((2, n, 16), np.float32) for _ in range(2))
        k = RNG.standard_normal((2, 16, n), np.float32)
        s = (q @ k).astype(np.float64)
        p = np.exp(s - s.max(-1, keepdims=True))
        expected = p / p.sum(-1, keepdims=True) @ v
        one, two = (model(q, k, v)[0] for model in models)
        np.testing.assert_allclose(one, expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("8..512%8", SizeRange(8, 512, 8)),
        ("5..20%8", SizeRange(8, 16, 8)),
        ("..512", SizeRange(0, 512, 1)),
        ("8..", SizeRange(8, None, 1)),
        ("%16", SizeRange(0, None, 16)),
        ("..%16", SizeRange(0, None, 16)),
    ],
)
def test_a_signature_says_it(given: str, expected: SizeRange) -> None:
    model = lathe.compile(product(), dims={"m": given})
    assert model.signature.ranges == {"m": expected}
    assert str(model.inputs[0]) == "x: f32[m, 24]"


def test_a_range_of_one_size_is_a_size() -> None:
    model = lathe.compile(product(), dims={"m": "10..20%16"})
    assert model.inputs[0].shape == (16, 24) and model.signature.ranges == {}


def test_a_call_of_another_size_is_an_error_and_the_next_one_works() -> None:
    model = lathe.compile(product(), dims={"m": "8..64%8"})
    for rows, words in (
        (0, "is 0, but must be at least 8"),
        (12, "is 12, which is no multiple of 8 (8 is the one below)"),
        (72, "must be at most 64, but is 72"),
    ):
        with pytest.raises(lathe.RuntimeError, match=r"call-dim-range") as raised:
            model(np.zeros((rows, 24), np.float32))
        assert f"dim 'm' {words}" in str(raised.value)
    assert model(np.zeros((8, 24), np.float32))[0].shape == (8, 24)


@pytest.mark.parametrize(
    "text", [f"{2**40 + 1}", "", "..", "8%", "%0", "9..15%8", "8..4", "x", "-8..", "0", "1e3"]
)
def test_what_is_no_range_is_named(text: str) -> None:
    with pytest.raises(lathe.CompileError, match=r"1 to 1099511627776.*dims-bad-value"):
        lathe.compile(product(), dims={"m": text})
