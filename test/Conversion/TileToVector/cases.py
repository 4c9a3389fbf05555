# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One function of each kind of tile op: its text, its arrays, and what it must compute."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import ml_dtypes
import numpy as np

EPSILON = float(np.finfo(np.float32).eps) / 2

BF16 = np.dtype(ml_dtypes.bfloat16)
F16, F32, F64 = np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.float64)
S8, U8 = np.dtype(np.int8), np.dtype(np.uint8)
I32, I64 = np.dtype(np.int32), np.dtype(np.int64)
ELEMENTS = {BF16: "bf16", F16: "f16", F32: "f32", F64: "f64", S8: "i8", U8: "i8"}
ELEMENTS |= {I32: "i32", I64: "i64"}


@dataclasses.dataclass
class Dot:
    """A row of the table of dot units, as the tests need it."""

    name: str
    a: np.dtype
    b: np.dtype
    sum: np.dtype
    step: int = 1


FMA = Dot("", F32, F32, F32)
FMA64 = Dot("", F64, F64, F64)


def bytes_rows(kind: str, pairs: str, step: int) -> list[Dot]:
    types = {"u8": U8, "s8": S8}
    return [Dot(f"{kind}.{p}", types[p[:2]], types[p[2:]], I32, step) for p in pairs.split()]


@dataclasses.dataclass
class Case:
    """A function `name` on `arrays`, of which the last is the output."""

    name: str
    text: str
    arrays: list[np.ndarray]
    expected: np.ndarray  # In f64, or exact.
    tolerance: np.ndarray  # The largest error that rounding in f32 can make.


def memref(array: np.ndarray, dynamic: tuple[int, ...] = ()) -> str:
    """The memref type of `array`; dims in `dynamic` are not known to the compiler."""
    sizes = ["?" if i in dynamic else str(size) for i, size in enumerate(array.shape)]
    layout = ""
    if not array.flags.c_contiguous:
        layout = f", strided<[{', '.join(['?'] * (array.ndim - 1) + ['1'])}]>"
    return f"memref<{'x'.join([*sizes, ELEMENTS[array.dtype]])}{layout}>"


def random(
    rng: np.random.Generator, *shape: int, gap: int = 0, dtype: np.dtype = F32
) -> np.ndarray:
    """Uniform in [-1, 1), or over all integers with many at the ends of their range, with `gap`
    unused elements between innermost rows.
    """
    whole = (*shape[:-1], shape[-1] + gap)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        array = rng.integers(limits.min, limits.max, whole, dtype, endpoint=True)
        array[rng.random(whole) < 0.2] = limits.max
        array[rng.random(whole) < 0.2] = limits.min
    else:
        array = rng.uniform(-1, 1, whole).astype(dtype)
    return array[..., : shape[-1]]


