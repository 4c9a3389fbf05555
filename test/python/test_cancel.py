# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Calls that end early: by a token, by Ctrl-C, and what a loop may take."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

import lathe
import numpy as np
import pytest
from conftest import ValueSpec, add_one, make_model
from onnx import TensorProto, helper

SIDE = 1024
X = np.eye(SIDE, dtype=np.float32)


@pytest.fixture(scope="module")
def slow() -> lathe.CompiledModel:
    """Return a chain of products that takes some seconds, all by the same kernel."""
    count = 400
    nodes = [
        helper.make_node("MatMul", [f"x{i}", "x0"], [f"x{i + 1}"], name=f"product{i}")
        for i in range(count)
    ]
    shape = [SIDE, SIDE]
    float_ = TensorProto.FLOAT
    return lathe.compile(
        make_model(nodes, [("x0", float_, shape)], [(f"x{count}", float_, shape)]), threads=1
    )


def soon(action: Callable[[], object]) -> threading.Thread:
    """Do something in a moment, on another thread."""

    def wait() -> None:
        time.sleep(0.05)
        action()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


@pytest.mark.parametrize("threads", [1, 2])
def test_token(slow: lathe.CompiledModel, threads: int) -> None:
    token = lathe.CancelToken()
    assert not token.cancelled
    model = slow.with_options(threads=threads, cancel=token)
    thread = soon(token.cancel)
    begin = time.perf_counter()
    with pytest.raises(lathe.CancelledError, match=r"was cancelled \[call-cancelled\]") as caught:
        model(X)
    seconds = time.perf_counter() - begin
    thread.join()
    assert caught.value.ids == ("call-cancelled",)
    assert token.cancelled
    # It stays cancelled; the model does not.
    begin = time.perf_counter()
    with pytest.raises(lathe.CancelledError):
        model(X)
    assert time.perf_counter() - begin < seconds
    with pytest.raises(lathe.CancelledError):
        slow.run({"x0": X}, cancel=token)
    other = lathe.compile(add_one()).with_options(cancel=lathe.CancelToken())
    assert other(np.zeros((1, 3), np.float32))[0].sum() == 3


def test_token_of_several_threads(slow: lathe.CompiledModel) -> None:
    token = lathe.CancelToken()
    ended = []

    def call() -> None:
        try:
            slow.run({"x0": X}, cancel=token)
        except lathe.CancelledError:
            ended.append(1)

    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    soon(token.cancel).join()
    for thread in threads:
        thread.join()
    assert len(ended) == 3


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c(slow: lathe.CompiledModel) -> None:
    before = signal.getsignal(signal.SIGINT)
    assert before is signal.default_int_handler
    for _ in range(2):
        thread = soon(interrupt)
        with pytest.raises(KeyboardInterrupt):
            slow(X)
        thread.join()
    assert signal.getsignal(signal.SIGINT) is before
    # The token of the call is not spent.
    token = lathe.CancelToken()
    thread = soon(interrupt)
    with pytest.raises(KeyboardInterrupt):
        slow.run({"x0": X}, cancel=token)
    thread.join()
    assert not token.cancelled
    small = lathe.compile(add_one())
    assert small(np.zeros((1, 3), np.float32))[0].sum() == 3


def test_own_handler_is_left_alone() -> None:
    """A program that handles the signal itself gets its result."""
    seen = []
    model = lathe.compile(add_one())
    previous = signal.signal(signal.SIGINT, lambda *_: seen.append(1))
    try:
        interrupt()
        assert model(np.zeros((1, 3), np.float32))[0].sum() == 3
        assert seen
    finally:
        signal.signal(signal.SIGINT, previous)


@pytest.fixture(scope="module")
def endless() -> lathe.CompiledModel:
    """Return a loop that ends when its condition is false, which the input decides."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("Add", ["v", "v"], ["w"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v", TensorProto.FLOAT, [2]),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("w", TensorProto.FLOAT, [2]),
        ],
    )
    loop = helper.make_node("Loop", ["", "start", "x"], ["y"], name="spins", body=body)
    values: list[ValueSpec] = [("start", TensorProto.BOOL, []), ("x", TensorProto.FLOAT, [2])]
    return lathe.compile(make_model([loop], values, [("y", TensorProto.FLOAT, [2])]))


ONE = np.ones(2, np.float32)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("steps", [1, 1000, 100_000])
def test_limit(endless: lathe.CompiledModel, steps: int, threads: int) -> None:
    model = endless.with_options(threads=threads, max_loop_steps=steps)
    with pytest.raises(lathe.RuntimeError, match=rf'node "spins" .* {steps} ') as caught:
        model(True, ONE)
    assert caught.value.ids == ("call-loop-limit",)
    np.testing.assert_array_equal(model(False, ONE)[0], ONE)


def test_loops_end_early(endless: lathe.CompiledModel) -> None:
    token = lathe.CancelToken()
    thread = soon(token.cancel)
    with pytest.raises(lathe.CancelledError):
        endless.with_options(cancel=token)(True, ONE)
    thread.join()
    thread = soon(interrupt)
    with pytest.raises(KeyboardInterrupt):
        endless(True, ONE)
    thread.join()
    np.testing.assert_array_equal(endless(False, ONE)[0], ONE)


@pytest.mark.parametrize("steps", [0, -1, True, 2**63])
def test_wrong_limits(steps: int) -> None:
    with pytest.raises(ValueError, match="max_loop_steps is"):
        lathe.compile(add_one(), max_loop_steps=steps)


def test_options_are_kept() -> None:
    model = lathe.compile(add_one(), threads=2, max_loop_steps=5)
    assert model.with_options(max_loop_steps=None).threads == 2
    assert model.with_options(threads=None).threads is None
    token = lathe.CancelToken()
    token.cancel()
    with pytest.raises(lathe.CancelledError):
        model.with_options(cancel=token).with_threads(1)(np.zeros((1, 3), np.float32))
