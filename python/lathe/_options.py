# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the programs of the command line share: options, what they may be, tables, their end."""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from lathe._inputs import parse_dim, parse_shape

T = TypeVar("T")


def checked(parse: Callable[[str], T]) -> Callable[[str], T]:
    """Return `parse` for argparse, which then prints the text of its errors."""

    def parse_argument(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse_argument


def integers(low: int) -> Callable[[str], int]:
    """Return a parser of integers that are at least `low`."""

    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < low:
            raise ValueError(f"{text!r} is not a whole number of {low} or more")
        return int(text)

    return parse


def positive(text: str) -> float:
    """Return a number above 0. Raises ValueError for anything else."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise ValueError(f"{text!r} is not a number above 0")
    return number


def engine_names(known: Iterable[str]) -> Callable[[str], list[str]]:
    """Return a parser of names with commas between them, each of `known` and not Lathe's, once."""
    peers = sorted(set(known) - {"lathe"})

    def parse(text: str) -> list[str]:
        names = text.split(",")
        for name in names:
            if name not in peers:
                there = ", ".join(peers)
                raise ValueError(f"{name!r} is no engine to compare with; there are: {there}")
            if names.count(name) > 1:
                raise ValueError(f"{name!r} is given twice; leave one out")
        return names

    return parse


def run_program(main: Callable[[], int]) -> int:
    """Run a program to its exit code; where its reader has gone, as `head` does, say nothing."""
    try:
        code = main()
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # Python would flush what is left at its end, and say that it cannot.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def add_target_options(parser: argparse.ArgumentParser) -> None:
    """Add --target, --isa, --accuracy and --precision, with which Lathe compiles."""
    parser.add_argument("--target", default="host", help="target of Lathe [host]")
    parser.add_argument("--isa", help="which of several targets Lathe uses [the best]")
    parser.add_argument("--accuracy", default="standard", help="standard or strict [standard]")
    parser.add_argument(
        "--precision", default="f32", help="f32, bf16, or tf32 of GPUs, in products [f32]"
    )


def add_turn_options(parser: argparse.ArgumentParser, slice_s: float) -> None:
    """Add --threads, --rounds and --slice of engines that take turns of `slice_s` seconds."""
    parser.add_argument(
        "--threads",
        type=checked(lambda text: [integers(1)(t) for t in text.split(",")]),
        default=[1],
        metavar="N,...",
        help="threads of every engine; several numbers for several tables [1]",
    )
    parser.add_argument("--rounds", type=checked(integers(1)), default=10, help="rounds [10]")
    parser.add_argument(
        "--slice",
        type=checked(positive),
        default=slice_s,
        metavar="S",
        help=f"seconds of an engine's turn [{slice_s:g}]",
    )


def parse_limit(text: str) -> tuple[str, int]:
    """Return name and number of "NAME=NUMBER". Raises ValueError for anything else."""
    name, equals, value = text.rpartition("=")
    if not equals or not name or not value.isdecimal() or not 1 <= int(value) < 1 << 63:
        raise ValueError(
            f"{text!r} is not NAME=NUMBER with a whole number of 1 or more [limit-value]"
        )
    return name, int(value)


def integer_range(text: str) -> tuple[int, int]:
    """Return the bounds of "0:100". Raises ValueError for anything else."""
    low, colon, high = text.partition(":")
    if not colon or not low.isdecimal() or not high.isdecimal() or int(low) >= int(high):
        raise ValueError(f"{text!r} is not LOW:HIGH with LOW below HIGH")
    return int(low), int(high)


def add_size_options(parser: argparse.ArgumentParser) -> None:
    """Add --dim, --shape, --allow-links, --limit and --integers."""
    parser.add_argument(
        "--dim",
        action="append",
        default=[],
        metavar="NAME=SIZE",
        help="size of a free dim in the inputs; again for more",
    )
    parser.add_argument(
        "--shape",
        action="append",
        default=[],
        type=checked(parse_shape),
        metavar="INPUT=1x3x48x320",
        help="shape of an input whose free dims have no names",
    )
    parser.add_argument(
        "--allow-links", action="store_true", help="let links lead to tensor files; trust the model"
    )
    parser.add_argument(
        "--limit",
        action="append",
        default=[],
        type=checked(parse_limit),
        metavar="NAME=NUMBER",
        help="allow the model more, or less, than usual, in Lathe; docs/limits.md has the names",
    )
    parser.add_argument(
        "--integers",
        type=checked(integer_range),
        metavar="LOW:HIGH",
        help="range of integer inputs [0:100, below the rows of the table that they are ids of]",
    )


def add_choice_options(parser: argparse.ArgumentParser) -> None:
    """Add --choices and --no-choices, which `choices_of` reads."""
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--choices", metavar="FILE", help="take what 'lathe tune' wrote")
    either.add_argument(
        "--no-choices", action="store_true", help="compute kernels as Lathe chooses, as if untuned"
    )


def choices_of(chosen: argparse.Namespace) -> bool | str:
    """Return the `choices` of lathe.compile."""
    return chosen.choices or not chosen.no_choices


def is_onnx(path: Path) -> bool:
    """Whether other engines may know the model: False for Lathe's own format."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        if file.read(6) == b"\x7fLATHE":
            return False
    return path.suffix not in (".mlir", ".lathe")


def dims_of(parser: argparse.ArgumentParser, texts: list[str]) -> dict[str, int]:
    """Return sizes by name; ends the program for what is no NAME=SIZE."""
    try:
        return by_name(parser, "--dim", [parse_dim(text) for text in texts])
    except ValueError as error:
        parser.error(f"argument --dim: {error}")


def by_name(
    parser: argparse.ArgumentParser, option: str, pairs: Sequence[tuple[str, T]]
) -> dict[str, T]:
    """Return the pairs as a dictionary; ends the program for a name that is given twice."""
    names = [name for name, _ in pairs]
    if twice := next((name for name in names if names.count(name) > 1), None):
        parser.error(f"argument {option}: {twice!r} is given twice; leave one out")
    return dict(pairs)


def table(header: list[str], rows: list[list[Any]]) -> str:
    """Return rows of text, the first column to the left and the others to the right."""
    cells = [header, *([str(c) for c in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    return "\n".join(
        "  ".join(
            c.ljust(w) if i == 0 else c.rjust(w)
            for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    )
