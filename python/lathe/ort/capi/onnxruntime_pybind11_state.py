# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The error classes, where programs that catch them look for them."""

from __future__ import annotations

from typing import ClassVar

from lathe.errors import LatheError


class OrtError(Exception):
    """What these classes have in common; `lathe` is the error behind one, if there is any."""

    _code: ClassVar[tuple[int, str]] = (1, "FAIL")

    def __init__(self, message: str, lathe: LatheError | None = None) -> None:
        """Take the message without the prefix that programs look for."""
        code, name = self._code
        super().__init__(f"[ONNXRuntimeError] : {code} : {name} : {message}")
        self.lathe = lathe


class Fail(OrtError):  # noqa: N818
    """An error of no other class."""


class InvalidArgument(OrtError):  # noqa: N818
    """Inputs, outputs or options that the model does not take."""

    _code = (2, "INVALID_ARGUMENT")


class NoSuchFile(OrtError):  # noqa: N818
    """There is no such model file."""

    _code = (3, "NO_SUCHFILE")


class NoModel(OrtError):  # noqa: N818
    """There is no model in the session."""

    _code = (4, "NO_MODEL")


class EngineError(OrtError):
    """An error of the engine."""

    _code = (5, "ENGINE_ERROR")


class RuntimeException(OrtError):  # noqa: N818
    """A failure while the model ran."""

    _code = (6, "RUNTIME_EXCEPTION")


class InvalidProtobuf(OrtError):  # noqa: N818
    """The model is not a protobuf."""

    _code = (7, "INVALID_PROTOBUF")


class ModelLoaded(OrtError):  # noqa: N818
    """The session has a model already."""

    _code = (8, "MODEL_LOADED")


class NotImplemented(OrtError):  # noqa: N818
    """The model uses an operator or a type that is not supported."""

    _code = (9, "NOT_IMPLEMENTED")


class InvalidGraph(OrtError):  # noqa: N818
    """The graph of the model is not valid."""

    _code = (10, "INVALID_GRAPH")


class EPFail(OrtError):  # noqa: N818
    """An execution provider failed."""

    _code = (11, "EP_FAIL")
