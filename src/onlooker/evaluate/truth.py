"""What is right for a stream: what should be said when, and when nothing should be.

Times are seconds of the stream. On disk: JSON lines, one stream a line.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from onlooker.evaluate.content import ANYTHING, Content
from onlooker.evaluate.problems import BadTruth

DueAction = Literal["speak", "delegate"]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the stream, both ends included."""

    start_s: float
    end_s: float

    def __post_init__(self) -> None:
        if not 0 <= self.start_s <= self.end_s < math.inf:
            raise BadTruth(
                f"a span goes from {self.start_s} to {self.end_s} s: start at 0 or later"
            )

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s

    def holds(self, time_s: float) -> bool:
        return self.start_s <= time_s <= self.end_s


@dataclass(frozen=True, slots=True)
class Standing:
    """A standing instruction or question, and since when it holds."""

    id: str
    text: str
    since_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Expected:
    """An event that should be told once.

    `onset_s` is the first moment at which it can be known; on time is from there to `until_s`.
    What a scorer tolerates comes after that. Where decisions fall due once a second, `until_s`
    should reach the end of the second that shows the event.
    """

    id: str
    onset_s: float
    until_s: float
    action: DueAction = "speak"
    content: Content = ANYTHING
    instruction: str | None = None  # id of the one that asks for it

    def __post_init__(self) -> None:
        Span(self.onset_s, self.until_s)
        if self.action not in ("speak", "delegate"):
            raise BadTruth(f"event {self.id!r} asks to {self.action!r}: speak or delegate")

    def late_s(self, time_s: float) -> float:
        """How long after the last good moment; negative before the onset, 0 on time."""
        return min(time_s - self.onset_s, 0.0) or max(time_s - self.until_s, 0.0)


@dataclass(frozen=True, slots=True)
class Truth:
    """All that is right for one stream.

    Speech in `optional` spans is neither credited nor blamed unless it tells an event. Speech in
    `forbidden` spans is a false alarm whatever else holds. `quiet` spans are those over which
    false alarms are counted; with none given, all time outside events and optional spans.
    """

    item: str
    duration_s: float
    events: tuple[Expected, ...] = ()
    instructions: tuple[Standing, ...] = ()
    optional: tuple[Span, ...] = ()
    forbidden: tuple[Span, ...] = ()
    quiet: tuple[Span, ...] = ()
    family: str = ""  # such as "counting": scores are also given by family

    def __post_init__(self) -> None:
        if not 0 < self.duration_s < math.inf:
            raise BadTruth(f"{self.item!r} lasts {self.duration_s} s: it must last some time")
        for name in ("events", "instructions"):
            ids = [part.id for part in getattr(self, name)]
            if len(set(ids)) < len(ids):
                raise BadTruth(f"{self.item!r} has two {name} of one id: {sorted(ids)}")
        known = {instruction.id for instruction in self.instructions}
        for event in self.events:
            if event.onset_s > self.duration_s:
                raise BadTruth(
                    f"{self.item!r} ends at {self.duration_s} s, and its event {event.id!r} "
                    f"begins at {event.onset_s} s: label what the video shows"
                )
            if event.instruction is not None and event.instruction not in known:
                raise BadTruth(
                    f"event {event.id!r} of {self.item!r} names the instruction "
                    f"{event.instruction!r}; known: {sorted(known)}"
                )

    def instruction_of(self, event: Expected) -> str:
        """The words that ask for an event; empty if nothing does."""
        texts = {standing.id: standing.text for standing in self.instructions}
        return texts.get(event.instruction or "", "")

    @property
    def asked_s(self) -> float:
        """When the first instruction was given: what a blind clock starts from."""
        return min((standing.since_s for standing in self.instructions), default=0.0)

    def quiet_spans(self, after_s: float) -> tuple[Span, ...]:
        """Give the time in which speech can be about nothing, in order and without overlap.

        It begins `after_s` after an event's `until_s`: before that, speech may still be about it.
        """
        if self.quiet:
            return _without(_merged(self.quiet), ())
        busy = [Span(event.onset_s, event.until_s + after_s) for event in self.events]
        return _without((Span(0.0, self.duration_s),), _merged([*busy, *self.optional]))


def _merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    merged: list[Span] = []
    for span in sorted(spans, key=lambda span: span.start_s):
        if merged and span.start_s <= merged[-1].end_s:
            merged[-1] = Span(merged[-1].start_s, max(merged[-1].end_s, span.end_s))
        else:
            merged.append(span)
    return tuple(merged)


