"""Fakes for tests and examples: a clock moved by hand, a scripted model, a sink that keeps all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from itertools import count
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from onlooker.core.clock import Clock, MediaClock
from onlooker.core.decision import Decision, Delegate, Silent, Speak
from onlooker.core.event import Event
from onlooker.core.media import Media, VideoFrame
from onlooker.core.moment import Observation
from onlooker.core.percept import Pictures
from onlooker.core.ports import BrainTraits, ModelTraits, Outcome, Say, SourceTraits
from onlooker.core.prompt import Prompt
from onlooker.core.task import Task, TaskNews
from onlooker.core.wire import to_json

E = TypeVar("E", bound=Event)


AS_A_FILE = SourceTraits(is_live=False, is_camera=False)


class ManualClock(MediaClock):
    """A media clock that a test can also move: as if something had taken that long."""

    speed: float | None = 1.0  # so that lateness shows

    def advance(self, seconds: float) -> None:
        self._now_s += seconds
        self._wake()


class ScriptedModel:
    """Says what the script says, a step a turn, and is silent afterwards. An error is raised."""

    traits = ModelTraits(name="scripted", reads=("pictures", "scene"))

    def __init__(self, *steps: Decision | Exception) -> None:
        self._steps = iter(steps)
        self.prompts: list[Prompt] = []
        self.num_open = 0  # sessions
        self.is_closed = False

    async def open(self) -> ScriptedSession:
        self.num_open += 1
        return ScriptedSession(self)

    async def step(self, prompt: Prompt, say: Say) -> Outcome:
        """Play the next step; a test's own model overrides this."""
        self.prompts.append(prompt)
        step = next(self._steps, Silent())
        if isinstance(step, Exception):
            raise step
        if isinstance(step, Speak | Delegate):
            await say(step.text)
        return Outcome(step)

    async def close(self) -> None:
        self.is_closed = True


class ScriptedSession:
    """One session's turn with a `ScriptedModel`."""

    def __init__(self, model: ScriptedModel) -> None:
        self._model = model

    async def decide(self, prompt: Prompt, say: Say) -> Outcome:
        return await self._model.step(prompt, say)

    async def close(self) -> None:
        self._model.num_open -= 1


class ScriptedBrain:
    """Tells of each task what the script says, one step a task. An error is raised.

    `ready` is waited for before each task, and `is_stopped` says whether one was given up.
    """

    def __init__(
        self, *steps: Sequence[TaskNews | Exception], ready: asyncio.Event | None = None
    ) -> None:
        self.traits = BrainTraits(name="scripted")
        self._steps = iter(steps)
        self._ready = ready
        self.tasks: list[Task] = []
        self.num_running = 0
        self.most_running = 0
        self.num_stopped = 0
        self.is_closed = False

    async def solve(self, task: Task) -> AsyncGenerator[TaskNews]:
        self.tasks.append(task)
        self.num_running += 1
        self.most_running = max(self.most_running, self.num_running)
        try:
            if self._ready is not None:
                await self._ready.wait()
            for news in next(self._steps, ()):
                if isinstance(news, Exception):
                    raise news
                yield news
        except (asyncio.CancelledError, GeneratorExit):
            self.num_stopped += 1
            raise
        finally:
            self.num_running -= 1

    async def close(self) -> None:
        self.is_closed = True


class ListSink:
    """Keeps every event."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    async def accept(self, event: Event) -> None:
        self.events.append(event)

    async def close(self) -> None:
        pass

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]


class FrameSource:
    """Plays given pictures at a rate, as a file would: it ends when they do."""

    trouble = ""

    def __init__(
        self,
        pictures: Iterable[npt.NDArray[np.uint8]],
        rate_hz: float = 1.0,
        traits: SourceTraits = AS_A_FILE,
    ) -> None:
        self.traits = traits
        self._pictures = pictures
        self._rate_hz = rate_hz
        self.is_closed = False

    async def frames(self, stream: str, clock: Clock) -> AsyncIterator[Media]:
        for index, pixels_HWC in zip(count(), self._pictures, strict=False):
            time_s = (index + 0.5) / self._rate_hz
            await clock.sleep_until(time_s)
            yield VideoFrame(stream, time_s, pixels_HWC)

    async def close(self) -> None:
        self.is_closed = True


class NoPictures:
    """A codec that keeps nothing: for tests of everything but pictures."""

    async def open(self) -> NoPictures:
        return self

    async def encode(self, observation: Observation) -> Pictures:
        return Pictures(())

    async def close(self) -> None:
        pass


def grey(level: int, height_px: int = 48, width_px: int = 64) -> npt.NDArray[np.uint8]:
    """One even picture."""
    return np.full((height_px, width_px, 3), level, np.uint8)


def actions(events: Sequence[Event]) -> list[str]:
    """Tell a run in short: `0 silent`, `1 speak It boils.`, `2 failed model`, `4 skipped 1 late`.

    The number is the tick.
    """
    lines = []
    for plain in map(to_json, events):
        match plain:
            case {"type": "decided", "tick": tick, "action": action, "text": text}:
                lines.append(f"{tick} {action} {text or ''}".strip())
            case {"type": "failed", "tick": tick, "part": part}:
                lines.append(f"{tick} failed {part}")
            case {"type": "skipped", "tick": tick, "num_ticks": number, "reason": reason}:
                lines.append(f"{tick} skipped {number} {reason}")
    return lines
