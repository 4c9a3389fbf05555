# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`lathe tune MODEL`: `lathe.tune` for the command line."""

from __future__ import annotations

import argparse
import json
import math
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import lathe
from lathe._inputs import InputError
from lathe._options import (
    add_size_options,
    by_name,
    checked,
    dims_of,
    integers,
    positive,
    run_program,
    table,
)
from lathe._search import MARGIN
from lathe.tuning import TunedKernel, Tuning

_WIDTH_OF_NODES = 40  # Letters that a table has room for.
_WIDTH_OF_BAR = 24


class Bar:
    """A line on stderr that says how far the search is; on a file, a line for each new thing."""

    def __init__(self, title: str, forced: bool) -> None:
        self._title = title
        self._terminal = sys.stderr.isatty()
        self._plain = forced and not self._terminal
        self._started = time.monotonic()
        self._last = ""

    def __call__(self, done: int, total: int, what: str) -> None:
        """Show that `done` of `total` alternatives are done."""
        if self._terminal:
            full = _WIDTH_OF_BAR * done // max(total, 1)
            bar = "#" * full + "." * (_WIDTH_OF_BAR - full)
            text = f"{self._title}: [{bar}] {what} ({done}/{total})"
            seconds = time.monotonic() - self._started
            print(f"\r\x1b[K{text}, {seconds:.0f} s", end="", file=sys.stderr, flush=True)
        elif self._plain and what != self._last:
            print(f"{self._title}: {what}", file=sys.stderr, flush=True)
        self._last = what

    def stop(self) -> None:
        """Clear the line."""
        if self._terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."


def _rows(kernels: Sequence[TunedKernel]) -> list[list[str]]:
    return [
        [
            kernel.kernel,
            f"{kernel.seconds_before * 1e6:.1f}",
            f"{kernel.seconds_after * 1e6:.1f}",
            f"{kernel.gain:.2f}x",
            kernel.before,
            kernel.after,
            _cut(kernel.nodes, _WIDTH_OF_NODES),
        ]
        for kernel in kernels
        if kernel.after != kernel.before
    ]


def summary(tuning: Tuning) -> str:
    """Say how good the choices were that the compiler made by itself, and what the model gained."""
    measured = tuning.kernels
    lines = []
    if measured:
        shares = [k.seconds_after / k.seconds_before for k in measured if k.seconds_before]
        kept = sum(k.after != k.before for k in measured)
        mean = math.exp(math.fsum(map(math.log, shares)) / len(shares))
        lines.append(
            f"{len(measured) - kept} of {len(measured)} kernels with alternatives are computed as "
            f"fast as may be, within {MARGIN:.0%}; the choice has {mean:.3f} of the speed of the "
            f"fastest by geometric mean, least {min(shares):.2f}"
        )
    else:
        lines.append("no kernel that ran has alternatives")
    before, after = tuning.seconds_before * 1e3, tuning.seconds_after * 1e3
    lines.append(
        f"the model on {tuning.threads} thread{'s'[: tuning.threads > 1]}: {before:.3f} ms before, "
        f"{after:.3f} ms after, {before / after:.2f}x"
    )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 if the search came to an end, 1 after an error."""
    parser = argparse.ArgumentParser(prog="lathe tune", description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--threads", type=checked(integers(1)), default=1)
    parser.add_argument("--minutes", type=checked(positive))
    parser.add_argument("--output", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--fixed-dim", action="append", default=[])
    parser.add_argument("--accuracy", default="standard")
    parser.add_argument("--precision", default="f32")
    parser.add_argument("--function")
    parser.add_argument("--rank", action="append", default=[])
    parser.add_argument("--custom-op", action="append", default=[])
    parser.add_argument("--seed", type=checked(integers(0)), default=0)
    parser.add_argument("--progress", action="store_true")
    add_size_options(parser)
    chosen = parser.parse_args(arguments)
    # The program that runs this waits for it, whatever the keyboard says.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    fixed = dict(text.rsplit("=", 1) for text in chosen.fixed_dim)
    bar = Bar(str(chosen.model), chosen.progress)
    try:
        for path in chosen.custom_op:
            lathe.register_op(path)
        tuning = lathe.tune(
            chosen.model,
            dims={name: int(size) if size.isdecimal() else size for name, size in fixed.items()},
            sizes=dims_of(parser, chosen.dim),
            shapes=by_name(parser, "--shape", chosen.shape),
            threads=chosen.threads,
            minutes=chosen.minutes,
            table=chosen.output,
            accuracy=chosen.accuracy,
            precision=chosen.precision,
            function=chosen.function,
            limits=by_name(parser, "--limit", chosen.limit),
            ranks=dims_of(parser, chosen.rank),
            allow_links=chosen.allow_links,
            seed=chosen.seed,
            progress=bar,
        )
    except (lathe.LatheError, InputError) as error:
        bar.stop()
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        bar.stop()
        print(f"{chosen.model}: interrupted before anything was measured", file=sys.stderr)
        return 1
    bar.stop()
    if rows := _rows(tuning.kernels):
        print(table(["kernel", "us before", "us after", "gain", "before", "after", "nodes"], rows))
    print(summary(tuning))
    for problem in tuning.problems:
        print(f"{chosen.model}: warning: {problem}", file=sys.stderr)
    if tuning.interrupted:
        print(f"{chosen.model}: the search ended early", file=sys.stderr)
    if tuning.table:
        count = sum(k.after != k.before for k in tuning.kernels)
        print(f"{tuning.table}: {count} choices")
    if chosen.json:
        figures = {**asdict(tuning), "table": tuning.table and str(tuning.table)}
        chosen.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(run_program(main))
