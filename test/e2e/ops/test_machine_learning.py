# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The operators of ai.onnx.ml, compared with ONNX Runtime."""

from __future__ import annotations

from typing import Any

import lathe
import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from oracle import Random

random = Random(23)

Array = NDArray[Any]


def model_of(
    op: str,
    inputs: dict[str, Array],
    outputs: dict[str, int],
    version: int = 3,
    free: bool = True,
    **attributes: Any,
) -> ModelProto:
    """A model of one node of the domain; outputs by name, with the number of their type."""
    node = helper.make_node(op, list(inputs), list(outputs), domain="ai.onnx.ml", **attributes)
    infos = [
        helper.make_tensor_value_info(
            name,
            TensorProto.STRING if x.dtype == object else helper.np_dtype_to_tensor_dtype(x.dtype),
            ["rows", *x.shape[1:]] if free and x.ndim else x.shape,
        )
        for name, x in inputs.items()
    ]
    results = [
        helper.make_tensor_value_info(name, number, None) for name, number in outputs.items()
    ]
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("ai.onnx.ml", version)]
    graph = helper.make_graph([node], "g", infos, results)
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def expect(
    model: ModelProto,
    inputs: dict[str, Array],
    rtol: float = 1e-5,
    atol: float = 1e-5,
    by_reference: bool = False,
) -> None:
    """Both give the same; where ONNX Runtime differs from it, ONNX's reference is the other."""
    if by_reference:
        wanted = ReferenceEvaluator(model).run(None, inputs)
    else:
        wanted = onnxruntime.InferenceSession(model.SerializeToString()).run(None, inputs)
    given = lathe.compile(model, cache=False)(*inputs.values())
    assert len(wanted) == len(given)
    for right, have in zip(wanted, given, strict=True):
        assert np.asarray(right).shape == have.shape
        if np.asarray(right).dtype.kind in "OU":
            assert np.asarray(right).tolist() == have.tolist()
        else:
            np.testing.assert_allclose(have, right, rtol=rtol, atol=atol)


def f32(*shape: int) -> Array:
    return random.floats(*shape)


# --- Encoders ---------------------------------------------------------------

TEXTS = np.array([["a", "b"], ["zz", "a"]], object)
KINDS: dict[str, tuple[list[Any], int, type]] = {
    "strings": (["a", "b", "c"], TensorProto.STRING, object),
    "int64s": ([4, 5, -6], TensorProto.INT64, np.int64),
    "floats": ([1.5, float("nan"), 0.0], TensorProto.FLOAT, np.float32),
}


@pytest.mark.parametrize("keys", list(KINDS))
@pytest.mark.parametrize("values", list(KINDS))
def test_label_encoder(keys: str, values: str) -> None:
    x = {
        "strings": TEXTS,
        "int64s": np.array([4, 5, 7, -6]),
        "floats": np.array([1.5, np.nan, -0.0, 3, np.inf], np.float32),
    }[keys]
    attributes: dict[str, Any] = {
        f"keys_{keys}": KINDS[keys][0],
        f"values_{values}": KINDS[values][0],
        "default_string": "none",
        "default_int64": 9,
        "default_float": -2.5,
    }
    model = model_of("LabelEncoder", {"x": x}, {"y": KINDS[values][1]}, version=4, **attributes)
    expect(model, {"x": x})


def test_a_repeated_key_means_the_last() -> None:
    attributes: dict[str, Any] = {"keys_int64s": [1, 2, 1], "values_floats": [1.0, 2.0, 3.0]}
    x = np.array([1, 2, 3])
    model = model_of("LabelEncoder", {"x": x}, {"y": TensorProto.FLOAT}, version=2, **attributes)
    (y,) = lathe.compile(model, cache=False)(x)
    assert y.tolist() == [3, 2, -0.0]


@pytest.mark.parametrize("kind", [np.float64, np.int32, np.int16, np.int64])
def test_label_encoder_with_tensors(kind: type) -> None:
    keys: Array = np.array([3, 1, 2], kind)
    values = np.array([1.5, 2.5, 3.5])
    model = model_of(
        "LabelEncoder",
        {"x": keys},
        {"y": TensorProto.DOUBLE},
        version=4,
        keys_tensor=numpy_helper.from_array(keys),
        values_tensor=numpy_helper.from_array(values),
        default_tensor=numpy_helper.from_array(np.array([-1.0])),
    )
    x: Array = np.array([1, 2, 9, 3], kind)
    (y,) = lathe.compile(model, cache=False)(x)
    assert y.dtype == np.float64 and y.tolist() == [2.5, 3.5, -1, 1.5]


