# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What comes with a library besides C: C++, a wheel, and tables that are measured and loaded."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys
import zipfile

import pytest
from command_line import ROOT, Run

PROGRAM = """\
#include <array>
#include <cstdio>
#include <netops/netops.hpp>

int main() {
  netops::context library;
  std::array<float, 4> a{1, 2, 3, 4}, b{1, 0, 0, 1}, c{};
  netops_gemm_f32_args arguments = {
      .m = 2, .n = 2, .k = 2, .a = a.data(), .b = b.data(), .c = c.data()};
  arguments.activation = static_cast<int>(netops::gemm_f32_activation::relu);
  std::size_t bytes = 1;
  if (netops::gemm_f32_workspace(library, arguments, bytes) != netops::status::ok || bytes)
    return 1;
  if (netops::gemm_f32(library, arguments) != netops::status::ok || c[3] != 4)
    return 2;
  arguments.m = -1;
  netops::status wrong = netops::gemm_f32(library, arguments);
  std::array<std::byte, 4096> memory;
  if (netops::gemm_packed_f32_pack_b(library, 2, 2, b.data(), 0, memory, bytes) !=
          netops::status::ok || bytes < 64)
    return 3;
  bool refused = library.force(nullptr, "v9") == netops::status::no_such_name;
  std::printf("%d %s", static_cast<int>(wrong), refused ? "yes" : "no");
}
"""

# Loads the table that is its argument; prints what became of it, and what a product takes.
LOADER = """\
#include <netops/netops.h>
#include <stdio.h>

int main(int count, char **words) {
  static char text[65536];
  static _Alignas(8) char memory[65536];
  FILE *file = fopen(words[count - 1], "r");
  size_t length = fread(text, 1, sizeof text, file), bytes = 0, more = sizeof memory;
  netops_ctx ctx;
  netops_table_report report;
  netops_choice choice;
  int64_t sizes[] = {4, 16, 8};
  if (netops_open(0, &ctx) || netops_load_table(&ctx, text, length, 0, &bytes, &report) ||
      netops_load_table(&ctx, text, length, memory, &more, &report) || bytes > more)
    return 1;
  more = 1;
  if (bytes && netops_load_table(&ctx, text, length, memory, &more, 0) != NETOPS_SMALL_WORKSPACE)
    return 2;
  if (netops_select(&ctx, "gemm_f32", sizes, &choice))
    return 3;
  printf("%d %d %d|%s|%s %d %s", report.rows, report.taken, report.refused,
         report.why ? report.why : "",
         choice.variant, choice.row, choice.by);
  return 0;
}
"""


