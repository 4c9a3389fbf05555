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
    provider_options: Sequence[Mapping[str, Any]] | None = None,
) -> tuple[list[str], str, int]:
    """Return the names of a session's providers, the one that is used first, its target and GPU.

    `providers` are names, or pairs of a name and its options, which may be in `provider_options`
    instead; of these, `device_id` says which GPU. Of several, the first that is here is used; the
    CPU comes behind all. Warns as onnxruntime does if none of them is here. Raises ValueError if it
    is no sequence.
    """
    if providers is None:
        return [CPU], "host", 0
    if not isinstance(providers, Sequence):
        raise ValueError("'providers' should be a sequence.")
    if isinstance(providers, str):
        providers = [providers]
    names = [p if isinstance(p, str) else p[0] for p in providers]
    available = [CPU]
    device = _device_id(providers, names, provider_options or ())
    if CUDA in names and (target := gpu_target(device)) is not None:
        available = [CUDA, CPU]
        if next(name for name in names if name in available) == CUDA:
            return [CUDA, CPU], target, device
    if names and not set(names).intersection(available):
        listed = ", ".join(f"'{name}'" for name in available)
        warnings.warn(
            f"Specified provider '{names[0]}' is not in available provider names."
            f"Available providers: {listed}",
            stacklevel=3,
        )
    return [CPU], "host", 0


def _device_id(
    providers: Sequence[str | tuple[str, Mapping[str, Any]]],
    names: Sequence[str],
    options: Sequence[Mapping[str, Any]],
) -> int:
    """Return the GPU that the options of its provider name; 0 if they name none."""
    for i, name in enumerate(names):
        if name == CUDA:
            pair = providers[i]
            own = options[i] if i < len(options) else {} if isinstance(pair, str) else pair[1]
            return int(own.get("device_id", 0))
    return 0
