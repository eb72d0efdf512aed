"""What is asked of the background brain, and what comes of it.

Everything a brain sends is data: it is cut to size, stored or told, and never obeyed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

from onlooker.core.event import TaskUsage
from onlooker.core.moment import Delivery
from onlooker.core.percept import Picture
from onlooker.core.prompt import Exchange

ArtefactKind = Literal["text", "table", "code", "picture", "html", "file"]


class PastView(Protocol):
    """What is remembered, for a brain to look into while it works."""

    async def search(self, words: str) -> tuple[str, ...]:
        """Find what fits, each with its time, and its number if it has a key frame."""
        ...

    async def frame(self, number: int) -> bytes | None:
        """Give a key frame as JPEG."""
        ...


@dataclass(frozen=True, slots=True)
class Task:
    """A question for the brain, with what it may need to know. Bounded by the session."""

    id: str
    question: str  # as the model wrote it
    note: str  # what the model said while it handed the question over
    asked_s: float  # session time
    pictures: tuple[Picture, ...] = ()  # the newest of each stream, in order of time
    said: tuple[Exchange, ...] = ()  # the newest of the conversation, oldest first
    instructions: tuple[str, ...] = ()  # those that stand; context, not the task
    memory: tuple[str, ...] = ()  # paragraphs about what came before, oldest first
    past: PastView | None = field(default=None, repr=False, compare=False)  # to look into
    language: str = ""  # of the answer, such as "en"; empty: that of the question
    timeout_s: float = 600.0  # after which nobody waits for the answer any more
    max_answer_bytes: int = 8 * 2**20  # a brain that sends more has failed


@dataclass(frozen=True, slots=True)
class Artefact:
    """A piece of work that is too much to be said."""

    kind: ArtefactKind
    content: bytes = field(repr=False)
    title: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """What the brain is doing, for people."""

    text: str


@dataclass(frozen=True, slots=True)
class Partial:
    """The next piece of the answer, as it is written; the result brings the whole."""

    text: str


@dataclass(frozen=True, slots=True)
class Result:
    """The answer. The last that comes of a task."""

    text: str
    artefacts: tuple[Artefact, ...] = ()
    usage: TaskUsage = TaskUsage()
    delivery: Delivery | None = None  # what the brain finds fitting; None: as the session is set


@dataclass(frozen=True, slots=True)
class NeedsInput:
    """The brain cannot go on without an answer to `question`. The last that comes of a task."""

    question: str
    usage: TaskUsage = TaskUsage()


TaskNews = Progress | Partial | Result | NeedsInput
