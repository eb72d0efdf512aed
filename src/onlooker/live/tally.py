"""What became of each request, second by second: arrivals since it was given, time that is over.

A model of a few million weights reads well what is written and counts badly what is not. So the
session keeps count for it, of the things and times that a request names. It does not know what
the request wants of them: that is the model's to read.

| fact | in this tick |
|---|---|
| `first 30` `again 60` | the duration that it names is over, again; seconds since it was given |
| `come 3` | a thing that it names has come, the third since then |
| `full` | ... and three is the number that it names |
| `within` `over` | ... before or after the duration that it names |
| `left` | one has gone |
| `now 2` | the number that is there has changed |
| `stayed` | one that came since then has been there for the duration |
| `none` | none was there for the duration |
| `inside` | one has come to be in a zone that it names |
| `together` | things of two kinds that it names have come to be there at once |
| `shown` | a text that it names shows |
| `reads "Ausgang"` | it names a language, whichever it is, and this is a text that is new |
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from onlooker.core.moment import Instruction, Tick
from onlooker.core.percept import SceneObject, View
from onlooker.core.prompt import Noted, Turn, fold
from onlooker.core.quantities import count_named, duration_named
from onlooker.core.scene_words import quoted, wanted_labels

SAID = 0  # the number of what was said last
MAX_TEXTS = 3  # of a second, told beside a request
_LANGUAGES = re.compile(
    r"\b(?:arabic|bengali|bulgarian|chinese|croatian|czech|danish|dutch|estonian|finnish|french|german"
    r"|greek|hebrew|hindi|hungarian|icelandic|indonesian|irish|italian|japanese|korean|latin|latvian"
    r"|lithuanian|mandarin|norwegian|persian|polish|portuguese|romanian|russian|serbian|slovak"
    r"|slovene|spanish|swahili|swedish|thai|turkish|ukrainian|urdu|vietnamese|welsh)\b"
)

_Track = tuple[str, int]  # stream and id


class Tally:
    """Keeps count for the standing instructions of a session, and for what was said last."""

    def __init__(self) -> None:
        self._standing: dict[str, Instruction] = {}
        self._kept: dict[str, _Request] = {}
        self._said: _Request | None = None

    def note(self, turn: Turn) -> tuple[Noted, ...]:
        """Take a turn in; give what it brings to those that stood before it."""
        before, self._standing = self._standing, fold(self._standing, turn.instructed)
        noted: list[Noted] = []
        kept: dict[str, _Request] = {}
        for number, (id_, one) in enumerate(self._standing.items(), start=1):
            is_new = before.get(id_) != one
            request = _Request(one.text, turn.tick.start_s) if is_new else self._kept[id_]
            noted += _noted(number, request, turn)
            kept[id_] = request
        self._kept = kept
        if turn.asked:
            self._said = _Request(turn.asked[-1], turn.tick.start_s)
        if self._said is not None:
            noted += _noted(SAID, self._said, turn)
        return tuple(noted)


@dataclass(slots=True)
class _Request:
    """One request, and what has come of it."""

    text: str
    since_s: float  # beginning of the tick it was given in
    age_s: int = 0
    num_come: int = 0
    num_there: int | None = None  # None before the first scene
    kinds_there: int = 0
    empty_since_s: float = 0.0
    has_told_none: bool = False
    inside: frozenset[_Track] = frozenset()
    stayed: set[_Track] = field(default_factory=set)

    def take(self, turn: Turn) -> Iterator[str]:
        """Give the facts of a turn after the one it was given in; that one is where it starts."""
        yield from self._time(turn.tick)
        if views := turn.views:
            yield from self._things(turn.tick, views)
            yield from self._texts([one.text for view in views for one in view.new_texts])

    def _texts(self, texts: Sequence[str]) -> Iterator[str]:
        asked = _plain(self.text)
        if any(text.strip() and text in asked for text in map(_plain, texts)):
            yield "shown"
        if texts and names_language(self.text):
            yield " ".join(["reads", *map(quoted, texts[:MAX_TEXTS])])

    def _time(self, tick: Tick) -> Iterator[str]:
        lasts_s = duration_named(self.text)
        before_s, self.age_s = self.age_s, round(tick.start_s - self.since_s)
        if lasts_s and self.age_s // lasts_s > before_s // lasts_s:
            yield f"{'first' if before_s < lasts_s else 'again'} {self.age_s}"

    def _things(self, tick: Tick, views: Iterable[View]) -> Iterator[str]:
        named, lasts_s = wanted_labels([self.text]), duration_named(self.text)
        there = [(view, one) for view in views for one in view.objects if one.label in named]
        come = [one for view in views for one in view.entered if one.label in named]
        has_begun = self.num_there is not None
        before, self.num_there = self.num_there, len(there)
        if has_begun and come:
            yield from self._come(len(come), lasts_s)
        if has_begun and any(one.label in named for view in views for one in view.left):
            yield "left"
        if has_begun and before != len(there):
            yield f"now {len(there)}"
        if lasts_s:
            yield from self._stayed(there, lasts_s)
            yield from self._none(tick, lasts_s, is_empty=not there, has_begun=has_begun)
        yield from self._places(there, named, has_begun=has_begun)

    def _come(self, num_new: int, lasts_s: float | None) -> Iterator[str]:
        before, self.num_come = self.num_come, self.num_come + num_new
        yield f"come {self.num_come}"
        if before < (count_named(self.text) or 0) <= self.num_come:
            yield "full"
        if lasts_s:
            yield "within" if self.age_s < lasts_s else "over"

    def _stayed(self, there: list[tuple[View, SceneObject]], lasts_s: float) -> Iterator[str]:
        tracks = {(view.stream, one.track_id) for view, one in there}
        due = {
            (view.stream, one.track_id)
            for view, one in there
            if int(one.since_s) > self.since_s and int(view.time_s) - int(one.since_s) >= lasts_s
        }
        if due - self.stayed:
            yield "stayed"
        self.stayed = (self.stayed | due) & tracks

    def _none(
        self, tick: Tick, lasts_s: float, *, is_empty: bool, has_begun: bool
    ) -> Iterator[str]:
        if not is_empty or not has_begun:
            self.empty_since_s = tick.start_s if is_empty else tick.end_s
            self.has_told_none = False
        elif not self.has_told_none and tick.start_s - self.empty_since_s >= lasts_s:
            self.has_told_none = True
            yield "none"

    def _places(
        self,
        there: list[tuple[View, SceneObject]],
        named: frozenset[str],
        *,
        has_begun: bool,
    ) -> Iterator[str]:
        before, self.inside = (
            self.inside,
            frozenset(
                (view.stream, one.track_id)
                for view, one in there
                if any(zone.lower() in named for zone in one.zones)
            ),
        )
        if has_begun and self.inside - before:
            yield "inside"
        num_before, self.kinds_there = self.kinds_there, len({one.label for _, one in there})
        if has_begun and num_before < 2 <= self.kinds_there:
            yield "together"


def _noted(number: int, request: _Request, turn: Turn) -> Iterator[Noted]:
    if facts := tuple(request.take(turn)):
        yield Noted(number, facts, request.text)


def names_language(request: str) -> bool:
    """Tell whether a request names a foreign language, such as one to translate from."""
    return _LANGUAGES.search(request.lower()) is not None


def _plain(text: str) -> str:
    """Words and numbers in lower case with a space around each, so that `in` finds whole ones."""
    return " ".join(["", *re.findall(r"[^\W_]+", text.lower()), ""])
