# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tables of choices: for kernels that `lathe.tune` measured, which alternative is the fastest.

A table is JSON. Its `kernels` has an object for each kernel's key: `choice` is the name of the
alternative, which is all that the compiler reads; the rest says where it comes from.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lathe import _lathe
from lathe.cache import CompileCache, default
from lathe.errors import CompileError, compile_error

FORMAT = 1  # As lib/Compiler/Choices.cpp reads it.
FILE_NAME = "choices.json"


@dataclass(frozen=True, slots=True)
class Table:
    """The text of a table, and its file; an optional one nobody asked for."""

    text: str
    file: str
    optional: bool

    def options(self) -> dict[str, Any]:
        """Return what `Program.compile` takes."""
        return {
            "choices": self.text,
            "choices_file": self.file,
            "choices_are_optional": self.optional,
        }

    @property
    def key(self) -> str:
        """What it adds to the key of a model that is compiled with it."""
        digest = hashlib.sha256(self.text.encode("utf-8", "surrogateescape")).hexdigest()
        # What is wrong with a table that was asked for is an error.
        return f"{'own choices' if self.optional else 'choices'} {digest}"


def default_path(store: CompileCache | None = None) -> Path | None:
    """Return the table beside the models of `store`, the default one if None; None without one."""
    directory = (store or default()).directory
    return directory / FILE_NAME if directory else None


def find(choices: bool | str | os.PathLike[str], store: CompileCache | None) -> Table | None:
    """Return the table that `choices` of lathe.compile means: True for the default one, if any.

    Raises CompileError if a file that was asked for cannot be read.
    """
    if choices is False:
        return None
    path = default_path(store) if choices is True else Path(choices)
    if path is None:
        return None
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        if choices is True:
            return None
        raise compile_error(
            "choices-unreadable",
            f"{path}: cannot read the table of choices: {error.strerror or error}",
        ) from None
    return Table(text, str(path), choices is True)


def text_of(kernels: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the text of a table with these entries, by key."""
    table = {"format": FORMAT, "version": _lathe.version(), "kernels": kernels}
    return json.dumps(table, indent=1) + "\n"


def check_writable(path: Path) -> None:
    """Raise CompileError if no table can be written to `path`, before one is looked for."""
    probe = path.with_name(f"{path.name}.{uuid.uuid4().hex}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise unwritable(path, error) from None


def unwritable(path: Path, error: OSError) -> CompileError:
    """Return what is raised where a table cannot be written."""
    return compile_error(
        "choices-unwritable",
        f"{path}: cannot write the table of choices: {error.strerror or error}; name another file",
    )


def write(path: Path, changed: Mapping[str, Mapping[str, Any] | None]) -> int:
    """Put entries by key in the table at `path`, delete those that are None; returns how many stay.

    What cannot be used there, as it is damaged or of another version, is replaced. Raises OSError
    if the file cannot be written.
    """
    kernels = {**_read(path), **changed}
    kept = {key: entry for key, entry in sorted(kernels.items()) if entry is not None}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}.partial")
    try:
        temporary.write_text(text_of(kept), encoding="utf-8")
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    return len(kept)


def _read(path: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        table = json.loads(path.read_text(encoding="utf-8"))
        if (
            isinstance(table, dict)
            and (table.get("format"), table.get("version")) == (FORMAT, _lathe.version())
            and isinstance(kernels := table.get("kernels"), dict)
        ):
            return kernels
    return {}
