# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`lathe.register_op`: operators of one's own, for all models that are compiled from then on."""

from __future__ import annotations

import ctypes
import hashlib
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lathe import _lathe
from lathe.errors import compile_error

Function = Callable[..., Any] | int

_sources: list[str] = []
_functions: list[Function] = []  # Models may call them for as long as the process lives.
_mutex = threading.Lock()


def register_op(
    source: str | os.PathLike[str], functions: Mapping[str, Function] | None = None
) -> None:
    """Declare operators of one's own, which `lathe.compile` takes from now on.

    `source` is the path of a library of operators (`.so`, include/lathe-runtime/custom_op.h) or of
    declarations (`.mlir`), or the text of declarations; docs/recipes/add-custom-op.md shows them.
    `functions` has, by "domain::name", what computes those that have no body and are in no library:
    a function of Python that takes the inputs, then the attributes, as arrays and returns an array,
    or one for each output; or the address of a C function, also as ctypes has it. An input that the
    node leaves out, which is declared as `none`, is None. Where sizes of results follow from data,
    "domain::name::sizes" is a function of the same arguments that returns them as an int64 vector.
    The arrays are read-only and only good during the call. Dtypes that NumPy has not are
    unsigned integers of their size. An operator that is declared again is computed as declared
    last. A model that was saved needs its operators registered before `lathe.load`.

    Raises lathe.CompileError if `source` cannot be read or loaded, if its declarations are wrong,
    or if a name is none; no model has its operators then.
    """
    path = os.fspath(source)
    if path.endswith(".so"):
        _lathe.load_custom_ops(path)
    _lathe.check_custom_ops([path])
    for name, function in (functions or {}).items():
        _register(name, function)
    with _mutex:
        _sources.append(path)


def sources() -> list[str]:
    """Return what was registered, in order."""
    with _mutex:
        return list(_sources)


def keys(registered: Sequence[str]) -> list[str]:
    """Return what tells these sources from others, for the keys of compiled models."""
    return [f"op {_digest(source)}" for source in registered]


def _digest(source: str) -> str:
    if source.endswith((".so", ".mlir")):
        try:
            return hashlib.sha256(Path(source).read_bytes()).hexdigest()
        except OSError as error:
            raise compile_error(
                "custom-op-cannot-read", f"{source}: cannot be read: {error.strerror}"
            ) from None
    return hashlib.sha256(source.encode()).hexdigest()


def _register(name: str, function: Function) -> None:
    if isinstance(function, int):
        _lathe.register_custom_op_address(name, function)
    elif isinstance(function, ctypes._CFuncPtr):  # type: ignore[attr-defined]
        address = ctypes.cast(function, ctypes.c_void_p).value or 0
        _lathe.register_custom_op_address(name, address)
    else:
        _lathe.register_custom_op(name, _writing(name, function))
    with _mutex:
        _functions.append(function)


def _writing(name: str, function: Callable[..., Any]) -> Callable[..., None]:
    def compute(inputs: list[Any], attributes: list[Any], outputs: list[Any]) -> None:
        results = function(*inputs, *attributes)
        results = results if isinstance(results, (tuple, list)) else (results,)
        for i, (result, output) in enumerate(zip(results, outputs, strict=True)):
            array = np.asarray(result)
            if array.shape != output.shape or array.dtype != output.dtype:
                raise ValueError(
                    f"{name}: result {i} is {array.dtype}{list(array.shape)}, but "
                    f"{output.dtype}{list(output.shape)} is declared"
                )
            np.copyto(output, array)

    return compute
