# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times the operators of a library beside those of other packages, and writes a page of charts.

python -m lathe.oplib_bench ops --html bench.html --json bench.json

The peers are those of OpenBLAS (`scipy-openblas32`), MKL (`mkl`), oneDNN and PyTorch (`torch`) and
ONNX Runtime (`onnxruntime`, with `onnx`) that can be imported. All run in this process, on one
thread, one after another in each round, and their results are compared first. A figure is
the least of many calls, in the processor time of this process, as others may be at work.
"""

from __future__ import annotations

import argparse
import ctypes
import html
import importlib
import json
import pathlib
import platform
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .oplib import Library, OplibError

_Array = npt.NDArray[Any]
_Thunk = Callable[[], Any]

# Memory that no cache of a core holds: what is larger is bound by the bandwidth of memory.
_BEYOND_CACHES = 64 << 20


@dataclass(frozen=True)
class Case:
    """A call of an operator."""

    op: str
    family: str
    sizes: Mapping[str, int]
    operands: Mapping[str, _Array]

    @property
    def label(self) -> str:
        """The operator and its sizes."""
        return f"{self.op} {'x'.join(map(str, self.sizes.values()))}"


@dataclass(frozen=True)
class Row:
    """What one case took, in seconds for each engine, and the variant that the library chose."""

    op: str
    family: str
    label: str
    variant: str
    flops: float  # Of sums of products; 0 for what moves or reduces memory.
    bytes: float  # Of the operands and the result, each once.
    seconds: Mapping[str, float]

    @property
    def ratio(self) -> float | None:
        """How many times as fast as the fastest peer the library is; None without a peer."""
        peers = [taken for engine, taken in self.seconds.items() if engine != "library"]
        return min(peers) / self.seconds["library"] if peers else None


# Sizes by family, in the order of the symbols.
_SHAPES: Mapping[str, Sequence[Sequence[int]]] = {
    "gemm": [
        (64, 64, 64), (100, 100, 100), (128, 128, 128), (256, 256, 256), (512, 512, 512),
        (1024, 1024, 1024), (1, 1000, 2048), (1, 4096, 4096), (8, 768, 768), (128, 768, 768),
        (128, 3072, 768), (128, 768, 3072), (384, 1024, 1024), (12544, 64, 147), (3136, 64, 64),
        (3136, 256, 64), (3136, 64, 256), (784, 128, 512), (784, 512, 128), (196, 256, 1024),
        (196, 1024, 256), (49, 512, 2048), (49, 2048, 512), (784, 128, 1152), (196, 256, 2304),
        (49, 512, 4608), (197, 768, 768), (197, 2304, 768), (50, 512, 512), (33, 77, 513),
        (333, 77, 513), (5, 5, 1000), (1000, 10, 100), (17, 1000, 31), (255, 255, 255),
        (257, 257, 257), (96, 96, 3000), (2048, 128, 128), (31, 4000, 63), (640, 320, 160),
    ],
    "conv2d": [(1, 56, 56), (1, 14, 14)],
    "attention": [(1, 12, 128, 128), (1, 12, 1, 1024), (1, 12, 512, 512)],
    "softmax": [(128, 128), (512, 512), (64, 4096)],
    "layernorm": [(128, 768), (512, 1024), (64, 4096)],
    "rmsnorm": [(128, 768), (512, 1024), (64, 4096)],
    "reduce": [(64, 64), (1024, 1024), (8192, 4096)],
    "elementwise": [(64, 64), (1024, 1024), (8192, 4096)],
}  # fmt: skip


def cases(library: Library) -> list[Case]:
    """What is timed of a library: its operators in f32 of families with peers or bounds."""
    result = []
    for name, about in library.interface.items():
        floats = all(operand["dtype"] == "f32" for operand in about["operands"])
        packed = any(operand["packed"] for operand in about["operands"])
        for sizes in _SHAPES.get(about["family"], []) if floats and not packed else []:
            if len(sizes) == len(about["symbols"]):
                result.append(_case(name, about, dict(zip(about["symbols"], sizes, strict=True))))
    return result


def _case(name: str, about: Mapping[str, Any], sizes: dict[str, int]) -> Case:
    draw = np.random.default_rng(1)
    operands = {}
    for operand in about["operands"][:-1]:
        if operand["optional"]:
            continue
        shape = [int(dim) if dim.isdigit() else sizes[dim] for dim in operand["dims"]]
        operands[operand["name"]] = draw.standard_normal(shape, np.float32)
    return Case(name, about["family"], sizes, operands)


def _flops(family: str, operands: Mapping[str, _Array], result: _Array) -> float:
    """Multiplications and additions of a call's sums of products."""
    arrays = list(operands.values())
    if family == "gemm":
        return float(2 * arrays[0].size * arrays[1].shape[-1])
    if family == "conv2d":
        return float(2 * result.size * operands["filter"][0].size)
    if family == "attention":
        return float(4 * arrays[0].size * arrays[1].shape[2])
    return 0.0


