# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Wrong usage of `lathe` is answered in one sentence with the way out, and exit code 2."""

from __future__ import annotations

import pathlib
import re
import stat
import subprocess

import pytest
from command_line import Run, program

COMMANDS = (
    "compile",
    "run",
    "bench",
    "profile",
    "tune",
    "check",
    "convert",
    "inspect",
    "reduce",
    "oplib",
    "report",
    "gpu-selftest",
    "cache",
    "completion",
    "manual",
    "version",
)

# Words after `lathe`, and what must be in the answer.
WRONG = (
    (("comple", "m.onnx"), "no command is called \"comple\"; did you mean 'compile'?", "command"),
    (("help", "chek"), "did you mean 'check'?", "unknown-command"),
    (("--verbose",), 'no command is called "--verbose"', "unknown-command"),
    (("compile",), "name a file: lathe compile MODEL... -o FILE", "no-operand"),
    (("check",), "name a file: lathe check MODEL...", "no-operand"),
    (("check", ""), "the name of a file is empty", "empty-operand"),
    (("run", "a", "b"), 'takes 1 file, but got 2; "b" is too much', "many-operands"),
    (("version", "x"), "takes 0 files, but got 1", "many-operands"),
    (("run", "m", "--see", "1"), "unknown option \"--see\"; did you mean '--seed'?", "unknown"),
    (("run", "m", "-x"), 'unknown option "-x"', "unknown-option"),
    (("compile", "m", "-o"), "-o wants a value: FILE", "no-value"),
    (("run", "m", "--verify=yes"), '--verify takes no value, but got "yes"', "flag-value"),
    (("run", "m", "--threads", "0"), '1 to 256, but got "0"', "bad-value"),
    (("run", "m", "--threads", "257"), '1 to 256, but got "257"', "bad-value"),
    (("run", "m", "--threads", "two"), '1 to 256, but got "two"', "bad-value"),
    (("run", "m", "--seed", "-1"), 'whole number of 0 or more, but got "-1"', "bad-value"),
    (("run", "m", "--seed", "9" * 30), "whole number of 0 or more", "bad-value"),
    (("run", "m", "--dim", "batch"), 'as in batch=8..512%8, but got "batch"', "bad-value"),
    (("run", "m", "--dim", "batch=many"), 'but got "batch=many"', "bad-value"),
    (("run", "m", "--dim", "=4"), 'but got "=4"', "bad-value"),
    (("run", "m", "--shape", "x=1x"), "as in image=1x3x224x224", "bad-value"),
    (("run", "m", "--input", "x"), "--input wants NAME=FILE.npy", "bad-value"),
    (("run", "m", "--seed", "1", "--seed", "2"), '"1" and "2"; leave one out', "option-twice"),
    (
        ("run", "m", "--dim", "n=1", "--dim", "n=1"),
        '"n=1" and "n=1"; leave one out',
        "option-twice",
    ),
    (("run", "m", "--dim", "a=b=1", "--dim", "a=b=2"), '"a=b=1" and "a=b=2"', "option-twice"),
    (("compile", "m", "--dim", "n=1", "--dim", "n=2", "-o", "m.so"), "leave one out", "twice"),
    (("run", "m", "--shape", "x=1", "--shape", "x=2"), '"x=1" and "x=2"', "option-twice"),
    (("cache", "clean"), "there is no action \"clean\"; did you mean 'clear'?", "unknown-action"),
    (("cache", "x"), "there are list, size, clear, path", "unknown-action"),
    (("run", "m", "--verify", "--threads", "1"), "leave out --threads", "verify-option"),
    (("bench", "m", "--against", "openvino", "--overridable", "w"), "leave out", "against-option"),
    (("bench", "m", "--against", "openvino", "--dim", "n=..9"), "in place of n=..9", "dim-range"),
    (("run", "m", "--verify", "--dim", "n=8..512%8"), "in place of n=8..512%8", "dim-range"),
    (("report", "m", "-o", "m.html", "--dim", "n=8.."), 'but got "n=8.."', "bad-value"),
    (("oplib", "harvest", "m", "-o", "s.yaml", "--dim", "n=%8"), 'but got "n=%8"', "bad-value"),
    (("compile", "m"), "name the file to write: -o", "no-output"),
    (("compile", "m", "-o", "m.sp"), "did you mean '.so'?", "output-ending"),
    (
        ("compile", "m", "-o", "m"),
        "there are .so, .a, .o, .lathebin, .ptx, .mlir",
        "ending",
    ),
    (("compile", "m", "--stop-after", "lowr"), "did you mean 'lower'?", "unknown-phase"),
    (
        ("compile", "m", "--start-at", "emit", "--stop-after", "lower"),
        "no phase is left to run",
        "phase-order",
    ),
    (("compile", "m", "--stop-after", "lower", "-o", "m.so"), "only IR", "output-ending"),
    (("compile", "m", "-o", "m.mlir", "--dim", "n=1"), "add --stop-after", "graph-option"),
    (("compile", "m", "-o", "m.lathe", "--header", "m.h"), "--header describes", "header-of-ir"),
    (("convert", "m"), "name the file to write: -o FILE.mlir", "no-output"),
    (("convert", "m", "-o", "m.so"), "neither .mlir (text) nor .lathe", "output-ending"),
    (("bench", "m", "--against", "onnxrun"), 'no engine is called "onnxrun"', "unknown-engine"),
    (("bench", "m", "--against", "torch"), "only operators of --ops; there are", "unknown-engine"),
    (("bench", "m", "--against", "openvino,openvino"), '"openvino" is given twice', "engine-twice"),
    (("bench", "m", "--ops", "gemm"), 'and no model; leave out "m"', "ops-model"),
    (("bench", "--ops", "gemm", "--suite", "d"), "leave out --suite", "ops-option"),
    (("bench", "--ops", "gemm", "--dim", "n=2"), "leave out --dim", "ops-option"),
    (("bench", "--ops", "gemm", "--against", "torc"), "did you mean 'torch'?", "unknown-engine"),
    (("bench", "--ops", "gemm", "--against", "x"), "onnxruntime, openvino and torch", "engine"),
    (("bench", "--ops", ""), '--ops wants GROUPS, but got ""', "bad-value"),
    (("bench",), "or a folder: --suite DIR", "no-operand"),
    (("bench", "--suite", "d"), "--suite needs --against", "bench-alone"),
    (("bench", "m", "--threads", "1,2"), "several numbers of threads need", "bench-alone"),
    (("bench", "m", "--threads", "1,x"), 'but got "1,x"', "bad-value"),
    (("bench", "m", "--rounds", "0"), 'but got "0"', "bad-value"),
)


