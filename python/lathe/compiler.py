# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`lathe.compile` and `lathe.load`: from a model to something to call."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import os
import platform
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lathe import _choices, _lathe, custom_ops
from lathe import cache as _cache
from lathe._lathe import Artifact, Module, Program
from lathe.errors import CompileError, RuntimeError, compile_error
from lathe.model import CompiledModel
from lathe.source import Functions, Model, Source

_log = logging.getLogger("lathe")

# What the runtime says to code that this machine cannot run.
_FOREIGN = frozenset(
    (
        "target-processor",
        "target-missing-feature",
        "module-cannot-run",
        "cuda-no-driver",
        "cuda-no-device",
        "cuda-old-driver",
        "cuda-other-gpu",
    )
)

_KEY_FORMAT = "3"  # Goes up when what a key is made of changes.


def compile(
    model: Model | Source | Sequence[Model] | Mapping[str, Model],
    target: str = "host",
    dims: Mapping[str, int | str] | None = None,
    threads: int | None = None,
    cache: bool | _cache.CompileCache = True,
    *,
    allow_links: bool = False,
    overridable: Sequence[str] = (),
    isa: str | None = None,
    max_loop_steps: int | None = None,
    denormals: str = "keep",
    progress: Callable[[str], object] | None = None,
    name: str | None = None,
    accuracy: str = "standard",
    precision: str = "f32",
    limits: Mapping[str, int] | None = None,
    device: int = 0,
    donate: Mapping[str, str] | None = None,
    ranks: Mapping[str, int] | None = None,
    choices: bool | str | os.PathLike[str] = True,
) -> CompiledModel:
    """Compile a model to native code in this process.

    `model` is a path to an ONNX file or to Lathe's own format, the bytes of one, or an
    onnx.ModelProto; or a list of paths, or a dict of models by names, which become the functions of
    one compiled model, `model["decode"]` or `model.decode`, and share equal weights. `target` is
    "host" or a target string such as "x86_64:avx2,fma", or several, as in "x86_64:v2+v3+v4", of
    which the best that this machine can run is used, or the one that `isa` names, as in "v3".
    "cuda:sm_80" and the like are NVIDIA GPUs: docs/gpu.md. `dims` fixes free dims by the names the
    model gives them, `{"batch": 8}`; the others stay free, and one compiled model takes any size. A
    text such as "8..512%8", of which each part may be missing, keeps a dim free and says what it
    can be, a multiple of 8 from 8 to 512: code gets smaller and faster, and a call with another
    size raises lathe.RuntimeError. `threads` is the most that one call uses; None for all that the
    process may use. With `cache`, a model that was compiled before is not compiled again; a
    CompileCache instead of True is used in place of the default one. With `allow_links`, tensor
    files beside the model may be reached by links, as in the folders that hubs keep; links can lead
    anywhere, so it is for models that you trust. `overridable` names initializers that are inputs
    of the graph, too, and become inputs of every call; the others are constants, but a call by name
    that passes one compiles the model again for all such calls. `max_loop_steps` is how many turns
    all loops of the model may make in one call before it raises lathe.RuntimeError; None for a
    billion. With `denormals` "flush", calls read and write denormal numbers as zero, which many
    processors compute much faster; with "keep" they are numbers like others. `progress` is called
    with the name of each phase as it starts. `name` is what C code calls the model that `save`
    writes; None for the name of its file. With the `accuracy` "standard", 3x3 convolutions may be
    computed by Winograd's filtering, whose error is of the size of that of the sums themselves, and
    denormal weights of products are zero; with "strict", all sums are computed term by term and
    weights are what they are. With the `precision` "bf16", products and convolutions with constant
    weights round both factors to bf16 and add in f32, if one of the targets has instructions for
    it; with "tf32", tensor cores of GPUs multiply f32 and round each factor to 11 bits. Inputs and
    results keep their types. `limits` takes the place of limits on what a model may ask for, by
    their names in docs/limits.md, `{"nodes": 10**7}`; raise them for models that you trust.

    `device` is which GPU of this machine runs code for one, counted from 0. `ranks` gives inputs of
    an ONNX model that have no rank one, `{"x": 4}`, with all sizes free; `lathe.compile_unranked`
    takes those of each call.

    `donate` says for which outputs calls may have the memory of an input, `{"past": "present"}`, or
    `{"decode:past": "present"}` of one of several functions: a call that is given it (the `donate`
    of `CompiledModel.run`) overwrites the input, and writes no more than what changes where the
    model updates a part of it, as ScatterND does.

    `choices` is a table that `lathe.tune` wrote: a kernel that it has is computed as was found to
    be fastest. True is the one beside the compiled models, if there is one, False is none.

    A `target` of another machine gives a model that can be saved and looked at, not called.

    Raises lathe.CompileError, whose `diagnostics` list all that is wrong with the model, and
    ValueError for what is no size, limit or rank.
    """
    source = _source(model)
    donations = [f"{name}={output}" for name, output in (donate or {}).items()]
    fixed = _format_dims(dims)
    allowed = _format_limits(limits)
    given_ranks = _format_ranks(ranks)
    source.drain(allowed)
    own_ops = custom_ops.sources()
    store = _cache.default() if cache is True else cache if cache is not False else None
    table = _choices.find(choices, store)
    own_choices = table.options() if table else {}

    def load_program() -> Program:
        return source.load(
            allow_links=allow_links,
            overridable=overridable,
            limits=allowed,
            custom_ops=own_ops,
            ranks=given_ranks,
        )

    def build() -> Artifact:
        program = load_program()
        return program.compile(
            target,
            fixed,
            threads=threads or 0,
            progress=progress,
            name=name or "",
            accuracy=accuracy,
            precision=precision,
            kernel_cache=str(store.directory) if store and store.directory else None,
            donations=donations,
            **own_choices,
        )

    def reload(after: str) -> str | None:
        program = load_program()
        return program.compile(
            target,
            fixed,
            stop_after=after,
            accuracy=accuracy,
            precision=precision,
            donations=donations,
            **own_choices,
        ).ir()

    # By the inputs that they have, for all functions and all options of calls.
    overriding: dict[tuple[str, ...], CompiledModel | None] = {}

    def override(names: Sequence[str]) -> CompiledModel | None:
        wanted = tuple(sorted({*overridable, *names}))
        if wanted not in overriding:
            overriding[wanted] = compile_with(wanted)
        return overriding[wanted]

    def compile_with(wanted: Sequence[str]) -> CompiledModel | None:
        try:
            return compile(
                source,
                target,
                dims,
                threads,
                cache,
                allow_links=allow_links,
                overridable=wanted,
                isa=isa,
                denormals=denormals,
                name=name,
                accuracy=accuracy,
                precision=precision,
                limits=limits,
                device=device,
                donate=donate,
                ranks=ranks,
                choices=choices,
            )
        except CompileError as error:
            if "onnx-no-default" in error.ids:
                return None
            raise

    artifact: Artifact | None = None
    if store is not None and (content := source.content_hash()) is not None:
        key = _cache.make_key(
            _KEY_FORMAT,
            content,
            "links" if allow_links else "no links",
            f"accuracy {accuracy}",
            f"precision {precision}",
            name or Path(source.name).stem,
            *(f"input {name}" for name in overridable),
            *(f"limit {limit}" for limit in allowed),
            *(f"donate {donation}" for donation in donations),
            *(f"rank {rank}" for rank in given_ranks),
            *([table.key] if table else []),
            *custom_ops.keys(own_ops),
            *_target_key(target),
            *fixed,
            *_compiler_key(),
        )
        artifact = store.get(key, build)
    if artifact is None:
        artifact = build()
    if "cuda" in target:
        _keep_gpu_code(store)
    return CompiledModel(
        _module(artifact, isa, target, device),
        artifact,
        device=device,
        threads=threads,
        max_loop_steps=max_loop_steps,
        denormals=denormals,
        max_bytes=(limits or {}).get("call-bytes"),
        reload=reload,
        override=override,
    )


