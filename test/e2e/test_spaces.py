# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models whose kernels work in another memory space compute the same, with no copy too many."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess

import lathe
import numpy as np
import numpy.typing as npt
import pytest
from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("LATHE_BUILD", ROOT / "build/release"))
ROWS, WIDTH = 5, 32
RANDOM = np.random.default_rng(0)
INPUT = RANDOM.standard_normal((ROWS, WIDTH), dtype=np.float32)


def weights(name: str) -> TensorProto:
    return numpy_helper.from_array(
        RANDOM.standard_normal((WIDTH, WIDTH), dtype=np.float32) / np.float32(8), name
    )


def value(name: str, *dims: int | str, dtype: int = TensorProto.FLOAT) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, dims)


def save(
    path: pathlib.Path,
    nodes: list[NodeProto],
    outputs: list[ValueInfoProto],
    tensors: list[TensorProto],
) -> None:
    graph = helper.make_graph(nodes, "model", [value("x", "n", WIDTH)], outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())


def product(path: pathlib.Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["p"], "product"),
        helper.make_node("Softmax", ["p"], ["s"], "softmax", axis=1),
        helper.make_node("MatMul", ["s", "v"], ["y"], "second"),
    ]
    save(path, nodes, [value("y", "n", WIDTH)], [weights("w"), weights("v")])


def loop(path: pathlib.Path) -> None:
    """A state goes through a product in each turn, which has an output of its own."""
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["a", "w"], ["m"], "step"),
            helper.make_node("Tanh", ["m"], ["b"], "tanh"),
            helper.make_node("Identity", ["c"], ["d"], "goes on"),
            helper.make_node("ReduceSum", ["b"], ["r"], "sum", keepdims=0),
        ],
        "body",
        [
            value("i", dtype=TensorProto.INT64),
            value("c", dtype=TensorProto.BOOL),
            value("a", "n", WIDTH),
        ],
        [value("d", dtype=TensorProto.BOOL), value("b", "n", WIDTH), value("r")],
    )
    nodes = [
        helper.make_node("Loop", ["trips", "", "x"], ["last", "sums"], "loop", body=body),
        helper.make_node("Softmax", ["last"], ["y"], "softmax", axis=1),
    ]
    trips = numpy_helper.from_array(np.array(4, np.int64), "trips")
    save(path, nodes, [value("y", "n", WIDTH), value("sums", 4)], [weights("w"), trips])


def branch(path: pathlib.Path) -> None:
    def arm(name: str, operator: str) -> GraphProto:
        nodes = [
            helper.make_node("MatMul", ["x", "w"], [f"{name}_m"], name),
            helper.make_node(operator, [f"{name}_m"], [f"{name}_y"], f"{name} end"),
        ]
        return helper.make_graph(nodes, name, [], [value(f"{name}_y", "n", WIDTH)])

    nodes = [
        helper.make_node("ReduceSum", ["x"], ["sum"], "sum", keepdims=0),
        helper.make_node("Greater", ["sum", "zero"], ["c"], "compare"),
        helper.make_node(
            "If",
            ["c"],
            ["z"],
            "if",
            then_branch=arm("then", "Tanh"),
            else_branch=arm("else", "Sigmoid"),
        ),
        helper.make_node("Add", ["z", "x"], ["y"], "add"),
    ]
    zero = numpy_helper.from_array(np.array(0, np.float32), "zero")
    save(path, nodes, [value("y", "n", WIDTH)], [weights("w"), zero])


def found_sizes(path: pathlib.Path) -> None:
    """An output whose size the device finds out."""
    nodes = [
        helper.make_node("Greater", ["x", "zero"], ["c"], "compare"),
        helper.make_node("NonZero", ["c"], ["p"], "positions"),
        helper.make_node("Cast", ["p"], ["y"], "cast", to=TensorProto.FLOAT),
    ]
    zero = numpy_helper.from_array(np.array(0, np.float32), "zero")
    save(path, nodes, [value("y", 2, "k")], [zero])


MODELS = {"product": product, "loop": loop, "branch": branch, "found sizes": found_sizes}


