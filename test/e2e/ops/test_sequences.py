# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Sequences and optional values that are known at run time, compared with ONNX Runtime."""

from __future__ import annotations

from typing import Any

import lathe
import numpy as np
import onnxruntime
import pytest
from onnx import parser
from oracle import Array

HEADER = '<ir_version: 10, opset_import: ["": %d]>\n'


def f32(*values: Any) -> Array:
    return np.array(values, np.float32)


def same(found: Any, right: Any) -> None:
    """Compares a tensor, a list of tensors or None."""
    if isinstance(right, list):
        assert isinstance(found, list) and len(found) == len(right)
        for have, want in zip(found, right, strict=True):
            same(have, want)
    elif right is None:
        assert found is None
    else:
        assert found.dtype == right.dtype and found.shape == right.shape
        np.testing.assert_allclose(found, right, rtol=1e-6)


def check(text: str, *calls: dict[str, Any], opset: int = 18) -> None:
    """Compiles the model once and compares each call."""
    model = parser.parse_model(HEADER % opset + text)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    compiled = lathe.compile(model, cache=False)
    for inputs in calls:
        found = compiled(*inputs.values())
        for have, right in zip(found, session.run(None, inputs), strict=True):
            same(have, right)


def i64(value: int) -> Array:
    return np.array(value, np.int64)


def test_a_model_takes_and_gives_sequences() -> None:
    check(
        """agraph (seq(float[N]) s, float[M] x, int64 p)
            => (seq(float[N]) y, int64 n, seq(float[N]) z) {
          y = SequenceInsert(s, x, p)
          n = SequenceLength(y)
          z = SequenceErase(y, p)
        }""",
        {"s": [f32(1, 2), f32(3)], "x": f32(7, 8, 9), "p": i64(1)},
        {"s": [f32(1, 2), f32(3)], "x": f32(7), "p": i64(-1)},
        {"s": [f32(1), f32(2), f32(3)], "x": f32(), "p": i64(0)},
        {"s": [f32(1), f32(2), f32(3), f32(4)], "x": f32(5), "p": i64(2)},
    )


def test_an_element_has_sizes_of_its_own() -> None:
    check(
        """agraph (seq(float[N, 2]) s, int64 p) => (float[M, 2] y, float[2] sums) {
          a = SequenceAt(s, p)
          y = Add(a, a)
          axes = Constant<value_ints = [0]>()
          sums = ReduceSum<keepdims = 0>(a, axes)
        }""",
        {"s": [f32([1, 2]), f32([3, 4], [5, 6])], "p": i64(0)},
        {"s": [f32([1, 2]), f32([3, 4], [5, 6])], "p": i64(-1)},
    )


def test_split_and_concat_at_run_time() -> None:
    check(
        """agraph (float[N, 3] x, int64[K] sizes, int64 part)
            => (seq(float[M, 3]) a, seq(float[M, 3]) b, seq(float[3]) c,
                float[L, 3] y, float[P, Q] z) {
          a = SplitToSequence(x, sizes)
          b = SplitToSequence(x, part)
          c = SplitToSequence<keepdims = 0>(x)
          y = ConcatFromSequence<axis = 0>(a)
          z = ConcatFromSequence<axis = 1, new_axis = 1>(c)
        }""",
        {
            "x": np.arange(12, dtype=np.float32).reshape(4, 3),
            "sizes": np.array([1, 3]),
            "part": i64(3),
        },
        {"x": np.arange(6, dtype=np.float32).reshape(2, 3), "sizes": np.array([2]), "part": i64(1)},
    )


def test_a_loop_collects_a_sequence() -> None:
    check(
        """agraph (int64 n, float[N] x) => (seq(float[M]) y, int64 k) {
          t = Constant<value = bool {1}>()
          empty = SequenceEmpty<dtype = 1>()
          y = Loop (n, t, empty) <
            body = b (int64 i, bool c, seq(float[M]) s) => (bool d, seq(float[M]) u) {
              d = Identity(c)
              zero = Constant<value_ints = [0]>()
              one = Constant<value_ints = [1]>()
              i1 = Reshape(i, one)
              part = Slice(x, zero, i1, zero)
              u = SequenceInsert(s, part)
            }
          >
          k = SequenceLength(y)
        }""",
        {"n": i64(3), "x": f32(1, 2, 3, 4)},
        {"n": i64(0), "x": f32(1, 2)},
        {"n": i64(40), "x": np.arange(50, dtype=np.float32)},
    )


def test_branches_of_different_lengths() -> None:
    check(
        """agraph (bool c, float[N] x, float[M] z) => (seq(float[K]) y, int64 n) {
          y = If (c) <
            then_branch = a () => (seq(float[K]) t) { t = SequenceConstruct(x) },
            else_branch = b () => (seq(float[K]) e) { e = SequenceConstruct(x, z, x) }
          >
          n = SequenceLength(y)
        }""",
        {"c": np.array(True), "x": f32(1), "z": f32(2, 3)},
        {"c": np.array(False), "x": f32(1), "z": f32(2, 3)},
    )


def test_a_map_over_sequences() -> None:
    check(
        """agraph (seq(float[N]) s, float[1] x) => (seq(float[N]) y, seq(int64[1]) z) {
          y, z = SequenceMap (s, x) <
            body = b (float[N] e, float[1] w) => (float[N] r, int64[1] q) {
              r = Mul(e, w)
              q = Shape(e)
            }
          >
        }""",
        {"s": [f32(1, 2), f32(3), f32(4, 5, 6)], "x": f32(2)},
        {"s": [f32(1)], "x": f32(3)},
    )


