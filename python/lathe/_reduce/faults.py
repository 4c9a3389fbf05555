# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is wrong with a model, as far as one trial of Lathe and of its peers shows it."""

from __future__ import annotations

import hashlib
import pickle
import re
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from lathe._compare import Difference
from lathe._reduce import graphs
from lathe._reduce.graphs import Case, Whole, with_outputs
from lathe._reduce.settings import Settings
from lathe._reduce.trials import Outcome, Trials
from lathe._reduce.values import Type, Value, difference, is_finite

# Ids that say which step failed, and not why: there, the message tells faults apart.
_VAGUE = frozenset(("", "phase-mlir", "phase-failed", "llvm-fatal", "codegen-verify", "jit-link"))
# What a program that ends itself says why.
_LAST_WORDS = re.compile(r"Assertion `.*' failed|LLVM ERROR: .*|UNREACHABLE executed.*")
_FAR = 10.0  # Times the tolerance: a difference so large stays so large while a model shrinks.


class TimeIsUpError(Exception):
    """The minutes are over."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong. Two faults are of one kind if `kind` and `key` are equal.

    `kind` is "error" (of the compiler), "crash", "hang", "call" (an error of the call), "values"
    or "threads". `text` says it in words, `stage` is the phase of the compiler, or "call".
    `has_answer` is whether a peer has a result for the model.
    """

    kind: str
    key: tuple[str, ...]
    text: str
    stage: str = ""
    output: str = ""
    excess: float = 0.0
    has_answer: bool = False

    @property
    def is_of_compiler(self) -> bool:
        """Whether compiling shows it, without a call."""
        return self.kind in ("error", "crash", "hang") and self.stage != "call"

    def is_like(self, other: Fault) -> bool:
        """Whether this is what is left of `other` in a smaller model."""
        if self.kind != other.kind or self.key != other.key:
            return False
        return self.kind != "values" or other.excess <= _FAR or self.excess > _FAR


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one look at a case found: a fault or none, and what the engines said."""

    fault: Fault | None
    outcome: Outcome
    peer: str = ""  # The peer that has an answer, "" for none.
    refusal: str = ""  # Why the last peer has none.
    expected: dict[str, Value] = field(default_factory=dict)
    compared: int = 0


class Checker:
    """Runs trials. Nothing that they do can end this process."""

    def __init__(self, settings: Settings, deadline: float) -> None:
        """Start what trials are forked from; `deadline` is of `time.monotonic`."""
        self.settings = settings
        self.deadline = deadline
        self._folder = tempfile.TemporaryDirectory(prefix="lathe-reduce-")
        self._lathe = Trials(("lathe", "numpy"), settings.seconds)
        modules = {"onnxruntime": "onnxruntime", "reference": "onnx.reference"}
        wanted = tuple(modules.get(peer, "onnx") for peer in settings.peers)
        self._peers = Trials(("onnx", "lathe._reduce.graphs", *wanted), settings.seconds)
        self._known: dict[bytes, Verdict] = {}
        self.on_trial: Callable[[], object] = lambda: None

    def expect_hangs(self) -> None:
        """Wait less for trials from now on: what is left of a model takes less than the model."""
        self._lathe.seconds = max(self.settings.seconds / 6, min(self.settings.seconds, 1.0))

    def close(self) -> None:
        """End all processes, and remove all files."""
        self._lathe.close()
        self._peers.close()
        self._folder.cleanup()

    @property
    def trials(self) -> int:
        """How many trials there were of Lathe."""
        return self._lathe.count

    def write(self, case: Case) -> Path:
        """Write the model of a case for the engines to read; the next one takes its place."""
        path = Path(self._folder.name, "model.onnx")
        graphs.save(case.model, path)
        return path

    def lathe(self, path: Path, feed: Mapping[str, Value] | None, **options: Any) -> Outcome:
        """Compile a model, and call it unless there is no `feed`."""
        request = {
            "model": str(path),
            "feed": feed,
            "custom_ops": self.settings.custom_ops,
            "threads": self.settings.threads,
            "options": {**self.settings.options, **options},
        }
        said = self._lathe.run("lathe", request)
        # Where the model is for a trial is nothing for people.
        return replace(said, error=said.error.replace(f"{path}: ", ""))

    def peer(self, name: str, path: Path, feed: Mapping[str, Value]) -> Outcome:
        """Ask a peer for the outputs of a model."""
        return self._peers.run("peer", {"model": str(path), "feed": dict(feed), "peer": name})

    def look(self, case: Case, *, peer_first: bool = False) -> Verdict:
        """Return what is wrong with a case.

        What the case says to be expected is not asked for again unless it differs. With
        `peer_first`, Lathe is not run where no peer has an answer: for changes that may have left
        no model. Raises TimeIsUpError behind the deadline.
        """
        if time.monotonic() > self.deadline:
            raise TimeIsUpError
        digest = _digest(case)
        if digest in self._known:
            return self._known[digest]
        self.on_trial()
        path = self.write(case)
        answer: tuple[str, dict[str, Value], str] | None = None
        if peer_first:
            answer = self._answer(case, path)
            if not answer[0]:
                self._known[digest] = Verdict(None, Outcome("ok"), "", answer[2])
                return self._known[digest]
        outcome = self.lathe(path, case.feed)
        verdict = self._judge(case, path, outcome, answer)
        self._known[digest] = verdict
        return verdict

    def shows(self, case: Case, fault: Fault, *, peer_first: bool = False) -> Verdict | None:
        """Return what was found if a case shows a fault of the same kind; None if not."""
        use_peer = peer_first and fault.has_answer
        verdict = self.look(case, peer_first=use_peer)
        found = verdict.fault
        if found is None or not found.is_like(fault):
            return None
        # What no peer takes may no longer be a model.
        return verdict if found.has_answer or not fault.has_answer else None

    def _answer(self, case: Case, path: Path) -> tuple[str, dict[str, Value], str]:
        refusal = ""
        for name in self.settings.peers:
            said = self.peer(name, path, case.feed)
            if said.status == "ok" and len(said.answer) == len(case.outputs):
                return name, dict(zip(case.outputs, said.answer, strict=True)), ""
            refusal = said.error or "it has another number of outputs"
            if said.status in ("crash", "hang"):
                refusal = f"its process ended: {said.error}"
        return "", {}, refusal

    def _judge(
        self,
        case: Case,
        path: Path,
        outcome: Outcome,
        answer: tuple[str, dict[str, Value], str] | None,
    ) -> Verdict:
        fault = of_outcome(outcome)
        if fault is None and "outputs" not in outcome.answer:
            return Verdict(None, outcome)
        if fault is None and case.expected and all(n in case.expected for n in case.outputs):
            early = self.compare(outcome.answer["outputs"], case.expected)
            if early is None and not outcome.answer.get("unsteady"):
                return Verdict(None, outcome, "known", "", case.expected, len(case.outputs))
        peer, expected, refusal = answer or self._answer(case, path)
        if not peer and case.expected and fault is None:
            # The whole does not run there, but its nodes did.
            peer, expected = "node by node", case.expected
        if fault is None and outcome.answer.get("unsteady"):
            names = ", ".join(f'"{n}"' for n in outcome.answer["unsteady"])
            fault = Fault(
                "threads",
                (),
                f"output {names} has other bits on 1 and on {self.settings.threads} threads",
                "call",
            )
        if fault is not None:
            fault = replace(fault, has_answer=bool(peer))
            return Verdict(fault, outcome, peer, refusal, expected)
        fault = self.compare(outcome.answer["outputs"], expected, peer)
        if fault is not None and len(self.settings.peers) > 1 and peer in self.settings.peers:
            fault = self._second_opinion(case, path, outcome, fault)
        return Verdict(fault, outcome, peer, refusal, expected, len(expected))

    def _second_opinion(
        self, case: Case, path: Path, outcome: Outcome, fault: Fault
    ) -> Fault | None:
        """Return the fault if no other peer has for the output what Lathe has."""
        for name in self.settings.peers[1:]:
            said = self.peer(name, path, case.feed)
            if said.status == "ok" and len(said.answer) == len(case.outputs):
                expected = dict(zip(case.outputs, said.answer, strict=True))
                one = {fault.output: expected[fault.output]}
                if self.compare(outcome.answer["outputs"], one, name) is None:
                    return None
        return fault

    def compare(
        self, found: Mapping[str, Value], expected: Mapping[str, Value], peer: str = ""
    ) -> Fault | None:
        """Return the worst difference as a fault; None if all is within the tolerance."""
        worst: tuple[str, Difference] | None = None
        for name, reference in expected.items():
            if name not in found:
                continue
            d = self.difference(found[name], reference)
            if d.excess > 1 and (worst is None or d.excess > worst[1].excess):
                worst = (name, d)
        if worst is None:
            return None
        name, d = worst
        who = peer or self.settings.peers[0]
        if d.problem:
            text = f'output "{name}" differs from that of {who}: {d.problem}'
            key: tuple[str, ...] = ("shape",)
        else:
            text = (
                f'output "{name}" differs most at {list(d.place)}: {d.actual!r}, but {who} has '
                f"{d.reference!r}; that is {d.excess:.3g} times what is allowed"
            )
            both = is_finite(d.actual) and is_finite(d.reference)
            key = ("finite",) if both else ("not finite",)
        return Fault("values", key, text, "call", name, d.excess, True)

    def difference(self, found: Value, reference: Value) -> Difference:
        """Compare two values with the tolerance of the settings."""
        return difference(found, reference, atol=self.settings.atol, rtol=self.settings.rtol)

    def values(self, case: Case, types: Mapping[str, Type]) -> tuple[dict[str, Value], list[str]]:
        """Return the values of all nodes that peers have, and sentences on what they lack.

        A peer is asked for the whole model first, and then all of them for each node.
        """
        names = [name for node in case.model.graph.node for name in node.output if name]
        names = list(dict.fromkeys(names))
        tapped = Case(with_outputs(case.model, names, types), case.feed)
        path = self.write(tapped)
        for peer in self.settings.peers:
            said = self.peer(peer, path, case.feed)
            if said.status == "ok" and len(said.answer) == len(names):
                return dict(zip(names, said.answer, strict=True)), []
        path = self.write(case)
        skip: set[int] = set()
        while True:
            request = {
                "model": str(path),
                "feed": case.feed,
                "peers": self.settings.peers,
                "skip": skip,
            }
            # As long as all trials of single nodes may take.
            said = self._peers.run("nodes", request, 10 * self.settings.seconds)
            if said.status == "ok":
                break
            if not said.stage.isdecimal() or int(said.stage) in skip:
                return {}, [f"{' and '.join(self.settings.peers)}: {said.error}"]
            skip.add(int(said.stage))
        nodes = case.model.graph.node
        refused = [
            f"{' and '.join(self.settings.peers)} cannot compute node "
            f'"{nodes[i].name or next(iter(nodes[i].output), "")}" ({nodes[i].op_type}): '
            f"{text.splitlines()[0]}"
            for i, text in said.answer["refusals"].items()
        ]
        refused += [f"the node {i} ({nodes[i].op_type}) ends the process of the peer" for i in skip]
        return said.answer["values"], refused

    def tapped(self, whole: Whole) -> Mapping[str, Value] | None:
        """Return what Lathe has for all values that are known; None if it cannot say.

        Outputs that a model does not have change which kernels there are, so a fault may hide.
        """
        made = [n for n in whole.producers if n in whole.values]
        cut = whole.cut(range(len(whole.nodes)), outputs=made)
        if cut is None:
            return None
        self.on_trial()
        said = self.lathe(self.write(cut[0]), cut[0].feed)
        if said.status != "ok" or "outputs" not in said.answer:
            return None
        outputs: Mapping[str, Value] = said.answer["outputs"]
        return outputs


def suspects(
    whole: Whole, found: Mapping[str, Value], *, atol: float, rtol: float
) -> list[tuple[int, str, Difference]]:
    """Return number, output and difference of the nodes that differ while their inputs agree."""
    wrong: list[tuple[int, str, Difference]] = []
    bad: set[str] = set()
    for number, (node, used) in enumerate(zip(whole.nodes, whole.used, strict=True)):
        for name in node.output:
            if name not in found or name not in whole.values:
                continue
            d = difference(found[name], whole.values[name], atol=atol, rtol=rtol)
            if d.excess <= 1:
                continue
            if not used & bad:
                wrong.append((number, name, d))
            bad.add(name)
    return wrong


def of_outcome(outcome: Outcome) -> Fault | None:
    """Return what is wrong with how Lathe's trial ended; None if it has outputs."""
    compiles = not outcome.stage.startswith("call")
    where = f"in the phase {outcome.stage}" if compiles else "in the call"
    stage = outcome.stage if compiles else "call"
    words = _LAST_WORDS.search(outcome.words)
    if outcome.status == "crash":
        said = f": {words[0]}" if words else ""
        text = f"Lathe crashes {where}, with {outcome.error}{said}"
        return Fault("crash", (stage, outcome.error, words[0] if words else ""), text, stage)
    if outcome.status == "hang":
        return Fault("hang", (stage,), f"Lathe does not end {where}: {outcome.error}", stage)
    if outcome.status == "error":
        first = outcome.error.splitlines()[0]
        id = outcome.ids[0] if outcome.ids else ""
        detail = _shape_of(first) if id in _VAGUE else ""
        kind = "error" if compiles else "call"
        return Fault(kind, (id, detail), first, stage)
    return None


def _shape_of(message: str) -> str:
    """Return a message without what belongs to a model: its file, names and numbers."""
    text = re.sub(r'^.*?error: |"[^"]*"', "", message)
    return re.sub(r"\d+", "#", text)


def _digest(case: Case) -> bytes:
    whole = hashlib.sha256()
    graph = case.model.graph
    for part in (*graph.node, *graph.initializer, *graph.sparse_initializer):
        whole.update(part.SerializeToString(deterministic=True))
    for part in (*graph.input, *graph.output, *case.model.functions):
        whole.update(part.SerializeToString(deterministic=True))
    for name, value in sorted(case.feed.items()):
        whole.update(name.encode())
        if isinstance(value, np.ndarray) and value.dtype.kind != "O":
            whole.update(f"{value.dtype}{value.shape}".encode())
            whole.update(np.ascontiguousarray(value).tobytes())
        else:
            whole.update(pickle.dumps(value))
    return whole.digest()
