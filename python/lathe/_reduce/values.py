# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Values of a model: arrays, lists of arrays (sequences), None (absent) and dicts (maps)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TypeProto, ValueInfoProto, helper, numpy_helper

from lathe._compare import Difference, compare
from lathe._inputs import Array

Value = Any
Type = TypeProto


def same_bits(a: Value, b: Value) -> bool:
    """Whether two values are the same, bit for bit."""
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(same_bits(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, Mapping):
        return list(a) == list(b) and all(same_bits(np.asarray(a[k]), np.asarray(b[k])) for k in a)
    if a is None or b is None:
        return a is b
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype.kind == "O":
        return np.array_equal(a, b)
    return bool(a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes())


def difference(actual: Value, reference: Value, *, atol: float, rtol: float) -> Difference:
    """Return how a value differs from its reference, where it does so most."""
    if isinstance(reference, (list, tuple)):
        if not isinstance(actual, (list, tuple)) or len(actual) != len(reference):
            count = len(actual) if isinstance(actual, (list, tuple)) else "no"
            return _other(f"it has {count} tensors, the reference {len(reference)}")
        parts = [
            difference(a, r, atol=atol, rtol=rtol) for a, r in zip(actual, reference, strict=True)
        ]
        return max(parts, key=lambda d: d.excess, default=Difference(0.0, 0.0))
    if isinstance(reference, Mapping):
        if not isinstance(actual, Mapping) or set(actual) != set(reference):
            return _other("the keys of the map are not those of the reference")
        keys = list(reference)
        return difference(
            np.asarray([actual[k] for k in keys]),
            np.asarray([reference[k] for k in keys]),
            atol=atol,
            rtol=rtol,
        )
    if actual is None or reference is None:
        same = actual is None and reference is None
        return Difference(0.0, 0.0) if same else _other("one of the two has no value")
    if isinstance(actual, (list, tuple, Mapping)):
        return _other("it is no tensor, but the reference is one")
    found, right = np.asarray(actual), np.asarray(reference)
    if found.dtype.kind == "O" or right.dtype.kind in "OUST":
        right = right.astype(object)
        return compare(found.astype(object), right, np.dtype(object), atol=atol, rtol=rtol)
    if found.dtype != right.dtype:
        # Some peers have bytes in the place of types that NumPy has not.
        is_view = found.dtype.kind == "V" and right.dtype.kind == "u"
        if not is_view or found.itemsize != right.itemsize:
            return _other(f"the element type is {found.dtype}, the reference has {right.dtype}")
        right = right.view(found.dtype)
    return compare(found, right, found.dtype, atol=atol, rtol=rtol)


def _other(problem: str) -> Difference:
    return Difference(np.inf, np.inf, problem=problem)


def is_finite(value: Any) -> bool:
    """Whether an element is a finite number."""
    try:
        return bool(np.isfinite(value))
    except TypeError:
        return True


def type_of(value: Value) -> Type | None:
    """Return the type of a value with its sizes; None where the value does not say it."""
    if isinstance(value, (list, tuple)):
        types = [type_of(v) for v in value]
        if not types or any(t is None or not t.HasField("tensor_type") for t in types):
            return None
        kinds = {t.tensor_type.elem_type for t in types if t is not None}
        if len(kinds) != 1:
            return None
        element = helper.make_tensor_type_proto(kinds.pop(), None)
        return helper.make_sequence_type_proto(element)
    if value is None or isinstance(value, Mapping):
        return None
    array = np.asarray(value)
    if array.dtype.kind in "OUST":
        return helper.make_tensor_type_proto(onnx.TensorProto.STRING, array.shape)
    try:
        kind = helper.np_dtype_to_tensor_dtype(array.dtype)
    except (KeyError, ValueError):
        return None
    return helper.make_tensor_type_proto(kind, array.shape)


def info(name: str, kind: Type) -> ValueInfoProto:
    """Return the entry of an input or output."""
    result = ValueInfoProto(name=name)
    result.type.CopyFrom(kind)
    return result


def is_tensor(value: Value) -> bool:
    """Whether a value is an array."""
    return not isinstance(value, (list, tuple, Mapping)) and value is not None


def to_initializer(name: str, array: Array) -> onnx.TensorProto:
    """Return the initializer that has the elements of an array."""
    return numpy_helper.from_array(np.ascontiguousarray(array), name)


def save_inputs(feed: Mapping[str, Value], stem: Path) -> list[str]:
    """Write the inputs beside `stem` as `.npy`; return the words of `--input` for each.

    A sequence is a file for each tensor, and an absent value none.
    """
    words: list[str] = []
    taken: set[str] = set()
    for name, value in feed.items():
        parts = value if isinstance(value, (list, tuple)) else [] if value is None else [value]
        for i, part in enumerate(parts):
            ending = f".{i}" if isinstance(value, (list, tuple)) else ""
            base = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in name)
            file = f"{stem.name}.{base[:80]}{ending}.npy"
            while file in taken:
                file = file.removesuffix(".npy") + "_.npy"
            taken.add(file)
            path = stem.with_name(file)
            array = np.asarray(part)
            np.save(path, array.astype(str) if array.dtype.kind == "O" else array)
            words.append(f"{name}={path}")
    return words


def describe(feed: Mapping[str, Value]) -> str:
    """Return the shapes of inputs, for a line of text."""
    parts: Sequence[str] = [
        "x".join(map(str, np.asarray(v).shape)) or "scalar"
        if is_tensor(v)
        else "none"
        if v is None
        else f"sequence of {len(v)}"
        for v in feed.values()
    ]
    return ", ".join(parts)
