# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`--target x86_64:v2+v3`: every test runs once for each level of one artifact that runs here.

With `--target aarch64:neon+dotprod` and the like, models are called on an emulated machine.
"""

from __future__ import annotations

import functools
import os
import pathlib
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import emulated
import lathe
import pytest
from gpu_driver import make_driver
from lathe.model import CompiledModel

IDENTITY = b"""
func.func @main(%x: tensor<1xf32>) -> tensor<1xf32> {
  %y = graph.neg %x : tensor<1xf32> -> tensor<1xf32>
  return %y : tensor<1xf32>
}
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --target."""
    parser.addoption(
        "--target", default="host", help="what models are compiled for; several with '+' [host]"
    )


@functools.cache
def architecture() -> str:
    """That of this machine, as targets name it."""
    return lathe.compile(IDENTITY, cache=False).target.partition(":")[0]


def is_foreign(target: str) -> bool:
    """Whether code for `target` runs on an emulated machine only."""
    return target != "host" and emulated.is_foreign(target, architecture())


@functools.cache
def levels(target: str) -> tuple[str, ...]:
    """The variants of an artifact for `target` that this machine can run, the best first."""
    model = lathe.compile(IDENTITY, target=target, cache=False)
    if is_foreign(target):
        return tuple(model.variants)
    found = []
    for name in model.variants:
        try:
            found.append(model.with_isa(name).isa)
        except lathe.CompileError as error:
            assert "[module-cannot-run]" in str(error)
    return tuple(found)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize every test by the levels of --target, if that has several and it has no own."""
    target = metafunc.config.getoption("--target")
    names = metafunc.fixturenames
    if "+" in target and "level" in names and "target" not in names:
        metafunc.parametrize("level", levels(target), indirect=True)


def content(model: Any) -> bytes:
    """What tells a model that a test compiles from the one before."""
    if isinstance(model, bytes):
        return model
    if isinstance(model, str | os.PathLike):
        return pathlib.Path(model).read_bytes()
    return bytes(model.SerializeToString())


class Compiler:
    """lathe.compile for one level of a list of targets; the last model is compiled once for all."""

    def __init__(self, compile_model: Callable[..., lathe.CompiledModel]) -> None:
        self.compile_model = compile_model
        self.key: Any = None
        self.model: lathe.CompiledModel | None = None

    def __call__(
        self, target: str, level: str | None, model: Any, /, **options: Any
    ) -> lathe.CompiledModel:
        """Compile `model`, unless a test asks for a target of its own."""
        options.setdefault("target", target)
        if level is None or options["target"] != target:
            return self.compile_model(model, **options)
        key = (content(model), sorted(options.items(), key=str))
        if key != self.key:
            self.key, self.model = None, self.compile_model(model, **options)
            self.key = key
        assert self.model is not None
        if is_foreign(target):
            return self.model
        made = self.model.with_isa(level)
        assert made.isa == level
        return made


COMPILER = Compiler(lathe.compile)


@pytest.fixture(autouse=True)
def level(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str | None]:
    """The level that lathe.compile makes code for in this test; None for what --target says."""
    name = getattr(request, "param", None)
    target = request.config.getoption("--target")
    if "+" in target:
        # The levels that cannot run here would only be compiled.
        target = f"{target.partition(':')[0]}:{'+'.join(levels(target))}"
    if is_foreign(target):
        machine = emulated.Machine(target.partition(":")[0], name or levels(target)[0])
        monkeypatch.setattr(CompiledModel, "_call", emulated.caller(machine))
    if target != "host":
        monkeypatch.setattr(lathe, "compile", functools.partial(COMPILER, target, name))
    yield name


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process for which the emulator is the driver of an sm_80."""
    if not shutil.which("cc"):
        pytest.skip("cc is not installed; tools/check without --no-setup installs it")
    return make_driver(tmp_path_factory.mktemp("driver"))
