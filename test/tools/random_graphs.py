# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles random small graphs and compares them with other runtimes: what nobody thought of.

    python test/tools/random_graphs.py --count 2000 --seed 1
    python test/tools/random_graphs.py --count 10000 --targets x86_64:v3,x86_64:v4
    python test/tools/random_graphs.py --only 1234 --save graph.onnx

Graph `n` of a seed is always the same one. Each has three to forty operators of all families on
sizes that are fixed, open or zero, and is called with several sizes, on one thread and on two. Of
several targets, which this machine must run, graph `n` is compiled for the one in place `n` modulo
their number. What is wrong: a crash, a hang, an error where ONNX Runtime or onnx.reference has a
result, an internal error, an output that neither of the two has (asked for the whole model and for
each node, see random_oracles.py), other bits on two threads. Needs:
lathe, onnx, onnxruntime.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence

import numpy as np
import onnx
import onnx.shape_inference
from random_generator import CALLS, Array, Generator
from random_oracles import answers

LIMIT = (
    60  # Seconds of the processor for one graph; one that waits without end has as many minutes.
)
# --- One graph ----------------------------------------------------------------


def agrees(result: Array, value: onnx.ValueInfoProto) -> bool:
    """Whether a result has the shape that ONNX's own inference says, as far as it says one."""
    if not value.type.tensor_type.HasField("shape"):
        return True
    dims = value.type.tensor_type.shape.dim
    return len(dims) == result.ndim and all(
        dim.dim_value == size
        for dim, size in zip(dims, result.shape, strict=True)
        if dim.HasField("dim_value")
    )


def says_sizes(value: onnx.ValueInfoProto) -> bool:
    kind = value.type.tensor_type
    return kind.HasField("shape") and all(dim.HasField("dim_value") for dim in kind.shape.dim)


def same_bits(a: Array, b: Array) -> bool:
    if a.dtype.kind == "O":  # Texts, of which the array has addresses.
        return np.array_equal(a, b)
    return a.tobytes() == b.tobytes()


def near(found: Array, right: Array) -> Array:
    if right.dtype.kind not in "fV":  # Integers, truth values, strings.
        return np.asarray(found == right)
    rounded = right.dtype.itemsize < 4  # Half precision has 8 or 11 bits.
    a, b = found.astype(np.float64), right.astype(np.float64)
    finite = np.abs(b[np.isfinite(b)])
    scale = max(1.0, float(finite.max())) if finite.size else 1.0
    relative, absolute = (2e-2, 5e-3) if rounded else (1e-3, 2e-4)
    return np.isclose(a, b, rtol=relative, atol=absolute * scale, equal_nan=True)


def difference(i: int, a: Array, b: Array) -> str:
    """How output `i`, here `a`, differs from the right one `b`."""
    if a.shape != b.shape:
        return f"output {i}: shape {list(a.shape)}, expected {list(b.shape)}"
    if a.dtype != b.dtype and b.dtype.kind not in "OUST":
        return f"output {i}: {a.dtype}, expected {b.dtype}"
    close = near(a, b)
    if b.size and not close.all():
        at = tuple(int(k) for k in np.argwhere(~close)[0])
        count = f"{int((~close).sum())} of {b.size} differ"
        return f"output {i}: {count}; at {list(at)}: {a[at]!r}, expected {b[at]!r}"
    return ""


