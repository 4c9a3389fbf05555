#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Fail if a file is longer than sizes.toml allows, or if files have grown long as a whole."""

from __future__ import annotations

import pathlib
import statistics
import subprocess
import sys
import tomllib


def tracked(root: pathlib.Path) -> list[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    return subprocess.run(
        command, cwd=root, check=True, capture_output=True, text=True
    ).stdout.splitlines()


def main(root: pathlib.Path) -> int:
    rules = tomllib.loads((root / "tools/dev/sizes.toml").read_text())
    exceptions = rules["exceptions"]
    lengths = {
        name: len((root / name).read_text(errors="replace").splitlines())
        for name in tracked(root)
        if pathlib.PurePath(name).suffix in rules["suffixes"] and (root / name).is_file()
    }
    found = [
        f"{name}: {lines} lines, more than {rules['ceiling']}; split it by idea, or list it"
        " with a reason in tools/dev/sizes.toml [size-ceiling]"
        for name, lines in lengths.items()
        if lines > rules["ceiling"] and name not in exceptions
    ]
    found += [
        f"tools/dev/sizes.toml: {name} needs no exception [size-stale]"
        for name in exceptions
        if lengths.get(name, 0) <= rules["ceiling"]
    ]
    median = statistics.median(lengths.values())
    if median > rules["median"]:
        found.append(f"the median file has {median:.0f} lines, not {rules['median']} [size-median]")
    print(*found, f"{len(lengths)} files, median {median:.0f} lines", sep="\n")
    for name in sorted(lengths, key=lambda name: -lengths[name])[:3]:
        print(f"  {lengths[name]:>5} {name}")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
