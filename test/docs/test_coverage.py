# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What ODS declares is documented, tested and used: ops, their constraints, and passes."""

from __future__ import annotations

import functools
import re

import pages
import pytest

DIALECTS = ("graph", "kernel", "tile", "host")
ROUND_TRIP = "// RUN: lathe-opt %s | lathe-opt"
# Ops that share their constraints have one label for each.
SHARED_LABELS = {"max_pool": "pool", "average_pool": "pool"}


def sections(name: str) -> dict[str, str]:
    """The sections of a page of the reference, by what is in backquotes in their headings."""
    found = re.split(r"^##+ `-?([\w.-]+)`.*$", pages.read(f"docs/reference/{name}"), flags=re.M)[1:]
    texts = (re.split(r"^## ", text, flags=re.M)[0] for text in found[1::2])
    return dict(zip(found[::2], texts, strict=True))


OPS = {
    op: text
    for dialect in DIALECTS
    for op, text in sections(f"{dialect}.md").items()
    if op.startswith(f"{dialect}.")
}
PASSES = sections("passes.md")


@functools.cache
def lit_files() -> dict[str, str]:
    suffixes = (".mlir", ".test", ".onnxtxt")
    names = [n for n in pages.tracked() if n.startswith("test/") and n.endswith(suffixes)]
    return {name: pages.read(name) for name in names}


@functools.cache
def labels(dialect: str) -> frozenset[str]:
    """Every `// name_c1` of the lit tests of a dialect and of what is done with it."""
    own = f"test/dialects/{dialect.capitalize()}/"
    texts = (t for n, t in lit_files().items() if n.startswith(own) or "/dialects/" not in n)
    lines = re.findall(r"^ *// (.*)", "\n".join(texts), re.M)
    return frozenset(label for line in lines for label in line.split(", "))


@functools.cache
def run_lines() -> str:
    return "\n".join(re.findall(r"^.*RUN: (.*)$", "\n".join(lit_files().values()), re.M))


def test_there_is_something_to_check() -> None:
    assert len(OPS) > 100 and len(PASSES) > 15


@pytest.mark.parametrize("op", OPS)
def test_an_op_reads_back_as_it_was_written(op: str) -> None:
    dialect = op.partition(".")[0].capitalize()
    use = re.compile(rf"// CHECK[A-Z-]*:.*\b{re.escape(op)}\b(?!\.)")
    files = (t for n, t in lit_files().items() if n.startswith(f"test/dialects/{dialect}/"))
    assert any(ROUND_TRIP in text and use.search(text) for text in files)


@pytest.mark.parametrize("op", OPS)
def test_an_op_has_semantics_and_an_example(op: str) -> None:
    text = re.split(r"^(?:Traits|Interfaces|Effects|#### )", OPS[op], flags=re.M)[0]
    assert "Example:\n\n```mlir\n" in text
    words = re.sub(r"^_.*_$|^Syntax:$|^Example:$|```.*?```", "", text, flags=re.M | re.S)
    assert len(words.split()) > 3, "the description says nothing"


@pytest.mark.parametrize("op", OPS)
def test_each_constraint_has_a_case(op: str) -> None:
    dialect, _, name = op.partition(".")
    prefix = SHARED_LABELS.get(name, name)
    numbers = re.findall(r"^\* \((C\d+)\)", OPS[op], re.M)
    missing = {f"{prefix}_{number.lower()}" for number in numbers} - labels(dialect)
    assert not missing, f"no lit test says '// {', '.join(sorted(missing))}'"


@pytest.mark.parametrize("name", PASSES)
def test_a_pass_says_what_it_does(name: str) -> None:
    assert "Needs: " in PASSES[name] and "Keeps: " in PASSES[name]
    example = re.search(r"```mlir\n(.*?)```", PASSES[name], re.S)
    assert example and "becomes" in example[1], "no IR before and after"


@pytest.mark.parametrize("name", PASSES)
def test_a_pass_has_a_lit_test_by_its_name(name: str) -> None:
    assert re.search(rf"(--|[( ,]){name}\b(?!-)", run_lines())


@pytest.mark.parametrize("name", PASSES)
def test_a_pass_runs_in_one_phase(name: str) -> None:
    """`verify-level` ends all of them; the others are built where one phase is."""
    records = "\n".join(pages.read(n) for n in pages.tracked() if n.endswith(".td"))
    record = re.search(rf'^def (\w+)\s*:\s*(?:Interface)?Pass<"{name}"', records, re.M)
    assert record
    phases = re.split(r"^void build(\w+)Phase", pages.read("lib/Pipeline/Phases.cpp"), flags=re.M)
    built = [
        p for p, t in zip(phases[1::2], phases[2::2], strict=True) if f"create{record[1]}(" in t
    ]
    expected = 0 if name == "verify-level" else 1
    assert len(built) == expected, f"{name} runs in {built}"


def test_each_lit_case_can_fail() -> None:
    """A case that only says what must not be there passes when nothing is there at all."""
    weak = []
    for name, text in lit_files().items():
        if "FileCheck" not in text:
            continue
        for case in re.split(r"(?=CHECK-LABEL)|^// -----$", text, flags=re.M):
            found = set(re.findall(r"// [A-Z0-9]+(-[A-Z]+)?(?:-\d+)?: ", case.partition("RUN:")[0]))
            if "-NOT" in found and found <= {"-NOT", "-LABEL"}:
                weak.append(f"{name}: {case.strip().splitlines()[0]}")
    assert not weak, "\n".join(weak)
