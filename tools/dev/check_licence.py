#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Fail if a source file does not name its licence in its first comment; --fix puts it there."""

from __future__ import annotations

import argparse
import pathlib
import subprocess
import sys

IDENTIFIER = "SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"
# Build descriptions and tests in other languages are not worth a line each.
COMMENTS = {
    **dict.fromkeys((".h", ".c", ".cpp", ".td"), "//"),
    **dict.fromkeys((".py", ".pyi", ".sh", ""), "#"),
}
FOLDERS = ("demo/", "dialects/", "examples/", "include/", "lib/", "python/", "test/", "tools/")


LINES = 20  # In which the first comment has said it.


def sources(root: pathlib.Path) -> list[pathlib.Path]:
    """What people wrote in a language that has one of the comments above."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *FOLDERS]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    paths = (root / name for name in listed.splitlines())
    return [p for p in paths if p.suffix in COMMENTS and p.is_file() and p.stat().st_size]


def has_identifier(text: str) -> bool:
    return any(IDENTIFIER in line for line in text.splitlines()[:LINES])


def with_identifier(text: str, comment: str) -> str:
    """`text` with the identifier at the end of its first comment, or after `#!`."""
    lines = text.split("\n")
    at = 0
    if comment == "//":
        while lines[at].startswith("//"):
            at += 1
        # In place of the blank line: what compilers remember of line numbers stays true.
        return "\n".join([*lines[:at], f"// {IDENTIFIER}", *lines[at + (lines[at] == "") :]])
    at = int(lines[0].startswith("#!"))
    return "\n".join([*lines[:at], f"# {IDENTIFIER}", *lines[at:]])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fix", action="store_true")
    parser.add_argument("root", nargs="?", type=pathlib.Path, default=pathlib.Path())
    options = parser.parse_args()
    missing = [p for p in sources(options.root) if not has_identifier(p.read_text())]
    for path in missing:
        if options.fix:
            path.write_text(with_identifier(path.read_text(), COMMENTS[path.suffix]))
        else:
            name = path.relative_to(options.root)
            print(f"{name}: the first comment has no '{IDENTIFIER}' [licence-missing]")
    return int(bool(missing) and not options.fix)


if __name__ == "__main__":
    sys.exit(main())
