# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles graph ops through the whole compiler and compares what they compute with an oracle."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import lathe
import ml_dtypes
import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
from onnx import helper

Array = npt.NDArray[Any]

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
ELEMENTS = {
    np.dtype(np.float32): "f32",
    np.dtype(np.float64): "f64",
    np.dtype(np.float16): "f16",
    BFLOAT16: "bf16",
    np.dtype(np.bool_): "i1",
    **{np.dtype(f"i{n}"): f"i{8 * n}" for n in (1, 2, 4, 8)},
    **{np.dtype(f"u{n}"): f"ui{8 * n}" for n in (1, 2, 4, 8)},
}

# Both ways to compile a case: sizes known at compile time, or read at run time.
either_way = pytest.mark.parametrize("free", [False, True], ids=["static", "free"])


@dataclass
class Case:
    """An op on `operands`; in `text`, {a} is the type of %a and {y} that of the result %y."""

    text: str
    operands: dict[str, Array]
    expected: Array
    rtol: float = 1e-5
    atol: float = 1e-6
    fixed: frozenset[str] = frozenset()  # Operands whose sizes are known in any case.
    free: bool = True  # Whether sizes may be left open at all.


@dataclass
class Symbols:
    """One symbol for each size, so that equal sizes are known to be equal."""

    positions: dict[int, int] = field(default_factory=dict)

    def type_of(self, array: Array, sizes: set[int]) -> str:
        """The graph type of `array`; those of its dimensions that are in `sizes` are free."""
        element = ELEMENTS[array.dtype]
        if not sizes.intersection(array.shape):
            return f"tensor<{''.join(f'{d}x' for d in array.shape)}{element}>"
        dims, shape, last = [], "", 0
        for size in array.shape:
            if size in sizes:
                position = self.positions.setdefault(size, len(self.positions))
                dims.append(f"s{position}")
                shape += "?x"
                last = max(last, position)
            else:
                dims.append(str(size))
                shape += f"{size}x"
        symbols = ", ".join(f"s{position}" for position in range(last + 1))
        return f"tensor<{shape}{element}, #graph.dims<()[{symbols}] -> ({', '.join(dims)})>>"


def module_of(cases: Sequence[Case], free: bool) -> str:
    """One function that computes every case from operands of its own."""
    symbols = Symbols()
    arguments, results, body, types = [], [], "", []
    for number, case in enumerate(cases):

        def local(match: re.Match[str], number: int = number) -> str:
            return f"%c{number}_{match[1]}"

        known: dict[str, str] = {}
        sizes: set[int] = set()
        for name, array in case.operands.items():
            mine: set[int] = set()
            if free and case.free and name not in case.fixed:
                mine = {size for size in array.shape if size > 1}
            known[name] = symbols.type_of(array, mine)
            sizes |= mine
            arguments.append(
                f'%c{number}_{name}: {known[name]} {{graph.name = "c{number}_{name}"}}'
            )
        known["y"] = symbols.type_of(case.expected, sizes)
        body += "  " + re.sub(r"%([a-z]\w*)", local, case.text.format(**known)) + "\n"
        results.append(f"%c{number}_y")
        types.append(known["y"])
    declared = ", ".join(f'#graph.symbol<"size{size}">' for size in symbols.positions)
    return (
        f"func.func @main({', '.join(arguments)}) -> ({', '.join(types)})\n"
        f"    attributes {{graph.symbols = [{declared}]}} {{\n"
        f"{body}  return {', '.join(results)} : {', '.join(types)}\n}}\n"
    )


def compute(cases: Sequence[Case], free: bool) -> list[Array]:
    """What compiled code makes of the cases."""
    model = lathe.compile(module_of(cases, free).encode(), cache=False)
    operands = [array for case in cases for array in case.operands.values()]
    return list(model(*operands))


def difference(case: Case, found: Array) -> str:
    """What is wrong with `found`, or ""."""
    if found.shape != case.expected.shape or found.dtype != case.expected.dtype:
        return f"{found.dtype}{found.shape} instead of {case.expected.dtype}{case.expected.shape}"
    if found.dtype.kind == "f" or found.dtype == BFLOAT16:
        a, b = found.astype(np.float64), case.expected.astype(np.float64)
        wrong = ~np.isclose(a, b, rtol=case.rtol, atol=case.atol, equal_nan=True)
    else:
        a, b = found, case.expected
        wrong = a != b
    if not wrong.any():
        return ""
    first = np.argwhere(wrong)[0]
    place = tuple(int(i) for i in first)
    return f"{wrong.sum()} of {wrong.size} differ, first {place}: {a[place]}, not {b[place]}"


def check(cases: Sequence[Case], free: bool) -> None:
    """Fails with a line for each case that is wrong."""
    wrong = []
    for case, found in zip(cases, compute(cases, free), strict=True):
        if reason := difference(case, found):
            wrong.append(f"{case.text}\n    {reason}")
    assert not wrong, "\n" + "\n".join(wrong)


def onnx_result(
    op: str, inputs: Sequence[Array | None], opset: int = 20, **attributes: Any
) -> Array:
    """What ONNX Runtime computes for one operator; None stands for an absent input."""
    names = [f"i{k}" if array is not None else "" for k, array in enumerate(inputs)]
    given = {n: array for n, array in zip(names, inputs, strict=True) if array is not None}
    graph = helper.make_graph(
        [helper.make_node(op, names, ["y"], **attributes)],
        "oracle",
        [
            helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
            for n, a in given.items()
        ],
        [helper.make_empty_tensor_value_info("y")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    session = onnxruntime.InferenceSession(
        onnx.shape_inference.infer_shapes(model).SerializeToString()
    )
    return np.asarray(session.run(None, given)[0])


class Random:
    """Operands, the same in every run."""

    def __init__(self, seed: int = 0) -> None:
        """Start from `seed`."""
        self.generator = np.random.default_rng(seed)

    def floats(self, *shape: int, dtype: npt.DTypeLike = np.float32) -> Array:
        """Normally distributed numbers."""
        return self.generator.standard_normal(shape).astype(dtype)

    def integers(self, low: int, high: int, shape: Sequence[int], dtype: npt.DTypeLike) -> Array:
        """Whole numbers in [low, high)."""
        return self.generator.integers(low, high, shape).astype(dtype)


def by_rows(function: Callable[[Array], Array], x: Array) -> Array:
    """`function` computed in double precision, in the element type of `x`."""
    return np.asarray(function(x.astype(np.float64))).astype(x.dtype)


def listed(values: Sequence[int | float]) -> str:
    """`values` as an array attribute."""
    return f"[{', '.join(map(str, values))}]"
