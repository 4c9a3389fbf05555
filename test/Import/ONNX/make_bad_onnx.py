"""Write the damaged and hostile models that bad-files.test and bad-models.test import.

Usage: make_bad_onnx.py FOLDER

Part of the Lathe project, under the Apache License v2.0 with LLVM Exceptions.
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""

import os
import pathlib
import shutil
import sys
from collections.abc import Callable, Iterable
from typing import Any

import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper

MODELS: list[Callable[[], ModelProto]] = []


def bad(make: Callable[[], ModelProto]) -> Callable[[], ModelProto]:
    """Register a model; its file is named like the function."""
    MODELS.append(make)
    return make


def tensor(
    name: str, shape: list[int] | None = None, dtype: int = TensorProto.FLOAT
) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, [2, 3] if shape is None else shape)


def model(
    nodes: list[NodeProto],
    inputs: list[ValueInfoProto] | None = None,
    outputs: list[ValueInfoProto] | None = None,
    initializers: Iterable[TensorProto] = (),
    opset: int = 20,
    ir: int = 10,
) -> ModelProto:
    graph = helper.make_graph(
        nodes, "g", inputs or [tensor("x")], outputs or [tensor("y")], list(initializers)
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir)


def relu(**changes: Any) -> ModelProto:
    return model([helper.make_node("Relu", ["x"], ["y"], name="act")], **changes)


def raw(name: str, dims: list[int], data: bytes, dtype: int = TensorProto.FLOAT) -> TensorProto:
    return TensorProto(name=name, dims=dims, data_type=dtype, raw_data=data)


def add_w(*initializers: TensorProto, **changes: Any) -> ModelProto:
    node = helper.make_node("Add", ["x", "w"], ["y"], name="sum")
    return model([node], initializers=initializers, **changes)


@bad
def ir_version() -> ModelProto:
    return relu(ir=99)


@bad
def opset_old() -> ModelProto:
    return relu(opset=0)


@bad
def opset_new() -> ModelProto:
    return relu(opset=99)


@bad
def no_opset() -> ModelProto:
    m = relu()
    del m.opset_import[:]
    return m


@bad
def unknown_op() -> ModelProto:
    return model([helper.make_node("Relo", ["x"], ["y"], name="act")])


@bad
def later_op() -> ModelProto:
    return model([helper.make_node("Swish", ["x"], ["y"], name="act")])


@bad
def removed_op() -> ModelProto:
    return model([helper.make_node("Upsample", ["x", "x"], ["y"], name="up")])


@bad
def unknown_domain() -> ModelProto:
    m = model([helper.make_node("FusedGemm", ["x"], ["y"], name="fc", domain="com.acme")])
    m.opset_import.append(helper.make_opsetid("com.acme", 1))
    return m


@bad
def close_domain() -> ModelProto:
    m = model([helper.make_node("Gelu", ["x"], ["y"], name="act", domain="com.microsft")])
    m.opset_import.append(helper.make_opsetid("com.microsft", 1))
    return m


@bad
def unknown_vendor_op() -> ModelProto:
    m = model([helper.make_node("FasGelu", ["x"], ["y"], name="act", domain="com.microsoft")])
    m.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    return m


@bad
def unknown_attribute() -> ModelProto:
    return model([helper.make_node("Softmax", ["x"], ["y"], name="probs", axes=1)])


@bad
def attribute_type() -> ModelProto:
    return model([helper.make_node("Softmax", ["x"], ["y"], name="probs", axis=1.0)])


@bad
def missing_attribute() -> ModelProto:
    return model([helper.make_node("Concat", ["x", "x"], ["y"], name="cat")])


@bad
def attribute_reference() -> ModelProto:
    node = helper.make_node("Softmax", ["x"], ["y"], name="probs")
    node.attribute.add(name="axis", ref_attr_name="a", type=onnx.AttributeProto.INT)
    return model([node])


@bad
def arity() -> ModelProto:
    return model([helper.make_node("Relu", ["x", "x"], ["y"], name="act")])


@bad
def missing_input() -> ModelProto:
    return model([helper.make_node("Add", ["x", ""], ["y"], name="sum")])


@bad
def missing_initializer() -> ModelProto:
    return add_w()


@bad
def undefined_output() -> ModelProto:
    return relu(outputs=[tensor("z")])


@bad
def duplicate_name() -> ModelProto:
    return model(
        [
            helper.make_node("Relu", ["x"], ["y"], name="first"),
            helper.make_node("Abs", ["x"], ["y"], name="second"),
        ]
    )


@bad
def duplicate_input() -> ModelProto:
    return relu(inputs=[tensor("x"), tensor("x")])


@bad
def duplicate_attribute() -> ModelProto:
    node = helper.make_node("Softmax", ["x"], ["y"], name="probs", axis=1)
    node.attribute.append(node.attribute[0])
    return model([node])


@bad
def input_is_output() -> ModelProto:
    return model([helper.make_node("Relu", ["x"], ["x"], name="act")], outputs=[tensor("x")])


@bad
def output_arity() -> ModelProto:
    return model([helper.make_node("Relu", ["x"], ["y", "z"], name="act")])


@bad
def attribute_list() -> ModelProto:
    return model([helper.make_node("Softmax", ["x"], ["y"], name="probs", axis=[1])])


@bad
def shapes_of_nodes() -> ModelProto:
    """A product of two results that do not fit."""
    left = helper.make_node("Relu", ["x"], ["a"], name="left")
    right = helper.make_node("Abs", ["x"], ["b"], name="right")
    return model([left, right, helper.make_node("MatMul", ["a", "b"], ["y"], name="product")])


@bad
def duplicate_initializer() -> ModelProto:
    return add_w(raw("w", [3], bytes(12)), raw("w", [3], bytes(12)))


@bad
def cycle() -> ModelProto:
    return model(
        [
            helper.make_node("Add", ["x", "b"], ["a"], name="one"),
            helper.make_node("Relu", ["a"], ["b"], name="two"),
            helper.make_node("Relu", ["b"], ["y"], name="three"),
        ]
    )


@bad
def self_cycle() -> ModelProto:
    return model([helper.make_node("Add", ["x", "y"], ["y"], name="ouroboros")])


@bad
def input_without_type() -> ModelProto:
    m = relu()
    m.graph.input[0].ClearField("type")
    return m


@bad
def input_without_rank() -> ModelProto:
    m = relu()
    m.graph.input[0].type.tensor_type.ClearField("shape")
    return m


@bad
def input_element_type() -> ModelProto:
    return relu(inputs=[tensor("x", dtype=99)])


@bad
def string_zero() -> ModelProto:
    text = TensorProto(
        name="s", data_type=TensorProto.STRING, dims=[2], string_data=[b"a", b"b\0c"]
    )
    return model([helper.make_node("Identity", ["s"], ["y"])], [], initializers=[text])


@bad
def string_count() -> ModelProto:
    text = TensorProto(name="s", data_type=TensorProto.STRING, dims=[3], string_data=[b"a", b"b"])
    return model([helper.make_node("Identity", ["s"], ["y"])], [], initializers=[text])


@bad
def input_dtype() -> ModelProto:
    return model(
        [helper.make_node("Conv", ["x", "x"], ["y"], name="c")],
        inputs=[tensor("x", [1, 1, 2, 2], TensorProto.INT32)],
    )


@bad
def mixed_dtypes() -> ModelProto:
    return model(
        [helper.make_node("Add", ["x", "i"], ["y"], name="sum")],
        inputs=[tensor("x"), tensor("i", dtype=TensorProto.INT64)],
    )


@bad
def huge_input() -> ModelProto:
    return relu(inputs=[tensor("x", [10**12, 10**12])])


@bad
def huge_product() -> ModelProto:
    """Every dim is harmless, the result is not."""
    return model(
        [helper.make_node("MatMul", ["x", "z"], ["y"], name="outer")],
        inputs=[tensor("x", [10**12, 1]), tensor("z", [1, 10**12])],
    )


@bad
def huge_initializer() -> ModelProto:
    return add_w(raw("w", [2**62, 2**62], bytes(12)))


@bad
def negative_dim() -> ModelProto:
    return add_w(raw("w", [-3], bytes(12)))


@bad
def tensor_size() -> ModelProto:
    return add_w(raw("w", [3], bytes(8)))


@bad
def tensor_size_typed() -> ModelProto:
    w = TensorProto(name="w", dims=[3], data_type=TensorProto.FLOAT, float_data=[1, 2])
    return add_w(w)


@bad
def tensor_dtype() -> ModelProto:
    return add_w(raw("w", [3], bytes(3), TensorProto.FLOAT8E5M2))


@bad
def tensor_dtype_number() -> ModelProto:
    return add_w(raw("w", [3], bytes(3), 99))


@bad
def shape_mismatch() -> ModelProto:
    return add_w(raw("w", [2], bytes(8)))


@bad
def axis_range() -> ModelProto:
    return model([helper.make_node("Softmax", ["x"], ["y"], name="probs", axis=4)])


@bad
def rank_limit() -> ModelProto:
    return relu(inputs=[tensor("x", [1] * 9)])


@bad
def all_gaps() -> ModelProto:
    """Every gap must be listed, not only the first."""
    domain = "ai.onnx.preview.training"
    result = model(
        [
            helper.make_node("Gradient", ["x"], ["d"], "one", domain=domain, xs=["x"], y="x"),
            helper.make_node("Gradient", ["d"], ["e"], "two", domain=domain, xs=["d"], y="d"),
            helper.make_node("Gelu", ["x"], ["g"], name="gelu", approximate="maybe"),
            helper.make_node("Cast", ["x"], ["y"], name="cast", to=99),
        ]
    )
    result.opset_import.append(helper.make_opsetid(domain, 1))
    return result


@bad
def gaps_everywhere() -> ModelProto:
    """An unknown domain does not end the list, nor do branches hide anything."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3])
    flag = helper.make_tensor_value_info("flag", TensorProto.BOOL, [])

    def branch(*nodes: NodeProto) -> GraphProto:
        result = helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, None)
        return helper.make_graph(list(nodes), "branch", [], [result])

    def lacking(name: str) -> NodeProto:
        training = "ai.onnx.preview.training"
        return helper.make_node("Gradient", ["x"], [name], name, None, training, xs=["x"], y="x")

    def choose(name: str, condition: str, then: NodeProto, other: NodeProto) -> NodeProto:
        return helper.make_node(
            "If",
            [condition],
            [name],
            name=name,
            then_branch=branch(then),
            else_branch=branch(other),
        )

    gelu = helper.make_node("Gelu", ["x"], ["gelu"], name="gelu", approximate="maybe")
    cast = helper.make_node("Cast", ["x"], ["cast"], name="cast", to=99)
    nodes = [
        helper.make_node("Route", ["x"], ["c"], name="route", domain="com.acme"),
        helper.make_node("Route", ["x"], ["d"], name="again", domain="com.acme"),
        helper.make_node("Relo", ["x"], ["r"], name="relo"),
        choose("known", "flag", gelu, cast),
        choose("unknown", "c", lacking("left"), lacking("right")),
        helper.make_node("Add", ["known", "unknown"], ["y"], name="sum"),
    ]
    m = model(nodes, inputs=[x, flag])
    m.opset_import.append(helper.make_opsetid("com.acme", 1))
    m.opset_import.append(helper.make_opsetid("ai.onnx.preview.training", 1))
    return m


