"""What is remembered of a session, asked of it, and found."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from onlooker.core.errors import BadSettings
from onlooker.core.percept import Picture

# seen: something changed; heard, said: words of people, ours; answer: of the brain;
# picture: a key frame alone; summary: of a segment; block: of several summaries.
EntryKind = Literal["seen", "heard", "said", "answer", "picture", "summary", "block"]
KINDS: tuple[EntryKind, ...] = (
    "seen", "heard", "said", "answer", "picture", "summary", "block",
)  # fmt: skip
_ASCII_WORD = re.compile(r"[ -~\s]{1,4}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to remember."""

    kind: EntryKind
    start_s: float  # session time
    end_s: float
    text: str
    stream: str | None = None
    labels: tuple[str, ...] = ()  # classes of what is seen
    picture: Picture | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What to look for. Empty fields do not narrow it; times are session times."""

    words: str = ""
    stream: str | None = None
    since_s: float | None = None
    until_s: float | None = None
    kinds: tuple[EntryKind, ...] = ()
    limit: int = 8


@dataclass(frozen=True, slots=True)
class Evidence:
    """Something that was remembered, and fits a question."""

    id: int
    kind: EntryKind
    session: str  # the name that sessions go on under
    start_s: float  # time of the session that asks: what was before it is negative
    end_s: float
    wall_s: float  # seconds since 1970, UTC
    text: str
    stream: str | None = None
    labels: tuple[str, ...] = ()
    picture: str = ""  # where its key frame lies; empty: it has none. `picture(id)` gives it
    score: float = 0.0  # higher fits better; comparable within one answer only


@dataclass(frozen=True, slots=True)
class Target:
    """What to forget; what is given narrows it. Times are wall times, as in `Evidence.wall_s`."""

    since_s: float | None = None
    until_s: float | None = None
    stream: str | None = None
    topic: str = ""  # entries with all of these words

    def __post_init__(self) -> None:
        given = (self.since_s, self.until_s, self.stream, self.topic.strip() or None)
        if all(part is None for part in given):
            raise BadSettings("say what to forget: a span of time, a stream or a topic")


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was removed."""

    num_entries: int
    num_pictures: int
    num_waiting: int  # segments without a summary
    is_complete: bool  # False: another process reads, and keeps old pages of the log from going


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of session time that left the window: what is to be summarised."""

    start_s: float
    end_s: float
    lines: tuple[str, ...]  # what happened, each with its time, oldest first
    instructions: tuple[str, ...] = ()  # that stood: what matters to them is to be kept
    pictures: tuple[Picture, ...] = field(default=(), compare=False)  # a few, for who can see
    language: str = field(default="", compare=False)  # of its summary, such as "zh"; empty: any


@dataclass(frozen=True, slots=True)
class Kept:
    """What a session finds of those that it goes on from, oldest first."""

    entries: tuple[Evidence, ...] = ()  # the newest summaries, blocks and words
    waiting: tuple[Segment, ...] = ()  # segments whose summary is still owed
    state: str = ""  # as it was given to `keep_state`


def estimate_tokens(text: str) -> int:
    """Guess what a text costs in a prompt: a token for four letters, or one of another script."""
    num_ascii = len(_ASCII_WORD.findall(text))
    return num_ascii + sum(not char.isascii() for char in text)
