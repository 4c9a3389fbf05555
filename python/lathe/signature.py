# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a compiled model takes and gives: names, element types and shapes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from lathe import dtypes
from lathe.dtypes import DType

if TYPE_CHECKING:
    from lathe._lathe import FunctionDescription, ValueDescription

_COMPUTED = -(2**63)
_UNBOUNDED = 2**63 - 1

Dim = int | str | None
"""A size: fixed, free with the name that the model gives it, or free without a name."""

Kind = Literal["tensor", "sequence", "map", "sequence of maps"]
_SEQUENCE, _OPTIONAL, _MAP = 1, 2, 3  # lathe_kind


@dataclass(frozen=True, slots=True)
class Value:
    """One input or output. Equal names in `shape` stand for equal sizes."""

    name: str
    dtype: DType
    shape: tuple[Dim, ...]
    kind: Kind = "tensor"
    """A sequence is a list of arrays, of which each has a shape of its own like `shape`; a map is a
    dict whose values have the type `dtype`."""
    optional: bool = False
    """Whether it may be None."""
    any_rank: bool = False
    """Whether the arrays of a sequence may have any rank; `shape` is empty then."""
    key_dtype: DType | None = None
    """The type of the keys of a map; None for other kinds."""
    donor: str | None = None
    """Of an output, the input whose memory a call may have for it; None for none."""

    @property
    def type(self) -> str:
        """The type as in a signature: "f32[batch, 3]", with "?" for a size without a name.

        A sequence is "sequence(f32[?, 3])", "sequence(f32[...])" if its arrays may have any rank,
        a map "map(i64, f32)", and a value that may be absent "optional(f32[3])".
        """
        if self.key_dtype is not None:
            text = f"map({self.key_dtype}, {self.dtype})"
            return text if self.kind == "map" else f"sequence({text})"
        dims = (
            "..." if self.any_rank else ", ".join("?" if d is None else str(d) for d in self.shape)
        )
        text = f"{self.dtype}[{dims}]"
        if self.kind == "sequence":
            text = f"sequence({text})"
        return f"optional({text})" if self.optional else text

    def __str__(self) -> str:
        """Return "name: type"."""
        return f"{self.name}: {self.type}"


class SizeRange(NamedTuple):
    """The sizes that a free dim can have: the multiples of `divisor` from `least` to `most`."""

    least: int
    most: int | None
    """None where there is no bound."""
    divisor: int


@dataclass(frozen=True, slots=True)
class Signature:
    """The inputs and outputs of one function, in order."""

    name: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    ranges: dict[str, SizeRange] = field(default_factory=dict)
    """Of the free dims that the model was not compiled for any sizes of, by their names."""

    def __str__(self) -> str:
        """Return "main(x: f32[batch, 3]) -> (y: f32[batch, 10])"."""
        inputs = ", ".join(map(str, self.inputs))
        outputs = ", ".join(map(str, self.outputs))
        return f"{self.name}({inputs}) -> ({outputs})"


def _value(
    description: ValueDescription, symbols: list[str], inputs: list[ValueDescription]
) -> Value:
    def dim(d: int) -> Dim:
        if d >= 0:
            return d
        if d == _COMPUTED:
            return None
        return symbols[~d] or None

    code = description["kind"]
    of_sequence = description["of_sequence"]
    kind: Kind = "sequence" if code == _SEQUENCE or of_sequence else "tensor"
    if code == _MAP:
        kind = "sequence of maps" if of_sequence else "map"
    return Value(
        description["name"],
        dtypes.BY_CODE[description["dtype"]],
        () if code == _MAP else tuple(dim(d) for d in description["dims"]),
        kind,
        code == _OPTIONAL,
        description["any_rank"],
        dtypes.BY_CODE[description["key_dtype"]] if code == _MAP else None,
        inputs[description["alias"]]["name"] if description["alias"] >= 0 else None,
    )


def from_description(function: FunctionDescription) -> Signature:
    """Return the signature of a function as the native module describes it."""
    symbols = function["symbols"]
    return Signature(
        function["name"],
        tuple(_value(v, symbols, []) for v in function["inputs"]),
        tuple(_value(v, symbols, function["inputs"]) for v in function["outputs"]),
        {
            name: SizeRange(least, None if most == _UNBOUNDED else most, divisor)
            for name, (least, most, divisor) in zip(symbols, function["ranges"], strict=False)
            if (least, most, divisor) != (0, _UNBOUNDED, 1)
        },
    )
