# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which GPUs this machine has, and their streams."""

from __future__ import annotations

from typing import Any

from lathe._lathe import cuda_target
from lathe.errors import RuntimeError

DEFAULT_STREAM = 1  # The driver's own queue, as DLPack numbers it.


def gpu_target(device: int = 0) -> str | None:
    """Return the target of an NVIDIA GPU, counted from 0, for `lathe.compile`: "cuda:sm_86".

    None if there is no such GPU, or no driver.
    """
    try:
        return cuda_target(device)
    except RuntimeError:
        return None


def stream_number(stream: Any) -> int:
    """Return the number that DLPack has for a stream: of PyTorch, of CuPy, or a cudaStream_t.

    None is the driver's own queue. The number keeps no stream alive; its object does. Raises
    ValueError for what is no stream.
    """
    for attribute in ("cuda_stream", "ptr"):
        stream = getattr(stream, attribute, stream)
    if stream is None or (hasattr(stream, "__index__") and int(stream) == 0):
        return DEFAULT_STREAM
    if isinstance(stream, bool) or not hasattr(stream, "__index__") or not 0 < stream < 2**64:
        raise ValueError(
            f"stream is {stream!r}; give a cudaStream_t as a number, an object that has "
            "`cuda_stream` or `ptr`, or None"
        )
    return int(stream)
