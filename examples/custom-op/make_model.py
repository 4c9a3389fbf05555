# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Write a model with two operators that ONNX does not have: `python make_model.py MODEL`."""

import sys

import onnx
from onnx import TensorProto, helper


def make_model() -> onnx.ModelProto:
    """Return the model: x of [batch, 3] to y of [batch, 6], in float32."""
    nodes = [
        helper.make_node("Widen", ["x"], ["wide"], name="widen", domain="com.example", gain=0.5),
        helper.make_node("SquaredRelu", ["wide"], ["y"], name="square", domain="com.example"),
    ]
    graph = helper.make_graph(
        nodes,
        "custom",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 6])],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.example", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


if __name__ == "__main__":
    onnx.save(make_model(), sys.argv[1])
