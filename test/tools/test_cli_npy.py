# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Files of NumPy's format go in and out without a change, and every bad one is named as such."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from command_line import DTYPES, MakeEcho, Run

OUTPUT = "_.._y_0.npy"  # Of "../y/0": it stays in the folder.


def array_of(dtype: str, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(1)
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if dtype.startswith(("int", "uint")):
        info = np.iinfo(dtype)
        return rng.integers(info.min, info.max, shape, dtype, endpoint=True)
    kind = ml_dtypes.bfloat16 if dtype == "bfloat16" else np.dtype(dtype)
    return np.asarray(rng.standard_normal(shape)).astype(kind)


@pytest.mark.parametrize(("dtype", "name"), [(row[0], row[3]) for row in DTYPES])
@pytest.mark.parametrize("shape", [(), (3,), (2, 5), (2, 1, 4), (0, 4)], ids=str)
def test_round_trip(
    lathe: Run,
    make_echo: MakeEcho,
    tmp_path: pathlib.Path,
    dtype: str,
    name: str,
    shape: tuple[int, ...],
) -> None:
    array = array_of(dtype, shape)
    np.save(tmp_path / "x.npy", array)
    module = make_echo(dtype, len(shape))
    result = lathe("run", module, "--input", "x=x.npy", "--save-outputs", "out")
    assert result.returncode == 0, result.stderr
    assert f'output "../y/0" {name}{list(shape)}: ' in result.stdout
    back = np.load(tmp_path / "out" / OUTPUT)
    if array.dtype.type.__module__ == "ml_dtypes":
        assert back.dtype == np.dtype(f"V{array.dtype.itemsize}")
        back = back.view(array.dtype)
    assert back.dtype == array.dtype and back.shape == array.shape
    assert back.tobytes() == array.tobytes()
    assert [p.name for p in tmp_path.glob("**/*.npy")].count(OUTPUT) == 1


def test_the_first_values_are_those_of_the_array(
    lathe: Run, make_echo: MakeEcho, tmp_path: pathlib.Path
) -> None:
    big = 2**63 - 1  # As a double it would be another number.
    np.save(tmp_path / "x.npy", np.array([5, big, -7], np.int64))
    result = lathe("run", make_echo("int64", 1), "--input", "x=x.npy")
    assert f"min -7, max {big}, mean" in result.stdout
    assert f"first 5, {big}, -7\n" in result.stdout


def test_what_is_not_finite_is_counted(
    lathe: Run, make_echo: MakeEcho, tmp_path: pathlib.Path
) -> None:
    np.save(tmp_path / "x.npy", np.array([np.nan, 1, -np.inf, np.inf, 3], np.float32))
    result = lathe("run", make_echo("float32", 1), "--input", "x=x.npy")
    assert "min 1, max 3, mean 2; 1 NaN, 2 infinite; first nan, 1, -inf, inf, 3" in result.stdout


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_versions(
    lathe: Run, echo: pathlib.Path, tmp_path: pathlib.Path, version: tuple[int, int]
) -> None:
    with (tmp_path / "x.npy").open("wb") as file:
        np.lib.format.write_array(file, np.ones((2, 3), np.float32), version=version)
    assert lathe("run", echo, "--input", "x=x.npy").returncode == 0


def saved(array: Any) -> Callable[[pathlib.Path], None]:
    return lambda path: np.save(path, array)


def changed(change: Callable[[bytes], bytes]) -> Callable[[pathlib.Path], None]:
    """Saves a good file and then changes its bytes."""

    def save(path: pathlib.Path) -> None:
        np.save(path, np.arange(6, dtype=np.float32).reshape(2, 3))
        path.write_bytes(change(path.read_bytes()))

    return save


def with_shape(shape: bytes) -> Callable[[pathlib.Path], None]:
    """Saves six elements whose header claims another shape, and keeps its length."""

    def change(data: bytes) -> bytes:
        header, elements = data[:128], data[128:]
        assert len(elements) == 24
        return header.replace(b"(2, 3), }", shape + b", }").rstrip().ljust(127) + b"\n" + elements

    return changed(change)


BAD = {
    "empty": (changed(lambda b: b""), "npy-magic"),
    "another magic": (changed(lambda b: b"PK" + b[2:]), "npy-magic"),
    "short magic": (changed(lambda b: b[:8]), "npy-truncated"),
    "short header": (changed(lambda b: b[:30]), "npy-truncated"),
    "short elements": (changed(lambda b: b[:-1]), "npy-truncated"),
    "no elements": (changed(lambda b: b[:128]), "npy-truncated"),
    "too many bytes": (changed(lambda b: b + b"\0"), "npy-excess"),
    "version 3": (changed(lambda b: b[:6] + b"\3" + b[7:]), "npy-version"),
    "no shape": (changed(lambda b: b.replace(b"shape", b"shade")), "npy-header"),
    "negative dim": (changed(lambda b: b.replace(b"(2, 3)", b"(2,-3)")), "npy-header"),
    "open shape": (changed(lambda b: b.replace(b"3), }", b"3  , ")), "npy-header"),
    "order": (changed(lambda b: b.replace(b"False", b"Maybe")), "npy-header"),
    "Fortran order": (saved(np.asfortranarray(np.ones((2, 3), np.float32))), "fortran-order"),
    "big-endian": (saved(np.ones((2, 3), ">f4")), "npy-big-endian"),
    "complex": (saved(np.ones((2, 3), np.complex64)), "call-dtype-mismatch"),
    "text": (saved(np.array(["a", "b"])), "call-dtype-mismatch"),
    "text with a zero": (saved(np.array(["a\0b", "c"])), "npy-string-zero"),
    "no character": (
        changed(lambda b: b.replace(b"<f4", b"<U1").replace(b"\0\0\x80?", b"\0\0\x80\x7f")),
        "npy-string",
    ),
    "dates": (saved(np.zeros((2, 3), "datetime64[s]")), "npy-dtype"),
    "bytes": (saved(np.zeros((2, 3), "V1")), "npy-dtype"),
    "records": (saved(np.zeros(2, [("a", "f4")])), "npy-dtype"),
    "nine dims": (saved(np.zeros((1,) * 9)), "npy-rank"),
    "a dim too large": (with_shape(b"(%d,)" % 10**12), "npy-truncated"),
    "a dim beyond 64 bits": (with_shape(b"(%d,)" % 10**30), "npy-header"),
    "overflow": (with_shape(b"(%d, %d)" % (10**12, 10**12)), "tensor-size-overflow"),
    "another dtype": (saved(np.ones((2, 3), np.float64)), "call-dtype-mismatch"),
    "another rank": (saved(np.ones(3, np.float32)), "call-rank-mismatch"),
    "check": (saved(np.ones((1001, 1), np.float32)), "echo-size"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files(lathe: Run, echo: pathlib.Path, tmp_path: pathlib.Path, name: str) -> None:
    save, id = BAD[name]
    save(tmp_path / "x.npy")
    result = lathe("run", echo, "--input", "x=x.npy", "--save-outputs", "out")
    assert result.returncode == 1
    assert ": error: " in result.stderr and result.stderr.count("error:") == 1
    assert re.search(rf"\[[a-z-]*{id}\]$", result.stderr, re.MULTILINE)
    assert not list((tmp_path / "out").iterdir())


def test_bools_other_than_0_and_1(lathe: Run, make_echo: MakeEcho, tmp_path: pathlib.Path) -> None:
    np.save(tmp_path / "x.npy", np.array([0, 1, 7], np.uint8).view(bool))
    result = lathe("run", make_echo("bool", 1), "--input", "x=x.npy")
    assert result.returncode == 1
    assert "a bool is stored as 7, but 0 and 1 are its only values [npy-bool]" in result.stderr


def test_what_is_no_file(lathe: Run, echo: pathlib.Path, tmp_path: pathlib.Path) -> None:
    for path in ("none.npy", "/dev/zero", tmp_path):
        result = lathe("run", echo, "--input", f"x={path}")
        assert result.returncode == 1
        assert "[npy-unreadable]" in result.stderr
