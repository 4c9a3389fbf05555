# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Element types as programs give them: NumPy's, or numbers of ONNX's TensorProto.DataType."""

from __future__ import annotations

from typing import Any

import numpy as np

from lathe import dtypes

_BY_NUMBER = {d.number: d.numpy for d in dtypes.BY_CODE.values()}


def to_dtype(element_type: Any) -> np.dtype[Any]:
    """Return NumPy's type for a type, its name, or its number in ONNX.

    Raises ValueError for numbers that no array has.
    """
    if isinstance(element_type, (int, np.integer)) and not isinstance(element_type, bool):
        if (found := _BY_NUMBER.get(int(element_type))) is None:
            raise ValueError(
                f"{int(element_type)} is no element type of ONNX that arrays have; there are "
                f"{', '.join(map(str, sorted(_BY_NUMBER)))} [ort-element-type]"
            )
        return found
    dtype: np.dtype[Any] = np.dtype(element_type)
    return dtype


def name_of(dtype: np.dtype[Any]) -> str:
    """Return ONNX's name of a type, as in "tensor(float)"; NumPy's where ONNX has none."""
    known = dtypes.BY_NUMPY.get(dtype)
    return known.onnx if known else "string" if dtype.kind in "US" else str(dtype)


def number_of(dtype: np.dtype[Any]) -> int:
    """Return the number of a type in ONNX's TensorProto.DataType; 0 where ONNX has none."""
    known = dtypes.STRING if dtype.kind in "US" else dtypes.BY_NUMPY.get(dtype)
    return known.number if known else 0
