# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Files that are cut while a command reads them end in an error; test/python has the compiler's."""

from __future__ import annotations

import os
import pathlib
import subprocess

import numpy as np
import onnx
import pytest
from command_line import program
from onnx import TensorProto, helper, numpy_helper

# Cuts the file when it was looked at: the model has been loaded then, or the array has been read.
CUT = """
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
int stat(const char *path, struct stat *status) {
  int result = fstatat(AT_FDCWD, path, status, 0);
  if (strstr(path, "cut.bin"))
    (void)!truncate(path, 4096);
  return result;
}
int stat64(const char *path, struct stat64 *status) { return stat(path, (struct stat *)status); }
"""


def run(folder: pathlib.Path, *words: str) -> subprocess.CompletedProcess[str]:
    (folder / "cut.c").write_text(CUT)
    library = str(folder / "cut.so")
    subprocess.run(["cc", "-shared", "-fPIC", "cut.c", "-o", library], check=True, cwd=folder)
    environment = {**os.environ, "LD_PRELOAD": library, "LATHE_CACHE_DIR": str(folder / "cache")}
    return subprocess.run(
        [program(), *words], cwd=folder, env=environment, capture_output=True, text=True
    )


@pytest.mark.parametrize("ending", ["mlir", "lathe", "onnx"])
def test_a_model_that_is_written_again(tmp_path: pathlib.Path, ending: str) -> None:
    values = np.random.default_rng(3).standard_normal((700, 700), np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 700])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 700])],
        [numpy_helper.from_array(values, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "m.onnx", save_as_external_data=True, location="cut.bin")
    result = run(tmp_path, "convert", "m.onnx", "-o", f"n.{ending}")
    assert result.returncode == 1 and "[model-changed]" in result.stderr, result.stderr
    assert "cut.bin: error" in result.stderr
    assert not list(tmp_path.glob("n.*"))
