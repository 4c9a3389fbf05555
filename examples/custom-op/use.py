# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compile the model of make_model.py with one operator in Python and one in MLIR, and call it."""

import lathe
import numpy as np
from make_model import make_model

DECLARATION = """
func.func private @"com.example::Widen"(
    tensor<?x?xf32, #graph.dims<()[s0, s1] -> (s0, s1)>> {graph.name = "x"},
    tensor<f64> {graph.name = "gain", graph.attribute})
  -> tensor<?x?xf32, #graph.dims<()[s0, s1] -> (s0, s1 * 2)>>
"""


def widen(x: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """Return each column of x twice, times the gain."""
    return np.repeat(x, 2, axis=1) * np.float32(gain)


lathe.register_op("examples/custom-op/ops.mlir")
lathe.register_op(DECLARATION, {"com.example::Widen": widen})
model = lathe.compile(make_model())
(y,) = model(np.array([[1, 2, -3]], np.float32))
print(y.tolist())
