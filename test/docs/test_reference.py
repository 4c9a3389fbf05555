# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""docs/reference is what ODS says now."""

from __future__ import annotations

import subprocess
import sys

import pages


def test_the_reference_is_fresh() -> None:
    command = [sys.executable, str(pages.ROOT / "tools/dev/make_reference.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
