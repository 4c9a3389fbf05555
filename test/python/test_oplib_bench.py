# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`lathe.oplib_bench`: a library beside other packages."""

from __future__ import annotations

import json
import pathlib
import subprocess
from typing import Any

import numpy as np
import pytest
from lathe import oplib, oplib_bench, oplib_choices
from test_oplib import LATHE

SPEC = """\
lathe-oplib: 1
name: few
targets: [x86_64:v2, x86_64:v3]
ops:
  softmax: {}
  conv2d: {shapes: [{kernel: 3, pad: 1, channels: 8, filters: 8, groups: 8}]}
"""


def build(folder: pathlib.Path, spec: str) -> pathlib.Path:
    """Where the library of a specification is."""
    (folder / "ops.yaml").write_text(spec)
    command = [str(LATHE), "oplib", "build", "ops.yaml", "-o", "ops"]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    return folder / "ops"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Where a library of a softmax and a convolution is."""
    return build(tmp_path_factory.mktemp("few"), SPEC)


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


PRODUCTS = """\
lathe-oplib: 1
name: products
targets: [x86_64:v2, x86_64:v3]
ops:
  gemm: {b: [plain, packed], hot: [[4, 16, 8]]}
"""


@pytest.fixture(scope="module")
def products(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Where a library of products is."""
    return build(tmp_path_factory.mktemp("products"), PRODUCTS)


def test_choices(
    products: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = tmp_path / "figures.json"
    words = [str(products), "gemm_f32", "--seconds", "0.01", "--isa", "v2"]
    words += ["--json", str(figures), "--most", "64"]
    assert oplib_choices.main([*words, "--shapes", "5", "--seed", "3"]) == 0
    rows = json.loads(figures.read_text())
    assert len(rows) == 5
    for row in rows:
        assert set(row["sizes"]) == {"m", "n", "k"} and max(row["sizes"].values()) <= 64
        assert row["variant"] in row["seconds"]
        # The kernels of 4x16x8 are for no other size; those for one row are for these rows only.
        assert {"v2.any"} <= set(row["seconds"]) <= {"v2.any", "v2.row"}
        assert ("v2.row" in row["seconds"]) == (row["sizes"]["m"] == 1)
    assert "gemm_f32, 5 sizes: the choice has " in capsys.readouterr().out
    assert oplib_choices.main([*words, "--hot"]) == 0
    (row,) = json.loads(figures.read_text())
    assert row["sizes"] == {"m": 4, "n": 16, "k": 8}
    assert "v2.4x16x8" in row["seconds"] and row["variant"] != "v2.4x16x8"
    assert "gemm_f32, 1 sizes of their own kernels: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["softmax"], "only gemm_f32, gemm_packed_f32 [oplib-choices-op]"),
        (["gemm_packed_f32"], "packed for one variant only [oplib-choices-packed]"),
        (["gemm_f32", "--isa", "v9"], "force v9: "),
    ],
)
def test_mistakes_of_choices(
    products: pathlib.Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert oplib_choices.main([str(products), *words]) == 1
    assert message in capsys.readouterr().err


def test_a_share_is_that_of_the_fastest() -> None:
    choice = oplib_choices.Choice("op", {"m": 1}, "b", {"a": 1.0, "b": 4.0})
    assert (choice.best, choice.share) == ("a", 0.25)


def test_choices_of_a_library_without_kernels_of_single_sizes(
    folder: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert oplib_choices.main([str(folder), "softmax_f32", "--hot"]) == 1
    assert (
        "softmax_f32 has no kernels of single sizes [oplib-choices-hot]" in capsys.readouterr().err
    )


def test_choices_among_sizes_that_are_too_large(
    products: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(oplib_choices, "_MOST_ELEMENTS", 2)
    assert oplib_choices.main([str(products), "gemm_f32", "--shapes", "2"]) == 1
    assert "for gemm_f32, 0 have no kernels of their own" in capsys.readouterr().err
