# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where onnxruntime keeps its error classes; see onnxruntime_pybind11_state."""
