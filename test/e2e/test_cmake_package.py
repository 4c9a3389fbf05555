# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`find_package(Lathe)` and pkg-config, from a prefix that was moved after the installation."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
from typing import Any

import lathe
import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("LATHE_BUILD", ROOT / "build/release"))
COMMANDS = re.findall(r"^\$ (.*)$", (ROOT / "examples/cmake/README.md").read_text(), re.MULTILINE)


def run(command: str, folder: pathlib.Path, **environment: str) -> str:
    result = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
    return result.stdout


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Where Lathe is installed; nothing may refer to where it was before."""
    folder = tmp_path_factory.mktemp("prefix")
    command = f"cmake --install {BUILD} --component tools --prefix {folder / 'first'}"
    run(command, folder)
    (folder / "first").rename(folder / "second")
    return folder / "second"


def expected(words: list[str]) -> np.ndarray[Any, Any]:
    model = lathe.compile(ROOT / "examples/classify.mlir")
    rows = np.array([float(w) for w in words], np.float32)[:, None] * np.arange(8, dtype=np.float32)
    scores: np.ndarray[Any, Any] = model(rows)[0]
    return scores


def scores(text: str) -> np.ndarray[Any, Any]:
    return np.array([line.split() for line in text.splitlines()], np.float32)


def test_the_example(prefix: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / ".venv").symlink_to(prefix)
    text = ""
    for command in COMMANDS:
        text = run(command, tmp_path)
    np.testing.assert_allclose(scores(text), expected(["0.5", "-1"]), atol=1e-6)


def project(folder: pathlib.Path, lines: str) -> str:
    shutil.copy(ROOT / "examples/cmake/scores.c", folder)
    shutil.copy(ROOT / "examples/classify.mlir", folder)
    (folder / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\nproject(p LANGUAGES C)\n"
        f"find_package(Lathe 0.1 REQUIRED)\n{lines}\n"
        "add_executable(scores scores.c)\ntarget_link_libraries(scores PRIVATE classify)\n"
    )
    return "cmake -S . -B b -G Ninja"


def test_variants_and_fixed_dims(prefix: pathlib.Path, tmp_path: pathlib.Path) -> None:
    if os.uname().machine != "x86_64":
        pytest.skip("the targets of this test are of x86-64")
    configure = project(
        tmp_path, "lathe_add_model(classify classify.mlir TARGETS x86_64:v2 v3 DIMS batch=1)"
    )
    run(f"{configure} -DCMAKE_PREFIX_PATH={prefix}", tmp_path)
    run("cmake --build b", tmp_path)
    text = run("b/scores 2", tmp_path)
    np.testing.assert_allclose(scores(text), expected(["2"]), atol=1e-6)
    names = run("nm b/lathe/classify/classify.a", tmp_path)
    assert "v2." in names and "v3." in names
    # A changed model is compiled again, an unchanged one is not.
    assert "no work to do" in run("cmake --build b", tmp_path)
    (tmp_path / "classify.mlir").touch()
    assert "Compiling classify for x86_64:v2+v3" in run("cmake --build b", tmp_path)


@pytest.mark.parametrize(
    ("lines", "answer"),
    [
        ("lathe_add_model(classify none.onnx)", "[cmake-no-model]"),
        ("lathe_add_model(classify classify.mlir TARGET v3)", "[cmake-arguments]"),
    ],
)
def test_mistakes(prefix: pathlib.Path, tmp_path: pathlib.Path, lines: str, answer: str) -> None:
    configure = project(tmp_path, lines)
    result = subprocess.run(
        f"{configure} -DCMAKE_PREFIX_PATH={prefix}",
        shell=True,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode and answer in " ".join(result.stderr.split())


def test_pkg_config(prefix: pathlib.Path, tmp_path: pathlib.Path) -> None:
    if shutil.which("pkg-config") is None:
        pytest.skip("pkg-config is not installed")
    shutil.copy(ROOT / "examples/cmake/scores.c", tmp_path)
    source = ROOT / "examples/classify.mlir"
    run(f"{prefix}/bin/lathe compile {source} -o classify.a --header classify.h", tmp_path)
    path = {"PKG_CONFIG_PATH": str(prefix / "lib/pkgconfig")}
    run(
        "cc -I. scores.c classify.a $(pkg-config --cflags --libs lathe) -o scores", tmp_path, **path
    )
    np.testing.assert_allclose(scores(run("./scores 3", tmp_path)), expected(["3"]), atol=1e-6)
