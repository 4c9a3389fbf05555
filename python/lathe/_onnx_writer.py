# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes small ONNX models in the wire format of protobuf, so that no package is needed for it."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from lathe import dtypes
from lathe._inputs import Array

Attribute = int | float | str | Sequence[int]

_IR_VERSION = 10
_VENDOR = "com.microsoft"


@dataclass(frozen=True)
class Node:
    """A node: an operator of ONNX, or of Microsoft's if `vendor`, and the names of its values."""

    op: str
    inputs: Sequence[str]
    outputs: Sequence[str]
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    vendor: bool = False


@dataclass(frozen=True)
class Tensor:
    """Name, element type (as NumPy calls it) and shape of a value."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bytes of its elements."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


def write_model(
    nodes: Sequence[Node],
    inputs: Sequence[Tensor],
    outputs: Sequence[Tensor],
    constants: Mapping[str, Array],
    opset: int,
) -> bytes:
    """Return the bytes of a model whose nodes are in an order in which they can run."""
    graph = b"".join(
        [
            *(_message(1, _node(node, f"{node.op}_{i}")) for i, node in enumerate(nodes)),
            _text(2, "graph"),
            *(_message(5, _constant(name, array)) for name, array in constants.items()),
            *(_message(11, _value(tensor)) for tensor in inputs),
            *(_message(12, _value(tensor)) for tensor in outputs),
        ]
    )
    versions = [("", opset)]
    if any(node.vendor for node in nodes):
        versions.append((_VENDOR, 1))
    sets = (_message(8, _text(1, domain) + _int(2, number)) for domain, number in versions)
    return _int(1, _IR_VERSION) + _text(2, "lathe") + _message(7, graph) + b"".join(sets)


def _node(node: Node, name: str) -> bytes:
    parts = [_text(1, value) for value in node.inputs]
    parts += [_text(2, value) for value in node.outputs]
    parts += [_text(3, name), _text(4, node.op)]
    parts += [_message(5, _attribute(key, value)) for key, value in node.attributes.items()]
    if node.vendor:
        parts.append(_text(7, _VENDOR))
    return b"".join(parts)


def _attribute(name: str, value: Attribute) -> bytes:
    if isinstance(value, str):
        return _text(1, name) + _text(4, value) + _int(20, 3)
    if isinstance(value, float):
        return _text(1, name) + _key(2, 5) + struct.pack("<f", value) + _int(20, 1)
    if isinstance(value, int):
        return _text(1, name) + _int(3, value) + _int(20, 2)
    return _text(1, name) + _ints(8, value) + _int(20, 7)


def _constant(name: str, array: Array) -> bytes:
    number = dtypes.BY_NUMPY[array.dtype].number
    raw = np.ascontiguousarray(array).tobytes()
    return _ints(1, array.shape) + _int(2, number) + _text(8, name) + _message(9, raw)


def _value(tensor: Tensor) -> bytes:
    shape = b"".join(_message(1, _int(1, size)) for size in tensor.shape)
    number = dtypes.BY_NUMPY[np.dtype(tensor.dtype)].number
    kind = _message(1, _int(1, number) + _message(2, shape))
    return _text(1, tensor.name) + _message(2, kind)


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _key(number: int, wire: int) -> bytes:
    return _varint(number << 3 | wire)


def _int(number: int, value: int) -> bytes:
    return _key(number, 0) + _varint(value)


def _ints(number: int, values: Iterable[int]) -> bytes:
    return b"".join(_int(number, value) for value in values)


def _message(number: int, data: bytes) -> bytes:
    return _key(number, 2) + _varint(len(data)) + data


def _text(number: int, text: str) -> bytes:
    return _message(number, text.encode())
