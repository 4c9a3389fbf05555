# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Calls models that were compiled for another architecture, on a machine that QEMU emulates.

A call writes its inputs to a file, runs emulated.c with the model's shared library under
qemu-ARCH, and reads the outputs from another file. The files are described in emulated.c.
"""

from __future__ import annotations

import fcntl
import functools
import pathlib
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import lathe
import numpy as np
import numpy.typing as npt
import pytest
from lathe import _arrays, dtypes
from lathe.errors import raise_runtime_error
from lathe.model import CompiledModel
from lathe.signature import Value

Array = npt.NDArray[Any]

FLUSH_DENORMALS = 1  # LATHE_CALL_FLUSH_DENORMALS
CALL_SECONDS = 600  # Less than run_checks.py gives a test, so that a call that hangs is named.

ROOT = pathlib.Path(__file__).resolve().parents[2]
TENSOR, SEQUENCE, OPTIONAL, MAP = range(4)  # lathe_kind

# The processor of QEMU that has what any level needs, and what its programs link.
PROCESSORS = {"aarch64": "max", "riscv64": "rv64,v=true,vext_spec=v1.0"}
LIBRARIES = {"aarch64": "-lpthread -ldl -lm", "riscv64": "-lpthread -ldl -lm -latomic"}


def is_foreign(target: str, native: str) -> bool:
    """Whether all code for `target` is for one other machine than `native` that is emulated."""
    places = [part.partition(":") for part in target.split("+")]
    archs = {places[0][0], *(arch for arch, colon, _ in places if colon)}
    return len(archs) == 1 and archs <= PROCESSORS.keys() - {native}


def run(*command: str | pathlib.Path) -> None:
    """Run a command of the build. Raises RuntimeError with what it says if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command}\n{done.stdout}{done.stderr}")


@functools.cache
def program(arch: str) -> pathlib.Path:
    """emulated.c and the runtime, built once for `arch` below build/."""
    compiler = f"{arch}-linux-gnu-gcc"
    for tool in (compiler, f"qemu-{arch}", "cmake"):
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed; tools/check without --no-setup installs it")
    folder = ROOT / "build" / "emulated" / arch
    folder.mkdir(parents=True, exist_ok=True)
    runtime, made = folder / "runtime", folder / "emulated"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        system = ("-DCMAKE_SYSTEM_NAME=Linux", f"-DCMAKE_SYSTEM_PROCESSOR={arch}")
        options = (*system, f"-DCMAKE_C_COMPILER={compiler}", "-DBUILD_TESTING=OFF")
        run("cmake", "-S", ROOT / "lib/Runtime", "-B", runtime, *options)
        run("cmake", "--build", runtime, "--target", "LatheRuntime")
        search = ("-I", str(ROOT / "include"), "-L", str(runtime))
        source = ROOT / "test/e2e/emulated.c"
        if not is_newer(made, source, runtime / "libLatheRuntime.a", *headers()):
            # Other workers of pytest may be running the program: it is replaced as a whole.
            fresh = folder / "emulated.new"
            link = ("-lLatheRuntime", *LIBRARIES[arch].split(), "-o", str(fresh))
            run(compiler, "-std=c11", "-O1", "-Wall", "-Werror", source, *search, *link)
            fresh.replace(made)
    return made


def headers() -> list[pathlib.Path]:
    """Those of the runtime."""
    return sorted((ROOT / "include/lathe-runtime").rglob("*.h"))


def is_newer(made: pathlib.Path, *sources: pathlib.Path) -> bool:
    """Whether `made` is there and was made after all `sources` were."""
    return made.exists() and all(
        made.stat().st_mtime_ns > source.stat().st_mtime_ns for source in sources
    )


def words(*numbers: int) -> bytes:
    """Whole numbers as the files have them."""
    return struct.pack(f"<{len(numbers)}q", *numbers)


def encode_tensor(value: Any, spec: Value, dtype: dtypes.DType) -> bytes:
    """One tensor, which the call checks."""
    array, code, shape, _ = _arrays.to_borrowable(value, spec.name, dtype.code)
    if dtypes.BY_CODE[code] is dtypes.STRING:
        texts = np.asarray(value).ravel()
        data = b"".join((t.encode() if isinstance(t, str) else bytes(t)) + b"\0" for t in texts)
    else:
        data = array.tobytes()
    return words(code, len(shape), *shape, len(data)) + data + bytes(-len(data) % 8)


