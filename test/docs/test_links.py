# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every link inside the tree leads somewhere."""

from __future__ import annotations

import re

import pages
import pytest


def anchors(text: str) -> set[str]:
    """The anchors that the usual Markdown renderers give the headings of a page."""
    heads = re.findall(r"^#+ (.*)$", pages.prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("name", pages.pages())
def test_links(name: str) -> None:
    text = pages.read(name)
    folder = (pages.ROOT / name).parent
    for link in pages.LINK.findall(pages.prose(text)):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (folder / path).resolve() if path else pages.ROOT / name
        assert target.exists(), f"{name} links to {link}, which is not there"
        if anchor:
            assert anchor in anchors(target.read_text()), f"{name}: no heading for {link}"


@pytest.mark.parametrize("name", [page for page in pages.pages() if page.startswith("docs/")])
def test_the_index_knows_the_page(name: str) -> None:
    index = pages.read("docs/README.md")
    inside = name.removeprefix("docs/")
    # A folder has its own list of pages, or the index has it.
    assert inside == "README.md" or f"]({inside})" in index, f"docs/README.md does not list {name}"
