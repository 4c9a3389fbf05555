# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""An engine in a process of its own, driven by lines of JSON: for `bench` and `verify`.

`python -m lathe._peer` reads one request a line from standard input and answers each with one
line on standard output, `{"ok": true, ...}` or `{"ok": false, "error": text, "ids": [...]}`:

    {"do": "load", "engine": "onnxruntime", "model": path, "threads": 1, "options": {...}}
        -> engine's "version", "seconds" to load, "inputs", "outputs"
    {"do": "inputs", "sizes": {...}, "seed": 0, "like": [...], "files": {name: path}}
        makes the inputs -> their "shapes"; "like" is the "inputs" of another engine, whose names
        for free dims count; "files" are those that are not random
    {"do": "warm", "seconds": 0.5}
        runs at least three times and so long -> "iterations", "each": seconds of the fastest
    {"do": "time", "iterations": 10}
        -> "seconds" of each
    {"do": "run", "outputs": "path.npz"}
        runs once and saves the outputs, in order as "0", "1", ... (types of ml_dtypes as float32)
    {"do": "memory"}
        -> "peak_rss" in bytes
    {"do": "quit"}

What the engine prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lathe._engines import OP_ENGINES, Engine
from lathe._inputs import Array, InputSpec, Sizes, make_inputs


class PeerError(Exception):
    """The engine in the other process failed, or the process died; `ids` are Lathe's stable ids."""

    def __init__(self, message: str, ids: tuple[str, ...] = ()) -> None:
        """Keep the message and the ids."""
        super().__init__(message)
        self.ids = ids


def specs_to_json(specs: list[InputSpec]) -> list[dict[str, Any]]:
    """Return what `specs_from_json` takes."""
    return [
        {"name": s.name, "dtype": s.dtype.name, "shape": list(s.shape), "rows": s.rows}
        for s in specs
    ]


def specs_from_json(data: list[dict[str, Any]]) -> list[InputSpec]:
    """Return the inputs that `specs_to_json` described."""
    return [
        InputSpec(d["name"], np.dtype(d["dtype"]), tuple(d["shape"]), d.get("rows", 0))
        for d in data
    ]


def _peak_memory() -> int:
    """Return the most resident memory of this program, in bytes.

    `getrusage` counts what the process was before it became this program, too: its parent.
    """
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class Server:
    """The side of the child."""

    def __init__(self) -> None:
        """Start without a model."""
        self._engine: Engine | None = None
        self._arrays: list[Array] = []

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Do what a request asks for, and return what to say about it."""
        do = request.get("do")
        if do == "load":
            return self._load(request)
        if do == "memory":
            return {"peak_rss": _peak_memory()}
        if self._engine is None:
            raise ValueError(f"{do!r} needs a model; send 'load' first")
        if do == "inputs":
            specs = specs_from_json(request["like"]) if "like" in request else self._engine.inputs
            sizes = Sizes.from_json(request.get("sizes", {}))
            arrays = make_inputs(specs, sizes, request.get("seed", 0), request.get("files"))
            by_name = {s.name: a for s, a in zip(specs, arrays, strict=True)}
            if all(s.name in by_name for s in self._engine.inputs):
                arrays = [by_name[s.name] for s in self._engine.inputs]
            self._arrays = arrays  # An engine that renames inputs keeps their order.
            return {"shapes": [list(a.shape) for a in self._arrays]}
        if do == "warm":
            return self._warm(request["seconds"])
        if do == "time":
            return {"seconds": [self._time_once() for _ in range(request["iterations"])]}
        if do == "run":
            outputs = [_savable(a) for a in self._engine.run(self._arrays)]
            named: dict[str, Any] = {str(i): a for i, a in enumerate(outputs)}
            np.savez(request["outputs"], **named)
            return {}
        raise ValueError(f"{do!r} is no request")

    def _load(self, request: Mapping[str, Any]) -> dict[str, Any]:
        begin = time.perf_counter()
        kind = OP_ENGINES[request["engine"]]
        # The class of an engine is called with what all engines take.
        engine = kind(request["model"], request["threads"], request.get("options", {}))  # type: ignore[call-arg]
        self._engine = engine
        return {
            "seconds": time.perf_counter() - begin,
            "version": engine.version,
            "inputs": specs_to_json(engine.inputs),
            "outputs": engine.outputs,
        }

    def _warm(self, seconds: float) -> dict[str, Any]:
        deadline = time.perf_counter() + seconds
        times = [self._time_once() for _ in range(3)]
        while time.perf_counter() < deadline:
            times.append(self._time_once())
        return {"iterations": len(times), "each": min(times)}

    def _time_once(self) -> float:
        assert self._engine is not None
        begin = time.perf_counter()
        self._engine.run(self._arrays)
        return time.perf_counter() - begin


def _savable(array: Array) -> Array:
    if array.dtype.kind == "O":
        return array.astype(str)
    return array.astype(np.float32) if array.dtype.type.__module__ == "ml_dtypes" else array


class Peer:
    """The side of the parent: an engine in a child process. Use it in a `with`."""

    def __init__(self, engine: str) -> None:
        """Start the process."""
        self.engine = engine
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lathe._peer"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Peer:
        """Return this."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self.close()

    @property
    def ended(self) -> bool:
        """Whether the process is no more."""
        return self._process.poll() is not None

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def load(
        self, model: str, threads: int, options: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Load a model. Raises PeerError with the engine's own words if it cannot."""
        return self.ask(
            do="load", engine=self.engine, model=model, threads=threads, options=options or {}
        )

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send a request and return the answer. Raises PeerError if it failed."""
        assert self._process.stdin is not None and self._process.stdout is not None
        line = ""
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            pass
        if not line:
            code = self._process.wait()
            raise PeerError(f"the process of {self.engine} ended with code {code}")
        answer: dict[str, Any] = json.loads(line)
        if not answer["ok"]:
            raise PeerError(answer["error"], tuple(answer.get("ids", ())))
        return answer


def read_outputs(peer: Peer) -> list[Array]:
    """Run the peer's model once on the inputs that it has; its outputs in order."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "outputs.npz")
        peer.ask(do="run", outputs=str(file))
        with np.load(file) as outputs:
            return [outputs[str(i)] for i in range(len(outputs))]


def main() -> None:
    """Answer until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # Whatever a library prints must not come between the answers.
    server = Server()
    for line in sys.stdin:
        try:
            request = json.loads(line)
            if request.get("do") == "quit":
                return
            answer = {"ok": True, **server.answer(request)}
        except Exception as error:
            text = str(error) or type(error).__name__
            answer = {"ok": False, "error": text, "ids": list(getattr(error, "ids", ()))}
        print(json.dumps(answer), file=answers)


if __name__ == "__main__":
    main()
