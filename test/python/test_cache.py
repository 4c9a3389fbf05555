# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The compile cache: what decides a key, what happens on disk, and many processes at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import lathe
import numpy as np
import onnx
import pytest
from conftest import add_one, make_model, unsupported
from lathe.cache import CompileCache, Stats, default_directory
from lathe.source import Source
from onnx import TensorProto, helper

X = np.ones((2, 3), np.float32)


def entries(cache: CompileCache) -> list[Path]:
    """Return the artifacts on disk."""
    assert cache.directory is not None
    return sorted(cache.directory.glob("*.lathebin"))


def test_memory_then_disk(own_cache: CompileCache) -> None:
    model = lathe.compile(add_one())
    again = lathe.compile(add_one())
    assert own_cache.stats == Stats(memory_hits=1, disk_hits=0, misses=1)
    assert len(entries(own_cache)) == 1
    del model, again
    fresh = CompileCache(own_cache.directory)
    assert (lathe.compile(add_one(), cache=fresh)(X)[0] == 2).all()
    assert fresh.stats == Stats(memory_hits=0, disk_hits=1, misses=0)


def test_models_share_kernels(own_cache: CompileCache) -> None:
    assert own_cache.directory is not None
    other = add_one()
    other.graph.node[0].name = "another"
    lathe.compile(add_one())
    (kernel,) = own_cache.directory.glob("*.kernel")
    os.utime(kernel, (0, 0))
    assert (lathe.compile(other)(X)[0] == 2).all()
    assert list(own_cache.directory.glob("*.kernel")) == [kernel]
    assert kernel.stat().st_mtime > 0, "used, not written"
    models = own_cache.entries()
    assert [entry.path.suffix for entry in models] == [".lathebin"] * 2
    assert own_cache.size() == sum(entry.size for entry in models) + kernel.stat().st_size
    lathe.compile(other, dims={"batch": 2}, cache=False)
    assert list(own_cache.directory.glob("*.kernel")) == [kernel]
    own_cache.clear()
    assert list(own_cache.directory.iterdir()) == []


def test_models_of_the_cache_have_ir_and_can_be_saved(
    own_cache: CompileCache, tmp_path: Path
) -> None:
    lathe.compile(add_one())
    cached = lathe.compile(add_one(), cache=CompileCache(own_cache.directory))
    assert "func" in cached.ir("optimize")
    cached.save(tmp_path / "m.lathebin")
    assert (lathe.load(tmp_path / "m.lathebin")(X)[0] == 2).all()


def test_nothing_is_kept_without_cache(own_cache: CompileCache) -> None:
    lathe.compile(add_one(), cache=False)
    assert entries(own_cache) == []
    assert own_cache.stats == Stats(0, 0, 0)


def test_what_decides_the_key(own_cache: CompileCache) -> None:
    proto = add_one()
    other = add_one()
    other.graph.node[0].name = "another"
    target = lathe.compile(proto).target
    lathe.compile(other)
    lathe.compile(proto, dims={"batch": 2})
    lathe.compile(proto, dims={"batch": 3})
    lathe.compile(proto, target=target)
    assert own_cache.stats.misses == 5
    lathe.compile(proto, threads=1)  # Decides nothing about the code.
    assert own_cache.stats.misses == 5


