# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models of scikit-learn, LightGBM and XGBoost, exported, with what these compute themselves.

python make_sklearn.py FOLDER [PATTERN]
"""

from __future__ import annotations

import re
import sys
import warnings
from typing import Any

import numpy as np
from cases import Writer
from skl2onnx import to_onnx
from skl2onnx.common.data_types import (
    DoubleTensorType,
    FloatTensorType,
    Int64TensorType,
    StringTensorType,
)
from sklearn import (
    cluster,
    compose,
    cross_decomposition,
    decomposition,
    discriminant_analysis,
    dummy,
    ensemble,
    feature_extraction,
    feature_selection,
    gaussian_process,
    impute,
    kernel_approximation,
    linear_model,
    mixture,
    multiclass,
    multioutput,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    random_projection,
    svm,
    tree,
)  # fmt: skip

warnings.simplefilter("ignore")
RANDOM = np.random.default_rng(1)
X = RANDOM.standard_normal((120, 6)).astype(np.float32)
CLASSES = (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype(np.int64) + (X[:, 3] > 1)
TWO = (X[:, 0] > 0.2).astype(np.int64)
NUMBERS = (X[:, 0] * 2 - X[:, 1] ** 2 + X[:, 4]).astype(np.float32)
NAMES = np.array(["red", "green", "blue"])[CLASSES]
TEXTS = np.array(
    [
        "The cat sat on the mat.",
        "A dog's life, isn't it?",
        "cats AND dogs and mats",
        "über Straße 12,5",
        "",
        "a b c a b",
    ]
)
# What skl2onnx writes in place of the standard pattern, which leaves out single letters.
EXPORTED = "[a-zA-Z0-9_]+"
TABLE = np.array([["a", "x"], ["b", "y"], ["a", "z"], ["c", "x"]] * 5)

ESTIMATORS: dict[str, tuple[Any, Any]] = {
    "linear": (linear_model.LinearRegression(), NUMBERS),
    "ridge-several": (linear_model.Ridge(), X[:, :2] * 3),
    "lasso": (linear_model.Lasso(0.01), NUMBERS),
    "poisson": (linear_model.PoissonRegressor(), np.abs(NUMBERS)),
    "ransac": (linear_model.RANSACRegressor(random_state=0), NUMBERS),
    "logistic": (linear_model.LogisticRegression(), CLASSES),
    "logistic-names": (linear_model.LogisticRegression(), NAMES),
    "sgd": (linear_model.SGDClassifier(loss="modified_huber", random_state=0), CLASSES),
    "perceptron": (linear_model.Perceptron(), TWO),
    "ridge-classes": (linear_model.RidgeClassifier(), CLASSES),
    "svc": (svm.SVC(probability=True, random_state=0), CLASSES),
    "svc-poly": (svm.SVC(kernel="poly", probability=False), TWO),
    "svc-names": (svm.SVC(kernel="sigmoid", probability=True, random_state=0), NAMES),
    "svr": (svm.SVR(), NUMBERS),
    "nu-svr": (svm.NuSVR(kernel="linear"), NUMBERS),
    "linear-svc": (svm.LinearSVC(), CLASSES),
    "one-class": (svm.OneClassSVM(), None),
    "tree": (tree.DecisionTreeClassifier(max_depth=5, random_state=0), CLASSES),
    "tree-names": (tree.DecisionTreeClassifier(max_depth=4, random_state=0), NAMES),
    "tree-numbers": (tree.DecisionTreeRegressor(max_depth=6, random_state=0), NUMBERS),
    "tree-several": (tree.DecisionTreeRegressor(max_depth=6, random_state=0), X[:, :3] + 1),
    "forest": (ensemble.RandomForestClassifier(12, random_state=0), CLASSES),
    "forest-numbers": (ensemble.RandomForestRegressor(9, random_state=0), NUMBERS),
    "extra-trees": (ensemble.ExtraTreesClassifier(9, random_state=0), TWO),
    "boosting": (ensemble.GradientBoostingClassifier(n_estimators=9, random_state=0), CLASSES),
    "boosting-two": (ensemble.GradientBoostingClassifier(n_estimators=9, random_state=0), TWO),
    "boosting-numbers": (ensemble.GradientBoostingRegressor(n_estimators=9, random_state=0),
    NUMBERS),
    "histograms": (ensemble.HistGradientBoostingClassifier(max_iter=9, random_state=0), CLASSES),
    "histograms-numbers": (ensemble.HistGradientBoostingRegressor(max_iter=9, random_state=0),
    NUMBERS),
    "ada": (ensemble.AdaBoostClassifier(n_estimators=5, random_state=0), CLASSES),
    "ada-numbers": (ensemble.AdaBoostRegressor(n_estimators=5, random_state=0), NUMBERS),
    "bagging": (ensemble.BaggingClassifier(n_estimators=4, random_state=0), CLASSES),
    "isolation": (ensemble.IsolationForest(n_estimators=9, random_state=0), None),
    "voting": (
        ensemble.VotingClassifier(
            [("a", linear_model.LogisticRegression()), ("b", naive_bayes.GaussianNB())],
            voting="soft", flatten_transform=False
        ),
        CLASSES,
    ),
    "stacking": (
        ensemble.StackingClassifier(
            [("a", tree.DecisionTreeClassifier(max_depth=3)), ("b", naive_bayes.GaussianNB())]
        ),
        CLASSES,
    ),
    "neighbors": (neighbors.KNeighborsClassifier(5), CLASSES),
    "neighbors-names": (neighbors.KNeighborsClassifier(3, weights="distance"), NAMES),
    "neighbors-numbers": (neighbors.KNeighborsRegressor(4), NUMBERS),
    "neighbors-radius": (neighbors.RadiusNeighborsRegressor(3.0), NUMBERS),
    "centroids": (neighbors.NearestNeighbors(n_neighbors=3, radius=None), None),
    "outliers": (neighbors.LocalOutlierFactor(novelty=True), None),
    "bayes": (naive_bayes.GaussianNB(), CLASSES),
    "bernoulli": (naive_bayes.BernoulliNB(), CLASSES),
    "complement": (pipeline.make_pipeline(preprocessing.MinMaxScaler(),
    naive_bayes.ComplementNB()), CLASSES),
    "network": (neural_network.MLPClassifier((8, 5), max_iter=40, random_state=0), CLASSES),
    "network-numbers": (neural_network.MLPRegressor(hidden_layer_sizes=(8,), activation="tanh",
    max_iter=40, random_state=0), NUMBERS),
    "lda": (discriminant_analysis.LinearDiscriminantAnalysis(), CLASSES),
    "qda": (discriminant_analysis.QuadraticDiscriminantAnalysis(), TWO),
    "gaussian-process": (gaussian_process.GaussianProcessRegressor(alpha=0.1), NUMBERS),
    "gaussian-process-classes": (gaussian_process.GaussianProcessClassifier(), TWO),
    "mixture": (mixture.GaussianMixture(3, random_state=0), None),
    "k-means": (cluster.KMeans(4, random_state=0, n_init=2), None),
    "one-vs-rest": (multiclass.OneVsRestClassifier(linear_model.LogisticRegression()), CLASSES),
    "one-vs-one": (multiclass.OneVsOneClassifier(linear_model.LogisticRegression()), CLASSES),
    "several-classes": (
        multioutput.MultiOutputClassifier(linear_model.LogisticRegression()), np.stack([TWO,
        1 - TWO], 1),
    ),
    "chain": (multioutput.RegressorChain(linear_model.Ridge()), X[:, :2]),
    "pls": (cross_decomposition.PLSRegression(2), NUMBERS),
    "dummy": (dummy.DummyClassifier(strategy="most_frequent"), NAMES),
    "pca": (decomposition.PCA(3), None),
    "kernel-pca": (decomposition.KernelPCA(3, kernel="rbf"), None),
    "svd": (decomposition.TruncatedSVD(2, random_state=0), None),
    "scaler": (preprocessing.StandardScaler(), None),
    "robust": (preprocessing.RobustScaler(), None),
    "max-abs": (preprocessing.MaxAbsScaler(), None),
    "normalizer": (preprocessing.Normalizer("l1"), None),
    "binarizer": (preprocessing.Binarizer(threshold=0.3), None),
    "bins": (preprocessing.KBinsDiscretizer(4, encode="onehot-dense"), None),
    "polynomial": (preprocessing.PolynomialFeatures(2), None),
    "power": (preprocessing.PowerTransformer(), None),
    "splines": (preprocessing.SplineTransformer(), None),
    "imputer": (impute.SimpleImputer(strategy="median"), None),
    "knn-imputer": (impute.KNNImputer(n_neighbors=3), None),
    "projection": (random_projection.GaussianRandomProjection(3, random_state=0), None),
    "nystroem": (kernel_approximation.Nystroem(n_components=8, random_state=0), None),
    "best": (feature_selection.SelectKBest(k=3), CLASSES),
    "grid": (
        pipeline.make_pipeline(preprocessing.StandardScaler(), decomposition.PCA(4),
        linear_model.LogisticRegression()),
        NAMES,
    ),
    "union": (
        pipeline.make_union(preprocessing.StandardScaler(), decomposition.PCA(2)), None,
    ),
}  # fmt: skip

# Sums whose terms are a thousand times as large as they are: in floats, which converters use
# otherwise, three digits would be left.
IN_DOUBLES = {"gaussian-process"}


def compute(model: Any, names: list[str], x: Any) -> list[Any]:
    """What the model computes, for the outputs `names` of its export."""
    made = []
    for name in names:
        if name in ("label", "output_label"):
            made.append(model.predict(x))
        elif name in ("probabilities", "output_probability"):
            has = hasattr(model, "predict_proba")
            made.append(model.predict_proba(x) if has else model.decision_function(x))
        elif name in ("variable", "GPmean") and hasattr(model, "predict"):
            made.append(model.predict(x))
        elif name in ("variable", "union") or (
            name == "scores" and hasattr(model, "transform") and hasattr(model, "predict")
        ):
            made.append(model.transform(x))
        elif name == "scores":
            made.append(model.score_samples(x))
        elif name == "index":
            made.append(model.kneighbors(x)[1])
        elif name == "distance":
            made.append(model.kneighbors(x)[0])
        else:
            raise ValueError(f"an output is called {name!r}")
    return [np.asarray(value.toarray() if hasattr(value, "toarray") else value) for value in made]


def export_estimator(writer: Writer, name: str) -> None:
    model, y = ESTIMATORS[name]
    kind = DoubleTensorType if name in IN_DOUBLES else FloatTensorType
    x = X.astype(np.float64 if name in IN_DOUBLES else np.float32)
    if "imputer" in name:
        x[::7, 1] = np.nan
    model.fit(x) if y is None else model.fit(x, y)
    classifier = hasattr(model, "classes_") and name not in ("several-classes", "linear-svc")
    options = {"zipmap": False} if classifier else {}
    for suffix, chosen in (("", options), ("-maps", {})) if classifier else (("", options),):
        made = to_onnx(
            model,
            initial_types=[("X", kind([None, 6]))],
            options={id(model): chosen} if chosen else None,
            target_opset={"": 18, "ai.onnx.ml": 3},
        )
        names = [output.name for output in made.graph.output]
        calls = []
        for rows in (x[:9], x[40:41]):
            # Of maps, nobody but ONNX Runtime says what is right.
            wanted = [] if suffix else compute(model, names, rows)
            calls.append(({"X": rows}, [as_array(w) for w in wanted]))
        writer.write(f"sklearn-{name}{suffix}", made.SerializeToString(), calls)


def as_array(value: Any) -> Any:
    return value.astype(np.float32) if value.dtype == np.float64 else value


def export_texts(writer: Writer, name: str) -> None:
    text = feature_extraction.text
    table = {
        "words": text.CountVectorizer(token_pattern=EXPORTED),
        "tf-idf": text.TfidfVectorizer(token_pattern=EXPORTED),
        "n-grams": text.CountVectorizer(token_pattern=EXPORTED, ngram_range=(1, 2)),
        "pattern": text.TfidfVectorizer(token_pattern="[a-zA-Z]+", ngram_range=(1, 2)),
        "characters": text.CountVectorizer(analyzer="char", ngram_range=(1, 3)),
        "binary": text.CountVectorizer(binary=True, lowercase=False),
        "classes": pipeline.make_pipeline(
            text.TfidfVectorizer(token_pattern=EXPORTED),
            linear_model.LogisticRegression(),
        ),
    }  # fmt: skip
    model = table[name]
    model.fit(TEXTS, np.arange(len(TEXTS)) % 2)
    made = to_onnx(
        model,
        initial_types=[("X", StringTensorType([None, 1]))],
        options={id(model): {"zipmap": False}} if name == "classes" else None,
        target_opset=18,
    )
    names = [output.name for output in made.graph.output]
    calls = [
        (
            {"X": rows[:, None]},
            # Counts are floats in the file.
            [
                as_array(v) if v.dtype.kind != "i" or "label" in n else v.astype(np.float32)
                for n, v in zip(names, compute(model, names, rows), strict=True)
            ],
        )
        for rows in (TEXTS, TEXTS[1:3])
    ]
    writer.write(f"sklearn-text-{name}", made.SerializeToString(), calls)


def export_tables(writer: Writer, name: str) -> None:
    table = {
        "one-hot": preprocessing.OneHotEncoder(handle_unknown="ignore"),
        "ordinal": preprocessing.OrdinalEncoder(),
        "hasher": feature_extraction.FeatureHasher(8, input_type="string"),
        "target": preprocessing.TargetEncoder(),
    }
    model = table[name]
    model.fit(TABLE, np.arange(len(TABLE)) % 3 == 0)
    made = to_onnx(model, initial_types=[("X", StringTensorType([None, 2]))], target_opset=18)
    names = [output.name for output in made.graph.output]
    calls = [
        ({"X": rows}, [as_array(v) for v in compute(model, names, rows)])
        for rows in (TABLE[:4], TABLE[1:2])
    ]
    writer.write(f"sklearn-table-{name}", made.SerializeToString(), calls)


def export_columns(writer: Writer) -> None:
    import pandas

    frame = pandas.DataFrame({"n": X[:20, :1].ravel(), "m": X[:20, 1].ravel(), "c": TABLE[:, 0]})
    columns = compose.ColumnTransformer(
        [
            ("a", preprocessing.StandardScaler(), ["n", "m"]),
            ("b", preprocessing.OneHotEncoder(), ["c"]),
        ]
    )
    model = pipeline.make_pipeline(columns, linear_model.LogisticRegression()).fit(frame, TWO[:20])
    types = [
        ("n", FloatTensorType([None, 1])),
        ("m", FloatTensorType([None, 1])),
        ("c", StringTensorType([None, 1])),
    ]
    made = to_onnx(
        model, initial_types=types, options={id(model): {"zipmap": False}}, target_opset=18
    )
    inputs = {"n": X[:20, :1], "m": X[:20, 1:2], "c": TABLE[:, :1]}
    wanted = [model.predict(frame), model.predict_proba(frame).astype(np.float32)]
    writer.write("sklearn-columns", made.SerializeToString(), [(inputs, wanted)])


def export_labels(writer: Writer) -> None:
    encoder = preprocessing.LabelEncoder().fit(NAMES)
    made = to_onnx(encoder, initial_types=[("X", StringTensorType([None]))], target_opset=18)
    writer.write(
        "sklearn-labels",
        made.SerializeToString(),
        [({"X": NAMES[:9]}, [encoder.transform(NAMES[:9])])],
    )
    binarizer = preprocessing.LabelBinarizer().fit(CLASSES)
    made = to_onnx(binarizer, initial_types=[("X", Int64TensorType([None]))], target_opset=18)
    writer.write(
        "sklearn-binarizer",
        made.SerializeToString(),
        [({"X": CLASSES[:9]}, [binarizer.transform(CLASSES[:9])])],
    )


def export_boosters(writer: Writer, name: str) -> None:
    import lightgbm
    import onnxmltools
    import xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType as Floats

    kind, goal = name.split("-", 1)
    y = {
        "classes": CLASSES,
        "two": TWO,
        "numbers": NUMBERS,
        "poisson": np.abs(NUMBERS),
        "missing": TWO,
    }[goal]
    x = X.copy()
    if goal == "missing":
        x[::3, 0] = np.nan
    options: dict[str, Any] = {"n_estimators": 12, "max_depth": 4}
    if kind == "lightgbm":
        make = lightgbm.LGBMRegressor if goal in ("numbers", "poisson") else lightgbm.LGBMClassifier
        options |= {"verbose": -1, "min_child_samples": 3} | (
            {"objective": "poisson"} if goal == "poisson" else {}
        )
        convert = onnxmltools.convert_lightgbm
    else:
        make = xgboost.XGBRegressor if goal in ("numbers", "poisson") else xgboost.XGBClassifier
        options |= {"objective": "count:poisson"} if goal == "poisson" else {}
        convert = onnxmltools.convert_xgboost
    model = make(**options).fit(x, y)
    chosen = {"zipmap": False} if kind == "lightgbm" else {}
    made = convert(model, initial_types=[("X", Floats([None, 6]))], target_opset=15, **chosen)
    calls = []
    for rows in (x[:11], x[50:51]):
        wanted = [model.predict(rows)]
        if hasattr(model, "predict_proba"):
            wanted.append(model.predict_proba(rows))
        calls.append(({"X": rows}, [as_array(np.asarray(w)) for w in wanted]))
    writer.write(f"booster-{name}", made.SerializeToString(), calls)


def main() -> None:
    writer = Writer(sys.argv[1])
    pattern = re.compile(sys.argv[2] if len(sys.argv) > 2 else "")
    jobs: dict[str, Any] = {f"sklearn-{n}": (export_estimator, n) for n in ESTIMATORS}
    for name in ("words", "tf-idf", "n-grams", "pattern", "characters", "binary", "classes"):
        jobs[f"sklearn-text-{name}"] = (export_texts, name)
    for name in ("one-hot", "ordinal", "hasher", "target"):
        jobs[f"sklearn-table-{name}"] = (export_tables, name)
    jobs |= {"sklearn-columns": (export_columns,), "sklearn-labels": (export_labels,)}
    for kind in ("lightgbm", "xgboost"):
        for goal in ("classes", "two", "numbers", "poisson", "missing"):
            jobs[f"booster-{kind}-{goal}"] = (export_boosters, f"{kind}-{goal}")
    for name, (job, *arguments) in jobs.items():
        if pattern.search(name):
            writer.attempt(name, lambda j=job, a=arguments: j(writer, *a))


if __name__ == "__main__":
    main()
