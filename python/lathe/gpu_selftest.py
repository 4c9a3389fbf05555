# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`lathe gpu-selftest`: does the GPU compute what the CPU computes, in each family of kernels?

Compiles small models for both, runs the same inputs, and prints the largest difference as a part of
what is allowed. Times are of whole calls, with the copies of inputs and outputs, and of calls whose
tensors stay on the GPU, with their bytes as a part of what the GPU copies in that time.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import lathe
from lathe._compare import compare, finite
from lathe._lathe import DeviceArray, cuda_target
from lathe._options import checked, integers, table
from lathe.dtypes import BY_CODE
from lathe.errors import runtime_error

CALLS = 5
COPY_BYTES = 1 << 28
DTYPES = {dtype.name: dtype.numpy for dtype in BY_CODE.values()}


@dataclass(frozen=True, slots=True)
class Case:
    """One model: inputs and outputs as types of Lathe's format, and what is between them."""

    family: str
    inputs: tuple[str, ...]  # "tensor<4x8xf32>"
    output: str
    body: str  # Computes %y of %x0, %x1 and so on.
    precision: str = "f32"

    def text(self) -> bytes:
        """Return the model in Lathe's native format."""
        arguments = ", ".join(
            f'%x{i}: {kind} {{graph.name = "x{i}"}}' for i, kind in enumerate(self.inputs)
        )
        return (
            f'func.func @main({arguments}) -> ({self.output} {{graph.name = "y"}}) {{\n'
            f"  {self.body}\n  return %y : {self.output}\n}}\n"
        ).encode()


@dataclass(frozen=True, slots=True)
class Result:
    """How a case ended. `excess` is the difference over what is allowed: above 1 is wrong."""

    family: str
    inputs: str
    strategy: str
    excess: float
    milliseconds: float
    device_milliseconds: float = 0.0
    gigabytes_per_second: float = 0.0  # Of inputs and outputs together.
    problem: str = ""


def _product(kind: str, m: int, k: int, n: int, precision: str = "f32") -> Case:
    result = "i32" if kind == "i8" else kind
    a, b, y = f"tensor<{m}x{k}x{kind}>", f"tensor<{k}x{n}x{kind}>", f"tensor<{m}x{n}x{result}>"
    family = "product" if precision == "f32" else f"product, {precision}"
    return Case(family, (a, b), y, f"%y = graph.matmul %x0, %x1 : ({a}, {b}) -> {y}", precision)


def _unary(family: str, operator: str, kind: str) -> Case:
    return Case(family, (kind,), kind, f"%y = graph.{operator} %x0 : {kind} -> {kind}")


def _softmax(kind: str) -> Case:
    return Case("softmax", (kind,), kind, f"%y = graph.softmax %x0 axis = 1 : {kind}")


def cases(quick: bool) -> Iterator[Case]:
    """Yield every case; smaller ones with `quick`."""
    large = 128 if quick else 2048
    for kind, precision in (
        ("f32", "f32"),
        ("f32", "tf32"),
        ("f16", "f32"),
        ("bf16", "f32"),
        ("i8", "f32"),
    ):
        yield _product(kind, 129, 77, 65, precision)
        if quick and (precision == "tf32" or kind == "i8"):
            continue
        yield _product(kind, large, large, large, precision)
        yield _product(kind, 1, large, 1000, precision)
    rows = f"tensor<{large}x1000xf32>"
    yield _unary("elementwise", "exp", rows)
    yield _unary("elementwise", "tanh", rows)
    yield _softmax(rows)
    yield _softmax(f"tensor<3x{64 * large}xf32>")
    turned = f"tensor<1000x{large}xf32>"
    yield Case(
        "transpose", (rows,), turned, f"%y = graph.transpose %x0 [1, 0] : {rows} -> {turned}"
    )


def copy_rate(device: int, size: int) -> float:
    """Return the bytes that the GPU reads and writes in a second where it copies `size` bytes.

    The driver is asked for it, with its own copy: that is what the GPU can do. Raises
    lathe.RuntimeError where it refuses, and where there is no memory for two arrays of that size.
    """
    driver = ctypes.CDLL("libcuda.so.1")
    source, target = (
        DeviceArray.from_host(np.zeros(size, np.uint8), device=device) for _ in range(2)
    )
    context = ctypes.c_void_p()

    def ask(code: int) -> None:
        if code:
            raise runtime_error("cuda-error", f"GPU {device} does not copy: error {code}")

    def copies(count: int) -> float:
        begin = time.perf_counter()
        for _ in range(count):
            addresses = (ctypes.c_uint64(a.address) for a in (target, source))
            ask(driver.cuMemcpyDtoDAsync_v2(*addresses, ctypes.c_size_t(size), None))
        ask(driver.cuStreamSynchronize(None))
        return time.perf_counter() - begin

    ask(driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), device))
    try:
        ask(driver.cuCtxPushCurrent_v2(context))
        try:
            copies(1)
            return 2 * size * CALLS / min(copies(CALLS) for _ in range(3))
        finally:
            driver.cuCtxPopCurrent_v2(ctypes.byref(context))
    finally:
        driver.cuDevicePrimaryCtxRelease_v2(device)


