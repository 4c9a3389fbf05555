# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models that tf2onnx exports, with what TensorFlow computes.

python make_tensorflow.py FOLDER [PATTERN]
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import logging

import numpy as np
import tensorflow as tf
import tf2onnx
from cases import Writer

logging.disable(logging.WARNING)
K = tf.keras
L = K.layers
RANDOM = np.random.default_rng(2)


def f32(*shape: int) -> Any:
    return RANDOM.standard_normal(shape).astype(np.float32)


def keras(*layers: Any, shape: tuple[int | None, ...]) -> Callable[[Any], Any]:
    x = K.Input(shape)
    y = x
    for layer in layers:
        y = layer(y)
    model = K.Model(x, y)
    return lambda value: model(value, training=False)


def separable() -> Any:
    return keras(
        L.SeparableConv2D(8, 3, strides=2, padding="same", activation="relu6"),
        L.BatchNormalization(),
        L.DepthwiseConv2D(3, padding="same"), L.LeakyReLU(), L.GlobalAveragePooling2D(), L.Dense(5,
        activation="softmax"),
        shape=(None, None, 3),
    )  # fmt: skip


def images(x: Any) -> tuple[Any, ...]:
    return (
        tf.image.resize(x, (7, 9)), tf.image.resize(x, (5, 5), method="nearest"),
        tf.image.flip_left_right(x),
        tf.image.adjust_contrast(x, 1.5), tf.image.per_image_standardization(x),
        tf.nn.space_to_depth(x, 2),
        tf.nn.depth_to_space(tf.tile(x, [1, 1, 1, 4]), 2), tf.image.crop_to_bounding_box(x, 1, 1,
        3, 4),
        tf.nn.max_pool2d(x, 3, 2, "SAME"), tf.nn.avg_pool2d(x, 2, 2, "VALID"),
        tf.nn.local_response_normalization(x),
    )  # fmt: skip


def slices(x: Any) -> tuple[Any, ...]:
    n = tf.shape(x)[0]
    return (
        x[1:, ::-1], x[..., tf.newaxis], x[:, 2], tf.gather(x, [2, 0], axis=1), tf.boolean_mask(x,
        x[:, 0] > 0),
        tf.where(x > 0), tf.strided_slice(x, [0, 1], [2, 4], [1, 2]), tf.gather_nd(x, [[0, 1], [1,
        2]]),
        tf.tensor_scatter_nd_update(x, [[0], [1]], x[1:3]), tf.reverse_sequence(x, tf.fill([n], 3),
        1),
        tf.reshape(x, [n, -1, 1]), tf.linalg.band_part(x, 0, -1), tf.cumsum(x, 1, exclusive=True),
        tf.roll(x, 1, 0),
        tf.math.top_k(x, 2).values, tf.sort(x, 1, "DESCENDING"), tf.one_hot(tf.argmax(x, 1), 5),
        tf.concat([x, x * 2], 1),
        tf.stack(tf.unstack(x, axis=1)[:2]), *tf.split(x, [1, 3], 1), tf.pad(x, [[1, 0], [0, 2]],
        "REFLECT"),
    )  # fmt: skip


def maths(x: Any) -> tuple[Any, ...]:
    y = tf.abs(x) + 0.1
    return (
        tf.math.erf(x), tf.math.rsqrt(y), tf.nn.gelu(x), tf.nn.swish(x), tf.nn.elu(x),
        tf.math.log1p(y), tf.math.expm1(x),
        tf.math.floormod(x, y), tf.math.floordiv(x, y), tf.math.squared_difference(x, y),
        tf.math.atan2(x, y), tf.nn.relu6(x),
        tf.reduce_logsumexp(x, 1), tf.math.reduce_variance(x, 0), tf.norm(x, axis=1),
        tf.math.l2_normalize(x, 1), tf.clip_by_value(x, -1.0, 1.0),
        tf.einsum("ij,kj->ik", x, y), tf.matmul(x, y, transpose_b=True), tf.nn.log_softmax(x),
        tf.math.sign(x), tf.round(x),
        tf.cast(x * 3, tf.int32) // 2, tf.math.segment_sum(x, [0, 0, 1]), tf.math.is_nan(x),
        tf.nn.softplus(x), tf.math.pow(y, x),
    )  # fmt: skip


def loop(x: Any) -> Any:
    return tf.while_loop(
        lambda i, y: i < 5, lambda i, y: (i + 1, y * 0.5 + tf.cast(i, tf.float32)), (0, x)
    )[1]


def lists(x: Any) -> Any:
    n = tf.shape(x)[0]
    array = tf.TensorArray(tf.float32, size=n)
    _, array = tf.while_loop(
        lambda i, a: i < n,
        lambda i, a: (i + 1, a.write(i, x[i] * tf.cast(i, tf.float32))),
        (0, array),
    )
    return array.stack()


def branch(x: Any) -> Any:
    return tf.cond(tf.reduce_sum(x) > 0, lambda: x * 2, lambda: tf.sin(x))


def attention() -> Any:
    x = K.Input((None, 16))
    y = L.LayerNormalization()(x + L.MultiHeadAttention(2, 8)(x, x))
    model = K.Model(x, L.Dense(4, activation="gelu")(y))
    return lambda value: model(value, training=False)