def test_a_label_encoder_of_narrow_floats() -> None:
    model = model_of(
        "LabelEncoder",
        {"x": np.array([1, 2])},
        {"y": TensorProto.FLOAT16},
        version=4,
        keys_int64s=[1, 2],
        values_tensor=numpy_helper.from_array(np.array([0.5, -2.25], np.float16)),
        default_float=1.5,
    )
    (y,) = lathe.compile(model, cache=False)(np.array([2, 7]))
    assert y.dtype == np.float16 and y.tolist() == [-2.25, 1.5]


@pytest.mark.parametrize("size", [1, 1000, 30000])
def test_many_keys(size: int) -> None:
    keys = [f"key {i}" for i in range(size)]
    model = model_of(
        "LabelEncoder",
        {"x": np.array(["a"], object)},
        {"y": TensorProto.INT64},
        version=2,
        keys_strings=keys,
        values_int64s=list(range(size)),
    )
    x = np.array([f"key {size - 1}", "key", "key 0", ""], object)
    (y,) = lathe.compile(model, cache=False)(x)
    assert y.tolist() == [size - 1, -1, 0, -1]


def test_category_mapper() -> None:
    pairs: dict[str, Any] = {"cats_strings": ["a", "b", "c"], "cats_int64s": [7, 8, 9]}
    model = model_of(
        "CategoryMapper", {"x": TEXTS}, {"y": TensorProto.INT64}, **pairs, default_int64=3
    )
    expect(model, {"x": TEXTS})
    x = np.array([[7, 1], [9, 8]])
    model = model_of(
        "CategoryMapper", {"x": x}, {"y": TensorProto.STRING}, **pairs, default_string="?"
    )
    expect(model, {"x": x})


def test_first_label_encoder() -> None:
    model = model_of(
        "LabelEncoder", {"x": TEXTS}, {"y": TensorProto.INT64}, 1, classes_strings=["b", "a"]
    )
    expect(model, {"x": TEXTS})


def test_one_hot_encoder() -> None:
    model = model_of(
        "OneHotEncoder", {"x": TEXTS}, {"y": TensorProto.FLOAT}, cats_strings=["a", "zz"]
    )
    expect(model, {"x": TEXTS})
    for x in (np.array([[1, 5], [3, 1]]), np.array([[1, 5], [3, 1]], np.float32)):
        model = model_of("OneHotEncoder", {"x": x}, {"y": TensorProto.FLOAT}, cats_int64s=[3, 1, 2])
        expect(model, {"x": x})
    strict = model_of(
        "OneHotEncoder", {"x": x}, {"y": TensorProto.FLOAT}, cats_int64s=[3, 1, 2], zeros=0
    )
    with pytest.raises(lathe.RuntimeError, match="in no category"):
        lathe.compile(strict, cache=False)(x)


def test_imputer() -> None:
    x = f32(4, 3)
    x[1, 2] = x[0, 0] = np.nan
    for values in ([5.0], [5.0, 6.0, 7.0]):
        model = model_of(
            "Imputer",
            {"x": x},
            {"y": TensorProto.FLOAT},
            imputed_value_floats=values,
            replaced_value_float=float("nan"),
        )
        expect(model, {"x": x})
    whole = np.array([[1, 2], [-1, 1]])
    model = model_of(
        "Imputer",
        {"x": whole},
        {"y": TensorProto.INT64},
        imputed_value_int64s=[8, 9],
        replaced_value_int64=1,
    )
    expect(model, {"x": whole})


def test_feature_vectorizer() -> None:
    a, b = f32(3, 2), np.arange(6, dtype=np.int64).reshape(3, 2)
    x = {"a": a, "b": b.astype(np.float32)}
    for sizes in ([2, 2], [1, 2], [3, 2]):
        model = model_of("FeatureVectorizer", x, {"y": TensorProto.FLOAT}, inputdimensions=sizes)
        (y,) = lathe.compile(model, cache=False)(*x.values())
        assert y.shape == (3, sum(sizes))
        left = np.zeros((3, sizes[0]), np.float32)
        left[:, : min(2, sizes[0])] = a[:, : sizes[0]]
        np.testing.assert_array_equal(y, np.concatenate([left, b], axis=1))


# --- Linear models and support vectors ---------------------------------------

