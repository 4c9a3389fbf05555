# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`torch.compile(model, backend="lathe")`: PyTorch's graphs, compiled by Lathe for inference.

    model = torch.compile(model.eval(), backend="lathe")
    with torch.no_grad():
        y = model(x)

With `options={"limits": {"call-bytes": 2**30}}`, torch.compile hands on limits of docs/limits.md.

Dynamo cuts a program into graphs; each goes through PyTorch's own ONNX exporter to Lathe. Inputs
are read in place and results are new tensors over the memory that Lathe wrote. Dims that Dynamo
holds for dynamic stay open in the compiled code. What cannot be compiled is run by PyTorch, and
the log of `lathe.torch` says why.

Needs the packages torch (2.6 or newer), onnx and onnxscript.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import fx

import lathe
from lathe.model import CompiledModel

_log = logging.getLogger("lathe.torch")

Run = Callable[..., Any]


class CannotCompileError(Exception):
    """A graph that is left to PyTorch; the text says why."""


@dataclass(frozen=True, slots=True)
class _Constant:
    """A parameter, whose values are in the compiled code as long as nobody changes them."""

    tensor: torch.Tensor
    version: int
    address: int

    @staticmethod
    def of(tensor: torch.Tensor) -> _Constant:
        return _Constant(tensor, tensor._version, tensor.data_ptr())

    def holds(self, given: Any) -> bool:
        return (
            given is self.tensor
            and given._version == self.version
            and given.data_ptr() == self.address
        )


def compile_graph(
    graph: fx.GraphModule,
    example_inputs: Sequence[Any],
    *,
    options: Mapping[str, Any] | None = None,
) -> Run:
    """Return what computes `graph`: the backend that torch.compile calls.

    `options` may have "limits", as `lathe.compile` takes them. Raises ValueError for others. The
    graph is compiled in its first call, where Dynamo's own tracing is over. Never raises for
    one that Lathe or the exporter does not know: PyTorch runs it then.
    """
    if unknown := set(options or {}) - {"limits"}:
        raise ValueError(f'the backend has no option {min(unknown)!r}; it has "limits"')
    return _Compiled(graph, example_inputs, (options or {}).get("limits"))


def _describe(graph: fx.GraphModule) -> str:
    count = sum(node.op.startswith("call_") for node in graph.graph.nodes)
    return f"a graph of {count} operations"


@dataclass(frozen=True, slots=True)
class _Ready:
    """A graph as it was compiled for some parameters."""

    model: CompiledModel
    constants: dict[int, _Constant]
    kept: list[int]  # The inputs that are no constants.
    dtypes: list[torch.dtype]

    def fits(self, arguments: Sequence[Any]) -> bool:
        return all(c.holds(arguments[i]) for i, c in self.constants.items())


class _Compiled:
    """A graph, compiled for the parameters that it has; compiled again for others."""

    def __init__(
        self,
        graph: fx.GraphModule,
        example_inputs: Sequence[Any],
        limits: Mapping[str, int] | None,
    ) -> None:
        self._graph = graph
        self._limits = limits
        placeholders = [n for n in graph.graph.nodes if n.op == "placeholder"]
        self._inputs = [
            _Input.of(node, value) for node, value in zip(placeholders, example_inputs, strict=True)
        ]
        self._mutex = threading.Lock()
        self._ready: _Ready | None = None
        self._fallback: Run | None = None

    def __call__(self, *arguments: Any) -> Any:
        ready = self._ready
        if self._fallback is None and (ready is None or not ready.fits(arguments)):
            ready = self._prepare(arguments)
        if self._fallback is not None or ready is None:
            return self._graph.forward(*arguments)
        inputs = [arguments[i].detach().contiguous() for i in ready.kept]
        outputs = ready.model(*inputs)
        return tuple(_tensor(a, d) for a, d in zip(outputs, ready.dtypes, strict=True))

    def _prepare(self, arguments: Sequence[Any]) -> _Ready | None:
        with self._mutex:
            if self._ready is None or not self._ready.fits(arguments):
                try:
                    self._ready = _compile(self._graph, self._inputs, arguments, self._limits)
                except CannotCompileError as reason:
                    text = "%s runs in PyTorch: %s [torch-fallback]"
                    _log.warning(text, _describe(self._graph), reason)
                    self._fallback = self._graph.forward
            return self._ready


@dataclass(frozen=True, slots=True)
class _Input:
    """What Dynamo says of an input: which dims are open, by their symbols, and what it is."""

    open_dims: dict[int, str]
    symbol: str  # Of an input that is a number; "" for others.
    is_constant: bool

    @staticmethod
    def of(node: fx.Node, value: Any) -> _Input:
        traced = node.meta.get("example_value", value)
        if not isinstance(value, torch.Tensor):
            return _Input({}, str(traced) if isinstance(traced, torch.SymInt) else "", False)
        # A size that is known may be a SymInt, too.
        open_dims = {d: str(s) for d, s in enumerate(traced.shape) if not str(s).isdigit()}
        # Dynamo marks the parameters and the buffers of modules.
        marks = node.meta.get("tensor_dict", {})
        is_constant = isinstance(value, torch.nn.Parameter) or "_dynamo_static_input_type" in marks
        return _Input(open_dims, "", is_constant)


