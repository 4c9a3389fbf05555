# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The element types of Lathe's tensors, with their names in NumPy, in ONNX and in the ABI."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

from lathe import _lathe


@dataclass(frozen=True, slots=True)
class DType:
    """One element type: `name` is that in signatures, `onnx` that in "tensor(float)".

    `number` is that of ONNX's TensorProto.DataType, and `numpy` the dtype of arrays: one of NumPy,
    or of ml_dtypes where NumPy has none; arrays of strings are arrays of objects. `bits` are those
    of an element in memory, where less than 8 are packed.
    """

    code: int  # Its lathe_dtype.
    name: str
    numpy: np.dtype[Any]
    number: int
    onnx: str
    bits: int

    @property
    def is_packed(self) -> bool:
        """Whether elements share a byte with others."""
        return self.bits < 8

    @property
    def is_view(self) -> bool:
        """Whether it is a type that only ml_dtypes has, and unsigned integers stand for."""
        return self.numpy.type.__module__ == "ml_dtypes" and not self.is_packed

    def __str__(self) -> str:
        """Return the name."""
        return self.name


def _dtype_called(name: str) -> np.dtype[Any]:
    return np.dtype(getattr(ml_dtypes, name, name))


_ALL = tuple(
    DType(code, name, _dtype_called(numpy), number, onnx, bits)
    for code, name, numpy, number, onnx, bits in _lathe.element_types()
)

BY_CODE = {d.code: d for d in _ALL}
BY_NUMPY = {d.numpy: d for d in _ALL}
STRING = BY_NUMPY[np.dtype(object)]
