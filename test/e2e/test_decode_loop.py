# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A decoder that writes text: caches of a fixed capacity, updated in place, in Python and in C."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
from typing import Any

import lathe
import numpy as np
import numpy.typing as npt
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("LATHE_BUILD", ROOT / "build/release"))
LAYERS, HEADS, SIZE, CAPACITY, WORDS = 2, 2, 16, 24, 40
WIDTH = HEADS * SIZE
PROMPT, STEPS = [7, 3, 11, 0, 28], 14

Array = npt.NDArray[Any]


def weights() -> dict[str, npt.NDArray[np.float32]]:
    random = np.random.default_rng(5)

    def normal(*shape: int) -> npt.NDArray[np.float32]:
        return (random.standard_normal(shape) * 0.3).astype(np.float32)

    made = {"words": normal(WORDS, WIDTH), "places": normal(CAPACITY, WIDTH)}
    for i in range(LAYERS):
        made |= {
            f"qkv{i}": normal(WIDTH, 3 * WIDTH),
            f"out{i}": normal(WIDTH, WIDTH),
            f"up{i}": normal(WIDTH, 4 * WIDTH),
            f"down{i}": normal(4 * WIDTH, WIDTH),
        }
    return made


def decoder() -> ModelProto:
    """A GPT-2 whose `n` tokens go to the places from `at` on of caches [1, HEADS, CAPACITY, SIZE].

    A prompt is one call, and so is each token that follows.
    """
    nodes: list[Any] = []
    constants = weights()

    def node(kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        output = output or f"t{len(nodes)}"
        nodes.append(helper.make_node(kind, inputs, [output], f"{kind}{len(nodes)}", **attributes))
        return output

    def constant(name: str, value: Any, dtype: Any) -> str:
        constants[name] = np.array(value, dtype)
        return name

    def normalized(x: str) -> str:
        return node("LayerNormalization", x, "ones", "zeros", axis=-1)

    constant("ones", np.ones(WIDTH), np.float32)
    constant("zeros", np.zeros(WIDTH), np.float32)
    zero, one = constant("zero", 0, np.int64), constant("one", 1, np.int64)
    count = node("Squeeze", node("Shape", "tokens", start=1, end=2))
    first = node("Squeeze", "at")
    places = node("Range", first, node("Add", first, count), one)
    x = node("Add", node("Gather", "words", "tokens"), node("Gather", "places", places))
    column = node("Unsqueeze", places, constant("last", [1], np.int64))
    seen = node(
        "LessOrEqual", node("Range", zero, constant("all", CAPACITY, np.int64), one), column
    )
    hidden = node("Where", seen, constant("none", 0, np.float32), constant("far", -1e9, np.float32))
    heads = constant("heads", [1, -1, HEADS, SIZE], np.int64)
    scale = constant("scale", SIZE**-0.5, np.float32)
    for i in range(LAYERS):
        qkv = node("MatMul", normalized(x), f"qkv{i}")
        parts = [f"{part}{i}" for part in "qkv"]
        nodes.append(helper.make_node("Split", [qkv], parts, f"split{i}", axis=2, num_outputs=3))
        q, k, v = (
            node("Transpose", node("Reshape", part, heads), perm=[0, 2, 1, 3]) for part in parts
        )
        for part, new in (("k", k), ("v", v)):
            names = (f"past_{part}{i}", new, "at")
            node("TensorScatter", *names, output=f"present_{part}{i}", axis=2)
        keys = node("Transpose", f"present_k{i}", perm=[0, 1, 3, 2])
        scores = node("Add", node("Mul", node("MatMul", q, keys), scale), hidden)
        mixed = node("MatMul", node("Softmax", scores, axis=-1), f"present_v{i}")
        flat = node(
            "Reshape",
            node("Transpose", mixed, perm=[0, 2, 1, 3]),
            constant("flat", [1, -1, WIDTH], np.int64),
        )
        x = node("Add", x, node("MatMul", flat, f"out{i}"))
        up = node("Gelu", node("MatMul", normalized(x), f"up{i}"), approximate="tanh")
        x = node("Add", x, node("MatMul", up, f"down{i}"))
    final = node("Gather", normalized(x), constant("end", -1, np.int64), axis=1)
    node("MatMul", final, node("Transpose", "words", perm=[1, 0]), output="scores")

    value = helper.make_tensor_value_info
    shape = [1, HEADS, CAPACITY, SIZE]
    caches = [f"{part}{i}" for i in range(LAYERS) for part in "kv"]
    graph = helper.make_graph(
        nodes,
        "decoder",
        [
            value("tokens", TensorProto.INT64, [1, "n"]),
            value("at", TensorProto.INT64, [1]),
            *(value(f"past_{cache}", TensorProto.FLOAT, shape) for cache in caches),
        ],
        [
            value("scores", TensorProto.FLOAT, [1, WORDS]),
            *(value(f"present_{cache}", TensorProto.FLOAT, shape) for cache in caches),
        ],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 24)], ir_version=12)


