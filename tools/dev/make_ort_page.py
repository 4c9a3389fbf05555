#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Write the tables of docs/onnxruntime.md from lathe.ort.absent; --check compares them."""

from __future__ import annotations

import sys
from pathlib import Path

from lathe.ort.absent import ABSENT, ABSENT_METHODS, DIFFERENT, FROM_PACKAGE

PAGE = Path(__file__).resolve().parents[2] / "docs/onnxruntime.md"
BEGIN, END = "<!-- tables: tools/dev/make_ort_page.py -->", "<!-- end of tables -->"


def _table(head: str, rows: dict[str, str]) -> list[str]:
    lines = [f"| {head} | |", "|---|---|"]
    return lines + [f"| `{name}` | {text} |" for name, text in sorted(rows.items())]


def tables() -> str:
    """Return what stands between the two marks of the page."""
    package = dict.fromkeys(FROM_PACKAGE, "comes from an installed onnxruntime")
    lines = ["", *_table("different", DIFFERENT)]
    lines += ["", *_table("from the package", package)]
    lines += ["", *_table("absent", ABSENT | ABSENT_METHODS), ""]
    return "\n".join(lines)


def main() -> int:
    """Rewrite the page; with --check return 1 if that would change it."""
    text = PAGE.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    wanted = f"{before}{BEGIN}\n{tables()}\n{END}{after}"
    if "--check" in sys.argv[1:]:
        return int(wanted != text)
    PAGE.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
