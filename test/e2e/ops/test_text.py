# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Texts are taken apart, and n-grams are counted, as ONNX Runtime does, in rows of any length."""

from __future__ import annotations

import time
from typing import Any

import lathe
import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

Array = npt.NDArray[Any]
TEXTS = ["The cat, sat--on the mat.", "über Straße 12,5", "", " a b  c ", "日本語 text", "x_1-y"]

TOKENIZERS: dict[str, dict[str, Any]] = {
    "words": {"tokenexp": "[a-zA-Z0-9_]+"},
    "long words": {"tokenexp": "\\w+", "mincharnum": 3},
    "the longest": {"tokenexp": "a|at|th?|[a-z]{2}"},
    "any": {"tokenexp": "."},
    "characters": {"separators": [""]},
    "blanks": {"separators": [" "], "pad_value": ""},
    "several": {"separators": [" ", "-+", "[,.]"], "mark": 1},
    "marked": {"tokenexp": "[a-z]+", "mark": 1, "mincharnum": 2},
    "beginnings of words": {"tokenexp": "\\b[a-z]{1,2}"},
    "inside words": {"tokenexp": "\\B[a-z]"},
    "before the ends of words": {"tokenexp": "[a-z]\\B"},
    "the beginning of a text": {"tokenexp": "^[a-zA-Z]"},
    "beginnings between": {"separators": ["\\b[a-z]"]},
    "both between": {"separators": ["\\B[a-z]", "\\b[a-z]"]},
    "the end between": {"separators": ["[a-z]$"]},
}


def model_of(
    node: onnx.NodeProto, kind: int, shape: list[Any], extra: list[onnx.NodeProto] | None = None
) -> onnx.ModelProto:
    """A model of nodes on x whose last output is y."""
    out = TensorProto.STRING if node.op_type == "Tokenizer" and not extra else TensorProto.FLOAT
    graph = helper.make_graph(
        [node, *(extra or [])],
        "g",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("y", out, None)],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def right(model: onnx.ModelProto, x: Array) -> Array:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    result: Array = session.run(None, {"x": x})[0]
    return result


@pytest.mark.parametrize("name", TOKENIZERS)
def test_tokenizer(name: str) -> None:
    attributes = {"mark": 0, "mincharnum": 1, "pad_value": "#", **TOKENIZERS[name]}
    node = helper.make_node("Tokenizer", ["x"], ["y"], domain="com.microsoft", **attributes)
    for shape in (["n"], ["n", "m"]):
        model = model_of(node, TensorProto.STRING, list(shape))
        compiled = lathe.compile(model, cache=False)
        for texts in (TEXTS, TEXTS[1:2], ["", ""]):
            x = np.array(texts, object)
            x = x if len(shape) == 1 else np.stack([x, x[::-1]])
            (y,) = compiled(x)
            wanted = right(model, x)
            assert y.shape == wanted.shape
            np.testing.assert_array_equal(y, wanted)


@pytest.mark.parametrize(
    ("attributes", "id"),
    [
        ({}, "onnx-missing-attribute"),
        ({"tokenexp": "a", "separators": ["b"]}, "onnx-missing-attribute"),
        ({"tokenexp": "(?i)a"}, "onnx-unsupported-attribute"),
        ({"separators": ["a", "(b"]}, "onnx-unsupported-attribute"),
        ({"separators": [""], "mincharnum": 2}, "onnx-unsupported-attribute"),
        ({"separators": ["a"], "mincharnum": 0}, "onnx-unsupported-attribute"),
        ({"tokenexp": "a", "mincharnum": -1}, "onnx-unsupported-attribute"),
    ],
)
def test_what_is_no_tokenizer(attributes: dict[str, Any], id: str) -> None:
    given = {"mark": 0, "mincharnum": 1, "pad_value": "#", **attributes}
    node = helper.make_node("Tokenizer", ["x"], ["y"], domain="com.microsoft", **given)
    with pytest.raises(lathe.CompileError) as raised:
        lathe.compile(model_of(node, TensorProto.STRING, ["n"]), cache=False)
    assert id in raised.value.ids


