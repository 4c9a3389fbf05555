# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a model may come as: files and pipes, by content; what else people have is named."""

from __future__ import annotations

import gzip
import os
import pathlib
import pickle
import re
import subprocess
import zipfile

import numpy as np
import onnx
import pytest
from command_line import Run, program
from onnx import TensorProto, helper, numpy_helper

SOFTMAX = """func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = graph.relu %x : tensor<2x3xf32>
  %1 = graph.softmax %0 axis = 1 : tensor<2x3xf32> -> tensor<2x3xf32>
  return %1 : tensor<2x3xf32>
}
"""


def relu() -> onnx.ModelProto:
    graph = helper.make_graph(
        [
            helper.make_node("Relu", ["x"], ["h"], "act"),
            helper.make_node("Softmax", ["h"], ["y"], "soft", axis=1),
        ],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def piped(data: bytes, *words: str, folder: pathlib.Path) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        [program(), *words],
        input=data,
        capture_output=True,
        cwd=folder,
        env={**os.environ, "LATHE_CACHE_DIR": str(folder / "cache")},
        check=False,
        timeout=300,
    )
    return subprocess.CompletedProcess(
        result.args, result.returncode, result.stdout.decode(), result.stderr.decode()
    )


@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
@pytest.mark.parametrize("form", ["onnx", "mlir", "lathe"])
def test_a_model_from_a_pipe(lathe: Run, tmp_path: pathlib.Path, name: str, form: str) -> None:
    onnx.save(relu(), tmp_path / "m.onnx")
    if form != "onnx":
        assert lathe("convert", "m.onnx", "-o", f"m.{form}").returncode == 0
    data = (tmp_path / f"m.{form}").read_bytes()
    result = piped(data, "compile", name, "-o", "m.lathebin", folder=tmp_path)
    assert result.returncode == 0, result.stderr
    assert 'output "y" f32[1, 3]' in lathe("run", "m.lathebin").stdout
    checked = piped(data, "check", name, folder=tmp_path)
    assert checked.returncode == 0
    assert ("2 operators: 2 direct" in checked.stdout) == (form == "onnx")
    report = piped(data, "report", "-", "-o", "m.html", folder=tmp_path)
    assert report.returncode == 2 and "[cli-report-pipe]" in report.stderr


def test_what_is_wrong_with_a_pipe(tmp_path: pathlib.Path) -> None:
    empty = piped(b"", "check", "-", folder=tmp_path)
    assert (
        empty.returncode == 1 and "<stdin>: error: the file is empty [onnx-empty]" in empty.stderr
    )
    model = relu()
    model.graph.initializer.append(numpy_helper.from_array(np.zeros((1, 3), np.float32), "w"))
    model.graph.node[0].input[0] = "w"
    onnx.save(model, tmp_path / "m.onnx", save_as_external_data=True, size_threshold=0)
    outside = piped((tmp_path / "m.onnx").read_bytes(), "check", "-", folder=tmp_path)
    assert outside.returncode == 1 and "[onnx-external-data-no-folder]" in outside.stderr
    verify = piped(model.SerializeToString(), "run", "-", "--verify", folder=tmp_path)
    assert "this is a pipe, which only one of the two can read [cli-needs-onnx]" in verify.stderr


def write_other(path: pathlib.Path, kind: str) -> None:
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("data.pkl", b"")
    elif kind == "gzip":
        path.write_bytes(gzip.compress(relu().SerializeToString()))
    elif kind == "pickle":
        path.write_bytes(pickle.dumps({}, protocol=2))
    elif kind == "lfs":
        path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    else:
        path.write_text("model:\n  name: resnet\n")


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("zip", "a ZIP archive, as PyTorch saves models"),
        ("gzip", "compressed with gzip"),
        ("pickle", "a Python pickle"),
        ("lfs", "a pointer of Git LFS"),
        ("yaml", 'text that begins with "model:", but neither an ONNX file nor MLIR'),
    ],
)
@pytest.mark.parametrize("ending", ["onnx", "bin"])
def test_files_that_are_no_models(
    lathe: Run, tmp_path: pathlib.Path, kind: str, what: str, ending: str
) -> None:
    write_other(tmp_path / f"m.{ending}", kind)
    result = lathe("check", f"m.{ending}")
    assert result.returncode == 1
    assert what in result.stderr and "[model-other-format]" in result.stderr
    assert result.stderr.count("error:") == 1 and "note:" in result.stderr


def test_mlir_is_known_by_its_content(lathe: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "model").write_text("// A comment.\n\n" + SOFTMAX)
    result = lathe("run", "model")
    assert result.returncode == 0, result.stderr


