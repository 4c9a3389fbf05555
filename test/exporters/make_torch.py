# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models that PyTorch exports, by both of its exporters, with what PyTorch computes.

python make_torch.py FOLDER [PATTERN]
"""

from __future__ import annotations

import logging
import re
import sys
import warnings
from collections.abc import Callable
from typing import Any

import torch
from cases import Writer
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

warnings.simplefilter("ignore")
logging.disable(logging.WARNING)
CASES: dict[str, tuple[nn.Module, list[tuple[Any, ...]], dict[str, Any]]] = {}


def f32(*shape: int) -> Tensor:
    return torch.randn(shape)


def ints(most: int, *shape: int) -> Tensor:
    return torch.randint(0, most, shape)


class Of(nn.Module):
    """A module of a function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *args: Any) -> Any:
        return self.function(*args)


def case(
    name: str, module: Any, *calls: tuple[Any, ...], train: bool = False, script: bool = False
) -> None:
    """Add a case; where there are several calls, dims that differ are open."""
    torch.manual_seed(len(CASES))
    made = module if isinstance(module, nn.Module) else Of(module)
    CASES[name] = (made.train(train), list(calls), {"script": script, "train": train})


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(50, 32)
        layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True, activation="gelu")
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        return self.layers(self.embed(ids), src_key_padding_mask=mask)


class Decoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerDecoderLayer(32, 4, 64, batch_first=True, norm_first=True)
        self.layers = nn.TransformerDecoder(layer, 2)

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        n = x.shape[1]
        mask = torch.triu(torch.full((n, n), float("-inf")), 1)
        return self.layers(x, memory, tgt_mask=mask)


class Rotary(nn.Module):
    """Attention with rotary embeddings, grouped heads and a cache."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v = nn.Linear(32, 32), nn.Linear(32, 16), nn.Linear(32, 16)
        self.register_buffer("frequency", 1 / 1e4 ** (torch.arange(0, 8, 2) / 8))

    def forward(self, x: Tensor, past_k: Tensor, past_v: Tensor) -> tuple[Tensor, ...]:
        batch, n, _ = x.shape
        q = self.q(x).view(batch, n, 4, 8).transpose(1, 2)
        k = self.k(x).view(batch, n, 2, 8).transpose(1, 2)
        v = self.v(x).view(batch, n, 2, 8).transpose(1, 2)
        at = torch.arange(n) + past_k.shape[2]
        angles = at[:, None].float() * self.frequency
        cos, sin = torch.cat([angles, angles], -1).cos(), torch.cat([angles, angles], -1).sin()

        def turn(t: Tensor) -> Tensor:
            a, b = t.chunk(2, -1)
            return t * cos + torch.cat((-b, a), -1) * sin

        k, v = torch.cat([past_k, turn(k)], 2), torch.cat([past_v, v], 2)
        y = F.scaled_dot_product_attention(
            turn(q), k.repeat_interleave(2, 1), v.repeat_interleave(2, 1)
        )
        return y.transpose(1, 2).reshape(batch, n, 32), k, v


class Recurrent(nn.Module):
    def __init__(self, kind: Any, **options: Any) -> None:
        super().__init__()
        self.layer = kind(6, 5, num_layers=2, bidirectional=True, **options)

    def forward(self, x: Tensor) -> Any:
        y, state = self.layer(x)
        return (y, *state) if isinstance(state, tuple) else (y, state)


class Cells(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRUCell(4, 3)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return self.cell(self.cell(x, h) @ torch.ones(3, 4), h)


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.conv(x) + x).mean((2, 3))


class Quantized(nn.Module):
    """Fake quantization, as training with quantization leaves it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.fake_quantize_per_tensor_affine(x, 0.05, 3, -128, 127)
        weight = torch.fake_quantize_per_channel_affine(
            self.conv.weight,
            torch.full((8,), 0.01),
            torch.zeros(8, dtype=torch.int32),
            0,
            -128,
            127,
        )
        return F.relu(F.conv2d(x, weight, self.conv.bias))


