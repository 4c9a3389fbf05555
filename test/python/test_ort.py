# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The stand-in for onnxruntime, beside onnxruntime itself where the two must agree."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import lathe.ort
import numpy as np
import onnx
import onnxruntime
import pytest
from conftest import ValueSpec, add_one, make_model, unsupported
from lathe.ort.capi import onnxruntime_pybind11_state as errors
from onnx import ModelProto, TensorProto, helper

X = np.ones((2, 3), np.float32)


def two_outputs() -> ModelProto:
    """Return sum and product of two inputs."""

    def value(name: str) -> ValueSpec:
        return name, TensorProto.FLOAT, ["batch", 3]

    return make_model(
        [
            helper.make_node("Add", ["a", "b"], ["sum"]),
            helper.make_node("Mul", ["a", "b"], ["product"]),
        ],
        [value("a"), value("b")],
        [value("sum"), value("product")],
    )


def test_a_file_of_several_functions(tmp_path: Path) -> None:
    both = lathe.compile({"plus": add_one(), "two": two_outputs()})
    both.save(tmp_path / "both.so")
    source = tmp_path / "both.so"
    with pytest.raises(errors.InvalidArgument, match="plus, two; choose one with"):
        lathe.ort.InferenceSession(source)
    options = lathe.ort.SessionOptions()
    options.add_session_config_entry("lathe.function", "three")
    with pytest.raises(errors.InvalidArgument, match="plus, two, but not three"):
        lathe.ort.InferenceSession(source, options)
    options.add_session_config_entry("lathe.function", "two")
    session = lathe.ort.InferenceSession(source, options)
    assert [o.name for o in session.get_outputs()] == ["sum", "product"]
    total, product = session.run(None, {"a": X, "b": 2 * X})
    np.testing.assert_array_equal(total, 3 * X)
    np.testing.assert_array_equal(product, 2 * X)


def described() -> ModelProto:
    """Return a model with everything that ModelMetadata holds."""
    model = add_one()
    model.producer_name = "tester"
    model.domain = "org.example"
    model.model_version = 7
    model.doc_string = "adds one"
    model.graph.doc_string = "one node"
    helper.set_model_props(model, {"character": "a\nb", "ä": "ö"})
    return model


SHAPES: list[list[int | str | None]] = [[], [4], ["batch", 3], [None, "n"], ["?", "?"], [-1, 2]]


@pytest.fixture
def session() -> lathe.ort.InferenceSession:
    """Return a session of two_outputs()."""
    return lathe.ort.InferenceSession(two_outputs().SerializeToString())


def test_run_chooses_and_orders_outputs(session: lathe.ort.InferenceSession) -> None:
    feed = {"b": X * 3, "a": X * 2}
    for everything in (session.run(None, feed), session.run([], feed)):
        assert (everything[0] == 5).all() and (everything[1] == 6).all()
    product, total = session.run(["product", "sum"], feed)
    assert (total == 5).all() and (product == 6).all()
    assert len(session.run(["sum"], feed)) == 1


def test_run_takes_lists_and_ort_values(session: lathe.ort.InferenceSession) -> None:
    value = lathe.ort.OrtValue.ortvalue_from_numpy(X)
    total, _ = session.run(None, {"a": [[1, 1, 1], [1, 1, 1]], "b": value})
    assert (total == 2).all()
    (product,) = session.run_with_ort_values(["product"], {"a": value, "b": value})
    assert product.data_type() == "tensor(float)"
    assert product.shape() == [2, 3]
    assert (product.numpy() == 1).all()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_descriptions_are_those_of_onnxruntime(shape: list[int | str | None]) -> None:
    model = make_model(
        [helper.make_node("Relu", ["x"], ["y"])],
        [("x", TensorProto.FLOAT, shape)],
        [("y", TensorProto.FLOAT, shape)],
    )
    data = model.SerializeToString()
    ours, theirs = lathe.ort.InferenceSession(data), onnxruntime.InferenceSession(data)
    for mine, other in (
        (ours.get_inputs()[0], theirs.get_inputs()[0]),
        (ours.get_outputs()[0], theirs.get_outputs()[0]),
    ):
        # onnxruntime shows a size of -1, which stands for any, as 2**64 - 1.
        expected = [None if d == 2**64 - 1 else d for d in other.shape]
        assert (mine.name, mine.type, mine.shape) == (other.name, other.type, expected)


