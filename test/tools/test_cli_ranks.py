# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""--rank: models whose inputs have no rank."""

from __future__ import annotations

import pathlib

import onnx
from command_line import Run
from onnx import TensorProto, helper


def write_model(path: pathlib.Path) -> None:
    """Y = relu(x), where x has no rank and w has two dims."""
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "w"], ["z"]), helper.make_node("Relu", ["z"], ["y"])],
        "g",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, None),
            helper.make_tensor_value_info("w", TensorProto.FLOAT, [2, 3]),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    opsets = [helper.make_opsetid("", 21)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)


def test_a_rank_makes_the_model_whole(lathe: Run, tmp_path: pathlib.Path) -> None:
    write_model(tmp_path / "m.onnx")
    for command in (["run"], ["check"], ["compile", "-o", "m.so"], ["convert", "-o", "m.mlir"]):
        refused = lathe(command[0], "m.onnx", *command[1:])
        assert refused.returncode == 1 and "[onnx-unknown-rank]" in refused.stderr, command
        assert "--rank x=4" in refused.stderr
        sizes = ["--shape", "x=5x1x3"] if command == ["run"] else []
        made = lathe(command[0], "m.onnx", *command[1:], "--rank", "x=3", *sizes)
        assert made.returncode == 0, (command, made.stderr)
    result = lathe("run", "m.onnx", "--rank", "x=3", "--shape", "x=5x1x3")
    assert "f32[5, 2, 3]" in result.stdout, result.stdout + result.stderr
    assert "x: f32[?, ?, ?]" in lathe("inspect", "m.so").stdout
    scalar = lathe("run", "m.onnx", "--rank", "x=0")
    assert "f32[2, 3]" in scalar.stdout, scalar.stdout + scalar.stderr


def test_ranks_that_do_not_fit(lathe: Run, tmp_path: pathlib.Path) -> None:
    write_model(tmp_path / "m.onnx")
    for rank, words in (
        ("w=3", "has rank 2"),
        ("v=3", "no input"),
        ("x=9", "0 to 8"),
        ("x=99999999999999", "0 to 8"),
    ):
        result = lathe("check", "m.onnx", "--rank", rank)
        assert result.returncode == 1 and words in result.stderr, (rank, result.stderr)
        assert "[onnx-rank]" in result.stderr
    assert lathe("check", "m.onnx", "--rank", "x=3", "--rank", "w=2").returncode == 0
    assert lathe("check", "m.onnx", "--rank", "x").returncode == 2
