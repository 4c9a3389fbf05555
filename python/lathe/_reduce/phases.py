# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where a fault begins: the first phase of the compiler that differs, kernels, and targets.

The IR of the phases `import` and `optimize` can be written as ONNX, so a peer computes it: the
first whose result differs from that of the model is at fault (or what writes it). Later IR runs
nowhere but in Lathe; of it, the kernels and other targets are what can be said.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lathe.__main__ import find_program
from lathe._reduce.faults import Checker, Fault, Verdict, of_outcome
from lathe._reduce.graphs import Case
from lathe._reduce.values import Value

_EXPORTED = ("import", "optimize")
_LEVELS = ("v2", "v3", "v4")


@dataclass(frozen=True, slots=True)
class Origin:
    """The first phase that differs, "" where that is not known, and sentences on why."""

    phase: str
    sentences: tuple[str, ...]


def find_origin(checker: Checker, case: Case, verdict: Verdict, folder: Path) -> Origin:
    """Return where a fault begins; `folder` is for files in between."""
    fault = verdict.fault
    assert fault is not None
    if fault.is_of_compiler:
        return Origin(fault.stage, (f"phase: {fault.stage}, where compiling ends",))
    if fault.kind != "values":
        return Origin("", ())
    program = find_program()
    if program is None:
        return Origin("", ("phase: not known, as the program 'lathe' is not installed",))
    model = checker.write(case)
    peers = " or ".join(checker.settings.peers)
    found: dict[str, bool] = {}  # Whether the IR that a phase leaves is right.
    reasons: dict[str, list[str]] = {}
    extra = ""
    for phase in _EXPORTED:
        exported, problem = _export(checker, program, model, phase, folder)
        answers = [] if exported is None else list(_answers(checker, exported, case))
        if not answers:
            why = problem or f"{peers} does not run it"
            reasons.setdefault(why, []).append(phase)
            continue
        found[phase] = any(checker.compare(a, verdict.expected) is None for a in answers)
        if not found[phase]:
            same = checker.compare(verdict.outcome.answer["outputs"], answers[0]) is None
            extra = ", and gives what Lathe computes" if same else ""
            break
    return _conclude(found, reasons, peers, extra)


def _conclude(
    found: Mapping[str, bool], reasons: Mapping[str, Sequence[str]], peers: str, extra: str
) -> Origin:
    wrong = next((phase for phase, is_right in found.items() if not is_right), "")
    why = "".join(
        f"; the IR that {' and '.join(left)} {'leave' if len(left) > 1 else 'leaves'}, as ONNX: {r}"
        for r, left in reasons.items()
    )
    if wrong:
        # What could not be run may have been wrong before.
        phase = wrong if not reasons else f"{' or '.join(_EXPORTED)}"
        shown = f"the IR that {wrong} leaves, written as ONNX, is wrong with {peers}, too{extra}"
        return Origin(wrong if not reasons else "", (f"phase: {phase}; {shown}{why}",))
    if found.get("optimize"):
        shown = f"the IR that optimize leaves, written as ONNX, is right with {peers}"
        return Origin("partition", (f"phase: partition or later; {shown}",))
    if "import" in found:
        return Origin("", (f"phase: optimize or later{why}",))
    return Origin("", (f"phase: not known{why}",))


def _answers(checker: Checker, model: Path, case: Case) -> Iterator[dict[str, Value]]:
    for peer in checker.settings.peers:
        said = checker.peer(peer, model, case.feed)
        if said.status == "ok" and len(said.answer) == len(case.outputs):
            yield dict(zip(case.outputs, said.answer, strict=True))


def _export(
    checker: Checker, program: str, model: Path, phase: str, folder: Path
) -> tuple[Path | None, str]:
    """Write the IR that a phase leaves as ONNX; or say why that cannot be."""
    text, exported = folder / f"{phase}.mlir", folder / f"{phase}.onnx"
    settings = checker.settings
    words = ["compile", str(model), "--stop-after", phase, "-o", str(text)]
    for name in ("target", "accuracy", "precision"):
        if name in settings.options:
            words.append(f"--{name}={settings.options[name]}")
    for name, number in (settings.options.get("limits") or {}).items():
        words.append(f"--limit={name}={number}")
    own = [f"--custom-op={file}" for file in settings.custom_ops]
    for line in ([*words, *own], ["convert", str(text), "-o", str(exported), *own]):
        try:
            done = subprocess.run(
                [program, *line],
                capture_output=True,
                text=True,
                check=False,
                timeout=settings.seconds,
            )
        except subprocess.TimeoutExpired:
            return None, f"lathe {line[0]} did not end"
        if done.returncode:
            said = [text for text in done.stderr.splitlines() if "error: " in text]
            why = said[0].partition("error: ")[2] if said else f"lathe {line[0]} failed"
            return None, f"it cannot be written: {why}"
    return exported, ""


def kernels(verdict: Verdict) -> list[str]:
    """Return what computes the model: kernels with their strategies."""
    answer = verdict.outcome.answer
    if verdict.outcome.status != "ok" or not answer:
        return []
    return [f"{k['name']} ({k['strategy']})" for k in answer["kernels"]]


def elsewhere(checker: Checker, case: Case, fault: Fault) -> list[tuple[str, bool]]:
    """Return for other targets and settings whether the fault is there, too."""
    if fault.kind == "hang" or fault.stage == "import":
        return []  # Each would take as long as a trial may; a model is read for no target.
    options = checker.settings.options
    path = checker.write(case)
    answer: dict[str, Value] | None = None
    if fault.kind == "values":
        first = next(iter(_answers(checker, path, case)), None)
        answer = first or case.expected
    found: list[tuple[str, bool]] = []
    for name, changed in _others(str(options.get("target", "host")), options):
        outcome = checker.lathe(path, case.feed, **changed)
        other = of_outcome(outcome)
        if other is None and "outputs" not in outcome.answer:
            continue  # This machine cannot run it.
        if other is None and answer is not None:
            other = checker.compare(outcome.answer["outputs"], answer)
        elif other is None and outcome.answer.get("unsteady"):
            other = Fault("threads", (), "")
        if other is not None and other.kind == "error" and fault.kind != "error":
            continue  # A target that this one is not.
        found.append((name, other is not None and other.kind == fault.kind))
    return found


def _others(target: str, options: object) -> Sequence[tuple[str, dict[str, object]]]:
    assert hasattr(options, "get")
    others: list[tuple[str, dict[str, object]]] = []
    if target == "host" or target.startswith("x86_64"):
        for level in _LEVELS:
            if target != f"x86_64:{level}":
                others.append((level, {"target": f"x86_64:{level}", "isa": None}))
    if options.get("accuracy", "standard") == "standard":
        others.append(("accuracy strict", {"accuracy": "strict"}))
    if options.get("precision", "f32") != "f32":
        others.append(("precision f32", {"precision": "f32"}))
    return others
