# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times the variants that a library did not choose beside the one that it did.

python -m lathe.oplib_choices ops gemm_f32 --shapes 500 --seed 1 --json choices.json

Sizes are drawn by their logarithm, so that few and many are as likely; those that have kernels of
their own are left out. With --hot, they are those that have kernels of their own, and what stands
for the choice is the fastest of the variants that were not made for them. For each, all variants
of the machine's instruction set that take the sizes run in turn in this process on one thread, and
the least processor time of a call counts.
"""

from __future__ import annotations

import argparse
import json
import math
import pathlib
import random
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .oplib import _DTYPES, BoundCall, Library, OplibError
from .oplib_bench import geomean, least_times

# No drawn call has more elements of operands, or more terms of products.
_MOST_ELEMENTS = 1 << 24
_MOST_TERMS = 1 << 30


@dataclass(frozen=True)
class Choice:
    """One call: its sizes, the variant that was chosen, and seconds by variant."""

    op: str
    sizes: Mapping[str, int]
    variant: str
    seconds: Mapping[str, float]

    @property
    def best(self) -> str:
        """The fastest variant."""
        return min(self.seconds, key=lambda variant: self.seconds[variant])

    @property
    def share(self) -> float:
        """The time of the fastest variant in that of the chosen one."""
        return self.seconds[self.best] / self.seconds[self.variant]


class Contest:
    """An operator and its variants, each in a context of its own that takes no other."""

    def __init__(self, folder: str | pathlib.Path, op: str) -> None:
        self.library = Library(folder)
        if op not in self.library.interface:
            raise OplibError(
                "oplib-choices-op",
                f"{self.library.name} has no operator {op!r}, only {', '.join(self.library.ops)}",
            )
        self.op, self.about = op, self.library.interface[op]
        if any(operand["packed"] for operand in self.about["operands"]):
            raise OplibError(
                "oplib-choices-packed",
                f"{op} takes packed operands, which are packed for one variant only",
            )
        self.variants = self.library.variants[op]
        self.forced: dict[str, Library] = {}
        for variant in sorted(self.variants):
            forced = Library(folder)
            try:
                forced.force(op, variant)
            except OplibError:
                continue  # Of an instruction set that this machine does not have.
            self.forced[variant] = forced

    def measure(self, sizes: Mapping[str, int], seconds: float) -> Choice:
        """Times all variants that take the sizes, for about `seconds` in all.

        For sizes that have kernels of their own, the choice is the fastest of the other variants.
        """
        chosen = self.library.select(self.op, **sizes)
        operands = self._operands(sizes)
        calls: dict[str, BoundCall] = {}
        for variant, library in self.forced.items():
            try:
                if library.select(self.op, **sizes).isa != chosen.isa:
                    continue
                call = library.bind(self.op, **operands)
                call()
            except OplibError:
                if variant == chosen.variant:
                    raise  # What was chosen takes these sizes, so the call itself is wrong.
                continue  # The variant is not for these sizes.
            calls[variant] = call
        best = least_times(calls, seconds)
        variant = chosen.variant
        if self._is_hot(sizes):
            own = self._name(sizes)
            others = [name for name in best if name.partition(".")[2] != own]
            variant = min(others, key=lambda name: best[name])
        return Choice(self.op, dict(sizes), variant, best)

    def _operands(self, sizes: Mapping[str, int]) -> dict[str, Any]:
        draw = np.random.default_rng(1)
        operands = {}
        for operand in self.about["operands"][:-1]:
            if operand["optional"]:
                continue
            shape = [int(dim) if dim.isdigit() else sizes[dim] for dim in operand["dims"]]
            values: Any = draw.standard_normal(shape, np.float32)
            dtype = _DTYPES[operand["dtype"]]
            if self.about["family"] == "gather" and operand["name"] == "indices":
                values = draw.integers(0, sizes["rows"], shape)
            elif operand["dtype"][0] in "iu":
                values = np.clip(values * 30, 0 if dtype.kind == "u" else -127, 127)
            elif dtype.kind == "u":  # The bits of bf16.
                values = values.view(np.uint32) >> 16
            operands[operand["name"]] = values.astype(dtype)
        return operands

    def shapes(self, count: int, seed: int, most: int) -> Iterator[dict[str, int]]:
        """`count` drawn sizes of 1 to `most`, none of which has kernels of its own.

        Raises OplibError where there are hardly any.
        """
        draw, left = random.Random(seed), count
        for _ in range(1000 * count):
            sizes = {
                symbol: round(math.exp(draw.uniform(0, math.log(most))))
                for symbol in self.about["symbols"]
            }
            if self._is_small(sizes) and not self._is_hot(sizes):
                left -= 1
                yield sizes
            if not left:
                return
        raise OplibError(
            "oplib-choices-sizes",
            f"of {1000 * count} drawn sizes of 1 to {most} for {self.op}, {count - left} have no "
            f"kernels of their own and up to {_MOST_ELEMENTS} elements and {_MOST_TERMS} terms, "
            f"not {count}; change --most or --shapes",
        )

    def hot(self) -> list[dict[str, int]]:
        """The sizes that have kernels of their own."""
        names = {variant.partition(".")[2] for variant in self.variants}
        sizes = [name.split("x") for name in sorted(names) if re.fullmatch(r"\d+(x\d+)*", name)]
        return [dict(zip(self.about["symbols"], map(int, s), strict=True)) for s in sizes]

    def _name(self, sizes: Mapping[str, int]) -> str:
        return "x".join(str(sizes[symbol]) for symbol in self.about["symbols"])

    def _is_hot(self, sizes: Mapping[str, int]) -> bool:
        return any(variant.partition(".")[2] == self._name(sizes) for variant in self.variants)

    def _is_small(self, sizes: Mapping[str, int]) -> bool:
        elements = [
            math.prod(int(dim) if dim.isdigit() else sizes[dim] for dim in operand["dims"])
            for operand in self.about["operands"]
            if all(dim.isdigit() or dim in sizes for dim in operand["dims"])
        ]
        return sum(elements) <= _MOST_ELEMENTS and math.prod(sizes.values()) <= _MOST_TERMS


def main(words: Sequence[str] | None = None) -> int:
    """The command line: `--help` says what there is."""
    parser = argparse.ArgumentParser(
        prog="python -m lathe.oplib_choices",
        description="time the variants that a library did not choose beside the one that it did",
    )
    parser.add_argument("folder", help="what `lathe oplib build` wrote")
    parser.add_argument("op", help="the operator, such as gemm_f32")
    parser.add_argument("--shapes", type=int, default=100, help="how many sizes to draw [100]")
    parser.add_argument("--hot", action="store_true", help="take those with kernels of their own")
    parser.add_argument("--seed", type=int, default=1, help="of the sizes [1]")
    parser.add_argument("--most", type=int, default=4096, help="the largest size [4096]")
    parser.add_argument("--seconds", type=float, default=0.1, help="for each of them [0.1]")
    parser.add_argument("--isa", help="the instruction set to force, such as v3 [the best]")
    parser.add_argument("--json", type=pathlib.Path, help="the figures to write")
    given = parser.parse_args(words)
    if given.shapes < 1 or given.most < 1:
        parser.error("--shapes and --most are at least 1")
    try:
        contest = Contest(given.folder, given.op)
        if given.isa:
            contest.library.force(given.op, given.isa)
        drawn = contest.shapes(given.shapes, given.seed, given.most)
        choices = []
        for sizes in contest.hot() if given.hot else drawn:
            choices.append(contest.measure(sizes, given.seconds))
            if sys.stderr.isatty():
                print(f"\r{len(choices)} sizes", end="", file=sys.stderr, flush=True)
        if not choices:
            raise OplibError("oplib-choices-hot", f"{given.op} has no kernels of single sizes")
    except OplibError as error:
        print(f"{parser.prog}: error: {error}", file=sys.stderr)
        return 1
    worst = sorted(choices, key=lambda choice: choice.share)
    print(f"{'sizes':<24} {'chosen':<16} {'us':>9}  {'fastest':<16} {'us':>9}  share")
    for choice in worst[:10]:
        chosen, best = (choice.seconds[name] * 1e6 for name in (choice.variant, choice.best))
        label = "x".join(map(str, choice.sizes.values()))
        print(
            f"{label:<24} {choice.variant:<16} {chosen:>9.2f}  {choice.best:<16} {best:>9.2f}"
            f"  {choice.share:.2f}"
        )
    shares = [choice.share for choice in choices]
    print(
        f"{given.op}, {len(choices)} sizes{' of their own kernels' * given.hot}: the choice has "
        f"{geomean(shares):.3f} of the speed of the fastest variant by geometric mean, "
        f"least {min(shares):.2f}"
    )
    if given.json:
        given.json.write_text(json.dumps([asdict(choice) for choice in choices], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
