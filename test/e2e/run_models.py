#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Run whole models on Lathe and compare them with ONNX Runtime; with --bench, time them too.

With --guard 1.3, a model fails that takes Lathe more than 1.3 times as long as ONNX Runtime.

Every model runs on three random inputs, of three different sizes where its dims are free, on
one thread and on two, in a process of its own.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import dataclasses
import multiprocessing
import pathlib
import sys
import time
import xml.etree.ElementTree as ElementTree
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lathe.bench import Row

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/dev"))
import models  # noqa: E402

RUNS = 3
# How often a model may be too slow: the machine has other work, too.
TRIES = 3


@dataclasses.dataclass
class Result:
    """A row of the table; texts are as they are printed."""

    model: str
    verdict: str = "ok"
    difference: str = ""
    share: str = ""
    timing: tuple[str, ...] = ("", "", "", "", "")
    seconds: float = 0
    problems: list[str] = dataclasses.field(default_factory=list)


def verify(name: str, path: str, target: str, isa: str | None) -> tuple[str, str, list[str]]:
    """The largest difference, its share of what is allowed, and what is wrong. Runs in a child."""
    import lathe.verify as lathe_verify
    from lathe._inputs import Sizes

    model = models.find(name)
    sizes = [
        Sizes(shapes=model.feeds[run % len(model.feeds)], integers=model.integers)
        for run in range(RUNS)
    ]
    rows, problems = lathe_verify.verify(
        pathlib.Path(path),
        sizes,
        target=target,
        isa=isa,
        atol=model.tolerance,
        rtol=model.tolerance,
    )
    worst = max(rows, key=lambda row: float(row[4].rstrip("%")))
    return worst[3], worst[4], problems


def measured(name: str, path: str, rounds: int, **options: Any) -> tuple[Row, Row]:
    """The figures of Lathe and of onnxruntime: one thread, one run."""
    import lathe.bench as lathe_bench
    from lathe._inputs import Sizes

    model = models.find(name)
    rows, failures = lathe_bench.measure(
        pathlib.Path(path),
        ["lathe", "onnxruntime"],
        1,
        Sizes(shapes=model.feeds[0], integers=model.integers),
        rounds=rounds,
        slice_s=0.2,
        options=options,
    )
    if failures:
        raise RuntimeError("; ".join(f"{failure.engine}: {failure.error}" for failure in failures))
    ours, theirs = rows
    return ours, theirs


def guard(name: str, path: str, target: str, isa: str | None, most: float) -> list[str]:
    """What is wrong with the least times of a model. Runs in a child."""
    factors = []
    for _ in range(TRIES):
        ours, theirs = measured(name, path, 3, target=target, isa=isa)
        factors.append(ours.min_ms / theirs.min_ms)
        if factors[-1] <= most:
            return []
    return [f"takes {min(factors):.2f} times as long as onnxruntime, at most {most:g} is allowed"]


def bench(name: str, path: str, target: str, isa: str | None) -> tuple[str, ...]:
    """Compile seconds, peak MB, ms of Lathe and onnxruntime, and speed: one thread, one run."""
    ours, theirs = measured(name, path, 10, target=target, isa=isa, cache=False)
    speed = theirs.median_ms / ours.median_ms
    figures = (ours.load_s, ours.peak_rss_mb, ours.median_ms, theirs.median_ms)
    return (*(f"{figure:.2f}" for figure in figures), f"{speed:.2f}x")


