# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Whole models for a GPU, on a driver that runs their PTX on the CPU: `test/gpu`."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence

import pytest
import test_zoo

ROOT = pathlib.Path(__file__).resolve().parents[2]
EMULATOR = ROOT / "test/gpu"
TESTS = ROOT / "test/e2e"
LATHE = pathlib.Path(os.environ.get("LATHE_BUILD", ROOT / "build/release")) / "bin/lathe"
GPUS = ("sm_80", "sm_86", "sm_89", "sm_90a", "sm_100a", "sm_120a")

# Convolutions, depthwise ones too, pooling, products, rows; sizes that stay open.
MODELS = ("convnets-mobile", "convnets-squeeze_excite")

TWICE = b"""
func.func @main(%x: tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>> {graph.name = "x"})
    -> (tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>> {graph.name = "y"})
    attributes {graph.symbols = [#graph.symbol<"n">]} {
  %y = graph.add %x, %x : (tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>,
      tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>)
      -> tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>
  return %y : tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>
}
"""


NOWHERE = "nowhere"


def changed(driver: dict[str, str], settings: Mapping[str, str | None]) -> dict[str, str]:
    """The environment with other settings; `NOWHERE` among them: where there is no driver."""
    folder = driver["LD_LIBRARY_PATH"].partition(":")[0]
    nowhere = {"LD_LIBRARY_PATH": f"{folder}/{NOWHERE}"} if NOWHERE in settings else {}
    return {
        name: value
        for name, value in {**driver, **settings, **nowhere}.items()
        if value is not None and name != NOWHERE
    }


def without_assembler(part: str, folder: pathlib.Path) -> str:
    """A folder of PATH, or links in `folder` to what is in it besides NVIDIA's assembler."""
    if not (pathlib.Path(part) / "ptxas").exists():
        return part
    folder.mkdir()
    for program in pathlib.Path(part).iterdir():
        if program.name != "ptxas":
            (folder / program.name).symlink_to(program.absolute())
    return str(folder)


def test_what_is_beside_an_assembler_stays(tmp_path: pathlib.Path) -> None:
    """`/usr/bin` may have an assembler, and has the C compiler."""
    for name in ("ptxas", "cc"):
        (tmp_path / name).touch(0o755)
    path = without_assembler(str(tmp_path), tmp_path / "links")
    assert shutil.which("cc", path=path) and not shutil.which("ptxas", path=path)
    assert without_assembler(path, tmp_path / "more") == path


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process for which the emulator is the driver of an sm_80."""
    if not shutil.which("cc"):
        pytest.skip("cc is not installed; tools/check without --no-setup installs it")
    return make_driver(tmp_path_factory.mktemp("driver"))


def make_driver(folder: pathlib.Path, *options: str) -> dict[str, str]:
    """Build the emulator in `folder`; return the environment in which it is the driver."""
    command = [
        "cc",
        "-std=gnu11",
        "-fPIC",
        "-shared",
        "-pthread",
        *options,
        "-I",
        EMULATOR,
        EMULATOR / "boxes.c",
        EMULATOR / "driver.c",
        EMULATOR / "streams.c",
        EMULATOR / "threads.c",
        "-o",
        folder / "libcuda.so.1",
    ]
    subprocess.run([str(word) for word in command], check=True)
    # What dlopen finds first and cannot read.
    (folder / NOWHERE).mkdir()
    (folder / NOWHERE / "libcuda.so.1").touch()
    path = os.environ.get("LD_LIBRARY_PATH")
    return {
        **os.environ,
        "LD_LIBRARY_PATH": str(folder) + (f":{path}" if path else ""),
        "LATHE_EMU_ROOT": str(EMULATOR),
        "LATHE_EMU_ARCH": "80",
        # The emulator runs PTX: there is no assembler.
        "PATH": os.pathsep.join(
            without_assembler(part, folder / f"path{number}")
            for number, part in enumerate(os.environ.get("PATH", "").split(os.pathsep))
        ),
    }


def python(environment: dict[str, str], script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=TESTS,
    )


CALL = f"""
import numpy as np, lathe
model = lathe.compile({TWICE!r}, target="TARGET", cache=False)
x = np.arange(12, dtype=np.float32).reshape(3, 4)
for _ in range(2):
    assert (model(x=x)[0] == 2 * x).all()
