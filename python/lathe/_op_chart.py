# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The figures of `lathe.ops_bench` as one page: a chart for each group, and the table."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lathe._chart import COLOURS, OTHER, STYLE

if TYPE_CHECKING:
    from lathe.ops_bench import Mean, OpFailure, OpRow

_BAR, _GAP, _WIDTH, _LEGEND = 10, 7, 430, 42
_LETTER, _RATIO = 7.2, 48  # Room for a letter, and for the ratio to one peer.
_MORE_STYLE = """
figure { margin: 1.5rem 0; } figure svg { max-width: 60rem; } .means td.name { padding-left: 0; }
"""


def page(
    rows: Sequence[OpRow],
    means: Sequence[Mean],
    failures: Sequence[OpFailure],
    header: Mapping[str, Any],
    command: str,
) -> str:
    """Return HTML that needs no other file. `header` describes the machine and the run."""
    facts = ", ".join(f"{name} {value}" for name, value in header.items())
    engines = list(dict.fromkeys(r.engine for r in rows))
    several = len({r.threads for r in rows}) > 1
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>lathe bench --ops</title>",
        f"<style>{STYLE}{_MORE_STYLE}</style><h1>Operators on {_join(engines)}</h1>",
        f"<p>{html.escape(facts)}</p><p><code>{html.escape(command)}</code></p>",
        "<p>Bars are shares of the roof, from the median: longer is better. The roof of an "
        "operator is the longer of two times: of its multiplications and additions at the speed of "
        "the fastest product of a few, and of its bytes at the speed of a copy of as many, both "
        "measured in this run; the thin line is 100 %. Behind the bars is how many times a peer's "
        "time is Lathe's.</p>",
        _means(means, [e for e in engines if e != "lathe"]),
    ]
    for group in dict.fromkeys(r.group for r in rows):
        for threads in dict.fromkeys(r.threads for r in rows):
            part = [r for r in rows if r.group == group and r.threads == threads]
            if part:
                title = f"{group}, {_threads(threads)}" if several else group
                parts.append(_figure(title, part))
    parts.append(_table(rows))
    if failures:
        items = (f"{f.name}, {_threads(f.threads)}, {f.engine}: {f.error}" for f in failures)
        parts.append("<h2>Not run</h2><ul>")
        parts += [f"<li>{html.escape(item)}</li>" for item in items]
        parts.append("</ul>")
    return "\n".join([*parts, "</html>", ""])


def _threads(number: int) -> str:
    return f"{number} thread{'s'[: number > 1]}"


def _join(names: Sequence[str]) -> str:
    return html.escape(", ".join(names) or "no engine")


def _colour(engine: str) -> str:
    return COLOURS.get(engine, OTHER)


def _figure(title: str, rows: Sequence[OpRow]) -> str:
    # Bars beyond the roof are there: a copy also writes, and Winograd's filtering multiplies less.
    most = max(1.0, *(r.share for r in rows))
    engines = list(dict.fromkeys(r.engine for r in rows))
    lines = _legend(engines)
    left = round(max(len(r.name) for r in rows) * _LETTER) + 12
    width = left + _WIDTH + 8 + _RATIO * len(engines)
    y = _LEGEND
    for name in dict.fromkeys(r.name for r in rows):
        own = [r for r in rows if r.name == name]
        height = len(own) * _BAR
        middle = y + height / 2 + 4
        lines.append(
            f"<text x='{left - 8}' y='{middle}' text-anchor='end'>{html.escape(name)}</text>"
        )
        for i, row in enumerate(own):
            lines.append(_bar(row, left, y + i * _BAR, most))
        ratios = [r for r in own if r.engine != "lathe" and r.speed is not None]
        text = " ".join(
            f"<tspan fill='{_colour(r.engine)}' font-weight='{700 if (r.speed or 1) < 1 else 400}'>"
            f"{r.speed:.2f}x</tspan>"
            for r in ratios
        )
        lines.append(f"<text x='{left + _WIDTH + 8}' y='{middle}'>{text}</text>")
        y += height + _GAP
    x = round(left + _WIDTH / most, 1)
    lines.append(f"<path d='M{x} {_LEGEND - 4}V{y}' stroke='currentColor' opacity='.6'/>")
    lines.append(f"<text x='{x}' y='{_LEGEND - 8}' text-anchor='middle'>100 %</text>")
    name = html.escape(title, quote=True)
    return (
        f"<figure><h2>{name}</h2><svg viewBox='0 0 {width} {y}' role='img' "
        f"aria-label='shares of the roof, {name}'>{''.join(lines)}</svg></figure>"
    )


def _legend(engines: Sequence[str]) -> list[str]:
    lines, x = [], 0
    for engine in engines:
        lines.append(f"<path d='M{x} 3h10v10h-10z' fill='{_colour(engine)}'/>")
        lines.append(f"<text x='{x + 14}' y='12'>{html.escape(engine)}</text>")
        x += 26 + 7 * len(engine)
    return lines


def _bar(row: OpRow, left: int, y: int, most: float) -> str:
    width = round(_WIDTH * row.share / most, 1)
    about = f"{row.engine}: {row.median_ms:.3g} ms, {row.rate}, {row.share:.0%} of the roof"
    return (
        f"<rect x='{left}' y='{y}' width='{width}' height='{_BAR - 1}' "
        f"fill='{_colour(row.engine)}'><title>{html.escape(about)}</title></rect>"
    )


def _means(means: Sequence[Mean], peers: Sequence[str]) -> str:
    head = ["geometric mean of", "threads", "of the roof", *(f"Lathe is, {p}" for p in peers)]
    parts = ["<table class='means'><tr>", *(f"<th>{html.escape(h)}</th>" for h in head), "</tr>"]
    for mean in means:
        cells = [str(mean.threads), "" if mean.share is None else f"{mean.share:.0%}"]
        cells += [_speed(mean.speed[p][0] if p in mean.speed else None) for p in peers]
        parts.append(f"<tr><td class='name'>{html.escape(mean.group)}</td>")
        parts.append("".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return "".join([*parts, "</table>"])


def _speed(speed: float | None) -> str:
    if speed is None:
        return ""
    return f"<span class='slower'>{speed:.2f}x</span>" if speed < 1 else f"{speed:.2f}x"


def _table(rows: Sequence[OpRow]) -> str:
    head = [
        "operator",
        "engine",
        "threads",
        "median ms",
        "min ms",
        "spread",
        "speed",
        "of the roof",
    ]
    head += ["bound by", "Lathe is", "outputs"]
    parts = ["<table><tr>", *(f"<th>{name}</th>" for name in head), "</tr>"]
    for r in rows:
        cells = [
            r.threads,
            f"{r.median_ms:.3f}",
            f"{r.min_ms:.3f}",
            f"{r.spread:.0%}",
            r.rate,
            f"{r.share:.0%}",
            r.bound,
            _speed(None if r.engine == "lathe" else r.speed),
            "" if r.difference is None else f"{r.difference:.1%} of limit",
        ]
        names = [html.escape(r.name), html.escape(f"{r.engine} {r.version}")]
        parts.append("<tr>" + "".join(f"<td class='name'>{n}</td>" for n in names))
        parts.append("".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return "".join([*parts, "</table>"])
