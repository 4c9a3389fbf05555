# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`lathe reduce` finds faults that are planted, in a peer or in an operator of one's own."""

from __future__ import annotations

import pathlib
import shlex
import subprocess
from collections.abc import Sequence

import numpy as np
import onnx
import pytest
from command_line import ROOT, Result, Run
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

# What a node of the domain com.example does to a copy of its input; peer.py only copies.
FAULTS = {
    "Crash": "if (n > 2) *(volatile char *)0 = 1;",
    "Spin": "for (volatile int i = 0; n > 2;) i = i + 1;",
    "Unsteady": "static int calls; y[0] += calls++;",
    "Wrong": "y[n - 1] += 1;",
}
LIBRARY = """\
#include "lathe-runtime/custom_op.h"
#define MATRIX "tensor<?x?xf32, #graph.dims<()[s0, s1] -> (s0, s1)>>"
#define DECLARE(name) \\
  "func.func private @\\"com.example::" name "\\"(" \\
  MATRIX " {graph.name = \\"x\\"}) -> " MATRIX "\\n"
"""
PEER = """\
import onnx
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

def copy(name):
    return type(name, (OpRun,), {"op_domain": "com.example", "_run": lambda self, x: (x,)})

def copies(model, feed):
    own = [copy(name) for name in NAMES]
    return ReferenceEvaluator(model, new_ops=own).run(None, feed)

def lacks_tanh(model, feed):
    if any(node.op_type == "Tanh" for node in model.graph.node):
        raise ValueError("there is no Tanh here")
    return ReferenceEvaluator(model).run(None, feed)

def wrong_pair(model, feed):
    # Wrong where a Sqrt reads what an Abs makes, and in nothing else.
    made = {node.output[0] for node in model.graph.node if node.op_type == "Abs"}
    for node in model.graph.node:
        if node.op_type == "Sqrt" and node.input[0] in made:
            node.op_type = "Exp"
    return ReferenceEvaluator(model).run(None, feed)

def wrong_tanh(model, feed):
    # Also in a subgraph.
    def change(graph):
        for node in graph.node:
            if node.op_type == "Tanh":
                node.op_type = "Sin"
            for attribute in node.attribute:
                change(attribute.g)
    change(model.graph)
    return ReferenceEvaluator(model).run(None, feed)
"""


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with ops.so and peer.py."""
    folder = tmp_path_factory.mktemp("parts")
    text = LIBRARY
    for name, body in FAULTS.items():
        text += (
            f"static int32_t run_{name}(lathe_custom_op_call *call) {{\n"
            "  const float *x = call->inputs[0].data;\n  float *y = call->outputs[0].data;\n"
            "  int64_t n = call->inputs[0].dims[0] * call->inputs[0].dims[1];\n"
            f"  for (int64_t i = 0; i < n; ++i) y[i] = x[i];\n  {body}\n  return 0;\n}}\n"
            f"static const lathe_custom_op op_{name} = "
            f'{{sizeof op_{name}, 0, "com.example::{name}", run_{name}, 0}};\n'
        )
    declared = " ".join(f'DECLARE("{name}")' for name in FAULTS)
    pointers = ", ".join(f"&op_{name}" for name in FAULTS)
    text += f"static const char text[] = {declared};\n"
    text += f"static const lathe_custom_op *const ops[] = {{{pointers}}};\n"
    text += (
        "static const lathe_custom_op_library library = "
        f"{{LATHE_ABI_VERSION, sizeof library, text, ops, {len(FAULTS)}, 0}};\n"
        "const lathe_custom_op_library *lathe_custom_ops_query(void) { return &library; }\n"
    )
    (folder / "ops.c").write_text(text)
    include = f"-I{ROOT / 'include'}"
    subprocess.run(
        ["cc", "-shared", "-fPIC", include, folder / "ops.c", "-o", folder / "ops.so"], check=True
    )
    (folder / "peer.py").write_text(f"NAMES = {list(FAULTS)}\n{PEER}")
    return folder


def model_of(
    nodes: Sequence[NodeProto], outputs: Sequence[str], shape: Sequence[int | str] = (2, 3)
) -> ModelProto:
    weights = np.arange(9, dtype=np.float32).reshape(3, 3)
    graph = helper.make_graph(
        list(nodes),
        "planted",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["a", "b"]) for n in outputs],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(np.asarray(True), "yes")],
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.example", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def chain(*operators: str, shape: Sequence[int | str] = (2, 3)) -> ModelProto:
    """Nodes n0, n1, ... that follow each other; the output is that of the last."""
    nodes, before = [], "x"
    for i, operator in enumerate(operators):
        own = "com.example" if operator in FAULTS else ""
        second = ["w"] if operator == "MatMul" else []
        nodes.append(
            helper.make_node(operator, [before, *second], [f"v{i}"], name=f"n{i}", domain=own)
        )
        before = f"v{i}"
    return model_of(nodes, [before], shape)


BEFORE = ("MatMul", "Relu", "Cos")


def reduced(folder: pathlib.Path) -> ModelProto:
    return onnx.load(folder / "small.onnx")


def operators(model: ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def again(run: Run, result: Result) -> Result:
    """Runs the command that is said to show the fault."""
    line = next(t for t in result.stdout.splitlines() if t.startswith("to see it: "))
    words = shlex.split(line.removeprefix("to see it: "))
    assert words[0] == "lathe"
    return run(*words[1:])


@pytest.mark.parametrize(
    ("operator", "said"),
    [
        ("Crash", "Lathe crashes in the call, with SIGSEGV"),
        ("Spin", "Lathe does not end in the call: it was still running after 0.5 s"),
        ("Unsteady", 'output "v5" has other bits on 1 and on 2 threads'),
        ("Wrong", 'output "v5" differs most at [1, 2]: '),
    ],
)
def test_faults_of_one_node(
    lathe: Run, parts: pathlib.Path, tmp_path: pathlib.Path, operator: str, said: str
) -> None:
    onnx.save(chain(*BEFORE, operator, "Neg", "Exp"), tmp_path / "m.onnx")
    (tmp_path / "peer.py").symlink_to(parts / "peer.py")
    own = ("--custom-op", str(parts / "ops.so"), "--against", "peer:copies", "--seconds", "0.5")
    result = lathe("reduce", "m.onnx", "-o", "small.onnx", *own)
    assert result.returncode == 1, result.stderr
    assert said in result.stdout, result.stdout
    assert "wrote small.onnx: 1 of 6 nodes" in result.stdout
    small = reduced(tmp_path)
    assert operators(small) == [operator]
    if operator == "Wrong":
        onnx.checker.check_model(small)
        found = again(lathe, result)
        assert found.returncode == 1 and "wrote small.reduced.onnx: 1 of 1" in found.stdout


def test_an_error_of_the_compiler(lathe: Run, tmp_path: pathlib.Path) -> None:
    onnx.save(chain(*BEFORE, "Wrong", "Relu", shape=("n", 3)), tmp_path / "m.onnx")
    result = lathe("reduce", "m.onnx", "-o", "small.onnx")
    assert result.returncode == 1
    assert "[onnx-unknown-domain]" in result.stdout
    assert "phase: import, where compiling ends" in result.stdout
    assert operators(reduced(tmp_path)) == ["Wrong"]
    assert "[onnx-unknown-domain]" in again(lathe, result).stderr


def test_two_nodes_that_belong_together(
    lathe: Run, parts: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    model = chain(*BEFORE, "Abs", "Sqrt", "Neg", shape=("n", 3))
    onnx.save(model, tmp_path / "m.onnx")
    (tmp_path / "peer.py").symlink_to(parts / "peer.py")
    words = ("--against", "peer:wrong_pair", "--dim", "n=4")
    result = lathe("reduce", "m.onnx", "-o", "small.onnx", *words)
    assert result.returncode == 1, result.stderr
    small = reduced(tmp_path)
    assert operators(small) == ["Abs", "Sqrt"], result.stdout
    assert [d.dim_value for d in small.graph.input[0].type.tensor_type.shape.dim] == [1, 1]


def test_a_node_of_a_loop(lathe: Run, parts: pathlib.Path, tmp_path: pathlib.Path) -> None:
    body = helper.make_graph(
        [
            helper.make_node("Add", ["state", "x"], ["sum"]),
            helper.make_node("Tanh", ["sum"], ["next"]),
            helper.make_node("Neg", ["next"], ["slice"]),
            helper.make_node("Identity", ["go"], ["on"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state", TensorProto.FLOAT, [2, 3]),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, [2, 3]),
            helper.make_tensor_value_info("slice", TensorProto.FLOAT, [2, 3]),
        ],
    )
    nodes = [
        helper.make_node("Constant", [], ["turns"], value_int=3),
        helper.make_node("Relu", ["x"], ["r"]),
        helper.make_node("Loop", ["turns", "yes", "r"], ["last", "all"], body=body),
        helper.make_node("Abs", ["last"], ["y"]),
    ]
    onnx.save(model_of(nodes, ["y"]), tmp_path / "m.onnx")
    (tmp_path / "peer.py").symlink_to(parts / "peer.py")
    result = lathe("reduce", "m.onnx", "-o", "small.onnx", "--against", "peer:wrong_tanh")
    assert result.returncode == 1, result.stderr
    assert operators(reduced(tmp_path)) == ["Tanh"], result.stdout


def test_a_sequence_is_cut_where_it_can_be(
    lathe: Run, parts: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["r"]),
        helper.make_node("SequenceConstruct", ["r", "x"], ["s"]),
        helper.make_node("ConcatFromSequence", ["s"], ["c"], axis=0),
        helper.make_node("Wrong", ["c"], ["d"], domain="com.example"),
        helper.make_node("Neg", ["d"], ["y"]),
    ]
    onnx.save(model_of(nodes, ["y"]), tmp_path / "m.onnx")
    (tmp_path / "peer.py").symlink_to(parts / "peer.py")
    own = ("--custom-op", str(parts / "ops.so"), "--against", "peer:copies")
    result = lathe("reduce", "m.onnx", "-o", "small.onnx", *own)
    assert operators(reduced(tmp_path)) == ["Wrong"], result.stdout + result.stderr


def test_nothing_wrong(lathe: Run, tmp_path: pathlib.Path) -> None:
    onnx.save(chain(*BEFORE), tmp_path / "m.onnx")
    result = lathe("reduce", "m.onnx")
    assert result.returncode == 0, result.stderr
    assert "nothing is wrong: 3 outputs in 3 calls agree with onnxruntime" in result.stdout
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.onnx"]


def test_a_peer_that_lacks_an_operator(
    lathe: Run, parts: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    onnx.save(chain(*BEFORE, "Tanh", "Neg"), tmp_path / "m.onnx")
    (tmp_path / "peer.py").symlink_to(parts / "peer.py")
    result = lathe("reduce", "m.onnx", "--against", "peer:lacks_tanh")
    assert result.returncode == 1
    assert 'peer:lacks_tanh cannot compute node "n3" (Tanh): there is no Tanh' in result.stderr
    assert "[reduce-no-answer]" in result.stderr
    # What another knows of the node counts.
    result = lathe("reduce", "m.onnx", "--against", "peer:lacks_tanh,reference")
    assert result.returncode == 0, result.stderr


def test_time_that_is_up_leaves_the_best(
    lathe: Run, parts: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    onnx.save(chain(*BEFORE, "Spin", "Relu", "Neg"), tmp_path / "m.onnx")
    (tmp_path / "peer.py").symlink_to(parts / "peer.py")
    own = ("--custom-op", str(parts / "ops.so"), "--against", "peer:copies", "--seconds", "0.5")
    result = lathe("reduce", "m.onnx", "-o", "small.onnx", *own, "--minutes", "0.02")
    assert result.returncode == 1
    assert "time was up" in result.stdout, result.stdout
    assert "Spin" in operators(reduced(tmp_path))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--against", "onnxrutnime"), "did you mean 'onnxruntime'?"),
        (("--against", "one"), "there are onnxruntime, reference and MODULE:FUNCTION"),
        (("-o", "small.mlir"), "-o names the ONNX file to write"),
        (("--dim", "n=1..8"), "in place of n=1..8"),
        (("--minutes", "soon"), "'soon' is not a number above 0"),
        (("--rtol", "-1"), "'-1' is not a number above 0"),
    ],
)
def test_wrong_usage(lathe: Run, tmp_path: pathlib.Path, words: tuple[str, ...], said: str) -> None:
    onnx.save(chain("Relu"), tmp_path / "m.onnx")
    result = lathe("reduce", "m.onnx", *words)
    assert result.returncode == 2 and said in result.stderr, result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--dim", "m=1"), "--dim m: the model has no such free dim; there is: n"),
        (("--input", "z=z.npy"), "z.npy, which cannot be read"),
        (("--shape", "x=1"), '--shape gives input "x" 1 dims, but it has 2'),
    ],
)
def test_wrong_inputs(
    lathe: Run, tmp_path: pathlib.Path, words: tuple[str, ...], said: str
) -> None:
    onnx.save(chain("Relu", shape=("n", 3)), tmp_path / "m.onnx")
    result = lathe("reduce", "m.onnx", *words)
    assert result.returncode == 1 and said in result.stderr, result.stderr


def test_what_is_no_model(lathe: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "m.onnx").write_text("text")
    result = lathe("reduce", "m.onnx")
    assert result.returncode == 1 and "[model-other-format]" in result.stderr, result.stderr
