#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Measure how far the functions that Lathe approximates are from the exact result, in ULP.

    tools/dev/measure_accuracy.py                 # every 257th float32, some minutes
    tools/dev/measure_accuracy.py --step 1 --only Exp,Log   # all 2^32 of them

Each function is compiled as a model of one node and called with float32 numbers of all signs and
sizes, denormal ones too, and with infinities and NaN. The result is compared with one in float64,
whose own error is 2^-29 of what is measured. An ULP is the distance of the two float32 numbers
around the exact result, at least 2^-149. Prints the table of docs/numerics.md. Needs: lathe, onnx.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import pathlib
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

F32 = np.float32
F64 = np.float64
Array = npt.NDArray[Any]
CHUNK = 1 << 22
PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "numerics.md"
PATTERN = r"^\| ([A-Z][\w, ]*) \| ([\d.]+) \|"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"

_erf = np.frompyfunc(math.erf, 1, 1)
_erfc = np.frompyfunc(math.erfc, 1, 1)


def erf(x: Array) -> Array:
    return np.asarray(_erf(x), F64)


def gelu(x: Array) -> Array:
    # erfc keeps its digits where 1 + erf has none left.
    return 0.5 * x * np.asarray(_erfc(-x / math.sqrt(2)), F64)


def gelu_tanh(x: Array) -> Array:
    # 0.5 (1 + tanh(z)) is 1 / (1 + exp(-2 z)).
    z = math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)
    return np.asarray(x / (1 + np.exp(-2 * z)), F64)


def softplus(x: Array) -> Array:
    return np.asarray(np.where(x > 0, x, 0) + np.log1p(np.exp(-np.abs(x))), F64)


def elu(x: Array) -> Array:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def mish(x: Array) -> Array:
    return x * np.tanh(softplus(x))


@dataclasses.dataclass(frozen=True)
class Function:
    op: str
    exact: Callable[..., Array]
    attributes: dict[str, Any] = dataclasses.field(default_factory=dict)
    operands: int = 1
    label: str = ""

    @property
    def name(self) -> str:
        return self.label or self.op


FUNCTIONS = (
    Function("Exp", np.exp),
    Function("Log", np.log),
    Function("Sqrt", np.sqrt),
    Function("Reciprocal", np.reciprocal),
    Function("Sin", np.sin),
    Function("Cos", np.cos),
    Function("Tan", np.tan),
    Function("Asin", np.arcsin),
    Function("Acos", np.arccos),
    Function("Atan", np.arctan),
    Function("Sinh", np.sinh),
    Function("Cosh", np.cosh),
    Function("Tanh", np.tanh),
    Function("Asinh", np.arcsinh),
    Function("Acosh", np.arccosh),
    Function("Atanh", np.arctanh),
    Function("Erf", erf),
    Function("Sigmoid", lambda x: 1 / (1 + np.exp(-x))),
    Function("Softplus", softplus),
    Function("Softsign", lambda x: x / (1 + np.abs(x))),
    Function("Elu", elu),
    Function("Mish", mish),
    Function("Gelu", gelu),
    Function("Gelu", gelu_tanh, {"approximate": "tanh"}, label="Gelu, tanh"),
    Function("Pow", np.power, operands=2),
)


def build(function: Function) -> Any:
    """Return the compiled model of one node."""
    import lathe
    from onnx import TensorProto, helper

    names = ["x", "y"][: function.operands]
    node = helper.make_node(function.op, names, ["z"], **function.attributes)
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n"]) for n in names],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["n"])],
    )
    opsets = [helper.make_opsetid("", 20)]
    return lathe.compile(helper.make_model(graph, opset_imports=opsets, ir_version=9), cache=False)


