# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The runner of ONNX's backend tests must survive and name every way in which a case can end."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "conformance"))

import run_conformance

WORKER = """
import json, os, signal, sys, time
print(json.dumps({"names": ["crash", "exit", "hang", "ok"]}), flush=True)
for line in sys.stdin:
    name = line.strip()
    if name == "crash": os.kill(os.getpid(), signal.SIGSEGV)
    if name == "exit": sys.exit(3)
    if name == "hang": time.sleep(60)
    print(json.dumps({"name": name, "result": "pass"}), flush=True)
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """Return a worker that does what the name of the case says."""
    path = tmp_path / "worker.py"
    path.write_text(WORKER)
    return path


def test_every_end_is_named_and_the_next_case_runs(script: Path) -> None:
    names = ["ok", "crash", "ok", "exit", "hang", "ok"]
    worker = run_conformance.Worker(1.0, script)
    results = [worker.run(name) for name in names]
    worker.stop()
    ends = [(r["name"], r["result"]) for r in results]
    assert ends == [
        ("ok", "pass"),
        ("crash", "crash"),
        ("ok", "pass"),
        ("exit", "crash"),
        ("hang", "hang"),
        ("ok", "pass"),
    ]
    assert results[1]["detail"] == "signal 11"
    assert results[3]["detail"] == "exit code 3"


def test_all_cases_are_run_once_by_several_workers(script: Path) -> None:
    workers = [run_conformance.Worker(1.0, script) for _ in range(3)]
    names = workers[0].names()
    results = run_conformance.run_all([*names, "a", "b"], workers)
    assert [r["name"] for r in results] == ["a", "b", "crash", "exit", "hang", "ok"]


@pytest.mark.parametrize(
    ("names", "expected", "code"),
    [
        (["ok"], "ok\n", 0),
        (["ok"], "", 0),
        (["ok"], "ok\nnot_run\n", 0),
        (["ok", "crash"], "ok\n", 1),
    ],
    ids=["all", "new", "not chosen", "crash"],
)
def test_exit_code(
    script: Path, monkeypatch: pytest.MonkeyPatch, names: list[str], expected: str, code: int
) -> None:
    listed = script.with_name("expected_passes.txt")
    listed.write_text(f"# passes\n{expected}")
    monkeypatch.setattr(run_conformance, "EXPECTED", listed)
    monkeypatch.setattr(run_conformance.Worker.__init__, "__defaults__", (script, "CPU"))
    monkeypatch.setattr(sys, "argv", ["run_conformance.py", f"^({'|'.join(names)})$"])
    assert run_conformance.main() == code


def test_a_lost_pass_fails(
    script: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script.write_text(WORKER.replace('"pass"', '"error", "id": "x", "detail": ""'))
    listed = script.with_name("expected_passes.txt")
    listed.write_text("ok\n")
    monkeypatch.setattr(run_conformance, "EXPECTED", listed)
    monkeypatch.setattr(run_conformance.Worker.__init__, "__defaults__", (script, "CPU"))
    monkeypatch.setattr(sys, "argv", ["run_conformance.py", "ok"])
    assert run_conformance.main() == 1
    assert "LOST ok" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ('"difference": 0.5', 0),
        ('"difference": 0.75', 1),
        ('"detail": "another shape"', 1),
    ],
    ids=["as stated", "larger", "another shape"],
)
def test_only_the_stated_difference_is_excused(
    script: Path, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    script.write_text(WORKER.replace('"result": "pass"', f'"result": "wrong", {answer}'))
    known = script.with_name("known_differences.txt")
    known.write_text("# differences\nok 0.5 half of it is a draw\n")
    monkeypatch.setattr(run_conformance, "KNOWN", known)
    monkeypatch.setattr(run_conformance, "EXPECTED", script.with_name("none.txt"))
    monkeypatch.setattr(run_conformance.Worker.__init__, "__defaults__", (script, "CPU"))
    monkeypatch.setattr(sys, "argv", ["run_conformance.py", "^ok$"])
    assert run_conformance.main() == code


def test_update_writes_the_passes_of_a_clean_run(
    script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = script.with_name("expected_passes.txt")
    monkeypatch.setattr(run_conformance, "EXPECTED", listed)
    monkeypatch.setattr(run_conformance.Worker.__init__, "__defaults__", (script, "CPU"))
    monkeypatch.setattr(sys, "argv", ["run_conformance.py", "--update", "--timeout", "1"])
    assert run_conformance.main() == 1  # Some cases crash: nothing is written.
    assert not listed.exists()
    clean = WORKER.replace('"crash", "exit", "hang", "ok"', '"fine", "ok"')
    script.write_text(clean)
    assert run_conformance.main() == 0
    assert run_conformance.read_expected() == {"fine", "ok"}
