# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The page of `lathe report`: one file, all of the model, and a browser shows it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import lathe
import numpy as np
import onnx
import pytest
from conftest import make_model
from lathe import _speed, report
from onnx import TensorProto, helper


@pytest.fixture
def page(tmp_path: Path) -> Path:
    weights = {"w": np.ones((4, 4), np.float32), "v": np.ones((4, 4), np.float32)}
    model = make_model(
        [
            helper.make_node("MatMul", ["x", "w"], ["a"], "left"),
            helper.make_node("MatMul", ["x", "v"], ["b"], "right</script>"),
            helper.make_node("Concat", ["a", "b"], ["c"], "join", axis=1),
            helper.make_node("Softmax", ["c"], ["y"], "soft", axis=1),
        ],
        [("x", TensorProto.FLOAT, (2, 4))],
        [("y", TensorProto.FLOAT, (2, 8))],
        weights,
    )
    onnx.save(model, tmp_path / "m.onnx")
    assert report.main([str(tmp_path / "m.onnx"), "-o", str(tmp_path / "m.html")]) == 0
    return tmp_path / "m.html"


def test_the_page_needs_nothing_else(page: Path) -> None:
    text = page.read_text()
    assert not re.search(r"(?:src|href)=|@import|url\(|https?://", text)
    assert text.count("<script") == text.count("</script>") == 2


def test_all_phases_and_kernels_are_there(page: Path) -> None:
    text = page.read_text()
    match = re.search(r'<script id="data" type="application/json">(.*?)</script>', text, re.DOTALL)
    assert match
    columns = json.loads(match[1])
    assert [c["name"] for c in columns][: len(report.PHASES)] == list(report.PHASES)
    model = lathe.compile(page.with_suffix(".onnx"))
    for kernel in model.kernels:
        assert f'<tr data-kernel="{kernel["name"]}">' in text
        assert f'<g class="kernel" data-kernel="{kernel["name"]}">' in text
    by_phase = {c["name"]: [title for title, _ in c["parts"]] for c in columns}
    for phase in ("partition", "lower", "schedule"):
        assert {k["name"] for k in model.kernels} <= set(by_phase[phase])
    whole = "\n".join(part for _, part in next(c for c in columns if c["name"] == "lower")["parts"])
    assert whole.strip() == model.ir(after="lower").strip()


def test_the_graph_follows_the_values() -> None:
    boxes = report.read_graph(
        'func.func @main(%arg0: tensor<2x4xf32> {graph.name = "x"}) -> tensor<2x8xf32> {\n'
        "  %0 = kernel.call @left(%arg0) : (tensor<2x4xf32>) -> tensor<2x4xf32>\n"
        "  %1 = kernel.call @right(%arg0) : (tensor<2x4xf32>) -> tensor<2x4xf32>\n"
        "  %2 = kernel.call @join(%0, %1) : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x8xf32>\n"
        "}\n"
    )
    assert [(b.label, b.shape, b.sources, b.layer) for b in boxes] == [
        ("x", "2x4 f32", [], 0),
        ("left", "2x4 f32", [0], 1),
        ("right", "2x4 f32", [0], 1),
        ("join", "2x8 f32", [1, 2], 2),
    ]


def test_a_browser_unfolds_a_kernel(page: Path, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium is installed")
    kernel = lathe.compile(page.with_suffix(".onnx")).kernels[0]["name"]
    words = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    result = subprocess.run(
        [*words, f"--user-data-dir={tmp_path / 'profile'}", f"file://{page}#{kernel}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    chosen = re.findall(r'<details open="" class="chosen"><summary>@([\w.]+)', result.stdout)
    assert chosen == [kernel, kernel]
    assert len(re.findall("<select>", result.stdout)) == 2


def test_times_and_shares_of_peak(
    page: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = lathe.compile(page.with_suffix(".onnx"))
    names = {k["name"]: k["key"] for k in model.kernels}
    kernel = next(n for n in names if n.startswith("matmul"))
    row = {"key": names[kernel], "kernel": kernel, "ms": 0.5, "share": 0.25, "launches": 2}
    figures = {"ms": 2.0, "threads": 1, "rounds": 3, "kernels": [row]}
    (tmp_path / "p.json").write_text(json.dumps(figures))
    words = [str(page.with_suffix(".onnx")), "-o", str(tmp_path / "p.html")]
    assert report.main([*words, "--profile", str(tmp_path / "p.json")]) == 0
    text = (tmp_path / "p.html").read_text()
    assert "<dd>2.000 ms on 1 thread</dd>" in text and "GFLOP/s, a product of f32" in text
    assert f"<td>{kernel}</td><td>0.500</td><td>25.0 %</td><td>0.0 %</td>" in text
    assert re.search(r'<rect class="time" x="\d+" y="\d+" width="47.5"', text)
    other: list[dict[str, object]] = [
        {**figures, "kernels": [{**row, "key": "0" * 32}]},
        {**figures, "kernels": [{"key": "0" * 32}]},
        {**figures, "threads": 0},
    ]
    for field in row:
        other.append({**figures, "kernels": [{k: v for k, v in row.items() if k != field}]})
    for damaged in ("{", *map(json.dumps, other)):
        (tmp_path / "p.json").write_text(damaged)
        assert report.main([*words, "--profile", str(tmp_path / "p.json")]) == 1
        assert "[report-profile]" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%1 = graph.matmul %0, %2 : (tensor<5x3xf32>, tensor<3x7xf32>) -> tensor<5x7xf32>", 210),
        ("graph.conv %a, %b : (tensor<1x4x9xf32>, tensor<6x2x3xf32>) -> tensor<1x6x7xf32>", 504),
        ("graph.relu %a : tensor<4xf32>", 0),
        ("graph.matmul %a, %b : (tensor<?x3xf32>, tensor<3x7xf32>) -> tensor<?x7xf32>", None),
    ],
)  # fmt: skip
def test_operations_are_counted(text: str, expected: int | None) -> None:
    assert _speed.operations(text) == expected


def test_what_cannot_be_written_or_compiled(
    page: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = str(page.with_suffix(".onnx"))
    assert report.main([model, "-o", str(tmp_path / "none" / "r.html")]) == 1
    assert "[report-write-failed]" in capsys.readouterr().err
    assert report.main([str(tmp_path / "none.onnx"), "-o", str(tmp_path / "r.html")]) == 1
    assert "[model-not-readable]" in capsys.readouterr().err
