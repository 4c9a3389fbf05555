# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`lathe.verify`, `lathe.bench` and the process that runs an engine for them."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.parser
import pytest
from conftest import unsupported
from lathe import _compare, bench, report, verify
from lathe._compare import Tolerance
from lathe._inputs import InputError, InputSpec, Sizes, make_inputs, parse_dim, parse_shape
from lathe._peer import Peer, PeerError
from lathe._turns import Times, race

F32 = np.dtype(np.float32)


def test_inputs_depend_on_name_shape_and_seed_alone() -> None:
    x = InputSpec("x", F32, ("n", 3))
    y = InputSpec("y", F32, ("n", 3))
    a, b = make_inputs([x, y], Sizes({"n": 2}))
    (again,) = make_inputs([x], Sizes({"n": 2}))
    (other,) = make_inputs([x], Sizes({"n": 2}), seed=1)
    assert a.tobytes() == again.tobytes()
    assert a.tobytes() != b.tobytes()
    assert a.tobytes() != other.tobytes()


def test_integer_inputs_are_in_range() -> None:
    i64 = np.dtype(np.int64)
    ids, mask = make_inputs(
        [InputSpec("ids", i64, (40, 8)), InputSpec("attention_mask", i64, (40, 8))],
        Sizes(integers=(5, 9)),
    )
    assert set(np.unique(ids)) == {5, 6, 7, 8}
    assert set(np.unique(mask)) == {0, 1}
    assert (mask[:, 0] == 1).all()
    (small,) = make_inputs([InputSpec("x", np.dtype(np.int8), (9,))], Sizes(integers=(0, 10**6)))
    assert small.dtype == np.int8