def arguments(function: Function, step: int) -> Iterator[list[Array]]:
    """Yield what the function is called with: every `step`-th float32, or random pairs."""
    if function.operands == 2:
        random = np.random.default_rng(1)
        for _ in range(0, 1 << 32, step * CHUNK):
            count = min(CHUNK, (1 << 32) // step)
            x = np.exp2(random.uniform(-40, 40, count)).astype(F32)
            # Exponents for which the result is neither 0 nor infinite.
            limit = np.minimum(126 / np.maximum(np.abs(np.log2(x)), 1e-3), 1e3)
            yield [x, (random.uniform(-1, 1, count) * limit).astype(F32)]
        return
    for begin in range(0, 1 << 32, step * CHUNK):
        end = min(begin + step * CHUNK, 1 << 32)
        yield [np.arange(begin, end, step, dtype=np.uint64).astype(np.uint32).view(F32)]
    ends = [0, 1 << 31, 0x7F800000, 0xFF800000, 0x7FC00000, 0x7F7FFFFF, 0xFF7FFFFF, 1]
    yield [np.array(ends, np.uint32).view(F32)]


@dataclasses.dataclass
class Worst:
    ulp: float = 0.0
    small: float = 0.0  # Absolute, of exact results from -1 to 1.
    at: tuple[float, ...] = ()
    found: float = 0.0
    count: int = 0
    # Results that are infinite or no number where the exact one is not, or the other way round.
    odd: int = 0
    odd_at: tuple[float, ...] = ()


def compare(found: Array, exact: Array, operands: list[Array], worst: Worst) -> None:
    """Take the results of one call into `worst`."""
    rounded = exact.astype(F32)
    finite = np.isfinite(rounded) & np.isfinite(found)
    # Where the exact result is beyond the last float32 by less than half an ULP, both are right.
    same = (found == rounded) | (np.isnan(found) & np.isnan(rounded))
    # A result next to the largest number may have become infinite, and the other way round.
    border = np.isfinite(exact) & (np.abs(exact) > float(np.finfo(F32).max) * (1 - 2.0**-20))
    odd = ~finite & ~same & ~border
    worst.count += found.size
    if odd.any():
        worst.odd += int(odd.sum())
        worst.odd_at = tuple(float(x[odd][0]) for x in operands)
    difference = np.abs(found.astype(F64) - exact)
    small = np.where(finite & (np.abs(exact) <= 1), difference, 0)
    worst.small = max(worst.small, float(small.max(initial=0)))
    distance = np.maximum(np.spacing(np.abs(rounded).astype(F32)).astype(F64), 2.0**-149)
    error = np.where(finite & ~same, difference / distance, 0)
    if error.size and (at := int(error.argmax())) >= 0 and error[at] > worst.ulp:
        worst.ulp = float(error[at])
        worst.at = tuple(float(x[at]) for x in operands)
        worst.found = float(found[at])


def measure(function: Function, step: int) -> Worst:
    model, worst = build(function), Worst()
    with np.errstate(all="ignore"):
        for operands in arguments(function, step):
            (found,) = model(*operands)
            compare(found, function.exact(*(x.astype(F64) for x in operands)), operands, worst)
    return worst


def row(function: Function, worst: Worst) -> str:
    at = ", ".join(f"{x:.9g}" for x in worst.at)
    odd = f"; {worst.odd} not finite, first at {worst.odd_at}" if worst.odd else ""
    return f"| {function.name} | {worst.ulp:.2f} | {at} | {worst.small:.1e}{odd} |"


def table(step: int, rows: list[str]) -> str:
    head = [f"Of every {step}th float32:" if step > 1 else "Of all float32:", ""]
    head += ["| function | worst error in ULP | at | worst error of results from -1 to 1 |"]
    head += ["|---|---|---|---|"]
    return "\n".join([*head, *rows])


def documented() -> dict[str, float]:
    """Return what the page says, by function."""
    table = PAGE.read_text().partition(BEGIN)[2].partition(END)[0]
    return {name: float(ulp) for name, ulp in re.findall(PATTERN, table, re.M)}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--step", type=int, default=257, help="take every so-manieth float32 (257)")
    parser.add_argument("--only", default="", help="names of functions, with commas between them")
    parser.add_argument("--write", action="store_true", help="put the table into docs/numerics.md")
    chosen = parser.parse_args()
    wanted = [f for f in FUNCTIONS if not chosen.only or f.op in chosen.only.split(",")]
    rows = []
    for function in wanted:
        rows.append(row(function, measure(function, chosen.step)))
        print(rows[-1], flush=True)
    if chosen.write:
        text = PAGE.read_text()
        before, rest = text.split(BEGIN)
        after = rest.split(END)[1]
        PAGE.write_text(before + BEGIN + "\n" + table(chosen.step, rows) + "\n" + END + after)
    return 0


if __name__ == "__main__":
    sys.exit(main())
