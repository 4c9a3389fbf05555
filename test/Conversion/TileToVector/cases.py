# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One function of each kind of tile op: its text, its arrays, and what it must compute."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

EPSILON = float(np.finfo(np.float32).eps) / 2


@dataclasses.dataclass
class Case:
    """A function `name` on `arrays`, of which the last is the output."""

    name: str
    text: str
    arrays: list[np.ndarray]
    expected: np.ndarray  # In f64.
    tolerance: np.ndarray  # The largest error that rounding in f32 can make.


def memref(array: np.ndarray, dynamic: tuple[int, ...] = ()) -> str:
    """The memref type of `array`; dims in `dynamic` are not known to the compiler."""
    sizes = ["?" if i in dynamic else str(size) for i, size in enumerate(array.shape)]
    layout = ""
    if not array.flags.c_contiguous:
        layout = f", strided<[{', '.join(['?'] * (array.ndim - 1) + ['1'])}]>"
    return f"memref<{'x'.join([*sizes, 'f32'])}{layout}>"


def random(rng: np.random.Generator, *shape: int, gap: int = 0) -> np.ndarray:
    """Uniform in [-1, 1), with `gap` unused elements between innermost rows."""
    array = rng.uniform(-1, 1, (*shape[:-1], shape[-1] + gap)).astype(np.float32)
    return array[..., : shape[-1]]


