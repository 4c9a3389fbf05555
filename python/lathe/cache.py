# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The compile cache: what any process compiled once is not compiled again.

In the process, artifacts are shared as long as somebody uses them. On disk, they are `.lathebin`
files under `$LATHE_CACHE_DIR`, or `~/.cache/lathe` where that is not set, named by a key over
everything that decides the result. `.kernel` files beside them are parts of artifacts: what two
models have in common is compiled once. The directory is bounded in size, by
`$LATHE_CACHE_MAX_BYTES` where that is set: what was not used for longest goes first. Any number of
processes may share it; one that finds another compiling the same model waits for it. Deleting the
directory at any time is safe.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lathe._lathe import Artifact
from lathe.errors import CompileError

_log = logging.getLogger("lathe.cache")

DEFAULT_MAX_BYTES = 8 << 30

_LOCK_PATIENCE_S = 900.0  # More than any compilation; a writer that hangs must not stop the others.
_LEFTOVERS = ("*.tmp.lathebin", "*.partial", "*.lock")  # Of Python, of the program, of both.
_LEFTOVER_AGE_S = 24 * 3600.0  # A temporary file this old has lost its writer.


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts of this process: found in memory, found on disk, compiled."""

    memory_hits: int
    disk_hits: int
    misses: int


@dataclass(frozen=True, slots=True)
class Entry:
    """An artifact on disk: its file, its bytes, and when it was last used, in seconds of `time`."""

    path: Path
    size: int
    used: float


class CompileCache:
    """Artifacts by key, in memory and in `directory`, which holds at most about `max_bytes`."""

    def __init__(self, directory: Path | None, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        """Use `directory`, which is made when the first artifact is written to it.

        None keeps artifacts in memory alone.
        """
        if max_bytes < 0:
            raise ValueError(f"max_bytes is {max_bytes}; give 0 or more")
        self.directory = directory
        self.max_bytes = max_bytes
        self._memory: weakref.WeakValueDictionary[str, Artifact] = weakref.WeakValueDictionary()
        self._mutex = threading.Lock()
        self._busy: dict[str, threading.Lock] = {}
        self._memory_hits = self._disk_hits = self._misses = 0

    @property
    def stats(self) -> Stats:
        """How often this process found what it looked for."""
        return Stats(self._memory_hits, self._disk_hits, self._misses)

    def get(self, key: str, build: Callable[[], Artifact]) -> Artifact:
        """Return the artifact of `key`, from memory, from disk, or from `build`.

        Errors of `build` pass through, and nothing is kept then. A directory that cannot be used
        costs a warning in the log, never the result.
        """
        with self._mutex:
            if (artifact := self._memory.get(key)) is not None:
                self._memory_hits += 1
                return artifact
            busy = self._busy.setdefault(key, threading.Lock())
        with busy:
            with self._mutex:
                if (artifact := self._memory.get(key)) is not None:
                    self._memory_hits += 1
                    return artifact
            try:
                artifact = self._get_from_disk(key, build)
                with self._mutex:
                    self._memory[key] = artifact
            finally:
                with self._mutex:
                    self._busy.pop(key, None)
        return artifact

    def size(self) -> int:
        """Return the bytes of the artifacts and kernels on disk."""
        return sum(size for _, size, _ in self._entries())

    def clear(self) -> None:
        """Forget what is in memory and delete what is on disk. Artifacts in use stay usable."""
        with self._mutex:
            self._memory.clear()
        for path, _, _ in self._entries():
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def entries(self) -> list[Entry]:
        """Return the artifacts on disk, the last used first; kernels are none."""
        models = (entry for entry in self._entries() if entry[0].suffix == ".lathebin")
        found = sorted(models, key=lambda entry: entry[2], reverse=True)
        return [Entry(*entry) for entry in found]

    def prune(self) -> None:
        """Delete what was not used for longest until the rest fits in `max_bytes`."""
        entries = sorted(self._entries(), key=lambda entry: entry[2], reverse=True)
        total = 0
        for path, size, _ in entries:
            total += size
            if total > self.max_bytes:
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)
        if self.directory is None:
            return
        with contextlib.suppress(OSError):
            for left in (p for end in _LEFTOVERS for p in self.directory.glob(end)):
                with contextlib.suppress(OSError):
                    if time.time() - left.stat().st_mtime > _LEFTOVER_AGE_S:
                        left.unlink()

    def _entries(self) -> list[tuple[Path, int, float]]:
        """Return path, size and time of last use of each artifact and kernel on disk."""
        entries: list[tuple[Path, int, float]] = []
        if self.directory is None:
            return entries
        with contextlib.suppress(OSError):
            for item in os.scandir(self.directory):
                name = item.name
                if name.endswith((".lathebin", ".kernel")) and not name.endswith(".tmp.lathebin"):
                    with contextlib.suppress(OSError):  # Another process may have deleted it.
                        stat = item.stat()
                        entries.append((Path(item.path), stat.st_size, stat.st_mtime))
        return entries

    def _get_from_disk(self, key: str, build: Callable[[], Artifact]) -> Artifact:
        if self.directory is None:
            self._misses += 1
            return build()
        path = self.directory / f"{key}.lathebin"
        if (artifact := self._read(path)) is not None:
            return artifact
        with self._locked(self.directory, key) as usable:
            # Another process may have written it while this one waited for the lock.
            if usable and (artifact := self._read(path)) is not None:
                return artifact
            artifact = build()
            self._misses += 1
            if usable:
                self._write(path, artifact)
            return artifact

    def _read(self, path: Path) -> Artifact | None:
        try:
            path.stat()
        except OSError:  # Absent, or in a folder that may not be read, which `_locked` says.
            return None
        try:
            artifact = Artifact.load(path)
        except CompileError as error:
            _log.warning("%s is damaged and will be replaced: %s", path, error)
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # The time of last use decides what `prune` deletes.
        self._disk_hits += 1
        return artifact

    def _write(self, path: Path, artifact: Artifact) -> None:
        temporary = path.with_name(f"{path.stem}.{uuid.uuid4().hex}.tmp.lathebin")
        try:
            artifact.save(temporary)
            temporary.replace(path)
        except (CompileError, OSError) as error:
            _log.warning("%s: the artifact was not kept: %s", path, error)
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            return
        self.prune()

    @contextlib.contextmanager
    def _locked(self, directory: Path, key: str) -> Iterator[bool]:
        """Hold the lock of `key` among processes; gives False if the directory cannot be used."""
        lock = directory / f"{key}.lock"
        descriptor = None
        try:
            try:
                directory.mkdir(parents=True, exist_ok=True)
                descriptor = _acquire(lock)
            except OSError as error:
                _log.warning(
                    "%s: the compile cache cannot be used, so models are compiled each time: %s; "
                    "set LATHE_CACHE_DIR to a folder that you may write to [cache-unusable]",
                    directory,
                    error,
                )
            yield descriptor is not None
        finally:
            if descriptor is not None:
                # Unlinked while held: whoever waits for this file finds that it has gone.
                with contextlib.suppress(OSError):
                    lock.unlink(missing_ok=True)
                os.close(descriptor)


def _acquire(lock: Path) -> int | None:
    """Return a descriptor that holds `lock`, or None when another held it for too long."""
    deadline = time.monotonic() + _LOCK_PATIENCE_S
    wait = 0.01
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The holder before may have unlinked the file between our open and our lock.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), lock.stat()):
                    return descriptor
            os.close(descriptor)
        except BlockingIOError:
            os.close(descriptor)
            if time.monotonic() > deadline:
                _log.warning("%s is held for very long; compiling without the cache", lock)
                return None
            time.sleep(wait)
            wait = min(wait * 1.5, 0.25)
        except BaseException:
            os.close(descriptor)
            raise


def default_directory() -> Path | None:
    """Return `$LATHE_CACHE_DIR`, or `lathe` in the user's cache directory where that is not set.

    None, and a warning in the log, for a user without a home.
    """
    if chosen := os.environ.get("LATHE_CACHE_DIR"):
        return Path(chosen)
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "lathe"
    try:
        return Path("~/.cache").expanduser() / "lathe"
    except RuntimeError as error:
        _log.warning(
            "compiled models are kept in memory alone: %s; set LATHE_CACHE_DIR [cache-no-home]",
            error,
        )
        return None


def default_max_bytes() -> int:
    """Return `$LATHE_CACHE_MAX_BYTES`, or DEFAULT_MAX_BYTES where that is no number of bytes."""
    given = os.environ.get("LATHE_CACHE_MAX_BYTES")
    if given is None:
        return DEFAULT_MAX_BYTES
    if not given.isascii() or not given.isdigit():
        _log.warning(
            "LATHE_CACHE_MAX_BYTES is %r, which is no number of bytes; the cache may have %d "
            "[cache-bound]",
            given,
            DEFAULT_MAX_BYTES,
        )
        return DEFAULT_MAX_BYTES
    return int(given)


_default: CompileCache | None = None
_default_mutex = threading.Lock()


def default() -> CompileCache:
    """Return the cache that `lathe.compile` uses."""
    global _default
    with _default_mutex:
        if _default is None:
            _default = CompileCache(default_directory(), default_max_bytes())
        return _default


def configure(
    directory: str | os.PathLike[str] | None = None, max_bytes: int | None = None
) -> CompileCache:
    """Replace the cache that `lathe.compile` uses, and return the new one.

    What is not given is as in the beginning: of the environment, or the defaults.
    """
    global _default
    cache = CompileCache(
        Path(directory) if directory is not None else default_directory(),
        default_max_bytes() if max_bytes is None else max_bytes,
    )
    with _default_mutex:
        _default = cache
    return cache


def clear() -> None:
    """Empty the cache that `lathe.compile` uses."""
    default().clear()


def make_key(*parts: str) -> str:
    """Return the key for `parts`, in which their borders and their order count."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogateescape")
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()
