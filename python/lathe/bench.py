# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`python -m lathe.bench`: how fast Lathe runs models, beside other engines.

Every engine runs in a process of its own. They take turns in short slices, round after round, so
that what else the machine does hits all of them alike; the engine that begins changes from round
to round.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lathe._chart import geometric_means, page
from lathe._compare import finite
from lathe._engines import ENGINES
from lathe._inputs import Sizes
from lathe._options import (
    add_choice_options,
    add_size_options,
    add_target_options,
    add_turn_options,
    by_name,
    checked,
    choices_of,
    dims_of,
    engine_names,
    is_onnx,
    run_program,
    table,
)
from lathe._peer import Peer, PeerError
from lathe._turns import race

_WARM_S = 0.5


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of one engine on one model. `speed` is the peer's median over Lathe's.

    `difference` is the largest one between a peer's outputs and Lathe's, as a part of what
    `lathe.verify` allows.
    """

    model: str
    engine: str
    version: str
    threads: int
    inputs: str
    iterations: int
    median_ms: float
    min_ms: float
    spread: float  # The middle half of the times, as a part of the median.
    load_s: float
    peak_rss_mb: float
    speed: float | None = None
    difference: float | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """An engine that could not run a model."""

    model: str
    engine: str
    threads: int
    error: str


def _start(
    stack: contextlib.ExitStack,
    engine: str,
    model: Path,
    threads: int,
    options: Mapping[str, Any],
) -> tuple[Peer, dict[str, Any]]:
    peer = stack.enter_context(Peer(engine))
    return peer, peer.load(str(model), threads, options)


def measure(
    model: Path,
    engines: Sequence[str],
    threads: int,
    sizes: Sizes,
    *,
    rounds: int,
    slice_s: float,
    options: Mapping[str, Any],
) -> tuple[list[Row], list[Failure]]:
    """Time the engines on one model in one interleaved run."""
    failures = []
    with contextlib.ExitStack() as stack:
        running: list[tuple[Peer, dict[str, Any], int]] = []
        shapes = ""
        like = None
        for engine in engines:
            try:
                peer, loaded = _start(stack, engine, model, threads, options)
                # Lathe comes first; its names for free dims serve the others, too.
                like = like or loaded["inputs"]
                answer = peer.ask(do="inputs", sizes=sizes.to_json(), like=like)
                shapes = ", ".join("x".join(map(str, s)) for s in answer["shapes"])
                warm = peer.ask(do="warm", seconds=_WARM_S)
                running.append((peer, loaded, max(1, round(slice_s / warm["each"]))))
            except PeerError as error:
                failures.append(Failure(model.stem, engine, threads, str(error)))
        results, problems = race([(peer, count) for peer, _, count in running], rounds)
        failures += [Failure(model.stem, e, threads, text) for e, text in problems.items()]
        own = results["lathe"].times.median if "lathe" in results else None
        rows = []
        for peer, loaded, _ in running:
            if peer.engine not in results:
                continue
            times, difference = results[peer.engine].times, results[peer.engine].difference
            rows.append(
                Row(
                    model.stem,
                    peer.engine,
                    loaded["version"],
                    threads,
                    shapes,
                    times.calls,
                    times.median * 1e3,
                    times.least * 1e3,
                    times.spread,
                    loaded["seconds"],
                    peer.ask(do="memory")["peak_rss"] / 1e6,
                    times.median / own if own else None,
                    difference.excess if difference else None,
                )
            )
    return rows, failures


def machine() -> dict[str, Any]:
    """What the figures were measured on: processor, cpus that this process may use, system."""
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    return {"processor": name, "cpus": len(os.sched_getaffinity(0)), "system": platform.platform()}


def _table(rows: Sequence[Row]) -> str:
    header = ["model", "engine", "threads", "median ms", "min ms", "spread", "Lathe is", "load s"]
    return table(
        [*header, "MB"],
        [
            [
                r.model,
                f"{r.engine} {r.version}",
                r.threads,
                f"{r.median_ms:.3f}",
                f"{r.min_ms:.3f}",
                f"{r.spread:.1%}",
                "" if r.engine == "lathe" or r.speed is None else f"{r.speed:.2f}x",
                f"{r.load_s:.2f}",
                f"{r.peak_rss_mb:.0f}",
            ]
            for r in rows
        ],
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns 1 if Lathe or a peer could not run a model."""
    parser = argparse.ArgumentParser(prog="python -m lathe.bench", description=__doc__)
    parser.add_argument("models", nargs="*", type=Path, help="model files")
    parser.add_argument("--suite", type=Path, metavar="DIR", help="all .onnx files in DIR, too")
    parser.add_argument(
        "--against",
        type=checked(engine_names(ENGINES)),
        default=[],
        metavar="ENGINES",
        help="engines to compare with, as in onnxruntime,openvino",
    )
    add_turn_options(parser, 0.2)
    add_target_options(parser)
    parser.add_argument("--denormals", default="keep", help="keep or flush, for Lathe [keep]")
    parser.add_argument("--no-cache", action="store_true", help="compile anew: load s is honest")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page with charts")
    add_size_options(parser)
    add_choice_options(parser)
    chosen = parser.parse_args(arguments)

    models: list[Path] = list(chosen.models)
    if chosen.suite:
        if not chosen.suite.is_dir():
            parser.error(f"--suite: {chosen.suite} is not a directory")
        models += sorted(chosen.suite.glob("*.onnx"))
    if not models:
        parser.error("name a model, or a directory with --suite")
    if missing := [m for m in models if not m.is_file()]:
        parser.error(f"{missing[0]}: no such file")
    if chosen.against and (own := [m for m in models if not is_onnx(m)]):
        parser.error(
            f"{own[0]} is Lathe's own format, which other engines cannot read; name the ONNX file "
            "that it was converted from [bench-needs-onnx]"
        )
    shapes = by_name(parser, "--shape", chosen.shape)
    sizes = Sizes(dims_of(parser, chosen.dim), shapes, chosen.integers)
    options = {
        "target": chosen.target,
        "isa": chosen.isa,
        "accuracy": chosen.accuracy,
        "precision": chosen.precision,
        "denormals": chosen.denormals,
        "cache": not chosen.no_cache,
        "allow_links": chosen.allow_links,
        "limits": by_name(parser, "--limit", chosen.limit),
        "choices": choices_of(chosen),
    }

    rows: list[Row] = []
    failures: list[Failure] = []
    cases = [(m, t) for m in models for t in chosen.threads]
    for number, (model, threads) in enumerate(cases, 1):
        print(
            f"[{number}/{len(cases)}] {model.stem}, {threads} thread{'s'[: threads > 1]}",
            file=sys.stderr,
        )
        new_rows, new_failures = measure(
            model,
            ["lathe", *chosen.against],
            threads,
            sizes,
            rounds=chosen.rounds,
            slice_s=chosen.slice,
            options=options,
        )
        rows += new_rows
        failures += new_failures
    if rows:
        print(_table(rows))
    for (engine, threads), (mean, count) in geometric_means(rows).items():
        print(f"{engine}, {threads} threads: geometric mean {mean:.2f}x of {count} models")
    for failure in failures:
        print(f"{failure.model}: {failure.engine}: {failure.error}", file=sys.stderr)
    if chosen.json:
        data = {
            "machine": machine(),
            "rounds": chosen.rounds,
            "rows": [finite(asdict(r)) for r in rows],
            "failures": [asdict(f) for f in failures],
        }
        chosen.json.write_text(json.dumps(data, indent=1, allow_nan=False) + "\n")
    if chosen.html:
        header = {**machine(), "rounds": chosen.rounds}
        words = sys.argv[1:] if arguments is None else arguments
        command = "python -m lathe.bench " + shlex.join(words)
        chosen.html.write_text(page(rows, failures, header, command), encoding="utf-8")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(run_program(main))
