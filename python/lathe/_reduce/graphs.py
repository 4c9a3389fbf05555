# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Parts of ONNX models: what a node uses, and the model of a few nodes with all around it cut."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import onnx
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, helper, numpy_helper

from lathe._reduce.values import Type, Value, info, is_tensor, to_initializer, type_of

_LARGE = 1 << 30  # Bytes of constants above which they get a file of their own.


def subgraphs(node: NodeProto) -> Iterator[GraphProto]:
    """The graphs among the attributes of a node."""
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            yield attribute.g
        yield from attribute.graphs


def names_used(node: NodeProto) -> set[str]:
    """Return the values that a node reads, those of its subgraphs from outside among them."""
    used = {name for name in node.input if name}
    for graph in subgraphs(node):
        used |= free_names(graph)
    return used


def free_names(graph: GraphProto) -> set[str]:
    """Return the values from outside that a graph reads."""
    own = {v.name for v in graph.input} | {t.name for t in graph.initializer}
    own |= {t.values.name for t in graph.sparse_initializer}
    used = {v.name for v in graph.output}
    for node in graph.node:
        used |= names_used(node)
        own |= set(node.output)
    return used - own


def initial_values(graph: GraphProto) -> dict[str, Value]:
    """Return the initializers of a graph as arrays."""
    return {t.name: numpy_helper.to_array(t) for t in graph.initializer}


def single(model: ModelProto, node: NodeProto, values: Mapping[str, Value]) -> ModelProto | None:
    """Return the model of one node, with what it reads as inputs; None if one has no type."""
    types = {name: type_of(value) for name, value in values.items()}
    if any(kind is None for kind in types.values()):
        return None
    inputs = [info(name, kind) for name, kind in types.items() if kind is not None]
    outputs = [helper.make_empty_tensor_value_info(name) for name in node.output if name]
    graph = helper.make_graph([node], "node", inputs, outputs)
    return like(model, graph)


def like(model: ModelProto, graph: GraphProto) -> ModelProto:
    """Return a model of a graph, with the operators of another and nothing else that it has."""
    result = ModelProto(ir_version=model.ir_version, producer_name="lathe-reduce")
    domains = _domains(graph)
    called = [f for f in model.functions if f.domain in domains]
    for function in called:
        domains |= {i.domain for i in function.opset_import}
    result.opset_import.extend(i for i in model.opset_import if i.domain in domains or not i.domain)
    result.functions.extend(called)
    result.graph.CopyFrom(graph)
    return result


def _domains(graph: GraphProto) -> set[str]:
    found: set[str] = set()
    for node in graph.node:
        found.add(node.domain)
        for inner in subgraphs(node):
            found |= _domains(inner)
    return found


def save(model: ModelProto, path: Path) -> None:
    """Write a model, and constants too large for one file to another beside it."""
    size = sum(len(t.raw_data) for t in model.graph.initializer)
    if size < _LARGE:
        path.write_bytes(model.SerializeToString())
        return
    copy = ModelProto()
    copy.CopyFrom(model)
    onnx.save_model(
        copy, path, save_as_external_data=True, location=path.name + ".data", size_threshold=1024
    )


def with_outputs(model: ModelProto, names: Iterable[str], types: Mapping[str, Type]) -> ModelProto:
    """Return the model with other outputs; those of no known type say none."""
    result = ModelProto()
    result.CopyFrom(model)
    del result.graph.output[:]
    for name in names:
        kind = types.get(name)
        result.graph.output.append(
            helper.make_empty_tensor_value_info(name) if kind is None else info(name, kind)
        )
    return result


@dataclass
class Case:
    """A model with inputs, and what a peer has for its outputs where that is known already."""

    model: ModelProto
    feed: dict[str, Value]
    expected: dict[str, Value] = field(default_factory=dict)

    @property
    def nodes(self) -> int:
        """How many nodes there are, those of subgraphs among them."""
        return count(self.model.graph)

    @property
    def outputs(self) -> list[str]:
        """The names of the outputs."""
        return [v.name for v in self.model.graph.output]


def count(graph: GraphProto) -> int:
    """Return the number of nodes of a graph and its subgraphs."""
    return len(graph.node) + sum(count(g) for node in graph.node for g in subgraphs(node))


