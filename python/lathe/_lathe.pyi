# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Types of the native module, which python/native builds over the C ABI."""

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, TypedDict

class ValueDescription(TypedDict):
    name: str
    kind: int
    of_sequence: bool
    any_rank: bool
    key_dtype: int
    dtype: int
    dims: tuple[int, ...]
    alias: int

class FunctionDescription(TypedDict):
    name: str
    inputs: list[ValueDescription]
    outputs: list[ValueDescription]
    symbols: list[str]
    ranges: list[tuple[int, int, int]]

class KernelDescription(TypedDict):
    name: str
    strategy: str
    key: str
    nodes: str

class ModuleDescription(TypedDict):
    model: str
    target: str
    isa: str
    variants: dict[str, str]
    compiler: str
    weights_size: int
    functions: list[FunctionDescription]
    kernels: list[KernelDescription]
    metadata: dict[str, str]

def version() -> str: ...
def target_title(target: str) -> str: ...
def library_path() -> str: ...
def announce_code(perf: bool = True, debugger: bool = False) -> None: ...
def element_types() -> list[tuple[int, str, str, int, str, int]]: ...
def set_threads(threads: int) -> None: ...
def get_memory() -> int: ...
def load_custom_ops(path: str | PathLike[str]) -> None: ...
def register_custom_op(
    name: str, function: Callable[[list[Any], list[Any], list[Any]], None]
) -> None: ...
def register_custom_op_address(name: str, address: int) -> None: ...
def check_custom_ops(sources: Sequence[str]) -> None: ...
def cuda_target(device: int = 0) -> str: ...
def cuda_keep_code(folder: str | None) -> None: ...

class Program:
    @staticmethod
    def load(
        path: str | PathLike[str],
        allow_links: bool = False,
        inputs: Sequence[str] = ...,
        limits: Sequence[str] = ...,
        custom_ops: Sequence[str] = ...,
        ranks: Sequence[str] = ...,
    ) -> Program: ...
    @staticmethod
    def load_all(
        sources: Sequence[tuple[str | None, str, bytes | None]],
        allow_links: bool = False,
        inputs: Sequence[str] = ...,
        limits: Sequence[str] = ...,
        custom_ops: Sequence[str] = ...,
        ranks: Sequence[str] = ...,
    ) -> Program: ...
    @staticmethod
    def parse(
        data: bytes,
        name: str,
        inputs: Sequence[str] = ...,
        limits: Sequence[str] = ...,
        custom_ops: Sequence[str] = ...,
        ranks: Sequence[str] = ...,
    ) -> Program: ...
    def index_bounds(self) -> list[int]: ...
    def compile(
        self,
        target: str,
        dims: Sequence[str] = ...,
        *,
        start_at: str | None = None,
        stop_after: str | None = None,
        dump_phases: str | None = None,
        threads: int = 0,
        accuracy: str = ...,
        precision: str = ...,
        progress: Callable[[str], object] | None = None,
        name: str = "",
        kernel_cache: str | None = None,
        donations: Sequence[str] = ...,
        choices: str | None = None,
        choices_file: str = "",
        choices_are_optional: bool = False,
        alternative: int = 0,
    ) -> Artifact: ...

class Artifact:
    @staticmethod
    def load(path: str | PathLike[str], unchecked_weights: bool = False) -> Artifact: ...
    def save(self, path: str | PathLike[str]) -> None: ...
    def save_header(self, path: str | PathLike[str]) -> None: ...
    def describe(self) -> ModuleDescription: ...
    def ir(self) -> str | None: ...
    def module(self, isa: str | None = None, device: int = 0) -> Module: ...

class DeviceArray:
    """A tensor in the memory of an NVIDIA GPU, which others take by DLPack, without a copy."""

    @staticmethod
    def from_host(array: Any, device: int = 0) -> DeviceArray: ...
    @staticmethod
    def allocate(dtype: int, shape: Sequence[int], device: int = 0) -> DeviceArray: ...
    @staticmethod
    def at(address: int, dtype: int, shape: Sequence[int], device: int = 0) -> DeviceArray: ...
    @staticmethod
    def from_dlpack(array: Any, dtype: int | None = None) -> DeviceArray: ...
    def write(self, array: Any) -> None: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype_code(self) -> int: ...
    @property
    def device(self) -> int: ...
    @property
    def address(self) -> int: ...
    def numpy(self) -> Any: ...
    def __dlpack__(self, *, stream: int | None = None, **options: Any) -> Any: ...
    def __dlpack_device__(self) -> tuple[int, int]: ...

class CancelToken:
    """Ends calls of compiled models that are under way, from another thread."""

    def __init__(self) -> None: ...
    def cancel(self) -> None: ...
    @property
    def cancelled(self) -> bool: ...

class Module:
    @staticmethod
    def load(
        path: str | PathLike[str],
        isa: str | None = None,
        unchecked_weights: bool = False,
        device: int = 0,
    ) -> Module: ...
    def describe(self) -> ModuleDescription: ...
    def call(
        self,
        function: int,
        inputs: Sequence[Any],
        threads: int = 0,
        max_loop_steps: int = 0,
        cancel: CancelToken | None = None,
        outputs: Sequence[Any] | None = None,
        flush_denormals: bool = False,
        max_bytes: int = 0,
        stream: int = 1,
        device_outputs: bool = False,
        stream_owner: Any = None,
        replay: bool = False,
        observe: list[tuple[int, int, int]] | None = None,
    ) -> tuple[list[Any], str | None]: ...
