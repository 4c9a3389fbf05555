# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""IOBinding: inputs and outputs of a session that stay where they are from run to run."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lathe import dtypes
from lathe._lathe import DeviceArray
from lathe.ort.capi import onnxruntime_pybind11_state as errors
from lathe.ort.types import to_dtype
from lathe.ort.values import Array, OrtValue, is_gpu

if TYPE_CHECKING:
    from lathe.ort.session import InferenceSession


class IOBinding:
    """What `InferenceSession.run_with_iobinding` reads and writes; made by `io_binding`.

    What a session on a GPU has bound there is not copied. Devices that are not here raise
    ValueError, and names that the model does not have InvalidArgument.
    """

    def __init__(self, session: InferenceSession) -> None:
        """Bind nothing yet."""
        self._input_names = [v.name for v in session.get_inputs()]
        self._output_names = [v.name for v in session.get_outputs()]
        self._inputs: dict[str, Any] = {}
        self._outputs: dict[str, OrtValue | str] = {}  # A device: new memory there, in each run.
        self._results: dict[str, OrtValue] = {}

    def bind_cpu_input(self, name: str, arr_on_cpu: Array) -> None:
        """Bind an array, which is read at each run."""
        self._check(name, self._input_names, "input")
        self._inputs[name] = arr_on_cpu

    def bind_ortvalue_input(self, name: str, ortvalue: OrtValue) -> None:
        """Bind a value, which is read at each run."""
        self._check(name, self._input_names, "input")
        self._inputs[name] = ortvalue

    def bind_input(
        self,
        name: str,
        device_type: str,
        device_id: int,
        element_type: Any,
        shape: Sequence[int],
        buffer_ptr: int,
    ) -> None:
        """Bind the row-major elements at the address `buffer_ptr`, which the caller keeps alive."""
        self._check(name, self._input_names, "input")
        self._inputs[name] = _at(device_type, device_id, buffer_ptr, element_type, shape)

    def bind_output(
        self,
        name: str,
        device_type: str = "cpu",
        device_id: int = 0,
        element_type: Any = None,
        shape: Sequence[int] | None = None,
        buffer_ptr: int | None = None,
    ) -> None:
        """Bind an output: to new memory at each run, or to the memory at `buffer_ptr`."""
        on_gpu = is_gpu(device_type, device_id)
        self._check(name, self._output_names, "output")
        if buffer_ptr is None:
            self._outputs[name] = "cuda" if on_gpu else "cpu"
        elif element_type is None or shape is None:
            raise ValueError("`element_type` and `shape` are to be provided if `buffer_ptr` is")
        else:
            self._outputs[name] = _at(device_type, device_id, buffer_ptr, element_type, shape)

    def bind_ortvalue_output(self, name: str, ortvalue: OrtValue) -> None:
        """Bind an output to the memory of a value of its shape and type."""
        self._check(name, self._output_names, "output")
        self._outputs[name] = ortvalue

    def synchronize_inputs(self) -> None:
        """Do nothing: what is bound is there, or comes before the run on the driver's own queue."""

    def synchronize_outputs(self) -> None:
        """Do nothing: whoever reads an output waits for it."""

    def get_outputs(self) -> list[OrtValue]:
        """Return the bound outputs of the last run, in the order in which they were bound."""
        return [self._results[name] for name in self._outputs if name in self._results]

    def copy_outputs_to_cpu(self) -> list[Array]:
        """Return copies of the bound outputs of the last run."""
        return [value.numpy().copy() for value in self.get_outputs()]

    def clear_binding_inputs(self) -> None:
        """Bind no inputs any more."""
        self._inputs.clear()

    def clear_binding_outputs(self) -> None:
        """Bind no outputs any more."""
        self._outputs.clear()
        self._results.clear()

    def get_outputs_as_ortvaluevector(self) -> list[OrtValue]:
        """Return what `get_outputs` returns."""
        return self.get_outputs()

    @property
    def _iobinding(self) -> IOBinding:
        """What programs hand to the native session: this is both."""
        return self

    def run(self, session: InferenceSession, run_options: Any = None) -> None:
        """Run `session` on what is bound; for run_with_iobinding."""
        if not self._outputs:
            raise errors.InvalidArgument("no output is bound; call bind_output first")
        names = list(self._outputs)
        given = {
            name: bound.memory
            for name, bound in self._outputs.items()
            if isinstance(bound, OrtValue) and bound.device_name() == "cuda"
        }
        on_gpu = bool(given) or "cuda" in self._outputs.values()
        results = session.run_bound(names, self._inputs, run_options, given if on_gpu else None)
        for name, result in zip(names, results, strict=True):
            self._results[name] = self._deliver(name, result, is_written=name in given)

    def _deliver(self, name: str, result: Array | DeviceArray, is_written: bool) -> OrtValue:
        """Return the value of an output where it is bound."""
        bound = self._outputs[name]
        if isinstance(bound, OrtValue) and is_written:
            return bound
        if bound == "cuda":
            return OrtValue(result)
        array = np.asarray(result.numpy()) if isinstance(result, DeviceArray) else result
        if isinstance(bound, str):
            return OrtValue(array)
        target = bound.numpy()
        if target.shape != array.shape or target.dtype != array.dtype:
            raise errors.InvalidArgument(
                f"output {name!r} is {array.dtype}{list(array.shape)}, but is bound to "
                f"{target.dtype}{list(target.shape)}"
            )
        np.copyto(target, array)
        return bound

    @staticmethod
    def _check(name: str, known: Sequence[str], kind: str) -> None:
        if name not in known:
            raise errors.InvalidArgument(
                f"Failed to find {kind} name in the model: {name}; it has {', '.join(known)}"
            )


def _at(
    device_type: str, device_id: int, address: int, element_type: Any, shape: Sequence[int]
) -> OrtValue:
    """Return a value over memory that the caller keeps alive."""
    dtype = to_dtype(element_type)
    count = int(np.prod(shape, dtype=np.int64))
    if is_gpu(device_type, device_id):
        code = dtypes.BY_NUMPY[dtype].code
        return OrtValue(DeviceArray.at(address, code, tuple(shape), device_id))
    if count == 0:
        return OrtValue(np.zeros(shape, dtype))
    memory = (ctypes.c_char * (count * dtype.itemsize)).from_address(address)
    # As bytes first: NumPy takes no buffers of the types that extend it.
    return OrtValue(np.frombuffer(memoryview(memory), np.uint8).view(dtype).reshape(shape))
