# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""PyTorch as an engine of single operators: its own functions, called one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lathe._inputs import Array, InputSpec
from lathe._op_cases import Case, make

_Function = Callable[..., Any]


def _matmul(torch: Any, case: Case, weights: Mapping[str, Any]) -> _Function:
    if not weights:
        return torch.matmul  # type: ignore[no-any-return]
    # As layers of torch.nn have them.
    w = weights["w"].t().contiguous()
    return lambda x: torch.nn.functional.linear(x, w)


def _conv(torch: Any, case: Case, weights: Mapping[str, Any]) -> _Function:
    numbers = {**case.numbers, "groups": case.numbers["groups"][0]}
    return lambda x: torch.nn.functional.conv2d(x, weights["w"], weights["b"], **numbers)


def _attention(torch: Any, case: Case, weights: Mapping[str, Any]) -> _Function:
    return torch.nn.functional.scaled_dot_product_attention  # type: ignore[no-any-return]


def _norm(torch: Any, case: Case, weights: Mapping[str, Any]) -> _Function:
    functions = torch.nn.functional
    width = case.inputs[0].shape[-1:]
    w, b = weights["w"], weights.get("b")
    if case.op == "layer_norm":
        return lambda x: functions.layer_norm(x, width, w, b, eps=1e-5)
    if case.op == "rms_norm":
        return lambda x: functions.rms_norm(x, width, w, eps=1e-5)
    if case.op == "instance_norm":
        return lambda x: functions.instance_norm(x, weight=w, bias=b, eps=1e-5)
    return lambda x: functions.group_norm(x, case.numbers["groups"][0], w, b, eps=1e-5)


def _reduction(torch: Any, case: Case, weights: Mapping[str, Any]) -> _Function:
    names = {"reduce_sum": "sum", "reduce_mean": "mean", "reduce_max": "amax"}
    function, axes = getattr(torch, names[case.op]), case.numbers["axes"]
    return lambda x: function(x, dim=axes)


def _arg_max(torch: Any, case: Case, weights: Mapping[str, Any]) -> _Function:
    axis = case.numbers["axes"][0]
    return lambda x: torch.argmax(x, dim=axis)


def _softmax(torch: Any, case: Case, weights: Mapping[str, Any]) -> _Function:
    return lambda x: torch.softmax(x, dim=-1)


def _elementwise(torch: Any, case: Case, weights: Mapping[str, Any]) -> _Function:
    home = torch.nn.functional if case.op in ("gelu", "silu") else torch
    return getattr(home, case.op)  # type: ignore[no-any-return]


def _transpose(torch: Any, case: Case, weights: Mapping[str, Any]) -> _Function:
    axes = case.numbers["axes"]
    return lambda x: x.permute(axes).contiguous()


# What makes a function of an operator's inputs; it has none for quantized operators.
FUNCTIONS: Mapping[str, Callable[[Any, Case, Mapping[str, Any]], _Function]] = {
    "matmul": _matmul,
    "conv": _conv,
    "depthwise": _conv,
    "attention": _attention,
    "softmax": _softmax,
    "arg_max": _arg_max,
    "transpose": _transpose,
    **dict.fromkeys(("layer_norm", "rms_norm", "instance_norm", "group_norm"), _norm),
    **dict.fromkeys(("reduce_sum", "reduce_mean", "reduce_max"), _reduction),
    **dict.fromkeys(("add", "mul", "relu", "gelu", "tanh", "exp", "sigmoid", "silu"), _elementwise),
}


class TorchEngine:
    """PyTorch on the CPU, in eager mode and without gradients."""

    def __init__(self, path: str, threads: int, options: Mapping[str, Any]) -> None:
        """Take the operator from `options["case"]`, a pair of its name and sizes, not from `path`.

        Raises ValueError without it, for torch reads no models, and for an operator that is not in
        FUNCTIONS.
        """
        import torch

        if "case" not in options:
            raise ValueError("torch reads no ONNX files; it computes single operators only")
        case = make(*options["case"])
        if case.op not in FUNCTIONS:
            raise ValueError(f"there is no function of torch for {case.op}")
        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)
        self.version = torch.__version__
        weights = {name: torch.from_numpy(array) for name, array in case.constants().items()}
        self._torch, self._call = torch, FUNCTIONS[case.op](torch, case, weights)
        self.inputs = [InputSpec(t.name, np.dtype(t.dtype), t.shape) for t in case.inputs]
        self.outputs = [case.output.name]
        self._arrays: Sequence[Array] = ()
        self._tensors: list[Any] = []

    def run(self, arrays: Sequence[Array]) -> list[Array]:
        """Call the function; arrays that are those of the last call are not wrapped again."""
        if arrays is not self._arrays:
            self._arrays = arrays
            self._tensors = [self._torch.from_numpy(array) for array in arrays]
        return [self._call(*self._tensors).numpy()]
