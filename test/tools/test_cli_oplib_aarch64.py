# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Libraries of operators for aarch64: cross-built, and their tests run under QEMU."""

from __future__ import annotations

import pathlib
import shutil
import subprocess

import pytest
from command_line import Run

SPEC = """\
lathe-oplib: 1
name: arm
targets: [aarch64, "aarch64:dotprod"]
ops:
  gemm: {dtypes: ["u8*s8->u8"]}
  softmax: {}
"""


@pytest.mark.skipif(
    not all(map(shutil.which, ["qemu-aarch64", "aarch64-linux-gnu-gcc"])),
    reason="gcc-aarch64-linux-gnu and qemu-user are not installed",
)
def test_a_library_for_aarch64(lathe: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "arm.yaml").write_text(SPEC)
    result = lathe("oplib", "build", "arm.yaml", "-o", "arm")
    assert result.returncode == 0, result.stderr
    shared = tmp_path / "arm/lib/libarm.so"
    header = subprocess.run(["readelf", "-h", shared], capture_output=True, text=True).stdout
    assert "Machine:                           AArch64" in header
    assert (tmp_path / "arm/dist/arm-1.0.0-py3-none-linux_aarch64.whl").exists()
    result = lathe("oplib", "explain", "arm", "softmax_f32", "rows=1", "columns=2")
    assert "aarch64:dotprod: dotprod.any by row 0" in result.stdout
    # All targets on a processor that has all; one of them on one that has no dot products.
    result = lathe("oplib", "test", "arm")
    rows = [line.split() for line in result.stdout.splitlines()]
    assert result.returncode == 0, result.stdout + result.stderr
    assert rows[1][:6] == ["gemm_u8s8_u8", "passed", "4", "0", "1200", "0"]
    qemu = "qemu-aarch64 -cpu cortex-a53 -L /usr/aarch64-linux-gnu"
    result = lathe("oplib", "test", "arm", "--emulator", qemu)
    rows = [line.split() for line in result.stdout.splitlines()]
    assert result.returncode == 0, result.stdout + result.stderr
    assert rows[1][:6] == ["gemm_u8s8_u8", "passed", "2", "2", "600", "0"]
    result = lathe("oplib", "test", "arm", "--emulator", "no-such-qemu -x")
    assert result.returncode == 1 and "[oplib-no-emulator]" in result.stderr
    result = lathe("oplib", "tune", "arm", "-o", "t.yaml")
    assert result.returncode == 1 and "is a library for aarch64" in result.stderr


def test_one_architecture(lathe: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "ops.yaml").write_text(SPEC.replace("[aarch64,", "[x86_64,"))
    result = lathe("oplib", "check", "ops.yaml")
    assert result.returncode == 1 and "[target-architectures]" in result.stderr
    assert result.stderr.startswith("ops.yaml:3:")
