# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`lathe completion` and `lathe manual`, in the shells and in man where they are installed."""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess

import pytest
from command_line import Run


def commands(lathe: Run) -> list[str]:
    return re.findall(r"^  ([a-z-]+) {3,}\S", lathe("help").stdout, re.MULTILINE)


def complete(lathe: Run, tmp_path: pathlib.Path, *words: str) -> list[str]:
    """What bash offers for the last word."""
    (tmp_path / "lathe.bash").write_text(lathe("completion", "bash").stdout)
    line = " ".join(f"'{w}'" for w in ("lathe", *words))
    script = (
        f". ./lathe.bash; COMP_WORDS=({line}); COMP_CWORD={len(words)}; _lathe; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    result = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    return result.stdout.split()


def test_bash_offers_commands_options_and_words(lathe: Run, tmp_path: pathlib.Path) -> None:
    assert complete(lathe, tmp_path, "") == [*commands(lathe), "help"]
    assert complete(lathe, tmp_path, "ben") == ["bench"]
    assert complete(lathe, tmp_path, "help", "ins") == ["inspect"]
    assert complete(lathe, tmp_path, "run", "--sh") == ["--shape"]
    assert complete(lathe, tmp_path, "cache", "") == ["list", "size", "clear", "path"]
    assert complete(lathe, tmp_path, "compile", "m", "--stop-after", "b") == ["bufferize"]
    (tmp_path / "model.onnx").touch()
    assert complete(lathe, tmp_path, "run", "mod") == ["model.onnx"]


def test_each_option_is_offered(lathe: Run, tmp_path: pathlib.Path) -> None:
    for command in commands(lathe):
        shown = set(re.findall(r"^  (?:-\w, )?(--[\w-]+)", lathe(command, "--help").stdout, re.M))
        assert set(complete(lathe, tmp_path, command, "--")) == shown
        page = lathe("manual", command).stdout.replace("\\-", "-")
        assert all(option in page for option in shown)
        for shell in ("zsh", "fish"):
            script = lathe("completion", shell).stdout
            assert all(option.removeprefix("--") in script for option in shown)


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_scripts_are_scripts(lathe: Run, tmp_path: pathlib.Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "script").write_text(lathe("completion", shell).stdout)
    subprocess.run([shell, "-n", tmp_path / "script"], check=True)


def test_man_shows_the_pages(lathe: Run, tmp_path: pathlib.Path) -> None:
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    for words, shown in (
        ((), "COMMANDS"),
        (("compile",), "--stop-after PHASE"),
        (("cache",), "clear"),
    ):
        result = subprocess.run(
            ["groff", "-man", "-Tascii", "-ww"],
            input=lathe("manual", *words).stdout,
            capture_output=True,
            text=True,
            check=True,
        )
        assert not result.stderr
        # Bold letters are printed twice.
        page = re.sub(r".\x08", "", re.sub(r"\x1b\[[0-9;]*m", "", result.stdout))
        assert "NAME" in page and "EXIT STATUS" in page and shown in page


def test_wrong_words(lathe: Run) -> None:
    assert "[cli-unknown-shell]" in lathe("completion", "tcsh").stderr
    assert "did you mean 'compile'?" in lathe("manual", "complie").stderr
