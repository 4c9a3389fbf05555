#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Run ONNX's own backend tests (onnx.backend.test) through lathe.onnx_backend.

Each case ends as one of

  pass    the outputs are right
  error   Lathe refused the model with a clear error: lathe.CompileError with a stable id
  wrong   an output differs
  broken  another exception, or an error without an id
  crash   the process died
  hang    no answer within the time limit
  known   an output differs from data that is less exact than it (known_differences.txt)

The cases run in child processes, so that one that crashes costs no other. The run fails if any
case is wrong, broken, crashes or hangs, or if a case in expected_passes.txt does not pass. On a
GPU, those in refused_on_gpu.txt end in the error that it names.

  run_conformance.py                    all cases
  run_conformance.py test_conv          those whose names contain "test_conv"
  run_conformance.py --update           write the passes of a full run to expected_passes.txt; with
                                        --device CUDA what is refused to refused_on_gpu.txt
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import json
import math
import queue
import re
import select
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
EXPECTED = HERE / "expected_passes.txt"
KNOWN = HERE / "known_differences.txt"
REFUSED = {"CPU": None, "CUDA": HERE / "refused_on_gpu.txt"}
BAD = ("wrong", "broken", "crash", "hang")
START_LIMIT_S = 300.0


class Worker:
    """A child that runs cases; started anew when it dies."""

    def __init__(
        self, case_limit_s: float, script: Path = HERE / "worker.py", device: str = "CPU"
    ) -> None:
        """Start nothing yet: the first case does."""
        self._device = device
        self._limit = case_limit_s
        self._script = script
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = b""

    def names(self) -> list[str]:
        """Return the names of all cases."""
        return list(self._start()["names"])

    def run(self, name: str) -> dict[str, Any]:
        """Return how the case ended."""
        if self._process is None:
            self._start()
        process = self._process
        assert process is not None and process.stdin is not None
        try:
            process.stdin.write(f"{name}\n".encode())
            process.stdin.flush()
            answer = self._read(self._limit)
        except BrokenPipeError:
            answer = None
        except TimeoutError:
            self.stop()
            return {"name": name, "result": "hang", "detail": f"no answer in {self._limit:.0f} s"}
        if answer is None:
            code = process.wait()
            self.stop()
            detail = f"signal {-code}" if code < 0 else f"exit code {code}"
            return {"name": name, "result": "crash", "detail": detail}
        return answer

    def stop(self) -> None:
        """End the child."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    with contextlib.suppress(BrokenPipeError):
                        pipe.close()
            self._process = None
            self._buffer = b""

    def _start(self) -> dict[str, Any]:
        self._process = subprocess.Popen(
            [sys.executable, str(self._script), self._device],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        hello = self._read(START_LIMIT_S)
        if hello is None:
            code = self._process.wait()
            sys.exit(f"run_conformance: error: the worker did not start (exit code {code})")
        return hello

    def _read(self, limit_s: float) -> dict[str, Any] | None:
        """Return the next answer; None if the child ended. Raises TimeoutError."""
        assert self._process is not None and self._process.stdout is not None
        stream = self._process.stdout.fileno()
        deadline = time.monotonic() + limit_s
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([stream], [], [], left)[0]:
                raise TimeoutError
            chunk = self._process.stdout.read1(1 << 16)  # type: ignore[attr-defined]
            if not chunk:
                return None
            self._buffer += chunk
        line, self._buffer = self._buffer.split(b"\n", 1)
        answer: dict[str, Any] = json.loads(line)
        return answer


def run_all(names: list[str], workers: list[Worker]) -> list[dict[str, Any]]:
    """Run the cases on all workers, with a line of progress every five seconds."""
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    for name in names:
        waiting.put(name)
    results: list[dict[str, Any]] = []

    def work(worker: Worker) -> None:
        while True:
            try:
                name = waiting.get_nowait()
            except queue.Empty:
                worker.stop()
                return
            results.append(worker.run(name))

    threads = [threading.Thread(target=work, args=(w,)) for w in workers]
    for thread in threads:
        thread.start()
    said = time.monotonic()
    while any(t.is_alive() for t in threads):
        for thread in threads:
            thread.join(0.2)
        if time.monotonic() - said > 5:
            said = time.monotonic()
            passed = sum(r["result"] == "pass" for r in results)
            print(f"  {len(results)} of {len(names)} cases, {passed} pass", flush=True)
    return sorted(results, key=lambda r: str(r["name"]))


def read_expected() -> set[str]:
    """Return the names in expected_passes.txt."""
    if not EXPECTED.exists():
        return set()
    lines = EXPECTED.read_text().splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def read_refused(path: Path | None) -> dict[str, str]:
    """Return the id of the error in which each listed case ends."""
    lines = path.read_text().splitlines() if path else []
    rows = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    return {row[0]: row[1] for row in rows}


def write_refused(path: Path, results: list[dict[str, Any]], expected: set[str]) -> None:
    """Write which cases that pass on a CPU end in an error, and in which."""
    rows = [r for r in results if r["result"] == "error" and r["name"] in expected]
    lines = [f"{r['name']} {r['id']}\n" for r in rows]
    header = (
        "# The backend tests of ONNX that pass on a CPU and end in an error on a GPU: name, id.\n"
        "# run_conformance.py --device CUDA --update writes it.\n"
    )
    path.write_text(header + "".join(lines))
    print(f"\n{len(lines)} refused cases written to {path.name}")


def excuse_known(results: list[dict[str, Any]]) -> None:
    """Mark wrong results that differ by no more than known_differences.txt explains."""
    lines = KNOWN.read_text().splitlines()
    rows = [line.split(maxsplit=2) for line in lines if line and not line.startswith("#")]
    most = {name: float(bound) for name, bound, _ in rows}
    for r in results:
        name = r["name"]
        if r["result"] == "wrong" and name in most and r.get("difference", math.inf) <= most[name]:
            r["result"] = "known"


def report(results: list[dict[str, Any]], verbose: bool) -> None:
    """Print the table, the errors by id, and every case that ended badly."""
    counts = collections.Counter(r["result"] for r in results)
    ids = collections.Counter(r["id"] for r in results if r["result"] == "error")
    for r in results:
        if r["result"] in BAD or verbose:
            print(f"{r['result']:7} {r['name']}  {r.get('detail', '')}")
    print(f"\n{'result':10} {'cases':>6}")
    for kind in ("pass", "error", "known", *BAD):
        print(f"{kind:10} {counts[kind]:6}")
    print(f"{'in all':10} {len(results):6}")
    if ids:
        print("\nclear errors by their first id")
        for name, count in ids.most_common():
            print(f"{count:6}  {name}")


def main() -> int:
    """Run, report, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pattern", nargs="?", help="run the cases whose names match this regex")
    parser.add_argument(
        "--device", default="CPU", choices=REFUSED, help="CPU, or CUDA for an NVIDIA GPU [CPU]"
    )
    parser.add_argument("--every", type=int, default=1, metavar="N", help="each N-th case only [1]")
    parser.add_argument("--update", action="store_true", help="write the list of that device")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="worker processes [2]")
    parser.add_argument("--timeout", type=float, default=60, metavar="S", help="for a case [60]")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every result to FILE")
    parser.add_argument("--verbose", action="store_true", help="print every case")
    arguments = parser.parse_args()
    if arguments.update and (arguments.pattern or arguments.every > 1):
        parser.error("--update needs a run of all cases; leave the pattern and --every out")
    if arguments.jobs < 1:
        parser.error(f"--jobs is {arguments.jobs}; give 1 or more")

    workers = [Worker(arguments.timeout, device=arguments.device) for _ in range(arguments.jobs)]
    names = workers[0].names()
    if arguments.pattern:
        names = [n for n in names if re.search(arguments.pattern, n)]
    names = names[:: arguments.every]
    if not names:
        parser.error(f"no case matches {arguments.pattern!r}")
    results = run_all(names, workers)
    excuse_known(results)
    report(results, arguments.verbose)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")

    passed = {str(r["name"]) for r in results if r["result"] == "pass"}
    bad = [r for r in results if r["result"] in BAD]
    refused = read_refused(REFUSED[arguments.device])
    ended = {r["name"]: r.get("id", r["result"]) for r in results}
    lost = sorted(
        name for name in (read_expected() & set(names)) - passed if refused.get(name) != ended[name]
    )
    if arguments.update and bad:
        print(f"\n{EXPECTED.name} is not written while cases end badly")
    elif arguments.update and (path := REFUSED[arguments.device]):
        write_refused(path, results, read_expected())
        return 0
    elif arguments.update:
        header = (
            "# The backend tests of ONNX that must pass; run_conformance.py --update writes it.\n"
        )
        EXPECTED.write_text(header + "".join(f"{n}\n" for n in sorted(passed)))
        print(f"\n{len(passed)} passes written to {EXPECTED.name}")
        return 0
    for name in sorted(passed & refused.keys()):
        print(f"{name} is in the list of what is refused and passes; --update takes it out")
    for name in lost:
        print(f"LOST {name}: it is in {EXPECTED.name} and no longer passes")
    if unlisted := len(passed - read_expected()):
        print(f"\n{unlisted} passes are not in {EXPECTED.name} yet; --update adds them")
    if bad or lost:
        print(f"\nFAILED: {len(bad)} cases ended badly, {len(lost)} expected passes are lost")
        return 1
    print("\nOK")
    return 0


if __name__ == "__main__":
    sys.exit(main())
