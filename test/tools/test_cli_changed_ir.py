# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""IR of late phases that somebody changed is an error, not a crash."""

from __future__ import annotations

import pathlib
import re

import pytest
from command_line import Run

MODEL = """
func.func @main(%x: tensor<8x64xf32> {graph.name = "x"}) -> (tensor<8x64xf32> {graph.name = "y"})
    attributes {graph.symbols = [], graph.checks = []} {
  %w = graph.iota 1 : tensor<64x64xf32>
  %y = graph.matmul %x, %w : (tensor<8x64xf32>, tensor<64x64xf32>) -> tensor<8x64xf32>
  return %y : tensor<8x64xf32>
}
"""


@pytest.fixture
def code(lathe: Run, tmp_path: pathlib.Path) -> str:
    """The IR that `emit` starts from, with one constant and one kernel."""
    (tmp_path / "model.mlir").write_text(MODEL)
    words = ("compile", "model.mlir", "--stop-after", "codegen", "-o", "code.mlir")
    assert lathe(*words).returncode == 0
    text = (tmp_path / "code.mlir").read_text()
    assert "offset = 0 : i64" in text and "host.weights 16384" in text
    return text


@pytest.mark.parametrize(
    ("pattern", "replacement", "answer"),
    [
        (r"\{offset = 0 : i64\}", "", "has no 'offset'.*[codegen-weights]"),
        ("offset = 0 ", "offset = 100000000 ", "is at byte 100000000.*[codegen-weights]"),
        ("offset = 0 ", "offset = 64 ", "weights of 16384 bytes [codegen-weights]"),
        ("offset = 0 ", "offset = -64 ", "is at byte -64.*[codegen-weights]"),
        ("host.weights 16384", "host.weights 64", "weights of 64 bytes [codegen-weights]"),
        (
            "host.weights 16384",
            "host.weights 16384\n  host.weights 16384",
            "is there twice.*[codegen-weights]",
        ),
        ("tile = ", "tile = 4611686018427387", "does not end in weights.*[codegen-weights]"),
        ("operands = \\[", "operands = [i32, ", "argument of type 'i32'.*[codegen-value]"),
        ("results = \\[", "results = [none, ", "argument of type 'none'.*[codegen-value]"),
        (r'(#host.value<"x", type = )[^>]*>', r"\1i32", "type 'i32'.*[codegen-value]"),
        (r'(#host.value<"y", type = )[^>]*>', r"\1tensor<4xi3>", "'tensor<4xi3>'.*[codegen-value]"),
    ],
)
def test_what_emit_starts_from(
    lathe: Run, tmp_path: pathlib.Path, code: str, pattern: str, replacement: str, answer: str
) -> None:
    changed, count = re.subn(pattern, replacement, code, count=1)
    assert count == 1
    (tmp_path / "changed.mlir").write_text(changed)
    words = ("compile", "changed.mlir", "--start-at", "emit", "-o", "no.o")
    result = lathe(*words)
    assert result.returncode == 1
    assert re.search(answer.replace("[", r"\["), result.stderr), result.stderr
    assert not (tmp_path / "no.o").exists()


@pytest.mark.parametrize(
    ("attribute", "answer"),
    [
        ('-> (tensor<4xf32> {host.alias = "x"})', 'argument "x", but there are 1'),
        ("-> (tensor<4xf32> {host.alias = 1 : i64})", "argument 1, but there are 1"),
        ("-> (tensor<4xf32> {host.alias = -1 : i64})", "argument -1, but there are 1"),
    ],
)
def test_donations_of_native_files(
    lathe: Run, tmp_path: pathlib.Path, attribute: str, answer: str
) -> None:
    text = f"""
        func.func @main(%x: tensor<4xf32>) {attribute}
            attributes {{graph.symbols = [], graph.checks = []}} {{
          %0 = graph.neg %x : tensor<4xf32> -> tensor<4xf32>
          return %0 : tensor<4xf32>
        }}
    """
    (tmp_path / "model.mlir").write_text(text)
    result = lathe("compile", "model.mlir", "-o", "no.o")
    assert result.returncode == 1
    assert answer in result.stderr and "[donation-input]" in result.stderr
    on_input = text.replace("%x: tensor<4xf32>)", "%x: tensor<4xf32> {host.alias = 0 : i64})")
    (tmp_path / "model.mlir").write_text(on_input)
    result = lathe("compile", "model.mlir", "-o", "no.o")
    assert "on argument 0" in result.stderr and "[donation-input]" in result.stderr