def test_ops_take_their_types_alike(lathe: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.mlir").write_text(SOFTMAX)
    swapped = SOFTMAX.replace("%0 axis = 1 : tensor<2x3xf32> -> tensor", "%0 axis = 1 : tensor")
    swapped = swapped.replace(
        "relu %x : tensor<2x3xf32>", "relu %x : tensor<2x3xf32> -> tensor<2x3xf32>"
    )
    (tmp_path / "b.mlir").write_text(swapped)
    texts = [
        lathe("compile", f"{name}.mlir", "--stop-after", "import", "--target", "x86_64").stdout
        for name in "ab"
    ]
    assert texts[0] == texts[1] != ""
    lines = SOFTMAX.replace("-> tensor<2x3xf32> {", "-> tensor<2x4xf32> {").splitlines()
    lines[2:4] = [line.removesuffix("3xf32>") + "4xf32>" for line in lines[2:4]]
    (tmp_path / "c.mlir").write_text("\n".join(lines))
    wrong = lathe("check", "c.mlir").stderr
    assert "c.mlir:3:8: error: " in wrong and "[native-verify]" in wrong


def test_a_slip_in_text_has_an_id(lathe: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "m.mlir").write_text(SOFTMAX.replace("graph.relu", "graph.rleu"))
    result = lathe("check", "m.mlir")
    assert result.returncode == 1
    assert re.match(r"m\.mlir:2:8: error: .*rleu.* \[native-syntax\]\n", result.stderr)


def test_an_edited_model_is_named_with_its_own_line(lathe: Run, tmp_path: pathlib.Path) -> None:
    onnx.save(relu(), tmp_path / "m.onnx")
    assert lathe("convert", "m.onnx", "-o", "m.mlir").returncode == 0
    text = (tmp_path / "m.mlir").read_text()
    assert '"m.onnx"' in text
    lines = ["// A line more, so that the lines are others.", *text.splitlines()]
    line = next(i for i, words in enumerate(lines, 1) if "graph.softmax" in words)
    lines[line - 1] = lines[line - 1].replace("axis = 1", "axis = 5")
    (tmp_path / "edited.mlir").write_text("\n".join(lines))
    result = lathe("compile", "edited.mlir", "-o", "m.lathebin")
    assert result.returncode == 1
    where = re.escape(f"edited.mlir:{line}:") + r'\d+: node "soft" \(Softmax-13\): error: '
    assert re.match(where, result.stderr) and "[native-verify]" in result.stderr
    assert "m.onnx" not in result.stderr


def test_verify_and_against_want_onnx(lathe: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "m.mlir").write_text(SOFTMAX)
    assert lathe("convert", "m.mlir", "-o", "m.lathe").returncode == 0
    (tmp_path / "bytes").write_bytes((tmp_path / "m.lathe").read_bytes())
    for name in ("m.mlir", "m.lathe", "bytes"):
        for words in (("run", name, "--verify"), ("bench", name, "--against", "onnxruntime")):
            result = lathe(*words)
            assert result.returncode == 1
            assert (
                "reads ONNX files, but this is Lathe's own format [cli-needs-onnx]" in result.stderr
            )
            assert f"or leave out {words[2]}" in result.stderr


def test_the_host_with_fewer_features(lathe: Run, tmp_path: pathlib.Path) -> None:
    onnx.save(relu(), tmp_path / "m.onnx")
    arch = os.uname().machine
    level = {"x86_64": "avx2"}.get(arch)
    if level is None:
        pytest.skip(f"{arch} has no feature that this test knows")
    result = lathe("compile", "m.onnx", "-o", "m.lathebin", "--target", f"host:{level}")
    assert result.returncode == 0, result.stderr
    assert f" for {arch}:{level}, " in result.stdout
    wrong = lathe("check", "m.onnx", "--target", "host:avx3")
    assert "unknown CPU feature 'avx3'" in wrong.stderr


def table(rows: int) -> onnx.ModelProto:
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["ids"], ["wide"], to=TensorProto.INT64),
            helper.make_node("Gather", ["w", "wide"], ["y"]),
        ],
        "g",
        [helper.make_tensor_value_info("ids", TensorProto.INT32, ["n", 50])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 50, 4])],
        [numpy_helper.from_array(np.arange(4.0 * rows, dtype=np.float32).reshape(rows, 4), "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_random_ids_are_rows_of_their_table(lathe: Run, tmp_path: pathlib.Path) -> None:
    onnx.save(table(7), tmp_path / "m.onnx")
    result = lathe("run", "m.onnx", "--dim", "n=20")
    assert result.returncode == 0, result.stderr
    assert 'input "ids" i32[20, 50]: min 0, max 6,' in result.stdout


def test_verify_knows_ids_and_takes_inputs(lathe: Run, tmp_path: pathlib.Path) -> None:
    pytest.importorskip("onnxruntime")
    onnx.save(table(7), tmp_path / "m.onnx")
    result = lathe("run", "m.onnx", "--verify", "--seed", "3")
    assert result.returncode == 0, result.stderr
    np.save(tmp_path / "ids.npy", np.full((3, 50), 6, np.int32))
    given = lathe("run", "m.onnx", "--verify", "--input", "ids=ids.npy")
    assert given.returncode == 0, given.stderr
    assert "3x50" in given.stdout
    np.save(tmp_path / "ids.npy", np.full((3, 50), 7, np.int32))
    outside = lathe("run", "m.onnx", "--verify", "--input", "ids=ids.npy")
    assert outside.returncode == 1 and "[call-index-range]" in outside.stderr
    absent = lathe("run", "m.onnx", "--verify", "--input", "ids=none.npy")
    assert absent.returncode == 1 and "[inputs-unreadable]" in absent.stderr


def test_hints_fit_the_input(lathe: Run, tmp_path: pathlib.Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 3, None, "w"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "m.onnx")
    first = lathe("run", "m.onnx", "--dim", "w=8").stderr
    assert "give one with --shape x=1x3x32x8" in first
    assert lathe("run", "m.onnx", "--shape", "x=1x3x32x8").returncode == 0
    assert "such as --shape x=1x3x32x32" in lathe("run", "m.onnx", "--shape", "x=4").stderr
