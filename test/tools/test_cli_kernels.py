# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels without a model, which C code calls by name, and the keys of kernels."""

from __future__ import annotations

import pathlib
import re
import subprocess

import numpy as np
import pytest
from command_line import ROOT, Run

ROWS = "#graph.dims<()[s0] -> (s0, 6)>"
# A softmax, and a product with a tail that no epilogue takes: two phases.
KERNELS = f"""\
kernel.func @softmax(%n: index, %x: tensor<?x6xf32, {ROWS}>) -> tensor<?x6xf32, {ROWS}>
    attributes {{sizes = 1 : i64}} {{
  %y = graph.softmax %x axis = 1 : tensor<?x6xf32, {ROWS}>
  kernel.return %y : tensor<?x6xf32, {ROWS}>
}}
kernel.func @positive(%x: tensor<300x40xf32>, %w: tensor<40x500xf32>) -> tensor<300x500xi1>
    attributes {{sizes = 0 : i64}} {{
  %zero = graph.constant dense<0.0> : tensor<f32>
  %p = graph.matmul %x, %w : (tensor<300x40xf32>, tensor<40x500xf32>) -> tensor<300x500xf32>
  %y = graph.greater %p, %zero : (tensor<300x500xf32>, tensor<f32>) -> tensor<300x500xi1>
  kernel.return %y : tensor<300x500xi1>
}}
"""

PROGRAM = """\
#include "k.h"
#include <stdio.h>
#include <stdlib.h>

int main(void) {
  lathe_call call = {0};
  call.struct_size = sizeof call;
  call.workers = 2;
  call.imports = lathe_default_imports();
  float in[12] = {1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0, 0}, out[12];
  call.workspace = malloc(1 + lathe_kernel_softmax_workspace(&call, 2));
  if (lathe_kernel_softmax(&call, 2, in, out))
    return 1;
  free(call.workspace);
  for (int i = 0; i < 12; ++i)
    printf("%.9g\\n", out[i]);
  static float x[300 * 40], w[40 * 500];
  static bool y[300 * 500];
  for (int i = 0; i < 300 * 40; ++i)
    x[i] = i % 7 - 3;
  for (int i = 0; i < 40 * 500; ++i)
    w[i] = i % 11 - 5;
  call.workspace = malloc(1 + lathe_kernel_positive_workspace(&call));
  if (lathe_kernel_positive(&call, x, w, y))
    return 2;
  free(call.workspace);
  long sum = 0;
  for (int i = 0; i < 300 * 500; ++i)
    sum += y[i] * (i % 1000 + 1);
  printf("%ld\\n", sum);
  return 0;
}
"""


def test_a_c_program_calls_kernels(lathe: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "k.mlir").write_text(KERNELS)
    result = lathe("compile", "k.mlir", "-o", "k.a", "--header", "k.h")
    assert result.returncode == 0, result.stderr
    (tmp_path / "main.c").write_text(PROGRAM)
    runtime = sorted((ROOT / "lib/Runtime").glob("*/*.c"))
    command = ["cc", "-std=c11", "-Wall", "-Werror", "-D_GNU_SOURCE", f"-I{ROOT / 'include'}"]
    command += ["main.c", "k.a", *map(str, runtime), "-o", "main", "-lm", "-ldl", "-lpthread"]
    subprocess.run(command, cwd=tmp_path, check=True)
    printed = subprocess.run([tmp_path / "main"], capture_output=True, text=True, check=True).stdout
    *soft, total = printed.split()
    rows = np.array([[1, 2, 3, 4, 5, 6], [0] * 6], np.float64)
    right = np.exp(rows) / np.exp(rows).sum(1, keepdims=True)
    np.testing.assert_allclose(np.array(soft, np.float64).reshape(2, 6), right, rtol=1e-5)
    x = (np.arange(300 * 40) % 7 - 3).reshape(300, 40)
    w = (np.arange(40 * 500) % 11 - 5).reshape(40, 500)
    positive = (x @ w > 0).ravel()
    assert int(total) == int((positive * (np.arange(300 * 500) % 1000 + 1)).sum())


PICK = """\
kernel.func @pick(%x: tensor<4xf32>, %i: tensor<2xi64>) -> tensor<2xf32>
    attributes {sizes = 0 : i64} {
  %y = graph.gather %x at %i axis = 0 : (tensor<4xf32>, tensor<2xi64>) -> tensor<2xf32>
  kernel.return %y : tensor<2xf32>
}
"""

PICK_PROGRAM = """\
#include "k.h"
#include <stdio.h>

int main(void) {
  const float x[4] = {1, 2, 3, 4};
  float y[2];
  for (int64_t last = -5; last < 5; ++last) {
    lathe_call call = {0};
    call.struct_size = sizeof call;
    call.workers = 1;
    call.imports = lathe_default_imports();
    int64_t indices[2] = {1, last};
    int32_t status = lathe_kernel_pick(&call, x, indices, y);
    if (status)
      printf("%d: %d of %d\\n", status, (int)call.error_values[0], (int)call.error_values[1]);
    else
      printf("%g\\n", y[1]);
  }
  return 0;
}
"""


