# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A model as the caller gave it, a file or bytes: its identity, and how to read it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from lathe import _lathe, _onnxfile
from lathe._lathe import Program
from lathe._onnxfile import ModelInfo
from lathe.errors import compile_error


class SupportsSerialize(Protocol):
    """Anything like an onnx.ModelProto."""

    def SerializeToString(self) -> bytes:  # noqa: N802
        """Return the model in the wire format."""
        ...


Model = str | os.PathLike[str] | bytes | bytearray | memoryview | SupportsSerialize

_STEP = 1 << 20  # How many bytes of a pipe are read at once.


class Source:
    """A model that can be read, more than once: `path` or `data` is set."""

    def __init__(self, model: Model, name: str = "<bytes>") -> None:
        """Take a path, the bytes of a model, or an onnx.ModelProto. Reads nothing yet."""
        self.path: Path | None = None
        self.data = b""
        self.name = name
        if isinstance(model, (bytes, bytearray, memoryview)):
            self.data = bytes(model)
        elif isinstance(model, (str, os.PathLike)):
            self.path = Path(model)
            self.name = os.fspath(model)
        elif hasattr(model, "SerializeToString"):
            self.data = _serialize(model)
        else:
            raise TypeError(
                f"{type(model).__name__} is not a model; pass a path, bytes or an onnx.ModelProto"
            )

    def load(
        self,
        *,
        allow_links: bool = False,
        overridable: Sequence[str] = (),
        limits: Sequence[str] = (),
        custom_ops: Sequence[str] = (),
        ranks: Sequence[str] = (),
    ) -> Program:
        """Parse the model; `limits` are NAME=NUMBER, `ranks` INPUT=RANK.

        Raises CompileError if it cannot be read.
        """
        self.drain(limits)
        return self._read(allow_links, overridable, limits, custom_ops, ranks)

    def _read(self, allow_links: bool, *options: Sequence[str]) -> Program:
        if self.path is not None:
            return Program.load(self.path, allow_links, *options)
        return Program.parse(self.data, self.name, *options)

    def content_hash(self) -> str | None:
        """Return a hash over the model and the files it refers to; None if it has no certain one.

        That is so for files that cannot be read, which `load` will say better.
        """
        self.drain()
        if self.path is None:
            locations = _onnxfile.external_locations(self.data)
            return None if locations is None or locations else _hash_bytes(self.data)
        try:
            return _hash_file_with_external_data(self.path)
        except OSError:
            return None

    def info(self) -> ModelInfo:
        """Return what the ONNX file says about itself; nothing for other formats."""
        self.drain()
        with contextlib.suppress(_onnxfile.NotOnnxError, OSError, ValueError):
            if self.path is None:
                return _onnxfile.read_info(self.data)
            with _opened(self.path) as view:
                return _onnxfile.read_info(view)
        return ModelInfo()

    def input_ranks(self) -> dict[str, int | None]:
        """Return the rank of each input of an ONNX model; None where it has none.

        Raises CompileError if the model cannot be read or is no ONNX model.
        """
        self.drain()
        try:
            if self.path is None:
                return _onnxfile.input_ranks(self.data)
            with _opened(self.path) as view:
                return _onnxfile.input_ranks(view)
        except OSError as error:
            raise compile_error(
                "model-not-readable", f"{self.name}: cannot read the model: {error.strerror}"
            ) from None
        except _onnxfile.NotOnnxError as error:
            raise compile_error(
                "onnx-not-protobuf", f"{self.name}: the bytes are not an ONNX model: {error}"
            ) from None

    def drain(self, limits: Sequence[str] = ()) -> None:
        """Take the bytes of a pipe, which can be read once; a file stays where it is.

        `limits` are as in `load`. Raises CompileError at a pipe or a device, which may never end,
        of more bytes than those allow.
        """
        with contextlib.suppress(OSError):
            if self.path is not None and (self.path.is_fifo() or self.path.is_char_device()):
                self.data = _read_pipe(self.path, dict(limit.rsplit("=", 1) for limit in limits))
                self.path = None


