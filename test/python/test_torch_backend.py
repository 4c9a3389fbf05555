# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""torch.compile(backend="lathe") computes what PyTorch computes, of random weights."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed, and no requirement of Lathe")
pytest.importorskip("onnxscript", reason="PyTorch's ONNX exporter needs onnxscript")

import lathe  # noqa: E402
import lathe.torch_backend  # noqa: E402
from torch import nn  # noqa: E402

lathe.torch_backend.register()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    torch._dynamo.reset()
    torch.manual_seed(0)


class Residual(nn.Module):  # type: ignore[misc]
    """A block of a ResNet."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.n = nn.BatchNorm2d(8)
        self.b = nn.Conv2d(8, 8, 3, padding=1)
        self.n.running_mean.normal_()
        self.n.running_var.uniform_(0.5, 2)

    def forward(self, x: Any) -> Any:
        return torch.relu(self.b(torch.relu(self.n(self.a(x)))) + x)


class Inverted(nn.Module):  # type: ignore[misc]
    """A block of a MobileNet."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(8, 32, 1),
            nn.ReLU6(),
            nn.Conv2d(32, 32, 3, padding=1, groups=32),
            nn.Hardswish(),
            nn.Conv2d(32, 8, 1),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )

    def forward(self, x: Any) -> Any:
        return self.layers(x)


class Attention(nn.Module):  # type: ignore[misc]
    """Attention with a causal mask."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(32, 96)
        self.out = nn.Linear(32, 32)

    def forward(self, x: Any) -> Any:
        b, t, _ = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, 4, 8).permute(2, 0, 3, 1, 4).unbind(0)
        y = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(y.transpose(1, 2).reshape(b, t, 32))


class Ids(nn.Module):  # type: ignore[misc]
    """Word and position embeddings."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(50, 16)
        self.places = nn.Embedding(20, 16)

    def forward(self, ids: Any) -> Any:
        places = torch.arange(ids.shape[1], device=ids.device)
        return self.words(ids) + self.places(places)


class Several(nn.Module):  # type: ignore[misc]
    """Several inputs, several outputs, one of them an integer."""

    def forward(self, a: Any, b: Any) -> Any:
        c = torch.cat([a, b], dim=1)
        return {"sum": c.sum(1), "best": c.argmax(1), "pair": (a * 2, b.softmax(-1))}


def image() -> Any:
    return torch.randn(2, 8, 12, 12)


NETWORKS: dict[str, tuple[Callable[[], nn.Module], Callable[[], tuple[Any, ...]]]] = {
    "mlp": (
        lambda: nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.LayerNorm(32), nn.Linear(32, 4)),
        lambda: (torch.randn(3, 16),),
    ),
    "residual": (Residual, lambda: (image(),)),
    "inverted": (Inverted, lambda: (image(),)),
    "upsample": (
        lambda: nn.Sequential(
            nn.ConvTranspose2d(8, 4, 2, stride=2), nn.MaxPool2d(2), nn.Upsample(scale_factor=2)
        ),
        lambda: (image(),),
    ),
    "norms": (
        lambda: nn.Sequential(nn.GroupNorm(2, 8), nn.InstanceNorm2d(8), nn.SiLU(), nn.PReLU()),
        lambda: (image(),),
    ),
    "attention": (Attention, lambda: (torch.randn(2, 7, 32),)),
    "encoder": (
        lambda: nn.TransformerEncoderLayer(32, 4, 64, 0.0, nn.functional.silu, batch_first=True),
        lambda: (torch.randn(2, 5, 32),),
    ),
    "conv1d": (
        lambda: nn.Sequential(
            nn.Conv1d(4, 8, 5, dilation=2), nn.Tanh(), nn.Conv1d(8, 2, 3, stride=2)
        ),
        lambda: (torch.randn(2, 4, 30),),
    ),
    "ids": (Ids, lambda: (torch.randint(0, 50, (2, 9)),)),
    "several": (Several, lambda: (torch.randn(3, 4), torch.randn(3, 5))),
}