def test_another_build_of_the_compiler_has_other_keys(
    own_cache: CompileCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    lathe.compile(add_one())
    monkeypatch.setattr("lathe.compiler._compiler_key", lambda: ("0.1.0", "another build"))
    lathe.compile(add_one())
    assert own_cache.stats.misses == 2
    assert Path(lathe._lathe.library_path()).name.startswith("libLatheC")


def test_errors_are_not_kept(own_cache: CompileCache) -> None:
    for _ in range(2):
        with pytest.raises(lathe.CompileError):
            lathe.compile(unsupported())
    assert own_cache.directory is not None
    assert list(own_cache.directory.iterdir()) == []


def test_a_changed_file_is_compiled_again(own_cache: CompileCache, add_one_file: Path) -> None:
    kept = lathe.compile(add_one_file)
    proto = onnx.load(add_one_file)
    proto.graph.initializer[0].CopyFrom(
        onnx.numpy_helper.from_array(np.full(1, 10, np.float32), "one")
    )
    onnx.save(proto, add_one_file)
    assert (lathe.compile(add_one_file)(X)[0] == 11).all()
    assert (kept(X)[0] == 2).all()


def test_changed_external_data_is_compiled_again(own_cache: CompileCache, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    for value in (1, 5):
        proto = make_model(
            [helper.make_node("Add", ["x", "w"], ["y"])],
            [("x", TensorProto.FLOAT, ["n", 300])],
            [("y", TensorProto.FLOAT, ["n", 300])],
            {"w": np.full(300, value, np.float32)},
        )
        (tmp_path / "w.bin").unlink(missing_ok=True)
        onnx.save(proto, path, save_as_external_data=True, location="w.bin", size_threshold=0)
        assert (lathe.compile(path)(np.zeros((1, 300), np.float32))[0] == value).all()
    assert own_cache.stats.misses == 2
    first = Source(path).content_hash()
    (tmp_path / "w.bin").unlink()
    assert Source(path).content_hash() != first


def test_external_data_without_a_folder_is_not_cached() -> None:
    proto = add_one()
    onnx.external_data_helper.set_external_data(proto.graph.initializer[0], "w.bin")
    assert Source(proto).content_hash() is None


def test_a_damaged_entry_is_replaced(own_cache: CompileCache) -> None:
    lathe.compile(add_one())
    (entry,) = entries(own_cache)
    whole = entry.read_bytes()
    for damaged in (b"", b"damaged", whole[: len(whole) // 2]):
        entry.write_bytes(damaged)
        fresh = CompileCache(own_cache.directory)
        assert (lathe.compile(add_one(), cache=fresh)(X)[0] == 2).all()
        assert fresh.stats == Stats(0, 0, 1)
        assert len(entry.read_bytes()) == len(whole)


def test_a_directory_that_cannot_be_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = CompileCache(tmp_path / "file" / "cache")
    assert (lathe.compile(add_one(), cache=cache)(X)[0] == 2).all()
    assert "cannot be used" in caplog.text


@pytest.mark.parametrize(
    "name", ["x" * 300, "file/cache", "/proc/nothing"], ids=["long", "file", "proc"]
)
def test_an_unusable_directory_costs_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LATHE_CACHE_DIR", str(tmp_path / name))
    lathe.cache.configure()
    for _ in range(2):
        assert (lathe.compile(add_one())(X)[0] == 2).all()
    assert "[cache-unusable]" in caplog.text


def test_a_user_without_a_home(tmp_path: Path) -> None:
    onnx.save(add_one(), tmp_path / "m.onnx")
    code = (
        "import os, pwd, numpy as np\n"
        "def nobody(uid): raise KeyError(uid)\n"
        "pwd.getpwuid = nobody\n"
        "import lathe\n"
        "print(lathe.compile('m.onnx')(np.ones((2, 3), np.float32))[0][0, 0])\n"
    )
    hidden = ("HOME", "XDG_CACHE_HOME", "LATHE_CACHE_DIR")
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if k not in hidden},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stdout == "2.0\n", result.stderr
    assert "[cache-no-home]" in result.stderr


def test_a_folder_of_somebody_else(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    onnx.save(add_one(), tmp_path / "m.onnx")
    (tmp_path / "home").mkdir(mode=0o700)
    code = (
        "import os, numpy as np, lathe\n"
        "data = open('m.onnx', 'rb').read()\n"
        "x = np.ones((2, 3), np.float32)\n"
        # Imports all that it needs while it may read the files of Python.
        "lathe.compile(data, cache=False)(x), open('/proc/cpuinfo', encoding='ascii')\n"
        "os.setuid(12345)\n"
        "print(lathe.compile(data)(np.ones((2, 3), np.float32))[0][0, 0])\n"
    )
    hidden = ("XDG_CACHE_HOME", "LATHE_CACHE_DIR")
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if k not in hidden}
        | {"HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stdout == "2.0\n", result.stderr
    assert "[cache-unusable]" in result.stderr


def test_changed_weights_of_an_entry_are_noticed(
    own_cache: CompileCache, caplog: pytest.LogCaptureFixture
) -> None:
    proto = make_model(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        [("x", TensorProto.FLOAT, ["n", 3])],
        [("y", TensorProto.FLOAT, ["n", 64])],
        {"w": np.ones((3, 64), np.float32)},
    )
    lathe.compile(proto)
    (entry,) = entries(own_cache)
    whole = entry.read_bytes()
    at = whole.rindex(np.float32(1).tobytes())
    entry.write_bytes(whole[:at] + b"\xff" * 4 + whole[at + 4 :])
    fresh = CompileCache(own_cache.directory)
    assert (lathe.compile(proto, cache=fresh)(X)[0] == 3).all()
    assert "weights were changed" in caplog.text
    assert entry.read_bytes() == whole


def test_the_bound_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("LATHE_CACHE_MAX_BYTES", "12345")
    assert lathe.cache.configure().max_bytes == 12345
    monkeypatch.setenv("LATHE_CACHE_MAX_BYTES", "1G")
    assert lathe.cache.configure().max_bytes == lathe.cache.DEFAULT_MAX_BYTES
    assert "[cache-bound]" in caplog.text


def test_the_directory_is_bounded(own_cache: CompileCache) -> None:
    lathe.compile(add_one(1))
    (first,) = entries(own_cache)
    size = first.stat().st_size
    small = CompileCache(own_cache.directory, max_bytes=int(size * 2.5))
    os.utime(first, (time.time() - 100, time.time() - 100))
    lathe.compile(add_one(2), cache=small)
    (second,) = set(entries(small)) - {first}
    os.utime(second, (time.time() - 50, time.time() - 50))
    lathe.compile(add_one(1), cache=small)  # Used again: now the younger of the two.
    lathe.compile(add_one(3), cache=small)
    left = entries(small)
    assert first in left
    assert second not in left
    assert small.size() <= small.max_bytes


def test_a_model_larger_than_the_bound_still_compiles(own_cache: CompileCache) -> None:
    none = CompileCache(own_cache.directory, max_bytes=0)
    assert (lathe.compile(add_one(), cache=none)(X)[0] == 2).all()
    assert entries(none) == []


def test_clear(own_cache: CompileCache) -> None:
    model = lathe.compile(add_one())
    lathe.cache.clear()
    assert entries(own_cache) == []
    assert (model(X)[0] == 2).all()
    lathe.compile(add_one())
    assert own_cache.stats.misses == 2


def test_the_default_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LATHE_CACHE_DIR", str(tmp_path / "chosen"))
    assert default_directory() == tmp_path / "chosen"
    monkeypatch.delenv("LATHE_CACHE_DIR")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_directory() == tmp_path / ".cache" / "lathe"


CHILD = """
import json, sys, numpy as np, lathe
x = np.ones((2, 3), np.float32)
sys.stdin.readline()
for path in sys.argv[1:]:
    assert (lathe.compile(path)(x)[0] == 2).all()
s = lathe.cache.default().stats
print(json.dumps([s.memory_hits, s.disk_hits, s.misses]))
"""


def test_many_processes_compile_each_model_once(tmp_path: Path) -> None:
    paths = []
    for i in range(4):
        proto = add_one()
        proto.graph.node[0].name = f"add{i}"
        paths.append(tmp_path / f"{i}.onnx")
        onnx.save(proto, paths[-1])
    directory = tmp_path / "cache"
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, *map(str, paths)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "LATHE_CACHE_DIR": str(directory)},
        )
        for _ in range(5)
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    stats = [json.loads(child.communicate()[0]) for child in children]
    assert all(child.returncode == 0 for child in children)
    assert sum(misses for _, _, misses in stats) == len(paths)
    assert sum(disk for _, disk, _ in stats) == len(paths) * (len(children) - 1)
    assert len(list(directory.glob("*.lathebin"))) == len(paths)
    assert list(directory.glob("*.lock")) == []
    assert list(directory.glob("*.tmp.*")) == []


def test_a_writer_that_died_does_not_block(tmp_path: Path) -> None:
    directory = tmp_path / "cache"
    code = (
        "import os, lathe.cache\n"
        f"cache = lathe.cache.CompileCache(__import__('pathlib').Path({str(directory)!r}))\n"
        "cache.get('k', lambda: os._exit(3))\n"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 3
    assert (directory / "k.lock").exists()
    cache = CompileCache(directory)
    built = Source(add_one()).load().compile("host")
    assert cache.get("k", lambda: built) is built
    assert not (directory / "k.lock").exists()


def test_links_into_a_store(own_cache: CompileCache, tmp_path: Path) -> None:
    """As hubs keep models: the folder of a version holds links to contents elsewhere."""
    proto = make_model(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        [("x", TensorProto.FLOAT, ["n", 300])],
        [("y", TensorProto.FLOAT, ["n", 300])],
        {"w": np.full(300, 4, np.float32)},
    )
    store, version = tmp_path / "blobs", tmp_path / "snapshots" / "v1"
    store.mkdir()
    version.mkdir(parents=True)
    onnx.save(proto, store / "m", save_as_external_data=True, location="w.bin", size_threshold=0)
    (store / "w.bin").rename(store / "0badcafe")
    (version / "m.onnx").symlink_to("../../blobs/m")
    (version / "w.bin").symlink_to("../../blobs/0badcafe")
    x = np.zeros((1, 300), np.float32)
    with pytest.raises(lathe.CompileError, match="allow_links=True"):
        lathe.compile(version / "m.onnx")
    assert (lathe.compile(version / "m.onnx", allow_links=True)(x)[0] == 4).all()
    # What was compiled with links is not for those who do not allow them.
    with pytest.raises(lathe.CompileError, match="onnx-external-data-link"):
        lathe.compile(version / "m.onnx")
