# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Files that somebody writes to while they are read: an error, never a signal and never zeros."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Callable

import lathe
import numpy as np
import onnx
import pytest
from lathe._onnxfile import FileView
from onnx import TensorProto, helper, numpy_helper

SIZE = 700  # Weights of two megabytes.


def save(folder: pathlib.Path, external: bool) -> pathlib.Path:
    """Write two products and return the file that their weights are in."""
    random = np.random.default_rng(3)
    weights = [
        numpy_helper.from_array(random.standard_normal((SIZE, SIZE), np.float32), name)
        for name in ("v", "w")
    ]
    nodes = [
        helper.make_node("MatMul", ["x", "v"], ["h"]),
        helper.make_node("MatMul", ["h", "w"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, SIZE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, SIZE])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / "m.onnx", save_as_external_data=external, location="w.bin")
    return folder / ("w.bin" if external else "m.onnx")


def cut_to_a_page(path: pathlib.Path) -> None:
    os.truncate(path, 4096)


def cut_a_byte(path: pathlib.Path) -> None:
    """Cut off what no signal tells: the rest of the last page reads as zeros."""
    os.truncate(path, path.stat().st_size - 1)


def write_a_byte(path: pathlib.Path) -> None:
    with path.open("r+b") as file:
        file.seek(-9, os.SEEK_END)
        file.write(b"\x55")


CHANGES = [cut_to_a_page, cut_a_byte, write_a_byte]


@pytest.mark.parametrize("external", [False, True], ids=["inside", "external"])
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("when", ["optimize", "partition", "emit"])
def test_while_it_is_compiled(
    tmp_path: pathlib.Path, external: bool, change: Callable[[pathlib.Path], None], when: str
) -> None:
    file = save(tmp_path, external)
    seen: list[str] = []

    def spoil(phase: str) -> None:
        seen.append(phase)
        if phase == when:
            change(file)

    with pytest.raises(lathe.CompileError, match="was changed while it was read") as caught:
        lathe.compile(tmp_path / "m.onnx", cache=False, progress=spoil)
    assert caught.value.ids == ("model-changed",) and file.name in str(caught.value)
    assert when in seen


def test_a_new_file_in_its_place_is_another(tmp_path: pathlib.Path) -> None:
    """What is mapped stays as it is where a new file takes the name."""
    file = save(tmp_path, external=True)
    (right,) = lathe.compile(tmp_path / "m.onnx", cache=False)(np.ones((2, SIZE), np.float32))

    def replace(phase: str) -> None:
        if phase == "optimize":
            other = tmp_path / "other"
            other.write_bytes(bytes(file.stat().st_size))
            other.replace(file)

    model = lathe.compile(tmp_path / "m.onnx", cache=False, progress=replace)
    np.testing.assert_array_equal(model(np.ones((2, SIZE), np.float32))[0], right)


def test_views_of_files_that_were_cut(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(bytes(range(256)) * 1024)
    with path.open("rb") as file:
        view = FileView(file.fileno(), 0, 256 * 1024)
        assert view[300] == 44 and bytes(view[10:13]) == b"\x0a\x0b\x0c"
        assert view.find(b"\xfe\xff\x00", 300) == 510 and view[256:].find(b"\x00\xff") == -1
        with pytest.raises(IndexError):
            view[256 * 1024]
        os.truncate(path, 1000)
        for read in (lambda: view[200_000], lambda: bytes(view), lambda: view.find(b"none")):
            with pytest.raises(OSError, match="made shorter"):
                read()


OTHERS = """\
import mmap, os, pathlib, sys
import lathe
from lathe.source import Source
program = Source(pathlib.Path("m.onnx")).load()  # Has its file mapped.
pathlib.Path("f").write_bytes(bytes(1 << 16))
with open("f", "rb") as file:
    data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
os.truncate("f", 0)
{}
data[5000]
"""


@pytest.mark.parametrize("frees", ["", "del program"])
def test_signals_of_other_mappings_are_handed_on(tmp_path: pathlib.Path, frees: str) -> None:
    save(tmp_path, external=False)
    code = OTHERS.format(frees)
    for words in ([], ["-X", "faulthandler"]):
        result = subprocess.run(
            [sys.executable, *words, "-c", code], cwd=tmp_path, capture_output=True, text=True
        )
        assert result.returncode == -signal.SIGBUS, result.stderr
        assert ("Bus error" in result.stderr) == bool(words), result.stderr
