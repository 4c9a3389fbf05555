# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A compiled model as a Python callable."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy.typing as npt

from lathe import dtypes, signature
from lathe._lathe import Artifact, Module, Program
from lathe.errors import compile_error, runtime_error
from lathe.signature import Signature, Value

Array = npt.NDArray[Any]


class CompiledModel:
    """A model compiled to native code. Call it, from as many threads as you like.

    Made by `lathe.compile` and `lathe.load`.
    """

    def __init__(
        self,
        module: Module,
        artifact: Artifact | None,
        *,
        threads: int | None = None,
        reload: Callable[[], tuple[Program, str, Sequence[str]]] | None = None,
    ) -> None:
        """Wrap `module`; `reload` gives program, target and dims back for `ir`."""
        if threads is not None and (isinstance(threads, bool) or threads < 0):
            raise ValueError(f"threads is {threads}; give 1 or more, or None for all of them")
        self._module = module
        self._artifact = artifact
        self._reload = reload
        self._threads = threads or 0
        self._description = module.describe()
        functions = self._description["functions"]
        names = [f["name"] for f in functions]
        self._function = names.index("main") if "main" in names else 0
        self._signature = signature.from_description(functions[self._function])
        self._names = tuple(v.name for v in self._signature.inputs)
        self._bfloat16 = tuple(
            i for i, v in enumerate(self._signature.outputs) if v.dtype is dtypes.BFLOAT16
        )

    @property
    def signature(self) -> Signature:
        """Names, element types and shapes; prints as "main(x: f32[n, 3]) -> (y: f32[n])"."""
        return self._signature

    @property
    def inputs(self) -> tuple[Value, ...]:
        """The inputs, in the order in which a call takes them."""
        return self._signature.inputs

    @property
    def outputs(self) -> tuple[Value, ...]:
        """The outputs, in the order in which a call returns them."""
        return self._signature.outputs

    @property
    def name(self) -> str:
        """The name of the model's file, without its ending."""
        return self._description["model"]

    @property
    def target(self) -> str:
        """The canonical target string, such as "x86_64:avx2,fma"."""
        return self._description["target"]

    @property
    def metadata(self) -> dict[str, str]:
        """The custom metadata of the model."""
        return dict(self._description["metadata"])

    @property
    def kernels(self) -> tuple[dict[str, str], ...]:
        """One dictionary a kernel: its `name`, `strategy`, and the model's `nodes` it computes."""
        return tuple(
            {"name": k["name"], "strategy": k["strategy"], "nodes": k["nodes"]}
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

    def __call__(self, *args: Any, **kwargs: Any) -> tuple[Array, ...]:
        """Compute the outputs for inputs given by position, by name, or some of each.

        Inputs are C-contiguous NumPy arrays or DLPack objects on the CPU of exactly the element
        type in `inputs`; they are not copied. Other layouts are copied; lists and scalars of
        Python are converted. The arrays returned own their memory.

        Raises lathe.RuntimeError if an input does not fit the signature.
        """
        values = args if not kwargs and len(args) == len(self._names) else self._bind(args, kwargs)
        outputs = self._module.call(self._function, values, self._threads)
        for i in self._bfloat16:
            outputs[i] = outputs[i].view(dtypes.BFLOAT16.numpy)
        return tuple(outputs)

    def run(self, feed: Mapping[str, Any]) -> dict[str, Array]:
        """Compute the outputs, by name, for inputs by name. As `__call__` for names of any kind."""
        outputs = self(*self._bind((), feed))
        return {v.name: array for v, array in zip(self.outputs, outputs, strict=True)}

    def with_threads(self, threads: int | None) -> CompiledModel:
        """Return the same compiled code with another limit on the threads of one call."""
        return CompiledModel(self._module, self._artifact, threads=threads, reload=self._reload)

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
        program, target, dims = self._reload()
        text = program.compile(target, dims, stop_after=after).ir()
        if text is None:
            raise compile_error("ir-none", f"phase '{after}' leaves no IR to show")
        return text

    def __repr__(self) -> str:
        """Show signature and target."""
        return f"<lathe.CompiledModel {self._signature} for {self.target}>"

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
