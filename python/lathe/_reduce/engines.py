# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a trial computes, in its own process: Lathe, or a peer on a whole model or node by node."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lathe._reduce.trials import Stage
from lathe._reduce.values import Value, same_bits

Request = Mapping[str, Any]


def run_lathe(request: Request, stage: Stage) -> dict[str, Any]:
    """Compile `model`, a path, and call it with `feed` on 1 thread and on `threads`.

    Returns the "outputs" by name, those whose bits are "unsteady", and "kernels"; without outputs
    where the code is for another machine.
    """
    import lathe

    warnings.simplefilter("ignore")
    stage("import")
    for source in request["custom_ops"]:
        lathe.register_op(source)
    model = lathe.compile(
        request["model"], threads=1, cache=False, progress=stage, **request["options"]
    )
    answer: dict[str, Any] = {"kernels": model.kernels, "target": model.target}
    feed = request["feed"]
    if feed is None or model._module is None:
        return answer
    names = [output.name for output in model.outputs]
    stage("call")
    first = model.run(feed)
    answer["outputs"] = {name: first[name] for name in names}
    if request["threads"] > 1:
        stage("call on threads")
        second = model.with_threads(request["threads"]).run(feed)
        answer["unsteady"] = [n for n in names if not same_bits(first[n], second[n])]
    return answer


def run_peer(request: Request, stage: Stage) -> list[Value]:
    """Return the outputs of `model`, a path, by the `peer` that is named."""
    np.seterr(all="ignore")
    warnings.simplefilter("ignore")
    stage("peer")
    return _peer(request["peer"])(request["model"], request["feed"])


def run_nodes(request: Request, stage: Stage) -> dict[str, Any]:
    """Compute the values of a model node by node, each by the first of `peers` that can.

    `skip` has the numbers of nodes that ended a trial before. Returns "values" by name, and
    "refusals": what the last peer says of each node that none can compute, by its number.
    """
    import onnx

    from lathe._reduce.graphs import initial_values, names_used, single

    np.seterr(all="ignore")
    warnings.simplefilter("ignore")
    peers = [_peer(name) for name in request["peers"]]
    model = onnx.load(request["model"])
    values: dict[str, Value] = {**initial_values(model.graph), **request["feed"]}
    refusals: dict[int, str] = {}
    for number, node in enumerate(model.graph.node):
        needed = names_used(node)
        if number in request["skip"] or not all(name in values for name in needed):
            continue
        stage(str(number))
        own = {name: values[name] for name in sorted(needed)}
        part = single(model, node, own)
        if part is None:
            continue
        for peer in peers:
            try:
                results = peer(part, own)
                names = [name for name in node.output if name]
                values.update(zip(names, results, strict=True))
                refusals.pop(number, None)
                break
            except Exception as error:  # Their kinds have no common base.
                refusals[number] = str(error) or type(error).__name__
    return {"values": values, "refusals": refusals}


Peer = Callable[[Any, Mapping[str, Value]], list[Value]]
"""Takes a path or a ModelProto, and inputs by name; returns the outputs in order."""


def _peer(name: str) -> Peer:
    if name == "onnxruntime":
        return _onnx_runtime
    if name == "reference":
        return _reference
    return _own(name)


def _onnx_runtime(model: Any, feed: Mapping[str, Value]) -> list[Value]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    content = model if isinstance(model, str) else model.SerializeToString()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return list(session.run(None, dict(feed)))


def _reference(model: Any, feed: Mapping[str, Value]) -> list[Value]:
    from onnx.reference import ReferenceEvaluator

    results: Any = ReferenceEvaluator(model).run(None, dict(feed))
    # An optional value without content is a list of nothing there.
    return [
        np.asarray(r) if isinstance(r, (np.generic, int, float)) else None if _is_nothing(r) else r
        for r in results
    ]


def _is_nothing(value: Value) -> bool:
    return isinstance(value, list) and len(value) == 1 and value[0] is None


def _own(name: str) -> Peer:
    module, _, function = name.partition(":")

    def compute(model: Any, feed: Mapping[str, Value]) -> list[Value]:
        import onnx

        call = getattr(importlib.import_module(module), function)
        loaded = onnx.load(model) if isinstance(model, str) else model
        return list(call(loaded, dict(feed)))

    return compute


FUNCTIONS: dict[str, Callable[[Request, Stage], Any]] = {
    "lathe": run_lathe,
    "peer": run_peer,
    "nodes": run_nodes,
}
