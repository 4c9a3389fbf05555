# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Graphs that are odd in themselves: their inputs, outputs, names, types, depth."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from zoo.builder import FLOAT, Family, Net

FAMILY = Family()
ROWS = ({"n": 1}, {"n": 3}, {"n": 0})
HALF = (4e-3, 4e-3)
F64 = (1e-14, 1e-14)


@FAMILY(*ROWS)
def outputs_of_every_kind(m: Net) -> list[str]:
    """An input, a constant, an initializer, one value twice, a scalar, a shape."""
    x = m.input("x", "n", 4)
    m.input("unused", 2, "n")
    y = m.Relu(x)
    table = m.weight(2, 3)
    constant = m.Constant(value=onnx.numpy_helper.from_array(np.array([1.5, 2], np.float32)))
    total = m.reduce("Sum", x, 0, 1, keepdims=0)
    total = m.Add(total, m.constant(np.float32(1)))
    twice = m.Identity(y)
    return [x, table, constant, y, twice, total, m.Shape(x), m.Size(x), m.Identity(x)]


@FAMILY({"n": 2})
def scalars(m: Net) -> list[str]:
    a = m.input("a")
    i = m.input("i", dtype=np.int64, limit=3)
    x = m.input("x", "n", 3)
    table = m.weight(3, 2)
    y = m.Mul(m.Sqrt(m.Abs(a)), m.constant(np.float32(2)))
    v = m.unsqueeze(y, 0)
    row = m.Gather(table, i)
    return [
        y,
        v,
        row,
        m.Add(x, a),
        m.Concat(v, v, axis=0),
        m.Cast(i, to=FLOAT),
        m.Softmax(v, axis=0),
    ]


@FAMILY(*ROWS, opsets=(13, 20))
def odd_names(m: Net) -> list[str]:
    """Slashes, colons, spaces, quotes, other alphabets; nodes without names."""
    x = m.input("x:0", "n", 4)
    z = m.input("входные данные", "n", 4)
    m.scope = 'модель/层.0::"a b"/'
    y = m.linear(x, 4, 5)
    y = m.Relu(y)
    m.scope = "main/%1/@f/!x;#"
    y = m.Add(y, m.linear(z, 4, 5))
    for node in m.nodes[::2]:
        node.name = ""
    m.nodes.append(helper.make_node("Softmax", [y], ["выход/∑:0"], axis=-1))
    return ["выход/∑:0", y]


@FAMILY(*ROWS)
def leftovers(m: Net) -> str:
    """Identities, dropouts, casts to the same type, transposes and reshapes that do nothing."""
    x = m.input("x", "n", 6)
    y = m.Identity(m.Identity(x))
    if m.opset < 12:
        y = m.Dropout(y, ratio=0.5)
    else:
        y = m.many("Dropout", 2, y, np.float32(0.5), np.bool_(False))[0]
        y = m.Dropout(y)
    y = m.Cast(m.Cast(y, to=FLOAT), to=FLOAT)
    y = m.Transpose(m.Transpose(y, perm=[1, 0]), perm=[1, 0])
    y = m.Reshape(m.Reshape(y, np.array([0, 2, 3])), m.Shape(x))
    y = m.slice(y, 1, 0, 2**63 - 1)
    y = m.Concat(y, axis=0)
    y = m.Expand(y, np.array([1, 1]))
    y = m.Add(m.Mul(y, np.float32(1)), np.float32(0))
    y = m.Max(m.Sum(y))
    y = m.Pad(y, np.array([0, 0, 0, 0]))
    y = m.Tile(y, np.array([1, 1]))
    y = m.unsqueeze(m.squeeze(m.unsqueeze(y, 0), 0), 1)
    return m.squeeze(y, 1)


