#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Run every section of tests and sum them up; tools/check calls this after the set-up."""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import os
import pathlib
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "release"
LOGS = ROOT / "build" / "check"
PYTHON = sys.executable

# A test that hangs is named and fails: seconds for one test, and for a section that always runs.
TEST_LIMIT = 900
SECTION_LIMIT = 3600


@dataclasses.dataclass(frozen=True)
class Section:
    """One row of the summary: a command that exits with 0 when all is well."""

    name: str
    summary: str
    command: tuple[str, ...]
    # What the command counts its tests in; without it, the section is one test.
    junit: bool = False
    # Whether it runs only when it is named: too long for every run.
    heavy: bool = False

    @property
    def report(self) -> pathlib.Path:
        return LOGS / f"{self.name}.xml"


def section(name: str, summary: str, *command: str, junit: str = "") -> Section:
    if junit:
        report = str(LOGS / f"{name}.xml")
        # CTest takes the file as a word of its own only.
        command += (junit + report,) if junit.endswith("=") else (junit, report)
    return Section(name, summary, command, bool(junit))


def test(path: str) -> str:
    return str(ROOT / path)


def pytest(name: str, summary: str, folder: str, *options: str) -> Section:
    # The tests of a file in one process, in their order: they share models and random numbers.
    workers = ("-n", str(len(os.sched_getaffinity(0))), "--dist", "loadfile")
    # pytest-xdist waits for ever once it has put a worker in the place of one that crashed. The
    # others go on without it; the crash is a failure, and tests that it had yet to run may be lost.
    limits = ("--max-worker-restart=0", f"--timeout={TEST_LIMIT}", "--timeout-method=thread")
    command = (PYTHON, "-m", "pytest", "-q", *workers, *limits, test(folder), *options)
    return section(name, summary, *command, junit="--junitxml=")


def models(name: str, summary: str, *options: str) -> Section:
    command = (PYTHON, test("test/e2e/run_models.py"), "--small", *options)
    return section(name, summary, *command, junit="--junit")


# Cheap sections first: whoever broke a rule of form should not wait to hear it.
SECTIONS = (
    section("format", "clang-format, ruff, mypy, licence, shell syntax", test("tools/dev/lint")),
    section("layers", "who includes whom", PYTHON, test("tools/dev/check_layers.py"), str(ROOT)),
    section("sizes", "lengths of files", PYTHON, test("tools/dev/check_sizes.py"), str(ROOT)),
    pytest("docs", "recipes, links, error ids", "test/docs"),
    section(
        "lit",
        "dialects, passes, conversions, importer, command line",
        str(pathlib.Path(PYTHON).parent / "lit"),
        "-s",
        str(BUILD / "test"),
        junit="--xunit-xml-output=",
    ),
    section(
        "ctest",
        "the runtime, target strings",
        "ctest",
        "--test-dir",
        str(BUILD),
        "--output-on-failure",
        "--no-tests=error",
        junit="--output-junit",
    ),
    # A folder each: their modules and conftest files may have the same names.
    pytest("python", "the Python package", "test/python"),
    pytest("cli", "the command line", "test/tools"),
    pytest("e2e", "single ops against an oracle, the demo, the C++ example", "test/e2e"),
    dataclasses.replace(
        pytest(
            "e2e-levels",
            "the single ops at each level of one artifact that this machine runs",
            "test/e2e/ops",
            *("--target", "x86_64:v2+v3+v4+amx"),
        ),
        heavy=True,
    ),
    dataclasses.replace(
        pytest(
            "e2e-aarch64",
            "the single ops on an emulated 64-bit ARM",
            "test/e2e/ops",
            *("--target", "aarch64:neon"),
        ),
        heavy=True,
    ),
    dataclasses.replace(
        pytest("wheel", "the wheel, built and installed where there is no LLVM", "test/wheel"),
        heavy=True,
    ),
    dataclasses.replace(
        section(
            "exporters",
            "models that PyTorch, scikit-learn, TensorFlow and PaddlePaddle export; installs them",
            PYTHON,
            test("test/exporters/run_exporters.py"),
        ),
        heavy=True,
    ),
    *(
        dataclasses.replace(
            section(name, summary, PYTHON, test("tools/dev/sanitize_runtime.py"), sanitizer),
            heavy=True,
        )
        for name, summary, sanitizer in (
            ("races", "the runtime's tests under the thread sanitizer", "thread"),
            ("memory", "the runtime's tests under the address sanitizer", "address"),
        )
    ),
    pytest("tools", "the tools of this tree", "test/dev"),
    section(
        "fuzz", "some seconds of each fuzzer", PYTHON, test("tools/dev/fuzz.py"), "--seconds", "5"
    ),
    section(
        "conformance", "ONNX backend tests", PYTHON, test("test/conformance/run_conformance.py")
    ),
    section(
        "conformance-gpu",
        "a sample of them on the emulated GPU",
        *(PYTHON, test("test/gpu/emulate.py"), PYTHON, test("test/conformance/run_conformance.py")),
        *("--device", "CUDA", "--every", "41"),
    ),
    models(
        "models", "a small model of each kind, none far slower than ONNX Runtime", "--guard", "1.3"
    ),
    models(
        "models-levels",
        "the same at each level of one artifact that this machine runs",
        *("--target", "x86_64:v2+v3+v4", "--isa", "each"),
    ),
)


