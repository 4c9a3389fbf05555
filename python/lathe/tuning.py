# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`lathe.tune`: measures the ways to compute each kernel of a model, and keeps the fastest.

A strategy lists alternatives to what it chooses for a kernel: other register tiles, tasks, blocks
of sums, Winograd's filtering or none. The model is compiled once for each number of an alternative,
with that alternative of all kernels, and called in turn with the model as it was. What seems faster
is compiled together and measured again, and only what is faster there, too, is kept.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lathe import _choices, cache, custom_ops
from lathe._inputs import Sizes
from lathe._search import Kernel, Options, Search
from lathe.compiler import _format_dims, _format_limits, _format_ranks
from lathe.errors import compile_error
from lathe.source import Model, Source

# A model that takes more than this part of its time is no faster: so much is noise.
_MOST_OF_BEFORE = 1.01


@dataclass(frozen=True, slots=True)
class TunedKernel:
    """What was found for one kernel.

    `before` and `after` are names of alternatives, `seconds_before` and `seconds_after` the least
    that a call of the model takes with them, all launches of the kernel together; where nothing was
    faster, they are the same. `shares` has, by the names of the other alternatives, the time of
    each as a part of that of the choice; without those that were wrong.
    """

    kernel: str
    key: str
    nodes: str
    before: str
    after: str
    seconds_before: float
    seconds_after: float
    shares: Mapping[str, float]

    @property
    def gain(self) -> float:
        """How many times as fast it is: 1 where nothing was faster."""
        return self.seconds_before / self.seconds_after if self.seconds_after else 1.0


@dataclass(frozen=True, slots=True)
class Tuning:
    """What `lathe.tune` found: the kernels that have alternatives, those that take longest first.

    `seconds_before` and `seconds_after` are the least of a call of the whole model, `table` is the
    file in which the choices are; None if nothing was kept. `problems` say which alternatives were
    wrong, and `interrupted` whether the search ended early.
    """

    kernels: tuple[TunedKernel, ...]
    seconds_before: float
    seconds_after: float
    table: Path | None
    threads: int
    problems: tuple[str, ...]
    interrupted: bool


def tune(
    model: Model,
    *,
    dims: Mapping[str, int | str] | None = None,
    sizes: Mapping[str, int] | None = None,
    shapes: Mapping[str, Sequence[int]] | None = None,
    threads: int = 1,
    minutes: float | None = None,
    table: str | os.PathLike[str] | None = None,
    accuracy: str = "standard",
    precision: str = "f32",
    function: str | None = None,
    limits: Mapping[str, int] | None = None,
    ranks: Mapping[str, int] | None = None,
    allow_links: bool = False,
    seed: int = 0,
    progress: Callable[[int, int, str], object] | None = None,
) -> Tuning:
    """Measure the ways to compute each kernel of a model on this machine, and keep the fastest.

    `model` is as in `lathe.compile`, but for one model only, and so are `dims`, `accuracy`,
    `precision`, `limits`, `ranks` and `allow_links`: kernels of a model with a fixed dim are other
    ones than those with a free one. `sizes` are those of free dims in the inputs, by their names,
    and `shapes` whole shapes by the name of the input; the inputs are random, of `seed`. Calls are
    on `threads` threads. `function` is which of several to call.

    What is faster by more than 3 % twice is written into `table`, beside what is there of other
    kernels; None is the table beside the compiled models, which each later compilation looks in,
    of any model that has the same kernel. An alternative whose outputs differ by more than what
    `lathe.verify` allows is never kept. The search ends after `minutes`; on Ctrl-C, it ends with
    what is known. `progress` is called with
    how many of how many alternatives are done, and what is done now.

    Raises lathe.CompileError if the model cannot be compiled or the table cannot be written,
    lathe.RuntimeError if a call fails, and ValueError for sizes that make no inputs.
    """
    if threads < 1 or isinstance(threads, bool):
        raise ValueError(f"threads is {threads}; give 1 or more")
    if minutes is not None and not minutes > 0:
        raise ValueError(f"minutes is {minutes}; give more than 0")
    path = Path(table) if table is not None else _choices.default_path()
    if path is None:
        raise compile_error(
            "tune-no-table",
            "there is no folder of compiled models to keep the choices in; name a table",
        )
    _choices.check_writable(path)
    source = Source(model)
    program = source.load(
        allow_links=allow_links,
        limits=_format_limits(limits),
        ranks=_format_ranks(ranks),
        custom_ops=custom_ops.sources(),
    )
    directory = cache.default().directory
    options = Options(
        program,
        _format_dims(dims),
        accuracy,
        precision,
        str(directory) if directory else None,
        threads,
        function,
    )
    search = Search(options, Sizes(sizes or {}, shapes or {}), seed, minutes, progress)
    search.run()
    return _keep(search, path)


def _keep(search: Search, path: Path) -> Tuning:
    """Try what was found together, and write what is still faster into the table at `path`."""
    kept = search.try_together()
    before, after = search.compare_whole(kept)
    if after is None:
        kept, after = {}, before
    elif kept and after > before * _MOST_OF_BEFORE:
        search.problems.append(
            "the model is no faster with what was found for its kernels, so that nothing is kept "
            "[tune-no-gain]"
        )
        kept = {}
    rows = tuple(
        _row(key, kernel, key in kept)
        for key, kernel in sorted(search.kernels.items(), key=lambda item: -item[1].seconds)
        if kernel.measured
    )
    changed: dict[str, dict[str, Any] | None] = {row.key: None for row in rows}
    changed |= {row.key: _entry(search, row) for row in rows if row.key in kept}
    try:
        _choices.write(path, changed)
    except OSError as error:
        raise _choices.unwritable(path, error) from None
    return Tuning(
        rows,
        before,
        after if kept else before,
        path if kept else None,
        search.options.threads,
        tuple(search.problems),
        search.interrupted,
    )


def _row(key: str, kernel: Kernel, is_kept: bool) -> TunedKernel:
    found = kernel.kept if is_kept else None
    before = found.before if found else kernel.seconds
    return TunedKernel(
        kernel.name,
        key,
        kernel.nodes,
        kernel.before,
        found.name if found else kernel.before,
        before,
        found.after if found else before,
        {f.name: f.share for f in kernel.measured if f.name not in kernel.wrong},
    )


def _entry(search: Search, row: TunedKernel) -> dict[str, Any]:
    return {
        "choice": row.after,
        "instead_of": row.before,
        "nodes": row.nodes,
        "target": search.base.model.target,
        "threads": search.options.threads,
        "microseconds_before": round(row.seconds_before * 1e6, 2),
        "microseconds": round(row.seconds_after * 1e6, 2),
    }