def load(
    path: str | os.PathLike[str],
    threads: int | None = None,
    *,
    isa: str | None = None,
    max_loop_steps: int | None = None,
    denormals: str = "keep",
    unchecked_weights: bool = False,
    max_bytes: int | None = None,
    device: int = 0,
) -> CompiledModel:
    """Load what `CompiledModel.save` or `lathe compile` wrote: a `.lathebin` or a `.so`.

    `threads`, `isa`, `max_loop_steps` and `denormals` are as in `lathe.compile`; `max_bytes` is the
    limit "call-bytes" there, None for the memory that the process may use, and `device` as there:
    what a driver makes of a GPU's code is kept in the default cache. The weights are
    compared with their checksum, which takes about as long as reading the file; with
    `unchecked_weights` they are not, and damaged ones are wrong results. Raises lathe.CompileError
    if the file is no such thing, is damaged, or was made for a processor that can do more than
    this one.
    """
    suffix = Path(path).suffix
    _keep_gpu_code(_cache.default())
    if unchecked_weights and suffix in (".so", ".lathebin"):
        _log.info("%s: the weights are not compared with their checksum", os.fspath(path))
    if suffix == ".so":
        return CompiledModel(
            Module.load(path, isa, unchecked_weights, device),
            None,
            device=device,
            threads=threads,
            max_loop_steps=max_loop_steps,
            denormals=denormals,
            max_bytes=max_bytes,
        )
    if suffix == ".lathebin":
        artifact = Artifact.load(path, unchecked_weights)
        return CompiledModel(
            artifact.module(isa, device),
            artifact,
            device=device,
            threads=threads,
            max_loop_steps=max_loop_steps,
            denormals=denormals,
            max_bytes=max_bytes,
        )
    raise compile_error(
        "load-ending",
        f"{os.fspath(path)}: lathe.load reads .so and .lathebin; "
        f"compile a model with lathe.compile",
    )


