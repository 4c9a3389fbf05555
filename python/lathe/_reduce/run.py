# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""From a model with which something is wrong to the smallest that shows it: the whole way."""

from __future__ import annotations

import contextlib
import os
import shlex
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto

from lathe import dtypes
from lathe._inputs import InputError, InputSpec, Sizes, make_input
from lathe._reduce import graphs, phases, values
from lathe._reduce.api import Reduction
from lathe._reduce.faults import Checker, Fault, TimeIsUpError, Verdict
from lathe._reduce.graphs import Case
from lathe._reduce.settings import Settings
from lathe._reduce.shrink import Shrinker
from lathe._reduce.values import Value
from lathe.errors import CompileError, Diagnostic, LatheError, runtime_error
from lathe.source import Source

RUNS = 3  # Random inputs that are tried before a model is said to be right.


def run(
    path: Path,
    written: Path,
    settings: Settings,
    sizes: Sizes,
    given: Mapping[str, Any],
    seed: int,
    minutes: float,
    say: Callable[[str], object],
) -> Reduction:
    """Do what `lathe.reduce` says."""
    deadline = time.monotonic() + 60 * minutes
    loaded = load(path)
    _check_place(path, written)
    checker = Checker(settings, deadline)
    checker.on_trial = lambda: say("looking for what is wrong")
    try:
        rows = _rows(path, settings.options)
        feeds = [make_feed(loaded, given, sizes, seed + run, rows) for run in range(RUNS)]
        if set(given) >= set(feeds[0]):
            feeds = feeds[:1]
        give_ranks(loaded, feeds[0])
        case, verdict, text = _find(checker, loaded, feeds)
        if verdict.fault is None:
            return Reduction("", text)
        shrinker = Shrinker(checker, case, verdict, say)
        is_complete = False
        try:
            is_complete = shrinker.run()
        except KeyboardInterrupt:
            say("ended; writing what is smallest so far")
        return _write(checker, case, verdict, shrinker, written, is_complete)
    except TimeIsUpError:
        raise runtime_error(
            "reduce-time", f"{path}: the minutes were over before a fault was seen; give more"
        ) from None
    finally:
        checker.close()


def _check_place(path: Path, written: Path) -> None:
    """Find out now, and not after minutes, that nothing can be written."""
    if written.exists() and written.samefile(path):
        raise runtime_error(
            "reduce-output-is-model", f"{written}: is the model itself; name another with -o"
        )
    if not os.access(written.parent, os.W_OK) or written.is_dir():
        raise runtime_error(
            "reduce-unwritable", f"{written}: cannot be written; name another file with -o"
        )


def load(path: Path) -> ModelProto:
    """Read a model with all its constants. Raises lathe.CompileError if it is none."""
    try:
        model = onnx.load(path)
        if model.graph.node or model.graph.output:
            # What is an input and a constant is a constant, as in lathe.compile.
            names = {t.name for t in model.graph.initializer}
            kept = [v for v in model.graph.input if v.name not in names]
            del model.graph.input[:]
            model.graph.input.extend(kept)
            return model
    except Exception:  # What onnx raises has no common base; the compiler says it better.
        pass
    Source(path).load()
    raise InputError(
        f"{path}: the file has no graph, or data that it refers to is missing [reduce-no-graph]"
    )


def _rows(path: Path, options: Mapping[str, Any]) -> list[int]:
    """Return the rows of tables that inputs are ids of; nothing if the model cannot be read."""
    allowed = [f"{name}={number}" for name, number in options["limits"].items()]
    try:
        program = Source(path).load(allow_links=options["allow_links"], limits=allowed)
        return program.index_bounds()
    except LatheError:
        return []


def make_feed(
    model: ModelProto, given: Mapping[str, Any], sizes: Sizes, seed: int, rows: Sequence[int]
) -> dict[str, Value]:
    """Return a value for each input: what is given, or random tensors. Raises InputError."""
    entries = list(model.graph.input)
    names = {v.name for v in entries}
    for option, unknown in (("input", set(given) - names), ("shape", set(sizes.shapes) - names)):
        if unknown:
            there = ", ".join(sorted(names)) or "none"
            raise InputError(
                f"--{option} {min(unknown)}: the model has no such input; there is: {there} "
                f"[inputs-unknown-{option}]"
            )
    free = {d.dim_param for v in entries for d in v.type.tensor_type.shape.dim if d.dim_param}
    for name in sizes.dims:
        if name not in free:
            there = ", ".join(sorted(free)) or "none"
            raise InputError(
                f"--dim {name}: the model has no such free dim; there is: {there} "
                "[inputs-unknown-dim]"
            )
    dims = dict(sizes.dims)
    for entry in entries:
        if entry.name in given and values.is_tensor(given[entry.name]):
            shape = np.asarray(given[entry.name]).shape
            for dim, size in zip(entry.type.tensor_type.shape.dim, shape, strict=False):
                if dim.dim_param:
                    dims.setdefault(dim.dim_param, size)
    sizes = Sizes(dims, sizes.shapes, sizes.integers)
    feed: dict[str, Value] = {}
    for i, entry in enumerate(entries):
        if entry.name in given:
            feed[entry.name] = _typed(entry, given[entry.name])
        elif not entry.type.HasField("tensor_type"):
            # As in `lathe run`: no tensors, no value.
            feed[entry.name] = [] if entry.type.HasField("sequence_type") else None
        else:
            spec = _spec(entry, rows[i] if i < len(rows) else 0)
            feed[entry.name] = make_input(spec, sizes, seed)
    return feed


