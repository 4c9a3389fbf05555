# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Whole models for a GPU, on a driver that runs their PTX on the CPU: `test/gpu`."""

from __future__ import annotations

import json
import pathlib
import re

import pytest
import test_zoo
from gpu_driver import MODELS, NOWHERE, TWICE, call, changed, lathe_tool, python, run_beside


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
    kept = {"LATHE_CACHE_DIR": str(tmp_path / "cache"), "LATHE_EMU_LOG": str(log)}
    done = run_beside({**driver, **settings, **kept}, script, family)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "launch" in log.read_text()


def test_functions(driver: dict[str, str]) -> None:
    """What `test/gpu/functions.py` compares with the C library, in f64 and f32."""
    done = run_beside(driver, "functions.py")
    assert done.returncode == 0, done.stdout + done.stderr


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
