# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Branches, loops and sizes from data in Lathe's own format, against numpy."""

# In the text of models an op is a line.
# ruff: noqa: E501

from __future__ import annotations

import pathlib
from typing import Any

import lathe
import numpy as np
import pytest

Array = np.ndarray[Any, Any]


def compile_text(folder: pathlib.Path, text: str) -> lathe.CompiledModel:
    """Compile a model that is written as text."""
    path = folder / "model.mlir"
    path.write_text(text)
    return lathe.compile(path)


def outputs(result: Any) -> list[Array]:
    """Return all outputs of a call, in order."""
    return [
        np.asarray(value) for value in (result if isinstance(result, (list, tuple)) else [result])
    ]


BRANCH = """
func.func @main(%c: tensor<i1> {graph.name = "c"}, %x: tensor<8xf32> {graph.name = "x"})
    -> (tensor<8xf32> {graph.name = "y"}, tensor<8xf32> {graph.name = "z"}) attributes {graph.symbols = []} {
  %0:2 = graph.if %c : tensor<i1> -> (tensor<8xf32>, tensor<8xf32>) {
    %1 = graph.neg %x : tensor<8xf32> -> tensor<8xf32>
    graph.yield %1, %x : tensor<8xf32>, tensor<8xf32>
  } else {
    %1 = graph.exp %x : tensor<8xf32> -> tensor<8xf32>
    %2 = graph.add %1, %x : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    graph.yield %2, %1 : tensor<8xf32>, tensor<8xf32>
  }
  %3 = graph.add %0#0, %0#1 : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %0#0, %3 : tensor<8xf32>, tensor<8xf32>
}
"""


@pytest.mark.parametrize("condition", [True, False])
def test_a_branch(tmp_path: pathlib.Path, condition: bool) -> None:
    """Only one branch is computed, and what it yields may be an input."""
    x = np.linspace(-1, 1, 8, dtype=np.float32)
    y, z = outputs(compile_text(tmp_path, BRANCH)(np.array(condition), x))
    expected = (-x, -x + x) if condition else (np.exp(x) + x, np.exp(x) + x + np.exp(x))
    np.testing.assert_allclose(y, expected[0], rtol=1e-6)
    np.testing.assert_allclose(z, expected[1], rtol=1e-6, atol=1e-6)


LOOP = """
func.func @main(%m: tensor<i64> {graph.name = "m"}, %x: tensor<4xf32> {graph.name = "x"}, %y: tensor<4xf32> {graph.name = "y"})
    -> (tensor<4xf32> {graph.name = "a"}, tensor<4xf32> {graph.name = "b"}, tensor<?x4xf32> {graph.name = "s"})
    attributes {graph.symbols = []} {
  %0:3 = graph.loop trip_count(%m : tensor<i64>) carried(%x, %y : tensor<4xf32>, tensor<4xf32>)
      -> (tensor<4xf32>, tensor<4xf32>, tensor<?x4xf32>) {
  ^bb0(%i: tensor<i64>, %a: tensor<4xf32>, %b: tensor<4xf32>):
    %t = graph.cast %i : tensor<i64> -> tensor<f32>
    %1 = graph.add %a, %b : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %2 = graph.add %1, %t : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
    graph.yield %b, %2, %2 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
  }
  return %0#0, %0#1, %0#2 : tensor<4xf32>, tensor<4xf32>, tensor<?x4xf32>
}
"""


@pytest.mark.parametrize("turns", [0, 1, 2, 7])
def test_turns(tmp_path: pathlib.Path, turns: int) -> None:
    """Carried values change places, outer values stay, and each turn is stacked."""
    a = x = np.arange(4, dtype=np.float32)
    b = y = np.arange(4, dtype=np.float32) * 10
    stacked = []
    for i in range(turns):
        a, b = b, a + b + np.float32(i)
        stacked.append(b)
    result = outputs(compile_text(tmp_path, LOOP)(np.array(turns), x, y))
    np.testing.assert_array_equal(result[0], a)
    np.testing.assert_array_equal(result[1], b)
    np.testing.assert_array_equal(result[2], np.array(stacked, np.float32).reshape(turns, 4))


