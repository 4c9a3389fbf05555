"""Functions of ONNX operators that say what rarely seen operators of vendors are.

Those without such a form, and those that models have often, are rows of the importer. The schemas
are in vendor_schemas.py, where defaults of attributes are, too.

Part of the Lathe project, under the Apache License v2.0 with LLVM Exceptions.
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""

from collections.abc import Iterator

import onnx.parser
from onnx import FunctionProto
from vendor_schemas import MICROSOFT

# Name, inputs and attributes, outputs, body.
TEXTS = (
    ("BiasAdd", "(X, bias, skip)", "(Y)", "biased = Add(X, bias) Y = Add(biased, skip)"),
    (
        "BiasSplitGelu",
        "(X, bias)",
        "(Y)",
        "biased = Add(X, bias) value, gate = Split<axis = -1, num_outputs = 2>(biased) "
        "open = Gelu(gate) Y = Mul(value, open)",
    ),
    (
        "ExpandDims",
        "(X, axis)",
        "(Y)",
        "one = Constant<value_ints = [1]>() wide = Cast<to = 7>(axis) axes = Reshape(wide, one) "
        "Y = Unsqueeze(X, axes)",
    ),
    (
        "GridSample",
        "<align_corners, mode, padding_mode>(X, Grid)",
        "(Y)",
        "Y = GridSample<align_corners: int = @align_corners, mode: string = @mode, "
        "padding_mode: string = @padding_mode>(X, Grid)",
    ),
    ("GatherND", "(data, indices)", "(output)",
    "wide = Cast<to = 7>(indices) output = GatherND(data, wide)"),
    ("Pad", "<mode>(data, pads, value)", "(output)",
    "output = Pad<mode: string = @mode>(data, pads, value)"),
    (
        "TorchEmbedding",
        "(weight, indices, padding_idx, scale_grad_by_freq)",
        "(Y)",
        "Y = Gather(weight, indices)",
    ),
    ("Trilu", "<upper>(X, k)", "(Y)", "Y = Trilu<upper: int = @upper>(X, k)"),
    (
        "Unique",
        "(x)",
        "(y, idx, counts)",
        "y, first, idx, counts = Unique<sorted = 0>(x)",
    ),
)  # fmt: skip
OPSET = 20
# GridSample had the modes of that time.
OPSETS = {"GridSample": 16}


def vendor_functions() -> Iterator[FunctionProto]:
    """One function for each row, without the defaults of its attributes."""
    for name, inputs, outputs, body in TEXTS:
        yield onnx.parser.parse_function(
            f'<domain: "{MICROSOFT}", opset_import: ["" : {OPSETS.get(name, OPSET)}]> '
            f"{name} {inputs} => {outputs} {{ {body} }}"
        )