TRANSFORMS = ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT"]


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("labels", [2, 3, "texts"])
@pytest.mark.parametrize("shared", [False, True])
def test_linear_classifier(transform: str, labels: int | str, shared: bool) -> None:
    classes = 3 if labels == "texts" else int(labels)
    rows = 1 if shared else classes
    if shared and transform == "PROBIT":
        pytest.skip("the reference takes logarithms of negative numbers for one of the columns")
    if shared and classes != 2:
        pytest.skip("only two classes can share coefficients")
    names: dict[str, Any] = (
        {"classlabels_strings": ["x", "y", "z"]}
        if labels == "texts"
        else {"classlabels_ints": list(range(5, 5 + classes))}
    )
    scale = 0.1 if transform == "PROBIT" else 1.0
    model = model_of(
        "LinearClassifier",
        {"x": f32(6, 4)},
        {
            "label": TensorProto.STRING if labels == "texts" else TensorProto.INT64,
            "scores": TensorProto.FLOAT,
        },
        coefficients=(f32(rows, 4) * scale).ravel().tolist(),
        intercepts=(f32(rows) * scale + (0.5 if transform == "PROBIT" else 0)).tolist(),
        post_transform=transform,
        **names,
    )
    # ONNX Runtime gives [1 - s, s] for a shared s, whatever the transform.
    expect(model, {"x": f32(6, 4)}, 1e-4, 1e-4, by_reference=shared)


KERNELS = [
    ("LINEAR", [0.0, 0.0, 0.0]),
    ("POLY", [0.5, 1.0, 3.0]),
    ("RBF", [0.3, 0.0, 0.0]),
    ("SIGMOID", [0.2, 0.1, 0.0]),
]


@pytest.mark.parametrize(("kernel", "parameters"), KERNELS)
@pytest.mark.parametrize("one_class", [0, 1])
def test_svm_regressor(kernel: str, parameters: list[float], one_class: int) -> None:
    model = model_of(
        "SVMRegressor",
        {"x": f32(5, 3)},
        {"y": TensorProto.FLOAT},
        coefficients=f32(7).tolist(),
        support_vectors=f32(7, 3).ravel().tolist(),
        n_supports=7,
        rho=[0.1],
        kernel_type=kernel,
        kernel_params=parameters,
        one_class=one_class,
    )
    expect(model, {"x": f32(5, 3)}, 1e-4, 1e-4)


@pytest.mark.parametrize(("kernel", "parameters"), KERNELS)
@pytest.mark.parametrize("classes", [2, 3, 4])
@pytest.mark.parametrize("probable", [False, True])
def test_svm_classifier(kernel: str, parameters: list[float], classes: int, probable: bool) -> None:
    per_class = [2, 3, 4, 1][:classes]
    vectors, pairs = sum(per_class), classes * (classes - 1) // 2
    attributes: dict[str, Any] = {
        "coefficients": f32(classes - 1, vectors).ravel().tolist(),
        "support_vectors": f32(vectors, 3).ravel().tolist(),
        "vectors_per_class": per_class,
        "rho": (f32(pairs) / 4).tolist(),
        "kernel_type": kernel,
        "kernel_params": parameters,
        "classlabels_ints": list(range(classes)),
    }
    if probable:
        attributes |= {
            "prob_a": (-1 - np.abs(f32(pairs))).tolist(),
            "prob_b": (f32(pairs) / 4).tolist(),
        }
    model = model_of(
        "SVMClassifier",
        {"x": f32(9, 3)},
        {"label": TensorProto.INT64, "scores": TensorProto.FLOAT},
        **attributes,
    )
    expect(model, {"x": f32(9, 3)}, 2e-4, 2e-4)


# --- Trees -------------------------------------------------------------------

MODES = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]


