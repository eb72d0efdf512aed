"""The lines of a session: what kind each is, its text as it grows, what was heard of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field

from onlooker.core.clock import Clock
from onlooker.core.event import LineKind, Observed
from onlooker.core.media import AudioChunk
from onlooker.core.moment import Instruction
from onlooker.core.spoken import Pieces
from onlooker.live.floor import Piece, heard

# What somebody wants to be told, whatever else is being said: "warn me", "tell me when", ...
_ALERT_WORDS = re.compile(
    r"\b(alert|alarm|warn|notify|remind|call me|inform me|let me know|say when|shout"
    r"|tell (me|us)|watch (out )?for|make sure)\w*\b|提醒|告诉我|通知|警告|报警|叫我",
    re.IGNORECASE,
)


def kind_of(observed: Observed, standing: Iterable[Instruction]) -> LineKind:
    """Say what kind of line a tick's speech will be.

    A reply answers somebody who has just spoken, or tells what the brain found. An alert is what a
    standing instruction asked to be told. The rest is commentary.
    """
    if any(answer.delivery == "interrupt" for answer in observed.answers):
        return "alert"
    if observed.answers or any(words.speaker == "user" for words in observed.heard):
        return "reply"
    if any(_ALERT_WORDS.search(instruction.text) for instruction in standing):
        return "alert"
    return "commentary"


@dataclass
class _Played:
    """A piece of a line, and when its sound is heard."""

    text: str
    begin_s: float  # session time
    duration_s: float = 0.0
    is_whole: bool = False


@dataclass
class Saying:
    """A line on its way to the ear."""

    id: str
    kind: LineKind
    tick: int | None
    language: str = "en"
    task: asyncio.Task[None] | None = None
    clock: Clock | None = None  # to wait for its moments with
    hold: ExitStack = field(default_factory=ExitStack)  # of media time
    is_started: bool = False  # its first sound was handed over
    _pieces: Pieces | None = None
    _waiting: asyncio.Queue[str | None] = field(default_factory=asyncio.Queue)
    _played: list[_Played] = field(default_factory=list)

    def feed(self, text: str) -> None:
        """Take the next of its text."""
        self._pieces = self._pieces or Pieces(self.language)
        for piece in self._pieces.feed(text):
            self._waiting.put_nowait(piece)

    def finish(self) -> None:
        """Its text has ended."""
        for piece in self._pieces.rest() if self._pieces else ():
            self._waiting.put_nowait(piece)
        self._waiting.put_nowait(None)

    async def pieces(self) -> AsyncIterator[str]:
        """Yield what can be spoken, as soon as it is sure."""
        while (piece := await self._waiting.get()) is not None:
            yield piece

    def begin(self, piece: str, begin_s: float) -> None:
        """The sound of a piece begins at `begin_s`."""
        self._played.append(_Played(piece, begin_s))

    def add(self, chunk: AudioChunk) -> None:
        """Its next sound, at its time."""
        last = self._played[-1]
        if not last.duration_s:
            last.begin_s = chunk.start_s
        last.duration_s = chunk.start_s + chunk.duration_s - last.begin_s

    def end_piece(self) -> None:
        """All sound of the last piece is made."""
        self._played[-1].is_whole = True

    def played_s(self, until_s: float) -> float:
        """Say for how long it was heard up to a time."""
        return sum(_heard_s(piece, until_s) for piece in self._played)

    def heard(self, until_s: float) -> str:
        """Say which words were heard up to a time."""
        pieces = [Piece(p.text, p.duration_s, p.is_whole) for p in self._played]
        return heard(pieces, self.played_s(until_s))


def _heard_s(piece: _Played, until_s: float) -> float:
    return min(max(0.0, until_s - piece.begin_s), piece.duration_s)
