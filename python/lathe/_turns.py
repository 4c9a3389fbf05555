# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Engines that take turns, each in a process of its own: what of their times counts, and whether
their outputs are the same.
"""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lathe._compare import STANDARD, Difference, Tolerance
from lathe._inputs import Array
from lathe._peer import Peer, PeerError, read_outputs


@dataclass(frozen=True, slots=True)
class Times:
    """Figures of calls, in seconds."""

    calls: int
    median: float
    least: float
    spread: float  # The middle half, as a part of the median.

    @staticmethod
    def of(seconds: Sequence[float]) -> Times:
        """Return the figures of one call or more; one has no spread."""
        median = statistics.median(seconds)
        low, _, high = statistics.quantiles(seconds, n=4) if len(seconds) > 1 else (median,) * 3
        return Times(len(seconds), median, min(seconds), (high - low) / median)


@dataclass(frozen=True, slots=True)
class Result:
    """What an engine took, and how its outputs differ from Lathe's; None for Lathe itself."""

    times: Times
    difference: Difference | None


def race(
    runners: Sequence[tuple[Peer, int]], rounds: int, tolerance: Tolerance = STANDARD
) -> tuple[dict[str, Result], dict[str, str]]:
    """Compare the outputs of engines, which have inputs, with those of Lathe, then time them.

    In each round an engine makes as many calls as stand beside it; the one that begins changes from
    round to round. Returns the results by engine, and what is wrong: an engine that fails has no
    result and the others go on, one whose outputs differ has both.
    """
    problems: dict[str, str] = {}
    outputs: dict[str, list[Array]] = {}
    seconds: dict[str, list[float]] = {peer.engine: [] for peer, _ in runners}
    running = list(runners)
    for peer, _ in runners if len(runners) > 1 else ():
        with _noted(peer, problems):
            outputs[peer.engine] = read_outputs(peer)
    for turn in range(rounds):
        running = [runner for runner in running if runner[0].engine not in problems]
        first = turn % max(1, len(running))
        for peer, count in [*running[first:], *running[:first]]:
            with _noted(peer, problems):
                seconds[peer.engine] += peer.ask(do="time", iterations=count)["seconds"]
    results = {}
    own = outputs.get("lathe")
    for engine, list_ in seconds.items():
        if engine in problems:
            continue
        difference = None
        if own is not None and engine != "lathe":
            difference = _difference(own, outputs[engine], tolerance)
            if difference.excess > 1:
                what = difference.problem or f"by {difference.largest:.3g} at {difference.place}"
                problems[engine] = f"outputs differ: {what}"
        results[engine] = Result(Times.of(list_), difference)
    return results, problems


@contextlib.contextmanager
def _noted(peer: Peer, problems: dict[str, str]) -> Iterator[None]:
    """Note the error of an engine in place of raising it."""
    try:
        yield
    except PeerError as error:
        problems[peer.engine] = str(error)


def _difference(own: list[Array], outputs: list[Array], tolerance: Tolerance) -> Difference:
    """Return the largest difference, for what is allowed, of all outputs."""
    if len(outputs) != len(own):
        counts = f"{len(own)} outputs, the peer has {len(outputs)}"
        return Difference(np.inf, np.inf, problem=counts)
    all_ = [tolerance.compare(a, b) for a, b in zip(own, outputs, strict=True)]
    return max(all_, key=lambda d: d.excess, default=Difference(0.0, 0.0))
