# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The steps that make a small case simpler: each offers cases, of which the first good one is kept.

What a step offers may be no model at all: a peer is asked first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import onnx
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, helper, numpy_helper

from lathe._inputs import Array
from lathe._reduce.graphs import Case, names_used, subgraphs
from lathe._reduce.values import is_tensor, to_initializer, type_of

Step = Callable[[Case], Iterator[Case]]

_MANY_NODES = 60  # Beyond which nodes are not tried one by one.
_MANY_ELEMENTS = 1 << 16  # Beyond which the elements of an input are not tried in parts.
_SUBGRAPH_OPS = ("If", "Loop", "Scan")


def _copy(case: Case) -> Case:
    model = ModelProto()
    model.CopyFrom(case.model)
    return Case(model, dict(case.feed))


def has_graphs(node: NodeProto) -> bool:
    """Whether a node has subgraphs."""
    return any(True for _ in subgraphs(node))


def clear_notes(model: ModelProto) -> None:
    """Remove what only people read, and types that inference finds again."""
    model.doc_string = ""
    del model.metadata_props[:]
    model.graph.doc_string = ""
    del model.graph.value_info[:]
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]


def is_open(model: ModelProto) -> bool:
    """Whether an input has a size that is open."""
    kinds = (v.type.tensor_type for v in model.graph.input if v.type.HasField("tensor_type"))
    return any(
        not kind.HasField("shape") or any(not d.HasField("dim_value") for d in kind.shape.dim)
        for kind in kinds
    )


def with_sizes(case: Case) -> Case | None:
    """Return the case with inputs of the sizes that their values have."""
    made = _copy(case)
    for value in made.model.graph.input:
        if value.name not in case.feed:
            return None
        given = case.feed[value.name]
        if is_tensor(given) and (kind := type_of(given)) is not None:
            value.type.tensor_type.shape.CopyFrom(kind.tensor_type.shape)
    for value in made.model.graph.output:
        if value.type.HasField("tensor_type"):
            _forget_sizes(value)
    return made


def _forget_sizes(value: onnx.ValueInfoProto) -> None:
    """Keep the rank of an output, which may have other sizes now."""
    for dim in value.type.tensor_type.shape.dim:
        dim.Clear()


# --- Nodes -------------------------------------------------------------------


def _all_graphs(graph: GraphProto) -> Iterator[GraphProto]:
    yield graph
    for node in graph.node:
        for inner in subgraphs(node):
            yield from _all_graphs(inner)


def drop_nodes(case: Case) -> Iterator[Case]:
    """Put an input of a node in the place of its output, and remove the node."""
    graphs = list(_all_graphs(case.model.graph))
    if sum(len(g.node) for g in graphs) > _MANY_NODES or case.nodes < 2:
        return
    for place, graph in enumerate(graphs):
        for number in reversed(range(len(graph.node))):
            node = graph.node[number]
            for name in dict.fromkeys(node.input):
                if not name or (len(graph.node) == 1 and place == 0):
                    continue
                made = _copy(case)
                inner = list(_all_graphs(made.model.graph))[place]
                output = inner.node[number].output[0]
                del inner.node[number]
                if any(v.name == output for v in inner.output):
                    inner.node.append(helper.make_node("Identity", [name], [output]))
                    if node.op_type == "Identity":
                        continue
                else:
                    _rename_uses(inner, {output: name})
                yield _tidy(made)


def _rename_uses(graph: GraphProto, names: dict[str, str]) -> None:
    for node in graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = names.get(name, name)
        for inner in subgraphs(node):
            _rename_uses(inner, names)
            for value in inner.output:
                value.name = names.get(value.name, value.name)


def _tidy(case: Case) -> Case:
    """Remove nodes, constants and inputs that nobody reads, and the text on types in between."""
    graph = case.model.graph
    needed = {v.name for v in graph.output}
    kept: list[NodeProto] = []
    for node in reversed(graph.node):
        if needed & set(node.output):
            kept.append(node)
            needed |= names_used(node)
    nodes = list(reversed(kept))
    del graph.node[:]
    graph.node.extend(nodes)
    _keep(graph.initializer, lambda t: t.name in needed)
    _keep(graph.sparse_initializer, lambda t: t.values.name in needed)
    _keep(graph.input, lambda v: v.name in needed)
    del graph.value_info[:]
    names = {v.name for v in graph.input}
    return Case(case.model, {n: v for n, v in case.feed.items() if n in names})


