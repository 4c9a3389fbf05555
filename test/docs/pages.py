# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the tests of the documentation ask of a page: its code blocks, words and links."""

from __future__ import annotations

import dataclasses
import functools
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]

BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>[^>]*?) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
SPAN = re.compile(r"`([^`\n]+)`")


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced code block; `mark` is the comment on the line before it."""

    mark: str
    language: str
    text: str


@functools.cache
def tracked() -> tuple[str, ...]:
    """Every file of the tree, as git has it, with what is not committed yet."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    result = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return tuple(name for name in result.stdout.splitlines() if (ROOT / name).is_file())


def pages() -> list[str]:
    """Every page that people wrote; docs/reference is generated."""
    return [
        name
        for name in tracked()
        if name.endswith(".md") and not name.startswith(("docs/reference/", "test/"))
    ]


def read(name: str) -> str:
    return (ROOT / name).read_text()


def blocks(text: str) -> list[Block]:
    return [Block(m["mark"] or "", m["language"], m["text"]) for m in BLOCK.finditer(text)]


def prose(text: str) -> str:
    """The page without its code blocks."""
    return BLOCK.sub("", text)


@functools.cache
def sources() -> str:
    """The text of all code, for questions like "does this name exist"."""
    suffixes = (".h", ".c", ".cpp", ".td", ".py", ".pyi", ".txt", ".cmake", ".toml", ".sh", ".json")
    tools = ("tools/quickstart", "tools/check", "tools/dev/lint")
    return "\n".join(
        (ROOT / name).read_text(errors="replace")
        for name in tracked()
        if name.endswith(suffixes) or name in tools
    )


@functools.cache
def words() -> frozenset[str]:
    return frozenset(re.findall(r"\w+", sources()))
