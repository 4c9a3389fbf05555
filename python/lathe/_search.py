# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The search of `lathe.tune`: compiles variants of a model, and calls them in turn with it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lathe import _choices
from lathe._compare import compare
from lathe._inputs import Array, InputSpec, Sizes, make_inputs
from lathe._lathe import Artifact, Program
from lathe.model import CompiledModel

MARGIN = 0.03  # Of its time, that an alternative has to save.

# Of the elements of outputs, as in `lathe.verify`.
_ATOL, _RTOL = 1e-4, 1e-3

# Rounds of two calls: at least so many, for at least so many seconds, and no more than the last.
_FEWEST_ROUNDS, _SECONDS, _MOST_ROUNDS = 15, 0.4, 300

# What others do on the machine makes some calls slower, and none faster: the least time counts,
# and the times below which this part of the calls are have to agree with it.
_LOW = 0.25

# How often what seems fastest is tried together before what is left is given up.
_TRIALS = 3

# Of the time that is allowed, what the search may take before what it found is tried together.
_SHARE_OF_SEARCH = 0.7

# Told how many of all alternatives are done, and what is done now.
Progress = Callable[[int, int, str], object]

_NUMBER = re.compile(r'\b(\w+) = (?:(\d+)(?: : i64)?|"([^"]*)")')


@dataclass(frozen=True, slots=True)
class Options:
    """What all compilations have in common."""

    program: Program
    dims: list[str]
    accuracy: str
    precision: str
    kernel_cache: str | None
    threads: int
    function: str | None

    def compile(self, alternative: int = 0, choices: Mapping[str, str] | None = None) -> Variant:
        """Return the model with an alternative of each kernel, or with those of `choices`."""
        text = None
        if choices:
            kernels = {key: {"choice": name} for key, name in choices.items()}
            text = _choices.text_of(kernels)
        artifact = self.program.compile(
            "host",
            self.dims,
            accuracy=self.accuracy,
            precision=self.precision,
            kernel_cache=self.kernel_cache,
            alternative=alternative,
            choices=text,
            choices_file="the choices that are tried" if text else "",
        )
        return Variant(artifact, self)


class Variant:
    """A model that can be called, and what it says of its kernels."""

    def __init__(self, artifact: Artifact, options: Options) -> None:
        self.model = CompiledModel(artifact.module(), artifact, threads=options.threads)
        if options.function is not None:
            self.model = self.model[options.function]
        self.kernels = self.model.kernels
        self.keys = [kernel["key"] for kernel in self.kernels]
        described = {kernel["key"]: _parameters(kernel["strategy"]) for kernel in self.kernels}
        # By key: the alternative that is taken, what it is instead of, how many there are.
        self.choices = {k: d["choice"] for k, d in described.items() if "choice" in d}
        self.instead_of = {k: d["instead_of"] for k, d in described.items() if "instead_of" in d}
        self.counts = {k: int(d["alternatives"]) for k, d in described.items() if d["alternatives"]}

    def call(self, inputs: Sequence[Array]) -> list[Any]:
        """Return the outputs."""
        return list(self.model(*inputs))

    def seconds(self, inputs: Sequence[Array]) -> dict[str, float]:
        """Return the seconds of each kernel that ran, by its key, and of the call, by ""."""
        events: list[tuple[int, int, int]] = []
        begin = time.perf_counter()
        self.model._call(inputs, None, observe=events)
        seconds = {"": time.perf_counter() - begin}
        for kernel, _, nanoseconds in events:
            key = self.keys[kernel]
            seconds[key] = seconds.get(key, 0.0) + nanoseconds / 1e9
        return seconds


def _parameters(strategy: str) -> dict[str, str]:
    """Return the parameters of a strategy that are numbers or texts, with "alternatives"."""
    found = {name: number or text for name, number, text in _NUMBER.findall(strategy)}
    return {"alternatives": "", **found}


@dataclass(slots=True)
class Found:
    """One alternative of a kernel: its name, its least time beside the choice's, in seconds.

    `typical` is the time that most calls take, as a part of that of the choice.
    """

    name: str
    before: float
    after: float
    typical: float

    @property
    def share(self) -> float:
        """Its time as a part of that of the choice."""
        return self.after / self.before

    @property
    def is_faster(self) -> bool:
        """Whether the least times say so clearly, and the others do not deny it."""
        return self.share < 1 - MARGIN and self.typical < 1 - MARGIN / 2


