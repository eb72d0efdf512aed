"""Draws a timeline: pictures, what was followed and read, how likely speech was, what was said.

Time runs from left to right. Words that are close in time share the room below each other.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import groupby
from textwrap import wrap
from typing import Literal

from onlooker.core.percept import SceneObject
from onlooker.plugins.sink.lines import clean, clock_of

LEFT_PX, RIGHT_PX = 96, 40
PLOT_PX = 1400  # of a short session; a long one grows by a pixel or two a second
LINE_PX = 16
LETTER_PX = 7.4  # of an average letter at 13 px; signs of East Asia have twice as much
WRAPPED = 38  # letters of a line
MAX_LETTERS = 240
MAX_TRACKS = 14
MAX_STREAMS = 4
COLOURS = ("#e4572e", "#2e86ab", "#3a9d5d", "#c99700", "#8e44ad", "#138d90", "#d6336c", "#6b8e23")
LOOKS = {  # fill, stroke
    "asked": ("#e8f1fb", "#2e6da4"),
    "overheard": ("#f4f4f4", "#999999"),
    "answer": ("#f6ecfa", "#8e44ad"),
    "spoken": ("#e6f6ea", "#2f9e5b"),
    "delegated": ("#f6ecfa", "#8e44ad"),
}

Kind = Literal["asked", "overheard", "answer", "spoken", "delegated"]


@dataclass(frozen=True, slots=True)
class Words:
    """Something that was said, by whom it may be."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture."""

    stream: str
    width_px: int
    height_px: int
    jpeg: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Seen:
    """A second of the session."""

    start_s: float
    end_s: float
    asked: tuple[Words, ...] = ()
    things: tuple[tuple[str, SceneObject], ...] = ()  # stream, thing
    texts: tuple[str, ...] = ()
    pictures: tuple[Thumbnail, ...] = ()
    said: Words | None = None
    speak_probability: float | None = None


@dataclass(frozen=True, slots=True)
class _Scale:
    """From session time to pixels."""

    start_s: float
    end_s: float

    @property
    def px_per_s(self) -> float:
        return max(2.0, min(160.0, PLOT_PX / (self.end_s - self.start_s)))

    @property
    def width_px(self) -> float:
        return LEFT_PX + (self.end_s - self.start_s) * self.px_per_s + RIGHT_PX

    def x(self, time_s: float) -> float:
        return LEFT_PX + (time_s - self.start_s) * self.px_per_s


def draw(title: str, seconds: Sequence[Seen]) -> str:
    """Draw a timeline as SVG. Needs at least one second; no text in it can be markup."""
    scale = _Scale(seconds[0].start_s, seconds[-1].end_s)
    asked = [(one.start_s, words) for one in seconds for words in one.asked]
    said = [(one.end_s, one.said) for one in seconds if one.said]
    parts = [_text(LEFT_PX, 30, title, size_px=18)]
    y = 44.0
    for rows in (
        _words(scale, "asked", asked),
        *(_pictures(scale, stream, seconds) for stream in _streams(seconds)),
        _axis(scale),
        _things(scale, seconds),
        _texts(scale, seconds),
        _probability(scale, seconds),
        _words(scale, "said", said),
    ):
        height_px, drawn = rows
        if drawn:
            parts.append(f'<g transform="translate(0 {y:.0f})">{"".join(drawn)}</g>')
            y += height_px + 12
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{scale.width_px:.0f}" height="{y:.0f}" '
        f'viewBox="0 0 {scale.width_px:.0f} {y:.0f}" font-family="sans-serif">'
        f'<rect width="100%" height="100%" fill="#ffffff"/>{"".join(parts)}</svg>\n'
    )


_Rows = tuple[float, list[str]]  # height, elements


def _streams(seconds: Sequence[Seen]) -> list[str]:
    streams = {picture.stream: None for one in seconds for picture in one.pictures}
    return list(streams)[:MAX_STREAMS]


