"""What a server keeps of a running session beside its log: seconds, tasks, health, pictures."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field, replace
from typing import Literal

from onlooker.core.decision import Action, Delegate, Speak, action_of
from onlooker.core.event import (
    ArtefactLink,
    Decided,
    Event,
    Failed,
    Observed,
    Perceived,
    Skipped,
    StreamHealth,
    TaskAnswered,
    TaskAsked,
    TaskProgress,
)
from onlooker.core.moment import AnswerStatus
from onlooker.core.percept import Picture, Pictures

MAX_SECONDS = 7200
MAX_TASKS = 200
MAX_ALERTS = 200
MAX_HEALTH = 64  # streams, also those that have gone

_UNWELL = ("lost", "frozen", "dark")


@dataclass(frozen=True, slots=True)
class Second:
    """What a tick came to, in short: for a timeline."""

    tick: int
    time_s: float  # session time of its end
    what: Action | Literal["skipped", "failed"]
    text: str = ""  # said, or why it was skipped or failed
    latency_ms: float | None = None
    speak_probability: float | None = None
    num_ticks: int = 1


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """A question to the brain and what has become of it."""

    id: str
    question: str
    note: str
    asked_s: float
    status: AnswerStatus | Literal["pending"] = "pending"
    progress: str = ""
    text: str = ""
    answered_s: float | None = None
    artefacts: tuple[ArtefactLink, ...] = ()


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that a person should know without having looked: said unasked, or a blind eye."""

    id: str
    tick: int | None
    time_s: float
    kind: Literal["said", "stream"]
    text: str
    stream: str | None = None


@dataclass
class Kept:
    """Gathers from a session's events; bounded in every direction."""

    max_picture_bytes: int
    seconds: deque[Second] = field(default_factory=lambda: deque(maxlen=MAX_SECONDS))
    tasks: OrderedDict[str, TaskRecord] = field(default_factory=OrderedDict)
    alerts: deque[Alert] = field(default_factory=lambda: deque(maxlen=MAX_ALERTS))
    health: dict[str, StreamHealth] = field(default_factory=dict)
    pictures: OrderedDict[str, Picture] = field(default_factory=OrderedDict)  # by id
    num_picture_bytes: int = 0
    addressed_tick: int | None = None  # the newest in which somebody spoke to us

    def take(self, event: Event) -> None:
        """Take note of an event."""
        match event:
            case Observed() if event.heard or event.answers:
                self.addressed_tick = event.tick
            case Decided() | Skipped() | Failed():
                self._take_second(event)
            case TaskAsked() | TaskProgress() | TaskAnswered():
                self._take_task(event)
            case Perceived():
                self._take_pictures(event)
            case StreamHealth(stream=str(stream)):
                self.health[stream] = event
                while len(self.health) > MAX_HEALTH:
                    del self.health[next(iter(self.health))]
                if event.state in _UNWELL:
                    text = f"{event.state}: {event.detail}".rstrip(": ")
                    self._alert("stream", event, text)

    def newest_picture(self, stream: str | None = None) -> Picture | None:
        """Give the newest picture of a stream, or of any."""
        for picture in reversed(self.pictures.values()):
            if stream in (None, picture.stream):
                return picture
        return None

    def _take_second(self, event: Decided | Skipped | Failed) -> None:
        if event.tick is None:
            return
        at, time_s = event.tick, event.time_s
        match event:
            case Skipped(reason=reason, num_ticks=num):
                self.seconds.append(Second(at, time_s, "skipped", reason, num_ticks=num))
            case Failed(part=part, error=error) if part in ("model", "perception"):
                self.seconds.append(Second(at, time_s, "failed", error))
            case Decided(decision=decision):
                text = decision.text if isinstance(decision, Speak | Delegate) else ""
                self.seconds.append(
                    Second(
                        at,
                        time_s,
                        action_of(decision),
                        text,
                        event.latency_ms,
                        event.speak_probability,
                    )
                )
                if text and event.tick != self.addressed_tick:
                    self._alert("said", event, text)

    def _alert(self, kind: Literal["said", "stream"], event: Event, text: str) -> None:
        name = f"{kind}-{event.tick if event.tick is not None else round(event.time_s, 1)}"
        self.alerts.append(Alert(name, event.tick, event.time_s, kind, text, event.stream))

    def _take_task(self, event: TaskAsked | TaskProgress | TaskAnswered) -> None:
        match event:
            case TaskAsked(task_id=task_id):
                self.tasks[task_id] = TaskRecord(task_id, event.question, event.note, event.time_s)
                while len(self.tasks) > MAX_TASKS:
                    self.tasks.popitem(last=False)
            case TaskProgress(task_id=task_id, text=text) if task_id in self.tasks:
                self.tasks[task_id] = replace(self.tasks[task_id], progress=text)
            case TaskAnswered(task_id=task_id) if task_id in self.tasks:
                self.tasks[task_id] = replace(
                    self.tasks[task_id],
                    status=event.status,
                    text=event.text,
                    answered_s=event.time_s,
                    artefacts=event.artefacts,
                )

    def _take_pictures(self, seen: Perceived) -> None:
        for percept in seen.percepts:
            for picture in percept.pictures if isinstance(percept, Pictures) else ():
                if (old := self.pictures.pop(picture.id, None)) is not None:
                    self.num_picture_bytes -= len(old.jpeg)
                self.pictures[picture.id] = picture
                self.num_picture_bytes += len(picture.jpeg)
        while self.pictures and self.num_picture_bytes > self.max_picture_bytes:
            _, oldest = self.pictures.popitem(last=False)
            self.num_picture_bytes -= len(oldest.jpeg)
