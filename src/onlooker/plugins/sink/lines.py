"""What the console says of an event: pure, so that it reads the same wherever it is shown."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Literal

from onlooker.core.decision import Delegate, Silent, Speak
from onlooker.core.event import (
    Closed,
    Decided,
    Event,
    Failed,
    Observed,
    Opened,
    Skipped,
    StreamHealth,
    TaskAnswered,
    TaskProgress,
)
from onlooker.core.moment import Instruction

Kind = Literal[
    "title", "speak", "delegate", "silent", "user", "scene", "brain", "note", "good", "bad"
]

MAX_ANSWER = 400  # characters of what the brain says
_UNWELL = ("lost", "frozen", "dark")
_JOINERS = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"  # emoji and scripts need them


@dataclass(frozen=True, slots=True)
class Line:
    """One thing to show."""

    time_s: float
    kind: Kind
    text: str
    note: str = ""  # on the right, such as a latency
    repeats: str = ""  # lines that repeat each other share this; they are told once, and counted
    count: int = 1


def lines_of(event: Event, *, with_silence: bool = False) -> list[Line]:
    """Say what is worth a line; most seconds are not."""
    lines: list[Line] = []
    match event:
        case Opened():
            streams = ", ".join(event.streams) or "nothing"
            text = f"onlooker watches {streams} with {event.model} (session {event.session})"
            lines = [Line(event.time_s, "title", clean(text))]
        case Observed():
            lines = _lines_of_words(event)
        case Decided():
            lines = _lines_of_decision(event, with_silence=with_silence)
        case Skipped(reason="late"):
            text, count = "skipped, too late", event.num_ticks
            lines = [Line(event.time_s, "note", text, repeats=text, count=count)]
        case Failed():
            text = clean(f"{event.stream or event.part} failed: {event.error}")
            lines = [Line(event.time_s, "bad", text, repeats=text)]
        case StreamHealth():
            lines = [_line_of_health(event)]
        case TaskAnswered():
            lines = _lines_of_answer(event)
        case TaskProgress(is_answer=False):
            text = clean(f"{event.task_id}: {event.text}")
            lines = [Line(event.time_s, "note", text, repeats=event.task_id)]
        case Closed():
            lines = [Line(event.time_s, "title", clean(f"ended: {event.reason}"))]
    return lines


def clock_of(time_s: float) -> str:
    """Write session time as `mm:ss`, with hours in front when there are any."""
    minutes, seconds = divmod(int(time_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"


def latency_of(latency_ms: float) -> str:
    """Write a latency as people read it: `212 ms`, `1.4 s`."""
    return f"{latency_ms:.0f} ms" if latency_ms < 999.5 else f"{latency_ms / 1e3:.1f} s"


def clean(text: str) -> str:
    """Take out what a terminal would obey: escape sequences, and marks that turn its writing."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if _is_obeyed(sign) else sign for sign in " ".join(text.split())
    )


def _is_obeyed(sign: str) -> bool:
    return unicodedata.category(sign) in ("Cc", "Cf", "Cs") and sign not in _JOINERS


def _lines_of_words(seen: Observed) -> list[Line]:
    lines = [
        Line(
            words.time_s,
            "user" if words.speaker == "user" else "scene",
            clean(words.text),
            note=clean(words.stream or ""),
        )
        for words in seen.heard
    ]
    return lines + [_line_of_instruction(change) for change in seen.instructed]


def _line_of_instruction(change: Instruction) -> Line:
    what = {"standing": "watch for", "paused": "pause", "removed": "forget"}[change.state]
    return Line(change.since_s, "user", clean(f"{what}: {change.text}"), note=clean(change.id))


def _lines_of_decision(decided: Decided, *, with_silence: bool) -> list[Line]:
    time_s, note = decided.time_s, latency_of(decided.latency_ms)
    if decided.speak_probability is not None:
        note = f"p {decided.speak_probability:.2f}, {note}"
    match decided.decision:
        case Speak(text):
            return [Line(time_s, "speak", clean(text), note)]
        case Delegate(text, question):
            return [
                Line(time_s, "speak", clean(text), note),
                Line(time_s, "delegate", f"asks the brain: {clean(question)}"),
            ]
        case Silent():
            return [Line(time_s, "silent", "", note)] if with_silence else []


def _lines_of_answer(answered: TaskAnswered) -> list[Line]:
    status = "" if answered.status == "done" else f"{answered.status}: "
    text = clean(answered.text)
    shown = text if len(text) <= MAX_ANSWER else f"{text[:MAX_ANSWER].rstrip()}..."
    how = "" if answered.delivery == "when_idle" else answered.delivery
    note = " ".join(filter(None, [f"{answered.took_s:.1f} s" if answered.took_s else "", how]))
    lines = [Line(answered.time_s, "brain", f"{answered.task_id} {status}{shown}", note)]
    return lines + [
        Line(answered.time_s, "brain", clean(f"{answered.task_id} {link.kind}: {link.path}"))
        for link in answered.artefacts
    ]


def _line_of_health(health: StreamHealth) -> Line:
    text = clean(f"{health.stream} {health.state}")
    kind: Kind = "note"
    if health.state in _UNWELL:
        kind = "bad"
    elif health.state == "recovered":
        kind = "good"
    detail = clean(health.detail)
    return Line(health.time_s, kind, f"{text}: {detail}" if detail else text, repeats=text)
