# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""tools/check counts what its sections report, goes on after a failure, and fails if one did."""

from __future__ import annotations

import os
import pathlib
import sys

import pytest
import tree

sys.path.insert(0, str(tree.ROOT / "tools/dev"))
import run_checks

REPORT = """<testsuites><testsuite>
<testcase name="a"/><testcase name="b"><failure message="no"/></testcase>
<testcase name="c"><skipped/></testcase><testcase name="d"/>
</testsuite></testsuites>"""


@pytest.fixture(autouse=True)
def logs(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_checks, "LOGS", tmp_path)


def shell(name: str, text: str, junit: bool = False) -> run_checks.Section:
    return run_checks.Section(name, "a test", ("sh", "-c", text), junit)


def outcome(text: str, junit: bool = False) -> tuple[int, int, int]:
    result = run_checks.run(shell("one", text, junit))
    return result.passed, result.failed, result.skipped


def test_a_command_is_one_test() -> None:
    assert outcome("true") == (1, 0, 0)
    assert outcome("exit 3") == (0, 1, 0)


def test_a_report_is_counted(tmp_path: pathlib.Path) -> None:
    (tmp_path / "report").write_text(REPORT)
    write = f"cp {tmp_path}/report {tmp_path}/one.xml"
    assert outcome(f"{write}; exit 1", junit=True) == (2, 1, 1)


@pytest.mark.parametrize(
    "text",
    ["true", "echo broken > one.xml", "echo '<testsuite/>' > one.xml", "exit 1"],
)
def test_no_report_is_a_failure(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(run_checks, "ROOT", tmp_path)
    assert outcome(text, junit=True)[1] == 1


def test_a_crash_after_a_clean_report_is_a_failure(tmp_path: pathlib.Path) -> None:
    (tmp_path / "report").write_text("<testsuite><testcase name='a'/></testsuite>")
    assert outcome(f"cp {tmp_path}/report {tmp_path}/one.xml; kill -SEGV $$", junit=True) == (
        1,
        1,
        0,
    )


def test_a_missing_program_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    result = run_checks.run(run_checks.Section("one", "a test", ("/no/such/program",)))
    assert result.failed == 1
    assert "[check-no-program]" in capsys.readouterr().out


def test_a_section_that_does_not_end_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run_checks, "SECTION_LIMIT", 0.2)
    assert outcome("exec sleep 60") == (0, 1, 0)
    assert "one: error: not done after 0.2 seconds [check-no-end]" in capsys.readouterr().out


@pytest.mark.parametrize("fault", ["os.abort()", "time.sleep(60)"])
def test_a_test_that_crashes_or_hangs_is_a_failure_and_the_others_run(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    head = "import os, time, pytest\n@pytest.mark.parametrize('number', range(20))\n"
    (tmp_path / "test_bad.py").write_text(f"{head}def test(number):\n    {fault}\n")
    for name in ("one", "two", "three"):
        (tmp_path / f"test_{name}.py").write_text(f"{head}def test(number):\n    pass\n")
    monkeypatch.setattr(run_checks, "TEST_LIMIT", 2)
    monkeypatch.setattr(run_checks, "ROOT", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    result = run_checks.run(run_checks.pytest("one", "a test", ".", "-p", "no:cacheprovider"))
    assert (result.failed, result.skipped) == (1, 0)
    assert result.passed >= 20


def test_main_goes_on_and_sums_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sections = (shell("bad", "exit 1"), shell("good", "true"))
    monkeypatch.setattr(run_checks, "SECTIONS", sections)
    monkeypatch.setattr(sys, "argv", ["check", "--setup-seconds", "7"])
    assert run_checks.main() == 1
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1] == "1 passed, 1 failed"
    assert any(line.split()[:2] == ["bad", "FAILED"] for line in printed)
    assert any(line.split()[:3] == ["set-up", "ok", "7"] for line in printed)
    monkeypatch.setattr(sys, "argv", ["check", "--only", "good"])
    assert run_checks.main() == 0
