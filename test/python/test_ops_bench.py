# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`lathe.ops_bench`: the table of operators, what they compute and move, and a run of a few."""

from __future__ import annotations

import importlib.util
import json
import sys
import types
from pathlib import Path
from typing import Any

import lathe
import numpy as np
import onnx
import onnxruntime
import pytest
from lathe import _op_shapes, _roof, _torch_ops, ops_bench
from lathe._engines import OP_ENGINES
from lathe._inputs import InputSpec, Sizes, make_inputs
from lathe._op_cases import OPS, Case, SizesError, make
from lathe._op_shapes import GROUPS, OpsError, choose

# One of each operator, small, with what it computes and moves, counted by hand.
COUNTS = [
    ("matmul:3x5x7", 2 * 3 * 5 * 7, 4 * (15 + 35 + 21)),
    ("matmul:2x3x5x7", 2 * 2 * 3 * 5 * 7, 4 * 2 * (15 + 35 + 21)),
    # 8x8 points of which every second counts: 4x4 results of 9 taps.
    ("conv:6x8x8-4k3s2g2", 2 * 4 * 16 * 3 * 9, 4 * (6 * 64 + 4 * 3 * 9 + 4 + 4 * 16)),
    ("conv:3x9x6-5k1", 2 * 5 * 54 * 3, 4 * (3 * 54 + 15 + 5 + 5 * 54)),
    ("depthwise:4x7x7-k5", 2 * 4 * 49 * 25, 4 * (4 * 49 + 4 * 25 + 4 + 4 * 49)),
    ("attention:2x3x5x8", 2 * 2 * (2 * 3 * 5 * 8), 4 * (2 * 3 * 8 * 2 + 2 * 5 * 8 * 2)),
    ("attention:2x1x1x5x8", 2 * 2 * (2 * 5 * 8), 4 * (2 * 8 * 2 + 2 * 5 * 8 * 2)),
    ("layer_norm:3x10", 0, 4 * (30 + 10 + 10 + 30)),
    ("rms_norm:2x3x10", 0, 4 * (60 + 10 + 60)),
    ("instance_norm:2x3x5x5", 0, 4 * (150 + 3 + 3 + 150)),
    ("group_norm:1x32x3x3", 0, 4 * (288 + 32 + 32 + 288)),
    ("softmax:3x10", 0, 4 * 60),
    ("reduce_sum:3x4x5@02", 0, 4 * (60 + 4)),
    ("reduce_mean:3x4@1", 0, 4 * (12 + 3)),
    ("reduce_max:3x4@01", 0, 4 * (12 + 1)),
    ("arg_max:3x4@1", 0, 4 * 12 + 8 * 3),
    ("add:3x4", 0, 4 * 36),
    ("mul:12", 0, 4 * 36),
    *((f"{op}:3x4", 0, 4 * 24) for op in ("relu", "gelu", "tanh", "exp", "sigmoid", "silu")),
    ("transpose:3x4x5@201", 0, 4 * 120),
    ("matmul_int8:3x8x7", 2 * 3 * 8 * 7, 24 + 56 + 21),
    ("conv_int8:3x6x6-4k3", 2 * 4 * 36 * 27, 3 * 36 + 4 * 27 + 4 * 36),
    # 64 rows of 7 columns in half a byte, and a scale for 32 of a column.
    ("matmul_int4:3x64x7", 2 * 3 * 64 * 7, 4 * (3 * 64 + 21) + 7 * 32 + 4 * 7 * 2),
]
NAMES = [name for name, _, _ in COUNTS]


def one(name: str) -> Case:
    """The case of that name."""
    (case,) = choose(name)
    return case


@pytest.mark.parametrize(("name", "operations", "moved"), COUNTS, ids=NAMES)
def test_what_an_operator_computes_and_moves(name: str, operations: int, moved: int) -> None:
    case = one(name)
    assert (case.name, case.operations, case.moved) == (name, operations, moved)


def inputs_of(case: Case) -> list[Any]:
    """Random inputs."""
    specs = [InputSpec(t.name, np.dtype(t.dtype), t.shape) for t in case.inputs]
    return make_inputs(specs, Sizes(integers=(0, 256)))


