# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""An example of each function of the Python interface; docs/reference/python.md shows the parts."""

import pathlib
import threading

import lathe
import lathe.onnx_backend
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# A linear layer for any number of rows.
weights = numpy_helper.from_array(np.ones((3, 2), np.float32), "w")
graph = helper.make_graph(
    [helper.make_node("MatMul", ["x", "w"], ["y"])],
    "linear",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 2])],
    [weights],
)
proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.save(proto, "linear.onnx")
x = np.ones((4, 3), np.float32)

# [compile CompiledModel.__call__]
model = lathe.compile("linear.onnx", threads=2)
print(model.signature)  # main(x: f32[batch, 3]) -> (y: f32[batch, 2])
(y,) = model(x)
(y,) = model(x=x)
# [end]
assert np.array_equal(y, np.full((4, 2), 3, np.float32))

# [CompiledModel.run]
outputs = model.run({"x": x})
model.run({"x": 2 * x}, out=outputs)  # Into the memory that the first call made.
# [end]
assert outputs["y"][0, 0] == 6

# [CompiledModel.with_threads]
alone = model.with_threads(1)
# [CompiledModel.with_options CancelToken.cancel]
token = lathe.CancelToken()
timer = threading.Timer(10, token.cancel)  # No call may take longer.
patient = model.with_options(cancel=token, max_loop_steps=1_000_000)
timer.start()
patient(x)
timer.cancel()
# [end]
assert not token.cancelled and np.array_equal(alone(x)[0], y)

# [CompiledModel.save load]
model.save("linear.lathebin")  # Or .so, .a, .o.
loaded = lathe.load("linear.lathebin", threads=1)
# [CompiledModel.save_header]
model.save_header("linear.h")
# [CompiledModel.ir]
text = model.ir(after="partition")
# [end]
assert "kernel.func" in text and pathlib.Path("linear.h").exists()
assert np.array_equal(loaded(x)[0], y)

# [CompiledModel.with_isa]
plain = loaded.with_isa(loaded.isa)  # One of loaded.variants, which several targets give.
# [end]
assert plain.isa in loaded.variants

# [compile_unranked UnrankedModel UnrankedModel.inputs UnrankedModel.specialize]
unranked = lathe.compile_unranked("linear.onnx")
print(unranked.inputs)  # The ranks that the model gives, None for those that calls decide.
specialized = unranked.specialize({})
# [UnrankedModel.run UnrankedModel.__call__ UnrankedModel.compiled]
unranked(np.ones((4, 3), np.float32))
unranked.run({specialized.inputs[0].name: np.ones((2, 3), np.float32)})
print(list(unranked.compiled))  # [(2,)]
# [reduce Reduction]
found = lathe.reduce("linear.onnx")
print(found.kind or "no fault", found.text)  # For a fault, found.path is the smallest model.
# [tune TunedKernel.gain]
tuning = lathe.tune("linear.onnx", sizes={"batch": 64}, minutes=0.05)
print([(kernel.nodes, kernel.after, kernel.gain) for kernel in tuning.kernels])
# [register_op]
declaration = """
func.func private @"com.example::Invert"(
    tensor<?xf32, #graph.dims<()[s0] -> (s0)>>) -> tensor<?xf32, #graph.dims<()[s0] -> (s0)>>
"""
lathe.register_op(declaration, {"com.example::Invert": lambda x: 1 / x})
# [set_threads]
lathe.set_threads(2)  # For calls of models that were not told; 0 for all that there are.
# [announce_code]
lathe.announce_code(perf=True)  # Names kernels of models that are linked from now on.
# [version]
print(lathe.version())
# [end]

# [cache.default cache.default_directory cache.default_max_bytes cache.CompileCache.size]
cache = lathe.cache.default()
print(cache.size(), "bytes in", lathe.cache.default_directory())
print("at most", lathe.cache.default_max_bytes())
# [cache.configure]
cache = lathe.cache.configure("models", max_bytes=1 << 30)
# [cache.CompileCache.entries]
for entry in cache.entries():
    print(entry.path, entry.size, entry.used)
# [cache.CompileCache.prune]
cache.prune()  # Done after each compilation, too.
# [cache.clear cache.CompileCache.clear]
lathe.cache.clear()
cache.clear()
# [cache.make_key cache.CompileCache.get]
key = lathe.cache.make_key("linear", "x86_64:v3")
artifact = cache.get(key, lambda: lathe.load("linear.lathebin")._artifact)
# [end]
assert cache.stats.misses == 1

# [onnx_backend.LatheBackend.prepare onnx_backend.LatheBackendRep.run]
prepared = lathe.onnx_backend.prepare(proto)
(y,) = prepared.run([x])
# [onnx_backend.LatheBackend.run_model]
(y,) = lathe.onnx_backend.run_model(proto, [x])
# [onnx_backend.LatheBackend.run_node]
(h,) = lathe.onnx_backend.run_node(helper.make_node("Relu", ["a"], ["b"]), [x])
# [onnx_backend.LatheBackend.is_compatible onnx_backend.LatheBackend.supports_device]
print(lathe.onnx_backend.is_compatible(proto), lathe.onnx_backend.supports_device("CPU"))
# [end]
assert y.shape == (4, 2) and h.shape == (4, 3)
try:
    import lathe.torch_backend
    import torch
except ImportError:
    raise SystemExit(0) from None

# [torch_backend.register torch_backend.compile_graph]
lathe.torch_backend.register()  # Where Lathe is not installed by pip.
layer = torch.compile(torch.nn.Linear(3, 2).eval(), backend="lathe")
with torch.no_grad():
    layer(torch.ones(4, 3))
# [end]
