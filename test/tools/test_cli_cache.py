# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`lathe cache`, and how the commands that compile a model use it."""

from __future__ import annotations

import os
import pathlib
import re

import onnx
import pytest
from command_line import Run
from onnx import TensorProto, helper


def save(path: pathlib.Path, op: str = "Relu", name: str = "node") -> None:
    graph = helper.make_graph(
        [helper.make_node(op, ["x"], ["y"], name)],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)


def kept(folder: pathlib.Path) -> int:
    return len(list(folder.glob("*.lathebin")))


def kernels(folder: pathlib.Path) -> dict[str, int]:
    """Return when each kept kernel was written or used, by its name."""
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.kernel")}


def test_a_model_is_compiled_once(lathe: Run, tmp_path: pathlib.Path) -> None:
    cache = tmp_path / "models"
    save(tmp_path / "m.onnx")
    first = lathe("run", "m.onnx", LATHE_CACHE_DIR=str(cache))
    assert first.returncode == 0 and "\ncompiled in " in first.stdout and kept(cache) == 1
    again = lathe("run", "m.onnx", LATHE_CACHE_DIR=str(cache))
    assert "\nloaded from the cache in " in again.stdout
    assert first.stdout.splitlines()[:2] == again.stdout.splitlines()[:2]
    fresh = lathe("run", "m.onnx", "--no-cache", LATHE_CACHE_DIR=str(cache))
    assert "\ncompiled in " in fresh.stdout
    for words in (("inspect", "m.onnx"), ("bench", "m.onnx", "--rounds", "1")):
        assert lathe(*words, LATHE_CACHE_DIR=str(cache)).returncode == 0
    assert kept(cache) == 1


def test_what_decides_the_result_is_in_the_key(lathe: Run, tmp_path: pathlib.Path) -> None:
    cache = tmp_path / "models"
    for number, (op, name, words) in enumerate(
        [
            ("Relu", "node", ()),
            ("Exp", "node", ()),
            ("Relu", "other", ()),
            ("Relu", "node", ("--target", "x86_64:v2")),
        ],
        1,
    ):
        save(tmp_path / "m.onnx", op, name)
        assert lathe("inspect", "m.onnx", *words, LATHE_CACHE_DIR=str(cache)).returncode == 0
        assert kept(cache) == number


def test_list_size_clear_and_path(lathe: Run, tmp_path: pathlib.Path) -> None:
    cache = {"LATHE_CACHE_DIR": str(tmp_path / "models"), "LATHE_CACHE_MAX_BYTES": "123000000"}
    assert lathe("cache", "list", **cache).stdout == ""
    assert lathe("cache", "size", **cache).stdout == "0 bytes in 0 models of at most 123.0 MB\n"
    assert lathe("cache", "path", **cache).stdout == cache["LATHE_CACHE_DIR"] + "\n"
    save(tmp_path / "first.onnx")
    save(tmp_path / "second.onnx", "Exp")
    for name in ("first", "second"):
        assert lathe("run", f"{name}.onnx", "--target", "x86_64:v2", **cache).returncode == 0
    damaged = tmp_path / "models" / f"{0:064x}.lathebin"
    damaged.write_bytes(b"no artifact")
    os.utime(damaged, (0, 0))
    # Code for a GPU, as the runtime keeps it.
    (tmp_path / "models/gpu-0123456789abcdef-9-13010-sm_80.kernel").write_bytes(b"code")
    # What is not named after a key is somebody else's.
    (tmp_path / "models/notes.lathebin").write_bytes(b"")
    head, *rows = lathe("cache", "list", **cache).stdout.splitlines()
    assert head.split() == ["model", "target", "bytes", "last", "used", "file"]
    assert [row.split()[:2] for row in rows[:2]] == [
        ["second", "x86_64:v2"],
        ["first", "x86_64:v2"],
    ]
    assert rows[2].startswith("damaged ") and rows[2].endswith(damaged.name)
    assert rows[3].split()[:2] == ["3", "kernels"] and rows[3].endswith("*.kernel")
    assert len(rows) == 4
    assert re.match(r"\S+ kB in 3 models and 3 kernels of", lathe("cache", "size", **cache).stdout)
    assert lathe("cache", "clear", **cache).returncode == 0
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["notes.lathebin"]


