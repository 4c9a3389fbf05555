# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The element types of Lathe's tensors, with their names in NumPy, in ONNX and in the ABI."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np


@dataclass(frozen=True, slots=True)
class DType:
    """One element type: `name` is that in signatures, `onnx` that in "tensor(float)"."""

    code: int  # Its lathe_dtype.
    name: str
    numpy: np.dtype[Any]
    onnx: str

    def __str__(self) -> str:
        """Return the name."""
        return self.name


BFLOAT16 = DType(4, "bf16", np.dtype(ml_dtypes.bfloat16), "bfloat16")

_ALL = (
    DType(1, "f32", np.dtype(np.float32), "float"),
    DType(2, "f64", np.dtype(np.float64), "double"),
    DType(3, "f16", np.dtype(np.float16), "float16"),
    BFLOAT16,
    DType(5, "i8", np.dtype(np.int8), "int8"),
    DType(6, "i16", np.dtype(np.int16), "int16"),
    DType(7, "i32", np.dtype(np.int32), "int32"),
    DType(8, "i64", np.dtype(np.int64), "int64"),
    DType(9, "u8", np.dtype(np.uint8), "uint8"),
    DType(10, "u16", np.dtype(np.uint16), "uint16"),
    DType(11, "u32", np.dtype(np.uint32), "uint32"),
    DType(12, "u64", np.dtype(np.uint64), "uint64"),
    DType(13, "bool", np.dtype(np.bool_), "bool"),
)

BY_CODE = {d.code: d for d in _ALL}
BY_NUMPY = {d.numpy: d for d in _ALL}
