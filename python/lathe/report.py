# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`lathe report MODEL -o report.html`: what became of a model, as one page to look at.

The page is a single file that needs no network: the model as a graph of the kernels that compute
it, each with its strategy, shapes and nodes; and the IR after every phase, two phases side by side,
folded by function, where a click on a kernel unfolds it in both. With the figures of `lathe
profile MODEL --json FILE`, it has the time of each kernel and its share of the machine's peak, too.
"""

from __future__ import annotations

import argparse
import html
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

import lathe
from lathe import _speed
from lathe._lathe import target_title
from lathe._options import add_size_options, by_name, dims_of
from lathe.model import CompiledModel

PHASES = ("import", "optimize", "partition", "lower", "schedule", "bufferize", "codegen")

_CALL = re.compile(r"^\s*(?:(%[\w#:, %]+?)\s*=\s*)?kernel\.call @(\w+)[^(]*\((.*)$")
_OTHER = re.compile(r"^\s*(%[\w#:, %]+?)\s*=\s*([\w.]+)(.*)$")
_ARGUMENT = re.compile(r"(%\w+): (tensor<[^%]*?>)(?= \{|,|\))((?: \{[^}]*\})?)")
_VALUE = re.compile(r"%[\w]+")


@dataclass(slots=True)
class Box:
    """A call of a kernel, or a value that none computes, in the graph."""

    label: str
    kernel: str = ""
    shape: str = ""
    sources: list[int] = field(default_factory=list)
    layer: int = 0


def read_graph(partitioned: str) -> list[Box]:
    """Return the boxes of the function main, inputs first, in the order in which they run."""
    lines = _body(partitioned, "@main")
    boxes: list[Box] = []
    makers: dict[str, int] = {}
    for name, kind, rest in _ARGUMENT.findall(lines[0] if lines else ""):
        called = re.search(r'graph\.name = "([^"]*)"', rest)
        makers[name] = len(boxes)
        boxes.append(Box(called[1] if called else name, shape=_shape(kind)))
    for line in lines[1:]:
        if match := _CALL.match(line):
            results, kernel, rest = match[1] or "", match[2], match[3]
            operands = rest.split(" : ")[0]
            box = Box(kernel, kernel, _shape(rest.rsplit("->", 1)[-1]))
        elif (match := _OTHER.match(line)) and "constant" not in match[2]:
            results, operands = match[1], match[3].split(" : ")[0]
            box = Box(match[2], shape=_shape(line.rsplit(" : ", 1)[-1].rsplit("->", 1)[-1]))
        else:
            continue
        sources = {makers[v] for v in _VALUE.findall(operands) if v in makers}
        box.sources = sorted(sources)
        box.layer = max((boxes[s].layer + 1 for s in box.sources), default=0)
        for value in _VALUE.findall(results):
            makers[value] = len(boxes)
        boxes.append(box)
    return boxes


def _body(text: str, name: str) -> list[str]:
    """Return the lines of a function of a module, the first with its signature."""
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if f"{name}(" in line and "func" in line), None)
    if start is None:
        return []
    indent = len(lines[start]) - len(lines[start].lstrip())
    end = next(
        (i for i in range(start + 1, len(lines)) if lines[i].startswith(" " * indent + "}")),
        len(lines),
    )
    return lines[start:end]


def _shape(kind: str) -> str:
    """Return "1x3x224x224 f32" for a tensor type."""
    found = []
    for inside in re.findall(r"tensor<([^<>,]*)", kind):
        *dims, element = inside.split("x")
        found.append(f"{'x'.join(dims) or 'scalar'} {element}")
    return ", ".join(found)


@dataclass(slots=True)
class Section:
    """A function of a module, or what stands between functions."""

    title: str
    text: str


def sections(text: str) -> list[Section]:
    """Divide the IR of a phase at its functions."""
    found: list[Section] = []
    lines: list[str] = []
    title, depth = "", ""
    for line in text.splitlines():
        start = re.match(r"^(\s*)(?:[\w.]*func|host\.program)\b[^@]*@([\w.$]+)", line)
        if start and not title:
            if "".join(lines).strip():
                found.append(Section("", "\n".join(lines)))
            lines, title, depth = [], start[2], start[1]
        lines.append(line)
        if title and (line.startswith(depth + "}") or (start and not line.rstrip().endswith("{"))):
            found.append(Section(title, "\n".join(lines)))
            lines, title = [], ""
    if "".join(lines).strip():
        found.append(Section(title, "\n".join(lines)))
    return found


def assembly(model: CompiledModel) -> str:
    """Return the machine code as text; "" where no program disassembles it."""
    program = shutil.which("llvm-objdump-22") or shutil.which("objdump")
    if program is None:
        return ""
    with tempfile.TemporaryDirectory(prefix="lathe-") as folder:
        path = Path(folder, "model.o")
        model.save(path)
        words = [program, "-d", "--no-show-raw-insn", str(path)]
        result = subprocess.run(words, capture_output=True, text=True, check=False)
    return result.stdout if result.returncode == 0 else ""


def assembly_sections(text: str) -> list[Section]:
    """Divide a disassembly at its functions."""
    found = []
    for part in re.split(r"\n(?=[0-9a-f]+ <[^>]+>:)", text):
        if match := re.match(r"[0-9a-f]+ <([^>]+)>:", part):
            found.append(Section(match[1], part))
    return found


def draw(boxes: Sequence[Box], profile: _speed.Profile | None = None) -> str:
    """Return the graph as SVG: time runs down, and what could run side by side is side by side.

    With a profile, a kernel says its time, and the more of it, the fuller is its box.
    """
    width, height, half, gap_x, gap_y = 190, 46, 95, 16, 30
    layers: dict[int, list[int]] = {}
    for i, box in enumerate(boxes):
        layers.setdefault(box.layer, []).append(i)
    widest = max((len(layer) for layer in layers.values()), default=1)
    places = {}
    for depth, layer in layers.items():
        left = (widest - len(layer)) * (width + gap_x) / 2
        for column, i in enumerate(layer):
            places[i] = (left + column * (width + gap_x) + 4, depth * (height + gap_y) + 4)
    parts = []
    for i, box in enumerate(boxes):
        x, y = places[i]
        for source in box.sources:
            sx, sy = places[source]
            middle = (sy + height + y) / 2
            parts.append(
                f'<path d="M{sx + half} {sy + height:.0f}C{sx + half} {middle:.0f} '
                f'{x + half} {middle:.0f} {x + half} {y:.0f}"/>'
            )
    for i, box in enumerate(boxes):
        x, y = places[i]
        kind = "kernel" if box.kernel else "value"
        speed = profile.kernels.get(box.kernel) if profile else None
        time = f"{speed.milliseconds:.3f} ms" if speed else ""
        bar = width * min(speed.share, 1) if speed else 0
        parts.append(
            f'<g class="{kind}" data-kernel="{html.escape(box.kernel)}">'
            f"<title>{html.escape(box.label)} {html.escape(box.shape)}</title>"
            f'<rect x="{x:.0f}" y="{y:.0f}" width="{width}" height="{height}" rx="5"/>'
            f'<rect class="time" x="{x:.0f}" y="{y + height - 4:.0f}" width="{bar:.1f}" '
            'height="4"/>'
            f'<text x="{x + 8:.0f}" y="{y + 19:.0f}">'
            f"{html.escape(_cut(box.label, 15 if time else 24))}</text>"
            f'<text class="shape" text-anchor="end" x="{x + width - 6:.0f}" y="{y + 19:.0f}">'
            f"{time}</text>"
            f'<text class="shape" x="{x + 8:.0f}" y="{y + 36:.0f}">'
            f"{html.escape(_cut(box.shape, 28))}</text></g>"
        )
    total_x = widest * (width + gap_x) + 8
    total_y = len(layers) * (height + gap_y) + 8
    return f'<svg width="{total_x}" height="{total_y}" role="img">{"".join(parts)}</svg>'


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


def _row(kernel: dict[str, str], profile: _speed.Profile | None) -> str:
    """Return a line of the table of kernels."""
    cells = [kernel["name"]]
    if profile:
        speed = profile.kernels.get(kernel["name"])
        cells += (
            [f"{speed.milliseconds:.3f}", _percent(speed.share), _percent(speed.of_peak)]
            if speed
            else ["", "", ""]
        )
    cells += [kernel["strategy"].replace(" : i64", ""), kernel["nodes"]]
    inside = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
    return f'<tr data-kernel="{html.escape(kernel["name"])}">{inside}</tr>'


def page(model: CompiledModel, source: str, title: str, profile: Path | None = None) -> str:
    """Return the page of a model, which `source` names.

    `profile` is what `lathe profile --json` wrote of it. Raises _speed.ProfileError if it is not.
    """
    phases = {phase: model.ir(after=phase) for phase in PHASES}
    bodies = {s.title: s.text for s in sections(phases["partition"])}
    figures = _speed.read(profile, model, bodies) if profile else None
    columns: list[dict[str, Any]] = [
        {"name": name, "parts": [[s.title, s.text] for s in sections(text)]}
        for name, text in phases.items()
    ]
    if code := assembly(model):
        parts = [[s.title, s.text] for s in assembly_sections(code)]
        columns.append({"name": "assembly", "parts": parts})
    facts = {
        "model": source,
        "signature": str(model.signature),
        "target": model.target,
        "kernels": str(len(model.kernels)),
        "weights": f"{model.weights_size:,} bytes",
        "compiler": f"lathe {lathe.__version__}",
    }
    heads = ["kernel", "strategy", "nodes"]
    if figures:
        count = f"{figures.threads} thread" + ("s" if figures.threads > 1 else "")
        facts["time"] = f"{figures.milliseconds:.3f} ms on {count}"
        facts["peak"] = (
            f"{figures.peak / 1e9:.0f} GFLOP/s, a product of f32 matrices on {count} here"
        )
        heads[1:1] = ["ms", "of the time", "of peak"]
    return Template(_PAGE).substitute(
        title=html.escape(title),
        facts="".join(f"<dt>{n}</dt><dd>{html.escape(v)}</dd>" for n, v in facts.items()),
        graph=draw(read_graph(phases["partition"]), figures),
        heads="".join(f"<th>{head}</th>" for head in heads),
        rows="".join(_row(kernel, figures) for kernel in model.kernels),
        # No tag within the text may end the script.
        data=json.dumps(columns).replace("<", "\\u003c"),
    )


_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>$title</title>
<style>
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --mark: #d97706; }
body { font: 14px/1.4 system-ui, sans-serif; margin: 0 auto; padding: 1em 2em; max-width: 1500px; }
h1 { font-size: 1.4em; } h2 { font-size: 1.1em; margin-top: 2em; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 1em; }
dt { opacity: .65; } dd { margin: 0; font-family: ui-monospace, monospace; overflow-wrap:
  anywhere; }
.graph { overflow: auto; max-height: 70vh; border: 1px solid var(--line); }
svg rect { fill: Canvas; stroke: #8888; } svg path { fill: none; stroke: #8888; }
svg text { font: 12px ui-monospace, monospace; fill: CanvasText; } svg .shape { opacity: .65;
  font-size: 11px; }
svg .time, svg .chosen .time { fill: var(--mark); stroke: none; }
svg .kernel { cursor: pointer; } svg .kernel rect { stroke: #2563eb; }
svg .chosen rect { stroke: var(--mark); stroke-width: 3; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; padding: 3px 8px; border-bottom: 1px solid var(--line);
  vertical-align: top;
  font: 12px ui-monospace, monospace; overflow-wrap: anywhere; }
tr { cursor: pointer; } tr.chosen { background: var(--soft); outline: 2px solid
  var(--mark); }
.columns { display: grid; grid-template-columns: 1fr 1fr; gap: 1em; }
.columns > div { min-width: 0; }
details { border: 1px solid var(--line); margin: 4px 0; } summary { padding: 3px 8px; cursor:
  pointer;
  font-family: ui-monospace, monospace; }
details.chosen { border-color: var(--mark); }
pre { margin: 0; padding: 6px; overflow: auto; max-height: 60vh; font: 12px/1.35 ui-monospace,
  monospace; }
</style>
<h1>$title</h1>
<dl>$facts</dl>
<h2>The model as calls of kernels</h2>
<div class="graph">$graph</div>
<h2>Kernels</h2>
<table><tr>$heads</tr>$rows</table>
<h2>The IR after two phases</h2>
<p>Choose a kernel above to unfold it here.</p>
<div class="columns"><div></div><div></div></div>
<script id="data" type="application/json">$data</script>
<script>
const phases = JSON.parse(document.getElementById("data").textContent);
const columns = [...document.querySelectorAll(".columns > div")];
let chosen = "";
// The function of a kernel has its name, at the end of longer ones of later phases.
const isOf = (title, kernel) =>
  kernel !== "" && (title === kernel || title.split(/[.$$]/).includes(kernel));
function show(column, index) {
  column.textContent = "";
  const select = document.createElement("select");
  phases.forEach((phase, i) => select.add(new Option(phase.name, i, false, i === index)));
  select.onchange = () => show(column, +select.value);
  column.append(select);
  for (const [title, text] of phases[index].parts) {
    const details = document.createElement("details");
    const summary = document.createElement("summary");
    summary.textContent = title ? "@" + title : "module";
    const pre = document.createElement("pre");
    details.append(summary, pre);
    details.ontoggle = () => { if (details.open && !pre.textContent) pre.textContent = text; };
    if (isOf(title, chosen)) { details.open = true; details.classList.add("chosen"); }
    column.append(details);
  }
  column.dataset.phase = index;
}
function choose(kernel) {
  chosen = kernel;
  for (const element of document.querySelectorAll("g, tr"))
    element.classList.toggle("chosen", kernel !== "" && element.dataset.kernel === kernel);
  columns.forEach(column => show(column, +column.dataset.phase));
}
for (const element of document.querySelectorAll("g, tr"))
  element.onclick = () => element.dataset.kernel && choose(element.dataset.kernel);
show(columns[0], phases.findIndex(phase => phase.name === "partition"));
show(columns[1], phases.findIndex(phase => phase.name === "schedule"));
if (location.hash) choose(decodeURIComponent(location.hash.slice(1)));
</script>
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page; return 1 if the model cannot be compiled."""
    parser = argparse.ArgumentParser(prog="lathe report", description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.html")
    parser.add_argument("--target", default="host", help="target string [host]")
    parser.add_argument(
        "--profile", type=Path, metavar="FILE", help="what lathe profile --json wrote of the model"
    )
    add_size_options(parser)
    chosen = parser.parse_args(arguments)
    try:
        model = lathe.compile(
            chosen.model,
            target=chosen.target,
            dims=dims_of(parser, chosen.dim),
            allow_links=chosen.allow_links,
            limits=by_name(parser, "--limit", chosen.limit),
        )
        text = page(
            model,
            str(chosen.model),
            f"{chosen.model.stem} for {target_title(model.target)}",
            chosen.profile,
        )
        chosen.output.write_text(text, encoding="utf-8")
    except lathe.LatheError as error:
        print(error, file=sys.stderr)
        return 1
    except _speed.ProfileError as error:
        print(f"{chosen.profile}: error: {error} [report-profile]", file=sys.stderr)
        return 1
    except OSError as error:
        reason = f"{chosen.output}: error: cannot write the page: {error.strerror}"
        print(f"{reason} [report-write-failed]", file=sys.stderr)
        return 1
    print(f"wrote {chosen.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
