# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`python -m lathe.ops_bench`: how fast single operators are, beside other engines and the machine.

What `lathe bench --ops` runs. Every engine has one process for all operators; for each operator
they take turns in short slices, as in `lathe.bench`.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import shlex
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import lathe
from lathe import _op_chart
from lathe._compare import finite
from lathe._engines import OP_ENGINES
from lathe._inputs import Sizes
from lathe._op_cases import Case, make
from lathe._op_shapes import OpsError, choose, group_of, listing
from lathe._options import (
    add_target_options,
    add_turn_options,
    checked,
    engine_names,
    run_program,
    table,
)
from lathe._peer import Peer, PeerError
from lathe._roof import Roof
from lathe._torch_ops import FUNCTIONS
from lathe._turns import Result, race
from lathe.bench import machine

_WARM_S = 0.2
_WORST = 5  # Named at the end.
_CODES = Sizes(integers=(0, 256))  # Inputs of 8 bits have all values.


@dataclass(frozen=True, slots=True)
class OpRow:
    """The figures of one engine on one operator.

    `operations` are multiplications and additions, `bytes` those of inputs, weights and output.
    `share` is the time of the operator's roof (lathe._roof), which `bound` names, over the median;
    `speed` is the peer's median over Lathe's; `difference` is as in `lathe.bench`.
    """

    group: str
    op: str
    sizes: str
    threads: int
    engine: str
    version: str
    operations: int
    bytes: int
    bound: str  # "product" or "copy".
    calls: int
    median_ms: float
    min_ms: float
    spread: float  # The middle half of the times, as a part of the median.
    share: float
    speed: float | None = None
    difference: float | None = None

    @property
    def name(self) -> str:
        """Operator and sizes."""
        return f"{self.op}:{self.sizes}"

    @property
    def rate(self) -> str:
        """Operations, or bytes where there are none, in a second."""
        amount, unit = (self.operations, "FLOP/s") if self.operations else (self.bytes, "B/s")
        if self.op.endswith("_int8"):
            unit = "OP/s"
        return f"{amount / self.median_ms / 1e6:.1f} G{unit}"


@dataclass(frozen=True, slots=True)
class OpFailure:
    """An engine that could not run an operator, or computes something else than Lathe."""

    name: str
    threads: int
    engine: str
    error: str


@dataclass(frozen=True, slots=True)
class Mean:
    """Geometric means of a group, or of all operators, on some threads.

    `share` is of Lathe's shares of the roof; `speed` has for each peer how many times its time is
    Lathe's, and of how many operators.
    """

    group: str
    threads: int
    share: float | None
    speed: Mapping[str, tuple[float, int]]

    def __str__(self) -> str:
        """Return the line that is printed."""
        parts = [] if self.share is None else [f"{self.share:.0%} of the roof"]
        parts += [f"{mean:.2f}x {engine} ({n} ops)" for engine, (mean, n) in self.speed.items()]
        return f"{self.group}, {_threads(self.threads)}: {', '.join(parts)}"


def _threads(number: int) -> str:
    return f"{number} thread{'s'[: number > 1]}"


class Contest:
    """The engines' processes, on some threads."""

    def __init__(
        self, engines: Sequence[str], threads: int, options: Mapping[str, Any], folder: Path
    ) -> None:
        """Start no process yet; models are written to `folder`."""
        self._stack = contextlib.ExitStack()
        self._engines, self._threads, self._options = engines, threads, options
        self._file = folder / "op.onnx"
        self._peers: dict[str, Peer] = {}
        self.roof = Roof(threads)

    def __enter__(self) -> Contest:
        """Measure what bounds products."""
        self.roof.measure_products()
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes."""
        self._stack.close()

    def _peer(self, engine: str) -> Peer:
        """Return the engine's process, a new one if it ended."""
        if engine not in self._peers or self._peers[engine].ended:
            self._peers[engine] = self._stack.enter_context(Peer(engine))
        return self._peers[engine]

    def measure(
        self, case: Case, rounds: int, slice_s: float
    ) -> tuple[list[tuple[str, str, Result]], list[OpFailure]]:
        """Time an operator: engine, version and result of each."""
        self._file.write_bytes(case.model())
        failures = []
        running: list[tuple[Peer, str, int]] = []
        like = None
        for engine in self._engines:
            if engine == "torch" and case.op not in FUNCTIONS:
                continue
            options = {**self._options, "case": [case.op, case.sizes]}
            try:
                peer = self._peer(engine)
                loaded = peer.load(str(self._file), self._threads, options)
                like = like or loaded["inputs"]
                peer.ask(do="inputs", sizes=_CODES.to_json(), like=like)
                warm = peer.ask(do="warm", seconds=_WARM_S)
                running.append((peer, loaded["version"], max(1, round(slice_s / warm["each"]))))
            except PeerError as error:
                failures.append(OpFailure(case.name, self._threads, engine, str(error)))
        pairs = [(peer, count) for peer, _, count in running]
        results, problems = race(pairs, rounds, case.tolerance)
        failures += [OpFailure(case.name, self._threads, e, text) for e, text in problems.items()]
        return [
            (p.engine, v, results[p.engine]) for p, v, _ in running if p.engine in results
        ], failures


