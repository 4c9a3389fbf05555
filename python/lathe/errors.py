# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What goes wrong, as Python sees it: diagnostics with stable ids, and exceptions with those."""

from __future__ import annotations

import builtins
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

_ID = re.compile(r"\[([a-z0-9]+(?:-[a-z0-9]+)+)\]")


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One error or warning.

    `severity` is "error" or "warning". `id` is the stable id without its brackets, such as
    "onnx-unsupported-op", or "" where there is none. `message` is the whole text as the command
    line prints it: place, message, `[id]`, and the notes that say what to do.
    """

    severity: str
    id: str
    message: str

    def __str__(self) -> str:
        """Return the message."""
        return self.message


class LatheError(Exception):
    """What all errors of Lathe have in common: `diagnostics`, in the order of their making."""

    diagnostics: tuple[Diagnostic, ...]

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        """Keep `diagnostics`; the text of the exception is theirs, one after the other."""
        self.diagnostics = tuple(diagnostics)
        super().__init__("\n".join(d.message for d in self.diagnostics))

    def __reduce__(self) -> tuple[type[LatheError], tuple[tuple[Diagnostic, ...]]]:
        """Let the error travel between processes."""
        return type(self), (self.diagnostics,)

    @property
    def ids(self) -> tuple[str, ...]:
        """The stable ids of the errors among the diagnostics, without repetition."""
        return tuple(dict.fromkeys(d.id for d in self.diagnostics if d.severity == "error"))


class CompileError(LatheError):
    """A model could not be read, compiled, saved or loaded."""


class RuntimeError(LatheError, builtins.RuntimeError):
    """A call of a compiled model failed: wrong inputs, or no memory."""


class CancelledError(RuntimeError):
    """A call of a compiled model was ended by its `CancelToken`."""


class CompileWarning(UserWarning):
    """A model was compiled, but something about it deserves attention."""


def compile_error(id: str, message: str) -> CompileError:
    """Return an error of this package's own making, in the form that the compiler uses."""
    return CompileError([Diagnostic("error", id, f"error: {message} [{id}]")])


def runtime_error(id: str, message: str) -> RuntimeError:
    """Return an error of this package's own making, in the form that the runtime uses."""
    return RuntimeError([Diagnostic("error", id, f"{message} [{id}]")])


def raise_compile_error(diagnostics: Sequence[tuple[str, str, str]]) -> None:
    """Raise CompileError from (severity, id, message) triples; the native module calls this."""
    raise CompileError([Diagnostic(*d) for d in diagnostics])


def raise_runtime_error(message: str) -> None:
    """Raise RuntimeError from the runtime's message; the native module calls this."""
    raise RuntimeError([_from_message(message)])


def raise_cancelled(message: str) -> None:
    """Raise CancelledError from the runtime's message; the native module calls this."""
    raise CancelledError([_from_message(message)])


def raise_load_error(message: str) -> None:
    """Raise CompileError from the runtime's message; the native module calls this."""
    raise CompileError([_from_message(message)])


def _from_message(message: str) -> Diagnostic:
    # The id stands at the end; what stands before may quote brackets of the model's names.
    found = _ID.findall(message)
    return Diagnostic("error", found[-1] if found else "", message)


def emit_warnings(diagnostics: Sequence[tuple[str, str, str]]) -> None:
    """Pass the warnings of a compilation that succeeded to Python's warnings."""
    for severity, _, message in diagnostics:
        if severity == "warning":
            warnings.warn(message, CompileWarning, stacklevel=4)
