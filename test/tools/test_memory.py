# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The weights of a model are in memory once, however they come into the artifact."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import numpy as np
import onnx
import pytest
from command_line import Run, program
from onnx import TensorProto, helper, numpy_helper

MB = 1 << 20


def save(path: pathlib.Path, kind: str, size: int, layers: int = 20) -> int:
    """A model of layers, each with a weight of `size` x `size` floats.

    The weights are packed, used as they are, or folded. Returns their bytes.
    """
    random = np.random.default_rng(0)
    nodes, weights = [], []
    for i in range(layers):
        x, y, w, t = f"x{i}", f"x{i + 1}", f"w{i}", f"t{i}"
        values = random.standard_normal((size, size), dtype=np.float32) / size
        weights.append(numpy_helper.from_array(values, w))
        if kind == "packed":
            nodes += [helper.make_node("MatMul", [x, w], [y])]
        elif kind == "plain":
            nodes += [helper.make_node("Add", [x, w], [y])]
        else:
            nodes += [helper.make_node("Transpose", [w], [t], perm=[1, 0])]
            nodes += [helper.make_node("MatMul", [x, t], [y])]
    shape = [size, size] if kind == "plain" else [4, size]
    graph = helper.make_graph(
        nodes,
        kind,
        [helper.make_tensor_value_info("x0", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(f"x{layers}", TensorProto.FLOAT, shape)],
        weights,
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return layers * size * size * 4


def peak(folder: pathlib.Path, name: str) -> int:
    """The most bytes that were resident in `lathe run`, in a process of its own."""
    code = (
        "import os, resource, subprocess, sys\n"
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
        "sys.exit(done.returncode)\n"
    )
    words = [sys.executable, "-c", code, program(), "run", name]
    done = subprocess.run(words, cwd=folder, check=True, capture_output=True, text=True)
    return int(done.stdout) * 1024


@pytest.mark.skipif(
    not pathlib.Path("/proc/self/statm").exists(), reason="Linux tells resident memory"
)
@pytest.mark.parametrize(("kind", "copies"), [("packed", 1), ("plain", 1), ("folded", 2)])
def test_peak(tmp_path: pathlib.Path, kind: str, copies: int) -> None:
    """A folded weight is there as it is read and as it was computed, for a moment."""
    save(tmp_path / "small.onnx", kind, 16)
    weights = save(tmp_path / "large.onnx", kind, 1100)
    growth = peak(tmp_path, "large.onnx") - peak(tmp_path, "small.onnx")
    assert growth < copies * weights + 40 * MB, f"{growth / MB:.0f} MB for {weights / MB:.0f} MB"


@pytest.mark.skipif(
    not pathlib.Path("/proc/self/statm").exists(), reason="Linux tells resident memory"
)
def test_peak_of_one_large_weight(tmp_path: pathlib.Path) -> None:
    """It is there as the file has it and as it is packed; its text, as large again, is not."""
    save(tmp_path / "small.onnx", "packed", 16, layers=1)
    weights = save(tmp_path / "large.onnx", "packed", 5600, layers=1)
    growth = peak(tmp_path, "large.onnx") - peak(tmp_path, "small.onnx")
    assert growth < 2 * weights + 40 * MB, f"{growth / MB:.0f} MB for {weights / MB:.0f} MB"


@pytest.mark.skipif(
    not pathlib.Path("/proc/self/statm").exists(), reason="Linux tells resident memory"
)
def test_peak_of_a_native_file(lathe: Run, tmp_path: pathlib.Path) -> None:
    """Constants of a native file stay in the file until they are packed."""
    save(tmp_path / "small.onnx", "packed", 16)
    weights = save(tmp_path / "large.onnx", "packed", 1100)
    for name in ("small", "large"):
        assert lathe("convert", f"{name}.onnx", "-o", f"{name}.lathe").returncode == 0
    growth = peak(tmp_path, "large.lathe") - peak(tmp_path, "small.lathe")
    assert growth < weights + 40 * MB, f"{growth / MB:.0f} MB for {weights / MB:.0f} MB"


def test_it_can_be_compiled_twice(lathe: Run, tmp_path: pathlib.Path) -> None:
    """What left memory is read again where it is needed again."""
    save(tmp_path / "model.onnx", "packed", 300, 2)
    assert lathe("convert", "model.onnx", "-o", "model.lathe").returncode == 0
    x = np.random.default_rng(1).standard_normal((4, 300), dtype=np.float32)
    np.save(tmp_path / "x.npy", x)
    results = []
    for name in ("model.onnx", "model.lathe"):
        words = ("run", name, "--input", "x0=x.npy", "--save-outputs", f"{name}.out")
        assert lathe(*words).returncode == 0
        results.append(np.load(tmp_path / f"{name}.out/x2.npy"))
    np.testing.assert_array_equal(*results)
