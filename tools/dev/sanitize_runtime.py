#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Build the runtime with a sanitizer and run its tests.

    tools/dev/sanitize_runtime.py thread      # races: calls from many threads, loading, forks
    tools/dev/sanitize_runtime.py address     # memory and undefined behaviour, and what leaks

The runtime is a project of its own, so nothing else is built. Ends with 1 if a test fails or the
sanitizer says anything, and with 2 where there is no clang-22.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMPILER = "clang-22"
FLAGS = {
    "thread": "-fsanitize=thread",
    "address": "-fsanitize=address,undefined -fno-sanitize-recover=all",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sanitizer", choices=FLAGS)
    sanitizer = parser.parse_args().sanitizer
    if not (compiler := shutil.which(COMPILER)):
        print(
            f"sanitize_runtime: error: {COMPILER} is not installed; tools/check without "
            "--no-setup installs it [setup-no-compiler]",
            file=sys.stderr,
        )
        return 2
    build = ROOT / "build" / f"runtime-{sanitizer}"
    configure = [
        *("cmake", "-S", str(ROOT / "lib" / "Runtime"), "-B", str(build), "-G", "Ninja"),
        f"-DCMAKE_C_COMPILER={compiler}",
        f"-DCMAKE_C_FLAGS={FLAGS[sanitizer]} -O1 -g -fno-omit-frame-pointer",
    ]
    test = ["ctest", "--test-dir", str(build), "--output-on-failure", "--no-tests=error"]
    for command in (configure, ["ninja", "-C", str(build)], test):
        if subprocess.run(command, env=os.environ, check=False).returncode:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
