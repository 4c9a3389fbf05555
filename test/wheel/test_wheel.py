# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The wheel, built by its one command, where there is no LLVM and nothing can be fetched."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MOST_BYTES = 60_000_000

# What the installed wheel must do, in a process that sees nothing of the build tree or of LLVM.
PROGRAM = """
import pathlib, subprocess, sys
import numpy as np
import lathe
assert not list(pathlib.Path("/usr/lib/llvm-22").iterdir())
model = lathe.compile(sys.argv[1], cache=False)
x = np.ones((3, 8), np.float32)
(y,) = model(x)
assert y.shape == (3, 2) and np.allclose(y.sum(1), 1)
model.save("m.lathebin")
assert np.array_equal(lathe.load("m.lathebin")(x)[0], y)
program = pathlib.Path(sys.executable).with_name("lathe")
for words in (["version"], ["run", sys.argv[1], "--no-cache"], ["check", sys.argv[1]]):
    subprocess.run([program, *words], check=True)
aarch64 = lathe.compile(sys.argv[1], target="aarch64", cache=False)
aarch64.save("m.a")
loaded = [line.split()[-1] for line in open("/proc/self/maps") if "/" in line]
assert not [name for name in loaded if "libLLVM" in name or "libMLIR" in name], loaded
try:
    lathe.compile(b"?", cache=False)
except lathe.CompileError as error:
    print("caught", error.ids)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([ROOT / "tools/wheel", folder], check=True, timeout=1500)
    (made,) = folder.glob("lathe_compiler-*.whl")
    return made


def test_the_name_and_the_size(wheel: pathlib.Path) -> None:
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    assert f"-{python}-" in wheel.name or "-abi3-" in wheel.name
    assert wheel.name.endswith(f"manylinux_2_28_{os.uname().machine}.whl")
    print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB")
    assert wheel.stat().st_size < MOST_BYTES


def test_what_is_in_it(wheel: pathlib.Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {"lathe/__init__.py", "lathe/ort/__init__.py", "lathe/py.typed"} <= set(names)
    assert "lathe/_reduce/run.py" in names
    assert {"lathe/bin/lathe", "lathe/lib/libLatheRuntime.a"} <= set(names)
    assert not [n for n in names if n.endswith((".pyc", ".cpp")) or "__pycache__" in n]


def test_it_works_where_there_is_no_llvm(wheel: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """Installs it into an environment of its own, and hides LLVM from the processes."""
    if shutil.which("unshare") is None or os.geteuid() != 0:
        pytest.skip("hiding LLVM takes mount namespaces, which only root may make here")
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    # What it depends on, as it is installed here: nothing is fetched.
    site = next((venv / "lib").glob("python*/site-packages"))
    for package in ("numpy", "numpy.libs", "ml_dtypes"):
        source = pathlib.Path(__import__("numpy").__file__).parents[1] / package
        if source.exists():
            (site / package).symlink_to(source)
    install = [venv / "bin/python", "-m", "pip", "install", "-q", "--no-index", "--no-deps", wheel]
    subprocess.run(install, check=True)
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "empty").mkdir()
    hide = "mount --bind empty /usr/lib/llvm-22 && "
    for pattern in ("libLLVM*", "libprotobuf*", "libz3*"):
        hide += f"for f in /usr/lib/*-linux-gnu/{pattern}; do "
        hide += '[ -f "$f" ] && mount --bind /dev/null "$f"; done; '
    command = f"{hide} exec env -i PATH=/usr/bin:/bin HOME={tmp_path} "
    command += f"{venv}/bin/python -P program.py {ROOT}/examples/classify.mlir"
    result = subprocess.run(
        ["unshare", "-m", "bash", "-c", command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "caught ('model-other-format',)" in result.stdout
