# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Several targets in one artifact: what is in it, which is used, and what is refused."""

from __future__ import annotations

import pathlib
import platform
import re

import numpy as np
import onnx
import pytest
from command_line import Run
from onnx import TensorProto, helper, numpy_helper

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="the levels of this test are those of x86-64"
)

WIDTH = 96


@pytest.fixture
def model(tmp_path: pathlib.Path) -> str:
    """A product with a weight that is packed, and a sum with one that is used as it is."""
    random = np.random.default_rng(0)
    weights = random.standard_normal((WIDTH, WIDTH), dtype=np.float32)
    offset = random.standard_normal((4, WIDTH), dtype=np.float32)
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["p"], "product"),
            helper.make_node("Softmax", ["p"], ["s"], "softmax"),
            helper.make_node("Add", ["s", "o"], ["y"], "sum"),
        ],
        "levels",
        [value("x", TensorProto.FLOAT, [4, WIDTH])],
        [value("y", TensorProto.FLOAT, [4, WIDTH])],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(offset, "o")],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), tmp_path / "levels.onnx")
    return "levels.onnx"


def weight_bytes(lathe: Run, name: str) -> float:
    (size, unit), *_ = re.findall(
        r"^weights    ([\d.]+) (kB|bytes)$", lathe("inspect", name).stdout, re.MULTILINE
    )
    return float(size) * (1000 if unit == "kB" else 1)


@pytest.mark.parametrize("ending", ["so", "lathebin"])
def test_the_best_variant_is_used_and_another_one_by_name(
    lathe: Run, model: str, ending: str
) -> None:
    name = f"a.{ending}"
    result = lathe("compile", model, "-o", name, "--target", "x86_64:v1+v2+amx")
    assert result.returncode == 0, result.stderr
    assert "for x86_64:amx, x86_64:v2, x86_64\n" in re.sub(", compiled in .*", "", result.stdout)
    inspected = lathe("inspect", name).stdout
    found = re.findall(
        r"^(?:variants)? +(\w+) +([\d.]+ kB) +in (\d) kernels *(used here)?$",
        inspected,
        re.MULTILINE,
    )
    assert [row[0] for row in found] == ["amx", "v2", "v1"]
    assert sum(row[3] != "" for row in found) == 1
    # Even a machine with AMX has the others.
    outputs = {}
    for isa in ("v2", "v1"):
        assert (
            f"target     x86_64{':v2' if isa == 'v2' else ''}\n"
            in lathe("inspect", name, "--isa", isa).stdout
        )
        result = lathe("run", name, "--isa", isa)
        assert result.returncode == 0, result.stderr
        outputs[isa] = re.findall(r'^output "y" .*$', result.stdout, re.MULTILINE)
    assert outputs["v1"][0].split(":")[0] == outputs["v2"][0].split(":")[0]
    result = lathe("run", name, "--isa", "v9")
    assert result.returncode == 1
    assert 'the module has no variant "v9": it has amx, v2, v1; this machine is x86_64:' in (
        result.stderr
    )
    assert "[module-no-variant]" in result.stderr
    if not found[0][3]:
        result = lathe("run", name, "--isa", "amx")
        assert result.returncode == 1
        assert 'the variant "amx" cannot run here: this machine is x86_64:' in result.stderr
        assert "the module has amx, v2, v1 [module-cannot-run]" in result.stderr


def test_nothing_that_runs_here(lathe: Run, model: str) -> None:
    if lathe("compile", model, "-o", "a.so", "--target", "x86_64:amx").returncode:
        pytest.fail("cannot compile for AMX")
    if lathe("run", "a.so").returncode == 0:
        pytest.skip("this machine has AMX")
    result = lathe("run", "a.so")
    assert "lacks '" in result.stderr and "[target-missing-feature]" in result.stderr
    lathe("compile", model, "-o", "b.so", "--target", "x86_64:amx+amx,avx512fp16")
    result = lathe("run", "b.so")
    assert result.returncode == 1
    assert "none of the module's variants can run here: it has amx,avx512fp16, amx, but" in (
        result.stderr
    )
    assert "[module-cannot-run]" in result.stderr


def test_variants_share_weights(lathe: Run, model: str) -> None:
    """What is not packed is there once, and what is packed alike, too."""
    sizes = {}
    for target in ("v2", "v3", "v2+v3", "v3+v3,gfni"):
        lathe("compile", model, "-o", "a.lathebin", "--target", f"x86_64:{target}")
        sizes[target] = weight_bytes(lathe, "a.lathebin")
    plain = 4 * 4 * WIDTH
    assert sizes["v3+v3,gfni"] == sizes["v3"]
    assert max(sizes["v2"], sizes["v3"]) <= sizes["v2+v3"]
    assert sizes["v2+v3"] <= sizes["v2"] + sizes["v3"] - plain + 100


def test_ir_of_several_targets(lathe: Run, model: str, tmp_path: pathlib.Path) -> None:
    command = ("compile", model, "--target", "x86_64:v2+v3")
    result = lathe(*command, "--stop-after", "lower", "--dump-phases", "dump")
    assert result.returncode == 0, result.stderr
    assert re.findall(r"^  (?:builtin\.)?module @(\w+)", result.stdout, re.MULTILINE) == [
        "v3",
        "v2",
    ]
    names = {path.name for path in (tmp_path / "dump").iterdir()}
    assert {"1-optimize.mlir", "2-partition.v3.mlir", "2-partition.v2.mlir"} <= names
    assert lathe(*command, "--stop-after", "partition", "-o", "a.mlir").returncode == 0
    result = lathe("compile", "a.mlir", "-o", "a.so", "--start-at", "lower")
    assert result.returncode == 1 and "[native-variants]" in result.stderr
    result = lathe(
        "compile", "dump/2-partition.v3.mlir", "--start-at", "lower", *command[2:], "-oa.so"
    )
    assert result.returncode == 1 and "[phase-several-targets]" in result.stderr


def test_lists_that_are_none(lathe: Run, model: str) -> None:
    for target, id in (
        ("x86_64:v2+v2", "target-twice"),
        ("x86_64:v2+v7", "target-unknown-feature"),
        ("x86_64:v2+aarch64:neon", "target-architectures"),
        ("host+avx3", "target-unknown-feature"),
    ):
        result = lathe("compile", model, "-o", "a.so", "--target", target)
        assert result.returncode == 1 and f"[{id}]" in result.stderr


def test_risc_v_libraries_say_how_they_pass_numbers(
    lathe: Run, model: str, tmp_path: pathlib.Path
) -> None:
    """The object with the weights has the flags of the others: linkers refuse a mixture."""
    result = lathe("compile", model, "-o", "a.so", "--target", "riscv64:gc+v")
    assert result.returncode == 0, result.stderr
    header = (tmp_path / "a.so").read_bytes()[:64]
    machine, flags = (
        int.from_bytes(header[18:20], "little"),
        int.from_bytes(header[48:52], "little"),
    )
    assert machine == 243  # EM_RISCV
    assert flags & 0x6 == 0x4  # Doubles in registers.
