"""The bytes of a request: every picture and every turn is written once, then joined.

A request repeats the whole window, a hundred pictures of which one is new. So each turn is kept
as the bytes that it is sent as. Parameters come before the messages and a prompt grows at its end
only: one tick's body, up to its last turn, is the beginning of the next one's.
"""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass
from typing import Any

from onlooker.core.moment import Instruction
from onlooker.core.percept import Picture
from onlooker.core.prompt import Prompt, Turn, fold
from onlooker.plugins.model.dialect import Dialect, Fields, Part

_CONTINUED = b'],"add_generation_prompt":false,"continue_final_message":true}'


@dataclass(frozen=True, slots=True)
class Body:
    """One request, ready to be sent."""

    data: bytes
    has_references: bool  # to pictures that the server should still hold


@dataclass(slots=True)
class _Written:
    """A turn as bytes, from its user's words to its answer's."""

    turn: Turn
    standing: dict[str, Instruction]  # after it
    picture_ids: tuple[str, ...]
    is_brief: bool  # every picture by reference
    user: bytes  # without the bracket that opens it: the opening may come between
    answer: bytes | None = None


class BodyWriter:
    """Writes the requests of one session. Bounded by the window.

    With `by_reference` a picture that the server took once is named from then on and not sent
    (vLLM: `uuid`, with no `image_url`); ids name the content, so sessions may share a server.
    """

    def __init__(self, dialect: Dialect, *, by_reference: bool) -> None:
        self._dialect = dialect
        self._by_reference = by_reference
        self._turns: dict[int, _Written] = {}  # by tick
        self._taken: set[str] = set()  # pictures that the server holds

    def write(self, prompt: Prompt, fields: Fields, *, is_forced: bool = False) -> Body:
        """Write the request that asks for the decision on the last turn."""
        opening = self._dialect.opening(prompt)
        system = self._dialect.system(prompt.persona)
        pieces = [_dumps(fields)[:-1], b',"messages":[', _message("system", system)]
        turns: dict[int, _Written] = {}
        standing = fold({}, prompt.standing)
        for turn in prompt.turns:
            if turn.decision is None and turn is not prompt.now:
                continue  # no turn without its answer: two users' turns never follow each other
            written = turns[turn.tick.index] = self._written(turn, standing)
            standing = written.standing
            pieces += [b',{"role":"user","content":[', *map(_text_before, opening), written.user]
            opening = ()
            if turn.decision is not None:
                pieces.append(self._answer(written, turn))
        self._turns = turns
        if is_forced and self._dialect.forced_opening:
            pieces += [b",", _message("assistant", self._dialect.forced_opening), _CONTINUED]
        else:
            pieces.append(b"]}")
        return Body(b"".join(pieces), has_references=self._refers(turns))

    def taken(self) -> None:
        """Take note that the server holds the pictures of the last request."""
        if self._by_reference:
            self._taken = {id_ for turn in self._turns.values() for id_ in turn.picture_ids}

    def forgotten(self, *, for_good: bool) -> None:
        """Take note that the server does not hold what was referred to."""
        self._taken.clear()
        self._by_reference &= not for_good

    def _refers(self, turns: dict[int, _Written]) -> bool:
        return bool(self._taken) and any(
            id_ in self._taken for turn in turns.values() for id_ in turn.picture_ids
        )

    def _written(self, turn: Turn, standing: dict[str, Instruction]) -> _Written:
        """Give a turn's bytes, which change only when the server comes to hold its pictures."""
        known = self._turns.get(turn.tick.index)
        if known is not None and not _has_same_content(known.turn, turn):
            known = None
        picture_ids = known.picture_ids if known else tuple(p.id for p in turn.pictures)
        is_brief = self._taken.issuperset(picture_ids)
        if known is not None and known.is_brief == is_brief:
            return known
        after = fold(standing, turn.instructed)
        parts = self._dialect.turn(turn, tuple(after.values()))
        user = b",".join(map(self._part, parts)) + b"]}"
        return _Written(turn, after, picture_ids, is_brief, user)

    def _answer(self, written: _Written, turn: Turn) -> bytes:
        is_known = written.answer is not None and written.turn.decision == turn.decision
        if not is_known and turn.decision is not None:
            # Also what was said and cut short: only what was heard stays.
            written.turn = turn
            written.answer = b"," + _message("assistant", self._dialect.decided(turn.decision))
        return written.answer or b""

    def _part(self, part: Part) -> bytes:
        if isinstance(part, str):
            return _dumps({"type": "text", "text": part})
        return self._picture(part)

    def _picture(self, picture: Picture) -> bytes:
        if picture.id in self._taken:
            return b'{"type":"image_url","uuid":"%b","image_url":null}' % picture.id.encode()
        url = b'"image_url":{"url":"data:image/jpeg;base64,%b"}}' % b64encode(picture.jpeg)
        if not self._by_reference:
            return b'{"type":"image_url",' + url
        return b'{"type":"image_url","uuid":"%b",%b' % (picture.id.encode(), url)


def _has_same_content(one: Turn, other: Turn) -> bool:
    """Compare what a user's turn is made of; the decision comes later. Mostly by identity."""
    return (one.percepts, one.heard, one.instructed, one.answers, one.recalled, one.tick) == (
        (other.percepts, other.heard, other.instructed, other.answers, other.recalled, other.tick)
    )


def _message(role: str, content: str) -> bytes:
    return _dumps({"role": role, "content": content})


def _text_before(text: str) -> bytes:
    return _dumps({"type": "text", "text": text}) + b","


def _dumps(value: Any) -> bytes:
    plain = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return plain.encode(errors="replace")  # half a surrogate pair is no text