def device_seconds(
    model: lathe.CompiledModel, inputs: Sequence[npt.NDArray[Any]], device: int, turns: int
) -> float:
    """Return the time of a call whose tensors stay on the GPU: of several less that of one."""
    there = model.with_options(outputs="device", replay=True)
    moved = [DeviceArray.from_host(array, device=device) for array in inputs]

    def calls(count: int) -> float:
        begin = time.perf_counter()
        for _ in range(count):
            outputs = there(*moved)
        outputs[0].numpy()  # Waits; its copy is in both times.
        return time.perf_counter() - begin

    calls(1)
    one, many = (min(calls(count) for _ in range(turns)) for count in (1, 1 + turns))
    return max(0.0, many - one) / turns


def run_case(case: Case, target: str, device: int, turns: int) -> Result:
    """Run a case on both, `turns` times. What either refuses is the result's problem."""
    rng = np.random.default_rng(1)
    inputs = []
    for kind in case.inputs:
        *shape, element = kind.removeprefix("tensor<").removesuffix(">").split("x")
        values = rng.standard_normal([int(size) for size in shape])
        if element == "i8":
            values = np.clip(50 * values, -128, 127)
        elif case.precision == "tf32":
            values = values.astype(np.float16)  # Has no more bits, so that no result is rounded.
        inputs.append(values.astype(DTYPES[element]))
    names = " ".join(kind.removeprefix("tensor<").removesuffix(">") for kind in case.inputs)
    try:
        gpu = lathe.compile(
            case.text(), target=target, cache=False, precision=case.precision, device=device
        )
        cpu = lathe.compile(case.text(), cache=False)
        expected, found = cpu(*inputs)[0], gpu(*inputs)[0]
        times = []
        for _ in range(turns):
            begin = time.perf_counter()
            gpu(*inputs)
            times.append(time.perf_counter() - begin)
        on_device = device_seconds(gpu, inputs, device, turns)
    except lathe.LatheError as error:
        problem = str(error).splitlines()[0]
        return Result(case.family, names, "", float("inf"), 0.0, problem=problem)
    actual, reference = (np.asarray(array).astype(np.float64) for array in (found, expected))
    element = case.output.rsplit("x", 1)[1].rstrip(">")
    # Sums of bytes are exact.
    step = 0.0 if element == "i32" else 2.0 ** {"f16": -9, "bf16": -6}.get(element, -13)
    difference = compare(actual, reference, np.dtype(np.float64), atol=step, rtol=step)
    size = sum(array.nbytes for array in (*inputs, found))
    strategy = gpu.kernels[0]["strategy"].split(" ")[0].split("<")[0]
    return Result(
        case.family,
        names,
        strategy,
        float(difference.excess),
        1e3 * sorted(times)[len(times) // 2],
        1e3 * on_device,
        1e-9 * size / on_device if on_device else 0.0,
        difference.problem,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 if everything agrees and 1 if not."""
    parser = argparse.ArgumentParser(prog="lathe gpu-selftest", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes only")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table to a file, too")
    parser.add_argument("--device", type=checked(integers(0)), default=0, help="the GPU [0]")
    chosen = parser.parse_args(arguments)
    try:
        target = cuda_target(chosen.device)
    except lathe.RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    rate = 0.0
    try:
        rate = 1e-9 * copy_rate(chosen.device, COPY_BYTES >> (8 if chosen.quick else 0))
        print(f"GPU {chosen.device}: {target}, which copies {rate:.1f} GB/s")
    except lathe.RuntimeError as error:
        # The other columns need less of the GPU.
        print(f"GPU {chosen.device}: {target}; how fast it copies is not known: {error}")
    turns = 1 if chosen.quick else CALLS
    results = [run_case(case, target, chosen.device, turns) for case in cases(chosen.quick)]
    rows = [
        [
            r.family,
            r.inputs,
            r.strategy,
            f"{r.excess:.3f}",
            f"{r.milliseconds:.3f}",
            f"{r.device_milliseconds:.3f}",
            f"{r.gigabytes_per_second:.1f}",
            f"{100 * r.gigabytes_per_second / rate:.0f}%" if rate else "?",
            r.problem or ("" if r.excess <= 1 else "WRONG"),
        ]
        for r in results
    ]
    head = ["family", "inputs", "strategy", "of limit", "ms", "on the GPU", "GB/s", "of a copy", ""]
    print(table(head, rows))
    if chosen.json:
        data = {
            "target": target,
            "copy_gigabytes_per_second": rate or None,
            "rows": [finite(asdict(r)) for r in results],
        }
        chosen.json.write_text(json.dumps(data, indent=1, allow_nan=False) + "\n")
    return 0 if all(r.excess <= 1 and not r.problem for r in results) else 1


if __name__ == "__main__":
    sys.exit(main())