def give_ranks(model: ModelProto, feed: Mapping[str, Value]) -> None:
    """Give inputs without a rank that of their value, with open sizes."""
    for entry in model.graph.input:
        kind = entry.type.tensor_type
        if entry.type.HasField("tensor_type") and not kind.HasField("shape"):
            kind.shape.SetInParent()
            for _ in np.asarray(feed[entry.name]).shape:
                kind.shape.dim.add()


def _spec(entry: onnx.ValueInfoProto, rows: int) -> InputSpec:
    kind = entry.type.tensor_type
    by_number = {d.number: d.numpy for d in dtypes.BY_CODE.values()}
    if kind.elem_type not in by_number:
        raise InputError(
            f'input "{entry.name}" has the element type {kind.elem_type}, which Lathe does not '
            "know [reduce-input-type]"
        )
    if not kind.HasField("shape"):
        raise InputError(
            f'input "{entry.name}" has no rank in the model; give it with --input '
            f"{entry.name}=FILE.npy [reduce-input-rank]"
        )
    shape = tuple(
        d.dim_value if d.HasField("dim_value") else d.dim_param or None for d in kind.shape.dim
    )
    return InputSpec(entry.name, by_number[kind.elem_type], shape, rows)


def _typed(entry: onnx.ValueInfoProto, value: Any) -> Value:
    """Return a given value, with the element type of the model where NumPy has none."""
    if isinstance(value, (list, tuple)):
        return [np.asarray(v) for v in value]
    if value is None:
        return None
    array = np.asarray(value)
    if entry.type.HasField("sequence_type"):
        return [array]
    by_number = {d.number: d.numpy for d in dtypes.BY_CODE.values()}
    own = by_number.get(entry.type.tensor_type.elem_type, array.dtype)
    if array.dtype.kind in "OUS":
        return array.astype(object)
    return array.view(own) if array.dtype.kind == "V" and array.dtype != own else array


def _find(
    checker: Checker, model: ModelProto, feeds: Sequence[dict[str, Value]]
) -> tuple[Case, Verdict, str]:
    """Return the first case with a fault, or the last one, and what was compared.

    Raises lathe.RuntimeError if nothing can be compared.
    """
    peers = " and ".join(checker.settings.peers)
    refusal, compared = "", 0
    for feed in feeds:
        case = Case(model, feed)
        verdict = checker.look(case)
        fault, answer = verdict.fault, verdict.outcome.answer or {}
        if fault is not None and fault.kind == "call" and not fault.has_answer:
            raise runtime_error(
                "reduce-no-answer",
                f"the call ends in an error, and no peer has a result either: {fault.text}; "
                f"{_says(peers, verdict.refusal)}; give inputs that the model takes, with "
                "--input",
            )
        if fault is None and not verdict.peer and "outputs" in answer:
            case, verdict = _by_node(checker, case, verdict)
        if verdict.fault is not None:
            if fault is not None and fault.kind == "error":
                _check_options(checker, verdict)
            return case, verdict, ""
        if "outputs" not in answer:
            text = f"it compiles, but this machine cannot run code for {answer['target']}"
            return case, verdict, f"nothing is wrong as far as was looked: {text}"
        refusal = refusal or verdict.refusal
        compared += verdict.compared
    steady = f"the same bits on 1 and on {checker.settings.threads} threads"
    if not compared:
        raise runtime_error(
            "reduce-no-answer",
            f"the model compiles and runs, with {steady}, but there is nothing to compare with: "
            f"{_says(peers, refusal)}",
        )
    text = f"nothing is wrong: {compared} outputs in {len(feeds)} calls agree with {peers}"
    if refusal:
        text += f", and of others it has none: {_says(peers, refusal)}"
    return case, verdict, f"{text}; all have {steady}"


