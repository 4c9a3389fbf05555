# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The slow path of a call: arrays that the native module cannot borrow or make as they are."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lathe import dtypes
from lathe.errors import runtime_error

Borrowable = tuple[npt.NDArray[np.generic], int, tuple[int, ...], object]


def to_borrowable(value: Any, name: str, dtype_code: int) -> Borrowable:
    """Return an array that the native module can borrow, its lathe_dtype, shape, and an owner.

    Arrays of any layout and byte order are copied to contiguous, aligned, native ones; types of
    ml_dtypes, which have no buffer format, are seen as unsigned integers, those of less than a byte
    are packed, and strings become their addresses in memory that the owner holds. Lists and scalars
    of Python have no element type of their own and get that of the input, or NumPy's where
    `dtype_code` is 0. No element of an array changes its type.
    """
    if isinstance(value, (bool, int, float, complex, str, bytes, list, tuple)):
        array = _from_python(value, name, dtype_code)
    elif isinstance(value, (np.ndarray, np.generic)) or hasattr(value, "__array__"):
        array = np.asarray(value)
    elif hasattr(value, "__dlpack__"):
        array = _from_dlpack(value, name)
    else:
        raise runtime_error(
            "call-input-type",
            f'input "{name}": {type(value).__name__} is not an array; pass a NumPy array, '
            "an object with __dlpack__ on the CPU, or a list of numbers",
        )
    native = array.dtype.newbyteorder("=")
    dtype = dtypes.STRING if native.kind in "UST" else dtypes.BY_NUMPY.get(native)
    if dtype is None:
        raise runtime_error(
            "call-input-dtype",
            f'input "{name}": arrays of {array.dtype} are not supported; '
            + (
                f"the model takes {dtypes.BY_CODE[dtype_code].numpy}"
                if dtype_code
                else "convert it first"
            ),
        )
    if not (array.flags.c_contiguous and array.flags.aligned and array.dtype.isnative):
        array = np.array(array, dtype=native, order="C", copy=True)
    shape = array.shape
    if dtype is dtypes.STRING:
        addresses, owner = _to_strings(array, name)
        return addresses, dtype.code, shape, owner
    if dtype.is_packed:
        return pack(array), dtype.code, shape, None
    if dtype.is_view:
        array = array.view(f"u{dtype.bits // 8}")
    return array, dtype.code, shape, None


def _to_strings(array: npt.NDArray[Any], name: str) -> tuple[npt.NDArray[np.uint64], object]:
    """Return the addresses of the elements' text, and what keeps it in memory."""
    texts: list[bytes] = []
    for element in array.ravel():
        if not isinstance(element, (str, bytes)):
            raise runtime_error(
                "call-input-type",
                f'input "{name}": an element of the array is of type {type(element).__name__}, '
                "but the model takes strings; pass str or bytes in UTF-8",
            )
        text = element.encode() if isinstance(element, str) else bytes(element)
        if b"\0" in text:
            raise runtime_error(
                "call-string-zero",
                f'input "{name}": element {len(texts)} has a zero within its text, where it would '
                "end; remove it",
            )
        texts.append(text)
    sizes = np.array([len(t) + 1 for t in texts], np.uint64)
    memory = np.frombuffer(b"\0".join(texts) + b"\0", np.uint8)
    offsets = np.concatenate([np.zeros(1, np.uint64), np.cumsum(sizes, dtype=np.uint64)[:-1]])
    return np.uint64(memory.ctypes.data) + offsets[: len(texts)], memory


def from_strings(texts: list[str], shape: list[int]) -> npt.NDArray[Any]:
    """Return an array of objects."""
    array = np.empty(len(texts), object)
    array[:] = texts
    return array.reshape(shape)


