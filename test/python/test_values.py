# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Sequences and optional values go in and come out, with a module written by hand."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import lathe
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
FUNCTION = "reverse_function"  # See test/runtime/Fixture.h.


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> lathe.CompiledModel:
    """Return the function `reverse` of the runtime's fixture."""
    compiler = shutil.which("cc") or shutil.which("clang-22")
    assert compiler, "a C compiler is needed"
    path = tmp_path_factory.mktemp("values") / "reverse.so"
    source = ROOT / "test/runtime/Fixture.c"
    words = ["-shared", "-fPIC", f"-DFIXTURE_ONLY={FUNCTION}", f"-I{ROOT / 'include'}"]
    subprocess.run([compiler, *words, "-w", "-o", path, source], check=True)
    return lathe.load(path)


def item(rows: int, start: int = 0) -> np.ndarray[Any, Any]:
    return np.arange(start, start + 2 * rows, dtype=np.float32).reshape(rows, 2)


def test_signature(model: lathe.CompiledModel) -> None:
    assert str(model.signature) == (
        "reverse(items: sequence(f32[?, 2]), extra: optional(f32[?, 2])) -> "
        "(reversed: sequence(f32[?, 2]), first: optional(f32[?, 2]), count: i64[])"
    )
    items, extra = model.inputs
    assert (items.kind, items.optional) == ("sequence", False)
    assert (extra.kind, extra.optional) == ("tensor", True)


@pytest.mark.parametrize("extra", [None, item(3, 50)])
@pytest.mark.parametrize("count", [0, 1, 4])
@pytest.mark.parametrize("kind", [list, tuple])
def test_values(model: lathe.CompiledModel, kind: type, count: int, extra: Any) -> None:
    items = kind(item(i, 10 * i) for i in range(count))
    wanted = [*reversed(items)] + ([] if extra is None else [extra])
    for _ in range(2):
        turned, first, number = model(items, extra=extra)
        assert isinstance(turned, list) and len(turned) == len(wanted)
        for actual, expected in zip(turned, wanted, strict=True):
            np.testing.assert_array_equal(actual, expected)
        assert number == len(wanted)
        if wanted:
            np.testing.assert_array_equal(first, wanted[0])
        else:
            assert first is None
    named = model.run({"items": items, "extra": extra})
    assert list(named) == ["reversed", "first", "count"]


def test_copies_where_it_must(model: lathe.CompiledModel) -> None:
    """Other layouts are copied, and lists of numbers converted, as for tensors."""
    strided = item(4)[::2]
    turned, _, _ = model([strided, [[1, 2]]], None)
    np.testing.assert_array_equal(turned[1], strided)
    np.testing.assert_array_equal(turned[0], [[1, 2]])


@pytest.mark.parametrize(
    ("items", "extra", "id", "text"),
    [
        (item(2), None, "call-input-type", "ndarray is no sequence of arrays"),
        (None, None, "call-input-type", "NoneType is no sequence of arrays"),
        ([None], None, "call-input-type", "NoneType is not an array"),
        ([item(1), np.zeros((1, 2))], None, "call-dtype-mismatch", "element 1: dtype is f64"),
        ([np.zeros((1, 3), np.float32)], None, "call-dim-mismatch", "element 0: dim 1 is 3"),
        ([item(1)] * 10, None, "fixture-reverse", "10 items"),
        ([], np.zeros(2, np.float32), "call-rank-mismatch", '"extra": rank is 1'),
        ([item(1)] * 9, None, "call-dim-mismatch", 'output "reversed", element 8: dim 1 is 3'),
    ],
)
def test_errors(model: lathe.CompiledModel, items: Any, extra: Any, id: str, text: str) -> None:
    with pytest.raises(lathe.RuntimeError) as caught:
        model(items, extra)
    assert caught.value.ids == (id,)
    assert text in str(caught.value)
    assert model([item(1)], None)[2] == 1