@FAMILY(*ROWS, opsets=(12, 18))
def types(m: Net) -> list[str]:
    x = m.input("x", "n", 5)
    u = m.input("u", "n", 5, dtype=np.uint8, limit=256)
    i = m.input("i", "n", 5, dtype=np.int32, limit=50)
    b = m.input("b", "n", 5, dtype=np.bool_)
    d = m.input("d", "n", 5, dtype=np.float64)
    to = {
        name: getattr(onnx.TensorProto, name.upper())
        for name in ("int8", "int16", "int32", "uint8", "bool", "double", "int64", "uint32")
    }
    byte = m.Cast(m.Mul(m.Sigmoid(x), np.float32(255)), to=to["uint8"])
    whole = m.Add(m.Mul(i, np.int32(3)), m.Cast(u, to=to["int32"]))
    even = m.Equal(m.Mod(i, np.int32(2)), np.int32(0))
    both = m.And(even, m.Or(b, m.Not(b)))
    wide = m.Div(m.Sub(d, m.reduce("Mean", d, 1)), m.constant(np.float64(3)))
    exact = m.MatMul(wide, m.weight(5, 2, dtype=np.float64))
    narrow = m.Cast(m.Clip(x, np.float32(-3), np.float32(3)), to=to["int8"])
    sign = m.Sub(m.Cast(b, to=to["int64"]), m.constant(np.int64(1)))
    division = m.Div(m.Sub(i, np.int32(25)), np.int32(4))
    bits = m.Where(b, i, m.Neg(i))
    truth = m.Cast(x, to=to["bool"])
    return [
        byte,
        whole,
        both,
        wide,
        exact,
        narrow,
        sign,
        division,
        bits,
        truth,
        m.Xor(b, truth),
        m.reduce("Max", i, 1),
        m.reduce("Sum", i, 1),
    ]


@FAMILY({"n": 1}, {"n": 3}, opsets=(13, 20), tolerance=HALF)
def half(m: Net) -> list[str]:
    x = m.input("x", "n", 3, 8, 8, dtype=np.float16)
    y = m.Conv(
        x, m.weight(8, 3, 3, 3, dtype=np.float16), m.weight(8, dtype=np.float16), pads=[1] * 4
    )
    y = m.Mul(y, m.Sigmoid(y))
    y = m.MaxPool(y, kernel_shape=[2, 2], strides=[2, 2])
    z = m.Reshape(y, np.array([0, 8, -1]))
    z = m.Transpose(z, perm=[0, 2, 1])
    s = m.Softmax(m.MatMul(z, m.Transpose(z, perm=[0, 2, 1])), axis=-1)
    z = m.MatMul(s, z)
    z = m.reduce("Mean", z, 1, keepdims=0)
    return [
        m.Gemm(z, m.weight(8, 5, dtype=np.float16), m.weight(5, dtype=np.float16)),
        m.Cast(y, to=FLOAT),
    ]


@FAMILY({"n": 2}, {"n": 3}, opsets=(13, 18), tolerance=F64)
def double(m: Net) -> list[str]:
    x = m.input("x", "n", 2, 6, 6, dtype=np.float64)
    y = m.MatMul(m.Reshape(x, np.array([0, 2, 36])), m.weight(36, 2, dtype=np.float64))
    z = m.Relu(m.Flatten(y))
    return [
        m.Gemm(z, m.weight(4, 3, dtype=np.float64), m.weight(3, dtype=np.float64)),
        m.Softmax(z, axis=-1),
    ]


@FAMILY(*ROWS)
def deep(m: Net) -> str:
    """500 nodes in a row."""
    x = m.input("x", "n", 8)
    for i in range(125):
        y = m.Mul(m.Sigmoid(x), np.float32(0.5))
        x = m.Add(x, y) if i % 2 else m.Sub(x, y)
        x = m.Tanh(x) if i % 10 == 0 else m.Abs(x)
    return x


@FAMILY(*ROWS)
def deep_products(m: Net) -> str:
    """60 layers of one shape: one kernel should serve them all."""
    x = m.input("x", "n", 8)
    for _ in range(60):
        x = m.Relu(m.Gemm(x, m.weight(8, 8), m.weight(8)))
    return x


