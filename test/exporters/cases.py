# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a program that exports models writes, and how `run_exporters.py` reads it back.

A case is `NAME.onnx` with `NAME.npz` beside it: of each call k, the inputs "k/in/INPUT" and what
the exporting framework itself computed, "k/out/NUMBER". Where a model cannot be exported,
`NAME.failed` says why. Needs numpy alone, as it runs beside every framework.
"""

from __future__ import annotations

import pathlib
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

Call = tuple[Mapping[str, Any], Sequence[Any]]


class Writer:
    """Writes cases into a folder, or why they cannot be exported."""

    def __init__(self, folder: str) -> None:
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def write(self, name: str, model: bytes | None, calls: Sequence[Call]) -> None:
        """Write a case; without `model`, the file is there already."""
        if model is not None:
            self.path(name).write_bytes(model)
        arrays: dict[str, Any] = {}
        for k, (inputs, outputs) in enumerate(calls):
            arrays |= {f"{k}/in/{key}": np.asarray(value) for key, value in inputs.items()}
            arrays |= {f"{k}/out/{i}": np.asarray(value) for i, value in enumerate(outputs)}
        np.savez(self.folder / f"{name}.npz", **arrays)

    def path(self, name: str) -> pathlib.Path:
        """Return where the model of a case is."""
        return self.folder / f"{name}.onnx"

    def attempt(self, name: str, make: Callable[[], None]) -> None:
        """Call `make`; write why a case is not there."""
        try:
            make()
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            text = str(error).strip().splitlines()
            self.fail(
                name,
                f"{type(error).__name__}: {text[0][:160] if text else ''} "
                f"({pathlib.Path(last.filename).name}:{last.lineno})",
            )

    def fail(self, name: str, why: str) -> None:
        """Write that there is no such case."""
        for suffix in (".onnx", ".npz"):
            (self.folder / f"{name}{suffix}").unlink(missing_ok=True)
        (self.folder / f"{name}.failed").write_text(f"{why}\n")


def read(path: pathlib.Path) -> Iterator[tuple[dict[str, Any], list[Any]]]:
    """Read the calls of the case whose model is `path`."""
    with np.load(path.with_suffix(".npz"), allow_pickle=False) as file:
        arrays = dict(file.items())
    for k in range(1 + max(int(key.split("/")[0]) for key in arrays)):
        inputs = {
            key.split("/", 2)[2]: value
            for key, value in arrays.items()
            if key.startswith(f"{k}/in/")
        }
        count = sum(key.startswith(f"{k}/out/") for key in arrays)
        yield inputs, [arrays[f"{k}/out/{i}"] for i in range(count)]
