"""A video file, at the pace of the session's clock."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from pydantic import Field

from onlooker.core.clock import Clock
from onlooker.core.errors import SourceFailed
from onlooker.core.media import Media
from onlooker.core.ports import SourceTraits
from onlooker.plugins.source.address import path_of
from onlooker.plugins.source.handover import Handover
from onlooker.plugins.source.playback import AHEAD, Playback, keep_pace, reason
from onlooker.plugins.source.reader import ReadSettings

# FFmpeg would draw a text file as a terminal would, and follow the addresses in a playlist.
NOT_VIDEO = ("tty", "concat", "dash", "hls", "lavfi", "sdp")


class FileSource:
    """Plays a file from second 0 on."""

    class Settings(ReadSettings, frozen=True):
        """How a file is played."""

        start_s: float = Field(default=0.0, ge=0, description="begin here; this becomes second 0")
        loop: bool = Field(default=False, description="begin again at the end; time goes on")

    traits = SourceTraits(is_live=False, is_camera=False)

    def __init__(self, address: str, settings: Settings) -> None:
        self._path = path_of(address)
        self._playback = Playback(
            str(self._path),
            partial(_opened, self._path),
            settings,
            start_s=settings.start_s,
            loop=settings.loop,
        )
        self.trouble = ""

    @property
    def num_damaged(self) -> int:
        """Packets and pictures that were passed over."""
        return self._playback.num_damaged

    async def frames(self, stream: str, clock: Clock) -> AsyncIterator[Media]:
        async with Handover(partial(self._playback.play, stream, clock), depth=AHEAD) as items:
            async for media in items:
                await keep_pace(media, clock)
                yield media

    async def close(self) -> None:
        pass


def _opened(path: Path) -> InputContainer:
    try:
        about = path.stat()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise SourceFailed(f"{why}; name a video file that can be read") from None
    if stat.S_ISDIR(about.st_mode):
        raise SourceFailed(f"it is a folder; to play the pictures in it, write images:{path}")
    if not about.st_size:
        raise SourceFailed("it is empty (0 bytes); expected a video file: fetch it again")
    try:
        # Nothing that a file says may lead to another file or to the network.
        container = av.open(f"file:{path.absolute()}", options={"protocol_whitelist": "file"})
    except FFmpegError as error:
        raise SourceFailed(
            f"not a video that FFmpeg can read ({reason(error)}); "
            f"if it was cut off, fetch it again, else convert it to MP4 first"
        ) from None
    if container.format.name in NOT_VIDEO:
        container.close()
        raise SourceFailed(f"it is no video but {container.format.long_name!r}; name a video file")
    return container
