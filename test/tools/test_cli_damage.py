# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""No damage to a file that `lathe` reads crashes it, and each refusal says why."""

from __future__ import annotations

import pathlib

import pytest
from command_line import Run
from damage import SUFFIXES, search, write_models


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> list[pathlib.Path]:
    """Small models in all formats."""
    folder = tmp_path_factory.mktemp("seeds")
    write_models(folder)
    return sorted(folder.iterdir())


def test_damage_is_survived(seeds: list[pathlib.Path], tmp_path: pathlib.Path) -> None:
    """Some dozens of damaged files a suffix; damage.py itself tries thousands."""
    assert {path.suffix for path in seeds} == set(SUFFIXES)
    bad = [f"{path.name}: {words}" for path, words in search(seeds, tmp_path, 10, 0)]
    assert not bad, "\n".join(bad)


@pytest.mark.parametrize("suffix", [".lathe", ".lathebin", ".so"])
def test_each_changed_byte_is_found(
    seeds: list[pathlib.Path], lathe: Run, tmp_path: pathlib.Path, suffix: str
) -> None:
    """Files with a checksum are refused when one bit of what it covers is another."""
    data = bytearray(next(path for path in seeds if path.suffix == suffix).read_bytes())
    path = tmp_path / f"changed{suffix}"
    for at in range(64, len(data) - 64, len(data) // 16):
        data[at] ^= 0x20
        path.write_bytes(data)
        result = lathe("inspect", path)
        assert result.returncode == 1, f"byte {at} of {len(data)}: {result.stdout}"
        assert "[native-damaged]" in result.stderr or (
            "[artifact-damaged]" in result.stderr or "[module-" in result.stderr
        ), result.stderr
        data[at] ^= 0x20


def test_bytecode_has_versions(
    seeds: list[pathlib.Path], lathe: Run, tmp_path: pathlib.Path
) -> None:
    """A file of another version says who wrote it; bytecode without a header is not read."""
    data = bytearray(next(path for path in seeds if path.suffix == ".lathe").read_bytes())
    path = tmp_path / "model.lathe"
    path.write_bytes(data[64:])
    assert "[native-no-checksum]" in lathe("check", path).stderr
    path.write_bytes(data[:40])
    assert "[native-damaged]" in lathe("check", path).stderr
    path.write_bytes(data[:-1])
    assert "[native-damaged]" in lathe("check", path).stderr
    path.write_bytes(b"nothing")
    assert "[native-damaged]" in lathe("check", path).stderr
    data[8] = 77
    path.write_bytes(data)
    result = lathe("check", path)
    assert 'was written by "Lathe ' in result.stderr, result.stderr
    assert "format version 77" in result.stderr
    assert "[native-version]" in result.stderr


def test_names_that_are_no_text(
    seeds: list[pathlib.Path], lathe: Run, tmp_path: pathlib.Path
) -> None:
    """What is no UTF-8 in a model is escaped in messages."""
    data = next(path for path in seeds if path.suffix == ".onnx").read_bytes()
    path = tmp_path / "model.onnx"
    path.write_bytes(data.replace(b"Relu", b"Re\x80u"))
    result = lathe("check", path)
    assert result.returncode == 1
    assert 'operator "Re\\x80u"' in result.stderr, result.stderr
