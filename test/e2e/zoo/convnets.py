# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Classifiers built of convolutions, block by block."""

from __future__ import annotations

import numpy as np

from zoo.builder import Family, Net

FAMILY = Family()
IMAGES = ({"n": 1, "h": 8, "w": 8}, {"n": 2, "h": 12, "w": 10}, {"n": 3, "h": 9, "w": 17})


def head(m: Net, x: str, channels: int, classes: int = 7) -> str:
    """Global pool, flatten, linear."""
    y = m.Flatten(m.GlobalAveragePool(x), axis=1)
    return m.Gemm(y, m.weight(classes, channels), m.weight(classes), transB=1)


@FAMILY(*IMAGES)
def densenet(m: Net) -> str:
    x = m.conv_bn(m.input("x", "n", 3, "h", "w"), 3, 8, 3)
    channels, features = 8, [x]
    for _ in range(3):
        y = m.Concat(*features, axis=1) if len(features) > 1 else features[0]
        y = m.Relu(m.batch_norm(y, channels))
        y = m.conv_bn(y, channels, 12, 1)
        features.append(m.conv(y, 12, 4, 3))
        channels += 4
    y = m.Relu(m.batch_norm(m.Concat(*features, axis=1), channels))
    y = m.AveragePool(m.conv(y, channels, 10), kernel_shape=[2, 2], strides=[2, 2])
    return head(m, m.Relu(m.batch_norm(y, 10)), 10)


@FAMILY(*IMAGES)
def inception(m: Net) -> str:
    x = m.input("x", "n", 6, "h", "w")
    a = m.conv_bn(x, 6, 5)
    b = m.conv_bn(m.conv_bn(x, 6, 4), 4, 7, 3)
    c = m.conv_bn(m.conv_bn(m.conv_bn(x, 6, 4), 4, 6, 3), 6, 3, 3)
    d = m.MaxPool(x, kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1])
    d = m.conv_bn(d, 6, 2)
    e = m.Conv(x, m.weight(4, 6, 1, 7), pads=[0, 3, 0, 3])
    e = m.Conv(e, m.weight(4, 4, 7, 1), pads=[3, 0, 3, 0])
    f = m.AveragePool(x, kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1)
    y = m.Concat(a, b, c, d, e, m.conv(f, 6, 2), axis=1)
    p = m.MaxPool(y, kernel_shape=[3, 3], strides=[2, 2])
    s = m.Conv(y, m.weight(5, 23, 3, 3), strides=[2, 2])
    return head(m, m.Concat(p, s, axis=1), 28)


@FAMILY(*IMAGES)
def shufflenet(m: Net) -> str:
    x = m.input("x", "n", 8, "h", "w")
    a, b = m.split(x, [4, 4], 1)
    b = m.conv_bn(b, 4, 4)
    b = m.batch_norm(m.conv(b, 4, 4, 3, group=4), 4)
    y = m.Concat(a, m.conv_bn(b, 4, 4), axis=1)
    n, h, w = (m.size(y, i) for i in (0, 2, 3))
    y = m.Transpose(m.view(y, n, 2, 4, h, w), perm=[0, 2, 1, 3, 4])
    y = m.view(y, n, -1, h, w)
    down = m.conv_bn(m.conv(y, 8, 8, 3, group=8, strides=[2, 2]), 8, 8)
    return head(m, down, 8)


@FAMILY(*IMAGES)
def squeeze_excite(m: Net) -> str:
    x = m.conv(m.input("x", "n", 3, "h", "w"), 3, 16, 3, strides=[2, 2])
    x = m.Mul(x, m.Sigmoid(x))
    s = m.reduce("Mean", x, 2, 3)
    s = m.conv(s, 16, 4)
    s = m.Sigmoid(m.conv(m.Mul(s, m.Sigmoid(s)), 4, 16))
    y = m.conv(m.Mul(s, x), 16, 16)
    y = m.Add(y, x)
    # The form with linear layers: pool, view, two products, view, expand.
    n = m.size(y, 0)
    v = m.view(m.GlobalAveragePool(y), n, 16)
    v = m.Relu(m.MatMul(v, m.weight(16, 4)))
    v = m.HardSigmoid(m.MatMul(v, m.weight(4, 16)), alpha=1 / 6, beta=0.5)
    v = m.Expand(m.view(v, n, 16, 1, 1), m.Shape(y))
    return head(m, m.Mul(y, v), 16)


