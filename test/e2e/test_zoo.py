# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares the graph kinds of zoo/ with ONNX Runtime, from small copies of what exporters write."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import lathe
import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest
from zoo import convnets, networks, sequences, structure, transformers, vision
from zoo.builder import Case, Net, Sizes, values

Array = npt.NDArray[Any]

FAMILIES = {
    "convnets": convnets.FAMILY,
    "vision": vision.FAMILY,
    "transformers": transformers.FAMILY,
    "sequences": sequences.FAMILY,
    "structure": structure.FAMILY,
    "networks": networks.FAMILY,
}
CASES = {f"{f}-{c}": case for f, family in FAMILIES.items() for c, case in family.cases.items()}
# The oldest and the newest way to write a graph, in turns, so that both stay covered in one run.
OPSETS = {name: (-1 if i % 2 else 0) for i, name in enumerate(CASES)}
# Of some the sizes are fixed when they are compiled, which takes other paths; some go to a library.
FIXED = ("swin", "wav2vec", "recommender", "tabular", "norms", "shape_chains")
LIBRARIES = ("inception", "yolo", "llama", "detr", "tcn", "recommender", "odd_names", "half")


def written(case: Case, opset: int, sizes: Sizes | None = None) -> tuple[Net, bytes]:
    """The case as a model, with `sizes` fixed if they are given."""
    net = Net(opset, sizes)
    return net, net.build(case.outputs(net)).SerializeToString()


def session(model: bytes) -> Any:
    """ONNX Runtime, on one thread and without what it says of constants."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def compare(case: Case, found: Array, wanted: Array) -> None:
    """Require equal types and shapes, and numbers within the case's tolerance."""
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
    if wanted.dtype.kind != "f":
        np.testing.assert_array_equal(found, wanted)
        return
    relative, absolute = case.tolerance
    a, b = found.astype(np.float64), wanted.astype(np.float64)
    scale = max(1.0, np.abs(b, where=np.isfinite(b), out=np.zeros_like(b)).max(initial=0))
    np.testing.assert_allclose(a, b, rtol=relative, atol=absolute * scale)


def check(case: Case, opset: int, calls: list[Sizes], fixed: Sizes | None) -> None:
    """One compilation agrees for all sizes, and threads change no bit."""
    net, model = written(case, opset, fixed)
    one = lathe.compile(model, cache=False, threads=1)
    two = one.with_threads(2)
    oracle = session(model)
    names = {i.name for i in oracle.get_inputs()}
    for seed, sizes in enumerate(calls):
        inputs = values(net, sizes, seed)
        wanted = oracle.run(None, {k: v for k, v in inputs.items() if k in names})
        found, again = one(*inputs.values()), two(*inputs.values())
        assert len(found) == len(wanted)
        for x, y, z in zip(found, wanted, again, strict=True):
            compare(case, x, np.asarray(y))
            assert x.tobytes() == z.tobytes()


@pytest.mark.parametrize("name", CASES)
def test_free_sizes(name: str) -> None:
    """One compiled model serves all sizes."""
    case = CASES[name]
    check(case, case.opsets[OPSETS[name]], case.calls, None)


@pytest.mark.parametrize("name", [n for n in CASES if n.partition("-")[2] in FIXED])
def test_fixed_sizes(name: str) -> None:
    """Sizes known when the model is compiled, the last of them and, where it is one, none."""
    case = CASES[name]
    check(case, case.opsets[0], case.calls[-1:], case.calls[-1])


def test_libraries_in_one_process(tmp_path: Path) -> None:
    """Libraries compute the bits of code in memory, several of them from several threads."""
    jobs = []
    for name in (n for n in CASES if n.partition("-")[2] in LIBRARIES):
        case = CASES[name]
        net, model = written(case, case.opsets[-1])
        compiled = lathe.compile(model, cache=False)
        path = tmp_path / f"{name}.so"
        compiled.save(path)
        inputs = [values(net, sizes, seed) for seed, sizes in enumerate(case.calls)]
        wanted = [[y.tobytes() for y in compiled(*x.values())] for x in inputs]
        jobs.append((lathe.load(path), inputs, wanted))
    wrong: list[str] = []

    def work() -> None:
        for library, inputs, wanted in jobs:
            for x, bits in zip(inputs, wanted, strict=True):
                if [y.tobytes() for y in library(*x.values())] != bits:
                    wrong.append(library.name)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
