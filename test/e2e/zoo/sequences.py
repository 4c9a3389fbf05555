# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Sound, time series, recommendation: one-dimensional convolutions, embeddings, scans."""

from __future__ import annotations

import numpy as np

from zoo.builder import FLOAT, Family, Net

FAMILY = Family()
SOUND = ({"n": 1, "t": 40}, {"n": 2, "t": 57})
BATCH = ({"n": 1}, {"n": 4}, {"n": 0})


@FAMILY(*SOUND, opsets=(11, 13, 22))
def tcn(m: Net) -> str:
    """Causal dilated convolutions: pad both sides, cut the end."""
    x = m.input("x", "n", 4, "t")
    for dilation in (1, 2, 4):
        pad = 2 * dilation
        y = m.Conv(x, m.weight(4, 4, 3), m.weight(4), dilations=[dilation], pads=[pad, pad])
        y = m.Relu(m.slice(y, 2, 0, -pad))
        x = m.Relu(m.Add(x, y))
    return m.Gemm(m.squeeze(m.slice(x, 2, -1, 2**63 - 1), 2), m.weight(4, 3), m.weight(3))


@FAMILY({"n": 1, "t": 64}, {"n": 2, "t": 97}, opsets=(13, 17))
def wav2vec(m: Net) -> str:
    x = m.input("sound", "n", "t")
    mean = m.reduce("Mean", x, -1)
    centred = m.Sub(x, mean)
    x = m.Div(
        centred, m.Sqrt(m.Add(m.reduce("Mean", m.Mul(centred, centred), -1), np.float32(1e-7)))
    )
    y = m.Conv(m.unsqueeze(x, 1), m.weight(8, 1, 10), strides=[5])
    y = m.Reshape(
        m.InstanceNormalization(
            m.Reshape(y, np.array([0, 8, -1])), np.ones(8, np.float32), np.zeros(8, np.float32)
        ),
        m.Shape(y),
    )
    y = m.gelu(m.Add(m.Mul(y, m.weight(8, 1)), m.weight(8, 1)))
    y = m.gelu(m.Conv(y, m.weight(8, 8, 3), strides=[2]))
    y = m.linear(m.layer_norm(m.Transpose(y, perm=[0, 2, 1]), 8), 8, 16)
    # The positional convolution has an even kernel, so one frame too many.
    p = m.Transpose(y, perm=[0, 2, 1])
    p = m.Conv(p, m.weight(16, 4, 4), m.weight(16), group=4, pads=[2, 2])
    p = m.gelu(m.slice(p, 2, 0, -1))
    return m.LogSoftmax(m.linear(m.Add(y, m.Transpose(p, perm=[0, 2, 1])), 16, 9), axis=-1)


@FAMILY(*SOUND, opsets=(12, 20))
def quartznet(m: Net) -> list[str]:
    x = m.input("features", "n", 6, "t")
    mask = m.input("length", "n", dtype=np.int64, limit=40)
    t = m.size(x, 2, scalar=True)
    frames = m.unsqueeze(m.Range(np.int64(0), t, np.int64(1)), 0)
    seen = m.Less(frames, m.unsqueeze(mask, 1))
    x = m.Mul(x, m.Cast(m.unsqueeze(seen, 1), to=FLOAT))
    y = m.Conv(x, m.weight(6, 1, 5), group=6, pads=[2, 2])
    y = m.Conv(y, m.weight(10, 6, 1))
    y = m.BatchNormalization(
        y, m.weight(10), m.weight(10), m.weight(10), np.full(10, 0.7, np.float32)
    )
    y = m.Relu(y)
    w = m.ConvTranspose(y, m.weight(10, 4, 4), m.weight(4), strides=[2], pads=[1, 1])
    p = m.MaxPool(y, kernel_shape=[3], strides=[2], pads=[1, 1])
    q = m.AveragePool(y, kernel_shape=[4], strides=[4], ceil_mode=0)
    u = m.resize(
        q,
        scales=np.array([1, 1, 2], np.float32),
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )
    g = m.GlobalAveragePool(y)
    d = m.reduce("Max", y, 2, keepdims=0)
    return [m.Tanh(w), p, u, m.Concat(m.squeeze(g, 2), d, axis=1)]


@FAMILY({"n": 1, "t": 24}, {"n": 3, "t": 24}, opsets=(11, 18))
def forecaster(m: Net) -> list[str]:
    """Decomposition by moving averages, patches, instance scaling (DLinear, PatchTST)."""
    x = m.input("x", "n", "t", 3)
    first, last = m.slice(x, 1, 0, 1), m.slice(x, 1, -1, 2**63 - 1)
    ends = [m.Tile(e, np.array([1, 2, 1])) for e in (first, last)]
    y = m.Transpose(m.Concat(ends[0], x, ends[1], axis=1), perm=[0, 2, 1])
    trend = m.Transpose(m.AveragePool(y, kernel_shape=[5], strides=[1]), perm=[0, 2, 1])
    season = m.Sub(x, trend)
    a = m.MatMul(m.Transpose(season, perm=[0, 2, 1]), m.weight(24, 6))
    b = m.MatMul(m.Transpose(trend, perm=[0, 2, 1]), m.weight(24, 6))
    y = m.Transpose(m.Add(a, b), perm=[0, 2, 1])
    centred = m.Sub(x, last)
    patches = [m.slice(centred, 1, i, i + 8) for i in range(0, 20, 4)]
    p = m.Concat(*[m.unsqueeze(q, 1) for q in patches], axis=1)
    p = m.Transpose(p, perm=[0, 3, 1, 2])
    p = m.linear(m.Reshape(p, np.array([0, 0, 0, 8])), 8, 6)
    p = m.MatMul(m.Reshape(p, np.array([0, 3, -1])), m.weight(30, 6))
    return [y, m.Add(m.Transpose(p, perm=[0, 2, 1]), m.Gather(x, np.array([-1]), axis=1))]


