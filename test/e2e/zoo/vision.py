# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Dense prediction: segmentation, detection, generation of images."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.builder import FLOAT, INT64, Family, Net

FAMILY = Family()
IMAGES = ({"n": 1, "h": 8, "w": 8}, {"n": 2, "h": 16, "w": 8}, {"n": 1, "h": 24, "w": 32})


def upsample(m: Net, x: str, factor: int, mode: str = "nearest") -> str:
    """Resize by a fixed factor, as interpolate() is exported."""
    attributes: dict[str, Any] = {"mode": mode, "coordinate_transformation_mode": "asymmetric"}
    if mode == "nearest":
        attributes["nearest_mode"] = "floor"
    else:
        attributes["coordinate_transformation_mode"] = "half_pixel"
    scales = np.array([1, 1, factor, factor], np.float32)
    return m.resize(x, scales=scales, **attributes)


def resize_to(m: Net, x: str, like: str, mode: str = "linear", how: str = "half_pixel") -> str:
    """Resize to the height and width of another value at run time."""
    head = m.slice(m.Shape(x), 0, 0, 2)
    size = m.Cast(m.concat_shape(m.size(like, 2), m.size(like, 3)), to=INT64)
    target = m.Concat(head, size, axis=0)
    extra = {"nearest_mode": "floor"} if mode == "nearest" else {"cubic_coeff_a": -0.75}
    return m.resize(x, sizes=target, mode=mode, coordinate_transformation_mode=how, **extra)


@FAMILY(*IMAGES)
def unet(m: Net) -> str:
    x = m.input("x", "n", 2, "h", "w")
    a = m.conv_bn(x, 2, 6, 3)
    b = m.conv_bn(m.MaxPool(a, kernel_shape=[2, 2], strides=[2, 2]), 6, 8, 3)
    c = m.conv_bn(m.MaxPool(b, kernel_shape=[2, 2], strides=[2, 2]), 8, 10, 3)
    u = m.ConvTranspose(c, m.weight(10, 8, 2, 2), m.weight(8), strides=[2, 2])
    b = m.conv_bn(m.Concat(b, u, axis=1), 16, 8, 3)
    u = m.conv(upsample(m, b, 2, "linear"), 8, 6)
    a = m.conv_bn(m.Concat(u, a, axis=1), 12, 6, 3)
    return m.Sigmoid(m.conv(a, 6, 1))


@FAMILY({"n": 1, "h": 9, "w": 13}, {"n": 2, "h": 15, "w": 7})
def unet_padded(m: Net) -> str:
    """Decoder features are padded at run time to the size of the skip connection."""
    x = m.input("x", "n", 2, "h", "w")
    a = m.conv_bn(x, 2, 4, 3)
    b = m.conv_bn(m.MaxPool(a, kernel_shape=[2, 2], strides=[2, 2]), 4, 6, 3)
    u = m.ConvTranspose(b, m.weight(6, 4, 2, 2), strides=[2, 2])
    dh = m.Sub(m.size(a, 2), m.size(u, 2))
    dw = m.Sub(m.size(a, 3), m.size(u, 3))
    two = np.array([2])
    top, left = m.Div(dh, two), m.Div(dw, two)
    zero = m.constant(np.array([0, 0]))
    pads = m.Concat(zero, top, left, zero, m.Sub(dh, top), m.Sub(dw, left), axis=0)
    return m.conv(m.Concat(a, m.Pad(u, pads), axis=1), 8, 3)


@FAMILY(*IMAGES)
def deeplab(m: Net) -> str:
    x = m.input("x", "n", 3, "h", "w")
    f = m.conv_bn(x, 3, 8, 3, strides=[2, 2])
    parts = [m.conv_bn(f, 8, 4)]
    parts += [m.conv_bn(f, 8, 4, 3, dilations=[d, d]) for d in (2, 4)]
    g = m.conv_bn(m.GlobalAveragePool(f), 8, 4)
    parts.append(resize_to(m, g, f))
    y = m.conv(m.Concat(*parts, axis=1), 16, 5)
    y = resize_to(m, y, x)
    return m.ArgMax(y, axis=1, keepdims=0)


