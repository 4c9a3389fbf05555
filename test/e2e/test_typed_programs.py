# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Packed integers, strings and complex numbers, in a C program and on the command line."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess

import ml_dtypes
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("LATHE_BUILD", ROOT / "build/release"))
LATHE = BUILD / "bin/lathe"


@pytest.fixture
def model(tmp_path: pathlib.Path) -> pathlib.Path:
    """The model of types.c, beside which everything goes."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node("Reshape", ["x", "shape"], ["reshaped"]),
            helper.make_node("StringConcat", ["s", "mark"], ["marked"]),
            helper.make_node("Identity", ["z"], ["same"]),
            helper.make_node("Cast", ["x"], ["wide"], to=TensorProto.FLOAT),
        ],
        "types",
        [
            value("x", TensorProto.INT4, [5]),
            value("s", TensorProto.STRING, ["n"]),
            value("z", TensorProto.COMPLEX64, ["k"]),
        ],
        [
            value("reshaped", TensorProto.INT4, [5, 1]),
            value("marked", TensorProto.STRING, ["n"]),
            value("same", TensorProto.COMPLEX64, ["k"]),
            value("wide", TensorProto.FLOAT, [5]),
        ],
        [
            numpy_helper.from_array(np.array([5, 1]), "shape"),
            numpy_helper.from_array(np.array(["!"], object), "mark"),
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 25)], ir_version=13)
    path = tmp_path / "types.onnx"
    path.write_bytes(made.SerializeToString())
    return path


def run(*command: object, cwd: pathlib.Path) -> str:
    words = [str(word) for word in command]
    result = subprocess.run(words, capture_output=True, text=True, check=False, cwd=cwd)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_a_c_program(model: pathlib.Path) -> None:
    folder = model.parent
    run(LATHE, "compile", model, "-o", "types.a", "--header", "types.h", cwd=folder)
    header = (folder / "types.h").read_text()
    assert "input 0: x, packed int4[5]" in header
    assert "input 1: s, const char *[n]" in header
    assert "output 2: same, float complex[k]" in header
    compiler = shutil.which("cc") or shutil.which("clang-22")
    assert compiler, "a C compiler is needed"
    sources = [ROOT / "test/e2e/types.c", "types.a", *sorted((ROOT / "lib/Runtime").glob("*/*.c"))]
    flags = ("-std=c11", "-D_GNU_SOURCE", "-I", ".", "-I", ROOT / "include", "-o", "types")
    run(compiler, *flags, *sources, "-lpthread", "-ldl", "-lm", cwd=folder)
    assert run("./types", cwd=folder) == "e1 c3 05 one! zwölf! 1.5 -2 1 -2 3 -4 5 \n"


def test_the_command_line(model: pathlib.Path) -> None:
    folder = model.parent
    x = np.array([1, -2, 3, -4, 5], ml_dtypes.int4)
    s = np.array(["one", "zwölf", ""])
    np.save(folder / "x.npy", x)
    np.save(folder / "s.npy", s)
    np.save(folder / "z.npy", np.array([1.5 - 2j], np.complex64))
    files = [word for name in "xsz" for word in ("--input", f"{name}={name}.npy")]
    text = run(LATHE, "run", model, *files, "--save-outputs", "out", cwd=folder)
    assert 'output "reshaped" i4[5, 1]: min -4, max 5, mean 0.6; first 1, -2, 3, -4, 5\n' in text
    assert 'output "marked" string[3]: first "one!", "zw' in text
    assert 'output "same" c64[1]: 1.5-2j\n' in text
    back = {name: np.load(folder / f"out/{name}.npy") for name in ("reshaped", "marked", "same")}
    codes = np.frombuffer(back["reshaped"].tobytes(), np.uint8) & 15
    assert codes.tolist() == [1, 14, 3, 12, 5] and back["reshaped"].shape == (5, 1)
    assert back["marked"].tolist() == ["one!", "zwölf!", "!"]
    assert back["same"].tolist() == [1.5 - 2j]
    # Without files there are numbers and words of all types.
    text = run(LATHE, "run", model, "--dim", "n=2", "--dim", "k=3", cwd=folder)
    assert 'input "s" string[2]: first "word' in text
    signature = (
        "main(x: i4[5], s: string[n], z: c64[k]) -> (reshaped: i4[5, 1], marked: string[n], "
    )
    run(LATHE, "compile", model, "-o", "types.so", cwd=folder)
    assert signature in run(LATHE, "inspect", "types.so", cwd=folder)


def test_bytes_of_strings(model: pathlib.Path) -> None:
    folder = model.parent
    np.save(folder / "s.npy", np.array([b"one", b"two!"]))
    text = run(LATHE, "run", model, "--input", "s=s.npy", "--dim", "k=1", cwd=folder)
    assert 'output "marked" string[2]: first "one!", "two!!"\n' in text
