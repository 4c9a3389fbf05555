# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What Python needs of an ONNX file without parsing it: metadata, and the files it refers to.

Reads the wire format of protobuf at the few places it needs and skips the rest, so that a file of
a gigabyte costs no copy and this package needs neither protobuf nor onnx.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import overload

from lathe.signature import Dim


class FileView:
    """A part of a file, whose bytes are read when they are asked for.

    A mapping would end the process where another one makes the file shorter; here that is an
    OSError.
    """

    _BLOCK = 1 << 16

    def __init__(self, descriptor: int, begin: int, end: int) -> None:
        """`descriptor` stays open for as long as the view, and those of its parts, are used."""
        self._descriptor, self._begin, self._end = descriptor, begin, end
        self._at, self._block = begin, b""

    def __len__(self) -> int:
        return self._end - self._begin

    def __bytes__(self) -> bytes:
        return self._read(self._begin, len(self))

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> FileView: ...
    def __getitem__(self, index: int | slice) -> int | FileView:
        if isinstance(index, slice):
            begin, end, _ = index.indices(len(self))
            return FileView(self._descriptor, self._begin + begin, self._begin + max(begin, end))
        if not 0 <= index < len(self):
            raise IndexError(index)
        at = self._begin + index - self._at
        if not 0 <= at < len(self._block):
            self._at, at = self._begin + index, 0
            self._block = self._read(self._at, min(self._BLOCK, self._end - self._at))
        return self._block[at]

    def find(self, what: bytes, begin: int = 0) -> int:
        """Return where `what` first is, counted from the start of the view, or -1."""
        at = self._begin + begin
        while at + len(what) <= self._end:
            block = self._read(at, min(1 << 24, self._end - at))
            found = block.find(what)
            if found >= 0:
                return at + found - self._begin
            at += len(block) - len(what) + 1
        return -1

    def _read(self, at: int, size: int) -> bytes:
        parts = []
        while size:
            part = os.pread(self._descriptor, min(size, 1 << 30), at)
            if not part:
                raise OSError(errno.EIO, "the file was made shorter while it was read")
            parts.append(part)
            at, size = at + len(part), size - len(part)
        return b"".join(parts)


Part = memoryview | FileView
Buffer = bytes | Part

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

# A StringStringEntryProto {key: "location"}: how every reference to external data begins.
_LOCATION_KEY = b"\x0a\x08location"
_VALUE_TAG = 0x12


class NotOnnxError(ValueError):
    """The bytes are not a protobuf, or end in the middle of one."""


@dataclass(slots=True)
class ModelInfo:
    """What a ModelProto says about itself, and the shapes it declares for inputs and outputs."""

    producer_name: str = ""
    producer_version: str = ""
    domain: str = ""
    version: int = 0
    description: str = ""
    graph_name: str = ""
    graph_description: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    shapes: dict[str, tuple[Dim, ...]] = field(default_factory=dict)
    types: dict[str, int] = field(default_factory=dict)  # Of tensors: TensorProto.DataType.
    inputs: list[str] = field(default_factory=list)  # Those with a rank.
    outputs: list[str] = field(default_factory=list)
    unranked: list[str] = field(default_factory=list)  # Inputs that are tensors without a rank.
    initializers: set[str] = field(default_factory=set)

    @property
    def overridable(self) -> list[str]:
        """The inputs of the graph that have a value where the caller gives none."""
        return [name for name in self.inputs if name in self.initializers]


