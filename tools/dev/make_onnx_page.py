#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Write docs/onnx-support.md from the importer's tables and what it imports; --check compares it.

Needs a build. Which versions there are, the importer says; which element types and whether sizes
may be open is tried: ONNX's own test of each operator is imported in each type of its schema, and
with a name of its own for every size of its inputs.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from onnx import ModelProto, TensorProto, defs
from onnx.backend.test.loader import load_model_tests

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/onnx-support.md"
BUILD = Path(os.environ.get("LATHE_BUILD", ROOT / "build/release"))
sys.path.insert(0, str(ROOT / "lib/Import/ONNX"))
from vendor_functions import vendor_functions  # type: ignore[import-not-found]  # noqa: E402
from vendor_schemas import (  # type: ignore[import-not-found]  # noqa: E402
    vendor_schemas,
)

HEAD = """# Operators of ONNX

What `lathe compile` reads, by operator. `tools/dev/make_onnx_page.py` writes this page from the
importer's tables; a test compares both with the schemas of the `onnx` package, so that a new opset
shows what it lacks. `lathe check MODEL` says which operators a model has, and which of them are
lacking.

* **versions**: the since-versions that are read; a model of any opset has one of them. Those in
  brackets are expanded from a function: the one that ONNX defines the operator by, or, in other
  domains, the one of `lib/Import/ONNX/vendor_functions.py`.
* **types**: element types of the first operand in which ONNX's own test of the operator is read;
  *floats* are float16, bfloat16, float32 and float64, *integers* those of 8 to 64 bits, with and
  without a sign. Operators of other domains have the types of their schemas.
* **open sizes**: whether ONNX's tests of the operator are read with all sizes and parameters left
  open until the call: *all*, *some* of the tests, or *none*.

What an operator of a row may say and is not read, is an error that names the attribute and its
value (`onnx-unsupported-attribute`), such as more `kv_num_heads` than `q_num_heads` in
`com.microsoft.LinearAttention`.
"""

# Of one operator, tests that are tried in each type.
MOST_TESTS = 3

