# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compilation: all kinds of models in, all kinds of files out, errors that say what is wrong."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import lathe
import numpy as np
import onnx
import pytest
from conftest import add_one, make_model, unsupported
from onnx import TensorProto, helper

X = np.ones((2, 3), np.float32)


def test_kernels_of_the_same_code(own_cache: object) -> None:
    nodes = [
        helper.make_node("Mul", ["x", "none"], ["product"]),
        helper.make_node("Reshape", ["x", "shape"], ["rows"]),
        helper.make_node("Concat", ["rows", "rows"], ["twice"], axis=1),
        helper.make_node("Max", ["none", "twice"], ["largest"]),
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "g",
        [value("x", TensorProto.FLOAT, ["n", "c", 1, 1]), value("none", TensorProto.FLOAT, [0])],
        [
            value("product", TensorProto.FLOAT, None),
            value("twice", TensorProto.FLOAT, None),
            value("largest", TensorProto.FLOAT, None),
        ],
        [helper.make_tensor("shape", TensorProto.INT64, [3], [0, -1, 1])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    x = np.arange(6, dtype=np.float32).reshape(2, 3, 1, 1)
    product, twice, largest = lathe.compile(model)(x, np.zeros(0, np.float32))
    assert product.shape == (2, 3, 1, 0) and largest.shape == (2, 6, 0)
    np.testing.assert_array_equal(twice, np.tile(x.reshape(2, 3, 1), (1, 2, 1)))


def test_path_bytes_and_proto(add_one_file: Path) -> None:
    proto = onnx.load(add_one_file)
    data = add_one_file.read_bytes()
    for source in (add_one_file, str(add_one_file), data, bytearray(data), proto):
        (y,) = lathe.compile(source)(X)
        assert (y == 2).all()


def test_signature(add_one_file: Path) -> None:
    model = lathe.compile(add_one_file)
    assert str(model.signature) == "main(x: f32[batch, 3]) -> (y: f32[batch, 3])"
    assert model.inputs[0].shape == ("batch", 3)
    assert [v.name for v in model.outputs] == ["y"]
    assert model.name == "add_one"
    assert ":" in model.target
    assert "f32[batch, 3]" in repr(model)


def test_dims_fix_a_free_size() -> None:
    model = lathe.compile(add_one(), dims={"batch": 2})
    assert model.inputs[0].shape == (2, 3)
    assert (model(X)[0] == 2).all()
    with pytest.raises(lathe.RuntimeError, match="call-dim-mismatch"):
        model(X[:1])


@pytest.mark.parametrize("value", [-1, 1.5, True, None])
def test_dims_that_are_no_size(value: object) -> None:
    with pytest.raises(ValueError, match=r"dims\['batch'\]"):
        lathe.compile(add_one(), dims={"batch": value})  # type: ignore[dict-item]


def test_metadata() -> None:
    proto = add_one()
    helper.set_model_props(proto, {"character": "a\nb\nä", "empty": ""})
    assert lathe.compile(proto).metadata == {"character": "a\nb\nä", "empty": ""}


@pytest.mark.parametrize(
    "data", [b"", b"not a model", b"\x08\x08", add_one().SerializeToString()[:-9]], ids=repr
)
def test_bytes_that_are_no_model(data: bytes) -> None:
    with pytest.raises(lathe.CompileError) as caught:
        lathe.compile(data)
    assert caught.value.ids and all(caught.value.ids)
    assert all(d.severity in ("error", "warning") for d in caught.value.diagnostics)
    assert f"[{caught.value.ids[0]}]" in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(lathe.CompileError, match=r"nothing\.onnx"):
        lathe.compile(tmp_path / "nothing.onnx")


def test_an_operator_that_is_not_there() -> None:
    with pytest.raises(lathe.CompileError, match="NoSuchOperator") as caught:
        lathe.compile(unsupported())
    copy = pickle.loads(pickle.dumps(caught.value))
    assert copy.diagnostics == caught.value.diagnostics


def test_a_target_that_is_not_there() -> None:
    with pytest.raises(lathe.CompileError, match="vax11") as caught:
        lathe.compile(add_one(), target="vax11:780")
    assert caught.value.ids[0].startswith("target-")


def test_something_else_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="int is not a model"):
        lathe.compile(3)  # type: ignore[arg-type]


def test_a_path_with_a_null_byte() -> None:
    with pytest.raises(ValueError, match="null"):
        lathe.compile("a\0b", cache=False)


def test_progress_names_the_phases() -> None:
    phases: list[str] = []
    lathe.compile(add_one(), cache=False, progress=phases.append)
    assert len(phases) > 1
    assert "optimize" in phases


def test_progress_that_raises_does_not_stop_the_compiler(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: seen.append(args.exc_value))

    def fail(phase: str) -> None:
        raise KeyError(phase)

    model = lathe.compile(add_one(), cache=False, progress=fail)
    assert (model(X)[0] == 2).all()
    assert isinstance(seen[0], KeyError)


def test_ir(add_one_file: Path) -> None:
    model = lathe.compile(add_one_file)
    for phase in ("optimize", "partition"):
        assert "func" in model.ir(after=phase)
    with pytest.raises(lathe.CompileError) as caught:
        model.ir(after="no-such-phase")
    assert caught.value.ids


def test_save_and_load_without_a_linker(tmp_path: Path) -> None:
    model = lathe.compile(add_one())
    model.save(tmp_path / "m.lathebin")
    loaded = lathe.load(tmp_path / "m.lathebin")
    assert loaded.signature == model.signature
    assert (loaded(X)[0] == 2).all()
    loaded.save(tmp_path / "again.lathebin")
    with pytest.raises(lathe.CompileError, match="ir-compiled-file"):
        loaded.ir("optimize")


def test_save_and_load_a_shared_library(tmp_path: Path) -> None:
    model = lathe.compile(add_one())
    model.save(tmp_path / "m.so")
    loaded = lathe.load(tmp_path / "m.so", threads=1)
    assert loaded.signature == model.signature
    assert loaded.target == model.target
    assert (loaded(X)[0] == 2).all()
    for save in (loaded.save, loaded.save_header):
        with pytest.raises(lathe.CompileError, match="save-loaded-library"):
            save(tmp_path / "m.a")


def test_save_a_header(tmp_path: Path) -> None:
    lathe.compile(add_one()).save_header(tmp_path / "m.h")
    assert (tmp_path / "m.h").stat().st_size > 0


def test_save_where_nothing_can_be_written(tmp_path: Path) -> None:
    model = lathe.compile(add_one())
    with pytest.raises(lathe.CompileError, match="nowhere"):
        model.save(tmp_path / "nowhere" / "m.lathebin")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["m.lathebin", "m.so"])
