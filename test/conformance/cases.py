# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""ONNX's own backend tests as a table of cases that can be run one by one, in any process."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, TypeProto, numpy_helper
from onnx.backend.test.case.test_case import TestCase
from onnx.backend.test.loader import load_model_tests
from onnx.backend.test.runner import Runner
from onnx.reference import ReferenceEvaluator

KINDS = ("node", "real", "simple", "pytorch-converted", "pytorch-operator")

Data = tuple[list[Any], list[Any]]


@dataclass(frozen=True)
class Case:
    """One test: its name on the CPU, and where model and data come from."""

    name: str
    kind: str
    test: TestCase

    def model(self) -> ModelProto:
        """Return the model."""
        if self.test.model is not None:
            return self.test.model
        return onnx.load(self.model_path())

    def model_path(self) -> Path:
        """Return the file of a case that is not generated."""
        if self.test.model_dir is not None:
            return Path(self.test.model_dir, "model.onnx")
        # The "light" models lie in the package; their address says where.
        return Path(onnx.__file__).parent.parent / str(self.test.url)

    def data(self, model: ModelProto) -> Iterator[Data]:
        """Yield inputs and the outputs that they must give."""
        if self.test.data_sets is not None:
            for inputs, outputs in self.test.data_sets:
                yield [_array(v) for v in inputs], [_array(v) for v in outputs]
        elif self.test.model_dir is not None:
            for folder in sorted(Path(self.test.model_dir).glob("test_data_set*")):
                inputs = _load_all(folder, "input", [v.type for v in model.graph.input])
                outputs = _load_all(folder, "output", [v.type for v in model.graph.output])
                yield inputs, outputs
        else:
            yield self._light_data(model)

    def check(self, expected: list[Any], actual: list[Any]) -> None:
        """Raise AssertionError unless the outputs agree as the case asks."""
        # ONNX's runner asks for the length of each element of a sequence, which a scalar has not.
        lists = [isinstance(right, list) for right in expected]
        if lists == [isinstance(have, list) for have in actual] and any(lists):
            for right, have in zip(expected, actual, strict=True):
                self.check(*((right, have) if isinstance(right, list) else ([right], [have])))
            return
        Runner.assert_similar_outputs(
            expected, actual, rtol=self.test.rtol, atol=self.test.atol, model_dir=self.name
        )

    def _light_data(self, model: ModelProto) -> Data:
        """Return what ONNX's runner uses for these models: a ramp, and its reference's answer."""
        weights = {t.name for t in model.graph.initializer}
        inputs = {
            v.name: Runner.generate_dummy_data(v, seed=0, name=self.name, random=False)
            for v in model.graph.input
            if v.name not in weights
        }
        stem = self.model_path().with_suffix("")
        files = [Path(f"{stem}_output_{i}.pb") for i in range(len(model.graph.output))]
        if all(f.exists() for f in files):
            outputs: list[Any] = []
            for file in files:
                tensor = onnx.TensorProto()
                tensor.ParseFromString(file.read_bytes())
                outputs.append(numpy_helper.to_array(tensor))
        else:
            outputs = list(ReferenceEvaluator(model).run(None, inputs))
        return list(inputs.values()), outputs


def load_cases() -> dict[str, Case]:
    """Generate all cases that run on the CPU, by name. Takes about ten seconds."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # Cases about infinities make some on the way.
        return {
            f"{test.name}_cpu": Case(f"{test.name}_cpu", kind, test)
            for kind in KINDS
            for test in load_model_tests(kind=kind)
        }


def _array(value: Any) -> Any:
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def _load_all(folder: Path, stem: str, types: list[TypeProto]) -> list[Any]:
    values: list[Any] = []
    for i, kind in enumerate(types):
        file = folder / f"{stem}_{i}.pb"
        if not file.exists():
            break
        data = file.read_bytes()
        if kind.HasField("sequence_type"):
            sequence = onnx.SequenceProto()
            sequence.ParseFromString(data)
            values.append(numpy_helper.to_list(sequence))
        elif kind.HasField("optional_type"):
            optional = onnx.OptionalProto()
            optional.ParseFromString(data)
            values.append(numpy_helper.to_optional(optional))
        else:
            tensor = onnx.TensorProto()
            tensor.ParseFromString(data)
            values.append(numpy_helper.to_array(tensor))
    return values
