#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs a command for which the emulator is NVIDIA's driver.

emulate.py COMMAND [ARGUMENT...]    with a GPU that is an sm_80, unless LATHE_EMU_ARCH says another
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path


def main() -> int:
    """Build the emulator, run the command, and return its exit code."""
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    sys.path.append(str(Path(__file__).resolve().parents[1] / "e2e"))
    with tempfile.TemporaryDirectory(prefix="lathe-driver-") as folder:
        environment = importlib.import_module("gpu_driver").make_driver(Path(folder))
        given = {name: text for name, text in os.environ.items() if name.startswith("LATHE_EMU_")}
        return subprocess.call(sys.argv[1:], env={**environment, **given})


if __name__ == "__main__":
    sys.exit(main())
