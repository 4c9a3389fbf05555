# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every public name of onnxruntime, and its parameters, is in lathe.ort or on the page."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import lathe.ort
import onnxruntime
import pytest
from lathe.ort.absent import ABSENT, ABSENT_METHODS, DIFFERENT, FROM_PACKAGE

ROOT = Path(__file__).resolve().parents[2]
CLASSES = (
    "IOBinding", "InferenceSession", "ModelMetadata", "NodeArg", "OrtValue", "RunOptions",
    "SessionOptions",
)  # fmt: skip
# Parameters that say where memory of a device is.
DEVICE_PARAMETERS = {"vendor_id", "memory_info", "device_id"}


def public(module: ModuleType) -> Iterator[str]:
    for name, value in vars(module).items():
        if not name.startswith("_") and not isinstance(value, ModuleType) and value is not None:
            yield name


def here(name: str) -> bool:
    return name in vars(lathe.ort)


def test_onnxruntime_is_the_version_that_is_followed() -> None:
    assert onnxruntime.__version__.split(".")[:2] == lathe.ort.__version__.split(".")[:2]


def test_every_name_is_here_or_listed() -> None:
    names = {n for n in public(onnxruntime) if n not in ("annotations",)}
    assert len(names) > 50
    missing = {n for n in names if not here(n)} - set(ABSENT) - set(FROM_PACKAGE)
    assert not missing
    assert not [n for n in ABSENT if here(n)]
    assert set(ABSENT) <= names


@pytest.mark.parametrize("name", CLASSES)
def test_every_method_is_here_or_listed(name: str) -> None:
    ours, theirs = getattr(lathe.ort, name), getattr(onnxruntime, name)
    fields = getattr(ours, "__dataclass_fields__", {}) | getattr(ours, "__annotations__", {})
    for member in dir(theirs):
        if member.startswith("_"):
            continue
        is_here = hasattr(ours, member) or member in fields
        is_listed = f"{name}.{member}" in ABSENT_METHODS
        assert is_here != is_listed, f"{name}.{member}"


def parameters(function: Any) -> list[str] | None:
    try:
        found = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return None  # Native functions have none.
    return [n for n in found if n not in ("self", *DEVICE_PARAMETERS)]


@pytest.mark.parametrize("name", ["IOBinding", "InferenceSession", "OrtValue"])
def test_parameters_have_the_same_names_in_the_same_order(name: str) -> None:
    ours, theirs = getattr(lathe.ort, name), getattr(onnxruntime, name)
    compared = 0
    for member in dir(theirs):
        if member.startswith("_") or not hasattr(ours, member):
            continue
        mine, other = getattr(ours, member), getattr(theirs, member)
        if not callable(other) or (wanted := parameters(other)) is None:
            continue
        positional = [
            p.name
            for p in inspect.signature(other).parameters.values()
            if p.kind is p.POSITIONAL_ONLY
        ]
        found = parameters(mine)
        assert found is not None
        if positional:  # Their names cannot be used.
            assert len(found) >= len(wanted), member
            continue
        assert found[: len(wanted)] == wanted, member
        compared += 1
    assert compared > 5


def test_what_is_absent_says_why() -> None:
    for name, reason in ABSENT.items():
        with pytest.raises(AttributeError, match="ort-no-attribute") as caught:
            getattr(lathe.ort, name)
        assert reason in str(caught.value)
    for name in DIFFERENT:
        assert hasattr(lathe.ort, name.split(".")[0])


@pytest.mark.parametrize(
    "statement",
    ["import onnxruntime.quantization as q", "import onnxruntime\nq = onnxruntime.quantization"],
)
def test_quantization_comes_from_the_package(statement: str, tmp_path: Path) -> None:
    """Its sessions are Lathe's."""
    code = (
        f"import lathe.ort; lathe.ort.install()\n{statement}\n"
        "import onnxruntime\n"
        "print(callable(q.quantize_dynamic), onnxruntime.get_build_info().split()[0])\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.stdout == "True lathe\n", result.stderr


def test_without_the_package_a_sentence() -> None:
    code = (
        "import sys, importlib.machinery\n"
        "import lathe.ort\n"
        "lathe.ort._installed_folder = lambda: None\n"
        "lathe.ort.install()\nimport onnxruntime\nonnxruntime.quantization\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert "pip install onnxruntime [ort-no-package]" in result.stderr


def test_the_page_has_the_tables() -> None:
    tool = ROOT / "tools/dev/make_ort_page.py"
    assert subprocess.run([sys.executable, tool, "--check"], check=False).returncode == 0
