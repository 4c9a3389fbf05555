# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""ONNX Runtime in a process of its own, timed on request.

It has to be another process: in ours, lathe.ort may be what `import onnxruntime` finds, and
the thread pools of two engines in one process would disturb each other.
"""

from __future__ import annotations

import importlib.util
import multiprocessing
import pathlib
import time
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

Feeds = list[dict[str, np.ndarray]]

MODELS = {
    "detection": "ch_PP-OCRv4_det_infer.onnx",
    "orientation": "ch_ppocr_mobile_v2.0_cls_infer.onnx",
    "recognition": "ch_PP-OCRv4_rec_infer.onnx",
}


def model_path(network: str) -> pathlib.Path:
    """The file of one of the three networks, which the package rapidocr_onnxruntime carries."""
    spec = importlib.util.find_spec("rapidocr_onnxruntime")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("rapidocr_onnxruntime is not installed; run tools/quickstart")
    return pathlib.Path(spec.origin).parent / "models" / MODELS[network]


def time_calls(session: Any, feeds: Feeds) -> float:
    """Milliseconds that `session` takes for all of `feeds`."""
    start = time.perf_counter()
    for feed in feeds:
        session.run(None, feed)
    return (time.perf_counter() - start) * 1e3


def serve(connection: Connection, threads: int) -> None:
    """The child: takes (network, feeds) and answers with outputs, takes None and answers ms."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session: Any = None
    feeds: Feeds = []
    while True:
        try:
            request = connection.recv()
        except EOFError:
            return
        if request is None:
            connection.send(time_calls(session, feeds))
            continue
        network, feeds = request
        session = onnxruntime.InferenceSession(
            str(model_path(network)), options, providers=["CPUExecutionProvider"]
        )
        connection.send([session.run(None, feed) for feed in feeds])


class Reference:
    """The parent's side of `serve`; a context manager that ends the child."""

    def __init__(self, threads: int) -> None:
        """Start a child whose sessions use `threads` threads."""
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, threads), daemon=True)
        self.process.start()
        theirs.close()

    def __enter__(self) -> Reference:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()
        self.process.join(timeout=10)

    def load(self, network: str, feeds: Feeds) -> list[list[np.ndarray]]:
        """Make the session of `network` and return its outputs for each of `feeds`."""
        self.connection.send((network, feeds))
        outputs: list[list[np.ndarray]] = self.connection.recv()
        return outputs

    def time(self) -> float:
        """Milliseconds for all feeds of the network that was loaded last."""
        self.connection.send(None)
        return float(self.connection.recv())
