# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What convert-tile-to-vector emits computes what the ops mean, on each vector unit of the machine.

RUN: %python %s
"""

from __future__ import annotations

import argparse
import pathlib
import tempfile

import numpy as np
from cases import NONE, Case, bias_residual_relu, contract, conv, pad, random, silu_scaled
from native import UNITS, Library, supported_units


def tile(rows: int, vectors: int, lanes: int, **rest: int) -> str:
    pairs = {"rows": rows, "vectors": vectors, "lanes": lanes, **rest}
    return ", ".join(f"{key} = {value}" for key, value in pairs.items())


def contract_cases(lanes: int) -> list[Case]:
    rng = np.random.default_rng(1)
    cases = []
    # Rows, columns and K with and without tails, in one and in several tasks.
    for m, n, k in [
        (12, 2 * lanes, 16),
        (13, 3 * lanes + 5, 19),
        (5, 7, 3),
        (1, 1, 1),
        (29, 4 * lanes, 33),
    ]:
        for dynamic in ["", "r", "n", "k", "rnk"]:
            for packed in [True, False]:
                rest = {"unroll": 4, "task_rows": 12, "task_panels": 1, "prefetch": 1}
                extras = (random(rng, n), random(rng, m, n))
                cases.append(
                    contract(
                        f"contract{len(cases)}",
                        random(rng, m, k),
                        random(rng, k, n),
                        tile(6, 2, lanes, **rest),
                        packed=2 * lanes if packed else 0,
                        epilogue=bias_residual_relu("m, n"),
                        extras=extras,
                        dynamic=dynamic,
                    )
                )
    # Blocks of K, which come back to the output; rows beyond the last full tile.
    for m in [1, 3, 4, 11, 12]:
        for dynamic in ["", "rk"]:
            cases.append(
                contract(
                    f"blocks{len(cases)}",
                    random(rng, m, 70),
                    random(rng, 70, lanes + 3),
                    tile(4, 2, lanes, unroll=2, block=32),
                    packed=2 * lanes,
                    epilogue=bias_residual_relu("m, n"),
                    extras=(random(rng, lanes + 3), random(rng, m, lanes + 3)),
                    dynamic=dynamic,
                )
            )
    # A batch, a right-hand side that all of it shares, and one with a dim of 1.
    for shape in [(2, 3, 8, 9), (9, 2 * lanes + 1), (2, 1, 9, lanes), (1, 3, 9, 5)]:
        for dynamic in ["", "rnk"] if 1 not in shape[:-2] else [""]:
            lhs = random(rng, 2, 3, 7, shape[-2])
            cases.append(
                contract(
                    f"batch{len(cases)}",
                    lhs,
                    random(rng, *shape),
                    tile(4, 1, lanes, task_rows=4),
                    dynamic=dynamic,
                )
            )
    # Many dims of rows, with extras that vary over some of them only; gaps between rows.
    lhs = random(rng, 2, 3, 5, 9, gap=3)
    rhs = random(rng, 9, lanes + 2)
    for maps, shape in [
        ("b, y, 0", (2, 3, 1)),
        ("0, y, x, n", (1, 3, 5, lanes + 2)),
        ("b, y, x, 0", (2, 3, 5, 1)),
    ]:
        epilogue = silu_scaled("b, y, x, n", maps)
        wide = random(rng, *shape)
        value = wide[..., None] if len(shape) == 3 else wide
        epilogue.compute = lambda acc, _, value=value: acc / (1 + np.exp(-acc)) * value
        for dynamic in ["", "r"]:
            cases.append(
                contract(
                    f"rows{len(cases)}",
                    lhs,
                    rhs,
                    tile(4, 2, lanes),
                    packed=2 * lanes,
                    epilogue=epilogue,
                    extras=(wide,),
                    gap=5,
                    dynamic=dynamic,
                )
            )
    return cases


def conv_cases(lanes: int) -> list[Case]:
    rng = np.random.default_rng(2)
    cases = []
    for kernel, stride, dilation, channels, outputs, rows, vectors in [
        (3, 1, 1, 5, 2 * lanes, 4, 2),
        (3, 2, 1, 8, lanes + 1, 4, 2),
        (1, 2, 1, 7, 3, 6, 1),
        (3, 1, 2, 4, lanes, 7, 1),
        (7, 2, 1, 3, 2 * lanes + 3, 6, 2),
    ]:
        image = random(rng, 2, 17, 19, channels)
        taps = random(rng, kernel, kernel, channels, outputs)
        out = [(size - (kernel - 1) * dilation - 1) // stride + 1 for size in (17, 19)]
        extras = (random(rng, outputs), random(rng, 2, *out, outputs))
        for dynamic in [False, True]:
            tiling = tile(rows, vectors, lanes, unroll=4, prefetch=2, task_rows=3, task_panels=1)
            cases.append(
                conv(
                    f"conv{len(cases)}",
                    image,
                    taps,
                    tiling,
                    width=vectors * lanes,
                    stride=stride,
                    dilation=dilation,
                    epilogue=bias_residual_relu("n, y, x, o"),
                    extras=extras,
                    dynamic=dynamic,
                )
            )
    for kernel, stride, dilation, channels, vectors in [
        (3, 1, 1, 2 * lanes, 1),
        (3, 2, 1, lanes + 3, 2),
        (5, 1, 1, 3, 1),
        (3, 1, 2, 5 * lanes, 4),
        (7, 2, 1, lanes, 1),
    ]:
        image = random(rng, 2, 17, 19, channels)
        out = [(size - (kernel - 1) * dilation - 1) // stride + 1 for size in (17, 19)]
        extras = (random(rng, channels), random(rng, 2, *out, channels))
        for dynamic in [False, True]:
            cases.append(
                conv(
                    f"depthwise{len(cases)}",
                    image,
                    random(rng, kernel, kernel, channels),
                    tile(4, vectors, lanes, task_rows=4),
                    stride=stride,
                    dilation=dilation,
                    epilogue=bias_residual_relu("n, y, x, c"),
                    extras=extras,
                    dynamic=dynamic,
                )
            )
    for channels, margins in [(1, (1, 2, 0, 3)), (lanes + 3, (0, 1, 2, 0)), (4, (0, 0, 1, 1))]:
        for dynamic in [False, True]:
            cases.append(
                pad(f"pad{len(cases)}", random(rng, 2, 5, 6, channels), margins, lanes, dynamic)
            )
    return cases


def tilings(lanes: int) -> list[Case]:
    """The same product under different tilings: not a bit may differ."""
    cases = []
    for rows, vectors, rest in [
        (6, 2, {}),
        (1, 1, {"unroll": 3}),
        (4, 3, {"block": 8}),
        (5, 2, {"task_rows": 5}),
    ]:
        rng = np.random.default_rng(3)
        for dynamic in ["", "r"]:
            rng = np.random.default_rng(3)
            cases.append(
                contract(
                    f"tiling{len(cases)}",
                    random(rng, 23, 37),
                    random(rng, 37, 4 * lanes + 1),
                    tile(rows, vectors, lanes, **rest),
                    packed=vectors * lanes,
                    epilogue=NONE,
                    dynamic=dynamic,
                )
            )
    return cases


def check(case: Case) -> str | None:
    output = case.arrays[-1]
    error = np.abs(output - case.expected)
    if np.all(error <= case.tolerance):  # False where the output is not a number.
        return None
    worst = np.unravel_index(
        np.nanargmax(np.where(error <= case.tolerance, -1, np.nan_to_num(error, nan=np.inf))),
        error.shape,
    )
    expected = case.expected[worst]
    return f"{case.name}: {output[worst]} at {worst}, but {expected} is expected\n{case.text}"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lathe-opt", default="lathe-opt")
    lathe_opt = parser.parse_args().lathe_opt
    failures = []
    count = 0
    for unit in supported_units():
        lanes = UNITS[unit][1]
        same = tilings(lanes)
        cases = contract_cases(lanes) + conv_cases(lanes) + same
        with tempfile.TemporaryDirectory() as folder:
            library = Library(
                "\n".join(case.text for case in cases), unit, pathlib.Path(folder), lathe_opt
            )
            for case in cases:
                library.call(case.name, *case.arrays)
        failures += [f"{unit}: {problem}" for case in cases if (problem := check(case))]
        for case in same[1:]:
            if not np.array_equal(case.arrays[-1], same[0].arrays[-1]):
                failures.append(f"{unit}: {case.name} differs from {same[0].name}\n{case.text}")
        count += len(cases)
    for failure in failures[:5]:
        print(failure)
    print(f"{count - len(failures)} of {count} kernels are right")
    return min(len(failures), 1)


if __name__ == "__main__":
    raise SystemExit(main())
