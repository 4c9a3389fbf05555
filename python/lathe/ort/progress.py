# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a program that never heard of compiling shows while its first session is compiled.

One line of level INFO in the log "lathe", a bar where stderr is a terminal, and a hook.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

_log = logging.getLogger("lathe.ort")

Hook = Callable[[str, str], object]

_PATIENCE_S = 0.5  # What is done sooner needs no bar.
_PHASES = ("optimize", "partition", "lower", "schedule", "bufferize", "codegen", "emit")
_WIDTH = 24

_hook: Hook | None = None


def set_progress_hook(hook: Hook | None) -> None:
    """Call `hook(model, phase)` as each phase of a compilation starts; None to stop that."""
    global _hook
    _hook = hook


class Progress:
    """The compilation of one model; give `step` to lathe.compile."""

    def __init__(self, name: str) -> None:
        """Take the name of the model for messages."""
        self._name = name
        self._begin = time.monotonic()
        self._is_told = self._is_drawn = False

    def __enter__(self) -> Progress:
        """Start."""
        return self

    def step(self, phase: str) -> None:
        """Tell that `phase` starts."""
        if not self._is_told:
            self._is_told = True
            _log.info("%s: compiling, from phase %s on; kept for the next time", self._name, phase)
        if _hook is not None:
            _hook(self._name, phase)
        if sys.stderr.isatty() and time.monotonic() - self._begin > _PATIENCE_S:
            self._draw(phase)

    def _draw(self, phase: str) -> None:
        word = phase.split(" ")[0]
        done = _PHASES.index(word) if word in _PHASES else 0
        filled = _WIDTH * done // len(_PHASES)
        bar = "#" * filled + "-" * (_WIDTH - filled)
        name = Path(self._name).name[-40:]
        sys.stderr.write(f"\r\x1b[Klathe: compiling {name} [{bar}] {phase}")
        sys.stderr.flush()
        self._is_drawn = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the bar away."""
        if self._is_drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