DONATE = {f"past_{part}{i}": f"present_{part}{i}" for i in range(LAYERS) for part in "kv"}


def expected_scores(tokens: list[int]) -> npt.NDArray[np.float64]:
    """What follows `tokens`, from the whole text at once and without a cache, in f64."""
    w = {name: array.astype(np.float64) for name, array in weights().items()}

    def normalized(x: Array) -> Array:
        centred = x - x.mean(-1, keepdims=True)
        scaled: Array = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
        return scaled

    n = len(tokens)
    x = w["words"][tokens] + w["places"][:n]
    for i in range(LAYERS):
        qkv = (normalized(x) @ w[f"qkv{i}"]).reshape(n, 3, HEADS, SIZE).transpose(1, 2, 0, 3)
        scores = qkv[0] @ qkv[1].transpose(0, 2, 1) * SIZE**-0.5
        scores = np.where(np.tri(n, dtype=bool), scores, -np.inf)
        powers = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = powers / powers.sum(-1, keepdims=True) @ qkv[2]
        x = x + mixed.transpose(1, 0, 2).reshape(n, WIDTH) @ w[f"out{i}"]
        up = normalized(x) @ w[f"up{i}"]
        gelu = up / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (up + 0.044715 * up**3)))
        x = x + gelu @ w[f"down{i}"]
    result: npt.NDArray[np.float64] = normalized(x)[-1] @ w["words"].T
    return result


def expected_text() -> list[int]:
    text = list(PROMPT)
    for _ in range(STEPS):
        text.append(int(expected_scores(text).argmax()))
    return text


def aligned_cache() -> npt.NDArray[np.float32]:
    """Zeros that begin at a multiple of 64 bytes, where calls compute in place."""
    elements = HEADS * CAPACITY * SIZE
    memory = np.zeros(elements + 16, np.float32)
    start = -memory.ctypes.data // 4 % 16
    return memory[start : start + elements].reshape(1, HEADS, CAPACITY, SIZE)


@pytest.mark.parametrize("threads", [1, 2])
def test_text_in_python(threads: int) -> None:
    model = lathe.compile(decoder(), donate=DONATE, threads=threads)
    assert [output.donor for output in model.outputs] == [None, *DONATE]
    caches: dict[str, Array] = {
        past: np.zeros((1, HEADS, CAPACITY, SIZE), np.float32) for past in DONATE
    }
    text, new, at = list(PROMPT), list(PROMPT), 0
    for step in range(STEPS):
        feed = {"tokens": np.array([new]), "at": np.array([at]), **caches}
        result = model.run(feed, donate=step > 0)
        stays = [result[present] is caches[past] for past, present in DONATE.items()]
        assert all(stays) if step else not any(stays)
        # From the second step on in what the first one made, which is aligned.
        caches = {past: result[present] for past, present in DONATE.items()}
        np.testing.assert_allclose(result["scores"][0], expected_scores(text), rtol=0, atol=2e-5)
        at += len(new)
        new = [int(result["scores"].argmax())]
        text += new
    assert text == expected_text()