GROW = """
func.func @main(%limit: tensor<f32> {graph.name = "limit"}, %x: tensor<?xf32> {graph.name = "x"})
    -> (tensor<?xf32> {graph.name = "y"}, tensor<?xf32> {graph.name = "sums"}) {
  %true = graph.constant dense<true> : tensor<i1>
  %one = graph.constant dense<1.0> : tensor<1xf32>
  %0:2 = graph.loop condition(%true : tensor<i1>) carried(%x : tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>) {
  ^bb0(%i: tensor<i64>, %a: tensor<?xf32>):
    %1 = graph.concat %a, %one axis = 0 : (tensor<?xf32>, tensor<1xf32>) -> tensor<?xf32>
    %2 = graph.reduce sum %1 axes = [0] : tensor<?xf32> -> tensor<f32>
    %3 = graph.less %2, %limit : (tensor<f32>, tensor<f32>) -> tensor<i1>
    graph.yield %3, %1, %2 : tensor<i1>, tensor<?xf32>, tensor<f32>
  }
  return %0#0, %0#1 : tensor<?xf32>, tensor<?xf32>
}
"""


@pytest.mark.parametrize("size", [0, 3])
@pytest.mark.parametrize("limit", [0, 5, 300])
def test_sizes_that_change(tmp_path: pathlib.Path, size: int, limit: int) -> None:
    """What is carried grows until a condition ends the loop."""
    x = a = np.full(size, 0.5, np.float32)
    sums = []
    while True:
        a = np.concatenate([a, np.ones(1, np.float32)])
        sums.append(a.sum())
        if not sums[-1] < limit:
            break
    result = outputs(compile_text(tmp_path, GROW)(np.array(limit, np.float32), x))
    np.testing.assert_array_equal(result[0], a)
    np.testing.assert_allclose(result[1], np.array(sums, np.float32), rtol=1e-5)


NESTED = """
func.func @main(%m: tensor<i64> {graph.name = "m"}, %n: tensor<i64> {graph.name = "n"}, %c: tensor<i1> {graph.name = "c"},
                %x: tensor<3xf32> {graph.name = "x"})
    -> (tensor<3xf32> {graph.name = "y"}, tensor<?x?x3xf32> {graph.name = "s"}) {
  %0:2 = graph.loop trip_count(%m : tensor<i64>) carried(%x : tensor<3xf32>) -> (tensor<3xf32>, tensor<?x?x3xf32>) {
  ^bb0(%i: tensor<i64>, %a: tensor<3xf32>):
    %1:2 = graph.loop trip_count(%n : tensor<i64>) carried(%a : tensor<3xf32>) -> (tensor<3xf32>, tensor<?x3xf32>) {
    ^bb0(%j: tensor<i64>, %b: tensor<3xf32>):
      %2 = graph.if %c : tensor<i1> -> (tensor<3xf32>) {
        %3 = graph.add %b, %x : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
        graph.yield %3 : tensor<3xf32>
      } else {
        graph.yield %b : tensor<3xf32>
      }
      graph.yield %2, %b : tensor<3xf32>, tensor<3xf32>
    }
    %4 = graph.add %1#0, %a : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
    graph.yield %4, %1#1 : tensor<3xf32>, tensor<?x3xf32>
  }
  return %0#0, %0#1 : tensor<3xf32>, tensor<?x?x3xf32>
}
"""


@pytest.mark.parametrize("condition", [True, False])
@pytest.mark.parametrize(("m", "n"), [(0, 2), (2, 0), (3, 4)])
def test_nested(tmp_path: pathlib.Path, condition: bool, m: int, n: int) -> None:
    """A branch in a loop in a loop."""
    x = a = np.array([1, 2, 3], np.float32)
    stacked = np.zeros((m, n, 3), np.float32)
    for i in range(m):
        b = a
        for j in range(n):
            stacked[i, j] = b
            b = b + x if condition else b
        a = b + a
    result = outputs(
        compile_text(tmp_path, NESTED)(np.array(m), np.array(n), np.array(condition), x)
    )
    np.testing.assert_array_equal(result[0], a)
    np.testing.assert_array_equal(result[1], stacked)