def test_a_model_takes_optional_values() -> None:
    text = """agraph (optional(float[N]) o, float[M] x) => (bool h, float[K] y) {
          h = OptionalHasElement(o)
          y = If (h) <
            then_branch = a () => (float[K] t) { t = OptionalGetElement(o) },
            else_branch = b () => (float[K] e) { e = Neg(x) }
          >
        }"""
    compiled = lathe.compile(parser.parse_model(HEADER % 18 + text), cache=False)
    has, y = compiled(f32(1, 2), f32(3))
    assert has and y.tolist() == [1, 2]
    has, y = compiled(None, f32(3))
    assert not has and y.tolist() == [-3]


def test_a_model_gives_optional_values() -> None:
    text = """agraph (bool c, float[N] x) => (optional(float[N]) y) {
          y = If (c) <
            then_branch = a () => (optional(float[N]) t) { t = Optional(x) },
            else_branch = b () => (optional(float[N]) e) { e = Optional<type = float[N]>() }
          >
        }"""
    compiled = lathe.compile(parser.parse_model(HEADER % 18 + text), cache=False)
    (y,) = compiled(np.array(True), f32(1, 2))
    assert y.tolist() == [1, 2]
    (y,) = compiled(np.array(False), f32(1, 2))
    assert y is None


@pytest.mark.parametrize(
    ("text", "inputs", "words"),
    [
        ("y = SequenceAt(s, p)", {"p": 5}, r'"y" .*no element 5 .* 2 \[call-sequence-position\]'),
        ("y = SequenceAt(s, p)", {"p": -3}, r'"y" .*no element -3 .* 2 \[call-sequence-position\]'),
        (
            "r = SequenceErase(s, p)\n y = SequenceAt(r, p)",
            {"p": 1},
            r'"y" .* 1 .* 1 \[call-sequence-position\]',
        ),
        ("r = SequenceErase(s, p)\n y = SequenceAt(r, p)", {"p": 2}, r'"r" .* 2 .* 2 elements'),
        ("r = SequenceInsert(s, x, p)\n y = SequenceAt(r, p)", {"p": 3}, r'"r" .* 3 .* 2 elements'),
        (
            "y = ConcatFromSequence<axis = 0, new_axis = 1>(s)",
            {"p": 0},
            r'"y" .* 1 is not 2 \[call-shape-check\]',
        ),
    ],
)
def test_positions_outside_are_errors_of_the_call(
    text: str, inputs: dict[str, int], words: str
) -> None:
    rank = "K, L" if "Concat" in text else "K"
    model = f"agraph (seq(float[N]) s, float[M] x, int64 p) => (float[{rank}] y) {{ {text}\n}}"
    compiled = lathe.compile(parser.parse_model(HEADER % 18 + model), cache=False)
    s, x = [f32(1, 2), f32(3)], f32(9)
    with pytest.raises(lathe.RuntimeError, match=words):
        compiled(s, x, i64(inputs["p"]))
    if "Concat" not in text:
        compiled(s, x, i64(0))


def test_wrong_splits_are_errors_of_the_call() -> None:
    text = "agraph (float[N] x, int64[K] k) => (seq(float[M]) y) { y = SplitToSequence(x, k) }"
    compiled = lathe.compile(parser.parse_model(HEADER % 18 + text), cache=False)
    for sizes in ([1, 1], [4], [-1, 4], [2**62, 2**62, 2**62]):
        with pytest.raises(lathe.RuntimeError, match=r"call-split-sizes"):
            compiled(f32(1, 2, 3), np.array(sizes))
    (y,) = compiled(f32(1, 2, 3), np.array([1, 0, 2]))
    assert [part.tolist() for part in y] == [[1], [], [2, 3]]


def test_an_empty_optional_has_no_element() -> None:
    text = "agraph (optional(seq(float[N])) o) => (seq(float[N]) y) { y = OptionalGetElement(o) }"
    compiled = lathe.compile(parser.parse_model(HEADER % 18 + text), cache=False)
    with pytest.raises(lathe.RuntimeError, match=r'"y" .*call-empty-optional'):
        compiled(None)
    (y,) = compiled([f32(1)])
    assert [part.tolist() for part in y] == [[1]]


def test_lathe_stands_in_for_onnxruntime() -> None:
    from lathe import ort

    text = "agraph (seq(float[N]) s, float[M] x) => (seq(float[K]) y) { y = SequenceInsert(s, x) }"
    model = parser.parse_model(HEADER % 18 + text)
    session = ort.InferenceSession(model.SerializeToString())
    inputs = {"s": [f32(1, 2), f32(3)], "x": f32(4)}
    right = onnxruntime.InferenceSession(model.SerializeToString()).run(None, inputs)
    for have, want in zip(session.run(None, inputs), right, strict=True):
        same(have, want)


def test_a_queue_is_read_while_it_is_written() -> None:
    """Each turn takes the first element and appends two; all that were made stay what they were."""
    check(
        """agraph (seq(float[N]) s, int64 n) => (seq(float[M]) y, float[T, 1] firsts) {
          t = Constant<value = bool {1}>()
          y, firsts = Loop (n, t, s) <
            body = b (int64 i, bool c, seq(float[M]) q) => (bool d, seq(float[M]) r, float[1] h) {
              d = Identity(c)
              zero = Constant<value = int64 {0}>()
              front = SequenceAt(q, zero)
              axes = Constant<value_ints = [0]>()
              h = ReduceSum(front, axes)
              rest = SequenceErase(q, zero)
              twice = Add(front, front)
              more = SequenceInsert(rest, twice)
              r = SequenceInsert(more, h)
            }
          >
        }""",
        {"s": [f32(1, 2), f32(3)], "n": i64(9)},
        {"s": [f32(1)], "n": i64(0)},
    )