def run(*command: object, cwd: pathlib.Path) -> subprocess.CompletedProcess[str]:
    words = [str(word) for word in command]
    return subprocess.run(words, capture_output=True, text=True, check=False, cwd=cwd)


def must(*command: object, cwd: pathlib.Path) -> str:
    result = run(*command, cwd=cwd)
    assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
    return result.stdout


def move(text: str, every: int, ends: bool) -> str:
    """Move each kernel, or each other one, to the device; with `ends`, inputs and outputs too."""
    count = 0

    def attribute(found: re.Match[str]) -> str:
        nonlocal count
        count += 1
        moved = "space = #host.space<cuda>, " if count % every == 0 else ""
        return found.group(1) + moved

    text = re.sub(r"(kernel\.func [^\n]*?attributes \{)", attribute, text)
    if ends:
        text = re.sub(
            r"(\{graph\.name = )", r"{host.space = #host.space<cuda>, graph.name = ", text
        )
    return text


def build(folder: pathlib.Path, name: str, every: int, ends: bool) -> pathlib.Path:
    if not shutil.which("cc"):
        pytest.skip("there is no C compiler")
    MODELS[name](folder / "model.onnx")
    INPUT.tofile(folder / "input.f32")
    lathe_tool = BUILD / "bin/lathe"
    must(
        lathe_tool,
        "compile",
        "model.onnx",
        "--stop-after",
        "partition",
        "-o",
        "model.mlir",
        cwd=folder,
    )
    text = (folder / "model.mlir").read_text()
    (folder / "model.mlir").write_text(move(text, every, ends))
    steps = ("--start-at", "lower", "-o", "model.a", "--header", "model.h")
    must(lathe_tool, "compile", "model.mlir", *steps, cwd=folder)
    libraries = (BUILD / "lib/libLatheRuntime.a", "-lpthread", "-ldl", "-lm")
    source = (ROOT / "test/e2e/spaces.c", "model.a", "-I", ".", "-I", ROOT / "include")
    must("cc", "-std=c11", "-O1", "-D_GNU_SOURCE", *source, *libraries, "-o", "spaces", cwd=folder)
    return folder


def compare(lines: list[str], outputs: list[npt.NDArray[np.float32]]) -> None:
    found = [
        np.array(line.split()[1:], dtype=np.float64) for line in lines if line.startswith("output")
    ]
    assert len(found) == len(outputs)
    for numbers, expected in zip(found, outputs, strict=True):
        np.testing.assert_array_equal(numbers.astype(np.float32), expected.ravel())


@pytest.mark.parametrize("ends", [False, True], ids=["host ends", "device ends"])
@pytest.mark.parametrize("every", [1, 2], ids=["all kernels", "each other"])
@pytest.mark.parametrize("name", MODELS)
def test_a_model_in_two_spaces(tmp_path: pathlib.Path, name: str, every: int, ends: bool) -> None:
    folder = build(tmp_path, name, every, ends)
    compiled = lathe.compile(str(folder / "model.onnx"))
    outputs = compiled.run({"x": INPUT})
    expected = [np.asarray(outputs[key]) for key in outputs]
    lines = must("./spaces", "input.f32", ROWS, WIDTH, 3, cwd=folder).splitlines()
    assert lines[0].startswith("without: ")
    assert lines[0].endswith("[module-space]")
    for start in range(1, len(lines) - 1, 1 + len(expected)):
        compare(lines[start : start + 1 + len(expected)], expected)
    copies = {line for line in lines if line.startswith("copies")}
    assert len(copies) == 1  # The same in each call.


def test_what_stays_on_the_device_is_not_copied(tmp_path: pathlib.Path) -> None:
    folder = build(tmp_path, "product", 1, ends=True)
    assert "copies 0 0 0" in must("./spaces", "input.f32", ROWS, WIDTH, cwd=folder)


def test_ends_on_the_host_are_one_copy_each(tmp_path: pathlib.Path) -> None:
    folder = build(tmp_path, "product", 1, ends=False)
    assert "copies 1 0 1" in must("./spaces", "input.f32", ROWS, WIDTH, cwd=folder)
