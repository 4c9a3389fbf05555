# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""An optional value that is empty, where an operator needs a tensor, is an error with the node."""

from __future__ import annotations

from typing import Any

import lathe
import pytest
from onnx import helper


@pytest.mark.parametrize("op", ["Relu", "Max", "Add", "Concat"])
def test_an_empty_optional_is_no_operand(op: str) -> None:
    none = helper.make_node("Optional", [], ["none"], type=helper.make_tensor_type_proto(1, [2]))
    attributes: dict[str, Any] = {"axis": 0} if op == "Concat" else {}
    node = helper.make_node(op, ["none"] + ["x"] * (op != "Relu"), ["y"], name="one", **attributes)
    graph = helper.make_graph(
        [none, node],
        "g",
        [helper.make_tensor_value_info("x", 1, [2])],
        [helper.make_tensor_value_info("y", 1, None)],
    )
    opsets = [helper.make_opsetid("", 18)]
    with pytest.raises(lathe.CompileError, match="empty optional") as caught:
        lathe.compile(helper.make_model(graph, opset_imports=opsets, ir_version=9), cache=False)
    assert caught.value.ids == ("onnx-empty-optional",)


def test_a_loop_without_what_its_body_carries() -> None:
    body = helper.make_graph(
        [
            helper.make_node("Max", ["v", "x"], ["n"]),
            helper.make_node("Identity", ["c"], ["goes"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", 7, []),
            helper.make_tensor_value_info("c", 9, []),
            helper.make_tensor_value_info("v", 1, [2]),
        ],
        [
            helper.make_tensor_value_info("goes", 9, []),
            helper.make_tensor_value_info("n", 1, [2]),
        ],
    )
    graph = helper.make_graph(
        [helper.make_node("Loop", ["turns", ""], ["y"], body=body)],
        "g",
        [helper.make_tensor_value_info("x", 1, [2]), helper.make_tensor_value_info("turns", 7, [])],
        [helper.make_tensor_value_info("y", 1, [2])],
    )
    opsets = [helper.make_opsetid("", 18)]
    with pytest.raises(lathe.CompileError) as caught:
        lathe.compile(helper.make_model(graph, opset_imports=opsets, ir_version=9), cache=False)
    assert set(caught.value.ids) <= {"onnx-empty-optional", "onnx-subgraph-arity"}