def _keep(entries: Any, wanted: Callable[[Any], bool]) -> None:
    kept = [e for e in entries if wanted(e)]
    del entries[:]
    entries.extend(kept)


def drop_attributes(case: Case) -> Iterator[Case]:
    """Leave out an attribute that the operator does not need."""
    for place, graph in enumerate(_all_graphs(case.model.graph)):
        for number, node in enumerate(graph.node):
            for attribute in node.attribute:
                if attribute.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS):
                    continue
                made = _copy(case)
                own = list(_all_graphs(made.model.graph))[place].node[number]
                kept = [a for a in own.attribute if a.name != attribute.name]
                del own.attribute[:]
                own.attribute.extend(kept)
                yield made


def drop_operands(case: Case) -> Iterator[Case]:
    """Leave out an input that the operator does not need, or the last output."""
    for number, node in enumerate(case.model.graph.node):
        for i in reversed(range(len(node.input))):
            if not node.input[i]:
                continue
            made = _copy(case)
            own = made.model.graph.node[number]
            if i == len(own.input) - 1:
                del own.input[i]
                while own.input and not own.input[-1]:
                    del own.input[-1]
            else:
                own.input[i] = ""
            yield _tidy(made)
        if len(node.output) > 1:
            read = {n for other in case.model.graph.node for n in names_used(other)}
            read |= {v.name for v in case.model.graph.output}
            if node.output[-1] not in read and not has_graphs(node):
                made = _copy(case)
                del made.model.graph.node[number].output[-1]
                yield made


def drop_carried(case: Case) -> Iterator[Case]:
    """Leave out an output of an If, or a value that a Loop carries or collects."""
    read = {n for node in case.model.graph.node for n in names_used(node)}
    read |= {v.name for v in case.model.graph.output}
    for number, node in enumerate(case.model.graph.node):
        if node.op_type not in ("If", "Loop") or len(node.output) < 2:
            continue
        carried = len(node.input) - 2 if node.op_type == "Loop" else 0
        for k in reversed(range(len(node.output))):
            if node.output[k] in read:
                continue
            made = _copy(case)
            own = made.model.graph.node[number]
            del own.output[k]
            for graph in subgraphs(own):
                _remove_result(graph, own, k, carried)
            if k < carried:
                del own.input[2 + k]
            yield _tidy(made)


def _remove_result(graph: GraphProto, node: NodeProto, k: int, carried: int) -> None:
    if node.op_type == "If":
        del graph.output[k]
    else:
        if k < carried:
            # Who reads it in the body gets what it begins with.
            _rename_uses(graph, {graph.input[2 + k].name: node.input[2 + k]})
            del graph.input[2 + k]
        del graph.output[1 + k]
    used = {v.name for v in graph.output}
    kept = []
    for inner in reversed(graph.node):
        if used & set(inner.output):
            kept.append(inner)
            used |= names_used(inner)
    kept.reverse()
    nodes = [NodeProto.FromString(n.SerializeToString()) for n in kept]
    del graph.node[:]
    graph.node.extend(nodes)
    _keep(graph.initializer, lambda t: t.name in used)


# --- Subgraphs ---------------------------------------------------------------


def inlined(case: Case) -> Iterator[Case]:
    """Put a branch of an If, or one turn of a Loop or Scan, in the place of the node."""
    for number, node in enumerate(case.model.graph.node):
        if node.op_type not in _SUBGRAPH_OPS or node.domain not in ("", "ai.onnx"):
            continue
        for which, graph in enumerate(subgraphs(node)):
            made = _copy(case)
            nodes = list(made.model.graph.node)
            prefix = f"in{_depth(case.model)}_{which}_"
            body, constants = _opened(node, graph, prefix)
            del made.model.graph.node[:]
            made.model.graph.node.extend([*nodes[:number], *body, *nodes[number + 1 :]])
            made.model.graph.initializer.extend(constants)
            for value in made.model.graph.output:
                if value.name in node.output and value.type.HasField("tensor_type"):
                    value.type.tensor_type.ClearField("shape")
            yield _tidy(made)


