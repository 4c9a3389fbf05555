# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The command line feeds and shows sequences and optional values, with a module written by hand."""

from __future__ import annotations

import pathlib
import shutil
import subprocess

import numpy as np
import pytest
from command_line import ROOT, Run

SIGNATURE = (
    "reverse(items: sequence(f32[?, 2]), extra: optional(f32[?, 2])) -> "
    "(reversed: sequence(f32[?, 2]), first: optional(f32[?, 2]), count: i64[])"
)


@pytest.fixture
def module(tmp_path: pathlib.Path) -> str:
    """The function `reverse` of the runtime's fixture; see test/runtime/Fixture.h."""
    compiler = shutil.which("cc") or shutil.which("clang-22")
    assert compiler, "a C compiler is needed"
    source = ROOT / "test/runtime/Fixture.c"
    words = ["-shared", "-fPIC", "-w", "-DFIXTURE_ONLY=reverse_function", f"-I{ROOT / 'include'}"]
    subprocess.run([compiler, *words, "-o", tmp_path / "reverse.so", source], check=True)
    return "reverse.so"


def save(folder: pathlib.Path, name: str, rows: int, start: int) -> str:
    np.save(folder / name, np.arange(start, start + 2 * rows, dtype=np.float32).reshape(rows, 2))
    return name


def test_inspect(lathe: Run, module: str) -> None:
    text = lathe("inspect", module).stdout
    assert SIGNATURE in text
    assert 'output     "reversed" sequence(f32[?, 2])' in text


def test_run(lathe: Run, module: str, tmp_path: pathlib.Path) -> None:
    a, b = save(tmp_path, "a.npy", 1, 0), save(tmp_path, "b.npy", 2, 10)
    extra = save(tmp_path, "c.npy", 1, 20)
    words = ("--input", f"items={a}", "--input", f"items={b}", "--input", f"extra={extra}")
    result = lathe("run", module, *words, "--save-outputs", "out")
    assert result.returncode == 0, result.stderr
    assert 'input "items" sequence of 2\n' in result.stdout
    assert 'input "items"[1] f32[2, 2]: min 10' in result.stdout
    assert 'output "reversed" sequence of 3\n' in result.stdout
    assert 'output "first" f32[2, 2]: min 10' in result.stdout
    names = ("reversed.0.npy", "reversed.1.npy", "reversed.2.npy")
    for name, source in zip(names, (b, a, extra), strict=True):
        np.testing.assert_array_equal(np.load(tmp_path / "out" / name), np.load(tmp_path / source))
    assert np.load(tmp_path / "out/count.npy") == 3


def test_run_without_inputs(lathe: Run, module: str, tmp_path: pathlib.Path) -> None:
    result = lathe("run", module, "--save-outputs", "out")
    assert result.returncode == 0, result.stderr
    assert 'input "items" sequence of 0\ninput "extra" none\n' in result.stdout
    assert 'output "first" none\n' in result.stdout
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["count.npy"]


def test_bench(lathe: Run, module: str, tmp_path: pathlib.Path) -> None:
    words = ("--rounds", "1")
    result = lathe("bench", module, *words)
    assert result.returncode == 0, result.stderr
    assert "(), none" in result.stdout


def test_errors(lathe: Run, module: str, tmp_path: pathlib.Path) -> None:
    a = save(tmp_path, "a.npy", 1, 0)
    result = lathe("run", module, "--shape", "items=2x2")
    assert result.returncode != 0 and "[inputs-shape-kind]" in result.stderr
    result = lathe("run", module, "--input", f"extra={a}", "--input", f"extra={a}")
    assert result.returncode != 0 and "[inputs-given-twice]" in result.stderr
    np.save(tmp_path / "wide.npy", np.zeros((1, 3), np.float32))
    result = lathe("run", module, "--input", f"items={a}", "--input", "items=wide.npy")
    assert result.returncode != 0 and 'input "items", element 1: dim 1 is 3' in result.stderr