class Forest:
    """Random trees in the form of versions 1 and 3."""

    def __init__(
        self, trees: int, depth: int, features: int, modes: list[str], missing: bool
    ) -> None:
        """Grow them."""
        self.nodes: dict[str, list[Any]] = {
            name: []
            for name in (
                "treeids",
                "nodeids",
                "featureids",
                "values",
                "truenodeids",
                "falsenodeids",
                "modes",
            )
        }
        self.missing: list[int] = []
        self.leaves: list[tuple[int, int]] = []
        self.generator = np.random.default_rng(7 + trees + depth)
        self.features, self.modes, self.has_missing = features, modes, missing
        for tree in range(trees):
            self.count = 0
            self.grow(tree, depth)

    def grow(self, tree: int, depth: int) -> int:
        """Add a node and what is below it, and return its number."""
        number, self.count = self.count, self.count + 1
        is_leaf = depth == 0 or (number > 0 and self.generator.random() < 0.2)
        row = len(self.nodes["nodeids"])
        mode = "LEAF" if is_leaf else str(self.generator.choice(self.modes))
        split = round(float(self.generator.normal()), 1)
        entry = {
            "treeids": tree,
            "nodeids": number,
            "featureids": 0 if is_leaf else int(self.generator.integers(self.features)),
            "values": 0.0 if is_leaf else split,
            "truenodeids": 0,
            "falsenodeids": 0,
            "modes": mode,
        }
        for name, value in entry.items():
            self.nodes[name].append(value)
        self.missing.append(int(self.has_missing and self.generator.random() < 0.5))
        if is_leaf:
            self.leaves.append((tree, number))
        else:
            self.nodes["truenodeids"][row] = self.grow(tree, depth - 1)
            self.nodes["falsenodeids"][row] = self.grow(tree, depth - 1)
        return number

    def attributes(
        self, votes: str, targets: str, ids: list[int], weights: list[float]
    ) -> dict[str, Any]:
        """Attributes of a node whose leaves vote once each."""
        result: dict[str, Any] = {f"nodes_{name}": values for name, values in self.nodes.items()}
        if self.has_missing:
            result["nodes_missing_value_tracks_true"] = self.missing
        result[f"{votes}_treeids"] = [tree for tree, _ in self.leaves]
        result[f"{votes}_nodeids"] = [number for _, number in self.leaves]
        result[targets] = ids
        result[f"{votes}_weights"] = weights
        return result


def rows_for(forest: Forest, rows: int = 40, missing: bool = False) -> Array:
    x = np.round(f32(rows, forest.features), 1)
    if missing:
        x[::3, 0] = np.nan
    return x


@pytest.mark.parametrize("aggregate", ["SUM", "AVERAGE", "MIN", "MAX"])
@pytest.mark.parametrize("targets", [1, 3])
@pytest.mark.parametrize("votes", ["one tree, one target", "all"])
@pytest.mark.parametrize(("trees", "depth"), [(3, 1), (7, 4), (6, 9)])
def test_tree_regressor(aggregate: str, targets: int, votes: str, trees: int, depth: int) -> None:
    forest = Forest(trees, depth, 3, MODES[:1], missing=False)
    if votes == "all":
        forest.leaves = [leaf for leaf in forest.leaves for _ in range(targets)]
        ids = [i % targets for i in range(len(forest.leaves))]
    else:
        ids = [tree % targets for tree, _ in forest.leaves]
    weights = f32(len(forest.leaves)).tolist()
    attributes = forest.attributes("target", "target_ids", ids, weights)
    x = rows_for(forest)
    model = model_of(
        "TreeEnsembleRegressor",
        {"x": x},
        {"y": TensorProto.FLOAT},
        n_targets=targets,
        aggregate_function=aggregate,
        base_values=[0.5, 1.0, -1.0][:targets],
        **attributes,
    )
    expect(model, {"x": x})


@pytest.mark.parametrize("mode", [*MODES, "all"])
@pytest.mark.parametrize("missing", [False, True])
def test_tree_modes(mode: str, missing: bool) -> None:
    forest = Forest(5, 5, 4, MODES if mode == "all" else [mode], missing)
    count = len(forest.leaves)
    attributes = forest.attributes("target", "target_ids", [0] * count, f32(count).tolist())
    x = rows_for(forest, missing=missing and mode not in ("BRANCH_NEQ", "all"))
    model = model_of(
        "TreeEnsembleRegressor", {"x": x}, {"y": TensorProto.FLOAT}, n_targets=1, **attributes
    )
    expect(model, {"x": x})


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("votes", ["first", "first positive", "second", "second positive"])
def test_tree_classifier_by_one_class(transform: str, votes: str) -> None:
    if transform == "PROBIT":
        pytest.skip("neither ONNX Runtime nor the reference gives two columns of numbers")
    if votes == "first" and transform.startswith("SOFTMAX"):
        pytest.skip("the spec does not say what is added to one vote, and the two oracles differ")
    forest = Forest(6, 4, 3, MODES[:1], missing=False)
    count, x = len(forest.leaves), rows_for(forest)
    weights = f32(count) / 8
    is_positive = votes.endswith("positive")
    if is_positive:
        weights = np.abs(weights)
    ids = [int(votes.startswith("second"))] * count
    model = model_of(
        "TreeEnsembleClassifier",
        {"x": x},
        {"label": TensorProto.STRING, "scores": TensorProto.FLOAT},
        classlabels_strings=["a", "b"],
        post_transform=transform,
        **forest.attributes("class", "class_ids", ids, weights.tolist()),
    )
    # Positive votes stay as they are in ONNX Runtime, whatever the transform.
    by_reference = votes == "first positive" and transform != "NONE"
    expect(model, {"x": x}, 1e-4, 1e-4, by_reference)


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("classes", [2, 3])
def test_tree_classifier(transform: str, classes: int) -> None:
    """Each leaf has a share for every class, as in random forests."""
    trees = 6
    forest = Forest(trees, 4, 3, MODES[:1], missing=False)
    shares = np.abs(f32(len(forest.leaves), classes)) + 0.05
    shares /= shares.sum(axis=1, keepdims=True) * trees
    forest.leaves = [leaf for leaf in forest.leaves for _ in range(classes)]
    ids = [i % classes for i in range(len(forest.leaves))]
    x = rows_for(forest)
    model = model_of(
        "TreeEnsembleClassifier",
        {"x": x},
        {"label": TensorProto.INT64, "scores": TensorProto.FLOAT},
        classlabels_int64s=[7, 5, 6][:classes],
        post_transform=transform,
        **forest.attributes("class", "class_ids", ids, shares.ravel().tolist()),
    )
    # Labels of two classes are 0 and 1 in ONNX Runtime, whatever the list has.
    expect(model, {"x": x}, 1e-4, 1e-4, by_reference=classes == 2)


