# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The slow path of a call: inputs that the native module cannot borrow as they are."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np
import numpy.typing as npt

from lathe import dtypes
from lathe.errors import runtime_error


def to_borrowable(value: Any, name: str, dtype_code: int) -> tuple[npt.NDArray[np.generic], int]:
    """Return an array that the native module can borrow, and the lathe_dtype of its elements.

    Arrays of any layout and byte order are copied to contiguous, aligned, native ones; bfloat16
    arrays, which have no buffer format, are seen as uint16. Lists and scalars of Python have no
    element type of their own and get that of the input. No element of an array changes its type.
    """
    if isinstance(value, (bool, int, float, list, tuple)):
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
    dtype = dtypes.BY_NUMPY.get(native)
    if dtype is None:
        raise runtime_error(
            "call-input-dtype",
            f'input "{name}": arrays of {array.dtype} are not supported; '
            f"the model takes {dtypes.BY_CODE[dtype_code].numpy}",
        )
    if not (array.flags.c_contiguous and array.flags.aligned and array.dtype.isnative):
        array = np.array(array, dtype=native, order="C", copy=True)
    if dtype is dtypes.BFLOAT16:
        array = array.view(np.uint16)
    return array, dtype.code


def _from_python(value: Any, name: str, dtype_code: int) -> npt.NDArray[np.generic]:
    expected = dtypes.BY_CODE[dtype_code].numpy
    try:
        return np.array(value, dtype=expected)
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