@pytest.mark.parametrize(
    ("sizes", "id"),
    [
        (Sizes(), "inputs-free-dim"),
        (Sizes({"nothing": 1}), "inputs-unknown-dim"),
        (Sizes({}, {"nothing": [1]}), "inputs-unknown-shape"),
        (Sizes({}, {"x": [1, 2]}), "inputs-shape-rank"),
        (Sizes({}, {"x": [1, 2, 4]}), "inputs-shape-fixed"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_sizes_that_make_no_inputs(sizes: Sizes, id: str) -> None:
    with pytest.raises(InputError, match=id):
        make_inputs([InputSpec("x", F32, ("n", "width", 3))], sizes)


def test_parsers() -> None:
    assert parse_dim("a=b=3") == ("a=b", 3)
    assert parse_shape("x=1x3x48") == ("x", [1, 3, 48])
    assert parse_shape("scalar=") == ("scalar", [])
    for text in ("n", "n=", "=3", "n=-1", "n=x"):
        with pytest.raises(ValueError, match="NAME=SIZE"):
            parse_dim(text)
    with pytest.raises(ValueError, match="INPUT="):
        parse_shape("x=1xx3")


@pytest.mark.parametrize(
    ("actual", "reference", "fits"),
    [
        ([1.0, 2.0], [1.0, 2.0], True),
        ([1.0, 2.0019], [1.0, 2.0], True),
        ([1.0, 2.01], [1.0, 2.0], False),
        ([0.0001, 2.0], [0.0, 2.0], True),
        ([0.0003, 2.0], [0.0, 2.0], False),
        ([0.05, 1000.0], [0.0, 1000.0], True),
        ([np.nan, np.inf], [np.nan, np.inf], True),
        ([np.nan, 1.0], [1.0, 1.0], False),
        ([1.0, 1.0], [np.nan, 1.0], False),
        ([np.inf, 1.0], [-np.inf, 1.0], False),
        ([1e30, 1.0], [np.inf, 1.0], False),
        ([], [], True),
        ([1.0], [1.0, 1.0], False),
    ],
)
def test_compare(actual: list[float], reference: list[float], fits: bool) -> None:
    a, r = np.array(actual, np.float32), np.array(reference, np.float32)
    difference = _compare.compare(a, r, F32, atol=1e-4, rtol=1e-3)
    assert (difference.excess <= 1) == fits


def test_compare_finds_the_worst_element() -> None:
    r = np.ones((3, 4), np.float32)
    a = r.copy()
    a[1, 2] = 3
    a[2, 0] = 2
    difference = _compare.compare(a, r, F32, atol=1e-4, rtol=1e-3)
    assert difference.place == (1, 2)
    assert (difference.actual, difference.reference) == (3.0, 1.0)


def test_integers_must_be_equal() -> None:
    a, r = np.array([1000], np.int64), np.array([1001], np.int64)
    assert _compare.compare(a, r, np.dtype(np.int64), atol=1, rtol=1).excess > 1


def test_verify(add_one_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify.main([str(add_one_file), "--dim", "batch=1,4,2"]) == 0
    out = capsys.readouterr().out
    assert [line.split()[1:3] for line in out.splitlines()[1:]] == [
        ["1", "1x3"],
        ["2", "4x3"],
        ["3", "2x3"],
    ]


def test_verify_says_what_differs(
    add_one_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(*_: object) -> Any:
        return [np.full((1, 3), 9, np.float32)]

    monkeypatch.setattr(verify, "_reference", wrong)
    assert verify.main([str(add_one_file), "--runs", "1"]) == 1
    captured = capsys.readouterr()
    assert "DIFFERS" in captured.out
    assert 'output "y" differs most at [0, ' in captured.err
    assert "onnxruntime has 9.0" in captured.err
    # Only what we say that the peer has is wrong, and not what nodes compute.
    assert "run 1: no node differs where all of their values are outputs" in captured.err


def test_verify_names_the_first_node(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exponentials are rounded in another way, and so is what is computed of them."""
    text = """<ir_version: 9, opset_import: ["" : 17]>
    graph (float[N, 999] x) => (float[N, 999] y) {
      half = Relu (x)
      e = Exp (half)
      y = Mul (e, e)
    }"""
    onnx.save(onnx.parser.parse_model(text), tmp_path / "m.onnx")
    words = [str(tmp_path / "m.onnx"), "--dim", "N=3", "--runs", "1", "--atol", "0", "--rtol", "0"]
    assert verify.main(words) == 1
    said = capsys.readouterr().err
    assert 'm.onnx: run 1: the first node that differs is "e" (Exp): output "e" has ' in said
    assert "but onnxruntime has" in said and "(atol 0, rtol 0) [verify-first-node]" in said


def test_verify_of_a_model_that_does_not_compile(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    onnx.save(unsupported(), tmp_path / "m.onnx")
    assert verify.main([str(tmp_path / "m.onnx")]) == 1
    assert "NoSuchOperator" in capsys.readouterr().err


def test_limits(add_one_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [str(add_one_file), "--limit", "depth=3", "--limit", "file-bytes=9"]
    assert verify.main(words) == 1
    assert "[limit-file-bytes]" in capsys.readouterr().err
    assert bench.main([*words, "--rounds", "1"]) == 1
    assert "[limit-file-bytes]" in capsys.readouterr().err
    assert report.main([*words, "-o", str(tmp_path / "page.html")]) == 1
    assert "[limit-file-bytes]" in capsys.readouterr().err
    for limit in ("nodes", "nodes=0", "nodes=many"):
        with pytest.raises(SystemExit):
            verify.main([str(add_one_file), "--limit", limit])
        assert "[limit-value]" in capsys.readouterr().err


def test_peer_runs_an_engine(add_one_file: Path, tmp_path: Path) -> None:
    for engine in ("lathe", "onnxruntime", "openvino"):
        with Peer(engine) as peer:
            loaded = peer.load(str(add_one_file), 1)
            assert [s["name"] for s in loaded["inputs"]] == ["x"]
            sizes = Sizes(shapes={"x": [4, 3]}).to_json()
            assert peer.ask(do="inputs", sizes=sizes)["shapes"] == [[4, 3]]
            assert peer.ask(do="warm", seconds=0.01)["iterations"] >= 3
            assert len(peer.ask(do="time", iterations=5)["seconds"]) == 5
            assert peer.ask(do="memory")["peak_rss"] > 1e6
            peer.ask(do="run", outputs=str(tmp_path / f"{engine}.npz"))
    results = [np.load(f)["0"] for f in sorted(tmp_path.glob("*.npz"))]
    assert len(results) == 3
    for other in results[1:]:
        np.testing.assert_array_equal(results[0], other)


def test_peer_reports_errors_and_death(add_one_file: Path, tmp_path: Path) -> None:
    onnx.save(unsupported(), tmp_path / "bad.onnx")
    with Peer("lathe") as peer:
        with pytest.raises(PeerError, match="send 'load' first"):
            peer.ask(do="time", iterations=1)
        with pytest.raises(PeerError, match="NoSuchOperator") as caught:
            peer.load(str(tmp_path / "bad.onnx"), 1)
        assert caught.value.ids
        peer.load(str(add_one_file), 1)
        with pytest.raises(PeerError, match="no request"):
            peer.ask(do="dance")
        peer._process.kill()
        peer._process.wait()
        with pytest.raises(PeerError, match="ended with code -9"):
            peer.ask(do="memory")


class Fake:
    """A peer whose outputs are all `value`, and which fails in its turn of round `end`."""

    def __init__(self, engine: str, value: float, end: int = -1) -> None:
        self.engine, self.value, self.end, self.turns = engine, value, end, 0

    def ask(self, do: str, iterations: int) -> dict[str, Any]:
        """Time calls of a second each."""
        self.turns += 1
        if self.turns == self.end:
            raise PeerError(f"{self.engine} says no")
        return {"seconds": [1.0] * iterations}


def test_engines_that_fail_or_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    def outputs(peer: Any) -> list[Any]:
        if np.isnan(peer.value):
            raise PeerError("no outputs")
        return [np.full(8, peer.value, np.float32)]

    monkeypatch.setattr("lathe._turns.read_outputs", outputs)
    peers = [Fake("lathe", 1), Fake("a", 2), Fake("b", 1, end=2), Fake("c", np.nan), Fake("d", 1)]
    runners: Any = [(peer, 3) for peer in peers]
    results, problems = race(runners, 4)
    assert problems == {
        "a": "outputs differ: by 1 at (0,)",
        "b": "b says no",
        "c": "no outputs",
    }
    assert list(results) == ["lathe", "a", "d"]
    assert [result.times.calls for result in results.values()] == [12, 12, 12]
    assert results["lathe"].difference is None
    # Without Lathe there is nothing to compare with.
    results, problems = race(runners[1:2], 1)
    assert results["a"].difference is None and not problems


def test_codes_may_be_a_step_apart() -> None:
    a = np.array([3, 255], np.uint8)
    assert Tolerance(codes=255).compare(a, np.array([4, 254], np.uint8)).excess <= 1
    assert Tolerance(codes=255).compare(a, np.array([3, 253], np.uint8)).excess > 1
    assert Tolerance().compare(a, np.array([3, 254], np.uint8)).excess > 1


def test_times_of_one_call() -> None:
    assert Times.of([0.5]) == Times(1, 0.5, 0.5, 0.0)
    assert math.isclose(Times.of([1.0, 2.0, 3.0]).spread, 1.0)


def test_bench(add_one_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.json"
    chart = tmp_path / "out.html"
    arguments = ["--against", "onnxruntime", "--rounds", "2", "--slice", "0.01", "--json", str(out)]
    arguments += ["--html", str(chart)]
    assert bench.main([str(add_one_file), "--threads", "1,2", "--dim", "batch=5", *arguments]) == 0
    data = json.loads(out.read_text())
    engines = [(r["engine"], r["threads"]) for r in data["rows"]]
    assert engines == [("lathe", 1), ("onnxruntime", 1), ("lathe", 2), ("onnxruntime", 2)]
    for row in data["rows"]:
        assert 0 < row["min_ms"] <= row["median_ms"]
        assert row["inputs"] == "5x3"
        assert row["iterations"] >= 2
        assert row["difference"] == (0 if row["engine"] == "onnxruntime" else None)
    printed = capsys.readouterr().out
    assert "median ms" in printed
    assert "onnxruntime, 2 threads: geometric mean" in printed
    text = chart.read_text()
    assert text.count("<rect") == 4
    assert "5x3" in text and "onnxruntime" in text
    assert "http" not in text.replace("http-equiv", "")


def test_bench_goes_on_after_a_failure(
    add_one_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    onnx.save(unsupported(), add_one_file.parent / "bad.onnx")
    code = bench.main(["--suite", str(add_one_file.parent), "--rounds", "2", "--slice", "0.01"])
    assert code == 1
    captured = capsys.readouterr()
    assert "add_one" in captured.out
    assert "bad: lathe:" in captured.err


@pytest.mark.parametrize(
    "arguments",
    [[], ["none.onnx"], ["--suite", "none"], ["m.onnx", "--against", "nobody"]],
    ids=str,
)
def test_bench_refuses_wrong_usage(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        bench.main(arguments)
    assert caught.value.code == 2


def test_the_batch_is_one_where_nothing_is_said() -> None:
    (x,) = make_inputs([InputSpec("x", F32, ("batch", 3))], Sizes())
    assert x.shape == (1, 3)


def test_a_reader_that_has_gone() -> None:
    """`lathe bench --ops list | head -1` says nothing of a pipe."""
    command = [sys.executable, "-m", "lathe.ops_bench", "list"]
    done = subprocess.run(
        ["sh", "-c", 'trap "" PIPE; "$@" | true', "sh", *command], capture_output=True, text=True
    )
    assert done.returncode == 0 and done.stderr == ""
