# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a compiled model takes and gives: names, element types and shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lathe import dtypes
from lathe.dtypes import DType

if TYPE_CHECKING:
    from lathe._lathe import FunctionDescription, ValueDescription

_COMPUTED = -(2**63)

Dim = int | str | None
"""A size: fixed, free with the name that the model gives it, or free without a name."""

Kind = Literal["tensor", "sequence"]
_SEQUENCE, _OPTIONAL = 1, 2  # lathe_kind


@dataclass(frozen=True, slots=True)
class Value:
    """One input or output. Equal names in `shape` stand for equal sizes."""

    name: str
    dtype: DType
    shape: tuple[Dim, ...]
    kind: Kind = "tensor"
    """A sequence is a list of arrays, of which each has a shape of its own like `shape`."""
    optional: bool = False
    """Whether it may be None."""

    @property
    def type(self) -> str:
        """The type as in a signature: "f32[batch, 3]", with "?" for a size without a name.

        A sequence is "sequence(f32[?, 3])", and a value that may be absent "optional(f32[3])".
        """
        text = f"{self.dtype}[{', '.join('?' if d is None else str(d) for d in self.shape)}]"
        if self.kind == "sequence":
            text = f"sequence({text})"
        return f"optional({text})" if self.optional else text

    def __str__(self) -> str:
        """Return "name: type"."""
        return f"{self.name}: {self.type}"


@dataclass(frozen=True, slots=True)
class Signature:
    """The inputs and outputs of one function, in order."""

    name: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]

    def __str__(self) -> str:
        """Return "main(x: f32[batch, 3]) -> (y: f32[batch, 10])"."""
        inputs = ", ".join(map(str, self.inputs))
        outputs = ", ".join(map(str, self.outputs))
        return f"{self.name}({inputs}) -> ({outputs})"


def _value(description: ValueDescription, symbols: list[str]) -> Value:
    def dim(d: int) -> Dim:
        if d >= 0:
            return d
        if d == _COMPUTED:
            return None
        return symbols[~d] or None

    kind = description["kind"]
    return Value(
        description["name"],
        dtypes.BY_CODE[description["dtype"]],
        tuple(dim(d) for d in description["dims"]),
        "sequence" if kind == _SEQUENCE or description["of_sequence"] else "tensor",
        kind == _OPTIONAL,
    )


def from_description(function: FunctionDescription) -> Signature:
    """Return the signature of a function as the native module describes it."""
    symbols = function["symbols"]
    return Signature(
        function["name"],
        tuple(_value(v, symbols) for v in function["inputs"]),
        tuple(_value(v, symbols) for v in function["outputs"]),
    )