def _without(spans: Iterable[Span], holes: tuple[Span, ...]) -> tuple[Span, ...]:
    """Cut merged holes out of spans; what is left has some length."""
    left: list[Span] = []
    for span in spans:
        start_s = span.start_s
        for hole in holes:
            if hole.end_s < start_s or hole.start_s > span.end_s:
                continue
            if hole.start_s > start_s:
                left.append(Span(start_s, hole.start_s))
            start_s = max(start_s, hole.end_s)
        if start_s < span.end_s:
            left.append(Span(start_s, span.end_s))
    return tuple(left)


# On disk.


def to_json(truth: Truth) -> dict[str, Any]:
    """Turn a truth into values that `json.dumps` takes; what is empty is left out."""
    plain: dict[str, Any] = {"item": truth.item, "duration_s": truth.duration_s}
    if truth.family:
        plain["family"] = truth.family
    if truth.instructions:
        plain["instructions"] = [
            {"id": one.id, "text": one.text, "since_s": one.since_s} for one in truth.instructions
        ]
    if truth.events:
        plain["events"] = [_event_to_json(event) for event in truth.events]
    for name in ("optional", "forbidden", "quiet"):
        if spans := getattr(truth, name):
            plain[name] = [[span.start_s, span.end_s] for span in spans]
    return plain


def from_json(plain: Any) -> Truth:
    """Read a truth back.

    Raises:
        BadTruth: a field is missing, unknown, or cannot be what it says.
    """
    given = _known(plain, Truth)
    try:
        for name in ("optional", "forbidden", "quiet"):
            given[name] = tuple(Span(_seconds(a), _seconds(b)) for a, b in given.get(name, ()))
        given["events"] = tuple(map(_event_of, given.get("events", ())))
        given["instructions"] = tuple(
            Standing(**_known(one, Standing)) for one in given.get("instructions", ())
        )
        given["duration_s"] = _seconds(given["duration_s"])
        return Truth(**given)
    except (TypeError, KeyError, ValueError) as error:
        if isinstance(error, BadTruth):
            raise
        raise BadTruth(f"truth of {given.get('item')!r}: {error}") from error


def read_truths(path: Path) -> tuple[Truth, ...]:
    """Read a file of truths, one a line.

    Raises:
        BadTruth: a line is broken, or two are about one item; the message says which.
    """
    truths: dict[str, Truth] = {}
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                truth = from_json(json.loads(line))
            except (ValueError, RecursionError) as error:
                raise BadTruth(f"{path}:{number}: {error}") from error
            if truth.item in truths:
                raise BadTruth(f"{path}:{number}: {truth.item!r} stands there already")
            truths[truth.item] = truth
    return tuple(truths.values())


def write_truths(path: Path, truths: Iterable[Truth]) -> None:
    """Write a file of truths."""
    lines = [json.dumps(to_json(truth), ensure_ascii=False) + "\n" for truth in truths]
    path.write_text("".join(lines), encoding="utf-8")


def _event_to_json(event: Expected) -> dict[str, Any]:
    plain: dict[str, Any] = {"id": event.id, "onset_s": event.onset_s, "until_s": event.until_s}
    if event.action != "speak":
        plain["action"] = event.action
    if event.instruction is not None:
        plain["instruction"] = event.instruction
    match event.content.kind:
        case "anything":
            pass
        case "number":
            plain["number"] = event.content.number
        case "exact":
            plain["exact"] = event.content.texts[0]
        case kind:
            plain[kind] = list(event.content.texts)
    return plain


def _event_of(plain: Any) -> Expected:
    given = dict(_mapping(plain))
    told = [kind for kind in ("exact", "any_of", "keywords", "number") if kind in given]
    if len(told) > 1:
        raise BadTruth(
            f"event {given.get('id')!r} has {' and '.join(told)}: one says what is right"
        )
    content = ANYTHING
    if told:
        content = _content_of(told[0], given.pop(told[0]))
    given = _known(given, Expected)
    for name in ("onset_s", "until_s"):
        given[name] = _seconds(given.get(name, given["onset_s"]))
    return Expected(content=content, **given)


def _content_of(kind: str, value: Any) -> Content:
    if kind == "number":
        return Content("number", number=_seconds(value))
    texts = [value] if kind == "exact" else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise BadTruth(f"{kind} is {value!r}: a text for exact, a list of texts otherwise")
    return Content(kind, tuple(texts))  # type: ignore[arg-type]


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadTruth(f"{value!r} is no number")
    return float(value)


def _mapping(plain: Any) -> dict[str, Any]:
    if not isinstance(plain, dict):
        raise BadTruth(f"expected an object, found {plain!r}")
    return plain


def _known(plain: Any, kind: type) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    if unknown := _mapping(plain).keys() - names:
        raise BadTruth(f"{kind.__name__} has no {', '.join(sorted(unknown))}")
    return dict(plain)
