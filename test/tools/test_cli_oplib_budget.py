# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Budgets of libraries of operators: what would cost more is refused, and nothing is written."""

from __future__ import annotations

import pathlib
import re

import pytest
from command_line import ROOT, Run

SPEC = """\
lathe-oplib: 1
name: ops
targets: x86_64:v3
budget: {size: 1kB}
ops:
  reduce: {kinds: [sum, mean, max, min], axes: [inner, outer, all]}
"""


def test_a_size_is_kept(lathe: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "ops.yaml").write_text(SPEC)
    result = lathe("oplib", "build", "ops.yaml", "-o", "ops", "--cache", "cache")
    assert result.returncode == 1 and "[oplib-budget]" in result.stderr, result.stderr
    assert result.stderr.startswith("ops.yaml:4:16: error: the library has ")
    assert "but the budget is 1,000 [" in result.stderr
    assert not (tmp_path / "ops").exists()
    # The ten largest of twelve, the largest first.
    (listed,) = re.findall(r"12 operators, in bytes for all targets: (.*)", result.stderr)
    costs = [int(cost.replace(",", "")) for cost in re.findall(r"_f32 ([\d,]*\d)", listed)]
    assert len(costs) == 10 and costs == sorted(costs, reverse=True) and costs[-1] > 100
    # The bytes are those of the file: one less is refused, and so many are not.
    (size,) = re.findall(r"has ([\d,]+) bytes", result.stderr)
    size = size.replace(",", "")
    words = ("oplib", "build", "ops.yaml", "-o", "ops", "--cache", "cache", "--budget-bytes")
    result = lathe(*words, str(int(size) - 1))
    assert result.returncode == 1 and result.stderr.startswith("ops.yaml: error: ")
    assert lathe(*words, size).returncode == 0
    assert (tmp_path / "ops/lib/libops.so").stat().st_size == int(size)
    # The page says so, too, and has a bar for each operator.
    page = (tmp_path / "ops/share/ops/report.html").read_text()
    assert f"12 operators, {int(size):,} bytes of a budget of {int(size):,}, for x86_64:v3." in page
    assert page.count("class=bar") == 12 and 'style="width:100%"' in page
    assert "<td>any sizes<td><code>v3.any</code><td>cpu." in page and "http" not in page


def test_a_time_is_kept(lathe: Run, tmp_path: pathlib.Path) -> None:
    spec = (ROOT / "test/tools/families.yaml").read_text()
    (tmp_path / "feed_forward.mlir").symlink_to(ROOT / "test/tools/feed_forward.mlir")
    (tmp_path / "ops.yaml").write_text(spec.replace("ops:", "budget: {time: 1s}\nops:", 1))
    result = lathe("oplib", "build", "ops.yaml", "-o", "ops", "--threads", "1")
    assert result.returncode == 1 and "[oplib-budget-time]" in result.stderr, result.stderr
    assert re.search(r"budget of 1 s; \d+ of \d+ kernels are done", result.stderr)
    assert not (tmp_path / "ops").exists()


@pytest.mark.parametrize(
    ("budget", "says"),
    [
        ("{variants: 2}", "'gemm_f32' has 4 variants for each target, but the budget is 2"),
        ("{variants: 4}", ""),
        ("{variants: 0}", "[oplib-spec-number]"),
        ("{sise: 8MB}", "did you mean 'size'? [oplib-spec-key]"),
        ("{size: 8}", "[oplib-spec-budget]"),
        ("{size: 0MB}", "[oplib-spec-budget]"),
        ("{size: 8Mb}", "the units are B, kB, MB, GB, KiB, MiB, GiB"),
        ("{size: 99999999999999999999GB}", "[oplib-spec-budget]"),
        ("{size: 9999999GB}", "[oplib-spec-budget]"),
        ("{size: [1MB]}", "[oplib-spec-budget]"),
        ("{time: 1day}", "the units are s, min, h"),
        ("{time: 5min, size: 8 MiB}", ""),
        ("8MB", "[oplib-spec-kind]"),
    ],
)
def test_what_a_specification_says(
    lathe: Run, tmp_path: pathlib.Path, budget: str, says: str
) -> None:
    head = SPEC[: SPEC.index("budget:")]
    text = head + f"budget: {budget}\nops: {{gemm: {{hot: [[4, 4, 4]]}}, softmax: {{}}}}\n"
    (tmp_path / "ops.yaml").write_text(text)
    result = lathe("oplib", "check", "ops.yaml")
    assert result.returncode == bool(says) and says in result.stderr, result.stderr
    assert not says or result.stderr.startswith("ops.yaml:4:")
