# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The pages of the interfaces say what the sources say, and their examples run."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys

import pages
import pytest

ROOT = pages.ROOT
BUILD = pathlib.Path(os.environ.get("LATHE_BUILD", ROOT / "build/release"))
EXAMPLES = ROOT / "docs/reference/examples"

sys.path.insert(0, str(ROOT / "tools/dev"))
import make_api_reference  # noqa: E402


def run(*words: str | pathlib.Path, folder: pathlib.Path) -> str:
    result = subprocess.run(
        [str(w) for w in words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "LATHE_CACHE_DIR": str(folder / "cache")},
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_the_pages_are_fresh() -> None:
    script = ROOT / "tools/dev/make_api_reference.py"
    run(sys.executable, script, "--check", folder=ROOT)


def test_each_function_has_an_example() -> None:
    assert make_api_reference.without_example() == []


def test_each_function_of_a_header_is_on_its_page() -> None:
    for page, (_, headers, _) in make_api_reference.HEADERS.items():
        text = "".join((ROOT / header).read_text() for header in headers)
        names = re.findall(r"API [^;(]*?(lathe_\w+)\(", text)
        shown = pages.read(f"docs/reference/{page}")
        assert not [name for name in names if f"### {name}\n" not in shown]


def test_the_python_examples_run(tmp_path: pathlib.Path) -> None:
    out = run(sys.executable, EXAMPLES / "example.py", folder=tmp_path)
    assert "main(x: f32[batch, 3]) -> (y: f32[batch, 2])" in out


@pytest.fixture
def classify(tmp_path: pathlib.Path) -> pathlib.Path:
    program = BUILD / "bin/lathe"
    source = ROOT / "examples/classify.mlir"
    run(program, "compile", source, "-o", "classify.so", folder=tmp_path)
    run(program, "compile", source, "-o", "classify.a", "--header", "classify.h", folder=tmp_path)
    return source


def test_the_examples_of_the_runtime_run(classify: pathlib.Path, tmp_path: pathlib.Path) -> None:
    run(
        *("cc", "-std=c11", "-Wall", "-Werror", f"-I{ROOT / 'include'}", "-I."),
        *(EXAMPLES / "runtime.c", "classify.a", BUILD / "lib/libLatheRuntime.a"),
        *("-lm", "-ldl", "-lpthread", "-o", "runtime"),
        folder=tmp_path,
    )
    assert "calls use 2 threads" in run("./runtime", tmp_path / "classify.so", folder=tmp_path)


def test_the_examples_of_the_c_compiler_run(tmp_path: pathlib.Path) -> None:
    run(
        *("cc", "-std=c11", "-Wall", "-Werror", f"-I{ROOT / 'include'}"),
        *(EXAMPLES / "compiler.c", f"-L{BUILD / 'lib'}", "-lLatheC", f"-Wl,-rpath,{BUILD / 'lib'}"),
        *("-o", "compiler"),
        folder=tmp_path,
    )
    assert "kernel.func" in run("./compiler", ROOT / "examples/classify.mlir", folder=tmp_path)


def test_the_examples_of_the_cpp_compiler_run(tmp_path: pathlib.Path) -> None:
    """Built with the rest of Lathe, as programs of it are."""
    program = BUILD / "bin/reference-example"
    assert "emit" in run(program, ROOT / "examples/classify.mlir", folder=tmp_path)
