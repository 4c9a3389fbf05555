# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""docs/onnx-support.md is what the importer says now, and names each operator that onnx has."""

from __future__ import annotations

import subprocess
import sys

import pages
from onnx import defs

PAGE = pages.ROOT / "docs/onnx-support.md"


def test_the_page_is_fresh() -> None:
    command = [sys.executable, str(pages.ROOT / "tools/dev/make_onnx_page.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_operator_is_named() -> None:
    """A new version of the package shows what is lacking."""
    text = PAGE.read_text()
    names = {s.name for s in defs.get_all_schemas_with_history() if not s.deprecated}
    assert {name for name in names if f"`{name}`" not in text} == set()
