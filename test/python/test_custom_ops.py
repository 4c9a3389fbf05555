# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators of one's own: with bodies, with functions of C and of Python, and what is wrong."""

from __future__ import annotations

import ctypes
import gc
import pathlib
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import lathe
import numpy as np
import onnx
import pytest
from lathe import custom_ops
from onnx import TensorProto, helper

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROWS = "#graph.dims<()[s0, s1] -> (s0, s1)>"
MATRIX = f"tensor<?x?xf32, {ROWS}>"


@pytest.fixture(autouse=True)
def own_registry() -> Iterator[None]:
    before = list(custom_ops._sources)
    yield
    custom_ops._sources[:] = before


def model_of(
    op: str,
    inputs: Sequence[tuple[str, int, Sequence[Any]]],
    outputs: int = 1,
    then: str = "",
    **attributes: Any,
) -> onnx.ModelProto:
    """A model of one node `op` of com.example, with the operator `then` behind its first output."""
    names = [f"y{i}" for i in range(outputs)]
    nodes = [
        helper.make_node(
            op, [name for name, _, _ in inputs], names, "node", domain="com.example", **attributes
        )
    ]
    if then:
        nodes.append(helper.make_node(then, names[:1], ["z"]))
        names[0] = "z"
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(*value) for value in inputs],
        [helper.make_value_info(name, onnx.TypeProto()) for name in names],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.example", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


X = ("x", TensorProto.FLOAT, ["n", "m"])


def declare(name: str, arguments: str, results: str) -> str:
    return f'func.func private @"com.example::{name}"({arguments}) -> ({results})'


def values(*shape: int) -> np.ndarray[Any, Any]:
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape) - 2


def test_a_function_of_python_with_open_sizes() -> None:
    lathe.register_op(
        declare("Twice", MATRIX, "tensor<?x?xf32, #graph.dims<()[s0, s1] -> (s0, s1 * 2 + 1)>>"),
        {"com.example::Twice": lambda x: np.concatenate([x, x, x[:, :1]], 1)},
    )
    model = lathe.compile(model_of("Twice", [X], then="Neg"))
    for shape in ((1, 1), (3, 4), (2, 70)):
        x = values(*shape)
        (y,) = model(x)
        np.testing.assert_array_equal(y, -np.concatenate([x, x, x[:, :1]], 1))
    assert model.metadata["lathe.custom_ops"] == "com.example::Twice"


def test_attributes_of_all_kinds() -> None:
    seen: list[list[Any]] = []

    def note(x: Any, *attributes: Any) -> Any:
        seen.append([attribute.tolist() for attribute in attributes])
        return np.array(x)

    vector = "tensor<?x{}, #graph.dims<()[s0, s1, s2] -> (s2)>>"
    arguments = [
        MATRIX,
        'tensor<i64> {graph.name = "whole", graph.attribute}',
        'tensor<f64> {graph.name = "real", graph.attribute = 2.5 : f64}',
        'tensor<!graph.string> {graph.name = "text", graph.attribute = "abc"}',
        vector.format("i64") + ' {graph.name = "list", graph.attribute = array<i64: 1, 2, 3>}',
    ]
    lathe.register_op(declare("Note", ", ".join(arguments), MATRIX), {"com.example::Note": note})
    x = values(2, 3)
    lathe.compile(model_of("Note", [X], whole=7), cache=False)(x)
    lathe.compile(model_of("Note", [X], whole=8, real=0.5, text="de", list=[4]), cache=False)(x)
    assert seen == [[7, 2.5, "abc", [1, 2, 3]], [8, 0.5, "de", [4]]]


