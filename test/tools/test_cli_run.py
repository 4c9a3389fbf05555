# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`lathe run`, `bench` and `inspect` on a module that was written by hand."""

from __future__ import annotations

import json
import pathlib
import re
from typing import Any

import numpy as np
import pytest
from command_line import MakeEcho, Run

OUTPUT = "_.._y_0.npy"


def test_random_inputs_depend_on_the_seed_alone(
    lathe: Run, echo: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    def outputs(seed: int, folder: str) -> np.ndarray[Any, Any]:
        result = lathe(
            *("run", echo, "--shape", "x=100x50"),
            *("--seed", str(seed), "--save-outputs", folder),
        )
        assert result.returncode == 0, result.stderr
        values: np.ndarray[Any, Any] = np.load(tmp_path / folder / OUTPUT)
        return values

    first, again, other = outputs(1, "a"), outputs(1, "b"), outputs(2, "c")
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    # 5000 draws from the standard normal distribution.
    assert abs(first.mean()) < 0.1 and abs(first.std() - 1) < 0.05
    assert len(np.unique(first)) > 4900


def test_random_integers_are_in_range(
    lathe: Run, make_echo: MakeEcho, tmp_path: pathlib.Path
) -> None:
    result = lathe("run", make_echo("int8", 1), "--dim", "n=1000", "--save-outputs", "out")
    assert result.returncode == 0, result.stderr
    values = np.load(tmp_path / "out" / OUTPUT)
    assert values.min() == 0 and values.max() == 99


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("--shape", "x=2"), "1 dims, but it has 2 [inputs-shape-rank]"),
        (("--shape", "y=2x2"), "no input \"y\"; did you mean 'x'? [inputs-unknown-input]"),
        (("--input", "image=a.npy"), 'no input "image" [inputs-unknown-input]'),
        (("--dim", "m=2"), "no free dim \"m\"; did you mean 'n'? [inputs-unknown-dim]"),
        (("--dim", "n=2"), "is free, and no size is given [inputs-free-dim]"),
        (("--dim", "n=2", "--shape", "x=3x1"), "3, but it is 2 already; all dims"),
        (("--shape", "x=1000000000x1000000"), "of memory [inputs-too-large]"),
        (("--shape", f"x={10**12}x{10**12}"), "[tensor-size-overflow]"),
        (("--shape", "x=1001x1"), 'node "echo": n is 1001, but at most 1000'),
        (("--target", "host", "--dim", "n=1"), "[cli-target-of-artifact]"),
        (("--dim", "n=1..8%2"), "so --dim n=1..8%2 cannot change its code"),
    ],
)
def test_sizes_that_do_not_fit(
    lathe: Run, echo: pathlib.Path, words: tuple[str, ...], answer: str
) -> None:
    for command in ("run", "bench", "inspect"):
        if command != "run" and "--input" in words:
            continue
        result = lathe(command, echo, *words)
        assert result.returncode == 1, command
        assert answer in result.stderr
        assert result.stderr.count("error:") == 1


def test_empty_inputs(lathe: Run, echo: pathlib.Path) -> None:
    result = lathe("run", echo, "--shape", "x=0x3")
    assert result.returncode == 0
    assert 'output "../y/0" f32[0, 3]: no elements' in result.stdout


def test_what_cannot_be_loaded(lathe: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "archive.a").write_bytes(b"!<arch>\n")
    (tmp_path / "text.so").write_text("INPUT(libm.so)")
    for name, id in (
        ("archive.a", "cli-not-loadable"),
        ("text.so", "module-not-a-library"),
        ("none.so", "module-cannot-read"),
    ):
        result = lathe("run", name)
        assert result.returncode == 1
        assert f"[{id}]" in result.stderr


def test_an_artifact_is_not_a_model(lathe: Run, echo: pathlib.Path) -> None:
    for words in (
        ("compile", echo, "-o", "a.so"),
        ("convert", echo, "-o", "a.mlir"),
        ("check", echo),
        ("run", echo, "--verify"),
        ("bench", echo, "--against", "onnxruntime"),
    ):
        result = lathe(*words)
        assert result.returncode == 1
        assert "compiled already; name the model it was compiled from" in result.stderr


def test_inspect(lathe: Run, echo: pathlib.Path) -> None:
    result = lathe("inspect", echo, "--shape", "x=4x5")
    assert result.returncode == 0, result.stderr
    lines = {line.split()[0]: line.split(maxsplit=1)[1] for line in result.stdout.splitlines()}
    assert lines["model"] == "echo"
    assert lines["signature"] == "main(x: f32[n, ?]) -> (../y/0: f32[n, ?])"
    assert re.fullmatch(r"4.1 kB for inputs \[4, 5\] on \d+ threads?", lines["workspace"])
    assert lines["output"] == '"../y/0" [4, 5]'
    assert lines["metadata"] == '"author" = "by hand"'
    assert lines["kernels"] == "1 in 2 calls"
    assert re.split("  +", lines["echo"]) == ["2", "first, last", "copy {by = 1}"]
    # Without sizes, all but the workspace can be told.
    result = lathe("inspect", echo)
    assert result.returncode == 0
    assert "workspace  by the free dims" in result.stdout


def test_bench(lathe: Run, echo: pathlib.Path, tmp_path: pathlib.Path) -> None:
    result = lathe(
        *("bench", echo, "none.so", "--shape", "x=10x10"),
        *("--rounds", "2", "--threads", "2", "--json", "b.json"),
    )
    # One of two fails: the other's figures are there all the same.
    assert result.returncode == 1
    assert "none.so: error: cannot read" in result.stderr
    header, row = result.stdout.splitlines()
    assert header.split()[0] == "model" and row.startswith(echo.name)
    figures = json.loads((tmp_path / "b.json").read_text())
    assert figures["rounds"] == 2
    (data,) = figures["rows"]
    assert data["model"] == echo.name and data["threads"] == 2 and data["inputs"] == "[10, 10]"
    assert 0 < data["min_ms"] <= data["median_ms"] < 100
    assert data["iterations"] > 10 and data["spread"] >= 0


@pytest.mark.parametrize(
    "words",
    [
        ("bench", "--shape", "x=1x1", "--rounds", "1", "--json", "none/b.json"),
        ("run", "--shape", "x=1x1", "--save-outputs", "/proc/none"),
    ],
)
def test_places_that_cannot_be_written_to(
    lathe: Run, echo: pathlib.Path, words: tuple[str, ...]
) -> None:
    result = lathe(words[0], echo, *words[1:])
    assert result.returncode == 1
    assert not result.stdout
    assert "[cli-output-unwritable]" in result.stderr


def test_a_disk_that_is_full(lathe: Run, echo: pathlib.Path) -> None:
    words = ("bench", echo, "--shape", "x=1x1", "--rounds", "1", "--json", "/dev/full")
    result = lathe(*words)
    assert result.returncode == 1
    assert "No space left on device [cli-write-failed]" in result.stderr


def test_progress_where_stderr_is_no_terminal(lathe: Run, echo: pathlib.Path) -> None:
    words = ("bench", echo, "--shape", "x=1x1", "--rounds", "1")
    assert lathe(*words).stderr == ""
    assert lathe(*words, "--progress").stderr == f"{echo}: time calls\n"
