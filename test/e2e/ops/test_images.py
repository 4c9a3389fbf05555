# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""ImageDecoder: formats that Lathe reads itself, those of libraries, and damaged files."""

from __future__ import annotations

import ctypes.util
import io
from typing import Any

import lathe
import numpy as np
import PIL.Image
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper

Array = NDArray[Any]

LIBRARIES = {"png": "png16", "jpeg": "jpeg", "jpeg2000": "openjp2", "tiff": "tiff", "webp": "webp"}


def decoder(pixel_format: str = "RGB") -> ModelProto:
    node = helper.make_node("ImageDecoder", ["x"], ["y"], pixel_format=pixel_format)
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, ["n"])],
        [helper.make_tensor_value_info("y", TensorProto.UINT8, ["h", "w", "c"])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


@pytest.fixture(scope="module")
def decode() -> dict[str, Any]:
    return {kind: lathe.compile(decoder(kind), cache=False) for kind in ("RGB", "BGR", "Grayscale")}


def encoded(image: PIL.Image.Image, kind: str, **options: Any) -> Array:
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return np.frombuffer(buffer.getvalue(), np.uint8)


def need(kind: str) -> None:
    if kind in LIBRARIES and ctypes.util.find_library(LIBRARIES[kind]) is None:
        pytest.skip(f"the library {LIBRARIES[kind]} is not installed")


def picture(mode: str = "RGB", height: int = 13, width: int = 10) -> PIL.Image.Image:
    generator = np.random.default_rng(3)
    pixels = generator.integers(0, 256, (height, width, 3), np.uint8)
    return PIL.Image.fromarray(pixels).convert(mode)


@pytest.mark.parametrize("kind", ["bmp", "ppm", *LIBRARIES])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_formats(decode: dict[str, Any], kind: str, mode: str) -> None:
    need(kind)
    options = {"lossless": True} if kind == "webp" else {}
    data = encoded(picture(mode), kind, **options)
    image = PIL.Image.open(io.BytesIO(data.tobytes()))
    rgb = np.array(image.convert("RGB"))
    np.testing.assert_array_equal(decode["RGB"](data)[0], rgb)
    np.testing.assert_array_equal(decode["BGR"](data)[0], rgb[:, :, ::-1])
    gray = np.array(PIL.Image.fromarray(rgb).convert("L"))[:, :, None]
    np.testing.assert_array_equal(decode["Grayscale"](data)[0], gray)


@pytest.mark.parametrize("mode", ["1", "P", "L", "RGBA"])
def test_other_bitmaps(decode: dict[str, Any], mode: str) -> None:
    data = encoded(picture(mode), "bmp")
    right = np.array(PIL.Image.open(io.BytesIO(data.tobytes())).convert("RGB"))
    np.testing.assert_array_equal(decode["RGB"](data)[0], right)


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_other_anymaps(decode: dict[str, Any], mode: str) -> None:
    data = encoded(picture(mode), "ppm")
    right = np.array(PIL.Image.open(io.BytesIO(data.tobytes())).convert("RGB"))
    np.testing.assert_array_equal(decode["RGB"](data)[0], right)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        (b"P1\n# bits\n3 1\n1 0\n1", [[0, 255, 0]]),
        (b"P1 3 1\n101", [[0, 255, 0]]),
        (b"P2 2 2 4\n0 1\n2 4", [[0, 64], [128, 255]]),
        (b"P5 2 1 65535\n\x00\x00\xff\xff", [[0, 255]]),
    ],
)
def test_text_and_wide_samples(decode: dict[str, Any], text: bytes, right: list[list[int]]) -> None:
    (y,) = decode["Grayscale"](np.frombuffer(text, np.uint8))
    assert y[:, :, 0].tolist() == right


@pytest.mark.parametrize("kind", ["png", "webp"])
def test_alpha_is_dropped(decode: dict[str, Any], kind: str) -> None:
    need(kind)
    image = picture("RGBA")
    image.putalpha(77)
    options = {"lossless": True, "exact": True} if kind == "webp" else {}
    right = np.array(image)[:, :, :3]
    np.testing.assert_array_equal(decode["RGB"](encoded(image, kind, **options))[0], right)


@pytest.mark.parametrize("kind", ["bmp", "ppm", *LIBRARIES])
def test_every_cut_and_many_damages_are_errors_or_images(decode: dict[str, Any], kind: str) -> None:
    need(kind)
    data = encoded(picture(height=5, width=4), kind)
    step = max(1, len(data) // 60)
    for size in range(0, len(data), step):
        with pytest.raises(lathe.RuntimeError, match="call-image"):
            decode["RGB"](data[: min(size, len(data) // 2)])
    generator = np.random.default_rng(5)
    for _ in range(200):
        damaged = data.copy()
        damaged[generator.integers(len(data))] = generator.integers(256)
        try:
            (y,) = decode["RGB"](damaged)
            assert y.ndim == 3 and y.shape[2] == 3
        except lathe.RuntimeError as error:
            assert "call-image" in str(error) or "call-out-of-memory" in str(error)


def test_what_is_no_image_is_an_error(decode: dict[str, Any]) -> None:
    for data in (b"", b"GIF89a", b"BM", b"P7\n", b"P6 2 2 255 "):
        with pytest.raises(lathe.RuntimeError, match="call-image"):
            decode["RGB"](np.frombuffer(data, np.uint8))
    huge = b"P6 99999999 99999999 255\n"
    with pytest.raises(lathe.RuntimeError, match="reason 5"):
        decode["RGB"](np.frombuffer(huge, np.uint8))
    with pytest.raises(lathe.CompileError, match="onnx-unsupported-attribute"):
        lathe.compile(decoder("CMYK"), cache=False)