@pytest.mark.parametrize("name", NAMES)
def test_the_model_is_that_operator(name: str) -> None:
    case = one(name)
    model = onnx.load_from_string(case.model())
    onnx.checker.check_model(model)
    assert {i.name for i in model.graph.input} == {t.name for t in case.inputs}
    arrays = inputs_of(case)
    (own,) = lathe.compile(case.model(), cache=False)(*arrays)
    session = onnxruntime.InferenceSession(case.model(), providers=["CPUExecutionProvider"])
    (other,) = session.run(None, {t.name: a for t, a in zip(case.inputs, arrays, strict=True)})
    assert own.shape == case.output.shape and own.dtype == case.output.dtype
    assert case.tolerance.compare(own, other).excess <= 1
    # It computes something: with other values of the input, the output is another one.
    assert own.size == 1 or len(np.unique(own)) > 1


def test_operators_are_tested_and_in_the_table() -> None:
    assert {name.partition(":")[0] for name in NAMES} == set(OPS)
    cases = choose("all")
    assert 60 <= len(cases) <= 80
    assert len({case.name for case in cases}) == sum(
        len(sizes) for ops in GROUPS.values() for sizes in ops.values()
    )
    assert {_op_shapes.group_of(case.op) for case in cases} == set(GROUPS)
    assert all(line in _op_shapes.listing() for line in (case.name for case in cases))


def test_names() -> None:
    assert choose("transpose,softmax")[0].op == "transpose"
    assert {case.op for case in choose("norm")} == set(GROUPS["norm"])
    assert [case.name for case in choose("add:3,add:3,mul:4")] == ["add:3", "mul:4"]
    assert {case.op for case in choose("gelu")} == {"gelu"}
    assert _op_shapes.group_of("sigmoid") == "elementwise"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gem", r"'gem'; did you mean 'gemm'\? \[bench-ops-name\]"),
        ("gemm,", r"is called ''; there are all, list, gemm, .*conv_int8"),
        ("ad:3x3", r"no operator is called 'ad'; did you mean 'add'\?"),
        ("gemm:3x3x3", "no operator is called 'gemm'"),
        ("sigmoid", "as in sigmoid:1000x1000"),
        ("matmul:3x3", r"sizes are not MxKxN or BxMxKxN .*\[bench-ops-sizes\]"),
        ("matmul:3x0x3", "sizes are not MxKxN"),
        ("conv:3x8x8", "sizes are not CxHxW-FkK"),
        ("conv:3x8x8-4k3s0", "sizes are not CxHxW-FkK"),
        ("conv:9x8x8-4k3g2", "2 groups do not divide 9 channels and 4 filters"),
        ("group_norm:1x8x3x3", "32 groups do not divide 8 channels"),
        ("reduce_sum:3x3", "sizes are not a shape, @ and the axes"),
        ("reduce_sum:3x3@2", "different digits from 0 to 1"),
        ("reduce_sum:3x3@00", "different digits from 0 to 1"),
        ("arg_max:3x3@01", "there is one axis"),
        ("transpose:3x3@1", "the order has 1 of 2 axes"),
        ("matmul_int4:3x33x8", "K is 33, no multiple of 32"),
        ("matmul_int8:2x3x4x5", "sizes are not MxKxN"),
        ("add:99999x99999", "119997600012 bytes; at most 2146435072"),
        (f"add:{'9' * 5000}", "sizes are not a shape"),
        ("add:\u0663", "sizes are not a shape"),
    ],
)
def test_texts_that_name_no_operators(
    text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(OpsError, match=message):
        choose(text)
    assert ops_bench.main([text]) == 2
    assert "lathe bench --ops: error: " in capsys.readouterr().err


class Known(_roof.Roof):
    """A roof that needs no measuring."""

    def measure_products(self) -> None:
        self.f32 = self.int8 = 1e9


def test_a_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ops_bench, "Roof", Known)
    monkeypatch.setattr(ops_bench, "_WARM_S", 0.01)
    figures, page = tmp_path / "f.json", tmp_path / "p.html"
    words = ["softmax:16x77,matmul:16x32x24", "--against", "onnxruntime", "--threads", "1,2"]
    words += ["--rounds", "2", "--slice", "0.01", "--json", str(figures), "--html", str(page)]
    assert ops_bench.main(words) == 0
    data = json.loads(figures.read_text())
    assert data["failures"] == [] and data["rounds"] == 2
    assert [peak["threads"] for peak in data["peaks"]] == [1, 2]
    rows = data["rows"]
    assert [(r["op"], r["threads"], r["engine"]) for r in rows] == [
        (op, threads, engine)
        for threads in (1, 2)
        for op in ("softmax", "matmul")
        for engine in ("lathe", "onnxruntime")
    ]
    for row in rows:
        assert 0 < row["min_ms"] <= row["median_ms"] and row["calls"] >= 2
        assert row["bytes"] == (
            2 * 16 * 77 * 4 if row["op"] == "softmax" else 4 * (512 + 768 + 384)
        )
        peak = next(p for p in data["peaks"] if p["threads"] == row["threads"])
        if row["op"] == "matmul":
            assert (row["group"], row["operations"]) == ("gemm", 2 * 16 * 32 * 24)
            if row["bound"] == "product":
                least = row["operations"] / peak["f32"]
                assert row["share"] == pytest.approx(least / row["median_ms"] * 1e3)
        else:
            assert (row["bound"], row["operations"]) == ("copy", 0)
        own = next(r for r in rows if (r["op"], r["threads"]) == (row["op"], row["threads"]))
        assert row["speed"] == pytest.approx(row["median_ms"] / own["median_ms"])
        assert (row["difference"] is None) == (row["engine"] == "lathe")
    out = capsys.readouterr().out
    assert "softmax:16x77" in out and "all, 2 threads: " in out
    assert "least beside onnxruntime, 1 thread: " in out
    text = page.read_text()
    assert text.count("<svg") == 4 and text.count("<rect") == 8
    assert "http" not in text


