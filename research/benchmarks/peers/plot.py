"""Draw what the figures have kept as JSON lines.

    python -m research.benchmarks.peers.plot QUALITY.jsonl FOLDER
    python -m research.benchmarks.peers.plot WARM.jsonl FOLDER

`peers_quality.svg`: of each set, how often the answer is among the first 5, and how often what is
shown first holds it, with the intervals. `peers_growth.svg`: the median answer by size.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from html import escape
from math import log10
from pathlib import Path
from typing import Any

Line = Mapping[str, Any]

_COLOURS = {"langchain": "#b5835a", "llamaindex": "#8d6cab", "txtai": "#4f9d69",
            "haystack": "#c9a227", "ours": "#1a5fb4"}  # fmt: skip
_BAR, _GAP, _LEFT, _WIDE = 13, 26, 210, 400
_MEASURES = {"found at 5": "answer among the first 5", "first holds": "the first one holds it"}


def bars(lines: Sequence[Line]) -> str:
    """Quality as bars: a block for each set and measure."""
    parts, y = [], 0
    for name in dict.fromkeys(line["set"] for line in lines):
        for measure, title in _MEASURES.items():
            chosen = [each for each in lines if (each["set"], each["measure"]) == (name, measure)]
            parts.append(f'<text y="{y + 10}" x="{-_LEFT}" font-weight="bold">'
                         f"{escape(name)}: {title} ({chosen[0]['questions']})</text>")  # fmt: skip
            parts += [_bar(each, y + 18 + place * _BAR) for place, each in enumerate(chosen)]
            y += 18 + len(chosen) * _BAR + _GAP
    return _picture(parts, y, "")


def _bar(line: Line, y: int) -> str:
    colour = _COLOURS[line["product"].partition(",")[0]]
    value, low, high = (_WIDE * line[each] for each in ("value", "low", "high"))
    return (
        f'<text x="-6" y="{y + 9}" text-anchor="end">{escape(line["product"])}</text>'
        f'<rect y="{y}" width="{value:.1f}" height="{_BAR - 3}" fill="{colour}"/>'
        f'<path d="M{low:.1f} {y + 5}H{high:.1f}" stroke="#222"/>'
        f'<text x="{_WIDE + 8}" y="{y + 9}">{line["value"]:.3f}</text>'
    )


def growth(lines: Sequence[Line]) -> str:
    """The median answer by size, both on logarithmic scales."""
    tall, most = 250, max(line["p50"] for line in lines)
    top, sizes = 10 ** (int(log10(most)) + 1), sorted({line["size"] for line in lines})
    first, decades = log10(sizes[0]), log10(sizes[-1] / sizes[0]) or 1

    def place(line: Line) -> tuple[float, float]:
        return (
            _WIDE * (log10(line["size"]) - first) / decades,
            tall * (1 - log10(max(1, line["p50"])) / log10(top)),
        )

    parts = [
        f'<text x="{_WIDE * (log10(size) - first) / decades:.0f}" y="{tall + 18}" '
        f'text-anchor="middle">{size:,}</text>'
        for size in sizes
    ]
    for power in range(int(log10(top)) + 1):
        y = tall * (1 - power / log10(top))
        parts.append(f'<path d="M0 {y:.0f}h{_WIDE}" stroke="#ddd"/>'
                     f'<text x="-8" y="{y + 4:.0f}" text-anchor="end">{10**power} ms</text>'
                     )  # fmt: skip
    for name in dict.fromkeys(line["product"] for line in lines):
        points = [place(line) for line in lines if line["product"] == name]
        colour = _COLOURS[name.partition(",")[0]]
        dashes = ' stroke-dasharray="5 4"' if name.endswith("search") else ""
        joined = " ".join(f"{x:.0f},{y:.0f}" for x, y in points)
        parts.append(f'<polyline points="{joined}" fill="none" stroke="{colour}" '
                     f'stroke-width="2"{dashes}/><text x="{_WIDE + 8}" y="{points[-1][1] + 4:.0f}" '
                     f'fill="{colour}">{escape(name)}</text>')  # fmt: skip
    return _picture(parts, tall + 30, "passages, and the median time of a warm answer")


def _picture(parts: Sequence[str], height: int, title: str) -> str:
    width = _LEFT + _WIDE + 170
    box = f"{-_LEFT - 10} -30 {width} {height + 40}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" width="{width}" '
        f'font-family="sans-serif" font-size="11"><rect x="{-_LEFT - 10}" y="-30" '
        f'width="{width}" height="{height + 40}" fill="white"/>'
        f'<text y="-14">{title}</text>{"".join(parts)}</svg>\n'
    )


def main() -> None:
    """Draw what the file has."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    lines = [json.loads(each) for each in given.results.read_text("utf-8").splitlines()]
    for figure, draw, name in (("quality", bars, "quality"), ("warm", growth, "growth")):
        chosen = [line for line in lines if line["figure"] == figure]
        if chosen:
            (given.folder / f"peers_{name}.svg").write_text(draw(chosen), "utf-8")


if __name__ == "__main__":
    main()