def _pictures(scale: _Scale, stream: str, seconds: Sequence[Seen]) -> _Rows:
    """Put as many pictures in a row as have room."""
    shown = [
        (one, picture) for one in seconds for picture in one.pictures if picture.stream == stream
    ]
    ratio = max(picture.height_px / picture.width_px for _, picture in shown)
    width = max(64.0, min(160.0, scale.px_per_s - 4))
    drawn, free_x = [_label(stream, 14)], 0.0
    for one, picture in shown:
        x = scale.x(one.start_s) + 2
        if x < free_x or x + width > scale.width_px:
            continue
        free_x = x + width + 2
        height = width * picture.height_px / picture.width_px
        data = b64encode(picture.jpeg).decode()
        drawn.append(
            f'<image x="{x:.1f}" y="0" width="{width:.1f}" height="{height:.1f}" '
            f'href="data:image/jpeg;base64,{data}"/>'
        )
        for at, thing in one.things:
            if at == stream:
                drawn.append(_box(thing, x, width, height))
    return width * ratio, drawn


def _box(thing: SceneObject, x: float, width: float, height: float) -> str:
    box = thing.box
    return (
        f'<rect x="{x + box.left * width:.1f}" y="{box.top * height:.1f}" '
        f'width="{(box.right - box.left) * width:.1f}" '
        f'height="{(box.bottom - box.top) * height:.1f}" fill="none" '
        f'stroke="{_colour(thing.track_id)}" stroke-width="2"/>'
    )


