# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What this machine can do at most, measured: products that caches hold, and copies.

An operator cannot be faster than its multiplications and additions at the speed of such products,
nor than its bytes at the speed of a copy of as many; the longer of both times is its roof.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, field

import numpy as np

import lathe
from lathe._op_cases import Case, make
from lathe._speed import measure_peak

_ROUND_S = 0.002
_ROUNDS = 8
_PRODUCTS = ("128x768x768", "64x1024x256")  # Beside that of measure_peak: weights in panels.
_CALLS = 40  # Of which the fastest counts.


@dataclass
class Roof:
    """The most operations in a second of f32 and of 8-bit products, on some threads."""

    threads: int
    f32: float = 0.0
    int8: float = 0.0
    _copies: dict[int, float] = field(default_factory=dict)

    def measure_products(self) -> None:
        """Measure some products; the fastest counts, also of those that were measured before.

        Other work on the machine makes figures smaller, never larger.
        """
        f32 = [_speed_of("matmul", sizes, self.threads) for sizes in _PRODUCTS]
        self.f32 = max(self.f32, measure_peak(self.threads), *f32)
        self.int8 = max(self.int8, _speed_of("matmul_int8", "512x512x512", self.threads))

    def copy(self, size: int) -> float:
        """Return the bytes in a second of a copy that reads and writes `size` bytes in all."""
        if size not in self._copies:
            self._copies[size] = measure_copy(size, self.threads)
        return self._copies[size]

    def seconds(self, case: Case) -> tuple[float, str]:
        """Return the least time of an operator, and what bounds it: "product" or "copy"."""
        peak = self.int8 if case.op.endswith("_int8") else self.f32
        product = case.operations / peak
        copy = case.moved / self.copy(case.moved)
        return (product, "product") if product > copy else (copy, "copy")


def _speed_of(op: str, sizes: str, threads: int) -> float:
    """Return the operations in a second of a product with constant weights."""
    case = make(op, sizes)
    model = lathe.compile(case.model(), threads=threads, cache=False)
    x = np.ones(case.inputs[0].shape, case.inputs[0].dtype)
    best = math.inf
    for _ in range(_CALLS):
        start = time.perf_counter()
        model(x)
        best = min(best, time.perf_counter() - start)
    return case.operations / best


def measure_copy(size: int, threads: int) -> float:
    """Return the bytes in a second, read and written, of copies by `threads` threads at once.

    Each copies its part of `size` bytes again and again, so that caches hold what they can.
    """
    part = max(size // 2 // threads, 64)
    barrier = threading.Barrier(threads)
    elapsed = [[0.0] * threads for _ in range(_ROUNDS)]
    counts = [1] * threads
    # Made here, for a thread that ends without a word would keep the others waiting.
    pairs = [(np.ones(part, np.uint8), np.zeros(part, np.uint8)) for _ in range(threads)]

    def work(thread: int) -> None:
        source, target = pairs[thread]
        np.copyto(target, source)
        start = time.perf_counter()
        np.copyto(target, source)
        counts[thread] = max(1, round(_ROUND_S / max(time.perf_counter() - start, 1e-9)))
        for times in elapsed:
            barrier.wait()
            count = min(counts)
            start = time.perf_counter()
            for _ in range(count):
                np.copyto(target, source)
            times[thread] = (time.perf_counter() - start) / count

    workers = [threading.Thread(target=work, args=(i,)) for i in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return 2 * part * threads / min(max(times) for times in elapsed)
