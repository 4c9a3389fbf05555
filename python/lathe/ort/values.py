# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What sessions describe and take: NodeArg, ModelMetadata, OrtValue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from lathe.ort.types import name_of, number_of, to_dtype

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class NodeArg:
    """An input or output. A dim of `shape` is an int, the name of a free size, or None."""

    name: str
    type: str
    shape: list[int | str | None]


@dataclass(frozen=True)
class ModelMetadata:
    """What the model file says about itself."""

    producer_name: str = ""
    graph_name: str = ""
    domain: str = ""
    description: str = ""
    graph_description: str = ""
    version: int = 0
    custom_metadata_map: dict[str, str] = field(default_factory=dict)


def require_cpu(device_type: str) -> None:
    """Raise ValueError for devices but the CPU."""
    if device_type.lower() != "cpu":
        raise ValueError(f"device {device_type!r} is not supported; use 'cpu' [ort-device]")


class OrtValue:
    """A tensor on the CPU; shares the memory of the array it was made from."""

    def __init__(self, array: Array) -> None:
        """Wrap `array`."""
        self._array = array

    @staticmethod
    def ortvalue_from_numpy(array: Array, device_type: str = "cpu", device_id: int = 0) -> OrtValue:
        """Return a value over the memory of `array`. Raises ValueError for devices but the CPU."""
        require_cpu(device_type)
        return OrtValue(np.asarray(array))

    @staticmethod
    def ortvalue_from_numpy_with_onnx_type(data: Array, onnx_element_type: int) -> OrtValue:
        """Return a value over the memory of `data`, whose bits are of a type of ONNX.

        Raises ValueError if the elements of `data` have another size.
        """
        dtype = to_dtype(int(onnx_element_type))
        if data.dtype.itemsize != dtype.itemsize:
            raise ValueError(
                f"elements of {data.dtype} have {data.dtype.itemsize} bytes, but those of {dtype} "
                f"have {dtype.itemsize} [ort-element-size]"
            )
        return OrtValue(data.view(dtype))

    @property
    def _ortvalue(self) -> OrtValue:
        """What programs hand to the native session: this is both."""
        return self

    @staticmethod
    def from_dlpack(data: Any, is_bool_tensor: bool = False) -> OrtValue:
        """Return a value over the memory of what exports DLPack."""
        array = np.from_dlpack(data)
        return OrtValue(array.view(np.bool_) if is_bool_tensor else array)

    @staticmethod
    def ortvalue_from_shape_and_type(
        shape: Sequence[int], element_type: Any, device_type: str = "cpu", device_id: int = 0
    ) -> OrtValue:
        """Return a value of zeros."""
        return OrtValue.ortvalue_from_numpy(np.zeros(shape, to_dtype(element_type)), device_type)

    def numpy(self) -> Array:
        """Return the tensor as an array that shares its memory."""
        return self._array

    def shape(self) -> list[int]:
        """Return the shape."""
        return list(self._array.shape)

    def data_type(self) -> str:
        """Return the type as in "tensor(float)"."""
        return f"tensor({name_of(self._array.dtype)})"

    def element_type(self) -> int:
        """Return the number of the type in ONNX's TensorProto.DataType."""
        return number_of(self._array.dtype)

    def tensor_size_in_bytes(self) -> int:
        """Return the size of the elements in bytes."""
        return self._array.nbytes

    def update_inplace(self, data: Array) -> None:
        """Copy the elements of an array of this shape and type into this value.

        Raises ValueError for another shape or type.
        """
        if data.shape != self._array.shape or data.dtype != self._array.dtype:
            raise ValueError(
                f"the value is {self._array.dtype}{list(self._array.shape)}, but the array is "
                f"{data.dtype}{list(data.shape)}"
            )
        np.copyto(self._array, data)

    def device_name(self) -> str:
        """Return "cpu"."""
        return "cpu"

    def has_value(self) -> bool:
        """Return True."""
        return True

    def is_tensor(self) -> bool:
        """Return True: there are no sequences or maps."""
        return True

    def is_sparse_tensor(self) -> bool:
        """Return False: tensors are dense."""
        return False

    def is_tensor_sequence(self) -> bool:
        """Return False: there are no sequences."""
        return False

    def data_ptr(self) -> int:
        """Return the address of the first element."""
        return int(self._array.ctypes.data)

    def __dlpack__(self, **kwargs: Any) -> Any:
        """Share the memory by DLPack."""
        return self._array.__dlpack__(**kwargs)

    def __dlpack_device__(self) -> tuple[int, int]:
        """Return the device of DLPack: the CPU."""
        return (1, 0)
