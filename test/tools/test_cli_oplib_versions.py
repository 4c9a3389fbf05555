# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Libraries of operators that are there: their tests are run, and two versions are compared."""

from __future__ import annotations

import itertools
import json
import pathlib
import shutil
from collections.abc import Callable

import pytest
from command_line import Run

SPEC = """\
lathe-oplib: 1
name: ops
targets: [x86_64:v2, x86_64:v3]
ops:
  gemm: {b: [plain, packed], epilogue: {bias: optional, activation: [none, relu]}}
  softmax: {}
"""


@pytest.fixture(scope="module")
def build(lathe_in: Run, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., pathlib.Path]:
    """Builds SPEC with pairs of texts replaced."""
    folder = tmp_path_factory.mktemp("versions")
    count = itertools.count()

    def make(*replaced: tuple[str, str]) -> pathlib.Path:
        text = SPEC
        for before, after in replaced:
            assert before in text
            text = text.replace(before, after)
        (folder / "ops.yaml").write_text(text)
        name = f"ops{next(count)}"
        words = ("oplib", "build", "ops.yaml", "-o", name, "--cache", "cache")
        result = lathe_in(folder, *words)
        assert result.returncode == 0, result.stderr
        return folder / name

    return make


@pytest.fixture(scope="module")
def library(build: Callable[..., pathlib.Path]) -> pathlib.Path:
    return build()


def test_tests_run_and_can_fail(lathe: Run, library: pathlib.Path, tmp_path: pathlib.Path) -> None:
    result = lathe("oplib", "test", str(library), "--progress")
    assert result.returncode == 0, result.stdout + result.stderr
    rows = [line.split() for line in result.stdout.splitlines()]
    assert rows[0] == ["test", "variants", "skipped", "calls", "wrong", "seconds"]
    assert [row[0] for row in rows[1:-1]] == [
        f"{name}{kind}"
        for name in ("gemm_f32", "gemm_packed_f32", "softmax_f32")
        for kind in ("", "_static")
    ]
    assert rows[1][1:6] == ["passed", "5", "0", "1500", "0"]
    assert rows[-1] == ["6", "of", "6", "tests", "passed"]
    assert "build the tests" in result.stderr and "test softmax_f32, 5 of 6" in result.stderr
    damaged = tmp_path / "damaged"
    shutil.copytree(library, damaged, symlinks=True)
    test = damaged / "test/test_gemm_f32.c"
    text = test.read_text()
    assert "sum = activate(" in text
    test.write_text(text.replace("sum = activate(", "sum = 1e-3 + activate("))
    result = lathe("oplib", "test", str(damaged))
    assert result.returncode == 1 and "4 of 6 tests passed" in result.stdout
    assert "gemm_f32_static: error: failed:" in result.stderr and "[oplib-test]" in result.stderr
    assert "was expected within" in result.stderr
    # One that compares nothing has shown nothing.
    test.write_text("int main(void) { return 0; }\n")
    result = lathe("oplib", "test", str(damaged))
    assert result.returncode == 1 and "4 of 6 tests passed" in result.stdout
    test.write_text("no C\n")
    assert "[oplib-test-build]" in lathe("oplib", "test", str(damaged)).stderr
    shutil.rmtree(damaged / "test")
    assert "[oplib-no-tests]" in lathe("oplib", "test", str(damaged)).stderr
    assert "[oplib-no-library]" in lathe("oplib", "test", str(tmp_path)).stderr


@pytest.mark.parametrize(
    ("before", "after", "says", "codes"),
    [
        ("name:", "name:", ["= 3 operators are in both", "compatible: programs run"], (0, 0)),
        (
            "softmax: {}",
            "softmax: {}\n  rmsnorm: {}",
            ["+ rmsnorm_f32(rows, columns; x: f32[", "again: a context has"],
            (0, 1),
        ),
        ("  softmax: {}\n", "", ["- softmax_f32(", "incompatible: softmax_f32 is gone"], (1, 1)),
        (
            "bias: optional, ",
            "",
            ["~ gemm_f32 signature: (m, n, k; a: f32[m, k] lda, ", "bias?: f32[n]", "another one"],
            (1, 1),
        ),
        ("[none, relu]", "[none, relu, gelu]", ["activation: none relu -> none relu gelu"], (0, 0)),
        ("[none, relu]", "[relu, none]", ["again: the values of activation of gemm"], (0, 1)),
        ("[none, relu]", "[none]", ["incompatible: gemm_f32 lacks a value"], (1, 1)),
        ("x86_64:v2, ", "", ["- target x86_64:v2", "incompatible: the target"], (1, 1)),
        ("name: ops", "name: other", ["incompatible: the library has another name"], (1, 1)),
        ("relu]}}", "relu]}, hot: [[4, 4, 4]]}", ["v3.4x4x4 added, "], (0, 0)),
    ],
)
def test_differences(
    lathe: Run,
    build: Callable[..., pathlib.Path],
    library: pathlib.Path,
    before: str,
    after: str,
    says: list[str],
    codes: tuple[int, int],
) -> None:
    other = build((before, after))
    result = lathe("oplib", "diff", str(library), str(other))
    assert all(text in result.stdout for text in says), result.stdout
    assert ("raise the first number of 'version'" in result.stdout) == (codes[1] == 1)
    binary = lathe("oplib", "diff", str(library), str(other), "--binary")
    assert (result.returncode, binary.returncode) == codes


def test_a_kernel_that_changed(lathe: Run, library: pathlib.Path, tmp_path: pathlib.Path) -> None:
    manifest = json.loads((library / "share/ops/manifest.json").read_text())
    variant = manifest["ops"][0]["variants"][0]
    bytes_before = variant["code_bytes"]
    variant.update(kernel="0" * 32, code_bytes=bytes_before + 1000)
    variant["kernels"][0]["strategy"] = "cpu.other"
    manifest["ops"][1]["panel_columns"] += 1
    (tmp_path / "m.json").write_text(json.dumps(manifest))
    result = lathe("oplib", "diff", str(library), "m.json")
    assert f"-> {'0' * 32}, {bytes_before:,} -> {bytes_before + 1000:,} bytes" in result.stdout
    assert "cpu.other" in result.stdout and "has to be packed again" in result.stdout
    assert result.returncode == 0
    assert lathe("oplib", "diff", "m.json", str(library), "--binary").returncode == 1
    (tmp_path / "m.json").write_text("{}")
    assert "[oplib-manifest]" in lathe("oplib", "diff", "m.json", str(library)).stderr
    assert lathe("oplib", "diff", str(library)).returncode == 2
    assert lathe("oplib", "check", "m.json", "--binary").returncode == 2
