# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""InferenceSession: the class of onnxruntime that programs use, over a compiled model."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import lathe
from lathe._onnxfile import ModelInfo
from lathe.errors import CancelledError, CompileError, RuntimeError
from lathe.model import CompiledModel
from lathe.ort.binding import IOBinding
from lathe.ort.capi import onnxruntime_pybind11_state as errors
from lathe.ort.options import RunOptions, SessionOptions
from lathe.ort.profile import Profile
from lathe.ort.progress import Progress
from lathe.ort.providers import choose_providers
from lathe.ort.types import name_of, to_dtype
from lathe.ort.unranked import Unranked
from lathe.ort.values import Array, ModelMetadata, NodeArg, OrtValue
from lathe.signature import Dim, Value
from lathe.source import Source

MOST_THREADS = 256  # LATHE_MAX_THREADS of the runtime.


class InferenceSession:
    """A model that was compiled for the CPU or the GPU of this machine.

    `path_or_bytes` is the path of a model or its bytes. Of `sess_options`, the number of threads
    and the overrides of free dims are used. `providers` may name any provider; the model runs on
    the GPU if CUDAExecutionProvider is the first of them that is here, else on the CPU. Raises the
    classes of `capi.onnxruntime_pybind11_state`, whose `lathe` attribute has the compiler's
    diagnostics.
    """

    def __init__(
        self,
        path_or_bytes: str | os.PathLike[str] | bytes,
        sess_options: SessionOptions | None = None,
        providers: Sequence[str | tuple[str, Mapping[str, Any]]] | None = None,
        provider_options: Sequence[Mapping[str, Any]] | None = None,
        **kwargs: Any,
    ) -> None:
        """Compile the model, or take it from the cache."""
        if not isinstance(path_or_bytes, (str, os.PathLike, bytes)):
            raise TypeError(f"Unable to load from type '{type(path_or_bytes)}'")
        self._providers, target, device = choose_providers(providers, provider_options)
        self._sess_options = sess_options if sess_options is not None else SessionOptions()
        self._enable_fallback = True
        self._provider_options: dict[str, dict[str, str]] = {name: {} for name in self._providers}
        self._profile = Profile(self._sess_options)
        source = Source(path_or_bytes)
        if source.path is not None and not source.path.is_file():
            raise errors.NoSuchFile(
                f"Load model from {source.path} failed:File doesn't exist or is no file"
            )
        self._model_path = os.fspath(source.path) if source.path is not None else None
        self._model_bytes = source.data if source.path is None else None
        self._info = source.info()
        try:
            with self._profile.event("Session", "session_initialization"):
                program = _compile(source, self._sess_options, self._info, target, device)
        except CompileError as error:
            raise _translate(error, source.name) from error
        self._source_name = source.name
        self._model = _choose(program, self._sess_options.function, source)
        if self._sess_options.optimized_model_filepath:
            _write_model(source, self._sess_options.optimized_model_filepath)
        self._input_names = [v.name for v in self._model.inputs]
        self._output_names = [v.name for v in self._model.outputs]
        self._overridable = [n for n in self._info.overridable if n not in self._input_names]

    def run(
        self,
        output_names: Sequence[str] | None,
        input_feed: Mapping[str, Any],
        run_options: RunOptions | None = None,
    ) -> list[Array]:
        """Return the outputs of those names, or all outputs for None or no names.

        `input_feed` gives an array, a list or an OrtValue for the name of each input.
        """
        return self.run_bound(output_names, input_feed, run_options, None)

    def run_bound(
        self,
        output_names: Sequence[str] | None,
        input_feed: Mapping[str, Any],
        run_options: RunOptions | None,
        on_gpu: Mapping[str, Any] | None,
    ) -> list[Any]:
        """Do as `run`; with `on_gpu`, arrays for some of them, outputs stay on the GPU."""
        if not isinstance(input_feed, Mapping):
            raise TypeError(
                f"input_feed is a dictionary of inputs by name, not a {type(input_feed).__name__}"
            )
        if isinstance(output_names, str):
            raise TypeError(f"output_names is a list of names, not the string {output_names!r}")
        if missing := [n for n in self._input_names if n not in input_feed]:
            raise ValueError(
                f"Required inputs ({missing}) are missing from input feed ({list(input_feed)})."
            )
        known = (*self._input_names, *self._overridable)
        if unknown := [n for n in input_feed if n not in known]:
            raise errors.InvalidArgument(f"Invalid input name: {unknown[0]}")
        wanted = list(output_names) if output_names else self._output_names
        if unknown := [n for n in wanted if n not in self._output_names]:
            raise errors.InvalidArgument(f"Invalid output name:{unknown[0]}")
        feed = {n: _unwrap(value) for n, value in input_feed.items()}
        cancel = run_options.cancel_token if run_options is not None else None
        try:
            with self._profile.event("Session", "model_run"):
                model = self._model
                if on_gpu is not None:
                    model = model.with_options(outputs="device")
                outputs = model.run(feed, out=on_gpu or None, cancel=cancel)
        except CompileError as error:  # Of a model that is compiled for the ranks of this call.
            raise _translate(error, self._source_name) from error
        except CancelledError as error:
            raise errors.Fail("Exiting due to terminate flag being set to true.", error) from error
        except RuntimeError as error:
            wrong = any(i.startswith("call-") and i != "call-out-of-memory" for i in error.ids)
            kind = errors.InvalidArgument if wrong else errors.RuntimeException
            raise kind(str(error), error) from error
        return [outputs[n] for n in wanted]

    def run_with_ort_values(
        self,
        output_names: Sequence[str] | None,
        input_dict_ort_values: Mapping[str, OrtValue],
        run_options: RunOptions | None = None,
    ) -> list[OrtValue]:
        """Do as `run`, with OrtValues."""
        return [OrtValue(a) for a in self.run(output_names, input_dict_ort_values, run_options)]

    def run_async(
        self,
        output_names: Sequence[str] | None,
        input_feed: Mapping[str, Any],
        callback: Callable[[list[Array], Any, str], None],
        user_data: Any,
        run_options: RunOptions | None = None,
    ) -> None:
        """Do as `run` on a thread of its own, then call `callback(outputs, user_data, error)`.

        `error` is "" after success, else the message, and `outputs` is empty.
        """

        def work() -> None:
            outputs: list[Array] = []
            message = ""
            try:
                outputs = self.run(output_names, input_feed, run_options)
            except Exception as error:
                message = str(error)
            callback(outputs, user_data, message)

        threading.Thread(target=work, name="lathe.ort.run_async").start()

    def io_binding(self) -> IOBinding:
        """Return a binding for `run_with_iobinding`."""
        return IOBinding(self)

    def run_with_iobinding(
        self, iobinding: IOBinding, run_options: RunOptions | None = None
    ) -> None:
        """Run on what `iobinding` binds, which has the outputs afterwards."""
        iobinding.run(self, run_options)

    def get_inputs(self) -> list[NodeArg]:
        """Return the inputs, in the order of the model."""
        return [_node_arg(v, self._info.shapes.get(v.name, ())) for v in self._model.inputs]

    def get_outputs(self) -> list[NodeArg]:
        """Return the outputs, in the order of the model."""
        return [_node_arg(v, self._info.shapes.get(v.name, ())) for v in self._model.outputs]

    def get_overridable_initializers(self) -> list[NodeArg]:
        """Return the initializers that a feed may give other values.

        The first run that does so compiles the model again, with those as inputs.
        """
        info = self._info
        return [
            NodeArg(n, f"tensor({name_of(to_dtype(info.types[n]))})", list(info.shapes[n]))
            for n in self._overridable
        ]

    def get_modelmeta(self) -> ModelMetadata:
        """Return what the model says about itself, `custom_metadata_map` among it."""
        info = self._info
        return ModelMetadata(
            producer_name=info.producer_name,
            graph_name=info.graph_name or self._model.name,
            domain=info.domain,
            description=info.description,
            graph_description=info.graph_description,
            version=info.version,
            custom_metadata_map=self._model.metadata or dict(info.metadata),
        )

    def get_providers(self) -> list[str]:
        """Return the providers of the session, the one that is used first."""
        return list(self._providers)

    def get_provider_options(self) -> dict[str, dict[str, str]]:
        """Return no options for each provider of the session."""
        return {name: dict(given) for name, given in self._provider_options.items()}

    def set_providers(
        self,
        providers: Sequence[str | tuple[str, Mapping[str, Any]]] | None = None,
        provider_options: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        """Accept providers; the model keeps running where it was made to."""
        choose_providers(providers)

    def get_session_options(self) -> SessionOptions:
        """Return the options that the session was made with."""
        return self._sess_options

    def disable_fallback(self) -> None:
        """Keep it: there is nothing to fall back to."""
        self._enable_fallback = False

    def enable_fallback(self) -> None:
        """Keep it: there is nothing to fall back to."""
        self._enable_fallback = True

    def end_profiling(self) -> str:
        """Write the profile, if `enable_profiling` asked for one, and return its file, else ""."""
        return self._profile.write()

    def get_profiling_start_time_ns(self) -> int:
        """Return when profiling began, in nanoseconds of a clock that only goes forward."""
        return self._profile.started_ns

    @property
    def _sess(self) -> InferenceSession:
        """What programs take for the native session: this is both."""
        return self

    @property
    def _inputs_meta(self) -> list[NodeArg]:
        return self.get_inputs()

    @property
    def _outputs_meta(self) -> list[NodeArg]:
        return self.get_outputs()

    @property
    def _overridable_initializers(self) -> list[NodeArg]:
        return self.get_overridable_initializers()

    @property
    def _model_meta(self) -> ModelMetadata:
        return self.get_modelmeta()

    @property
    def compiled(self) -> CompiledModel:
        """The model behind this session; of one without ranks, what the last run compiled.

        Raises ValueError where there was none yet.
        """
        return self._model.compiled if isinstance(self._model, Unranked) else self._model


def _compile(
    source: Source, options: SessionOptions, info: ModelInfo, target: str, device: int
) -> CompiledModel | Unranked:
    # What is out of range is taken as the nearest that is not, as onnxruntime does.
    threads = min(max(options.intra_op_num_threads, 0), MOST_THREADS) or None
    if source.path is not None and source.path.suffix in (".so", ".lathebin"):
        return lathe.load(
            source.path, threads=threads, max_bytes=options.limits.get("call-bytes"), device=device
        )
    named = {d for shape in info.shapes.values() for d in shape if isinstance(d, str)}
    dims = {n: v for n, v in options.free_dimensions.items() if n in named or not info.shapes}
    chosen: dict[str, Any] = {
        "target": target,
        "dims": dims,
        "threads": threads,
        "limits": options.limits,
        "device": device,
    }
    if any(name not in info.initializers for name in info.unranked):
        return Unranked(lathe.compile_unranked(source, **chosen), info)
    with Progress(source.name) as progress:
        return lathe.compile(source, progress=progress.step, **chosen)


def _choose(
    program: CompiledModel | Unranked, name: str | None, source: Source
) -> CompiledModel | Unranked:
    """Return what calls the function `name`, or the only one."""
    # What has no ranks is an ONNX file, which has one function.
    functions = ("main",) if isinstance(program, Unranked) else program.functions
    if isinstance(program, Unranked):
        if name is None or name in functions:
            return program
    elif name in functions:
        return program[name]
    elif name is None and len(functions) == 1:
        return program
    raise errors.InvalidArgument(
        f"Load model from {source.name} failed:it has the functions "
        f"{', '.join(functions)}{f', but not {name}' if name is not None else ''}; choose "
        'one with add_session_config_entry("lathe.function", NAME)'
    )


def _write_model(source: Source, path: str) -> None:
    """Write the model as it is: what the compiler made of it has no form in ONNX."""
    if source.path is not None:
        shutil.copyfile(source.path, path)
    else:
        Path(path).write_bytes(source.data)


# By how the stable id of the first error begins; the first row that fits counts.
_CLASSES: tuple[tuple[str, type[errors.OrtError]], ...] = (
    ("onnx-not-protobuf", errors.InvalidProtobuf),
    ("model-other-format", errors.InvalidProtobuf),
    ("onnx-truncated", errors.InvalidProtobuf),
    ("onnx-too-", errors.InvalidProtobuf),
    ("onnx-empty", errors.InvalidProtobuf),
    ("onnx-no-graph", errors.InvalidArgument),
    ("dims-", errors.InvalidArgument),
    ("onnx-cannot-read", errors.Fail),
    ("onnx-unsupported-", errors.NotImplemented),
    ("onnx-dynamic-", errors.NotImplemented),
    ("graph-dynamic-", errors.NotImplemented),
    ("graph-shape-operand", errors.NotImplemented),
    ("lower-unsupported-", errors.NotImplemented),
    ("onnx-", errors.InvalidGraph),
    ("graph-", errors.InvalidGraph),
)


def _translate(error: CompileError, name: str) -> errors.OrtError:
    """Return the class that onnxruntime would raise."""
    first = error.ids[0] if error.ids else ""
    kind = next((c for start, c in _CLASSES if first.startswith(start)), errors.Fail)
    return kind(f"Load model from {name} failed:{_short(error, name)}", error)


def _short(error: CompileError, name: str) -> str:
    """Say what is wrong, and what to do, to somebody who wrote neither model nor program."""
    lines = []
    for line in str(error).splitlines():
        text = line.removeprefix(f"{name}: ").removeprefix("error: ")
        if "docs/recipes/" not in text:  # How to extend the compiler.
            lines.append(text)
    return "\n".join(lines)


def _node_arg(value: Value, declared: Sequence[Dim]) -> NodeArg:
    """Describe a value; sizes without a name in its signature have the one that the file declares.

    The two differ where a name stands for sizes that are not equal, as "?" does in some exporters.
    """
    names = declared if len(declared) == len(value.shape) else (None,) * len(value.shape)
    shape = [d if d is not None else n for d, n in zip(value.shape, names, strict=True)]
    return NodeArg(value.name, _type_text(value), shape)


def _type_text(value: Value) -> str:
    """Return the type as ONNX writes it: "seq(map(int64,tensor(float)))"."""
    text = f"tensor({value.dtype.onnx})"
    if value.key_dtype is not None:
        text = f"map({value.key_dtype.onnx},{text})"
    if value.kind in ("sequence", "sequence of maps"):
        text = f"seq({text})"
    return f"optional({text})" if value.optional else text


def _unwrap(value: Any) -> Any:
    return value.memory if isinstance(value, OrtValue) else value
