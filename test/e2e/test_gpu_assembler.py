# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""NVIDIA's assembler: what it takes, where it is not needed, and what becomes of its code."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
from collections.abc import Sequence

import pytest
import test_zoo
from gpu_driver import (
    GPUS,
    LATHE,
    MODELS,
    NOWHERE,
    TWICE,
    changed,
    lathe_tool,
    run,
    without_assembler,
    write_assembler,
)


def test_what_is_beside_an_assembler_stays(tmp_path: pathlib.Path) -> None:
    """`/usr/bin` may have an assembler, and has the C compiler."""
    for name in ("ptxas", "cc"):
        (tmp_path / name).touch(0o755)
    path = without_assembler(str(tmp_path), tmp_path / "links")
    assert shutil.which("cc", path=path) and not shutil.which("ptxas", path=path)
    assert without_assembler(path, tmp_path / "more") == path


def assemble(model: pathlib.Path, gpu: str, *options: str) -> str:
    """The PTX of `model`, which NVIDIA's assembler takes without spills and without a warning."""
    assembler = shutil.which("ptxas", path=os.environ.get("PATH", "") + ":/usr/local/cuda/bin")
    if not assembler:
        pytest.skip(
            "ptxas is not installed; it comes with the CUDA toolkit, which nothing else needs"
        )
    ptx = model.with_suffix(".ptx")
    done = lathe_tool(
        dict(os.environ), "compile", model, "-o", ptx, "--target", f"cuda:{gpu}", *options
    )
    assert done.returncode == 0, done.stderr
    words = (assembler, "-v", f"-arch={gpu}", ptx, "-o", model.with_suffix(".cubin"))
    done = run(os.environ, *words)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr.lower()
    assert set(re.findall(r"(\d+) bytes spill (?:stores|loads)", done.stderr)) == {"0"}
    return ptx.read_text()


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("gpu", GPUS)
def test_assembles(tmp_path: pathlib.Path, name: str, gpu: str) -> None:
    """Whole models for each GPU."""
    case = test_zoo.CASES[name]
    path = tmp_path / "model.onnx"
    path.write_bytes(test_zoo.written(case, case.opsets[0])[1])
    assemble(path, gpu)


@pytest.mark.parametrize(
    ("kind", "result", "gpus", "instruction"),
    [
        ("ui8", "i32", GPUS, "mma.sync"),
        ("f32", "f32", GPUS, "mma.sync"),
        ("f16", "f16", ("sm_90a",), "wgmma.mma_async.sync.aligned.m64n256k16.f32.f16.f16"),
        ("bf16", "bf16", ("sm_90a",), "wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16"),
    ],
)
def test_tensor_cores_assemble(
    tmp_path: pathlib.Path, kind: str, result: str, gpus: Sequence[str], instruction: str
) -> None:
    """Large products of bytes, of f32 that may be rounded, and by warpgroups."""
    a, b, y = (
        f"tensor<{s}x{k}>"
        for s, k in zip(("4096x512", "512x4096", "4096x4096"), (kind, kind, result), strict=True)
    )
    model = tmp_path / "product.mlir"
    model.write_text(
        f"func.func @main(%a: {a}, %b: {b}) -> {y} {{\n"
        f"  %y = graph.matmul %a, %b : ({a}, {b}) -> {y}\n  return %y : {y}\n}}\n"
    )
    for gpu in gpus:
        assert instruction in assemble(model, gpu, "--precision", "tf32")


@pytest.mark.parametrize("gpu", ("sm_80", "sm_120a"))
@pytest.mark.parametrize(
    ("sizes", "kind", "causal"),
    [
        ("16x16x1024x64", "f16", ""),
        ("16x16x1000x64", "bf16", "causal = <() -> (0)> "),
        ("16x16x1000x128", "bf16", "causal = <() -> (0)> "),
        ("16x16x1000x256", "f16", "causal = <() -> (0)> "),
        ("16x16x1000x64", "f32", "causal = <() -> (0)> "),
        ("16x16x1000x128", "f32", ""),
    ],
)
def test_attention_assembles(
    tmp_path: pathlib.Path, sizes: str, kind: str, causal: str, gpu: str
) -> None:
    """Attention stays in registers, whatever its heads are."""
    x = f"tensor<{sizes}x{kind}>"
    model = tmp_path / "attention.mlir"
    model.write_text(
        f"func.func @main(%q: {x}, %k: {x}, %v: {x}) -> {x} {{\n"
        f"  %y = graph.attention %q, %k, %v {causal}heads_inside = [false, false, false, false] "
        f"scale = 0.125 : ({x}, {x}, {x}) -> {x}\n  return %y : {x}\n}}\n"
    )
    assert "ex2.approx" in assemble(model, gpu, "--precision", "tf32")


@pytest.mark.parametrize("gpu", GPUS)
def test_no_toolkit_is_needed(driver: dict[str, str], tmp_path: pathlib.Path, gpu: str) -> None:
    """PTX for each GPU where neither assembler nor driver is; our code names no toolkit."""
    model, ptx = tmp_path / "twice.mlir", tmp_path / "twice.ptx"
    model.write_bytes(TWICE)
    environment = {**changed(driver, {NOWHERE: ""}), "CUDA_HOME": str(tmp_path), "CUDA_PATH": ""}
    assert not shutil.which("ptxas", path=environment["PATH"])
    done = lathe_tool(environment, "compile", model, "-o", ptx, "--target", f"cuda:{gpu}")
    assert done.returncode == 0, done.stderr
    assert f".target {gpu}" in ptx.read_text()
    for tool in (LATHE, LATHE.parents[1] / "lib/libLatheRuntime.a"):
        assert b"/usr/local/cuda" not in tool.read_bytes()


def test_assembled_code_comes_first(driver: dict[str, str], tmp_path: pathlib.Path) -> None:
    """An artifact has what an assembler made, too; a GPU that cannot take it gets the PTX."""
    model = tmp_path / "twice.mlir"
    model.write_bytes(TWICE)
    artifact, log = tmp_path / "twice.lathebin", tmp_path / "log"
    driver = {**driver, "LATHE_CACHE_DIR": str(tmp_path / "cache")}
    finds = write_assembler(tmp_path, {**driver, "LATHE_EMU_LOG": str(log)})
    for environment, images in (
        (finds, 2),
        ({**finds, "LATHE_TEST_FAILS": "1"}, 1),
        (driver, 1),
    ):
        done = lathe_tool(environment, "compile", model, "-o", artifact, "--target", "cuda:sm_80")
        assert done.returncode == 0, done.stderr
        shown = lathe_tool(driver, "inspect", artifact)
        assert re.search(rf"images +{images} with 1 functions", shown.stdout), shown.stdout
        known = r"41 +12 bytes" if images == 2 else r"\? +\?"
        assert re.search(rf"lathe_k0_\w+ +a thread +256 +0 bytes +{known}", shown.stdout), (
            shown.stdout
        )
        if images == 2:
            done = lathe_tool(finds, "run", artifact, "--dim", "n=3")
            assert done.returncode == 0, done.stderr
            loads = [line.split() for line in log.read_text().splitlines()]
            assert [line[1] for line in loads if line[0] == "load"] == ["cubin", "code"]
    failing = {**finds, "LATHE_TEST_FAILS": "1"}
    words = ("compile", model, "-o", artifact, "--target", "cuda:sm_80", "--verbose")
    done = lathe_tool(failing, *words)
    assert "it is broken" in done.stderr and "[gpu-no-cubin]" in done.stderr, done.stderr
