#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Write docs/reference from ODS: a page for each dialect, one for all passes; and one of types.

The example of an op is the first one of its round-trip test, so that it is true and cannot be
forgotten.

--check writes nothing and fails if the pages are not what ODS says now.
"""

from __future__ import annotations

import argparse
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = ROOT / "docs" / "reference"
LLVM = pathlib.Path("/usr/lib/llvm-22")

# In the order of the levels.
DIALECTS = ("graph", "kernel", "tile", "device", "host")
ROUND_TRIP = "// RUN: lathe-opt %s | lathe-opt"
STATEMENT = re.compile(r"^( *)(?:%[^=]+ = )?(\w+\.\w+)\b")
TYPES = ROOT / "include/lathe-runtime/element_types.def"
ROW = re.compile(r"^LATHE_ELEMENT_TYPE\((.*)\)$", re.MULTILINE)
PASS = re.compile(r"^def \w+ *: *(Interface)?Pass<", re.MULTILINE)


def tablegen(source: pathlib.Path, *arguments: str) -> str:
    """What mlir-tblgen makes of `source`, without the parts that only some renderers know."""
    includes = [f"-I{ROOT}", f"-I{ROOT / 'include'}", f"-I{LLVM / 'include'}"]
    command = [str(LLVM / "bin/mlir-tblgen"), *arguments, *includes, str(source)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    text = re.sub(r"^<!--.*?-->\n+", "", text).replace("[TOC]\n\n", "")
    return "\n".join(line.rstrip() for line in text.splitlines()).strip() + "\n"


def examples(dialect: str) -> dict[str, str]:
    """The first use of each op in the round-trip tests, by the op's name, as it stands there."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "test/dialects" / dialect.capitalize()).glob("*.mlir")):
        text = path.read_text()
        if ROUND_TRIP not in text:
            continue
        lines = [line for line in text.splitlines() if not line.lstrip().startswith("//")]
        for number, line in enumerate(lines):
            match = STATEMENT.match(line)
            if not match or match[2] in found or not match[2].startswith(f"{dialect}."):
                continue
            # The rest of a statement is indented deeper, but for the ends of regions.
            indent, taken = len(match[1]), [line]
            for more in lines[number + 1 :]:
                deeper = more.startswith(" " * (indent + 1))
                if not deeper and not more[indent:].startswith(("}", "^")):
                    break
                taken.append(more)
            found[match[2]] = "\n".join(t[indent:] for t in taken)
    return found


def with_examples(text: str, dialect: str) -> str:
    """The page of a dialect with an example in the section of each op that has a test."""
    made = examples(dialect)

    def add(section: str) -> str:
        name = re.match(r"### `([\w.]+)`", section)
        if not name or name[1] not in made:
            return section
        end = re.search(r"^(Traits|Interfaces|Effects|#### )", section, re.MULTILINE)
        at = end.start() if end else len(section)
        block = f"Example:\n\n```mlir\n{made[name[1]]}\n```\n\n"
        return section[:at] + block + section[at:]

    return "".join(map(add, re.split(r"^(?=### )", text, flags=re.MULTILINE)))


def page(title: str, body: str) -> str:
    note = "<!-- Made by tools/dev/make_reference.py; edit its source instead. -->"
    return f"{note}\n\n# {title}\n\n{body}"


def type_table() -> str:
    """The table of element types."""
    lines = ["| type | bits | ONNX | `ml_dtypes` or NumPy | C |", "|---|---|---|---|---|"]
    for row in ROW.findall(TYPES.read_text()):
        number, _, bits, name, numpy, c, onnx, onnx_name = [
            cell.strip().strip('"') for cell in row.split(",")[1:9]
        ]
        lines.append(
            f"| `{name}` | {bits} | {onnx}, `{onnx_name}` | `{numpy}` | {number}, `{c.strip()}` |"
        )
    return "\n".join(lines) + "\n"


TYPES_BODY = """\
Made from `include/lathe-runtime/element_types.def`, which the compiler, the runtime, the command
line and the Python package read. [Types](../types.md) says what can be done with them.

"""


def pages() -> dict[str, str]:
    """Every page of the reference, by its name."""
    made = {}
    for name in DIALECTS:
        folder = name.capitalize()
        source = ROOT / "dialects" / folder / f"{folder}Ops.td"
        text = tablegen(source, "-DLATHE_ALL_OPS", "-gen-dialect-doc", f"-dialect={name}")
        body = with_examples(text.partition("\n")[2].lstrip(), name)
        made[f"{name}.md"] = page(f"The `{name}` dialect", body)
    sources = sorted((ROOT / "include/lathe").rglob("*.td"))
    documented = [tablegen(p, "-gen-pass-doc") for p in sources if PASS.search(p.read_text())]
    found = re.split(r"^(?=### )", "".join(documented), flags=re.MULTILINE)
    body = "\n".join(sorted(text.strip() + "\n" for text in found if text.strip()))
    made["types.md"] = page("Element types", TYPES_BODY + type_table())
    made["passes.md"] = page("Passes", re.sub(r"^#(?=##)", "", body, flags=re.MULTILINE))
    return made


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    try:
        made = pages()
    except subprocess.CalledProcessError as error:
        print(error.stderr, file=sys.stderr)
        return 1
    stale = []
    TARGET.mkdir(exist_ok=True)
    for name, text in made.items():
        path = TARGET / name
        if not path.is_file() or path.read_text() != text:
            stale.append(name)
            if not check:
                path.write_text(text)
    extra = sorted(
        p.name
        for p in TARGET.glob("*.md")
        if p.name not in made and "`tools/dev/make_api_reference.py`" not in p.read_text()
    )
    if check and (stale or extra):
        print(
            f"docs/reference is out of date: {', '.join(stale + extra)};"
            " run tools/dev/make_reference.py [reference-stale]"
        )
        return 1
    for name in [] if check else extra:
        (TARGET / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
