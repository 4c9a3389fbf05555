# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The shapes of operators that `lathe bench --ops` times, by group: those that networks have."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from lathe._op_cases import OPS, Case, SizesError, make

# Of each group the operators, and their sizes.
GROUPS: Mapping[str, Mapping[str, Sequence[str]]] = {
    # Layers of BERT and GPT-2 of 128 and 512 tokens, and of ViT (197 patches); one row and a few,
    # as in decoding and classifiers; the two products of attention.
    "gemm": {
        "matmul": [
            "128x768x768",
            "128x768x3072",
            "128x3072x768",
            "197x768x3072",
            "512x768x2304",
            "1024x1024x1024",
            "8x768x3072",
            "1x768x3072",
            "1x2048x1000",
            "1x4096x4096",
            "12x128x64x128",
            "12x512x512x64",
        ]
    },
    # ResNet-50, then the first and pointwise layers of MobileNetV2, YOLOv3, and ResNeXt's groups.
    "conv": {
        "conv": [
            "3x224x224-64k7s2",
            "64x56x56-64k1",
            "64x56x56-64k3",
            "128x56x56-128k3s2",
            "512x28x28-128k1",
            "128x28x28-128k3",
            "1024x14x14-256k1",
            "256x14x14-256k3",
            "512x7x7-512k3",
            "3x224x224-32k3s2",
            "16x112x112-96k1",
            "320x7x7-1280k1",
            "128x52x52-256k3",
            "128x56x56-128k3g32",
        ]
    },
    # MobileNetV2, and 5x5 taps of EfficientNet.
    "depthwise": {
        "depthwise": [
            "32x112x112-k3",
            "96x112x112-k3s2",
            "192x28x28-k3",
            "960x7x7-k3",
            "480x14x14-k5",
            "240x28x28-k5s2",
        ]
    },
    # 12 heads of 64: BERT, ViT, a batch of 8, long sequences, and one query as in decoding.
    "attention": {
        "attention": [
            "12x128x128x64",
            "12x197x197x64",
            "12x512x512x64",
            "8x12x128x128x64",
            "12x1x512x64",
        ]
    },
    # Transformers; instance norm of style transfer and group norm of diffusion.
    "norm": {
        "layer_norm": ["128x768", "512x4096"],
        "rms_norm": ["128x768", "512x4096"],
        "instance_norm": ["1x64x128x128"],
        "group_norm": ["1x320x64x64"],
    },
    # Scores of 12 heads, and words of a vocabulary.
    "softmax": {"softmax": ["12x128x128", "12x197x197", "12x512x512", "16x50257"]},
    # Global pooling, moments of rows and columns, gates of squeeze-excite, the likeliest word.
    "reduce": {
        "reduce_mean": ["1x2048x7x7@23", "1x96x112x112@23", "512x4096@1"],
        "reduce_sum": ["4096x512@0"],
        "reduce_max": ["1024x1024@01"],
        "arg_max": ["16x50257@1"],
    },
    # From 1e5 elements, which a core's cache holds, to 1e7.
    "elementwise": {
        "add": ["128x768", "1000x1000", "10x1000x1000"],
        "relu": ["1x64x112x112"],
        "gelu": ["128x768", "128x3072"],
        "silu": ["1000x1000"],
        "tanh": ["1000x1000"],
    },
    # Heads of attention, a matrix, images to channels last and back.
    "transpose": {
        "transpose": ["128x12x64@102", "1024x1024@10", "1x64x56x56@0231", "1x56x56x256@0312"]
    },
    # BERT and ResNet-50 in 8 bits; decoding with weights of 4.
    "quantized": {
        "matmul_int8": ["128x768x768", "128x768x3072"],
        "conv_int8": ["64x56x56-64k3", "512x28x28-128k1", "256x14x14-256k3"],
        "matmul_int4": ["1x4096x4096", "128x768x3072"],
    },
}


class OpsError(ValueError):
    """A text that names no operators."""


def group_of(op: str) -> str:
    """Return the group that an operator is in."""
    return next((name for name, ops in GROUPS.items() if op in ops), "elementwise")


def choose(text: str) -> list[Case]:
    """Return the cases that "all", or names with commas between them, stand for, each once.

    A name is that of a group, of an operator, or OP:SIZES for one case that need not be in the
    table. Raises OpsError for anything else.
    """
    cases: dict[str, Case] = {}
    for word in text.split(","):
        cases |= {case.name: case for case in _named(word)}
    return list(cases.values())


def _named(word: str) -> list[Case]:
    op, colon, sizes = word.partition(":")
    if colon:
        if op not in OPS:
            raise OpsError(_unknown("operator", op, list(OPS)) + " [bench-ops-name]")
        try:
            return [make(op, sizes)]
        except SizesError as error:
            raise OpsError(f"{error} [bench-ops-sizes]") from None
    groups = GROUPS if word == "all" else {word: GROUPS[word]} if word in GROUPS else None
    if groups is None and word in OPS:
        name = group_of(word)
        groups = {name: {word: GROUPS[name].get(word, [])}}
        if not groups[name][word]:
            raise OpsError(
                f"the table has no sizes of {word!r}; give them, as in {word}:1000x1000 "
                "[bench-ops-name]"
            )
    if groups is None:
        known = ["all", "list", *GROUPS, *OPS]
        raise OpsError(_unknown("group or operator", word, known) + " [bench-ops-name]")
    return [make(op, s) for ops in groups.values() for op, all_ in ops.items() for s in all_]


def _unknown(kind: str, word: str, known: Sequence[str]) -> str:
    text = f"no {kind} is called {word!r}"
    if close := difflib.get_close_matches(word, known, 1):
        return f"{text}; did you mean {close[0]!r}?"
    return f"{text}; there are {', '.join(dict.fromkeys(known))}"


def listing() -> str:
    """Return the groups with their operators, and how sizes are written."""
    lines = []
    for group, ops in GROUPS.items():
        names = [*ops, *(op for op in OPS if op not in ops and group_of(op) == group)]
        lines.append(f"{group}: {sum(map(len, ops.values()))} shapes")
        for op in names:
            lines.append(f"  {op}:SIZES, {OPS[op].form}: {OPS[op].about}")
            lines += [f"    {op}:{sizes}" for sizes in ops.get(op, [])]
    return "\n".join(lines)