def _check_options(checker: Checker, verdict: Verdict) -> None:
    """Raise lathe.CompileError if the smallest of models ends in the same error: of the options."""
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Neg", ["x"], ["y"])],
        "plain",
        [value("x", onnx.TensorProto.FLOAT, [1])],
        [value("y", onnx.TensorProto.FLOAT, [1])],
    )
    opset = onnx.helper.make_opsetid("", 17)
    plain = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8)
    said = checker.lathe(checker.write(Case(plain, {})), None)
    if said.status == "error" and said.ids[:1] == verdict.outcome.ids[:1]:
        raise CompileError([Diagnostic("error", said.ids[0] if said.ids else "", said.error)])


def _says(peers: str, refusal: str) -> str:
    """Return the first line of why the peers have no answer, with their names."""
    first = refusal.splitlines()[0] if refusal else "no answer"
    return first if first.startswith(peers) else f"{peers}: {first}"


def _by_node(checker: Checker, case: Case, verdict: Verdict) -> tuple[Case, Verdict]:
    """Compare with what peers compute node by node, where none of them takes the model."""
    known, lacks = checker.values(case, {})
    expected = {n: known[n] for n in case.outputs if n in known}
    fault = checker.compare(verdict.outcome.answer["outputs"], expected, "the peer (node by node)")
    refusal = lacks[0] if lacks else verdict.refusal
    found = Verdict(fault, verdict.outcome, "node by node", refusal, expected, len(expected))
    return Case(case.model, case.feed, expected), found


def _write(
    checker: Checker,
    original: Case,
    first: Verdict,
    shrinker: Shrinker,
    path: Path,
    is_complete: bool,
) -> Reduction:
    """Write what is smallest, and say what is known of it."""
    case, verdict = shrinker.best, shrinker.verdict
    fault = verdict.fault
    assert fault is not None and first.fault is not None
    graphs.save(case.model, path)
    words = values.save_inputs(case.feed, path.with_suffix(""))
    sentences: list[str] = []
    phase = fault.stage if fault.is_of_compiler else ""
    if shrinker.first_node and fault.kind == "values":
        sentences.append(f"first node that differs: {shrinker.first_node}")
    # The files are there: whoever presses Ctrl-C now does not want to know more.
    with contextlib.suppress(KeyboardInterrupt):
        with tempfile.TemporaryDirectory(prefix="lathe-reduce-") as folder:
            origin = phases.find_origin(checker, case, verdict, Path(folder))
        phase = origin.phase
        sentences += origin.sentences
        if own := phases.kernels(verdict):
            more = f" and {len(own) - 8} more" if len(own) > 8 else ""
            sentences.append(f"kernels: {', '.join(own[:8])}{more}")
        if others := phases.elsewhere(checker, case, fault):
            found = ", ".join(f"{name}: {'yes' if there else 'no'}" for name, there in others)
            sentences.append(f"the same elsewhere: {found}")
    if shrinker.needs_open_dims:
        sentences.append("with inputs of fixed sizes, the fault is not there")
    sentences += [f"not compared: {text}" for text in shrinker.lacks[:3]]
    return Reduction(
        fault.kind,
        first.fault.text,
        fault.text,
        path,
        tuple(words),
        (case.nodes, original.nodes),
        phase,
        tuple(sentences),
        command_for(checker.settings, fault, case, path, words),
        is_complete,
    )


def command_for(
    settings: Settings, fault: Fault, case: Case, path: Path, words: Sequence[str]
) -> str:
    """Return the command line that shows a fault."""
    feed = [f"--input={word}" for word in words]
    options = [
        f"--{name}={value}"
        for name, value in settings.options.items()
        if name in ("target", "isa", "accuracy", "precision")
        and value not in (None, "host", "standard", "f32")
    ]
    options += [f"--limit={n}={v}" for n, v in (settings.options.get("limits") or {}).items()]
    options += [f"--custom-op={source}" for source in settings.custom_ops]
    if fault.is_of_compiler:
        options = [o for o in options if not o.startswith("--isa")]
        line = ["lathe", "compile", str(path), "-o", str(path.with_suffix(".lathebin")), *options]
    elif fault.kind in ("values", "threads"):
        against = ",".join(settings.peers)
        line = ["lathe", "reduce", str(path), *feed, f"--against={against}", *options]
        if fault.kind == "values" and (settings.atol, settings.rtol) != (1e-4, 1e-3):
            line += [f"--atol={settings.atol:g}", f"--rtol={settings.rtol:g}"]
        elif (
            settings.peers[0] == "onnxruntime"
            and not settings.custom_ops
            and settings.threads == 2
            and all(values.is_tensor(v) for v in case.feed.values())
        ):
            line = ["lathe", "run", str(path), "--verify", *feed, *options]
    else:
        line = ["lathe", "run", str(path), *feed, *options]
    return shlex.join(line)
