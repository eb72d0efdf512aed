"""Writes docs/leaderboard.md and its picture from the results in bench/results/six-scenarios.

make leaderboard                                   # the page, from what is stored
.venv/bin/python -m bench.leaderboard RUN...       # first store runs of `onlooker evaluate`
"""

from __future__ import annotations

import json
import re
import sys
from html import escape
from pathlib import Path
from typing import Any

from bench.report import RESULTS, machine
from onlooker.data.choose import FAMILIES
from onlooker.evaluate.result import read_result

STORED = RESULTS / "six-scenarios"
DOCS = Path(__file__).parent.parent / "docs"
PAGE, PICTURE = DOCS / "leaderboard.md", DOCS / "leaderboard.svg"
BLIND = {"silence": "permanent silence", "always": "speech at every second", "clock": "tuned clock"}

HEAD = (
    "Who speaks at the right moment, and keeps silent otherwise, on our suite of six scenarios,",
    "delegation and quiet. In brackets: 95 % of redrawn sets of items. Players in italics never",
    "look. Written by `make leaderboard` from `bench/results/six-scenarios/`; what each number",
    "means stands in [evaluation.md](evaluation.md).",
)
PLAYERS = {
    "nano": "our own small model; the phrasings of half of the drawn items are held out for it",
    "nano, polled": "the same network without a session: asked anew at every second, as turn-based "
    "systems are",
    "rules": "a detector with rules: key words for the plainest ways of putting a request, the "
    "scene and a clock",
    "captions": "tells what is there whenever something moves, as camera software does",
}

Result = dict[str, Any]


def store(run: Path) -> None:
    """Keep a run's result, with the machine and the commit."""
    result = read_result(run)
    result["problems"] = {"counts": result["problems"]["counts"]}
    kept = {**result, **machine()}
    # One result a player and kind of percepts: a later run takes the place of an earlier one.
    name = re.sub(r"[^\w.-]+", "-", f"{result['player']}-{result['percepts']}").strip("-")
    STORED.mkdir(parents=True, exist_ok=True)
    (STORED / f"{name}.json").write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n")
    print(f"stored {name}")


def stored() -> list[Result]:
    """Read all that is stored, the best first."""
    found = [read_result(path) for path in sorted(STORED.glob("*.json"))]
    return sorted(found, key=lambda one: -one["overall"]["timing_f1"])


def command(result: Result) -> str:
    """Say how to get the same again."""
    player = result["player"]
    name = result["about"]["model"]["use"]
    parts = [f"onlooker evaluate {result['suite']} --model {name}"]
    parts += ["--polled"] if player.endswith(", polled") else []
    parts += ["--percepts symbolic"] if result["percepts"] == "symbolic" else []
    parts += [f"--limit {result['limit']}"] if result["limit"] else []
    parts += [f"--time {result['time']}"] if result["time"] else []
    return " ".join(parts)


def number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.0f}"


def between(result: Result, name: str) -> str:
    interval = result["overall"]["interval"].get(name)
    shown = number(result["overall"].get(name))
    return f"{shown} ({number(interval[0])} to {number(interval[1])})" if interval else shown


