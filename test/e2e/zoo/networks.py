# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Whole networks by the names that people know them by, with few channels."""

from __future__ import annotations

import math

import numpy as np

from zoo.builder import FLOAT, Family, Net
from zoo.transformers import LOW, attend, heads

FAMILY = Family()
# (expansion, channels, blocks, stride of the first) of MobileNetV2, with a quarter of its width.
MOBILE = (
    (1, 4, 1, 1),
    (6, 6, 2, 2),
    (6, 8, 3, 2),
    (6, 16, 4, 2),
    (6, 24, 3, 1),
    (6, 40, 3, 2),
    (6, 80, 1, 1),
)


@FAMILY({"n": 1}, {"n": 3})
def lenet(m: Net) -> str:
    x = m.input("x", "n", 1, 28, 28)
    x = m.Tanh(m.conv(x, 1, 6, 5))
    x = m.AveragePool(x, kernel_shape=[2, 2], strides=[2, 2])
    x = m.Tanh(m.conv(x, 6, 16, 5, pads=[0, 0, 0, 0]))
    x = m.AveragePool(x, kernel_shape=[2, 2], strides=[2, 2])
    x = m.Flatten(x)
    for into, out in ((400, 120), (120, 84)):
        x = m.Tanh(m.Gemm(x, m.weight(out, into), m.weight(out), transB=1))
    return m.softmax(m.Gemm(x, m.weight(10, 84), m.weight(10), transB=1))


def relu6(m: Net, x: str) -> str:
    """The activation of MobileNetV2."""
    return m.Clip(x, np.float32(0), np.float32(6))


@FAMILY({"n": 1}, opsets=(12, 17))
def mobilenet_v2(m: Net) -> str:
    x = m.input("x", "n", 3, 32, 32)
    x = relu6(m, m.batch_norm(m.conv(x, 3, 8, 3, strides=[2, 2]), 8))
    width = 8
    for expansion, channels, blocks, first in MOBILE:
        for block in range(blocks):
            inner, stride = expansion * width, first if block == 0 else 1
            y = x if expansion == 1 else relu6(m, m.batch_norm(m.conv(x, width, inner), inner))
            y = m.conv(y, inner, inner, 3, group=inner, strides=[stride, stride])
            y = m.conv(relu6(m, m.batch_norm(y, inner)), inner, channels)
            y = m.batch_norm(y, channels)
            x = m.Add(x, y) if stride == 1 and width == channels else y
            width = channels
    x = relu6(m, m.batch_norm(m.conv(x, width, 320), 320))
    x = m.Flatten(m.GlobalAveragePool(x))
    return m.Gemm(x, m.weight(10, 320), m.weight(10), transB=1)


@FAMILY({"n": 2, "t": 7}, {"n": 1, "t": 12}, opsets=(12, 17))
def bert(m: Net) -> list[str]:
    ids = m.input("input_ids", "n", "t", dtype=np.int64, limit=30)
    kinds = m.input("token_type_ids", "n", "t", dtype=np.int64, limit=2)
    seen = m.input("attention_mask", "n", "t", dtype=np.int64, limit=2)
    n, t = m.size(ids, 0), m.size(ids, 1)
    places = m.slice(m.weight(16, 32), 0, 0, t)
    x = m.Add(m.Gather(m.weight(30, 32), ids), m.Gather(m.weight(2, 32), kinds))
    x = m.layer_norm(m.Add(x, places), 32, 1e-12)
    hidden = m.Sub(np.float32(1), m.Cast(m.unsqueeze(seen, 1, 2), to=FLOAT))
    mask = m.Mul(hidden, np.float32(-1e4))
    for _ in range(2):
        q, k, v = (heads(m, m.linear(x, 32, 32), n, t, 4, 8) for _ in range(3))
        y = m.Transpose(attend(m, q, k, v, 8, mask), perm=[0, 2, 1, 3])
        x = m.layer_norm(m.Add(m.linear(m.view(y, n, t, 32), 32, 32), x), 32, 1e-12)
        y = m.linear(m.gelu(m.linear(x, 32, 64)), 64, 32)
        x = m.layer_norm(m.Add(y, x), 32, 1e-12)
    first = m.Gather(x, np.int64(0), axis=1)
    return [x, m.Tanh(m.Gemm(first, m.weight(32, 32), m.weight(32), transB=1))]


