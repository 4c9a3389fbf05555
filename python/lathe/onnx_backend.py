# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""ONNX's Backend API on Lathe: `prepare`, `run_model`, `run_node`, `supports_device`.

Needs the package onnx. The module is itself a backend, as ONNX asks:

    import lathe.onnx_backend as backend

    backend.run_model(model, [x])

A model is compiled once, by `lathe.compile`, before any value is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnx.backend.base
from onnx import ModelProto, NodeProto, helper

import lathe
from lathe.devices import gpu_target
from lathe.model import Array, CompiledModel

_LEAST_OPSET = 17  # Older ones lack nothing that newer ones have, but are read less often.


class LatheBackendRep(onnx.backend.base.BackendRep):
    """A compiled model to run again and again."""

    def __init__(self, model: CompiledModel) -> None:
        """Wrap a compiled model."""
        self.model = model

    def run(self, inputs: Any, **kwargs: Any) -> tuple[Array, ...]:
        """Return the outputs for a sequence of inputs, a mapping by name, or one array."""
        _check_options(kwargs)
        if isinstance(inputs, Mapping):
            outputs = self.model.run(inputs)
            return tuple(outputs[v.name] for v in self.model.outputs)
        if isinstance(inputs, np.ndarray):
            inputs = [inputs]
        return self.model(*inputs)


class LatheBackend(onnx.backend.base.Backend):
    """Compiles models for the CPU, or, as device "CUDA", for the first NVIDIA GPU."""

    @classmethod
    def is_compatible(cls, model: ModelProto, device: str = "CPU", **kwargs: Any) -> bool:
        """Return whether Lathe compiles the model for the device."""
        if not cls.supports_device(device):
            return False
        try:
            cls.prepare(model, device, **kwargs)
        except lathe.CompileError:
            return False
        return True

    @classmethod
    def prepare(cls, model: ModelProto, device: str = "CPU", **kwargs: Any) -> LatheBackendRep:
        """Compile a model. Raises lathe.CompileError with all that Lathe does not support in it.

        `threads` and `cache` are those of `lathe.compile`; there are no other options.
        """
        _check_options(kwargs, "threads", "cache")
        if not cls.supports_device(device):
            raise ValueError(
                f"device {device!r} is not supported; use 'CPU', or 'CUDA' where there is a GPU"
            )
        options = {"threads": kwargs.get("threads"), "cache": kwargs.get("cache", True)}
        target = gpu_target() if _kind(device) == "CUDA" else None
        return LatheBackendRep(lathe.compile(model, target=target or "host", **options))

    @classmethod
    def run_model(
        cls, model: ModelProto, inputs: Any, device: str = "CPU", **kwargs: Any
    ) -> tuple[Array, ...]:
        """Compile a model and run it once."""
        return cls.prepare(model, device, **kwargs).run(inputs)

    @classmethod
    def run_node(
        cls,
        node: NodeProto,
        inputs: Any,
        device: str = "CPU",
        outputs_info: Sequence[tuple[np.dtype[Any], tuple[int, ...]]] | None = None,
        **kwargs: Any,
    ) -> tuple[Array, ...]:
        """Compile a model of one node and run it once.

        `outputs_info` gives element type and shape of each output; without it, ONNX infers them.
        `opset_version` is that of the default domain; without it, the newest version of the
        operator is meant.
        """
        opset = kwargs.pop("opset_version", None) or _newest(node)
        model = _model_of(node, _by_name(node, inputs), outputs_info, opset)
        return cls.run_model(model, [*_by_name(node, inputs).values()], device, **kwargs)

    @classmethod
    def supports_device(cls, device: str) -> bool:
        """Return whether `device` is "CPU", or "CUDA" and there is an NVIDIA GPU."""
        return _kind(device) == "CPU" or (_kind(device) == "CUDA" and gpu_target() is not None)


def _kind(device: str) -> str:
    """Return what stands before the number of the device."""
    return device.split(":")[0]


def _by_name(node: NodeProto, inputs: Any) -> dict[str, Array]:
    names = [name for name in node.input if name]
    if isinstance(inputs, Mapping):
        return {name: np.asarray(inputs[name]) for name in names}
    values = [inputs] if isinstance(inputs, np.ndarray) else list(inputs)
    if len(values) != len(names):
        raise ValueError(f"{node.op_type} has {len(names)} inputs, but {len(values)} were passed")
    return {name: np.asarray(value) for name, value in zip(names, values, strict=True)}


def _newest(node: NodeProto) -> int:
    """Return an opset that has the newest version of the operator, and no newer than it need be."""
    if node.domain or not onnx.defs.has(node.op_type):
        return onnx.defs.onnx_opset_version()
    return max(onnx.defs.get_schema(node.op_type).since_version, _LEAST_OPSET)


def _model_of(
    node: NodeProto,
    inputs: Mapping[str, Array],
    outputs_info: Sequence[tuple[np.dtype[Any], tuple[int, ...]]] | None,
    opset: int,
) -> ModelProto:
    def tensor(name: str, dtype: np.dtype[Any], shape: Sequence[int]) -> onnx.ValueInfoProto:
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return helper.make_tensor_value_info(name, kind, list(shape))

    names = [name for name in node.output if name]
    if outputs_info is None:
        outputs = [onnx.ValueInfoProto(name=name) for name in names]
    else:
        outputs = [tensor(n, *info) for n, info in zip(names, outputs_info, strict=True)]
    graph = helper.make_graph(
        [node],
        node.name or node.op_type,
        [tensor(name, value.dtype, value.shape) for name, value in inputs.items()],
        outputs,
    )
    opsets = [helper.make_opsetid("", opset)]
    if node.domain:
        opsets.append(helper.make_opsetid(node.domain, 1))
    model = helper.make_model(graph, opset_imports=opsets)
    model.ir_version = helper.find_min_ir_version_for(opsets, ignore_unknown=True)
    if outputs_info is None:
        model = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    onnx.checker.check_model(model)
    return model


def _check_options(given: Mapping[str, Any], *known: str) -> None:
    """Raise TypeError for an option that would otherwise be ignored."""
    if unknown := [name for name in given if name not in known]:
        raise TypeError(f"there is no option {unknown[0]!r}; the options are {', '.join(known)}")


is_compatible = LatheBackend.is_compatible
prepare = LatheBackend.prepare
run_model = LatheBackend.run_model
run_node = LatheBackend.run_node
supports_device = LatheBackend.supports_device
