#!/usr/bin/env python3
"""Write docs/reference from ODS: a page for each dialect, one for all passes.

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
DIALECTS = ("graph", "kernel", "tile", "host")
PASS = re.compile(r"^def \w+ *: *(Interface)?Pass<", re.MULTILINE)


def tablegen(source: pathlib.Path, *arguments: str) -> str:
    """What mlir-tblgen makes of `source`, without the parts that only some renderers know."""
    includes = [f"-I{ROOT}", f"-I{ROOT / 'include'}", f"-I{LLVM / 'include'}"]
    command = [str(LLVM / "bin/mlir-tblgen"), *arguments, *includes, str(source)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    text = re.sub(r"^<!--.*?-->\n+", "", text).replace("[TOC]\n\n", "")
    return "\n".join(line.rstrip() for line in text.splitlines()).strip() + "\n"


def page(title: str, body: str) -> str:
    return f"<!-- Made by tools/dev/make_reference.py; edit ODS instead. -->\n\n# {title}\n\n{body}"


def pages() -> dict[str, str]:
    """Every page of the reference, by its name."""
    made = {}
    for name in DIALECTS:
        folder = name.capitalize()
        source = ROOT / "dialects" / folder / f"{folder}Ops.td"
        text = tablegen(source, "-gen-dialect-doc", f"-dialect={name}")
        made[f"{name}.md"] = page(f"The `{name}` dialect", text.partition("\n")[2].lstrip())
    sources = sorted((ROOT / "include/lathe").rglob("*.td"))
    documented = [tablegen(p, "-gen-pass-doc") for p in sources if PASS.search(p.read_text())]
    found = re.split(r"^(?=### )", "".join(documented), flags=re.MULTILINE)
    body = "\n".join(sorted(text.strip() + "\n" for text in found if text.strip()))
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
    extra = sorted(p.name for p in TARGET.glob("*.md") if p.name not in made)
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
