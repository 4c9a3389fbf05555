# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The table of models survives a model that crashes, fails or is absent, and says which did."""

from __future__ import annotations

import os
import pathlib
import sys
import xml.etree.ElementTree as ElementTree

import pytest
import tree

sys.path[:0] = [str(tree.ROOT / "test/e2e"), str(tree.ROOT / "tools/dev")]
import models  # noqa: E402
import run_models  # noqa: E402

Verified = tuple[str, str, list[str]]


# These run in the child, in place of the real one.
def crash(name: str, path: str, target: str, isa: str | None) -> Verified:
    os._exit(13)


def refuse(name: str, path: str, target: str, isa: str | None) -> Verified:
    raise ValueError(f"{name} is refused")


def refuse_target(name: str, path: str, target: str, isa: str | None) -> Verified:
    raise ValueError(f"code for target {target} cannot run here [target-missing-feature]")


def differ(name: str, path: str, target: str, isa: str | None) -> Verified:
    return "0.5", "900.0%", ["output differs"]


def agree(name: str, path: str, target: str, isa: str | None) -> Verified:
    return "1e-07", "0.1%", []


@pytest.mark.parametrize(
    ("verify", "verdict", "problem"),
    [
        (crash, "FAILED", "died"),
        (refuse, "FAILED", "is refused"),
        (refuse_target, "skipped", "not on this machine: code for target some:features"),
        (differ, "FAILED", "differs"),
        (agree, "ok", ""),
    ],
)
@pytest.mark.parametrize("isa", [None, "v2"])
def test_each_end_has_its_row(
    monkeypatch: pytest.MonkeyPatch, verify: object, verdict: str, problem: str, isa: str | None
) -> None:
    monkeypatch.setattr(run_models, "verify", verify)
    result = run_models.run("gpt2", pathlib.Path("gpt2.onnx"), "some:features", isa, timed=False)
    assert result.verdict == verdict
    assert result.model == ("gpt2 (v2)" if isa else "gpt2")
    assert problem in "".join(result.problems)


def test_an_absent_model_is_skipped_and_says_why(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(models, "MADE", tmp_path)
    monkeypatch.setenv("LATHE_MODELS", str(tmp_path))
    report = tmp_path / "report.xml"
    monkeypatch.setattr(sys, "argv", ["run_models.py", "gpt2", "--junit", str(report)])
    assert run_models.main() == 0
    assert "set LATHE_MODELS" in capsys.readouterr().out
    (case,) = ElementTree.parse(report).getroot().iter("testcase")
    assert case.find("skipped") is not None