@dataclass(slots=True)
class Kernel:
    """What the search knows of a kernel."""

    name: str
    nodes: str
    before: str
    seconds: float = 0.0
    measured: list[Found] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)  # No faster together with others, or wrong.
    wrong: set[str] = field(default_factory=set)
    kept: Found | None = None

    def best(self) -> Found | None:
        """Return the fastest alternative that may be kept."""
        faster = [f for f in self.measured if f.is_faster and f.name not in self.refused]
        return min(faster, key=lambda f: f.share, default=None)


class Search:
    """One run of `tune`."""

    def __init__(
        self,
        options: Options,
        sizes: Sizes,
        seed: int,
        minutes: float | None,
        progress: Progress | None,
    ) -> None:
        self.options = options
        self._progress = progress or (lambda done, total, what: None)
        self._started = time.monotonic()
        self._minutes = minutes
        self._step("compile the model", 0, 0)
        self.base = options.compile()
        signature = self.base.model.signature
        rows = options.program.index_bounds() or [0] * len(signature.inputs)
        specs = [
            InputSpec(v.name, v.dtype.numpy, v.shape, r)
            for v, r in zip(signature.inputs, rows, strict=True)
        ]
        self.inputs = make_inputs(specs, sizes, seed)
        self.reference = self.base.call(self.inputs)
        again = self.base.call(self.inputs)
        # Random numbers are other ones in each call, and say nothing.
        self.comparable = [_same_bits(a, b) for a, b in zip(self.reference, again, strict=True)]
        self.kernels: dict[str, Kernel] = {}
        self.problems: list[str] = []
        self.interrupted = False
        self.total = 1

    def run(self) -> None:
        """Measure all alternatives, one of each kernel at a time."""
        number = 1
        try:
            while number <= self.total:
                if self._is_over(_SHARE_OF_SEARCH):
                    self.interrupted = True
                    break
                self._step("measure alternatives", number - 1, self.total + _TRIALS)
                variant = self.options.compile(alternative=number)
                self.total = max(variant.counts.values(), default=1) - 1
                self._note_kernels(variant)
                if variant.choices:
                    self._measure(variant)
                number += 1
        except KeyboardInterrupt:
            self.interrupted = True

    def _note_kernels(self, variant: Variant) -> None:
        for kernel in variant.kernels:
            key = kernel["key"]
            if key in variant.counts and key not in self.kernels:
                before = variant.instead_of.get(key, "")
                self.kernels[key] = Kernel(kernel["name"], kernel["nodes"], before)

    def _measure(self, variant: Variant) -> None:
        """Compare one alternative of each kernel with its choice."""
        wrong = self._wrong_of(variant, variant.choices)
        for key, found in self._race(variant, variant.choices).items():
            kernel = self.kernels[key]
            kernel.seconds = kernel.seconds or found.before
            kernel.measured.append(found)
            if key in wrong:
                kernel.refused.add(found.name)
                kernel.wrong.add(found.name)

    def _race(
        self, variant: Variant, names: Mapping[str, str], weight: int = 1
    ) -> dict[str, Found]:
        """Call the model and a variant in turn; return the times of the kernels in `names`."""
        first: list[dict[str, float]] = []
        second: list[dict[str, float]] = []
        self.base.seconds(self.inputs)
        variant.seconds(self.inputs)
        begin = time.perf_counter()
        while len(first) < _MOST_ROUNDS * weight and (
            len(first) < _FEWEST_ROUNDS * weight or time.perf_counter() - begin < _SECONDS * weight
        ):
            first.append(self.base.seconds(self.inputs))
            second.append(variant.seconds(self.inputs))
        result = {}
        for key, name in names.items():
            before = [times[key] for times in first if key in times]
            after = [times[key] for times in second if key in times]
            if before and after:  # Else the kernel is in a branch that is not taken.
                result[key] = Found(
                    name,
                    max(min(before), 1e-9),
                    max(min(after), 1e-9),
                    _low(after) / max(_low(before), 1e-9),
                )
        return result

    def _wrong_of(self, variant: Variant, names: Mapping[str, str]) -> set[str]:
        """Return the kernels whose alternatives make the outputs differ by more than is allowed."""
        problem = self._problem_of(variant)
        if not problem:
            return set()
        keys = sorted(names)
        if len(keys) == 1:
            kernel = self.kernels[keys[0]]
            self.problems.append(
                f"kernel {kernel.name} ({kernel.nodes}): with {names[keys[0]]}, {problem} "
                "[tune-differs]"
            )
            return {keys[0]}
        wrong: set[str] = set()
        for half in (keys[: len(keys) // 2], keys[len(keys) // 2 :]):
            some = {key: names[key] for key in half}
            wrong |= self._wrong_of(self.options.compile(choices=some), some)
        if not wrong:
            # Each is within its tolerance, but not all of them together.
            wrong.update(keys)
            self.problems.append(
                f"{len(keys)} alternatives are right each alone, but with all of them {problem} "
                "[tune-differs]"
            )
        return wrong

    def _problem_of(self, variant: Variant) -> str:
        """Return how outputs differ from the model's by more than is allowed; "" if they do not."""
        for value, actual, reference, comparable in zip(
            self.base.model.outputs,
            variant.call(self.inputs),
            self.reference,
            self.comparable,
            strict=True,
        ):
            if not comparable or not isinstance(reference, np.ndarray):
                continue
            d = compare(actual, reference, value.dtype.numpy, atol=_ATOL, rtol=_RTOL)
            if d.problem or d.excess > 1:
                how = (
                    d.problem or f"{d.actual!r} at {list(d.place)} in the place of {d.reference!r}"
                )
                return f'output "{value.name}" differs: {how}'
        return ""

    def try_together(self) -> dict[str, str]:
        """Return what is still faster where it is tried with all else that is, by key."""
        try:
            self._try_together()
        except KeyboardInterrupt:
            self.interrupted = True
        return {key: k.kept.name for key, k in self.kernels.items() if k.kept}

    def _try_together(self) -> None:
        for trial in range(_TRIALS):
            names = {}
            for key, kernel in self.kernels.items():
                if found := kernel.kept or kernel.best():
                    names[key] = found.name
            open_keys = [key for key in names if not self.kernels[key].kept]
            if not open_keys or (trial and self._is_over(1.0)):
                break
            self._step("try what is fastest together", self.total + trial, self.total + _TRIALS)
            variant = self.options.compile(choices=names)
            wrong = self._wrong_of(variant, names)
            for key, found in self._race(variant, names, weight=2).items():
                kernel = self.kernels[key]
                if found.is_faster and key not in wrong:
                    kernel.kept, kernel.seconds = found, found.before
                else:
                    kernel.kept = None
                    kernel.refused.add(found.name)

    def compare_whole(self, kept: Mapping[str, str]) -> tuple[float, float | None]:
        """Return the least seconds of a call before and after, nobody looking on.

        No time after where all that was found together makes the outputs differ.
        """
        self._step("compare the whole model", self.total + _TRIALS, self.total + _TRIALS)
        variant = self.options.compile(choices=kept) if kept else self.base
        if problem := self._problem_of(variant):
            self.problems.append(f"with all that was found {problem} [tune-differs]")
            variant = self.base
        times: tuple[list[float], list[float]] = ([], [])
        begin = time.perf_counter()
        while len(times[0]) < _FEWEST_ROUNDS or (
            len(times[0]) < _MOST_ROUNDS and time.perf_counter() - begin < 5 * _SECONDS
        ):
            for one, seconds in zip((self.base, variant), times, strict=True):
                start = time.perf_counter()
                one.model._call(self.inputs, None)
                seconds.append(time.perf_counter() - start)
        return min(times[0]), None if problem else min(times[1])

    def _is_over(self, share: float) -> bool:
        minutes = self._minutes
        return minutes is not None and time.monotonic() - self._started > 60 * minutes * share

    def _step(self, what: str, done: int, total: int) -> None:
        self._progress(done, total, what)


def _low(times: Sequence[float]) -> float:
    return sorted(times)[int(_LOW * len(times))]


def _same_bits(a: Any, b: Any) -> bool:
    """Whether two calls gave the same array; no for what is none."""
    return (
        isinstance(a, np.ndarray)
        and isinstance(b, np.ndarray)
        and a.dtype == b.dtype
        and a.shape == b.shape
        and bool(np.array_equal(a, b) if a.dtype == object else a.tobytes() == b.tobytes())
    )