OPEN_BRANCH = """
func.func @main(%c: tensor<i1> {graph.name = "c"}, %x: tensor<?xf32> {graph.name = "x"}) -> (tensor<?xf32> {graph.name = "y"}) {
  %0 = graph.if %c : tensor<i1> -> (tensor<?xf32>) {
    %1 = graph.concat %x, %x axis = 0 : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
    graph.yield %1 : tensor<?xf32>
  } else {
    graph.yield %x : tensor<?xf32>
  }
  %2 = graph.neg %0 : tensor<?xf32> -> tensor<?xf32>
  %3 = graph.add %2, %0 : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  %4 = graph.sub %3, %0 : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %4 : tensor<?xf32>
}
"""


@pytest.mark.parametrize("condition", [True, False])
def test_branches_of_two_sizes(tmp_path: pathlib.Path, condition: bool) -> None:
    """The size of the result is that of the branch that was taken."""
    x = np.arange(5, dtype=np.float32)
    (y,) = outputs(compile_text(tmp_path, OPEN_BRANCH)(np.array(condition), x))
    np.testing.assert_array_equal(y, -np.concatenate([x, x]) if condition else -x)


CUT = """
func.func @main(%x: tensor<?xf32, #graph.dims<()[s0] -> (s0)>> {graph.name = "x"}, %n: tensor<2xui8> {graph.name = "n"})
    -> (tensor<?xf32, #graph.dims<()[s0, s1] -> (s1)>> {graph.name = "y"})
    attributes {graph.symbols = [#graph.symbol<"n">, #graph.symbol<"count", inner = true>],
                graph.checks = [#graph.check<"ge", ()[s0, s1] -> (s0, s1), "there are %lld elements, not %lld [test]">]} {
  %two = graph.constant dense<2> : tensor<2xui8>
  %m = graph.mul %n, %two : (tensor<2xui8>, tensor<2xui8>) -> tensor<2xui8>
  graph.define_symbol %m[1] symbol = 1 : tensor<2xui8>
  %0 = graph.slice %x offsets = <() -> (0)> axes = [0] steps = [1] : (tensor<?xf32, #graph.dims<()[s0] -> (s0)>>) -> tensor<?xf32, #graph.dims<()[s0, s1] -> (s1)>>
  return %0 : tensor<?xf32, #graph.dims<()[s0, s1] -> (s1)>>
}
"""


def test_a_size_from_data(tmp_path: pathlib.Path) -> None:
    """An element that the model computes is a size; a check of it fails, and the next call works."""
    model = compile_text(tmp_path, CUT)
    x = np.arange(9, dtype=np.float32)
    np.testing.assert_array_equal(outputs(model(x, np.array([9, 3], np.uint8)))[0], x[:6])
    with pytest.raises(lathe.LatheError, match="there are 9 elements, not 10"):
        model(x, np.array([0, 5], np.uint8))
    np.testing.assert_array_equal(outputs(model(x, np.array([0, 0], np.uint8)))[0], x[:0])


FOREVER = """
func.func @main(%x: tensor<2xf32> {graph.name = "x"}) -> (tensor<2xf32> {graph.name = "y"}) attributes {graph.symbols = []} {
  %0 = graph.loop carried(%x : tensor<2xf32>) -> (tensor<2xf32>) {
  ^bb0(%i: tensor<i64>, %a: tensor<2xf32>):
    %1 = graph.neg %a : tensor<2xf32> -> tensor<2xf32>
    graph.yield %1 : tensor<2xf32>
  }
  return %0 : tensor<2xf32>
}
"""


def test_a_loop_without_an_end(tmp_path: pathlib.Path) -> None:
    """The limit of turns ends it, in every call."""
    path = tmp_path / "model.mlir"
    path.write_text(FOREVER)
    model = lathe.compile(path, max_loop_steps=1000)
    for _ in range(2):
        with pytest.raises(lathe.RuntimeError, match="may make 1000 turns together"):
            model(np.ones(2, np.float32))
    with pytest.raises(lathe.RuntimeError, match="steps"):
        model(np.ones(2, np.float32), steps=3)
