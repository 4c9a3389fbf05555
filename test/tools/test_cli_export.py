# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`lathe convert` to ONNX: what it writes computes what was read, here and in ONNX Runtime."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from command_line import Run
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

node = helper.make_node
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
rng = np.random.default_rng(0)


def value(name: str, dtype: int = FLOAT, dims: list[Any] | None = None) -> Any:
    return helper.make_tensor_value_info(name, dtype, dims)


def model(
    nodes: list[NodeProto],
    inputs: list[Any],
    outputs: list[Any],
    constants: dict[str, np.ndarray[Any, Any]] | None = None,
    version: int = 20,
) -> ModelProto:
    tensors = [numpy_helper.from_array(v, k) for k, v in (constants or {}).items()]
    graph = helper.make_graph(nodes, "graph", inputs, outputs, tensors)
    opsets = [helper.make_opsetid("", version), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def f32(*dims: int) -> np.ndarray[Any, Any]:
    return rng.standard_normal(dims).astype(np.float32)


def convnet() -> ModelProto:
    return model(
        [
            node("Conv", ["x", "w", "b"], ["a"], name="conv", strides=[2, 2], pads=[1, 1, 1, 1]),
            node("HardSwish", ["a"], ["h"]),
            node("MaxPool", ["h"], ["m"], kernel_shape=[2, 2], ceil_mode=1),
            node("Resize", ["m", "", "scales"], ["r"], mode="linear"),
            node("GlobalAveragePool", ["r"], ["g"]),
            node("Flatten", ["g"], ["f"]),
            node("Gemm", ["f", "v"], ["y"], transB=1),
        ],
        [value("x", dims=["batch", 3, "height", 16])],
        [value("y", dims=["batch", 5])],
        {
            "w": f32(8, 3, 3, 3),
            "b": f32(8),
            "v": f32(5, 8),
            "scales": np.array([1, 1, 2, 2], np.float32),
        },
    )


def attention() -> ModelProto:
    """Sizes that are open and computed, a mask, and a normalization with its scale."""
    return model(
        [
            node("LayerNormalization", ["x", "scale", "bias"], ["n"], name="norm", epsilon=1e-3),
            node("MatMul", ["n", "w"], ["qkv"]),
            node("Split", ["qkv"], ["q", "k", "v"], axis=-1, num_outputs=3),
            node("Transpose", ["k"], ["kt"], perm=[0, 2, 1]),
            node("MatMul", ["q", "kt"], ["s"]),
            node("Shape", ["s"], ["size"], start=1),
            node("ConstantOfShape", ["size"], ["ones"], value=helper.make_tensor("", 1, [1], [1])),
            node("Trilu", ["ones"], ["mask"], upper=0),
            node("Cast", ["mask"], ["keep"], to=TensorProto.BOOL),
            node("Where", ["keep", "s", "low"], ["masked"]),
            node("Softmax", ["masked"], ["p"], axis=-1),
            node("MatMul", ["p", "v"], ["o"]),
            node("Gelu", ["o"], ["g"]),
            node("Slice", ["g", "last", "first", "one", "down"], ["y"]),
        ],
        [value("x", dims=["batch", "steps", 8])],
        [value("y", dims=["batch", "steps", 4])],
        {
            "scale": f32(8), "bias": f32(8), "w": f32(8, 12), "low": np.array(-1e9, np.float32),
            "last": np.array([-1], np.int64), "first": np.array([-1000], np.int64),
            "one": np.array([1], np.int64),
            "down": np.array([-1], np.int64),
        },
    )  # fmt: skip


def causal() -> ModelProto:
    """Attention as one operator, with keys of earlier calls, which queries share, and a cap."""
    heads: dict[str, Any] = {"q_num_heads": 4, "kv_num_heads": 2}
    return model(
        [
            node(
                "Attention", ["q", "k", "v", "mask", "pk", "pv"], ["y", "nk", "nv"], name="attend",
                is_causal=1, softcap=5.0, **heads,
            ),
        ],
        [
            value("q", dims=["b", "m", 32]), value("k", dims=["b", "m", 16]),
            value("v", dims=["b", "m", 16]), value("mask", dims=["m", "n"]),
            value("pk", dims=["b", 2, "p", 8]), value("pv", dims=["b", 2, "p", 8]),
        ],
        [value("y"), value("nk"), value("nv")],
        version=23,
    )  # fmt: skip


def grouped() -> ModelProto:
    return model(
        [
            node(
                "GroupQueryAttention", ["q", "k", "v", "", "", "last", "total"], ["y"],
                domain="com.microsoft", num_heads=4, kv_num_heads=2,
            ),
        ],
        [
            value("q", dims=[2, 5, 64]), value("k", dims=[2, 5, 32]), value("v", dims=[2, 5, 32]),
        ],
        [value("y")],
        {"last": np.array([4, 4], np.int32), "total": np.array([5], np.int32)},
    )  # fmt: skip


def lstm() -> ModelProto:
    return model(
        [
            node(
                "LSTM", ["x", "w", "r", "b"], ["a", "h", "c"], hidden_size=4,
                direction="bidirectional", activations=["HardSigmoid", "Tanh", "Affine"] * 2,
                activation_alpha=[0.3, 1.5, 0.25, 1.25], activation_beta=[0.4, 0.1, 0.5, 0.2],
            ),
            node("Transpose", ["h"], ["y"], perm=[2, 1, 0]),
        ],
        [value("x", dims=["steps", "batch", 3])],
        [value("a", dims=["steps", 2, "batch", 4]), value("y", dims=None)],
        {"w": f32(2, 16, 3), "r": f32(2, 16, 4), "b": f32(2, 32)},
    )  # fmt: skip


def branch(name: str, kind: str) -> GraphProto:
    return helper.make_graph([node(kind, ["x", "one"], ["r"])], name, [], [value("r")])


def control() -> ModelProto:
    body = helper.make_graph(
        [
            node("Add", ["sum", "x"], ["next"]),
            node("ReduceSum", ["next"], ["total"], keepdims=0),
            node("Less", ["total", "limit"], ["go"]),
        ],
        "body",
        [value("i", INT64, []), value("on", TensorProto.BOOL, []), value("sum")],
        [value("go", TensorProto.BOOL, []), value("next"), value("total", dims=[])],
    )
    return model(
        [
            node("ReduceSum", ["x"], ["s"], keepdims=0),
            node("Greater", ["s", "limit"], ["large"]),
            node(
                "If", ["large"], ["b"],
                then_branch=branch("t", "Sub"), else_branch=branch("e", "Add"),
            ),
            node("Loop", ["n", "", "b"], ["y", "totals"], body=body),
            node("NonZero", ["totals"], ["places"]),
        ],
        [value("x", dims=["rows", 2]), value("n", INT64, [])],
        [value("y"), value("totals"), value("places", INT64)],
        {"one": np.array(1, np.float32), "limit": np.array(50, np.float32)},
    )  # fmt: skip


def quantized() -> ModelProto:
    return model(
        [
            node("QuantizeLinear", ["x", "sx", "zx"], ["q"]),
            node("DequantizeLinear", ["w", "sw", "zw"], ["dw"], axis=1),
            node("DequantizeLinear", ["q", "sx", "zx"], ["dx"]),
            node("MatMul", ["dx", "dw"], ["m"]),
            node("TopK", ["m", "k"], ["t", "y"], axis=1),
        ],
        [value("x", dims=["n", 6])],
        [value("m", dims=["n", 4]), value("y", INT64, ["n", 2])],
        {
            "sx": np.array(0.05, np.float32), "zx": np.array(128, np.uint8),
            "w": rng.integers(-99, 99, (6, 4)).astype(np.int8),
            "sw": np.array([0.1, 0.2, 0.3, 0.4], np.float32), "zw": np.zeros(4, np.int8),
            "k": np.array([2], np.int64),
        },
    )  # fmt: skip


CASES = {
    "convnet": (convnet, {"x": f32(2, 3, 10, 16)}),
    "attention": (attention, {"x": f32(2, 5, 8)}),
    "causal": (
        causal,
        {
            "q": f32(2, 5, 32),
            "k": f32(2, 5, 16),
            "v": f32(2, 5, 16),
            "mask": f32(5, 8),
            "pk": f32(2, 2, 3, 8),
            "pv": f32(2, 2, 3, 8),
        },
    ),
    "grouped": (grouped, {"q": f32(2, 5, 64), "k": f32(2, 5, 32), "v": f32(2, 5, 32)}),
    "lstm": (lstm, {"x": f32(5, 2, 3)}),
    "control": (control, {"x": np.abs(f32(3, 2)), "n": np.array(20)}),
    "quantized": (quantized, {"x": f32(3, 6)}),
}


@pytest.mark.parametrize("name", CASES)
def test_a_round_trip_computes_the_same(lathe: Run, tmp_path: pathlib.Path, name: str) -> None:
    make, feed = CASES[name]
    onnx.save(make(), tmp_path / "m.onnx")
    for words in (
        ["m.onnx", "-o", "m.mlir"],
        ["m.mlir", "-o", "n.onnx"],
        ["n.onnx", "-o", "o.onnx"],
    ):
        result = lathe("convert", *words)
        assert result.returncode == 0, result.stderr
    onnx.checker.check_model(tmp_path / "n.onnx", full_check=True)
    expected = onnxruntime.InferenceSession(tmp_path / "m.onnx").run(None, feed)
    for copy in ("n.onnx", "o.onnx"):
        session = onnxruntime.InferenceSession(tmp_path / copy)
        assert [v.name for v in session.get_inputs()] == list(feed)
        for a, e in zip(session.run(None, feed), expected, strict=True):
            np.testing.assert_allclose(a, e, rtol=1e-4, atol=1e-5)
    for key, array in feed.items():
        np.save(tmp_path / f"{key}.npy", array)
    given = [word for key in feed for word in ("--input", f"{key}={key}.npy")]
    result = lathe("run", "n.onnx", *given, "--save-outputs", "out")
    assert result.returncode == 0, result.stdout + result.stderr
    for output, e in zip(make().graph.output, expected, strict=True):
        np.testing.assert_allclose(
            np.load(tmp_path / f"out/{output.name}.npy"), e, rtol=1e-3, atol=1e-4
        )


def test_names_and_metadata_stay(lathe: Run, tmp_path: pathlib.Path) -> None:
    proto = convnet()
    helper.set_model_props(proto, {"labels": "a,b"})
    onnx.save(proto, tmp_path / "m.onnx")
    assert lathe("convert", "m.onnx", "-o", "n.onnx").returncode == 0
    copy = onnx.load(tmp_path / "n.onnx")
    assert {p.key: p.value for p in copy.metadata_props} == {"labels": "a,b"}
    assert [d.dim_param or d.dim_value for d in copy.graph.input[0].type.tensor_type.shape.dim] == [
        "batch", 3, "height", 16,
    ]  # fmt: skip
    assert "conv" in {n.name for n in copy.graph.node}
    assert copy.opset_import[0].version == 21
    used = {name for n in copy.graph.node for name in n.input}
    assert {t.name for t in copy.graph.initializer} <= used, "constants in no use"
    # Also those that look like made ones.
    nodes = [node("Exp", ["v"], ["e"]), node("Neg", ["e"], ["v_0"])]
    proto = model(nodes, [value("v", dims=[2, 3])], [value("v_0")])
    onnx.save(proto, tmp_path / "m.onnx")
    assert lathe("convert", "m.onnx", "-o", "n.onnx").returncode == 0
    copy = onnx.load(tmp_path / "n.onnx")
    assert [v.name for v in (*copy.graph.input, *copy.graph.output)] == ["v", "v_0"]


@pytest.mark.parametrize(
    ("element", "version"),
    [("f32", 21), ("f4E2M1FN", 23), ("f8E8M0FNU", 24), ("i2", 25), ("ui2", 25)],
)
def test_the_version_has_the_element_types(
    lathe: Run, tmp_path: pathlib.Path, element: str, version: int
) -> None:
    tensor = f"tensor<4x{element}>"
    (tmp_path / "m.mlir").write_text(
        f"func.func @main(%x: {tensor}) -> tensor<2x2x{element}> {{\n"
        "  %s = graph.constant dense<2> : tensor<2xi64>\n"
        f"  %y = graph.reshape %x shape %s : ({tensor}, tensor<2xi64>) -> tensor<2x2x{element}>\n"
        f"  return %y : tensor<2x2x{element}>\n}}\n"
    )
    result = lathe("convert", "m.mlir", "-o", "n.onnx")
    assert result.returncode == 0, result.stderr
    assert onnx.load(tmp_path / "n.onnx").opset_import[0].version == version


def test_a_splat_that_no_file_has(lathe: Run, tmp_path: pathlib.Path) -> None:
    tensor = "tensor<1073741824xf32>"
    (tmp_path / "m.mlir").write_text(
        f"func.func @main(%x: {tensor}) -> {tensor} {{\n"
        f"  %c = graph.constant dense<1.0> : {tensor}\n"
        f"  %y = graph.add %x, %c : ({tensor}, {tensor}) -> {tensor}\n"
        f"  return %y : {tensor}\n}}\n"
    )
    result = lathe("convert", "m.mlir", "-o", "n.onnx")
    assert result.returncode == 1 and "[export-too-large]" in result.stderr, result.stderr
    assert "4294967296 bytes of constants" in result.stderr


def test_what_has_no_form_is_named(lathe: Run, tmp_path: pathlib.Path) -> None:
    nodes = [
        node("NonMaxSuppression", ["boxes", "scores", "n"], ["a"], name="best"),
        node("Unique", ["x"], ["u"], name="each", axis=0),
        node(
            "Resize", ["image", "", "", "sizes"], ["r"], name="scale",
            keep_aspect_ratio_policy="not_smaller", axes=[2, 3],
        ),
        node("ConvInteger", ["bytes", "taps", "zero"], ["c"], name="sums"),
    ]  # fmt: skip
    inputs = [
        value("boxes", dims=[1, 6, 4]), value("scores", dims=[1, 1, 6]), value("x", dims=[4, 2]),
        value("image", dims=[1, 1, 2, 4]), value("bytes", TensorProto.UINT8, [1, 1, 4, 4]),
    ]  # fmt: skip
    outputs = [value("a", INT64), value("u"), value("r"), value("c", TensorProto.INT32)]
    constants: dict[str, np.ndarray[Any, Any]] = {
        "n": np.array([3], np.int64), "sizes": np.array([1, 3], np.int64),
        "taps": np.ones((1, 1, 2, 2), np.uint8), "zero": np.array(1, np.uint8),
    }  # fmt: skip
    onnx.save(model(nodes, inputs, outputs, constants), tmp_path / "m.onnx")
    result = lathe("convert", "m.onnx", "-o", "n.onnx")
    assert result.returncode == 1
    for name in ("best", "each", "scale", "sums"):
        assert f'm.onnx: node "{name}" (' in result.stderr
    assert "has no form in ONNX" in result.stderr and "[export-no-form]" in result.stderr
    assert not (tmp_path / "n.onnx").exists()


def test_kernels_without_a_model_have_no_form(lathe: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "k.mlir").write_text(
        "kernel.func @twice(%x: tensor<4xf32>) -> tensor<4xf32> attributes {sizes = 0 : i64} {\n"
        "  %y = graph.add %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>\n"
        "  kernel.return %y : tensor<4xf32>\n}\n"
    )
    result = lathe("convert", "k.mlir", "-o", "n.onnx")
    assert result.returncode == 1 and "[export-no-model]" in result.stderr, result.stderr
