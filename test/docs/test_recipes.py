# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the pages say about the tree is true: files, names, excerpts and commands.

Rules for whoever writes a page:
* A span such as `lib/Import/ONNX/Reduction.cpp` names a file or folder that exists. In a
  recipe, a span such as `OpTable` or `Node::axis` is a name that occurs in the code.
* What the reader is to write is called after the operator Swirl, which does not exist;
  spans with "swirl" in them are not looked up. Nor are those with <angle brackets>.
* <!-- in: PATH --> before a block: its lines stand in PATH, in this order. A line `...`
  leaves something out.
* <!-- run --> before a console block: its commands (after "$ ") run and exit with 0 in a
  folder that has the tree's own files; its other lines occur in what they print, in this
  order. "..." leaves something out, within a line or as one.
"""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys

import pages
import pytest

TOP = {name.partition("/")[0] for name in pages.tracked()}
PATH_SPAN = re.compile(r"^[\w.\-]+(/[\w.\-*]+)+/?$")
NAME_SPAN = re.compile(r"^[A-Za-z_]\w*(::[A-Za-z_]\w*)*(\(\))?$")
RECIPES = [name for name in pages.pages() if name.startswith("docs/recipes/")]


def spans(name: str) -> list[str]:
    found = pages.SPAN.findall(pages.prose(pages.read(name)))
    return [span for span in found if "swirl" not in span.lower() and "<" not in span]


def marked(prefix: str) -> list[tuple[str, pages.Block]]:
    return [
        (name, block)
        for name in pages.pages()
        for block in pages.blocks(pages.read(name))
        if block.mark.startswith(prefix)
    ]


@pytest.mark.parametrize("name", pages.pages())
def test_paths_exist(name: str) -> None:
    for span in spans(name):
        if not PATH_SPAN.match(span) or span.partition("/")[0] not in TOP:
            continue
        assert list(pages.ROOT.glob(span.rstrip("/"))), f"{name} names `{span}`: no such file"


@pytest.mark.parametrize("name", RECIPES)
def test_names_exist(name: str) -> None:
    for span in spans(name):
        if not NAME_SPAN.match(span):
            continue
        for part in span.removesuffix("()").split("::"):
            assert part in pages.words(), f"{name} names `{span}`: not in the code"


@pytest.mark.parametrize(("name", "block"), marked("in: "))
def test_excerpts_are_true(name: str, block: pages.Block) -> None:
    path = block.mark.removeprefix("in: ").strip()
    lines = [line.strip() for line in (pages.ROOT / path).read_text().splitlines()]
    position = 0
    for line in map(str.strip, block.text.splitlines()):
        if line in ("", "..."):
            continue
        assert line in lines[position:], f"{name}: {path} has no line '{line}' at this place"
        position = lines.index(line, position) + 1


@pytest.mark.parametrize(("name", "block"), marked("run"))
def test_commands_run(name: str, block: pages.Block, tmp_path: pathlib.Path) -> None:
    for entry in pages.ROOT.iterdir():
        (tmp_path / entry.name).symlink_to(entry)
    path = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    printed = ""
    for command in re.findall(r"^\$ (.*)$", block.text.replace("\\\n", " "), re.MULTILINE):
        result = subprocess.run(
            ["bash", "-c", command],
            cwd=tmp_path,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        printed += result.stdout + result.stderr
        assert result.returncode == 0, f"{name}: {command}\n{printed}"
    position = 0
    for line in re.sub(r"^\$ (.*\\\n)*.*\n?", "", block.text, flags=re.MULTILINE).splitlines():
        parts = (re.escape(part.strip()) for part in line.split("..."))
        found = re.compile(".*".join(parts)).search(printed, position)
        assert found, f"{name}: '{line}' is not in\n{printed[position:]}"
        position = found.end()


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_has_something_to_check(name: str) -> None:
    marks = [block.mark for block in pages.blocks(pages.read(name))]
    assert any(mark.startswith(("in: ", "run")) for mark in marks), f"{name} shows no real code"
