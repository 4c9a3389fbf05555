# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""tools/quickstart and tools/check answer wrong usage and a bad machine with one sentence."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess

import pytest
import tree


def run(
    program: pathlib.Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(program), *arguments],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )


@pytest.fixture
def copy(tmp_path: pathlib.Path) -> pathlib.Path:
    """A copy of the tools in a tree of their own, so that nothing real is installed or built."""
    shutil.copytree(tree.ROOT / "tools", tmp_path / "tree/tools")
    for name in ("requirements.txt", "requirements-nodeps.txt"):
        shutil.copy(tree.ROOT / name, tmp_path / "tree" / name)
    return tmp_path / "tree"


def fake(folder: pathlib.Path, **programs: str) -> str:
    """A PATH whose first folder has `programs` (name to shell text) in place of the real ones."""
    folder.mkdir(exist_ok=True)
    for name, text in programs.items():
        path = folder / name.replace("_", "-")
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


@pytest.mark.parametrize("name", ["tools/quickstart", "tools/check", "tools/dev/lint"])
def test_usage(name: str) -> None:
    shown = run(tree.ROOT / name, "--help")
    assert shown.returncode == 0
    assert "usage:" in shown.stdout
    wrong = run(tree.ROOT / name, "--no-such-option")
    assert wrong.returncode == 2
    assert "unknown option --no-such-option" in wrong.stderr


def test_a_mistyped_section_gets_a_hint() -> None:
    wrong = run(tree.ROOT / "tools/check", "--no-setup", "--only", "layer")
    assert wrong.returncode == 2
    assert "did you mean 'layers'?" in wrong.stderr


NOTHING_INSTALLED = "exit 1"


@pytest.mark.parametrize(
    ("programs", "ids"),
    [
        ({"dpkg_query": NOTHING_INSTALLED, "df": "echo; echo x 1 1 12 1 /"}, "setup-no-disk"),
        (
            {"dpkg_query": NOTHING_INSTALLED, "id": "echo 1000", "sudo": "exit 1"},
            "setup-no-sudo",
        ),
        (
            {
                "dpkg_query": NOTHING_INSTALLED,
                "id": "echo 0",
                "apt_get": "echo 'Err:1 no route to host'",
                "apt_cache": "exit 1",
            },
            "setup-no-network",
        ),
        (
            {
                "dpkg_query": NOTHING_INSTALLED,
                "id": "echo 0",
                "apt_get": "echo Hit:1",
                "apt_cache": "exit 1",
            },
            "setup-wrong-debian",
        ),
        (
            {
                "dpkg_query": NOTHING_INSTALLED,
                "id": "echo 0",
                "apt_get": "[ $3 != install ] || { echo 'E: held broken packages'; exit 100; }",
                "apt_cache": "exit 0",
            },
            "setup-apt",
        ),
        ({"dpkg_query": "echo installed", "python3": "exit 1"}, "setup-old-python"),
        (
            {"dpkg_query": "echo installed", "df": "echo; echo x 1 1 12 1 /"},
            "setup-no-disk",
        ),
    ],
)
def test_a_bad_machine_gets_one_sentence(
    copy: pathlib.Path, programs: dict[str, str], ids: str
) -> None:
    path = fake(copy.parent / "bin", **programs)
    for name in ("tools/quickstart", "tools/check"):
        result = run(copy / name, PATH=path, PYTHON="python3")
        assert result.returncode == 1, result.stdout + result.stderr
        (line,) = result.stderr.strip().splitlines()
        assert line.startswith(f"{name}: error: ")
        assert line.endswith(f"[{ids}]")
        assert "[1/" in result.stdout


def test_the_first_error_of_cmake_is_quoted(copy: pathlib.Path) -> None:
    """A tree whose CMakeLists.txt fails: its own words are in the one sentence."""
    log = copy / "configure.log"
    log.write_text(
        "Preset CMake variables:\n\n  A=1\n\n-- Found B\n"
        "CMake Error at CMakeLists.txt:3 (message):\n  LLVM 22.1 is needed,\n  not 19\n\n\n"
        "-- Configuring incomplete\nCMake Error: a second one\n"
    )
    script = f'program=t total=1; . "{copy}/tools/dev/setup.sh"; cmake_words "{log}"'
    result = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    expected = "CMake Error at CMakeLists.txt:3 (message): LLVM 22.1 is needed, not 19"
    assert result.stdout.strip() == expected
