#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Write the pages of docs/reference for those who call Lathe: Python, C and C++.

What is said of a function is its docstring or the comment above it. Its example is the part of
docs/reference/examples/ that a comment with its name in brackets begins, alone or among others;
test/docs/test_api.py runs these files.

--check writes nothing and fails if the pages are not what the sources say now.
"""

from __future__ import annotations

import argparse
import ast
import pathlib
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = ROOT / "docs" / "reference"
EXAMPLES = TARGET / "examples"
PYTHON = ROOT / "python/lathe"

# The modules of the Python page, and where their functions are written.
MODULES = {
    "lathe": (
        "compiler.py",
        "model.py",
        "signature.py",
        "dtypes.py",
        "errors.py",
        "unranked.py",
        "custom_ops.py",
        "_reduce/api.py",
        "tuning.py",
        "_lathe.pyi",
    ),
    "lathe.cache": ("cache.py",),
    "lathe.onnx_backend": ("onnx_backend.py",),
    "lathe.torch_backend": ("torch_backend.py",),
}
HEADERS = {
    "c-runtime.md": (
        "The runtime, in C",
        (
            "include/lathe-runtime/runtime.h",
            "include/lathe-runtime/custom_op.h",
            "include/lathe-runtime/cuda.h",
        ),
        "runtime.c",
    ),
    "c-compiler.md": ("The compiler, in C", ("include/lathe-c/compiler.h",), "compiler.c"),
    "cpp.md": ("The compiler, in C++", ("include/lathe/Compiler/Compiler.h",), "compiler.cpp"),
}
MARK = re.compile(r"^\s*(?:#|//|/\*) \[([\w.~ ]+)\](?: \*/)?$")


@dataclass(slots=True)
class Entry:
    """A function or a class of a page."""

    name: str
    declaration: str
    text: str
    members: list[Entry] = field(default_factory=list)


def examples(file: str) -> dict[str, str]:
    """The parts of a file, by the name in the comment that begins them."""
    parts: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in (EXAMPLES / file).read_text().splitlines():
        if match := MARK.match(line):
            current = []
            parts |= dict.fromkeys(match[1].split(), current)
        elif line.strip() in ("# [end]", "// [end]", "/* [end] */") or line.startswith("}"):
            current = None
        elif current is not None:
            current.append(line)
    return {name: dedent(lines) for name, lines in parts.items()}


def dedent(lines: list[str]) -> str:
    """The lines without what all are indented by, and without empty ones around."""
    margin = min((len(x) - len(x.lstrip()) for x in lines if x.strip()), default=0)
    return "\n".join(line[margin:] for line in lines).strip("\n")


def python_entries(path: pathlib.Path, names: set[str] | None) -> Iterator[Entry]:
    """The public functions and classes of a file; those in `names`, if that is given."""
    for node in ast.parse(path.read_text()).body:
        if not isinstance(node, (ast.FunctionDef, ast.ClassDef)) or node.name.startswith("_"):
            continue
        if names is not None and node.name not in names:
            continue
        text = ast.get_docstring(node) or ""
        if isinstance(node, ast.FunctionDef):
            yield Entry(node.name, signature(node), text)
            continue
        members = []
        for item in node.body:
            if isinstance(item, ast.FunctionDef) and (doc := ast.get_docstring(item)):
                if item.name.startswith("_") and item.name != "__call__":
                    continue
                is_property = any(
                    isinstance(d, ast.Name) and d.id == "property" for d in item.decorator_list
                )
                shown = (
                    f"{item.name}: {ast.unparse(item.returns)}"
                    if is_property and item.returns
                    else signature(item)
                )
                members.append(Entry(f"{node.name}.{item.name}", shown, doc))
        bases = ", ".join(ast.unparse(b) for b in node.bases)
        yield Entry(
            node.name, f"class {node.name}" + (f"({bases})" if bases else ""), text, members
        )


def signature(node: ast.FunctionDef) -> str:
    """A function as it is called, one parameter a line where they are many."""
    arguments = [a for a in split_arguments(ast.unparse(node.args)) if a not in ("self", "cls")]
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    line = f"{node.name}({', '.join(arguments)}){returns}"
    if len(line) <= 96:
        return line
    return f"{node.name}(\n" + "".join(f"    {a},\n" for a in arguments) + f"){returns}"


def split_arguments(text: str) -> list[str]:
    """Split at the commas that are in no bracket."""
    parts, depth = [""], 0
    for c in text:
        depth += (c in "([{") - (c in ")]}")
        if c == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += c
    return [p.strip() for p in parts if p.strip()]


def public_names() -> set[str]:
    """What `from lathe import *` would give."""
    for node in ast.parse((PYTHON / "__init__.py").read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names: list[str] = ast.literal_eval(node.value)
            return set(names)
    raise AssertionError("python/lathe/__init__.py has no __all__")


def python_page() -> str:
    """The page of the Python interface."""
    shown = examples("example.py")
    parts = [head("Python", "the docstrings under `python/lathe`", "example.py")]
    for module, files in MODULES.items():
        parts.append(f"## {module}\n")
        for file in files:
            for entry in python_entries(
                PYTHON / file, public_names() if module == "lathe" else None
            ):
                prefix = module.removeprefix("lathe").lstrip(".")
                for named in (entry, *entry.members) if prefix else ():
                    named.name = f"{prefix}.{named.name}"
                parts.append(render(entry, shown, "python"))
    return "\n".join(parts)


def c_entries(path: pathlib.Path) -> Iterator[Entry]:
    """The functions and structures of a C header, each with the comment above it."""
    text = path.read_text()
    comment = ""
    pattern = re.compile(
        r"/\*(?P<comment>.*?)\*/\n?(?=\n|LATHE|typedef|enum|#)"
        r"|LATHE_\w*API (?P<function>[^;]*?(?P<name>lathe_\w+)\([^;]*\));(?: /\*(?P<after>.*?)\*/)?"
        r"|(?P<struct>typedef (?:struct|enum) (?P<tag>lathe_\w+) \{.*?^\} \w+;)",
        re.DOTALL | re.MULTILINE,
    )
    last: Entry | None = None
    for match in pattern.finditer(text):
        if match["comment"] is not None:
            comment = " ".join(
                re.sub(r"^ ?\*", "", x).strip() for x in match["comment"].splitlines()
            ).strip()
            if comment.startswith("---"):
                comment = ""
        elif match["function"] is not None:
            about = comment or (last.text if last else "")
            if match["after"]:
                about = f"{about} {match['after'].strip()}".strip()
            last = Entry(match["name"], collapse(match["function"]) + ";", about)
            yield last
            comment = ""
        else:
            last = Entry(match["tag"], match["struct"], comment)
            yield last
            comment = ""


def cpp_entries(path: pathlib.Path) -> list[Entry]:
    """The functions, and the classes with their functions, of a C++ header."""
    found: list[Entry] = []
    comment: list[str] = []
    owner: Entry | None = None
    lines = iter(path.read_text().splitlines())
    for line in lines:
        stripped = line.strip()
        if stripped.startswith("///"):
            comment.append(stripped[3:].strip())
        elif match := re.match(r"(struct|class) (\w+) \{", stripped):
            owner = Entry(match[2], f"{match[1]} {match[2]}", " ".join(comment))
            found.append(owner)
            comment = []
        elif stripped == "};":
            owner = None
        elif not stripped:
            comment = []
        elif re.match(r"[\w:~].*[(;=]", stripped) and not stripped.startswith(
            ("return", "namespace", "using")
        ):
            declaration = line
            while ";" not in declaration:
                declaration += " " + next(lines).strip()
            code, _, after = declaration.partition("///<")
            about = " ".join(comment) or after.strip()
            comment = []
            plain, nested = code, 1
            while nested:  # What templates are given, the innermost first.
                plain, nested = re.subn(r"<[^<>]*>", "", plain)
            name = re.search(r"([~\w]+)(?=\()|(\w+)(?= *[;={])", plain)
            if not name or not about:
                continue
            word = name[1] or name[2]
            entry = Entry(f"{owner.name}::{word}" if owner else word, collapse(code.strip()), about)
            (owner.members if owner else found).append(entry)
    return found


def collapse(text: str) -> str:
    """A declaration on one line, or on as many as it needs."""
    text = re.sub(r"\s+", " ", text)
    if len(text) <= 110 or "(" not in text:
        return text
    before, rest = text.split("(", 1)
    inside, after = rest.rsplit(")", 1)
    return f"{before}(\n" + ",\n".join(f"    {a}" for a in split_arguments(inside)) + f"){after}"


def header_page(title: str, headers: Iterable[str], file: str) -> str:
    """The page of one header or several."""
    shown = examples(file)
    links = " and ".join(f"[`{header}`](../../{header})" for header in headers)
    parts = [head(title, f"the comments of {links}", file)]
    language = "cpp" if file.endswith(".cpp") else "c"
    entries = cpp_entries if language == "cpp" else c_entries
    for header in headers:
        parts += [render(entry, shown, language) for entry in entries(ROOT / header)]
    return "\n".join(parts)


def head(title: str, source: str, file: str) -> str:
    """How a page begins."""
    return (
        f"# {title}\n\nMade by `tools/dev/make_api_reference.py` of {source}; the examples are\n"
        f"from [examples/{file}](examples/{file}), which a test runs.\n"
    )


def render(entry: Entry, shown: dict[str, str], language: str) -> str:
    """One entry, with its members."""
    level = "###" if entry.members or "." not in entry.name.replace("::", ".") else "####"
    parts = [
        f"{level} {entry.name}\n",
        f"```{language}\n{entry.declaration}\n```\n",
        entry.text + "\n",
    ]
    key = entry.name.replace("::", ".")
    if key in shown:
        parts.append(f"```{language}\n{shown[key]}\n```\n")
    parts += [render(member, shown, language) for member in entry.members]
    return "\n".join(part for part in parts if part.strip())


def pages() -> dict[str, str]:
    """Each page by its name."""
    made = {"python.md": python_page()}
    for name, arguments in HEADERS.items():
        made[name] = header_page(*arguments)
    return {name: re.sub(r"\n{3,}", "\n\n", text).strip() + "\n" for name, text in made.items()}


def without_example() -> list[str]:
    """The functions of the pages that no example shows."""
    missing = []
    sources = [("python.md", "example.py"), *((n, f) for n, (_, _, f) in HEADERS.items())]
    for page, file in sources:
        shown = examples(file)
        for name, declaration in re.findall(
            r"^#{3,4} (\S+)\n\n```\w+\n(.*)", pages()[page], re.MULTILINE
        ):
            key = name.replace("::", ".")
            is_call = f"{key.split('.')[-1]}(" in declaration and not declaration.startswith(
                "class "
            )
            if is_call and key not in shown:
                missing.append(f"{page}: {name}")
    return missing


def main() -> int:
    """Return 1 if --check finds a page that is not fresh."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = 0
    for name, text in pages().items():
        path = TARGET / name
        if path.exists() and path.read_text() == text:
            continue
        if check:
            print(f"{path.relative_to(ROOT)} is not what the sources say; run {sys.argv[0]}")
            stale += 1
        else:
            path.write_text(text)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
