# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A model with sequences, through the command line and from a C program that links it."""

from __future__ import annotations

import pathlib
import subprocess

import numpy as np
import pytest
from command_line import ROOT, Run

S = "!graph.sequence<tensor<?xf32>>"
MODEL = f"""\
func.func @main(%s: {S} {{graph.name = "items"}}, %x: tensor<2xf32> {{graph.name = "x"}},
                %p: tensor<i64> {{graph.name = "at"}})
    -> ({S} {{graph.name = "longer"}}, tensor<i64> {{graph.name = "count"}}) {{
  %0 = graph.sequence_insert %x into %s at %p : tensor<2xf32>, {S}, tensor<i64> -> {S}
  %1 = graph.sequence_length %0 : {S} -> tensor<i64>
  return %0, %1 : {S}, tensor<i64>
}}
"""

PROGRAM = """\
#include "m.h"
#include "lathe-runtime/runtime.h"
#include <stdio.h>

int main(void) {
  lathe_module *module = NULL;
  if (lathe_module_from_query(lathe_query_m, &module))
    return 1;
  float a[3] = {1, 2, 3}, b[1] = {4}, x[2] = {5, 6};
  int64_t at = 1;
  lathe_tensor items[2] = {{a, LATHE_DTYPE_F32, 1, {3}}, {b, LATHE_DTYPE_F32, 1, {1}}};
  lathe_value in[3] = {{.kind = LATHE_KIND_SEQUENCE, .elements = items, .count = 2},
                       {.tensor = {x, LATHE_DTYPE_F32, 1, {2}}},
                       {.tensor = {&at, LATHE_DTYPE_I64, 0, {0}}}};
  lathe_value out[2] = {{0}};
  for (int i = 0; i < 3; ++i) {
    if (lathe_module_call_values(module, "main", in, 3, out, 2, NULL))
      return puts(lathe_last_error()), 2;
    for (int64_t e = 0; e < out[0].count; ++e)
      printf("%lld:%g ", (long long)out[0].elements[e].dims[0],
             ((float *)out[0].elements[e].data)[0]);
    printf("%lld\\n", (long long)*(int64_t *)out[1].tensor.data);
    lathe_value_free(&out[0]);
    lathe_value_free(&out[1]);
    at = 3;
    if (!lathe_module_call_values(module, "main", in, 3, out, 2, NULL))
      return 3;
    puts(lathe_last_error());
    at = i - 1;
  }
  lathe_module_free(module);
  return 0;
}
"""


@pytest.fixture
def model(tmp_path: pathlib.Path) -> str:
    (tmp_path / "m.mlir").write_text(MODEL)
    return "m.mlir"


def test_a_c_program_links_the_artifact(lathe: Run, model: str, tmp_path: pathlib.Path) -> None:
    result = lathe("compile", model, "-o", "m.a", "--header", "m.h")
    assert result.returncode == 0, result.stderr
    header = (tmp_path / "m.h").read_text()
    assert "input 0: items, a sequence of " in header
    (tmp_path / "main.c").write_text(PROGRAM)
    runtime = sorted((ROOT / "lib/Runtime").glob("*/*.c"))
    command = ["cc", "-std=c11", "-Wall", "-Werror", "-D_GNU_SOURCE", f"-I{ROOT / 'include'}"]
    command += ["main.c", "m.a", *map(str, runtime), "-o", "main", "-lm", "-ldl", "-lpthread"]
    subprocess.run(command, cwd=tmp_path, check=True)
    printed = subprocess.run([tmp_path / "main"], capture_output=True, text=True, check=True).stdout
    lines = printed.splitlines()
    assert lines[0::2] == ["3:1 2:5 1:4 3", "3:1 2:5 1:4 3", "2:5 3:1 1:4 3"]
    for line in lines[1::2]:
        assert "position 3 is outside of a sequence of 2 elements" in line