class Peer:
    """Another package: `bind` makes a case a call, or nothing where it has no such operator."""

    name = ""

    def bind(self, case: Case) -> _Thunk | None:
        """A call that returns an array, or a tensor, of the case's result."""
        raise NotImplementedError


class _Blas(Peer):
    def __init__(self, name: str, product: Any) -> None:
        self.name, self.product = name, product

    def bind(self, case: Case) -> _Thunk | None:
        if case.family != "gemm" or len(case.sizes) != 3:
            return None
        a, b = case.operands["a"], case.operands["b"]
        (m, k), n = a.shape, b.shape[1]
        c = np.empty((m, n), np.float32)
        row_major, as_it_is = 101, 111
        at = [ctypes.c_void_p(array.ctypes.data) for array in (a, b, c)]
        one, zero = ctypes.c_float(1), ctypes.c_float(0)
        words = [row_major, as_it_is, as_it_is, m, n, k, one, at[0], k, at[1], n, zero, at[2], n]

        def run() -> _Array:
            self.product(*words)
            return c

        return run


class _Torch(Peer):
    name = "torch"

    def __init__(self, torch: Any) -> None:
        self.torch = torch
        torch.set_num_threads(1)
        torch.set_grad_enabled(False)

    def bind(self, case: Case) -> _Thunk | None:
        torch, functional = self.torch, self.torch.nn.functional
        x, *rest = (torch.from_numpy(array) for array in case.operands.values())
        row = x.shape[-1:]
        if case.family == "gemm":
            return lambda: torch.matmul(x, rest[0])
        if case.family == "attention":
            causal = "causal" in case.op
            if causal and x.shape[2] != rest[0].shape[2]:
                return None  # The two count the positions of queries from different ends.
            return lambda: functional.scaled_dot_product_attention(x, *rest, is_causal=causal)
        if case.family == "conv2d":
            return self._conv(case, x, rest[0])
        if case.family == "reduce":
            return self._reduce(case.op, x)
        others = {
            "softmax": lambda: torch.softmax(x, 1),
            "layernorm": lambda: functional.layer_norm(x, row),
            "rmsnorm": lambda: functional.rms_norm(x, row, eps=1e-5),
        }
        return others.get(case.family)

    def _conv(self, case: Case, x: Any, weights: Any) -> _Thunk | None:
        numbers = _convolution(case.op)
        if not numbers or "nhwc" not in case.op:
            return None
        last = self.torch.channels_last
        image, weights = x.permute(0, 3, 1, 2), weights.contiguous(memory_format=last)
        convolve = self.torch.nn.functional.conv2d
        words = {"stride": numbers["s"], "padding": numbers["p"], "groups": numbers["g"]}
        return lambda: convolve(image, weights, **words).permute(0, 2, 3, 1)

    def _reduce(self, op: str, x: Any) -> _Thunk | None:
        kind, axis = op.split("_")[:2]
        function = {"sum": self.torch.sum, "mean": self.torch.mean, "max": self.torch.amax}
        dims = {"inner": (1,), "outer": (0,), "all": (0, 1)}
        return (lambda: function[kind](x, dims[axis])) if kind in function else None


