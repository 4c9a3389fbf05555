# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What ONNX Runtime's optimizer and quantizer make of the zoo's models is read, and agrees."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import lathe
import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
from onnxruntime import GraphOptimizationLevel, quantization
from onnxruntime.quantization import QuantFormat, QuantType
from test_zoo import CASES, compare, session, written
from zoo.builder import values

Array = npt.NDArray[Any]

LEVELS = {
    "basic": GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "extended": GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "all": GraphOptimizationLevel.ORT_ENABLE_ALL,
}
# ONNX Runtime refuses the names of functions in this one.
NAMES = [name for name in CASES if name != "structure-functions"]
# One level for each model, so that all stay covered in one run, and all for some that have most.
EVERY = ("vision-unet", "convnets-mobile", "transformers-vit", "transformers-llama")
RUNS = [
    (name, level)
    for i, name in enumerate(NAMES)
    for j, level in enumerate(LEVELS)
    if name in EVERY or i % len(LEVELS) == j
]


def optimized(model: bytes, level: str, path: pathlib.Path) -> bytes:
    """What ONNX Runtime writes of `model` at `level`."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = LEVELS[level]
    options.optimized_model_filepath = str(path)
    onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return path.read_bytes()


def operators(model: bytes) -> set[str]:
    """The operators of other domains than ONNX's own."""

    def walk(graph: onnx.GraphProto) -> Iterator[str]:
        for node in graph.node:
            if node.domain:
                yield f"{node.domain}.{node.op_type}"
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    yield from walk(attribute.g)

    return set(walk(onnx.load_from_string(model).graph))


@pytest.mark.parametrize(("name", "level"), RUNS, ids=[f"{n}-{level}" for n, level in RUNS])
def test_optimized(name: str, level: str, tmp_path: pathlib.Path) -> None:
    """An optimized model computes what the model does, for all sizes."""
    case = CASES[name]
    net, model = written(case, case.opsets[-1])
    compiled = lathe.compile(optimized(model, level, tmp_path / "optimized.onnx"), cache=False)
    oracle = session(model)
    names = {i.name for i in oracle.get_inputs()}
    for seed, sizes in enumerate(case.calls):
        inputs = values(net, sizes, seed)
        wanted = oracle.run(None, {k: v for k, v in inputs.items() if k in names})
        found = compiled(**{k: v for k, v in inputs.items() if k in names})
        for x, y in zip(found, wanted, strict=True):
            compare(case, x, np.asarray(y))


def test_levels_differ(tmp_path: pathlib.Path) -> None:
    """The levels are worth a test each: they write operators of other domains."""
    case = CASES["vision-unet"]
    model = written(case, case.opsets[-1])[1]
    extended = operators(optimized(model, "extended", tmp_path / "extended.onnx"))
    everything = operators(optimized(model, "all", tmp_path / "all.onnx"))
    assert "com.microsoft.FusedConv" in extended
    assert {"com.microsoft.nchwc.Conv", "com.microsoft.nchwc.ReorderOutput"} <= everything


class Inputs(quantization.CalibrationDataReader):  # type: ignore[misc]
    """A few random inputs, from which the quantizer takes the ranges of values."""

    def __init__(self, samples: list[dict[str, Array]]) -> None:
        self.samples = iter(samples)

    def get_next(self) -> dict[str, Array] | None:
        """The next sample, or None."""
        return next(self.samples, None)


def check_quantized(model: bytes, inputs: dict[str, Array]) -> None:
    """Lathe computes what ONNX Runtime does, to the bit but for sums of floats."""
    wanted = session(model).run(None, inputs)
    found = lathe.compile(model, cache=False)(**inputs)
    for x, y in zip(found, wanted, strict=True):
        assert (x.dtype, x.shape) == (y.dtype, y.shape)
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-5 * np.abs(y).max())


QUANTIZED = {
    "qdq": (QuantFormat.QDQ, QuantType.QUInt8),
    "qdq-s8": (QuantFormat.QDQ, QuantType.QInt8),
    "operators": (QuantFormat.QOperator, QuantType.QUInt8),
}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("form", QUANTIZED)
@pytest.mark.parametrize(
    "name", ["convnets-mobile", "convnets-squeeze_excite", "transformers-mixer"]
)
def test_quantized(name: str, form: str, level: str, tmp_path: pathlib.Path) -> None:
    """A model that the quantizer wrote, as it is and optimized."""
    case = CASES[name]
    net, model = written(case, case.opsets[-1])
    sizes = case.calls[0]
    names = {i.name for i in session(model).get_inputs()}
    samples = [
        {k: v for k, v in values(net, sizes, seed).items() if k in names} for seed in range(3)
    ]
    kind, weights = QUANTIZED[form]
    (tmp_path / "model.onnx").write_bytes(model)
    quantization.quantize_static(
        tmp_path / "model.onnx",
        tmp_path / "quantized.onnx",
        Inputs(samples),
        quant_format=kind,
        activation_type=weights,
        weight_type=QuantType.QInt8,
        reduce_range=True,  # With eight bits, ONNX Runtime's sums saturate on some machines.
    )
    quantized = (tmp_path / "quantized.onnx").read_bytes()
    check_quantized(optimized(quantized, level, tmp_path / "optimized.onnx"), samples[0])


@pytest.mark.parametrize("level", LEVELS)
def test_quantized_dynamically(level: str, tmp_path: pathlib.Path) -> None:
    """Products whose left operands are quantized when the model runs."""
    case = CASES["transformers-vit"]
    net, model = written(case, case.opsets[-1])
    (tmp_path / "model.onnx").write_bytes(model)
    quantization.quantize_dynamic(
        tmp_path / "model.onnx",
        tmp_path / "quantized.onnx",
        weight_type=QuantType.QInt8,
        reduce_range=True,
    )
    quantized = (tmp_path / "quantized.onnx").read_bytes()
    names = {i.name for i in session(model).get_inputs()}
    inputs = {k: v for k, v in values(net, case.calls[0], 0).items() if k in names}
    check_quantized(optimized(quantized, level, tmp_path / "optimized.onnx"), inputs)
