# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention, the way exporters write it for text, pictures and sound."""

from __future__ import annotations

import math

import numpy as np
from onnx import numpy_helper

from zoo.builder import FLOAT, INT64, Family, Net

FAMILY = Family()
TEXT = ({"n": 1, "t": 5}, {"n": 2, "t": 9}, {"n": 3, "t": 1})
CACHED = ({"n": 1, "t": 4, "p": 0}, {"n": 2, "t": 1, "p": 5}, {"n": 1, "t": 3, "p": 2})
LOW = np.float32(np.finfo(np.float32).min)


def heads(m: Net, x: str, n: str, t: str, count: int, width: int) -> str:
    """Split the last dimension into heads and bring them forward."""
    return m.Transpose(m.view(x, n, t, count, width), perm=[0, 2, 1, 3])


def attend(m: Net, q: str, k: str, v: str, width: int, mask: str | None = None) -> str:
    """Scaled dot products, a mask to add, softmax, the mean of values."""
    s = m.MatMul(q, m.Transpose(k, perm=[0, 1, 3, 2]))
    s = m.Div(s, np.float32(math.sqrt(width)))
    s = m.Add(s, mask) if mask else s
    return m.MatMul(m.softmax(s), v)


def encoder(m: Net, x: str, width: int, mask: str | None = None) -> str:
    """One block with normalization first."""
    n, t = m.size(x, 0), m.size(x, 1)
    y = m.layer_norm(x, width)
    q, k, v = (heads(m, m.linear(y, width, width), n, t, 2, width // 2) for _ in range(3))
    y = m.Transpose(attend(m, q, k, v, width // 2, mask), perm=[0, 2, 1, 3])
    x = m.Add(x, m.linear(m.view(y, n, t, width), width, width))
    y = m.gelu(m.linear(m.layer_norm(x, width), width, 2 * width))
    return m.Add(x, m.linear(y, 2 * width, width))


def rms_norm(m: Net, x: str, width: int) -> str:
    """RMSNorm, computed in float and cast back."""
    y = m.Cast(x, to=FLOAT)
    mean = m.reduce("Mean", m.Pow(y, np.float32(2)), -1)
    y = m.Mul(y, m.Div(np.float32(1), m.Sqrt(m.Add(mean, np.float32(1e-6)))))
    return m.Mul(m.weight(width), m.Cast(y, to=FLOAT))


def rotate(m: Net, x: str, cos: str, sin: str, width: int) -> str:
    """Rotary position embedding on halves."""
    low = m.slice(x, 3, 0, width // 2)
    high = m.slice(x, 3, width // 2, 2**63 - 1)
    turned = m.Concat(m.Neg(high), low, axis=-1)
    return m.Add(m.Mul(x, cos), m.Mul(turned, sin))


@FAMILY(*CACHED, opsets=(13, 17, 21))
def llama(m: Net) -> list[str]:
    ids = m.input("input_ids", "n", "t", dtype=np.int64, limit=30)
    past_k = m.input("past.0.key", "n", 2, "p", 8)
    past_v = m.input("past.0.value", "n", 2, "p", 8)
    x = m.Gather(m.weight(30, 32), ids)
    n, t, p = m.size(ids, 0), m.size(ids, 1), m.size(past_k, 2)
    total = m.Add(t, p)
    y = rms_norm(m, x, 32)
    q = heads(m, m.linear(y, 32, 32, bias=False), n, t, 4, 8)
    k = heads(m, m.linear(y, 32, 16, bias=False), n, t, 2, 8)
    v = heads(m, m.linear(y, 32, 16, bias=False), n, t, 2, 8)
    # Positions from shapes; the tables are computed by Cos and Sin.
    one = np.int64(1)
    positions = m.Range(m.squeeze(p, 0), m.squeeze(total, 0), one)
    frequencies = m.constant((1e4 ** (-np.arange(4) / 4)).astype(np.float32).reshape(1, 4))
    angles = m.MatMul(m.unsqueeze(m.Cast(positions, to=FLOAT), 1), frequencies)
    angles = m.unsqueeze(m.Concat(angles, angles, axis=-1), 0, 1)
    cos, sin = m.Cos(angles), m.Sin(angles)
    q, k = rotate(m, q, cos, sin, 8), rotate(m, k, cos, sin, 8)
    k, v = m.Concat(past_k, k, axis=2), m.Concat(past_v, v, axis=2)
    # Each head of keys serves two of queries.
    shape = m.concat_shape(n, 2, 2, total, 8)
    full_k, full_v = (m.view(m.Expand(m.unsqueeze(z, 2), shape), n, 4, total, 8) for z in (k, v))
    columns = m.Range(np.int64(0), m.squeeze(total, 0), one)
    hidden = m.Greater(m.unsqueeze(columns, 0), m.unsqueeze(positions, 1))
    mask = m.Where(m.unsqueeze(hidden, 0, 1), m.constant(LOW), m.constant(np.float32(0)))
    y = m.Transpose(attend(m, q, full_k, full_v, 8, mask), perm=[0, 2, 1, 3])
    x = m.Add(x, m.linear(m.view(y, n, t, -1), 32, 32, bias=False))
    y = rms_norm(m, x, 32)
    gate = m.linear(y, 32, 48, bias=False)
    y = m.Mul(m.Mul(gate, m.Sigmoid(gate)), m.linear(y, 32, 48, bias=False))
    x = rms_norm(m, m.Add(x, m.linear(y, 48, 32, bias=False)), 32)
    return [m.linear(x, 32, 30, bias=False), k, v]


@FAMILY(*CACHED, opsets=(14, 17))
def gpt2(m: Net) -> list[str]:
    ids = m.input("input_ids", "n", "t", dtype=np.int64, limit=20)
    past = m.input("past_key_values", 2, "n", 2, "p", 8)
    seen = m.input("attention_mask", "n", "t", limit=2)
    n, t, p = m.size(ids, 0), m.size(ids, 1), m.size(past, 3)
    begin, end = m.squeeze(p, 0), m.squeeze(m.Add(p, t), 0)
    positions = m.unsqueeze(m.Range(begin, end, np.int64(1)), 0)
    x = m.Add(m.Gather(m.weight(20, 16), ids), m.Gather(m.weight(32, 16), positions))
    y = m.layer_norm(x, 16)
    flat = m.Gemm(m.view(y, -1, 16), m.weight(16, 48), m.weight(48))
    q, k, v = (heads(m, z, n, t, 2, 8) for z in m.split(m.view(flat, n, t, 48), [16, 16, 16], 2))
    k = m.Concat(m.Gather(past, np.int64(0), axis=0), k, axis=2)
    v = m.Concat(m.Gather(past, np.int64(1), axis=0), v, axis=2)
    # The causal mask is a corner of a constant triangle.
    triangle = m.constant(np.tril(np.ones((1, 1, 32, 32), bool)))
    corner = m.slice(m.slice(triangle, 2, p, m.Add(p, t)), 3, 0, m.Add(p, t))
    s = m.MatMul(q, m.Transpose(k, perm=[0, 1, 3, 2]))
    s = m.Div(s, m.Pow(m.Cast(m.constant(np.int64(8)), to=FLOAT), np.float32(0.5)))
    s = m.Where(corner, s, m.constant(LOW))
    y = m.Transpose(m.MatMul(m.softmax(s), v), perm=[0, 2, 1, 3])
    x = m.Add(x, m.linear(m.view(y, n, t, 16), 16, 16))
    y = m.linear(m.layer_norm(x, 16), 16, 64)
    cubic = m.Mul(np.float32(0.044715), m.Pow(y, np.float32(3)))
    inner = m.Tanh(m.Mul(np.float32(math.sqrt(2 / math.pi)), m.Add(y, cubic)))
    y = m.Mul(m.Mul(np.float32(0.5), y), m.Add(np.float32(1), inner))
    x = m.Mul(m.Add(x, m.linear(y, 64, 16)), m.unsqueeze(seen, 2))
    present = m.Concat(m.unsqueeze(k, 0), m.unsqueeze(v, 0), axis=0)
    return [m.MatMul(m.Gather(x, np.int64(-1), axis=1), m.weight(16, 20)), present]


@FAMILY(*TEXT, opsets=(12, 18))
def t5(m: Net) -> list[str]:
    ids = m.input("ids", "n", "t", dtype=np.int64, limit=20)
    seen = m.input("mask", "n", "t", dtype=np.int64, limit=2)
    x = m.Gather(m.weight(20, 16), ids)
    n, t = m.size(ids, 0), m.size(ids, 1)
    r = m.Range(np.int64(0), m.squeeze(t, 0), np.int64(1))
    distance = m.Sub(m.unsqueeze(r, 0), m.unsqueeze(r, 1))
    side = m.Mul(m.Cast(m.Greater(distance, np.int64(0)), to=INT64), np.int64(4))
    distance = m.Abs(distance)
    ratio = m.Log(m.Div(m.Cast(distance, to=FLOAT), np.float32(2)))
    ratio = m.Mul(m.Div(ratio, np.float32(math.log(4))), np.float32(2))
    far = m.Add(m.Cast(ratio, to=INT64), np.int64(2))
    top = m.Expand(m.constant(np.int64(3)), m.Shape(far))
    far = m.Min(far, top)
    bucket = m.Add(side, m.Where(m.Less(distance, np.int64(2)), distance, far))
    bias = m.unsqueeze(m.Transpose(m.Gather(m.weight(8, 2), bucket), perm=[2, 0, 1]), 0)
    hidden = m.Sub(np.float32(1), m.Cast(m.unsqueeze(seen, 1, 2), to=FLOAT))
    bias = m.Add(bias, m.Mul(hidden, np.float32(-1e9)))
    y = rms_norm(m, x, 16)
    q, k, v = (heads(m, m.linear(y, 16, 16, bias=False), n, t, 2, 8) for _ in range(3))
    s = m.Add(m.MatMul(q, m.Transpose(k, perm=[0, 1, 3, 2])), bias)
    y = m.Transpose(m.MatMul(m.softmax(s), v), perm=[0, 2, 1, 3])
    x = m.Add(x, m.linear(m.view(y, n, t, 16), 16, 16, bias=False))
    return [x, bucket]


@FAMILY(*TEXT, opsets=(14, 18))
def clip_text(m: Net) -> str:
    ids = m.input("ids", "n", "t", dtype=np.int64, limit=20)
    x = m.Gather(m.weight(20, 12), m.view(ids, -1, m.size(ids, 1)))
    table = m.constant(np.arange(16).reshape(1, 16))
    positions = m.slice(table, 1, 0, m.size(ids, 1))
    x = m.Add(x, m.Gather(m.weight(16, 12), positions))
    t = m.size(ids, 1)
    square = m.ConstantOfShape(
        m.Concat(t, t, axis=0), value=numpy_helper.from_array(np.array([LOW], np.float32))
    )
    mask = m.unsqueeze(m.Trilu(square, np.int64(1), upper=1), 0, 1)
    x = m.layer_norm(encoder(m, x, 12, mask), 12)
    # The state of the end of text: the largest id.
    n = m.size(ids, 0, scalar=True)
    end = m.ArgMax(m.Cast(ids, to=6), axis=-1, keepdims=0)
    rows = m.Range(np.int64(0), n, np.int64(1))
    where = m.Concat(m.unsqueeze(rows, -1), m.unsqueeze(end, -1), axis=-1)
    y = m.linear(m.GatherND(x, where), 12, 6, bias=False)
    return m.Div(y, m.reduce("L2", y, -1))


@FAMILY({"n": 1}, {"n": 3}, opsets=(12, 17))
def vit(m: Net) -> list[str]:
    x = m.input("pixels", "n", 3, 8, 12)
    n = m.size(x, 0)
    x = m.Conv(x, m.weight(16, 3, 4, 4), m.weight(16), strides=[4, 4], kernel_shape=[4, 4])
    x = m.Transpose(m.view(x, n, 16, -1), perm=[0, 2, 1])
    shape = m.concat_shape(n, -1, -1)
    ones = m.ConstantOfShape(np.array([3]), value=numpy_helper.from_array(np.array([1], np.int64)))
    shape = m.Where(m.Equal(shape, m.Mul(ones, np.int64(-1))), ones, shape)
    token = m.Expand(m.weight(1, 1, 16), shape)
    x = m.Add(m.Concat(token, x, axis=1), m.weight(1, 7, 16))
    x = m.layer_norm(encoder(m, encoder(m, x, 16), 16), 16, 1e-6)
    first = m.Gather(x, np.int64(0), axis=1)
    pooled = m.reduce("Mean", m.slice(x, 1, 1, 2**63 - 1), 1, keepdims=0)
    return [m.Gemm(first, m.weight(5, 16), m.weight(5), transB=1), m.Tanh(pooled)]


@FAMILY({"n": 1}, {"n": 2}, opsets=(12, 17))
def swin(m: Net) -> str:
    """Shifted windows of 4x4 on an 8x8 map, then patch merging."""
    x = m.input("x", "n", 64, 12)
    n = m.size(x, 0)
    y = m.view(m.layer_norm(x, 12), n, 8, 8, 12)
    for axis in (1, 2):
        y = m.Concat(m.slice(y, axis, 2, 2**63 - 1), m.slice(y, axis, 0, 2), axis=axis)
    y = m.Transpose(m.view(y, n, 2, 4, 2, 4, 12), perm=[0, 1, 3, 2, 4, 5])
    y = m.view(m.view(y, -1, 4, 4, 12), -1, 16, 12)
    b = m.size(y, 0)
    qkv = m.view(m.linear(y, 12, 36), b, 16, 3, 2, 6)
    qkv = m.Transpose(qkv, perm=[2, 0, 3, 1, 4])
    q, k, v = (m.Gather(qkv, np.int64(i), axis=0) for i in range(3))
    q = m.Mul(q, np.float32(6**-0.5))
    s = m.Add(m.MatMul(q, m.Transpose(k, perm=[0, 1, 3, 2])), m.weight(1, 2, 16, 16))
    mask = np.where(m.random.random((4, 16, 16)) < 0.2, -100, 0).astype(np.float32)
    s = m.view(s, -1, 4, 2, 16, 16)
    s = m.Add(s, m.unsqueeze(m.unsqueeze(m.constant(mask), 1), 0))
    s = m.softmax(m.view(s, -1, 2, 16, 16))
    y = m.view(m.Transpose(m.MatMul(s, v), perm=[0, 2, 1, 3]), b, 16, 12)
    y = m.view(m.linear(y, 12, 12), -1, 4, 4, 12)
    y = m.Transpose(m.view(y, -1, 2, 2, 4, 4, 12), perm=[0, 1, 3, 2, 4, 5])
    y = m.view(y, -1, 8, 8, 12)
    for axis in (1, 2):
        y = m.Concat(m.slice(y, axis, -2, 2**63 - 1), m.slice(y, axis, 0, -2), axis=axis)
    x = m.view(m.Add(x, m.view(y, n, 64, 12)), n, 8, 8, 12)
    rows = [m.slice(x, 1, i, 2**63 - 1, 2) for i in (0, 1)]
    x = m.Concat(*[m.slice(r, 2, i, 2**63 - 1, 2) for i in (0, 1) for r in rows], axis=-1)
    return m.linear(m.layer_norm(m.view(x, n, -1, 48), 48), 48, 24, bias=False)


@FAMILY({"n": 1, "h": 4, "w": 6}, {"n": 2, "h": 5, "w": 3}, opsets=(12, 17))
def detr(m: Net) -> list[str]:
    """Sine positions by CumSum of a mask, learned queries, cross attention."""
    x = m.input("features", "n", 6, "h", "w")
    seen = m.input("mask", "n", "h", "w", dtype=np.bool_)
    n = m.size(x, 0)
    ones = m.Cast(seen, to=FLOAT)
    parts = []
    for axis in (1, 2):
        c = m.CumSum(ones, np.int64(axis))
        last = m.slice(c, axis, -1, 2**63 - 1)
        c = m.Mul(m.Div(c, m.Add(last, np.float32(1e-6))), np.float32(2 * math.pi))
        c = m.Div(m.unsqueeze(c, 3), np.array([1, 1, 10, 10], np.float32))
        even = m.Sin(m.slice(c, 3, 0, 2**63 - 1, 2))
        odd = m.Cos(m.slice(c, 3, 1, 2**63 - 1, 2))
        pairs = m.Concat(m.unsqueeze(even, 4), m.unsqueeze(odd, 4), axis=4)
        parts.append(m.Reshape(pairs, np.array([0, 0, 0, -1])))
    position = m.Transpose(m.Concat(*parts, axis=3), perm=[0, 3, 1, 2])
    memory = m.Transpose(m.view(m.conv(x, 6, 8), n, 8, -1), perm=[2, 0, 1])
    position = m.Transpose(m.view(position, n, 8, -1), perm=[2, 0, 1])
    query = m.Expand(m.unsqueeze(m.weight(5, 8), 1), m.concat_shape(5, n, 8))
    t, pairs = m.size(memory, 0), m.Mul(n, np.array([2]))
    q = m.Transpose(m.view(m.linear(query, 8, 8), 5, pairs, 4), perm=[1, 0, 2])
    k = m.linear(m.Add(memory, position), 8, 8)
    k = m.Transpose(m.view(k, t, pairs, 4), perm=[1, 2, 0])
    v = m.Transpose(m.view(m.linear(memory, 8, 8), t, pairs, 4), perm=[1, 0, 2])
    y = m.MatMul(m.softmax(m.MatMul(q, k)), v)
    y = m.view(m.Transpose(y, perm=[1, 0, 2]), 5, n, 8)
    y = m.Transpose(m.layer_norm(m.Add(m.linear(y, 8, 8), query), 8), perm=[1, 0, 2])
    return [m.linear(y, 8, 4), m.Sigmoid(m.linear(m.Relu(m.linear(y, 8, 8)), 8, 4))]


@FAMILY({"n": 1, "t": 16}, {"n": 2, "t": 22}, opsets=(13, 17))
def whisper(m: Net) -> str:
    x = m.input("mel", "n", 6, "t")
    x = m.gelu(m.Conv(x, m.weight(12, 6, 3), m.weight(12), pads=[1, 1], kernel_shape=[3]))
    x = m.gelu(m.Conv(x, m.weight(12, 12, 3), m.weight(12), pads=[1, 1], strides=[2]))
    x = m.Transpose(x, perm=[0, 2, 1])
    x = m.Add(x, m.slice(m.weight(20, 12), 0, 0, m.size(x, 1)))
    return m.layer_norm(encoder(m, x, 12), 12)


@FAMILY(*TEXT, opsets=(11, 14, 21))
def sentence_embedding(m: Net) -> list[str]:
    """BERT with an int mask, mean pooling over it, unit length."""
    ids = m.input("input_ids", "n", "t", dtype=np.int64, limit=20)
    seen = m.input("attention_mask", "n", "t", dtype=np.int64, limit=2)
    kind = m.input("token_type_ids", "n", "t", dtype=np.int64, limit=2)
    x = m.Add(m.Gather(m.weight(20, 16), ids), m.Gather(m.weight(2, 16), kind))
    positions = m.slice(m.constant(np.arange(32).reshape(1, 32)), 1, 0, m.size(ids, 1))
    x = m.layer_norm(m.Add(x, m.Gather(m.weight(32, 16), positions)), 16, 1e-12)
    mask = m.Cast(m.unsqueeze(m.unsqueeze(seen, 1), 2), to=FLOAT)
    mask = m.Mul(m.Sub(m.constant(np.float32(1)), mask), m.constant(np.float32(-10000)))
    x = encoder(m, x, 16, mask)
    wide = m.Cast(m.Expand(m.unsqueeze(seen, -1), m.Shape(x)), to=FLOAT)
    total = m.reduce("Sum", m.Mul(x, wide), 1, keepdims=0)
    count = m.Clip(m.reduce("Sum", wide, 1, keepdims=0), np.float32(1e-9))
    y = m.Div(total, count)
    length = m.Expand(m.Clip(m.reduce("L2", y, 1), np.float32(1e-12)), m.Shape(y))
    return [m.Div(y, length), x]


@FAMILY({"n": 1}, {"n": 4}, opsets=(12, 18))
def mixer(m: Net) -> str:
    x = m.input("x", "n", 9, 8)
    y = m.Transpose(m.layer_norm(x, 8), perm=[0, 2, 1])
    y = m.linear(m.gelu(m.linear(y, 9, 18)), 18, 9)
    x = m.Add(x, m.Transpose(y, perm=[0, 2, 1]))
    y = m.layer_norm(x, 8)
    # gMLP's gate beside the second product.
    u, v = m.split(m.linear(y, 8, 16), [8, 8], 2)
    v = m.Transpose(m.linear(m.Transpose(v, perm=[0, 2, 1]), 9, 9), perm=[0, 2, 1])
    return m.reduce("Mean", m.Add(x, m.Mul(u, v)), 1, keepdims=0)


@FAMILY(*TEXT, opsets=(23,))
def attention_operator(m: Net) -> str:
    """Opset 23 writes normalization, rotation and attention as operators of their own."""
    ids = m.input("ids", "n", "t", dtype=np.int64, limit=20)
    x = m.Gather(m.weight(20, 16), ids)
    y = m.RMSNormalization(x, m.weight(16), axis=-1)
    q, k, v = (m.linear(y, 16, 16, bias=False) for _ in range(3))
    y = m.Attention(q, k, v, q_num_heads=2, kv_num_heads=2, is_causal=1)
    x = m.Add(x, m.linear(y, 16, 16, bias=False))
    return m.linear(x, 16, 20)
