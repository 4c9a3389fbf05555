# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models that paddle2onnx exports, with what PaddlePaddle computes.

python make_paddle.py FOLDER [PATTERN]
"""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
import paddle
from cases import Writer
from paddle import nn
from paddle.nn import functional as F  # noqa: N812

RANDOM = np.random.default_rng(4)


def f32(*shape: int) -> Any:
    return RANDOM.standard_normal(shape).astype(np.float32)


class Of(nn.Layer):
    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Any) -> Any:
        return self.function(x)


class Recurrent(nn.Layer):
    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.layer = kind(5, 6, direction="bidirect")

    def forward(self, x: Any) -> Any:
        return self.layer(x)[0]


def shapes(x: Any) -> tuple[Any, ...]:
    return (
        paddle.flatten(x, 1), x.transpose([0, 2, 3, 1]), paddle.concat([x, x * 2], 1),
        *paddle.split(x, 2, 1), x[:, 1:, ::2],
        paddle.squeeze(x.unsqueeze(1), 1), paddle.tile(x, [1, 2, 1, 1]), F.pad(x, [1, 2, 0, 1]),
        paddle.roll(x, 1, 1), x.flip(1),
    )  # fmt: skip


def maths(x: Any) -> tuple[Any, ...]:
    y = x.abs() + 0.1
    return (
        F.gelu(x), F.silu(x), F.hardswish(x), F.hardsigmoid(x), F.relu6(x), F.softmax(x, 1),
        F.log_softmax(x), F.mish(x),
        x.mean(1), x.max([1, 2]), paddle.logsumexp(x, 1), y.sqrt(), y.rsqrt(), y.log(), x.pow(2),
        paddle.where(x > 0, x, y),
        paddle.topk(x, 2, 1)[0], paddle.argmax(x, 1), paddle.cumsum(x, 1), paddle.clip(x, -1, 1),
        paddle.floor_divide(x, y), F.leaky_relu(x),
    )  # fmt: skip


CASES: dict[str, tuple[Callable[[], Any], list[Any], list[int | None]]] = {
    "conv": (
        lambda: nn.Sequential(
            nn.Conv2D(3, 8, 3, 2, 1), nn.BatchNorm2D(8), nn.Hardswish(), nn.Conv2D(8, 8, 3,
            groups=8), nn.AdaptiveAvgPool2D(1), nn.Flatten()
        ),
        [f32(2, 3, 12, 12), f32(1, 3, 15, 9)],
        [None, 3, None, None],
    ),
    "upsample": (
        lambda: nn.Sequential(nn.Conv2DTranspose(3, 4, 2, 2), nn.Upsample(scale_factor=2,
        mode="bilinear"), nn.Upsample(scale_factor=2, mode="nearest")),
        [f32(1, 3, 6, 6)],
        [None, 3, None, None],
    ),
    "lstm": (lambda: Recurrent(nn.LSTM), [f32(2, 7, 5), f32(3, 4, 5)], [None, None, 5]),
    "gru": (lambda: Recurrent(nn.GRU), [f32(2, 7, 5)], [None, None, 5]),
    "encoder": (lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32), 2), [f32(2, 5,
    16), f32(1, 9, 16)], [None, None, 16]),
    "norms": (lambda: nn.Sequential(nn.GroupNorm(2, 4), nn.InstanceNorm2D(4), nn.LayerNorm([5,
    6])), [f32(2, 4, 5, 6)], [2, 4, 5, 6]),
    "shapes": (lambda: Of(shapes), [f32(2, 4, 3, 6)], [None, 4, 3, 6]),
    "maths": (lambda: Of(maths), [f32(2, 4, 6)], [2, 4, 6]),
    "mobilenet": (lambda: paddle.vision.models.MobileNetV3Small(scale=0.5), [f32(1, 3, 64, 64)],
    [None, 3, None, None]),
    "resnet": (lambda: paddle.vision.models.resnet18(), [f32(1, 3, 64, 64)], [None, 3, 64, 64]),
}  # fmt: skip


def export(writer: Writer, name: str) -> None:
    import paddle2onnx

    make, calls, shape = CASES[name]
    layer = make()
    layer.eval()
    spec = [paddle.static.InputSpec(shape, "float32", "x")]
    with tempfile.TemporaryDirectory() as folder:
        static = paddle.jit.to_static(layer, input_spec=spec, full_graph=True)
        paddle.jit.save(static, f"{folder}/m", input_spec=spec)
        json = pathlib.Path(folder, "m.json")
        program = str(json) if json.exists() else f"{folder}/m.pdmodel"
        model = paddle2onnx.export(program, f"{folder}/m.pdiparams", opset_version=15)
    results = []
    for x in calls:
        made = layer(paddle.to_tensor(x))
        results.append(
            ({"x": x}, [m.numpy() for m in (made if isinstance(made, (tuple, list)) else [made])])
        )
    writer.write(f"paddle-{name}", model, results)


def main() -> None:
    writer = Writer(sys.argv[1])
    pattern = re.compile(sys.argv[2] if len(sys.argv) > 2 else "")
    chosen = [name for name in CASES if pattern.search(f"paddle-{name}")]
    if len(chosen) > 1:  # What paddle2onnx cannot export ends the process.
        for name in chosen:
            command = [sys.executable, __file__, sys.argv[1], f"^paddle-{name}$"]
            ended = subprocess.run(command, check=False).returncode
            if ended != 0:
                writer.fail(f"paddle-{name}", f"the process ended with {ended}")
        return
    paddle.seed(5)
    paddle.set_device("cpu")
    for name in chosen:
        writer.attempt(f"paddle-{name}", lambda n=name: export(writer, n))


if __name__ == "__main__":
    main()
