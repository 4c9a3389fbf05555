# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`lathe.announce_code`: `perf` and debuggers learn the names of kernels linked in process.

Each test runs in a process of its own: what listens is a property of the process.
"""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

COMPILE = """
import os, lathe
MODEL = b'''
func.func @main(%x: tensor<2x64xf32>) -> tensor<2x64xf32> {
  %w = graph.iota 1 : tensor<64x64xf32>
  %y = graph.matmul %x, %w : (tensor<2x64xf32>, tensor<64x64xf32>) -> tensor<2x64xf32>
  return %y : tensor<2x64xf32>
}
'''
MAP = f"/tmp/perf-{os.getpid()}.map"
"""


def run(code: str, *command: str) -> str:
    words = [*command, sys.executable, "-c", COMPILE + code]
    result = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_perf_finds_addresses_sizes_and_names() -> None:
    text = run(
        """
lathe.compile(MODEL, cache=False)
assert not os.path.exists(MAP)
lathe.announce_code(perf=True)
model = lathe.compile(MODEL, cache=False)
print(open(MAP).read())
os.unlink(MAP)
lathe.announce_code(perf=False)
lathe.compile(MODEL, cache=False)
assert not os.path.exists(MAP)
"""
    )
    lines = [line for line in text.splitlines() if "lathe_kernel.matmul.gemm.packed." in line]
    assert lines, text
    for line in lines:
        assert re.fullmatch(r"[0-9a-f]+ [0-9a-f]+ lathe_kernel\.[a-z.]+[0-9a-f]{32}\.[0-9]+", line)
        assert int(line.split()[1], 16) > 0


def test_a_map_that_cannot_be_written_is_an_error() -> None:
    run(
        """
os.mkdir(MAP)
try:
    lathe.announce_code()
except lathe.CompileError as error:
    assert error.ids == ["perf-map"] or "perf-map" in error.ids, error.ids
else:
    raise SystemExit("nothing was raised")
finally:
    os.rmdir(MAP)
"""
    )


def test_a_map_of_an_earlier_process_is_not_continued() -> None:
    run(
        """
open(MAP, "w").write("1 1 stale\\n")
lathe.announce_code(perf=True)
assert open(MAP).read() == ""
lathe.compile(MODEL, cache=False)
text = open(MAP).read()
lathe.announce_code(perf=True)
assert text and open(MAP).read() == text, "that of this process is"
os.unlink(MAP)
"""
    )


def test_a_full_disk_is_an_error() -> None:
    text = run(
        """
os.dup2(1, 2)
os.symlink("/dev/full", MAP)
lathe.announce_code(perf=True)
try:
    lathe.compile(MODEL, cache=False)
except lathe.CompileError as error:
    assert "jit-link" in str(error), error
else:
    raise SystemExit("nothing was raised")
finally:
    os.unlink(MAP)
"""
    )
    assert re.search(r"perf-\d+\.map': No space left on device", text), text


@pytest.mark.skipif(not shutil.which("gdb"), reason="there is no gdb")
def test_a_debugger_knows_the_symbols() -> None:
    code = """
lathe.announce_code(perf=False, debugger=True)
model = lathe.compile(MODEL, cache=False)
import signal
os.kill(os.getpid(), signal.SIGUSR1)
"""
    commands = ["-ex", "handle SIGUSR1 stop nopass", "-ex", "run"]
    commands += ["-ex", "info functions lathe_kernel", "-ex", "continue"]
    gdb = ["gdb", "--batch", "-iex", "set debuginfod enabled off", *commands, "--args"]
    assert re.search(r"lathe_kernel\.matmul\.gemm\.packed\.[0-9a-f]{32}", run(code, *gdb))


def test_the_command_line_listens_to_the_environment(tmp_path: pathlib.Path) -> None:
    model = tmp_path / "model.mlir"
    model.write_text(
        """
func.func @main(%x: tensor<2x64xf32>) -> tensor<2x64xf32> {
  %y = graph.exp %x : tensor<2x64xf32> -> tensor<2x64xf32>
  return %y : tensor<2x64xf32>
}
"""
    )
    process = subprocess.Popen(
        [pathlib.Path(sys.executable).with_name("lathe"), "run", model, "--no-cache"],
        env=os.environ | {"LATHE_PERF_MAP": "1"},
        stdout=subprocess.DEVNULL,
    )
    assert process.wait(timeout=120) == 0
    map_of_process = pathlib.Path(f"/tmp/perf-{process.pid}.map")
    text = map_of_process.read_text()
    map_of_process.unlink()
    assert "lathe_kernel.exp.loops." in text