def split_map(
    value: Any, name: str, key_code: int, value_code: int
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return the keys of a dict in rising order, and their values."""
    if not isinstance(value, Mapping):
        raise runtime_error(
            "call-input-type", f'input "{name}": {type(value).__name__} is no map; pass a dict'
        )
    is_text = dtypes.BY_CODE[key_code] is dtypes.STRING
    if wrong := [key for key in value if isinstance(key, str) != is_text]:
        raise runtime_error(
            "call-input-type",
            f'input "{name}": the key {wrong[0]!r} is no {dtypes.BY_CODE[key_code]}; '
            "all keys have one type",
        )
    keys = sorted(value, key=str.encode) if is_text else sorted(value)
    values = [value[key] for key in keys]
    return _vector(keys, name, key_code), _vector(values, name, value_code)


def _vector(items: list[Any], name: str, code: int) -> npt.NDArray[Any]:
    if dtypes.BY_CODE[code] is dtypes.STRING:
        return from_strings(items, [len(items)])
    return _from_python(items, name, code).reshape(len(items))


def join_maps(parts: list[npt.NDArray[Any]], is_many: bool) -> Any:
    """Return a dict of keys and values, or for each vector of values one with the same keys."""
    keys = parts[0].tolist()
    maps = [dict(zip(keys, values.tolist(), strict=True)) for values in parts[1:]]
    return maps if is_many else maps[0]


def as_declared(array: npt.NDArray[Any], code: int) -> npt.NDArray[Any]:
    """Return the array with the elements of the type `code`, where NumPy has none of its own."""
    dtype = dtypes.BY_CODE[code]
    return array.view(dtype.numpy) if dtype.is_view else array


def pack(array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Return the elements of a type of less than a byte as the ABI packs them."""
    dtype = dtypes.BY_NUMPY[array.dtype]
    flat = np.ascontiguousarray(array).ravel()
    is_integer = "int" in dtype.numpy.name
    codes = flat.astype(np.int8).view(np.uint8) if is_integer else flat.view(np.uint8)
    bits = np.unpackbits(codes[:, np.newaxis], axis=1, bitorder="little")[:, : dtype.bits]
    return np.packbits(bits.ravel(), bitorder="little")


def unpack(packed: npt.NDArray[np.uint8], code: int, shape: list[int]) -> npt.NDArray[Any]:
    """Return the array of ml_dtypes that `pack` gave these bytes for."""
    dtype = dtypes.BY_CODE[code]
    count = int(np.prod(shape, dtype=np.int64))
    bits = np.unpackbits(packed, bitorder="little")[: count * dtype.bits]
    codes = np.packbits(bits.reshape(count, dtype.bits), axis=1, bitorder="little").ravel()
    if "uint" in dtype.numpy.name:
        elements = codes.astype(dtype.numpy)
    elif "int" in dtype.numpy.name:
        sign = 1 << (dtype.bits - 1)
        elements = ((codes.astype(np.int8) ^ sign) - sign).astype(dtype.numpy)
    else:
        elements = codes.view(dtype.numpy)
    return elements.reshape(shape)


def _from_python(value: Any, name: str, dtype_code: int) -> npt.NDArray[np.generic]:
    expected = dtypes.BY_CODE[dtype_code].numpy if dtype_code else np.array(value).dtype
    try:
        array = np.array(value, dtype=expected)
        given = np.array(value) if expected.kind in "iu" else array
        if given.dtype.kind in "fc" and not np.array_equal(given, array):
            wrong = next(e for e, a in zip(given.flat, array.flat, strict=True) if e != a)
            raise ValueError(f"{wrong} is no integer")
        return array
    except (TypeError, ValueError, OverflowError) as error:
        raise runtime_error(
            "call-input-type", f'input "{name}": the list is not an array of {expected} ({error})'
        ) from None


def _from_dlpack(value: Any, name: str) -> npt.NDArray[np.generic]:
    try:
        return np.from_dlpack(value)
    except (BufferError, TypeError, ValueError, builtins.RuntimeError) as error:
        raise runtime_error(
            "call-input-type",
            f'input "{name}": {type(value).__name__} cannot be read by DLPack ({error}); '
            "bring it to the CPU first",
        ) from error