def test_deep_trees_walk_in_a_loop() -> None:
    """A chain of 60 branches: x <= i goes to leaf i."""
    depth = 60
    model = model_of(
        "TreeEnsemble",
        {"x": np.zeros((1, 1), np.float32)},
        {"y": TensorProto.FLOAT},
        version=5,
        tree_roots=[0],
        nodes_modes=numpy_helper.from_array(np.zeros(depth, np.uint8)),
        nodes_splits=numpy_helper.from_array(np.arange(depth, dtype=np.float32)),
        nodes_featureids=[0] * depth,
        nodes_truenodeids=list(range(depth)),
        nodes_trueleafs=[1] * depth,
        nodes_falsenodeids=[*range(1, depth), depth],
        nodes_falseleafs=[0] * (depth - 1) + [1],
        leaf_targetids=[0] * (depth + 1),
        leaf_weights=numpy_helper.from_array(np.arange(depth + 1, dtype=np.float32) * 10),
        n_targets=1,
    )
    x = np.array([[-1], [0], [0.5], [58.5], [59], [1000]], np.float32)
    (y,) = lathe.compile(model, cache=False)(x)
    assert y.ravel().tolist() == [0, 0, 10, 590, 590, 600]


def test_damaged_trees_are_errors() -> None:
    good: dict[str, Any] = {
        "nodes_treeids": [0, 0, 0],
        "nodes_nodeids": [0, 1, 2],
        "nodes_featureids": [0, 0, 0],
        "nodes_values": [0.0, 0.0, 0.0],
        "nodes_truenodeids": [1, 0, 0],
        "nodes_falsenodeids": [2, 0, 0],
        "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"],
        "target_treeids": [0, 0],
        "target_nodeids": [1, 2],
        "target_ids": [0, 0],
        "target_weights": [1.0, 2.0],
    }
    damages: list[dict[str, Any]] = [
        {"nodes_truenodeids": [0, 0, 0]},  # Its own child.
        {"nodes_truenodeids": [9, 0, 0]},
        {"nodes_nodeids": [0, 1, 1]},
        {"nodes_featureids": [-1, 0, 0]},
        {"target_ids": [0, 7]},
        {"target_nodeids": [1, 5]},
        {"nodes_values": [0.0]},
        {"nodes_treeids": [2**63 - 1, 0, 0]},
    ]
    for damage in damages:
        model = model_of(
            "TreeEnsembleRegressor",
            {"x": f32(2, 1)},
            {"y": TensorProto.FLOAT},
            n_targets=1,
            **(good | damage),
        )
        with pytest.raises(lathe.CompileError, match="onnx-tree-nodes"):
            lathe.compile(model, cache=False)
    model = model_of(
        "TreeEnsembleRegressor",
        {"x": f32(2, 1)},
        {"y": TensorProto.FLOAT},
        n_targets=1,
        **(good | {"nodes_featureids": [4, 0, 0]}),
    )
    with pytest.raises(lathe.CompileError, match="features"):
        lathe.compile(model, cache=False)
