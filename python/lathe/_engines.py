# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Lathe and the engines it is compared with, behind one interface: load, inputs, run."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from lathe import dtypes
from lathe._inputs import Array, InputSpec
from lathe._torch_ops import TorchEngine
from lathe.model import CompiledModel
from lathe.source import Source

_OPENVINO_DTYPES = {"boolean": "bool"}


class Engine(Protocol):
    """A loaded model."""

    version: str
    outputs: list[str]

    @property
    def inputs(self) -> list[InputSpec]:
        """What the model takes."""
        ...

    def run(self, arrays: Sequence[Array]) -> list[Array]:
        """Return the outputs, in the order of `outputs`, for inputs in the order of `inputs`.

        What it returns may be overwritten by the next run.
        """
        ...


def specs_of(
    model: CompiledModel,
    path: str | os.PathLike[str],
    allow_links: bool,
    limits: Mapping[str, int] | None = None,
) -> list[InputSpec]:
    """Return the inputs of a compiled model, with the rows of tables that its file tells."""
    rows = [0] * len(model.inputs)
    if any(v.dtype.numpy.kind in "iu" for v in model.inputs):
        allowed = [f"{name}={number}" for name, number in (limits or {}).items()]
        rows = Source(path).load(allow_links=allow_links, limits=allowed).index_bounds()
    return [
        InputSpec(v.name, v.dtype.numpy, v.shape, r)
        for v, r in zip(model.inputs, rows, strict=True)
    ]


class LatheEngine:
    """Lathe itself."""

    def __init__(self, path: str, threads: int, options: Mapping[str, Any]) -> None:
        """Compile; `options` may have options of lathe.compile, such as target and isa."""
        import lathe

        self._path = path
        self._allow_links = options.get("allow_links", False)
        self._limits = options.get("limits")
        self.version = lathe.__version__
        self._model = lathe.compile(
            path,
            target=options.get("target", "host"),
            isa=options.get("isa"),
            accuracy=options.get("accuracy", "standard"),
            precision=options.get("precision", "f32"),
            denormals=options.get("denormals", "keep"),
            dims=options.get("dims"),
            threads=threads,
            cache=options.get("cache", True),
            allow_links=self._allow_links,
            limits=self._limits,
            choices=options.get("choices", True),
        )
        self.outputs = [v.name for v in self._model.outputs]

    @functools.cached_property
    def inputs(self) -> list[InputSpec]:
        """What the model takes. Not asked for with the model, whose time to load is measured."""
        return specs_of(self._model, self._path, self._allow_links, self._limits)

    def run(self, arrays: Sequence[Array]) -> list[Array]:
        """Run the model."""
        return list(self._model(*arrays))


class OnnxRuntimeEngine:
    """ONNX Runtime on the CPU, with all its optimizations."""

    def __init__(self, path: str, threads: int, options: Mapping[str, Any]) -> None:
        """Make a session; `options` is not used."""
        import onnxruntime

        self.version = onnxruntime.__version__
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = threads
        settings.inter_op_num_threads = 1
        settings.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            path, settings, providers=["CPUExecutionProvider"]
        )
        by_type = {f"tensor({d.onnx})": d.numpy for d in dtypes.BY_CODE.values()}
        self.inputs = [
            InputSpec(a.name, by_type[a.type], tuple(_known(d) for d in a.shape))
            for a in self._session.get_inputs()
        ]
        self.outputs = [a.name for a in self._session.get_outputs()]
        self._names = [s.name for s in self.inputs]

    def run(self, arrays: Sequence[Array]) -> list[Array]:
        """Run the session."""
        feed = dict(zip(self._names, arrays, strict=True))
        return list(self._session.run(None, feed))


class OpenVinoEngine:
    """OpenVINO on the CPU, in the precision of the model."""

    def __init__(self, path: str, threads: int, options: Mapping[str, Any]) -> None:
        """Compile for latency; `options` is not used."""
        import openvino

        self.version = openvino.__version__.split("-")[0]
        core = openvino.Core()
        model = core.read_model(path)
        self._compiled = core.compile_model(
            model,
            "CPU",
            {
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_NUM_THREADS": threads,
                # Left to itself it computes in bf16 on processors with AMX.
                "INFERENCE_PRECISION_HINT": "f32",
                # Nor round activations of f32 to 8 bits where weights have 4.
                "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0,
            },
        )
        self._request = self._compiled.create_infer_request()
        self.inputs = [
            InputSpec(
                port.get_any_name(),
                np.dtype(_OPENVINO_DTYPES.get(kind, kind)),
                tuple(None if d.is_dynamic else d.get_length() for d in port.partial_shape),
            )
            for port in self._compiled.inputs
            for kind in [port.element_type.to_dtype().name]
        ]
        self.outputs = [port.get_any_name() for port in self._compiled.outputs]

    def run(self, arrays: Sequence[Array]) -> list[Array]:
        """Run the request; the outputs are views of its memory."""
        results = self._request.infer(list(arrays), share_inputs=True, share_outputs=True)
        return [results[i] for i in range(len(self.outputs))]


def _known(dim: Any) -> int | str | None:
    """Return a dim of onnxruntime, None where its name says nothing or its size is no size."""
    if isinstance(dim, int):
        return dim if 0 <= dim < 1 << 63 else None
    return dim if isinstance(dim, str) and dim != "?" else None


# Of models.
ENGINES: dict[str, type[Engine]] = {
    "lathe": LatheEngine,
    "onnxruntime": OnnxRuntimeEngine,
    "openvino": OpenVinoEngine,
}
# Of single operators.
OP_ENGINES: dict[str, type[Engine]] = {**ENGINES, "torch": TorchEngine}