def measure_all(
    cases: Sequence[Case],
    engines: Sequence[str],
    threads: Sequence[int],
    *,
    rounds: int,
    slice_s: float,
    options: Mapping[str, Any],
) -> tuple[list[OpRow], list[OpFailure], list[Roof]]:
    """Time the operators on the engines, Lathe first, with each number of threads."""
    rows: list[OpRow] = []
    failures: list[OpFailure] = []
    roofs = []
    with tempfile.TemporaryDirectory(prefix="lathe-ops-") as folder:
        for number in threads:
            measured = []
            with Contest(engines, number, options, Path(folder)) as contest:
                for i, case in enumerate(cases, 1):
                    text = f"[{i}/{len(cases)}] {case.name}, {_threads(number)}"
                    print(text, file=sys.stderr, flush=True)
                    results, new = contest.measure(case, rounds, slice_s)
                    measured.append((case, results))
                    failures += new
                    contest.roof.copy(case.moved)  # While the machine is as it was.
                contest.roof.measure_products()
            roofs.append(contest.roof)
            for case, results in measured:
                rows += _rows(case, results, contest.roof)
    return rows, failures, roofs


def _rows(case: Case, results: Sequence[tuple[str, str, Result]], roof: Roof) -> list[OpRow]:
    least, bound = roof.seconds(case)
    own = next((result.times.median for engine, _, result in results if engine == "lathe"), None)
    return [
        OpRow(
            group_of(case.op),
            case.op,
            case.sizes,
            roof.threads,
            engine,
            version,
            case.operations,
            case.moved,
            bound,
            result.times.calls,
            result.times.median * 1e3,
            result.times.least * 1e3,
            result.times.spread,
            least / result.times.median,
            result.times.median / own if own else None,
            result.difference.excess if result.difference else None,
        )
        for engine, version, result in results
    ]


def means(rows: Sequence[OpRow]) -> list[Mean]:
    """Return the means of each group, and of all if there are several, by number of threads."""
    result = []
    groups = list(dict.fromkeys(r.group for r in rows))
    for threads in dict.fromkeys(r.threads for r in rows):
        for group in [*groups, *(["all"] if len(groups) > 1 else [])]:
            part = [r for r in rows if r.threads == threads and group in (r.group, "all")]
            shares = [r.share for r in part if r.engine == "lathe"]
            speeds: dict[str, list[float]] = {}
            for row in part:
                if row.engine != "lathe" and row.speed is not None:
                    speeds.setdefault(row.engine, []).append(row.speed)
            geometric = statistics.geometric_mean
            speed = {e: (geometric(list_), len(list_)) for e, list_ in speeds.items()}
            if part:
                result.append(Mean(group, threads, geometric(shares) if shares else None, speed))
    return result


def worst(rows: Sequence[OpRow]) -> list[str]:
    """Return a line for each peer, or for the roof if there is none: where Lathe is least."""
    lines = []
    for threads in dict.fromkeys(r.threads for r in rows):
        part = [r for r in rows if r.threads == threads]
        peers = dict.fromkeys(r.engine for r in part if r.engine != "lathe")
        for engine in peers or ["lathe"]:
            if engine == "lathe":
                figures = [(r.share, f"{r.name} {r.share:.0%}") for r in part]
                beside = "the roof"
            else:
                beside = engine
                figures = [
                    (r.speed, f"{r.name} {r.speed:.2f}x")
                    for r in part
                    if r.engine == engine and r.speed is not None
                ]
            if len(figures) > 1:
                texts = [text for _, text in sorted(figures)[:_WORST]]
                lines.append(f"least beside {beside}, {_threads(threads)}: {', '.join(texts)}")
    return lines