@FAMILY(*IMAGES)
def pyramid(m: Net) -> list[str]:
    x = m.input("x", "n", 3, "h", "w")
    c2 = m.conv_bn(x, 3, 8, 3)
    c3 = m.conv_bn(c2, 8, 8, 3, strides=[2, 2])
    c4 = m.conv_bn(c3, 8, 8, 3, strides=[2, 2])
    p4 = m.conv(c4, 8, 6)
    p3 = m.Add(m.conv(c3, 8, 6), upsample(m, p4, 2))
    p2 = m.Add(m.conv(c2, 8, 6), resize_to(m, p3, c2, "nearest", "asymmetric"))
    p5 = m.MaxPool(p4, kernel_shape=[1, 1], strides=[2, 2])
    cubic = resize_to(m, p4, c3, "cubic", "pytorch_half_pixel")
    corners = resize_to(m, p4, c2, "linear", "align_corners")
    return [m.conv(p, 6, 4, 3) for p in (p2, p3, p4)] + [p5, cubic, corners]


@FAMILY(*IMAGES)
def yolo(m: Net) -> list[str]:
    x = m.input("x", "n", 3, "h", "w")
    # Focus: four phases of the image side by side.
    rows = [m.slice(x, 2, i, 2**63 - 1, 2) for i in (0, 1)]
    x = m.Concat(*[m.slice(r, 3, i, 2**63 - 1, 2) for i in (0, 1) for r in rows], axis=1)
    x = m.conv(x, 12, 8, 3)
    x = m.Mul(x, m.Sigmoid(x))
    # SPPF.
    p = [x]
    for _ in range(3):
        p.append(m.MaxPool(p[-1], kernel_shape=[5, 5], strides=[1, 1], pads=[2, 2, 2, 2]))
    x = m.conv(m.Concat(*p, axis=1), 32, 8)
    heads = []
    for stride in (1, 2):
        y = m.conv(x, 8, 2 * 7, 3, strides=[stride, stride])
        n, h, w = (m.size(y, i) for i in (0, 2, 3))
        y = m.Transpose(m.view(y, n, 2, 7, h, w), perm=[0, 1, 3, 4, 2])
        y = m.Sigmoid(y)
        xy, wh, rest = m.split(y, [2, 2, 3], 4)
        zero, one = np.int64(0), np.int64(1)
        gy = m.Range(zero, m.size(y, 2, scalar=True), one)
        gx = m.Range(zero, m.size(y, 3, scalar=True), one)
        grid_shape = m.Concat(h, w, axis=0)
        gy = m.Expand(m.unsqueeze(gy, 1), grid_shape)
        gx = m.Expand(m.unsqueeze(gx, 0), grid_shape)
        grid = m.Cast(m.Concat(m.unsqueeze(gx, 2), m.unsqueeze(gy, 2), axis=2), to=FLOAT)
        grid = m.unsqueeze(grid, 0, 1)
        xy = m.Add(m.Mul(xy, np.float32(2)), m.Sub(grid, np.float32(0.5)))
        xy = m.Mul(xy, np.float32(8 * stride))
        wh = m.Mul(m.Pow(m.Mul(wh, np.float32(2)), np.float32(2)), m.weight(1, 2, 1, 1, 2))
        heads.append(m.view(m.Concat(xy, wh, rest, axis=4), n, -1, 7))
    y = m.Concat(*heads, axis=1)
    box, score = m.slice(y, 2, 0, 4), m.slice(y, 2, 4, 5)
    classes = m.Mul(m.slice(y, 2, 5, 2**31 - 1), score)
    return [y, box, m.reduce("Max", classes, 2, keepdims=0), m.ArgMax(classes, axis=2, keepdims=0)]


