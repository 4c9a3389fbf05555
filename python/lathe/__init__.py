# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Lathe compiles deep learning models to native code and runs them.

    import lathe

    model = lathe.compile("detector.onnx")
    (boxes,) = model(image)

`lathe.ort` stands in for onnxruntime, `lathe.onnx_backend` for a backend of ONNX, and
`lathe.cache` says where compiled models are kept.
"""

from lathe import cache
from lathe._lathe import CancelToken, DeviceArray, announce_code, set_threads, version
from lathe._reduce.api import Reduction, reduce
from lathe.compiler import compile, load
from lathe.custom_ops import register_op
from lathe.errors import (
    CancelledError,
    CompileError,
    CompileWarning,
    Diagnostic,
    LatheError,
    RuntimeError,
)
from lathe.model import CompiledModel
from lathe.signature import Signature, Value
from lathe.tuning import TunedKernel, Tuning, tune
from lathe.unranked import UnrankedModel, compile_unranked

__version__: str = version()

__all__ = [
    "CancelToken",
    "CancelledError",
    "CompileError",
    "CompileWarning",
    "CompiledModel",
    "DeviceArray",
    "Diagnostic",
    "LatheError",
    "Reduction",
    "RuntimeError",
    "Signature",
    "TunedKernel",
    "Tuning",
    "UnrankedModel",
    "Value",
    "announce_code",
    "cache",
    "compile",
    "compile_unranked",
    "load",
    "reduce",
    "register_op",
    "set_threads",
    "tune",
    "version",
]