def _depth(model: ModelProto) -> int:
    """Return a number that no prefix of the model has yet."""
    names = {name for node in model.graph.node for name in node.output}
    depth = 0
    while any(name.startswith(f"in{depth}_") for name in names):
        depth += 1
    return depth


def _opened(
    node: NodeProto, graph: GraphProto, prefix: str
) -> tuple[list[NodeProto], list[onnx.TensorProto]]:
    body = GraphProto()
    body.CopyFrom(graph)
    _rename_all(body, {name: prefix + name for name in _own_names(body)})
    before: list[NodeProto] = []
    constants = list(body.initializer)
    results = [v.name for v in body.output]
    names = [v.name for v in body.input]
    if node.op_type == "Loop":
        constants.append(to_initializer(names[0], np.asarray(0, np.int64)))
        constants.append(to_initializer(names[1], np.asarray(True)))
        given = list(zip(node.input[2:], names[2:], strict=True))
        results = results[1:]
    elif node.op_type == "Scan":
        count = next(a.i for a in node.attribute if a.name == "num_scan_inputs")
        axes = next((list(a.ints) for a in node.attribute if a.name == "scan_input_axes"), None)
        given = list(zip(node.input, names, strict=True))
        scanned = given[len(given) - count :]
        given = given[: len(given) - count]
        constants.append(to_initializer(prefix + "turn", np.asarray(0, np.int64)))
        for i, (source, name) in enumerate(scanned):
            axis = axes[i] if axes else 0
            before.append(helper.make_node("Gather", [source, prefix + "turn"], [name], axis=axis))
    else:
        given = []
    before += [helper.make_node("Identity", [a], [b]) for a, b in given if a]
    after = [
        helper.make_node("Identity", [name], [output])
        for name, output in zip(results, node.output, strict=False)
        if output
    ]
    return [*before, *body.node, *after], constants


def _own_names(graph: GraphProto) -> set[str]:
    own = {v.name for v in graph.input} | {t.name for t in graph.initializer}
    for node in graph.node:
        own |= {name for name in node.output if name}
        for inner in subgraphs(node):
            own |= _own_names(inner)
    return own


def _rename_all(graph: GraphProto, names: dict[str, str]) -> None:
    for value in (*graph.input, *graph.output):
        value.name = names.get(value.name, value.name)
    for tensor in graph.initializer:
        tensor.name = names.get(tensor.name, tensor.name)
    del graph.value_info[:]
    for node in graph.node:
        for entries in (node.input, node.output):
            for i, name in enumerate(entries):
                entries[i] = names.get(name, name)
        for inner in subgraphs(node):
            _rename_all(inner, names)


# --- Sizes -------------------------------------------------------------------