def run(
    name: str,
    path: pathlib.Path,
    target: str,
    isa: str | None,
    timed: bool,
    most: float | None = None,
) -> Result:
    """All of the above for one model, in a child that may crash without taking us along."""
    result = Result(f"{name} ({isa})" if isa else name)
    start = time.monotonic()
    context = multiprocessing.get_context("spawn")
    try:
        with concurrent.futures.ProcessPoolExecutor(1, context) as pool:
            verified = pool.submit(verify, name, str(path), target, isa).result()
            result.difference, result.share, result.problems = verified
            if most:
                arguments = (name, str(path), target, isa, most)
                result.problems += pool.submit(guard, *arguments).result()
            if timed:
                result.timing = pool.submit(bench, name, str(path), target, isa).result()
    except concurrent.futures.process.BrokenProcessPool:
        result.problems = ["the process that ran the model died"]
    except Exception as error:  # Whatever a model meets is a row of the table.
        unfit = ("[target-processor]", "[target-missing-feature]", "[module-cannot-run]")
        if any(id in str(error) for id in unfit):
            return Result(result.model, "skipped", problems=[f"not on this machine: {error}"])
        result.problems = [f"{type(error).__name__}: {error}"]
    result.verdict = "FAILED" if result.problems else "ok"
    result.seconds = time.monotonic() - start
    return result


def write_junit(results: list[Result], target: pathlib.Path) -> None:
    suite = ElementTree.Element("testsuite", name="models", tests=str(len(results)))
    for result in results:
        attributes = {"name": result.model, "time": f"{result.seconds:.1f}"}
        case = ElementTree.SubElement(suite, "testcase", attributes)
        if result.verdict == "FAILED":
            ElementTree.SubElement(case, "failure").text = "\n".join(result.problems)
        elif result.verdict == "skipped":
            ElementTree.SubElement(case, "skipped").text = "\n".join(result.problems)
    ElementTree.ElementTree(suite).write(target)


def print_table(results: list[Result], timed: bool) -> None:
    head = f"\n{'model':<20} {'result':<8} {'max |diff|':>11} {'of limit':>9} {'s':>6}"
    if timed:
        head += f" {'compile s':>10} {'MB':>8} {'lathe ms':>9} {'ort ms':>9} {'speed':>7}"
    print(head)
    for result in results:
        line = (
            f"{result.model:<20} {result.verdict:<8} {result.difference:>11}"
            f" {result.share:>9} {result.seconds:>6.1f}"
        )
        if timed:
            compiled, memory, ours, theirs, speed = result.timing
            line += f" {compiled:>10} {memory:>8} {ours:>9} {theirs:>9} {speed:>7}"
        print(line)
        for problem in result.problems:
            print(f"  {result.model}: {problem}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="models of tools/dev/models.py; default: all")
    parser.add_argument("--small", action="store_true", help="only those of every tools/check")
    parser.add_argument("--bench", action="store_true", help="also compile time, memory and speed")
    parser.add_argument(
        "--guard", type=float, help="how many times as long as onnxruntime a model may take"
    )
    parser.add_argument("--target", default="host", help="one that this machine runs [host]")
    parser.add_argument(
        "--isa", help="which of several targets to use, or 'each' for all that this machine runs"
    )
    parser.add_argument("--junit", type=pathlib.Path, help="write a report of the results here")
    options = parser.parse_args()
    try:
        chosen = [models.find(name) for name in options.names or models.MODELS]
    except KeyError as error:
        parser.error(str(error.args[0]))
    if options.small:
        chosen = [model for model in chosen if model.small]
    isas = [options.isa]
    if options.isa == "each":
        # The names in the target are those of the variants, as long as they are levels.
        isas = options.target.partition(":")[2].split("+")
    results = []
    for number, model in enumerate(chosen, 1):
        print(f"[{number}/{len(chosen)}] {model.name}", flush=True)
        try:
            for isa in isas:
                place = (model.name, model.path(), options.target, isa)
                results.append(run(*place, options.bench, options.guard))
        except models.ModelUnavailableError as error:
            results.append(Result(model.name, "skipped", problems=[str(error)]))
    print_table(results, options.bench)
    if options.junit:
        write_junit(results, options.junit)
    return int(any(result.verdict == "FAILED" for result in results))


if __name__ == "__main__":
    sys.exit(main())
