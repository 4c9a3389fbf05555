# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which GPUs this machine has."""

from __future__ import annotations

from lathe._lathe import cuda_target
from lathe.errors import RuntimeError


def gpu_target(device: int = 0) -> str | None:
    """Return the target of an NVIDIA GPU, counted from 0, for `lathe.compile`: "cuda:sm_86".

    None if there is no such GPU, or no driver.
    """
    try:
        return cuda_target(device)
    except RuntimeError:
        return None