def test_the_first_declaration_that_fits_is_taken() -> None:
    halves = f"tensor<?x?xf16, {ROWS}>"
    vector = "tensor<?xf32, #graph.dims<()[s0] -> (s0)>>"
    text = "\n".join(
        (
            declare("Same", MATRIX, MATRIX),
            declare("Same::half", halves, halves),
            declare("Same::vector", vector, vector),
        )
    )
    lathe.register_op(text, {"com.example::Same": lambda x: x + x.dtype.type(x.ndim)})
    for kind, shape in (
        (TensorProto.FLOAT, [2, 3]),
        (TensorProto.FLOAT16, [2, 3]),
        (TensorProto.FLOAT, [5]),
    ):
        x = values(*shape).astype(helper.tensor_dtype_to_np_dtype(kind))
        (y,) = lathe.compile(model_of("Same", [("x", kind, shape)]))(x)
        np.testing.assert_array_equal(y, x + x.dtype.type(x.ndim))
    with pytest.raises(lathe.CompileError, match="float64 of rank 2") as raised:
        lathe.compile(model_of("Same", [("x", TensorProto.DOUBLE, [2, 3])]))
    assert "custom-op-inputs" in raised.value.ids
    assert "takes (float16 of rank 2)" in str(raised.value)


def test_sizes_that_are_declared_equal_are_checked() -> None:
    lathe.register_op(
        declare("Plus", f"{MATRIX}, {MATRIX}", MATRIX), {"com.example::Plus": lambda a, b: a + b}
    )
    other = ("b", TensorProto.FLOAT, ["n", "k"])
    model = lathe.compile(model_of("Plus", [X, other]))
    np.testing.assert_array_equal(model(values(2, 3), values(2, 3))[0], 2 * values(2, 3))
    with pytest.raises(lathe.RuntimeError, match="declared dim 1 of '1'"):
        model(values(2, 3), values(2, 4))
    fixed = [("x", TensorProto.FLOAT, [2, 3]), ("b", TensorProto.FLOAT, [2, 4])]
    with pytest.raises(lathe.CompileError) as raised:
        lathe.compile(model_of("Plus", fixed))
    assert "graph-shape-mismatch" in raised.value.ids


def test_inputs_that_are_left_out() -> None:
    seen: list[tuple[bool, ...]] = []

    def note(x: Any, *others: Any) -> Any:
        seen.append(tuple(other is not None for other in others))
        return x + sum(other for other in others if other is not None)

    forms = ((MATRIX, MATRIX), (MATRIX, "none"), ("none", MATRIX), ("none", "none"))
    text = "\n".join(
        declare(f"Sum::form{i}", f"{MATRIX}, {a}, {b}", MATRIX) for i, (a, b) in enumerate(forms)
    )
    lathe.register_op(text, {"com.example::Sum": note})
    x = values(2, 3)
    for names, factor in ((["x", "x", "x"], 3), (["x", "x"], 2), (["x", "", "x"], 2), (["x"], 1)):
        node = helper.make_node("Sum", names, ["y"], "node", domain="com.example")
        model = model_of("Sum", [X])
        del model.graph.node[:]
        model.graph.node.append(node)
        model.graph.output[0].name = "y"
        np.testing.assert_array_equal(lathe.compile(model, cache=False)(x)[0], factor * x)
    assert seen == [(True, True), (True, False), (False, True), (False, False)]


def test_an_input_that_is_left_out_of_a_body() -> None:
    lathe.register_op(
        f"""
func.func @"com.example::Plus"(%x: {MATRIX}, %b: {MATRIX}) -> {MATRIX} {{
  %y = graph.add %x, %b : ({MATRIX}, {MATRIX}) -> {MATRIX}
  return %y : {MATRIX}
}}
func.func @"com.example::Plus::alone"(%x: {MATRIX}, %b: none) -> {MATRIX} {{
  return %x : {MATRIX}
}}"""
    )
    x = values(2, 3)
    (y,) = lathe.compile(model_of("Plus", [X], then="Neg"))(x)
    np.testing.assert_array_equal(y, -x)


KEPT = "tensor<?x?xf32, #graph.dims<()[s0, s1, s2] -> (s0, s1)>>"
ROWS_OF_DATA = "tensor<?x?xf32, #graph.dims<()[s0, s1, s2] -> (s2, s1)>>"


