# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the tests of the command line share: running it, and modules that need no compiler."""

from __future__ import annotations

import functools
import os
import pathlib
import subprocess

import pytest
from command_line import DTYPES, ROOT, MakeEcho, Result, Run, program


@pytest.fixture(scope="session")
def lathe_in() -> Run:
    """Runs `lathe` in the folder that is the first argument. No test may end it by a signal."""

    def run(folder: pathlib.Path, *arguments: str | os.PathLike[str], **environment: str) -> Result:
        result = subprocess.run(
            [program(), *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            timeout=300,
            env={**os.environ, "LATHE_CACHE_DIR": str(folder.parent / "cache"), **environment},
        )
        assert result.returncode in (0, 1, 2), result.stderr
        return result

    return run


@pytest.fixture
def lathe(lathe_in: Run, tmp_path: pathlib.Path) -> Run:
    """Runs `lathe` in a folder of its own."""
    return functools.partial(lathe_in, tmp_path)


@pytest.fixture(scope="session")
def make_echo(tmp_path_factory: pytest.TempPathFactory) -> MakeEcho:
    """Builds EchoModule.c for a dtype and a rank, once each."""
    folder = tmp_path_factory.mktemp("echo")

    def make(dtype: str = "float32", rank: int = 2) -> pathlib.Path:
        path = folder / f"echo-{dtype}-{rank}.so"
        if not path.exists():
            number, size = next((n, s) for name, n, s, _ in DTYPES if name == dtype)
            subprocess.run(
                [
                    *("cc", "-std=c11", "-Wall", "-Werror", "-shared", "-fPIC"),
                    *(f"-DDTYPE={number}", f"-DSIZE={size}", f"-DRANK={rank}"),
                    *(f"-I{ROOT / 'include'}", "-o", str(path)),
                    str(ROOT / "test/tools/EchoModule.c"),
                ],
                check=True,
            )
        return path

    return make


@pytest.fixture
def echo(make_echo: MakeEcho) -> pathlib.Path:
    """main(x: f32[n, ?]) -> (../y/0: f32[n, ?]), which are equal."""
    return make_echo()
