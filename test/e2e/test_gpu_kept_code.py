# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the driver of a GPU makes of PTX is kept in the cache, for other processes."""

from __future__ import annotations

import os
import pathlib

from gpu_driver import CALL, TWICE, lathe_tool, python, write_assembler

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
    model, log = tmp_path / "twice.mlir", tmp_path / "log"
    model.write_bytes(TWICE)
    keeps = {**driver, "LATHE_CACHE_DIR": str(tmp_path / "cache"), "LATHE_EMU_LOG": str(log)}
    finds = write_assembler(tmp_path, keeps)
    for environment, first in ((keeps, "code"), (finds, "cubin"), (keeps, "code")):
        assert ("cubin" in loads(environment, log)) == (first == "cubin")
        log.unlink()
        words = ("run", model, "--target", "cuda:sm_80", "--dim", "n=3")
        assert lathe_tool(environment, *words).returncode == 0
        assert ("load cubin" in log.read_text()) == (first == "cubin")
