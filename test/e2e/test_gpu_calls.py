# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Streams, tensors and graphs of callers on an emulated GPU: what a call asks of the driver."""

from __future__ import annotations

import pathlib
import shutil
import subprocess

import pytest
from gpu_driver import EMULATOR, ROOT, TWICE, lathe_tool, make_driver, run, run_beside


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
    log = {"LATHE_EMU_LOG": str(tmp_path / "log")}
    done = run_beside({**driver, **log, **settings}, "device.py", name)
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
    done = run_beside({**driver, **settings}, "graphs.py", name)
    assert done.returncode == 0, done.stdout + done.stderr


def test_driver_without_graphs(driver: dict[str, str], tmp_path: pathlib.Path) -> None:
    """A driver that lacks one function of those for graphs is not asked for them."""
    old = make_driver(tmp_path, "-DcuGraphLaunch=emu_no_graph_launch")
    done = run_beside({**driver, **old}, "graphs.py", "no_graphs")
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
    ran = run(driver, program, library)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "clean\n", ""), ran.stderr