def test_the_command_line_gives_one_file_for_each_element(
    lathe: Run, model: str, tmp_path: pathlib.Path
) -> None:
    for name, values in {"a": [1, 2, 3], "b": [4], "x": [5, 6]}.items():
        np.save(tmp_path / f"{name}.npy", np.array(values, np.float32))
    np.save(tmp_path / "at.npy", np.array(-1))
    words = ["--input", "items=a.npy", "--input", "items=b.npy", "--input", "x=x.npy"]
    words += ["--input", "at=at.npy", "--save-outputs", "out"]
    result = lathe("run", model, *words)
    assert result.returncode == 0, result.stderr
    assert 'output "longer" sequence of 3\n' in result.stdout
    assert np.load(tmp_path / "out/longer.1.npy").tolist() == [5, 6]
    assert np.load(tmp_path / "out/count.npy") == 3
    words[7] = "at=far.npy"
    np.save(tmp_path / "far.npy", np.array(7))
    result = lathe("run", model, *words)
    assert result.returncode == 1
    assert (
        "position 7 is outside of a sequence of 2 elements [call-sequence-position]"
        in result.stderr
    )


def test_inspect_shows_the_signature(lathe: Run, model: str) -> None:
    assert lathe("compile", model, "-o", "m.so").returncode == 0
    text = lathe("inspect", "m.so").stdout
    assert "main(items: sequence(f32[?]), x: f32[2], at: i64[]) -> " in text
    assert "(longer: sequence(f32[?]), count: i64[])" in text


MAP = """\
func.func @main(%m: !graph.map<i64 to f32> {graph.name = "m"})
    -> (tensor<?xf32, #graph.dims<()[s0] -> (s0)>> {graph.name = "y"},
        !graph.map<i64 to f32> {graph.name = "same"})
    attributes {graph.symbols = [#graph.symbol<"n", inner = true>]} {
  %zero = graph.constant dense<0> : tensor<i64>
  %v = graph.map_values %m : !graph.map<i64 to f32> -> !graph.sequence<tensor<?xf32>>
  %d = graph.sequence_shape %v at %zero
     : !graph.sequence<tensor<?xf32>>, tensor<i64> -> tensor<1xi64>
  graph.define_symbol %d[0] symbol = 0 : tensor<1xi64>
  %y = graph.sequence_at %v at %zero : !graph.sequence<tensor<?xf32>>, tensor<i64>
     -> tensor<?xf32, #graph.dims<()[s0] -> (s0)>>
  return %y, %m : tensor<?xf32, #graph.dims<()[s0] -> (s0)>>, !graph.map<i64 to f32>
}
"""


def test_a_map_is_a_file_of_keys_and_one_of_values(lathe: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "m.mlir").write_text(MAP)
    np.save(tmp_path / "keys.npy", np.array([2, 7, 9]))
    np.save(tmp_path / "values.npy", np.array([0.5, 1.5, 2.5], np.float32))
    result = lathe("run", "m.mlir", "--input", "m=keys.npy", "--input", "m=values.npy")
    assert result.returncode == 0, result.stderr
    assert '"y" f32[3]' in result.stdout and '"same" keys, and values of 1' in result.stdout
    result = lathe("run", "m.mlir")
    assert result.returncode == 1 and "[inputs-map]" in result.stderr
    np.save(tmp_path / "keys.npy", np.array([2, 2, 9]))
    result = lathe("run", "m.mlir", "--input", "m=keys.npy", "--input", "m=values.npy")
    assert result.returncode == 1 and "[call-map]" in result.stderr
    assert lathe("compile", "m.mlir", "-o", "m.so", "--header", "m.h").returncode == 0
    assert (
        "main(m: map(i64, f32)) -> (y: f32[?], same: map(i64, f32))"
        in lathe("inspect", "m.so").stdout
    )
    assert "input 0: m, a map from " in (tmp_path / "m.h").read_text()