class Whole:
    """A model with the values that a peer has for it, of which any nodes can be cut out.

    With `is_fixed`, what becomes an input has the sizes of its value; without, those that the model
    or ONNX's inference says. `types` are of values by name, for those that no peer knows.
    """

    def __init__(
        self, case: Case, values: Mapping[str, Value], types: Mapping[str, Type], is_fixed: bool
    ) -> None:
        """Look at who makes what."""
        self.case = case
        self.values = {**initial_values(case.model.graph), **values, **case.feed}
        self.types = types
        self.is_fixed = is_fixed
        graph = case.model.graph
        self.nodes = list(graph.node)
        self.used = [names_used(node) for node in self.nodes]
        self.producers = {name: i for i, n in enumerate(self.nodes) for name in n.output if name}
        self.initializers = {t.name: t for t in graph.initializer}
        self.sparse = {t.values.name: t for t in graph.sparse_initializer}
        self.constant = set(self.initializers) | set(self.sparse)
        for node, used in zip(self.nodes, self.used, strict=True):
            if used <= self.constant and (used or node.op_type == "Constant"):
                self.constant |= set(node.output)
        self._outputs = {v.name for v in graph.output}

    def cut(
        self,
        wanted: Iterable[int],
        *,
        outputs: Iterable[str] = (),
        as_constants: bool = False,
        by_type: bool = False,
    ) -> tuple[Case, frozenset[int]] | None:
        """Return the model of some nodes, with those that cannot be cut off, and all their numbers.

        What they read and do not make is an input with the peer's value, or a constant if it
        depends on constants alone; with `as_constants`, vectors of few integers are, too. A node
        whose value no peer knows comes along with its readers, unless, with `by_type`, its type is
        enough. None if nothing would come out.
        """
        chosen = set(wanted)
        inputs: dict[str, Type] = {}
        constants: dict[str, onnx.TensorProto] = {}
        sparse: dict[str, onnx.SparseTensorProto] = {}
        open_nodes = list(chosen)
        while open_nodes:
            for name in sorted(self.used[open_nodes.pop()]):
                producer = self.producers.get(name)
                if name in inputs or name in constants or producer in chosen:
                    continue
                if name in self.initializers:
                    constants[name] = self.initializers[name]
                elif name in self.sparse:
                    sparse[name] = self.sparse[name]
                elif self._is_constant(name, as_constants):
                    constants[name] = to_initializer(name, self.values[name])
                elif (kind := self._input_type(name, by_type)) is not None:
                    inputs[name] = kind
                elif producer is not None:
                    chosen.add(producer)
                    open_nodes.append(producer)
                else:
                    return None
        numbers = sorted(chosen)
        # A node that came along later may make what was an input before.
        made = {name for i in numbers for name in self.nodes[i].output}
        inputs = {n: t for n, t in inputs.items() if n not in made}
        constants = {n: t for n, t in constants.items() if n not in made}
        names = [n for n in outputs if n in made] or self._results(numbers)
        typed = [(n, self._output_type(n)) for n in names]
        results = [
            helper.make_empty_tensor_value_info(n) if t is None else info(n, t)
            for n, t in typed
            if t is not None or by_type
        ]
        if not results:
            return None
        graph = helper.make_graph(
            [self.nodes[i] for i in numbers],
            "reduced",
            [info(n, t) for n, t in inputs.items()],
            results,
            list(constants.values()),
            sparse_initializer=list(sparse.values()),
        )
        kept = [v.name for v in results]
        feed = {n: self.values[n] for n in inputs if n in self.values}
        expected = {n: self.values[n] for n in kept if n in self.values}
        return Case(like(self.case.model, graph), feed, expected), frozenset(numbers)

    def _is_constant(self, name: str, as_constants: bool) -> bool:
        value: Value = self.values.get(name)
        if not is_tensor(value) or name in self.case.feed:
            return False
        is_short = value.dtype.kind in "iub" and value.ndim <= 1 and value.size <= 64
        return name in self.constant or (as_constants and is_short)

    def _input_type(self, name: str, by_type: bool) -> Type | None:
        known = self.types.get(name)
        if name not in self.values:
            usable = known is not None and by_type and known.HasField("tensor_type")
            return known if usable else None
        value = self.values[name]
        # An empty sequence, or what is absent, has the type that the model says, if any.
        if value is None or not is_tensor(value):
            return type_of(value) or known
        own = type_of(value)
        if self.is_fixed or known is None or not known.HasField("tensor_type"):
            return own
        return known if known.tensor_type.HasField("shape") else own

    def _output_type(self, name: str) -> Type | None:
        known = self.types.get(name)
        if self.is_fixed or known is None:
            return (type_of(self.values[name]) if name in self.values else None) or known
        return known

    def _results(self, numbers: list[int]) -> list[str]:
        inside = set(numbers)
        outside = set(self._outputs)
        read: set[str] = set()
        for i, used in enumerate(self.used):
            if i in inside:
                read |= used
            else:
                outside |= used
        made = [name for i in numbers for name in self.nodes[i].output if name]
        return [n for n in made if n in outside] or [n for n in made if n not in read]
