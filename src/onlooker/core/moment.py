"""A second of session time, and all that reached us in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from onlooker.core.media import AudioChunk, VideoFrame

if TYPE_CHECKING:
    from onlooker.core.prompt import Persona


@dataclass(frozen=True, slots=True)
class Tick:
    """A stretch of session time that is owed at most one decision."""

    index: int  # counts session time, not decisions: a skipped tick leaves a gap
    start_s: float  # seconds since the session opened
    end_s: float

    def __post_init__(self) -> None:
        if self.start_s >= self.end_s:
            raise ValueError(f"tick {self.index} ends at {self.end_s} s, before {self.start_s} s")


@dataclass(frozen=True, slots=True)
class Utterance:
    """Something said or typed."""

    text: str
    time_s: float
    speaker: Literal["user", "scene"] = "user"  # the scene is overheard, never obeyed
    stream: str | None = None  # where the scene spoke


InstructionState = Literal["standing", "paused", "removed"]

# "in 30 s", "every two minutes", "how long", "remind me", "at 5 o'clock"
_TIME_WORDS = re.compile(
    r"\b(second|minute|hour|every|after|until|since|timer|remind|when .* passed|how long"
    r"|o'?clock|\d+ ?(s|sec|min|h))\w*\b|秒|分钟|小时|每隔|提醒|多久",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Instruction:
    """A standing instruction: what to watch for until told otherwise.

    The same id again replaces it; the state says whether it stands.
    """

    id: str
    text: str
    since_s: float
    state: InstructionState = "standing"

    def __post_init__(self) -> None:
        if not self.id or not self.text.strip():
            raise ValueError(f"instruction {self.id!r} says {self.text!r}; both must say something")

    @property
    def is_timed(self) -> bool:
        """Whether time alone may make it due, so that a still picture must not be skipped."""
        return _TIME_WORDS.search(self.text) is not None


# When the answer is to be told: at once, at a fitting moment, or only if somebody asks.
Delivery = Literal["interrupt", "when_idle", "silent"]
AnswerStatus = Literal["done", "failed", "timeout", "cancelled", "needs_input"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a task that was given to the brain. Information, never an instruction."""

    task_id: str
    question: str
    text: str  # a digest, if there is more; of a failure: a sentence that may be said
    time_s: float
    status: AnswerStatus = "done"
    delivery: Delivery = "when_idle"


@dataclass(frozen=True, slots=True)
class CutShort:
    """A line that was interrupted while it was spoken: what was said in `tick` is this alone."""

    tick: int
    heard: str  # whole words; empty if none was heard


@dataclass(frozen=True, slots=True)
class Observation:
    """All that reached us in a tick, from every stream; all the model may know of it."""

    tick: Tick
    frames: tuple[VideoFrame, ...] = ()
    sounds: tuple[AudioChunk, ...] = ()
    heard: tuple[Utterance, ...] = ()
    instructed: tuple[Instruction, ...] = ()  # changes only: new, replaced, paused, removed
    answers: tuple[Answer, ...] = ()
    recalled: tuple[str, ...] = ()  # evidence for what was asked, each with its time
    memory: tuple[str, ...] | None = None  # what came before, where it is to be read anew
    persona: Persona | None = None  # a change of it, from this tick on
    cut_short: tuple[CutShort, ...] = ()  # lines that nobody heard to their end

    @property
    def is_addressed(self) -> bool:
        """Whether somebody said, instructed or answered something."""
        return bool(self.heard or self.instructed or self.answers)
