#!/usr/bin/env python3
"""Write the schemas of operators as C++ tables: arity, attributes and types are checked by them.

Usage: generate_schemas.py OUTPUT. Reads the schemas of the installed `onnx`
package and those of vendor_schemas.py; the output is included by Schema.cpp only.

Part of the Lathe project, under the Apache License v2.0 with LLVM Exceptions.
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""

import json
import pathlib
import sys
from collections.abc import Sequence

import onnx
from onnx import TensorProto, defs
from onnx.helper import get_attribute_value
from vendor_schemas import vendor_schemas

# Names in tensor(...) that differ from those of TensorProto.DataType.
DTYPES = {name.lower(): number for name, number in TensorProto.DataType.items()}
UNLIMITED = 2**31 - 1
OTHER_TYPES_BIT = 0  # Sequences, maps, optionals: the number of UNDEFINED.


def type_mask(types: Sequence[str]) -> int:
    """One bit for each element type of a plain tensor."""
    mask = 0
    for text in types:
        if text.startswith("tensor("):
            mask |= 1 << DTYPES[text[len("tensor(") : -1]]
        else:
            mask |= 1 << OTHER_TYPES_BIT
    return mask


def c_string(text: str) -> str:
    return json.dumps(text)


def default_fields(attribute: defs.OpSchema.Attribute) -> str:
    """The initializers of AttributeSchema's default: has, int, float, string, ints."""
    if not attribute.default_value.name:
        return "false, 0, 0, {}, {}"
    value = get_attribute_value(attribute.default_value)
    if isinstance(value, bool | int):
        return f"true, {value}, 0, {{}}, {{}}"
    if isinstance(value, float):
        return f"true, 0, {value!r}f, {{}}, {{}}"
    if isinstance(value, bytes):
        return f"true, 0, 0, {c_string(value.decode())}, {{}}"
    if isinstance(value, list) and all(isinstance(v, int) for v in value):
        return f"true, 0, 0, {{}}, {c_string(' '.join(map(str, value)))}"
    # Lists of other kinds exist in ai.onnx.ml only.
    return "false, 0, 0, {}, {}"


class Writer:
    """Shares equal parameter and attribute lists between the schemas."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.arrays: dict[str, str] = {}

    def array(self, element: str, prefix: str, rows: list[str]) -> str:
        if not rows:
            return "{}"
        text = ",\n".join("    {" + row + "}" for row in rows)
        if text not in self.arrays:
            name = f"{prefix}{len(self.arrays)}"
            self.arrays[text] = name
            self.lines.append(f"constexpr {element} {name}[] = {{\n{text}}};")
        return self.arrays[text]

    def parameters(self, schema: defs.OpSchema, which: str) -> str:
        masks = {t.type_param_str: type_mask(t.allowed_type_strs) for t in schema.type_constraints}
        rows = []
        for p in getattr(schema, which):
            kind = str(p.option).rsplit(".", 1)[-1]
            mask = masks.get(p.type_str)
            # A type that is written in place constrains no other parameter.
            variable = p.type_str if mask is not None else ""
            if mask is None:
                mask = type_mask([p.type_str])
            homogeneous = "true" if p.is_homogeneous else "false"
            rows.append(
                f"{c_string(p.name)}, ParameterKind::{kind}, {homogeneous}, "
                f"{c_string(variable)}, {mask:#x}u"
            )
        return self.array("ParameterSchema", "parameters", rows)

    def attributes(self, schema: defs.OpSchema) -> str:
        rows = []
        for name, a in sorted(schema.attributes.items()):
            # AttrType's names are those of AttributeProto.AttributeType.
            number = onnx.AttributeProto.AttributeType.Value(str(a.type).rsplit(".", 1)[-1])
            required = "true" if a.required else "false"
            rows.append(f"{c_string(name)}, {number}, {required}, {default_fields(a)}")
        return self.array("AttributeSchema", "attributes", rows)


def arity(low: int, high: int) -> str:
    return f"{low}, {'unlimited' if high >= UNLIMITED else high}"


def main(output: pathlib.Path) -> None:
    writer = Writer()
    rows = []
    schemas = [*defs.get_all_schemas_with_history(), *vendor_schemas()]
    for s in sorted(schemas, key=lambda s: (s.domain, s.name, s.since_version)):
        rows.append(
            f"    {{{c_string(s.domain)}, {c_string(s.name)}, {s.since_version}, "
            f"{'true' if s.deprecated else 'false'}, "
            f"{arity(s.min_input, s.max_input)}, {arity(s.min_output, s.max_output)}, "
            f"{writer.parameters(s, 'inputs')}, {writer.parameters(s, 'outputs')}, "
            f"{writer.attributes(s)}}}"
        )
    newest = {s.domain: 0 for s in schemas}
    for s in schemas:
        newest[s.domain] = max(newest[s.domain], s.since_version)
    newest[""] = defs.onnx_opset_version()
    text = "\n".join(writer.lines)
    table = ",\n".join(rows)
    domains = ",\n".join(f"    {{{c_string(d)}, {v}}}" for d, v in sorted(newest.items()))
    output.write_text(
        f"// Generated by generate_schemas.py from onnx {onnx.__version__}.\n"
        f"{text}\nconstexpr OpSchema schemas[] = {{\n{table}}};\n"
        f"constexpr DomainSchema domains[] = {{\n{domains}}};\n"
        f"constexpr int64_t newestIRVersion = {onnx.IR_VERSION};\n"
    )


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
