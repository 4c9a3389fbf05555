# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs that cannot tell lathe.ort from onnxruntime: what they touch beside `run`."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import lathe.ort
import ml_dtypes
import numpy as np
import onnx
import onnxruntime
import pytest
from conftest import add_one, make_model, unsupported
from lathe.ort.capi import onnxruntime_pybind11_state as errors
from lathe.ort.session import _short
from onnx import ModelProto, TensorProto, helper

X = np.ones((2, 3), np.float32)
PROGRAM = """
import sys
import multiprocessing
import numpy as np
import onnxruntime as ort

def work(path):
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    (y,) = session.run(None, {"x": np.ones((2, 3), np.float32)})
    return ort.get_build_info(), float(y[0, 0])

if __name__ == "__main__":
    print(work(sys.argv[1]))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.map(work, [sys.argv[1]])[0])
"""


def scale() -> ModelProto:
    """Return y = x * w, where w has a default."""
    return make_model(
        [helper.make_node("Mul", ["x", "w"], ["y"])],
        [("x", TensorProto.FLOAT, ["n", 3]), ("w", TensorProto.FLOAT, [3])],
        [("y", TensorProto.FLOAT, ["n", 3])],
        {"w": np.full(3, 2, np.float32)},
    )


@pytest.mark.parametrize("start", [["-m", "lathe.ort"], []], ids=["module", "environment"])
def test_a_program_runs_unchanged(tmp_path: Path, start: list[str]) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    onnx.save(add_one(), tmp_path / "m.onnx")
    env = dict(os.environ)
    if not start:
        shown = subprocess.run(
            [sys.executable, "-m", "lathe.ort", "--path"],
            capture_output=True,
            text=True,
            check=True,
        )
        env["PYTHONPATH"] = shown.stdout.strip() + os.pathsep + env.get("PYTHONPATH", "")
    result = subprocess.run(
        [sys.executable, *start, "program.py", "m.onnx"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    line = str((f"lathe {lathe.__version__}", 2.0))
    assert result.stdout.splitlines() == [line, line], result.stdout


def test_programs_that_cannot_be_run(tmp_path: Path) -> None:
    for program in ("nothing.py", "true"):
        result = subprocess.run(
            [sys.executable, "-m", "lathe.ort", program],
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 1
        assert "[ort-no-program]" in result.stderr


def test_private_attributes(tmp_path: Path) -> None:
    data = add_one().SerializeToString()
    ours, theirs = lathe.ort.InferenceSession(data), onnxruntime.InferenceSession(data)
    for name in ("_providers", "_provider_options", "_enable_fallback", "_model_path"):
        assert getattr(ours, name, None) == getattr(theirs, name, None), name
    assert ours._model_bytes == theirs._model_bytes == data
    assert [v.name for v in ours._inputs_meta] == [v.name for v in theirs._inputs_meta]
    assert [v.name for v in ours._outputs_meta] == [v.name for v in theirs._outputs_meta]
    assert ours._model_meta.graph_name == theirs._model_meta.graph_name
    assert ours._sess_options is ours.get_session_options()
    assert (ours._sess.run(None, {"x": X}, None)[0] == 2).all()
    ours.disable_fallback()
    assert ours._enable_fallback is False


def test_overridable_initializers() -> None:
    data = scale().SerializeToString()
    ours, theirs = lathe.ort.InferenceSession(data), onnxruntime.InferenceSession(data)
    feed = {"x": X, "w": np.full(3, 5, np.float32)}
    for session in (ours, theirs):
        assert [v.name for v in session.get_inputs()] == ["x"]
        (w,) = session.get_overridable_initializers()
        assert (w.name, w.type, w.shape) == ("w", "tensor(float)", [3])
        assert (session.run(None, {"x": X})[0] == 2).all()
        assert (session.run(None, feed)[0] == 5).all()


@pytest.mark.parametrize(
    ("dtype", "number"),
    [
        (np.float32, 1), (np.uint8, 2), (np.int8, 3), (np.int32, 6), (np.int64, 7), (np.bool_, 9),
        (np.float16, 10), (np.float64, 11), (np.uint64, 13),
    ],
)  # fmt: skip
def test_element_types_by_number(dtype: Any, number: int) -> None:
    ours = lathe.ort.OrtValue.ortvalue_from_shape_and_type([2, 3], number)
    theirs = onnxruntime.OrtValue.ortvalue_from_shape_and_type([2, 3], number)
    assert ours.numpy().dtype == theirs.numpy().dtype == np.dtype(dtype)
    assert ours.element_type() == theirs.element_type() == number
    assert ours.data_type() == theirs.data_type()


def test_bits_of_a_type_that_numpy_lacks() -> None:
    bits = np.full((2, 3), 0x3F80, np.uint16)
    ours = lathe.ort.OrtValue.ortvalue_from_numpy_with_onnx_type(bits, TensorProto.BFLOAT16)
    theirs = onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(bits, TensorProto.BFLOAT16)
    assert ours.data_type() == theirs.data_type()
    assert ours.element_type() == theirs.element_type() == TensorProto.BFLOAT16
    assert ours.numpy().dtype == ml_dtypes.bfloat16
    assert (ours.numpy().astype(np.float32) == 1).all()
    with pytest.raises(ValueError, match="ort-element-size"):
        lathe.ort.OrtValue.ortvalue_from_numpy_with_onnx_type(bits, TensorProto.FLOAT)
    with pytest.raises(ValueError, match="ort-element-type"):
        lathe.ort.OrtValue.ortvalue_from_shape_and_type([1], 99)


def test_bindings_take_numbers_of_types() -> None:
    session = lathe.ort.InferenceSession(add_one().SerializeToString())
    binding, out = session.io_binding(), np.empty((2, 3), np.float32)
    binding.bind_input("x", "cpu", 0, TensorProto.FLOAT, X.shape, X.ctypes.data)
    binding.bind_output("y", "cpu", 0, TensorProto.FLOAT, out.shape, out.ctypes.data)
    session.run_with_iobinding(binding)
    assert (out == 2).all()


def test_a_profile_is_a_list_of_trace_events(tmp_path: Path) -> None:
    options = lathe.ort.SessionOptions()
    options.enable_profiling = True
    options.profile_file_prefix = str(tmp_path / "profile")
    session = lathe.ort.InferenceSession(add_one().SerializeToString(), options)
    session.run(None, {"x": X})
    path = session.end_profiling()
    events = json.loads(Path(path).read_text())
    assert [e["name"] for e in events] == ["session_initialization", "model_run"]
    for event in events:
        assert {"cat", "pid", "tid", "dur", "ts", "ph", "name", "args"} == set(event)
    assert session.end_profiling() == ""


def test_the_optimized_model_is_written(tmp_path: Path) -> None:
    options = lathe.ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    lathe.ort.InferenceSession(add_one().SerializeToString(), options)
    theirs = onnxruntime.InferenceSession(options.optimized_model_filepath)
    assert (theirs.run(None, {"x": X})[0] == 2).all()


def test_options_that_fit_no_model() -> None:
    options = lathe.ort.SessionOptions()
    options.intra_op_num_threads = 100_000
    options.add_free_dimension_override_by_name("nothing", 3)
    options.add_free_dimension_override_by_denotation("DATA_BATCH", 3)
    session = lathe.ort.InferenceSession(
        add_one().SerializeToString(), options, providers="CPUExecutionProvider"
    )
    assert (session.run(None, {"x": X})[0] == 2).all()
    assert session.get_providers() == ["CPUExecutionProvider"]


def test_enumerations_are_integers_where_asked() -> None:
    for name in ("GraphOptimizationLevel", "ExecutionMode", "ExecutionOrder"):
        ours, theirs = getattr(lathe.ort, name), getattr(onnxruntime, name)
        for member in theirs.__members__:
            assert int(getattr(ours, member)) == int(getattr(theirs, member)), member


def test_terminate_ends_a_run() -> None:
    session = lathe.ort.InferenceSession(add_one().SerializeToString())
    options = lathe.ort.RunOptions()
    options.terminate = True
    with pytest.raises(errors.Fail, match="terminate flag"):
        session.run(None, {"x": X}, options)
    options.terminate = False
    assert (session.run(None, {"x": X}, options)[0] == 2).all()


def test_the_first_call_says_what_it_does(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, own_cache: object
) -> None:
    seen: list[tuple[str, str]] = []
    lathe.ort.set_progress_hook(lambda model, phase: seen.append((model, phase)))
    try:
        onnx.save(add_one(), tmp_path / "m.onnx")
        with caplog.at_level(logging.INFO, "lathe.ort"):
            lathe.ort.InferenceSession(tmp_path / "m.onnx")
            lathe.ort.InferenceSession(tmp_path / "m.onnx")
    finally:
        lathe.ort.set_progress_hook(None)
    assert [phase for _, phase in seen][-1] == "emit"
    assert {model for model, _ in seen} == {str(tmp_path / "m.onnx")}
    assert sum("compiling" in r.message for r in caplog.records) == 1  # Then it is in the cache.


def test_errors_are_for_users_of_programs(tmp_path: Path) -> None:
    onnx.save(unsupported(), tmp_path / "m.onnx")
    with pytest.raises(errors.InvalidGraph) as caught:
        lathe.ort.InferenceSession(tmp_path / "m.onnx")
    text = str(caught.value)
    assert text.count(str(tmp_path / "m.onnx")) == 1
    assert 'node "add" (NoSuchOperator): error: there is no operator "NoSuchOperator"' in text
    how = "m.onnx: note: docs/recipes/add-onnx-op.md shows how to add one"
    error = lathe.CompileError([lathe.Diagnostic("error", "a-b", f"m.onnx: error: x [a-b]\n{how}")])
    assert _short(error, "m.onnx") == "x [a-b]"


def test_running_from_threads_at_once() -> None:
    session = lathe.ort.InferenceSession(scale().SerializeToString())
    found: list[float] = []

    def work(weight: float) -> None:
        feed = {"x": X, "w": np.full(3, weight, np.float32)}
        found.append(float(session.run(None, feed)[0][0, 0]))

    threads = [threading.Thread(target=work, args=(float(i),)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [0, 1, 2, 3]
