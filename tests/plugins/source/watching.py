"""How the tests of this folder watch a source: through a whole session, or by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import numpy as np
import numpy.typing as npt

from onlooker.core.clock import Clock, MediaClock, SessionClock
from onlooker.core.event import Failed
from onlooker.core.media import AudioChunk, Media, VideoFrame
from onlooker.core.ports import Source
from onlooker.live.session import Parts, Session
from onlooker.live.settings import LiveSettings
from onlooker.testing.doubles import ListSink, NoPictures, ScriptedModel

Pixels = npt.NDArray[np.uint8]


class Tapped:
    """Another source, all of whose media are kept."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.traits = source.traits
        self.media: list[Media] = []
        self.when_seen: Callable[[VideoFrame], object] = lambda _: None

    @property
    def trouble(self) -> str:
        return self._source.trouble

    @trouble.setter
    def trouble(self, value: str) -> None:
        self._source.trouble = value

    async def frames(self, stream: str, clock: Clock) -> AsyncIterator[Media]:
        async for item in self._source.frames(stream, clock):
            self.media.append(item)
            if isinstance(item, VideoFrame):
                self.when_seen(item)
            yield item

    async def close(self) -> None:
        await self._source.close()

    @property
    def pictures(self) -> list[VideoFrame]:
        return [item for item in self.media if isinstance(item, VideoFrame)]

    @property
    def sounds(self) -> list[AudioChunk]:
        return [item for item in self.media if isinstance(item, AudioChunk)]


async def watch(
    source: Source,
    clock: SessionClock | None = None,
    settings: LiveSettings | None = None,
    max_ticks: int | None = None,
) -> tuple[Tapped, ListSink]:
    """Run a session over one source until it ends, as fast as possible if no clock is given."""
    tapped, sink = Tapped(source), ListSink()
    parts = Parts({"cam": tapped}, ScriptedModel(), codec=NoPictures(), sinks={"list": sink})
    session = Session(parts, settings or LiveSettings(), clock or MediaClock(), max_ticks=max_ticks)
    await session.run()
    return tapped, sink


async def failure_of(source: Source, clock: SessionClock | None = None) -> str:
    """Watch a source that cannot be read, and give the one line that says why."""
    tapped, sink = await watch(source, clock, LiveSettings(period_s=0.25))
    assert tapped.media == []
    (failed,) = sink.of(Failed)
    assert failed.part == "source"
    assert "\n" not in failed.error
    return failed.error
