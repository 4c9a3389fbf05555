# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention as an op: every form against f64, as near as its strategy's doc promises."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import lathe
import numpy as np
import pytest
from onnx import TensorProto, helper
from oracle import BFLOAT16, Array, Symbols

F16, F64 = np.dtype(np.float16), np.dtype(np.float64)
HALF = {F16: 2.0**-11, BFLOAT16: 2.0**-8}


@dataclass
class Attention:
    """One attention; sizes are batch, heads, key heads, queries, keys, size and width."""

    sizes: tuple[int, int, int, int, int, int, int]
    inside: tuple[bool, bool, bool, bool] = (False, False, False, False)
    bias: str = ""  # Which of batch, heads, queries and keys it has, such as "bk".
    mask: str = ""
    causal: int | None = None
    scale: float = 0.25
    softcap: float = 0
    hidden: float = -np.inf
    zero_rows: bool = False
    dtype: np.dtype = field(default_factory=lambda: np.dtype(np.float32))
    bias_dtype: np.dtype = field(default_factory=lambda: np.dtype(np.float32))

    def arrays(self) -> list[Array]:
        """q, k, v and what masks scores."""
        rng = np.random.default_rng(7)
        b, h, g, m, n, d, e = self.sizes
        shapes = [(b, h, m, d), (b, g, n, d), (b, g, n, e)]
        made = []
        for shape, inside in zip(shapes, self.inside[:3], strict=True):
            x = rng.standard_normal(shape).astype(self.dtype)
            made.append(np.ascontiguousarray(x.transpose(0, 2, 1, 3)) if inside else x)
        for letters, is_mask in ((self.bias, False), (self.mask, True)):
            if not letters:
                continue
            sizes = tuple(
                s if c in letters else 1 for c, s in zip("bhqk", (b, h, m, n), strict=True)
            )
            made.append(
                rng.random(sizes) < 0.7
                if is_mask
                else (2 * rng.standard_normal(sizes)).astype(self.bias_dtype)
            )
        return made

    def expected(self, arrays: list[Array], is_whole: bool = True) -> tuple[Array, Array]:
        """The result in f64, and the bound of its error by the strategy's doc."""
        _b, h, g, m, n, d, _e = self.sizes
        q, k, v = (
            (x.transpose(0, 2, 1, 3) if inside else x).astype(np.float64)
            for x, inside in zip(arrays[:3], self.inside[:3], strict=True)
        )
        k, v = np.repeat(k, h // g, 1), np.repeat(v, h // g, 1)
        scores = self.scale * q @ k.transpose(0, 1, 3, 2)
        large = self.scale * np.abs(q) @ np.abs(k).transpose(0, 1, 3, 2)
        if self.softcap:
            scores = self.softcap * np.tanh(scores / self.softcap)
        rest = list(arrays[3:])
        if self.bias:
            bias = rest.pop(0).astype(np.float64)
            scores, large = scores + bias, large + np.abs(bias)
        if self.mask:
            scores = np.where(rest.pop(0), scores, self.hidden)
        if self.causal is not None:
            seen = np.arange(n)[None, :] <= np.arange(m)[:, None] + self.causal
            scores = np.where(seen, scores, self.hidden)
        with np.errstate(invalid="ignore"):
            weights = np.exp(scores - scores.max(-1, keepdims=True)) if n else scores
            weights = weights / weights.sum(-1, keepdims=True)
        if self.zero_rows:
            weights = np.nan_to_num(weights, nan=0.0)
        y = weights @ v
        most = np.max(large, axis=-1, keepdims=True, initial=0)
        spread = np.nan_to_num(weights) @ np.abs(v)
        # What is expected is rounded to f64, too.
        epsilon = 2 * 2.0**-53 if self.dtype == F64 else 2.0**-24
        bound = epsilon * ((2 + 1 / 16) * n + 2 * (d + 10) * most + 16) * spread
        # Weights may be less than the least normal number.
        bound += n * np.finfo(np.float32).tiny * np.max(np.abs(v), initial=0)
        # In parts, weights of half precision are rounded, too.
        half = HALF.get(self.dtype, 0)
        bound += half * np.abs(y) + (0 if is_whole else half * spread)
        if self.inside[3]:
            y, bound = y.transpose(0, 2, 1, 3), bound.transpose(0, 2, 1, 3)
        return y, bound

    def is_whole(self, free: bool, lanes: int) -> bool:
        """Whether a CPU with so many lanes and no products of half precision has one kernel."""
        _b, h, g, m, n, d, e = self.sizes
        if self.dtype == F64 or max(d, e) > 512 or (h == 0 and g > 0):
            return False
        if any(axes and "k" not in axes for axes in (self.bias, self.mask)):
            return False  # The same for all keys of a query.
        opens = [free and size > 1 and size not in (h, g, d, e) for size in (m, n)]
        if opens[0] or 1 <= m <= lanes // 2:
            return True
        return m > 0 and (opens[1] or m * n >= 32 * 32)

    def text(self, arrays: list[Array], y: Array, free: bool) -> str:
        """The program; with `free`, sizes of batch, queries and keys are open."""
        b, h, g, m, n, d, e = self.sizes
        symbols = Symbols()
        open_sizes = {s for s in (b, m, n) if s > 1} - {h, g, d, e} if free else set()
        names = ["q", "k", "v"] + ["bias"] * bool(self.bias) + ["mask"] * bool(self.mask)
        types = [symbols.type_of(x, open_sizes & set(x.shape)) for x in arrays]
        result = symbols.type_of(y.astype(self.dtype), open_sizes)
        causal = ""
        if self.causal is not None:
            causal = f"causal = <() -> ({self.causal})> "
        listed = ", ".join(str(x).lower() for x in self.inside)
        attributes = f"softcap = {self.softcap:.6e}"
        if np.isfinite(self.hidden):
            attributes += f", hidden = {self.hidden:.6e}"
        if self.zero_rows:
            attributes += ", zero_rows"
        operands = "%q, %k, %v" + "".join(f" {x} %{x}" for x in names[3:])
        arguments = ", ".join(
            f'%{x}: {t} {{graph.name = "{x}"}}' for x, t in zip(names, types, strict=True)
        )
        declared = ", ".join(f'#graph.symbol<"s{p}">' for p in symbols.positions.values())
        return (
            f"func.func @main({arguments}) -> {result}\n"
            f"    attributes {{graph.symbols = [{declared}]}} {{\n"
            f"  %y = graph.attention {operands} {causal}heads_inside = [{listed}] "
            f"scale = {self.scale:.6e} {{{attributes}}} : ({', '.join(types)}) -> {result}\n"
            f"  return %y : {result}\n}}\n"
        )


PLAIN = Attention((2, 3, 3, 37, 53, 32, 48))
CASES = {
    "plain": PLAIN,
    "many queries": Attention((1, 2, 2, 131, 150, 64, 64)),
    "several blocks of keys": Attention((1, 2, 2, 70, 700, 16, 16)),
    "one query": Attention((3, 4, 4, 1, 301, 64, 64)),
    "few queries": Attention((2, 3, 3, 4, 75, 32, 48), bias="bk", mask="bqk", causal=71, softcap=2),
    "few queries of shared keys": Attention(
        (1, 6, 2, 3, 301, 64, 32), inside=(True, True, True, True)
    ),
    "few queries, odd elements": Attention((1, 2, 2, 3, 37, 37, 41), bias="qk"),
    "few queries, few elements": Attention((1, 2, 2, 2, 19, 3, 5), zero_rows=True, mask="k"),
    "few queries, many elements": Attention((1, 1, 1, 2, 33, 200, 300), causal=31),
    "few queries of half precision": Attention((1, 2, 2, 3, 70, 48, 16), dtype=F16),
    "few queries of half precision, few elements": Attention(
        (1, 2, 2, 2, 19, 3, 5), dtype=F16, bias="qk"
    ),
    "few queries of half precision, one element": Attention((1, 1, 1, 1, 20, 1, 1), dtype=F16),
    "few queries of bfloat16, odd elements": Attention(
        (1, 2, 2, 3, 37, 37, 41), dtype=BFLOAT16, causal=35, softcap=2
    ),
    "few queries of bfloat16": Attention((1, 2, 2, 1, 70, 64, 64), dtype=BFLOAT16),
    "a few more queries": Attention((1, 2, 2, 9, 200, 32, 32), causal=191),
    "one key": Attention((1, 2, 2, 9, 1, 16, 16)),
    "no keys": Attention((1, 2, 2, 9, 0, 16, 16)),
    "no queries": Attention((1, 2, 2, 0, 9, 16, 16)),
    "few elements": Attention((1, 2, 2, 21, 19, 3, 5)),
    "odd elements": Attention((1, 2, 2, 21, 19, 37, 41)),
    "inside": replace(PLAIN, inside=(True, True, True, True)),
    "mixed": replace(PLAIN, inside=(True, False, False, True)),
    "mixed too": replace(PLAIN, inside=(False, True, True, False)),
    "shared keys": Attention((2, 6, 2, 19, 53, 32, 32), inside=(True, True, False, True)),
    "padding": replace(PLAIN, bias="bk"),
    "bias": replace(PLAIN, bias="bhqk"),
    "bias of heads": replace(PLAIN, bias="hqk"),
    "bias of few keys": Attention((1, 2, 2, 33, 7, 16, 16), bias="qk", mask="qk", hidden=-1e4),
    "bias of one key": Attention((1, 2, 2, 33, 1, 16, 16), bias="qk"),
    "mask": replace(PLAIN, mask="bqk", hidden=-1e30),
    "mask of keys": replace(PLAIN, mask="bk"),
    "mask and bias": replace(PLAIN, mask="qk", bias="hqk", hidden=-1e4),
    "causal": Attention((1, 2, 2, 150, 150, 32, 32), causal=0),
    "causal with a past": Attention((1, 2, 2, 37, 150, 32, 32), causal=113),
    "causal without keys": Attention((1, 2, 2, 70, 20, 32, 32), causal=-50),
    "causal with zeros": Attention((1, 2, 2, 70, 20, 32, 32), causal=-50, zero_rows=True),
    "causal, mask and means": Attention(
        (3, 4, 4, 150, 150, 16, 16), causal=0, mask="bhk", hidden=-1e30
    ),
    "causal that barely hides": Attention((1, 2, 2, 150, 150, 16, 16), causal=0, hidden=-2.0),
    "causal with means": Attention((1, 2, 2, 70, 20, 32, 32), causal=-50, hidden=-1e30),
    "no key seen": Attention((1, 2, 2, 4, 3, 16, 16), mask="q"),
    "no key seen, zeros": Attention((1, 2, 2, 4, 3, 16, 16), mask="q", zero_rows=True),
    "cap": replace(PLAIN, softcap=0.5, bias="k"),
    "no heads": Attention((1, 0, 2, 37, 53, 16, 16)),
    "bias of half precision": replace(PLAIN, bias="hqk", bias_dtype=F16),
    "padding of half precision": replace(PLAIN, bias="bk", bias_dtype=F16, dtype=F16),
    "half": replace(PLAIN, dtype=F16, mask="bqk"),
    "half, few elements": Attention((1, 2, 2, 21, 19, 3, 5), dtype=F16),
    "bfloat16": replace(PLAIN, dtype=BFLOAT16, bias="bk"),
    "double": replace(PLAIN, dtype=F64),
    "large scores": replace(PLAIN, scale=30.0),
    "wide": Attention((1, 1, 1, 5, 9, 600, 8)),
}


TARGETS = ["host", "x86_64:v3", "x86_64:v2"]


def check(attention: Attention, model: lathe.CompiledModel) -> None:
    """Calls `model` and compares it with f64."""
    arrays = attention.arrays()
    expected, bound = attention.expected(arrays, "cpu.attention" in model.ir("lower"))
    (one,), (two,) = model.with_threads(1)(*arrays), model.with_threads(2)(*arrays)
    np.testing.assert_array_equal(one, two)
    assert one.dtype == attention.dtype and one.shape == expected.shape
    np.testing.assert_array_equal(np.isnan(one), np.isnan(expected))
    error = np.abs(one.astype(np.float64) - expected)
    assert (np.nan_to_num(error) <= np.nan_to_num(bound)).all()


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("free", [False, True], ids=["static", "free"])
@pytest.mark.parametrize("case", CASES)
def test_error(case: str, free: bool, target: str) -> None:
    attention = CASES[case]
    arrays = attention.arrays()
    program = attention.text(arrays, attention.expected(arrays)[0], free)
    model = lathe.compile(program.encode(), target=target, cache=False)
    if target == "x86_64:v3":
        assert ("cpu.attention" in model.ir("lower")) == attention.is_whole(free, lanes=8)
    check(attention, model)


@pytest.mark.parametrize("target", TARGETS)
def test_sizes_of_a_call(target: str) -> None:
    """One program for all of these, whose kernel has blocks of no, one and few queries and keys."""
    whole = replace(PLAIN, sizes=(4, 3, 3, 37, 53, 32, 48), bias="k", mask="bqk", causal=3)
    arrays = whole.arrays()
    program = whole.text(arrays, whole.expected(arrays)[0], free=True)
    model = lathe.compile(program.encode(), target=target, cache=False)
    assert "cpu.attention" in model.ir("lower")
    for b, m, n in [(1, 1, 1), (4, 1, 53), (2, 5, 3), (1, 70, 1), (2, 0, 9), (2, 9, 0), (0, 9, 9)]:
        check(replace(whole, sizes=(b, 3, 3, m, n, 32, 48)), model)


FORMS = {
    # A bias in the type of the scores, and one in that of the softmax.
    "types": """
  %b0 = graph.cast %b : tensor<40x40xf32> -> tensor<40x40xf16>
  %s0 = graph.add %s, %b0 : (tensor<1x2x40x40xf16>, tensor<40x40xf16>) -> tensor<1x2x40x40xf16>
  %s1 = graph.cast %s0 : tensor<1x2x40x40xf16> -> tensor<1x2x40x40xf32>
  %s2 = graph.add %s1, %c : (tensor<1x2x40x40xf32>, tensor<40x40xf32>) -> tensor<1x2x40x40xf32>
  %s3 = graph.softmax %s2 axis = 3 : tensor<1x2x40x40xf32>
  %w = graph.cast %s3 : tensor<1x2x40x40xf32> -> tensor<1x2x40x40xf16>
""",
    # Keys that are hidden by a number, and then by a causal mask that is added.
    "added": """
  %low = graph.constant dense<-3.0e38> : tensor<f32>
  %s0 = graph.select %m, %s, %low : (tensor<40x40xi1>, tensor<1x2x40x40xf32>, tensor<f32>)
      -> tensor<1x2x40x40xf32>
  %s1 = graph.add %s0, %c : (tensor<1x2x40x40xf32>, tensor<40x40xf32>) -> tensor<1x2x40x40xf32>
  %w = graph.softmax %s1 axis = 3 : tensor<1x2x40x40xf32>
""",
    # True where a key is hidden.
    "filled": """
  %low = graph.constant dense<0xFF800000> : tensor<f32>
  %s0 = graph.select %m, %low, %s : (tensor<40x40xi1>, tensor<f32>, tensor<1x2x40x40xf32>)
      -> tensor<1x2x40x40xf32>
  %w = graph.softmax %s0 axis = 3 : tensor<1x2x40x40xf32>
""",
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_that_exporters_write(form: str) -> None:
    """As one kernel and, with strict accuracy, as it is written."""
    dtype = "f16" if form == "types" else "f32"
    heads = f"tensor<1x2x40x32x{dtype}>"
    program = f"""
func.func @main(%q: {heads} {{graph.name = "q"}},
    %k: tensor<1x2x32x40x{dtype}> {{graph.name = "k"}},
    %v: {heads} {{graph.name = "v"}}, %b: tensor<40x40xf32> {{graph.name = "b"}},
    %c: tensor<40x40xf32> {{graph.name = "c"}}, %m: tensor<40x40xi1> {{graph.name = "m"}})
    -> {heads} {{
  %s = graph.matmul %q, %k : ({heads}, tensor<1x2x32x40x{dtype}>) -> tensor<1x2x40x40x{dtype}>
  {FORMS[form]}
  %y = graph.matmul %w, %v : (tensor<1x2x40x40x{dtype}>, {heads}) -> {heads}
  return %y : {heads}
}}
""".encode()
    rng = np.random.default_rng(3)
    q, k, v = (
        (rng.standard_normal(s) / 4).astype(np.float16 if dtype == "f16" else np.float32)
        for s in ((1, 2, 40, 32), (1, 2, 32, 40), (1, 2, 40, 32))
    )
    bias = rng.standard_normal((40, 40)).astype(np.float32)
    causal = np.where(np.tri(40, dtype=bool), 0, -np.inf).astype(np.float32)
    mask = rng.random((40, 40)) < 0.5
    # Of these queries, all keys are hidden but those that causality hides; or no key is.
    mask[3], mask[7] = False, True
    if form == "filled":
        mask[7, 0] = False
    whole = lathe.compile(program, target="x86_64:v3", cache=False)
    strict = lathe.compile(program, target="x86_64:v3", accuracy="strict", cache=False)
    assert "cpu.attention" in whole.ir("lower")
    assert "graph.attention" not in strict.ir("optimize")
    arrays = (q, k, v, bias, causal, mask)
    (one,), (other,) = whole(*arrays), strict(*arrays)
    tolerance = 2.0**-9 if dtype == "f16" else 1e-6
    np.testing.assert_allclose(one.astype(np.float64), other, rtol=0, atol=tolerance)


def test_strict_accuracy_computes_it_in_parts() -> None:
    arrays = PLAIN.arrays()
    program = PLAIN.text(arrays, PLAIN.expected(arrays)[0], free=False).encode()
    whole = lathe.compile(program, cache=False)
    strict = lathe.compile(program, accuracy="strict", cache=False)
    assert "cpu.attention" in whole.ir("lower")
    assert "cpu.attention" not in strict.ir("lower")
    check(PLAIN, strict)


@pytest.mark.parametrize("mask", ["bias", "bool", "none"])
def test_numbers_of_heads_that_are_open(mask: str) -> None:
    """Each call checks that keys' divide queries'; no strategy takes such a form."""
    kind = TensorProto.BOOL if mask == "bool" else TensorProto.FLOAT
    names = ["q", "k", "v", "m"][: 3 if mask == "none" else 4]
    graph = helper.make_graph(
        [helper.make_node("Attention", names, ["y"], scale=0.25)],
        "g",
        [
            helper.make_tensor_value_info(
                name, kind if name == "m" else TensorProto.FLOAT, [f"{name}{i}" for i in range(4)]
            )
            for name in names
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=10)
    compiled = lathe.compile(model, cache=False)
    one = Attention((2, 3, 3, 4, 5, 8, 6), bias={"bias": "bhqk"}.get(mask, ""))
    one = replace(one, mask={"bool": "bhqk"}.get(mask, ""), zero_rows=True)
    arrays = one.arrays()
    (y,) = compiled(*arrays)
    np.testing.assert_allclose(y, one.expected(arrays)[0], rtol=1e-4, atol=1e-5)
    arrays[0] = np.concatenate([arrays[0], arrays[0][:, :1]], 1)
    with pytest.raises(lathe.RuntimeError, match="the heads of queries and a multiple"):
        compiled(*arrays)


@pytest.mark.parametrize("size", [16, 37, 40, 200])
def test_infinite_keys_of_few_queries(size: int) -> None:
    """A key whose score is minus infinity weighs nothing, wherever in it the infinity is."""
    q, k = np.ones((1, 1, 1, size), np.float32), np.zeros((1, 1, 9, size), np.float32)
    v = np.random.default_rng(5).standard_normal((1, 1, 9, 8), np.float32)
    for element in range(size):
        k[0, 0, 4] = 0
        k[0, 0, 4, element] = -np.inf
        case = Attention((1, 1, 1, 1, 9, size, 8))
        arrays = [q, k, v]
        y = np.delete(v, 4, 2).mean(2, keepdims=True)
        if element == 0:
            model = lathe.compile(case.text(arrays, y, free=False).encode(), cache=False)
        (found,) = model(*arrays)
        np.testing.assert_allclose(found, y, rtol=1e-5, atol=1e-6)
