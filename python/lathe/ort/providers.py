# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Execution providers: the CPU, and an NVIDIA GPU where its driver is there."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from lathe.devices import gpu_target

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"


def available_providers() -> list[str]:
    """Return the providers that this machine has, the best first."""
    return [CUDA, CPU] if gpu_target() else [CPU]


def choose_providers(
    providers: Sequence[str | tuple[str, Mapping[str, Any]]] | None,
) -> tuple[list[str], str]:
    """Return the names of the providers of a session, the one that is used first, and its target.

    `providers` are names, or pairs of a name and its options, which are not read: the GPU is the
    first. Of several, the first that is here is used; the CPU comes behind all. Warns as
    onnxruntime does if none of them is here. Raises ValueError if it is no sequence.
    """
    if providers is None:
        return [CPU], "host"
    if not isinstance(providers, Sequence):
        raise ValueError("'providers' should be a sequence.")
    if isinstance(providers, str):
        providers = [providers]
    names = [p if isinstance(p, str) else p[0] for p in providers]
    available = [CPU]
    if CUDA in names and (target := gpu_target()) is not None:
        available = [CUDA, CPU]
        if next(name for name in names if name in available) == CUDA:
            return [CUDA, CPU], target
    if names and not set(names).intersection(available):
        listed = ", ".join(f"'{name}'" for name in available)
        warnings.warn(
            f"Specified provider '{names[0]}' is not in available provider names."
            f"Available providers: {listed}",
            stacklevel=3,
        )
    return [CPU], "host"