class Functions(Source):
    """Several models, which become the functions of one program."""

    def __init__(self, models: Sequence[Model] | Mapping[str, Model]) -> None:
        """Take paths, or models by the names of their functions. Reads nothing yet."""
        self._parts: list[tuple[str | None, Source]]
        if isinstance(models, Mapping):
            self._parts = [(name, Source(model, name)) for name, model in models.items()]
        else:
            self._parts = [(None, Source(model)) for model in models]
        if not self._parts:
            raise ValueError("there are no models; give one for each function")
        for name, source in self._parts:
            if name is None and source.path is None:
                raise TypeError("bytes have no name; give a dict with a name for each model")
            if name == "":
                raise ValueError("a function has the name ''; give letters, digits and '_'")
        super().__init__(b"", ", ".join(source.name for _, source in self._parts))

    def _read(self, allow_links: bool, *options: Sequence[str]) -> Program:
        parts = [
            (name, source.name, source.data if source.path is None else None)
            for name, source in self._parts
        ]
        return Program.load_all(parts, allow_links, *options)

    def content_hash(self) -> str | None:
        """Return a hash over the models and the names of their functions, as `Source`."""
        whole = hashlib.sha256()
        for name, source in self._parts:
            part = source.content_hash()
            if part is None:
                return None
            whole.update(f"{name or Path(source.name).stem};{part};".encode())
        return whole.hexdigest()

    def info(self) -> ModelInfo:
        """Return nothing: each of the models says its own."""
        return ModelInfo()

    def drain(self, limits: Sequence[str] = ()) -> None:
        """Take the bytes of pipes, as `Source.drain`."""
        for _, source in self._parts:
            source.drain(limits)


def _read_pipe(path: Path, limits: Mapping[str, str]) -> bytes:
    # There are two copies while the bytes grow, and at their end.
    memory = (int(limits.get("compile-bytes", 0)) or _lathe.get_memory()) // 3
    file_bytes = int(limits.get("file-bytes", memory))
    most = min(file_bytes, memory)
    data = bytearray()
    with path.open("rb") as file:
        while part := file.read(min(_STEP, most + 1 - len(data))):
            data += part
            if len(data) > most:
                limit = (
                    "file-bytes"
                    if "file-bytes" in limits and most == file_bytes
                    else "compile-bytes"
                )
                raise compile_error(
                    "limit-file-bytes",
                    f"{path}: has more than {most} bytes, which is the most that is allowed; if "
                    f'you trust the model, allow more with limits={{"{limit}": NUMBER}}',
                )
    return bytes(data)


def _serialize(model: Any) -> bytes:
    try:
        return bytes(model.SerializeToString())
    except ValueError as error:  # What protobuf says for a message above 2 GiB.
        raise compile_error(
            "model-too-large",
            f"the ModelProto cannot be serialized ({error}); "
            "save it with external data and pass the path",
        ) from None


def _hash_bytes(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[_onnxfile.FileView]:
    with path.open("rb") as file:
        yield _onnxfile.FileView(file.fileno(), 0, os.fstat(file.fileno()).st_size)


_Stamp = tuple[str, int, int, int, int]
_known_hashes: dict[_Stamp, tuple[str, frozenset[str] | None]] = {}
_known_mutex = threading.Lock()


def _hash_file(path: Path) -> tuple[str, frozenset[str] | None]:
    """Return hash and external locations of a file, remembered while the file does not change."""
    stat = path.stat()
    stamp = (
        os.fspath(path.absolute()),
        stat.st_ino,
        stat.st_size,
        stat.st_mtime_ns,
        stat.st_ctime_ns,
    )
    with _known_mutex:
        if stamp in _known_hashes:
            return _known_hashes[stamp]
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        view = _onnxfile.FileView(file.fileno(), 0, stat.st_size)
        locations = _onnxfile.external_locations(view)
    result = (digest, None if locations is None else frozenset(locations))
    with _known_mutex:
        if len(_known_hashes) >= 1024:  # A process that compiles without end must not grow.
            _known_hashes.clear()
        _known_hashes[stamp] = result
    return result


def _hash_file_with_external_data(path: Path) -> str | None:
    digest, locations = _hash_file(path)
    if locations is None:
        return None
    folder = path.absolute().parent
    whole = hashlib.sha256(digest.encode())
    for location in sorted(locations):
        try:
            part = _hash_file(folder / location)[0]
        except (OSError, ValueError):  # Missing, or no name at all: the compiler will say so.
            part = "absent"
        whole.update(f"{len(location)}:{location}={part};".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()
