"""What is attached to this machine: cameras (v4l2) and the screen (X11)."""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from pydantic import Field

from onlooker.core.clock import Clock
from onlooker.core.errors import SourceFailed
from onlooker.core.media import Media
from onlooker.core.ports import SourceTraits
from onlooker.plugins.source.live import BEGIN_SOON, Reconnecting, RetrySettings, arriving
from onlooker.plugins.source.playback import reason

SIZE = r"^[1-9]\d{1,4}x[1-9]\d{1,4}$"


class CameraSource:
    """Plays `/dev/video0`, or `v4l2:/dev/video0`.

    A camera that is not there is an error; one that is pulled out later is waited for.
    """

    class Settings(RetrySettings, frozen=True):
        """What to ask of the camera; it takes what is nearest."""

        size: str | None = Field(default=None, pattern=SIZE, description="width x height, in px")
        rate_hz: float | None = Field(
            default=None, gt=0, description="pictures a second that it takes"
        )
        input_format: str | None = Field(
            default=None, description="such as mjpeg, which many cameras need for high resolutions"
        )

    traits = SourceTraits(is_live=True, is_camera=True)

    def __init__(self, address: str, settings: Settings) -> None:
        self._path = Path(address.removeprefix("v4l2:"))
        self._settings = settings
        self.trouble = ""

    async def frames(self, stream: str, clock: Clock) -> AsyncIterator[Media]:
        connection = Reconnecting(
            str(self._path), self._opened, self._settings, self._tell, must_begin=True
        )
        async for media in arriving(connection, stream, clock):
            yield media

    async def close(self) -> None:
        pass

    def _tell(self, trouble: str) -> None:
        self.trouble = trouble

    def _opened(self) -> InputContainer:
        try:
            is_device = stat.S_ISCHR(self._path.stat().st_mode)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            there = ", ".join(sorted(map(str, Path("/dev").glob("video*")))) or "none"
            raise SourceFailed(f"{why}; cameras of this machine: {there}") from None
        if not is_device:
            raise SourceFailed("it is no camera; expected a device such as /dev/video0")
        wanted = {
            "video_size": self._settings.size,
            "framerate": self._settings.rate_hz and f"{self._settings.rate_hz:g}",
            "input_format": self._settings.input_format,
        }
        options = BEGIN_SOON | {name: str(value) for name, value in wanted.items() if value}
        try:
            return av.open(str(self._path), format="v4l2", options=options, timeout=(5.0, 5.0))
        except FFmpegError as error:
            raise SourceFailed(
                f"it cannot be opened as a camera ({reason(error)}); see that nothing else uses it "
                f"and that you may read it (group video)"
            ) from None


class ScreenSource:
    """Plays the screen: `screen:` is that of $DISPLAY, `screen::0.0+100,200` begins at a corner."""

    class Settings(RetrySettings, frozen=True):
        """How much of the screen, how often."""

        size: str | None = Field(
            default=None,
            pattern=SIZE,
            description="width x height, in px; the whole screen if not set",
        )
        pointer: bool = Field(default=True, description="show the mouse pointer")

    traits = SourceTraits(is_live=True, is_camera=False)

    def __init__(self, address: str, settings: Settings) -> None:
        self._display = address.removeprefix("screen:") or os.environ.get("DISPLAY", "")
        self._settings = settings
        self.trouble = ""

    async def frames(self, stream: str, clock: Clock) -> AsyncIterator[Media]:
        if not self._display:
            raise SourceFailed("no screen: $DISPLAY is not set; write such as screen::0.0")
        connection = Reconnecting(
            f"screen {self._display}", self._opened, self._settings, self._tell, must_begin=True
        )
        async for media in arriving(connection, stream, clock):
            yield media

    async def close(self) -> None:
        pass

    def _tell(self, trouble: str) -> None:
        self.trouble = trouble

    def _opened(self) -> InputContainer:
        options = BEGIN_SOON | {
            "framerate": f"{self._settings.sample_hz:g}",
            "draw_mouse": str(int(self._settings.pointer)),
        }
        if self._settings.size:
            options["video_size"] = self._settings.size
        try:
            return av.open(self._display, format="x11grab", options=options, timeout=(5.0, 5.0))
        except FFmpegError as error:
            raise SourceFailed(
                f"it cannot be recorded ({reason(error)}); name an X11 display such as screen::0.0"
            ) from None
