# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What sessions describe and take: NodeArg, ModelMetadata, OrtValue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from lathe import dtypes
from lathe._lathe import DeviceArray
from lathe.devices import gpu_target
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


def is_gpu(device_type: str, device_id: int = 0) -> bool:
    """Return whether a device is a GPU of this machine. Raises ValueError if it is not here."""
    name = device_type.lower()
    if name == "cpu":
        return False
    if name != "cuda" or gpu_target(device_id) is None:
        there = "'cpu' or 'cuda'" if gpu_target() else "'cpu'"
        raise ValueError(
            f"device {device_type!r} {device_id} is not supported; use {there} [ort-device]"
        )
    return True


class OrtValue:
    """A tensor on the CPU, which shares the memory of the array it was made from, or on a GPU."""

    def __init__(self, array: Array | DeviceArray) -> None:
        """Wrap `array`."""
        self._array = array

    @staticmethod
    def ortvalue_from_numpy(array: Array, device_type: str = "cpu", device_id: int = 0) -> OrtValue:
        """Return a value over the memory of `array`, or a copy of it on a GPU.

        Raises ValueError for devices that are not here.
        """
        if is_gpu(device_type, device_id):
            return OrtValue(DeviceArray.from_host(array, device_id))
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
        if data.__dlpack_device__()[0] != 1:
            dtype = dtypes.BY_NUMPY[np.dtype(np.bool_)].code if is_bool_tensor else None
            return OrtValue(DeviceArray.from_dlpack(data, dtype))
        array = np.from_dlpack(data)
        return OrtValue(array.view(np.bool_) if is_bool_tensor else array)

    @staticmethod
    def ortvalue_from_shape_and_type(
        shape: Sequence[int], element_type: Any, device_type: str = "cpu", device_id: int = 0
    ) -> OrtValue:
        """Return a value of zeros."""
        zeros = np.zeros(shape, to_dtype(element_type))
        return OrtValue.ortvalue_from_numpy(zeros, device_type, device_id)

    @property
    def memory(self) -> Array | DeviceArray:
        """The array that holds the tensor, where it is."""
        return self._array

    @property
    def _dtype(self) -> np.dtype[Any]:
        if isinstance(self._array, DeviceArray):
            return dtypes.BY_CODE[self._array.dtype_code].numpy
        return self._array.dtype

    def numpy(self) -> Array:
        """Return the tensor as an array that shares its memory; a copy of one on a GPU."""
        array = self._array
        return np.asarray(array.numpy()) if isinstance(array, DeviceArray) else array

    def shape(self) -> list[int]:
        """Return the shape."""
        return list(self._array.shape)

    def data_type(self) -> str:
        """Return the type as in "tensor(float)"."""
        return f"tensor({name_of(self._dtype)})"

    def element_type(self) -> int:
        """Return the number of the type in ONNX's TensorProto.DataType."""
        return number_of(self._dtype)

    def tensor_size_in_bytes(self) -> int:
        """Return the size of the elements in bytes."""
        return int(np.prod(self._array.shape, dtype=np.int64)) * self._dtype.itemsize

    def update_inplace(self, data: Array) -> None:
        """Copy the elements of an array of this shape and type into this value.

        Raises ValueError for another shape or type.
        """
        if list(data.shape) != self.shape() or data.dtype != self._dtype:
            raise ValueError(
                f"the value is {self._dtype}{self.shape()}, but the array is "
                f"{data.dtype}{list(data.shape)}"
            )
        if isinstance(self._array, DeviceArray):
            self._array.write(data)
        else:
            np.copyto(self._array, data)

    def device_name(self) -> str:
        """Return "cpu" or "cuda"."""
        return "cuda" if isinstance(self._array, DeviceArray) else "cpu"

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
        """Return the address of the first element, in the memory where it is."""
        array = self._array
        return array.address if isinstance(array, DeviceArray) else int(array.ctypes.data)

    def __dlpack__(self, **kwargs: Any) -> Any:
        """Share the memory by DLPack."""
        return self._array.__dlpack__(**kwargs)

    def __dlpack_device__(self) -> tuple[int, int]:
        """Return the device of DLPack."""
        kind, number = self._array.__dlpack_device__()
        return int(kind), int(number)
