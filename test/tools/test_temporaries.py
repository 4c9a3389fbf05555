# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What kernels need on the way comes with the workspace: compiled code allocates nothing."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

import numpy as np
import onnx
import pytest
from command_line import ROOT, Run
from onnx import TensorProto, helper

sys.path.insert(0, str(ROOT / "tools/dev"))
import models

HALF = TensorProto.FLOAT16


def save(path: pathlib.Path, nodes: list[onnx.NodeProto], shape: list[int | str]) -> None:
    """A model of half precision from x to y, both of rank len(shape)."""
    free: list[int | str] = [f"y{i}" for i in range(len(shape))]
    graph = helper.make_graph(
        nodes,
        "temporaries",
        [helper.make_tensor_value_info("x", HALF, shape)],
        [helper.make_tensor_value_info("y", HALF, free)],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made)
    onnx.save(made, path)


@pytest.fixture
def softmax(tmp_path: pathlib.Path) -> pathlib.Path:
    """Rows of any size in half precision: the exponentials of a row are f32, in temporaries."""
    path = tmp_path / "softmax.onnx"
    save(path, [helper.make_node("Softmax", ["x"], ["y"], axis=-1)], ["n", "m", "k"])
    return path


@pytest.fixture
def windows(tmp_path: pathlib.Path) -> pathlib.Path:
    """Windows that leave the image, of many channels: temporaries too large for the stack."""
    path = tmp_path / "windows.onnx"
    pool = helper.make_node(
        "MaxPool", ["x"], ["y"], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1
    )
    save(path, [pool], [1, 512, 12, 12])
    return path


def undefined(path: pathlib.Path) -> set[str]:
    text = subprocess.run(["nm", "-u", path], check=True, capture_output=True, text=True).stdout
    return set(re.findall(r"[Uw] (\w+)", text))


def check_object(lathe: Run, model: pathlib.Path, folder: pathlib.Path) -> None:
    result = lathe("compile", str(model), "-o", "model.o")
    assert result.returncode == 0, result.stderr
    names = undefined(folder / "model.o")
    memory = {"malloc", "free", "calloc", "realloc", "aligned_alloc", "posix_memalign"}
    assert not names & memory, names


@pytest.mark.parametrize("name", ["softmax", "windows"])
def test_objects_of_made_models(lathe: Run, request: pytest.FixtureRequest, name: str) -> None:
    model = request.getfixturevalue(name)
    check_object(lathe, model, model.parent)


@pytest.mark.parametrize("name", [m.name for m in models.MODELS.values() if m.small])
def test_objects_of_models(lathe: Run, tmp_path: pathlib.Path, name: str) -> None:
    try:
        path = models.find(name).path()
    except models.ModelUnavailableError as error:
        pytest.skip(str(error))
    check_object(lathe, path, tmp_path)


def run(lathe: Run, name: str, x: np.ndarray, folder: pathlib.Path, threads: int) -> np.ndarray:
    np.save(folder / "x.npy", x)
    words = ("--input", "x=x.npy", "--save-outputs", "out", "--threads", str(threads))
    result = lathe("run", name, *words)
    assert result.returncode == 0, result.stderr
    y: np.ndarray = np.load(folder / "out/y.npy")
    return y


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 5), (3, 70, 300), (1, 200, 2000), (0, 4, 4)])
def test_softmax(lathe: Run, softmax: pathlib.Path, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float16)
    exps = np.exp(x.astype(np.float64) - x.astype(np.float64).max(-1, keepdims=True, initial=-99))
    expected = exps / exps.sum(-1, keepdims=True)
    one = run(lathe, softmax.name, x, softmax.parent, 1)
    np.testing.assert_allclose(one.astype(np.float64), expected, rtol=2e-3, atol=1e-6)
    np.testing.assert_array_equal(one, run(lathe, softmax.name, x, softmax.parent, 2))


def test_windows(lathe: Run, windows: pathlib.Path) -> None:
    x = np.random.default_rng(0).standard_normal((1, 512, 12, 12)).astype(np.float16)
    padded = np.pad(x, ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=-np.inf)
    view = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))[:, :, ::2, ::2]
    for threads in (1, 2):
        y = run(lathe, windows.name, x, windows.parent, threads)
        np.testing.assert_array_equal(y, view.max((-1, -2)))


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_the_plan_reserves_them(lathe: Run, softmax: pathlib.Path, threads: int) -> None:
    """Each thread, of which there are no more than rows, has a row of f32."""
    for rows in (1, 2, 1000):
        words = ("--dim", "n=1", "--dim", f"m={rows}", "--dim", "k=2000", "--threads", str(threads))
        text = lathe("inspect", softmax.name, *words).stdout
        found = re.search(r"^workspace +([\d.]+) (\w+) for .* on \d+ thread", text, re.MULTILINE)
        assert found, text
        bytes_ = float(found[1]) * {"B": 1, "kB": 1e3, "MB": 1e6}[found[2]]
        wanted = min(threads, rows) * 4 * 2000
        assert wanted * 0.9 <= bytes_ <= wanted * 1.2 + 200, text
