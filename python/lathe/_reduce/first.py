# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The first node of a model whose value differs from that of a peer, for `lathe.verify`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from lathe._reduce.faults import Checker, suspects
from lathe._reduce.graphs import Case, Whole
from lathe._reduce.run import give_ranks, load
from lathe._reduce.settings import Settings
from lathe._reduce.values import Value

_SECONDS = 300.0  # Of all trials together.


def first_difference(path: Path, feed: Mapping[str, Value], settings: Settings) -> str:
    """Return a sentence on the first node of an ONNX model that differs while its inputs agree.

    All values of the model are made outputs for it, in Lathe and in the peers of `settings`; those
    that no peer has are not compared. Raises lathe.CompileError if the file is no model, and what
    onnx raises for one that it cannot take apart.
    """
    model = load(path)
    case = Case(model, dict(feed))
    give_ranks(model, case.feed)
    checker = Checker(settings, time.monotonic() + _SECONDS)
    try:
        values, _ = checker.values(case, {})
        whole = Whole(case, values, {}, is_fixed=True)
        found = checker.tapped(whole)
    finally:
        checker.close()
    peer = settings.peers[0]
    if found is None:
        return f"the first node that differs is not known: {peer} or Lathe has no values of nodes"
    wrong = suspects(whole, found, atol=settings.atol, rtol=settings.rtol)
    if not wrong:
        return (
            "no node differs where all of their values are outputs: it depends on which nodes are "
            f"computed together; 'lathe reduce {path}' cuts the model down"
        )
    number, name, d = wrong[0]
    node = whole.nodes[number]
    said = f'the first node that differs is "{node.name or name}" ({node.op_type})'
    if d.problem:
        return f'{said}: output "{name}": {d.problem}'
    return (
        f'{said}: output "{name}" has {d.actual!r} at {list(d.place)}, but {peer} has '
        f"{d.reference!r}; that is {d.excess:.3g} times what is allowed (atol {settings.atol:g}, "
        f"rtol {settings.rtol:g})"
    )