def encode(value: Any, spec: Value) -> bytes:
    """A value of any kind."""
    if value is None:
        return words(OPTIONAL, 0)
    if spec.key_dtype is not None:
        keys, values = _arrays.split_map(value, spec.name, spec.key_dtype.code, spec.dtype.code)
        parts = (encode_tensor(keys, spec, spec.key_dtype), encode_tensor(values, spec, spec.dtype))
        return words(MAP, 2) + b"".join(parts)
    if spec.kind == "sequence":
        elements = [encode_tensor(v, spec, spec.dtype) for v in value]
        return words(SEQUENCE, len(elements)) + b"".join(elements)
    return words(TENSOR, 1) + encode_tensor(value, spec, spec.dtype)


class Reader:
    """Takes a file of outputs apart."""

    def __init__(self, data: bytes) -> None:
        """Start at the beginning."""
        self.data, self.at = data, 0

    def number(self) -> int:
        """The next number."""
        (found,) = struct.unpack_from("<q", self.data, self.at)
        self.at += 8
        return int(found)

    def tensor(self) -> Array:
        """The next tensor."""
        code, rank = self.number(), self.number()
        shape = [self.number() for _ in range(rank)]
        size = self.number()
        data = self.data[self.at : self.at + size]
        self.at += size + -size % 8
        dtype = dtypes.BY_CODE[code]
        if dtype is dtypes.STRING:
            return _arrays.from_strings([t.decode() for t in data.split(b"\0")[:-1]], shape)
        if dtype.is_packed:
            return _arrays.unpack(np.frombuffer(data, np.uint8), code, shape)
        return np.frombuffer(data, dtype.numpy).reshape(shape).copy()

    def value(self, spec: Value) -> Any:
        """The next value, as a call of CompiledModel returns it."""
        kind, count = self.number(), self.number()
        parts = [self.tensor() for _ in range(count)]
        if kind == OPTIONAL:
            return None
        if kind == MAP:
            return _arrays.join_maps(parts, spec.kind == "sequence of maps")
        return parts if kind == SEQUENCE else parts[0]


def call_options(model: CompiledModel) -> list[str]:
    """The threads, flags, steps of loops and bytes that a call of `model` has."""
    flags = FLUSH_DENORMALS if model._denormals == "flush" else 0
    numbers = (model.threads or 0, flags, model._max_loop_steps, model._max_bytes)
    return [str(number) for number in numbers]


class Machine:
    """An emulated machine, with one variant of the models that it runs."""

    def __init__(self, arch: str, isa: str) -> None:
        """Run the variant `isa`."""
        self.arch, self.isa = arch, isa
        self.artifact: Any = None
        self.folder = tempfile.TemporaryDirectory(prefix="lathe-emulated-")

    def library(self, artifact: Any) -> pathlib.Path:
        """The shared library of `artifact`; that of the last one is kept."""
        path = pathlib.Path(self.folder.name) / "model.so"
        if artifact is not self.artifact:
            self.artifact = None
            artifact.save(path)
            self.artifact = artifact
        return path

    def call(self, model: CompiledModel, values: Sequence[Any]) -> tuple[Any, ...]:
        """Compute the outputs. Raises lathe.RuntimeError where the runtime there finds an error."""
        built, library = program(self.arch), self.library(model._artifact)
        inputs, outputs = library.with_suffix(".in"), library.with_suffix(".out")
        specs = model.signature.inputs
        if len(values) != len(specs):
            pytest.skip("the count of inputs is checked by the native module")
        parts = [encode(v, spec) for v, spec in zip(values, specs, strict=True)]
        inputs.write_bytes(words(len(parts)) + b"".join(parts))
        done = subprocess.run(
            [
                *(f"qemu-{self.arch}", "-L", f"/usr/{self.arch}-linux-gnu"),
                *("-cpu", PROCESSORS[self.arch], built, library, self.isa),
                *(model.signature.name, *call_options(model)),
                *(inputs, outputs),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=CALL_SECONDS,
        )
        if done.returncode == 1:
            raise_runtime_error(done.stderr.strip())
        assert done.returncode == 0, f"exit status {done.returncode}: {done.stderr}"
        reader = Reader(outputs.read_bytes())
        assert reader.number() == len(model.signature.outputs)
        return tuple(reader.value(spec) for spec in model.signature.outputs)


def caller(machine: Machine) -> Callable[..., tuple[Any, ...]]:
    """What stands in for CompiledModel._call: models for other machines run on `machine`."""
    native = CompiledModel._call

    def call(
        self: CompiledModel,
        values: Sequence[Any],
        cancel: lathe.CancelToken | None,
        out: Sequence[Any] | None = None,
    ) -> tuple[Any, ...]:
        if self._module is not None:
            return native(self, values, cancel, out)
        if out is not None or cancel is not None:
            pytest.skip("memory and flags of this process cannot be given to an emulated machine")
        return machine.call(self, values)

    return call
