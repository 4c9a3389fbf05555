#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Read the text of a photographed page with three networks that Lathe compiled.

RapidOCR's own pipeline runs unmodified: lathe.ort stands in for the onnxruntime module
that it imports. Printed are the recognised lines, where the picture with the boxes is,
and how long each network takes beside ONNX Runtime, on the inputs of this very page.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import logging
import os
import pathlib
import sys
import time
from typing import Any

import numpy as np
import picture
import reference

ROOT = pathlib.Path(__file__).resolve().parents[1]

# Where RapidOCR keeps each network's session.
NETWORKS = {
    "detection": ("text_det", "infer"),
    "orientation": ("text_cls", "infer"),
    "recognition": ("text_rec", "session"),
}


class Recorder:
    """A session that also keeps what it was asked, to ask the reference the same."""

    def __init__(self, session: Any) -> None:
        """Stand before `session` until `stop`."""
        self.session = session
        self.feeds: list[dict[str, np.ndarray]] = []
        self.outputs: list[list[np.ndarray]] = []

    def run(self, names: list[str], feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        outputs: list[np.ndarray] = self.session.run(names, feed)
        self.feeds.append({name: value.copy() for name, value in feed.items()})
        self.outputs.append(outputs)
        return outputs

    def __getattr__(self, name: str) -> Any:
        return getattr(self.session, name)


@dataclasses.dataclass
class Row:
    """One network in the table of times; times are medians over the whole page, in ms."""

    network: str
    calls: int
    shapes: list[tuple[int, ...]]
    ours: float
    theirs: float
    difference: float


def parse_arguments() -> argparse.Namespace:
    cores = len(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", nargs="?", help="a picture to read; default: skimage.data.page()")
    parser.add_argument("--engine", choices=["lathe", "onnxruntime"], default="lathe")
    parser.add_argument("--threads", type=int, default=cores, help=f"default: {cores}, the cores")
    parser.add_argument("--rounds", type=int, default=10, help="timed rounds; 0 leaves timing out")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build/demo")
    return parser.parse_args()


def load_page(name: str | None) -> np.ndarray:
    if name is None:
        from skimage import data

        return np.asarray(data.page())
    from PIL import Image

    return np.asarray(Image.open(name).convert("RGB"))


def build_pipeline(engine: str, threads: int) -> Any:
    """RapidOCR on `engine`; `lathe.ort.install()` before its import is all that Lathe asks for."""
    if engine == "lathe":
        import lathe.ort

        lathe.ort.install()
    # On a tty the package greets with debug lines; the page is what counts here.
    logging.disable(logging.INFO)
    rapidocr = importlib.import_module("rapidocr_onnxruntime")
    return rapidocr.RapidOCR(intra_op_num_threads=threads)


def watch(pipeline: Any) -> dict[str, Recorder]:
    recorders = {}
    for network, (stage, holder) in NETWORKS.items():
        owner = getattr(getattr(pipeline, stage), holder)
        owner.session = recorders[network] = Recorder(owner.session)
    return recorders


def compare(recorders: dict[str, Recorder], threads: int, rounds: int) -> list[Row]:
    """Times of both engines, taken in turns so that a busy machine slows both alike."""
    rows = []
    with reference.Reference(threads) as peer:
        for network, recorder in recorders.items():
            feeds = recorder.feeds
            expected = peer.load(network, feeds)
            ours, theirs = [], []
            for _ in range(rounds):
                ours.append(reference.time_calls(recorder.session, feeds))
                theirs.append(peer.time())
            difference = max(
                float(np.abs(mine.astype(np.float64) - their).max(initial=0))
                for mine_all, their_all in zip(recorder.outputs, expected, strict=True)
                for mine, their in zip(mine_all, their_all, strict=True)
            )
            shapes = [value.shape for feed in feeds for value in feed.values()]
            medians = float(np.median(ours)), float(np.median(theirs))
            rows.append(Row(network, len(feeds), shapes, *medians, difference))
    return rows


def print_table(rows: list[Row], engine: str, threads: int, rounds: int) -> None:
    plural = "" if threads == 1 else "s"
    print(
        f"\nms for the whole page, {threads} thread{plural}, medians of {rounds} rounds in turns:"
    )
    header = f"{'network':<12} {'calls':>5} {engine:>12} {'onnxruntime':>12} {'speed':>7}"
    print(f"{header} {'max |diff|':>11}  first input")
    for row in rows:
        print(
            f"{row.network:<12} {row.calls:>5} {row.ours:>12.2f} {row.theirs:>12.2f}"
            f" {row.theirs / row.ours:>6.2f}x {row.difference:>11.1e}"
            f"  {'x'.join(map(str, row.shapes[0]))}"
        )


def main() -> int:
    options = parse_arguments()
    page = load_page(options.image)
    start = time.perf_counter()
    pipeline = build_pipeline(options.engine, options.threads)
    print(f"three networks ready on {options.engine} in {time.perf_counter() - start:.1f} s")
    recorders = watch(pipeline)
    start = time.perf_counter()
    found, _ = pipeline(page)
    print(f"page of {page.shape[1]}x{page.shape[0]} read in {time.perf_counter() - start:.2f} s\n")
    if not found:
        print("read_page: error: no text was found on the page [demo-no-text]", file=sys.stderr)
        return 1
    for _, text, score in found:
        print(f"  {score:4.2f}  {text}")
    options.out.mkdir(parents=True, exist_ok=True)
    target = options.out / "read-page.png"
    picture.draw(page, found, target)
    shown = target.relative_to(ROOT) if target.is_relative_to(ROOT) else target
    print(f"\npicture with the boxes: {shown}")
    if options.rounds:
        rows = compare(recorders, options.threads, options.rounds)
        print_table(rows, options.engine, options.threads, options.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
