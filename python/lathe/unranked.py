# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`lathe.compile_unranked`: models with inputs of unknown rank, compiled once those are known."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np

from lathe.compiler import _format_limits, _format_ranks
from lathe.compiler import compile as _compile
from lathe.errors import compile_error, runtime_error
from lathe.model import CompiledModel
from lathe.source import Model, Source


def compile_unranked(model: Model | Source, **options: Any) -> UnrankedModel:
    """Take an ONNX model whose inputs may have no rank, and compile it at the first call.

    A call with arrays of other ranks than before compiles the model for those; what was compiled is
    kept. `options` are those of `lathe.compile`, but for `ranks`, which raises TypeError. A model
    in which all ranks are known is compiled once, at the first call, too. Raises lathe.CompileError
    if the model is no ONNX file; so does a call for new ranks if the file has changed.
    """
    if "ranks" in options:
        raise TypeError(
            "compile_unranked takes the ranks of each call; give `ranks` to lathe.compile"
        )
    source = model if isinstance(model, Source) else Source(model)
    return UnrankedModel(source, options)


class UnrankedModel:
    """A model that is compiled for the ranks that it is called with. Made by `compile_unranked`."""

    def __init__(self, source: Source, options: Mapping[str, Any]) -> None:
        """Read the inputs of the model; nothing is compiled yet."""
        source.drain(_format_limits(options.get("limits")))
        self._source = source
        self._options = dict(options)
        self._made: dict[tuple[int, ...], CompiledModel] = {}
        self._mutex = threading.Lock()
        self._inputs = source.input_ranks()
        self._content = source.content_hash()

    @property
    def inputs(self) -> dict[str, int | None]:
        """The rank of each input by its name, in order; None where the model leaves it open."""
        return dict(self._inputs)

    @property
    def compiled(self) -> dict[tuple[int, ...], CompiledModel]:
        """What was compiled, by the ranks of all inputs."""
        return dict(self._made)

    def specialize(self, ranks: Mapping[str, int]) -> CompiledModel:
        """Return the model for these ranks of the inputs that have none, compiled if need be.

        Raises lathe.CompileError if the model cannot have them or its file has changed, and
        ValueError for what is no rank.
        """
        open_ones = [name for name, rank in self._inputs.items() if rank is None]
        if missing := [name for name in open_ones if name not in ranks]:
            raise runtime_error("call-input-names", f'no rank is given for input "{missing[0]}"')
        chosen = {name: ranks[name] for name in open_ones}
        _format_ranks(chosen)  # What is no rank is no key, either.
        key = tuple(chosen[n] if r is None else r for n, r in self._inputs.items())
        with self._mutex:
            if key not in self._made:
                if self._source.content_hash() != self._content:
                    raise compile_error(
                        "model-changed",
                        f"{self._source.name}: the model, or a file that it refers to, has changed "
                        "since compile_unranked; call that again",
                    )
                self._made[key] = _compile(self._source, ranks=chosen, **self._options)
            return self._made[key]

    def __call__(self, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Compute the outputs; as `CompiledModel.__call__`, which it becomes for these ranks."""
        values = dict(zip(self._inputs, args, strict=False)) | kwargs
        return self._specialize_for(values)(*args, **kwargs)

    def run(self, feed: Mapping[str, Any], **options: Any) -> dict[str, Any]:
        """Compute the outputs by name; as `CompiledModel.run`, for the ranks of `feed`."""
        return self._specialize_for(feed).run(feed, **options)

    def _specialize_for(self, values: Mapping[str, Any]) -> CompiledModel:
        """Return the model for the ranks of these inputs, by name; as `specialize`."""
        ranks = {}
        for name, rank in self._inputs.items():
            if rank is None and name in values:
                shape = getattr(values[name], "shape", None)
                ranks[name] = np.ndim(values[name]) if shape is None else len(shape)
        return self.specialize(ranks)
