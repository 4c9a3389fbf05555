# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Artifacts with several targets: emulated or here, each level computes what it should."""

from __future__ import annotations

import functools
import os
import pathlib
import shutil
import subprocess

import lathe
import numpy as np
import numpy.typing as npt
import pytest
from onnx import TensorProto, helper, numpy_helper

ROOT = pathlib.Path(__file__).resolve().parents[2]
LATHE = pathlib.Path(os.environ.get("LATHE_BUILD", ROOT / "build/release")) / "bin/lathe"
ROWS, WIDTH = 5, 96

RANDOM = np.random.default_rng(0)
WEIGHTS = RANDOM.standard_normal((WIDTH, WIDTH), dtype=np.float32) / 8
OFFSET = RANDOM.standard_normal(WIDTH, dtype=np.float32)
INPUT = RANDOM.standard_normal((ROWS, WIDTH), dtype=np.float32)


def need(*tools: str) -> None:
    for tool in tools:
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed; tools/check without --no-setup installs it")


def save(path: pathlib.Path) -> None:
    """Softmax(x @ WEIGHTS + OFFSET) for x: f32[n, WIDTH]."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "w", "o"], ["p"], "product"),
            helper.make_node("Softmax", ["p"], ["y"], "softmax", axis=1),
        ],
        "levels",
        [value("x", TensorProto.FLOAT, ["n", WIDTH])],
        [value("y", TensorProto.FLOAT, ["n", WIDTH])],
        [numpy_helper.from_array(WEIGHTS, "w"), numpy_helper.from_array(OFFSET, "o")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())


def expected() -> npt.NDArray[np.float64]:
    scores = INPUT.astype(np.float64) @ WEIGHTS + OFFSET
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: npt.NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares


def run(*command: object, cwd: pathlib.Path) -> subprocess.CompletedProcess[str]:
    words = [str(word) for word in command]
    return subprocess.run(words, capture_output=True, text=True, check=False, cwd=cwd)


# What is compiled for, and which level each processor of qemu has by its manual.
ARCHITECTURES = {
    "aarch64": ("aarch64:neon+dotprod+i8mm+i8mm,bf16", "-lpthread -ldl -lm"),
    "riscv64": ("riscv64:gc+v", "-lpthread -ldl -lm -latomic"),
}
PROCESSORS = [
    ("aarch64", "cortex-a57", "neon"),
    ("aarch64", "cortex-a76", "dotprod"),
    ("aarch64", "max", "bf16,i8mm"),
    ("riscv64", "rv64", "gc"),
    ("riscv64", "rv64,v=true,vext_spec=v1.0", "v"),
]


@functools.cache
def build(folder: pathlib.Path, arch: str) -> pathlib.Path:
    """The program of variants.c for another machine, with a model of all levels in it."""
    compiler = f"{arch}-linux-gnu-gcc"
    need(compiler, f"qemu-{arch}", "cmake")
    target, libraries = ARCHITECTURES[arch]
    save(folder / "levels.onnx")
    INPUT.tofile(folder / "input.f32")
    cmake = ("cmake", "-S", ROOT / "lib/Runtime", "-B", "runtime", "-DBUILD_TESTING=OFF")
    system = ("-DCMAKE_SYSTEM_NAME=Linux", f"-DCMAKE_SYSTEM_PROCESSOR={arch}")
    compile_model = (LATHE, "compile", "levels.onnx", "-o", "levels.a")
    source = (ROOT / "test/e2e/variants.c", "levels.a", "-I", ".", "-I", ROOT / "include")
    link = (compiler, "-std=c11", "-O1", *source, "-L", "runtime")
    for command in (
        (*cmake, *system, f"-DCMAKE_C_COMPILER={compiler}"),
        ("cmake", "--build", "runtime"),
        (*compile_model, "--header", "levels.h", "--target", target),
        (*link, "-lLatheRuntime", *libraries.split(), "-o", "variants"),
    ):
        result = run(*command, cwd=folder)
        assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
    return folder / "variants"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pathlib.Path]:
    return {arch: tmp_path_factory.mktemp(arch) for arch in ARCHITECTURES}


def emulate(
    folder: pathlib.Path, arch: str, processor: str, *arguments: str
) -> subprocess.CompletedProcess[str]:
    program = build(folder, arch)
    words = (f"qemu-{arch}", "-L", f"/usr/{arch}-linux-gnu", "-cpu", processor, program)
    return run(*words, "input.f32", ROWS, WIDTH, *arguments, cwd=folder)


def check(result: subprocess.CompletedProcess[str], level: str) -> None:
    assert result.returncode == 0, result.stderr
    name, *values = result.stdout.split()
    assert name == level
    found = np.array(values, dtype=np.float64).reshape(ROWS, WIDTH)
    np.testing.assert_allclose(found, expected(), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("arch", "processor", "best"), PROCESSORS)
def test_the_best_level_of_a_processor(
    folders: dict[str, pathlib.Path], arch: str, processor: str, best: str
) -> None:
    check(emulate(folders[arch], arch, processor), best)


@pytest.mark.parametrize("isa", ["neon", "dotprod", "i8mm", "bf16,i8mm"])
def test_each_level_on_one_processor(folders: dict[str, pathlib.Path], isa: str) -> None:
    check(emulate(folders["aarch64"], "aarch64", "max", isa), isa)


def test_a_level_that_the_processor_lacks(folders: dict[str, pathlib.Path]) -> None:
    result = emulate(folders["aarch64"], "aarch64", "cortex-a57", "i8mm")
    assert result.returncode == 1
    assert 'the variant "i8mm" cannot run here: this machine is aarch64:neon' in result.stderr
    assert "the module has bf16,i8mm, i8mm, dotprod, neon [module-cannot-run]" in result.stderr


def test_variants_of_this_process(tmp_path: pathlib.Path) -> None:
    """In Python, too: the best one, another one, the same bits on 1 and 2 threads."""
    save(tmp_path / "levels.onnx")
    model = lathe.compile(tmp_path / "levels.onnx", target="x86_64:v1+v2+v3", cache=False)
    assert list(model.variants) == ["v3", "v2", "v1"]
    assert model.variants["v2"] == "x86_64:v2" and model.target == model.variants[model.isa]
    for name in ("v2", "v1"):
        lower = model.with_isa(name)
        assert lower.isa == name
        (one,), (two,) = lower.with_threads(1)(INPUT), lower.with_threads(2)(INPUT)
        np.testing.assert_allclose(one, expected(), rtol=1e-5, atol=1e-7)
        assert one.tobytes() == two.tobytes()
    with pytest.raises(lathe.CompileError, match=r"it has v3, v2, v1; .*\[module-no-variant\]"):
        model.with_isa("v4")
    model.save(tmp_path / "levels.so")
    loaded = lathe.load(tmp_path / "levels.so", isa="v1")
    assert loaded.isa == "v1"
    np.testing.assert_allclose(loaded(INPUT)[0], expected(), rtol=1e-5, atol=1e-7)
    with pytest.raises(lathe.CompileError, match=r"\[isa-loaded-library\]"):
        loaded.with_isa("v2")
    model.save(tmp_path / "levels.lathebin")
    assert lathe.load(tmp_path / "levels.lathebin", isa="v2").isa == "v2"