@pytest.mark.parametrize(("words", "answer", "id"), WRONG, ids=lambda v: str(v)[:40])
def test_wrong_usage(lathe: Run, words: tuple[str, ...], answer: str, id: str) -> None:
    result = lathe(*words)
    assert result.returncode == 2
    assert not result.stdout
    error, note = result.stderr.splitlines()
    assert error.startswith("lathe") and ": error: " in error
    assert answer in error
    assert re.search(rf"\[cli-[a-z-]*{id}[a-z-]*\]$", error)
    assert re.fullmatch(r"lathe.*: note: 'lathe.* --help' shows what there is", note)


def test_swapped_letters_are_one_slip(lathe: Run) -> None:
    assert "did you mean 'run'?" in lathe("rnu").stderr
    assert "did you mean 'emit'?" in lathe("compile", "m", "--stop-after", "eimt").stderr


def test_nothing_at_all_is_wrong_usage(lathe: Run) -> None:
    result = lathe()
    assert result.returncode == 2
    assert result.stderr.startswith("usage: lathe COMMAND")


def test_the_overview_lists_all_commands(lathe: Run) -> None:
    for words in (("--help",), ("-h",), ("help",)):
        result = lathe(*words)
        assert result.returncode == 0 and not result.stderr
        assert tuple(re.findall(r"^  ([a-z-]+) {3,}\S", result.stdout, re.MULTILINE)) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_help(lathe: Run, command: str) -> None:
    shown = lathe(command, "--help")
    assert shown.returncode == 0 and not shown.stderr
    assert shown.stdout.startswith(f"usage: lathe {command}")
    assert "Exit codes: 0 all is well, 1 an error, 2 wrong usage." in shown.stdout
    if command != "version":
        assert f"\n  lathe {command} " in shown.stdout.partition("Examples:")[2]
    assert lathe("help", command).stdout == shown.stdout


def test_the_help_names_every_phase(lathe: Run) -> None:
    wrong = lathe("compile", "m", "--stop-after", "xxxxxxxxxxx").stderr
    phases = re.search(r"there are (.*) \[cli-unknown-phase\]", wrong)
    assert phases and f"Phases: {phases[1]}." in lathe("compile", "--help").stdout


def test_version(lathe: Run) -> None:
    result = lathe("version")
    assert result.returncode == 0
    assert re.match(r"lathe \d+\.\d+\.\d+\nLLVM  22\.1\.\d+\nABI   \d+\nhost  \w+", result.stdout)
    assert lathe("--version").stdout == result.stdout


def test_an_option_can_be_written_in_four_ways(lathe: Run) -> None:
    for words in (("-o", "n/m.so"), ("-on/m.so",), ("--output", "n/m.so"), ("--output=n/m.so",)):
        result = lathe("compile", "m.onnx", *words)
        assert result.returncode == 1
        assert 'cannot write into the folder "n"' in result.stderr


def test_after_two_dashes_all_words_are_files(lathe: Run) -> None:
    result = lathe("check", "--", "--help")
    assert result.returncode == 1
    assert result.stderr.startswith("--help: error: cannot read")


@pytest.mark.parametrize("command", ["run", "bench", "check", "inspect"])
def test_a_missing_file(lathe: Run, command: str) -> None:
    result = lathe(command, "none.onnx")
    assert result.returncode == 1
    assert result.stderr.startswith("none.onnx: error: cannot read")


def test_standard_output_that_is_full() -> None:
    full = pathlib.Path("/dev/full")
    if not full.exists() or not stat.S_ISCHR(full.stat().st_mode):
        pytest.skip("this system has no /dev/full")
    with full.open("w") as stdout:
        result = subprocess.run(
            [program(), "version"], stdout=stdout, stderr=subprocess.PIPE, text=True, check=False
        )
    assert result.returncode == 1
    assert "No space left on device [cli-stdout]" in result.stderr
