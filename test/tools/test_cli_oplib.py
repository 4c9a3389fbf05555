# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Libraries of operators: what `lathe oplib` writes, and what it says of mistakes."""

from __future__ import annotations

import filecmp
import json
import pathlib
import re
import subprocess

import pytest
from command_line import ROOT, Run, program

SPEC = """\
lathe-oplib: 1
name: ops
targets: [x86_64:v2, x86_64:v3]
ops:
  gemm:
    b: [plain, packed]
    epilogue: {bias: optional, activation: [none, gelu], residual: optional}
    hot: [[12, 40, 16]]
  layernorm: {epsilon: 1e-4}
  softmax: {}
"""

# What a program does: pack once, call with strides, ask what was taken.
PROGRAM = """\
#include <ops/ops.h>
#include <stdio.h>

int main(void) {
  ops_ctx ctx;
  float a[4] = {1, 2, 3, 4}, b[4] = {1, 0, 0, 1}, bias[2] = {10, 20}, c[6] = {0, 0, 7, 0, 0, 7};
  if (ops_open(0, &ctx))
    return 1;
  ops_gemm_f32_args args = {.m = 2, .n = 2, .k = 2, .a = a, .b = b, .c = c, .ldc = 3, .bias = bias};
  ops_status status = ops_gemm_f32(&ctx, &args);
  for (int i = 0; i < 6; ++i)
    printf("%g ", c[i]);
  float packed[512];
  size_t bytes = sizeof packed;
  if (ops_gemm_packed_f32_pack_b(&ctx, 2, 2, b, 0, packed, &bytes))
    return 2;
  ops_gemm_packed_f32_args again = {.m = 2, .n = 2, .k = 2, .a = a, .b = packed, .c = c, .ldc = 3};
  if (ops_gemm_packed_f32(&ctx, &again) || c[0] != 1 || c[4] != 4)
    return 3;
  again.n = 1;
  ops_choice choice;
  int64_t sizes[] = {12, 40, 16};
  printf("%d %s ", ops_gemm_packed_f32(&ctx, &again), ops_status_text(status));
  if (ops_select(&ctx, "gemm_f32", sizes, &choice))
    return 4;
  printf("%s %d", choice.variant + 3, choice.row);
  return 0;
}
"""