def test_metadata_is_that_of_onnxruntime(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    onnx.save(described(), path)
    theirs = onnxruntime.InferenceSession(path).get_modelmeta()
    for source in (path, str(path), path.read_bytes()):
        ours = lathe.ort.InferenceSession(source).get_modelmeta()
        for name in (
            "custom_metadata_map",
            "description",
            "domain",
            "graph_description",
            "graph_name",
            "producer_name",
            "version",
        ):
            assert getattr(ours, name) == getattr(theirs, name), name


@pytest.mark.parametrize(
    ("names", "feed"),
    [
        (None, {"a": X}),
        (None, {"a": X, "b": X, "c": X}),
        (["nothing"], {"a": X, "b": X}),
        (None, {"a": X, "b": X.astype(np.float64)}),
        (None, {"a": X, "b": X[0]}),
        (None, {"a": X, "b": np.zeros((2, 4), np.float32)}),
    ],
    ids=["missing", "unknown", "output", "dtype", "rank", "dim"],
)
def test_wrong_runs_raise_the_same_class(
    session: lathe.ort.InferenceSession, names: list[str] | None, feed: dict[str, Any]
) -> None:
    theirs = onnxruntime.InferenceSession(two_outputs().SerializeToString())
    with pytest.raises(Exception) as expected:
        theirs.run(names, feed)
    with pytest.raises(Exception) as caught:
        session.run(names, feed)
    assert caught.type.__name__ == expected.type.__name__
    if expected.type is not ValueError:
        prefix = str(expected.value).split(" : ")[:3]
        assert str(caught.value).split(" : ")[:3] == prefix


def test_arguments_of_the_wrong_kind(session: lathe.ort.InferenceSession) -> None:
    with pytest.raises(TypeError, match="dictionary of inputs by name, not a list"):
        session.run(None, [X, X])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not the string 'sum'"):
        session.run("sum", {"a": X, "b": X})


def test_models_that_do_not_load(tmp_path: Path) -> None:
    with pytest.raises(errors.NoSuchFile, match=r"nothing\.onnx"):
        lathe.ort.InferenceSession(tmp_path / "nothing.onnx")
    with pytest.raises(errors.InvalidProtobuf) as damaged:
        lathe.ort.InferenceSession(b"not a model")
    assert damaged.value.lathe is not None and damaged.value.lathe.ids
    with pytest.raises(errors.InvalidGraph, match="NoSuchOperator"):
        lathe.ort.InferenceSession(unsupported().SerializeToString())
    with pytest.raises(TypeError, match="Unable to load"):
        lathe.ort.InferenceSession(3)  # type: ignore[arg-type]


def test_the_number_of_threads_reaches_the_model() -> None:
    options = lathe.ort.SessionOptions()
    data = add_one().SerializeToString()
    assert lathe.ort.InferenceSession(data, options).compiled.threads is None
    options.intra_op_num_threads = 2
    assert lathe.ort.InferenceSession(data, options).compiled.threads == 2


def test_a_free_dim_is_fixed() -> None:
    options = lathe.ort.SessionOptions()
    options.add_free_dimension_override_by_name("batch", 2)
    session = lathe.ort.InferenceSession(add_one().SerializeToString(), options)
    assert session.get_inputs()[0].shape == [2, 3]


def test_options_have_the_names_and_defaults_of_onnxruntime() -> None:
    for kind in ("SessionOptions", "RunOptions"):
        ours, theirs = getattr(lathe.ort, kind)(), getattr(onnxruntime, kind)()
        for name, value in vars(ours).items():
            if name.startswith("_"):
                continue
            expected = getattr(theirs, name)
            assert getattr(value, "value", value) == getattr(expected, "value", expected), name
        for method in ("add_session_config_entry", "add_run_config_entry"):
            assert hasattr(ours, method) == hasattr(theirs, method)


def test_options_refuse_what_onnxruntime_refuses() -> None:
    options = lathe.ort.SessionOptions()
    with pytest.raises(TypeError, match="intra_op_num_threads"):
        options.intra_op_num_threads = "2"  # type: ignore[assignment]
    with pytest.raises(TypeError, match="graph_optimization_level"):
        options.graph_optimization_level = 99  # type: ignore[assignment]
    with pytest.raises(AttributeError, match="intra_op_threads"):
        options.intra_op_threads = 2
    options.intra_op_num_threads = np.int64(2)  # type: ignore[assignment]
    options.add_session_config_entry("session.key", "1")
    assert options.get_session_config_entry("session.key") == "1"
    with pytest.raises(RuntimeError, match="nothing"):
        options.get_session_config_entry("nothing")


def test_providers() -> None:
    data = add_one().SerializeToString()
    cpu = "CPUExecutionProvider"
    assert lathe.ort.get_available_providers() == [cpu]
    cuda = ("CUDAExecutionProvider", {"device_id": 0})
    lists: list[list[str | tuple[str, Any]] | None] = [None, [], [cpu], [cuda, cpu]]
    for providers in lists:
        session = lathe.ort.InferenceSession(data, providers=providers)
        assert session.get_providers() == [cpu]
    with pytest.warns(UserWarning, match="FooExecutionProvider"):
        lathe.ort.InferenceSession(data, providers=["FooExecutionProvider"])
    with pytest.raises(ValueError, match="sequence"):
        lathe.ort.InferenceSession(data, providers=3)  # type: ignore[arg-type]


def test_io_binding(session: lathe.ort.InferenceSession) -> None:
    value = lathe.ort.OrtValue.ortvalue_from_numpy(X * 2)
    total = np.zeros_like(X)
    binding = session.io_binding()
    binding.bind_cpu_input("a", X)
    binding.bind_input("b", "cpu", 0, np.float32, value.shape(), value.data_ptr())
    binding.bind_output("product")
    binding.bind_output("sum", "cpu", 0, np.float32, total.shape, total.ctypes.data)
    session.run_with_iobinding(binding)
    product, same = binding.copy_outputs_to_cpu()
    np.testing.assert_array_equal(product, X * 2)
    np.testing.assert_array_equal(total, X * 3)
    np.testing.assert_array_equal(same, total)
    value.update_inplace(X)  # Bound memory is read at each run.
    session.run_with_iobinding(binding)
    np.testing.assert_array_equal(total, X * 2)
    assert binding.get_outputs()[1].data_ptr() == total.ctypes.data

    binding.clear_binding_outputs()
    with pytest.raises(errors.InvalidArgument, match="no output is bound"):
        session.run_with_iobinding(binding)
    binding.bind_ortvalue_output(
        "sum", lathe.ort.OrtValue.ortvalue_from_shape_and_type((1, 1), np.float32)
    )
    with pytest.raises(
        errors.InvalidArgument, match=r"'sum' is float32.* bound to float32\[1, 1\]"
    ):
        session.run_with_iobinding(binding)
    with pytest.raises(errors.InvalidArgument, match="it has a, b"):
        binding.bind_cpu_input("c", X)
    with pytest.raises(ValueError, match="ort-device"):
        binding.bind_output("sum", "cuda")


def test_ort_values() -> None:
    array = np.array([[1, 2, 3]], np.int64)
    ours = lathe.ort.OrtValue.ortvalue_from_numpy(array)
    theirs = onnxruntime.OrtValue.ortvalue_from_numpy(array)
    asked = "shape data_type element_type tensor_size_in_bytes device_name is_tensor"
    for name in (asked + " is_sparse_tensor is_tensor_sequence has_value").split():
        assert getattr(ours, name)() == getattr(theirs, name)(), name
    assert lathe.ort.OrtValue.from_dlpack(array).data_ptr() == array.ctypes.data
    with pytest.raises(ValueError, match=r"int64\[1, 3\], but the array is int64\[3\]"):
        ours.update_inplace(array[0])
    with pytest.raises(ValueError, match="ort-device"):
        lathe.ort.OrtValue.ortvalue_from_numpy(array, "cuda", 0)


def test_run_async(session: lathe.ort.InferenceSession) -> None:
    done = threading.Event()
    seen: list[Any] = []

    def callback(outputs: list[Any], user_data: Any, error: str) -> None:
        seen.append((outputs, user_data, error))
        done.set()

    session.run_async(["sum"], {"a": X, "b": X}, callback, "mine")
    assert done.wait(60)
    np.testing.assert_array_equal(seen[0][0][0], X * 2)
    assert seen[0][1:] == ("mine", "")
    done.clear()
    session.run_async(["none"], {"a": X, "b": X}, callback, None)
    assert done.wait(60)
    assert seen[1][0] == [] and "none" in seen[1][2]


def test_what_is_missing_says_so() -> None:
    with pytest.raises(AttributeError, match=r"onnxruntime\.SparseTensor is not in lathe\.ort"):
        _ = lathe.ort.SparseTensor
    assert not hasattr(lathe.ort, "training")


def test_one_session_in_several_threads(session: lathe.ort.InferenceSession) -> None:
    wrong: list[int] = []

    def work(value: int) -> None:
        for _ in range(50):
            (total,) = session.run(["sum"], {"a": X * value, "b": X})
            if not (total == value + 1).all():
                wrong.append(value)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def run_python(code: str) -> str:
    """Return what a new Python prints for `code`."""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_install_serves_code_that_imports_onnxruntime() -> None:
    out = run_python(
        "import lathe.ort; lathe.ort.install()\n"
        "import onnxruntime as rt\n"
        "from onnxruntime import GraphOptimizationLevel, InferenceSession, SessionOptions\n"
        "from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument\n"
        "from onnxruntime.capi._pybind_state import NotImplemented\n"
        "import onnxruntime.capi\n"
        "assert InferenceSession is lathe.ort.InferenceSession\n"
        "rt.disable_telemetry_events(); rt.set_default_logger_severity(4)\n"
        "print(rt.get_device(), rt.__name__)\n"
        "lathe.ort.install()\n"
        "lathe.ort.uninstall()\n"
        "import onnxruntime\n"
        "print(onnxruntime.__name__)\n"
    )
    assert out.split() == ["CPU", "lathe.ort", "onnxruntime"]


def test_install_after_onnxruntime_is_refused() -> None:
    out = run_python(
        "import onnxruntime, lathe.ort\n"
        "try: lathe.ort.install()\n"
        "except ImportError as error: print(error)\n"
    )
    assert "ort-already-imported" in out


def test_rapidocr_and_magika_make_their_sessions() -> None:
    # Only what they do with the API: their networks are tests of the models.
    out = run_python(
        "import lathe.ort; lathe.ort.install()\n"
        "from rapidocr_onnxruntime.utils.infer_engine import OrtInferSession\n"
        "import magika.magika as m\n"
        "options = OrtInferSession._init_sess_opts({'intra_op_num_threads': 1})\n"
        "print(type(options).__module__, options.intra_op_num_threads, m.rt.__name__)\n"
    )
    assert out.split() == ["lathe.ort.options", "1", "lathe.ort"]
