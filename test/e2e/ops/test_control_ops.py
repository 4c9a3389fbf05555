# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""If, Loop, Scan and sequences, compared with ONNX Runtime."""

from __future__ import annotations

from typing import Any

import lathe
import numpy as np
import onnxruntime
import pytest
from onnx import parser
from oracle import Array, Random

random = Random(7)

HEADER = '<ir_version: 10, opset_import: ["": %d]>\n'


def check(text: str, *calls: dict[str, Any], opset: int = 20, tolerance: float = 1e-5) -> None:
    """Compiles the model once and compares each call."""
    model = parser.parse_model(HEADER % opset + text)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    compiled = lathe.compile(model, cache=False)
    for inputs in calls:
        arrays = {name: np.asarray(value) for name, value in inputs.items()}
        expected = session.run(None, arrays)
        found = compiled(*arrays.values())
        for have, right in zip(found, expected, strict=True):
            assert have.dtype == right.dtype and have.shape == right.shape
            np.testing.assert_allclose(have, right, rtol=tolerance, atol=tolerance)


def f32(*values: float) -> Array:
    return np.array(values, np.float32)


def test_if_takes_the_branch_of_the_call() -> None:
    check(
        """agraph (bool c, float[N] X, float[N] Z) => (float[M] Y, float[N] W) {
          Y, W = If (c) <
            then_branch = a () => (float[N] t, float[N] u) { t = Add(X, Z)
              u = Neg(X) },
            else_branch = b () => (float[M] e, float[N] v) { e = Concat<axis = 0>(X, Z, X)
              v = Exp(Z) }
          >
        }""",
        {"c": True, "X": f32(1, 2, 3), "Z": f32(4, 5, 6)},
        {"c": False, "X": f32(1, 2, 3), "Z": f32(4, 5, 6)},
        {"c": False, "X": f32(7), "Z": f32(8)},
    )


def test_what_follows_a_branch_has_its_size() -> None:
    check(
        """agraph (bool c, float[N] X) => (float[M] Y, int64[1] S) {
          y = If (c) <
            then_branch = a () => (float[N] t) { t = Identity(X) },
            else_branch = b () => (float[M] e) { e = Concat<axis = 0>(X, X) }
          >
          Y = Softmax<axis = 0>(y)
          S = Shape(Y)
        }""",
        {"c": True, "X": f32(1, 2, 3)},
        {"c": False, "X": f32(1, 2, 3)},
    )


def test_nested_branches() -> None:
    check(
        """agraph (bool c, bool d, float[N] X) => (float[N] Y) {
          Y = If (c) <
            then_branch = a () => (float[N] t) {
              s = Mul(X, X)
              t = If (d) <
                then_branch = aa () => (float[N] tt) { tt = Add(s, X) },
                else_branch = ab () => (float[N] te) { te = Sub(s, X) }
              >
            },
            else_branch = b () => (float[N] e) { e = Neg(X) }
          >
        }""",
        *({"c": c, "d": d, "X": f32(1, 2, 3)} for c in (True, False) for d in (True, False)),
    )


SUM = """agraph (%s, float[2] X) => (float[2] Y, float[T, 2] Z)
  <bool yes = {1}> {
  Y, Z = Loop (%s, X) <
    body = body (int64 i, bool go, float[2] a) => (bool go_on, float[2] b, float[2] each) {
      f = Cast<to = 1>(i)
      b = Add(a, f)
      each = Mul(b, X)
      %s
    }
  >
}"""
BELOW = (
    "s = ReduceSum<keepdims = 0>(b)\n ten = Constant<value_float = 10.0>()\n go_on = Less(s, ten)"
)


def test_loop_with_a_trip_count() -> None:
    text = SUM % ("int64 n", "n, yes", "go_on = Identity(go)")
    check(text, *({"n": n, "X": f32(1, 2)} for n in (3, 1, 0, 20)))


def test_loop_with_a_condition() -> None:
    text = SUM % ("bool c", '"", c', BELOW)
    check(text, *({"c": c, "X": f32(1, x)} for c in (True, False) for x in (2, 30)))


def test_loop_with_both() -> None:
    text = SUM % ("int64 n, bool c", "n, c", BELOW)
    check(
        text,
        *({"n": n, "c": c, "X": f32(1, 2)} for n in (0, 2, 50) for c in (True, False)),
    )


def test_loop_that_ends_by_itself() -> None:
    check(
        SUM % ("float u", '"", ""', BELOW + "\n unused = Neg(u)"), {"u": f32(0)[0], "X": f32(1, 2)}
    )


def test_sizes_change_from_turn_to_turn() -> None:
    check(
        """agraph (int64 n, float[K] X) => (float[M] Y, float[T] Z) <bool yes = {1}> {
          Y, Z = Loop (n, yes, X) <
            body = body (int64 i, bool go, float[L] a) => (bool go_on, float[P] b, float s) {
              go_on = Identity(go)
              b = Concat<axis = 0>(a, X)
              s = ReduceSum<keepdims = 0>(b)
            }
          >
        }""",
        {"n": 4, "X": f32(1, 2)},
        {"n": 0, "X": f32(1, 2)},
        {"n": 1, "X": f32(5)},
    )


