# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What other runtimes compute of a model, for random_graphs.py.

A graph that is drawn from all operators has nearly always one that a runtime lacks in some type or
form. So the model is asked whole first, and then node by node, each of the runtime that has it.
"""

from __future__ import annotations

import contextlib
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import GraphProto, ModelProto, NodeProto, ValueInfoProto, helper, numpy_helper

Array = npt.NDArray[Any]
# Opset 22 gave many operators bfloat16 and changed nothing else; onnxruntime lacks some of them.
BEFORE_BFLOAT16 = 21
Oracle = Callable[[ModelProto, dict[str, Any]], list[Any]]


class Apart:
    """ONNX Runtime in a process of its own: some models end it."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, model: ModelProto, feed: dict[str, Any]) -> list[Any]:
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen(
                [sys.executable, __file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        assert self.process.stdin and self.process.stdout
        pickle.dump((model.SerializeToString(), feed), self.process.stdin)
        self.process.stdin.flush()
        try:
            result = pickle.load(self.process.stdout)
        except EOFError:
            self.process.wait()
            raise RuntimeError(f"onnxruntime ended with {self.process.returncode}") from None
        if isinstance(result, str):
            raise RuntimeError(result)
        return list(result)


def serve() -> None:
    """Answers models with their outputs or the text of an error until there are no more."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    while True:
        try:
            model, feed = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            answer = onnxruntime.InferenceSession(model, options).run(None, feed)
        except Exception as error:  # Its kinds have no common base.
            answer = str(error)
        pickle.dump(answer, sys.stdout.buffer)
        sys.stdout.buffer.flush()


apart = Apart()


def onnx_runtime(model: ModelProto, feed: dict[str, Any]) -> list[Any]:
    try:
        return apart.run(model, feed)
    except RuntimeError:
        older = ModelProto()
        older.CopyFrom(model)
        for opset in older.opset_import:
            if opset.domain == "" and opset.version > BEFORE_BFLOAT16:
                opset.version = BEFORE_BFLOAT16
        if older == model:
            raise
        return apart.run(older, feed)


def reference(model: ModelProto, feed: dict[str, Any]) -> list[Any]:
    from onnx.reference import ReferenceEvaluator

    return list(ReferenceEvaluator(model).run(None, feed))


def in_single_precision(model: ModelProto, feed: dict[str, Any]) -> list[Any]:
    """ONNX Runtime on values of f16 and f64 as f32, which far more of its operators take."""
    kinds = {np.dtype(np.float16), np.dtype(np.float64)} & {a.dtype for a in feed.values()}
    if len(kinds) != 1:
        raise TypeError("nothing to change, or two types that become one")
    kind: Any = next(iter(kinds))
    narrow = {k: a.astype(np.float32) if a.dtype == kind else a for k, a in feed.items()}
    single = ModelProto()
    single.CopyFrom(model)
    for value in single.graph.input:
        value.CopyFrom(value_info(value.name, narrow[value.name]))
    results = [np.asarray(y) for y in onnx_runtime(single, narrow)]
    return [y.astype(kind) if y.dtype == np.float32 else y for y in results]


def free_names(graph: GraphProto) -> set[str]:
    """The values from outside that a subgraph uses."""
    own = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    used = {output.name for output in graph.output}
    for node in graph.node:
        used |= names_used(node)
        own |= set(node.output)
    return used - own


def names_used(node: NodeProto) -> set[str]:
    used = {name for name in node.input if name}
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            used |= free_names(graph)
    return used


def value_info(name: str, value: Any) -> ValueInfoProto:
    if isinstance(value, list):
        kind = helper.np_dtype_to_tensor_dtype(np.asarray(value[0]).dtype)
        return helper.make_tensor_sequence_value_info(name, kind, None)
    array = np.asarray(value)
    if array.dtype.kind in "OUST":
        return helper.make_tensor_value_info(name, onnx.TensorProto.STRING, array.shape)
    kind = helper.np_dtype_to_tensor_dtype(array.dtype)
    return helper.make_tensor_value_info(name, kind, array.shape)


def node_model(model: ModelProto, node: NodeProto, values: dict[str, Any]) -> ModelProto:
    """A model of one node. Its outputs are of no stated type: the runtimes infer it."""
    inputs = [value_info(name, values[name]) for name in sorted(names_used(node))]
    outputs = [helper.make_empty_tensor_value_info(name) for name in node.output if name]
    graph = helper.make_graph([node], "node", inputs, outputs)
    return helper.make_model(graph, opset_imports=model.opset_import, ir_version=10)


def by_node(model: ModelProto, feed: dict[str, Any], order: Sequence[Oracle]) -> list[Any]:
    """The outputs, each node computed by the first of `order` that can; None for what none can."""
    values: dict[str, Any] = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    values.update(feed)
    for node in model.graph.node:
        names = names_used(node)
        if not all(name in values for name in names):
            continue
        for oracle in order:
            with contextlib.suppress(Exception):
                single = node_model(model, node, values)
                results = oracle(single, {name: values[name] for name in names})
                values.update(zip((name for name in node.output if name), results, strict=True))
                break
    return [values.get(output.name) for output in model.graph.output]


def answers(model: ModelProto, feed: dict[str, Array]) -> Iterator[list[Any]]:
    """The outputs by each oracle in turn; a failure of theirs is no result."""
    with contextlib.suppress(Exception):
        yield onnx_runtime(model, feed)
    with contextlib.suppress(Exception):
        yield reference(model, feed)
    yield by_node(model, feed, (onnx_runtime, in_single_precision, reference))
    yield by_node(model, feed, (reference, onnx_runtime))


if __name__ == "__main__":
    serve()
