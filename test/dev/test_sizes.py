# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The size check stops long files and stale exceptions."""

from __future__ import annotations

import pathlib
import subprocess

import tree


def check(root: pathlib.Path, files: dict[str, str], rules: str = "") -> tuple[int, str]:
    tree.write(root, {"tools/dev/sizes.toml": tree.rules("sizes.toml") + rules, **files})
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    result = tree.run_script("tools/dev/check_sizes.py", str(root))
    return result.returncode, result.stdout


def lines(count: int) -> str:
    return "x\n" * count


SHORT = {f"lib/{i}.cpp": lines(100) for i in range(3)}


def test_short_files_pass(tmp_path: pathlib.Path) -> None:
    assert check(tmp_path, SHORT)[0] == 0


def test_the_ceiling_holds(tmp_path: pathlib.Path) -> None:
    code, text = check(tmp_path, {**SHORT, "lib/Long.cpp": lines(801)})
    assert code == 1
    assert "lib/Long.cpp: 801 lines, more than 800" in text


def test_an_exception_excuses_and_a_stale_one_fails(tmp_path: pathlib.Path) -> None:
    rule = '"lib/Long.cpp" = "one table"\n'
    assert check(tmp_path, {**SHORT, "lib/Long.cpp": lines(900)}, rule)[0] == 0
    code, text = check(tmp_path, {"lib/Long.cpp": lines(10)}, rule)
    assert code == 1
    assert "[size-stale]" in text


def test_the_median_counts(tmp_path: pathlib.Path) -> None:
    code, text = check(tmp_path, {f"lib/{i}.cpp": lines(500) for i in range(3)})
    assert code == 1
    assert "[size-median]" in text
