"""The default eyes: detector, tracker, text reader and tags, on one core."""

from __future__ import annotations

import asyncio
from itertools import groupby

from onlooker.core.media import VideoFrame
from onlooker.core.moment import Observation
from onlooker.core.percept import Scene, View
from onlooker.plugins.perception.detector import Detector
from onlooker.plugins.perception.reader import Reader
from onlooker.plugins.perception.settings import PerceptionSettings
from onlooker.plugins.perception.tags import Tagger
from onlooker.plugins.perception.watch import Eyes, Watch


class DefaultPerception:
    """Holds the networks; what is remembered of a stream belongs to a session.

    Raises:
        BadSettings: a model is missing or damaged, a label is unknown, or the extra
            `perception` is not installed.
    """

    Settings = PerceptionSettings

    def __init__(self, settings: PerceptionSettings) -> None:
        self._settings = settings
        self.eyes = Eyes(
            detector=Detector(settings),
            reader=Reader() if settings.reads_text else None,
            tagger=Tagger() if settings.tags else None,
        )

    async def open(self) -> DefaultSession:
        return DefaultSession(self.eyes, self._settings)

    async def close(self) -> None:
        """Nothing is held open but memory."""


class DefaultSession:
    """The streams of one session."""

    def __init__(self, eyes: Eyes, settings: PerceptionSettings) -> None:
        self._eyes, self._settings = eyes, settings
        self._watches: dict[str, Watch] = {}

    async def look(self, observation: Observation) -> Scene:
        """Say what is seen in a tick: a view of each stream that showed something.

        Raises:
            PerceptionFailed: a frame could not be looked at.
        """
        return await asyncio.to_thread(self.look_now, observation)

    def look_now(self, observation: Observation) -> Scene:
        """Do what `look` does, in this thread."""
        frames = sorted(observation.frames, key=lambda frame: (frame.stream, frame.time_s))
        by_stream = groupby(frames, key=lambda frame: frame.stream)
        return Scene(tuple(self._view(stream, list(shown)) for stream, shown in by_stream))

    async def close(self) -> None:
        self._watches.clear()

    def _view(self, stream: str, frames: list[VideoFrame]) -> View:
        if stream not in self._watches:
            self._watches[stream] = Watch(stream, self._eyes, self._settings)
        return self._watches[stream].view(frames)
