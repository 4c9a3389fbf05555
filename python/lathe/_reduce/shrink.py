# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes a case smaller, step by step, as long as it shows the same fault."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

import onnx
from onnx import ModelProto

from lathe._reduce import steps
from lathe._reduce.faults import Checker, Fault, TimeIsUpError, Verdict, suspects
from lathe._reduce.graphs import Case, Whole
from lathe._reduce.values import Type, Value

_ALONE = 24  # Nodes that are tried by themselves because their outputs are the first that differ.


class Shrinker:
    """Has the best case so far, and makes it smaller until nothing more can be left out."""

    def __init__(
        self, checker: Checker, case: Case, verdict: Verdict, say: Callable[[str], object]
    ) -> None:
        """Begin with a case that shows a fault; `say` is told what was reached."""
        assert verdict.fault is not None
        self.checker = checker
        self.best = case
        self.verdict = verdict
        self.fault: Fault = verdict.fault
        self.first_node = ""  # Whose outputs differ while its inputs agree, if that was seen.
        self.needs_open_dims = False
        self.lacks: list[str] = []
        self._say = say
        self._begin = time.monotonic()
        checker.on_trial = self._show
        if self.fault.kind == "hang":
            checker.expect_hangs()

    def run(self) -> bool:
        """Make the case smaller; False if time was up before nothing more could be left out."""
        try:
            self._prepare()
            while self._cut() and self._inline():
                pass
            self._polish()
        except TimeIsUpError:
            return False
        return True

    def take(self, case: Case | None, *, peer_first: bool = False) -> bool:
        """Keep a case if it shows the fault."""
        if case is None:
            return False
        verdict = self.checker.shows(case, self.fault, peer_first=peer_first)
        if verdict is None:
            return False
        if verdict.peer and verdict.peer != "known":
            case = Case(case.model, case.feed, verdict.expected)
        self.best, self.verdict = case, verdict
        self._show()
        return True

    def _show(self) -> None:
        nodes, seconds = self.best.nodes, time.monotonic() - self._begin
        self._say(f"{nodes} nodes left, {self.checker.trials} trials, {seconds:.0f} s")

    # --- Before anything is left out ------------------------------------------

    def _prepare(self) -> None:
        """Inline functions, and give all inputs the sizes that they have, if the fault stays."""
        if self.best.model.functions:
            self.take(_inlined(self.best))
        model = ModelProto()
        model.CopyFrom(self.best.model)
        steps.clear_notes(model)
        self.take(Case(model, self.best.feed))
        if steps.is_open(self.best.model):
            self.needs_open_dims = not self.take(steps.with_sizes(self.best))

    def _whole(self) -> Whole:
        types = _types(self.best.model)
        values: dict[str, Value] = {}
        if self.best.feed or not self.best.model.graph.input:
            values, self.lacks = self.checker.values(self.best, types)
        return Whole(self.best, values, types, not self.needs_open_dims)

    # --- Nodes ----------------------------------------------------------------

    def _cut(self) -> bool:
        """Leave out nodes of the model itself; whether more than one, or a subgraph, is left."""
        whole = self._whole()
        everything = range(len(whole.nodes))
        kept = self._alone(whole) or self._halve(whole, list(everything))
        self._single_output(whole, kept)
        nodes = self.best.model.graph.node
        return any(steps.has_graphs(node) for node in nodes)

    def _alone(self, whole: Whole) -> list[int] | None:
        """Try nodes that are likely to show the fault by themselves."""
        suspects = list(self._suspects(whole))
        for number in suspects[:_ALONE]:
            if self._try(whole, [number]) is not None:
                return [number]
        return None

    def _suspects(self, whole: Whole) -> Iterator[int]:
        if self.fault.kind != "values":
            text = self.verdict.outcome.error
            for number, node in enumerate(whole.nodes):
                if node.name and f'"{node.name}"' in text:
                    yield number
            return
        found = self.checker.tapped(whole)
        if found is None:
            return
        settings = self.checker.settings
        wrong = suspects(whole, found, atol=settings.atol, rtol=settings.rtol)
        if wrong:
            first = whole.nodes[wrong[0][0]]
            self.first_node = f'"{first.name or first.output[0]}" ({first.op_type})'
        yield from dict.fromkeys(number for number, _, _ in wrong)

    def _try(self, whole: Whole, numbers: Iterable[int]) -> list[int] | None:
        """Keep the model of some nodes if it shows the fault; return their numbers then."""
        wanted = set(numbers)
        by_type = self.fault.is_of_compiler
        seen: set[frozenset[int]] = set()
        for as_constants in (False, True):
            cut = whole.cut(wanted, as_constants=as_constants, by_type=by_type)
            if cut is None or (len(cut[1]) >= len(whole.nodes) > 1 and not as_constants):
                continue
            if cut[1] in seen and not _has_short_inputs(whole, cut[1]):
                continue
            seen.add(cut[1])
            if self.take(_fed(cut[0])):
                return sorted(cut[1])
        return None

    def _halve(self, whole: Whole, nodes: list[int]) -> list[int]:
        """Delta debugging: keep one of n parts, or leave one out; smaller parts if none goes."""
        parts = 2
        while len(nodes) > 1:
            size = -(-len(nodes) // parts)
            chunks = [nodes[i : i + size] for i in range(0, len(nodes), size)]
            smaller: list[int] | None = None
            for chunk in chunks:
                smaller = self._smaller(whole, chunk, nodes)
                if smaller is not None:
                    parts = 2
                    break
            if smaller is None and len(chunks) > 2:
                for i in range(len(chunks)):
                    rest = [n for j, chunk in enumerate(chunks) for n in chunk if j != i]
                    smaller = self._smaller(whole, rest, nodes)
                    if smaller is not None:
                        parts = max(parts - 1, 2)
                        break
            if smaller is not None:
                nodes = smaller
            elif parts >= len(nodes):
                break
            else:
                parts = min(2 * parts, len(nodes))
        return nodes

    def _smaller(self, whole: Whole, wanted: list[int], nodes: list[int]) -> list[int] | None:
        kept = self._try(whole, wanted)
        return kept if kept is not None and len(kept) < len(nodes) else None

    def _single_output(self, whole: Whole, nodes: list[int]) -> None:
        """Keep one output if that is enough: the one that differs, or the first that does."""
        names = self.best.outputs
        if len(names) < 2:
            return
        found = self.verdict.fault
        first = [found.output] if found is not None and found.output in names else []
        by_type = self.fault.is_of_compiler
        for name in dict.fromkeys((*first, *names)):
            cut = whole.cut(self._needed(whole, name, nodes), outputs=[name], by_type=by_type)
            if cut is not None and self.take(_fed(cut[0])):
                return

    @staticmethod
    def _needed(whole: Whole, name: str, nodes: list[int]) -> set[int]:
        needed: set[int] = set()
        todo = [name]
        while todo:
            number = whole.producers.get(todo.pop())
            if number in nodes and number not in needed:
                assert number is not None
                needed.add(number)
                todo += whole.used[number]
        return needed

    # --- Subgraphs ------------------------------------------------------------

    def _inline(self) -> bool:
        """Put a subgraph in the place of its node; whether there is something to cut again."""
        return any(self.take(case, peer_first=True) for case in steps.inlined(self.best))

    # --- What is left ---------------------------------------------------------

    def _polish(self) -> None:
        changed = True
        while changed:
            changed = False
            for step in steps.STEPS:
                changed |= self._repeat(step)
        for step in steps.LAST_STEPS:
            self._repeat(step)
        if self.needs_open_dims:
            self.needs_open_dims = not self.take(steps.with_sizes(self.best), peer_first=True)

    def _repeat(self, step: Callable[[Case], Iterator[Case]]) -> bool:
        """Take what a step offers, and ask it again with each case that it made."""
        changed, go_on = False, True
        while go_on:
            go_on = False
            for case in step(self.best):
                if self.take(case, peer_first=True):
                    changed = go_on = True
                    break
        return changed


def _has_short_inputs(whole: Whole, nodes: frozenset[int]) -> bool:
    read = {name for i in nodes for name in whole.used[i]}
    return any(
        getattr(whole.values.get(n), "size", 65) <= 64 and n not in whole.constant for n in read
    )


def _fed(case: Case) -> Case | None:
    """Return a case of which each input has a value; compiling alone needs none."""
    names = [v.name for v in case.model.graph.input]
    return case if all(n in case.feed for n in names) else Case(case.model, {}, {})


def _inlined(case: Case) -> Case | None:
    from onnx import inliner

    try:
        return Case(inliner.inline_local_functions(case.model), case.feed)
    except (RuntimeError, ValueError):
        return None


def _types(model: ModelProto) -> dict[str, Type]:
    """Return what the model and ONNX's inference say of the types of values."""
    try:
        graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    except Exception:  # Of a model that is wrong, or too large for protobuf.
        graph = model.graph
    entries = [*model.graph.value_info, *graph.value_info, *graph.input, *graph.output]
    return {v.name: v.type for v in entries if _is_known(v.type)}


def _is_known(kind: Type) -> bool:
    if kind.HasField("tensor_type"):
        return kind.tensor_type.elem_type != 0
    return kind.WhichOneof("value") is not None