@pytest.fixture(scope="module")
def library(lathe_in: Run, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The library of SPEC."""
    folder = tmp_path_factory.mktemp("oplib")
    (folder / "ops.yaml").write_text(SPEC)
    result = lathe_in(folder, "oplib", "build", "ops.yaml", "-o", "ops")
    assert result.returncode == 0, result.stderr
    assert "4 operators, 82 kernels" in result.stdout
    return folder / "ops"


def command(*words: str | pathlib.Path) -> str:
    result = subprocess.run(words, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_the_shipped_tests_pass(library: pathlib.Path, tmp_path: pathlib.Path) -> None:
    command("cmake", "-S", library / "test", "-B", tmp_path / "build")
    command("cmake", "--build", tmp_path / "build")
    printed = command("ctest", "--test-dir", tmp_path / "build", "--verbose")
    assert "100% tests passed" in printed and "out of 8" in printed
    wrong = re.findall(r"v\d\.\S+: (\d+) calls, (\d+) wrong", printed)
    assert len(wrong) >= 12 and set(wrong) == {("300", "0")}


def test_any_arguments_and_the_cost_of_a_call(
    library: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    command("cmake", "-S", library / "test", "-B", tmp_path / "build", "-DCMAKE_BUILD_TYPE=Release")
    command("cmake", "--build", tmp_path / "build", "--target", "test_softmax_f32")
    test = tmp_path / "build/test_softmax_f32"
    printed = command(test, "fuzz", "20000")
    assert re.search(r"softmax_f32: 20000 calls with any arguments, \d{4,} of them right", printed)
    # Ten times what a busy machine takes, for one that is busier.
    (cost,) = re.findall(
        r"softmax_f32: ([\d.]+) ns to check and dispatch", command(test, "dispatch")
    )
    assert 0 < float(cost) < 2000
    assert subprocess.run([test, "fuz"], capture_output=True).returncode == 2


def test_the_shipped_tests_can_fail(library: pathlib.Path, tmp_path: pathlib.Path) -> None:
    test = (library / "test/test_gemm_f32.c").read_text()
    (tmp_path / "t.c").write_text(test.replace("sum = activate(", "sum = 1e-4 + activate("))
    folders = [f"-I{library / name}" for name in ("include", "test", "share/ops/src")]
    flags = ["-std=c11", *folders, "-o", str(tmp_path / "t")]
    sources = [tmp_path / "t.c", library / "test/harness.c", library / "lib/libops.a"]
    command("cc", *flags, *sources, "-lm")
    assert subprocess.run([tmp_path / "t"], capture_output=True).returncode == 1


@pytest.mark.parametrize("kind", ["ops::ops", "ops::ops_static"])
def test_a_program_links_the_package(
    library: pathlib.Path, tmp_path: pathlib.Path, kind: str
) -> None:
    (tmp_path / "main.c").write_text(PROGRAM)
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.16)\nproject(app LANGUAGES C)\n"
        "find_package(ops 1 REQUIRED CONFIG)\nadd_executable(app main.c)\n"
        f"target_link_libraries(app PRIVATE {kind})\n"
    )
    command("cmake", "-S", tmp_path, "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={library}")
    command("cmake", "--build", tmp_path / "build")
    printed = command(tmp_path / "build/app")
    assert printed == "11 22 7 13 24 7 4 all is well 12x40x16 0"


def test_a_project_makes_its_library(tmp_path: pathlib.Path) -> None:
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.16)\nproject(app LANGUAGES C)\n"
        f"include({ROOT}/cmake/LatheOps.cmake)\n"
        f"lathe_add_ops_library(netops SPEC {ROOT}/examples/oplib/ops.yaml)\n"
        f"add_executable(app {ROOT}/examples/oplib/network.c)\n"
        "target_link_libraries(app PRIVATE netops::netops)\n"
    )
    build = tmp_path / "build"
    command("cmake", "-S", tmp_path, "-B", build, f"-DLATHE_EXECUTABLE={program()}")
    command("cmake", "--build", build)
    rows = command(build / "app").splitlines()
    assert len(rows) == 5 and rows[-1].endswith(".4x16x8")
    for row in rows[:-1]:
        assert abs(sum(map(float, row.split())) - 1) < 2e-4
    assert "oplib build" not in command("cmake", "--build", build, "--verbose")


@pytest.mark.parametrize(
    "words",
    [
        ["cc", "-xc", "-std=c11", "-pedantic"],
        ["c++", "-xc++", "-std=c++20", "-pedantic", "-fno-exceptions", "-fno-rtti"],
    ],
)
def test_the_header_stands_alone(library: pathlib.Path, words: list[str]) -> None:
    header = library / "include/ops/ops.h"
    command(*words, "-Wall", "-Wextra", "-Werror", "-fsyntax-only", header)


def test_the_library_needs_libc_alone(library: pathlib.Path) -> None:
    shared = library / "lib/libops.so"
    needed = re.findall(r"NEEDED.*\[(.*)\]", command("readelf", "-d", shared))
    assert set(needed) <= {"libc.so.6", "libm.so.6"}
    assert "libops.so.1" in command("readelf", "-d", shared)
    sections = command("readelf", "-SW", shared)
    assert not re.search(r"\.init_array|\.ctors|\.bss|\.data\s", sections)
    symbols = command("nm", "-D", "--defined-only", shared).split("\n")
    assert all(line.split()[2].startswith("ops_") for line in symbols if line)
    undefined = command("nm", "-D", "--undefined-only", shared)
    assert not re.search(r"alloc|free|pthread|exit|abort|printf", undefined)


def test_manifest_and_table_name_the_same_kernels(library: pathlib.Path) -> None:
    manifest = json.loads((library / "share/ops/manifest.json").read_text())
    table = (library / "share/ops/tables/x86_64.yaml").read_text()
    variants = [variant for op in manifest["ops"] for variant in op["variants"]]
    assert len(variants) == 13
    used = dict(re.findall(r"use: (\S+), kernel: ([0-9a-f]{32})", table))
    assert {variant["kernel"] for variant in variants} >= set(used.values())
    strategies = {kernel["strategy"].split()[0] for v in variants for kernel in v["kernels"]}
    assert strategies == {"cpu.gemm.packed", "cpu.gemm.batched", "cpu.loops"}


def test_explain_says_what_is_taken(lathe: Run, library: pathlib.Path) -> None:
    def explain(*words: str) -> str:
        result = lathe("oplib", "explain", str(library), *words)
        return result.stdout + result.stderr

    assert "x86_64:v3: v3.12x40x16 by row 0" in explain("gemm_f32", "m=12", "n=40", "k=16")
    assert "x86_64:v2: v2.row by row 1" in explain("gemm_f32", "m=1", "n=40", "k=16")
    assert "v3.any by row 3" in explain("gemm_f32", "m=13", "n=40", "k=16")
    assert "v3.narrow by row 2" in explain("gemm_f32", "m=13", "n=8", "k=16")
    assert "did you mean 'gemm_f32'? [oplib-explain-op]" in explain("gemm_f23", "m=1")
    assert "'m' of this row is not given [oplib-explain-size]" in explain("gemm_f32")
    assert "[oplib-no-library]" in lathe("oplib", "explain", ".", "gemm_f32").stderr


def test_two_builds_are_the_same_bytes(
    lathe: Run, library: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "ops.yaml").write_text(SPEC)
    for _ in range(2):  # The second replaces the first.
        result = lathe("oplib", "build", "ops.yaml", "-o", "other", "--threads", "1")
        assert result.returncode == 0, result.stderr
    other = tmp_path / "other"
    files = {str(path.relative_to(library)) for path in library.rglob("*")}
    assert files == {str(path.relative_to(other)) for path in other.rglob("*")}
    plain = [name for name in sorted(files) if (library / name).is_file()]
    assert filecmp.cmpfiles(library, other, plain, shallow=False)[1:] == ([], [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ops.yaml", "other"]


@pytest.mark.parametrize(
    ("before", "after", "line", "says"),
    [
        ("activation:", "activatoin:", 7, "did you mean 'activation'? [oplib-spec-key]"),
        ("gelu", "gleu", 7, "did you mean 'gelu'? [oplib-spec-value]"),
        ("gemm:", "gem:", 5, "did you mean 'gemm'? [oplib-spec-key]"),
        ("x86_64:v3", "x86_64:v9", 3, "[target-"),
        ("[x86_64:v2, x86_64:v3]", "[riscv64]", 3, "[oplib-spec-arch]"),
        ("name: ops", "name: 9-ops", 2, "[oplib-spec-name]"),
        ("name: ops", "name: ops\nname: ops", 3, "[oplib-spec-twice]"),
        ("name: ops", "name: ops\nversion: 1.0", 3, "[oplib-spec-version]"),
        ("[none, gelu]", "[]", 7, "[oplib-spec-empty]"),
        ("[none, gelu]", "{}", 7, "[oplib-spec-kind]"),
        ("[12, 40, 16]", "[12, 40]", 8, "[oplib-spec-kind]"),
        ("[12, 40, 16]", "[12, 40, 99999999999999999999]", 8, "[oplib-spec-number]"),
        ("[12, 40, 16]", "[12, 40, 0]", 8, "[oplib-spec-number]"),
        ("lathe-oplib: 1", "lathe-oplib: 2", 1, "[oplib-spec-number]"),
        ("lathe-oplib: 1\n", "", 1, "[oplib-spec-missing]"),
        ("optional,", "*b,", 7, "[oplib-yaml-"),
        ("hot: [[", "hot: " + "[" * 40, 8, "[oplib-yaml-"),
        ("1e-4", "-1", 9, "[oplib-spec-number]"),
        ("[plain, packed]", "packed", 8, "[oplib-spec-hot]"),
        ("softmax: {}", "softmax: {axis: 1}", 10, "[oplib-spec-key]"),
        ("name: ops", "name: lathe_ops", 2, "[oplib-spec-name]"),
        ("softmax: {}", "softmax: {", 0, "[oplib-yaml-syntax]"),
        ("  softmax: {}\n", "---\na: b\n", 0, "[oplib-yaml-documents]"),
    ],
)
def test_mistakes_point_into_the_file(
    lathe: Run, tmp_path: pathlib.Path, before: str, after: str, line: int, says: str
) -> None:
    assert before in SPEC
    (tmp_path / "ops.yaml").write_text(SPEC.replace(before, after, 1))
    result = lathe("oplib", "build", "ops.yaml", "-o", "out")
    assert result.returncode == 1 and says in result.stderr, result.stderr
    assert result.stderr.startswith(f"ops.yaml:{line}:" if line else "ops.yaml")
    assert "note: " in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["ops.yaml"]


def test_a_folder_of_something_else_stays(lathe: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "ops.yaml").write_text(SPEC)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("mine")
    result = lathe("oplib", "build", "ops.yaml", "-o", "mine")
    assert result.returncode == 1 and "[oplib-folder]" in result.stderr
    assert (tmp_path / "mine/letter.txt").read_text() == "mine"


def test_a_prefix_with_a_library_among_others_stays(lathe: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "ops.yaml").write_text(SPEC)
    manifest = tmp_path / "prefix/share/ops/manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text("{}")
    (tmp_path / "prefix/share/letters").mkdir()
    result = lathe("oplib", "build", "ops.yaml", "-o", "prefix")
    assert result.returncode == 1 and "[oplib-folder]" in result.stderr
    assert manifest.exists() and (tmp_path / "prefix/share/letters").exists()


def test_without_a_compiler_nothing_is_written(lathe: Run, tmp_path: pathlib.Path) -> None:
    head, _, _ = SPEC.partition("  gemm:")
    (tmp_path / "ops.yaml").write_text(head.replace("x86_64:v2, ", "") + "  softmax: {}\n")
    for compiler, id in (("no-such-cc", "oplib-no-compiler"), ("false", "oplib-compile")):
        result = lathe("oplib", "build", "ops.yaml", "-o", "out", "--cc", compiler)
        assert result.returncode == 1 and f"[{id}]" in result.stderr
        assert [path.name for path in tmp_path.iterdir()] == ["ops.yaml"]
    # A compiler that is not there is found out before any kernel is compiled.
    build = ("build", "ops.yaml", "-o", "out", "--cc", "no-such-cc", "--cache", "cache")
    assert "[oplib-no-compiler]" in lathe("oplib", *build).stderr
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("words", "id"),
    [
        (["bild", "ops.yaml"], "cli-oplib-action"),
        (["build", "ops.yaml"], "cli-no-output"),
        (["build"], "cli-no-operand"),
        (["check", "ops.yaml", "more"], "cli-many-operands"),
        (["check", "ops.yaml", "-o", "out"], "cli-oplib-option"),
        (["explain", "ops"], "cli-no-operand"),
        (["explain", "ops", "gemm_f32", "m"], "cli-bad-value"),
    ],
)
def test_wrong_usage(lathe: Run, words: list[str], id: str) -> None:
    result = lathe("oplib", *words)
    assert result.returncode == 2 and f"[{id}]" in result.stderr


def test_what_cannot_be_read_is_an_error(lathe: Run) -> None:
    result = lathe("oplib", "check", "none.yaml")
    assert result.returncode == 1 and "[oplib-spec-unreadable]" in result.stderr
