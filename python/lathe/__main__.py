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
    for path in beside:
        if os.access(path, os.X_OK) and path.is_file():
            return str(path)
    return shutil.which("lathe")


def main() -> int:
    """Become `lathe`, with the words of this command line; return 1 if there is none."""
    program = find_program()
    if program is not None:
        os.execv(program, [program, *sys.argv[1:]])
    sys.stderr.write(
        "python -m lathe: error: the program 'lathe' is neither beside the package nor on PATH "
        "[cli-no-program]\n"
        "python -m lathe: note: lathe.compile and python -m lathe.bench need no program\n"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