class _OneDnn(Peer):
    """The products of oneDNN that PyTorch has inside; its convolutions are those of `torch`."""

    name = "onednn"

    def __init__(self, torch: Any) -> None:
        self.torch, self.product = torch, torch.ops.mkldnn._linear_pointwise

    def bind(self, case: Case) -> _Thunk | None:
        if case.family != "gemm" or len(case.sizes) != 3:
            return None
        a, b = (self.torch.from_numpy(array) for array in case.operands.values())
        columns = b.t().contiguous()
        return lambda: self.product(a, columns, None, "none", [], "")


class _OnnxRuntime(Peer):
    name = "onnxruntime"

    def __init__(self, runtime: Any, onnx: Any) -> None:
        self.runtime, self.onnx = runtime, onnx

    def bind(self, case: Case) -> _Thunk | None:
        numbers = _convolution(case.op) if case.family == "conv2d" and "nhwc" in case.op else None
        if not numbers:
            return None
        helper, floats = self.onnx.helper, self.onnx.TensorProto.FLOAT
        x, weights = case.operands["x"].transpose(0, 3, 1, 2).copy(), case.operands["filter"]
        pads, strides = [numbers["p"]] * 4, [numbers["s"]] * 2
        node = helper.make_node(
            "Conv", ["x", "w"], ["y"], pads=pads, strides=strides, group=numbers["g"]
        )
        graph = helper.make_graph(
            [node],
            "conv",
            [helper.make_tensor_value_info("x", floats, x.shape)],
            [helper.make_tensor_value_info("y", floats, None)],
            [self.onnx.numpy_helper.from_array(weights, "w")],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        options = self.runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = self.runtime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        return lambda: session.run(None, {"x": x})[0].transpose(0, 2, 3, 1)


def _convolution(op: str) -> dict[str, int] | None:
    """Kernel, stride, padding, channels, filters and groups, which the name of an operator says."""
    found = re.match(r"conv2d_k(\d+)s(\d+)p(\d+)c(\d+)o(\d+)(?:g(\d+))?_", op)
    if not found:
        return None
    return dict(zip("kspcog", (int(text or 1) for text in found.groups()), strict=True))


def find_peers() -> list[Peer]:
    """The packages to compare with that are there, each with one thread."""
    peers: list[Peer] = []
    with _Optional():
        folder = importlib.import_module("scipy_openblas32").get_lib_dir()
        openblas = ctypes.CDLL(str(next(pathlib.Path(folder).glob("libscipy_openblas*.so"))))
        openblas.scipy_openblas_set_num_threads(1)
        peers.append(_Blas("openblas", openblas.scipy_cblas_sgemm))
    with _Optional():
        mkl = ctypes.CDLL(str(next((pathlib.Path(sys.prefix) / "lib").glob("libmkl_rt.so*"))))
        mkl.MKL_Set_Num_Threads(1)
        peers.append(_Blas("mkl", mkl.cblas_sgemm))
    with _Optional():
        torch = importlib.import_module("torch")
        peers += [_Torch(torch), _OneDnn(torch)]
    with _Optional():
        runtime = importlib.import_module("onnxruntime")
        onnx = importlib.import_module("onnx")
        importlib.import_module("onnx.numpy_helper")
        peers.append(_OnnxRuntime(runtime, onnx))
    return peers


# What a package that is not there, or is of another version, raises.
_MISSING = (ImportError, OSError, StopIteration, AttributeError)


class _Optional:
    """Lets a package be missing."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        return kind is not None and issubclass(kind, _MISSING)


def measure(library: Library, case: Case, peers: Sequence[Peer], seconds: float) -> Row:
    """Times a case: rounds of all engines, one after another, for about `seconds` in all.

    Raises OplibError if a peer's result is another one than the library's.
    """
    own = library.bind(case.op, **case.operands)
    thunks: dict[str, _Thunk] = {"library": own}
    for peer in peers:
        if thunk := peer.bind(case):
            _compare(case, peer.name, np.asarray(thunk()), own())
            thunks[peer.name] = thunk
    best = least_times(thunks, seconds)
    choice = library.select(case.op, **case.sizes)
    flops = _flops(case.family, case.operands, own.result)
    size = own.result.nbytes + sum(array.nbytes for array in case.operands.values())
    return Row(case.op, case.family, case.label, choice.variant, flops, size, best)


def least_times(thunks: Mapping[str, _Thunk], seconds: float) -> dict[str, float]:
    """The least processor time of a call of each, in seconds: rounds of all, one after another.

    At least one round, and for about `seconds` in all.
    """
    best = dict.fromkeys(thunks, float("inf"))
    counts = dict.fromkeys(thunks, 1)
    end = time.perf_counter() + seconds
    while True:
        for name, thunk in thunks.items():
            begin = time.process_time_ns()
            for _ in range(counts[name]):
                thunk()
            taken = (time.process_time_ns() - begin) * 1e-9
            best[name] = min(best[name], taken / counts[name])
            # Of a call that is short, as many as the clock tells apart well.
            counts[name] = max(1, min(1000, int(2e-4 / max(best[name], 1e-9))))
        if time.perf_counter() > end:
            return best


def _compare(case: Case, peer: str, other: _Array, own: _Array) -> None:
    size = max(float(np.abs(own).max(initial=0)), 1e-6)
    if other.shape != own.shape or not np.allclose(other, own, rtol=1e-3, atol=1e-4 * size):
        raise OplibError("oplib-bench-peer", f"{case.label}: {peer} computes something else")


def bandwidth() -> float:
    """Bytes that a core reads and writes in a second, in a copy of an array beyond the caches."""
    source = np.ones(_BEYOND_CACHES, np.uint8)
    target, best = np.empty_like(source), float("inf")
    for _ in range(10):
        begin = time.process_time_ns()
        np.copyto(target, source)
        best = min(best, (time.process_time_ns() - begin) * 1e-9)
    return 2 * source.nbytes / best


def geomean(values: Sequence[float]) -> float:
    """The geometric mean; of nothing, it is not a number."""
    return float(np.exp(np.mean(np.log(values)))) if values else float("nan")


# --- The page -------------------------------------------------------------------------------------

_COLORS = {
    "library": "#2563a8", "openblas": "#c9772b", "mkl": "#5b9a57", "torch": "#a35794",
    "onednn": "#8b8b3a", "onnxruntime": "#777777",
}  # fmt: skip

_STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:66rem;margin:2rem auto;padding:0 1rem;
color:#222;background:#fff}svg text{font:12px system-ui,sans-serif;fill:#222}.note{color:#555}
table{border-collapse:collapse}th,td{padding:.15rem .9rem .15rem 0;text-align:right}
th:first-child,td:first-child{text-align:left}tr{border-bottom:1px solid #ddd}"""


def _chart(rows: Sequence[Row], peak: float, rate: float) -> str:
    """A group of bars for each case: speeds, and a mark where the machine ends."""
    by_flops = all(row.flops for row in rows)
    work = [row.flops if by_flops else row.bytes for row in rows]
    speeds = [
        {engine: amount / taken * 1e-9 for engine, taken in row.seconds.items()}
        for amount, row in zip(work, rows, strict=True)
    ]
    # Of what is in a cache, the bandwidth of memory is no bound.
    roofs = [
        (min(peak, amount / row.bytes * rate) if row.bytes > _BEYOND_CACHES else peak) * 1e-9
        if by_flops
        else (rate * 1e-9 if row.bytes > _BEYOND_CACHES else None)
        for amount, row in zip(work, rows, strict=True)
    ]
    most = max([*(max(speed.values()) for speed in speeds), *(roof or 0 for roof in roofs)])
    left, width, bar, gap, y = 320, 600, 9, 10, 22
    unit = "GFLOP/s" if by_flops else "GB/s of operands"
    parts = [f'<text x="{left}" y="12">{unit}, 0 to {most:.0f}; the black mark is the bound</text>']
    for row, speed, roof in zip(rows, speeds, roofs, strict=True):
        height = bar * len(speed)
        name = html.escape(row.label)
        parts.append(
            f'<text x="{left - 8}" y="{y + height / 2 + 4}" text-anchor="end">{name}</text>'
        )
        for i, (engine, value) in enumerate(speed.items()):
            parts.append(
                f'<rect x="{left}" y="{y + i * bar}" width="{value / most * width:.1f}" '
                f'height="{bar - 1}" fill="{_COLORS.get(engine, "#999")}">'
                f"<title>{engine}: {value:.1f}</title></rect>"
            )
        if roof:
            x = left + roof / most * width
            parts.append(f'<path d="M{x:.1f} {y - 2}v{height + 3}" stroke="#000"/>')
        best = f"{row.ratio:.2f}x" if row.ratio else ""
        parts.append(f'<text x="{left + width + 8}" y="{y + height / 2 + 4}">{best}</text>')
        y += height + gap
    return f'<svg width="{left + width + 70}" height="{y}">{"".join(parts)}</svg>'


def page(folder: str, rows: Sequence[Row], rate: float) -> str:
    """The page as HTML: a chart for each family, and what the ratios come to."""
    peak = max((row.flops / min(row.seconds.values()) for row in rows), default=0.0)
    library = Library(folder)
    title = html.escape(f"{library.name} {library.version} beside its peers")
    engines = list(dict.fromkeys(engine for row in rows for engine in row.seconds))
    legend = " ".join(
        f'<span style="color:{_COLORS.get(engine, "#999")}">&#9632;</span> {engine}'
        for engine in engines
    )
    head, body = [], []
    for family in dict.fromkeys(row.family for row in rows):
        own = [row for row in rows if row.family == family]
        ratios = [row.ratio for row in own if row.ratio]
        mean, least = (f"{geomean(ratios):.2f}", f"{min(ratios):.2f}") if ratios else ("", "")
        head.append(f"<tr><td>{family}<td>{len(own)}<td>{mean}<td>{least}")
        body.append(f"<h2>{family}</h2><p>{legend}</p>{_chart(own, peak, rate)}")
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title>"
        f"<style>{_STYLE}</style><h1>{title}</h1><p class=note>{html.escape(platform.platform())}, "
        f"one thread; a figure is the least of many calls. The bound is the fastest product of "
        f"matrices that was seen, {peak * 1e-9:.0f} GFLOP/s, and beyond the caches the bandwidth "
        f"of a copy, {rate * 1e-9:.1f} GB/s. Behind each group is the speed of the library "
        f"in that of its fastest peer.</p><table><tr><th>family<th>cases<th>geometric mean of the "
        f"ratios<th>least{''.join(head)}</table>{''.join(body)}</html>\n"
    )