class Looped(nn.Module):
    """Loops and conditions that TorchScript keeps."""

    def forward(self, x: Tensor, n: Tensor) -> Tensor:
        y = x
        parts: list[Tensor] = []
        for i in range(int(n)):
            y = y * 0.5 + i
            if bool(y.sum() > 3):
                y = y - x
            parts.append(y)
        return torch.stack(parts).sum(0)


class While(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        while bool(x.abs().max() > 1):
            x = x / 2
        return x


class Cond(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.cond(x.sum() > 0, lambda x: x.sin(), lambda x: x.cos() * 2, (x,))


def block(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(*layers)


def stats(x: Tensor) -> tuple[Tensor, ...]:
    return (
        x.var(1),
        x.std(-1, unbiased=False),
        x.norm(dim=1),
        x.logsumexp(-1),
        x.prod(1),
        x.amax((0, 1)),
    )


def indexing(x: Tensor, i: Tensor) -> tuple[Tensor, ...]:
    return (
        x[:, i], x[i, i], x[..., None, 1:], x[::2, -1], x.gather(1, i[None].expand(x.shape[0], -1)),
        x.index_select(0, i % x.shape[0]), torch.take_along_dim(x, x.argsort(1), 1),
    )  # fmt: skip


def writing(x: Tensor, v: Tensor) -> Tensor:
    y = x.clone()
    y[:, 1:3] = v[:, :2]
    y[0, -1] = 7
    return y.masked_fill(y > 1.5, -1.0)


def scatters(x: Tensor, i: Tensor) -> tuple[Tensor, ...]:
    z = torch.zeros_like(x)
    return (
        z.scatter(1, i, x), z.scatter_add(1, i, x), z.scatter_reduce(1, i, x, "amax",
        include_self=True),
        z.index_put((i[:, 0], i[:, 1]), x[:, 0], accumulate=True), z.index_add(0, i[0] % 3,
        x[: i.shape[1]]),
    )  # fmt: skip


def whole(a: Tensor, b: Tensor) -> tuple[Tensor, ...]:
    b = b + 1
    return (
        a // b, a % b, torch.div(a, b, rounding_mode="trunc"), a & b, a | b, a ^ b, ~a, a << 1,
        a >> 1,
        torch.fmod(a, b), (a > b) & (a < 9), torch.clamp(a, 2, 5), a.float() / b,
        torch.remainder(-a, b),
    )  # fmt: skip


def masks(x: Tensor) -> tuple[Tensor, ...]:
    return (
        torch.tril(x), torch.triu(x, 1), x.cumsum(1), x.flip(1), x.roll((1, -1), (0, 1)),
        torch.isnan(x), x.sign(),
        torch.where(x > 0, x, torch.zeros(())), x.diagonal(), x.argmax(1), x.topk(2, 1)[1],
        x.sort(0, True)[0],
    )  # fmt: skip


def sizes_of_data(x: Tensor) -> tuple[Tensor, ...]:
    return x[x > 0], torch.nonzero(x > 0.5), x[(x > 0).any(1)]


def unary(x: Tensor) -> tuple[Tensor, ...]:
    y = x.abs() + 0.1
    return (
        x.exp(), y.log(), y.log2(), y.log10(), y.log1p(), x.expm1(), y.sqrt(), y.rsqrt(), x.erf(),
        x.tanh(), x.atan(),
        torch.atan2(x, y), x.sigmoid(), F.silu(x), F.mish(x), F.gelu(x, approximate="tanh"),
        F.hardswish(x), F.selu(x),
        F.celu(x), F.elu(x), F.leaky_relu(x), F.softplus(x), F.logsigmoid(x), F.hardtanh(x),
        F.relu6(x), x.round(),
        x.trunc(), x.frac(), x.pow(2), y.pow(x), y**-0.5, x.sinh(), x.clamp(min=0.1),
        torch.hypot(x, y),
        torch.polar(y, x).real, F.softsign(x), F.tanhshrink(x), F.softshrink(x), F.hardshrink(x),
        F.threshold(x, 0.1, 2),
        F.glu(x, -1), F.softmin(x, 1), F.normalize(x), torch.nan_to_num(x / 0),
        torch.logit(x.sigmoid()), x.erfinv(),
        torch.special.xlogy(x, y), x.square(), torch.lerp(x, y, 0.3), torch.addcmul(x, x, y),
        x.asinh(), y.acosh(),
    )  # fmt: skip


def losses(x: Tensor, y: Tensor, i: Tensor) -> tuple[Tensor, ...]:
    return (
        F.mse_loss(x, y), F.l1_loss(x, y), F.smooth_l1_loss(x, y), F.cross_entropy(x, i),
        F.huber_loss(x, y),
        F.nll_loss(x.log_softmax(1), i, reduction="none"), F.binary_cross_entropy_with_logits(x,
        y.sigmoid()),
        F.kl_div(x.log_softmax(1), y.softmax(1), reduction="batchmean"), F.cosine_similarity(x, y),
    )  # fmt: skip


def resizes(x: Tensor) -> tuple[Tensor, ...]:
    return (
        F.interpolate(x, scale_factor=2.0), F.interpolate(x, size=(5, 9), mode="bilinear"),
        F.interpolate(x, size=(13, 4), mode="bilinear", align_corners=True),
        F.interpolate(x, scale_factor=1.5, mode="bicubic"), F.interpolate(x, size=(3, 3),
        mode="area"),
        F.interpolate(x, size=(4, 5), mode="bilinear", antialias=True), F.interpolate(x, size=(11,
        3), mode="nearest-exact"),
    )  # fmt: skip


def pools(x: Tensor) -> tuple[Tensor, ...]:
    return (
        F.max_pool2d(x, 3, 2, 1), F.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False),
        F.adaptive_avg_pool2d(x, (2, 4)), F.adaptive_max_pool2d(x, (1, 1)), F.lp_pool2d(x, 2.0, 2),
        *F.max_pool2d(x, 2, return_indices=True), F.max_pool2d(x, 3, 2, dilation=2),
    )  # fmt: skip


def pads(x: Tensor) -> tuple[Tensor, ...]:
    return (
        F.pad(x, (1, 2)), F.pad(x, (1, 2, 2, 1), mode="reflect"), F.pad(x, (2, 1, 1, 0),
        mode="replicate"),
        F.pad(x, (1, 1, 1, 1), mode="circular"), F.pad(x, (-1, 0, 1, -1), value=3.0),
        F.pixel_shuffle(x, 2),
        F.pixel_unshuffle(x, 2), F.unfold(x, 3, padding=1), x.unfold(2, 2, 2), F.channel_shuffle(x,
        2),
    )  # fmt: skip


def grids(x: Tensor, g: Tensor) -> tuple[Tensor, ...]:
    return (
        F.grid_sample(x, g.tanh(), align_corners=False),
        F.grid_sample(x, g, mode="nearest", padding_mode="border", align_corners=True),
        F.grid_sample(x, g, mode="bicubic", padding_mode="reflection", align_corners=False),
    )


def products(a: Tensor, b: Tensor) -> tuple[Tensor, ...]:
    return (
        a @ b, torch.einsum("bij,bjk->bki", a, b), torch.baddbmm(a @ b, a, b, alpha=0.5, beta=2),
        torch.kron(a[0], b[0]),
        torch.tensordot(a, b, dims=([2], [1])), torch.cdist(a, b.mT), torch.outer(a[0, 0], b[0,
        0]), a[0] @ b[0, :, 0],
        torch.matmul(a[:, None], b), torch.addmm(torch.ones(()), a[0], b[0]), torch.cross(a[...,
        :3], a[..., 1:4], -1),
    )  # fmt: skip


def made(x: Tensor) -> tuple[Tensor, ...]:
    n, m = x.shape
    return (
        torch.arange(n), torch.arange(0, m, 2).float(), torch.linspace(0, 1, 7), torch.full((n, 2),
        3.0), torch.eye(m),
        torch.zeros(m, n), torch.ones_like(x), x.new_zeros(n),
        torch.stack(torch.meshgrid(torch.arange(n), torch.arange(m), indexing="ij")),
        F.one_hot(x.argmax(1), 8), x.repeat(2, 1), x.expand(3, n, m), x.repeat_interleave(2, 1),
        torch.tensor(x.shape[0]),
        *x.split([1, m - 1], 1), *x.chunk(2, 0), x.unbind(1)[0], x.reshape(-1), x.view(m, n).t(),
        x.unsqueeze(0).squeeze(),
    )  # fmt: skip


def halves(x: Tensor) -> Tensor:
    return F.softmax((x.half() * 2 + 1) @ x.half().mT, -1).float() + x.bfloat16().sum().float()


def complex_numbers(x: Tensor) -> tuple[Tensor, ...]:
    y = torch.fft.rfft(x)
    return y.abs(), torch.fft.irfft(y * 2, n=x.shape[-1]), torch.view_as_real(torch.fft.fft(x))


def spectrum(x: Tensor) -> Tensor:
    y = torch.stft(x, 16, 8, window=torch.hann_window(16), return_complex=True)
    return torch.view_as_real(y)


def searches(x: Tensor) -> tuple[Tensor, ...]:
    return (
        torch.bucketize(x, torch.tensor([-1.0, 0.0, 1.0])),
        torch.histc(x, 4, -2, 2),
        x.unique(),
        torch.bincount((x.abs() * 3).long().flatten()),
    )


IMAGE = f32(2, 4, 8, 6)
case(
    "conv",
    block(
        nn.Conv2d(4, 8, 3, 2, 1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, groups=8),
        nn.Hardswish(),
    ),
    (IMAGE,),
    (f32(3, 4, 8, 6),),
)
case(
    "conv-same",
    block(nn.Conv2d(4, 8, (3, 4), padding="same", dilation=2), nn.PReLU(8)),
    (IMAGE,),
    (f32(1, 4, 11, 9),),
)
case(
    "conv1d",
    block(nn.Conv1d(3, 6, 5, padding=2, padding_mode="reflect"), nn.GLU(1)),
    (f32(2, 3, 12),),
    (f32(1, 3, 30),),
)
case(
    "conv3d",
    block(nn.Conv3d(2, 4, 3, padding=1), nn.MaxPool3d(2), nn.InstanceNorm3d(4, affine=True)),
    (f32(1, 2, 6, 6, 8),),
)
case(
    "transposed",
    block(
        nn.ConvTranspose2d(4, 6, 3, 2, 1, 1),
        nn.ReLU(),
        nn.ConvTranspose2d(6, 2, 4, groups=2, dilation=2),
    ),
    (IMAGE,),
    (f32(2, 4, 5, 3),),
)
case(
    "norms",
    block(
        nn.GroupNorm(2, 4),
        nn.InstanceNorm2d(4),
        nn.LayerNorm((8, 6)),
        nn.LocalResponseNorm(2),
        nn.RMSNorm(6),
    ),
    (IMAGE,),
)
case("batch-norm-train", block(nn.Conv2d(4, 3, 1), nn.BatchNorm2d(3)), (IMAGE,), train=True)
case(
    "encoder",
    Encoder(),
    (ints(50, 2, 7), ints(2, 2, 7).bool() & False),
    (ints(50, 3, 11), torch.arange(11).expand(3, -1) > 8),
)
case("decoder", Decoder(), (f32(2, 5, 32), f32(2, 7, 32)), (f32(1, 9, 32), f32(1, 4, 32)))
case(
    "rotary",
    Rotary(),
    (f32(2, 3, 32), f32(2, 2, 4, 8), f32(2, 2, 4, 8)),
    (f32(2, 1, 32), f32(2, 2, 9, 8), f32(2, 2, 9, 8)),
)
case(
    "sdpa",
    lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=0.3),
    (f32(2, 3, 5, 8),) * 3,
    (f32(1, 3, 9, 8),) * 3,
)
case(
    "sdpa-mask",
    lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, m),
    (f32(2, 3, 5, 8), f32(2, 3, 7, 8), f32(2, 3, 7, 8), f32(5, 7) > -1),
)
case("multihead", nn.MultiheadAttention(16, 4, batch_first=True), (f32(2, 5, 16),) * 3)
case("lstm", Recurrent(nn.LSTM), (f32(7, 2, 6),), (f32(3, 4, 6),))
case("lstm-first", Recurrent(nn.LSTM, batch_first=True, proj_size=0), (f32(2, 7, 6),))
case("gru", Recurrent(nn.GRU), (f32(7, 2, 6),), (f32(1, 3, 6),))
case("rnn", Recurrent(nn.RNN, nonlinearity="relu"), (f32(5, 2, 6),))
case("cells", Cells(), (f32(2, 4), f32(2, 3)))
case("embedding-bag", nn.EmbeddingBag(20, 6, mode="mean"), (ints(20, 3, 4),))
case("fake-quantized", Quantized(), (f32(1, 3, 8, 8),))
case("stats", stats, (f32(3, 4, 5),), (f32(2, 7, 5),))
case("indexing", indexing, (f32(6, 6), torch.tensor([3, 0, 2])), (f32(9, 6), torch.tensor([5, 1])))
case("writing", writing, (f32(4, 6), f32(4, 3)), (f32(7, 6), f32(7, 3)))
case("scatters", scatters, (f32(4, 3), ints(3, 4, 3)))
case("whole-numbers", whole, (ints(12, 3, 4), ints(5, 3, 4)), (ints(12, 2, 4), ints(5, 2, 4)))
case("masks", masks, (f32(4, 5),), (f32(6, 5),))
case("sizes-of-data", sizes_of_data, (f32(4, 5),), (f32(9, 5),))
case("unary", unary, (f32(3, 6),), (f32(5, 6),))
case("losses", losses, (f32(4, 5), f32(4, 5), ints(5, 4)))
case("resizes", resizes, (f32(2, 3, 6, 7),))
case(
    "resize-like",
    lambda x, y: F.interpolate(x, size=y.shape[2:], mode="bilinear") + y,
    (IMAGE, f32(2, 4, 9, 9)),
    (IMAGE, f32(2, 4, 5, 12)),
)
case("pools", pools, (f32(2, 4, 10, 12),))
case("pads", pads, (IMAGE,))
case("grids", grids, (IMAGE, f32(2, 5, 3, 2)), (IMAGE, f32(2, 2, 9, 2)))
case("products", products, (f32(2, 3, 4), f32(2, 4, 5)))
case("made", made, (f32(4, 6),), (f32(5, 6),))
case("halves", halves, (f32(3, 4),))
case("complex", complex_numbers, (f32(2, 8),))
case("spectrum", spectrum, (f32(2, 64),))
case("searches", searches, (f32(3, 5),))
case("dropout-eval", block(nn.Linear(5, 6), nn.Dropout(0.5), nn.AlphaDropout(0.2)), (f32(3, 5),))
case("loop", Looped(), (f32(3), torch.tensor(4)), (f32(3), torch.tensor(7)), script=True)
case("while", While(), (f32(3, 4) * 30,), (f32(3, 4),), script=True)
case("cond", Cond(), (f32(3, 4),), (torch.ones(3, 4),))
case("double", lambda x: (x.double() @ x.double().mT).log_softmax(-1), (f32(3, 4),))
case("nested-outputs", lambda x: {"a": x + 1, "b": [x * 2, (x - 1, x.sum())]}, (f32(3, 4),))
case("weight-norm", nn.utils.parametrizations.weight_norm(nn.Linear(4, 5)), (f32(3, 4),))
case("residual", Residual(), (IMAGE,), (f32(1, 4, 12, 12),))