def test_sizes_that_follow_from_data() -> None:
    functions = {
        "com.example::Positive": lambda x: x[x[:, 0] > 0],
        "com.example::Positive::sizes": lambda x: np.array([np.count_nonzero(x[:, 0] > 0)]),
    }
    lathe.register_op(declare("Positive", KEPT, ROWS_OF_DATA), functions)
    model = lathe.compile(model_of("Positive", [X], then="Neg"))
    for shape in ((4, 3), (1, 1), (70, 2), (0, 4)):
        x = values(*shape)
        np.testing.assert_array_equal(model(x)[0], -x[x[:, 0] > 0])
    assert model.metadata["lathe.custom_ops"].split("\n") == [
        "com.example::Positive::sizes",
        "com.example::Positive",
    ]
    functions["com.example::Positive::sizes"] = lambda x: np.array([-3])
    lathe.register_op(declare("Positive", KEPT, ROWS_OF_DATA), functions)
    with pytest.raises(lathe.RuntimeError, match="must be at least 0, but -3"):
        model(values(4, 3))


def positive_rows(*, is_loop: bool) -> onnx.ModelProto:
    """A branch, or a loop of one turn, that keeps the rows of x that begin above 0."""
    node = helper.make_node("Positive", ["x"], ["kept"], "node", domain="com.example")
    floats = helper.make_tensor_value_info("kept", TensorProto.FLOAT, None)
    condition = helper.make_tensor_value_info("c", TensorProto.BOOL, [])
    if is_loop:
        nodes = [
            node,
            helper.make_node("Shape", ["kept"], ["shape"]),
            helper.make_node("ReduceSum", ["kept"], ["sum"], keepdims=0),
            helper.make_node("Identity", ["go"], ["went"]),
        ]
        body = helper.make_graph(
            nodes,
            "body",
            [
                helper.make_tensor_value_info("i", TensorProto.INT64, []),
                helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            ],
            [
                helper.make_tensor_value_info("went", TensorProto.BOOL, []),
                helper.make_tensor_value_info("shape", TensorProto.INT64, [2]),
            ],
        )
        one = helper.make_tensor("one", TensorProto.INT64, [], [1])
        made = [
            helper.make_node("Loop", ["one", "c"], ["shapes"], body=body),
            helper.make_node("Cast", ["shapes"], ["y"], to=TensorProto.FLOAT),
        ]
    else:
        same = helper.make_node("Identity", ["x"], ["kept"])
        branches = {
            "then_branch": helper.make_graph([node], "then", [], [floats]),
            "else_branch": helper.make_graph([same], "else", [], [floats]),
        }
        one = None
        made = [helper.make_node("If", ["c"], ["y"], **branches)]
    graph = helper.make_graph(
        made,
        "g",
        [helper.make_tensor_value_info(*X), condition],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [one] if one else [],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.example", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def test_sizes_from_data_in_branches_and_loops() -> None:
    functions = {
        "com.example::Positive": lambda x: x[x[:, 0] > 0],
        "com.example::Positive::sizes": lambda x: np.array([np.count_nonzero(x[:, 0] > 0)]),
    }
    lathe.register_op(declare("Positive", KEPT, ROWS_OF_DATA), functions)
    branch = lathe.compile(positive_rows(is_loop=False), cache=False)
    loop = lathe.compile(positive_rows(is_loop=True), cache=False)
    for shape in ((4, 3), (1, 1), (70, 2)):
        x = values(*shape)
        kept = x[x[:, 0] > 0]
        np.testing.assert_array_equal(branch(x, np.bool_(True))[0], kept)
        np.testing.assert_array_equal(branch(x, np.bool_(False))[0], x)
        np.testing.assert_array_equal(loop(x, np.bool_(True))[0], [kept.shape])
    functions["com.example::Positive::sizes"] = lambda x: np.array([-3])
    lathe.register_op(declare("Positive", KEPT, ROWS_OF_DATA), functions)
    for model in (branch, loop):
        with pytest.raises(lathe.RuntimeError, match="must be at least 0, but -3"):
            model(values(4, 3), np.bool_(True))
    np.testing.assert_array_equal(branch(values(4, 3), np.bool_(False))[0], values(4, 3))


def test_sizes_that_64_bits_are_too_few_for() -> None:
    """Four times the size would be four."""
    results = f"{ROWS_OF_DATA}, {ROWS_OF_DATA.replace('(s2, s1)', '(s2 * 4, s1)')}"
    functions = {
        "com.example::Huge": lambda x: (x, x),
        "com.example::Huge::sizes": lambda x: np.array([2**62 + 1]),
    }
    lathe.register_op(declare("Huge", KEPT, results), functions)
    model = lathe.compile(model_of("Huge", [X], outputs=2), cache=False)
    with pytest.raises(lathe.RuntimeError, match="must be at most 140737488355328"):
        model(values(4, 3))


def test_equal_sizes_are_checked_before_sizes_are_computed() -> None:
    """A function in C may rely on what is declared."""
    seen: list[tuple[int, ...]] = []

    def sizes(a: Any, b: Any) -> Any:
        seen.append((len(a), len(b)))
        return np.array([np.count_nonzero(a > b)])

    vector = "tensor<?xf32, #graph.dims<()[s0, s1] -> ({})>>"
    arguments = ", ".join([vector.format("s0")] * 2)
    lathe.register_op(
        declare("Above", arguments, vector.format("s1")),
        {"com.example::Above": lambda a, b: a[a > b], "com.example::Above::sizes": sizes},
    )
    vectors = [(name, TensorProto.FLOAT, [size]) for name, size in (("a", "n"), ("b", "m"))]
    model = lathe.compile(model_of("Above", vectors), cache=False)
    a, b = values(3), values(5)
    np.testing.assert_array_equal(model(a, a[::-1].copy())[0], a[2:])
    with pytest.raises(lathe.RuntimeError, match="declared dim 0 of '1'"):
        model(a, b)
    assert seen == [(3, 3)]
    fixed = [("a", TensorProto.FLOAT, [3]), ("b", TensorProto.FLOAT, [5])]
    with pytest.raises(lathe.CompileError, match="declared dim 0 of '1'"):
        lathe.compile(model_of("Above", fixed), cache=False)


def test_a_library_for_sessions(tmp_path: pathlib.Path) -> None:
    ort = pytest.importorskip("lathe.ort")
    library = tmp_path / "widen.so"
    source = ROOT / "examples" / "custom-op" / "widen.c"
    command = f"cc -shared -fPIC -I {ROOT / 'include'} {source} -o {library}"
    subprocess.run(command.split(), check=True)
    options = ort.SessionOptions()
    options.register_custom_ops_library(str(library))
    session = ort.InferenceSession(model_of("Widen", [X]).SerializeToString(), options)
    x = values(2, 3)
    np.testing.assert_array_equal(session.run(None, {"x": x})[0], np.repeat(x, 2, 1))
    other = tmp_path / "other.so"
    (tmp_path / "other.c").write_text("void *RegisterCustomOps(void *a, void *b) { return 0; }\n")
    subprocess.run(["cc", "-shared", "-fPIC", tmp_path / "other.c", "-o", other], check=True)
    wrong = tmp_path / "wrong.mlir"
    wrong.write_text('func.func private @"Op"(tensor<f32>) -> tensor<f32>\n')
    for path, id, is_foreign in (
        (other, "ort-custom-ops-library", True),
        (tmp_path / "none.so", "module-cannot-read", False),
        (wrong, "custom-op-declaration", False),
    ):
        with pytest.raises(ort.capi.onnxruntime_pybind11_state.Fail) as raised:
            options.register_custom_ops_library(str(path))
        assert f"[{id}]" in str(raised.value)
        assert ("onnxruntime's own interface" in str(raised.value)) == is_foreign


BODY = f"""
func.func @"com.example::Scaled"(
    %x: {MATRIX} {{graph.name = "x"}},
    %by: tensor<f64> {{graph.name = "by", graph.attribute = 3.0 : f64}}) -> {MATRIX} {{
  %0 = graph.cast %by : tensor<f64> -> tensor<f32>
  %1 = graph.mul %x, %0 : ({MATRIX}, tensor<f32>) -> {MATRIX}
  return %1 : {MATRIX}
}}
"""


@pytest.mark.parametrize("dims", [["n", "m"], [4, "m"], [4, 5]])
def test_a_body_takes_the_sizes_of_its_node(dims: list[Any]) -> None:
    lathe.register_op(BODY)
    model = lathe.compile(model_of("Scaled", [("x", TensorProto.FLOAT, dims)], then="Relu"))
    np.testing.assert_array_equal(model(values(4, 5))[0], np.maximum(3 * values(4, 5), 0))
    assert "lathe.custom_ops" not in model.metadata
    by = lathe.compile(model_of("Scaled", [("x", TensorProto.FLOAT, dims)], by=-1.0))
    np.testing.assert_array_equal(by(values(4, 5))[0], -values(4, 5))


def test_a_body_within_a_loop_and_twice() -> None:
    lathe.register_op(BODY)
    loop = helper.make_graph(
        [
            helper.make_node("Scaled", ["v"], ["w"], domain="com.example", by=2.0),
            helper.make_node("Scaled", ["w"], ["u"], domain="com.example", by=0.5),
            helper.make_node("Identity", ["c"], ["d"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("c", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v", TensorProto.FLOAT, ["n", "m"]),
        ],
        [
            helper.make_tensor_value_info("d", TensorProto.BOOL, []),
            helper.make_tensor_value_info("u", TensorProto.FLOAT, ["n", "m"]),
        ],
    )
    graph = helper.make_graph(
        [helper.make_node("Loop", ["times", "", "x"], ["y"], body=loop)],
        "g",
        [
            helper.make_tensor_value_info("times", TensorProto.INT64, []),
            helper.make_tensor_value_info(*X),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", "m"])],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.example", 1)]
    model = lathe.compile(helper.make_model(graph, opset_imports=opsets, ir_version=10))
    np.testing.assert_array_equal(model(np.int64(3), values(3, 2))[0], values(3, 2))


def test_a_declaration_wins_over_operators_that_there_are() -> None:
    lathe.register_op(
        f'func.func private @"ai.onnx::Relu"({MATRIX}) -> {MATRIX}',
        {"ai.onnx::Relu": lambda x: x * 10},
    )
    node = helper.make_node("Relu", ["x"], ["y"])
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info(*X)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", "m"])],
    )
    opsets = [helper.make_opsetid("", 21)]
    model = lathe.compile(helper.make_model(graph, opset_imports=opsets, ir_version=10))
    np.testing.assert_array_equal(model(values(2, 2))[0], 10 * values(2, 2))


def test_what_a_function_raises_ends_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda event: seen.append(event.exc_value))
    lathe.register_op(declare("Bad", MATRIX, MATRIX), {"com.example::Bad": lambda x: x[:1]})
    model = lathe.compile(model_of("Bad", [X]))
    with pytest.raises(lathe.RuntimeError, match='node "node"') as raised:
        model(values(2, 2))
    assert "float32[2, 2] is declared" in str(seen[0])
    assert "[call-custom-op]" in str(raised.value)


LIBRARY = """
#include "lathe-runtime/custom_op.h"
static int32_t add(lathe_custom_op_call *call) {
  const lathe_tensor *x = call->inputs;
  if (((const float *)x->data)[0] > 100) {
    call->error_value = 5;
    return 42;
  }
  for (int64_t i = 0; i < x->dims[0] * x->dims[1]; ++i)
    ((float *)call->outputs->data)[i] =
        ((const float *)x->data)[i] + *(const int64_t *)call->attributes->data;
  return 0;
}
static const char text[] =
    "func.func private @\\"com.example::Add\\"(TYPE, "
    "tensor<i64> {graph.name = \\"n\\", graph.attribute = 1 : i64}) -> TYPE";
static const lathe_custom_op op = {sizeof op, 0, "com.example::Add", add, 0};
static const lathe_custom_op *const ops[] = {&op};
static const lathe_custom_op_library library = {LATHE_ABI_VERSION, sizeof library, text, ops, 1, 0};
const lathe_custom_op_library *lathe_custom_ops_query(void) { return &library; }
__attribute__((visibility("default"))) int32_t raw(lathe_custom_op_call *call) { return add(call); }
"""


def test_inputs_and_attributes_are_read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory of the caller's array, and of constants, is not the function's."""
    seen: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda event: seen.append(event.exc_value))

    def double(x: Any) -> Any:
        x *= 2
        return x

    lathe.register_op(declare("Double", MATRIX, MATRIX), {"com.example::Double": double})
    model = lathe.compile(model_of("Double", [X]))
    x = values(2, 2)
    with pytest.raises(lathe.RuntimeError):
        model(x)
    assert "read-only" in str(seen[0])
    np.testing.assert_array_equal(x, values(2, 2))


def test_sizes_that_do_not_fit_are_a_damaged_model() -> None:
    lathe.register_op(declare("Same", MATRIX, MATRIX), {"com.example::Same": lambda x: x})
    text = """
func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %sizes = graph.constant dense<[1, 4, 1, 3]> : tensor<4xi64>
  %y = graph.text "custom"(%sizes, %x) ["com.example::Same", "0", "1", "1"]
      : (tensor<4xi64>, tensor<3xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}
"""
    model = lathe.compile(text.encode(), cache=False)
    with pytest.raises(lathe.RuntimeError, match="operands that do not fit") as raised:
        model(np.ones(3, np.float32))
    assert raised.value.ids == ("module-damaged",)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("custom")
    (folder / "ops.c").write_text(LIBRARY.replace("TYPE", MATRIX))
    output = folder / "ops.so"
    flags = ["-shared", "-fPIC", "-fvisibility=hidden", "-O1", "-I", str(ROOT / "include")]
    subprocess.run(["cc", *flags, folder / "ops.c", "-o", output], check=True)
    return output


def test_a_library_in_c(library: pathlib.Path) -> None:
    lathe.register_op(library)
    model = lathe.compile(model_of("Add", [X], n=4))
    np.testing.assert_array_equal(model(values(3, 3))[0], values(3, 3) + 4)
    with pytest.raises(lathe.RuntimeError, match="status 42 and value 5"):
        model(values(3, 3) + 1000)


def test_the_address_of_a_function(library: pathlib.Path) -> None:
    function = ctypes.CDLL(str(library)).raw
    arguments = f'{MATRIX}, tensor<i64> {{graph.name = "n", graph.attribute = 3 : i64}}'
    lathe.register_op(declare("Raw", arguments, MATRIX), {"com.example::Raw": function})
    np.testing.assert_array_equal(
        lathe.compile(model_of("Raw", [X]))(values(2, 2))[0], values(2, 2) + 3
    )


def test_a_function_that_ctypes_made_is_kept() -> None:
    """Nobody else has it when the model is called."""
    callback = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)(lambda call: 7)
    kept = weakref.ref(callback)
    lathe.register_op(declare("Seven", MATRIX, MATRIX), {"com.example::Seven": callback})
    del callback
    gc.collect()
    assert kept()
    with pytest.raises(lathe.RuntimeError, match="status 7"):
        lathe.compile(model_of("Seven", [X]))(values(2, 2))


def test_a_saved_model_says_what_it_needs(library: pathlib.Path, tmp_path: pathlib.Path) -> None:
    lathe.register_op(library)
    model = lathe.compile(model_of("Add", [X]))
    code = (
        "import sys, numpy, lathe\n"
        "if len(sys.argv) > 2: lathe.register_op(sys.argv[2])\n"
        "print(lathe.load(sys.argv[1])(numpy.ones((1, 2), 'f4'))[0].tolist())"
    )
    for ending in ("so", "lathebin"):
        path = tmp_path / f"m.{ending}"
        model.save(path)
        command = [sys.executable, "-c", code, str(path)]
        alone = subprocess.run(command, capture_output=True, text=True)
        assert "[module-custom-op]" in alone.stderr and '"com.example::Add"' in alone.stderr
        result = subprocess.run([*command, str(library)], capture_output=True, text=True)
        assert result.stdout == "[[2.0, 2.0]]\n", result.stderr


def test_another_declaration_is_another_compiled_model() -> None:
    for gain in (2, 3):
        lathe.register_op(BODY.replace("3.0", f"{gain}.0"))
        np.testing.assert_array_equal(
            lathe.compile(model_of("Scaled", [X]))(values(2, 2))[0], gain * values(2, 2)
        )


def body(types: str, inside: str) -> str:
    return f'func.func @"com.example::Op"({types}) -> tensor<2xf32> {{\n{inside}\n}}'


FLOATS = "tensor<2xf32>"


def with_symbols(symbols: str) -> str:
    """A declaration of a vector whose size is the last of `symbols`."""
    last = symbols.count("#graph.symbol") - 1
    names = ", ".join(f"s{i}" for i in range(last + 1))
    result = f"tensor<?xf32, #graph.dims<()[{names}] -> (s{last})>>"
    arguments = "tensor<1xi64>, tensor<?xf32, #graph.dims<()[s0] -> (s0)>>"
    return f"{declare('Op', arguments, result)} attributes {{graph.symbols = [{symbols}]}}"


@pytest.mark.parametrize(
    ("text", "id", "words"),
    [
        (
            'func.func private @"Op"(tensor<f32>) -> tensor<f32>',
            "custom-op-declaration",
            "domain::name",
        ),
        (declare("Op", "tensor<?xf32>", "tensor<f32>"), "custom-op-declaration", "open dims"),
        (declare("Op", "index", "tensor<f32>"), "native-type", "argument 0"),
        (declare("Op", "tensor<f32>", ""), "custom-op-declaration", "no results"),
        (
            declare("Op", "tensor<f32>", "tensor<?xf32, #graph.dims<()[s0] -> (s0 * 2)>>"),
            "graph-symbol-undefined",
            "s0",
        ),
        (
            'func.func @"com.example::Op"(%x: tensor<f32>) -> tensor<f32> attributes '
            '{graph.symbols = [#graph.symbol<"n", inner = true>]} {\n  return %x : tensor<f32>\n}',
            "custom-op-declaration",
            "where it has no body",
        ),
        (declare("Op", "none", "none"), "native-type", "result 0"),
        (
            declare("Op", 'tensor<f32> {graph.name = "a", graph.attribute}', "tensor<f32>"),
            "custom-op-declaration",
            "an attribute",
        ),
        (
            declare("Op", 'tensor<i64> {graph.name = "a", graph.attribute = "b"}', "tensor<f32>"),
            "custom-op-declaration",
            "no value",
        ),
        (
            declare(
                "Op", 'tensor<i64> {graph.name = "a", graph.attribute}, tensor<f32>', "tensor<f32>"
            ),
            "custom-op-declaration",
            "inputs come first",
        ),
        (
            declare("Op", 'tensor<f64> {graph.name = "a", graph.attribute = 2.5 : f32}', FLOATS),
            "custom-op-declaration",
            "no value",
        ),
        (
            declare("Op", 'tensor<i64> {graph.name = "a", graph.attribute = -1 : i32}', FLOATS),
            "custom-op-declaration",
            "no value",
        ),
        (
            declare("Op", 'tensor<i64> {graph.name = "a", graph.attribute = true}', FLOATS),
            "custom-op-declaration",
            "no value",
        ),
        (
            with_symbols(
                '#graph.symbol<"n">, #graph.symbol<"m", max = affine_map<()[s0] -> (s0, 8)>>'
            ),
            "custom-op-declaration",
            "dims of arguments",
        ),
        (
            with_symbols('#graph.symbol<"n">, #graph.symbol<"m", input = 0, element = 0>'),
            "custom-op-declaration",
            "dims of arguments",
        ),
        (
            with_symbols('#graph.symbol<"n", range = <most = 8>>'),
            "custom-op-declaration",
            "no range",
        ),
        ("func.func private @", "custom-op-declaration", "expected"),
        (
            body(
                "%x: tensor<2xf32>",
                "%0 = tensor.empty() : tensor<2xf32>\nreturn %0 : tensor<2xf32>",
            ),
            "native-op",
            "graph",
        ),
    ],
)
def test_declarations_that_are_none(text: str, id: str, words: str) -> None:
    before = custom_ops.sources()
    with pytest.raises(lathe.CompileError, match=words) as raised:
        lathe.register_op(text if "func.func" in text else text + "\n")
    assert id in raised.value.ids, raised.value
    assert custom_ops.sources() == before, "other models compile as before"


@pytest.mark.parametrize(
    ("change", "id"),
    [
        ({"other": 1}, "onnx-unknown-attribute"),
        ({"by": "text"}, "onnx-attribute-type"),
        ({"outputs": 2}, "onnx-arity"),
    ],
)
def test_nodes_that_do_not_fit(change: dict[str, Any], id: str) -> None:
    lathe.register_op(BODY)
    with pytest.raises(lathe.CompileError, match='node "node"') as raised:
        lathe.compile(model_of("Scaled", [X], **change), cache=False)
    assert id in raised.value.ids, raised.value


@pytest.mark.parametrize(
    ("action", "id"),
    [
        (lambda: lathe.register_op("/does/not/exist.so"), "module-cannot-read"),
        (lambda: lathe.register_op(BODY, {"Scaled": abs}), "custom-op-name"),
        (lambda: lathe.register_op(ROOT / "README.so"), "module-cannot-read"),
        (lambda: lathe.register_op("missing.mlir"), "custom-op-cannot-read"),
        (lambda: lathe.register_op("no declarations"), "module-cannot-read"),
    ],
)
def test_libraries_and_names_that_are_none(action: Callable[[], None], id: str) -> None:
    before = custom_ops.sources()
    with pytest.raises(lathe.CompileError) as raised:
        action()
    assert id in raised.value.ids
    assert custom_ops.sources() == before, "other models compile as before"


def test_a_file_that_has_gone(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "ops.mlir"
    path.write_text(BODY)
    lathe.register_op(path)
    path.unlink()
    with pytest.raises(lathe.CompileError) as raised:
        lathe.compile(model_of("Scaled", [X]))
    assert "custom-op-cannot-read" in raised.value.ids


def test_an_input_that_is_left_out_is_nothing() -> None:
    lathe.register_op(declare("Pair", f"{MATRIX}, {MATRIX}", MATRIX))
    model = model_of("Pair", [X])
    model.graph.node[0].input[:] = ["", "x"]
    with pytest.raises(lathe.CompileError, match=r"types \(nothing, float32 of rank 2\)") as raised:
        lathe.compile(model, cache=False)
    assert "custom-op-inputs" in raised.value.ids


def test_inputs_that_are_too_small() -> None:
    lathe.register_op(
        declare("Crop", MATRIX, "tensor<?x?xf32, #graph.dims<()[s0, s1] -> (s0 - 4, s1)>>"),
        {"com.example::Crop": lambda x: x[4:]},
    )
    with pytest.raises(lathe.CompileError, match=r"dim 0 of result 0 is -1") as raised:
        lathe.compile(model_of("Crop", [("x", TensorProto.FLOAT, [3, 2])]), cache=False)
    assert "custom-op-inputs" in raised.value.ids
    model = lathe.compile(model_of("Crop", [X]), cache=False)
    with pytest.raises(lathe.RuntimeError, match="a size is -1, less than 0"):
        model(values(3, 2))
    np.testing.assert_array_equal(model(values(5, 2))[0], values(5, 2)[4:])


def test_a_file_of_any_name(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "ops.func.func.mlir"
    path.write_text(BODY)
    lathe.register_op(path)
    (y,) = lathe.compile(model_of("Scaled", [X]), cache=False)(values(2, 2))
    np.testing.assert_array_equal(y, 3 * values(2, 2))


def test_a_required_attribute() -> None:
    lathe.register_op(BODY.replace("graph.attribute = 3.0 : f64", "graph.attribute"))
    with pytest.raises(lathe.CompileError, match="'by' is missing") as raised:
        lathe.compile(model_of("Scaled", [X]))
    assert "onnx-missing-attribute" in raised.value.ids


def test_functions_are_called_from_several_threads(library: pathlib.Path) -> None:
    import concurrent.futures

    lathe.register_op(library)
    model = lathe.compile(model_of("Add", [X]))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for i, y in enumerate(pool.map(lambda i: model(values(2, i + 1))[0], range(32))):
            np.testing.assert_array_equal(y, values(2, i + 1) + 1)