def main(words: Sequence[str] | None = None) -> int:
    """The command line: `--help` says what there is."""
    parser = argparse.ArgumentParser(
        prog="python -m lathe.oplib_bench",
        description="time the operators of a library beside those of other packages",
    )
    parser.add_argument("folder", help="what `lathe oplib build` wrote")
    parser.add_argument("--html", type=pathlib.Path, help="the page to write")
    parser.add_argument("--json", type=pathlib.Path, help="the figures to write")
    parser.add_argument("--only", default="", help="operators whose names begin so")
    parser.add_argument("--seconds", type=float, default=0.5, help="for each case [0.5]")
    given = parser.parse_args(words)
    try:
        rows = _measure_all(Library(given.folder), given.only, given.seconds)
    except OplibError as error:
        print(f"{parser.prog}: error: {error}", file=sys.stderr)
        return 1
    for family in dict.fromkeys(row.family for row in rows):
        if ratios := [row.ratio for row in rows if row.family == family and row.ratio]:
            print(f"{family}: {geomean(ratios):.2f}x by geometric mean, least {min(ratios):.2f}x")
    if given.html:
        given.html.write_text(page(given.folder, rows, bandwidth()))
    if given.json:
        given.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    return 0


def _measure_all(library: Library, only: str, seconds: float) -> list[Row]:
    """Times all cases whose operators begin with `only`, and prints each."""
    chosen = [case for case in cases(library) if case.op.startswith(only)]
    if not chosen:
        raise OplibError(
            "oplib-bench-op",
            f"{library.name} has no operator in f32 to time that begins with {only!r}; there are "
            f"{', '.join(library.ops)}",
        )
    peers, rows = find_peers(), []
    for case in chosen:
        rows.append(measure(library, case, peers, seconds))
        figures = ", ".join(f"{engine} {t * 1e6:.1f}" for engine, t in rows[-1].seconds.items())
        ratio = f", {rows[-1].ratio:.2f}x the best peer" if rows[-1].ratio else ""
        print(f"{case.label}: {figures} us{ratio}", flush=True)
    return rows


if __name__ == "__main__":
    sys.exit(main())
