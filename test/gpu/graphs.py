#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Calls whose kernels begin all at once, with the emulator's driver, which logs graphs.

graphs.py NAME     runs the function of that name; it raises where something is wrong
"""

from __future__ import annotations

import functools
import os
import sys

import device
import families
import lathe
import numpy as np
import onnx
from lathe import DeviceArray
from onnx import TensorProto, helper

FAILING = os.environ.get("LATHE_EMU_FAIL", "")
# What the driver does with a graph in place of another one.
UPDATE = "instantiate" if FAILING == "cuGraphExecUpdate_v2" else "update"


def kinds(before: int) -> list[str]:
    """What the driver has done since then with graphs."""
    words = [line[0] for line in device.words_of_log()[before:]]
    return [word for word in words if word in ("instantiate", "update", "graph")]


def replay() -> None:
    """The same call is the same graph; other sizes and addresses change it."""
    gpu, cpu = device.chain()
    model = gpu.with_options(replay=True)
    made = {"first": ["instantiate", "graph"], "again": ["graph"], "other": [UPDATE, "graph"]}
    for rows, how in ((5, "first"), (5, "again"), (9, "other"), (9, "again"), (5, "other")):
        x, w = device.inputs(rows)
        before = len(device.words_of_log())
        (y,) = model(x, w)
        device.close(y, cpu(x, w)[0])
        assert model.replay_obstacle is None
        assert kinds(before) == made[how], (rows, how, kinds(before))
    before = len(device.words_of_log())
    device.close(gpu(x, w)[0], y)
    assert kinds(before) == [], "nobody asked for a graph"


def addresses() -> None:
    """Tensors of callers, on streams of theirs: each new address is in the next graph."""
    gpu, cpu = device.chain()
    streams = [device.new_stream() for _ in range(2)]
    models = [gpu.with_options(replay=True, stream=s, outputs="device") for s in streams]
    given = [device.inputs(rows) for rows in (4, 4, 30, 4)]
    moved = [[DeviceArray.from_host(a) for a in pair] for pair in given]
    found = [models[i % 2](*pair)[0] for i, pair in enumerate(moved)]
    assert all(model.replay_obstacle is None for model in models)
    for i in reversed(range(len(given))):
        device.close(found[i].numpy(), cpu(*given[i])[0])
    # Results go where they went before, and are other numbers.
    target = DeviceArray.allocate(found[0].dtype_code, (4, 8))
    before = len(device.words_of_log())
    for factor in (1, 2, 3):
        x, w = (np.float32(factor) * a for a in given[0])
        x_there, w_there = (DeviceArray.from_host(a) for a in (x, w))
        models[0].run({"x": x_there, "w": w_there}, out={"y": device.Producer(target)})
        device.finish(streams[0])
        device.close(target.numpy(), cpu(x, w)[0])
    assert kinds(before).count("graph") == 3


def host_bytes() -> None:
    """What the host reads is a part of what decides, also where it is at the same address."""
    scalar = helper.make_tensor_value_info("c", TensorProto.BOOL, [])
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [4])

    def branch(nodes: list[onnx.NodeProto]) -> onnx.GraphProto:
        made = helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, [4])
        return helper.make_graph(nodes, "branch", [], [made])

    node = helper.make_node(
        "If",
        ["c"],
        ["y"],
        then_branch=branch([helper.make_node("Exp", ["x"], ["a"])]),
        else_branch=branch([helper.make_node("Neg", ["x"], ["b"])]),
    )
    source = families.onnx_model([node], [scalar, x])
    model = lathe.compile(source, target=device.TARGET, cache=False).with_options(
        replay=True, outputs="device", stream=device.new_stream()
    )
    values, chosen = np.arange(4, dtype=np.float32), np.array(True)
    there = DeviceArray.from_host(values)
    found = []
    for c in (True, False, False, True):
        chosen[...] = c
        # Nobody waits: the graph before is still to be done.
        found.append((c, model.run({"c": chosen, "x": there})["y"]))
        assert model.replay_obstacle is None, model.replay_obstacle
    for c, y in found:
        device.close(y.numpy(), np.exp(values) if c else -values)


def maps() -> None:
    """A graph has the tensor maps of its call, of other sizes and addresses others."""
    gpu, (x, w) = device.large(40)
    model = gpu.with_options(replay=True)
    more = DeviceArray.from_host(device.RNG.standard_normal((41, 64)).astype(np.float16))
    for given in (x, x, more, x, more, more):
        right = np.asarray(gpu(given, w)[0], np.float32)
        assert (np.asarray(model(given, w)[0], np.float32) == right).all()
        assert model.replay_obstacle is None, model.replay_obstacle


def functions() -> None:
    """Calls of two functions take turns in one frame, and each has its own graph."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [4])
    sources = {
        name: families.onnx_model([helper.make_node(op, ["x"], ["y"])], [x])
        for name, op in (("first", "Exp"), ("second", "Neg"))
    }
    models = lathe.compile(sources, target=device.TARGET, cache=False).with_options(replay=True)
    values = np.arange(4, dtype=np.float32)
    for _ in range(3):
        for name, right in (("first", np.exp(values)), ("second", -values)):
            model = models[name]
            before = len(device.words_of_log())
            device.close(model(values)[0], right)
            assert model.replay_obstacle is None and kinds(before)[-1] == "graph"


