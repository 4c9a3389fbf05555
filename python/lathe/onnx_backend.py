# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""ONNX's Backend API on Lathe: `prepare`, `run_model`, `run_node`, `supports_device`.

Needs the package onnx. The module is itself a backend, as ONNX asks:

    import lathe.onnx_backend as backend

    backend.run_model(model, [x])

Some models have inputs on whose values the code depends: the axes of a reduction, the scales of a
resize. `lathe.compile` refuses these, but here the values come with the call: such a model is
compiled when it is run, once for each set of values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnx.backend.base
from onnx import ModelProto, NodeProto, helper, numpy_helper

import lathe
from lathe.model import Array, CompiledModel

# Errors that go away when values become known.
_NEEDS_VALUES = frozenset({"onnx-dynamic-parameter", "graph-data-dependent-shape"})
_MOST_ELEMENTS = 64  # As many as the compiler follows.
_MOST_VERSIONS = 16  # Compiled models that are kept for different values.

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


class LatheValuesRep(onnx.backend.base.BackendRep):
    """A model that is compiled when it is run, as its code depends on values of inputs."""

    def __init__(self, model: ModelProto, options: Mapping[str, Any]) -> None:
        """Keep a model, and the options of `lathe.compile` for it."""
        self._source = model
        self._options = dict(options)
        self._versions: dict[tuple[Any, ...], CompiledModel] = {}
        given = {tensor.name for tensor in model.graph.initializer}
        self._names = [v.name for v in model.graph.input if v.name not in given]
        self._known: list[str] | None = None  # The inputs whose values the code depends on.

    def run(self, inputs: Any, **kwargs: Any) -> tuple[Array, ...]:
        """Return the outputs for a sequence of inputs, a mapping by name, or one array.

        Raises ValueError if an input has no value, and lathe.CompileError if the values of small
        inputs are not enough to compile.
        """
        _check_options(kwargs)
        values = dict(inputs) if isinstance(inputs, Mapping) else {}
        if isinstance(inputs, np.ndarray):
            inputs = [inputs]
        if not values:
            values = dict(zip(self._names, inputs, strict=True))
        missing = [name for name in self._names if name not in values]
        if missing:
            raise ValueError(f"no value for input {missing[0]!r}; the model takes {self._names}")
        arrays = {name: np.asarray(value) for name, value in values.items()}
        known, compiled = self._compiled(arrays)
        rest = {name: array for name, array in arrays.items() if name not in known}
        outputs = compiled.run(rest)
        return tuple(outputs[value.name] for value in compiled.outputs)

    def _compiled(self, arrays: Mapping[str, Array]) -> tuple[Sequence[str], CompiledModel]:
        if self._known is not None:
            key = _contents(arrays, self._known)
            if key in self._versions:
                return self._known, self._versions[key]
        small = [n for n in self._names if arrays[n].size <= _MOST_ELEMENTS]
        # Parameters are the last inputs of an operator: as few of those as will do.
        # Where none is small, the model as it is says what it lacks.
        counts: Sequence[int] = range(1, len(small) + 1) or [0]
        if self._known is not None:
            counts = [len(self._known)]
        failure: lathe.CompileError
        for count in counts:
            known = self._known if self._known is not None else small[len(small) - count :]
            try:
                compiled = lathe.compile(self._with(arrays, known), **self._options)
            except lathe.CompileError as error:
                failure = error
                continue
            self._known = list(known)
            if len(self._versions) >= _MOST_VERSIONS:
                self._versions.pop(next(iter(self._versions)))
            self._versions[_contents(arrays, known)] = compiled
            return known, compiled
        raise failure

    def _with(self, arrays: Mapping[str, Array], known: Sequence[str]) -> ModelProto:
        """Return the model with the values of some inputs inside."""
        model = ModelProto()
        model.CopyFrom(self._source)
        rest = [value for value in model.graph.input if value.name not in known]
        del model.graph.input[:]
        model.graph.input.extend(rest)
        model.graph.initializer.extend(
            numpy_helper.from_array(
                np.ascontiguousarray(arrays[name]).reshape(arrays[name].shape), name
            )
            for name in known
        )
        return model


class LatheBackend(onnx.backend.base.Backend):
    """Compiles models for the CPU."""

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
    def prepare(
        cls, model: ModelProto, device: str = "CPU", **kwargs: Any
    ) -> LatheBackendRep | LatheValuesRep:
        """Compile a model. Raises lathe.CompileError with all that Lathe does not support in it.

        If nothing is missing but values of small inputs, it is compiled when it is run. `threads`
        and `cache` are those of `lathe.compile`; there are no other options.
        """
        _check_options(kwargs, "threads", "cache")
        if not cls.supports_device(device):
            raise ValueError(f"device {device!r} is not supported; use 'CPU'")
        options = {"threads": kwargs.get("threads"), "cache": kwargs.get("cache", True)}
        try:
            return LatheBackendRep(lathe.compile(model, **options))
        except lathe.CompileError as error:
            if not _NEEDS_VALUES.issuperset(error.ids) or not _has_small_inputs(model):
                raise
        return LatheValuesRep(model, options)

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
        """Return whether `device` is "CPU"."""
        return device.split(":")[0] == "CPU"


def _contents(arrays: Mapping[str, Array], names: Sequence[str]) -> tuple[Any, ...]:
    return tuple((n, arrays[n].dtype.str, arrays[n].shape, arrays[n].tobytes()) for n in names)


def _has_small_inputs(model: ModelProto) -> bool:
    given = {tensor.name for tensor in model.graph.initializer}
    for value in model.graph.input:
        dims = [dim.dim_value or 1 for dim in value.type.tensor_type.shape.dim]
        if value.name not in given and int(np.prod(dims, dtype=object)) <= _MOST_ELEMENTS:
            return True
    return False


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
