# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Faults that are planted in kernels, of which the emulator has to notice all but one in twenty."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest
from gpu_driver import EMULATOR

sys.path.insert(0, str(EMULATOR))
import faults

MODELS = {"warpgroup": "90a", "roles": "90a", "results": "90a", "wide bytes": "90a"}
# Of those in `faults.FAULTS`, what no run has noticed.
MISSED: set[str] = {"no-wait-for-copies-of-results"}


def run(
    driver: dict[str, str], folder: pathlib.Path, name: str, model: str, **settings: str
) -> tuple[int, str]:
    """Compare a model with the CPU; the status and what was said."""
    gpu = MODELS.get(model, "80")
    environment = {
        **driver,
        **settings,
        "LATHE_EMU_ARCH": gpu.rstrip("a"),
        "LATHE_TEST_TARGET": f"cuda:sm_{gpu}",
        "LATHE_CACHE_DIR": str(folder / "cache"),
    }
    done = subprocess.run(
        [sys.executable, str(EMULATOR / "faults.py"), name],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("model", sorted({fault.model for fault in faults.FAULTS.values()}))
def test_no_fault(driver: dict[str, str], tmp_path: pathlib.Path, model: str) -> None:
    """What the faults are planted in is right as it is."""
    status, said = run(driver, tmp_path, model, model)
    assert status == 0, said
    assert "planted" not in said


@pytest.mark.parametrize("name", faults.FAULTS)
def test_fault(driver: dict[str, str], tmp_path: pathlib.Path, name: str) -> None:
    status, said = run(driver, tmp_path, name, faults.FAULTS[name].model, LATHE_EMU_FAULT=name)
    assert f"planted {name}" in said, said
    # The emulator stops the kernel, or the numbers differ: nothing else is a find.
    assert ("libcuda-emu:" in said or "AssertionError" in said) == (status != 0), said
    assert (status != 0) == (name not in MISSED), said


def test_enough_kinds() -> None:
    assert len(faults.FAULTS) >= 20
    assert 20 * len(MISSED) <= len(faults.FAULTS)
