# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Work that `lathe` leaves to the Python package: which Python it takes, what it hands on."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest
from command_line import Result, program

ENTRY = """\
import json, pathlib, sys
pathlib.Path("arguments.json").write_text(json.dumps(sys.argv[1:]))
sys.exit(7)
"""


class World:
    """A folder with a copy of `lathe`, a python3 beside it, and packages that only say they are."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        (folder / "bin").mkdir()
        (folder / "empty").mkdir()
        self.lathe = folder / "bin/lathe"
        # Not a link: the program looks beside the file that it is.
        shutil.copy(program(), self.lathe)
        self.packages = folder / "packages"
        self.packages.mkdir()
        (folder / "m.onnx").touch()

    def add_python(self) -> None:
        script = f'#!/bin/sh\nexec {sys.executable} -S "$@"\n'
        (self.folder / "bin/python3").write_text(script)
        (self.folder / "bin/python3").chmod(0o755)

    def add_package(self, name: str) -> None:
        (self.packages / name).mkdir()
        for module in ("__init__", "verify", "bench", "ops_bench", "reduce"):
            text = "" if module == "__init__" else ENTRY
            (self.packages / name / f"{module}.py").write_text(text)

    def run(self, *words: str) -> Result:
        environment = {
            **os.environ,
            "PATH": str(self.folder / "empty"),
            "PYTHONPATH": str(self.packages),
        }
        return subprocess.run(
            [str(self.lathe), *words],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def arguments(self) -> list[str]:
        words: list[str] = json.loads((self.folder / "arguments.json").read_text())
        return words


@pytest.fixture
def world(tmp_path: pathlib.Path) -> World:
    return World(tmp_path)


def test_without_python(world: World) -> None:
    result = world.run("run", "m.onnx", "--verify")
    assert result.returncode == 1
    assert "there is no python3 on PATH [cli-no-python]" in result.stderr


def test_without_the_package(world: World) -> None:
    world.add_python()
    # A folder of that name where the user happens to be is not the package.
    (world.folder / "lathe").mkdir()
    result = world.run("run", "m.onnx", "--verify")
    assert result.returncode == 1
    assert "cannot import 'lathe' [cli-no-python-package]" in result.stderr
    assert "tools/quickstart" in result.stderr


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        (("run", "m.onnx", "--verify"), "onnxruntime"),
        (("bench", "m.onnx", "--against", "onnxruntime"), "onnxruntime"),
        (("bench", "m.onnx", "--against", "onnxruntime,openvino"), "openvino"),
        (("reduce", "m.onnx"), "onnx"),
        (("bench", "--ops", "gemm", "--against", "onnxruntime,torch"), "torch"),
    ],
)
def test_without_the_engine(world: World, words: tuple[str, ...], missing: str) -> None:
    world.add_python()
    world.add_package("lathe")
    if missing != "onnxruntime":
        world.add_package("onnxruntime")
    result = world.run(*words)
    assert result.returncode == 1
    assert f"compares with {missing}, but " in result.stderr
    assert "it is not installed [cli-no-engine]" in result.stderr
    assert f"-m pip install {missing}\n" in result.stderr
    assert not (world.folder / "arguments.json").exists()


def test_reduce_hands_its_options_on(world: World) -> None:
    world.add_python()
    world.add_package("lathe")
    world.add_package("onnx")
    words = ("-o", "s.onnx", "--against", "reference", "--minutes", "2", "--custom-op", "o.so")
    result = world.run("reduce", "m.onnx", *words)
    assert result.returncode == 7, result.stderr
    assert world.arguments() == [
        *("--output=s.onnx", "--against=reference", "--minutes=2", "--custom-op=o.so"),
        *("--", "m.onnx"),
    ]


def test_verify_hands_its_options_on(world: World) -> None:
    world.add_python()
    world.add_package("lathe")
    world.add_package("onnxruntime")
    words = ("--verify", "--dim", "batch=2", "--dim=seq=7", "--target", "x86_64", "--shape", "x=1")
    limits = ("--limit", "nodes=9", "--limit", "depth=3")
    result = world.run("run", "m.onnx", *words, *limits)
    assert result.returncode == 7, result.stderr
    assert world.arguments() == [
        *("--dim=batch=2", "--dim=seq=7", "--shape=x=1", "--target=x86_64"),
        *("--limit=nodes=9", "--limit=depth=3", "--", "m.onnx"),
    ]


def test_bench_hands_its_options_on(world: World) -> None:
    world.add_python()
    for name in ("lathe", "onnxruntime", "openvino"):
        world.add_package(name)
    (world.folder / "n.onnx").touch()
    words = (
        "--against",
        "openvino,onnxruntime",
        "--threads",
        "1,2",
        "--rounds",
        "3",
        "--json",
        "f",
    )
    more = (
        "--suite",
        "d",
        "--html",
        "p",
        "--accuracy",
        "strict",
        "--flush-denormals",
        "--limit",
        "nodes=9",
    )
    result = world.run("bench", "m.onnx", "n.onnx", *words, *more)
    assert result.returncode == 7, result.stderr
    assert world.arguments() == [
        *("--against=openvino,onnxruntime", "--suite=d", "--threads=1,2", "--rounds=3"),
        *("--accuracy=strict", "--json=f", "--html=p", "--limit=nodes=9", "--denormals=flush"),
        *("--", "m.onnx", "n.onnx"),
    ]


def test_bench_of_operators_hands_its_options_on(world: World) -> None:
    world.add_python()
    for name in ("lathe", "torch"):
        world.add_package(name)
    words = ("--against", "torch", "--threads", "1,2", "--rounds", "3", "--precision", "bf16")
    result = world.run("bench", "--ops", "gemm,add:3x4", *words, "--html", "p", "--isa", "v3")
    assert result.returncode == 7, result.stderr
    assert world.arguments() == [
        *("--against=torch", "--threads=1,2", "--rounds=3", "--isa=v3", "--precision=bf16"),
        *("--html=p", "--", "gemm,add:3x4"),
    ]
    assert world.run("bench", "--ops", "gemm").returncode == 7
    assert world.arguments() == ["--", "gemm"]
    result = world.run("bench", "--ops", "gemm", "--json", "none/f.json")
    assert result.returncode == 1
    assert "none" in result.stderr
