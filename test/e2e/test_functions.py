# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Several functions in one artifact, by their names, and what is equal is there once."""

from __future__ import annotations

import os
import pathlib
import pickle
import shutil
import subprocess
from typing import Any

import lathe
import numpy as np
import numpy.typing as npt
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

ROOT = pathlib.Path(__file__).resolve().parents[2]
LATHE = pathlib.Path(os.environ.get("LATHE_BUILD", ROOT / "build/release")) / "bin/lathe"
WIDTH = 256
RANDOM = np.random.default_rng(0)
WEIGHTS = RANDOM.integers(-3, 4, (WIDTH, WIDTH)).astype(np.float32)
X = RANDOM.integers(-3, 4, (4, WIDTH)).astype(np.float32)


def model(operator: str, rows: int | str = "n") -> ModelProto:
    """A product with the same matrix in each model, and what follows it."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["p"], "product"),
            helper.make_node(operator, ["p"], ["y"], operator.lower()),
        ],
        "functions",
        [value("x", TensorProto.FLOAT, [rows, WIDTH])],
        [value("y", TensorProto.FLOAT, [rows, WIDTH])],
        [numpy_helper.from_array(WEIGHTS, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture
def files(tmp_path: pathlib.Path) -> pathlib.Path:
    for name, operator in (("prefill", "Relu"), ("decode-step", "Neg")):
        (tmp_path / f"{name}.onnx").write_bytes(model(operator).SerializeToString())
    return tmp_path


def run(*words: Any, folder: pathlib.Path, code: int = 0) -> str:
    result = subprocess.run(
        [str(LATHE), *map(str, words)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == code, result.stderr
    return result.stdout if code == 0 else result.stderr


def expect(compiled: lathe.CompiledModel) -> None:
    np.testing.assert_array_equal(compiled["prefill"](X)[0], np.maximum(X @ WEIGHTS, 0))
    np.testing.assert_array_equal(compiled["decode_step"](X)[0], -(X @ WEIGHTS))


def test_in_python(files: pathlib.Path) -> None:
    paths = [files / "prefill.onnx", files / "decode-step.onnx"]
    compiled = lathe.compile(paths)
    assert compiled.functions == ("prefill", "decode_step")
    expect(compiled)
    assert "decode_step" in dir(compiled)
    np.testing.assert_array_equal(compiled.decode_step(x=X)[0], compiled["decode_step"](X)[0])
    assert str(compiled.prefill.signature) == f"prefill(x: f32[n, {WIDTH}]) -> (y: f32[n, {WIDTH}])"
    expect(pickle.loads(pickle.dumps(compiled)))
    assert pickle.loads(pickle.dumps(compiled.prefill)).signature.name == "prefill"
    for ending in ("so", "lathebin"):
        compiled.save(files / f"both.{ending}")
        expect(lathe.load(files / f"both.{ending}"))


def test_names_of_ones_own_and_models_in_memory() -> None:
    compiled = lathe.compile({"a": model("Relu"), "b": model("Neg").SerializeToString()})
    assert compiled.functions == ("a", "b")
    np.testing.assert_array_equal(compiled.b(X)[0], -(X @ WEIGHTS))


def test_equal_weights_and_kernels_are_there_once() -> None:
    alone = lathe.compile(model("Relu"))
    both = lathe.compile({"a": model("Relu"), "b": model("Neg")})
    same = lathe.compile({"a": model("Relu"), "b": model("Relu")})
    assert alone.weights_size >= WEIGHTS.nbytes
    assert both.weights_size == same.weights_size == alone.weights_size
    assert len(same.kernels) == len(alone.kernels)
    assert len(both.kernels) > len(alone.kernels)


def test_a_dim_is_of_each_function_that_has_it() -> None:
    other = model("Neg", rows="m")
    compiled = lathe.compile({"a": model("Relu"), "b": other}, dims={"n": 4})
    assert compiled.a.inputs[0].shape == (4, WIDTH)
    assert compiled.b.inputs[0].shape == ("m", WIDTH)
    with pytest.raises(lathe.CompileError, match="dims-unknown-name"):
        lathe.compile({"a": model("Relu"), "b": other}, dims={"k": 4})


def test_a_native_file() -> None:
    text = b"""
        func.func @twice(%x: tensor<4xf32>) -> tensor<4xf32> attributes NONE {
          %0 = graph.add %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
          return %0 : tensor<4xf32>
        }
        func.func @square(%x: tensor<4xf32>) -> tensor<4xf32> attributes NONE {
          %0 = graph.mul %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
          return %0 : tensor<4xf32>
        }
    """.replace(b"NONE", b"{graph.symbols = [], graph.checks = []}")
    compiled = lathe.compile(text)
    x = np.arange(4, dtype=np.float32)
    np.testing.assert_array_equal(compiled.twice(x)[0], 2 * x)
    np.testing.assert_array_equal(compiled.square(x)[0], x * x)
    private = text.replace(b"func.func @square", b"func.func private @square")
    assert lathe.compile(private).functions == ("twice",)
    with pytest.raises(lathe.CompileError, match="native-functions"):
        lathe.compile(private.replace(b"func.func @twice", b"func.func private @twice"))


CALLS = b"""
#rows = #graph.dims<()[s0] -> (s0, 4)>
func.func private @gate(%x: tensor<?x?xf32>, %y: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = graph.sigmoid %x : tensor<?x?xf32> -> tensor<?x?xf32>
  %1 = graph.mul %0, %y : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %1 : tensor<?x?xf32>
}
func.func @layer(%x: tensor<?x4xf32, #rows> {graph.name = "x"},
                 %w: tensor<4x4xf32> {graph.name = "w"})
    -> (tensor<?x4xf32> {graph.name = "y"}) attributes {graph.symbols = [#graph.symbol<"rows">]} {
  %0 = graph.matmul %x, %w : (tensor<?x4xf32, #rows>, tensor<4x4xf32>) -> tensor<?x4xf32, #rows>
  %1 = graph.call @gate(%0, %x)
      : (tensor<?x4xf32, #rows>, tensor<?x4xf32, #rows>) -> tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}
func.func @network(%x: tensor<?x4xf32, #rows> {graph.name = "x"},
                   %turns: tensor<i64> {graph.name = "turns"})
    -> (tensor<?x4xf32> {graph.name = "y"}) attributes {graph.symbols = [#graph.symbol<"n">]} {
  %w = graph.constant dense<[[1.0, 2.0, 0.5, 0.0], [0.0, -1.0, 0.5, 2.0],
                             [1.5, 0.0, 1.0, -2.0], [0.0, 1.0, 1.0, 0.25]]> : tensor<4x4xf32>
  %0 = graph.call @layer(%x, %w) : (tensor<?x4xf32, #rows>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %1 = graph.loop trip_count(%turns : tensor<i64>) carried(%0 : tensor<?x4xf32>)
      -> (tensor<?x4xf32>) {
  ^bb0(%i: tensor<i64>, %v: tensor<?x4xf32>):
    %2 = graph.call @layer(%v, %w) : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
    graph.yield %2 : tensor<?x4xf32>
  }
  return %1 : tensor<?x4xf32>
}
"""


def gated(x: npt.NDArray[np.float32], times: int = 1) -> npt.NDArray[np.float64]:
    w = np.array([[1, 2, 0.5, 0], [0, -1, 0.5, 2], [1.5, 0, 1, -2], [0, 1, 1, 0.25]])
    y = x.astype(np.float64)
    for _ in range(times):
        y = y / (1 + np.exp(-(y @ w)))
    return y


@pytest.mark.parametrize("dims", [{}, {"n": 3, "rows": 3}])
def test_functions_that_call_each_other(dims: dict[str, int], tmp_path: pathlib.Path) -> None:
    """A call within a call, in a loop, too; of a private function and of one that programs call."""
    compiled = lathe.compile(CALLS, dims=dims)
    assert compiled.functions == ("layer", "network")
    assert compiled.network.inputs[0].shape == (dims.get("n", "n"), 4)
    w = np.array([[1, 2, 0.5, 0], [0, -1, 0.5, 2], [1.5, 0, 1, -2], [0, 1, 1, 0.25]], np.float32)
    for rows in [3] if dims else [1, 3, 0, 70]:
        x = np.random.default_rng(rows).standard_normal((rows, 4), dtype=np.float32)
        np.testing.assert_allclose(compiled.layer(x, w)[0], gated(x), rtol=1e-5, atol=1e-6)
        for turns in (0, 1, 3):
            found = compiled.network(x, np.array(turns))[0]
            np.testing.assert_allclose(found, gated(x, 1 + turns), rtol=1e-5, atol=1e-6)
    # What is written out is a model like any other.
    (tmp_path / "calls.mlir").write_bytes(CALLS)
    run("convert", "calls.mlir", "-o", "calls.lathe", folder=tmp_path)
    assert lathe.compile(tmp_path / "calls.lathe").functions == ("layer", "network")


def test_calls_that_cannot_be(tmp_path: pathlib.Path) -> None:
    endless = CALLS.replace(b"graph.sigmoid %x :", b"graph.call @gate(%x, %x) : (tensor<?x?xf32>,")
    endless = endless.replace(
        b"tensor<?x?xf32>, tensor<?x?xf32> ->", b"tensor<?x?xf32>, tensor<?x?xf32>) ->"
    )
    (tmp_path / "endless.mlir").write_bytes(endless)
    with pytest.raises(lathe.CompileError, match=r"endless.mlir:4:.*\[graph-recursion\]"):
        lathe.compile(tmp_path / "endless.mlir")
    swapped = CALLS.replace(
        b"@layer(%x, %w) : (tensor<?x4xf32, #rows>, tensor<4x4xf32>)",
        b"@layer(%w, %turns) : (tensor<4x4xf32>, tensor<i64>)",
    )
    with pytest.raises(lathe.CompileError, match=r"operand 1 of type 'tensor<i64>'.*graph-call"):
        lathe.compile(swapped)
    other = KERNELS.replace("graph.OP %x, %x", "func.call @main(%x, %x)").replace(
        "func.func @main(%x: tensor<4xf32>)",
        "func.func @main(%x: tensor<4xf32>, %y: tensor<4xf32>)",
    )
    with pytest.raises(lathe.CompileError, match=r"by graph.call \[native-op\]"):
        lathe.compile(other.encode())
    # Thirty functions with two calls each stand for 2^30 operations.
    text = "func.func private @f0(%x: tensor<f32>) -> tensor<f32> {\n  return %x : tensor<f32>\n}\n"
    for i in range(1, 31):
        call = f"graph.call @f{i - 1}(%{{}}) : (tensor<f32>) -> tensor<f32>"
        text += f"func.func @f{i}(%x: tensor<f32>) -> tensor<f32> {{\n  %a = {call.format('x')}\n"
        text += f"  %b = {call.format('a')}\n  return %b : tensor<f32>\n}}\n"
    with pytest.raises(lathe.CompileError, match=r"calls written out.*\[limit-nodes\]"):
        lathe.compile(text.encode())
    # Callees first, each one calls the one before it.
    text = "func.func private @f0(%x: tensor<f32>) -> tensor<f32> {\n  return %x : tensor<f32>\n}\n"
    for i in range(1, 5001):
        text += f"func.func private @f{i}(%x: tensor<f32>) -> tensor<f32> {{\n"
        text += f"  %a = graph.call @f{i - 1}(%x) : (tensor<f32>) -> tensor<f32>\n"
        text += "  return %a : tensor<f32>\n}\n"
    text = text.replace("private @f5000", "@f5000")
    with pytest.raises(lathe.CompileError, match=r"more than 31 calls.*\[graph-call-depth\]"):
        lathe.compile(text.encode())


def test_calls_are_counted_before_they_are_made() -> None:
    """Of all functions together: as many as `nodes` says, or as the file has."""
    text = "func.func private @leaf(%x: tensor<f32>) -> tensor<f32> {\n"
    text += "  %0 = graph.neg %x : tensor<f32> -> tensor<f32>\n"
    text += "".join(
        f"  %{i} = graph.neg %{i - 1} : tensor<f32> -> tensor<f32>\n" for i in range(1, 50)
    )
    text += "  return %49 : tensor<f32>\n}\n"
    for name in "ab":
        text += f"func.func @{name}(%x: tensor<f32>) -> tensor<f32> {{\n"
        text += "  %0 = graph.call @leaf(%x) : (tensor<f32>) -> tensor<f32>\n"
        text += "  return %0 : tensor<f32>\n}\n"
    x = np.array(2, np.float32)
    assert lathe.compile(text.encode(), limits={"nodes": 106}).b(x)[0] == x
    with pytest.raises(lathe.CompileError, match=r"before it have 53, but at most 105 .*nodes"):
        lathe.compile(text.encode(), limits={"nodes": 105})


def test_what_a_call_says_of_its_result() -> None:
    text = b"""
        func.func private @same(%x: tensor<?xf32>) -> tensor<?xf32> {
          return %x : tensor<?xf32>
        }
        func.func @main(%x: tensor<?xf32> {graph.name = "x"})
            -> (tensor<2x2xf32> {graph.name = "y"}) {
          %0 = graph.call @same(%x) : (tensor<?xf32>) -> tensor<4xf32>
          %1 = graph.reshape %0 : (tensor<4xf32>) -> tensor<2x2xf32>
          return %1 : tensor<2x2xf32>
        }
    """
    compiled = lathe.compile(text)
    x = np.arange(4, dtype=np.float32)
    np.testing.assert_array_equal(compiled(x)[0], x.reshape(2, 2))
    with pytest.raises(lathe.RuntimeError, match=r"result 0 of @same.*3 and 4.*call-shape-check"):
        compiled(x[:3])


def without_ranks(operator: str, shape: list[int] | None = None) -> ModelProto:
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node(operator, ["x"], ["y"], "node")],
        "g",
        [value("x", TensorProto.FLOAT, shape)],
        [value("y", TensorProto.FLOAT, None)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def test_ranks_go_to_the_models_that_lack_them() -> None:
    models = {"a": without_ranks("Relu"), "b": model("Neg"), "c": without_ranks("Neg", [2])}
    compiled = lathe.compile(models, ranks={"x": 3})
    assert [len(compiled[f].inputs[0].shape) for f in compiled.functions] == [3, 2, 1]
    x = np.array([[[1.0, -1.0]]], np.float32)
    np.testing.assert_array_equal(compiled.a(x)[0], np.maximum(x, 0))
    with pytest.raises(lathe.CompileError, match=r'no model has an input "xx".*mean .x.*onnx-rank'):
        lathe.compile(models, ranks={"xx": 3})
    with pytest.raises(lathe.CompileError, match=r"b.*has rank 2, but 3.*onnx-rank"):
        lathe.compile({"b": models["b"], "c": model("Relu")}, ranks={"x": 3})


def test_errors_in_python(files: pathlib.Path) -> None:
    compiled = lathe.compile({"prefill": model("Relu"), "decode": model("Neg")})
    with pytest.raises(lathe.RuntimeError, match=r'did you mean "decode".*call-unknown-function'):
        compiled["decoder"]
    with pytest.raises(AttributeError, match="decoder"):
        _ = compiled.decoder
    with pytest.raises(lathe.RuntimeError, match=r"prefill, decode.*call-which-function"):
        compiled(X)
    with pytest.raises(lathe.RuntimeError, match="call-which-function"):
        _ = compiled.signature
    with pytest.raises(lathe.CompileError, match="function-twice"):
        lathe.compile([files / "prefill.onnx", files / "prefill.onnx"])
    with pytest.raises(TypeError, match="a dict"):
        lathe.compile([model("Relu"), model("Neg")])
    with pytest.raises(ValueError, match="no models"):
        lathe.compile([])


def test_names_of_functions() -> None:
    name = "decode-step"
    with pytest.raises(
        lathe.CompileError,
        match=rf'(?s){name}: .*"{name}".*letters.*\[function-name\].*decode_step',
    ) as caught:
        lathe.compile({name: model("Relu"), "b": model("Neg")})
    assert "/tmp" not in str(caught.value)
    with pytest.raises(lathe.CompileError, match=r"^b: "):
        lathe.compile({"a": model("Relu"), "b": b"nothing"})
    assert lathe.compile({"first": model("Relu"), "b": model("Neg")}).name == "first"


def test_a_file_with_an_equals_sign(files: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name and a path are two things in Python; a word of the command line is a file first."""
    monkeypatch.chdir(files)
    (files / "a=prefill.onnx").write_bytes(model("Neg").SerializeToString())
    compiled = lathe.compile({"a": "prefill.onnx", "b": "decode-step.onnx"})
    assert compiled.functions == ("a", "b")
    np.testing.assert_array_equal(compiled.a(X)[0], np.maximum(X @ WEIGHTS, 0))
    compiled = lathe.compile(["a=prefill.onnx", "prefill.onnx"])
    assert compiled.functions == ("a_prefill", "prefill")
    np.testing.assert_array_equal(compiled.a_prefill(X)[0], -(X @ WEIGHTS))
    run("compile", "a=prefill.onnx", "prefill.onnx", "-o", "both.so", folder=files)
    assert "signature  a_prefill(x: " in run("inspect", "both.so", folder=files)


def with_bias(default: float) -> ModelProto:
    """X + bias, where calls may say another bias."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "bias"], ["y"], "add")],
        "bias",
        [value("x", TensorProto.FLOAT, [4]), value("bias", TensorProto.FLOAT, [1])],
        [value("y", TensorProto.FLOAT, [4])],
        [numpy_helper.from_array(np.array([default], np.float32), "bias")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_initializers_that_one_function_has(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = {"a": with_bias(1), "b": model("Neg"), "c": with_bias(2)}
    compiled = lathe.compile(models)
    x, bias = np.zeros(4, np.float32), np.array([5], np.float32)
    np.testing.assert_array_equal(compiled.a(x)[0], x + 1)
    np.testing.assert_array_equal(compiled.a(x, bias=bias)[0], x + 5)
    np.testing.assert_array_equal(compiled.c(x, bias=bias)[0], x + 5)
    np.testing.assert_array_equal(compiled.b(X)[0], -(X @ WEIGHTS))
    # What was compiled for a call is there for the next, of any of the functions.
    monkeypatch.setattr(lathe.compiler, "CompiledModel", None)
    for _ in range(2):
        np.testing.assert_array_equal(compiled.a(x, bias=bias)[0], x + 5)
        np.testing.assert_array_equal(compiled["c"].with_threads(1)(x, bias=bias)[0], x + 5)
    monkeypatch.undo()
    given = lathe.compile(models, overridable=["bias"])
    assert [len(given[f].inputs) for f in given.functions] == [2, 1, 2]
    with pytest.raises(lathe.CompileError, match=r"did you mean 'bias'.*onnx-no-default"):
        lathe.compile(models, overridable=["bais"])
    for name, made in models.items():
        (tmp_path / f"{name}.onnx").write_bytes(made.SerializeToString())
    run(
        *("compile", "a.onnx", "b.onnx", "-o", "ab.so", "--overridable", "bias"),
        folder=tmp_path,
    )
    assert "signature  a(x: f32[4], bias: f32[1])" in run("inspect", "ab.so", folder=tmp_path)


def test_a_function_is_one_object() -> None:
    compiled = lathe.compile({"a": model("Relu"), "b": model("Neg")})
    assert compiled.a is compiled["a"] and compiled.a is not compiled.b
    assert compiled.a.a is compiled.a["a"]
    with pytest.raises(lathe.RuntimeError, match=r'did you mean "a".*call-unknown-function'):
        compiled.with_options(function="aa")


KERNELS = """
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32>
    attributes {graph.symbols = [], graph.checks = []} {
  %0 = graph.OP %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
"""


def test_files_with_kernels_are_not_merged(tmp_path: pathlib.Path) -> None:
    """Both call a kernel of the same name, which is not the same kernel."""
    for name, operator in (("a", "add"), ("b", "mul")):
        (tmp_path / f"{name}.mlir").write_text(KERNELS.replace("OP", operator))
        run(
            *("compile", f"{name}.mlir", "--stop-after", "partition", "-o", f"{name}2.mlir"),
            folder=tmp_path,
        )
    error = run(
        *("compile", "a2.mlir", "b2.mlir", "--start-at", "lower", "-o", "no.so"),
        folder=tmp_path,
        code=1,
    )
    assert "a2.mlir: error: holds IR from behind the phase 'optimize'" in error
    assert "[function-kernels]" in error
    run("compile", "a2.mlir", "--start-at", "lower", "-o", "one.so", folder=tmp_path)
    run("compile", "a.mlir", "b.mlir", "-o", "two.so", folder=tmp_path)


def test_what_is_decided_for_the_whole_program(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.mlir").write_text(KERNELS.replace("OP", "add"))
    strict = f'module attributes {{kernel.strict, graph.metadata = {{k = "2"}}}} {{{KERNELS}}}'
    (tmp_path / "b.mlir").write_text(strict.replace("OP", "mul"))
    for order in (("a.mlir", "b.mlir"), ("b.mlir", "a.mlir")):
        error = run("compile", *order, "-o", "no.so", folder=tmp_path, code=1)
        assert "'kernel.strict'" in error and "[function-options]" in error
    (tmp_path / "a.mlir").write_text(strict.replace("OP", "add").replace('"2"', '"1"'))
    with pytest.warns(lathe.CompileWarning, match=r'b.mlir: .*"k".*\[function-metadata\]'):
        compiled = lathe.compile([tmp_path / "a.mlir", tmp_path / "b.mlir"], cache=False)
    assert compiled.metadata == {"k": "1"}


def test_limits_are_of_the_whole_program() -> None:
    text = KERNELS.replace("OP", "add").replace(
        "  return",
        "".join(f"  %{i} = graph.neg %0 : tensor<4xf32> -> tensor<4xf32>\n" for i in range(1, 1500))
        + "  return",
    )
    models = {"a": text.encode(), "b": text.encode()}
    lathe.compile({"a": models["a"]}, limits={"nodes": 1})
    with pytest.raises(lathe.CompileError, match=r"^a, b: .*has 3005 operations.*limit-nodes"):
        lathe.compile(models, limits={"nodes": 1})
    lathe.compile(models, limits={"nodes": 3})


def test_main_beside_others_is_not_meant(tmp_path: pathlib.Path) -> None:
    """What is said of a function without its name is of the only one."""
    text = KERNELS.replace("OP", "add")
    (tmp_path / "two.mlir").write_text(text + text.replace("@main", "@other"))
    with pytest.raises(lathe.CompileError, match=r"(?s)donation-function.*main, other"):
        lathe.compile(tmp_path / "two.mlir", donate={"input0": "output0"})
    with pytest.raises(lathe.CompileError, match=r"did you mean 'other'.*\[donation-function\]"):
        lathe.compile(tmp_path / "two.mlir", donate={"othr:input0": "output0"})
    assert lathe.compile(tmp_path / "two.mlir", donate={"other:input0": "output0"}).other


def test_sizes_are_of_one_function(files: pathlib.Path) -> None:
    run("compile", "prefill.onnx", "decode-step.onnx", "-o", "llm.so", folder=files)
    error = run("inspect", "llm.so", "--dim", "n=4", folder=files, code=1)
    assert "choose one with --function: prefill, decode_step" in error and "[cli-function]" in error
    shown = run("inspect", "llm.so", "--dim", "n=4", "--function", "prefill", folder=files)
    assert f'output     "y" [4, {WIDTH}]' in shown


def test_constants_of_headers_are_told_apart(files: pathlib.Path) -> None:
    words = ("compile", "a=prefill.onnx", "A=decode-step.onnx", "-o", "l.a", "--header", "l.h")
    error = run(*words, folder=files, code=1)
    assert "'a' and 'A'" in error and "[header-names]" in error


def test_the_command_line(files: pathlib.Path) -> None:
    run("compile", "prefill.onnx", "decode=decode-step.onnx", "-o", "llm.so", folder=files)
    shown = run("inspect", "llm.so", folder=files)
    assert "signature  prefill(x: " in shown and "signature  decode(x: " in shown
    np.save(files / "x.npy", X)
    for name, expected in (("prefill", np.maximum(X @ WEIGHTS, 0)), ("decode", -(X @ WEIGHTS))):
        run(
            *("run", "llm.so", "--function", name, "--input", "x=x.npy", "--save-outputs", name),
            folder=files,
        )
        np.testing.assert_array_equal(np.load(files / name / "y.npy"), expected)
    error = run("run", "llm.so", folder=files, code=1)
    assert "choose one with --function: prefill, decode" in error and "[cli-function]" in error
    error = run("run", "llm.so", "--function", "decoed", folder=files, code=1)
    assert "did you mean 'decode'?" in error
    run("compile", "one=prefill.onnx", "-o", "one.so", folder=files)
    assert "one(x: " in run("inspect", "one.so", folder=files)
    error = run(
        "compile", "a=prefill.onnx", "a=decode-step.onnx", "-o", "no.so", folder=files, code=1
    )
    assert "[function-twice]" in error
    run("compile", "prefill.onnx", "decode-step.onnx", "-o", "both.mlir", folder=files)
    assert "func.func @decode_step" in (files / "both.mlir").read_text()
    assert "prefill: x" in run("check", "both.mlir", folder=files)
    run("compile", "both.mlir", "-o", "both.lathebin", folder=files)
    run("run", "both.lathebin", "--function", "decode_step", folder=files)
    error = run("convert", "both.mlir", "-o", "both.onnx", folder=files, code=1)
    assert "[export-functions]" in error


def test_in_c(files: pathlib.Path) -> None:
    compiler = shutil.which("cc")
    if not compiler:
        pytest.skip("there is no C compiler")
    run(
        *("compile", "prefill.onnx", "decode=decode-step.onnx", "-o", "llm.a"),
        *("--header", "llm.h", "--name", "llm"),
        folder=files,
    )
    header = (files / "llm.h").read_text()
    assert '#define LLM_DECODE_FUNCTION "decode"' in header
    (files / "main.c").write_text(
        """
#include "llm.h"
#include "lathe-runtime/runtime.h"
#include <stdio.h>
int main(void) {
  static _Alignas(64) float x[256];
  x[0] = 1;
  lathe_module *module;
  lathe_tensor in = {.data = x, .dtype = LATHE_DTYPE_F32, .rank = 2, .dims = {1, 256}};
  lathe_tensor out[LLM_DECODE_OUTPUT_COUNT] = {{0}};
  if (lathe_module_from_query(lathe_query_llm, &module) != LATHE_OK ||
      lathe_module_call(module, LLM_DECODE_FUNCTION, &in, LLM_DECODE_INPUT_COUNT, out, 1)) {
    puts(lathe_last_error());
    return 1;
  }
  printf("%g\\n", ((float *)out[0].data)[1]);
  lathe_tensor_free(out);
  const lathe_variant_desc *variant = lathe_module_variant(module);
  for (uint32_t i = 0; i < variant->kernel_count; ++i) {
    const lathe_kernel_desc *kernel = variant->kernels[i];
    const lathe_argument_desc *result = kernel->results[0];
    printf("%u %u %u: ", kernel->size_count, kernel->operand_count, kernel->result_count);
    printf("%u", result->dtype);
    for (uint32_t d = 0; d < result->rank; ++d)
      printf(" %lld", (long long)result->dims[d]);
    puts("");
  }
  printf("%d\\n", lathe_module_call(module, "dekode", &in, 1, out, 1));
  puts(lathe_last_error());
  lathe_module_free(module);
}
"""
    )
    library = LATHE.parents[1] / "lib/libLatheRuntime.a"
    subprocess.run(
        [
            *(compiler, "main.c", "llm.a", str(library), f"-I{ROOT}/include"),
            *("-lm", "-lpthread", "-ldl", "-o", "main"),
        ],
        cwd=files,
        check=True,
    )
    lines = subprocess.run(
        [str(files / "main")], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert float(lines[0]) == -WEIGHTS[0, 1]
    assert lines[1] == lines[2] == f"1 2 1: 1 -1 {WIDTH}"
    assert lines[4] == (
        'the module has no function "dekode"; there are "prefill", "decode" [call-unknown-function]'
    )


def test_kernels_have_no_donations() -> None:
    text = b"""
        kernel.func @neg(%x: tensor<4xf32>) -> tensor<4xf32> attributes {sizes = 0 : i64} {
          %y = graph.neg %x : tensor<4xf32> -> tensor<4xf32>
          kernel.return %y : tensor<4xf32>
        }
    """
    with pytest.raises(
        lathe.CompileError, match=r"holds kernels without a model.*\[donation-function\]"
    ):
        lathe.compile(text, donate={"x": "y"})
    with pytest.raises(lathe.CompileError, match=r"b: .*are no function.*\[function-kernels\]"):
        lathe.compile({"a": KERNELS.replace("OP", "add").encode(), "b": text})
