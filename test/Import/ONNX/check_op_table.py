"""Compare the importer's table of operators with the schemas of the onnx package.

Usage: check_op_table.py FILE, the output of `lathe-import --list-ops`. A version
from opset 7 on that the importer lacks is an error; of older ones it has the common ones.

Part of the Lathe project, under the Apache License v2.0 with LLVM Exceptions.
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""

import pathlib
import sys

from onnx import defs

OLDEST_OPSET = 7


def all_versions() -> dict[str, set[int]]:
    """Every version of each operator, also those that were withdrawn."""
    result: dict[str, set[int]] = {}
    for schema in defs.get_all_schemas_with_history():
        if schema.domain == "":
            result.setdefault(schema.name, set()).add(schema.since_version)
    return result


def versions() -> dict[str, set[int]]:
    """The versions of each operator that are in force in some opset from 7 on."""
    result: dict[str, set[int]] = {}
    for schema in defs.get_all_schemas_with_history():
        if schema.domain == "" and not schema.deprecated:
            result.setdefault(schema.name, set()).add(schema.since_version)
    for name, known in result.items():
        old = [v for v in known if v <= OLDEST_OPSET]
        result[name] = {v for v in known if v > OLDEST_OPSET} | set(old and [max(old)])
    return result


def main(listing: pathlib.Path) -> int:
    known, existing = versions(), all_versions()
    wrong = 0
    lines = listing.read_text().split("\n")[:-1]
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