def panels(columns: np.ndarray, width: int) -> np.ndarray:
    """`columns` [..., n] as [panel, ..., width], filled up with zeros."""
    n = columns.shape[-1]
    count = -(-n // width)
    padded = np.zeros((*columns.shape[:-1], count * width), np.float32)
    padded[..., :n] = columns
    split = padded.reshape(*columns.shape[:-1], count, width)
    return np.ascontiguousarray(np.moveaxis(split, -2, 0))


@dataclasses.dataclass
class Epilogue:
    """Text of the maps and the body, and the same on arrays in f64."""

    maps: list[str]
    body: str
    compute: Callable[..., np.ndarray]


NONE = Epilogue([], "", lambda acc: acc)


def bias_residual_relu(dims: str) -> Epilogue:
    last = dims.split(",")[-1]
    return Epilogue(
        [f"({dims}) -> ({last})", f"({dims}) -> ({dims})"],
        """{
      ^bb0(%acc: f32, %bias: f32, %residual: f32):
        %zero = arith.constant 0.0 : f32
        %0 = arith.addf %acc, %bias : f32
        %1 = arith.addf %0, %residual : f32
        %2 = arith.maximumf %1, %zero : f32
        tile.yield %2 : f32
      }""",
        lambda acc, bias, residual: np.maximum(acc + bias + residual, 0),
    )


def silu_scaled(dims: str, first_only: str) -> Epilogue:
    """Long enough not to be written out in line; scaled by one element a row."""
    return Epilogue(
        [f"({dims}) -> ({first_only})"],
        """{
      ^bb0(%acc: f32, %scale: f32):
        %one = arith.constant 1.0 : f32
        %0 = arith.negf %acc : f32
        %1 = math.exp %0 : f32
        %2 = arith.addf %one, %1 : f32
        %3 = arith.divf %acc, %2 : f32
        %4 = arith.mulf %3, %scale : f32
        tile.yield %4 : f32
      }""",
        lambda acc, scale: acc / (1 + np.exp(-acc)) * scale,
    )


def function(
    name: str,
    op: str,
    inputs: list[np.ndarray],
    types: list[str],
    extras: int,
    attributes: str,
    maps: list[str],
    body: str,
) -> str:
    """Text of a function whose last argument is the output and that holds the one op."""
    names = [f"%a{i}" for i in range(len(types))]
    first = len(types) - 1 - extras
    arguments = ", ".join(f"{n}: {t}" for n, t in zip(names, types, strict=True))
    text = f"  {op} ins({', '.join(names[:first])} : {', '.join(types[:first])})"
    if extras:
        text += f" extras({', '.join(names[first:-1])} : {', '.join(types[first:-1])})"
    text += f" outs({names[-1]} : {types[-1]}) {attributes}"
    if op != "tile.pad":
        text += f" maps [{', '.join(f'affine_map<{m}>' for m in maps)}] {body}"
    head = f"func.func @{name}({arguments}) attributes {{llvm.emit_c_interface}}"
    return f"{head} {{\n{text}\n  return\n}}\n"


def contract(
    name: str,
    lhs: np.ndarray,
    rhs: np.ndarray,
    tiling: str,
    *,
    packed: int = 0,
    epilogue: Epilogue = NONE,
    extras: tuple[np.ndarray, ...] = (),
    dynamic: str = "",
    gap: int = 0,
) -> Case:
    """`dynamic` lists which of r (rows and batch), n and k the compiler does not know."""
    rank = lhs.ndim
    rows = tuple(range(rank - 1)) if "r" in dynamic else ()
    k = (rank - 1,) if "k" in dynamic else ()
    n = (rank - 1,) if "n" in dynamic else ()
    output = np.full((*lhs.shape[:-1], rhs.shape[-1] + gap), np.nan, np.float32)[
        ..., : rhs.shape[-1]
    ]
    exact = lhs.astype(np.float64) @ rhs.astype(np.float64)
    size = np.abs(lhs.astype(np.float64)) @ np.abs(rhs.astype(np.float64))
    right = panels(rhs, packed) if packed else rhs
    if packed:
        right_type = memref(right, ((0,) if n else ()) + ((1,) if k else ()))
    else:
        last = rhs.ndim - 1
        batch = rows[: last - 1] if last > 1 else ()
        right_type = memref(right, (*batch, *((last - 1,) if k else ()), *((last,) if n else ())))
    types = [
        memref(lhs, rows + k),
        right_type,
        *(memref(x) for x in extras),
        memref(output, rows + n),
    ]
    attributes = f"{'packed ' if packed else ''}tiling(<{tiling}>)"
    text = function(
        name, "tile.contract", [], types, len(extras), attributes, epilogue.maps, epilogue.body
    )
    return finish(
        name, text, [lhs, right, *extras, output], exact, size, lhs.shape[-1], epilogue, extras
    )


def conv(
    name: str,
    image: np.ndarray,
    taps: np.ndarray,
    tiling: str,
    *,
    width: int = 0,
    stride: int = 1,
    dilation: int = 1,
    epilogue: Epilogue = NONE,
    extras: tuple[np.ndarray, ...] = (),
    dynamic: bool = False,
) -> Case:
    """`taps` is [i, j, c, o] for a convolution, [i, j, c] for a depthwise one."""
    depthwise = taps.ndim == 3
    kernel = taps.shape[:2]
    out = [(image.shape[d + 1] - (kernel[d] - 1) * dilation - 1) // stride + 1 for d in (0, 1)]
    output = np.full((image.shape[0], *out, taps.shape[-1]), np.nan, np.float32)
    exact, size = np.zeros(output.shape), np.zeros(output.shape)
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            window = image[:, i * dilation :: stride, j * dilation :: stride][:, : out[0], : out[1]]
            pair = window.astype(np.float64), taps[i, j].astype(np.float64)
            exact += pair[0] * pair[1] if depthwise else pair[0] @ pair[1]
            size += (
                np.abs(pair[0]) * np.abs(pair[1])
                if depthwise
                else np.abs(pair[0]) @ np.abs(pair[1])
            )
    right = taps if depthwise else panels(taps, width)
    free = (0, 1, 2) if dynamic else ()
    types = [memref(image, free), memref(right), *(memref(x) for x in extras), memref(output, free)]
    attributes = (
        f"strides [{stride}, {stride}] dilations [{dilation}, {dilation}] tiling(<{tiling}>)"
    )
    op = "tile.depthwise_conv" if depthwise else "tile.conv"
    text = function(name, op, [], types, len(extras), attributes, epilogue.maps, epilogue.body)
    steps = kernel[0] * kernel[1] * (1 if depthwise else taps.shape[2])
    return finish(name, text, [image, right, *extras, output], exact, size, steps, epilogue, extras)


def pad(
    name: str, image: np.ndarray, margins: tuple[int, int, int, int], lanes: int, dynamic: bool
) -> Case:
    """`margins` are top, left, bottom and right."""
    top, left, bottom, right = margins
    expected = np.pad(image, ((0, 0), (top, bottom), (left, right), (0, 0)))
    output = np.full(expected.shape, np.nan, np.float32)
    free = (0, 1, 2) if dynamic else ()
    attributes = (
        f"offsets [{top}, {left}] tiling(<rows = 1, vectors = 1, lanes = {lanes}, task_rows = 3>)"
    )
    text = function(
        name, "tile.pad", [], [memref(image, free), memref(output, free)], 0, attributes, [], ""
    )
    return Case(name, text, [image, output], expected.astype(np.float64), np.zeros(expected.shape))


def finish(
    name: str,
    text: str,
    arrays: list[np.ndarray],
    exact: np.ndarray,
    size: np.ndarray,
    steps: int,
    epilogue: Epilogue,
    extras: tuple[np.ndarray, ...],
) -> Case:
    """Every step of a sum rounds once, and so does every op of an epilogue, of which none here
    makes an error of its operands more than twice as large.
    """
    wide = [x.astype(np.float64) for x in extras]
    expected = epilogue.compute(exact, *wide)
    tolerance = 2 * (steps + 1) * EPSILON * size + 16 * EPSILON * (
        1 + np.abs(exact) + np.abs(expected)
    )
    return Case(name, text, arrays, expected, tolerance)