def _tables(rows: Sequence[OpRow], peers: Sequence[str]) -> str:
    """Return a table for each group: a line for each operator and number of threads."""
    header = ["threads", "ms", "Lathe", "of the roof", "bound by"]
    for peer in peers:
        header += [f"{peer} ms", "Lathe is"]
    parts = []
    for group in dict.fromkeys(r.group for r in rows):
        lines: dict[tuple[str, int], dict[str, OpRow]] = {}
        for row in (r for r in rows if r.group == group):
            lines.setdefault((row.name, row.threads), {})[row.engine] = row
        cells = []
        for (name, threads), engines in lines.items():
            line: list[Any] = [name, threads]
            any_ = next(iter(engines.values()))
            own = engines.get("lathe")
            line += [f"{own.median_ms:.3f}", own.rate, f"{own.share:.0%}"] if own else ["-"] * 3
            line.append(any_.bound)
            for peer in peers:
                other = engines.get(peer)
                speed = f"{other.speed:.2f}x" if other and other.speed is not None else "-"
                line += [f"{other.median_ms:.3f}" if other else "-", speed]
            cells.append(line)
        parts.append(table([group, *header], cells))
    return "\n\n".join(parts)


def _engines(text: str) -> list[str]:
    names = engine_names(OP_ENGINES)(text)
    for name in names:
        if importlib.util.find_spec(name) is None:
            raise ValueError(
                f"{name} is not installed; install it: {sys.executable} -m pip install {name} "
                "[bench-ops-engine]"
            )
    return names


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lathe.ops_bench", description=__doc__)
    parser.add_argument(
        "ops", metavar="GROUPS", help="all, list, or groups, operators or OP:SIZES with commas"
    )
    parser.add_argument(
        "--against",
        type=checked(_engines),
        default=[],
        metavar="ENGINES",
        help="engines to compare with, as in onnxruntime,openvino,torch",
    )
    add_turn_options(parser, 0.05)
    add_target_options(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page with charts")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns 1 if an engine could not run an operator, 2 for wrong usage."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    if chosen.ops == "list":
        print(listing())
        return 0
    try:
        cases = choose(chosen.ops)
    except OpsError as error:
        print(f"lathe bench --ops: error: {error}", file=sys.stderr)
        print("lathe bench --ops: note: '--ops list' shows what there is", file=sys.stderr)
        return 2
    for file in (chosen.json, chosen.html):
        if file and not file.absolute().parent.is_dir():
            parser.error(f"{file}: its folder is not there")
    options: dict[str, Any] = {
        "target": chosen.target,
        "isa": chosen.isa,
        "accuracy": chosen.accuracy,
        "precision": chosen.precision,
        "cache": False,  # The artifacts would have the weights in them, and are soon made.
    }
    try:
        # What is wrong with the options is said once, and not for each operator.
        trial = make("add", "8")
        x = np.ones(8, np.float32)
        lathe.compile(trial.model(), **options)(x, x)
    except lathe.LatheError as error:
        print(f"lathe bench --ops: {str(error).removeprefix('lathe: ')}", file=sys.stderr)
        return 1
    rows, failures, roofs = measure_all(
        cases,
        ["lathe", *chosen.against],
        list(dict.fromkeys(chosen.threads)),
        rounds=chosen.rounds,
        slice_s=chosen.slice,
        options=options,
    )
    found = means(rows)
    if rows:
        print(_tables(rows, chosen.against))
        print()
    for roof in roofs:
        print(
            f"products on {_threads(roof.threads)}: f32 {roof.f32 / 1e9:.1f} GFLOP/s, "
            f"8 bits {roof.int8 / 1e9:.1f} GOP/s"
        )
    for line in [*map(str, found), *worst(rows)]:
        print(line)
    for f in failures:
        print(f"{f.name}, {_threads(f.threads)}: {f.engine}: {f.error}", file=sys.stderr)
    facts = {**machine(), "rounds": chosen.rounds}
    peaks = [{"threads": r.threads, "f32": r.f32, "int8": r.int8} for r in roofs]
    if chosen.json:
        data = {
            **{"machine": machine(), "rounds": chosen.rounds, "peaks": peaks},
            "rows": [finite(asdict(r)) for r in rows],
            "means": [asdict(m) for m in found],
            "failures": [asdict(f) for f in failures],
        }
        chosen.json.write_text(json.dumps(data, indent=1, allow_nan=False) + "\n")
    if chosen.html:
        words = sys.argv[1:] if arguments is None else arguments
        command = "python -m lathe.ops_bench " + shlex.join(words)
        text = _op_chart.page(rows, found, failures, facts, command)
        chosen.html.write_text(text, encoding="utf-8")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(run_program(main))
