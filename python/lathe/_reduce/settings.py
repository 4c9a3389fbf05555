# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What all trials of a reduction have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Settings:
    """What `lathe.reduce` was told about trials."""

    peers: tuple[str, ...] = ("onnxruntime",)
    options: Mapping[str, Any] = field(default_factory=dict)  # Of lathe.compile.
    custom_ops: tuple[str, ...] = ()
    threads: int = 2
    atol: float = 1e-4
    rtol: float = 1e-3
    seconds: float = 60.0  # Of one trial.
