# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""torch.compile(backend="lathe") on networks of torchvision and transformers, of random weights."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed, and no requirement of Lathe")
pytest.importorskip("onnxscript", reason="PyTorch's ONNX exporter needs onnxscript")

import lathe.torch_backend  # noqa: E402

lathe.torch_backend.register()


def vision(name: str, **options: Any) -> Callable[[], tuple[Any, dict[str, Any]]]:
    """Return what makes a network of torchvision and its input."""

    def make() -> tuple[Any, dict[str, Any]]:
        models = pytest.importorskip("torchvision", reason="torchvision is not installed").models
        network = getattr(models, name)(weights=None, num_classes=10, **options)
        return network, {"x": torch.randn(1, 3, 64, 64)}

    return make


def language(name: str, **sizes: Any) -> Callable[[], tuple[Any, dict[str, Any]]]:
    """Return what makes a model of a configuration of transformers and its ids."""

    def make() -> tuple[Any, dict[str, Any]]:
        package = pytest.importorskip("transformers", reason="transformers is not installed")
        config = getattr(package, f"{name}Config")(vocab_size=100, **sizes)
        network = getattr(package, f"{name}Model")(config)
        return network, {"input_ids": torch.randint(0, 100, (2, 9))}

    return make


NETWORKS = {
    "resnet18": vision("resnet18"),
    "mobilenet_v2": vision("mobilenet_v2"),
    "mobilenet_v3_small": vision("mobilenet_v3_small"),
    "squeezenet1_1": vision("squeezenet1_1"),
    "shufflenet_v2_x0_5": vision("shufflenet_v2_x0_5"),
    "mnasnet0_5": vision("mnasnet0_5"),
    "bert": language(
        "Bert",
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
    ),
    "distilbert": language("DistilBert", dim=32, n_layers=2, n_heads=4, hidden_dim=64),
    "gpt2": language("GPT2", n_embd=32, n_layer=2, n_head=4, n_positions=32),
    "llama": language(
        "Llama",
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=64,
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name: str, caplog: pytest.LogCaptureFixture) -> None:
    torch._dynamo.reset()
    torch.manual_seed(0)
    network, inputs = NETWORKS[name]()
    network = network.eval()
    compiled = torch.compile(network, backend="lathe")
    with torch.no_grad(), caplog.at_level(logging.WARNING, "lathe.torch"):
        expected = network(**inputs)
        actual = compiled(**inputs)
    if not isinstance(expected, torch.Tensor):
        expected, actual = expected.last_hidden_state, actual.last_hidden_state
    torch.testing.assert_close(actual, expected, rtol=1e-3, atol=1e-4)
    assert "torch-fallback" not in caplog.text