print("variant", model.isa)
"""


def call(
    environment: dict[str, str], target: str = "cuda:sm_80"
) -> subprocess.CompletedProcess[str]:
    return python(environment, CALL.replace("TARGET", target))


def test_call(driver: dict[str, str]) -> None:
    """A size of its own, and twice."""
    done = call(driver)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "variant sm_80\n"


def test_cpu_comes_first(driver: dict[str, str]) -> None:
    """Beside code for a CPU, the GPU's is taken by its name alone."""
    done = call(driver, "x86_64+cuda:sm_80")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "variant v1\n"


DONATE = """
import numpy as np, lathe, test_donations as t
model = lathe.compile(t.step(), target="cuda:sm_80", cache=False, donate={"past": "present"})
expected = np.zeros((t.ROWS, t.WIDTH), np.float32)

def feed(at, value, past):
    new = np.full((1, t.WIDTH), value, np.float32)
    expected[at] = value
    return {"past": past, "at": np.array([[at]]), "new": new}

cache = t.aligned()
for at in (3, 0, t.ROWS - 1, 3):
    made = model.run(feed(at, at + 1, cache), donate=True)
    assert made["present"] is cache
    np.testing.assert_array_equal(cache, expected)
    np.testing.assert_array_equal(made["sum"], expected.sum(0))
for replay in (False, True):
    there = model.with_options(outputs="device", replay=replay)
    past = there.run(feed(1, 5, cache))["present"]
    for value in (7, 8, 9):
        made = there.run(feed(2, value, past), donate=True)
        assert made["present"] is past
        np.testing.assert_array_equal(past.numpy(), expected)
        np.testing.assert_array_equal(made["sum"].numpy(), expected.sum(0))
    kept = there.run(feed(4, 3, past))["present"]
    np.testing.assert_array_equal(kept.numpy(), expected)
    assert (past.numpy()[4] != 3).all()
    expected[4] = 0
    cache[2] = 9
    cache[1] = 5
    model.run(feed(4, 0, cache), donate=True)
print("done")
"""


def test_donations(driver: dict[str, str]) -> None:
    """Outputs in the memory of inputs, from the host and on the GPU, replayed too."""
    done = python(driver, DONATE)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "done\n"


NETWORKS = tuple(name for name in test_zoo.CASES if name.startswith("networks-"))