def _varint(data: Buffer, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise NotOnnxError("a number runs past the end")


def _fields(data: Buffer) -> Iterator[tuple[int, int | Part]]:
    """Yield number and value of each field; numbers of fixed size are skipped."""
    view: Part = data if isinstance(data, FileView) else memoryview(data)
    at = 0
    while at < len(view):
        tag, at = _varint(view, at)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise NotOnnxError("a field has the number 0")
        if kind == _VARINT:
            value, at = _varint(view, at)
            yield number, value
        elif kind == _BYTES:
            size, at = _varint(view, at)
            if at + size > len(view):
                raise NotOnnxError("a field runs past the end")
            yield number, view[at : at + size]
            at += size
        elif kind in (_FIXED64, _FIXED32):
            at += 8 if kind == _FIXED64 else 4
        else:
            raise NotOnnxError(f"a field has the unknown wire type {kind}")


def _text(value: int | Part) -> str:
    return bytes(value).decode("utf-8", "replace") if not isinstance(value, int) else ""


def _messages(data: int | Part, number: int) -> Iterator[Part]:
    if not isinstance(data, int):
        for n, value in _fields(data):
            if n == number and not isinstance(value, int):
                yield value


def _entry(data: Part) -> tuple[str, str]:
    texts = {number: _text(value) for number, value in _fields(data)}
    return texts.get(1, ""), texts.get(2, "")


def _shape_of(value_info: Part) -> tuple[str, tuple[Dim, ...]] | None:
    """Return name and declared shape of a ValueInfoProto; None if it is no tensor with a rank."""
    name = ""
    shape: tuple[Dim, ...] | None = None
    for number, value in _fields(value_info):
        if number == 1:
            name = _text(value)
        elif number == 2:  # TypeProto.tensor_type.shape.dim
            for tensor in _messages(value, 1):
                for dims in _messages(tensor, 2):
                    shape = tuple(_dim(d) for d in _messages(dims, 1))
    return None if shape is None else (name, shape)


def _type_of(value_info: Part) -> int:
    """Return the element type of a ValueInfoProto; 0 if it is no tensor."""
    for kind in _messages(value_info, 2):
        for tensor in _messages(kind, 1):
            for number, value in _fields(tensor):
                if number == 1 and isinstance(value, int):
                    return value
    return 0


def _dim(data: Part) -> Dim:
    for number, value in _fields(data):
        if number == 1 and isinstance(value, int):
            return None if value >> 63 else value  # Some exporters write -1 for a free size.
        if number == 2:
            return _text(value) or None
    return None


def read_info(data: Buffer) -> ModelInfo:
    """Return what describes the ModelProto in `data`. Raises NotOnnxError if it is none."""
    info = ModelInfo()
    for number, value in _fields(data):
        if number == 2:
            info.producer_name = _text(value)
        elif number == 3:
            info.producer_version = _text(value)
        elif number == 4:
            info.domain = _text(value)
        elif number == 5 and isinstance(value, int):
            info.version = value - (1 << 64) if value >> 63 else value
        elif number == 6:
            info.description = _text(value)
        elif number == 14 and not isinstance(value, int):
            key, text = _entry(value)
            info.metadata[key] = text
        elif number == 7 and not isinstance(value, int):
            _read_graph(value, info)
    return info


def _read_graph(graph: Part, info: ModelInfo) -> None:
    for number, value in _fields(graph):
        if number == 2:
            info.graph_name = _text(value)
        elif number == 10:
            info.graph_description = _text(value)
        elif number == 5 and not isinstance(value, int):
            info.initializers.add(_name_of(value))
        elif number in (11, 12) and not isinstance(value, int):
            _read_value(value, number == 11, info)


def _read_value(value: Part, is_input: bool, info: ModelInfo) -> None:
    name = next((_text(text) for number, text in _fields(value) if number == 1), "")
    shape, dtype = _shape_of(value), _type_of(value)
    if dtype:
        info.types[name] = dtype
    if shape:
        info.shapes[name] = shape[1]
    if not is_input:
        info.outputs.append(name)
    elif shape:
        info.inputs.append(name)
    elif dtype:
        info.unranked.append(name)


def _name_of(tensor: Part) -> str:
    """Return the name of a TensorProto."""
    return next((_text(value) for number, value in _fields(tensor) if number == 8), "")


def input_ranks(data: Buffer) -> dict[str, int | None]:
    """Return the rank of each input that has no initializer; None where there is none.

    Raises NotOnnxError if `data` is no ModelProto. Inputs that are no tensors count as scalars.
    """
    ranks: dict[str, int | None] = {}
    initializers: set[str] = set()
    for graph in _messages(data if isinstance(data, FileView) else memoryview(data), 7):
        for number, value in _fields(graph):
            if number == 5 and not isinstance(value, int):
                initializers.add(_name_of(value))
            if number == 11 and not isinstance(value, int):
                name = next((_text(v) for n, v in _fields(value) if n == 1), "")
                shape = _shape_of(value)
                ranks[name] = len(shape[1]) if shape else None if _type_of(value) else 0
    return {name: rank for name, rank in ranks.items() if name not in initializers}


def external_locations(data: bytes | FileView) -> set[str] | None:
    """Return the names of all files that tensors in `data` say they are in.

    They are found by the bytes that begin such a reference, wherever the tensor stands, so some of
    the names may be weights that look like one; the caller must bear names of files that do not
    exist. Returns None if a reference is written in an order that no known writer uses, so
    that the names are not certain.
    """
    names: set[str] = set()
    at = data.find(_LOCATION_KEY, 0)
    while at >= 0:
        at += len(_LOCATION_KEY)
        if at >= len(data) or data[at] != _VALUE_TAG:
            return None
        try:
            size, begin = _varint(data, at + 1)
        except NotOnnxError:
            return None
        names.add(bytes(data[begin : begin + min(size, 4096)]).decode("utf-8", "surrogateescape"))
        at = data.find(_LOCATION_KEY, at)
    return names