@dataclasses.dataclass
class Outcome:
    section: Section
    passed: int
    failed: int
    skipped: int
    seconds: float


def count(report: pathlib.Path) -> tuple[int, int, int]:
    """Passed, failed and skipped tests of a JUnit report."""
    passed = failed = skipped = 0
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def succeeds(item: Section) -> bool:
    """Whether the command of a section exits with 0 in the time that it has."""
    limit = None if item.heavy else SECTION_LIMIT
    process = subprocess.Popen(item.command, cwd=ROOT, stdin=subprocess.DEVNULL)
    try:
        return process.wait(limit) == 0
    except subprocess.TimeoutExpired:
        print(f"{item.name}: error: not done after {limit} seconds [check-no-end]", flush=True)
        return False
    finally:
        if process.poll() is None:
            # SIGTERM, for what it started to end as well; SIGKILL for what does not listen.
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def run(item: Section) -> Outcome:
    item.report.unlink(missing_ok=True)
    start = time.monotonic()
    try:
        ok = succeeds(item)
    except OSError as error:
        print(
            f"{item.name}: error: cannot run {item.command[0]}: {error.strerror} [check-no-program]"
        )
        ok = False
    passed, failed, skipped = int(ok), int(not ok), 0
    if item.junit:
        try:
            passed, failed, skipped = count(item.report)
        except (OSError, ElementTree.ParseError) as error:
            print(f"{item.name}: error: no report of the tests: {error} [check-no-report]")
            ok = False
        if passed + failed == 0:
            print(f"{item.name}: error: no test ran [check-no-tests]")
            ok = False
        if not ok and failed == 0:
            failed = 1
    return Outcome(item, passed, failed, skipped, time.monotonic() - start)


def print_summary(outcomes: list[Outcome], setup_seconds: float | None) -> None:
    print(
        f"\n{'section':<15} {'result':<7} {'passed':>7} {'failed':>7} {'skipped':>8} {'seconds':>8}"
    )
    if setup_seconds is not None:
        print(f"{'set-up':<15} {'ok':<7} {'':>7} {'':>7} {'':>8} {setup_seconds:>8.0f}")
    for outcome in outcomes:
        result = "FAILED" if outcome.failed else "ok"
        print(
            f"{outcome.section.name:<15} {result:<7} {outcome.passed:>7} {outcome.failed:>7}"
            f" {outcome.skipped:>8} {outcome.seconds:>8.1f}  {outcome.section.summary}"
        )
    print(f"\n{sum(o.passed for o in outcomes)} passed, {sum(o.failed for o in outcomes)} failed")


def select(names: str | None) -> list[Section]:
    if names is None:
        return [item for item in SECTIONS if not item.heavy]
    known = {item.name: item for item in SECTIONS}
    for name in names.split(","):
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean '{close[0]}'?" if close else f"; there are {', '.join(known)}"
            print(f"tools/check: error: no section '{name}'{hint}", file=sys.stderr)
            sys.exit(2)
    return [known[name] for name in names.split(",")]


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools/check", description=__doc__)
    parser.add_argument("--only", help="names of sections, with commas between")
    parser.add_argument("--list", action="store_true", help="name the sections and stop")
    parser.add_argument("--setup-seconds", type=float, help="a row of the table, from tools/check")
    options = parser.parse_args()
    chosen = list(SECTIONS) if options.list and not options.only else select(options.only)
    if options.list:
        for item in chosen:
            heavy = " (only when named)" if item.heavy else ""
            print(f"{item.name:<15} {item.summary}{heavy}")
        return 0
    LOGS.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    # A shell ignores Ctrl-C for what it starts in the background, where tests of it would fail.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    # The tests use what set-up installed, whichever shell called us.
    os.environ["PATH"] = f"{pathlib.Path(PYTHON).parent}{os.pathsep}{os.environ['PATH']}"
    outcomes = []
    for item in chosen:
        print(f"\n== {item.name}: {item.summary}", flush=True)
        outcomes.append(run(item))
    print_summary(outcomes, options.setup_seconds)
    return int(any(outcome.failed for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
