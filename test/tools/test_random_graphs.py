# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random small graphs agree with ONNX Runtime or the reference; a few each time."""

from __future__ import annotations

import pathlib
import subprocess
import sys


def test_random_graphs() -> None:
    tool = pathlib.Path(__file__).with_name("random_graphs.py")
    done = subprocess.run(
        [sys.executable, tool, "--seed", "7", "--count", "60"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok: " in done.stdout