def _compile(
    graph: fx.GraphModule,
    inputs: Sequence[_Input],
    arguments: Sequence[Any],
    limits: Mapping[str, int] | None,
) -> _Ready:
    _refuse_gradients(arguments)
    constants = {i: _Constant.of(arguments[i]) for i, x in enumerate(inputs) if x.is_constant}
    module, kept = _with_constants(graph, inputs, constants, arguments)
    exported = _export(module, [inputs[i] for i in kept], [arguments[i] for i in kept])
    try:
        model = lathe.compile(exported, limits=limits)
    except lathe.CompileError as error:
        raise CannotCompileError(str(error).splitlines()[0]) from error
    return _Ready(model, constants, kept, [_torch_dtype(value) for value in model.outputs])


def _refuse_gradients(example_inputs: Sequence[Any]) -> None:
    if torch.is_grad_enabled() and any(
        isinstance(v, torch.Tensor) and v.requires_grad for v in example_inputs
    ):
        raise CannotCompileError(
            "it is to compute gradients; call the model under torch.no_grad() or inference_mode()"
        )


def _export(
    module: torch.nn.Module, inputs: Sequence[_Input], arguments: Sequence[torch.Tensor]
) -> bytes:
    """Return a module as an ONNX file."""
    for tensor in arguments:
        if tensor.device.type != "cpu":
            raise CannotCompileError(f"an input is on {tensor.device}; Lathe computes on the CPU")
    examples = tuple(tensor.detach() for tensor in arguments)
    dynamic = tuple(dict.fromkeys(x.open_dims, torch.export.Dim.DYNAMIC) for x in inputs)
    try:
        with torch.no_grad():
            program = torch.export.export(
                module, examples, dynamic_shapes={"inputs": dynamic}, strict=False
            )
            signature = program.graph_signature
            if signature.buffers_to_mutate or signature.user_inputs_to_mutate:
                raise CannotCompileError("it changes its inputs or its buffers")
            exported = torch.onnx.export(program, dynamo=True, verbose=False, optimize=True)
    except CannotCompileError:
        raise
    except Exception as error:  # The exporter's own, of many kinds.
        raise CannotCompileError(f"PyTorch does not export it to ONNX: {_cause(error)}") from error
    assert exported is not None
    proto: bytes = exported.model_proto.SerializeToString()
    return proto


def _cause(error: BaseException) -> str:
    """Return the first line of what an error began with."""
    while error.__cause__ is not None:
        error = error.__cause__
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _with_constants(
    graph: fx.GraphModule,
    inputs: Sequence[_Input],
    constants: dict[int, _Constant],
    arguments: Sequence[Any],
) -> tuple[torch.nn.Module, list[int]]:
    """Return a module of the inputs that are tensors and no constants, and which these are.

    Numbers that Dynamo passes beside the tensors are sizes of these, and are asked from them.
    """
    copied: dict[fx.Node, fx.Node] = {}
    new = fx.Graph()
    new.output(new.graph_copy(graph.graph, copied))
    module = fx.GraphModule(graph, new)
    placeholders = [n for n in graph.graph.nodes if n.op == "placeholder"]
    kept = [
        i
        for i, value in enumerate(arguments)
        if isinstance(value, torch.Tensor) and i not in constants
    ]
    sizes = {
        symbol: (copied[placeholders[i]], d)
        for i in reversed(kept)
        for d, symbol in inputs[i].open_dims.items()
    }
    first = next(n for n in new.nodes if n.op != "placeholder")
    for i, node in enumerate(placeholders):
        mine = copied[node]
        if i in kept:
            continue
        with new.inserting_before(first):
            if i in constants:
                module.register_buffer(f"constant_{i}", constants[i].tensor.detach())
                made = new.get_attr(f"constant_{i}")
            elif inputs[i].symbol in sizes:
                made = new.call_function(torch.ops.aten.sym_size.int, sizes[inputs[i].symbol])
            elif mine.users:
                raise CannotCompileError(f"an input is a number that is no size: {arguments[i]}")
            else:
                made = mine
        if made is not mine:
            mine.replace_all_uses_with(made)
        new.erase_node(mine)
    module.recompile()
    return _Flat(module), kept


class _Flat(torch.nn.Module):  # type: ignore[misc] # mypy does not see PyTorch.
    """A graph as a module whose inputs have one name, whatever Dynamo calls them."""

    def __init__(self, graph: fx.GraphModule) -> None:
        super().__init__()
        self.graph_module = graph

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self.graph_module(*inputs)


def _torch_dtype(value: lathe.Value) -> torch.dtype:
    dtype = getattr(torch, value.dtype.numpy.name, None)
    if not isinstance(dtype, torch.dtype):
        raise CannotCompileError(f'output "{value.name}" is of {value.dtype.numpy}')
    return dtype


def _tensor(array: Any, dtype: torch.dtype) -> torch.Tensor:
    """Return a tensor over the memory of an array."""
    if array.dtype.type.__module__ == "ml_dtypes":
        return torch.from_numpy(array.view(f"u{array.dtype.itemsize}")).view(dtype)
    return torch.from_numpy(np.asarray(array))


def register() -> None:
    """Make `backend="lathe"` known where no entry point does."""
    from torch._dynamo import register_backend
    from torch._dynamo.backends.registry import list_backends

    if "lathe" not in list_backends(exclude_tags=()):
        register_backend(compiler_fn=compile_graph, name="lathe")
