"""A video file, at the pace of the session's clock."""

from __future__ import annotations

import stat
import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from functools import partial
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from pydantic import Field

from onlooker.core.clock import Clock
from onlooker.core.errors import SourceFailed
from onlooker.core.media import Media, VideoFrame
from onlooker.core.ports import SourceTraits
from onlooker.plugins.source.address import path_of
from onlooker.plugins.source.handover import Handover
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

# FFmpeg would draw a text file as a terminal would, and follow the addresses in a playlist.
NOT_VIDEO = ("tty", "concat", "hls", "lavfi")


class FileSource:
    """Plays a file from second 0 on; media time less `start_s` is session time."""

    class Settings(ReadSettings, frozen=True):
        """How a file is played."""

        start_s: float = Field(0.0, ge=0, description="begin here; this becomes second 0")
        loop: bool = Field(default=False, description="begin again at the end; time goes on")

    traits = SourceTraits(is_live=False, is_camera=False)

    def __init__(self, address: str, settings: Settings) -> None:
        self._path = path_of(address)
        self._settings = settings
        self.trouble = ""
        self.num_damaged = 0  # packets and pictures that were passed over

    async def frames(self, stream: str, clock: Clock) -> AsyncIterator[Media]:
        produce = partial(self._play, stream, partial(_is_late, clock))
        async with Handover(produce, depth=AHEAD) as items:
            async for media in items:
                await clock.sleep_until(complete_s(media))
                yield media

    async def close(self) -> None:
        pass

    def _play(
        self, stream: str, is_late: Callable[[float], bool], _stop: threading.Event
    ) -> Generator[Media, None, None]:
        """Read the file once, or for ever. Blocks."""
        _refuse_what_is_no_file(self._path)
        begins_s = 0.0  # session time of this round
        try:
            while True:
                with _opened(self._path) as container:
                    reader = Reader(container, stream, self._settings, is_live=False)
                    yield from self._round(reader, container, begins_s, is_late)
                begins_s += reader.end_s - self._settings.start_s
                if not self._settings.loop:
                    return
        except SourceFailed as error:
            raise SourceFailed(f"{self._path}: {error}") from None

    def _round(
        self,
        reader: Reader,
        container: InputContainer,
        begins_s: float,
        is_late: Callable[[float], bool],
    ) -> Iterator[Media]:
        start_s = self._settings.start_s
        offset_s = begins_s - start_s
        sampler = Sampler(
            self._settings.sample_hz, lambda time_s: is_late(time_s + offset_s), from_s=start_s
        )
        if start_s:
            container.seek(round(start_s * av.time_base) + (container.start_time or 0))
        media: Iterator[Media] = self._until_broken(reader.media(sampler.keeps))
        num_pictures = 0
        for item in in_order(media) if reader.has_sound else media:
            num_pictures += isinstance(item, VideoFrame)
            if isinstance(item, VideoFrame) or item.start_s >= start_s:
                yield shifted(item, offset_s)
        self.num_damaged += reader.num_damaged
        if not num_pictures:
            raise SourceFailed(_why_nothing(reader, start_s))

    def _until_broken(self, media: Iterator[Media]) -> Iterator[Media]:
        try:
            yield from media
        except FFmpegError:
            self.num_damaged += 1  # the rest of the file is lost, what came before is not


def _is_late(clock: Clock, time_s: float) -> bool:
    return clock.speed is not None and clock.now_s() > time_s + LATE_S


def _refuse_what_is_no_file(path: Path) -> None:
    try:
        about = path.stat()
    except OSError as error:
        raise SourceFailed(f"{path}: {error.strerror}; name a video file that exists") from None
    if stat.S_ISDIR(about.st_mode):
        raise SourceFailed(f"{path} is a folder; to play the pictures in it, write images:{path}")
    if not about.st_size and stat.S_ISREG(about.st_mode):
        raise SourceFailed(f"{path} is empty (0 bytes); expected a video file: fetch it again")


def _opened(path: Path) -> InputContainer:
    try:
        # Nothing that a file says may lead to another file or to the network.
        container = av.open(f"file:{path.absolute()}", options={"protocol_whitelist": "file"})
    except FFmpegError as error:
        raise SourceFailed(
            f"not a video that FFmpeg can read ({_reason(error)}); "
            f"if it was cut off, fetch it again, else convert it to MP4 first"
        ) from None
    if container.format.name in NOT_VIDEO:
        container.close()
        raise SourceFailed(f"it is no video but {container.format.long_name!r}; name a video file")
    return container


def _reason(error: FFmpegError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _why_nothing(reader: Reader, start_s: float) -> str:
    if reader.num_damaged:
        return (
            f"no picture could be decoded, {reader.num_damaged} packets are damaged; fetch it again"
        )
    if start_s:
        return f"start_s={start_s:g} lies at or beyond its end ({reader.end_s:.1f} s); lower it"
    return "its video holds no picture; name another file"
