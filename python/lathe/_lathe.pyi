# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Types of the native module, which python/native builds over the C ABI."""

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

class ValueDescription(TypedDict):
    name: str
    dtype: int
    dims: tuple[int, ...]

class FunctionDescription(TypedDict):
    name: str
    inputs: list[ValueDescription]
    outputs: list[ValueDescription]
    symbols: list[str]

class KernelDescription(TypedDict):
    name: str
    strategy: str
    nodes: str

class ModuleDescription(TypedDict):
    model: str
    target: str
    compiler: str
    weights_size: int
    functions: list[FunctionDescription]
    kernels: list[KernelDescription]
    metadata: dict[str, str]

def version() -> str: ...
def library_path() -> str: ...
def set_threads(threads: int) -> None: ...

class Program:
    @staticmethod
    def load(path: str | PathLike[str]) -> Program: ...
    @staticmethod
    def parse(data: bytes, name: str) -> Program: ...
    def compile(
        self,
        target: str,
        dims: Sequence[str] = ...,
        *,
        start_at: str | None = None,
        stop_after: str | None = None,
        dump_phases: str | None = None,
        threads: int = 0,
        progress: Callable[[str], object] | None = None,
    ) -> Artifact: ...

class Artifact:
    @staticmethod
    def load(path: str | PathLike[str]) -> Artifact: ...
    def save(self, path: str | PathLike[str]) -> None: ...
    def save_header(self, path: str | PathLike[str]) -> None: ...
    def ir(self) -> str | None: ...
    def module(self) -> Module: ...

class Module:
    @staticmethod
    def load(path: str | PathLike[str]) -> Module: ...
    def describe(self) -> ModuleDescription: ...
    def call(
        self, function: int, inputs: Sequence[Any], threads: int = 0
    ) -> list[npt.NDArray[np.generic]]: ...
