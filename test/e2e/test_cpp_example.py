# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""examples/cpp builds with the commands of its README and agrees with ONNX Runtime."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

import numpy as np
import onnxruntime
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/dev"))
import models  # noqa: E402


def commands() -> list[str]:
    """The lines after `$ ` in the README, with continued lines joined."""
    text = (ROOT / "examples/cpp/README.md").read_text().replace("\\\n", " ")
    return re.findall(r"^\$ (.*)$", text, re.MULTILINE)


def test_the_example_classifies(tmp_path: pathlib.Path) -> None:
    try:
        model = models.find("mobilenet_v2").path()
    except models.ModelUnavailableError as error:
        pytest.skip(str(error))
    (tmp_path / "mobilenet_v2.onnx").symlink_to(model)
    for name in ("examples", ".venv"):
        (tmp_path / name).symlink_to(ROOT / name)
    image = np.random.default_rng(0).standard_normal((1, 3, 224, 224), dtype=np.float32)
    image.tofile(tmp_path / "image.f32")
    for command in commands():
        result = subprocess.run(
            command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
    session = onnxruntime.InferenceSession(str(model))
    (expected,) = session.run(None, {"image": image})
    rows = re.findall(r"class +(\d+)  score (\S+)", result.stdout)
    assert [int(index) for index, _ in rows] == list(np.argsort(-expected[0])[:5])
    for index, score in rows:
        assert float(score) == pytest.approx(expected[0][int(index)], rel=1e-3, abs=1e-4)