FLOATS = {"float16", "bfloat16", "float", "double"}
INTEGERS = {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
NAMES = {"float": "float32", "double": "float64"}


def listing() -> dict[tuple[str, str], list[int]]:
    """The versions of each operator that has a row, by domain and name."""
    text = subprocess.check_output([BUILD / "bin/lathe-import", "--list-ops"], text=True)
    rows = {}
    for line in text.splitlines():
        label, *versions = line.split()
        domain, _, name = label.rpartition(".")
        rows[domain, name] = [int(v) for v in versions]
    return rows


def imported(models: dict[str, ModelProto]) -> set[str]:
    """The keys of `models` that the importer reads."""
    with tempfile.TemporaryDirectory() as folder:
        for key, model in models.items():
            (Path(folder) / f"{key}.onnx").write_bytes(model.SerializeToString())
        paths = [f"{key}.onnx" for key in models]
        result = subprocess.run(
            [BUILD / "bin/lathe-import", "--summary", *paths],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    if result.returncode not in (0, 1):
        sys.exit(f"lathe-import ended with {result.returncode}: {result.stderr[-2000:]}")
    return {line.partition(".onnx: ")[0] for line in result.stdout.splitlines()}


def single_nodes() -> Iterator[tuple[str, ModelProto]]:
    """ONNX's tests that are one node: a name, and the model."""
    for case in load_model_tests(kind="node"):
        if case.model is not None and len(case.model.graph.node) == 1:
            yield case.name, case.model


def with_open_sizes(model: ModelProto) -> ModelProto:
    """`model` with a name for every size of its inputs."""
    result = ModelProto()
    result.CopyFrom(model)
    for number, value in enumerate(result.graph.input):
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            # A list of axes or sizes has as many entries as there are; so do scalars.
            if (
                value.type.tensor_type.elem_type != TensorProto.INT64
                or len(value.type.tensor_type.shape.dim) != 1
            ):
                dim.dim_param = f"s{number}_{axis}"
    for value in result.graph.output:
        value.type.tensor_type.ClearField("shape")
    return result


def schema_of(model: ModelProto) -> defs.OpSchema | None:
    """The schema of the only node."""
    node = model.graph.node[0]
    opset = {entry.domain: entry.version for entry in model.opset_import}
    try:
        return defs.get_schema(node.op_type, opset[node.domain], node.domain)
    except (defs.SchemaError, KeyError):
        return None


def with_type(model: ModelProto, schema: defs.OpSchema, kind: str) -> ModelProto:
    """`model` with elements of `kind` where they are of the type of the first operand."""
    result = ModelProto()
    result.CopyFrom(model)
    variable = schema.inputs[0].type_str
    last = len(schema.inputs) - 1
    same = {
        name
        for i, name in enumerate(result.graph.node[0].input)
        if schema.inputs[min(i, last)].type_str == variable
    }
    number = TensorProto.DataType.Value(kind.upper())
    for value in result.graph.input:
        if value.name in same:
            value.type.tensor_type.elem_type = number
    for value in result.graph.output:
        value.type.tensor_type.ClearField("elem_type")
        value.type.tensor_type.ClearField("shape")
    return result


def allowed(schema: defs.OpSchema) -> list[str]:
    """The element types of the first operand."""
    if not schema.inputs:
        return []
    variable = schema.inputs[0].type_str
    for constraint in schema.type_constraints:
        if constraint.type_param_str == variable:
            kinds: Iterable[str] = constraint.allowed_type_strs
            break
    else:
        kinds = [variable]
    return [kind[len("tensor(") : -1] for kind in kinds if kind.startswith("tensor(")]


def describe(kinds: set[str]) -> str:
    """Types as words of the page's head."""
    words = []
    for word, group in (("floats", FLOATS), ("integers", INTEGERS)):
        if group <= kinds:
            words.append(word)
            kinds = kinds - group
    return ", ".join([*words, *sorted(NAMES.get(kind, kind) for kind in kinds)])


def tried() -> tuple[dict[tuple[str, str], set[str]], dict[tuple[str, str], list[bool]]]:
    """For each operator, the types that are read, and whether each test is with open sizes."""
    opened: dict[str, ModelProto] = {}
    typed: dict[str, ModelProto] = {}
    owners: dict[str, tuple[tuple[str, str], str]] = {}
    tests: Counter[tuple[str, str]] = Counter()
    for name, model in single_nodes():
        schema = schema_of(model)
        if schema is None:
            continue
        key = (schema.domain, schema.name)
        opened[f"{name}-open"] = with_open_sizes(model)
        owners[f"{name}-open"] = (key, "")
        tests[key] += 1
        if tests[key] > MOST_TESTS or not all(
            value.type.HasField("tensor_type") for value in model.graph.input
        ):
            continue
        for kind in allowed(schema):
            typed[f"{name}-{kind}"] = with_type(model, schema, kind)
            owners[f"{name}-{kind}"] = (key, kind)
    types: dict[tuple[str, str], set[str]] = defaultdict(set)
    for name in imported(typed):
        types[owners[name][0]].add(owners[name][1])
    sizes: dict[tuple[str, str], list[bool]] = defaultdict(list)
    read = imported(opened)
    for name in opened:
        sizes[owners[name][0]].append(name in read)
    return types, sizes


def versions_of(schemas: Iterable[defs.OpSchema]) -> dict[tuple[str, str], set[int]]:
    """The versions that are in force in some opset, and those of functions, by domain and name."""
    result: dict[tuple[str, str], set[int]] = defaultdict(set)
    for schema in schemas:
        if not schema.deprecated:
            result[schema.domain, schema.name].add(schema.since_version)
    return result


def page() -> str:
    """The whole page."""
    rows = listing()
    types, sizes = tried()
    history = defs.get_all_schemas_with_history()
    bodies = versions_of(s for s in history if s.has_function)  # type: ignore[attr-defined]
    known = versions_of([*history, *vendor_schemas()])
    for body in vendor_functions():
        bodies[body.domain, body.name] |= known[body.domain, body.name]
    vendors = {(s.domain, s.name): set(allowed(s)) for s in vendor_schemas()}
    lines = [HEAD]
    for domain in sorted({domain for domain, _ in known}):
        table, missing = [], []
        for key in sorted(key for key in known if key[0] == domain):
            direct = set(rows.get(key, []))
            expanded = bodies[key] - direct
            if not direct and not expanded:
                missing.append(f"`{key[1]}`")
                continue
            numbers = [f"{v}" if v in direct else f"({v})" for v in sorted(direct | expanded)]
            cases = sizes.get(key, [])
            opened = "all" if all(cases) else "some" if any(cases) else "none"
            kinds = vendors.get(key) if key in vendors and not types.get(key) else types.get(key)
            table.append(
                f"| `{key[1]}` | {' '.join(numbers)} | {describe(set(kinds or ()))} "
                f"| {opened if cases else ''} |"
            )
        lines.append(f"\n## {domain or 'ai.onnx'}\n")
        if table:
            lines += ["| operator | versions | types | open sizes |", "|---|---|---|---|", *table]
        if missing:
            lines.append(f"\nNot read: {', '.join(missing)}.")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Rewrite the page; with --check return 1 if that would change it."""
    wanted = page()
    if "--check" in sys.argv[1:]:
        return int(not PAGE.exists() or wanted != PAGE.read_text())
    PAGE.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