@FAMILY(*IMAGES)
def yolov8(m: Net) -> str:
    """C2f block, distribution focal loss decoding, anchors computed from shapes."""
    x = m.conv(m.input("x", "n", 3, "h", "w"), 3, 8, 3, strides=[2, 2])
    x = m.Mul(x, m.Sigmoid(x))
    a, b = m.split(m.conv(x, 8, 8), [4, 4], 1)
    c = m.Add(b, m.conv(b, 4, 4, 3))
    x = m.conv(m.Concat(a, b, c, axis=1), 12, 8)
    y = m.Concat(m.conv(x, 8, 16), m.conv(x, 8, 3), axis=1)
    n = m.size(y, 0)
    y = m.view(y, n, 19, -1)
    box, cls = m.split(y, [16, 3], 1)
    box = m.Transpose(m.view(box, n, 4, 4, -1), perm=[0, 2, 1, 3])
    box = m.Softmax(box, axis=1)
    box = m.Conv(box, np.arange(4, dtype=np.float32).reshape(1, 4, 1, 1))
    box = m.view(box, n, 4, -1)
    lt, rb = m.split(box, [2, 2], 1)
    h, w = m.size(x, 2, scalar=True), m.size(x, 3, scalar=True)
    gx = m.Add(m.Cast(m.Range(np.int64(0), w, np.int64(1)), to=FLOAT), np.float32(0.5))
    gy = m.Add(m.Cast(m.Range(np.int64(0), h, np.int64(1)), to=FLOAT), np.float32(0.5))
    shape = m.Concat(m.size(x, 2), m.size(x, 3), axis=0)
    gx = m.view(m.Expand(m.unsqueeze(gx, 0), shape), 1, 1, -1)
    gy = m.view(m.Expand(m.unsqueeze(gy, 1), shape), 1, 1, -1)
    anchors = m.Concat(gx, gy, axis=1)
    x1, x2 = m.Sub(anchors, lt), m.Add(anchors, rb)
    centre = m.Div(m.Add(x1, x2), np.float32(2))
    box = m.Mul(m.Concat(centre, m.Sub(x2, x1), axis=1), np.float32(2))
    return m.Concat(box, m.Sigmoid(cls), axis=1)


@FAMILY({"n": 1}, {"n": 3})
def ssd(m: Net) -> list[str]:
    x = m.input("x", "n", 3, 16, 16)
    f = m.conv_bn(x, 3, 8, 3, strides=[2, 2])
    boxes, scores, priors = [], [], 0
    for _ in range(3):
        b = m.Transpose(m.conv(f, 8, 12, 3), perm=[0, 2, 3, 1])
        boxes.append(m.Reshape(b, np.array([0, -1, 4])))
        s = m.Transpose(m.conv(f, 8, 9, 3), perm=[0, 2, 3, 1])
        scores.append(m.Flatten(s, axis=1))
        side = {0: 8, 192: 4, 240: 2}[priors]
        priors += 3 * side * side
        f = m.conv_bn(f, 8, 8, 3, strides=[2, 2])
    box = m.Concat(*boxes, axis=1)
    score = m.Reshape(m.Concat(*scores, axis=1), np.array([0, -1, 3]))
    prior = m.constant(m.random.uniform(0.1, 0.9, (priors, 4)).astype(np.float32))
    pc, ps = m.slice(prior, 1, 0, 2), m.slice(prior, 1, 2, 4)
    centre = m.Add(m.Mul(m.Mul(m.slice(box, 2, 0, 2), np.float32(0.1)), ps), pc)
    size = m.Mul(m.Exp(m.Mul(m.slice(box, 2, 2, 4), np.float32(0.2))), ps)
    half = m.Div(size, np.float32(2))
    corners = m.Concat(m.Sub(centre, half), m.Add(centre, half), axis=2)
    best = m.reduce("Max", score, 2, keepdims=0)
    index = m.Expand(m.unsqueeze(m.ArgMax(best, axis=1), 2), np.array([1, 1, 4]))
    return [m.softmax(score), m.GatherElements(corners, index, axis=1), best]


@FAMILY({"n": 1, "z": 10}, {"n": 4, "z": 10})
def generator(m: Net) -> str:
    z = m.input("z", "n", "z")
    y = m.view(m.Gemm(z, m.weight(10, 12 * 4 * 4), m.weight(12 * 16)), -1, 12, 4, 4)
    y = m.Relu(m.batch_norm(y, 12))
    for into, out in ((12, 8), (8, 5)):
        w = m.weight(into, out, 4, 4)
        y = m.ConvTranspose(y, w, strides=[2, 2], pads=[1, 1, 1, 1], kernel_shape=[4, 4])
        y = m.LeakyRelu(m.batch_norm(y, out), alpha=0.2)
    w = m.weight(5, 3, 3, 3)
    y = m.ConvTranspose(y, w, strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1])
    return m.Tanh(y)