def test_the_options_are_tried_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert ops_bench.main(["all", "--target", "nowhere"]) == 1
    err = capsys.readouterr().err
    assert err.count("[target-unknown-arch]") == 1 and "[1/" not in err


def test_wrong_options(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for words, message in (
        (["--against", "nobody"], "'nobody' is no engine to compare with; there are: onnxruntime"),
        (["--against", "torch"], "torch is not installed; install it: "),
        (["--json", str(tmp_path / "none/f.json")], "its folder is not there"),
        (["--rounds", "0"], "'0' is not a whole number of 1 or more"),
    ):
        with pytest.raises(SystemExit) as caught:
            ops_bench.main(["add:8", *words])
        assert caught.value.code == 2
        assert message in capsys.readouterr().err
    monkeypatch.undo()
    with pytest.raises(SystemExit):
        ops_bench.main(["add:8", "--against", "openvino,openvino"])
    assert "'openvino' is given twice" in capsys.readouterr().err


def test_an_engine_that_ends_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ops_bench, "Roof", Known)
    both = ["lathe", "onnxruntime"]
    with ops_bench.Contest(both, 1, {"cache": False}, tmp_path) as contest:
        case = make("add", "8")
        for _ in range(2):
            results, failures = contest.measure(case, 1, 0.001)
            assert [engine for engine, *_ in results] == both and not failures
            contest._peers["onnxruntime"]._process.kill()
            contest._peers["onnxruntime"]._process.wait()


def test_a_failure_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*_: Any) -> Any:
        return [], [ops_bench.OpFailure("add:8", 1, "openvino", "it says <no>")]

    monkeypatch.setattr(ops_bench, "Roof", Known)
    monkeypatch.setattr(ops_bench.Contest, "measure", fail)
    page = tmp_path / "p.html"
    assert ops_bench.main(["add:8", "--html", str(page)]) == 1
    assert "add:8, 1 thread: openvino: it says <no>" in capsys.readouterr().err
    assert "add:8, 1 thread, openvino: it says &lt;no&gt;" in page.read_text()


def row(op: str, engine: str, threads: int, share: float, speed: float | None) -> Any:
    """A row with these figures."""
    group = _op_shapes.group_of(op)
    return ops_bench.OpRow(
        *(group, op, "8", threads, engine, "1", 0, 96, "copy", 2, 1.0, 1.0, 0.0, share, speed)
    )


