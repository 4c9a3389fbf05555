# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the small trees that the tests of the development tools run on."""

from __future__ import annotations

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def write(root: pathlib.Path, files: dict[str, str]) -> pathlib.Path:
    """Write `files` (path to text) under `root`."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def rules(name: str) -> str:
    """The text of a file under tools/dev."""
    return (ROOT / "tools/dev" / name).read_text()


def run_script(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one of our Python scripts as tools/check would."""
    command = [sys.executable, str(ROOT / script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)
