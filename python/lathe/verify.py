# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`python -m lathe.verify MODEL`: does Lathe compute what ONNX Runtime computes?

Runs three random inputs through both. Each element may differ from onnxruntime's by
atol * max(1, m) + rtol * |reference|, where m is the largest magnitude in the output. The same
inputs on one thread and on two must give the same bits. Where an output differs, the first node of
the model whose value does is named, if the package onnx is there.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import lathe
from lathe._compare import compare
from lathe._engines import specs_of
from lathe._inputs import InputError, InputSpec, Sizes, describe, make_inputs, parse_file
from lathe._options import (
    add_choice_options,
    add_size_options,
    add_target_options,
    by_name,
    checked,
    choices_of,
    dims_of,
    integers,
    is_onnx,
    run_program,
    table,
)
from lathe._peer import Peer, PeerError, read_outputs, specs_to_json
from lathe._reduce.settings import Settings

RUNS = 3


def _reference(
    peer: Peer,
    specs: Sequence[InputSpec],
    sizes: Sizes,
    seed: int,
    files: Mapping[str, str] | None,
) -> Any:
    like = specs_to_json(list(specs))
    peer.ask(do="inputs", sizes=sizes.to_json(), like=like, seed=seed, files=dict(files or {}))
    return read_outputs(peer)


def _first_node(model: Path, feed: Mapping[str, Any], settings: Settings) -> str:
    """Return a sentence on the first node that differs, or on why it is not known."""
    if importlib.util.find_spec("onnx") is None:
        return "with the package onnx, the first node that differs is named here: pip install onnx"
    # What reads models of ONNX is not needed where nothing differs.
    from lathe._reduce.first import first_difference

    try:
        return first_difference(model, feed, settings)
    except Exception as error:  # What onnx raises has no common base.
        return f"the first node that differs is not known: {error}"


def verify(
    model: Path,
    sizes: Sequence[Sizes],
    *,
    target: str = "host",
    isa: str | None = None,
    accuracy: str = "standard",
    precision: str = "f32",
    atol: float = 1e-4,
    rtol: float = 1e-3,
    cache: bool = True,
    allow_links: bool = False,
    limits: Mapping[str, int] | None = None,
    files: Mapping[str, str] | None = None,
    seed: int = 0,
    choices: bool | str = True,
) -> tuple[list[list[Any]], list[str]]:
    """Return rows for a table and sentences about what is wrong, for one run for each of `sizes`.

    `files` are `.npy` files of inputs; the others are random, of `seed` and the run. Of the first
    run in which an output differs, a sentence says which node is the first that does.

    Raises lathe.LatheError, PeerError or InputError if one of the sides cannot run the model.
    """
    single = lathe.compile(
        model,
        target=target,
        isa=isa,
        accuracy=accuracy,
        precision=precision,
        threads=1,
        cache=cache,
        allow_links=allow_links,
        limits=limits,
        choices=choices,
    )
    double = single.with_threads(2)
    specs = specs_of(single, model, allow_links, limits)
    rows: list[list[Any]] = []
    problems: list[str] = []
    wrong: tuple[int, dict[str, Any]] | None = None
    with Peer("onnxruntime") as peer:
        peer.load(str(model), 1)
        for run, own in enumerate(sizes):
            arrays = make_inputs(specs, own, seed + run, files)
            outputs, again = single(*arrays), double(*arrays)
            references = _reference(peer, specs, own, seed + run, files)
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
                if d.excess > 1 and wrong is None:
                    wrong = run, {s.name: a for s, a in zip(specs, arrays, strict=True)}
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
    if wrong is not None:
        options = {
            "target": target,
            "isa": isa,
            "accuracy": accuracy,
            "precision": precision,
            "allow_links": allow_links,
            "limits": dict(limits or {}),
            "choices": choices,
        }
        settings = Settings(options=options, atol=atol, rtol=rtol)
        said = _first_node(model, wrong[1], settings)
        problems.append(f"run {wrong[0] + 1}: {said} [verify-first-node]")
    return rows, problems


def _sizes(parser: argparse.ArgumentParser, chosen: argparse.Namespace, runs: int) -> list[Sizes]:
    """Return the sizes of each run: `--dim batch=1,2,5` gives each another."""
    shapes = by_name(parser, "--shape", chosen.shape)
    sizes = []
    for run in range(runs):
        texts = []
        for text in chosen.dim:
            name, equals, values = text.rpartition("=")
            parts = values.split(",")
            texts.append(name + equals + parts[run % len(parts)])
        sizes.append(Sizes(dims_of(parser, texts), shapes, chosen.integers))
    return sizes


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 if everything matches and 1 if not."""
    parser = argparse.ArgumentParser(prog="python -m lathe.verify", description=__doc__)
    parser.add_argument("model", type=Path)
    add_target_options(parser)
    parser.add_argument("--atol", type=float, default=1e-4, help="absolute tolerance [1e-4]")
    parser.add_argument("--rtol", type=float, default=1e-3, help="relative tolerance [1e-3]")
    parser.add_argument("--runs", type=checked(integers(1)), default=RUNS, help="inputs [3]")
    parser.add_argument("--seed", type=checked(integers(0)), default=0, help="of the inputs [0]")
    parser.add_argument(
        "--input",
        action="append",
        default=[],
        type=checked(parse_file),
        metavar="NAME=FILE.npy",
        help="what to feed an input in every run",
    )
    parser.add_argument("--no-cache", action="store_true", help="compile anew")
    add_size_options(parser)
    add_choice_options(parser)
    chosen = parser.parse_args(arguments)
    if not is_onnx(chosen.model):
        parser.error(
            f"{chosen.model} is Lathe's own format, which onnxruntime cannot read; name the ONNX "
            "file "
            "that it was converted from [verify-needs-onnx]"
        )
    sizes = _sizes(parser, chosen, chosen.runs)
    try:
        rows, problems = verify(
            chosen.model,
            sizes,
            target=chosen.target,
            isa=chosen.isa,
            accuracy=chosen.accuracy,
            precision=chosen.precision,
            atol=chosen.atol,
            rtol=chosen.rtol,
            cache=not chosen.no_cache,
            allow_links=chosen.allow_links,
            limits=by_name(parser, "--limit", chosen.limit),
            choices=choices_of(chosen),
            files=by_name(parser, "--input", chosen.input),
            seed=chosen.seed,
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
    sys.exit(run_program(main))