def test_a_product_in_a_loop() -> None:
    weights = ", ".join(str(x) for x in (random.floats(16) * 0.3).tolist())
    check(
        f"""agraph (int64 n, float[B, 4] X) => (float[B, 4] Y)
          <bool yes = {{1}}, float[4, 4] W = {{{weights}}}> {{
          Y = Loop (n, yes, X) <
            body = body (int64 i, bool go, float[B, 4] a) => (bool go_on, float[B, 4] b) {{
              go_on = Identity(go)
              m = MatMul(a, W)
              s = Add(m, X)
              b = Relu(s)
            }}
          >
        }}""",
        {"n": 5, "X": random.floats(3, 4)},
        {"n": 2, "X": random.floats(1, 4)},
    )


def test_loops_in_loops() -> None:
    check(
        """agraph (int64 n, float[2] X) => (float[2] Y, float[T, U, 2] Z)
          <bool yes = {1}> {
          Y, Z = Loop (n, yes, X) <
            body = outer (int64 i, bool go, float[2] a)
              => (bool go_on, float[2] b, float[U, 2] each) {
              go_on = Identity(go)
              b, each = Loop (n, go, a) <
                body = inner (int64 j, bool more, float[2] p) => (bool m, float[2] q, float[2] r) {
                  m = Identity(more)
                  k = Add(i, j)
                  f = Cast<to = 1>(k)
                  q = Add(p, f)
                  r = Mul(q, a)
                }
              >
            }
          >
        }""",
        {"n": 3, "X": f32(1, 2)},
        {"n": 1, "X": f32(1, 2)},
    )


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("reverse", [0, 1])
def test_scan(axis: int, reverse: int) -> None:
    shape = "3, T" if axis else "T, 3"
    text = f"""agraph (float[3] s, float[{shape}] X, float[T] K) => (float[3] Y, float[P, Q] Z) {{
      Y, Z = Scan <num_scan_inputs = 2, scan_input_axes = [{axis}, 0],
        scan_input_directions = [{reverse}, 0], scan_output_axes = [{axis}],
        scan_output_directions = [{1 - reverse}],
        body = body (float[3] a, float[3] x, float k) => (float[3] b, float[3] each) {{
          m = Mul(x, k)
          b = Add(a, m)
          each = Sub(b, x)
        }}
      > (s, X, K)
    }}"""
    x = random.floats(5, 3)
    check(text, {"s": random.floats(3), "X": x.T if axis else x, "K": random.floats(5)})


@pytest.mark.parametrize("lengths", ["", "L"])
def test_scan_of_a_batch(lengths: str) -> None:
    declared = "int64[2] L, " if lengths else ""
    text = f"""agraph ({declared}float[2, 3] s, float[2, T, 3] X)
      => (float[2, 3] Y, float[2, T, 3] Z) {{
      Y, Z = Scan <num_scan_inputs = 1,
        body = body (float[3] a, float[3] x) => (float[3] b, float[3] each) {{
          b = Add(a, x)
          each = Mul(b, x)
        }}
      > ({lengths or '""'}, s, X)
    }}"""
    inputs: dict[str, Any] = {"L": np.array([2, 4])} if lengths else {}
    check(text, {**inputs, "s": random.floats(2, 3), "X": random.floats(2, 4, 3)}, opset=8)


def test_sequences_are_followed() -> None:
    check(
        """agraph (float[6] X, float[2] Z) => (float[N] Y, int64 L, float[4, 2] W)
          <int64 two = {2}, int64 one = {1}> {
          s = SplitToSequence(X, two)
          t = SequenceInsert(s, Z, one)
          L = SequenceLength(t)
          W = ConcatFromSequence<axis = 0, new_axis = 1>(t)
          u = SequenceErase(t)
          v = SequenceMap (u, Z) <
            body = body (float[2] a, float[2] b) => (float[2] c) { c = Mul(a, b) }
          >
          Y = ConcatFromSequence<axis = 0>(v)
        }""",
        {"X": random.floats(6), "Z": random.floats(2)},
    )


def test_a_branch_returns_a_sequence() -> None:
    check(
        """agraph (bool c, float[2] X, float[3] Z) => (float[5] Y) {
          s = If (c) <
            then_branch = a () => (seq(float[N]) t) { t = SequenceConstruct(X, Z) },
            else_branch = b () => (seq(float[N]) e) { e = SequenceConstruct(Z, X) }
          >
          Y = ConcatFromSequence<axis = 0>(s)
        }""",
        {"c": True, "X": f32(1, 2), "Z": f32(3, 4, 5)},
        {"c": False, "X": f32(1, 2), "Z": f32(3, 4, 5)},
    )