try:
    from torchvision import models, ops

    def boxes(n: int) -> Tensor:
        at = torch.rand(n, 2) * 10
        return torch.cat([at, at + torch.rand(n, 2) * 8 + 1], 1)

    case(
        "nms",
        lambda b, s: ops.nms(b, s, 0.4),
        (boxes(30), torch.rand(30)),
        (boxes(50), torch.rand(50)),
    )
    case(
        "roi-align",
        lambda x, b: ops.roi_align(x, [b], 3, 0.5, 2, True),
        (f32(1, 3, 16, 16), boxes(5)),
        (f32(1, 3, 16, 16), boxes(2)),
    )
    case(
        "deform",
        lambda x, o, w: ops.deform_conv2d(x, o, w, padding=1),
        (f32(1, 4, 6, 6), f32(1, 18, 6, 6), f32(5, 4, 3, 3)),
    )
    for network in (
        "mobilenet_v3_small",
        "shufflenet_v2_x0_5",
        "swin_t",
        "efficientnet_b0",
        "convnext_tiny",
        "maxvit_t",
        "regnet_y_400mf",
    ):
        size = 224 if network == "maxvit_t" else 96
        case(f"vision-{network}", getattr(models, network)(weights=None), (f32(1, 3, size, size),))
except ImportError:
    print("not exported: torchvision is not installed", file=sys.stderr)


