"""Small SVG pictures for the report: timelines and distributions. Text is always escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from onlooker.evaluate.alignment import Alignment
from onlooker.evaluate.truth import Expected

WIDTH, LEFT = 860, 8
ROLES = {
    "tells": "told",
    "repeats": "repeated",
    "allowed": "allowed",
    "forbidden": "forbidden",
    "false_alarm": "false alarm",
}


def timeline(main: Alignment) -> str:
    """Draw what was due against what was said: a band an event, a mark an utterance."""
    truth = main.truth
    scale = (WIDTH - 2 * LEFT) / truth.duration_s

    def x(time_s: float) -> float:
        return round(LEFT + min(time_s, truth.duration_s) * scale, 1)

    missed = {event.id for event in main.missed}
    parts = [f'<rect class="track" x="{LEFT}" y="24" width="{WIDTH - 2 * LEFT}" height="18"/>']
    for spans, kind in ((truth.optional, "optional"), (truth.forbidden, "forbidden-span")):
        parts += [
            f'<rect class="{kind}" x="{x(one.start_s)}" y="24" '
            f'width="{max(2.0, x(one.end_s) - x(one.start_s)):.1f}" height="18"/>'
            for one in spans
        ]
    parts += [_event(event, x(event.onset_s), x(event.until_s), missed) for event in truth.events]
    for asked in truth.instructions:
        at = x(asked.since_s)
        parts.append(
            f'<path class="asked" d="M{at} 10 l5 8 h-10 z"><title>'
            f"{asked.since_s:g} s: {escape(asked.text)}</title></path>"
        )
    for said, role in zip(main.emissions, main.roles, strict=True):
        at, words = x(said.time_s), escape(said.text or "(said)")
        title = f"{said.time_s:g} s, {ROLES[role]}: {words}"
        if said.question:
            title += f" [delegated: {escape(said.question)}]"
        round_px = 1 if said.action == "delegate" else 4.5  # a square hands over, a dot speaks
        parts.append(
            f'<rect class="{role}" x="{at - 4.5:.1f}" y="46.5" width="9" height="9" '
            f'rx="{round_px}"><title>{title}</title></rect>'
        )
    step = _step(truth.duration_s)
    for second in range(0, int(truth.duration_s) + 1, step):
        parts.append(f'<text x="{x(second)}" y="72">{second}</text>')
    label = escape(f"{truth.item}: {len(truth.events)} events, {len(main.emissions)} utterances")
    return f'<svg viewBox="0 0 {WIDTH} 78" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def histogram(values: Sequence[float], unit: str, num_bins: int = 32) -> str:
    """Draw how values are spread; what lies beyond the 99th percentile stands in the last bar."""
    if not values:
        return "<p>Nothing to show.</p>"
    low, high = float(min(values)), float(np.percentile(values, 99))
    if high <= low:
        high = low + 1.0
    counts, edges = np.histogram(np.minimum(values, high), bins=num_bins, range=(low, high))
    wide, tall = (WIDTH / 2 - 20) / num_bins, 90.0
    bars = []
    for at, count in enumerate(counts.tolist()):
        height = tall * count / max(1, int(counts.max()))
        title = f"{edges[at]:.3g} to {edges[at + 1]:.3g} {unit}: {count}"
        bars.append(
            f'<rect class="bar" x="{10 + at * wide:.1f}" y="{100 - height:.1f}" '
            f'width="{wide - 1:.1f}" height="{height:.1f}"><title>{title}</title></rect>'
        )
    ends = (
        f'<text class="from" x="10" y="116">{low:.3g}</text>'
        f'<text x="{WIDTH / 2 - 10:.0f}" y="116" class="to">{high:.3g} {escape(unit)}</text>'
    )
    return (
        f'<svg viewBox="0 0 {WIDTH // 2} 122" role="img" aria-label="distribution in '
        f'{escape(unit)}">{"".join(bars)}{ends}</svg>'
    )


def _event(event: Expected, start: float, end: float, missed: set[str]) -> str:
    state = "missed" if event.id in missed else "due"
    content = event.content
    wanted = ", ".join(content.texts) or ("" if content.number is None else f"{content.number:g}")
    title = f"{event.onset_s:g} to {event.until_s:g} s, {event.action}, {state}: {escape(wanted)}"
    kind = f"{state} {event.action}"
    return (
        f'<rect class="{kind}" x="{start}" y="24" width="{max(3.0, end - start):.1f}" '
        f'height="18"><title>{title}</title></rect>'
    )


def _step(duration_s: float) -> int:
    return next((step for step in (5, 10, 30, 60, 300) if duration_s / step <= 14), 600)
