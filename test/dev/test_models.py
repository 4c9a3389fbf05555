# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Test models are found by name, made once, and their absence is explained."""

from __future__ import annotations

import pathlib
import sys

import pytest
import tree

sys.path.insert(0, str(tree.ROOT / "tools/dev"))
import models

SCRIPT = """
import pathlib, sys
out, name = pathlib.Path(sys.argv[2]), sys.argv[3]
out.mkdir(exist_ok=True)
if name == "vit_b_16":
    sys.exit("no weights for vit_b_16")
(out / f"{name}.onnx").write_text("model")
with (pathlib.Path(__file__).parent / "runs").open("a") as runs:
    runs.write(name)
"""


@pytest.fixture
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setattr(models, "MADE", tmp_path / "made")
    monkeypatch.setenv("LATHE_MODELS", str(tmp_path))
    return tmp_path


def test_a_model_is_made_once(folder: pathlib.Path) -> None:
    (folder / "materialize.py").write_text(SCRIPT)
    for _ in range(2):
        assert models.find("gpt2").path().read_text() == "model"
    assert (folder / "runs").read_text() == "gpt2"


def test_no_script_says_what_to_set(folder: pathlib.Path) -> None:
    with pytest.raises(models.ModelUnavailableError, match="set LATHE_MODELS"):
        models.find("gpt2").path()


def test_a_failing_script_is_quoted(folder: pathlib.Path) -> None:
    (folder / "materialize.py").write_text(SCRIPT)
    with pytest.raises(models.ModelUnavailableError, match="no weights for vit_b_16"):
        models.find("vit_b_16").path()


def test_a_mistyped_name_gets_a_hint() -> None:
    with pytest.raises(KeyError, match="did you mean 'resnet50'"):
        models.find("resnet5")


@pytest.mark.parametrize("model", models.MODELS.values(), ids=lambda model: model.name)
def test_a_model_runs_at_one_size_or_at_three(model: models.Model) -> None:
    assert len(model.feeds) in (1, 3)
    assert len({tuple(feed) for feed in model.feeds}) == 1, "every feed names the same inputs"


def test_the_small_ones_are_of_every_source() -> None:
    small = [model for model in models.MODELS.values() if model.small]
    assert {bool(model.package_file) for model in small} == {True, False}
