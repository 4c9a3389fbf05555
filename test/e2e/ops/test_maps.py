# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Maps as inputs and outputs, and sequences of strings."""

from __future__ import annotations

from typing import Any

import lathe
import lathe.ort
import numpy as np
import onnxruntime
import pytest
from onnx import ModelProto, TensorProto, TypeProto, helper

ML = "ai.onnx.ml"


def map_type(key: int, value: int) -> TypeProto:
    """A map from `key` to numbers of type `value`."""
    return helper.make_map_type_proto(key, helper.make_tensor_type_proto(value, []))


def model_of(nodes: list[Any], inputs: list[Any], outputs: list[Any]) -> ModelProto:
    graph = helper.make_graph(nodes, "g", inputs, outputs)
    opsets = [helper.make_opsetid("", 19), helper.make_opsetid(ML, 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def zip_map(key: int, **attributes: Any) -> ModelProto:
    return model_of(
        [helper.make_node("ZipMap", ["x"], ["y"], domain=ML, **attributes)],
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])],
        [
            helper.make_value_info(
                "y", helper.make_sequence_type_proto(map_type(key, TensorProto.FLOAT))
            )
        ],
    )


@pytest.mark.parametrize(
    ("key", "attributes"),
    [
        (TensorProto.INT64, {"classlabels_int64s": [7, 3, 5]}),
        (TensorProto.STRING, {"classlabels_strings": ["dog", "cat", ""]}),
    ],
)
@pytest.mark.parametrize("rows", [0, 1, 4])
def test_zip_map(key: int, attributes: dict[str, Any], rows: int) -> None:
    model = zip_map(key, **attributes)
    x = np.arange(3 * rows, dtype=np.float32).reshape(rows, 3)
    compiled = lathe.compile(model, cache=False)
    (y,) = compiled(x)
    if rows:
        (right,) = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x})
        assert y == right
    assert isinstance(y, list) and len(y) == rows
    kind = "i64" if key == TensorProto.INT64 else "string"
    assert compiled.signature.outputs[0].type == f"sequence(map({kind}, f32))"


def vectorizer(key: int, value: int, **attributes: Any) -> ModelProto:
    return model_of(
        [helper.make_node("DictVectorizer", ["x"], ["y"], domain=ML, **attributes)],
        [helper.make_value_info("x", map_type(key, value))],
        [helper.make_tensor_value_info("y", value, None)],
    )


@pytest.mark.parametrize(
    ("key", "value", "attributes", "given"),
    [
        (
            TensorProto.STRING,
            TensorProto.FLOAT,
            {"string_vocabulary": ["b", "missing", "a"]},
            {"a": 1.5, "zz": 3.0, "b": -2.0},
        ),
        (TensorProto.INT64, TensorProto.FLOAT, {"int64_vocabulary": [3, 1, 2]}, {2: 0.5, -1: 4.0}),
        (TensorProto.INT64, TensorProto.DOUBLE, {"int64_vocabulary": [3]}, {}),
        (TensorProto.STRING, TensorProto.INT64, {"string_vocabulary": ["a", "b"]}, {"b": 9}),
        (TensorProto.INT64, TensorProto.STRING, {"int64_vocabulary": [1, 2]}, {2: "two"}),
        (TensorProto.UINT8, TensorProto.FLOAT, {"int64_vocabulary": [3, 200, 2]}, {200: 0.5, 3: 4}),
        (TensorProto.INT16, TensorProto.FLOAT, {"int64_vocabulary": [3, -7]}, {-7: 0.5}),
    ],
)
def test_dict_vectorizer(key: int, value: int, attributes: dict[str, Any], given: Any) -> None:
    compiled = lathe.compile(vectorizer(key, value, **attributes), cache=False)
    (y,) = compiled(given)
    nothing = "" if value == TensorProto.STRING else 0
    (vocabulary,) = attributes.values()
    assert y.shape == (1, len(vocabulary))
    assert y.tolist() == [[given.get(word, nothing) for word in vocabulary]]


def cast_map(value: int, target: int, **attributes: Any) -> ModelProto:
    return model_of(
        [helper.make_node("CastMap", ["x"], ["y"], domain=ML, **attributes)],
        [helper.make_value_info("x", map_type(TensorProto.INT64, value))],
        [helper.make_tensor_value_info("y", target, None)],
    )


@pytest.mark.parametrize(
    ("value", "target", "attributes", "given", "right"),
    [
        (TensorProto.FLOAT, TensorProto.FLOAT, {}, {9: 1.5, 2: -1.0}, [[-1.0, 1.5]]),
        (TensorProto.FLOAT, TensorProto.INT64, {"cast_to": "TO_INT64"}, {1: 2.0}, [[2]]),
        (TensorProto.STRING, TensorProto.FLOAT, {}, {1: "2.5", 0: "-1"}, [[-1.0, 2.5]]),
        (
            TensorProto.FLOAT,
            TensorProto.FLOAT,
            {"map_form": "SPARSE", "max_map": 4},
            {3: 1.5, 1: 2.0},
            [[0.0, 2.0, 0.0, 1.5]],
        ),
    ],
)
def test_cast_map(
    value: int, target: int, attributes: dict[str, Any], given: Any, right: list[list[Any]]
) -> None:
    (y,) = lathe.compile(cast_map(value, target, **attributes), cache=False)(given)
    assert y.tolist() == right


