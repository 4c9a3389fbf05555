# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What convert-tile-to-vector emits computes what the ops mean, on each vector unit of the machine.

RUN: %python %s
"""

from __future__ import annotations

import argparse
import pathlib
import tempfile

import numpy as np
from cases import (
    BF16,
    F16,
    F32,
    F64,
    FMA64,
    I32,
    I64,
    NONE,
    S8,
    U8,
    Case,
    Dot,
    bias_residual_relu,
    bytes_rows,
    contract,
    conv,
    pack,
    pad,
    random,
    requantized,
    silu_scaled,
    transpose,
    winograd,
)
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
    # Panels that are copied, in blocks of K and all of it, for few rows and for many, whose number
    # is and is not a sum of tiles of five and six.
    for m in [1, 5, 12, 13, 14, 19, 20, 29, 31]:
        for n, k, dynamic in [(2 * lanes, 16, ""), (3 * lanes + 5, 33, "rnk"), (7, 16, "r")]:
            for gap in [0, 3]:
                cases.append(
                    contract(
                        f"copied{len(cases)}",
                        random(rng, m, k, gap=gap),
                        random(rng, k, n, gap=gap),
                        tile(6, 2, lanes, unroll=4, block=0 if k == 16 else 8, task_panels=1),
                        epilogue=bias_residual_relu("m, n"),
                        extras=(random(rng, n), random(rng, m, n)),
                        dynamic=dynamic,
                        gap=gap,
                        scratch=(16 if k == 16 else 8, 2 * lanes),
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
    # Groups of few channels: a vector has several of them.
    for kernel, stride, dilation, inputs, outputs, vectors in [
        (3, 1, 1, 1, 2, 1),
        (3, 2, 1, 2, 2, 2),
        (5, 1, 2, 1, lanes, 1),
        (3, 1, 1, 4, 4, 2),
        (7, 2, 1, 2, 4, 1),
    ]:
        if lanes % outputs or inputs > outputs:
            continue
        groups = 3 * lanes // outputs
        image = random(rng, 2, 17, 19, groups * inputs)
        out = [(size - (kernel - 1) * dilation - 1) // stride + 1 for size in (17, 19)]
        cases.append(
            conv(
                f"few{len(cases)}",
                image,
                random(rng, kernel, kernel, inputs, groups * outputs),
                tile(4, vectors, lanes, task_rows=4),
                stride=stride,
                dilation=dilation,
                group_outputs=outputs,
                epilogue=bias_residual_relu("n, y, x, c"),
                extras=(random(rng, groups * outputs), random(rng, 2, *out, groups * outputs)),
                dynamic=kernel == 3,
            )
        )
    for channels, before, after in [
        (1, (1, 2), (0, 3)),
        (lanes + 3, (0, 1), (2, 0)),
        (4, (0, 0), (1, 1)),
        (lanes + 1, (2,), (1,)),
        (3, (1, 0, 2), (0, 1, 1)),
    ]:
        image = random(rng, 2, *(5, 6, 7)[: len(before)], channels)
        for dynamic in [False, True]:
            cases.append(pad(f"pad{len(cases)}", image, before, after, lanes, dynamic))
    return cases


def winograd_cases(lanes: int) -> list[Case]:
    """Images with and without whole squares, padded before or on the way, known and not."""
    rng = np.random.default_rng(8)
    cases: list[Case] = []
    for outputs, size, channels, results, offsets in [
        (2, (10, 12), lanes, 2 * lanes, (0, 0)),
        (4, (10, 14), 2 * lanes, lanes, (0, 0)),
        (4, (9, 12), lanes + 3, 2 * lanes + 5, (1, 1)),
        (2, (9, 8), 2 * lanes + 1, 3 * lanes, (1, 1)),
        (4, (3, 13), lanes, lanes, (1, 0)),
        (2, (1, 1), lanes, 3, (2, 2)),
        (4, (5, 4), lanes, 4 * lanes, (3, 3)),
    ]:
        image = random(rng, 2, *size, channels)
        out = [size[d] + 2 * offsets[d] - 2 for d in range(2)]
        extras = (random(rng, results), random(rng, 2, *out, results))
        for dynamic in [False, True]:
            squares = 7 if dynamic else 4
            tiling = tile(4, 2, lanes, unroll=4, task_rows=squares, task_panels=3 - dynamic)
            cases.append(
                winograd(
                    f"winograd{len(cases)}",
                    image,
                    random(rng, 3, 3, channels, results),
                    tiling,
                    outputs=outputs,
                    squares=squares,
                    held=2 - dynamic,
                    width=2 * lanes,
                    offsets=offsets,
                    epilogue=bias_residual_relu("n, y, x, o"),
                    extras=extras,
                    dynamic=dynamic,
                )
            )
    image = random(rng, 1, 9, 9, lanes)
    cases.append(
        winograd(
            "winograd_long",
            image,
            random(rng, 3, 3, lanes, 2 * lanes),
            tile(4, 2, lanes, task_rows=8),
            outputs=4,
            squares=8,
            held=1,
            width=2 * lanes,
            offsets=(1, 1),
            epilogue=silu_scaled("n, y, x, o", "0, y, x, 0"),
            extras=(random(rng, 1, 9, 9, 1),),
        )
    )
    return cases


def other_ranks(lanes: int) -> list[Case]:
    """Convolutions of one and three spatial dims, and of groups."""
    rng = np.random.default_rng(7)
    cases: list[Case] = []
    for size, kernel, channels, outputs, groups, stride, dilation in [
        ((37,), (5,), 3, lanes + 1, 1, 1, 1),
        ((40,), (3,), 4, lanes, 1, 2, 2),
        ((41,), (3,), 8, 4 * lanes, 2, 1, 1),
        ((5, 6, 9), (3, 2, 3), 3, lanes, 1, 1, 1),
        ((7, 6, 9), (2, 2, 2), 4, 2 * lanes, 2, 2, 1),
        ((9, 11), (3, 3), 6, 3 * lanes, 3, 1, 2),
    ]:
        spatial = len(size)
        image = random(rng, 2, *size, channels)
        for vectors, dynamic in [(1, False), (2, True)]:
            width = vectors * lanes if groups == 1 else lanes
            cases.append(
                conv(
                    f"ranks{len(cases)}",
                    image,
                    random(rng, *kernel, channels // groups, outputs),
                    tile(4, width // lanes, lanes, unroll=2, task_rows=3 if spatial > 1 else 8),
                    width=width,
                    stride=stride,
                    dilation=dilation,
                    groups=groups,
                    dynamic=dynamic,
                )
            )
            cases.append(
                conv(
                    f"depthwise_ranks{len(cases)}",
                    image,
                    random(rng, *kernel, channels),
                    tile(4, vectors, lanes, task_rows=3 if spatial > 1 else 8),
                    stride=stride,
                    dilation=dilation,
                    dynamic=dynamic,
                )
            )
    # More taps than are written out.
    cases.append(
        conv(
            "depthwise_long",
            random(rng, 1, 90, lanes + 2),
            random(rng, 40, lanes + 2),
            tile(4, 1, lanes),
        )
    )
    return cases


def transpose_cases(lanes: int) -> list[Case]:
    rng = np.random.default_rng(8)
    cases: list[Case] = []
    for shape, permutation in [
        ((5 * lanes + 3, 3 * lanes), [1, 0]),
        ((lanes, lanes + lanes // 2), [1, 0]),
        ((2, 3, 2 * lanes + 1, lanes + 1), [0, 3, 1, 2]),
        ((2, 2 * lanes - 1, 3, 4 * lanes), [0, 2, 3, 1]),
        ((lanes, 2, 3, 2 * lanes), [3, 2, 1, 0]),
    ]:
        # Every type by one shape: they differ in nothing but how registers interleave.
        dtypes = (F32, F64, F16, BF16, S8) if len(shape) == 2 and shape[0] == lanes else (F32,)
        for dtype in dtypes:
            cases.append(
                transpose(
                    f"transpose{len(cases)}",
                    random(rng, *shape, dtype=dtype),
                    permutation,
                    tile(1, 1, lanes, task_rows=2, task_panels=1),
                    dynamic=dtype == F32 and shape[0] != lanes,
                )
            )
    source = random(rng, 2, 3, 2 * lanes + 1, lanes + 1)
    cases.append(
        transpose(
            "transpose_epilogue",
            source,
            [0, 3, 1, 2],
            tile(1, 1, lanes),
            epilogue=bias_residual_relu("n, c, y, x"),
            extras=(random(rng, 2 * lanes + 1), random(rng, 2, lanes + 1, 3, 2 * lanes + 1)),
        )
    )
    # A matrix with fewer rows than a square, which only the run knows.
    cases.append(
        transpose(
            "transpose_small",
            random(rng, 3, 4 * lanes),
            [1, 0],
            tile(1, 1, lanes, task_panels=1),
            dynamic=True,
        )
    )
    return cases


# The rows of the table of dot units that need no instruction of their own.
COMMON_ROWS = [
    FMA64,
    Dot("pairs.bf16", BF16, BF16, F32, 2),
    Dot("widen.bf16", BF16, BF16, F32),
    Dot("multiply.i32", I32, I32, I32),
    Dot("multiply.i64", I64, I64, I64),
    *bytes_rows("widen", "u8s8 s8u8 s8s8 u8u8", 1),
]
# Those of the processor's family, and which need a feature besides those of the vector unit.
MADD_ROWS = bytes_rows("madd", "u8s8 s8u8 s8s8 u8u8", 4)
VNNI_ROWS = bytes_rows("vnni", "u8s8 s8u8 s8s8", 4)
F16_ROW = Dot("widen.f16", F16, F16, F32)
DPBF16_ROW = Dot("dpbf16.bf16", BF16, BF16, F32, 2)
NEON_ROWS = [
    *bytes_rows("dotprod", "u8s8 s8u8 s8s8 u8u8", 4),
    *bytes_rows("i8mm", "u8s8 s8u8", 4),
]


def dot_cases(dot: Dot, lanes: int) -> list[Case]:
    """Products and convolutions by one row, exact where its sums are integers."""
    rng = np.random.default_rng(4)
    cases: list[Case] = []
    name = dot.name.replace(".", "_") or f"fma_{dot.sum.name}"
    if dot.sum.itemsize == 8:
        lanes = max(lanes // 2, 1)
    for m, n, k in [(12, 2 * lanes, 16), (13, 3 * lanes + 5, 19), (5, 7, 3), (1, 1, 1)]:
        for packed in [True, False]:
            for dynamic in ["", "rn"] if packed else ["", "rnk"]:
                cases.append(
                    contract(
                        f"{name}_contract{len(cases)}",
                        random(rng, m, k, dtype=dot.a),
                        random(rng, k, n, dtype=dot.b),
                        tile(
                            4, 2, lanes, unroll=8 if dot.step == 1 else 3, task_rows=8, prefetch=1
                        ),
                        packed=2 * lanes if packed else 0,
                        dynamic=dynamic,
                        dot=dot,
                    )
                )
    for kernel, stride, dilation, channels, outputs in [
        (3, 1, 1, 5, 2 * lanes),
        (3, 2, 1, 8, lanes + 1),
        (1, 2, 1, 7, 3),
        (3, 1, 2, 6, lanes),
    ]:
        for dynamic in [False] if stride == 1 and dilation == 1 else [True]:
            cases.append(
                conv(
                    f"{name}_conv{len(cases)}",
                    random(rng, 2, 11, 12, channels, dtype=dot.a),
                    random(rng, kernel, kernel, channels, outputs, dtype=dot.b),
                    tile(4, 2, lanes, unroll=2, prefetch=1, task_rows=3, task_panels=1),
                    width=2 * lanes,
                    stride=stride,
                    dilation=dilation,
                    dynamic=dynamic,
                    dot=dot,
                )
            )
    if dot.sum == I32 and dot.a.itemsize == 1:
        n = 3 * lanes + 5
        cases.append(
            contract(
                f"{name}_requantized",
                random(rng, 13, 37, dtype=dot.a),
                random(rng, 37, n, dtype=dot.b),
                tile(4, 2, lanes, unroll=2),
                packed=2 * lanes,
                epilogue=requantized("m, n"),
                extras=(rng.uniform(1e-5, 1e-3, n).astype(np.float32),),
                dot=dot,
            )
        )
    if dot.step == 1:
        cases.append(
            conv(
                f"{name}_depthwise",
                random(rng, 2, 9, 10, 2 * lanes + 3, dtype=dot.a),
                random(rng, 3, 3, 2 * lanes + 3, dtype=dot.b),
                tile(4, 2, lanes, task_rows=4),
                dot=dot,
            )
        )
    return cases


def tile_cases(dot: Dot) -> list[Case]:
    """Products and convolutions by a matrix unit: whole and partial tiles, long lines and pairs of
    short ones, runs of taps and taps that are apart, an epilogue, rows that are not known.
    """
    rng = np.random.default_rng(6)
    cases = []
    name = dot.name.replace(".", "_")
    terms = 64 // dot.a.itemsize
    for m, n, k in [(32, 32, terms), (45, 40, 2 * terms + 8), (16, 7, 8), (70, 64, 3 * terms)]:
        for dynamic in ["", "r"]:
            epilogue = requantized("m, n") if dot.sum == I32 and n == 40 else NONE
            extras = (rng.uniform(1e-5, 1e-3, n).astype(np.float32),) if epilogue.maps else ()
            cases.append(
                contract(
                    f"{name}_{len(cases)}",
                    random(rng, m, k, dtype=dot.a),
                    random(rng, k, n, dtype=dot.b),
                    tile(32, 2, 16, task_rows=32),
                    packed=32,
                    epilogue=epilogue,
                    extras=extras,
                    dynamic=dynamic,
                    dot=dot,
                )
            )
    for kernel, stride, dilation, channels, outputs, groups, columns in [
        (3, 1, 1, terms, 32, 1, 12),
        (3, 2, 1, terms + 8, 45, 1, 44),
        (3, 1, 2, 24, 7, 1, 36),
        (1, 2, 1, 8, 32, 1, 39),
        (3, 1, 1, 16, 64, 2, 9),
    ]:
        for dynamic in [False, True]:
            cases.append(
                conv(
                    f"{name}_conv{len(cases)}",
                    random(rng, 2, 9, columns, channels, dtype=dot.a),
                    random(rng, kernel, kernel, channels // groups, outputs, dtype=dot.b),
                    tile(32, 2, 16, task_rows=4),
                    width=32,
                    stride=stride,
                    dilation=dilation,
                    groups=groups,
                    dynamic=dynamic,
                    dot=dot,
                )
            )
    return cases


def pack_cases() -> list[Case]:
    rng = np.random.default_rng(5)
    filter_shape = (19, 5, 3, 3)
    return [
        pack("pack0", random(rng, *filter_shape), 0, [2, 3, 1], 8, 1, 1),
        pack("pack1", random(rng, *filter_shape, dtype=S8), 0, [2, 3, 1], 8, 4, 2),
        pack("pack2", random(rng, *filter_shape, dtype=U8), 0, [2, 3, 1], 16, 4, 1),
        pack("pack3", random(rng, 13, 32, dtype=S8), 1, [0], 16, 2, 1),
    ]


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
    exact = output.dtype.kind in "iu"
    error = np.abs(output.astype(case.expected.dtype if exact else np.float64) - case.expected)
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
        rows = [*COMMON_ROWS, *MADD_ROWS]
        rows += [F16_ROW] if unit != "sse2" else []
        cases = contract_cases(lanes) + conv_cases(lanes) + other_ranks(lanes)
        cases += transpose_cases(lanes) + winograd_cases(lanes) + pack_cases() + same
        for dot in rows:
            cases += dot_cases(dot, lanes)
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
    # Rows of instructions that the machine may not have are emulated on it.
    amx_rows = [Dot("amx.bf16", BF16, BF16, F32, 2), *bytes_rows("amx", "u8s8 s8u8 s8s8 u8u8", 4)]
    for lanes, rows, names in [
        (16, [*VNNI_ROWS, DPBF16_ROW, *MADD_ROWS], {"llvm.x86.avx512"}),
        (8, [VNNI_ROWS[0], DPBF16_ROW], {"llvm.x86.avx512"}),
        (4, NEON_ROWS, {"llvm.aarch64"}),
        (16, amx_rows, {"amx"}),
    ]:
        cases = [
            case
            for dot in rows
            for case in (tile_cases(dot) if "amx" in names else dot_cases(dot, lanes))
        ]
        with tempfile.TemporaryDirectory() as folder:
            text = "\n".join(case.text for case in cases)
            unit = supported_units()[-1]
            library = Library(text, unit, pathlib.Path(folder), lathe_opt, frozenset(names))
            for case in cases:
                library.call(case.name, *case.arrays)
        failures += [f"emulated: {problem}" for case in cases if (problem := check(case))]
        count += len(cases)
    for failure in failures[:5]:
        print(failure)
    print(f"{count - len(failures)} of {count} kernels are right")
    return min(len(failures), 1)


if __name__ == "__main__":
    raise SystemExit(main())
