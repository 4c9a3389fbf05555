# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A model with inputs of unknown rank in the place of a compiled one: each run says the ranks."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from lathe import dtypes
from lathe._onnxfile import ModelInfo
from lathe.model import CompiledModel
from lathe.ort.capi import onnxruntime_pybind11_state as errors
from lathe.signature import Value
from lathe.unranked import UnrankedModel

_BY_NUMBER = {d.number: d for d in dtypes.BY_CODE.values()}


class Unranked:
    """What a session needs of a model that is compiled for the ranks that it is called with.

    Where the file declares no shape, inputs and outputs have the shape (), as in onnxruntime.
    """

    def __init__(self, model: UnrankedModel, info: ModelInfo) -> None:
        """Describe the model by its file; nothing is compiled yet."""
        self._model = model
        self._options: dict[str, Any] = {}
        # What the last run compiled, if there was one; one list for all that `with_options` makes.
        self._last: list[CompiledModel] = []
        self.inputs = tuple(_value(info, name) for name in model.inputs)
        self.outputs = tuple(_value(info, name) for name in info.outputs)
        self.name = info.graph_name
        self.metadata = dict(info.metadata)

    def with_options(self, **options: Any) -> Unranked:
        """Return the same model with other options of a run; those of `CompiledModel`."""
        other = copy.copy(self)
        other._options = options
        return other

    def run(self, feed: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """Compute the outputs by name, for the ranks of `feed`."""
        model = self._model._specialize_for(feed)
        self._last[:] = [model]
        return (model.with_options(**self._options) if self._options else model).run(feed, **more)

    @property
    def compiled(self) -> CompiledModel:
        """What the last run compiled. Raises ValueError where there was none."""
        if not self._last:
            raise ValueError("the model has inputs of unknown rank; run it to have it compiled")
        return self._last[0]


def _value(info: ModelInfo, name: str) -> Value:
    if (dtype := _BY_NUMBER.get(info.types.get(name, 0))) is None:
        raise errors.NotImplemented(
            f'"{name}" is no tensor of a type that the file declares, and the model has inputs of '
            "unknown rank; declare it, or their ranks [ort-unranked-type]"
        )
    return Value(name, dtype, info.shapes.get(name, ()))