def looped(turns: str, checked: bool) -> onnx.ModelProto:
    """Return a model that adds `x` in a loop of the host, and may look up rows in the end."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["goes"]),
            helper.make_node("Add", ["v", "x"], ["w"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v", TensorProto.FLOAT, [4]),
        ],
        [
            helper.make_tensor_value_info("goes", TensorProto.BOOL, []),
            helper.make_tensor_value_info("w", TensorProto.FLOAT, [4]),
        ],
    )
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [4]),
        helper.make_tensor_value_info(turns, TensorProto.INT64, []),
        helper.make_tensor_value_info("i", TensorProto.INT64, [2]),
    ]
    nodes = [helper.make_node("Loop", [turns, "", "x"], ["z" if checked else "y"], body=body)]
    if checked:
        nodes.append(helper.make_node("Gather", ["z", "i"], ["y"]))
    return families.onnx_model(nodes, inputs if checked else inputs[:2])


def limits() -> None:
    """What a call may do is the same with graphs and without, after an obstacle, too."""
    values = np.arange(4, dtype=np.float32)
    feed = {"x": values, "m": np.array(3), "i": np.array([3, 0])}
    gpu = lathe.compile(looped("m", checked=True), target=device.TARGET, cache=False)
    model = gpu.with_options(replay=True, max_loop_steps=3)
    for _ in range(2):
        device.close(model.run(feed)["y"], 4 * values[[3, 0]])
        assert model.replay_obstacle == "the host reads whether an index is out of range"
    del feed["i"]
    gpu = lathe.compile(looped("m", checked=False), target=device.TARGET, cache=False)
    for _ in range(2):
        model = gpu.with_options(replay=True, max_loop_steps=3)
        device.close(model.run(feed)["y"], 4 * values)
        assert model.replay_obstacle is None, model.replay_obstacle
        less = gpu.with_options(replay=True, max_loop_steps=2)
        device.refused("call-loop-limit", work=functools.partial(less.run, feed))


def obstacles() -> None:
    """What reads data on the host begins its kernels one by one, and says why."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [6, 4])
    i = helper.make_tensor_value_info("i", TensorProto.INT64, [3])
    values = np.arange(24, dtype=np.float32).reshape(6, 4)
    deep = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2, 1, 2, 1])
    pads = helper.make_tensor_value_info("p", TensorProto.INT64, [10])
    models: dict[str, tuple[onnx.ModelProto, dict[str, device.Array]]] = {
        "the host reads an input of more than 64 bytes": (
            families.onnx_model([helper.make_node("Pad", ["x", "p"], ["y"])], [deep, pads]),
            {"x": values[:4, 0].reshape(1, 2, 1, 2, 1), "p": np.arange(10) % 3},
        ),
        "the host reads whether an index is out of range": (
            families.onnx_model([helper.make_node("Gather", ["x", "i"], ["y"])], [x, i]),
            {"x": values, "i": np.array([5, 0, 2])},
        ),
        "the size of an output follows from data": (
            families.onnx_model(
                [helper.make_node("NonZero", ["x"], ["y"])], [x], dtype=TensorProto.INT64
            ),
            {"x": values},
        ),
    }
    for why, (source, feed) in models.items():
        gpu = lathe.compile(source, target=device.TARGET, cache=False).with_options(replay=True)
        wanted = lathe.compile(source, cache=False).run(feed)["y"]
        for _ in range(2):
            assert (np.asarray(gpu.run(feed)["y"]) == np.asarray(wanted)).all()
            assert gpu.replay_obstacle == why, gpu.replay_obstacle
        # That of another model with the same code, and of calls without `replay`, is its own.
        other = gpu.with_options(replay=False)
        other.run(feed)
        assert other.replay_obstacle is None and gpu.replay_obstacle == why
    on_cpu = lathe.compile(device.CHAIN, cache=False).with_options(replay=True)
    on_cpu(*device.inputs(3))
    assert on_cpu.replay_obstacle == "the module has no kernels for a device"


def failures() -> None:
    """A driver that makes no graphs is one that is not asked for them."""
    gpu, cpu = device.chain()
    model = gpu.with_options(replay=True)
    x, w = device.inputs(4)
    for _ in range(3):
        device.close(model(x, w)[0], cpu(x, w)[0])
        records = FAILING in ("cuStreamEndCapture", "cuGraphInstantiateWithFlags")
        why = "makes no graph of the kernels" if records else "records no graphs"
        assert model.replay_obstacle == f"the driver {why}"


def failed_launch() -> None:
    """A graph that does not begin is an error, as a kernel is, and the next call begins anew."""
    gpu, _ = device.chain()
    x, w = device.inputs(4)
    names = ("kernels of the call did not begin", "CUDA_ERROR_UNKNOWN")
    for _ in range(2):
        device.refused("cuda-error", *names, work=lambda: gpu.with_options(replay=True)(x, w))
        gpu(x, w)


def no_graphs() -> None:
    """The module runs without them."""
    gpu, cpu = device.chain()
    model = gpu.with_options(replay=True)
    x, w = device.inputs(4)
    device.close(model(x, w)[0], cpu(x, w)[0])
    assert model.replay_obstacle == "what serves the device has no graphs"


if __name__ == "__main__":
    globals()[sys.argv[1]]()
