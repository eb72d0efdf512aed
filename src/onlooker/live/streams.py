"""The streams of a session: each plays by itself, and says how it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack

from onlooker.core.clock import SessionClock
from onlooker.core.errors import BadSettings, SourceFailed
from onlooker.core.event import Failed, StreamHealth
from onlooker.core.media import AudioChunk
from onlooker.core.ports import Source
from onlooker.live.health import HealthWatch
from onlooker.live.intake import Intake
from onlooker.live.loop import Emit
from onlooker.live.settings import LiveSettings

CHECK_EVERY_S = 0.5


class Streams:
    """Brings in the media of every source. One that fails or hangs leaves the others alone."""

    def __init__(
        self,
        sources: Mapping[str, Source],
        intake: Intake,
        clock: SessionClock,
        settings: LiveSettings,
        emit: Emit,
    ) -> None:
        self._sources = dict(sources)
        self._intake = intake
        self._clock = clock
        self._settings = settings
        self._emit = emit
        self.overhear: Callable[[AudioChunk], None] = lambda _: None
        self._group: asyncio.TaskGroup | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}  # of the sources that play
        self._watches = {
            stream: HealthWatch(stream, source.traits, settings, clock.now_s())
            for stream, source in sources.items()
        }
        self.playing = set(sources)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._sources)

    def start(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """Play every source, also those that are added later, as tasks of `group`."""
        self._group = group
        for stream in self._sources:
            self._begin(stream)
        return [group.create_task(self.check())]

    def stop(self) -> None:
        """Play no more."""
        self._group = None
        for task in self._tasks.values():
            task.cancel()

    def add(self, stream: str, source: Source) -> None:
        """Take another source in; it plays from now on, or from the start.

        Raises:
            BadSettings: the name is taken.
        """
        if stream in self._sources:
            raise BadSettings(f"a stream is called {stream!r} already: choose another name")
        self._sources[stream] = source
        self._intake.add_stream(stream)
        self._watches[stream] = HealthWatch(
            stream, source.traits, self._settings, self._clock.now_s()
        )
        self.playing.add(stream)
        if self._group is not None:
            self._begin(stream)

    async def remove(self, stream: str) -> None:
        """End a stream and close its source.

        Raises:
            BadSettings: there is no such stream.
        """
        if stream not in self._sources:
            known = ", ".join(self._sources) or "none"
            raise BadSettings(f"no stream is called {stream!r}; there is: {known}")
        source = self._sources.pop(stream)
        if task := self._tasks.pop(stream, None):
            task.cancel()
            await asyncio.wait([task])
        was_playing = stream in self.playing
        self.playing.discard(stream)
        self._intake.remove_stream(stream)
        del self._watches[stream]
        await source.close()
        if was_playing:
            await self._emit(StreamHealth(time_s=self._clock.now_s(), stream=stream, state="ended"))

    async def close(self) -> None:
        """Close every source."""
        async with AsyncExitStack() as stack:
            for source in self._sources.values():
                stack.push_async_callback(source.close)

    async def play(self, stream: str) -> None:
        """Take one source's media in until it ends."""
        watch = self._watches[stream]
        with self._clock.follower() as clock:
            try:
                async for media in self._sources[stream].frames(stream, clock):
                    self._intake.put_media(media)
                    if isinstance(media, AudioChunk):
                        self.overhear(media)
                    else:
                        await self._emit_if(watch.see(media, clock.now_s()))
            except SourceFailed as error:
                await self._emit(
                    Failed(time_s=clock.now_s(), stream=stream, part="source", error=str(error))
                )
            self.playing.discard(stream)
            await self._emit(StreamHealth(time_s=clock.now_s(), stream=stream, state="ended"))

    async def check(self) -> None:
        """Look after streams from which nothing comes."""
        with self._clock.follower() as clock:
            while True:
                await clock.sleep_until(clock.now_s() + CHECK_EVERY_S)
                for stream in sorted(self.playing):
                    if stream not in self._sources:
                        continue  # it was removed while another was told of
                    trouble = self._sources[stream].trouble
                    await self._emit_if(self._watches[stream].check(clock.now_s(), trouble))

    def _begin(self, stream: str) -> None:
        if self._group is not None:
            self._tasks[stream] = self._group.create_task(self.play(stream))

    async def _emit_if(self, health: StreamHealth | None) -> None:
        if health is not None:
            await self._emit(health)