@FAMILY(*IMAGES)
def super_resolution(m: Net) -> list[str]:
    x = m.input("x", "n", 3, "h", "w")
    f = m.conv(x, 3, 8, 3)
    y = f
    for _ in range(2):
        r = m.conv(m.PRelu(m.conv(y, 8, 8, 3), m.weight(8, 1, 1)), 8, 8, 3)
        y = m.Add(y, m.Mul(r, np.float32(0.1)))
    y = m.Add(y, f)
    a = m.DepthToSpace(m.conv(y, 8, 12, 3), blocksize=2, mode="CRD")
    b = m.DepthToSpace(m.conv(y, 8, 27, 3), blocksize=3, mode="DCR")
    n, h, w = (m.size(y, i) for i in (0, 2, 3))
    two = np.array([2])
    c = m.view(m.conv(y, 8, 12), n, 3, 2, 2, h, w)
    c = m.Transpose(c, perm=[0, 1, 4, 2, 5, 3])
    c = m.view(c, n, 3, m.Mul(h, two), m.Mul(w, two))
    return [m.Add(a, upsample(m, x, 2, "linear")), b, c, m.SpaceToDepth(a, blocksize=2)]


# Normalisation over an image divides by its own small spread.
@FAMILY(*IMAGES, tolerance=(1e-6, 8e-6))
def style_transfer(m: Net) -> str:
    x = m.input("x", "n", 3, "h", "w")
    reflect = np.array([0, 0, 4, 4, 0, 0, 4, 4])
    y = m.Conv(m.Pad(x, reflect, mode="reflect"), m.weight(6, 3, 9, 9), m.weight(6))
    y = m.Relu(m.InstanceNormalization(y, m.weight(6), m.weight(6)))
    one = np.array([0, 0, 1, 1, 0, 0, 1, 1])
    y = m.Conv(m.Pad(y, one, mode="reflect"), m.weight(8, 6, 3, 3), strides=[2, 2])
    y = m.Relu(m.InstanceNormalization(y, m.weight(8), m.weight(8)))
    r = m.Conv(m.Pad(y, one, mode="reflect"), m.weight(8, 8, 3, 3), m.weight(8))
    y = m.Add(y, m.InstanceNormalization(r, m.weight(8), m.weight(8)))
    y = upsample(m, y, 2)
    y = m.Conv(m.Pad(y, one, mode="edge"), m.weight(3, 8, 3, 3), m.weight(3))
    y = m.Div(m.Add(m.Tanh(y), np.float32(1)), np.float32(2))
    return m.Clip(m.Mul(y, np.float32(255)), np.float32(0), np.float32(255))


@FAMILY({"n": 1}, {"n": 2}, {"n": 5})
def autoencoder(m: Net) -> list[str]:
    x = m.input("x", "n", 1, 14, 14)
    y = m.conv_bn(m.conv_bn(x, 1, 4, 3, strides=[2, 2]), 4, 8, 3, strides=[2, 2])
    y = m.Flatten(y)
    mu = m.Gemm(y, m.weight(3, 8 * 16), m.weight(3), transB=1)
    log = m.Gemm(y, m.weight(3, 8 * 16), m.weight(3), transB=1)
    z = m.Add(mu, m.Exp(m.Mul(log, np.float32(0.5))))
    y = m.Relu(m.Gemm(z, m.weight(8 * 16, 3), m.weight(8 * 16), transB=1))
    y = m.view(y, m.size(z, 0), 8, 4, 4)
    y = m.Relu(m.ConvTranspose(y, m.weight(8, 4, 3, 3), strides=[2, 2], pads=[1, 1, 1, 1]))
    w = m.weight(4, 1, 3, 3)
    y = m.ConvTranspose(y, w, strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1])
    return [m.Sigmoid(y), mu, log]


@FAMILY({"h": 6, "w": 7}, {"h": 13, "w": 9})
def preprocess(m: Net) -> list[str]:
    image = m.input("image", "h", "w", 3, dtype=np.uint8, limit=256)
    x = m.Cast(image, to=FLOAT)
    x = m.Div(x, np.float32(255))
    x = m.Sub(x, m.constant(np.array([0.485, 0.456, 0.406], np.float32)))
    x = m.Div(x, m.constant(np.array([0.229, 0.224, 0.225], np.float32)))
    x = m.unsqueeze(m.Transpose(x, perm=[2, 0, 1]), 0)
    how = {"mode": "linear", "coordinate_transformation_mode": "pytorch_half_pixel"}
    x = m.resize(x, sizes=np.array([1, 3, 8, 8]), **how)
    y = m.conv_bn(x, 3, 6, 3, strides=[2, 2])
    mask = m.Cast(m.Greater(m.conv(y, 6, 2), np.float32(0)), to=2)  # uint8
    bgr = m.Gather(image, np.array([2, 1, 0]), axis=2)
    back = m.Cast(m.Clip(m.Mul(y, np.float32(20)), np.float32(0), np.float32(255)), to=2)
    return [y, mask, bgr, back]