def overall_table(results: list[Result]) -> list[str]:
    lines = [
        "| player | timing F1 | answer F1 | false alarms a quiet hour | delegated of due "
        "| delegated wrongly | coupled | ms a decision, p95 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in results:
        overall = one["overall"]
        latency = number(overall["latency_ms"].get("p95"))
        lines.append(
            f"| {one['player']} | {between(one, 'timing_f1')} | {number(overall['answer_f1'])} "
            f"| {between(one, 'false_alarms_per_quiet_hour')} "
            f"| {number(overall['delegation_recall'])} "
            f"| {number(overall['delegation_false_rate'])} | {number(overall['coupled'])} "
            f"| {latency} |"
        )
    for name, words in BLIND.items():
        blind = results[0]["overall"]["blind"].get(name)
        if blind:
            lines.append(
                f"| *{words}* | {number(blind['timing_f1'])} | {number(blind['answer_f1'])} "
                f"| {number(blind['false_alarms_per_quiet_hour'])} "
                f"| {number(blind['delegation_recall'])} "
                f"| {number(blind['delegation_false_rate'])} | {number(blind['coupled'])} | |"
            )
    return lines


def family_table(results: list[Result]) -> list[str]:
    lines = [
        f"| timing F1 | {' | '.join(FAMILIES)} |",
        f"|---|{'---|' * len(FAMILIES)}",
    ]
    for one in results:
        of = one["by_family"]
        cells = (number(of.get(family, {}).get("timing_f1")) for family in FAMILIES)
        lines.append(f"| {one['player']} | {' | '.join(cells)} |")
    blind = results[0]["by_family"]
    cells = (number(blind[f]["blind"].get("clock", {}).get("timing_f1")) if f in blind else "-"
             for f in FAMILIES)  # fmt: skip
    return [*lines, f"| *tuned clock* | {' | '.join(cells)} |"]


def page(results: list[Result]) -> str:
    lines = ["# Leaderboard", ""]
    there = {one["player"] for one in results}
    told = [f"- **{name}**: {words}" for name, words in PLAYERS.items() if name in there]
    lines += [*HEAD, "", *told, "", "![timing F1 against false alarms](leaderboard.svg)"]
    for percepts, title in (
        ("pixels", "From pixels, through the real eyes"),
        ("symbolic", "From scenes of the world, with the measured noise of the eyes"),
    ):
        of = [one for one in results if one["percepts"] == percepts]
        if not of:
            continue
        minutes, limit = of[0]["seconds"] / 60, of[0]["limit"]
        part = f", the first {limit} of each scenario" if limit else ""
        items = f"{of[0]['num_items']} items{part}, {minutes:.0f} minutes."
        lines += ["", f"## {title}", "", items, ""]
        lines += [*overall_table(of), "", *family_table(of), ""]
        lines += ["```", *(f"{command(one)}    # commit {one['commit']}" for one in of), "```"]
        listed = [
            f"{one['player']}: {', '.join(f'{num} {kind}' for kind, num in counts.items())}"
            for one in of
            if (counts := one["problems"]["counts"])
        ]
        if listed:
            lines += ["", f"Listed as not scored, or not in full: {'; '.join(listed)}."]
    cpus = sorted({f"{one['cpu']} x{one['cpus']}" for one in results})
    lines += ["", f"Machine: {', '.join(cpus)}, with other work beside it."]
    return "\n".join(lines) + "\n"


def picture(results: list[Result]) -> str:
    """Draw timing F1 against false alarms; up and to the left is better."""
    shown = [one for one in results if one["percepts"] == "pixels"] or results
    points = [(one["player"], one["overall"], "#0b63ce") for one in shown]
    blind = shown[0]["overall"]["blind"]
    points += [(BLIND[name], blind[name], "#94a3b8") for name in BLIND if name in blind]

    def x(per_hour: float) -> float:
        return float(round(70 + 600 * min(1.0, (per_hour / 3600) ** 0.33), 1))

    def y(f1: float) -> float:
        return round(330 - 290 * f1, 1)

    parts = []
    for per_hour in (0, 1, 10, 60, 300, 1000, 3600):
        at = x(per_hour)
        parts.append(f'<path d="M{at} 40V330"/><text x="{at}" y="348">{per_hour}</text>')
    for tenth in range(0, 11, 2):
        at = y(tenth / 10)
        parts.append(f'<path d="M70 {at}H690"/><text x="48" y="{at + 4}">{tenth / 10:.1f}</text>')
    taken: list[tuple[float, float]] = []
    for name, of, colour in points:
        cx, cy = x(of["false_alarms_per_quiet_hour"] or 0.0), y(of["timing_f1"])
        # Where there is much to the right of a point its name stands there, otherwise above it.
        is_beside = cx < 420
        label_x, label_y = (cx + 10, cy + 4) if is_beside else (cx, cy - 12)
        while any(abs(label_y - b) < 14 and abs(label_x - a) < 130 for a, b in taken):
            label_y -= 14
        taken.append((label_x, label_y))
        anchor = "start" if is_beside else "middle"
        parts.append(
            f'<circle cx="{cx}" cy="{cy}" r="6" fill="{colour}"/><text x="{label_x}" '
            f'y="{label_y}" class="n" style="text-anchor:{anchor}">{escape(name)}</text>'
        )
    style = (
        "text{font:12px system-ui,sans-serif;fill:#475569;text-anchor:middle}"
        ".n{font-weight:600;fill:#1e293b}path{stroke:#e2e8f0}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 380"><style>{style}</style>'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}'
        f'<text x="370" y="370">false alarms in an hour in which nothing is due</text>'
        f'<text x="70" y="26" style="text-anchor:start">timing F1, within 1 s</text></svg>\n'
    )


def main() -> None:
    for run in sys.argv[1:]:
        store(Path(run))
    results = stored()
    PAGE.write_text(page(results), encoding="utf-8")
    PICTURE.write_text(picture(results), encoding="utf-8")
    print(f"{PAGE}: {len(results)} results")


if __name__ == "__main__":
    main()