def test_the_bound_holds(lathe: Run, tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "models"
    cache = {"LATHE_CACHE_DIR": str(folder)}
    for number, op in enumerate(("Relu", "Exp", "Abs")):
        save(tmp_path / "m.onnx", op)
        assert lathe("run", "m.onnx", **cache).returncode == 0
        for path in folder.glob("*.lathebin"):
            os.utime(path, (number, number))
    assert kept(folder) == 3
    save(tmp_path / "m.onnx", "Neg")
    assert lathe("run", "m.onnx", **cache, LATHE_CACHE_MAX_BYTES="1").returncode == 0
    assert kept(folder) == 0 and kernels(folder) == {}


def test_a_damaged_entry_is_replaced(lathe: Run, tmp_path: pathlib.Path) -> None:
    cache = {"LATHE_CACHE_DIR": str(tmp_path / "models")}
    save(tmp_path / "m.onnx")
    assert lathe("run", "m.onnx", **cache).returncode == 0
    (path,) = (tmp_path / "models").glob("*.lathebin")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    result = lathe("run", "m.onnx", **cache)
    assert result.returncode == 0
    assert "warning: cannot be used and will be replaced: " in result.stderr
    assert "[cache-damaged]" in result.stderr
    assert "loaded from the cache" in lathe("run", "m.onnx", **cache).stdout


def test_models_share_kernels(lathe: Run, tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "models"
    cache = {"LATHE_CACHE_DIR": str(folder)}
    save(tmp_path / "first.onnx")
    first = lathe("run", "first.onnx", "--seed", "1", **cache)
    (name,) = kernels(folder)
    os.utime(folder / name, (0, 0))
    # Another model, with a kernel that computes the same.
    save(tmp_path / "second.onnx", name="other")
    second = lathe("run", "second.onnx", "--seed", "1", **cache)
    assert "\ncompiled in " in second.stdout and kept(folder) == 2
    assert second.stdout.splitlines()[:2] == first.stdout.splitlines()[:2]
    assert list(kernels(folder)) == [name] and kernels(folder)[name] > 0, "used, not written"
    # With another target or another operation it is another kernel.
    assert lathe("inspect", "second.onnx", "--target", "x86_64:v2", **cache).returncode == 0
    save(tmp_path / "third.onnx", "Exp")
    assert lathe("run", "third.onnx", **cache).returncode == 0
    assert len(kernels(folder)) == 3
    assert lathe("run", "third.onnx", "--no-cache", **cache).returncode == 0


@pytest.mark.parametrize("damage", ["flipped", "short", "empty"])
def test_a_damaged_kernel_is_replaced(lathe: Run, tmp_path: pathlib.Path, damage: str) -> None:
    folder = tmp_path / "models"
    cache = {"LATHE_CACHE_DIR": str(folder)}
    save(tmp_path / "m.onnx")
    first = lathe("run", "m.onnx", "--seed", "1", **cache)
    (path,) = folder.glob("*.kernel")
    data = path.read_bytes()
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 0xFF
    path.write_bytes({"flipped": bytes(flipped), "short": data[:-1], "empty": b""}[damage])
    save(tmp_path / "m.onnx", name="other")
    result = lathe("run", "m.onnx", "--seed", "1", **cache)
    assert result.returncode == 0 and result.stderr.count("[cache-damaged]") == 1
    assert result.stdout.splitlines()[:2] == first.stdout.splitlines()[:2]
    assert path.read_bytes() == data


@pytest.mark.parametrize("what", ["file", "full"])
def test_a_cache_that_cannot_be_used_costs_a_warning(
    lathe: Run, tmp_path: pathlib.Path, what: str
) -> None:
    save(tmp_path / "m.onnx")
    blocked = tmp_path / "blocked"
    blocked.write_bytes(b"")
    folder = {"file": str(blocked), "full": str(blocked / "below")}[what]
    result = lathe("run", "m.onnx", LATHE_CACHE_DIR=folder)
    assert result.returncode == 0
    assert "[cache-unusable]" in result.stderr and result.stderr.count("warning:") == 1


def test_a_bound_that_is_no_number(lathe: Run, tmp_path: pathlib.Path) -> None:
    result = lathe("cache", "size", LATHE_CACHE_MAX_BYTES="1G", LATHE_CACHE_DIR=str(tmp_path / "c"))
    assert result.returncode == 0 and 'is "1G", which is no number of bytes' in result.stderr
    assert "of at most 8.6 GB" in result.stdout


def test_an_unknown_action(lathe: Run) -> None:
    result = lathe("cache", "clean")
    assert result.returncode == 2
    assert (
        "there is no action \"clean\"; did you mean 'clear'? [cli-unknown-action]" in result.stderr
    )
