"""What a brain may know of the session that asks it."""

from __future__ import annotations

from collections import deque

from onlooker.core.decision import Delegate, Speak
from onlooker.core.event import Decided, Event, Observed, Perceived, TaskAsked
from onlooker.core.moment import Instruction
from onlooker.core.percept import Picture, Pictures
from onlooker.core.ports import BrainTraits
from onlooker.core.prompt import Exchange, fold
from onlooker.core.task import PastView, Task
from onlooker.live.settings import TaskSettings

MAX_RECALLED = 20  # lines of evidence, the newest


class Background:
    """What a brain may know of the session: gathered from its events, bounded."""

    def __init__(self, settings: TaskSettings) -> None:
        self._settings = settings
        self._pictures: dict[str, deque[Picture]] = {}  # by stream
        self._said: deque[Exchange] = deque(maxlen=settings.num_said)
        self._standing: dict[str, Instruction] = {}
        self._memory: tuple[str, ...] = ()
        self._recalled: deque[str] = deque(maxlen=MAX_RECALLED)

    def take(self, event: Event) -> None:
        match event:
            case Observed():
                self._standing = fold(self._standing, event.instructed)
                self._memory = self._memory if event.memory is None else event.memory
                self._recalled += event.recalled
                self._said += [Exchange(w.time_s, w.speaker, w.text) for w in event.heard]
                self._said += [Exchange(a.time_s, "brain", a.text) for a in event.answers]
            case Perceived():
                self._see(event)
            case Decided(decision=Speak(text) | Delegate(text)):
                self._said.append(Exchange(event.time_s, "onlooker", text))

    def task_of(self, asked: TaskAsked, brain: BrainTraits, past: PastView | None) -> Task:
        settings = self._settings
        return Task(
            id=asked.task_id,
            question=asked.question,
            note=asked.note,
            asked_s=asked.time_s,
            pictures=self._newest() if brain.sees else (),
            said=tuple(self._said),
            instructions=tuple(known.text for known in self._standing.values()),
            memory=(*self._memory, *self._recalled),
            past=past,
            language=settings.language,
            timeout_s=settings.timeout_s,
            max_answer_bytes=settings.max_answer_bytes,
        )

    def _see(self, perceived: Perceived) -> None:
        for percept in perceived.percepts:
            for picture in percept.pictures if isinstance(percept, Pictures) else ():
                newest = self._pictures.setdefault(
                    picture.stream, deque(maxlen=self._settings.num_pictures)
                )
                newest.append(picture)

    def _newest(self) -> tuple[Picture, ...]:
        """Give the pictures in order of time, as many of the newest as the bytes allow."""
        pictures = [picture for newest in self._pictures.values() for picture in newest]
        room, kept = self._settings.max_picture_bytes, list[Picture]()
        for picture in sorted(pictures, key=lambda picture: -picture.time_s):
            room -= len(picture.jpeg)
            if room < 0:
                break
            kept.append(picture)
        return tuple(reversed(kept))