@FAMILY(*ROWS)
def wide(m: Net) -> list[str]:
    """A concatenation of 100 branches, and a split into 100 parts."""
    x = m.input("x", "n", 4)
    parts = [m.Mul(x, np.float32(i / 50 - 1)) for i in range(100)]
    y = m.Concat(*parts, axis=1)
    pieces = m.split(y, [4] * 100, 1)
    return [y, m.Sum(*pieces), m.Max(*pieces[:20])]


@FAMILY(*ROWS, opsets=(15, 20))
def functions(m: Net) -> str:
    """Functions of the model, one inside the other, with attributes passed on."""
    opsets = [helper.make_opsetid("", m.opset), helper.make_opsetid("local", 1)]
    leaky = helper.make_node("LeakyRelu", ["a"], ["b"])
    slope = onnx.AttributeProto(name="alpha", ref_attr_name="slope", type=onnx.AttributeProto.FLOAT)
    leaky.attribute.append(slope)
    inner = helper.make_function("local", "Act", ["a"], ["b"], [leaky], opsets, ["slope"])
    outer = helper.make_function(
        "local",
        "Block",
        ["x", "w"],
        ["y"],
        [
            helper.make_node("MatMul", ["x", "w"], ["h"]),
            helper.make_node("Act", ["h"], ["g"], domain="local", slope=0.25),
            helper.make_node("Add", ["g", "x"], ["y"]),
        ],
        opsets,
    )
    m.functions += [inner, outer]
    x = m.input("x", "n", 4)
    for _ in range(3):
        x = m.Block(x, m.weight(4, 4), domain="local")
        m.nodes[-1].domain = "local"
        del m.nodes[-1].attribute[:]
    return m.Relu(x)


@FAMILY(*ROWS[:2])
def shape_chains(m: Net) -> list[str]:
    """What tracing leaves of x.view(x.size(0), -1) and its relatives."""
    x = m.input("x", "n", 4, 6)
    n, c, w = (m.size(x, i) for i in range(3))
    a = m.view(x, m.Mul(n, c), w)
    b = m.view(x, n, m.Div(m.Mul(c, w), np.array([3])), 3)
    both = m.Cast(m.Floor(m.Div(m.Cast(w, to=FLOAT), np.float32(2))), to=7)
    d = m.Reshape(x, m.Concat(n, c, both, np.array([2]), axis=0))
    tail = m.slice(m.Shape(x), 0, 1, 2**63 - 1)
    e = m.Reshape(x, m.Concat(np.array([-1]), tail, axis=0))
    f = m.Reshape(x, m.Concat(m.slice(m.Shape(x), 0, 0, -1), np.array([3, 2]), axis=0))
    g = m.Expand(m.weight(1, 1, 6), m.Shape(x))
    h = m.ConstantOfShape(
        m.slice(m.Shape(x), 0, 0, 2), value=helper.make_tensor("v", 1, [1], [2.5])
    )
    k = m.Tile(m.weight(1, 3), m.Concat(n, np.array([2]), axis=0))
    whole = m.ReduceProd(m.Shape(x), keepdims=0)
    p = m.Range(np.int64(0), whole, np.int64(2))
    return [a, b, d, e, f, g, h, k, p]


@FAMILY({"n": 3, "k": 2, "t": 4}, {"n": 1, "k": 5, "t": 1}, {"n": 2, "k": 0, "t": 0})
def empty_parts(m: Net) -> list[str]:
    """Parts without elements in concatenations, sums and products."""
    a, b = m.input("a", "n", "k", 4), m.input("b", "n", "t", 4)
    y = m.Concat(a, b, axis=1)
    none = m.constant(np.zeros((0, 4), np.float32))
    z = m.Concat(m.view(a, -1, 4), none, axis=0)
    p = m.MatMul(a, m.Transpose(b, perm=[0, 2, 1]))
    return [
        y,
        z,
        p,
        m.reduce("Sum", a, 1),
        m.Transpose(y, perm=[1, 0, 2]),
        m.slice(b, 1, 1, 2**63 - 1),
    ]
