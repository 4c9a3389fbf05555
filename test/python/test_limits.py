# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a model may ask for: small ones that want much are refused, unless users allow it."""

from __future__ import annotations

import os
import pathlib
import re
import threading
import time
import warnings
from typing import Any

import lathe
import numpy as np
import pytest
from conftest import make_model
from onnx import ModelProto, TensorProto, helper

FLOAT, INT = TensorProto.FLOAT, TensorProto.INT64
HUGE = 10**12
ROOT = pathlib.Path(__file__).resolve().parents[2]

# The op, its inputs (an array, or None for one that is left out), the one that says how large the
# result is, and attributes.
F32 = np.float32
ONES = np.ones((2, 3), F32)
CASES: list[tuple[str, list[Any], int, dict[str, Any]]] = [
    ("ConstantOfShape", [np.array([HUGE])], 0, {}),
    ("Expand", [np.ones((1, 1), F32), np.array([HUGE // 1000, 1000])], 1, {}),
    ("Tile", [ONES, np.array([HUGE // 6, 1])], 1, {}),
    ("Range", [np.array(0), np.array(HUGE), np.array(1)], 1, {}),
    ("Range", [np.array(0, F32), np.array(HUGE, F32), np.array(1, F32)], 1, {}),
    ("Pad", [ONES, np.array([0, 0, HUGE // 3, 0])], 1, {}),
    ("Resize", [np.ones((1, 1, 2, 2), F32), None, None, np.array([1, 1, 10**6, 10**6])], 3, {}),
    ("Resize", [np.ones((1, 1, 2, 2), F32), None, np.array([1, 1, 5e5, 5e5], F32)], 2, {}),
    ("OneHot", [np.zeros(1000, np.int64), np.array(HUGE // 1000), np.array([0, 1], F32)], 1, {}),
    ("AffineGrid", [np.ones((1, 2, 3), F32), np.array([1, 1, 10**6, 10**6])], 1, {}),
    ("CenterCropPad", [ONES, np.array([10**6, 10**6])], 1, {}),
    ("HannWindow", [np.array(HUGE)], 0, {}),
]
NAMES = [f"{i}-{case[0]}" for i, case in enumerate(CASES)]


def model_of(op: str, operands: list[Any], open_one: int | None, **attributes: Any) -> ModelProto:
    """Return one node, called "big", whose operands are constants but for `open_one`."""
    nodes, inputs, names = [], [], []
    for i, array in enumerate(operands):
        names.append("" if array is None else f"x{i}")
        if array is None:
            continue
        kind = helper.np_dtype_to_tensor_dtype(array.dtype)
        if i == open_one:
            inputs.append((f"x{i}", kind, list(array.shape)))
        else:
            value = helper.make_tensor(f"c{i}", kind, array.shape, array.ravel())
            nodes.append(helper.make_node("Constant", [], [f"x{i}"], value=value))
    nodes.append(helper.make_node(op, names, ["y"], name="big", **attributes))
    graph = helper.make_graph(
        nodes,
        "big",
        [helper.make_tensor_value_info(*value) for value in inputs],
        [helper.make_tensor_value_info("y", FLOAT, None)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


@pytest.mark.parametrize(("op", "operands", "size", "attributes"), CASES, ids=NAMES)
def test_huge_constants_are_refused(
    op: str, operands: list[Any], size: int, attributes: dict[str, Any]
) -> None:
    begin = time.monotonic()
    with pytest.raises(lathe.CompileError) as caught:
        lathe.compile(model_of(op, operands, None, **attributes), cache=False)
    assert set(caught.value.ids) <= {"limit-tensor-elements", "graph-size-overflow"}
    assert f'node "big" ({op}-' in str(caught.value)
    assert time.monotonic() - begin < 5


@pytest.mark.parametrize(("op", "operands", "size", "attributes"), CASES, ids=NAMES)
def test_huge_sizes_of_a_call_are_refused(
    op: str, operands: list[Any], size: int, attributes: dict[str, Any]
) -> None:
    model = lathe.compile(model_of(op, operands, size, **attributes), cache=False)
    begin = time.monotonic()
    with pytest.raises(lathe.RuntimeError) as caught:
        model(operands[size])
    assert caught.value.ids[0] in ("call-memory-limit", "call-size-overflow", "call-shape-check")
    assert time.monotonic() - begin < 5


OVERFLOWS: list[tuple[str, list[Any], int, Any]] = [
    ("ConstantOfShape", [np.array([2, 3])], 0, np.array([2**40, 2**40])),
    ("Expand", [np.ones((1, 3), F32), np.array([2, 3])], 1, np.array([2**61, 3])),
    ("Tile", [ONES, np.array([2, 2])], 1, np.array([2**62, 4])),
    ("Pad", [ONES, np.array([0, 0, 1, 1])], 1, np.array([2**62, 0, 2**62, 0])),
    ("OneHot", [np.zeros(2, np.int64), np.array(3), np.array([0, 1], F32)], 1, np.array(2**62)),
]


@pytest.mark.parametrize(("op", "operands", "size", "wrong"), OVERFLOWS, ids=lambda x: str(x)[:16])
def test_sizes_that_overflow_name_their_node(
    op: str, operands: list[Any], size: int, wrong: Any
) -> None:
    """The next call goes well."""
    model = lathe.compile(model_of(op, operands, size), cache=False)
    with pytest.raises(
        lathe.RuntimeError, match=rf'^node "big" \({op}-\d+\): .*\d{{15}}'
    ) as caught:
        model(wrong)
    assert caught.value.ids == ("call-size-overflow",)
    assert model(operands[size])[0].size > 0


def doubling() -> ModelProto:
    """Return a loop that carries what is twice as long after each turn."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("Concat", ["v", "v"], ["w"], axis=0, name="doubling"),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", INT, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v", FLOAT, ["n"]),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("w", FLOAT, ["m"]),
        ],
    )
    loop = helper.make_node("Loop", ["turns", "", "x"], ["y"], name="loop", body=body)
    inputs = [("turns", INT, []), ("x", FLOAT, [2])]
    return make_model([loop], inputs, [("y", FLOAT, ["k"])])


def test_what_needs_too_much_memory_on_the_way() -> None:
    model = lathe.compile(doubling(), cache=False, limits={"call-bytes": 1 << 20})
    needs = (
        r'^node "doubling" \(Concat-\d+\): what it computes needs \d+ bytes, but a call may have '
    )
    with pytest.raises(lathe.RuntimeError, match=needs + "1048576 in all.*call-memory-limit"):
        model(np.array(40), np.ones(2, F32))
    np.testing.assert_array_equal(model(np.array(3), np.ones(2, F32))[0], np.ones(16, F32))


def test_a_call_has_the_memory_that_it_may_have() -> None:
    model = model_of("ConstantOfShape", [np.array([0])], 0)
    small = lathe.compile(model, cache=False, limits={"call-bytes": 4096})
    assert small(np.array([1024]))[0].shape == (1024,)
    with pytest.raises(lathe.RuntimeError, match=r"call-bytes=NUMBER.*\[call-memory-limit\]"):
        small(np.array([1025]))
    assert small.with_options(max_bytes=1 << 20)(np.array([1025]))[0].shape == (1025,)
    for wrong in (0, -1, 2**63, True, 1e9, "9"):
        with pytest.raises(ValueError, match="max_bytes is"):
            small.with_options(max_bytes=wrong)  # type: ignore[arg-type]


def test_a_device_that_never_ends() -> None:
    zero = pathlib.Path("/dev/zero")
    for limits in ({"file-bytes": 1_000_000}, {"compile-bytes": 3_000_000}):
        way_out = f'has more than 1000000 bytes.*limits={{"{next(iter(limits))}": NUMBER}}'
        for make in (lathe.compile, lathe.compile_unranked):
            with pytest.raises(lathe.CompileError, match=way_out) as caught:
                make(zero, limits=limits)
            assert caught.value.ids == ("limit-file-bytes",)


def test_a_pipe_is_read_whole(tmp_path: pathlib.Path) -> None:
    model = make_model(
        [helper.make_node("Relu", ["x"], ["y"])], [("x", FLOAT, [2])], [("y", FLOAT, [2])]
    )
    data = model.SerializeToString()
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(data,))
    writer.start()
    (y,) = lathe.compile(tmp_path / "pipe", limits={"file-bytes": len(data)})(
        np.array([-1, 2], F32)
    )
    writer.join()
    assert y.tolist() == [0, 2]


def test_memory_that_a_loop_gives_back_counts_once() -> None:
    """A loop whose carried value grows and shrinks again stays below its limit."""
    body = helper.make_graph(
        [
            helper.make_node("Mod", ["i", "three"], ["m"]),
            helper.make_node("Add", ["m", "one"], ["n"]),
            helper.make_node("Mul", ["n", "size"], ["s"]),
            helper.make_node("ConstantOfShape", ["s"], ["next"]),
            helper.make_node("Identity", ["on"], ["goes"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", INT, []),
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("x", FLOAT, [None]),
        ],
        [
            helper.make_tensor_value_info("goes", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", FLOAT, [None]),
        ],
    )
    nodes = [
        helper.make_node("Constant", [], ["three"], value_int=3),
        helper.make_node("Constant", [], ["one"], value_int=1),
        helper.make_node("Constant", [], ["size"], value_ints=[1000]),
        helper.make_node("Constant", [], ["yes"], value=helper.make_tensor("t", 9, [], [True])),
        helper.make_node("Loop", ["turns", "yes", "x"], ["y"], body=body),
    ]
    inputs = [("turns", INT, []), ("x", FLOAT, [None])]
    model = lathe.compile(
        make_model(nodes, inputs, [("y", FLOAT, [None])]),
        cache=False,
        limits={"call-bytes": 100_000},
    )
    (y,) = model(np.array(1000), np.ones(10, F32))
    assert y.shape == (1000,)


def test_limits_of_tensors_nodes_and_folding() -> None:
    model = model_of("ConstantOfShape", [np.array([100])], None)
    with pytest.raises(lathe.CompileError, match=r"100 elements, but at most 10 are allowed"):
        lathe.compile(model, limits={"tensor-elements": 10})
    assert lathe.compile(model, limits={"tensor-elements": 100})()[0].shape == (100,)
    with pytest.raises(lathe.CompileError, match="more than 1 nodes") as caught:
        lathe.compile(model, limits={"nodes": 1})
    assert caught.value.ids == ("onnx-too-large",)
    with pytest.raises(lathe.CompileError) as caught:
        lathe.compile(model.SerializeToString(), cache=False, limits={"graph-bytes": 10})
    assert caught.value.ids == ("onnx-too-large",)


def test_what_folds_to_too_much_is_computed_in_the_call() -> None:
    value = helper.make_tensor("t", FLOAT, [1 << 16], np.arange(1 << 16, dtype=F32))
    nodes = [helper.make_node("Constant", [], ["x0"], value=value)]
    nodes += [helper.make_node("Concat", [f"x{i}"] * 2, [f"x{i + 1}"], axis=0) for i in range(4)]
    model = make_model(nodes, [], [("x4", FLOAT, [None])])
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        compiled = lathe.compile(model, cache=False, limits={"folded-bytes": 1_000_000})
    assert any("limit-folded-bytes" in str(warning.message) for warning in seen)
    (y,) = compiled()
    np.testing.assert_array_equal(y, np.tile(np.arange(1 << 16, dtype=F32), 16))


def test_compiling_ends_when_it_needs_too_much() -> None:
    x = model_of("Softmax", [ONES], 0)
    with pytest.raises(lathe.CompileError) as caught:
        lathe.compile(x, cache=False, limits={"compile-bytes": 1})
    assert caught.value.ids == ("limit-compile-bytes",)
    # Each of these is a kernel of its own; together they take far more than a second.
    nodes = []
    for i in range(600):
        nodes.append(helper.make_node("ReduceSum", ["x", f"axes{i % 2}"], [f"s{i}"], keepdims=1))
        nodes.append(helper.make_node("Softmax", [f"s{i}"], [f"t{i}"], axis=i % 3))
        nodes.append(helper.make_node("Pad", [f"t{i}", f"p{i}"], [f"y{i}"]))
        pads = helper.make_tensor("t", INT, [6], [i, 0, 1, 2, i % 7, 3])
        nodes.insert(0, helper.make_node("Constant", [], [f"p{i}"], value=pads))
    for i in range(2):
        nodes.insert(0, helper.make_node("Constant", [], [f"axes{i}"], value_ints=[i]))
    outputs = [(f"y{i}", FLOAT, [None] * 3) for i in range(600)]
    model = make_model(nodes, [("x", FLOAT, ["a", "b", "c"])], outputs)
    begin = time.monotonic()
    with pytest.raises(lathe.CompileError) as caught:
        lathe.compile(model, cache=False, limits={"compile-seconds": 1})
    assert caught.value.ids == ("limit-compile-seconds",)
    assert time.monotonic() - begin < 30


@pytest.mark.parametrize("last", ["optimize", "partition", "lower", "schedule", "codegen"])
def test_memory_that_runs_out_within_a_phase(last: str) -> None:
    model = model_of("Softmax", [ONES], 0)
    lathe.compile(model, cache=False)  # What the first compilation takes is there.
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    seen: list[str] = []
    held: list[Any] = []

    def hold(phase: str) -> None:
        seen.append(phase)
        if phase == last:
            held.append(np.ones(1 << 26))  # 512 MiB.

    most = pages * os.sysconf("SC_PAGE_SIZE") + (1 << 28)
    with pytest.raises(lathe.CompileError) as caught:
        lathe.compile(model, cache=False, limits={"compile-bytes": most}, progress=hold)
    assert caught.value.ids == ("limit-compile-bytes",)
    assert seen[-1] == last


@pytest.mark.parametrize(
    ("limits", "id"),
    [({"node": 5}, "limit-unknown"), ({"depth": 201}, "limit-value")],
)
def test_limits_that_there_are_not(limits: dict[str, int], id: str) -> None:
    model = model_of("Relu", [ONES], 0)
    with pytest.raises(lathe.CompileError) as caught:
        lathe.compile(model, cache=False, limits=limits)
    assert caught.value.ids == (id,)
    with pytest.raises(ValueError, match="give a whole number"):
        lathe.compile(model, limits={"nodes": 0})


def test_limits_of_a_session() -> None:
    from lathe import ort

    model = model_of("Relu", [ONES], 0).SerializeToString()
    options = ort.SessionOptions()
    options.add_session_config_entry("lathe.limit.tensor-elements", "5")
    with pytest.raises(Exception, match="limit-tensor-elements"):
        ort.InferenceSession(model, options)
    options.add_session_config_entry("lathe.limit.tensor-elements", "6")
    options.add_session_config_entry("lathe.limit.call-bytes", "10")
    session = ort.InferenceSession(model, options)
    with pytest.raises(Exception, match="call-memory-limit"):
        session.run(None, {"x0": ONES})
    for wrong in ("many", "0"):
        with pytest.raises(ValueError, match="whole number of 1 or more"):
            options.add_session_config_entry("lathe.limit.nodes", wrong)


def field(number: int, payload: bytes) -> bytes:
    """Return a field of a protobuf message, whose payload is a message or a text."""
    size, length = len(payload), b""
    while size >= 128:
        length, size = length + bytes([size & 127 | 128]), size >> 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + payload


def nested(depth: int) -> bytes:
    """Return an If in an If, `depth` graphs deep: deeper than protobuf's own functions write."""
    value = [helper.make_tensor_value_info("y", FLOAT, [])]
    node = helper.make_node("Constant", [], ["y"], value_float=1.5)
    graph = helper.make_graph([node], "innermost", [], value).SerializeToString()
    other = helper.make_node("Constant", [], ["y"], value_float=0.5)
    leaf = helper.make_graph([other], "other", [], value).SerializeToString()
    kind = bytes([20 << 3 & 127 | 128, 20 << 3 >> 7, 5])  # The type is GRAPH.
    for _ in range(depth - 1):
        branches = [(b"then_branch", graph), (b"else_branch", leaf)]
        node_bytes = field(1, b"c") + field(2, b"y") + field(4, b"If")
        for name, branch in branches:
            node_bytes += field(5, field(1, name) + field(6, branch) + kind)
        graph = field(1, node_bytes) + field(2, b"g") + field(12, value[0].SerializeToString())
    graph += field(11, helper.make_tensor_value_info("c", 9, []).SerializeToString())
    opset = helper.make_opsetid("", 20).SerializeToString()
    return bytes([1 << 3, 9]) + field(7, graph) + field(8, opset)


def test_depth() -> None:
    (y,) = lathe.compile(nested(31), cache=False)(np.array(True))
    assert y == 1.5
    with pytest.raises(lathe.CompileError, match="depth=NUMBER") as caught:
        lathe.compile(nested(33), cache=False)
    assert caught.value.ids == ("onnx-too-deep",)
    (y,) = lathe.compile(nested(200), cache=False, limits={"depth": 200})(np.array(True))
    assert y == 1.5
    # Where options are shared among several models, each is read with the limits that are given.
    deep = {"a": nested(40), "b": nested(40)}
    assert lathe.compile(deep, ranks={"c": 0}, limits={"depth": 40}).b(np.array(True))[0] == 1.5
    with pytest.raises(lathe.CompileError, match="more than 5 graphs"):
        lathe.compile(nested(9), cache=False, limits={"depth": 5})


def test_the_page_has_all_limits() -> None:
    source = (ROOT / "lib/Support/Limits.cpp").read_text()
    names = re.findall(r'^    \{"([a-z-]+)",', source, re.M)
    assert len(names) == 9
    page = (ROOT / "docs/limits.md").read_text()
    assert re.findall(r"^\| `([a-z-]+)` \|", page, re.M) == names
