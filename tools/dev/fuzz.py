#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Feed the parts of Lathe that read strangers' bytes with changed ones, and see what breaks.

    tools/dev/fuzz.py --minutes 30            # each fuzzer for half an hour
    tools/dev/fuzz.py --seconds 60 --only graphs

The fuzzers are in test/fuzz: `onnx` (bytes of ONNX files), `graphs` (changed models, through all
phases up to bufferize), `native` (.mlir and .lathe), `artifact` (.lathebin) and `runtime` (calls
from C). They start from test/fuzz/corpus and keep what they discover in build/fuzz. A finding is a
crash, an error of a sanitizer, a hang, an error without an id or one of the compiler itself; its
input is left in build/fuzz, and `build/release/bin/fuzz-NAME FILE` shows it again. Ends with 1 if
there are any.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "release"
WORK = ROOT / "build" / "fuzz"
NAMES = ("onnx", "graphs", "native", "artifact", "runtime")


def build(names: list[str]) -> bool:
    targets = [f"fuzz-{name}" for name in names]
    command = ["ninja", "-C", str(BUILD), *targets]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout[-4000:], file=sys.stderr)
        print("fuzz: error: the fuzzers cannot be built; see above [setup-build]", file=sys.stderr)
    return done.returncode == 0


def fuzz(name: str, seconds: int, seed: int) -> int:
    """Run one fuzzer; return its exit status."""
    found = WORK / name
    found.mkdir(parents=True, exist_ok=True)
    command = [
        str(BUILD / "bin" / f"fuzz-{name}"),
        *(str(found), str(ROOT / "test" / "fuzz" / "corpus" / name)),
        *(f"-max_total_time={seconds}", f"-seed={seed}", "-timeout=60", "-rss_limit_mb=6000"),
        *(f"-artifact_prefix={WORK}/{name}-", "-print_final_stats=1", "-verbosity=1"),
    ]
    # Containers of LLVM, which is not instrumented, look like overflows, and it keeps tables.
    options = "detect_container_overflow=0:allow_user_poisoning=0:detect_leaks=" + str(
        int(name == "runtime")
    )
    environment = {"ASAN_OPTIONS": options, "UBSAN_OPTIONS": "print_stacktrace=1"}
    done = subprocess.run(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
        check=False,
    )
    log = done.stderr.decode(errors="replace")
    (WORK / f"{name}.log").write_text(log)
    runs = re.findall(r"number_of_executed_units: (\d+)", log)
    coverage = re.findall(r"cov: (\d+)", log)
    state = "ok" if done.returncode == 0 else f"FOUND SOMETHING, see {WORK / name}.log"
    count = runs[-1] if runs else "?"
    print(f"{name}: {count} runs, {coverage[-1] if coverage else '?'} edges: {state}", flush=True)
    if done.returncode:
        print(log[-3000:], file=sys.stderr)
    return done.returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=0, help="for each fuzzer")
    parser.add_argument("--seconds", type=int, default=0, help="for each fuzzer (default: 60)")
    parser.add_argument("--only", default=",".join(NAMES), help="names, with commas between them")
    parser.add_argument(
        "--seed", type=int, default=1, help="of the changes; 0 for another each time"
    )
    chosen = parser.parse_args()
    names = chosen.only.split(",")
    if unknown := [name for name in names if name not in NAMES]:
        parser.error(f"no fuzzer is called {unknown[0]!r}; there are {', '.join(NAMES)}")
    if not build(names):
        return 1
    seconds = round(60 * chosen.minutes) or chosen.seconds or 60
    return int(sum(fuzz(name, seconds, chosen.seed) != 0 for name in names) > 0)


if __name__ == "__main__":
    sys.exit(main())
