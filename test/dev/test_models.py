"""Test models are found by name, made once, and their absence is explained."""

from __future__ import annotations

import pathlib
import sys

import numpy as np
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
def test_inputs_are_reproducible_and_in_range(model: models.Model) -> None:
    for index in range(len(model.feeds)):
        first, again = model.inputs(index, 1), model.inputs(index, 1)
        for name, value in first.items():
            assert value.shape == model.feeds[index][name]
            assert np.array_equal(value, again[name])
            if name in model.ranges:
                low, high = model.ranges[name]
                assert low <= value.min()
                assert value.max() < high
