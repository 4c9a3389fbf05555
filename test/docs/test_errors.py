# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""docs/errors.md lists every stable id that the sources use, and no other."""

from __future__ import annotations

import functools
import re

import pages

# An id stands in brackets at the end of a message, or is an argument of the call that reports.
ID = r"([a-z][a-z0-9]+(?:-[a-z0-9]+)+)"
IN_MESSAGE = re.compile(rf"(?<!ignore)\[{ID}\]")
AS_ARGUMENT = re.compile(
    rf'\w*(?:[Ee]rror|[Ff]ail|[Ww]arning|[Rr]eport|[Dd]iagnostic|unsound)\w*\s*\(\s*(?:[^()";]*,\s*)?"{ID}"'
)
IN_SHELL = re.compile(rf"\bfail {ID}\b")
FOLDERS = ("cmake/", "lib/", "dialects/", "include/", "tools/", "python/", "demo/")


@functools.cache
def used() -> dict[str, str]:
    """Each id in the sources, with a file that has it."""
    found: dict[str, str] = {}
    for name in pages.tracked():
        if not name.startswith(FOLDERS):
            continue
        text = (pages.ROOT / name).read_text(errors="replace")
        patterns = [IN_MESSAGE, AS_ARGUMENT]
        if not name.endswith((".h", ".c", ".cpp", ".td", ".py", ".pyi", ".txt", ".cmake")):
            patterns = [IN_SHELL]
        for pattern in patterns:
            for match in pattern.finditer(text):
                found.setdefault(match[1], name)
    return found


def listed() -> list[str]:
    return re.findall(rf"^\| `{ID}` \|", pages.read("docs/errors.md"), re.MULTILINE)


def test_every_id_is_listed() -> None:
    missing = {key: name for key, name in used().items() if key not in listed()}
    assert not missing, f"docs/errors.md lacks: {missing}"


def test_every_listed_id_is_used() -> None:
    assert not [key for key in listed() if key not in used()]


def test_no_id_is_listed_twice() -> None:
    assert len(listed()) == len(set(listed()))
