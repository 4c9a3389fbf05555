# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""examples/cross builds for 64-bit ARM by its README and, emulated, agrees with ONNX Runtime."""

from __future__ import annotations

import pathlib
import re
import shutil
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
    text = (ROOT / "examples/cross/README.md").read_text().replace("\\\n", " ")
    return re.findall(r"^\$ (.*)$", text, re.MULTILINE)


def test_the_example_runs_on_another_machine(tmp_path: pathlib.Path) -> None:
    for tool in ("aarch64-linux-gnu-gcc", "qemu-aarch64"):
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed; tools/check without --no-setup installs it")
    model = models.find("ppocr_cls").path()
    (tmp_path / "orientation.onnx").symlink_to(model)
    for name in ("examples", "include", "lib", "test"):
        (tmp_path / name).symlink_to(ROOT / name)
    lines = np.random.default_rng(0).standard_normal((3, 3, 48, 192), dtype=np.float32)
    lines.tofile(tmp_path / "lines.f32")
    for command in commands():
        result = subprocess.run(
            command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
    session = onnxruntime.InferenceSession(str(model))
    (expected,) = session.run(None, {session.get_inputs()[0].name: lines})
    rows = re.findall(r"upright (\S+)  upside down (\S+)", result.stdout)
    np.testing.assert_allclose(np.array(rows, dtype=np.float32), expected, rtol=1e-3, atol=1e-4)
