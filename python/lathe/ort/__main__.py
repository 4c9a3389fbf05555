# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`python -m lathe.ort PROGRAM ...`: runs a program that imports onnxruntime on Lathe, unchanged.

PROGRAM is a script, `-m MODULE`, or the name of a Python program on PATH. Python processes that it
starts use Lathe, too: a folder in front of PYTHONPATH has the module that they import. The same
works without this program, `PYTHONPATH=$(python -m lathe.ort --path) program`.
"""

from __future__ import annotations

import os
import runpy
import shutil
import sys
from pathlib import Path

import lathe.ort

FOLDER = str(Path(__file__).absolute().parent / "replace")


def _usage() -> int:
    sys.stderr.write(f"{__doc__}")
    return 2


def _find(program: str) -> Path | None:
    """Return the script that `program` names; None if there is none."""
    if Path(program).is_file():
        return Path(program)
    found = shutil.which(program)
    return Path(found) if found else None


def _is_python(path: Path) -> bool:
    """Tell whether a program on PATH is one for Python: by its ending or its first line."""
    with path.open("rb") as file:
        first = file.readline(256)
    return path.suffix == ".py" or (first.startswith(b"#!") and b"python" in first)


def main(arguments: list[str]) -> int:
    """Run the program and return its exit code, where it does not end by itself."""
    if arguments == ["--path"]:
        print(FOLDER)
        return 0
    if not arguments or arguments[0] in ("-h", "--help") or arguments == ["-m"]:
        return _usage()
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = FOLDER + (os.pathsep + before if before else "")
    sys.path.insert(0, FOLDER)  # What `spawn` of multiprocessing hands on.
    lathe.ort.install()
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        sys.path.insert(0, str(Path.cwd()))
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        return 0
    path = _find(arguments[0])
    if path is None or not _is_python(path):
        what = "neither a file nor on PATH" if path is None else "no program for Python"
        sys.stderr.write(f"python -m lathe.ort: error: {arguments[0]} is {what} [ort-no-program]\n")
        return 1
    sys.argv = [str(path), *arguments[1:]]
    sys.path.insert(0, str(path.resolve().parent))
    runpy.run_path(str(path), run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
