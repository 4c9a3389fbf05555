# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the tests of the Python package share: small models, and a compile cache of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import lathe
import numpy as np
import onnx
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

Shape = Sequence[int | str | None]
ValueSpec = tuple[str, int, Shape]


def make_model(
    nodes: Sequence[NodeProto],
    inputs: Sequence[ValueSpec],
    outputs: Sequence[ValueSpec],
    weights: dict[str, Any] | None = None,
    **fields: Any,
) -> ModelProto:
    """Return a checked model; values are (name, TensorProto type, shape)."""
    graph = helper.make_graph(
        list(nodes),
        "small",
        [helper.make_tensor_value_info(*v) for v in inputs],
        [helper.make_tensor_value_info(*v) for v in outputs],
        [numpy_helper.from_array(np.asarray(a), n) for n, a in (weights or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    for name, value in fields.items():
        setattr(model, name, value)
    onnx.checker.check_model(model)
    return model


def add_one(rows: int | str = "batch") -> ModelProto:
    """Return y = x + 1 over f32[rows, 3]."""
    return make_model(
        [helper.make_node("Add", ["x", "one"], ["y"], name="add")],
        [("x", TensorProto.FLOAT, [rows, 3])],
        [("y", TensorProto.FLOAT, [rows, 3])],
        {"one": np.ones(1, np.float32)},
    )


def twice(dtype: int, shape: Shape = ("n", 2)) -> ModelProto:
    """Return y = x above x, for elements of any type."""
    return make_model(
        [helper.make_node("Concat", ["x", "x"], ["y"], name="concat", axis=0)],
        [("x", dtype, shape)],
        [("y", dtype, [None, *shape[1:]])],
    )


def unsupported() -> ModelProto:
    """Return a model with an operator that does not exist."""
    model = add_one()
    model.graph.node[0].op_type = "NoSuchOperator"
    return model


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[lathe.cache.CompileCache]:
    """Give every test an empty compile cache, and none to the user's own."""
    yield lathe.cache.configure(tmp_path_factory.mktemp("cache"))
    lathe.cache.configure()


@pytest.fixture
def add_one_file(tmp_path: Path) -> Path:
    """Return the path of `add_one()`."""
    path = tmp_path / "add_one.onnx"
    onnx.save(add_one(), path)
    return path
