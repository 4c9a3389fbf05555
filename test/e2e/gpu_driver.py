# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The emulator of `test/gpu` as the driver of a GPU, for tests that run programs on it."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from collections.abc import Mapping

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


def run(
    environment: Mapping[str, str], *words: object, cwd: pathlib.Path | None = None
) -> subprocess.CompletedProcess[str]:
    """What a program said."""
    return subprocess.run(
        [str(word) for word in words],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=cwd,
    )


def python(environment: dict[str, str], script: str) -> subprocess.CompletedProcess[str]:
    """What Python said of `script`, which may import tests."""
    return run(environment, sys.executable, "-c", script, cwd=TESTS)


def run_beside(
    environment: dict[str, str], script: str, *words: str
) -> subprocess.CompletedProcess[str]:
    """What a script that is beside the emulator said."""
    return run(environment, sys.executable, EMULATOR / script, *words)


def lathe_tool(environment: dict[str, str], *words: object) -> subprocess.CompletedProcess[str]:
    """What the command line said."""
    return run(environment, LATHE, *words)


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
    """What `CALL` said."""
    return python(environment, CALL.replace("TARGET", target))


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


def write_assembler(folder: pathlib.Path, environment: dict[str, str]) -> dict[str, str]:
    """The environment with what passes for NVIDIA's assembler, in `folder`, in front of PATH."""
    assembler = folder / "bin/ptxas"
    assembler.parent.mkdir()
    assembler.write_text(ASSEMBLER)
    assembler.chmod(0o755)
    return {**environment, "PATH": f"{assembler.parent}{os.pathsep}{environment['PATH']}"}
