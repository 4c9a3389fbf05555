# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""--limit of the commands, and models that come through pipes that never end."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import resource
import subprocess
from collections.abc import Iterator

import pytest
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


def write_layers(path: pathlib.Path, folded: bool = False) -> None:
    """Write eight products by weights of 16 MB each, which fold from others if so wished."""
    size = 2048
    lines = [f"func.func @main(%x: tensor<4x{size}xf32>) -> tensor<4x{size}xf32> {{"]
    value, weight = "%x", f"tensor<{size}x{size}xf32>"
    for i in range(8):
        lines.append(f"  %w{i} = graph.constant dense<{i}.5> : {weight}")
        types = f"(tensor<4x{size}xf32>, {weight}) -> tensor<4x{size}xf32>"
        factor = f"%w{i}"
        if folded:
            factor = f"%f{i}"
            lines += [
                f"  %r{i} = graph.constant dense<{list(range(size))}> : tensor<{size}xi64>",
                f"  %c{i} = graph.cast %r{i} : tensor<{size}xi64> -> tensor<{size}xf32>",
                f"  {factor} = graph.add %w{i}, %c{i} : ({weight}, tensor<{size}xf32>) -> {weight}",
            ]
        lines.append(f"  %y{i} = graph.matmul {value}, {factor} : {types}")
        value = f"%y{i}"
    lines.append(f"  return {value} : tensor<4x{size}xf32>\n}}\n")
    path.write_text("\n".join(lines))


@pytest.mark.parametrize("folded", [False, True], ids=["weights", "folded"])
def test_memory_is_asked_for_before_it_is_taken(
    lathe: Run, tmp_path: pathlib.Path, folded: bool
) -> None:
    write_layers(tmp_path / "m.mlir", folded)
    words = ["compile", "m.mlir", "-o", "m.so", "--limit", f"compile-bytes={100 << 20}"]
    result = lathe(*words)
    assert result.returncode == 1 and "[limit-compile-bytes]" in result.stderr, result.stderr
    assert not (tmp_path / "m.so").exists()


@contextlib.contextmanager
def memory_group(bytes: int) -> Iterator[pathlib.Path]:
    """Yield a control group with so much memory, as a container has; who may make none skips."""
    root = pathlib.Path("/sys/fs/cgroup")
    is_first = (root / "memory").is_dir()
    group = (root / "memory" if is_first else root) / f"lathe-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError:
        pytest.skip("no control groups can be made here")
    try:
        limit = group / ("memory.limit_in_bytes" if is_first else "memory.max")
        try:
            limit.write_text(str(bytes))
        except OSError:
            pytest.skip("control groups have no limit of memory here")
        yield group
    finally:
        group.rmdir()


@pytest.mark.parametrize("folded", [False, True], ids=["weights", "folded"])
def test_a_container_with_little_memory(tmp_path: pathlib.Path, folded: bool) -> None:
    """Too little memory is an error, and the process is not killed for it."""
    write_layers(tmp_path / "m.mlir", folded)
    codes = set()
    for megabytes in (30, 60, 120, 1000):
        with memory_group(megabytes << 20) as group:
            result = subprocess.run(
                [program(), "compile", "m.mlir", "-o", "m.so", "--threads", "1"],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                preexec_fn=lambda: (group / "cgroup.procs").write_text(str(os.getpid())),
            )
        codes.add(result.returncode)
        if result.returncode:
            assert result.returncode == 1, (megabytes, result.returncode, result.stderr)
            assert "compile-bytes=NUMBER" in result.stderr, result.stderr
    assert codes == {0, 1}


def test_little_memory_is_an_error(tmp_path: pathlib.Path) -> None:
    write_layers(tmp_path / "m.mlir")

    def run(megabytes: int, *command: str) -> subprocess.CompletedProcess[str]:
        bytes = megabytes << 20
        return subprocess.run(
            [program(), *command],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (bytes, bytes)),
        )

    least = next(size for size in range(100, 4000, 20) if run(size, "version").returncode == 0)
    codes = set()
    for more in (0, 10, 30, 60, 100, 150, 200, 300, 4000):
        result = run(least + more, "compile", "m.mlir", "-o", "m.so", "--threads", "1")
        codes.add(result.returncode)
        if result.returncode != 0:
            assert result.returncode == 1, (more, result.returncode, result.stderr)
            assert re.search(r"\[[a-z]+(-[a-z]+)+\]", result.stderr), result.stderr
    assert codes == {0, 1}
