# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`python -m lathe.verify MODEL`: does Lathe compute what ONNX Runtime computes?

Runs three random inputs through both. Each element may differ from onnxruntime's by
atol * max(1, m) + rtol * |reference|, where m is the largest magnitude in the output. The same
inputs on one thread and on two must give the same bits.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import lathe
from lathe._inputs import Array, InputError, InputSpec, Sizes, describe, make_inputs, parse_dim
from lathe._options import add_size_options, checked, integers, table
from lathe._peer import Peer, PeerError, specs_to_json

RUNS = 3

# Elements of these types cannot be nearer than a few units in their last place.
_LEAST_RTOL = {"float16": 2.0**-9, "bfloat16": 2.0**-6}


@dataclass(frozen=True, slots=True)
class Difference:
    """How an output differs from its reference, at the element that is worst for its limit.

    `excess` is the difference over the limit there: above 1 is too much.
    """

    excess: float
    largest: float
    place: tuple[int, ...] = ()
    actual: Any = None
    reference: Any = None
    problem: str = ""


def compare(
    actual: Array, reference: Array, dtype: np.dtype[Any], *, atol: float, rtol: float
) -> Difference:
    """Compare an output with its reference; `dtype` is the element type of the model's output."""
    if actual.shape != reference.shape:
        shapes = f"the shape is {actual.shape}, the reference has {reference.shape}"
        return Difference(np.inf, np.inf, problem=shapes)
    if actual.size == 0:
        return Difference(0.0, 0.0)
    if dtype.kind == "O":
        wrong = np.argwhere(actual.astype(str) != reference.astype(str))
        if not len(wrong):
            return Difference(0.0, 0.0)
        at = tuple(int(i) for i in wrong[0])
        return Difference(np.inf, np.inf, at, actual[at], reference[at])
    wide = np.complex128 if dtype.kind == "c" else np.float64
    a, r = actual.astype(wide), reference.astype(wide)
    finite = np.isfinite(r)
    if dtype.kind in "biu" or "int" in dtype.name:
        limit = np.zeros_like(r)
    else:
        largest = np.abs(r[finite]).max(initial=0.0)
        rtol = max(rtol, _LEAST_RTOL.get(dtype.name, 0.0))
        limit = atol * max(1.0, largest) + rtol * np.abs(np.where(finite, r, 0.0))
    with np.errstate(invalid="ignore", divide="ignore"):
        same = (a == r) | (np.isnan(a) & np.isnan(r))
        difference = np.where(same, 0.0, np.where(np.isfinite(a - r), np.abs(a - r), np.inf))
        excess = np.where(difference == 0, 0.0, difference / limit)
    place = np.unravel_index(int(np.argmax(excess)), excess.shape)
    return Difference(
        float(excess[place]),
        float(difference.max()),
        tuple(int(i) for i in place),
        actual[place].item(),
        reference[place].item(),
    )


def _reference(peer: Peer, model: Path, specs: Sequence[InputSpec], sizes: Sizes, seed: int) -> Any:
    peer.ask(do="inputs", sizes=sizes.to_json(), like=specs_to_json(list(specs)), seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "outputs.npz")
        peer.ask(do="run", outputs=str(file))
        with np.load(file) as outputs:
            return [outputs[str(i)] for i in range(len(outputs))]


def verify(
    model: Path,
    sizes: Sequence[Sizes],
    *,
    target: str = "host",
    isa: str | None = None,
    atol: float = 1e-4,
    rtol: float = 1e-3,
    cache: bool = True,
) -> tuple[list[list[Any]], list[str]]:
    """Return rows for a table and sentences about what is wrong, for one run for each of `sizes`.

    Raises lathe.LatheError, PeerError or InputError if one of the sides cannot run the model.
    """
    single = lathe.compile(model, target=target, isa=isa, threads=1, cache=cache)
    double = single.with_threads(2)
    specs = [InputSpec(v.name, v.dtype.numpy, v.shape) for v in single.inputs]
    rows: list[list[Any]] = []
    problems: list[str] = []
    with Peer("onnxruntime") as peer:
        peer.load(str(model), 1)
        for run, own in enumerate(sizes):
            arrays = make_inputs(specs, own, seed=run)
            outputs, again = single(*arrays), double(*arrays)
            references = _reference(peer, model, specs, own, run)
            for value, actual, other, reference in zip(
                single.outputs, outputs, again, references, strict=True
            ):
                d = compare(actual, reference, value.dtype.numpy, atol=atol, rtol=rtol)
                equal = actual.tobytes() == other.tobytes()
                verdict = "ok" if d.excess <= 1 and equal else "DIFFERS"
                share = f"{d.excess:.1%}" if np.isfinite(d.excess) else "inf"
                rows.append(
                    [value.name, run + 1, describe(arrays), f"{d.largest:.3g}", share, verdict]
                )
                where = f'run {run + 1}: output "{value.name}"'
                if d.problem:
                    problems.append(f"{where}: {d.problem} [verify-shape]")
                elif d.excess > 1:
                    problems.append(
                        f"{where} differs most at {list(d.place)}: {d.actual!r}, but onnxruntime "
                        f"has {d.reference!r}; that is {d.excess:.3g} times what is allowed "
                        "[verify-differs]"
                    )
                if not equal:
                    problems.append(
                        f"{where} is not the same on 1 and on 2 threads [verify-threads]"
                    )
    return rows, problems


def _sizes(parser: argparse.ArgumentParser, chosen: argparse.Namespace) -> list[Sizes]:
    """Return the sizes of each run: `--dim batch=1,2,5` gives each another."""
    dims: list[dict[str, int]] = [{} for _ in range(chosen.runs)]
    for text in chosen.dim:
        name, _, values = text.rpartition("=")
        parts = values.split(",")
        for run in range(chosen.runs):
            try:
                key, value = parse_dim(f"{name}={parts[run % len(parts)]}")
            except ValueError as error:
                parser.error(f"argument --dim: {error}")
            dims[run][key] = value
    return [Sizes(d, dict(chosen.shape), chosen.integers) for d in dims]


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 if everything matches and 1 if not."""
    parser = argparse.ArgumentParser(prog="python -m lathe.verify", description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--target", default="host", help="target string [host]")
    parser.add_argument("--isa", help="which of several targets to use [the best]")
    parser.add_argument("--atol", type=float, default=1e-4, help="absolute tolerance [1e-4]")
    parser.add_argument("--rtol", type=float, default=1e-3, help="relative tolerance [1e-3]")
    parser.add_argument("--runs", type=checked(integers(1)), default=RUNS, help="inputs [3]")
    parser.add_argument("--no-cache", action="store_true", help="compile anew")
    add_size_options(parser)
    chosen = parser.parse_args(arguments)
    sizes = _sizes(parser, chosen)
    try:
        rows, problems = verify(
            chosen.model,
            sizes,
            target=chosen.target,
            isa=chosen.isa,
            atol=chosen.atol,
            rtol=chosen.rtol,
            cache=not chosen.no_cache,
        )
    except (lathe.LatheError, InputError) as error:
        print(error, file=sys.stderr)
        return 1
    except PeerError as error:
        print(f"{chosen.model}: onnxruntime: {error} [verify-peer]", file=sys.stderr)
        return 1
    print(table(["output", "run", "inputs", "largest", "of limit", ""], rows))
    for problem in problems:
        print(f"{chosen.model}: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
