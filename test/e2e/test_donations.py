# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Outputs in the memory of an input: right either way, and only what changes is written."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
from typing import Any

import lathe
import numpy as np
import numpy.typing as npt
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

ROOT = pathlib.Path(__file__).resolve().parents[2]
LATHE = pathlib.Path(os.environ.get("LATHE_BUILD", ROOT / "build/release")) / "bin/lathe"
ROWS, WIDTH = 512, 64
RANDOM = np.random.default_rng(0)


def step(nodes: list[Any] | None = None, rows: int | str = ROWS) -> ModelProto:
    """A decoder's step: `new` goes to row `at` of the cache, and the output reads all of it."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes
        or [
            helper.make_node("ScatterND", ["past", "at", "new"], ["present"], "update"),
            helper.make_node("ReduceSum", ["present", "axes"], ["sum"], "sum", keepdims=0),
        ],
        "step",
        [
            value("past", TensorProto.FLOAT, [rows, WIDTH]),
            value("at", TensorProto.INT64, [1, 1]),
            value("new", TensorProto.FLOAT, [1, WIDTH]),
        ],
        [
            value("present", TensorProto.FLOAT, [rows, WIDTH]),
            value("sum", TensorProto.FLOAT, [WIDTH]),
        ],
        [numpy_helper.from_array(np.array([0], np.int64), "axes")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def aligned(rows: int = ROWS) -> npt.NDArray[np.float32]:
    """An array of zeros that calls can write to in place."""
    memory = np.zeros(rows * WIDTH + 16, np.float32)
    start = -memory.ctypes.data // 4 % 16
    return memory[start : start + rows * WIDTH].reshape(rows, WIDTH)


@pytest.mark.parametrize("rows", [ROWS, "rows"])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_cache_is_updated_in_place(rows: int | str, threads: int) -> None:
    model = lathe.compile(step(rows=rows), donate={"past": "present"}, threads=threads)
    assert [output.donor for output in model.outputs] == ["past", None]
    cache, expected = aligned(), np.zeros((ROWS, WIDTH), np.float32)
    for at in (3, 0, ROWS - 1, 3):
        new = RANDOM.integers(-3, 4, (1, WIDTH)).astype(np.float32)
        expected[at] = new
        result = model.run({"past": cache, "at": np.array([[at]]), "new": new}, donate=True)
        assert result["present"] is cache
        np.testing.assert_array_equal(cache, expected)
        np.testing.assert_array_equal(result["sum"], expected.sum(0))


def test_without_donation_the_input_stays() -> None:
    model = lathe.compile(step(), donate={"past": "present"})
    cache, new = aligned(), np.ones((1, WIDTH), np.float32)
    present, _ = model(cache, np.array([[5]]), new)
    assert not cache.any()
    assert present[5].all() and present.sum() == WIDTH
    out = aligned()
    model.run({"past": cache, "at": np.array([[6]]), "new": new}, out={"present": out})
    assert not cache.any() and out[6].all() and out.sum() == WIDTH


def test_memory_that_is_not_aligned_is_right_too() -> None:
    model = lathe.compile(step(), donate={"past": "present"})
    memory = np.zeros(ROWS * WIDTH + 17, np.float32)
    start = -memory.ctypes.data // 4 % 16 + 1
    cache = memory[start : start + ROWS * WIDTH].reshape(ROWS, WIDTH)
    new = np.ones((1, WIDTH), np.float32)
    result = model.run({"past": cache, "at": np.array([[5]]), "new": new}, donate=True)
    assert result["present"] is cache and cache[5].all() and cache.sum() == WIDTH


def test_an_update_costs_what_it_writes(tmp_path: pathlib.Path) -> None:
    """The cache is copied where its memory is not that of the output, and by nothing else."""
    path = tmp_path / "step.onnx"
    path.write_bytes(step().SerializeToString())

    def program(*options: str) -> tuple[list[str], int]:
        """The copies of a call, and the bytes of all that it has room for besides outputs."""
        text = subprocess.run(
            [str(LATHE), "compile", path, "--stop-after", "bufferize", *options],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        copies = re.findall(r"host\.copy .*", text)
        constants = dict(re.findall(r"(%\w+) = arith\.constant (\d+) : index", text))
        (room,) = re.findall(r"host\.set_workspace (%\w+)", text) or ("",)
        return copies, int(constants.get(room, 0))

    (copy,), room = program("--donate", "past=present")
    assert copy.endswith(" unless_same")
    assert room < ROWS * WIDTH * 4
    assert not any("unless_same" in copy for copy in program()[0])


def test_what_is_still_read_is_copied_with_a_warning() -> None:
    nodes = [
        helper.make_node("ScatterND", ["past", "at", "new"], ["present"], "update"),
        helper.make_node("Sub", ["present", "past"], ["d"], "difference"),
        helper.make_node("ReduceSum", ["d", "axes"], ["sum"], "sum", keepdims=0),
    ]
    with pytest.warns(lathe.CompileWarning, match=r"still reads the input.*\[donation-copied\]"):
        model = lathe.compile(step(nodes), donate={"past": "present"}, cache=False)
    cache, new = aligned(), np.ones((1, WIDTH), np.float32)
    cache[5] = 3
    result = model.run({"past": cache, "at": np.array([[5]]), "new": new}, donate=True)
    assert (cache[5] == 1).all() and (result["sum"] == -2).all()


def test_a_program_with_branches_is_right() -> None:
    """What a branch makes is copied at the end."""
    value = helper.make_tensor_value_info
    update = helper.make_graph(
        [helper.make_node("ScatterND", ["past", "at", "new"], ["a"], "update")],
        "then",
        [],
        [value("a", TensorProto.FLOAT, [ROWS, WIDTH])],
    )
    keep = helper.make_graph(
        [helper.make_node("Identity", ["past"], ["b"], "keep")],
        "else",
        [],
        [value("b", TensorProto.FLOAT, [ROWS, WIDTH])],
    )
    nodes = [
        helper.make_node("ReduceSum", ["new"], ["n"], "all", keepdims=0),
        helper.make_node("Cast", ["n"], ["c"], "condition", to=TensorProto.BOOL),
        helper.make_node("If", ["c"], ["present"], "if", then_branch=update, else_branch=keep),
        helper.make_node("ReduceSum", ["present", "axes"], ["sum"], "sum", keepdims=0),
    ]
    with pytest.warns(lathe.CompileWarning, match="donation-copied"):
        model = lathe.compile(step(nodes), donate={"past": "present"}, cache=False)
    for factor in (0, 1):
        cache, new = aligned(), factor * np.ones((1, WIDTH), np.float32)
        cache[0] = 2
        result = model.run({"past": cache, "at": np.array([[5]]), "new": new}, donate=True)
        assert (cache[0] == 2).all() and (cache[5] == factor).all()
        np.testing.assert_array_equal(result["sum"], cache.sum(0))


@pytest.mark.parametrize(
    ("donate", "answer"),
    [
        ({"pasr": "present"}, "did you mean 'past'.*donation-unknown"),
        ({"past": "presents"}, "did you mean 'present'.*donation-unknown"),
        ({"past": "sum"}, "donation-type"),
        ({"new": "present"}, "donation-type"),
        ({"main:past": "present", "at": "present"}, "donation-twice"),
    ],
)
def test_what_cannot_be_donated(donate: dict[str, str], answer: str) -> None:
    with pytest.raises(lathe.CompileError, match=f"(?s){answer}"):
        lathe.compile(step(), donate=donate)


def test_errors_of_calls() -> None:
    feed = {"past": aligned(), "at": np.array([[5]]), "new": np.ones((1, WIDTH), np.float32)}
    with pytest.raises(lathe.RuntimeError, match="call-no-donation"):
        lathe.compile(step()).run(feed, donate=True)
    model = lathe.compile(step(), donate={"past": "present"})
    feed["past"].flags.writeable = False
    with pytest.raises(lathe.RuntimeError, match=r"read-only|writable"):
        model.run(feed, donate=True)


def test_of_one_of_several_functions(tmp_path: pathlib.Path) -> None:
    model = lathe.compile({"a": step(), "b": step()}, donate={"b:past": "present"})
    assert model.a.outputs[0].donor is None and model.b.outputs[0].donor == "past"
    # The kernel is there once for each of the two ways.
    feed = {"past": aligned(), "at": np.array([[5]]), "new": np.ones((1, WIDTH), np.float32)}
    assert model.a.run(feed)["present"].sum() == WIDTH and not feed["past"].any()
    assert model.b.run(feed, donate=True)["present"] is feed["past"] and feed["past"][5].all()
    with pytest.raises(lathe.CompileError, match="donation-function"):
        lathe.compile({"a": step(), "b": step()}, donate={"past": "present"})
    path = tmp_path / "step.onnx"
    path.write_bytes(step().SerializeToString())
    subprocess.run(
        [str(LATHE), "compile", path, "-o", tmp_path / "s.so", "--donate", "past=present"],
        check=True,
    )
    shown = subprocess.run(
        [str(LATHE), "inspect", tmp_path / "s.so"], capture_output=True, text=True, check=True
    ).stdout
    assert "donation   past to present\n" in shown
