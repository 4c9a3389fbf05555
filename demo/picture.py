# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Draws what was read: the page with its boxes, and beside it each line where it was found."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

# Small pages are enlarged to about this width, in pixels, so that boxes and text are sharp.
WIDTH = 900
BOX = (214, 68, 40)
TEXT = (20, 20, 20)
PAPER = (250, 248, 242)

Found = list[tuple[Any, str, float]]


def fitting_font(text: str, width: float, height: float) -> ImageFont.FreeTypeFont | Any:
    """The largest font in which `text` is no larger than `width` x `height` pixels."""
    size = max(8, int(height))
    while size > 8 and ImageFont.load_default(size).getlength(text) > width:
        size -= 1
    return ImageFont.load_default(size)


def draw(page: np.ndarray, found: Found, target: pathlib.Path) -> None:
    """Write a PNG to `target`; `page` is height x width (x 3) of uint8, boxes are in its pixels."""
    scale = max(1, round(WIDTH / page.shape[1]))
    left = Image.fromarray(page).convert("RGB")
    left = left.resize((left.width * scale, left.height * scale), Image.Resampling.BICUBIC)
    right = Image.new("RGB", left.size, PAPER)
    boxes, lines = ImageDraw.Draw(left), ImageDraw.Draw(right)
    for box, text, _ in found:
        corners = [(x * scale, y * scale) for x, y in box]
        boxes.polygon(corners, outline=BOX, width=2)
        (x0, y0), (x1, _), (_, y2) = corners[0], corners[1], corners[2]
        font = fitting_font(text, x1 - x0, 0.8 * (y2 - y0))
        lines.text((x0, (y0 + y2) / 2), text, fill=TEXT, font=font, anchor="lm")
    both = Image.new("RGB", (left.width * 2, left.height))
    both.paste(left, (0, 0))
    both.paste(right, (left.width, 0))
    both.save(target)