class Graph:
    """One graph, and what the outputs of its calls should be."""

    def __init__(self, seed: int, number: int, operator: str) -> None:
        generator = Generator(seed, number, operator)
        self.model = generator.make()
        self.feeds = list(generator.feeds())
        self.shapes = [generator.expected(call) for call in range(CALLS)]
        self.inferred = onnx.shape_inference.infer_shapes(self.model).graph.output

    def answers(self, call: int) -> Iterator[list[Array | None]]:
        """The outputs by each oracle; None for what it lacks or gives of a wrong shape."""
        for right in answers(self.model, self.feeds[call]):
            known: list[Array | None] = []
            for y, shape, value in zip(right, self.shapes[call], self.inferred, strict=True):
                array = None if y is None else np.asarray(y)
                # Where there are no elements, the others are often wrong themselves.
                fits = array is not None and (
                    shape == array.shape
                    if shape is not None
                    else agrees(array, value) and (array.size > 0 or says_sizes(value))
                )
                known.append(array if fits else None)
            yield known

    def differences(self, call: int, found: Sequence[Array]) -> tuple[int, list[str]]:
        """How many outputs an oracle has, and how those differ of which none has the same."""
        open_outputs, first = set(range(len(found))), dict[int, str]()
        for right in self.answers(call):
            for i in sorted(open_outputs):
                answer = right[i]
                if answer is None:
                    continue
                differs = difference(i, found[i], answer)
                if differs:
                    first.setdefault(i, differs)
                else:
                    open_outputs.discard(i)
            if not open_outputs:
                break
        wrong = [first[i] for i in sorted(open_outputs) if i in first]
        return len(found) - len(open_outputs) + len(wrong), wrong

    def run(self, target: str) -> tuple[str, str]:
        """The verdict: ok, skipped or what is wrong, and why."""
        import lathe

        try:
            one = lathe.compile(self.model, target, threads=1, cache=False)
            two = one.with_threads(2)
        except lathe.CompileError as error:
            internal = "internal" in str(error) or "[mlir]" in str(error) or not all(error.ids)
            if internal or any(self.complete(call) for call in range(CALLS)):
                return ("internal error" if internal else "refused"), first_line(error)
            return "skipped", "no oracle has a result"
        names = [output.name for output in one.outputs]
        compared = 0
        for call, feed in enumerate(self.feeds):
            try:
                found = [one.run(feed)[name] for name in names]
                other = [two.run(feed)[name] for name in names]
            except lathe.RuntimeError as error:
                if self.complete(call):
                    return "refused", f"call {call}: {first_line(error)}"
                continue
            if any(not same_bits(a, b) for a, b in zip(found, other, strict=True)):
                return "wrong", f"call {call}: other bits on two threads"
            known, wrong = self.differences(call, found)
            compared += known
            if wrong:
                return "wrong", f"call {call}: {wrong[0]}"
        return ("ok", "") if compared else ("skipped", "no oracle has a result")

    def complete(self, call: int) -> bool:
        """Whether some oracle has all outputs: then the call is right."""
        return any(all(y is not None for y in right) for right in self.answers(call))


def first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:300]


def run(
    seed: int, number: int, targets: Sequence[str] = ("host",), operator: str = ""
) -> tuple[str, str]:
    """The verdict on one graph: ok, skipped or what is wrong, and why."""
    return Graph(seed, number, operator).run(targets[number % len(targets)])


# --- Many graphs --------------------------------------------------------------


def work(
    seed: int, targets: Sequence[str], operator: str, numbers: Sequence[int], out: pathlib.Path
) -> None:
    """In a child process: the verdicts on graphs, a line each, and one when a graph begins."""
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    with out.open("a") as file:
        for number in numbers:
            print(json.dumps([number, "begun", ""]), file=file, flush=True)
            try:
                verdict, why = run(seed, number, targets, operator)
            except Exception as error:  # What no oracle and no kind of error of ours explains.
                verdict, why = "crash", f"{type(error).__name__}: {error}"[:300]
            print(json.dumps([number, verdict, why]), file=file, flush=True)


