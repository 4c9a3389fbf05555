# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`lathe check` says what a model needs, and lists all that is lacking."""

from __future__ import annotations

import json
import pathlib
import re

import numpy as np
import onnx
import pytest
from command_line import Run
from onnx import TensorProto, helper, numpy_helper

TRAINING = "ai.onnx.preview.training"
WEIGHTS = np.ones((3, 5), np.float32)


def write(path: pathlib.Path, nodes: list[onnx.NodeProto], **domains: int) -> None:
    """A model of pixels: f32[batch, 3] and a flag, with the initializer `weights`."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "small",
        [value("pixels", TensorProto.FLOAT, ["batch", 3]), value("flag", TensorProto.BOOL, [])],
        [value(nodes[-1].output[0], TensorProto.FLOAT, None)],
        [numpy_helper.from_array(WEIGHTS, "weights")],
    )
    opsets = [helper.make_opsetid("", 20)]
    opsets += [helper.make_opsetid(TRAINING, 1)]
    opsets += [helper.make_opsetid(f"com.{name}", version) for name, version in domains.items()]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)


def lacking(name: str) -> onnx.NodeProto:
    """A node that Lathe has no operator for."""
    return helper.make_node(
        "Gradient", ["pixels"], ["d"], name, None, TRAINING, xs=["pixels"], y="d"
    )


def choose(then: onnx.NodeProto, other: onnx.NodeProto) -> onnx.NodeProto:
    """An If whose branches are a node each."""

    def branch(node: onnx.NodeProto) -> onnx.GraphProto:
        result = helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, None)
        return helper.make_graph([node], "branch", [], [result])

    return helper.make_node(
        "If", ["flag"], ["y"], "choose", then_branch=branch(then), else_branch=branch(other)
    )


@pytest.fixture
def model(tmp_path: pathlib.Path) -> str:
    dense = helper.make_node("MatMul", ["pixels", "weights"], ["product"], "dense")
    where = helper.make_node("NonZero", ["product"], ["found"], "where")
    write(tmp_path / "good.onnx", [dense, where, helper.make_node("Cast", ["found"], ["y"], to=1)])
    return "good.onnx"


@pytest.fixture
def gaps(tmp_path: pathlib.Path) -> str:
    """An unknown domain in front of everything, and a gap in either branch."""
    route = helper.make_node("Route", ["pixels"], ["r"], "route", domain="com.acme")
    again = helper.make_node("Route", ["pixels"], ["s"], "again", domain="com.acme")
    gelu = helper.make_node("Gelu", ["pixels"], ["g"], "gelu", approximate="maybe")
    decode = lacking("decode")
    write(tmp_path / "gaps.onnx", [route, again, choose(gelu, decode)], acme=1)
    return "gaps.onnx"


def test_a_model_that_is_complete(lathe: Run, model: str) -> None:
    result = lathe("check", model)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "good.onnx: 3 operators: 3 direct",
        "good.onnx: takes pixels float32[batch, 3], flag bool[]",
        "good.onnx: gives y float32[2, ?]",
        "good.onnx: holds 60 bytes of weights",
        'good.onnx: 1 sizes follow from data, the first of node "where" (NonZero-13)',
        "good.onnx: ok, Lathe has all that it needs",
    ]


def test_every_gap_is_listed(lathe: Run, gaps: str) -> None:
    result = lathe("check", gaps)
    assert result.returncode == 1
    for error in (
        r'node "route" \(com.acme.Route\): error: .* \[onnx-unknown-domain\]',
        r'node "route" \(com.acme.Route\): note: so for 1 more nodes with this operator',
        r'"then_branch": node "gelu" \(Gelu-20\): error: .* \[onnx-unsupported-attribute\]',
        r'"else_branch": node "decode" \(.*Gradient-1\): error: .* \[onnx-unsupported-op\]',
    ):
        assert re.search(error, result.stderr), error
    lines = result.stdout.splitlines()
    assert f'gaps.onnx: missing {TRAINING}.Gradient-1: "choose/else_branch/decode"' in lines
    assert 'gaps.onnx: missing com.acme.Route: "route", "again"' in lines
    assert lines[-1] == "gaps.onnx: not ok, Lathe lacks what the errors say"


def test_several_models(lathe: Run, model: str, gaps: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / "text.onnx").write_text("no model")
    result = lathe("check", model, gaps, "text.onnx")
    assert result.returncode == 1
    last = [line for line in result.stdout.splitlines() if "ok, " in line]
    assert [line.partition(": ")[2].partition(",")[0] for line in last] == [
        "ok",
        "not ok",
        "not ok",
    ]
    assert "text.onnx: " in result.stderr
    assert lathe("check", model, model).returncode == 0


def test_json(lathe: Run, model: str, gaps: str) -> None:
    result = lathe("check", model, gaps, "--json")
    assert (result.returncode, result.stderr) == (1, "")
    good, bad = json.loads(result.stdout)["models"]
    assert (good["model"], good["ok"], good["slow"], good["messages"]) == (model, True, False, [])
    assert good["inputs"][0] == {"name": "pixels", "dtype": "float32", "dims": "[batch, 3]"}
    assert good["free_dims"] == ["batch"]
    assert good["sizes_from_data"] == ['node "where" (NonZero-13)']
    assert good["weight_bytes"] == 60
    assert {use["operator"]: use["how"] for use in good["operators"]} == {
        "Cast-19": "direct",
        "MatMul-13": "direct",
        "NonZero-13": "direct",
    }
    assert not bad["ok"]
    missing = {use["operator"]: use["nodes"] for use in bad["operators"] if use["how"] == "missing"}
    assert missing == {
        f"{TRAINING}.Gradient-1": ["choose/else_branch/decode"],
        "com.acme.Route": ["route", "again"],
    }
    ids = {message["id"] for message in bad["messages"] if message["severity"] == "error"}
    assert ids == {"onnx-unknown-domain", "onnx-unsupported-attribute", "onnx-unsupported-op"}
    assert all(message["place"] and message["message"] for message in bad["messages"])


def test_a_branch_that_is_never_taken_lacks_nothing(lathe: Run, tmp_path: pathlib.Path) -> None:
    taken = helper.make_node("Relu", ["pixels"], ["t"], "taken")
    decode = lacking("decode")
    yes = helper.make_node("Constant", [], ["yes"], value=numpy_helper.from_array(np.array(True)))
    node = choose(taken, decode)
    node.input[0] = "yes"
    write(tmp_path / "dead.onnx", [yes, node])
    result = lathe("check", "dead.onnx")
    assert (result.returncode, result.stderr) == (0, "")


def shared_model(path: pathlib.Path) -> None:
    """A product that shares its left operand in a batch, which only plain loops compute; the batch
    is free.
    """
    matrix = np.arange(12, dtype=np.float32).reshape(3, 4)
    node = helper.make_node("MatMul", ["f", "x"], ["y"], "one, shared")
    shape = helper.make_tensor_value_info
    graph = helper.make_graph(
        [node],
        "shared",
        [shape("x", TensorProto.FLOAT, ["n", 4, 8])],
        [shape("y", TensorProto.FLOAT, ["n", 3, 8])],
        [numpy_helper.from_array(matrix, "f")],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)


def test_products_that_fall_to_loops_are_named(lathe: Run, tmp_path: pathlib.Path) -> None:
    shared_model(tmp_path / "shared.onnx")
    result = lathe("check", "shared.onnx", "--target", "x86_64:v3", "--dim", "n=2")
    assert result.returncode == 0
    assert result.stdout.endswith("what the 1 remarks name is slower than it could be\n")
    remark = (
        r"^shared\.onnx: .*one, shared.*: remark: .*\'x86_64:v3\'.*broadcast.* \[strategy-loops\]$"
    )
    assert re.search(remark, result.stderr, re.MULTILINE)
    command = ("compile", "shared.onnx", "-o", "a.lathebin", "--target", "x86_64:v3")
    assert lathe(*command).stderr == ""
    assert re.search(remark, lathe(*command, "-v").stderr, re.MULTILINE)
    inspected = lathe("inspect", "a.lathebin", "--dim", "n=2").stdout
    assert 'cpu.loops {because = "the left operand is broadcast' in inspected
    result = lathe("check", "shared.onnx", "--target", "x86_64:v3", "--dim", "n=2", "--strict")
    assert result.returncode == 1
    result = lathe("check", "shared.onnx", "--dim", "m=2")
    assert result.returncode == 1 and "not ok" in result.stdout
    result = lathe("check", "shared.onnx", "--target", "x86_64:v9")
    assert result.returncode == 1 and "[target-unknown-feature]" in result.stderr