@pytest.mark.parametrize("attributes", [{"tokenexp": "[a-z]+"}, {"separators": [" "]}])
def test_the_time_of_a_tokenizer_grows_with_the_text(attributes: dict[str, Any]) -> None:
    """A text of 20 times the size takes 20 times as long, not 400 times."""
    given = {"mark": 0, "mincharnum": 1, "pad_value": "#", **attributes}
    node = helper.make_node("Tokenizer", ["x"], ["y"], domain="com.microsoft", **given)
    compiled = lathe.compile(model_of(node, TensorProto.STRING, ["n"]), cache=False, threads=1)

    def seconds(words: int) -> float:
        x = np.array(["abcd " * words], object)
        times = []
        for _ in range(5):
            start = time.thread_time()
            (y,) = compiled(x)
            times.append(time.thread_time() - start)
            assert y.shape == (1, words)
        return min(times)

    assert seconds(100_000) < 100 * seconds(5_000)


# Lists of numbers of one, two and three items; (5, 6) is the beginning of (5, 6, 8).
POOL = {
    "ngram_counts": [0, 4, 10],
    "ngram_indexes": [6, 1, 2, 3, 4, 0, 9, 5, 7, 8],
    "pool_int64s": [2, 3, 5, 4, 5, 6, 7, 8, 6, 7, 5, 6, 8, 5, 5, 5, 7, 7, 7],
}
WORDS = {
    "ngram_counts": [0, 3],
    "ngram_indexes": [0, 1, 2, 3, 4],
    "pool_strings": ["a", "b", "c", "a", "b", "b", "b"],
}


@pytest.mark.parametrize("mode", ["TF", "IDF", "TFIDF"])
@pytest.mark.parametrize(
    ("shortest", "longest", "skips"), [(1, 1, 0), (1, 2, 0), (2, 3, 2), (1, 3, 5)]
)
@pytest.mark.parametrize("of", ["words", "numbers"])
def test_ngrams_of_open_rows(of: str, mode: str, shortest: int, longest: int, skips: int) -> None:
    pool: dict[str, Any] = POOL if of == "numbers" else WORDS
    attributes: dict[str, Any] = {**pool, "mode": mode, "max_skip_count": skips}
    attributes |= {
        "min_gram_length": shortest,
        "max_gram_length": min(longest, len(pool["ngram_counts"])),
    }
    width = 1 + max(pool["ngram_indexes"])
    attributes["weights"] = [0.5 + i for i in range(width)]
    node = helper.make_node("TfIdfVectorizer", ["x"], ["y"], **attributes)
    kind = TensorProto.INT64 if of == "numbers" else TensorProto.STRING
    random = np.random.default_rng(7)
    for shape in (["n"], ["n", "m"], [2, 9]):
        model = model_of(node, kind, list(shape))
        compiled = lathe.compile(model, cache=False)
        for sizes in ((2, 9), (1, 3), (4, 1), (3, 30)):
            if shape[0] == 2 and sizes != (2, 9):
                continue
            x = (
                random.integers(2, 9, sizes)
                if of == "numbers"
                else random.choice(["a", "b", "x"], sizes)
            )
            x = (x if len(shape) == 2 else x[0]).astype(np.int64 if of == "numbers" else object)
            np.testing.assert_array_equal(compiled(x)[0], right(model, x))


def vectorizer(**attributes: Any) -> onnx.ModelProto:
    """A model of POOL whose n-grams are of one to three items, if nothing else is said."""
    given = {"mode": "TF", "min_gram_length": 1, "max_gram_length": 3, "max_skip_count": 0, **POOL}
    node = helper.make_node("TfIdfVectorizer", ["x"], ["y"], **{**given, **attributes})
    return model_of(node, TensorProto.INT64, ["n"])


