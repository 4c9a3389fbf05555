# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A form of an operator: a model of one node, and its input; or of a few nodes in a row."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import onnx.parser
from onnx import TensorProto, helper, numpy_helper

ONNX_TYPES = {
    "f32": TensorProto.FLOAT,
    "f16": TensorProto.FLOAT16,
    "u8": TensorProto.UINT8,
    "i64": TensorProto.INT64,
    "f64": TensorProto.DOUBLE,
}
NUMPY_TYPES: dict[str, Any] = {
    "f32": np.float32,
    "f16": np.float16,
    "u8": np.uint8,
    "i64": np.int64,
    "f64": np.float64,
}


@dataclasses.dataclass
class Form:
    """One operator on an input of `shape`; `weights` are constants, `open` dims have names."""

    name: str
    op: str
    shape: Sequence[int]
    weights: Sequence[Sequence[int]] = ()
    attributes: dict[str, Any] = dataclasses.field(default_factory=dict)
    dtype: str = "f32"
    open: Sequence[int] = ()
    constants: Sequence[np.ndarray] = ()
    outputs: int = 1
    scale: float = 1.0  # Of the input's values.
    weight_scale: float = 1.0
    opset: int = 17
    order: Sequence[int] = ()  # Of the operands, where the input is not the first.
    domain: str = ""

    def model(self) -> onnx.ModelProto:
        rng = np.random.default_rng(1)
        element = ONNX_TYPES[self.dtype]
        constants = [
            numpy_helper.from_array(
                (rng.uniform(-1, 1, shape) * self.weight_scale).astype(NUMPY_TYPES[self.dtype]),
                f"w{i}",
            )
            for i, shape in enumerate(self.weights)
        ]
        given = [numpy_helper.from_array(c, f"c{i}") for i, c in enumerate(self.constants)]
        dims = [f"d{i}" if i in self.open else size for i, size in enumerate(self.shape)]
        graph = helper.make_graph(
            self.nodes(["x", *(c.name for c in constants), *(c.name for c in given)]),
            "form",
            [helper.make_tensor_value_info("x", element, dims)],
            [helper.make_empty_tensor_value_info("y")],
            [*constants, *given],
        )
        return helper.make_model(
            graph,
            opset_imports=[
                helper.make_opsetid("", self.opset),
                helper.make_opsetid("com.microsoft", 1),
            ],
            ir_version=10,
        )

    def nodes(self, names: Sequence[str]) -> list[onnx.NodeProto]:
        """The node that makes `y` of the input, the weights and the constants, `names`."""
        names = [names[i] for i in self.order] if self.order else names
        results = ["y", *(f"y{i}" for i in range(1, self.outputs))]
        return [
            helper.make_node(
                self.op, names, results, name="form", domain=self.domain, **self.attributes
            )
        ]

    def input(self) -> np.ndarray:
        rng = np.random.default_rng(2)
        if self.dtype == "u8":
            return rng.integers(0, 255, self.shape, np.uint8)
        if self.dtype == "i64":
            return rng.integers(0, 64, self.shape)
        return (rng.uniform(-1, 1, self.shape) * self.scale).astype(NUMPY_TYPES[self.dtype])


@dataclasses.dataclass
class Chain(Form):
    """Nodes in ONNX's text syntax, one a line, from `x`, `w0`.. and `c0`.. to `y`."""

    lines: str = ""

    def nodes(self, names: Sequence[str]) -> list[onnx.NodeProto]:
        return [onnx.parser.parse_node(line) for line in self.lines.strip().splitlines()]