@FAMILY(*IMAGES)
def resnext_preactivation(m: Net) -> str:
    x = m.conv(m.input("x", "n", 4, "h", "w"), 4, 8, 3)
    y = m.Relu(m.batch_norm(x, 8))
    z = m.conv_bn(m.conv_bn(y, 8, 12), 12, 12, 3, group=3)
    x = m.Add(m.conv(z, 12, 8), x)
    y = m.Relu(m.batch_norm(x, 8))
    short = m.conv(y, 8, 10, strides=[2, 2])
    z = m.conv(m.conv_bn(y, 8, 12, 3, strides=[2, 2], group=4), 12, 10)
    return head(m, m.Add(z, short), 10)


@FAMILY(*IMAGES, opsets=(11, 13, 22))
def auto_pad(m: Net) -> list[str]:
    x = m.input("x", "n", 4, "h", "w")
    a = m.conv(x, 4, 5, 3, strides=[2, 2], auto_pad="SAME_UPPER")
    b = m.conv(x, 4, 5, 4, strides=[2, 2], auto_pad="SAME_LOWER")
    c = m.conv(m.Add(a, b), 5, 6, 3, auto_pad="VALID")
    d = m.MaxPool(x, kernel_shape=[2, 2], strides=[2, 2], auto_pad="SAME_UPPER")
    e = m.AveragePool(x, kernel_shape=[3, 2], strides=[2, 1], auto_pad="SAME_LOWER")
    f = m.Conv(x, m.weight(8, 1, 3, 3), group=4, strides=[1, 2], auto_pad="SAME_UPPER")
    return [c, d, e, f]


@FAMILY(*IMAGES, opsets=(12, 22))
def odd_convolutions(m: Net) -> list[str]:
    x = m.input("x", "n", 6, "h", "w")
    asymmetric = m.Conv(x, m.weight(5, 6, 3, 2), pads=[0, 1, 2, 3])
    skipping = m.Conv(x, m.weight(7, 6, 2, 1), strides=[3, 4])
    multiplier = m.Conv(x, m.weight(18, 1, 3, 3), m.weight(18), group=6, pads=[1, 1, 1, 1])
    grouped = m.Conv(x, m.weight(9, 2, 3, 3), group=3, dilations=[2, 2], pads=[2, 2, 2, 2])
    groups_down = m.Conv(x, m.weight(4, 3, 5, 5), group=2, strides=[2, 2], pads=[2, 2, 2, 2])
    dilated = m.Conv(x, m.weight(3, 6, 3, 3), dilations=[3, 1], pads=[3, 0, 3, 0])
    patches = m.Conv(x, m.weight(11, 6, 4, 4), m.weight(11), strides=[4, 4])
    depthwise = m.Conv(x, m.weight(6, 1, 5, 1), group=6, pads=[4, 0, 0, 0], strides=[1, 2])
    return [asymmetric, skipping, multiplier, grouped, groups_down, dilated, patches, depthwise]


