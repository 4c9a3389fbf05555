# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Processes that live long: thousands of calls, loads and threads leave nothing behind."""

from __future__ import annotations

import gc
import os
import pathlib
import signal
import threading
import time
from typing import Any

import lathe
import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper

Array = npt.NDArray[Any]
KIB = 1 << 10
SECONDS = 300  # What ends later hangs.


def resident() -> int:
    """Bytes of this process that are in memory."""
    gc.collect()
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def mapped(name: str) -> int:
    """How many parts of the file `name` are mapped."""
    return pathlib.Path("/proc/self/maps").read_text().count(name)


def model() -> onnx.ModelProto:
    """The positive elements as text, in their order, and a product."""
    nodes = [
        helper.make_node("Constant", [], ["zero"], value_float=0.0),
        helper.make_node("Greater", ["x", "zero"], ["above"]),
        helper.make_node("Compress", ["x", "above"], ["kept"]),
        helper.make_node("Cast", ["kept"], ["text"], to=TensorProto.STRING),
        helper.make_node("Unsqueeze", ["x", "axis"], ["column"]),
        helper.make_node("MatMul", ["column", "row"], ["product"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"])],
        [
            helper.make_tensor_value_info("text", TensorProto.STRING, None),
            helper.make_tensor_value_info("product", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor("axis", TensorProto.INT64, [1], [1]),
            helper.make_tensor("row", TensorProto.FLOAT, [1, 64], np.arange(64)),
        ],
    )
    opsets = [helper.make_opsetid("", 20)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def check(compiled: lathe.CompiledModel, n: int) -> None:
    x = np.arange(n, dtype=np.float32) - n // 2
    text, product = compiled(x)
    assert len(text) == np.count_nonzero(x > 0)
    assert product.shape == (n, 64) and product[-1, 2] == 2 * x[-1]


def test_ten_thousand_calls() -> None:
    compiled = lathe.compile(model(), cache=False, threads=1)

    def call(times: int) -> None:
        for i in range(times):
            check(compiled, 1 + i % 97)

    call(2000)
    before = resident()
    call(10_000)
    assert resident() - before < 512 * KIB  # 50 bytes a call would be found.


def test_ten_thousand_calls_that_fail() -> None:
    """Before anything was computed, and with results already made: two ways out."""
    compiled = lathe.compile(model(), cache=False, threads=1)
    little = compiled.with_options(max_bytes=64 * KIB)
    wrong, large = np.zeros((2, 2), np.float32), np.ones(500, np.float32)

    def fail(times: int) -> None:
        for _ in range(times // 2):
            with pytest.raises(lathe.RuntimeError):
                compiled(wrong)
            with pytest.raises(lathe.RuntimeError, match="call-memory-limit"):
                little(large)

    fail(2000)
    before = resident()
    fail(10_000)
    assert resident() - before < 512 * KIB  # 50 bytes a call would be found.


def test_a_module_that_is_loaded_again_and_again(tmp_path: pathlib.Path) -> None:
    lathe.compile(model(), cache=False).save(tmp_path / "again.so")
    loaded = lathe.load(tmp_path / "again.so", threads=1)
    assert mapped("again.so") > 0  # So that none, below, says something.
    del loaded

    def load(times: int) -> None:
        for i in range(times):
            check(lathe.load(tmp_path / "again.so", threads=1), 3 + i % 5)

    load(50)
    before = resident()
    load(500)
    assert resident() - before < 1024 * KIB  # 2 KiB a load would be found.
    assert mapped("again.so") == 0


def test_eight_threads_load_and_call(tmp_path: pathlib.Path) -> None:
    lathe.compile(model(), cache=False).save(tmp_path / "threads.so")
    shared = lathe.load(tmp_path / "threads.so", threads=2)
    failures: list[BaseException] = []

    def work(number: int, shared: lathe.CompiledModel) -> None:
        try:
            for i in range(60):
                check(shared, 1 + (number + i) % 50)
                check(lathe.load(tmp_path / "threads.so", threads=2), 1 + i % 50)
        except BaseException as error:
            failures.append(error)

    assert mapped("threads.so") > 0
    threads = [
        threading.Thread(target=work, args=(number, shared), daemon=True) for number in range(8)
    ]
    for thread in threads:
        thread.start()
    end = time.monotonic() + SECONDS
    for thread in threads:
        thread.join(max(0, end - time.monotonic()))
        assert not thread.is_alive(), "a thread hangs"
    assert not failures
    del shared, threads, thread
    gc.collect()
    assert mapped("threads.so") == 0


def status_of(child: int) -> int:
    """How a process ended; one that hangs is killed."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return status
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


def test_a_child_calls_what_its_parent_compiled() -> None:
    compiled = lathe.compile(model(), cache=False, threads=2)
    check(compiled, 40)
    children = []
    for n in range(1, 9):
        child = os.fork()
        if child == 0:
            try:
                check(compiled, 100 * n)
                os._exit(0)
            except BaseException:
                os._exit(1)
        children.append(child)
    check(compiled, 41)
    assert [status_of(child) for child in children] == [0] * len(children)
