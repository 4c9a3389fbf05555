"""Write a model whose outputs are tensors of every type, for tensors.test.

Usage: make_tensors.py OUTPUT

Part of the Lathe project, under the Apache License v2.0 with LLVM Exceptions.
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""

import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOATS = [TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16]
INTS = [TensorProto.INT8, TensorProto.INT16, TensorProto.INT32, TensorProto.INT64]
UNSIGNED = [TensorProto.UINT8, TensorProto.UINT16, TensorProto.UINT32, TensorProto.UINT64]


def main(output: str) -> None:
    tensors = []
    for dtype in FLOATS + INTS + UNSIGNED:
        like = helper.tensor_dtype_to_np_dtype(dtype)
        last = np.iinfo(like).max - 1 if dtype in UNSIGNED else -2
        raw = np.array([1.5 if dtype in FLOATS else 1, last], like)
        typed = np.array([2.5 if dtype in FLOATS else 3, last], like)
        tensors.append(numpy_helper.from_array(raw, f"raw{dtype}"))
        tensors.append(helper.make_tensor(f"typed{dtype}", dtype, [2], typed))
    tensors.append(helper.make_tensor("bf16", TensorProto.BFLOAT16, [2], [2.5, -2.0]))
    tensors.append(helper.make_tensor("bools", TensorProto.BOOL, [2], [True, False]))
    # Any other byte than 0 is true.
    odd = TensorProto(name="odd", dims=[2], data_type=TensorProto.BOOL, raw_data=b"\x00\x80")
    tensors.append(odd)
    tensors.append(numpy_helper.from_array(np.arange(100), "big"))
    tensors.append(numpy_helper.from_array(np.zeros((0, 3), np.float32), "nothing"))

    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    outputs = [helper.make_tensor_value_info(t.name, t.data_type, t.dims) for t in tensors]
    default = helper.make_tensor_value_info("big", TensorProto.INT64, [100])
    graph = helper.make_graph([], "tensors", [x, default], outputs, tensors)
    opsets = [helper.make_opsetid("", 20)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), output)


if __name__ == "__main__":
    main(sys.argv[1])
