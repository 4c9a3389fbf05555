# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The layer check finds what it is there to find, and nothing else."""

from __future__ import annotations

import pathlib

import pytest
import tree


def check(root: pathlib.Path, files: dict[str, str]) -> tuple[int, str]:
    tree.write(root, {"tools/dev/layers.toml": tree.rules("layers.toml"), **files})
    result = tree.run_script("tools/dev/check_layers.py", str(root))
    return result.returncode, result.stdout


ALLOWED = {
    "include/lathe-runtime/module_abi.h": "#include <stdint.h>\n",
    "lib/Runtime/Module.c": '#include "lathe-runtime/module_abi.h"\n#include "Pool.h"\n',
    "lib/Runtime/Pool.h": "#include <sys/mman.h>\n",
    "dialects/Graph/Graph.td": 'include "mlir/IR/OpBase.td"\n',
    "lib/Import/ONNX/Model.cpp": '#include "Graph/Graph.h.inc"\n#include <optional>\n',
}


def test_what_the_layers_allow_passes(tmp_path: pathlib.Path) -> None:
    code, text = check(tmp_path, ALLOWED)
    assert code == 0, text
    assert "5 files looked at, 0 violations" in text


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        ("lib/Runtime/Bad.c", '#include "llvm/ADT/STLExtras.h"', "'runtime' may not use 'llvm'"),
        ("lib/Target/Bad.cpp", "#include <mlir/IR/Value.h>", "'target' may not use 'mlir'"),
        ("dialects/Graph/Bad.td", 'include "google/protobuf/x.td"', "may not use 'protobuf'"),
        ("lib/Import/Bad.cpp", '#include "lathe/Codegen/CPU.h"', "may not use 'codegen'"),
        ("lib/CAPI/Bad.cpp", '#include "nanobind/nanobind.h"', "may not use 'nanobind'"),
        ("lib/Target/Bad.cpp", '#include "boost/any.hpp"', "may not use 'an unknown library'"),
        ("lib/Elsewhere/Bad.cpp", "", "[layer-no-area]"),
        ("lib/Import/Bad.cpp", 'auto *p = getenv("X");', "[layer-word]"),
        ("lib/Pipeline/Bad.cpp", "static cl::opt<bool> x;", "[layer-word]"),
    ],
)
def test_each_rule_is_enforced(tmp_path: pathlib.Path, name: str, line: str, message: str) -> None:
    tree.write(tmp_path, {"include/lathe/Codegen/CPU.h": "\n"})
    code, text = check(tmp_path, {**ALLOWED, name: f"// First.\n{line}\n"})
    assert code == 1
    assert message in text
    assert f"{name}:" in text


def test_an_empty_tree_is_no_success(tmp_path: pathlib.Path) -> None:
    code, _ = check(tmp_path, {})
    assert code == 1