def test_lengths_that_no_ngram_has() -> None:
    """They cost nothing: what is compiled is as if the pool ended before them."""
    counts = POOL["ngram_counts"] + [len(POOL["pool_int64s"])] * 300
    longer = vectorizer(ngram_counts=counts, max_gram_length=303, max_skip_count=8)
    x = np.random.default_rng(3).integers(2, 9, 40)
    start = time.thread_time()
    wanted = lathe.compile(vectorizer(max_skip_count=8), cache=False, threads=1)
    once = time.thread_time() - start
    start = time.thread_time()
    found = lathe.compile(longer, cache=False, threads=1)
    assert time.thread_time() - start < 3 * once
    np.testing.assert_array_equal(found(x)[0], wanted(x)[0])
    np.testing.assert_array_equal(found(x)[0], right(vectorizer(max_skip_count=8), x))
    nothing = vectorizer(ngram_counts=counts, min_gram_length=5, max_gram_length=303)
    assert not np.any(lathe.compile(nothing, cache=False)(x)[0])


def test_more_ngrams_than_are_looked_for() -> None:
    with pytest.raises(lathe.CompileError, match="up to 4000 in all") as raised:
        lathe.compile(vectorizer(max_skip_count=1333), cache=False)
    assert raised.value.ids == ("onnx-unsupported-attribute",)


def test_a_large_vocabulary_of_tokens() -> None:
    """What a vectorizer of scikit-learn exports: as many columns as words, in no order."""
    words = [f"w{i}" for i in range(20_000)]
    columns = np.random.default_rng(1).permutation(len(words)).tolist()
    tokens = helper.make_node(
        "Tokenizer", ["x"], ["t"], domain="com.microsoft",
        mark=0, mincharnum=1, pad_value="#", tokenexp="[a-z0-9]+",
    )  # fmt: skip
    counts = helper.make_node(
        "TfIdfVectorizer", ["t"], ["y"], mode="TF", min_gram_length=1, max_gram_length=1,
        max_skip_count=0,
        ngram_counts=[0], ngram_indexes=columns, pool_strings=words,
    )  # fmt: skip
    model = model_of(tokens, TensorProto.STRING, ["n"], [counts])
    x = np.array(["w3 w19999 w3 none", "w0", ""], object)
    (y,) = lathe.compile(model, cache=False)(x)
    wanted = np.zeros((3, len(words)), np.float32)
    wanted[0, columns[3]], wanted[0, columns[19_999]], wanted[1, columns[0]] = 2, 1, 1
    np.testing.assert_array_equal(y, wanted)


@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("is_sorted", [0, 1])
def test_distinct_texts(is_sorted: int, axis: int | None) -> None:
    """Texts are in the order of their characters, as NumPy has them."""
    x = np.array([["b", "ä", "b"], ["", "a", ""], ["b", "ä", "b"], ["b", "a", "b"]], object)
    attributes: dict[str, Any] = {} if axis is None else {"axis": axis}
    node = helper.make_node("Unique", ["x"], ["y", "i", "v", "c"], sorted=is_sorted, **attributes)
    kinds = [TensorProto.STRING] + 3 * [TensorProto.INT64]
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.STRING, ["n", "m"])],
        [helper.make_tensor_value_info(n, k, None) for n, k in zip("yivc", kinds, strict=True)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    compiled = lathe.compile(model, cache=False)
    for rows in (x, x[:1]):
        for found, wanted in zip(compiled(rows), session.run(None, {"x": rows}), strict=True):
            np.testing.assert_array_equal(found, wanted)
    assert compiled(x[:0, :0])[0].size == 0


def test_texts_of_a_constant() -> None:
    """'value_string' is a scalar and 'value_strings' a vector."""
    nodes = [
        helper.make_node("Constant", [], ["one"], value_string="b"),
        helper.make_node("Constant", [], ["two"], value_strings=["", "ä"]),
        helper.make_node("Concat", ["x", "two"], ["all"], axis=0),
        helper.make_node("Equal", ["all", "one"], ["is"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.STRING, ["n"])],
        [
            helper.make_tensor_value_info("all", TensorProto.STRING, None),
            helper.make_tensor_value_info("is", TensorProto.BOOL, None),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    texts, equal = lathe.compile(model, cache=False)(np.array(["b", "c"], object))
    assert texts.tolist() == ["b", "c", "", "ä"]
    assert equal.tolist() == [True, False, False, False]
