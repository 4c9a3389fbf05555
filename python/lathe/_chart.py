# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The figures of `lathe.bench` as one page: a chart for each model, and the table."""

from __future__ import annotations

import html
import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lathe.bench import Failure, Row

COLOURS = {
    "lathe": "#b3541e",
    "onnxruntime": "#4a6fa5",
    "openvino": "#6b8f71",
    "torch": "#9b5f98",
}
OTHER = "#888888"
_BAR, _GAP, _NAME, _WIDTH = 18, 6, 150, 460

STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1rem; margin: 0 0 .5rem; }
.models { display: grid; grid-template-columns: repeat(auto-fill, minmax(24rem, 1fr)); gap: 1.5rem;
}
figure { margin: 0; padding: 1rem; border: 1px solid #8884; border-radius: .5rem; }
svg { width: 100%; height: auto; } svg text { fill: currentColor; font-size: 12px; }
table { border-collapse: collapse; margin-top: 2rem; } td, th { padding: .15rem .7rem; }
td { border-top: 1px solid #8884; text-align: right; } td.name { text-align: left; }
.slower { color: #b3541e; }
"""


def page(
    rows: Sequence[Row], failures: Sequence[Failure], header: Mapping[str, Any], command: str
) -> str:
    """Return HTML that needs no other file. `header` describes the machine and the run."""
    facts = ", ".join(f"{name} {value}" for name, value in header.items())
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>lathe bench</title>",
        f"<style>{STYLE}</style><h1>{html.escape(_title(rows))}</h1>",
        f"<p>{html.escape(facts)}</p><p><code>{html.escape(command)}</code></p>",
        "<p>Bars are medians, in milliseconds: shorter is better. The line at a bar's end is from "
        "the least time to half the spread above the median.</p><div class='models'>",
    ]
    parts += [_figure(model, _of(rows, model)) for model in dict.fromkeys(r.model for r in rows)]
    parts += ["</div>", _table(rows)]
    if failures:
        items = (f"{f.model}, {f.engine}, {f.threads} threads: {f.error}" for f in failures)
        parts.append("<h2>Not run</h2><ul>")
        parts += [f"<li>{html.escape(item)}</li>" for item in items]
        parts.append("</ul>")
    return "\n".join([*parts, "</html>", ""])


def geometric_means(rows: Sequence[Row]) -> dict[tuple[str, int], tuple[float, int]]:
    """For each peer and number of threads: the mean of how many times its time is Lathe's, and of
    how many models.
    """
    speeds: dict[tuple[str, int], list[float]] = {}
    for row in rows:
        if row.engine != "lathe" and row.speed is not None:
            speeds.setdefault((row.engine, row.threads), []).append(row.speed)
    return {key: (statistics.geometric_mean(list_), len(list_)) for key, list_ in speeds.items()}


def _title(rows: Sequence[Row]) -> str:
    means = geometric_means(rows)
    if not means:
        return "Lathe"
    return "Lathe is " + ", ".join(
        f"{mean:.2f}x {engine} on {threads} thread{'s'[: threads > 1]} ({count} models)"
        for (engine, threads), (mean, count) in means.items()
    )


def _of(rows: Sequence[Row], model: str) -> list[Row]:
    return sorted((r for r in rows if r.model == model), key=lambda r: r.threads)


def _figure(model: str, rows: Sequence[Row]) -> str:
    longest = max(r.median_ms for r in rows)
    lines, y = [], 0
    for threads in dict.fromkeys(r.threads for r in rows):
        lines.append(f"<text x='0' y='{y + 13}'>{threads} thread{'s'[: threads > 1]}</text>")
        y += _BAR + 2
        for row in (r for r in rows if r.threads == threads):
            lines += _bar(row, y, longest)
            y += _BAR + _GAP
        y += _GAP
    shape = html.escape(rows[0].inputs)
    height = max(y, 1)
    return (
        f"<figure><h2>{html.escape(model)} <small>{shape}</small></h2>"
        f"<svg viewBox='0 0 {_NAME + _WIDTH + 110} {height}' role='img' "
        f"aria-label='times of {html.escape(model, quote=True)}'>{''.join(lines)}</svg></figure>"
    )


def _bar(row: Row, y: int, longest: float) -> list[str]:
    def place(ms: float) -> float:
        return round(_NAME + _WIDTH * ms / longest, 1)

    end, middle = place(row.median_ms), y + _BAR / 2
    low, high = place(row.min_ms), place(row.median_ms * (1 + row.spread / 2))
    text = f"{row.median_ms:.3g} ms"
    if row.engine != "lathe" and row.speed is not None:
        text += f" ({row.speed:.2f}x)"
    return [
        f"<text x='0' y='{y + 13}'>{html.escape(row.engine)}</text>",
        f"<rect x='{_NAME}' y='{y}' width='{round(end - _NAME, 1)}' height='{_BAR}' "
        f"fill='{COLOURS.get(row.engine, OTHER)}'/>",
        f"<line x1='{low}' y1='{middle}' x2='{high}' y2='{middle}' stroke='currentColor'/>",
        f"<text x='{max(end, high) + 6}' y='{y + 13}'>{text}</text>",
    ]


def _table(rows: Sequence[Row]) -> str:
    head = ["model", "engine", "threads", "median ms", "min ms", "spread", "Lathe is", "outputs"]
    parts = ["<table><tr>", *(f"<th>{name}</th>" for name in [*head, "load s", "MB"]), "</tr>"]
    for r in rows:
        own = r.engine == "lathe" or r.speed is None
        speed = "" if own or r.speed is None else f"{r.speed:.2f}x"
        cells = [
            r.threads,
            f"{r.median_ms:.3f}",
            f"{r.min_ms:.3f}",
            f"{r.spread:.0%}",
            f"<span class='slower'>{speed}</span>" if not own and (r.speed or 1) < 1 else speed,
            "" if r.difference is None else f"{r.difference:.1%} of limit",
            f"{r.load_s:.2f}",
            f"{r.peak_rss_mb:.0f}",
        ]
        names = [html.escape(r.model), html.escape(f"{r.engine} {r.version}")]
        parts.append("<tr>" + "".join(f"<td class='name'>{n}</td>" for n in names))
        parts.append("".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return "".join([*parts, "</table>"])