def flat(value: Any) -> list[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [tensor for part in value for tensor in flat(part)]
    return [value]


def compare(actual: Any, expected: Any) -> None:
    for a, e in zip(flat(actual), flat(expected), strict=True):
        torch.testing.assert_close(a, e, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name: str, caplog: pytest.LogCaptureFixture) -> None:
    make, inputs = NETWORKS[name]
    model, arguments = make().eval(), inputs()
    compiled = torch.compile(model, backend="lathe")
    with torch.no_grad(), caplog.at_level(logging.WARNING, "lathe.torch"):
        compare(compiled(*arguments), model(*arguments))
        compare(compiled(*arguments), model(*arguments))
    assert "torch-fallback" not in caplog.text


def test_open_dims_are_compiled_once(caplog: pytest.LogCaptureFixture) -> None:
    model = nn.Sequential(nn.Linear(16, 8), nn.ReLU()).eval()
    compiles = []
    real = lathe.compile

    def counted(*words: Any, **options: Any) -> Any:
        compiles.append(words)
        return real(*words, **options)

    lathe.compile = counted
    try:
        compiled = torch.compile(model, backend="lathe", dynamic=True)
        with torch.no_grad():
            for rows in (3, 4, 17, 100):
                x = torch.randn(rows, 16)
                compare(compiled(x), model(x))
    finally:
        lathe.compile = real
    assert len(compiles) == 1 and "torch-fallback" not in caplog.text


def test_graph_breaks_are_left_to_pytorch() -> None:
    layers = nn.ModuleList([nn.Linear(8, 8), nn.Linear(8, 8)]).eval()
    seen = []

    def model(x: Any) -> Any:
        x = layers[0](x).relu()
        torch._dynamo.graph_break()
        seen.append(float(x.sum()))
        return layers[1](x)

    x = torch.randn(2, 8)
    with torch.no_grad():
        compare(torch.compile(model, backend="lathe")(x), model(x))
    assert len(seen) == 2 and seen[0] == pytest.approx(seen[1], rel=1e-4)


def test_new_weights_are_used() -> None:
    model = nn.Linear(4, 4).eval()
    compiled = torch.compile(model, backend="lathe")
    x = torch.randn(2, 4)
    with torch.no_grad():
        compare(compiled(x), model(x))
        model.weight.mul_(2)
        compare(compiled(x), model(x))
        model.load_state_dict({"weight": torch.randn(4, 4), "bias": torch.randn(4)})
        compare(compiled(x), model(x))


def test_limits_are_an_option() -> None:
    relu = nn.ReLU().eval()
    model = torch.compile(relu, backend="lathe", options={"limits": {"call-bytes": 1}})
    with torch.no_grad(), pytest.raises(lathe.RuntimeError, match="call-memory-limit"):
        model(torch.ones(4, 4))
    graph = torch.fx.symbolic_trace(relu)
    with pytest.raises(ValueError, match="no option 'limit'"):
        lathe.torch_backend.compile_graph(graph, [torch.ones(1)], options={"limit": {}})


def test_gradients_are_left_to_pytorch(caplog: pytest.LogCaptureFixture) -> None:
    model = nn.Linear(4, 1)
    x = torch.randn(2, 4)
    with caplog.at_level(logging.WARNING, "lathe.torch"):
        torch.compile(model, backend="lathe")(x).sum().backward()
    assert model.weight.grad is not None
    assert "it is to compute gradients; call the model under torch.no_grad()" in caplog.text


def test_what_lathe_has_not_is_named(caplog: pytest.LogCaptureFixture) -> None:
    def model(x: Any) -> Any:
        return torch.linalg.eigvals(x).real.sort().values

    x = torch.randn(4, 4)
    with torch.no_grad(), caplog.at_level(logging.WARNING, "lathe.torch"):
        compare(torch.compile(model, backend="lathe")(x), model(x))
    assert "runs in PyTorch: " in caplog.text and "[torch-fallback]" in caplog.text


def test_inputs_are_read_and_outputs_made_in_place() -> None:
    compiled = torch.compile(lambda x: x + 1, backend="lathe")
    x = torch.zeros(3, 4)
    with torch.no_grad():
        y = compiled(x)
        x.fill_(5)
        y.add_(1)  # Writable, and no memory of a later call's.
        z = compiled(x)
    assert y.eq(2).all() and z.eq(6).all()
    swapped = torch.arange(12.0).view(3, 4).t()
    with torch.no_grad():
        compare(compiled(swapped), swapped + 1)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64", "int32", "bool"])
def test_element_types(dtype: str) -> None:
    kind = getattr(torch, dtype)
    x = torch.tensor([[0.0, 1.0, 2.5]]).to(kind)
    compiled = torch.compile(lambda x: (x.transpose(0, 1), torch.cat([x, x])), backend="lathe")
    with torch.no_grad():
        for a, e in zip(compiled(x), (x.transpose(0, 1), torch.cat([x, x])), strict=True):
            assert a.dtype == e.dtype and torch.equal(a, e)


def test_many_threads_call_one_model() -> None:
    model = Residual().eval()
    compiled = torch.compile(model, backend="lathe")
    x = image()
    with torch.no_grad():
        expected = model(x)
        compiled(x)
    wrong: list[str] = []

    def work() -> None:
        with torch.no_grad():
            for _ in range(5):
                if not np.allclose(compiled(x), expected, rtol=1e-3, atol=1e-4):
                    wrong.append("differs")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
