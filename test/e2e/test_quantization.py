# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models that onnxruntime's quantizer makes compute what ONNX Runtime computes."""

from __future__ import annotations

import math
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import lathe
import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import quantization
from onnxruntime.quantization import QuantFormat, QuantType
from test_products import targets

Array = npt.NDArray[Any]


class Graph:
    """A float model under construction, with one input and one output."""

    def __init__(self, shape: list[int | str]) -> None:
        self.random = np.random.default_rng(7)
        self.shape = shape
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def weights(self, *shape: int) -> str:
        name = f"w{len(self.constants)}"
        scale = 1 / math.sqrt(max(1, math.prod(shape[1:])))
        values = (self.random.standard_normal(shape) * scale).astype(np.float32)
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], name=name, **attributes))
        return name

    def conv(self, x: str, channels: int, out: int, side: int, **attributes: Any) -> str:
        groups = attributes.get("group", 1)
        w, b = self.weights(out, channels // groups, side, side), self.weights(out)
        return self.node("Conv", x, w, b, pads=[side // 2] * 4, **attributes)

    def build(self, output: str, path: pathlib.Path) -> pathlib.Path:
        graph = helper.make_graph(
            self.nodes,
            "float",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, self.shape)],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
            self.constants,
        )
        opset = helper.make_opsetid("", 17)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
        onnx.save(onnx.shape_inference.infer_shapes(model), path)
        return path


def perceptron(path: pathlib.Path) -> pathlib.Path:
    g = Graph(["n", 24])
    y = g.node("Relu", g.node("Gemm", "x", g.weights(40, 24), g.weights(40), transB=1))
    y = g.node("Add", g.node("MatMul", y, g.weights(40, 33)), g.weights(33))
    return g.build(g.node("MatMul", g.node("Sigmoid", y), g.weights(33, 10)), path)


def convnet(path: pathlib.Path) -> pathlib.Path:
    g = Graph([1, 3, 20, 20])
    y = g.node("Relu", g.conv("x", 3, 16, 3, strides=[2, 2]))
    z = g.node("Relu", g.conv(y, 16, 16, 3, group=16))
    y = g.node("Add", g.conv(z, 16, 16, 1), y)
    y = g.node("Relu", g.conv(y, 16, 24, 3))
    y = g.node("Flatten", g.node("GlobalAveragePool", y))
    return g.build(g.node("Gemm", y, g.weights(24, 10), g.weights(10)), path)


class Calibration(quantization.CalibrationDataReader):  # type: ignore[misc]
    """Ten inputs from a normal distribution."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        random = np.random.default_rng(8)
        draws = (random.standard_normal(shape).astype(np.float32) for _ in range(10))
        self.inputs: Iterator[dict[str, Array]] = iter([{"x": x} for x in draws])

    def get_next(self) -> dict[str, Array] | None:
        return next(self.inputs, None)


BUILDERS = {"perceptron": (perceptron, (5, 24)), "convnet": (convnet, (1, 3, 20, 20))}
U8, S8 = QuantType.QUInt8, QuantType.QInt8
STATIC = {
    "qdq-channels-s8s8": (QuantFormat.QDQ, True, S8, S8),
    "qdq-channels-u8s8": (QuantFormat.QDQ, True, U8, S8),
    "qdq-tensor-u8u8": (QuantFormat.QDQ, False, U8, U8),
    "operators-channels-u8s8": (QuantFormat.QOperator, True, U8, S8),
    "operators-tensor-u8u8": (QuantFormat.QOperator, False, U8, U8),
}


def compare(model: pathlib.Path, shape: tuple[int, ...], target: str, relative: float) -> None:
    """Against ONNX Runtime on inputs that calibration did not see; `relative` is to the range."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    one = lathe.compile(str(model), target=target, cache=False, threads=1)
    two = one.with_threads(2)
    random = np.random.default_rng(9)
    for _ in range(3):
        x = random.standard_normal(shape).astype(np.float32)
        (wanted,) = session.run(None, {"x": x})
        (y,) = one(x)
        error, size = np.abs(y - wanted), np.abs(wanted).max()
        assert error.max() <= relative * size, f"{error.max()} of {size}"
        # A byte that lies between two may be rounded either way, but not often.
        assert np.mean(error > 1e-5 * size) <= 0.1
        assert two(x)[0].tobytes() == y.tobytes()


@pytest.mark.parametrize("target", targets())
@pytest.mark.parametrize("scheme", STATIC)
@pytest.mark.parametrize("name", BUILDERS)
def test_static(name: str, scheme: str, target: str, tmp_path: pathlib.Path) -> None:
    build, shape = BUILDERS[name]
    quant_format, per_channel, activations, weights = STATIC[scheme]
    quantized = tmp_path / "quantized.onnx"
    quantization.quantize_static(
        build(tmp_path / "float.onnx"),
        quantized,
        Calibration(shape),
        # What else the quantizer makes of nodes are operators of ONNX Runtime's own domain.
        op_types_to_quantize=["Conv", "MatMul"] if quant_format == QuantFormat.QOperator else None,
        quant_format=quant_format,
        per_channel=per_channel,
        # Without VNNI, ONNX Runtime's sums of u8 by s8 saturate if weights have all eight bits.
        reduce_range=True,
        activation_type=activations,
        weight_type=weights,
    )
    compare(quantized, shape, target, 0.02)


@pytest.mark.parametrize("target", targets())
@pytest.mark.parametrize("weights", [U8, S8], ids=str)
@pytest.mark.parametrize("name", BUILDERS)
def test_dynamic(name: str, weights: QuantType, target: str, tmp_path: pathlib.Path) -> None:
    build, shape = BUILDERS[name]
    quantized = tmp_path / "quantized.onnx"
    quantization.quantize_dynamic(
        build(tmp_path / "float.onnx"), quantized, weight_type=weights, reduce_range=True
    )
    compare(quantized, shape, target, 1e-4)


def test_products_are_of_bytes(tmp_path: pathlib.Path) -> None:
    """Every product of a QDQ model multiplies bytes, and none falls to plain loops."""
    quantized = tmp_path / "quantized.onnx"
    quantization.quantize_static(
        convnet(tmp_path / "float.onnx"),
        quantized,
        Calibration((1, 3, 20, 20)),
        per_channel=True,
        activation_type=U8,
        weight_type=S8,
    )
    text = lathe.compile(str(quantized), target="x86_64:v3", cache=False).ir("schedule")
    units = re.findall(
        r"tile\.(?:contract|conv|depthwise_conv) .*?tiling\(<[^>]*?unit = \"([^\"]*)", text
    )
    assert sorted(units) == sorted(["widen.u8s8", *["madd.u8s8"] * 4])
