"""The streams of a session: each plays by itself, and says how it is."""

from __future__ import annotations

from collections.abc import Mapping

from onlooker.core.clock import SessionClock
from onlooker.core.errors import SourceFailed
from onlooker.core.event import Failed, StreamHealth
from onlooker.core.media import VideoFrame
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
        self._sources = sources
        self._intake = intake
        self._clock = clock
        self._emit = emit
        self._watches = {
            stream: HealthWatch(stream, source.traits, settings, clock.now_s())
            for stream, source in sources.items()
        }
        self.playing = set(sources)

    async def play(self, stream: str) -> None:
        """Take one source's media in until it ends."""
        watch = self._watches[stream]
        with self._clock.follower() as clock:
            try:
                async for media in self._sources[stream].frames(stream, clock):
                    self._intake.put_media(media)
                    if isinstance(media, VideoFrame):
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
                    trouble = self._sources[stream].trouble
                    await self._emit_if(self._watches[stream].check(clock.now_s(), trouble))

    async def _emit_if(self, health: StreamHealth | None) -> None:
        if health is not None:
            await self._emit(health)
