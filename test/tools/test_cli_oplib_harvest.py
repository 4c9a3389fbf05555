# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Specifications of libraries of operators that are taken from a model."""

from __future__ import annotations

import pathlib

import numpy as np
import onnx
from command_line import Run
from onnx import helper, numpy_helper

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


FROM_MODEL = """\
lathe-oplib: 1
name: parts
targets: x86_64:v3
ops:
  from-model:
    stem: {file: m.onnx, node: stem/conv}
    last: {file: m.onnx, node: last}
"""


def write_model(path: pathlib.Path) -> None:
    weights = np.linspace(-1, 1, 8 * 3 * 9).reshape(8, 3, 3, 3).astype(np.float32)
    image = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["batch", 3, 8, 8])
    result = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["batch", 8, 8, 8])
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="stem/conv", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"], name="act"),
        helper.make_node("Softmax", ["r"], ["y"], name="last", axis=-1),
    ]
    initializers = [numpy_helper.from_array(weights, "w")]
    graph = helper.make_graph(nodes, "g", [image], [result], initializers)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)


def test_nodes_of_a_model(lathe: Run, tmp_path: pathlib.Path) -> None:
    write_model(tmp_path / "m.onnx")
    (tmp_path / "ops.yaml").write_text(FROM_MODEL)
    result = lathe("oplib", "check", "ops.yaml")
    assert result.returncode == 0, result.stderr
    assert "stem(batch): y = what node stem/conv of m.onnx computes" in result.stdout
    result = lathe("oplib", "build", "ops.yaml", "-o", "parts")
    assert result.returncode == 0, result.stderr
    header = (tmp_path / "parts/include/parts/parts.h").read_text()
    assert "parts_stem_args" in header and "const float *x; /* [batch, 3, 8, 8]" in header
    result = lathe("oplib", "test", "parts")
    assert result.returncode == 0 and "4 of 4 tests passed" in result.stdout, result.stdout
    for before, after, says in (
        ("node: last", "node: lost", "has no node \"lost\"; did you mean 'last'? [model-node]"),
        (", node: last", "", "ops.yaml:7:12: error: the key 'node' is missing"),
        ("node: last", "nod: last", "did you mean 'node'? [oplib-spec-key]"),
        ("m.onnx, node: last", "none.onnx, node: last", "[model-not-readable]"),
    ):
        (tmp_path / "ops.yaml").write_text(FROM_MODEL.replace(before, after))
        result = lathe("oplib", "check", "ops.yaml")
        assert result.returncode == 1 and says in result.stderr, result.stderr


def test_sizes_of_a_node(lathe: Run, tmp_path: pathlib.Path) -> None:
    """Of which one is twice another, has a name that C has not, or one like those that are made."""

    def check(error: str, inputs: list[str], rows: list[str]) -> str:
        images = [
            helper.make_tensor_value_info(f"x{i}", onnx.TensorProto.FLOAT, [row, 3])
            for i, row in enumerate(rows)
        ]
        output = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [None, 3])
        nodes = [
            helper.make_node("Concat", ["x0", "x0"], ["twice"], axis=0),
            helper.make_node("Concat", inputs, ["y"], name="last", axis=0)
            if len(inputs) > 1
            else helper.make_node("Relu", inputs, ["y"], name="last"),
        ]
        graph = helper.make_graph(nodes, "g", images, [output])
        onnx.save(
            helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9),
            tmp_path / "m.onnx",
        )
        lines = FROM_MODEL.splitlines(keepends=True)
        (tmp_path / "ops.yaml").write_text("".join(line for line in lines if "stem:" not in line))
        result = lathe("oplib", "check", "ops.yaml")
        assert result.returncode == (1 if error else 0) and error in result.stderr, result.stderr
        return result.stdout

    assert "last(n): y = what" in check("", ["x0", "x0"], ["n"])
    # Of its inputs only, a size that is computed is one like others, with a name of its own.
    assert "last(size0): y = what" in check("", ["twice"], ["n"])
    assert "last(size1, size2): y = what" in check("", ["x1", "twice"], ["n", "size1"])
    check("* 2' [oplib-graph-dims]", ["twice", "x0"], ["n"])
    check("[oplib-graph-symbol]", ["x0", "x0"], ['a"b'])
    check("[oplib-graph-symbol]", ["x0", "x0"], ["a\\b"])
