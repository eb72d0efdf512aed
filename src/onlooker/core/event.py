"""What happened: the log, the API and the test oracle at once.

Each event has a `type` (its class in snake case), the `tick` and session time it belongs to, and
the `stream` if it is about one. `to_json` and `from_json` in core/wire.py write and read them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from onlooker.core.decision import Decision
from onlooker.core.moment import (
    Answer,
    AnswerStatus,
    CutShort,
    Delivery,
    Instruction,
    Utterance,
)
from onlooker.core.percept import Percept
from onlooker.core.prompt import Persona


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a decision cost, as far as the model says."""

    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    sent_bytes: int | None = None  # to the server


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskUsage:
    """What a task cost, as far as the brain says."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0  # in the currency of the prices that are set

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtefactLink:
    """Where a piece of work is stored that is too much to be said."""

    kind: str
    path: str
    title: str
    num_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The fields of every event."""

    time_s: float  # session time
    tick: int | None = None
    stream: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened(Event):
    """The session began."""

    session: str
    streams: tuple[str, ...]
    model: str
    settings: dict[str, Any]  # how the session lives: what a replay needs to live the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed(Event):
    """A tick is to be decided on: its span, and the words that reached us in it."""

    start_s: float
    end_s: float
    heard: tuple[Utterance, ...] = ()
    instructed: tuple[Instruction, ...] = ()
    answers: tuple[Answer, ...] = ()
    recalled: tuple[str, ...] = ()
    memory: tuple[str, ...] | None = None
    persona: Persona | None = None  # a change of it, from this tick on
    cut_short: tuple[CutShort, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Perceived(Event):
    """What is kept of the tick's pictures."""

    percepts: tuple[Percept, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaking(Event):
    """A piece of speech, as the model writes it; `Decided` brings the whole."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided(Event):
    """The tick's decision."""

    decision: Decision
    latency_ms: float  # from the end of the tick to the decision
    speak_probability: float | None = None  # that it would not be silent, before the threshold
    usage: Usage = Usage()
    prompt_digest: str | None = None  # of all that was read: equal digests, equal prompts


# The line was busy; nothing changed; nobody asked for anything yet; watching was paused.
SkipReason = Literal["late", "still", "persona", "paused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped(Event):
    """Ticks without a decision, up to and including `tick`."""

    reason: SkipReason
    num_ticks: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(Event):
    """A part failed. It cost at most this tick."""

    part: str  # such as "model"
    error: str


HealthState = Literal["connected", "lost", "frozen", "dark", "recovered", "ended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamHealth(Event):
    """A stream's state changed."""

    state: HealthState
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskAsked(Event):
    """A question went to the brain."""

    task_id: str
    question: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskProgress(Event):
    """What the brain is doing, or the next piece of what it answers. The model reads neither."""

    task_id: str
    text: str
    is_answer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskAnswered(Event):
    """The task has ended. What came of it is in the next observation."""

    task_id: str
    status: AnswerStatus
    text: str
    delivery: Delivery = "when_idle"
    artefacts: tuple[ArtefactLink, ...] = ()
    usage: TaskUsage = TaskUsage()
    took_s: float = 0.0  # session time since it was asked


LineKind = Literal["commentary", "reply", "alert"]
LineEnd = Literal[
    "done",  # heard to its end
    "failed",  # the voice broke off
    "barge_in",  # the user spoke
    "interrupted",  # by something that matters more
    "stopped",  # somebody asked for silence
    "too_long",
    "stale",  # it could not be said while it was worth hearing; so are those below
    "superseded",
    "full",
    "quiet",
    "mute",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Captioned(Event):
    """A line to be shown, whether it is spoken or not. Its whole text."""

    line_id: str
    kind: LineKind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceStarted(Event):
    """The first sound of a line is heard from now on."""

    line_id: str
    kind: LineKind


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceEnded(Event):
    """A line was spoken as far as `heard` says, which may be nothing."""

    line_id: str
    kind: LineKind
    why: LineEnd
    heard: str = ""
    played_s: float = 0.0


Speaker = Literal["user", "scene"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing(Event):
    """Somebody speaks; what is understood so far, which may change."""

    speaker: Speaker
    start_s: float
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard(Event):
    """Somebody has spoken. Without text it was nothing that could be understood."""

    speaker: Speaker
    start_s: float
    end_s: float
    text: str
    is_addressed: bool = True  # it goes to the model: no wake word was missing


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundNoticed(Event):
    """Something other than speech was heard, such as a smoke alarm."""

    label: str
    probability: float
    start_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed(Event):
    """The session ended."""

    reason: str
    num_decided: int
    num_skipped: int
    num_failed: int


EVENTS: tuple[type[Event], ...] = (
    Opened,
    Observed,
    Perceived,
    Speaking,
    Decided,
    Skipped,
    Failed,
    StreamHealth,
    TaskAsked,
    TaskProgress,
    TaskAnswered,
    Captioned,
    VoiceStarted,
    VoiceEnded,
    Hearing,
    Heard,
    SoundNoticed,
    Closed,
)
