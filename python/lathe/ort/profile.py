# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The profile of a session, in the format that onnxruntime writes: a list of trace events."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lathe.ort.options import SessionOptions


class Profile:
    """Events of one session, kept only if its options ask for them.

    Compiling and each run are events; single nodes are not, since kernels compute several.
    """

    def __init__(self, options: SessionOptions) -> None:
        """Start the clock."""
        self.started_ns = time.monotonic_ns()
        self._events: list[dict[str, Any]] | None = [] if options.enable_profiling else None
        stamp = time.strftime("%Y-%m-%d_%H-%M-%S")
        self._path = Path(f"{options.profile_file_prefix}_{stamp}.json")

    @contextlib.contextmanager
    def event(self, category: str, name: str) -> Iterator[None]:
        """Keep how long the body took, in microseconds since the start."""
        if self._events is None:
            yield
            return
        begin = time.monotonic_ns()
        try:
            yield
        finally:
            if (events := self._events) is not None:
                events.append(
                    {
                        "cat": category,
                        "pid": os.getpid(),
                        "tid": threading.get_native_id(),
                        "dur": (time.monotonic_ns() - begin) // 1000,
                        "ts": (begin - self.started_ns) // 1000,
                        "ph": "X",
                        "name": name,
                        "args": {},
                    }
                )

    def write(self) -> str:
        """Write the file, end profiling, and return the path; "" if there is nothing to write."""
        events, self._events = self._events, None
        if events is None:
            return ""
        self._path.write_text(json.dumps(events, indent=0))
        return str(self._path)
