# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A compiled model as a Python callable."""

from __future__ import annotations

import contextlib
import difflib
import enum
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lathe import signature
from lathe._lathe import Artifact, CancelToken, DeviceArray, Module, target_title
from lathe.devices import stream_number
from lathe.errors import CompileError, compile_error, runtime_error
from lathe.signature import Signature, Value

Array = npt.NDArray[Any]

_ALIGNMENT = 64  # LATHE_ALIGNMENT: what the runtime asks of memory that it writes to.


class Unchanged(enum.Enum):
    """What an option is where it is not given, since None has a meaning of its own."""

    UNCHANGED = enum.auto()


UNCHANGED = Unchanged.UNCHANGED

# Where outputs of a model on a GPU are: arrays of NumPy, or DeviceArrays.
PLACES = ("host", "device")

# What a call does with denormal numbers: computes with them, or takes them for zero.
DENORMALS = ("keep", "flush")


def _view_as(value: Any, dtype: np.dtype[Any]) -> Any:
    if isinstance(value, list):
        return [_view_as(v, dtype) for v in value]
    return value if value is None or isinstance(value, DeviceArray) else value.view(dtype)


def _writable(array: Any) -> Any:
    """Return what the native module can write to; None for memory that is not aligned."""
    if not isinstance(array, np.ndarray):
        return array
    if array.ctypes.data % _ALIGNMENT:
        return None
    # Types of ml_dtypes have no buffer format.
    return array.view(f"u{array.itemsize}") if array.dtype.kind == "V" else array


def _copy(result: Any, array: Array, output: Value) -> None:
    if array.dtype != result.dtype or array.shape != result.shape or not array.flags.writeable:
        raise runtime_error(
            "call-output-type",
            f'output "{output.name}": the array is {array.dtype}{list(array.shape)}'
            f"{'' if array.flags.writeable else ', read-only'}, but a writable "
            f"{result.dtype}{list(result.shape)} is needed",
        )
    array[...] = result


def _from_bytes(
    code: bytes,
    isa: str | None,
    threads: int | None,
    max_loop_steps: int | None,
    denormals: str = "keep",
    max_bytes: int | None = None,
    device: int = 0,
    outputs: str = "host",
    replay: bool = False,
    function: str | None = None,
) -> CompiledModel:
    """Return the model that `CompiledModel.__reduce__` took apart, as far as this machine can."""
    with tempfile.TemporaryDirectory(prefix="lathe-") as folder:
        path = Path(folder) / "model.lathebin"
        path.write_bytes(code)
        artifact = Artifact.load(path)  # Its weights stay mapped after the file has gone.
    module, device = (None, device) if isa is None else _best_module(artifact, isa, device)
    return CompiledModel(
        module,
        artifact,
        threads=threads,
        max_loop_steps=max_loop_steps,
        denormals=denormals,
        max_bytes=max_bytes,
        device=device,
        outputs=outputs,
        replay=replay,
        function=function,
    )


def _best_module(artifact: Artifact, isa: str, device: int) -> tuple[Module, int]:
    """Return the variant in use where the model came from, or what this machine can run.

    With it comes the number of the GPU: the same, or the first where there are fewer.
    """
    for number in dict.fromkeys((device, 0)):
        with contextlib.suppress(CompileError):
            return artifact.module(isa, number), number
    return artifact.module(None), 0


