# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The functions that ONNX defines operators by, expanded, compute what ONNX's own tests expect."""

from __future__ import annotations

import os
import pathlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import lathe
import numpy as np
import onnx
import pytest
from onnx import TensorProto, defs, numpy_helper
from onnx.backend.test.case.test_case import TestCase
from onnx.backend.test.loader import load_model_tests

ROOT = pathlib.Path(__file__).resolve().parents[3]
IMPORT = pathlib.Path(os.environ.get("LATHE_BUILD", ROOT / "build/release")) / "bin/lathe-import"


@dataclass(frozen=True)
class Case:
    """A test of a single node, with its model and data in memory."""

    model: onnx.ModelProto
    schema: defs.OpSchema
    test: TestCase


def array(value: Any) -> Any:
    return numpy_helper.to_array(value) if isinstance(value, TensorProto) else value


def has_function(schema: defs.OpSchema) -> bool:
    """Whether ONNX defines the operator by a function that depends on no types."""
    return bool(schema.has_function)  # type: ignore[attr-defined]


def cases() -> Iterator[tuple[str, Case]]:
    """The newest tests of operators that have a function."""
    for test in load_model_tests(kind="node"):
        model = test.model
        if model is None or len(model.graph.node) != 1:
            continue
        node = model.graph.node[0]
        opsets = {entry.domain: entry.version for entry in model.opset_import}
        schema = defs.get_schema(node.op_type, opsets[node.domain], node.domain)
        if has_function(schema):
            yield test.name.removeprefix("test_"), Case(model, schema, test)


CASES = dict(cases())


def expanded(folder: pathlib.Path, *options: str) -> str:
    """The text of model.onnx in `folder`, with operators replaced by their functions."""
    command = [str(IMPORT), "--expand-functions", *options, "model.onnx"]
    return subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout


@pytest.mark.parametrize("name", CASES)
def test_function(name: str, tmp_path: pathlib.Path) -> None:
    case = CASES[name]
    model, given = onnx.ModelProto.FromString(case.model.SerializeToString()), slice(None)
    if case.schema.name == "AffineGrid":
        # Its function branches on how many sizes there are, with results of several ranks.
        sizes = np.asarray(array((case.test.data_sets or ())[0][0][1]))
        model.graph.initializer.append(numpy_helper.from_array(sizes, model.graph.input.pop().name))
        given = slice(1)
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    # Nodes of a function are named behind the one that it is called by.
    assert "/" in expanded(tmp_path, "--debug-info")
    text = tmp_path / "model.mlir"
    text.write_text(expanded(tmp_path))
    compiled = lathe.compile(text, cache=False)
    for inputs, outputs in case.test.data_sets or ():
        found = compiled(*[array(v) for v in inputs[given]])
        for x, y in zip(found, [array(v) for v in outputs], strict=True):
            assert (x.dtype, x.shape) == (y.dtype, y.shape)
            # Each step rounds to the type of the results: bfloat16 has 8 bits.
            relative = 2.0**-7 if y.dtype.name == "bfloat16" else case.test.rtol
            absolute = max(case.test.atol, 1e-6)
            np.testing.assert_allclose(
                x.astype(np.float64), y.astype(np.float64), relative, absolute
            )


def test_all_functions_have_a_case() -> None:
    """A new opset's functions must not go untested."""
    tested = {case.schema.name for case in CASES.values()}
    newest = {s.name for s in defs.get_all_schemas() if has_function(s) and s.domain == ""}
    assert newest <= tested