def test_means_and_the_worst() -> None:
    rows = [
        row("add", "lathe", 1, 0.2, 1.0),
        row("add", "onnxruntime", 1, 0.1, 2.0),
        row("softmax", "lathe", 1, 0.8, 1.0),
        row("softmax", "onnxruntime", 1, 0.4, 0.5),
        row("softmax", "lathe", 2, 0.8, 1.0),
    ]
    found = {(m.group, m.threads): m for m in ops_bench.means(rows)}
    assert found["all", 1].share == pytest.approx(0.4)
    mean, count = found["all", 1].speed["onnxruntime"]
    assert mean == pytest.approx(1.0) and count == 2
    assert found["elementwise", 1].speed == {"onnxruntime": (2.0, 1)}
    assert ("elementwise", 2) not in found and found["softmax", 2].speed == {}
    assert str(found["elementwise", 1]) == (
        "elementwise, 1 thread: 20% of the roof, 2.00x onnxruntime (1 ops)"
    )
    assert ops_bench.worst(rows) == [
        "least beside onnxruntime, 1 thread: softmax:8 0.50x, add:8 2.00x"
    ]
    assert ops_bench.worst([r for r in rows if r.engine == "lathe"]) == [
        "least beside the roof, 1 thread: add:8 20%, softmax:8 80%"
    ]


def assert_roof(roof: _roof.Roof, case: Case, seconds: float, bound: str) -> None:
    """Check the least time of an operator, and what bounds it."""
    least, by = roof.seconds(case)
    assert by == bound and least == pytest.approx(seconds)


def test_the_roof_is_the_longer_of_two_times() -> None:
    roof = _roof.Roof(1, f32=1e9, int8=4e9)
    case = make("matmul", "10x20x30")
    roof._copies[case.moved] = 1e12
    assert_roof(roof, case, 12000 / 1e9, "product")
    roof._copies[case.moved] = 1e6
    assert_roof(roof, case, 4400 / 1e6, "copy")
    quantized = make("matmul_int8", "10x20x30")
    roof._copies[quantized.moved] = 1e12
    assert_roof(roof, quantized, 12000 / 4e9, "product")


def test_products_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 1e8 < _roof._speed_of("matmul", "64x64x64", 1) < 1e14
    assert 1e8 < _roof._speed_of("matmul_int8", "64x64x64", 1) < 1e14
    speeds = {"matmul": [2.0, 5.0, 1.0, 1.0], "matmul_int8": [9.0, 7.0]}
    monkeypatch.setattr(_roof, "measure_peak", lambda threads: 3.0)
    monkeypatch.setattr(_roof, "_speed_of", lambda op, sizes, threads: speeds[op].pop(0))
    roof = _roof.Roof(1)
    for _ in range(2):
        roof.measure_products()
        assert (roof.f32, roof.int8) == (5.0, 9.0)


@pytest.mark.parametrize("threads", [1, 2])
def test_copies_are_measured(threads: int) -> None:
    assert 1e8 < _roof.measure_copy(1 << 18, threads) < 1e13


def test_torch_has_functions_of_all_but_quantized_operators() -> None:
    assert set(OPS) - set(_torch_ops.FUNCTIONS) == {"matmul_int8", "conv_int8", "matmul_int4"}


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")
@pytest.mark.parametrize("name", [n for n in NAMES if n.partition(":")[0] in _torch_ops.FUNCTIONS])
def test_torch_computes_the_same(name: str, tmp_path: Path) -> None:
    case = one(name)
    arrays = inputs_of(case)
    engine: Any = _torch_ops.TorchEngine("", 1, {"case": [case.op, case.sizes]})
    assert [s.shape for s in engine.inputs] == [t.shape for t in case.inputs]
    (own,) = lathe.compile(case.model(), cache=False)(*arrays)
    for _ in range(2):
        (other,) = engine.run(arrays)
        assert case.tolerance.compare(own, other).excess <= 1


def test_torch_without_its_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", types.ModuleType("torch"))
    kind: Any = OP_ENGINES["torch"]
    with pytest.raises(ValueError, match="single operators only"):
        kind("m.onnx", 1, {})
    with pytest.raises(ValueError, match="no function of torch for matmul_int8"):
        kind("m.onnx", 1, {"case": ["matmul_int8", "3x8x7"]})


def test_sizes_are_checked_in_python_too() -> None:
    with pytest.raises(SizesError, match="sizes are not"):
        make("softmax", "3x")
