#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Fail if a file uses what its layer may not use, as layers.toml has it."""

from __future__ import annotations

import pathlib
import re
import sys
import tomllib
from collections.abc import Iterator

INCLUDE = re.compile(r'^\s*#?\s*include\s+([<"])([^>"]+)[>"]')
SOURCES = {".h", ".c", ".cpp", ".td", ".cu"}


class Layers:
    """The rules of one tree and the questions that the check asks of them."""

    def __init__(self, root: pathlib.Path) -> None:
        """Read the rules of the tree at `root`."""
        self.root = root
        rules = tomllib.loads((root / "tools/dev/layers.toml").read_text())
        self.areas = rules["areas"]
        self.externals = rules["externals"]
        self.words = rules["words"]
        self.roots = rules["roots"]
        self.include_roots = rules["include_roots"]

    def area_of(self, path: str) -> str | None:
        owners = [
            (prefix, area)
            for area, rule in self.areas.items()
            for prefix in rule["paths"]
            if path.startswith(prefix + "/")
        ]
        return max(owners, key=lambda owner: len(owner[0]))[1] if owners else None

    def provider_of(self, header: str, folder: str) -> str | None:
        """The area or external that `header` belongs to; None for the C and C++ libraries.

        A header in the tree wins over a prefix, so that a folder of ours may be called as it likes.
        """
        for start in (folder, *self.include_roots):
            path = f"{start}/{header}" if start else header
            if (self.root / path).is_file() and (area := self.area_of(path)):
                return area
        for name, prefixes in self.externals.items():
            if any(map(header.startswith, prefixes)):
                return str(name)
        if "/" not in header:
            return None
        for start in self.include_roots:  # What the build generates has the folder of its source.
            path = f"{start}/{header}" if start else header
            if (self.root / path).parent.is_dir() and (area := self.area_of(path)):
                return area
        return "an unknown library"

    def sources(self) -> Iterator[pathlib.Path]:
        for folder in self.roots:
            for path in sorted((self.root / folder).rglob("*")):
                if path.suffix in SOURCES:
                    yield path

    def violations(self, path: pathlib.Path) -> Iterator[str]:
        name = path.relative_to(self.root).as_posix()
        area = self.area_of(name)
        if area is None:
            yield f"{name}:1: no area in tools/dev/layers.toml has this file [layer-no-area]"
            return
        allowed = {area, None, *self.areas[area]["uses"]}
        folder = name.rpartition("/")[0]
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if match := INCLUDE.match(line):
                used = self.provider_of(match[2], folder)
                if used not in allowed:
                    yield (
                        f"{name}:{number}: '{area}' may not use '{used}' ({match[2]});"
                        " tools/dev/layers.toml has the rules [layer-include]"
                    )
            for word, rule in self.words.items():
                if word in line.partition("//")[0] and area not in rule["areas"]:
                    yield f"{name}:{number}: '{word}' in '{area}': {rule['reason']} [layer-word]"


def main(root: pathlib.Path) -> int:
    layers = Layers(root)
    paths = list(layers.sources())
    found = [text for path in paths for text in layers.violations(path)]
    print(*found, f"{len(paths)} files looked at, {len(found)} violations", sep="\n")
    return int(bool(found) or not paths)


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
