# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`lathe.oplib_bench`: a library beside other packages."""

from __future__ import annotations

import json
import pathlib
import subprocess
from typing import Any

import numpy as np
import pytest
from lathe import oplib, oplib_bench
from test_oplib import LATHE

SPEC = """\
lathe-oplib: 1
name: few
targets: [x86_64:v2, x86_64:v3]
ops:
  softmax: {}
  conv2d: {shapes: [{kernel: 3, pad: 1, channels: 8, filters: 8, groups: 8}]}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Where a library of a softmax and a convolution is."""
    folder = tmp_path_factory.mktemp("few")
    (folder / "few.yaml").write_text(SPEC)
    command = [str(LATHE), "oplib", "build", "few.yaml", "-o", "few"]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    return folder / "few"


def test_a_page_and_its_figures(
    folder: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, figures = tmp_path / "page.html", tmp_path / "figures.json"
    words = [str(folder), "--seconds", "0.01", "--html", str(page), "--json", str(figures)]
    assert oplib_bench.main(words) == 0
    rows = json.loads(figures.read_text())
    assert {row["family"] for row in rows} == {"softmax", "conv2d"}
    for row in rows:
        assert all(0 < taken < 10 for taken in row["seconds"].values())
        # ONNX Runtime is there for the tests, and has the convolution.
        assert ("onnxruntime" in row["seconds"]) == (row["family"] == "conv2d")
    (large,) = (row for row in rows if row["label"].endswith("_nhwc_f32 1x56x56"))
    # An image of 56x56 points, 8 filters of 3x3 points of one channel.
    assert large["flops"] == 2 * 56 * 56 * 8 * 9
    assert large["bytes"] == 4 * (2 * 56 * 56 * 8 + 8 * 9)
    text = page.read_text()
    assert text.count("<svg") == 2 and text.count("<rect") == sum(len(r["seconds"]) for r in rows)
    assert "conv2d: " in capsys.readouterr().out


def test_mistakes(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert oplib_bench.main([str(folder.parent)]) == 1
    assert "[oplib-no-library]" in capsys.readouterr().err
    assert oplib_bench.main([str(folder), "--only", "gemm"]) == 1
    assert "begins with 'gemm'; there are softmax_f32, " in capsys.readouterr().err


def test_a_peer_that_computes_something_else(folder: pathlib.Path) -> None:
    class Wrong(oplib_bench.Peer):
        name = "wrong"

        def bind(self, case: oplib_bench.Case) -> Any:
            return lambda: np.full_like(case.operands["x"], 0.25)

    library = oplib.open(folder)
    case = next(case for case in oplib_bench.cases(library) if case.family == "softmax")
    with pytest.raises(oplib.OplibError, match="wrong computes something else"):
        oplib_bench.measure(library, case, [Wrong()], 0.0)


def test_ratios() -> None:
    row = oplib_bench.Row("f", "f", "f", "v", 0, 0, {"library": 2.0, "a": 3.0, "b": 5.0})
    assert row.ratio == 1.5
    assert oplib_bench.Row("f", "f", "f", "v", 0, 0, {"library": 2.0}).ratio is None
    assert oplib_bench.geomean([1.0, 4.0]) == pytest.approx(2.0)
