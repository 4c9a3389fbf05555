# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`lathe tune`, and the tables that it writes, on the command line."""

from __future__ import annotations

import json
import pathlib

from command_line import Run


def test_tune(lathe: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "m.mlir").write_text(
        "func.func @main(%x: tensor<16x32xf32>) -> tensor<16x24xf32> {\n"
        "  %w = graph.constant dense<0.5> : tensor<32x24xf32>\n"
        "  %y = graph.matmul %x, %w : (tensor<16x32xf32>, tensor<32x24xf32>) -> tensor<16x24xf32>\n"
        "  return %y : tensor<16x24xf32>\n}\n"
    )
    words = ("--minutes", "0.02", "-o", "t.json", "--json", "f.json", "--progress")
    result = lathe("tune", "m.mlir", *words)
    assert result.returncode == 0, result.stderr
    assert "the model on 1 thread: " in result.stdout
    assert "m.mlir: measure alternatives" in result.stderr
    figures = json.loads((tmp_path / "f.json").read_text())
    assert figures["threads"] == 1
    (kernel,) = figures["kernels"]
    # A table by hand: the kernel's other ways have the names that were measured.
    name = next(iter(kernel["shares"]))
    table = {"format": 1, "version": lathe("version").stdout.split()[1]}
    table["kernels"] = {kernel["key"]: {"choice": name}}
    (tmp_path / "choices.json").write_text(json.dumps(table))
    tuned = lathe("inspect", "m.mlir", "--choices", "choices.json")
    assert f'choice = "{name}", instead_of = "{kernel["before"]}"' in tuned.stdout
    assert "choice =" not in lathe("inspect", "m.mlir", "--no-choices").stdout
    assert (
        "(1 as tuned)"
        in lathe("compile", "m.mlir", "--choices", "choices.json", "-o", "m.o").stdout
    )
    late = lathe("compile", "m.mlir", "--stop-after", "lower", "-o", "lower.mlir")
    assert late.returncode == 0
    late = lathe(
        "compile", "lower.mlir", "--start-at", "schedule", "--choices", "choices.json", "-o", "l.o"
    )
    assert "[choices-too-late]" in late.stderr


def test_what_tune_refuses(lathe: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"")
    for words, id in (
        (("--minutes", "0"), "cli-minutes"),
        (("--minutes", "soon"), "cli-minutes"),
        (("--dim", "n=1..8"), "cli-dim-range"),
        (("-o", "no/folder/t.json"), "cli-output-unwritable"),
    ):
        result = lathe("tune", "m.onnx", *words)
        assert result.returncode != 0
        assert f"[{id}]" in result.stderr
    for command in ("compile", "run", "bench", "inspect", "profile"):
        result = lathe(
            command,
            "m.onnx",
            "--choices",
            "c.json",
            "--no-choices",
            *(["-o", "m.so"] if command == "compile" else []),
        )
        assert result.returncode == 2
        assert "[cli-choices]" in result.stderr
    assert (
        "[choices-unreadable]"
        in lathe("compile", "m.onnx", "--choices", "c.json", "-o", "m.so").stderr
    )
