# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Specifications of libraries of operators that are taken from a model."""

from __future__ import annotations

import pathlib

from command_line import Run

X, F, G = "tensor<2x8x8x3xf32>", "tensor<6x3x3x3xf32>", "tensor<6x3x3x5xf32>"
CONV = "strides = [1, 1] pads = [1, %d, 1, %d] dilations = [1, 1] groups = 1"
OPEN = "tensor<?x64xf32, #graph.dims<()[s0] -> (s0, 64)>>"
MODEL = f"""\
func.func @main(%x: {X} {{graph.name = "x"}}, %q: {OPEN} {{graph.name = "q"}},
    %w: tensor<64x64xf32> {{graph.name = "w"}}, %b: tensor<64xf32> {{graph.name = "b"}},
    %f: {F} {{graph.name = "f"}}, %g: {G} {{graph.name = "g"}})
    -> ({OPEN}, tensor<2x8x8x6xf32>, tensor<2x8x8x6xf32>)
    attributes {{graph.checks = [], graph.symbols = [#graph.symbol<"batch">]}} {{
  %0 = graph.matmul %q, %w : ({OPEN}, tensor<64x64xf32>) -> {OPEN}
  %1 = graph.add %0, %b : ({OPEN}, tensor<64xf32>) -> {OPEN}
  %2 = graph.relu %1 : {OPEN} -> {OPEN}
  %3 = graph.softmax %2 axis = 1 : {OPEN}
  %4 = graph.layer_norm %3 axis = 1 epsilon = 1.0e-5 : {OPEN}
  %5 = graph.conv %x, %f channels_last {CONV % (1, 1)} : ({X}, {F}) -> tensor<2x8x8x6xf32>
  %6 = graph.conv %x, %g channels_last {CONV % (2, 2)} : ({X}, {G}) -> tensor<2x8x8x6xf32>
  return %4, %5, %6 : {OPEN}, tensor<2x8x8x6xf32>, tensor<2x8x8x6xf32>
}}
"""


def test_a_specification_of_a_model(lathe: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "model.mlir").write_text(MODEL)
    result = lathe("oplib", "harvest", "model.mlir", "-o", "ops.yaml", "--dim", "batch=4")
    assert result.returncode == 0, result.stderr
    assert "4 operations, 1 shapes of products and 1 of convolutions; 1 are left out" in (
        result.stdout
    )
    text = (tmp_path / "ops.yaml").read_text()
    assert "# Left out: 1 convolutions whose kernel" in text
    assert "epilogue: {bias: optional, activation: [none, relu]}" in text
    assert "- [4, 64, 64]" in text and "softmax: {dtypes: [f32]}" in text
    assert "{kernel: 3, stride: 1, pad: 1, dilation: 1, channels: 3, filters: 6, " in text
    assert "layernorm: {dtypes: [f32], epsilon: 1e-05}" in text
    result = lathe("oplib", "check", "ops.yaml")
    assert result.returncode == 0 and "4 operators" in result.stdout, result.stderr
    result = lathe("oplib", "build", "ops.yaml", "-o", "ops")
    assert result.returncode == 0, result.stderr
    # A size that stays open has the kernels for any.
    assert lathe("oplib", "harvest", "model.mlir", "-o", "open.yaml").returncode == 0
    assert "hot" not in (tmp_path / "open.yaml").read_text()
    assert lathe("oplib", "check", "open.yaml").returncode == 0


def test_what_has_none(lathe: Run, tmp_path: pathlib.Path) -> None:
    text = (
        "func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> attributes "
        "{graph.checks = [], graph.symbols = []} {\n"
        "  %y = graph.exp %x : tensor<4xf32> -> tensor<4xf32>\n  return %y : tensor<4xf32>\n}\n"
    )
    (tmp_path / "m.mlir").write_text(text)
    result = lathe("oplib", "harvest", "m.mlir", "-o", "ops.yaml")
    assert result.returncode == 1 and "[oplib-harvest]" in result.stderr
    assert not (tmp_path / "ops.yaml").exists()
    assert lathe("oplib", "harvest", "m.mlir").returncode == 2
    assert lathe("oplib", "harvest", "none.onnx", "-o", "ops.yaml").returncode == 1
