"""Compare the importer's table of operators with the schemas of onnx and of ONNX Runtime.

Usage: check_op_table.py FILE, the output of `lathe-import --list-ops`. A version
from opset 7 on that the importer lacks is an error, and so is an operator without a row; of older
versions it has the common ones.

Part of the Lathe project, under the Apache License v2.0 with LLVM Exceptions.
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""

import pathlib
import sys
from typing import Any

from onnx import AttributeProto, defs
from onnx.helper import get_attribute_value
from onnxruntime.capi.onnxruntime_pybind11_state import get_all_operator_schema

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "lib/Import/ONNX"))
from vendor_schemas import vendor_schemas

OLDEST_OPSET = 7

# Operators of ONNX that are not imported: derivatives need a pass of their own.
MISSING = {"ai.onnx.preview.training.Gradient"}


def full_name(domain: str, name: str) -> str:
    return f"{domain}.{name}" if domain else name


def describe(schema: Any) -> dict[str, object]:
    """What a model can be checked by, from a schema of either package."""
    types = {t.type_param_str: sorted(t.allowed_type_strs) for t in schema.type_constraints}

    def parameters(formal: Any) -> list[object]:
        return [
            (p.name, str(p.option).rsplit(".", 1)[-1], types.get(kind := text(p), [kind]))
            for p in formal
        ]

    def text(parameter: Any) -> str:
        return str(getattr(parameter, "type_str", None) or parameter.typeStr)

    def default(attribute: Any) -> object:
        raw = getattr(attribute, "_default_value", None)
        value = AttributeProto.FromString(raw) if raw is not None else attribute.default_value
        return get_attribute_value(value) if value.name else None

    return {
        "inputs": parameters(schema.inputs),
        "outputs": parameters(schema.outputs),
        "attributes": {
            name: (str(a.type).rsplit(".", 1)[-1], a.required, default(a))
            for name, a in schema.attributes.items()
        },
    }


def wrong_vendor_schemas() -> int:
    """How many of our schemas differ from what the installed ONNX Runtime says of itself."""
    runtime = {(s.domain, s.name, s.since_version): s for s in get_all_operator_schema()}
    wrong = 0
    for ours in vendor_schemas():
        theirs = runtime[ours.domain, ours.name, ours.since_version]
        if describe(ours) != describe(theirs):
            print(
                f"{ours.name}: {describe(ours)} is written, but ONNX Runtime has {describe(theirs)}"
            )
            wrong += 1
    return wrong


def all_versions() -> dict[str, set[int]]:
    """Every version of each operator, also those that were withdrawn."""
    result: dict[str, set[int]] = {}
    for schema in defs.get_all_schemas_with_history():
        name = full_name(schema.domain, schema.name)
        result.setdefault(name, set()).add(schema.since_version)
    for schema in vendor_schemas():
        name = full_name(schema.domain, schema.name)
        result.setdefault(name, set()).add(schema.since_version)
    return result


def versions() -> dict[str, set[int]]:
    """The versions of each operator that are in force in some opset from 7 on."""
    result: dict[str, set[int]] = {}
    for schema in defs.get_all_schemas_with_history():
        if not schema.deprecated:
            name = full_name(schema.domain, schema.name)
            result.setdefault(name, set()).add(schema.since_version)
    for name, known in result.items():
        if "." in name:  # Other domains count from 1.
            continue
        old = [v for v in known if v <= OLDEST_OPSET]
        result[name] = {v for v in known if v > OLDEST_OPSET} | set(old and [max(old)])
    return result


def main(listing: pathlib.Path) -> int:
    known, existing = versions(), all_versions()
    wrong = wrong_vendor_schemas()
    lines = listing.read_text().split("\n")[:-1]
    listed = {line.split()[0] for line in lines}
    for name in sorted(set(known) - listed - MISSING):
        print(f"{name}: has no row")
        wrong += 1
    if here := MISSING & listed:
        print(f"{sorted(here)} have rows; take them out of MISSING")
        wrong += 1
    for line in lines:
        name, *rest = line.split()
        have = [int(v) for v in rest]
        if len(have) != len(set(have)):
            print(f"{name}: a version is listed twice: {have}")
            wrong += 1
        want = known.get(name, set())
        if missing := want - set(have):
            print(f"{name}: versions {sorted(missing)} are missing")
            wrong += 1
        if extra := set(have) - existing.get(name, set()):
            print(f"{name}: there are no versions {sorted(extra)}")
            wrong += 1
    print(f"{len(lines)} operators, {wrong} wrong rows")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
