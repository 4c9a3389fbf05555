# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operands of their own for operators that random_graphs.py draws: inputs or constants of any type.

An operator that demands more of its operands than "some floats" takes them from here: sizes that
fit each other, ranges in which it is defined, indices. A size that is the same in all calls may
still be left open in the model, and a parameter may be an input: then the compiler knows nothing
of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper

if TYPE_CHECKING:
    from random_generator import Generator, Size, Value

FLOAT = TensorProto.FLOAT
FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE)
SIGNED = (TensorProto.INT8, TensorProto.INT16, TensorProto.INT32, TensorProto.INT64)
UNSIGNED = (TensorProto.UINT8, TensorProto.UINT16, TensorProto.UINT32, TensorProto.UINT64)
WIDE = (TensorProto.INT32, TensorProto.INT64)  # What all operators on integers take.
BYTES = (TensorProto.INT8, TensorProto.UINT8)
MOVED = (*FLOATS, *SIGNED, *UNSIGNED, TensorProto.BOOL)  # What operators that move take.


class UnfitError(Exception):
    """The operator that was drawn does not fit the values that there are."""


def require(condition: bool) -> None:
    if not condition:
        raise UnfitError


def same(size: int | Size, calls: int) -> Size:
    return (size,) * calls if isinstance(size, int) else size


def size(g: Generator, low: int = 1, high: int = 6, empty: bool = True) -> Size:
    """A dimension: fixed, or of another size in each call; at times without elements."""
    if empty and g.chance(0.04):
        return (0,) * g.calls
    if g.chance(0.7):
        return (g.integer(low, high),) * g.calls
    return tuple(g.integer(low, high) for _ in range(g.calls))


def number(g: Generator, low: int = 1, high: int = 6) -> Size:
    """A dimension that is the same in all calls."""
    return (g.integer(low, high),) * g.calls


def draw(
    g: Generator, shape: Sequence[int], kind: int, low: float = -3, high: float = 3
) -> npt.NDArray[Any]:
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    if kind == TensorProto.BOOL:
        return np.asarray(g.random.integers(0, 2, shape)).astype(dtype)
    if kind in (*SIGNED, *UNSIGNED):
        low = max(low, 0) if kind in UNSIGNED else low
        return np.asarray(g.random.integers(int(low), int(high) + 1, shape)).astype(dtype)
    return np.asarray(g.random.uniform(low, high, shape)).astype(dtype)


def strange(g: Generator, value: Value) -> Value:
    """At times lets an input of floats have NaN, infinities, -0 and denormal numbers, too."""
    if value.name in g.ranges and value.kind in FLOATS and g.chance(0.2):
        g.strange.add(value.name)
    return value


def with_strange(g: Generator, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    least = np.finfo(array.dtype).smallest_subnormal
    values = np.array([np.nan, np.inf, -np.inf, -0.0, least, -3 * least], array.dtype)
    drawn = g.random.choice(values, array.shape)
    return np.where(g.random.random(array.shape) < 0.15, drawn, array)


def operand(
    g: Generator,
    dims: Sequence[int | Size],
    kind: int = FLOAT,
    low: float = -3,
    high: float = 3,
    constant: float = 0.25,
    said: Sequence[int] = (),
) -> Value:
    """A new input of numbers from `low` to `high`, or with that probability a constant.

    The model always says the sizes of the dimensions `said`.
    """
    sizes = [same(d, g.calls) for d in dims]
    if all(len(set(d)) == 1 for d in sizes) and g.chance(constant):
        array = draw(g, [d[0] for d in sizes], kind, low, high)
        return g.made(g.constant(array), sizes, kind)
    value = g.made(f"x{len(g.inputs)}", sizes, kind)
    g.ranges[value.name] = (low, high)
    names: list[str | int | None] = []
    for axis, d in enumerate(sizes):
        fixed = len(set(d)) == 1 and (axis in said or not g.open)
        names.append(d[0] if fixed else None)
    g.names[value.name] = names
    g.inputs.append(value)
    return value


def given(
    g: Generator, array: npt.NDArray[Any], constant: float = 0.7, open_length: bool = False
) -> str:
    """The name of these very numbers: a constant, or an input that has them in each call.

    Of most parameters the length says the rank of the result, so that the model has to say it.
    """
    if g.chance(constant):
        return g.constant(array)
    kind = helper.np_dtype_to_tensor_dtype(array.dtype)
    value = g.made(f"x{len(g.inputs)}", [(n,) * g.calls for n in array.shape], kind)
    g.fed[value.name] = array
    g.names[value.name] = [None] * array.ndim if g.open and open_length else list(array.shape)
    g.inputs.append(value)
    return value.name


def numbers(
    g: Generator, values: Sequence[int], constant: float = 0.7, open_length: bool = False
) -> str:
    return given(g, np.array(values, np.int64), constant, open_length)


def alone(
    g: Generator,
    op: str,
    operands: Sequence[str],
    kind: int = FLOAT,
    outputs: int = 1,
    wanted: Sequence[int] | None = None,
    **attributes: Any,
) -> Value:
    """A node whose results only leave the graph; `wanted` has the element types of several."""
    kinds = list(wanted) if wanted else [kind] * outputs
    names = [f"v{len(g.nodes)}" + (f"_{i}" if i else "") for i in range(len(kinds))]
    while operands and not operands[-1]:
        operands = operands[:-1]
    given_attributes = {k: v for k, v in attributes.items() if v is not None}
    g.nodes.append(helper.make_node(op, list(operands), names, **given_attributes))
    for name, of in zip(names, kinds, strict=True):
        g.ends.append((name, of))
    return g.made(names[0], None, kinds[0])
