# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The metadata that the installation writes: pip must know the package, and what to remove."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parent.parent.parent / "python" / "write_dist_info.py"


def test_the_distribution_is_known_and_complete(tmp_path: Path) -> None:
    package = tmp_path / "lathe"
    (package / "ort").mkdir(parents=True)
    (package / "__init__.py").write_text("x = 1\n")
    (package / "ort" / "__init__.py").write_text("")
    (package / "libLatheC.so").write_bytes(b"\x7fELF")
    old = tmp_path / "lathe_compiler-0.0.1.dist-info"
    old.mkdir()
    subprocess.run([sys.executable, SCRIPT, "--version", "1.2.3", tmp_path], check=True)
    assert not old.exists()
    (distribution,) = importlib.metadata.distributions(path=[str(tmp_path)])
    assert distribution.version == "1.2.3"
    assert distribution.metadata["Name"] == "lathe-compiler"
    assert any(r.startswith("numpy") for r in distribution.requires or [])
    files = {str(f) for f in distribution.files or []}
    assert {"lathe/__init__.py", "lathe/ort/__init__.py", "lathe/libLatheC.so"} <= files
    assert all((tmp_path / f).exists() for f in files)
