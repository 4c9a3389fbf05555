# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`python -m lathe.reduce MODEL`: cuts what is wrong with a model down to the smallest graph.

Looks for an error, a crash or a hang of the compiler or of the compiled code, for outputs that
differ from those of a peer, and for other bits on one thread and on two; then leaves out of the
model whatever the fault does not need. Ends with 0 if nothing is wrong.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import lathe
from lathe._inputs import InputError, parse_file
from lathe._options import (
    add_size_options,
    add_target_options,
    by_name,
    checked,
    dims_of,
    integers,
    is_onnx,
    positive,
    run_program,
)

PEERS = ("onnxruntime", "reference")


def _peers(text: str) -> str:
    for name in text.split(","):
        module, colon, function = name.partition(":")
        if name not in PEERS and not (colon and module and function):
            raise ValueError(
                f"no peer is called {name!r}; there are onnxruntime, reference and "
                "MODULE:FUNCTION [cli-unknown-engine]"
            )
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lathe.reduce", description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument(
        "-o", "--output", type=Path, metavar="SMALL.onnx", help="what to write [MODEL.reduced.onnx]"
    )
    parser.add_argument(
        "--against",
        type=checked(_peers),
        default="onnxruntime",
        help="onnxruntime, reference or MODULE:FUNCTION, or several with commas [onnxruntime]",
    )
    add_target_options(parser)
    parser.add_argument(
        "--threads", type=checked(integers(1)), default=2, help="to compare with one thread [2]"
    )
    parser.add_argument("--atol", type=checked(positive), default=1e-4, help="[1e-4]")
    parser.add_argument("--rtol", type=checked(positive), default=1e-3, help="[1e-3]")
    parser.add_argument("--seed", type=checked(integers(0)), default=0, help="of inputs [0]")
    parser.add_argument(
        "--minutes", type=checked(positive), default=5.0, help="then the best is written [5]"
    )
    parser.add_argument(
        "--seconds",
        type=checked(positive),
        default=60.0,
        help="of the processor that a trial may have [60]",
    )
    parser.add_argument(
        "--input",
        action="append",
        default=[],
        type=checked(parse_file),
        metavar="NAME=FILE.npy",
        help="what to feed an input; for a sequence, once for each tensor",
    )
    parser.add_argument(
        "--custom-op", action="append", default=[], metavar="FILE", help="operators of one's own"
    )
    add_size_options(parser)
    return parser


class _Progress:
    """One line on a terminal that changes; elsewhere a line every few seconds."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._last = time.monotonic()
        self._width = 0

    def __call__(self, text: str) -> None:
        now = time.monotonic()
        if self._is_terminal:
            print(f"\r{text:{self._width}}", end="", file=sys.stderr, flush=True)
            self._width = len(text)
        elif now - self._last > 5:
            print(text, file=sys.stderr, flush=True)
            self._last = now

    def end(self) -> None:
        if self._is_terminal and self._width:
            print(f"\r{'':{self._width}}\r", end="", file=sys.stderr, flush=True)


def _read(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return the arrays of files; several of one input are a sequence. Raises InputError."""
    found: dict[str, Any] = {}
    for name, file in pairs:
        try:
            array = np.load(file, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise InputError(
                f'--input gives "{name}" the file {file}, which cannot be read: {error} '
                "[inputs-unreadable]"
            ) from None
        if name in found:
            before = found[name]
            found[name] = [*(before if isinstance(before, list) else [before]), array]
        else:
            found[name] = array
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 if nothing is wrong, and 1 if a fault was found or could not be looked for."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    model: Path = chosen.model
    if not is_onnx(model):
        parser.error(f"{model} is Lathe's own format; name the ONNX file [reduce-needs-onnx]")
    progress = _Progress()
    try:
        found = _ended(
            progress,
            lambda: lathe.reduce(
                model,
                chosen.output,
                against=chosen.against,
                target=chosen.target,
                isa=chosen.isa,
                accuracy=chosen.accuracy,
                precision=chosen.precision,
                threads=chosen.threads,
                inputs=_read(chosen.input),
                dims=dims_of(parser, chosen.dim),
                shapes=by_name(parser, "--shape", chosen.shape),
                integers=chosen.integers,
                seed=chosen.seed,
                atol=chosen.atol,
                rtol=chosen.rtol,
                minutes=chosen.minutes,
                seconds=chosen.seconds,
                allow_links=chosen.allow_links,
                limits=by_name(parser, "--limit", chosen.limit),
                custom_ops=chosen.custom_op,
                progress=progress,
            ),
        )
    except (lathe.LatheError, InputError) as error:
        text = str(error)
        print(text if text.startswith(f"{model}:") else f"{model}: {text}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{model}: ended before a fault was seen", file=sys.stderr)
        return 1
    if not found.kind:
        print(f"{model}: {found.text}")
        return 0
    print(f"{model}: {found.text}")
    if found.reduced != found.text:
        print(f"reduced: {found.reduced}")
    for sentence in found.sentences:
        print(sentence)
    open_end = "" if found.is_complete else "; time was up, it may go on with the file that it left"
    print(f"wrote {found.path}: {found.nodes[0]} of {found.nodes[1]} nodes{open_end}")
    for word in found.inputs:
        print(f"wrote {word.partition('=')[2]}")
    print(f"to see it: {found.command}")
    return 1


def _ended(progress: _Progress, work: Callable[[], Any]) -> Any:
    try:
        return work()
    finally:
        progress.end()


if __name__ == "__main__":
    sys.exit(run_program(main))
