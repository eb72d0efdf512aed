"""Draw what memory holds, and how well it recalls, into docs/pictures: from real runs.

`memory-tiers.svg`: the spans that a model's prompt covers at the end of an hour of the world.
`memory-recall.svg`: the newest results of `bench.memory_long`, by the time since a thing was seen.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from bench.memory_long import DELAYS_MIN, Asker, stream, views_of, watch
from bench.report import RESULTS
from onlooker.core.ports import Outcome, Say
from onlooker.core.prompt import Prompt

PICTURES = Path(__file__).parent.parent / "docs" / "pictures"
WIDTH_PX, LEFT_PX = 860, 150
COLOURS = {"long": "#5b7fb8", "mid": "#7fb58a", "window": "#d9a441", "none": "#b9b9b9"}
_SPAN = re.compile(r"^<(\d+\.\d)-(\d+\.\d) seconds>")


@dataclass
class Reader(Asker):
    """Keeps the last prompt."""

    last: list[Prompt] = field(default_factory=list)

    async def decide(self, prompt: Prompt, say: Say) -> Outcome:
        self.last[:] = [prompt]
        return await super().decide(prompt, say)


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / "memory-tiers.svg").write_text(tiers(60))
    (PICTURES / "memory-recall.svg").write_text(recall(read_results()))


def tiers(minutes: int) -> str:
    """Play an hour, and draw what the last prompt covers."""
    stage, _ = stream(minutes, 1, is_drawn=False)
    reader = Reader({}, frozenset())
    asyncio.run(watch(views_of(stage, 1, is_drawn=False), reader, "off"))
    (prompt,) = reader.last
    found = [_SPAN.match(paragraph) for paragraph in prompt.memory]
    spans = [(float(span[1]), float(span[2])) for span in found if span]
    end_s = prompt.now.tick.end_s
    rows = [
        ("long-term blocks", "long", [span for span in spans if span[1] - span[0] > 120]),
        ("summaries", "mid", [span for span in spans if span[1] - span[0] <= 120]),
        ("window: pictures", "window", [(prompt.turns[0].tick.start_s, end_s)]),
    ]
    body = []
    for place, (name, colour, found_spans) in enumerate(rows):
        top = 50 + place * 44
        body.append(_text(10, top + 20, name))
        for start_s, stop_s in found_spans:
            left, right = _x(start_s / end_s), _x(stop_s / end_s)
            box = (left, top, max(1.0, right - left - 1), 28)
            body.append(_box(box, COLOURS[colour], f"{start_s:.0f}-{stop_s:.0f} s"))
    ticks = range(0, minutes + 1, 10)
    body += [_text(_x(minute * 60 / end_s) - 20, 196, f"{minute} min") for minute in ticks]
    tokens = sum(len(paragraph) // 4 for paragraph in prompt.memory)
    title = f"What one prompt holds after {minutes} minutes ({tokens} tokens of memory)"
    return _svg(210, title, body)


def read_results() -> list[dict[str, Any]]:
    lines = (RESULTS / "memory_long.jsonl").read_text().splitlines()
    return [row for row in map(json.loads, lines) if row["eyes"] == "world"]


def recall(rows: Sequence[dict[str, Any]]) -> str:
    """Draw how many questions found their evidence, by delay, over all streams."""
    body, bar_px = [], 12
    series = (
        ("memory, search by meaning", "long", "on", "with_memory"),
        ("memory, words alone", "mid", "off", "with_memory"),
        ("without memory: the window", "window", "on", "window"),
        ("the last 100 s", "none", "on", "last_100_s"),
    )
    for place, minutes in enumerate(DELAYS_MIN):
        top = 78 + place * (len(series) * bar_px + 16)
        body.append(_text(10, top + 30, f"{minutes} min later"))
        for line, (name, colour, meaning, key) in enumerate(series):
            chosen = [r for r in rows if r["delay_min"] == minutes and r["meaning"] == meaning]
            asked = sum(row["asked"] for row in chosen)
            share = sum(row[key] for row in chosen) / max(1, asked)
            box = (LEFT_PX, top + line * bar_px, max(1.0, share * 520), bar_px - 2)
            body.append(_box(box, COLOURS[colour], name))
            told = f"{share:.0%} of {asked}"
            body.append(_text(LEFT_PX + share * 520 + 6, top + line * bar_px + 9, told, 10))
    for place, (name, colour, _, _) in enumerate(series):
        left = 10 + place * 205
        body.append(_box((left, 48, 10, 10), COLOURS[colour], name))
        body.append(_text(left + 15, 57, name, 11))
    height = 90 + len(DELAYS_MIN) * (len(series) * bar_px + 16)
    return _svg(height, "Questions whose evidence is in the prompt, within 5 s of the truth", body)


def _x(share: float) -> float:
    return LEFT_PX + share * (WIDTH_PX - LEFT_PX - 30)


def _box(box: tuple[float, float, float, float], colour: str, title: str) -> str:
    x, y, width, height = (f"{value:.1f}" for value in box)
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="2" fill="{colour}">'
        f"<title>{escape(title)}</title></rect>"
    )


def _text(x: float, y: float, words: str, size_px: int = 13) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size_px}">{escape(words)}</text>'


def _svg(height_px: int, title: str, body: Iterable[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH_PX} {height_px}" '
        f'width="{WIDTH_PX}" font-family="sans-serif" fill="#333">\n'
        f'<rect width="100%" height="100%" fill="#fff"/>\n{_text(10, 26, title, 16)}\n'
        + "\n".join(body)
        + "\n</svg>\n"
    )


if __name__ == "__main__":
    main()