def test_a_squeeze_that_depends_on_an_open_dim() -> None:
    text = """agraph (float[3, N] X) => (float[3] Y) <int64[1] minus = {-1}, int64 one = {1}> {
      shape = Shape(X)
      last = Gather(shape, one)
      c = Equal(last, one)
      Y = If (c) <
        then_branch = a () => (float[3] t) { t = Squeeze(X, minus) },
        else_branch = b () => (float[3, N] e) { e = Identity(X) }
      >
    }"""
    model = parser.parse_model(HEADER % 20 + text)
    compiled = lathe.compile(model, cache=False)
    x = random.floats(3, 1)
    np.testing.assert_array_equal(compiled(x)[0], x[:, 0])
    with pytest.raises(lathe.RuntimeError, match="call-shape-check"):
        compiled(random.floats(3, 2))


def test_a_single_element_has_a_scalar_in_one_branch() -> None:
    check(
        """agraph (bool c, float[N] X, float s, float[1] v) => (float[N] Y) {
          step = If (c) <
            then_branch = a () => (float t) { t = Neg(s) },
            else_branch = b () => (float[1] e) { e = Exp(v) }
          >
          Y = Mul(X, step)
        }""",
        {"c": True, "X": f32(1, 2, 3), "s": np.float32(2), "v": f32(1)},
        {"c": False, "X": f32(1, 2, 3), "s": np.float32(2), "v": f32(1)},
    )


def test_branches_that_dims_make_equal() -> None:
    """With both sizes fixed, the result of the If has them; what follows it named its symbol."""
    model = parser.parse_model(
        HEADER % 20
        + """agraph (bool c, float[N] X, float[M] Z)
            => (float[1, P] Y, float[Q] W, int64[1] S, float[R] V) {
          axes = Constant<value = int64[1] {0}>()
          one = Constant<value = int64[1] {1}>()
          end = Constant<value = int64[1] {-1}>()
          zero = Constant<value = float[1] {0.5}>()
          y = If (c) <
            then_branch = a () => (float[N] t) { t = Identity(X) },
            else_branch = b () => (float[M] e) { e = Neg(Z) }
          >
          Y = Unsqueeze(y, axes)
          S = Shape(y)
          W = Slice(y, one, end)
          V = Expand(zero, S)
        }"""
    )
    x, z = f32(1, 2, 3, 4), f32(5, 6, 7, 8)
    for dims in ({"N": 4, "M": 4}, {"N": 4}, {}):
        compiled = lathe.compile(model, cache=False, dims=dims)
        for c, y in ((True, x), (False, -z)):
            found = compiled(np.array(c), x, z)
            for have, right in zip(found, (y[None], y[1:-1], [4], f32(*[0.5] * 4)), strict=True):
                np.testing.assert_array_equal(have, right)


def test_a_loop_whose_turns_are_fixed() -> None:
    model = parser.parse_model(
        HEADER % 20
        + """agraph (int64[N] K, float[N] X) => (float[1, P, N] Y) {
          axes = Constant<value = int64[1] {0}>()
          zero = Constant<value = int64 {0}>()
          shape = Shape(K)
          turns = Gather(shape, zero)
          last, all = Loop (turns, , X) <
            body = turn (int64 i, bool going, float[N] a) => (bool on, float[N] b, float[N] s) {
              on = Identity(going)
              b = Neg(a)
              s = Add(a, a)
            }
          >
          Y = Unsqueeze(all, axes)
        }"""
    )
    x = f32(1, 2, 3)
    right = np.stack([2 * x, -2 * x, 2 * x])[None]
    for dims in ({"N": 3}, {}):
        (found,) = lathe.compile(model, cache=False, dims=dims)(np.zeros(3, np.int64), x)
        np.testing.assert_array_equal(found, right)


def test_scan_inputs_of_two_lengths() -> None:
    """Sizes that are open must be the same in a call; the next call goes well."""
    model = parser.parse_model("""
        <ir_version: 10, opset_import: ["": 20]>
        graph (float[3] s, float[T, 3] x, float[U, 3] w) => (float[3] y, float[T, 3] z) {
          [scan] y, z = Scan <num_scan_inputs = 2,
            body = body (float[3] a, float[3] b, float[3] c) => (float[3] d, float[3] e) {
              d = Add(a, b)
              e = Add(d, c)
            }
          > (s, x, w)
        }""")
    compiled = lathe.compile(model, cache=False)
    s, x = np.ones(3, np.float32), np.ones((4, 3), np.float32)
    message = r'node "scan" \(Scan-19\): the scanned dims of scan inputs 0 and 1 .* 4 and 5'
    with pytest.raises(lathe.RuntimeError, match=message):
        compiled(s, x, np.ones((5, 3), np.float32))
    np.testing.assert_array_equal(compiled(s, x, x)[0], np.full(3, 5, np.float32))
