#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention on a GPU, real or emulated, against f64, and models with it against the CPU.

attention.py NAME    runs the function of that name; it raises where something differs

The environment may say LATHE_TEST_TARGET, what models are compiled for, and LATHE_TEST_SHAPES, that
more cases are to be run.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import lathe
import numpy as np
import onnx
from families import TARGET
from onnx import TensorProto, numpy_helper


def e2e_tests(folder: str = "") -> None:
    """Let the modules of `test/e2e` be imported."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e" / folder))


def check_large_scores(dtype: np.dtype[Any]) -> None:
    """The largest score stays for many blocks of keys, which must not weigh less than the last."""
    q = np.full((1, 1, 16, 64), 1000, dtype)
    k = np.full((1, 1, 1024, 64), 1000, dtype)
    v = np.asarray(np.random.default_rng(3).standard_normal(k.shape), dtype)
    shapes = ["tensor<" + "x".join(map(str, x.shape)) + "xf16>" for x in (q, k, v)]
    program = (
        f"func.func @main(%q: {shapes[0]}, %k: {shapes[1]}, %v: {shapes[2]}) -> {shapes[0]} {{\n"
        "  %y = graph.attention %q, %k, %v heads_inside = [false, false, false, false] "
        f"scale = 0.125 : ({', '.join(shapes)}) -> {shapes[0]}\n  return %y : {shapes[0]}\n}}\n"
    )
    model = lathe.compile(program.encode(), target=TARGET, cache=False)
    assert is_attention(model), model.kernels
    (y,) = model(q, k, v)
    mean = np.mean(v.astype(np.float64), axis=2, keepdims=True)
    np.testing.assert_allclose(y.astype(np.float64), np.broadcast_to(mean, y.shape), atol=1e-3)


def attention() -> None:
    """Attention in one kernel against f64: masks, heads that share keys, any sizes, three types."""
    e2e_tests("ops")
    import test_attention
    from oracle import BFLOAT16

    half, single = np.dtype(np.float16), np.dtype(np.float32)
    kinds = (half, BFLOAT16, single)
    # Two tiles of rows for each warp, heads of more elements, and several turns of the ring.
    more = {
        "many blocks": test_attention.Attention((2, 66, 66, 66, 70, 8, 8), causal=3),
        "128 elements": test_attention.Attention((1, 2, 1, 40, 200, 128, 120), causal=150),
        "several slots": replace(
            test_attention.CASES["shared keys"], sizes=(1, 4, 2, 70, 333, 40, 64)
        ),
    }
    # All three types of each case take minutes on the emulator.
    every = {"shared keys", "128 elements"} if "LATHE_TEST_SHAPES" in os.environ else set()
    for number, (name, case) in enumerate({**test_attention.CASES, **more}.items()):
        fixed = case.dtype == np.float64 or max(case.sizes[5:]) > 256
        for kind in kinds if name in every else (kinds[number % 3],):
            one = case if fixed else replace(case, dtype=kind)
            _b, h, _g, m, n, *_ = one.sizes
            model = check_attention(one, bool(number % 2) and name != "many blocks")
            is_one = is_attention(model)
            most = 128 if one.dtype == single else 256
            fits = one.dtype != np.float64 and max(one.sizes[5:]) <= most
            assert is_one == (fits and h > 0) or m * n == 0, (name, kind, model.kernels)
    check_large_scores(half)
    wide = test_attention.Attention((1, 1, 1, 33, 70, 256, 250), dtype=half)
    check_attention(wide, free=False)
    plain = replace(test_attention.PLAIN, dtype=single)
    program = plain.text(plain.arrays(), plain.expected(plain.arrays())[0], free=False).encode()
    f32 = lathe.compile(program, target=TARGET, cache=False)
    assert not is_attention(f32), f32.kernels


def is_attention(model: lathe.CompiledModel) -> bool:
    """Whether one of its kernels is attention."""
    return any(str(k["strategy"]).startswith("gpu.attention") for k in model.kernels)


def check_attention(case: Any, free: bool) -> lathe.CompiledModel:
    """Compare with f64 a case of `test_attention`; of f32, factors have 11 bits."""
    arrays = case.arrays()
    expected, bound = case.expected(arrays, is_whole=False)
    program = case.text(arrays, expected, free)
    is_single = case.dtype == np.float32
    model = lathe.compile(
        program.encode(), target=TARGET, cache=False, precision="tf32" if is_single else "f32"
    )
    q, k, v = (
        np.abs(x.transpose(0, 2, 1, 3) if inside else x).astype(np.float64)
        for x, inside in zip(arrays[:3], case.inside[:3], strict=True)
    )
    # Weights, at most 1, are rounded to f16, whose least steps are 2^-24.
    bound = bound + len(k[0, 0]) * 2.0**-25 * v.max(initial=0)
    # Exponentials are right to 22 bits, of differences of scores that are.
    bound += 2.0**-21 * (1 + np.abs(expected)) * v.max(initial=0)
    if is_single:
        largest = case.scale * float(q.max(initial=0) * k.max(initial=0)) * q.shape[-1]
        bound = bound + 2.0**-11 * (2 * largest + 2) * v.max(initial=0)
    found = np.asarray(model(*arrays)[0])
    assert found.dtype == case.dtype and found.shape == expected.shape
    assert (np.isnan(found) == np.isnan(expected)).all(), case
    error = np.nan_to_num(np.abs(found.astype(np.float64) - expected))
    assert (error <= np.nan_to_num(bound)).all(), (case, error.max())
    return model


def as_halves(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with f16 in the place of f32, what is too large as the largest."""

    def narrowed(tensor: onnx.TensorProto) -> onnx.TensorProto:
        array = numpy_helper.to_array(tensor)
        largest = float(np.finfo(np.float16).max)
        return numpy_helper.from_array(
            np.clip(array, -largest, largest).astype(np.float16), tensor.name
        )

    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            tensor.CopyFrom(narrowed(tensor))
    for info in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        if info.type.tensor_type.elem_type == TensorProto.FLOAT:
            info.type.tensor_type.elem_type = TensorProto.FLOAT16
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.FLOAT16
            if attribute.t.data_type == TensorProto.FLOAT:
                attribute.t.CopyFrom(narrowed(attribute.t))
    return model


def half_transformers() -> None:
    """A BERT and a GPT-2 with a growing cache in f16, of two layers each, as on the CPU."""
    e2e_tests()
    import test_zoo
    from zoo.builder import values

    for name in ("networks-bert", "networks-gpt2_two_layers"):
        case = test_zoo.CASES[name]
        net, text = test_zoo.written(case, case.opsets[-1])
        source = as_halves(onnx.load_from_string(text))
        gpu = lathe.compile(source, target=TARGET, cache=False)
        cpu = lathe.compile(source, cache=False)
        assert is_attention(gpu), gpu.kernels
        for seed, sizes in enumerate(case.calls):
            inputs = [
                x.astype(np.float16) if x.dtype == np.float32 else x
                for x in values(net, sizes, seed).values()
            ]
            for found, expected in zip(gpu(*inputs), cpu(*inputs), strict=True):
                a, b = (np.asarray(x).astype(np.float64) for x in (found, expected))
                assert a.shape == b.shape
                error = np.abs(a - b).max(initial=0) / max(1.0, np.abs(b).max(initial=0))
                assert error <= 2.0**-7, (name, sizes, error)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