def test_load_a_damaged_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"damaged")
    with pytest.raises(lathe.CompileError) as caught:
        lathe.load(tmp_path / name)
    assert caught.value.ids[0]
    assert name in str(caught.value)


def test_load_a_file_that_is_not_there(tmp_path: Path) -> None:
    for name in ("none.lathebin", "none.so"):
        with pytest.raises(lathe.CompileError, match="none"):
            lathe.load(tmp_path / name)


def test_load_of_a_source_says_what_to_do(add_one_file: Path) -> None:
    with pytest.raises(lathe.CompileError, match=r"lathe\.compile.*load-ending"):
        lathe.load(add_one_file)


def test_several_threads_compile_at_once() -> None:
    results: dict[int, float] = {}

    def work(value: int) -> None:
        proto = make_model(
            [helper.make_node("Add", ["x", "c"], ["y"])],
            [("x", TensorProto.FLOAT, ["n"])],
            [("y", TensorProto.FLOAT, ["n"])],
            {"c": np.full(1, value, np.float32)},
        )
        results[value] = float(lathe.compile(proto)(np.ones(1, np.float32))[0][0])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {i: i + 1 for i in range(4)}


def test_version() -> None:
    assert lathe.__version__ == lathe.version()


def test_import_is_light() -> None:
    code = "import sys, lathe; print(*(m for m in ('onnx', 'onnxruntime') if m in sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == ""


def test_a_model_for_another_machine(own_cache: object, tmp_path: Path) -> None:
    model = lathe.compile(add_one(), target="aarch64", name="adder")
    assert model.target.startswith("aarch64")
    assert str(model.signature) == str(lathe.compile(add_one()).signature)
    model.save(tmp_path / "m.a")
    model.save_header(tmp_path / "m.h")
    model.save(tmp_path / "m.lathebin")
    assert "lathe_query_adder" in (tmp_path / "m.h").read_text()
    with pytest.raises(lathe.RuntimeError, match="call-other-machine"):
        model(np.ones((2, 3), np.float32))
    with pytest.raises(lathe.CompileError):
        lathe.load(tmp_path / "m.lathebin")


def test_models_can_be_pickled_and_copied(own_cache: object, tmp_path: Path) -> None:
    x = np.ones((2, 3), np.float32)
    model = lathe.compile(add_one(), threads=2)
    for again in (pickle.loads(pickle.dumps(model)), copy.copy(model), copy.deepcopy(model)):
        assert (again(x)[0] == 2).all()
        assert (again.threads, again.isa) == (2, model.isa)
    model.save(tmp_path / "m.so")
    with pytest.raises(lathe.CompileError, match="pickle-loaded-library"):
        pickle.dumps(lathe.load(tmp_path / "m.so"))


def test_python_m_lathe_is_the_command_line() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "lathe", "--version"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(f"lathe {lathe.__version__}")


def test_long_targets_are_short_in_messages() -> None:
    target = "x86_64:amx,gfni,avx512vbmi,avx512bitalg"
    model = lathe.compile(add_one().SerializeToString(), target=target)
    assert model.target == target
    assert "for x86_64:v4+amx>" in repr(model)