def _axis(scale: _Scale) -> _Rows:
    step_s = next(s for s in (1, 2, 5, 10, 30, 60, 300, 3600) if s * scale.px_per_s >= 44)
    drawn = [_line(LEFT_PX, 0, scale.x(scale.end_s), 0, "#888888")]
    time_s = -(-scale.start_s // step_s) * step_s
    while time_s <= scale.end_s + 1e-6:
        x = scale.x(time_s)
        drawn += [_line(x, 0, x, 5, "#888888"), _text(x - 14, 18, clock_of(time_s), "#555555", 11)]
        time_s += step_s
    return 20.0, drawn


def _things(scale: _Scale, seconds: Sequence[Seen]) -> _Rows:
    """Draw a bar for each thing that was followed, the longest ones if there are many."""
    spans: dict[tuple[str, int], list[tuple[Seen, SceneObject]]] = {}
    for one in seconds:
        for stream, thing in one.things:
            spans.setdefault((stream, thing.track_id), []).append((one, thing))
    longest = sorted(spans, key=lambda key: -len(spans[key]))[:MAX_TRACKS]
    lanes = _Lanes()
    drawn = [_label("seen", 12)] if spans else []
    for key in (key for key in spans if key in longest):
        ones = spans[key]
        thing = ones[-1][1]
        begin, end = scale.x(ones[0][0].start_s), scale.x(ones[-1][0].end_s)
        name = f"{thing.label} {thing.track_id}"
        y = lanes.take(begin, max(end, begin + 20 + LETTER_PX * len(name))) * 18
        drawn.append(
            f'<rect x="{begin:.1f}" y="{y}" width="{end - begin:.1f}" height="15" rx="3" '
            f'fill="{_colour(thing.track_id)}" fill-opacity="0.25"/>'
        )
        drawn.append(_text(begin + 4, y + 12, name, _colour(thing.track_id), 12))
    y = lanes.num * 18
    if len(spans) > len(longest):
        drawn.append(_text(LEFT_PX, y + 12, f"and {len(spans) - len(longest)} more", "#555555", 12))
        y += 18
    return y, drawn


def _texts(scale: _Scale, seconds: Sequence[Seen]) -> _Rows:
    """Draw a bar for each run of seconds in which a text could be read."""
    lanes, drawn = _Lanes(), list[str]()
    for text in {text: None for one in seconds for text in one.texts}:
        for is_shown, run in groupby(seconds, key=lambda one: text in one.texts):
            if not is_shown or lanes.num >= MAX_TRACKS:
                continue
            ones = list(run)
            begin, end = scale.x(ones[0].start_s), scale.x(ones[-1].end_s)
            shown = f"“{text[:WRAPPED]}”"
            y = lanes.take(begin, max(end, begin + 20 + LETTER_PX * len(shown))) * 18
            drawn.append(
                f'<rect x="{begin:.1f}" y="{y}" width="{end - begin:.1f}" height="15" rx="3" '
                f'fill="#f0f0f0" stroke="#888888"/>'
            )
            drawn.append(_text(begin + 4, y + 12, shown, "#333333", 12))
    return lanes.num * 18.0, [_label("read", 12), *drawn] if drawn else []


def _probability(scale: _Scale, seconds: Sequence[Seen]) -> _Rows:
    """Draw how likely speech was, in each second that says so."""
    height = 44.0
    drawn = []
    for one in seconds:
        if one.speak_probability is None:
            continue
        x, end = scale.x(one.start_s), scale.x(one.end_s)
        bar = max(1.0, one.speak_probability * height)
        colour = "#b9c4cc" if one.said is None else LOOKS[one.said.kind][1]
        drawn.append(
            f'<rect x="{x + 1:.1f}" y="{height - bar:.1f}" width="{max(1.0, end - x - 2):.1f}" '
            f'height="{bar:.1f}" fill="{colour}"><title>{one.speak_probability:.3f}</title></rect>'
        )
    if not drawn:
        return 0.0, []
    line = _line(LEFT_PX, height, scale.x(scale.end_s), height, "#cccccc")
    return height + 2, [_label("p(speak)", 12), line, *drawn]


def _words(scale: _Scale, label: str, said: Sequence[tuple[float, Words]]) -> _Rows:
    """Put words below each other where they would overlap, each under its time."""
    if not said:
        return 0.0, []
    lanes, tops, drawn = _Lanes(), [0.0], [_label(label, 12)]
    lines_of = [wrap(clean(words.text)[:MAX_LETTERS], WRAPPED) or [""] for _, words in said]
    height_px = LINE_PX * max(map(len, lines_of)) + 10
    for (time_s, words), lines in zip(said, lines_of, strict=True):
        first = f"{clock_of(time_s)} {lines[0]}"
        width = 14 + max(map(_width, [first, *lines[1:]]))
        x = min(scale.x(time_s), scale.width_px - width - 4)
        top = lanes.take(x, x + width + 6) * (height_px + 4)
        fill, stroke = LOOKS[words.kind]
        drawn.append(_line(scale.x(time_s), 0, scale.x(time_s), top, stroke))
        drawn.append(
            f'<rect x="{x:.1f}" y="{top}" width="{width:.1f}" '
            f'height="{LINE_PX * len(lines) + 8}" rx="5" fill="{fill}" stroke="{stroke}"/>'
        )
        for number, line in enumerate([first, *lines[1:]]):
            drawn.append(_text(x + 7, top + 17 + number * LINE_PX, line))
        tops.append(top)
    return max(tops) + height_px, drawn


class _Lanes:
    """Finds room: the first lane in which nothing overlaps."""

    def __init__(self) -> None:
        self._ends: list[float] = []

    @property
    def num(self) -> int:
        return len(self._ends)

    def take(self, begin: float, end: float) -> int:
        for lane, taken in enumerate(self._ends):
            if taken <= begin:
                self._ends[lane] = end
                return lane
        self._ends.append(end)
        return len(self._ends) - 1


def _width(text: str) -> float:
    return sum(LETTER_PX * (2 if ord(letter) > 0x2E80 else 1) for letter in text)


def _colour(track_id: int) -> str:
    return COLOURS[track_id % len(COLOURS)]


def _label(text: str, y: float) -> str:
    return _text(10, y, text[:12], "#555555", 12)


def _text(
    x: float,
    y: float,
    text: str,
    colour: str = "#222222",
    size_px: int = 13,
    *,
    is_bold: bool = False,
) -> str:
    weight = ' font-weight="bold"' if is_bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size_px}" fill="{colour}"{weight} '
        f'xml:space="preserve">{escape(clean(text))}</text>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'