def shrink_sizes(case: Case) -> Iterator[Case]:
    """Make all dims of one size smaller, then single ones; what stays is what it was."""
    tensors = _tensors(case)
    sizes = sorted({s for a in tensors.values() for s in a.shape if s > 1}, reverse=True)
    if len(sizes) > 1:
        ones = {n: a[tuple(slice(1) for _ in a.shape)] for n, a in tensors.items() if a.size > 1}
        yield _replaced(case, ones)
    for size in sizes:
        for new in dict.fromkeys((1, size // 2, size - 1)):
            if new < 1:
                continue
            for multiples in (False, True):
                for values_too in (True, False):
                    for at_end in (False, True):
                        made = _resized(case, size, new, multiples, values_too, at_end)
                        if made is not None:
                            yield made
    for name, array in tensors.items():
        for axis, size in enumerate(array.shape):
            for new in dict.fromkeys((1, size // 2)):
                if 0 < new < size:
                    yield _replaced(case, {name: array.take(range(new), axis)})


def _tensors(case: Case) -> dict[str, Array]:
    arrays = {t.name: numpy_helper.to_array(t) for t in case.model.graph.initializer}
    arrays.update({n: np.asarray(v) for n, v in case.feed.items() if is_tensor(v)})
    return {n: a for n, a in arrays.items() if a.ndim}


def _resized(
    case: Case, size: int, new: int, multiples: bool, values_too: bool, at_end: bool
) -> Case | None:
    """Return the case with `new` in the place of each `size`, or of each factor `size`."""

    def smaller(s: int) -> int:
        if s == size:
            return new
        return s // size * new if multiples and s > size and s % size == 0 else s

    changes: dict[str, Array] = {}
    touched = False
    for name, array in _tensors(case).items():
        made = array
        for axis, own in enumerate(array.shape):
            count = smaller(own)
            if count != own:
                touched = True
                made = made.take(range(own - count, own) if at_end else range(count), axis)
        is_vector = made.dtype == np.int64 and made.ndim == 1 and made.size <= 8
        if values_too and is_vector and name not in case.feed:
            made = np.array([smaller(int(v)) if v > 1 else v for v in made], np.int64)
        if made.shape != array.shape or not np.array_equal(made, array):
            changes[name] = made
    if not touched or (multiples and not _has_multiple(case, size)):
        return None
    return _replaced(case, changes)


def _has_multiple(case: Case, size: int) -> bool:
    shapes = [s for a in _tensors(case).values() for s in a.shape]
    return any(s > size and s % size == 0 for s in shapes)


def _replaced(case: Case, arrays: dict[str, Array]) -> Case:
    """Return the case with other inputs and initializers."""
    made = _copy(case)
    graph = made.model.graph
    for name, array in arrays.items():
        if name in made.feed:
            made.feed[name] = np.ascontiguousarray(array)
    for i, tensor in enumerate(graph.initializer):
        if tensor.name in arrays:
            graph.initializer[i].CopyFrom(to_initializer(tensor.name, arrays[tensor.name]))
    for value in graph.input:
        kind = type_of(made.feed.get(value.name))
        if value.name not in arrays or kind is None:
            continue
        own, given = value.type.tensor_type.shape.dim, kind.tensor_type.shape.dim
        for dim, right in zip(own, given, strict=False):
            if dim.HasField("dim_value"):
                dim.dim_value = right.dim_value
    for value in graph.output:
        if value.type.HasField("tensor_type"):
            _forget_sizes(value)
    return made


# --- Values ------------------------------------------------------------------


def simplify_values(case: Case) -> Iterator[Case]:
    """Put plainer numbers in the place of those of an input or initializer."""
    arrays = {t.name: numpy_helper.to_array(t) for t in case.model.graph.initializer}
    arrays.update({n: v for n, v in case.feed.items() if is_tensor(v)})
    for name, array in arrays.items():
        array = np.asarray(array)
        if array.dtype.kind not in "fiu" or not array.size:
            continue
        for made in _plainer(array):
            # Each is further from what is plain than those before.
            if made.tobytes() == array.tobytes():
                break
            yield _replaced(case, {name: made})
        if array.size <= _MANY_ELEMENTS:
            for made in _with_zeros(array):
                yield _replaced(case, {name: made})


def _plainer(array: Array) -> Iterator[Array]:
    yield np.zeros_like(array)
    yield np.ones_like(array)
    if array.dtype.kind == "f":
        yield np.where(np.isfinite(array), np.rint(array), array).astype(array.dtype)


def _with_zeros(array: Array) -> Iterator[Array]:
    """Put zeros in the place of one of some parts of what is not zero."""
    flat = array.ravel()
    places = np.flatnonzero(flat != 0)
    for parts in (2, 4, 8):
        if len(places) < parts:
            return
        for part in np.array_split(places, parts):
            made = flat.copy()
            made[part] = 0
            yield made.reshape(array.shape)


STEPS: tuple[Step, ...] = (drop_nodes, drop_carried, drop_operands, drop_attributes)
LAST_STEPS: tuple[Step, ...] = (shrink_sizes, simplify_values)