class CompiledModel:
    """A model compiled to native code. Call it, from as many threads as you like.

    Made by `lathe.compile` and `lathe.load`. One with several functions is called by their names,
    `model["decode"](...)` or `model.decode(...)`.
    """

    def __init__(
        self,
        module: Module | None,
        artifact: Artifact | None,
        *,
        threads: int | None = None,
        max_loop_steps: int | None = None,
        denormals: str = "keep",
        max_bytes: int | None = None,
        cancel: CancelToken | None = None,
        device: int = 0,
        stream: Any = None,
        outputs: str = "host",
        replay: bool = False,
        reload: Callable[[str], str | None] | None = None,
        override: Callable[[Sequence[str]], CompiledModel | None] | None = None,
        function: str | None = None,
    ) -> None:
        """Wrap `module`; `reload` compiles up to a phase for `ir`.

        Without `module`, the code of `artifact` is for another machine and cannot be called.
        `override` compiles the model with more inputs; None if it cannot have them.
        `function` is the one to call: None for "main" or the only one.
        """
        if threads is not None and (isinstance(threads, bool) or threads < 0):
            raise ValueError(f"threads is {threads}; give 1 or more, or None for all of them")
        if max_loop_steps is not None and (
            isinstance(max_loop_steps, bool) or not 1 <= max_loop_steps < 2**63
        ):
            raise ValueError(
                f"max_loop_steps is {max_loop_steps}; give 1 or more, or None for the default"
            )
        if max_bytes is not None and (
            isinstance(max_bytes, bool)
            or not hasattr(max_bytes, "__index__")
            or not 1 <= max_bytes < 2**63
        ):
            raise ValueError(f"max_bytes is {max_bytes}; give 1 or more, or None for the default")
        if denormals not in DENORMALS:
            raise ValueError(f"denormals is {denormals!r}; give one of {', '.join(DENORMALS)}")
        if outputs not in PLACES:
            raise ValueError(f"outputs is {outputs!r}; give one of {', '.join(PLACES)}")
        self._module = module
        self._artifact = artifact
        self._reload = reload
        self._override = override
        self._variants: dict[tuple[str, ...], CompiledModel] = {}
        self._threads = threads or 0
        self._max_loop_steps = max_loop_steps or 0
        self._denormals = denormals
        self._max_bytes = max_bytes or 0
        self._cancel = cancel
        self._device = device
        self._stream = stream_number(stream)
        self._stream_owner = stream
        self._place = outputs
        self._replay = replay
        self._replay_obstacle: str | None = None
        described = module or artifact
        assert described is not None
        self._description = described.describe()
        descriptions = self._description["functions"]
        self._functions = {f["name"]: i for i, f in enumerate(descriptions)}
        # What calls each function, made when it is asked for.
        self._called: dict[str, CompiledModel] = {}
        if function is not None and function not in self._functions:
            hint = difflib.get_close_matches(function, self._functions, 1)
            raise runtime_error(
                "call-unknown-function",
                f'the model has no function "{function}"'
                + (f'; did you mean "{hint[0]}"?' if hint else "")
                + f"; there are {', '.join(self._functions) or 'none'}",
            )
        if function is None and (len(descriptions) == 1 or "main" in self._functions):
            function = "main" if "main" in self._functions else descriptions[0]["name"]
        self._function = function
        if function is None:
            self._signature = Signature("", (), ())  # Of no function; whoever asks for it is told.
        else:
            self._signature = signature.from_description(descriptions[self._functions[function]])
        self._names = tuple(v.name for v in self._signature.inputs)
        self._output_names = tuple(v.name for v in self._signature.outputs)
        self._views = tuple(
            (i, v.dtype.numpy) for i, v in enumerate(self._signature.outputs) if v.dtype.is_view
        )

    @property
    def signature(self) -> Signature:
        """Names, element types and shapes; prints as "main(x: f32[n, 3]) -> (y: f32[n])".

        Of a model with several functions, each has one: `model["decode"].signature`.
        """
        self._chosen()
        return self._signature

    @property
    def functions(self) -> tuple[str, ...]:
        """The names of the functions, each of which `model[name]` is to call."""
        return tuple(self._functions)

    def __getitem__(self, name: str) -> CompiledModel:
        """Return what calls the function `name` of the same compiled code.

        Raises lathe.RuntimeError if there is none.
        """
        if name not in self._called:
            # Of two threads that ask at once, both get the first.
            return self._called.setdefault(name, self.with_options(function=name))
        return self._called[name]

    def __getattr__(self, name: str) -> CompiledModel:
        """Return `self[name]` for the name of a function that is no other attribute."""
        if name.startswith("_") or name not in self._functions:
            raise AttributeError(f"'CompiledModel' object has no attribute '{name}'")
        return self[name]

    def __dir__(self) -> list[str]:
        """Name the functions, too."""
        return [*super().__dir__(), *self._functions]

    def _chosen(self) -> int:
        """Return the number of the function to call. Raises lathe.RuntimeError if it is open."""
        if self._function is None:
            raise runtime_error(
                "call-which-function",
                f"the model has the functions {', '.join(self._functions)}; call one of them, as "
                f'in model["{next(iter(self._functions))}"](...)',
            )
        return self._functions[self._function]

    @property
    def inputs(self) -> tuple[Value, ...]:
        """The inputs, in the order in which a call takes them."""
        return self.signature.inputs

    @property
    def outputs(self) -> tuple[Value, ...]:
        """The outputs, in the order in which a call returns them."""
        return self.signature.outputs

    @property
    def name(self) -> str:
        """The name of the model's file, without its ending."""
        return self._description["model"]

    @property
    def target(self) -> str:
        """The canonical target string, such as "x86_64:avx2,fma"."""
        return self._description["target"]

    @property
    def isa(self) -> str:
        """The name of the variant in use, such as "v3"."""
        return self._description["isa"]

    @property
    def variants(self) -> dict[str, str]:
        """The target string of each variant by its name, the best first."""
        return dict(self._description["variants"])

    @property
    def metadata(self) -> dict[str, str]:
        """The custom metadata of the model."""
        return dict(self._description["metadata"])

    @property
    def kernels(self) -> tuple[dict[str, str], ...]:
        """One dictionary a kernel: `name`, `strategy`, `key` and the `nodes` that it computes.

        Kernels that are equal have the same key, 32 hexadecimal digits, whatever model they are of.
        """
        return tuple(
            {"name": k["name"], "strategy": k["strategy"], "key": k["key"], "nodes": k["nodes"]}
            for k in self._description["kernels"]
        )

    @property
    def weights_size(self) -> int:
        """Bytes of weights in the artifact."""
        return self._description["weights_size"]

    @property
    def threads(self) -> int | None:
        """Most threads that one call uses; None for all of the process."""
        return self._threads or None

    def __call__(self, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Compute the outputs for inputs given by position, by name, or some of each.

        Inputs are C-contiguous NumPy arrays or DLPack objects on the CPU of exactly the element
        type in `inputs`; they are not copied. Other layouts are copied; lists and scalars of Python
        are converted. A model on a GPU reads what has DLPack there in place. A sequence is a list
        or tuple of arrays and comes back as a list; an optional value may be None. The arrays
        returned own their memory.

        Raises lathe.RuntimeError if an input does not fit the signature, or if the model finds an
        error in what it computes, and KeyboardInterrupt on Ctrl-C, also in the middle of a loop.
        """
        self._chosen()
        if kwargs and (variant := self._variant(kwargs)):
            outputs = variant(**dict(zip(self._names, args, strict=False)), **kwargs)
            self._replay_obstacle = variant.replay_obstacle
            return outputs
        values = args if not kwargs and len(args) == len(self._names) else self._bind(args, kwargs)
        return self._call(values, self._cancel)

    def _call(
        self,
        values: Sequence[Any],
        cancel: CancelToken | None,
        out: Sequence[Any] | None = None,
        observe: list[tuple[int, int, int]] | None = None,
    ) -> tuple[Any, ...]:
        if self._module is None:
            raise runtime_error(
                "call-other-machine",
                f"the model was compiled for {target_title(self.target)}, which this machine "
                f"cannot run{self._why_foreign()}; save it and load it there, or compile it with "
                'target="host"',
            )
        memory = [_writable(array) for array in out or ()]
        outputs, self._replay_obstacle = self._module.call(
            self._chosen(),
            values,
            self._threads,
            self._max_loop_steps,
            cancel,
            memory or None,
            self._denormals == "flush",
            self._max_bytes,
            self._stream,
            self._place == "device",
            self._stream_owner,
            self._replay,
            observe,
        )
        for i, dtype in self._views:
            outputs[i] = _view_as(outputs[i], dtype)
        for i, array in enumerate(out or ()):
            if array is not None:
                if memory[i] is None:
                    _copy(outputs[i], array, self.outputs[i])
                outputs[i] = array
        return tuple(outputs)

    def _why_foreign(self) -> str:
        """Return what the runtime says of code that this machine cannot run."""
        assert self._artifact is not None
        try:
            self._artifact.module(None)
        except CompileError as error:
            return f": {str(error).splitlines()[0]}"
        return ""

    def run(
        self,
        feed: Mapping[str, Any],
        *,
        out: Mapping[str, Any] | None = None,
        cancel: CancelToken | None = None,
        donate: bool = False,
    ) -> dict[str, Any]:
        """Compute the outputs, by name, for inputs by name. As `__call__` for names of any kind.

        `out` has arrays for outputs that the call is to write instead of making new ones: writable,
        contiguous, of the output's element type and shape, and of no memory that another tensor of
        the call has. Arrays that an earlier call returned will do, and tensors of PyTorch; what is
        not aligned to 64 bytes is written by a copy at the end. They are in the result. A model on
        a GPU writes to what has DLPack there, on the stream of the call.

        `cancel` ends the call from another thread, which then raises lathe.CancelledError.

        With `donate`, the outputs for which the model was compiled to have the memory of inputs
        (`donate` of `lathe.compile`) have it: those inputs, arrays as `out` has them, are
        overwritten, and are the outputs. After an error they hold anything.
        """
        self._chosen()
        if variant := self._variant(feed):
            found = variant.run(feed, out=out, cancel=cancel, donate=donate)
            self._replay_obstacle = variant.replay_obstacle
            return found
        if donate:
            out = self._donated(feed) | dict(out or {})
        if unknown := [name for name in out or () if name not in self._output_names]:
            there = ", ".join(self._output_names)
            raise runtime_error(
                "call-output-names", f'the model has no output "{unknown[0]}"; there are {there}'
            )
        memory = None if out is None else [out.get(name) for name in self._output_names]
        outputs = self._call(self._bind((), feed), cancel or self._cancel, memory)
        return {v.name: array for v, array in zip(self.outputs, outputs, strict=True)}

    def _donated(self, feed: Mapping[str, Any]) -> dict[str, Any]:
        """Return the inputs that are to be outputs, by the names of those."""
        donors = {v.name: v.donor for v in self.outputs if v.donor is not None}
        if not donors:
            raise runtime_error(
                "call-no-donation",
                "no output may have the memory of an input; compile the model with donate="
                "{INPUT: OUTPUT}",
            )
        return {output: feed[donor] for output, donor in donors.items() if donor in feed}

    def with_threads(self, threads: int | None) -> CompiledModel:
        """Return the same compiled code with another limit on the threads of one call."""
        return self.with_options(threads=threads)

    def with_options(
        self,
        *,
        threads: int | Unchanged | None = UNCHANGED,
        max_loop_steps: int | Unchanged | None = UNCHANGED,
        denormals: str | Unchanged = UNCHANGED,
        max_bytes: int | Unchanged | None = UNCHANGED,
        cancel: CancelToken | Unchanged | None = UNCHANGED,
        stream: Any = UNCHANGED,
        outputs: str | Unchanged = UNCHANGED,
        replay: bool | Unchanged = UNCHANGED,
        function: str | Unchanged | None = UNCHANGED,
    ) -> CompiledModel:
        """Return the same compiled code with other options for its calls.

        `threads`, `max_loop_steps` and `denormals` are as in `lathe.compile`; `max_bytes` is the
        limit "call-bytes" there, None for the memory that the process may use; `cancel` is a
        `CancelToken` that ends calls, or None.

        Of a model on a GPU, `stream` is on which stream calls run: a cudaStream_t as a number, a
        torch.cuda.Stream or another object with `cuda_stream` or `ptr`, or None for the driver's
        own queue. The model and its outputs keep the object, but nobody keeps what a number stands
        for. With `outputs` "device", outputs stay on the GPU, as objects that have DLPack and
        `numpy()`, and a call whose inputs are there, too, returns before they are computed, unless
        the model has to read some of its values; with "host" they are arrays of NumPy. With
        `replay`, a call begins all its kernels at once, as a graph of the driver, where the one
        before had the same sizes and addresses; `replay_obstacle` says why it does not.

        `function` is which of several functions is called. Raises lathe.RuntimeError if there is
        none of that name.
        """
        return CompiledModel(
            self._module,
            self._artifact,
            threads=self.threads if isinstance(threads, Unchanged) else threads,
            max_loop_steps=(
                self._max_loop_steps or None
                if isinstance(max_loop_steps, Unchanged)
                else max_loop_steps
            ),
            denormals=self._denormals if isinstance(denormals, Unchanged) else denormals,
            max_bytes=self._max_bytes or None if isinstance(max_bytes, Unchanged) else max_bytes,
            cancel=self._cancel if isinstance(cancel, Unchanged) else cancel,
            device=self._device,
            stream=self._stream_owner if isinstance(stream, Unchanged) else stream,
            outputs=self._place if isinstance(outputs, Unchanged) else outputs,
            replay=self._replay if isinstance(replay, Unchanged) else replay,
            reload=self._reload,
            override=self._override,
            function=self._function if isinstance(function, Unchanged) else function,
        )

    @property
    def replay_obstacle(self) -> str | None:
        """Why the last call with `replay` began its kernels one by one; None if it did not."""
        return self._replay_obstacle

    def with_isa(self, isa: str | None) -> CompiledModel:
        """Return the variant called `isa` of the same artifact; None for the best one.

        Raises lathe.CompileError if there is none or this machine cannot run it, or if the model
        was loaded from a shared library, which `lathe.load` loads again with another `isa`.
        """
        if self._artifact is None:
            raise compile_error(
                "isa-loaded-library",
                "a model loaded from a shared library keeps its variant; "
                "load it again with lathe.load(path, isa=...)",
            )
        return CompiledModel(
            self._artifact.module(isa, self._device),
            self._artifact,
            threads=self._threads or None,
            max_loop_steps=self._max_loop_steps or None,
            denormals=self._denormals,
            max_bytes=self._max_bytes or None,
            cancel=self._cancel,
            device=self._device,
            stream=self._stream_owner,
            outputs=self._place,
            replay=self._replay,
            reload=self._reload,
            override=self._override,
            function=self._function,
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the artifact by the ending of `path`.

        `.so` is a shared library, `.a` a static one, `.o` an object and `.lathebin` what
        `lathe.load` reads without a linker. Raises lathe.CompileError if it cannot be written.
        """
        if self._artifact is None:
            raise compile_error(
                "save-loaded-library",
                f"a model loaded from a shared library cannot be saved to {os.fspath(path)}; "
                "copy the library, or compile the model again",
            )
        self._artifact.save(path)

    def save_header(self, path: str | os.PathLike[str]) -> None:
        """Write a plain C header with the shapes and element types of the model."""
        if self._artifact is None:
            raise compile_error(
                "save-loaded-library",
                f"{os.fspath(path)}: a model loaded from a shared library has no header; "
                "compile the model again",
            )
        self._artifact.save_header(path)

    def ir(self, after: str) -> str:
        """Return the IR after the phase `after` ("import", "optimize", "partition", ...) as text.

        Large constants are left out. The model is read and compiled again up to that phase. Raises
        lathe.CompileError if there is no such phase, or if the model came from a compiled file and
        has no IR any more.
        """
        if self._reload is None:
            raise compile_error(
                "ir-compiled-file",
                "a model loaded from a compiled file has no IR; "
                "compile it from its source with lathe.compile",
            )
        text = self._reload(after)
        if text is None:
            raise compile_error("ir-none", f"phase '{after}' leaves no IR to show")
        return text

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel between processes as the compiled code: no compiler runs where it arrives.

        `ir` and calls that override initializers need the source, which stays behind, and so does a
        stream, which is this process's: calls are on the driver's own queue then. Raises
        lathe.CompileError for a model that was loaded from a shared library.
        """
        if self._artifact is None:
            raise compile_error(
                "pickle-loaded-library",
                "a model loaded from a shared library cannot be pickled; send its path, or load "
                "a .lathebin",
            )
        with tempfile.TemporaryDirectory(prefix="lathe-") as folder:
            path = Path(folder) / "model.lathebin"
            self._artifact.save(path)
            code = path.read_bytes()
        isa = None if self._module is None else self.isa
        return _from_bytes, (
            code,
            isa,
            self.threads,
            self._max_loop_steps or None,
            self._denormals,
            self._max_bytes or None,
            self._device,
            self._place,
            self._replay,
            self._function,
        )

    def __copy__(self) -> CompiledModel:
        """Return another object with the same code, which is never changed."""
        return self.with_options()

    def __deepcopy__(self, memo: dict[int, Any]) -> CompiledModel:
        """Return what `copy.copy` returns: the code and its weights are never changed."""
        return self.with_options()

    def __repr__(self) -> str:
        """Show signature and target."""
        shown = ", ".join(self._functions) if self._function is None else str(self._signature)
        return f"<lathe.CompiledModel {shown} for {target_title(self.target)}>"

    def _variant(self, feed: Mapping[str, Any]) -> CompiledModel | None:
        """Return the model in which the initializers that `feed` gives values are inputs."""
        names = tuple(sorted(name for name in feed if name not in self._names))
        if not names or self._override is None:
            return None
        if names not in self._variants:
            made = self._override(names)
            # A model without initializers of these names is the same one again.
            if made is not None and self._function is not None:
                made = made[self._function]
            if made is None or not set(names) <= set(made._names):
                return None
            self._variants[names] = made.with_options(
                threads=self._threads or None,
                max_loop_steps=self._max_loop_steps or None,
                denormals=self._denormals,
                max_bytes=self._max_bytes or None,
                cancel=self._cancel,
                stream=self._stream_owner,
                outputs=self._place,
                replay=self._replay,
                function=self._function,
            )
        return self._variants[names]

    def _bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        names = self._names
        problems = []
        if len(args) > len(names):
            problems.append(f"{len(args)} inputs were passed, but the model takes {len(names)}")
        values = dict(zip(names, args, strict=False))
        for name, value in kwargs.items():
            if name in values:
                problems.append(f'input "{name}" was passed by position and by name')
            elif name not in names:
                problems.append(f'the model has no input "{name}"')
            values[name] = value
        missing = [f'"{n}"' for n in names if n not in values]
        if missing:
            problems.append(f"input {', '.join(missing)} is missing")
        if problems:
            expected = ", ".join(map(str, self.inputs)) or "none"
            raise runtime_error(
                "call-input-names", f"{'; '.join(problems)}; the inputs are {expected}"
            )
        return [values[n] for n in names]