@pytest.mark.parametrize("name", (*MODELS, *NETWORKS))
def test_models(driver: dict[str, str], name: str) -> None:
    """The same numbers as on a CPU, within the model's tolerance."""
    script = f"""
import lathe, test_zoo
plain = lathe.compile
gpu = {{"target": "cuda:sm_80", "cache": False}}
lathe.compile = lambda model, **options: plain(model, **{{**options, **gpu}})
test_zoo.test_free_sizes({name!r})
"""
    done = python(driver, script)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("family", "gpu"),
    [
        ("products", "80"),
        ("byte_products", "80"),
        ("byte_convolutions", "80"),
        ("quantized", "80"),
        ("tf32", "80"),
        ("convolutions", "80"),
        ("rows", "80"),
        ("indices", "80"),
        ("threads", "80"),
        ("ranges", "80"),
        ("ranges", "90a"),
        ("sessions", "80"),
        ("bindings", "80"),
        ("random_products", "80"),
        ("random_convolutions", "80"),
        ("random_products", "90a"),
        ("random_convolutions", "90a"),
        ("transposes", "80"),
        ("parts_of_sums", "80"),
        ("parts_of_sums", "90a"),
        ("attention", "80"),
        ("half_transformers", "80"),
        ("warpgroups", "90a"),
        ("tensor_maps", "90a"),
        ("copied_results", "90a"),
        ("wide_bytes", "90a"),
    ],
)
def test_families(driver: dict[str, str], tmp_path: pathlib.Path, family: str, gpu: str) -> None:
    """What `test/gpu/families.py` compares with the CPU."""
    log = tmp_path / "log"
    script = "attention.py" if family in ("attention", "half_transformers") else "families.py"
    settings = {"LATHE_EMU_ARCH": gpu.rstrip("a"), "LATHE_TEST_TARGET": f"cuda:sm_{gpu}"}
    done = subprocess.run(
        [sys.executable, str(EMULATOR / script), family],
        capture_output=True,
        text=True,
        check=False,
        env={
            **driver,
            **settings,
            "LATHE_CACHE_DIR": str(tmp_path / "cache"),
            "LATHE_EMU_LOG": str(log),
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "launch" in log.read_text()


def test_functions(driver: dict[str, str]) -> None:
    """What `test/gpu/functions.py` compares with the C library, in f64 and f32."""
    command = [sys.executable, str(EMULATOR / "functions.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=driver)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("gpu", GPUS)
def test_assembles(tmp_path: pathlib.Path, name: str, gpu: str) -> None:
    """NVIDIA's assembler takes the PTX, without spills and without a warning."""
    assembler = shutil.which("ptxas", path=os.environ.get("PATH", "") + ":/usr/local/cuda/bin")
    if not assembler:
        pytest.skip(
            "ptxas is not installed; it comes with the CUDA toolkit, which nothing else needs"
        )
    case = test_zoo.CASES[name]
    path = tmp_path / "model.onnx"
    path.write_bytes(test_zoo.written(case, case.opsets[0])[1])
    subprocess.run(
        [str(LATHE), "compile", path, "-o", tmp_path / "model.ptx", "--target", f"cuda:{gpu}"],
        check=True,
    )
    command = [
        assembler,
        "-v",
        f"-arch={gpu}",
        tmp_path / "model.ptx",
        "-o",
        tmp_path / "model.cubin",
    ]
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr.lower()
    spills = re.findall(r"(\d+) bytes spill (?:stores|loads)", done.stderr)
    assert spills and set(spills) == {"0"}


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
    """The same for large products of bytes, of f32 that may be rounded, and by warpgroups."""
    assembler = shutil.which("ptxas", path=os.environ.get("PATH", "") + ":/usr/local/cuda/bin")
    if not assembler:
        pytest.skip(
            "ptxas is not installed; it comes with the CUDA toolkit, which nothing else needs"
        )
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
        ptx = tmp_path / "product.ptx"
        done = lathe_tool(
            dict(os.environ),
            "compile",
            model,
            "-o",
            ptx,
            "--target",
            f"cuda:{gpu}",
            "--precision",
            "tf32",
        )
        assert done.returncode == 0, done.stderr
        assert instruction in ptx.read_text()
        command = [assembler, "-v", f"-arch={gpu}", ptx, "-o", tmp_path / "product.cubin"]
        done = subprocess.run(
            [str(w) for w in command], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "warning" not in done.stderr.lower()
        assert set(re.findall(r"(\d+) bytes spill (?:stores|loads)", done.stderr)) == {"0"}


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
    assembler = shutil.which("ptxas", path=os.environ.get("PATH", "") + ":/usr/local/cuda/bin")
    if not assembler:
        pytest.skip(
            "ptxas is not installed; it comes with the CUDA toolkit, which nothing else needs"
        )
    x = f"tensor<{sizes}x{kind}>"
    model, ptx = tmp_path / "attention.mlir", tmp_path / "attention.ptx"
    model.write_text(
        f"func.func @main(%q: {x}, %k: {x}, %v: {x}) -> {x} {{\n"
        f"  %y = graph.attention %q, %k, %v {causal}heads_inside = [false, false, false, false] "
        f"scale = 0.125 : ({x}, {x}, {x}) -> {x}\n  return %y : {x}\n}}\n"
    )
    target = ("--target", f"cuda:{gpu}", "--precision", "tf32")
    done = lathe_tool(dict(os.environ), "compile", model, "-o", ptx, *target)
    assert done.returncode == 0, done.stderr
    assert "ex2.approx" in ptx.read_text()
    command = [assembler, "-v", f"-arch={gpu}", ptx, "-o", tmp_path / "attention.cubin"]
    done = subprocess.run([str(w) for w in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr.lower()
    assert set(re.findall(r"(\d+) bytes spill (?:stores|loads)", done.stderr)) == {"0"}


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("ends", {}),
        ("order", {}),
        ("consumers", {}),
        ("pinned", {}),
        ("decoding", {}),
        ("types", {}),
        ("slices", {}),
        ("layouts", {}),
        ("wrong_memory", {}),
        ("wrong_device", {"LATHE_EMU_DEVICES": "2"}),
        ("ended_stream", {}),
        ("writes", {}),
        ("turns", {}),
        ("elements", {"LATHE_EMU_DEVICES": "2"}),
        ("travels", {"LATHE_EMU_DEVICES": "2"}),
        ("stream_object", {}),
        ("reset", {}),
        ("failing_kernel", {"LATHE_EMU_FAIL": "kernel"}),
        ("memory", {"LATHE_EMU_MEMORY": "1000000"}),
        ("kept_maps", {"LATHE_EMU_ARCH": "90"}),
        ("failing_maps", {"LATHE_EMU_ARCH": "90", "LATHE_EMU_FAIL": "cuTensorMapEncodeTiled"}),
    ],
)
def test_device(
    driver: dict[str, str], tmp_path: pathlib.Path, name: str, settings: dict[str, str]
) -> None:
    """What `test/gpu/device.py` says of streams and tensors of callers."""
    run_device(driver, tmp_path, name, settings)


@pytest.mark.usefixtures("driver")
def test_driver_without_tensor_maps(tmp_path: pathlib.Path) -> None:
    """A driver older than CUDA 12.0 lacks the function that encodes them."""
    folder = tmp_path / "driver"
    folder.mkdir()
    older = make_driver(folder, "-DLATHE_EMU_NO_MAPS")
    run_device(older, tmp_path, "lacking_maps", {"LATHE_EMU_ARCH": "90"})


def run_device(
    driver: dict[str, str], tmp_path: pathlib.Path, name: str, settings: dict[str, str]
) -> None:
    done = subprocess.run(
        [sys.executable, str(EMULATOR / "device.py"), name],
        capture_output=True,
        text=True,
        check=False,
        env={**driver, "LATHE_EMU_LOG": str(tmp_path / "log"), **settings},
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "failing"),
    [
        ("replay", ""),
        ("addresses", ""),
        ("replay", "cuGraphExecUpdate_v2"),
        ("host_bytes", ""),
        ("host_bytes", "cuGraphExecUpdate_v2"),
        ("maps", ""),
        ("functions", ""),
        ("obstacles", ""),
        ("limits", ""),
        ("failed_launch", "cuGraphLaunch"),
        ("failures", "cuStreamCreate"),
        ("failures", "cuStreamBeginCapture_v2"),
        ("failures", "cuStreamEndCapture"),
        ("failures", "cuGraphInstantiateWithFlags"),
    ],
)
def test_graphs(driver: dict[str, str], tmp_path: pathlib.Path, name: str, failing: str) -> None:
    """What `test/gpu/graphs.py` says of calls that begin all kernels at once."""
    settings = {"LATHE_EMU_LOG": str(tmp_path / "log"), "LATHE_EMU_FAIL": failing}
    if name == "maps":
        settings["LATHE_EMU_ARCH"] = "90"
    done = subprocess.run(
        [sys.executable, str(EMULATOR / "graphs.py"), name],
        capture_output=True,
        text=True,
        check=False,
        env={**driver, **settings},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_driver_without_graphs(driver: dict[str, str], tmp_path: pathlib.Path) -> None:
    """A driver that lacks one function of those for graphs is not asked for them."""
    old = make_driver(tmp_path, "-DcuGraphLaunch=emu_no_graph_launch")
    done = subprocess.run(
        [sys.executable, str(EMULATOR / "graphs.py"), "no_graphs"],
        capture_output=True,
        text=True,
        check=False,
        env={**driver, **old},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_threads_do_not_race(driver: dict[str, str], tmp_path: pathlib.Path) -> None:
    """The thread sanitizer finds nothing in the runtime: `test/gpu/race.c`."""
    compiler = shutil.which("clang-22")
    if not compiler:
        pytest.skip("clang-22 is not installed; tools/check without --no-setup installs it")
    model, library, program = (tmp_path / name for name in ("twice.mlir", "twice.so", "race"))
    model.write_bytes(TWICE)
    done = lathe_tool(driver, "compile", model, "-o", library, "--target", "x86_64+cuda:sm_80")
    assert done.returncode == 0, done.stderr
    sources = (EMULATOR / "race.c", *sorted((ROOT / "lib/Runtime").glob("*/*.c")))
    flags = ("-fsanitize=thread", "-g", "-O1", "-std=gnu11", "-D_GNU_SOURCE")
    links = ("-lpthread", "-ldl", "-lm", "-o", program)
    command = (compiler, *flags, "-I", ROOT / "include", *sources, *links)
    subprocess.run([str(word) for word in command], check=True)
    ran = subprocess.run(
        [str(program), str(library)], capture_output=True, text=True, check=False, env=driver
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "clean\n", ""), ran.stderr


def lathe_tool(environment: dict[str, str], *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(LATHE), *map(str, words)], capture_output=True, text=True, check=False, env=environment
    )


def test_command_line(driver: dict[str, str], tmp_path: pathlib.Path) -> None:
    """A model is compiled for the GPU that is there, and an artifact has a variant for it."""
    driver = {**driver, "LATHE_CACHE_DIR": str(tmp_path / "cache")}
    model = tmp_path / "twice.mlir"
    model.write_bytes(TWICE)
    done = lathe_tool(driver, "run", model, "--device", "cuda:0", "--dim", "n=3")
    assert done.returncode == 0, done.stderr
    artifact = tmp_path / "twice.lathebin"
    compiled = lathe_tool(driver, "compile", model, "-o", artifact, "--target", "x86_64+cuda:sm_80")
    assert compiled.returncode == 0, compiled.stderr
    log = tmp_path / "log"
    for words in ((), ("--device", "cuda:0")):
        done = lathe_tool(
            {**driver, "LATHE_EMU_LOG": str(log)}, "run", artifact, "--dim", "n=3", *words
        )
        assert done.returncode == 0, done.stderr
        assert log.exists() == bool(words)
    # An input and an output are copied, and nothing else.
    kinds = [line.split()[0] for line in log.read_text().splitlines()]
    assert [kind for kind in kinds if kind != "link"] == ["load", "copy", "launch", "copy"]
    # The calls of a benchmark are alike.
    log.unlink()
    for target, replays in (("cuda:sm_80", True), ("x86_64", False)):
        done = lathe_tool(
            {**driver, "LATHE_EMU_LOG": str(log)},
            *("bench", model, "--target", target, "--dim", "n=3", "--rounds", "1", "--replay"),
        )
        assert done.returncode == 0, done.stderr
        assert ("call-no-replay" in done.stderr) != replays, done.stderr
    kinds = [line.split()[0] for line in log.read_text().splitlines()]
    assert kinds.count("graph") > kinds.count("instantiate") == 1 and "update" not in kinds
    # Also where there is no driver.
    nowhere = changed(driver, {NOWHERE: ""})
    shown = lathe_tool(nowhere, "inspect", artifact, "--isa", "sm_80")
    assert re.search(r"images +1 with 1 functions", shown.stdout), shown.stdout + shown.stderr
    assert re.search(r"lathe_k0_\w+ +a thread +256", shown.stdout), shown.stdout


KEEPING = CALL.replace("TARGET", "cuda:sm_80").replace(", cache=False", "")


def loads(
    driver: dict[str, str], log: pathlib.Path, script: str = KEEPING, **settings: str
) -> list[str]:
    """Run a model in a process of its own; what its driver was given to load."""
    log.unlink(missing_ok=True)
    done = python({**driver, "LATHE_EMU_LOG": str(log), **settings}, script)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in log.read_text().splitlines()]
    return [
        line[1] if line[0] == "load" else line[0] for line in lines if line[0] in {"link", "load"}
    ]


def test_code_is_kept(driver: dict[str, str], tmp_path: pathlib.Path) -> None:
    """What the driver makes of PTX serves other processes, for this driver and this kind of GPU."""
    cache, log = tmp_path / "cache", tmp_path / "log"
    keeps = {**driver, "LATHE_CACHE_DIR": str(cache)}
    assert loads(keeps, log) == ["link", "code"]
    assert loads(keeps, log) == ["code"]
    assert loads(keeps, log, LATHE_EMU_ARCH="86") == ["link", "code"]
    assert loads(keeps, log, LATHE_EMU_VERSION="13010") == ["link", "code"]
    kept = sorted(cache.glob("gpu-*.kernel"))
    assert len(kept) == 3
    for number, file in enumerate(kept):
        whole = file.read_bytes()
        # Another byte of the code, another size, and no code.
        damaged = (whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:], whole[:-1], whole[:20])[number]
        file.write_bytes(damaged)
    assert loads(keeps, log) == ["link", "code"]
    assert loads(keeps, log, LATHE_EMU_ARCH="86") == ["link", "code"]
    assert loads(keeps, log, LATHE_EMU_VERSION="13010") == ["link", "code"]
    for file in kept:
        os.utime(file, (0, 0))
    assert loads(keeps, log) == ["code"]
    assert sum(file.stat().st_mtime > 0 for file in kept) == 1, "used, not written"
    assert sorted(cache.glob("gpu-*")) == kept
    # Where linking fails, the text is loaded.
    clean = {**driver, "LATHE_CACHE_DIR": str(tmp_path / "other")}
    assert loads(clean, log, LATHE_EMU_FAIL="cuLinkComplete") == ["text"]
    assert not list((tmp_path / "other").glob("gpu-*"))


def test_code_of_artifacts_is_kept(driver: dict[str, str], tmp_path: pathlib.Path) -> None:
    """Also for `lathe.load` and the command line, whose folder is made."""
    model, log, cache = tmp_path / "twice.mlir", tmp_path / "log", tmp_path / "cache"
    model.write_bytes(TWICE)
    keeps = {**driver, "LATHE_CACHE_DIR": str(cache), "LATHE_EMU_LOG": str(log)}
    for ending in ("lathebin", "so"):
        artifact = tmp_path / f"twice.{ending}"
        done = lathe_tool(driver, "compile", model, "-o", artifact, "--target", "cuda:sm_80")
        assert done.returncode == 0, done.stderr
        script = f"import lathe; assert lathe.load({str(artifact)!r}).isa == 'sm_80'"
        assert loads(keeps, log, script) == ["link", "code"]
        assert loads(keeps, log, script) == ["code"]
        log.unlink()
        assert lathe_tool(keeps, "run", artifact, "--dim", "n=3").returncode == 0
        assert log.read_text().startswith("load code")
        for kept in cache.glob("gpu-*"):
            kept.unlink()


def test_an_assembler_enters_the_key_of_the_cache(
    driver: dict[str, str], tmp_path: pathlib.Path
) -> None:
    """A model that was compiled without one is compiled again where there is one."""
    assembler = tmp_path / "bin/ptxas"
    assembler.parent.mkdir()
    assembler.write_text(ASSEMBLER)
    assembler.chmod(0o755)
    model, log = tmp_path / "twice.mlir", tmp_path / "log"
    model.write_bytes(TWICE)
    keeps = {**driver, "LATHE_CACHE_DIR": str(tmp_path / "cache"), "LATHE_EMU_LOG": str(log)}
    finds = {**keeps, "PATH": f"{assembler.parent}{os.pathsep}{driver['PATH']}"}
    for environment, first in ((keeps, "code"), (finds, "cubin"), (keeps, "code")):
        assert ("cubin" in loads(environment, log)) == (first == "cubin")
        log.unlink()
        words = ("run", model, "--target", "cuda:sm_80", "--dim", "n=3")
        assert lathe_tool(environment, *words).returncode == 0
        assert ("load cubin" in log.read_text()) == (first == "cubin")


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


ASSEMBLER = """#!/bin/sh
# The command of NVIDIA's assembler: -v -arch=sm_80 TEXT -o FILE.
test "$1$2" = -v-arch=sm_80 && test "$4" = -o && grep -q '^.target sm_80' "$3" || exit 3
if test -n "$LATHE_TEST_FAILS"; then echo 'it is broken' >&2; exit 1; fi
printf '\\177ELFcode' > "$5"
name=$(sed -n 's/^.visible .entry \\(.*\\)($/\\1/p' "$3")
echo "ptxas info    : Compiling entry function '$name' for 'sm_80'" >&2
echo "ptxas info    : Function properties for $name" >&2
echo "    16 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads" >&2
echo "ptxas info    : Used 41 registers, used 0 barriers" >&2
echo "ptxas info    : Function properties for __internal_trig_reduction" >&2
echo "    96 bytes stack frame, 96 bytes spill stores, 96 bytes spill loads" >&2
"""


def test_assembled_code_comes_first(driver: dict[str, str], tmp_path: pathlib.Path) -> None:
    """An artifact has what an assembler made, too; a GPU that cannot take it gets the PTX."""
    assembler, model = tmp_path / "bin/ptxas", tmp_path / "twice.mlir"
    assembler.parent.mkdir()
    assembler.write_text(ASSEMBLER)
    assembler.chmod(0o755)
    model.write_bytes(TWICE)
    artifact, log = tmp_path / "twice.lathebin", tmp_path / "log"
    path = f"{assembler.parent}{os.pathsep}{driver['PATH']}"
    driver = {**driver, "LATHE_CACHE_DIR": str(tmp_path / "cache")}
    finds = {**driver, "PATH": path, "LATHE_EMU_LOG": str(log)}
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


@pytest.mark.parametrize(
    ("words", "settings", "message"),
    [
        (["--device", "cuda:7"], {}, "GPU 7 is wanted, but the NVIDIA driver finds 1"),
        (["--device", "rocm:0"], {}, "cli-device"),
        (["--device", "cuda:0"], {NOWHERE: ""}, "cuda-no-driver"),
    ],
)
def test_devices(
    driver: dict[str, str],
    tmp_path: pathlib.Path,
    words: list[str],
    settings: dict[str, str],
    message: str,
) -> None:
    """A device that is not there is one error."""
    model = tmp_path / "twice.mlir"
    model.write_bytes(TWICE)
    done = lathe_tool(changed(driver, settings), "run", model, "--dim", "n=3", *words)
    assert done.returncode == 1
    assert message in done.stderr


def test_selftest(driver: dict[str, str], tmp_path: pathlib.Path) -> None:
    """Each family of kernels, in small."""
    done = lathe_tool(driver, "gpu-selftest", "--quick", f"--json={tmp_path / 'table.json'}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "cuda:sm_80" in done.stdout
    table = json.loads((tmp_path / "table.json").read_text())
    assert table["copy_gigabytes_per_second"] > 0
    assert "gpu.product.mma" in {row["strategy"] for row in table["rows"]}
    assert all(row["problem"] == "" for row in table["rows"])
    failing = {**driver, "LATHE_EMU_FAIL": "cuMemcpyDtoDAsync_v2"}
    # What needs no such copy is compared all the same.
    done = lathe_tool(failing, "gpu-selftest", "--quick", f"--json={tmp_path / 'table.json'}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is not known: GPU 0 does not copy: error 999 [cuda-error]" in done.stdout
    table = json.loads((tmp_path / "table.json").read_text())
    assert table["copy_gigabytes_per_second"] is None and len(table["rows"]) > 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({NOWHERE: ""}, "cuda-no-driver"),
        ({"LATHE_EMU_ARCH": None}, "cuda-no-device"),
        ({"LATHE_EMU_ARCH": "75"}, "which is an sm_75"),
        ({"LATHE_EMU_MEMORY": "100"}, "cuda-out-of-memory"),
        ({"LATHE_EMU_FAIL": "cuInit"}, "the NVIDIA driver did not start"),
        ({"LATHE_EMU_FAIL": "cuModuleLoadData"}, "the driver did not load the kernels"),
        ({"LATHE_EMU_FAIL": "cuLaunchKernel"}, "a kernel was not launched"),
    ],
)
def test_errors(driver: dict[str, str], settings: dict[str, str | None], message: str) -> None:
    """Whatever the driver refuses is one error."""
    done = call(changed(driver, settings))
    assert done.returncode == 1
    assert message in done.stderr
    assert "Error" in done.stderr.splitlines()[-1]