def test_no_step_copies_a_cache(tmp_path: pathlib.Path) -> None:
    """All that is copied of a cache is copied unless it is the donated memory."""
    (tmp_path / "d.onnx").write_bytes(decoder().SerializeToString())
    words = [word for pair in DONATE.items() for word in ("--donate", "=".join(pair))]
    program = subprocess.run(
        [BUILD / "bin/lathe", "compile", tmp_path / "d.onnx", "--stop-after", "bufferize", *words],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "donation-copied" not in program.stderr
    copies = [line for line in program.stdout.splitlines() if "host.copy" in line]
    assert len(copies) == len(DONATE) and all("unless_same" in line for line in copies)


def test_beyond_the_capacity_is_an_error() -> None:
    """The call that has no room says so, and the next one works."""
    model = lathe.compile(decoder(), donate=DONATE)
    feed = {"tokens": np.array([[1, 2]]), **{past: aligned_cache() for past in DONATE}}
    with pytest.raises(lathe.RuntimeError, match=str(CAPACITY)):
        model.run({**feed, "at": np.array([CAPACITY - 1])}, donate=True)
    model.run({**feed, "at": np.array([CAPACITY - 2])}, donate=True)


PROGRAM = """
#include "decoder.h"
#include "lathe-runtime/runtime.h"
#include <stdio.h>
#include <string.h>

enum { LAYERS = %(layers)d, HEADS = %(heads)d, CAPACITY = %(capacity)d };
enum { SIZE = %(size)d, WORDS = %(words)d };
static _Alignas(64) float caches[2 * LAYERS][HEADS * CAPACITY * SIZE];
static _Alignas(64) float scores[WORDS];

int main(void) {
  int64_t text[CAPACITY + 1] = {%(prompt)s}, at = 0, count = %(count)d;
  lathe_module *module;
  if (lathe_module_from_query(lathe_query_decoder, &module) != LATHE_OK)
    return puts(lathe_last_error()), 1;
  lathe_tensor in[2 + 2 * LAYERS], out[1 + 2 * LAYERS];
  memset(in, 0, sizeof in);
  memset(out, 0, sizeof out);
  for (int i = 0; i < 2 * LAYERS; ++i) {
    lathe_tensor cache = {.data = caches[i], .dtype = LATHE_DTYPE_F32, .rank = 4,
                          .dims = {1, HEADS, CAPACITY, SIZE}};
    in[2 + i] = cache;
    out[1 + i] = cache; // The same memory: a donation.
  }
  out[0] = (lathe_tensor){.data = scores, .dtype = LATHE_DTYPE_F32, .rank = 2, .dims = {1, WORDS}};
  for (int step = 0; step < %(steps)d; ++step) {
    in[0] = (lathe_tensor){
        .data = text + at, .dtype = LATHE_DTYPE_I64, .rank = 2, .dims = {1, count}};
    in[1] = (lathe_tensor){.data = &at, .dtype = LATHE_DTYPE_I64, .rank = 1, .dims = {1}};
    if (lathe_module_call(module, "main", in, DECODER_INPUT_COUNT, out, DECODER_OUTPUT_COUNT))
      return puts(lathe_last_error()), 1;
    int best = 0;
    for (int i = 1; i < WORDS; ++i)
      best = scores[i] > scores[best] ? i : best;
    at += count;
    count = 1;
    text[at] = best;
    printf("%%d\\n", best);
  }
  lathe_module_free(module);
}
"""


def test_text_in_c(tmp_path: pathlib.Path) -> None:
    compiler = shutil.which("cc")
    if not compiler:
        pytest.skip("there is no C compiler")
    (tmp_path / "decoder.onnx").write_bytes(decoder().SerializeToString())
    donations = [word for pair in DONATE.items() for word in ("--donate", "=".join(pair))]
    subprocess.run(
        [
            *(BUILD / "bin/lathe", "compile", "decoder.onnx", "-o", "decoder.a"),
            *("--header", "decoder.h", *donations),
        ],
        cwd=tmp_path,
        check=True,
    )
    sizes = {
        "layers": LAYERS,
        "heads": HEADS,
        "capacity": CAPACITY,
        "size": SIZE,
        "words": WORDS,
        "prompt": ", ".join(map(str, PROMPT)),
        "count": len(PROMPT),
        "steps": STEPS,
    }
    (tmp_path / "main.c").write_text(PROGRAM % sizes)
    subprocess.run(
        [
            *(compiler, "-std=c11", "-Wall", "-Werror", "main.c", "decoder.a"),
            *(BUILD / "lib/libLatheRuntime.a", f"-I{ROOT}/include"),
            *("-lm", "-lpthread", "-ldl", "-o", "main"),
        ],
        cwd=tmp_path,
        check=True,
    )
    result = subprocess.run(
        [tmp_path / "main"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert result.returncode == 0, result.stdout
    assert [int(line) for line in result.stdout.split()] == expected_text()[len(PROMPT) :]