def _source(model: Model | Source | Sequence[Model] | Mapping[str, Model]) -> Source:
    if isinstance(model, Source):
        return model
    if isinstance(model, Mapping) or (
        isinstance(model, Sequence) and not isinstance(model, (str, bytes, bytearray, memoryview))
    ):
        return Functions(model)
    return Source(model)


def _keep_gpu_code(store: _cache.CompileCache | None) -> None:
    """Let what this thread loads next keep the code that a driver makes beside the models."""
    with contextlib.suppress(RuntimeError):  # A path that is too long: nothing is kept.
        _lathe.cuda_keep_code(str(store.directory) if store and store.directory else None)


def _module(artifact: Artifact, isa: str | None, target: str, device: int) -> Module | None:
    """Return what can be called; None for code that the caller wanted for another machine."""
    try:
        return artifact.module(isa, device)
    except CompileError as error:
        if target == "host" or isa is not None or not _FOREIGN.intersection(error.ids):
            raise
        return None


def _format_dims(dims: Mapping[str, int | str] | None) -> list[str]:
    fixed = []
    for name, value in sorted((dims or {}).items()):
        if isinstance(value, str):
            fixed.append(f"{name}={value}")
            continue
        if isinstance(value, bool) or not hasattr(value, "__index__") or int(value) < 1:
            raise ValueError(
                f"dims[{name!r}] is {value!r}; give a whole number of 1 or more, "
                "or a range such as '8..512%8'"
            )
        fixed.append(f"{name}={int(value)}")
    return fixed


def _format_limits(limits: Mapping[str, int] | None) -> list[str]:
    for name, value in (limits or {}).items():
        if isinstance(value, bool) or not hasattr(value, "__index__") or not 1 <= value < 2**63:
            raise ValueError(f"limits[{name!r}] is {value!r}; give a whole number of 1 or more")
    return [f"{name}={int(value)}" for name, value in sorted((limits or {}).items())]


def _format_ranks(ranks: Mapping[str, int] | None) -> list[str]:
    for name, rank in (ranks or {}).items():
        if isinstance(rank, bool) or not hasattr(rank, "__index__") or rank < 0:
            raise ValueError(f"ranks[{name!r}] is {rank!r}; give a whole number of 0 or more")
    return [f"{name}={int(rank)}" for name, rank in sorted((ranks or {}).items())]


def _target_key(target: str) -> tuple[str, ...]:
    """Return what decides the code for `target` beside its name: of the machine it is made on."""
    if target == "host":
        return (target, _host_fingerprint())
    # Where NVIDIA's assembler is there, the artifact has its code.
    return (target, *(("ptxas",) if "cuda" in target and shutil.which("ptxas") else ()))


@functools.cache
def _compiler_key() -> tuple[str, ...]:
    """Return the version of the compiler and, as versions live long, which build of it this is."""
    try:
        stat = Path(_lathe.library_path()).stat()
    except OSError:
        return (_lathe.version(),)
    return (_lathe.version(), str(stat.st_size), str(stat.st_mtime_ns))


@functools.cache
def _host_fingerprint() -> str:
    """Return a hash of all that the kernel says about the kind of this machine's processor."""
    wanted = ("vendor_id", "cpu family", "model", "stepping", "flags", "Features", "isa")
    lines = [platform.machine()]
    try:
        with Path("/proc/cpuinfo").open(encoding="ascii", errors="replace") as file:
            for line in file:
                if not line.strip():
                    break  # The first processor stands for all.
                if line.split(":")[0].strip() in wanted:
                    lines.append(line)
    except OSError:
        lines.append(platform.processor())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
