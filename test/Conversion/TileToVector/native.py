# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compile MLIR text to machine code and call it with NumPy arrays, for tests that check numbers."""

from __future__ import annotations

import ctypes
import pathlib
import shutil
import subprocess

import numpy as np
from emulation import TILES_C, emulate, emulate_tiles

PASSES = [
    "--convert-tile-to-vector",
    "--canonicalize",
    "--cse",
    "--scf-forall-to-for",
    "--expand-strided-metadata",
    "--lower-affine",
    "--convert-scf-to-cf",
    "--convert-vector-to-llvm",
    "--convert-math-to-llvm",
    "--finalize-memref-to-llvm",
    "--convert-arith-to-llvm",
    "--convert-index-to-llvm",
    "--convert-cf-to-llvm",
    "--convert-func-to-llvm",
    "--reconcile-unrealized-casts",
]

# What llc may use, and the lanes of an f32 vector, for each vector unit.
UNITS = {
    "sse2": ("+sse2", 4, set()),
    "avx2": ("+avx2,+fma,+f16c", 8, {"avx2", "fma", "f16c"}),
    "avx512": (
        "+avx512f,+avx512dq,+avx512bw,+avx512vl",
        16,
        {"avx512f", "avx512dq", "avx512bw", "avx512vl"},
    ),
}


def supported_units() -> list[str]:
    """The units that this machine can run."""
    flags = set(pathlib.Path("/proc/cpuinfo").read_text().split())
    return [name for name, (_, _, needed) in UNITS.items() if needed <= flags]


def tool(name: str) -> str:
    path = shutil.which(f"{name}-22") or shutil.which(name)
    if path is None:
        raise SystemExit(f"{name} of LLVM 22 is not on PATH")
    return path


def run(command: list[str], text: bytes) -> bytes:
    result = subprocess.run(command, input=text, capture_output=True, check=False)
    if result.returncode != 0:
        raise SystemExit(
            f"{' '.join(command)}\nfailed: {result.stderr.decode()}\non\n{text.decode()[:4000]}"
        )
    return result.stdout


class Library:
    """The functions of one module, each with `llvm.emit_c_interface`."""

    def __init__(
        self,
        text: str,
        unit: str,
        folder: pathlib.Path,
        lathe_opt: str,
        emulated: frozenset[str] = frozenset(),
    ) -> None:
        llvm_dialect = run([lathe_opt, *PASSES], text.encode())
        llvm_ir = run([tool("mlir-translate"), "--mlir-to-llvmir"], llvm_dialect)
        if emulated:
            llvm_ir = emulate(llvm_ir.decode(), emulated).encode()
        objects = []
        if "amx" in emulated:
            llvm_ir = emulate_tiles(llvm_ir.decode()).encode()
            tiles = folder / "tiles.o"
            compiler = [tool("clang"), "-O2", "-fPIC", "-x", "c", "-c", "-o", str(tiles), "-"]
            run(compiler, TILES_C.encode())
            objects.append(str(tiles))
        code = folder / "kernels.o"
        features = UNITS[unit][0]
        run(
            [
                tool("llc"),
                "-O3",
                "-relocation-model=pic",
                f"-mattr={features}",
                "-filetype=obj",
                "-mtriple=x86_64-unknown-linux-gnu",
                "-o",
                str(code),
            ],
            llvm_ir,
        )
        shared = folder / "kernels.so"
        run([tool("clang"), "-shared", "-o", str(shared), str(code), *objects, "-lm"], b"")
        self.library = ctypes.CDLL(str(shared))

    def call(self, name: str, *arrays: np.ndarray) -> None:
        descriptors = [descriptor(array) for array in arrays]
        getattr(self.library, f"_mlir_ciface_{name}")(*(ctypes.byref(d) for d in descriptors))


def descriptor(array: np.ndarray) -> ctypes.Structure:
    """The memref descriptor of `array`, whose strides may be any."""
    rank = array.ndim

    class Descriptor(ctypes.Structure):
        _fields_ = [
            ("allocated", ctypes.c_void_p),
            ("aligned", ctypes.c_void_p),
            ("offset", ctypes.c_int64),
        ]
        if rank:
            _fields_ += [("sizes", ctypes.c_int64 * rank), ("strides", ctypes.c_int64 * rank)]

    result = Descriptor(array.ctypes.data, array.ctypes.data, 0)
    for i in range(rank):
        result.sizes[i] = array.shape[i]
        result.strides[i] = array.strides[i] // array.itemsize
    return result