def panels(columns: np.ndarray, width: int, step: int = 1) -> np.ndarray:
    """`columns` [..., n] as [panel, ..., width], filled up with zeros; with a step, [..., k, n]
    as [panel, ..., k / step, width, step].
    """
    n = columns.shape[-1]
    count = -(-n // width)
    padded = np.zeros((*columns.shape[:-1], count * width), columns.dtype)
    padded[..., :n] = columns
    split = padded.reshape(*columns.shape[:-1], count, width)
    split = np.moveaxis(split, -2, 0)
    if step > 1:
        terms = split.shape[-2]
        groups = -(-terms // step)
        filled = np.zeros((*split.shape[:-2], groups * step, width), columns.dtype)
        filled[..., :terms, :] = split
        split = np.moveaxis(filled.reshape(*split.shape[:-2], groups, step, width), -2, -1)
    return np.ascontiguousarray(split)


def wide(array: np.ndarray) -> np.ndarray:
    """`array` in a type in which sums of products are exact, or nearly so."""
    return array.astype(np.int64 if array.dtype.kind in "iu" else np.float64)


@dataclasses.dataclass
class Epilogue:
    """Text of the maps and the body, and the same on arrays in f64."""

    maps: list[str]
    body: str
    compute: Callable[..., np.ndarray]
    stored: np.dtype | None = None  # That of the sums, if none is given.


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


def requantized(dims: str) -> Epilogue:
    """A scale for each column; rounded, saturated, stored in a byte."""

    def compute(acc: np.ndarray, scale: np.ndarray) -> np.ndarray:
        scaled = acc.astype(np.float32) * scale.astype(np.float32)
        return np.clip(np.rint(scaled), -128, 127).astype(np.int8)

    return Epilogue(
        [f"({dims}) -> ({dims.split(',')[-1]})"],
        """{
      ^bb0(%acc: i32, %scale: f32):
        %low = arith.constant -128.0 : f32
        %high = arith.constant 127.0 : f32
        %0 = arith.sitofp %acc : i32 to f32
        %1 = arith.mulf %0, %scale : f32
        %2 = math.roundeven %1 : f32
        %3 = arith.maximumf %2, %low : f32
        %4 = arith.minimumf %3, %high : f32
        %5 = arith.fptosi %4 : f32 to i32
        %6 = arith.trunci %5 : i32 to i8
        tile.yield %6 : i8
      }""",
        compute,
        S8,
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
    scratch: str = "",
) -> str:
    """Text of a function whose last argument is the output and that holds the one op, which may
    have memory of the type `scratch` on the stack.
    """
    names = [f"%a{i}" for i in range(len(types))]
    first = len(types) - 1 - extras
    arguments = ", ".join(f"{n}: {t}" for n, t in zip(names, types, strict=True))
    text = f"  %t = memref.alloca() : {scratch}\n" if scratch else ""
    text += f"  {op} ins({', '.join(names[:first])} : {', '.join(types[:first])})"
    if scratch:
        text += f" scratch(%t : {scratch})"
    if extras:
        text += f" extras({', '.join(names[first:-1])} : {', '.join(types[first:-1])})"
    text += f" outs({names[-1]} : {types[-1]}) {attributes}"
    if op != "tile.pad":
        text += f" maps [{', '.join(f'affine_map<{m}>' for m in maps)}] {body}"
    head = f"func.func @{name}({arguments}) attributes {{llvm.emit_c_interface}}"
    return f"{head} {{\n{text}\n  return\n}}\n"


def unset(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Values that no result should have."""
    return np.full(shape, 77 if dtype.kind in "iu" else np.nan, dtype)


def with_unit(tiling: str, dot: Dot) -> str:
    return f'{tiling}, unit = "{dot.name}"' if dot.name else tiling


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
    dot: Dot = FMA,
    scratch: tuple[int, int] | None = None,
) -> Case:
    """`dynamic` lists which of r (rows and batch), n and k the compiler does not know; panels are
    copied to memory of the shape `scratch` if that is given.
    """
    rank = lhs.ndim
    rows = tuple(range(rank - 1)) if "r" in dynamic else ()
    k = (rank - 1,) if "k" in dynamic else ()
    n = (rank - 1,) if "n" in dynamic else ()
    output = unset((*lhs.shape[:-1], rhs.shape[-1] + gap), epilogue.stored or dot.sum)
    output = output[..., : rhs.shape[-1]]
    exact = wide(lhs) @ wide(rhs)
    size = np.abs(wide(lhs)) @ np.abs(wide(rhs))
    right = panels(rhs, packed, dot.step) if packed else rhs
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
    attributes = f"{'packed ' if packed else ''}tiling(<{with_unit(tiling, dot)}>)"
    text = function(
        name,
        "tile.contract",
        [],
        types,
        len(extras),
        attributes,
        epilogue.maps,
        epilogue.body,
        f"memref<{scratch[0]}x{scratch[1]}x{ELEMENTS[dot.sum]}>" if scratch else "",
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
    groups: int = 1,
    group_outputs: int = 0,
    epilogue: Epilogue = NONE,
    extras: tuple[np.ndarray, ...] = (),
    dynamic: bool = False,
    dot: Dot = FMA,
    gap: bool = False,
) -> Case:
    """`taps` is [spatial..., c, o] for a convolution, [spatial..., c] for a depthwise one; with
    `group_outputs`, [spatial..., c, o] of one with few channels in a group.
    """
    spatial = image.ndim - 2
    depthwise = taps.ndim == spatial + 1 or group_outputs > 0
    groups = taps.shape[-1] // group_outputs if group_outputs else groups
    kernel = taps.shape[:spatial]
    out = [
        (image.shape[d + 1] - (kernel[d] - 1) * dilation - 1) // stride + 1 for d in range(spatial)
    ]
    output = unset((image.shape[0], *out, taps.shape[-1]), epilogue.stored or dot.sum)

    def product(x: np.ndarray, tap: np.ndarray) -> np.ndarray:
        if depthwise and not group_outputs:
            return x * tap
        inputs, outputs = np.split(x, groups, -1), np.split(tap, groups, -1)
        return np.concatenate([i @ o for i, o in zip(inputs, outputs, strict=True)], -1)

    exact = np.zeros(output.shape, wide(image).dtype)
    size = np.zeros(output.shape)
    for place in np.ndindex(*kernel):
        starts = tuple(slice(i * dilation, None, stride) for i in place)
        window = image[(slice(None), *starts)][(slice(None), *(slice(n) for n in out))]
        x, tap = wide(window), wide(taps[place])
        exact += product(x, tap)
        size += product(np.abs(x), np.abs(tap))
    # With a step, the taps of a row and their channels are one run if none is left out.
    is_run = dot.step > 1 and groups == 1 and (dilation == 1 or kernel[-1] == 1)
    rows = taps.reshape(*kernel[:-1], -1, taps.shape[-1]) if is_run else taps
    right = taps if depthwise else panels(rows, width, dot.step)
    if group_outputs and taps.shape[-2] == 1:
        right = np.ascontiguousarray(taps[..., 0, :])
    free = tuple(range(spatial + 1)) if dynamic else ()
    grouped = f"group_inputs {taps.shape[-2]} group_outputs {group_outputs} "
    types = [memref(image, free), memref(right), *(memref(x) for x in extras), memref(output, free)]
    attributes = (
        f"strides {[stride] * spatial} dilations {[dilation] * spatial} "
        f"{f'groups {groups} ' if groups > 1 and not depthwise else ''}"
        f"{grouped if group_outputs else ''}"
        f"{f'kernel_width {kernel[-1]} ' if is_run else ''}tiling(<{with_unit(tiling, dot)}>)"
    )
    op = "tile.depthwise_conv" if depthwise else "tile.conv"
    text = function(name, op, [], types, len(extras), attributes, epilogue.maps, epilogue.body)
    steps = int(np.prod(kernel)) * (1 if taps.ndim == spatial + 1 else taps.shape[-2])
    return finish(name, text, [image, right, *extras, output], exact, size, steps, epilogue, extras)


def evaluated(points: list[float]) -> np.ndarray:
    """[point, tap]: what three taps are at 0, each point, its negative, and infinity, divided as
    interpolation wants it.
    """
    places = [0.0, *(sign * p for p in points for sign in (1, -1))]
    rows = [[p**k / np.prod([p - q for q in places if q != p]) for k in range(3)] for p in places]
    return np.array([*rows, [0, 0, 1]])


# For each number of outputs, the points, and by how much more than the sum of the products'
# sizes the numbers on the way may be; measured with ones of the same sign.
WINOGRAD = {2: ([1.0], 8.0), 4: ([0.5**0.5, 2.0**0.5], 32.0)}


def winograd(
    name: str,
    image: np.ndarray,
    taps: np.ndarray,
    tiling: str,
    *,
    outputs: int,
    squares: int,
    held: int,
    width: int,
    offsets: tuple[int, int] = (0, 0),
    sizes: tuple[int, int] | None = None,
    epilogue: Epilogue = NONE,
    extras: tuple[np.ndarray, ...] = (),
    dynamic: bool = False,
) -> Case:
    """`taps` is [3, 3, c, o]; `sizes` are those of the output, else as many as the image has."""
    channels, results = taps.shape[2:]
    height, length = sizes or tuple(image.shape[d + 1] + 2 * offsets[d] - 2 for d in range(2))
    margins = [
        (o, max(0, n + 2 - o - s))
        for o, n, s in zip(offsets, (height, length), image.shape[1:3], strict=True)
    ]
    whole = wide(np.pad(image, ((0, 0), *margins, (0, 0))))
    exact = np.zeros((image.shape[0], height, length, results))
    size = np.zeros(exact.shape)
    for i, j in np.ndindex(3, 3):
        window = whole[:, i : i + height, j : j + length]
        exact += window @ wide(taps[i, j])
        size += np.abs(window) @ np.abs(wide(taps[i, j]))
    points, growth = WINOGRAD[outputs]
    g = evaluated(points)
    transformed = np.einsum("iy,jx,yxco->ijco", g, g, wide(taps)).astype(np.float32)
    right = panels(transformed, width)
    side = outputs + 2
    scratch = side**2 * (squares * channels + 16 + squares * held * width + 16)
    output = unset(exact.shape, epilogue.stored or F32)
    free = (0, 1, 2) if dynamic else ()
    types = [memref(image, free), memref(right), *(memref(x) for x in extras), memref(output, free)]
    attributes = f"offsets {list(offsets)} outputs {outputs} held {held} tiling(<{tiling}>)"
    text = function(
        name, "tile.winograd_conv", [], types, len(extras), attributes, epilogue.maps, epilogue.body
    )
    stack = f"memref<{scratch}xf32>"
    text = text.replace(
        "{\n  tile.winograd_conv", f"{{\n  %s = memref.alloca() : {stack}\n  tile.winograd_conv", 1
    )
    place = " extras(" if extras else " outs("
    text = text.replace(place, f" scratch(%s : {stack}){place}", 1)
    # All outputs of a square have the error of the largest.
    size = np.full(size.shape, size.max()) * growth / 2
    return finish(
        name, text, [image, right, *extras, output], exact, size, channels, epilogue, extras
    )


def pad(
    name: str,
    image: np.ndarray,
    before: tuple[int, ...],
    after: tuple[int, ...],
    lanes: int,
    dynamic: bool,
) -> Case:
    """Margins `before` and `after`, one a spatial dim."""
    expected = np.pad(image, ((0, 0), *zip(before, after, strict=True), (0, 0)))
    output = np.full(expected.shape, np.nan, np.float32)
    free = tuple(range(image.ndim - 1)) if dynamic else ()
    attributes = (
        f"offsets {list(before)} tiling(<rows = 1, vectors = 1, lanes = {lanes}, task_rows = 3>)"
    )
    text = function(
        name, "tile.pad", [], [memref(image, free), memref(output, free)], 0, attributes, [], ""
    )
    return Case(name, text, [image, output], expected.astype(np.float64), np.zeros(expected.shape))


def transpose(
    name: str,
    source: np.ndarray,
    permutation: list[int],
    tiling: str,
    *,
    epilogue: Epilogue = NONE,
    extras: tuple[np.ndarray, ...] = (),
    dynamic: bool = False,
) -> Case:
    """`source` with its dims in the order of `permutation`."""
    moved = source.transpose(permutation)
    output = unset(moved.shape, epilogue.stored or source.dtype)
    free = tuple(range(source.ndim)) if dynamic else ()
    types = [memref(source, free), *(memref(x) for x in extras), memref(output, free)]
    attributes = f"permutation {permutation} tiling(<{tiling}>)"
    text = function(
        name, "tile.transpose", [], types, len(extras), attributes, epilogue.maps, epilogue.body
    )
    exact = wide(moved)
    return finish(
        name, text, [source, *extras, output], exact, np.zeros(exact.shape), 0, epilogue, extras
    )


def pack(
    name: str, source: np.ndarray, tiled: int, order: list[int], tile: int, step: int, run: int
) -> Case:
    """`source` packed at run time; a step of 1 stands for none."""
    rows = source.transpose([*order, tiled])
    if step > 1 and run > 1:
        rows = rows.reshape(*rows.shape[: len(order) - run], -1, rows.shape[-1])
    expected = panels(rows, tile, step)
    output = unset(expected.shape, source.dtype)
    text = f"""func.func @{name}(%a: {memref(source)}, %b: {memref(output)})
    attributes {{llvm.emit_c_interface}} {{
  tile.pack ins(%a : {memref(source)}) outs(%b : {memref(output)})
      tiled = {tiled} order = {order} tile = {tile}"""
    if step > 1:
        text += f" step = {step}" + (f" run = {run}" if run > 1 else "")
    text += "\n  return\n}\n"
    return Case(name, text, [source, output], wide(expected), np.zeros(expected.shape))


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
    expected = epilogue.compute(exact, *(x.astype(np.float64) for x in extras))
    if exact.dtype.kind == "i":  # Sums wrap, which a cast of an exact one does, too.
        expected = expected.astype(arrays[-1].dtype)
        return Case(name, text, arrays, expected, np.zeros(expected.shape))
    tolerance = 2 * (steps + 1) * EPSILON * size + 16 * EPSILON * (
        1 + np.abs(exact) + np.abs(expected)
    )
    return Case(name, text, arrays, expected, tolerance)