@FAMILY(*IMAGES, opsets=(11, 12, 22))
def pools(m: Net) -> list[str]:
    x = m.input("x", "n", 3, "h", "w")
    out = []
    for ceil in (0, 1):
        shape = {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": ceil}
        out.append(m.MaxPool(x, **shape))
        out.append(m.MaxPool(x, pads=[1, 1, 1, 1], **shape))
        out.append(m.AveragePool(x, pads=[1, 1, 1, 1], **shape))
        out.append(m.AveragePool(x, pads=[0, 1, 1, 0], count_include_pad=1, **shape))
    out.append(m.MaxPool(x, kernel_shape=[2, 3], dilations=[2, 1]))
    out.append(m.MaxPool(x, kernel_shape=[1, 1], strides=[3, 3]))
    out.append(m.GlobalMaxPool(x))
    out.append(m.GlobalAveragePool(x))
    out.append(m.LpPool(m.Relu(x), kernel_shape=[2, 2], strides=[2, 2], p=2))
    return out


@FAMILY(*IMAGES)
def norms(m: Net) -> list[str]:
    x = m.input("x", "n", 6, "h", "w")
    alone = m.batch_norm(m.Relu(x), 6)
    instance = m.InstanceNormalization(x, m.weight(6), m.weight(6), epsilon=1e-5)
    # Group normalization as tracing writes it.
    y = m.Reshape(x, np.array([0, 2, -1]))
    y = m.InstanceNormalization(y, np.ones(2, np.float32), np.zeros(2, np.float32), epsilon=1e-5)
    y = m.Reshape(y, m.Shape(x))
    group = m.Add(m.Mul(y, m.weight(6, 1, 1)), m.weight(6, 1, 1))
    local = m.LRN(x, size=5, alpha=1e-4, beta=0.75, bias=1.0)
    mean = m.reduce("Mean", x, 1)
    centred = m.Sub(x, mean)
    variance = m.reduce("Mean", m.Mul(centred, centred), 1)
    channels = m.Div(centred, m.Sqrt(m.Add(variance, np.float32(1e-6))))
    channels = m.Add(m.Mul(channels, m.weight(6, 1, 1)), m.weight(6, 1, 1))
    # ConvNeXt: depthwise, channels last, linear layers, back.
    z = m.Transpose(m.conv(x, 6, 6, 7, group=6), perm=[0, 2, 3, 1])
    z = m.linear(m.gelu(m.linear(m.layer_norm(z, 6), 6, 24)), 24, 6)
    z = m.Add(x, m.Transpose(m.Mul(z, m.weight(6)), perm=[0, 3, 1, 2]))
    return [alone, instance, group, local, channels, z]


@FAMILY({"n": 1, "d": 4, "h": 6}, {"n": 2, "d": 7, "h": 9}, opsets=(11, 22))
def volumes(m: Net) -> list[str]:
    x = m.input("x", "n", 3, "d", "h", 6)
    y = m.Conv(x, m.weight(8, 3, 3, 3, 3), m.weight(8), pads=[1] * 6)
    y = m.Relu(m.batch_norm(y, 8))
    p = m.MaxPool(y, kernel_shape=[1, 2, 2], strides=[1, 2, 2])
    q = m.AveragePool(y, kernel_shape=[2, 2, 2], strides=[2, 2, 2])
    z = m.Conv(p, m.weight(8, 1, 3, 1, 1), group=8, pads=[1, 0, 0, 1, 0, 0])
    t = m.ConvTranspose(q, m.weight(8, 4, 2, 2, 2), m.weight(4), strides=[2, 2, 2])
    g = m.squeeze(m.GlobalAveragePool(z), 2, 3, 4)
    return [p, q, z, t, m.Gemm(g, m.weight(8, 5), m.weight(5))]


@FAMILY(*IMAGES, opsets=(12, 20))
def mobile(m: Net) -> str:
    x = m.input("x", "n", 3, "h", "w")
    low, high = np.float32(0), np.float32(6)
    y = m.Clip(m.batch_norm(m.conv(x, 3, 8, 3, strides=[2, 2]), 8), low, high)
    z = m.Clip(m.conv(y, 8, 24), low, high)
    z = m.Clip(m.conv(z, 24, 24, 3, group=24), low, high)
    y = m.Add(y, m.conv(z, 24, 8))
    # Hard swish, taken apart.
    h = m.Div(m.Clip(m.Add(y, np.float32(3)), low, high), np.float32(6))
    y = m.PRelu(m.Mul(y, h), m.weight(8, 1, 1))
    # Ghost module: cheap features by depthwise convolution.
    y = m.Concat(y, m.conv(y, 8, 8, 3, group=8), axis=1)
    y = m.LeakyRelu(m.conv(y, 16, 16, 3, group=16), alpha=0.1)
    return head(m, m.slice(y, 1, 0, 12), 12)
