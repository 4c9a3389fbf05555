# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The demo reads the page on Lathe: the words, the picture and numbers that match the reference."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# What the pipeline reads with ONNX Runtime, of the lines that it scores above 0.9.
LINES = [
    "Region-basedsegmentation",
    "Let us first determine markers of the coins and the",
    "background.These markers are pixels that we can label",
    "unambiguously as either object or background.Here,",
]


def test_the_page_is_read(tmp_path: pathlib.Path) -> None:
    demo = [sys.executable, str(ROOT / "demo/read_page.py")]
    result = subprocess.run(
        [*demo, "--engine", "lathe", "--rounds", "1", "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    for line in LINES:
        assert line in result.stdout
    assert (tmp_path / "read-page.png").read_bytes().startswith(b"\x89PNG")
    table = re.findall(r"^(\w+) +\d+ .*x +(\S+e[+-]\d+) ", result.stdout, re.MULTILINE)
    differences = {network: float(value) for network, value in table}
    assert set(differences) == {"detection", "orientation", "recognition"}
    # The outputs of all three are probabilities.
    assert max(differences.values()) < 1e-3