@FAMILY(*BATCH, opsets=(11, 13, 21))
def recommender(m: Net) -> list[str]:
    """DLRM and DeepFM: tables, bags, pairwise products, a cross network."""
    dense = m.input("dense", "n", 5)
    sparse = m.input("sparse", "n", 4, dtype=np.int64, limit=11)
    bag = m.input("bag", "n", 6, dtype=np.int32, limit=9)
    x = m.Relu(m.Gemm(dense, m.weight(8, 5), m.weight(8), transB=1))
    fields = []
    for i in range(4):
        index = m.Gather(sparse, np.array(i), axis=1)
        fields.append(m.Gather(m.weight(11, 8), index))
    seen = m.Cast(m.Not(m.Equal(bag, np.int32(0))), to=FLOAT)
    total = m.reduce(
        "Sum", m.Mul(m.Gather(m.weight(9, 8), bag), m.unsqueeze(seen, 2)), 1, keepdims=0
    )
    count = m.Max(m.reduce("Sum", seen, 1), np.float32(1))
    fields.append(m.Div(total, count))
    cat = m.Concat(x, *fields, axis=1)
    stack = m.Reshape(cat, np.array([-1, 6, 8]))
    product = m.MatMul(stack, m.Transpose(stack, perm=[0, 2, 1]))
    rows, columns = np.tril_indices(6, -1)
    flat = m.Flatten(product, axis=1)
    pairs = m.Gather(flat, rows * 6 + columns, axis=1)
    square = m.Pow(m.reduce("Sum", stack, 1, keepdims=0), np.float32(2))
    fm = m.Sub(square, m.reduce("Sum", m.Mul(stack, stack), 1, keepdims=0))
    cross = m.Add(m.Mul(cat, m.MatMul(cat, m.weight(48, 1))), cat)
    y = m.Concat(x, pairs, fm, cross, axis=1)
    y = m.Relu(m.Gemm(y, m.weight(79, 12), m.weight(12)))
    y = m.Sigmoid(m.Gemm(y, m.weight(12, 1), m.weight(1)))
    return [m.squeeze(y, 1), m.Cast(m.Greater(y, np.float32(0.5)), to=9), m.ArgMax(cat, axis=1)]


@FAMILY(*BATCH, opsets=(12, 18))
def tabular(m: Net) -> list[str]:
    """What scikit-learn pipelines become: impute, scale, bins, scores, labels."""
    x = m.input("x", "n", 4, dtype=np.float64)
    code = m.input("code", "n", 1, dtype=np.int64, limit=5)
    finite = m.Where(m.IsNaN(x), m.constant(np.array([[0.1, 0.2, 0.3, 0.4]])), x)
    scaled = m.Div(m.Sub(finite, m.constant(np.full((1, 4), 0.3))), m.constant(np.full(4, 1.7)))
    scaled = m.Cast(scaled, to=FLOAT)
    onehot = m.Cast(m.Equal(code, m.constant(np.arange(5).reshape(1, 5))), to=FLOAT)
    other = m.OneHot(m.squeeze(code, 1), np.int64(5), np.array([0, 1], np.float32), axis=-1)
    y = m.Concat(scaled, onehot, other, axis=1)
    score = m.Gemm(y, m.weight(14, 3), m.weight(3), alpha=1.0, beta=1.0)
    label = m.ArgMax(score, axis=1, keepdims=0)
    names = m.Gather(m.constant(np.array([10, 20, 30])), label)
    prob = m.Softmax(score, axis=1)
    distance = m.Sub(m.unsqueeze(scaled, 1), m.unsqueeze(m.weight(6, 4), 0))
    distance = m.Sqrt(m.reduce("Sum", m.Mul(distance, distance), 2, keepdims=0))
    return [names, prob, m.ArgMin(distance, axis=1, keepdims=0)]


@FAMILY({"n": 1, "t": 7}, {"n": 2, "t": 3}, opsets=(12, 20))
def graph_network(m: Net) -> list[str]:
    """Message passing over an edge list; dense attention over neighbours."""
    x = m.input("nodes", 9, 6)
    source = m.input("source", "t", dtype=np.int64, limit=9)
    target = m.input("target", "t", dtype=np.int64, limit=9)
    message = m.linear(m.Concat(m.Gather(x, source), m.Gather(x, target), axis=1), 12, 6)
    where = m.Cast(
        m.Equal(m.constant(np.arange(9).reshape(9, 1)), m.unsqueeze(target, 0)), to=FLOAT
    )
    total = m.MatMul(where, m.Relu(message))
    degree = m.Clip(m.reduce("Sum", where, 1), np.float32(1))
    near = m.MatMul(where, m.Transpose(where, perm=[1, 0]))
    score = m.LeakyRelu(m.MatMul(x, m.Transpose(x, perm=[1, 0])), alpha=0.2)
    score = m.Where(m.Greater(near, np.float32(0)), score, m.constant(np.float32(-1e9)))
    return [m.Div(total, degree), m.MatMul(m.softmax(score), x)]
