# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""--custom-op of the commands, beside what docs/recipes/add-custom-op.md shows."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import pytest
from command_line import Run

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples/custom-op"
BODY = str(EXAMPLE / "ops.mlir")


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    subprocess.run(
        [sys.executable, EXAMPLE / "make_model.py", tmp_path / "custom.onnx"], check=True
    )
    source = EXAMPLE / "widen.c"
    command = ["cc", "-shared", "-fPIC", "-I", str(ROOT / "include"), str(source), "-o"]
    subprocess.run([*command, str(tmp_path / "widen.so")], check=True)
    return tmp_path


def test_check_names_them(lathe: Run, folder: pathlib.Path) -> None:
    result = lathe("check", "custom.onnx", "--json", "--custom-op", "widen.so", "--custom-op", BODY)
    operators = json.loads(result.stdout)["models"][0]["operators"]
    assert {(op["operator"], op["how"]) for op in operators} == {
        ("com.example.Widen", "own"),
        ("com.example.SquaredRelu", "own"),
    }
    half = lathe("check", "custom.onnx", "--custom-op", "widen.so")
    assert half.returncode == 1 and "[onnx-unknown-domain]" in half.stderr
    assert "--custom-op" in half.stderr


def test_inspect_shows_what_is_needed(lathe: Run, folder: pathlib.Path) -> None:
    ops = ("--custom-op", "widen.so", "--custom-op", BODY)
    for ending in ("so", "lathebin", "a"):
        name = f"m.{ending}"
        assert lathe("compile", "custom.onnx", "-o", name, *ops).returncode == 0
        result = lathe("inspect", name)
        assert '"lathe.custom_ops" = "com.example::Widen"' in result.stdout, result.stderr
    for name in ("m.so", "m.lathebin"):
        refused = lathe("run", name)
        assert refused.returncode == 1 and "[module-custom-op]" in refused.stderr
        assert lathe("run", name, "--custom-op", "widen.so").returncode == 0


def test_variants_agree(lathe: Run, folder: pathlib.Path) -> None:
    ops = ("--custom-op", "widen.so", "--custom-op", BODY)
    sums = set()
    for target in ("x86_64:v2", "x86_64:v3", "host"):
        result = lathe("run", "custom.onnx", *ops, "--target", target, "--dim", "batch=3")
        assert result.returncode == 0, result.stderr
        sums.add(result.stdout.partition('output "y"')[2].splitlines()[0])
    assert len(sums) == 1


def test_a_native_model_keeps_them(lathe: Run, folder: pathlib.Path) -> None:
    ops = ("--custom-op", "widen.so", "--custom-op", BODY)
    assert lathe("convert", "custom.onnx", "-o", "m.mlir", *ops).returncode == 0
    assert lathe("run", "m.mlir", "--custom-op", "widen.so").returncode == 0
    assert "[module-custom-op]" in lathe("run", "m.mlir").stderr
    out = lathe("convert", "custom.onnx", "-o", "out.onnx", *ops)
    assert out.returncode == 1 and "custom" in out.stderr


@pytest.mark.parametrize(
    ("name", "text", "id"),
    [
        ("missing.so", None, "module-cannot-read"),
        ("missing.mlir", None, "custom-op-cannot-read"),
        ("text.so", "no library", "module-not-a-library"),
        ("other.mlir", "module {}", "onnx-unknown-domain"),
        ("bad.mlir", "func.func @", "custom-op-declaration"),
        ("deep.mlir", "(" * 10000, "native-too-deep"),
        ("op.mlir", "%0 = arith.constant 1 : i32", "custom-op-declaration"),
    ],
)
def test_sources_that_are_none(
    lathe: Run, folder: pathlib.Path, name: str, text: str | None, id: str
) -> None:
    if text is not None:
        (folder / name).write_text(text)
    for command in ("run", "check"):
        result = lathe(command, "custom.onnx", "--custom-op", name)
        assert result.returncode == 1 and f"[{id}]" in result.stderr, result.stderr


def test_sizes_of_a_damaged_text_are_not_believed(lathe: Run, folder: pathlib.Path) -> None:
    ops = ("--custom-op", "widen.so", "--custom-op", BODY)
    lathe("convert", "custom.onnx", "-o", "m.mlir", *ops)
    text = (folder / "m.mlir").read_text()
    for before, after in (("(2, s0, 3", "(2, s0, 4"), ("(2, s0, 3", "(9, s0, 3"), ('"1"', '"13"')):
        assert before in text, text
        (folder / "n.mlir").write_text(text.replace(before, after, 1))
        result = lathe("run", "n.mlir", "--custom-op", "widen.so")
        assert result.returncode == 1, (before, result.stdout)
