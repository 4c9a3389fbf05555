# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A stand-in for onnxruntime: the part of its Python API that programs use, on Lathe.

    import lathe.ort as onnxruntime

or, for programs of others that say `import onnxruntime` themselves, one line before they do:

    import lathe.ort; lathe.ort.install()

or, for programs that are not to be changed, `python -m lathe.ort PROGRAM ...`.
"""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from lathe._lathe import set_threads
from lathe.ort.absent import ABSENT, FROM_PACKAGE
from lathe.ort.binding import IOBinding
from lathe.ort.options import (
    ExecutionMode,
    ExecutionOrder,
    GraphOptimizationLevel,
    RunOptions,
    SessionOptions,
)
from lathe.ort.progress import set_progress_hook
from lathe.ort.providers import CPU, CUDA, available_providers
from lathe.ort.session import MOST_THREADS, InferenceSession
from lathe.ort.values import ModelMetadata, NodeArg, OrtValue

# The version whose behaviour this module follows: programs compare it.
__version__ = version = "1.31.1"
package_name = "onnxruntime"
cuda_version = ""

_SUBMODULES = ("capi", "capi.onnxruntime_pybind11_state", "capi._pybind_state")
_replaced: dict[str, ModuleType] = {}


def install() -> None:
    """Make `import onnxruntime` give this module, for all code that imports it from now on.

    Raises ImportError if onnxruntime itself was imported before: parts of the program would hold
    on to it.
    """
    current = sys.modules.get("onnxruntime")
    if current is not None and current is not sys.modules[__name__]:
        raise ImportError(
            "onnxruntime was imported already; call lathe.ort.install() before anything imports it "
            "[ort-already-imported]"
        )
    _replaced["onnxruntime"] = sys.modules[__name__]
    if (package := _installed_folder()) is not None and package not in __path__:
        __path__.append(package)
    for name in _SUBMODULES:
        _replaced[f"onnxruntime.{name}"] = importlib.import_module(f"{__name__}.{name}")
    sys.modules.update(_replaced)


def _installed_folder() -> str | None:
    """Return the folder of onnxruntime itself, which has what FROM_PACKAGE names."""
    here = Path(__file__).parent / "replace"
    places = [p for p in sys.path if Path(p or ".").absolute() != here.absolute()]
    spec = PathFinder.find_spec("onnxruntime", places)
    return str(Path(spec.origin).parent) if spec is not None and spec.origin else None


def uninstall() -> None:
    """Make `import onnxruntime` give onnxruntime again, if it is there."""
    del __path__[1:]
    for name in FROM_PACKAGE:
        sys.modules.pop(f"onnxruntime.{name}", None)
    for name, module in _replaced.items():
        if sys.modules.get(name) is module:
            del sys.modules[name]
    _replaced.clear()


def get_available_providers() -> list[str]:
    """Return the providers of this machine, the best first: an NVIDIA GPU, and the CPU."""
    return available_providers()


def get_all_providers() -> list[str]:
    """Return all providers that there may be, the best first."""
    return [CUDA, CPU]


def get_device() -> str:
    """Return "CPU"."""
    return "CPU"


def get_version_string() -> str:
    """Return the version of onnxruntime whose behaviour this module follows."""
    return __version__


def get_build_info() -> str:
    """Return which compiler is behind this module."""
    import lathe

    return f"lathe {lathe.__version__}"


def set_default_logger_severity(severity: int) -> None:
    """Set what Lathe logs in Python: 0 all, 1 information, 2 warnings, 3 errors, 4 fatal errors."""
    if not 0 <= severity <= 4:
        raise ValueError(f"severity is {severity}; give 0 to 4")
    logging.getLogger("lathe").setLevel((severity + 1) * 10)


def set_default_logger_verbosity(verbosity: int) -> None:
    """Accept: there are no further levels below severity 0."""


def disable_telemetry_events() -> None:
    """Accept: there is no telemetry."""


def enable_telemetry_events() -> None:
    """Accept: there is no telemetry."""


def set_seed(seed: int) -> None:
    """Accept: models that draw random numbers carry their seeds."""


def set_global_thread_pool_sizes(
    intra_op_num_threads: int = 0, inter_op_num_threads: int = 0
) -> None:
    """Set the threads of calls whose session does not say; 0 for all. Kernels run one by one."""
    set_threads(min(max(intra_op_num_threads, 0), MOST_THREADS))


def copy_tensors(src: Sequence[OrtValue], dst: Sequence[OrtValue], stream: Any = None) -> None:
    """Copy the elements of each value of `src` to the one at its place in `dst`.

    Raises ValueError if shapes or types differ.
    """
    for source, target in zip(src, dst, strict=True):
        target.update_inplace(source.numpy())


def get_ep_devices() -> list[Any]:
    """Return none: there are no devices beside the CPU."""
    return []


def has_collective_ops() -> bool:
    """Return False."""
    return False


def preload_dlls(
    cuda: bool = True, cudnn: bool = True, msvc: bool = True, directory: str | None = None
) -> None:
    """Accept: there are no libraries of devices."""


def print_debug_info() -> None:
    """Print what is behind this module."""
    print(f"{get_build_info()} in the place of onnxruntime {__version__}, on {CPU}")


def _from_package(name: str) -> ModuleType:
    """Return a part of an installed onnxruntime, whose own imports find this module."""
    try:
        return importlib.import_module(f"onnxruntime.{name}")
    except ModuleNotFoundError as error:
        if error.name not in ("onnxruntime", f"onnxruntime.{name}"):
            raise
        raise ImportError(
            f"onnxruntime.{name} is part of the package onnxruntime and comes from there; "
            "pip install onnxruntime [ort-no-package]"
        ) from None


def __getattr__(name: str) -> Any:
    """Say what is missing where a program asks for a part of onnxruntime that is not here."""
    if name in FROM_PACKAGE:
        return _from_package(name)
    reason = ABSENT.get(name, "it is not part of what programs use to run models")
    raise AttributeError(
        f"onnxruntime.{name} is not in lathe.ort: {reason}; docs/onnxruntime.md lists what is "
        "[ort-no-attribute]"
    )


__all__ = [
    "ExecutionMode",
    "ExecutionOrder",
    "GraphOptimizationLevel",
    "IOBinding",
    "InferenceSession",
    "ModelMetadata",
    "NodeArg",
    "OrtValue",
    "RunOptions",
    "SessionOptions",
    "copy_tensors",
    "disable_telemetry_events",
    "enable_telemetry_events",
    "get_all_providers",
    "get_available_providers",
    "get_build_info",
    "get_device",
    "get_ep_devices",
    "get_version_string",
    "has_collective_ops",
    "install",
    "preload_dlls",
    "print_debug_info",
    "set_default_logger_severity",
    "set_default_logger_verbosity",
    "set_global_thread_pool_sizes",
    "set_progress_hook",
    "set_seed",
    "uninstall",
]
