"""Where onnxruntime keeps its error classes; see onnxruntime_pybind11_state."""
