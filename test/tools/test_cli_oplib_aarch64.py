# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Libraries of operators for aarch64: cross-built, and their tests run under QEMU."""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

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


cross = pytest.mark.skipif(
    not all(map(shutil.which, ["qemu-aarch64", "aarch64-linux-gnu-gcc"])),
    reason="gcc-aarch64-linux-gnu and qemu-user are not installed",
)


@cross
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


BOTH = """\
lathe-oplib: 1
name: both
targets: [x86_64:v2, aarch64, v3]
ops:
  softmax: {}
"""


@cross
def test_two_architectures_in_one_folder(lathe: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "ops.yaml").write_text(BOTH.replace(", v3", ""))
    result = lathe("oplib", "build", "ops.yaml", "-o", "both", "--cache", "cache")
    assert result.returncode == 0, result.stderr
    assert re.search(r"libraries of [\d.]+ kB for x86_64 and [\d.]+ kB for aarch64", result.stdout)
    both = tmp_path / "both"
    for arch in ("x86_64", "aarch64"):
        files = {path.name for path in (both / f"lib/{arch}-linux-gnu").iterdir()}
        assert files == {"libboth.a", "libboth.so", "libboth.so.1", "pkgconfig"}
        assert (both / f"share/both/tables/{arch}.yaml").exists()
    assert [path.name for path in (both / "include/both").glob("*.h")] == ["both.h"]
    assert "bytes for x86_64, " in (both / "share/both/report.html").read_text()
    explained = lathe("oplib", "explain", "both", "softmax_f32", "rows=1", "columns=2").stdout
    assert "x86_64:v2: v2.any" in explained and "aarch64: neon.any" in explained
    # The tests of both, of which one runs in an emulator; or of one alone.
    result = lathe("oplib", "test", "both", "--arch", "aarch64")
    rows = [line.split() for line in result.stdout.splitlines()]
    assert result.returncode == 0, result.stdout + result.stderr
    assert [row[:2] for row in rows[1:-1]] == [
        ["aarch64/softmax_f32", "passed"],
        ["aarch64/softmax_f32_static", "passed"],
    ]
    # A named emulator is for this machine's architecture, too, where only that is tested.
    for words in ([], ["--arch", "x86_64"]):
        result = lathe("oplib", "test", "both", "--emulator", "no-such-qemu", *words)
        assert result.returncode == 1 and "[oplib-no-emulator]" in result.stderr
    # What does not say for which of them it is.
    for words in (["build", "ops.yaml", "-o", "x"], ["test", "both"]):
        result = lathe("oplib", *words, "--cc", "cc")
        assert result.returncode == 1 and "[oplib-compiler-arch]" in result.stderr
    # One architecture of the two is a library as any other.
    build = ("build", "ops.yaml", "-o", "one", "--cache", "cache", "--cc", "x86_64=cc")
    result = lathe("oplib", *build, "--arch", "x86_64")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "one/lib/libboth.so.1").exists()
    assert "2 kernels" not in result.stdout and "1 of them cached" in result.stdout
    result = lathe("oplib", *build, "--arch", "riscv64")
    assert result.returncode == 1 and "[oplib-arch]" in result.stderr


@cross
def test_build_systems_take_the_right_one(lathe: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "ops.yaml").write_text(BOTH.replace(", v3", ""))
    assert lathe("oplib", "build", "ops.yaml", "-o", "both").returncode == 0
    (tmp_path / "main.c").write_text(
        "#include <both/both.h>\nint main(void) { both_ctx c; return both_open(0, &c); }\n"
    )
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.16)\nproject(app LANGUAGES C)\n"
        "find_package(both 1 REQUIRED CONFIG)\nadd_executable(app main.c)\n"
        "target_link_libraries(app PRIVATE both::both_static)\n"
    )
    cross_words = ["-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_C_COMPILER=aarch64-linux-gnu-gcc"]
    configure = ["cmake", "-S", str(tmp_path), f"-Dboth_DIR={tmp_path}/both/lib/cmake/both"]
    qemu = ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"]
    for name, words, run in (
        ("here", [], []),
        ("there", [*cross_words, "-DCMAKE_SYSTEM_PROCESSOR=ARM64"], qemu),
    ):
        build = str(tmp_path / name)
        subprocess.run([*configure, "-B", build, *words], check=True, capture_output=True)
        subprocess.run(["cmake", "--build", build], check=True, capture_output=True)
        subprocess.run([*run, f"{build}/app"], check=True)
    words = [*cross_words, "-DCMAKE_SYSTEM_PROCESSOR=sparc", "-B", str(tmp_path / "other")]
    result = subprocess.run([*configure, *words], capture_output=True, text=True)
    assert "both has no library for CMAKE_SYSTEM_PROCESSOR 'sparc'" in " ".join(
        result.stderr.split()
    )
    # pkg-config has a file for each.
    for arch in ("x86_64", "aarch64"):
        folder = tmp_path / f"both/lib/{arch}-linux-gnu"
        if shutil.which("pkg-config"):
            words = ["pkg-config", "--libs", "--cflags", str(folder / "pkgconfig/both.pc")]
            flags = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()
            assert (pathlib.Path(flags[1][2:]) / "libboth.so").exists()
            assert (pathlib.Path(flags[0][2:]) / "both/both.h").exists()
    # One wheel for both machines.
    (wheel,) = (tmp_path / "both/dist").iterdir()
    assert wheel.name == "both-1.0.0-py3-none-linux_aarch64.linux_x86_64.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        text = archive.read("both-1.0.0.dist-info/WHEEL").decode()
        archive.extractall(tmp_path / "site")
    assert "Tag: py3-none-linux_aarch64\nTag: py3-none-linux_x86_64\n" in text
    assert {f"both/lib/{a}-linux-gnu/libboth.so.1" for a in ("x86_64", "aarch64")} <= set(names)
    script = (
        "import platform, sys, numpy; sys.path.insert(0, sys.argv[1]); import both\n"
        "y = both.softmax_f32(numpy.ones((2, 4), numpy.float32))\n"
        "assert (y == 0.25).all()\n"
        "platform.machine = lambda: 'sparc64'\n"
        "try: both.library.__class__(both.__path__[0])\n"
        "except both.OplibError as error: print(error.ids[0])\n"
    )
    words = [sys.executable, "-c", script, str(tmp_path / "site")]
    printed = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    assert printed == "oplib-load\n"


def test_targets_of_two_architectures(lathe: Run, tmp_path: pathlib.Path) -> None:
    """A word without an architecture goes on with the one before it."""
    (tmp_path / "ops.yaml").write_text(BOTH)
    result = lathe("oplib", "check", "ops.yaml")
    assert result.returncode == 1 and "[target-unknown-feature]" in result.stderr
    (tmp_path / "ops.yaml").write_text(BOTH.replace("aarch64, v3", "v3, aarch64"))
    result = lathe("oplib", "check", "ops.yaml")
    assert result.returncode == 0, result.stderr
    lines = [line.strip().split(":") for line in result.stdout.splitlines() if "any" in line]
    assert [line[0] for line in lines] == ["x86_64", "x86_64", "aarch64"]
    (tmp_path / "ops.yaml").write_text(BOTH.replace("aarch64, v3", "riscv64"))
    result = lathe("oplib", "check", "ops.yaml")
    assert result.returncode == 1 and "[oplib-spec-arch]" in result.stderr