def test_an_index_outside_is_what_a_kernel_returns(lathe: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "k.mlir").write_text(PICK)
    result = lathe("compile", "k.mlir", "-o", "k.a", "--header", "k.h")
    assert result.returncode == 0, result.stderr
    assert "an index in the operands of a kernel is outside" in (tmp_path / "k.h").read_text()
    (tmp_path / "main.c").write_text(PICK_PROGRAM)
    runtime = sorted((ROOT / "lib/Runtime").glob("*/*.c"))
    command = ["cc", "-std=c11", "-Wall", "-Werror", "-D_GNU_SOURCE", f"-I{ROOT / 'include'}"]
    command += ["main.c", "k.a", *map(str, runtime), "-o", "main", "-lm", "-ldl", "-lpthread"]
    subprocess.run(command, cwd=tmp_path, check=True)
    printed = subprocess.run([tmp_path / "main"], capture_output=True, text=True, check=True).stdout
    assert printed.split("\n")[:-1] == ["1: -5 of 4", *"12341234", "1: 4 of 4"]


def test_the_header_says_what_a_kernel_takes(lathe: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "k.mlir").write_text(KERNELS)
    assert lathe("compile", "k.mlir", "-o", "k.so", "--header", "k.h").returncode == 0
    text = (tmp_path / "k.h").read_text()
    assert (
        "int32_t lathe_kernel_softmax(lathe_call *call, int64_t s0, const float *x0, float *y0);"
        in text
    )
    assert "x0: f32[s0, 6]" in text and "y0: i1[300, 500]" in text
    for compiler, *flags in (("cc", "-xc", "-std=c11"), ("c++", "-xc++", "-std=c++20")):
        (tmp_path / "use.c").write_text('#include "k.h"\n#include "k.h"\n')
        command = [compiler, *flags, "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
        subprocess.run([*command, f"-I{ROOT / 'include'}", "use.c"], cwd=tmp_path, check=True)
    shown = lathe("inspect", "k.so")
    assert shown.returncode == 0, shown.stderr
    assert "2 in 0 calls" in shown.stdout and "softmax" in shown.stdout


@pytest.mark.parametrize(
    ("change", "id"),
    [
        (("@softmax", '@"soft-max"'), "kernel-name"),
        (("[s0] -> (s0, 6)", "[s0] -> (s0 * 2, 6)"), "kernel-dims"),
        (("(%n: index, ", "(%n: index, %z: tensor<4xi7>, "), "native-type"),
    ],
)
def test_what_c_cannot_call_is_an_error(
    lathe: Run, tmp_path: pathlib.Path, change: tuple[str, str], id: str
) -> None:
    (tmp_path / "k.mlir").write_text(KERNELS.replace(*change))
    result = lathe("compile", "k.mlir", "-o", "k.a")
    assert result.returncode == 1 and f"[{id}]" in result.stderr


def test_one_target_at_a_time(lathe: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "k.mlir").write_text(KERNELS)
    result = lathe("compile", "k.mlir", "-o", "k.a", "--target", "x86_64:v2+v3")
    assert result.returncode == 1 and "[kernel-several-targets]" in result.stderr


def test_kernels_for_a_gpu_have_no_calls(lathe: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "k.mlir").write_text(KERNELS)
    result = lathe("compile", "k.mlir", "-o", "k.a", "--target", "cuda:sm_80")
    assert result.returncode == 1 and "[kernel-gpu-target]" in result.stderr
    # What the note says, for one of them.
    (function,) = re.findall(r"kernel\.func @positive.*\n}\n", KERNELS, re.S)
    for old, new in (("kernel.func", "func.func"), ("kernel.return", "return")):
        assert old in result.stderr and new in result.stderr
        function = function.replace(old, new)
    function = re.sub(r"\n    attributes \{sizes = 0 : i64\}", "", function)
    (tmp_path / "f.mlir").write_text(function)
    result = lathe("compile", "f.mlir", "-o", "f.so", "--target", "cuda:sm_80")
    assert result.returncode == 0, result.stderr


def keys(lathe: Run, name: str) -> dict[str, str]:
    printed = lathe("inspect", name, "--target", "x86_64:v3").stdout
    return dict(re.findall(r"^  (\S+) +\d+ +([0-9a-f]{32})", printed, re.M))


def test_equal_kernels_of_two_models_have_one_key(lathe: Run, tmp_path: pathlib.Path) -> None:
    for name, n, first in (("a", 8, "exp"), ("b", 8, "sin"), ("c", 9, "exp")):
        (tmp_path / f"{name}.mlir").write_text(
            f"func.func @main(%{name}: tensor<{n}x{n}xf32>) -> tensor<{n}xf32> {{\n"
            f"  %0 = graph.reduce sum %{name} axes = [0] : tensor<{n}x{n}xf32> -> tensor<{n}xf32>\n"
            f"  %r = graph.softmax %0 axis = 0 : tensor<{n}xf32>\n"
            f"  %1 = graph.{first} %r : tensor<{n}xf32> -> tensor<{n}xf32>\n"
            f"  return %1 : tensor<{n}xf32>\n}}\n"
        )
    a, b, c = (keys(lathe, f"{name}.mlir") for name in "abc")
    assert set(a) == set(b) == set(c) == {"reduce", "softmax"}
    assert a["reduce"] == b["reduce"] != c["reduce"]
    assert len({a["softmax"], b["softmax"], c["softmax"], a["reduce"]}) == 4
    assert keys(lathe, "a.mlir") == a
