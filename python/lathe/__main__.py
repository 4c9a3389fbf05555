# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`python -m lathe`: the command line, where only the Python package may be known.

Runs the program `lathe` of this installation: beside the package, on PATH, or in the build tree.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path


def find_program() -> str | None:
    """Return the path of `lathe`; None if it is nowhere."""
    package = Path(__file__).absolute().parent
    beside = [package / "bin" / "lathe", package.parents[1] / "bin" / "lathe"]
    beside.append(Path(sys.executable).parent / "lathe")
    if on_path := shutil.which("lathe"):
        beside.append(Path(on_path))
    for path in beside:
        # A wheel's script of that name runs this, and would for ever.
        if os.access(path, os.X_OK) and path.is_file() and not _is_script(path):
            return str(path)
    return None


def _is_script(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def main() -> int:
    """Become `lathe`, with the words of this command line; return 1 if there is none."""
    program = find_program()
    if program is not None:
        # What the program runs in Python has this package, then.
        os.environ["LATHE_PYTHON"] = sys.executable
        os.execv(program, [program, *sys.argv[1:]])
    sys.stderr.write(
        "python -m lathe: error: the program 'lathe' is neither beside the package nor on PATH "
        "[cli-no-program]\n"
        "python -m lathe: note: lathe.compile and python -m lathe.bench need no program\n"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