def command(*words: str | pathlib.Path) -> str:
    result = subprocess.run(words, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def folder(lathe_in: Run, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Where the library `netops` is, and a program `load`."""
    folder = tmp_path_factory.mktemp("netops")
    spec = str(ROOT / "examples/oplib/ops.yaml")
    result = lathe_in(folder, "oplib", "build", spec, "-o", "netops")
    assert result.returncode == 0, result.stderr
    (folder / "load.c").write_text(LOADER)
    library = folder / "netops"
    flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", f"-I{library}/include"]
    command(
        "cc", *flags, "-o", folder / "load", folder / "load.c", library / "lib/libnetops.a", "-lm"
    )
    return folder


def test_a_program_in_cpp(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    library = folder / "netops"
    (tmp_path / "main.cpp").write_text(PROGRAM)
    flags = ["-std=c++20", "-fno-exceptions", "-fno-rtti", "-Wall", "-Werror"]
    sources = [tmp_path / "main.cpp", library / "lib/libnetops.a"]
    command("c++", *flags, f"-I{library}/include", "-o", tmp_path / "main", *sources, "-lm")
    assert command(tmp_path / "main") == "1 yes"


def test_the_wheel_installs_and_computes(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    wheel = folder / "netops/dist/netops-1.0.0-py3-none-linux_x86_64.whl"
    with zipfile.ZipFile(wheel) as archive:
        assert archive.testzip() is None
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    command(*pip, "--target", tmp_path / "site", wheel)
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import netops, numpy as np\n"
        "x = np.arange(6, dtype=np.float32).reshape(2, 3)\n"
        "eye, bias = np.eye(3, dtype=np.float32), -np.ones(3, np.float32)\n"
        "y = netops.gemm_f32(x, eye, bias=bias, activation='relu')\n"
        "assert (y == np.maximum(x - 1, 0)).all()\n"
        "class Other:\n"  # What has DLPack, and is no array of NumPy.
        "    __dlpack__ = lambda self, **words: x.__dlpack__(**words)\n"
        "    __dlpack_device__ = lambda self: x.__dlpack_device__()\n"
        "assert np.allclose(netops.softmax_f32(Other()).sum(1), 1)\n"
        "assert 'lathe' not in sys.modules\n"
        "try:\n    netops.gemm_f32(x, x)\nexcept netops.OplibError as error:\n    print(error)\n"
    )
    assert "[oplib-call]" in command(sys.executable, "-c", program, tmp_path / "site")


# Eager, compiled, and with shapes alone; each of what an operator takes.
TORCH = """\
import sys; sys.path.insert(0, sys.argv[1])
import netops.torch, torch
from torch._subclasses.fake_tensor import FakeTensorMode
ops = torch.ops.netops
x, w, bias = torch.rand(5, 8), torch.rand(8, 3), torch.rand(3)
expected = torch.relu(x @ w + bias)
torch.testing.assert_close(ops.gemm_f32(x, w, bias=bias, activation="relu"), expected)
packed = torch.from_numpy(netops.pack("gemm_packed_f32", "b", w))
torch.testing.assert_close(ops.gemm_packed_f32(x, packed, n=3), x @ w)
torch.library.opcheck(ops.gemm_f32.default, (x, w), {"bias": bias},
                      test_utils=("test_schema", "test_faketensor"))
net = torch.compile(lambda x: ops.softmax_f32(ops.gemm_f32(x, w)) + 1, fullgraph=True,
                    backend="eager", dynamic=True)
for rows in (5, 7):
    x = torch.rand(rows, 8)
    torch.testing.assert_close(net(x), torch.softmax(x @ w, 1) + 1)
with FakeTensorMode() as mode:
    fake = ops.layernorm_f32(torch.empty(6, 9))
print(tuple(fake.shape), fake.dtype)
"""


def test_the_wheel_in_pytorch(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    pytest.importorskip("torch")
    wheel = folder / "netops/dist/netops-1.0.0-py3-none-linux_x86_64.whl"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    printed = command(sys.executable, "-c", TORCH, tmp_path / "site")
    assert printed.strip() == "(6, 9) torch.float32"


def test_the_wheel_with_jax(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    pytest.importorskip("jax")
    wheel = folder / "netops/dist/netops-1.0.0-py3-none-linux_x86_64.whl"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import jax, jax.numpy as jnp, netops\n"
        "x = jnp.arange(12, dtype=jnp.float32).reshape(3, 4)\n"
        "y = netops.softmax_f32(x)\n"
        "assert jnp.allclose(y, jax.nn.softmax(x, axis=1), atol=1e-6)\n"
        "print(isinstance(y, jax.Array))\n"
    )
    assert command(sys.executable, "-c", program, tmp_path / "site").strip() == "True"


def test_a_measured_table_is_taken(lathe_in: Run, folder: pathlib.Path) -> None:
    result = lathe_in(folder, "oplib", "tune", "netops", "-o", "table.yaml", "--minutes", "1")
    assert result.returncode == 0, result.stderr
    shapes = int(re.findall(r"a table of (\d+) measured", result.stdout)[0])
    table = (folder / "table.yaml").read_text()
    measured = re.findall(r"\{m: 4, n: 16, k: 8, use: (\S+),.* by: measured", table)
    assert shapes == table.count("by: measured") >= 2 and len(measured) == 1
    printed = command(folder / "load", folder / "table.yaml")
    rows = table.count("- {")
    assert printed.startswith(f"{rows} {rows} 0||{measured[0]} ")
    assert printed.endswith(" measured")


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (r"kernel: \w", "kernel: z", "of other kernels"),
        (r"use: v\d\.any", "use: v3.none", "names a variant"),
        (r"m: 4", "m: 1..4", "sizes that it is not for"),
        (r"m: 4", "q: 4", "a size that the operator lacks"),
        (r"m: 4", "m: 9..4", "a range that cannot be read"),
        (r"m: 4", "m: 99999999999999999999", "a range that cannot be read"),
        (r"\{m: 4", "m: 4", "not in braces"),
        (r", kernel: \w+", "", "lacks 'use' or 'kernel'"),
        (r"gemm_f32:", "gem_f32:", "operator that the library lacks"),
        (r"name: netops", "name: other", "of another library"),
    ],
)
def test_tampered_rows_are_refused(
    folder: pathlib.Path, tmp_path: pathlib.Path, before: str, after: str, why: str
) -> None:
    table = (folder / "netops/share/netops/tables/x86_64.yaml").read_text()
    (tmp_path / "t.yaml").write_text(re.sub(before, after, table))
    printed = command(folder / "load", tmp_path / "t.yaml")
    refused = int(printed.split("|")[0].split()[2])
    assert refused >= 1 and why in printed
    assert ".4x16x8 0 model" in printed or ".any" in printed or ".row" in printed


def test_damaged_tables_do_no_harm(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    table = (folder / "netops/share/netops/tables/x86_64.yaml").read_bytes()
    for cut in range(0, len(table), 97):
        (tmp_path / "t.yaml").write_bytes(table[:cut] + b"\x00\xff{,:" + table[cut + 3 :])
        command(folder / "load", tmp_path / "t.yaml")


def test_bench_times_variants(lathe_in: Run, folder: pathlib.Path) -> None:
    result = lathe_in(folder, "oplib", "bench", "netops", "gemm_f32", "m=1", "n=16", "k=8")
    assert result.returncode == 0, result.stderr
    assert re.search(r"v2\.row: \d+\.\d\d us, cpu\.gemm", result.stdout)
    assert "4x16x8" not in result.stdout
    for words, id in (
        (["gemm", "m=1"], "oplib-explain-op"),
        (["gemm_f32", "m=1"], "oplib-explain-size"),
        (["gemm_packed_f32", "m=1", "n=1", "k=1"], "oplib-bench-size"),
        (["gemm_f32", "m=0", "n=1", "k=1"], "oplib-bench-size"),
    ):
        result = lathe_in(folder, "oplib", "bench", "netops", *words)
        assert result.returncode == 1 and f"[{id}]" in result.stderr


def test_what_is_no_library(lathe: Run, tmp_path: pathlib.Path) -> None:
    assert "[oplib-no-library]" in lathe("oplib", "tune", ".", "-o", "t.yaml").stderr
    (tmp_path / "share/x").mkdir(parents=True)
    (tmp_path / "share/x/manifest.json").write_text("{")
    assert "[oplib-manifest]" in lathe("oplib", "tune", ".", "-o", "t.yaml").stderr
    (tmp_path / "share/x/manifest.json").write_text('{"name": "x", "context_words": 9}')
    result = lathe("oplib", "tune", ".", "-o", "t.yaml")
    assert "[oplib-manifest]" in result.stderr and "build it again" in result.stderr
    assert not (tmp_path / "t.yaml").exists()
