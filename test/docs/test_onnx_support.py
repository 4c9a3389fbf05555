# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""docs/onnx-support.md is what the importer says now, and names each operator that onnx has."""

from __future__ import annotations

import re
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


def test_every_version_is_read() -> None:
    """Each since-version that ONNX has not taken back is on the page, but of Gradient."""
    rows: dict[tuple[str, str], set[int]] = {}
    domain = ""
    for line in PAGE.read_text().splitlines():
        if line.startswith("## "):
            domain = line.removeprefix("## ").removeprefix("ai.onnx").lstrip(".")
            domain = f"ai.onnx.{domain}" if domain and line.startswith("## ai.onnx") else domain
        elif row := re.match(r"\| `(\w+)` \| ([^|]*) \|", line):
            rows[domain, row[1]] = {int(version) for version in re.findall(r"\d+", row[2])}
    lacking = {
        (schema.domain, schema.name, schema.since_version)
        for schema in defs.get_all_schemas_with_history()
        if not schema.deprecated
        and schema.since_version not in rows.get((schema.domain, schema.name), set())
    }
    assert lacking == {("ai.onnx.preview.training", "Gradient", 1)}