def test_a_key_beyond_the_sparse_size_is_an_error() -> None:
    model = cast_map(TensorProto.FLOAT, TensorProto.FLOAT, map_form="SPARSE", max_map=4)
    with pytest.raises(lathe.RuntimeError, match="max_map"):
        lathe.compile(model, cache=False)({4: 1.0})


def test_what_is_no_map_is_an_error() -> None:
    compiled = lathe.compile(
        vectorizer(TensorProto.STRING, TensorProto.FLOAT, string_vocabulary=["a"]), cache=False
    )
    assert compiled.signature.inputs[0].type == "map(string, f32)"
    for wrong in ([1.0], {1: 2.0}, {"a": 1.0, 2: 3.0}, None):
        with pytest.raises(lathe.RuntimeError, match="call-input-type"):
            compiled(wrong)


def test_a_classifier_with_a_map_at_its_end() -> None:
    """The form in which converters of scikit-learn write classifiers."""
    nodes = [
        helper.make_node(
            "LinearClassifier",
            ["x"],
            ["label", "scores"],
            domain=ML,
            coefficients=[0.5, -1.0, 1.0, 0.25, -0.5, 0.75],
            intercepts=[0.0, 0.5, -0.5],
            classlabels_strings=["a", "b", "c"],
            post_transform="SOFTMAX",
        ),
        helper.make_node("Normalizer", ["scores"], ["shares"], domain=ML, norm="L1"),
        helper.make_node(
            "ZipMap", ["shares"], ["maps"], domain=ML, classlabels_strings=["a", "b", "c"]
        ),
    ]
    kind = helper.make_sequence_type_proto(map_type(TensorProto.STRING, TensorProto.FLOAT))
    model = model_of(
        nodes,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])],
        [
            helper.make_tensor_value_info("label", TensorProto.STRING, ["n"]),
            helper.make_value_info("maps", kind),
        ],
    )
    x = np.array([[1, 2], [-3, 0.5], [0, 0]], np.float32)
    labels, maps = lathe.compile(model, cache=False)(x)
    wanted, right = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x})
    assert labels.tolist() == wanted.tolist()
    session = lathe.ort.InferenceSession(model.SerializeToString())
    assert session.get_outputs()[1].type == "seq(map(string,tensor(float)))"
    assert session.run(["maps"], {"x": x})[0] == maps
    for have, want in zip(maps, right, strict=True):
        assert have == pytest.approx(want)


def test_sequences_of_strings() -> None:
    """They are made, grown in a loop of unknown length, read and returned."""
    kind = helper.make_tensor_sequence_value_info("s", TensorProto.STRING, ["k"])
    nodes = [
        helper.make_node("SequenceInsert", ["s", "x"], ["longer"]),
        helper.make_node("SequenceAt", ["longer", "at"], ["one"]),
        helper.make_node("Equal", ["one", "x"], ["same"]),
    ]
    model = model_of(
        nodes,
        [
            kind,
            helper.make_tensor_value_info("x", TensorProto.STRING, [2]),
            helper.make_tensor_value_info("at", TensorProto.INT64, []),
        ],
        [
            helper.make_tensor_sequence_value_info("longer", TensorProto.STRING, None),
            helper.make_tensor_value_info("same", TensorProto.BOOL, None),
        ],
    )
    compiled = lathe.compile(model, cache=False)
    first, x = np.array(["a", "ß"], object), np.array(["a", "c"], object)
    longer, same = compiled([first], x, np.array(0))
    assert [part.tolist() for part in longer] == [["a", "ß"], ["a", "c"]]
    assert same.tolist() == [True, False]


def test_outputs_that_share_strings() -> None:
    """Each has texts of its own, though elements of sequences are shared."""
    text = helper.make_tensor_value_info("x", TensorProto.STRING, [2])
    nodes = [
        helper.make_node("SequenceInsert", ["s", "x"], ["longer"]),
        helper.make_node("SequenceErase", ["longer"], ["shorter"]),
        helper.make_node("SequenceAt", ["longer", "at"], ["one"]),
    ]
    at = helper.make_tensor_value_info("at", TensorProto.INT64, [])
    given = helper.make_tensor_sequence_value_info("s", TensorProto.STRING, [2])
    outputs = [
        helper.make_tensor_sequence_value_info(name, TensorProto.STRING, None)
        for name in ("longer", "shorter")
    ]
    outputs.append(helper.make_tensor_value_info("one", TensorProto.STRING, None))
    compiled = lathe.compile(model_of(nodes, [given, text, at], outputs), cache=False)
    first, x = np.array(["a", "b" * 100], object), np.array(["c" * 50, "d"], object)
    longer, shorter, one = compiled([first], x, np.array(1))
    assert [list(value) for value in longer] == [list(first), list(x)]
    assert [list(value) for value in shorter] == [list(first)] and list(one) == list(x)
