# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where the command line is, and the dtypes that it knows."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
from collections.abc import Callable

ROOT = pathlib.Path(__file__).resolve().parents[2]

Result = subprocess.CompletedProcess[str]
Run = Callable[..., Result]
MakeEcho = Callable[..., pathlib.Path]

# NumPy's name of a dtype, its number in lathe_dtype, bytes, Lathe's name.
DTYPES = (
    ("float32", 1, 4, "f32"),
    ("float64", 2, 8, "f64"),
    ("float16", 3, 2, "f16"),
    ("bfloat16", 4, 2, "bf16"),
    ("int8", 5, 1, "i8"),
    ("int16", 6, 2, "i16"),
    ("int32", 7, 4, "i32"),
    ("int64", 8, 8, "i64"),
    ("uint8", 9, 1, "u8"),
    ("uint16", 10, 2, "u16"),
    ("uint32", 11, 4, "u32"),
    ("uint64", 12, 8, "u64"),
    ("bool", 13, 1, "bool"),
    ("float8_e4m3fn", 14, 1, "f8e4m3fn"),
    ("float8_e5m2", 16, 1, "f8e5m2"),
    ("complex64", 26, 8, "c64"),
    ("complex128", 27, 16, "c128"),
)


def program() -> str:
    """The path of `lathe`: what was built here, else what is installed."""
    built = pathlib.Path(os.environ.get("LATHE_BUILD", ROOT / "build/release")) / "bin/lathe"
    found = str(built) if built.exists() else shutil.which("lathe")
    assert found, f"there is no {built} and no lathe on PATH; build one"
    return found