CASES: dict[str, tuple[Callable[[], Callable[..., Any]], list[tuple[Any, ...]]]] = {
    "separable": (separable, [(f32(2, 12, 12, 3),), (f32(1, 9, 14, 3),)]),
    "conv1d": (
        lambda: keras(L.Conv1D(6, 3, padding="causal", dilation_rate=2, activation="relu"),
        L.MaxPooling1D(2), shape=(None, 4)),
        [(f32(2, 10, 4),), (f32(1, 25, 4),)],
    ),
    "transposed": (
        lambda: keras(L.Conv2DTranspose(4, 3, 2, padding="same"), L.PReLU(shared_axes=[1, 2]),
        L.UpSampling2D(2, interpolation="bilinear"), shape=(6, 5, 3)),
        [(f32(2, 6, 5, 3),)],
    ),
    "lstm": (
        lambda: keras(L.Bidirectional(L.LSTM(6, return_sequences=True)), L.LSTM(4), shape=(None,
        5)),
        [(f32(2, 7, 5),), (f32(3, 4, 5),)],
    ),
    "gru": (lambda: keras(L.GRU(6, return_sequences=True, go_backwards=True), shape=(None, 5)),
    [(f32(2, 7, 5),)]),
    "masked-lstm": (
        lambda: keras(L.Embedding(20, 6, mask_zero=True), L.LSTM(5), shape=(None,)),
        [(np.array([[3, 4, 0], [5, 0, 0]], np.float32),)],
    ),
    "attention": (attention, [(f32(2, 5, 16),), (f32(1, 8, 16),)]),
    "images": (lambda: images, [(f32(2, 6, 8, 3),)]),
    "slices": (lambda: slices, [(f32(3, 4),), (f32(5, 4),)]),
    "maths": (lambda: maths, [(f32(3, 4),)]),
    "while": (lambda: loop, [(f32(3, 4),)]),
    "lists": (lambda: lists, [(f32(3, 4),), (f32(6, 4),)]),
    "cond": (lambda: branch, [(f32(3, 4),), (np.ones((3, 4), np.float32),)]),
    "mobilenet": (lambda: keras(K.applications.MobileNetV2((96, 96, 3), 0.35, weights=None),
    shape=(96, 96, 3)), [(f32(1, 96, 96, 3),)]),
    "efficientnet": (lambda: keras(K.applications.EfficientNetV2B0(input_shape=(64, 64, 3),
    weights=None), shape=(64, 64, 3)), [(f32(1, 64, 64, 3) * 50 + 100,)]),
    "fake-quantized": (
        lambda: lambda x: tf.quantization.fake_quant_with_min_max_args(x, -3, 3), [(f32(3, 4),)],
    ),
    "strings": (lambda: lambda x: tf.strings.lower(x), [(np.array(["Ab", "cD"], object),)]),
    "conv3d": (lambda: keras(L.Conv3D(4, 3, padding="same"), L.AveragePooling3D(2), shape=(6, 6, 6,
    2)), [(f32(1, 6, 6, 6, 2),)]),
    "nms": (
        lambda: lambda b, s: tf.image.non_max_suppression(b, s, 5, 0.4),
        [(np.sort(RANDOM.random((20, 2, 2)), 1).reshape(20, 4).astype(np.float32),
        RANDOM.random(20).astype(np.float32))],
    ),
    "signal": (lambda: lambda x: tf.abs(tf.signal.stft(x, 16, 8, fft_length=16)), [(f32(2, 64),)]),
    "fft": (lambda: lambda x: tf.abs(tf.signal.rfft(x)), [(f32(3, 8),)]),
}  # fmt: skip


def export(writer: Writer, name: str, opset: int) -> None:
    make, calls = CASES[name]
    function = make()
    signature = []
    for i, value in enumerate(calls[0]):
        shape = [
            n if all(c[i].shape[d] == n for c in calls) else None for d, n in enumerate(value.shape)
        ]
        signature.append(tf.TensorSpec(shape, tf.as_dtype(value.dtype), name=f"x{i}"))
    wrapped = tf.function(function)
    path = writer.path(f"tf-{name}-{opset}")
    model, _ = tf2onnx.convert.from_function(
        wrapped, input_signature=signature, opset=opset, output_path=str(path)
    )
    names = [i.name for i in model.graph.input]
    results = []
    for call in calls:
        made = tf.nest.flatten(wrapped(*map(tf.constant, call)))
        given = [c.astype(str) if c.dtype == object else c for c in call]
        wanted = [m.numpy() for m in made]
        results.append(
            (
                dict(zip(names, given, strict=True)),
                [w.astype(str) if w.dtype == object else w for w in wanted],
            )
        )
    writer.write(path.stem, None, results)


def main() -> None:
    writer = Writer(sys.argv[1])
    pattern = re.compile(sys.argv[2] if len(sys.argv) > 2 else "")
    tf.keras.utils.set_random_seed(3)
    for name in CASES:
        for opset in (13, 18):
            if pattern.search(f"tf-{name}-{opset}"):
                writer.attempt(f"tf-{name}-{opset}", lambda n=name, o=opset: export(writer, n, o))


if __name__ == "__main__":
    main()