def spent(process: int) -> float:
    """Seconds of the processor that a child has had: on a busy machine, time says nothing."""
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def explore(
    seed: int, first: int, count: int, targets: str = "host", operator: str = ""
) -> Iterator[tuple[int, str, str]]:
    """The verdicts on graphs `first` to `first + count - 1`. Children die of crashes, not we."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder, "verdicts")
        todo = list(range(first, first + count))
        while todo:
            out.write_text("")
            command = [sys.executable, __file__, "--seed", str(seed), "--targets", targets]
            command += ["--operator", operator, "--child", str(out)]
            child = subprocess.Popen(
                [*command, *map(str, todo[:400])], stderr=subprocess.DEVNULL, env=os.environ
            )
            seen, since, used = 0, time.monotonic(), 0.0
            while True:
                # Before poll(), behind which an ended child is gone.
                now, cpu = time.monotonic(), spent(child.pid)
                done = child.poll() is not None
                lines = out.read_text().splitlines()
                if len(lines) != seen:
                    seen, since, used = len(lines), now, cpu
                if done or cpu - used > LIMIT or now - since > 60 * LIMIT:
                    break
                time.sleep(0.05)
            hangs = child.poll() is None
            child.kill()
            child.wait()
            open_graph: int | None = None
            for number, verdict, why in map(json.loads, out.read_text().splitlines()):
                open_graph = number if verdict == "begun" else None
                if verdict != "begun":
                    todo.remove(number)
                    yield number, verdict, why
            if open_graph is not None:
                todo.remove(open_graph)
                yield open_graph, "hang" if hangs else "crash", f"exit status {child.returncode}"
            elif seen == 0:
                raise SystemExit(f"a child ended at once, with status {child.returncode}")


def reduce_command(arguments: argparse.Namespace, target: str, why: str) -> str:
    """Writes the inputs of the call that went wrong; what makes the graph smaller."""
    from lathe._reduce.values import save_inputs

    generator = Generator(arguments.seed, arguments.only, arguments.operator)
    generator.make()
    call = re.match(r"call (\d+)", why)
    feed = list(generator.feeds())[int(call[1]) if call else 0]
    words = save_inputs(feed, pathlib.Path(arguments.save).with_suffix(""))
    line = ["lathe", "reduce", arguments.save, "--target", target, "--atol", "2e-4"]
    line += ["--against", "onnxruntime,reference", *(f"--input={word}" for word in words)]
    return shlex.join(line)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=500, help="how many graphs (default: 500)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first (default: 0)")
    parser.add_argument("--seed", type=int, default=1, help="of all of them (default: 1)")
    parser.add_argument("--targets", default="host", help="with commas between (default: host)")
    parser.add_argument(
        "--operator", default="", help="graphs of what one function draws, such as norm"
    )
    parser.add_argument("--only", type=int, help="the number of one graph; its errors are shown")
    parser.add_argument(
        "--save",
        metavar="FILE",
        help="with --only: writes the model there, and says how to reduce it",
    )
    parser.add_argument("--child", type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("numbers", type=int, nargs="*", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    targets = arguments.targets.split(",")
    if arguments.child:
        work(arguments.seed, targets, arguments.operator, arguments.numbers, arguments.child)
        return 0
    if arguments.only is not None:
        model = Generator(arguments.seed, arguments.only, arguments.operator).make()
        if arguments.save:
            onnx.save(model, arguments.save)
        print(onnx.printer.to_text(model.graph))
        verdict, why = run(arguments.seed, arguments.only, targets, arguments.operator)
        print(verdict, why)
        if arguments.save and verdict not in ("ok", "skipped"):
            print(reduce_command(arguments, targets[arguments.only % len(targets)], why))
        return int(verdict not in ("ok", "skipped"))
    counts: dict[str, int] = {}
    print(f"random graphs: seed {arguments.seed}, {arguments.count} from {arguments.first} on")
    verdicts = explore(
        arguments.seed, arguments.first, arguments.count, arguments.targets, arguments.operator
    )
    for done, (number, verdict, why) in enumerate(verdicts, 1):
        counts[verdict] = counts.get(verdict, 0) + 1
        if verdict not in ("ok", "skipped"):
            print(f"graph {number}: {verdict}: {re.sub(r'/tmp/[^ ]*', '...', why)}", flush=True)
        if done % 100 == 0:
            print(f"{done} of {arguments.count} graphs", file=sys.stderr, flush=True)
    print(", ".join(f"{verdict}: {n}" for verdict, n in sorted(counts.items())))
    return int(any(verdict not in ("ok", "skipped") for verdict in counts))


if __name__ == "__main__":
    sys.exit(main())