def write_files(folder: pathlib.Path) -> None:
    """Files that are no models, and the beginning of one that is."""
    data = relu().SerializeToString()
    (folder / "empty.onnx").write_bytes(b"")
    (folder / "text.onnx").write_text("this is not a model\n")
    (folder / "zip.onnx").write_bytes(b"PK\x03\x04" + bytes(100))
    (folder / "zeros.onnx").write_bytes(bytes(100))
    (folder / "truncated.onnx").write_bytes(data[: len(data) // 2])
    (folder / "no_graph.onnx").write_bytes(ModelProto(ir_version=10).SerializeToString())
    # Python's protobuf refuses such depth, so this is put together by hand:
    # a graph in an attribute in a node in a graph, and so on.
    deep = b""
    for _ in range(200):
        deep = field(1, field(5, field(6, deep)))
    (folder / "deep.onnx").write_bytes(b"\x08\x0a" + field(7, deep))


def field(number: int, payload: bytes) -> bytes:
    """A length-delimited protobuf field."""
    size, prefix = len(payload), b""
    while size >= 0x80:
        prefix += bytes([size & 0x7F | 0x80])
        size >>= 7
    return bytes([number << 3 | 2]) + prefix + bytes([size]) + payload


def external(location: str, offset: str = "0", length: str = "12") -> ModelProto:
    w = TensorProto(name="w", dims=[3], data_type=TensorProto.FLOAT)
    w.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, "offset": offset, "length": length}.items():
        w.external_data.add(key=key, value=value)
    return add_w(w)


def write_external(folder: pathlib.Path) -> None:
    """Models whose tensors are elsewhere, in ways that are allowed and not."""
    inside = folder / "external"
    (inside / "sub").mkdir(parents=True)
    (folder / "secret.bin").write_bytes(bytes(12))
    (inside / "w.bin").write_bytes(bytes(16))
    (inside / "sub" / "w.bin").write_bytes(bytes(12))
    (inside / "link.bin").symlink_to("w.bin")
    (inside / "linked").symlink_to("sub")
    (inside / "up").symlink_to(folder)
    (inside / "one.bin").write_bytes(bytes(12))
    (inside / "two.bin").hardlink_to(inside / "one.bin")
    os.mkfifo(inside / "pipe")
    models = {
        "good": external("w.bin", "4"),
        "good_sub": external("sub/w.bin"),
        "parent": external("../secret.bin"),
        "hidden_parent": external("sub/../../secret.bin"),
        "absolute": external(str((folder / "secret.bin").resolve())),
        "no_location": external(""),
        "missing": external("nowhere.bin"),
        "not_a_folder": external("w.bin/w.bin"),
        "symlink": external("link.bin"),
        "symlink_folder": external("linked/w.bin"),
        "symlink_out": external("up/secret.bin"),
        "hard_link": external("two.bin"),
        "folder": external("sub"),
        "pipe": external("pipe"),
        "too_short": external("w.bin", "8"),
        "beyond": external("w.bin", str(2**63)),
        "overflow": external("w.bin", "8", str(2**64 - 8)),
        "offset": external("w.bin", "-1"),
        "length": external("w.bin", "0", "8"),
    }
    for name, m in models.items():
        (inside / f"{name}.onnx").write_bytes(m.SerializeToString())


def main(folder: pathlib.Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for make in MODELS:
        (folder / f"{make.__name__}.onnx").write_bytes(make().SerializeToString())
    write_files(folder)
    write_external(folder)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