def flatten(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    items = value.values() if isinstance(value, dict) else value
    return [tensor for item in items for tensor in flatten(item)]


def to_numpy(value: Tensor) -> Any:
    value = value.detach()
    return (value.float() if value.dtype == torch.bfloat16 else value).numpy()


def export(writer: Writer, name: str, dynamo: bool, opset: int) -> None:
    module, calls, options = CASES[name]
    first = calls[0]
    names = [f"x{i}" for i in range(len(first))]
    open_dims: list[dict[int, str]] = [
        {
            d: f"n{i}_{d}"
            for d in range(value.dim())
            if any(c[i].shape[d] != value.shape[d] for c in calls)
        }
        for i, value in enumerate(first)
    ]
    path = writer.path(f"torch-{'dynamo' if dynamo else 'script'}-{name}")
    arguments: dict[str, Any] = {"opset_version": opset, "input_names": names, "dynamo": dynamo}
    if options["train"]:
        arguments["training"] = torch.onnx.TrainingMode.TRAINING
    if dynamo:
        shapes = [dict.fromkeys(dims, torch.export.Dim.DYNAMIC) for dims in open_dims]
        star = isinstance(module, Of)
        arguments |= {
            "dynamic_shapes": (tuple(shapes),) if star else tuple(shapes),
            "verbose": False,
            "external_data": False,
        }
        if not any(open_dims):
            del arguments["dynamic_shapes"]
    else:
        arguments["dynamic_axes"] = dict(zip(names, open_dims, strict=True))
    torch.manual_seed(0)
    source = torch.jit.script(module) if options["script"] and not dynamo else module
    torch.onnx.export(source, first, str(path), **arguments)
    import onnx

    inputs = [i.name for i in onnx.load(path, load_external_data=False).graph.input]
    results = []
    for call in calls:
        wanted = [to_numpy(value) for value in flatten(module(*[value.clone() for value in call]))]
        # Inputs that nothing reads are gone.
        given = {n: to_numpy(v) for n, v in zip(names, call, strict=True) if n in inputs}
        if len(given) < len(inputs):
            given = dict(zip(inputs, map(to_numpy, call), strict=True))
        results.append((given, wanted))
    writer.write(path.stem, None, results)


def main() -> None:
    writer = Writer(sys.argv[1])
    pattern = re.compile(sys.argv[2] if len(sys.argv) > 2 else "")
    torch.set_num_threads(1)
    for name in CASES:
        for dynamo, opset in ((False, 17), (True, 20)):
            kind = "dynamo" if dynamo else "script"
            if not pattern.search(f"torch-{kind}-{name}"):
                continue
            with torch.no_grad():
                writer.attempt(
                    f"torch-{kind}-{name}",
                    lambda n=name, d=dynamo, o=opset: export(writer, n, d, o),
                )


if __name__ == "__main__":
    main()