@FAMILY({"t": 6, "n": 2}, {"t": 1, "n": 3}, opsets=(12, 17))
def lstm(m: Net) -> str:
    x = m.input("x", "t", "n", 5)
    weights = m.weight(2, 32, 5), m.weight(2, 32, 8), m.weight(2, 64)
    y, _, _ = m.many("LSTM", 3, x, *weights, hidden_size=8, direction="bidirectional")
    y = m.Transpose(y, perm=[2, 0, 1, 3])
    y = m.view(y, m.size(x, 1), -1, 16)
    return m.softmax(m.linear(m.Gather(y, np.int64(-1), axis=1), 16, 4))


@FAMILY({"h": 16, "w": 24}, opsets=(12, 17))
def ssd_head(m: Net) -> list[str]:
    x = m.conv_bn(m.input("x", 1, 3, "h", "w"), 3, 8, 3, strides=[2, 2])
    boxes: list[str] = []
    scores: list[str] = []
    for _ in range(2):
        x = m.conv_bn(x, 8, 8, 3, strides=[2, 2])
        for found, each in ((boxes, 4), (scores, 5)):
            y = m.Transpose(m.conv(x, 8, 3 * each, 3), perm=[0, 2, 3, 1])
            found.append(m.view(y, 1, -1, each))
    # Corners from a centre and a size.
    centre, size = m.split(m.Sigmoid(m.Concat(*boxes, axis=1)), [2, 2], 2)
    half = m.Mul(size, np.float32(0.5))
    corners = m.Concat(m.Sub(centre, half), m.Add(centre, half), axis=2)
    chances = m.Transpose(m.softmax(m.Concat(*scores, axis=1)), perm=[0, 2, 1])
    most, overlap, least = np.array([6]), np.full(1, 0.5, np.float32), np.full(1, 0.2, np.float32)
    kept = m.NonMaxSuppression(corners, chances, most, overlap, least)
    which = m.squeeze(m.slice(kept, 1, 2, 3), 1)
    return [m.Gather(m.squeeze(corners, 0), which, axis=0), kept]


def gpt2_layer(m: Net, x: str, past: str, n: str, t: str, mask: str) -> tuple[str, str]:
    """One block of width 16, and its keys and values with those of the past."""
    flat = m.linear(m.layer_norm(x, 16), 16, 48)
    q, k, v = (heads(m, z, n, t, 2, 8) for z in m.split(flat, [16, 16, 16], 2))
    k = m.Concat(m.Gather(past, np.int64(0), axis=0), k, axis=2)
    v = m.Concat(m.Gather(past, np.int64(1), axis=0), v, axis=2)
    y = m.Transpose(attend(m, q, k, v, 8, mask), perm=[0, 2, 1, 3])
    x = m.Add(x, m.linear(m.view(y, n, t, 16), 16, 16))
    y = m.linear(m.layer_norm(x, 16), 16, 64)
    inner = m.Add(y, m.Mul(np.float32(0.044715), m.Pow(y, np.float32(3))))
    inner = m.Add(np.float32(1), m.Tanh(m.Mul(np.float32(math.sqrt(2 / math.pi)), inner)))
    x = m.Add(x, m.linear(m.Mul(m.Mul(np.float32(0.5), y), inner), 64, 16))
    return x, m.Concat(m.unsqueeze(k, 0), m.unsqueeze(v, 0), axis=0)


@FAMILY({"n": 1, "t": 4, "p": 0}, {"n": 2, "t": 1, "p": 5}, opsets=(14, 17))
def gpt2_two_layers(m: Net) -> list[str]:
    ids = m.input("input_ids", "n", "t", dtype=np.int64, limit=20)
    pasts = [m.input(f"past_{i}", 2, "n", 2, "p", 8) for i in range(2)]
    n, t, p = m.size(ids, 0), m.size(ids, 1), m.size(pasts[0], 3)
    end = m.Add(p, t)
    positions = m.Range(m.squeeze(p, 0), m.squeeze(end, 0), np.int64(1))
    x = m.Add(m.Gather(m.weight(20, 16), ids), m.Gather(m.weight(32, 16), positions))
    columns = m.Range(np.int64(0), m.squeeze(end, 0), np.int64(1))
    ahead = m.Greater(m.unsqueeze(columns, 0), m.unsqueeze(positions, 1))
    mask = m.Where(ahead, m.constant(LOW), m.constant(np.float32(0)))
    presents = []
    for past in pasts:
        x, present = gpt2_layer(m, x, past, n, t, mask)
        presents.append(present)
    last = m.Gather(m.layer_norm(x, 16), np.int64(-1), axis=1)
    return [m.MatMul(last, m.weight(16, 20)), *presents]
