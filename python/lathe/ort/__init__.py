# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A stand-in for onnxruntime: the part of its Python API that programs use, on Lathe.

    import lathe.ort as onnxruntime

or, for programs of others that say `import onnxruntime` themselves, one line before they do:

    import lathe.ort; lathe.ort.install()
"""

from __future__ import annotations

import importlib
import logging
import sys
from types import ModuleType
from typing import Any

from lathe.ort.binding import IOBinding
from lathe.ort.options import (
    ExecutionMode,
    ExecutionOrder,
    GraphOptimizationLevel,
    RunOptions,
    SessionOptions,
)
from lathe.ort.session import CPU, InferenceSession
from lathe.ort.values import ModelMetadata, NodeArg, OrtValue

# The version whose behaviour this module follows: programs compare it.
__version__ = "1.31.1"

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
    for name in _SUBMODULES:
        _replaced[f"onnxruntime.{name}"] = importlib.import_module(f"{__name__}.{name}")
    sys.modules.update(_replaced)


def uninstall() -> None:
    """Make `import onnxruntime` give onnxruntime again, if it is there."""
    for name, module in _replaced.items():
        if sys.modules.get(name) is module:
            del sys.modules[name]
    _replaced.clear()


def get_available_providers() -> list[str]:
    """Return the one provider there is."""
    return [CPU]


def get_all_providers() -> list[str]:
    """Return the one provider there is."""
    return [CPU]


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


def __getattr__(name: str) -> Any:
    """Say what is missing where a program asks for a part of onnxruntime that is not here."""
    raise AttributeError(
        f"onnxruntime.{name} is not in lathe.ort, which has the part of onnxruntime's API that "
        "programs use to run models [ort-no-attribute]"
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
    "disable_telemetry_events",
    "enable_telemetry_events",
    "get_all_providers",
    "get_available_providers",
    "get_build_info",
    "get_device",
    "get_version_string",
    "install",
    "set_default_logger_severity",
    "set_default_logger_verbosity",
    "set_seed",
    "uninstall",
]
