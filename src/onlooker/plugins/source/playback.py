"""Something recorded, from its start to its end: a file on disk, or one that a server has."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import av
from av.container import InputContainer
from av.error import FFmpegError

from onlooker.core.clock import Clock
from onlooker.core.errors import SourceFailed
from onlooker.core.media import Media, VideoFrame
from onlooker.plugins.source.reader import (
    Reader,
    ReadSettings,
    Sampler,
    complete_s,
    in_order,
    shifted,
)

AHEAD = 8  # items that are decoded ahead
LATE_S = 0.5


@dataclass
class Playback:
    """Plays what `opened` opens; media time less `start_s` is session time."""

    name: str  # for people
    opened: Callable[[], AbstractContextManager[InputContainer]]  # raises SourceFailed
    settings: ReadSettings
    start_s: float = 0.0
    loop: bool = False
    num_damaged: int = field(default=0, init=False)  # packets and pictures passed over

    def play(
        self, stream: str, clock: Clock, _stop: threading.Event
    ) -> Generator[Media, None, None]:
        """Read once, or for ever. Blocks: for a Handover.

        Raises:
            SourceFailed: there is no picture in it.
        """
        begins_s = 0.0  # session time of this round
        try:
            while True:
                with self.opened() as container:
                    reader = Reader(container, stream, self.settings, is_live=False)
                    yield from self._round(reader, container, begins_s, clock)
                begins_s += reader.end_s - self.start_s
                if not self.loop:
                    return
        except SourceFailed as error:
            raise SourceFailed(f"{self.name}: {error}") from None

    def _round(
        self, reader: Reader, container: InputContainer, begins_s: float, clock: Clock
    ) -> Iterator[Media]:
        offset_s = begins_s - self.start_s
        if self.start_s:
            container.seek(round(self.start_s * av.time_base) + (container.start_time or 0))
        sampler = Sampler(
            self.settings.sample_hz,
            lambda time_s: is_late(clock, time_s + offset_s),
            from_s=self.start_s,
        )
        media = self._until_broken(reader.media(sampler.keeps))
        num_pictures = 0
        for item in in_order(media) if reader.has_sound else media:
            num_pictures += isinstance(item, VideoFrame)
            if isinstance(item, VideoFrame) or item.start_s >= self.start_s:
                yield shifted(item, offset_s)
        self.num_damaged += reader.num_damaged
        if not num_pictures:
            raise SourceFailed(self._why_nothing(reader))

    def _until_broken(self, media: Iterator[Media]) -> Iterator[Media]:
        try:
            yield from media
        except FFmpegError:
            self.num_damaged += 1  # the rest is lost, what came before is not

    def _why_nothing(self, reader: Reader) -> str:
        if self.num_damaged:
            return (
                f"no picture could be decoded, {self.num_damaged} packets are damaged; "
                f"fetch it again"
            )
        if self.start_s:
            return (
                f"start_s={self.start_s:g} lies at or beyond its end ({reader.end_s:.1f} s); "
                f"lower it"
            )
        return "its video holds no picture; name another one"


async def keep_pace(media: Media, clock: Clock) -> None:
    """Wait until the session's clock has come to where this belongs."""
    await clock.sleep_until(complete_s(media))


def is_late(clock: Clock, time_s: float) -> bool:
    """Whether a picture of this time is no longer worth converting."""
    return clock.speed is not None and clock.now_s() > time_s + LATE_S


def reason(error: FFmpegError) -> str:
    """What FFmpeg says, without the address, which may hold a password."""
    return (error.strerror or type(error).__name__).lower()
