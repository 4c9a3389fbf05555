# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""--limit of the commands, and models that come through pipes that never end."""

from __future__ import annotations

import pathlib
import subprocess

from command_line import Run, program

MODEL = """\
func.func @main(%y: tensor<1x2xf32>) -> tensor<2x50xf32> {
  %s = graph.constant dense<[2, 50]> : tensor<2xi64>
  %t = graph.transpose %y [1, 0] : tensor<1x2xf32> -> tensor<2x1xf32>
  %1 = graph.broadcast %t shape %s : (tensor<2x1xf32>, tensor<2xi64>) -> tensor<2x50xf32>
  return %1 : tensor<2x50xf32>
}
"""


def test_limits_of_a_command(lathe: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "m.mlir").write_text(MODEL)
    assert lathe("run", "m.mlir").returncode == 0
    for limit, id in (
        ("tensor-elements=99", "limit-tensor-elements"),
        ("file-bytes=10", "limit-file-bytes"),
        ("compile-bytes=1", "limit-compile-bytes"),
        ("call-bytes=399", "call-memory-limit"),
        ("call-byte=399", "limit-unknown"),
        ("call-bytes=-1", "limit-value"),
        ("call-bytes=many", "limit-value"),
    ):
        result = lathe("run", "m.mlir", "--no-cache", "--limit", limit)
        assert result.returncode == 1 and f"[{id}]" in result.stderr, (limit, result.stderr)
    twice = lathe("run", "m.mlir", "--limit", "depth=3", "--limit", "depth=4")
    assert "[limit-twice]" in twice.stderr
    result = lathe("run", "m.mlir", "--limit", "call-bytes=400", "--limit", "tensor-elements=100")
    assert result.returncode == 0, result.stderr
    for command in (["compile", "-o", "m.so"], ["convert", "-o", "n.mlir"], ["check"], ["inspect"]):
        result = lathe(command[0], "m.mlir", *command[1:], "--limit", "tensor-elements=99")
        assert result.returncode == 1 and "[limit-tensor-elements]" in result.stderr, command
    assert lathe("compile", "m.mlir", "-o", "m.so").returncode == 0
    assert "[call-memory-limit]" in lathe("run", "m.so", "--limit", "call-bytes=9").stderr


def test_a_pipe_that_never_ends(tmp_path: pathlib.Path) -> None:
    for command in (
        ["compile", "-", "-o", "m.so"],
        ["check", "-"],
        ["compile", "/dev/zero", "-o", "m.so"],
    ):
        with pathlib.Path("/dev/zero").open("rb") as zeros:
            result = subprocess.run(
                [program(), *command, "--limit", "file-bytes=1000000"],
                stdin=zeros,
                capture_output=True,
                text=True,
                check=False,
                cwd=tmp_path,
                timeout=60,
            )
        assert result.returncode == 1 and "[limit-file-bytes]" in result.stderr, result.stderr
