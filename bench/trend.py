"""Draws how each benchmark went from run to run: bench/results/trend.svg.

    .venv/bin/python -m bench.trend

A panel a benchmark, a line a kind of row; runs on another machine are a line of their own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from bench.report import RESULTS

TO = RESULTS / "trend.svg"
MACHINE = ("commit", "cpu", "cpus", "python")
# What a panel shows of its benchmark; of others the first number that looks like a time.
HEADLINES = {
    "brain": "ready_to_said_p50_s",
    "memory": "slope_mib_per_hour",
    "memory_recall": "p95_ms",
    "perception": "detect_track_words_ms.p50",
    "start": "median_s",
    "streams": "tick_jitter_max_ms",
    "tick": "cpu_ms_p50",
}
COLUMNS, WIDE, TALL, PAD = 3, 300, 170, 16
COLOURS = ("#0b63ce", "#c2410c", "#15803d", "#7e22ce", "#be185d", "#0e7490", "#a16207", "#475569")

Row = dict[str, Any]
Points = list[tuple[str, float]]  # commit, value


def rows_of(path: Path) -> Iterator[Row]:
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            yield row


def numbers(row: Mapping[str, Any], above: str = "") -> dict[str, float]:
    """Flatten the numbers of a row: `detect_ms.p50`."""
    found: dict[str, float] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            found |= numbers(value, f"{above}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool) and name not in MACHINE:
            found[f"{above}{name}"] = float(value)
    return found


def headline(bench: str, rows: list[Row]) -> str | None:
    """Choose the number that a panel shows."""
    names = [name for row in rows for name in numbers(row)]
    wanted = HEADLINES.get(bench)
    if wanted in names:
        return wanted
    ends = ("p50_ms", "p95_ms", "_ms_p50", "_ms", ".p50", "_s", "_ratio", "_share")
    likely = (name for end in ends for name in names if name.endswith(end))
    return next(likely, names[0] if names else None)


def series(rows: list[Row], name: str) -> dict[str, Points]:
    """Group rows by what they say in words, and by machine."""
    found: dict[str, Points] = {}
    for row in rows:
        value = numbers(row).get(name)
        if value is None:
            continue
        words = [str(part) for key, part in row.items()
                 if isinstance(part, str) and key not in ("bench", *MACHINE)]  # fmt: skip
        key = ", ".join([*words, f"{row.get('cpu')} x{row.get('cpus')}"])
        found.setdefault(key, []).append((str(row.get("commit", "?")), value))
    return found


def panel(bench: str, name: str, lines: Mapping[str, Points]) -> str:
    values = [value for points in lines.values() for _, value in points]
    low, high = min(0.0, *values), max(values) or 1.0
    span = high - low or 1.0
    most = max(len(points) for points in lines.values())

    def at(index: int, value: float) -> tuple[float, float]:
        x = PAD + (WIDE - 2 * PAD) * (index / (most - 1) if most > 1 else 0.5)
        return round(x, 1), round(TALL - 34 - (TALL - 78) * (value - low) / span, 1)

    parts = [
        f'<text x="{PAD}" y="20" class="b">{escape(bench)}</text>',
        f'<text x="{PAD}" y="36">{escape(name)}: {low:.3g} to {high:.3g}</text>',
        f'<path class="axis" d="M{PAD} {TALL - 34}H{WIDE - PAD}"/>',
    ]
    for number, (key, points) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        # All series end at the newest run, on the right.
        placed = [at(most - len(points) + step, value) for step, (_, value) in enumerate(points)]
        path = " ".join(f"{x},{y}" for x, y in placed)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for (x, y), (commit, value) in zip(placed, points, strict=True):
            title = escape(f"{key}\n{commit}: {value:g}")
            parts.append(
                f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"><title>{title}</title></circle>'
            )
    runs = "1 run" if most == 1 else f"{most} runs"
    parts.append(f'<text x="{PAD}" y="{TALL - 14}">{runs}, {len(lines)} kinds of rows</text>')
    return "".join(parts)


def main() -> None:
    panels = []
    for path in sorted(RESULTS.glob("*.jsonl")):
        rows = list(rows_of(path))
        name = headline(path.stem, rows)
        if name and (lines := series(rows, name)):
            panels.append(panel(path.stem, name, lines))
    height = TALL * ((len(panels) + COLUMNS - 1) // COLUMNS)
    placed = "".join(
        f'<g transform="translate({WIDE * (at % COLUMNS)} {TALL * (at // COLUMNS)})">{one}</g>'
        for at, one in enumerate(panels)
    )
    style = (
        "text{font:12px system-ui,sans-serif;fill:#475569}.b{font-weight:600;fill:#1e293b;"
        "font-size:14px}.axis{stroke:#cbd5e1}"
    )
    TO.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE * COLUMNS} {height}">'
        f'<style>{style}</style><rect width="100%" height="100%" fill="#fff"/>{placed}</svg>\n',
        encoding="utf-8",
    )
    print(f"{TO}: {len(panels)} panels")


if __name__ == "__main__":
    main()
