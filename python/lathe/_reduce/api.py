# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`lathe.reduce`: the smallest graph that shows what is wrong with a model."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lathe import custom_ops as _own_ops
from lathe._reduce.settings import Settings
from lathe.errors import runtime_error


@dataclass(frozen=True, slots=True)
class Reduction:
    """What `lathe.reduce` found and wrote.

    `kind` is "error" (of the compiler), "crash", "hang", "call" (an error of the call), "values" or
    "threads", and `text` says it of the model that was given, `reduced` of the one that was
    written. `path` is that model, `inputs` are NAME=FILE.npy, as `lathe run --input` takes them.
    `nodes` is how many it has, and how many there were. `phase` is the first that differs, "" if it
    is not known; `sentences` say what else is known, a line each, and `command` shows the fault.
    `is_complete` is False where the minutes were over before nothing more could be left out.

    Where nothing is wrong, `kind` is "", `text` says what was compared, and nothing was written.
    """

    kind: str
    text: str
    reduced: str = ""
    path: Path | None = None
    inputs: tuple[str, ...] = ()
    nodes: tuple[int, int] = (0, 0)
    phase: str = ""
    sentences: tuple[str, ...] = ()
    command: str = ""
    is_complete: bool = True


def reduce(
    model: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    against: str = "onnxruntime",
    target: str = "host",
    isa: str | None = None,
    accuracy: str = "standard",
    precision: str = "f32",
    threads: int = 2,
    inputs: Mapping[str, Any] | None = None,
    dims: Mapping[str, int] | None = None,
    shapes: Mapping[str, Sequence[int]] | None = None,
    integers: tuple[int, int] | None = None,
    seed: int = 0,
    atol: float = 1e-4,
    rtol: float = 1e-3,
    minutes: float = 5.0,
    seconds: float = 60.0,
    allow_links: bool = False,
    limits: Mapping[str, int] | None = None,
    custom_ops: Sequence[str | os.PathLike[str]] = (),
    progress: Callable[[str], object] | None = None,
) -> Reduction:
    """Find what is wrong with an ONNX model, and cut it down to the smallest graph that shows it.

    What is looked for, in this order: an error of the compiler, a crash or a hang of it or of the
    compiled code, other bits on one thread and on `threads`, and an output that differs from that
    of `against`: "onnxruntime", "reference" for onnx.reference, "MODULE:FUNCTION" for a function of
    an onnx.ModelProto and a dict of arrays that returns the outputs, or several with commas
    between them, of which the first that has an answer counts. `inputs` are arrays, or lists of
    arrays for sequences, by name; others are random, of `seed`, with the sizes in `dims` and
    `shapes`. `atol` and `rtol` are as in `lathe run --verify`. Each trial is a process of its own,
    which may have `seconds` of the processor; after `minutes`, or at KeyboardInterrupt, what is
    smallest so far is kept. `output` is the file to write, MODEL.reduced.onnx if it is None; inputs
    are written beside it, as .npy. `progress` is called with a line of text before each trial.
    Other options are as in `lathe.compile`; operators that were registered from files are known in
    the trials.

    Raises ValueError for inputs that cannot be made, lathe.CompileError if the file is no model,
    and lathe.RuntimeError if no peer has anything to compare with.
    """
    if importlib.util.find_spec("onnx") is None:
        raise runtime_error(
            "reduce-no-onnx", "models are taken apart by the package onnx: pip install onnx"
        )
    # What reads models of ONNX is not needed by who never asks for this.
    from lathe._inputs import Sizes
    from lathe._reduce.run import run

    path = Path(model)
    settings = Settings(
        tuple(against.split(",")),
        {
            "target": target,
            "isa": isa,
            "accuracy": accuracy,
            "precision": precision,
            "allow_links": allow_links,
            "limits": dict(limits or {}),
        },
        (*_own_ops.sources(), *(os.fspath(source) for source in custom_ops)),
        threads,
        atol,
        rtol,
        seconds,
    )
    return run(
        path,
        Path(output) if output is not None else path.with_suffix(".reduced.onnx"),
        settings,
        Sizes(dict(dims or {}), dict(shapes or {}), integers),
        dict(inputs or {}),
        seed,
        minutes,
        progress or (lambda _: None),
    )
