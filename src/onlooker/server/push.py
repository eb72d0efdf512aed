"""A stream whose pictures and sound are brought by a client."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from onlooker.core.clock import Clock
from onlooker.core.errors import OnlookerError
from onlooker.core.media import AudioChunk, Media, VideoFrame
from onlooker.core.ports import SourceTraits

MAX_WAITING = 1  # pictures that wait to be decoded: newest wins
MAX_SOUNDS = 250  # pieces of sound that wait
MAX_OLD_S = 30.0  # a picture is taken to be no older
FORMATS = ("JPEG", "PNG", "WEBP")
_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)


class BadPicture(OnlookerError):
    """What a client pushed is no picture that we take."""


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """What a pushed picture may be."""

    max_bytes: int
    max_pixels: int


@dataclass(frozen=True, slots=True)
class _Waiting:
    image: bytes | npt.NDArray[np.uint8]
    time_s: float | None


class PushSource:
    """Yields what is pushed. Decoding happens in a thread; a picture that waits gives way."""

    def __init__(self, limits: PictureLimits, *, is_camera: bool = False) -> None:
        # Whoever pushes may stop at any time: that is no fault of a camera.
        self.traits = SourceTraits(is_live=True, is_camera=is_camera)
        self.trouble = "nothing is sent"
        self.num_received = 0
        self.num_dropped = 0  # pictures that gave way to newer ones
        self.num_bad = 0
        self.last_error = ""
        self._limits = limits
        self._pictures: deque[_Waiting] = deque(maxlen=MAX_WAITING)
        self._sounds: deque[AudioChunk] = deque(maxlen=MAX_SOUNDS)
        self._came = asyncio.Event()
        self._is_closed = False

    def push_picture(self, image: bytes, time_s: float | None = None) -> None:
        """Take an encoded picture (JPEG, PNG, WebP); `time_s`: session time of its capture.

        Raises:
            BadPicture: it is larger than what is taken, or begins like nothing that is.
        """
        if len(image) > self._limits.max_bytes:
            raise BadPicture(
                f"a picture of {len(image)} bytes is too large: at most {self._limits.max_bytes}"
            )
        self._put(_Waiting(image, time_s))

    def push_pixels(self, pixels_HWC: npt.NDArray[np.uint8], time_s: float | None = None) -> None:
        """Take a picture that is decoded already: uint8 RGB (height, width, 3)."""
        self._put(_Waiting(pixels_HWC, time_s))

    def push_sound(self, sound: AudioChunk) -> None:
        """Take a piece of sound; its stream and time must be those of the session."""
        self._sounds.append(sound)
        self._came.set()

    async def frames(self, stream: str, clock: Clock) -> AsyncGenerator[Media]:
        """Yield what comes until `close`. What cannot be decoded is counted and left out."""
        while not self._is_closed:
            while self._sounds:
                yield self._sounds.popleft()
            if not self._pictures:
                self._came.clear()
                if not self._is_closed:  # it may have been closed while we were away
                    await self._came.wait()
                continue
            waiting = self._pictures.popleft()
            now_s = clock.now_s()
            time_s = now_s if waiting.time_s is None else waiting.time_s
            time_s = min(now_s, max(time_s, now_s - MAX_OLD_S, 0.0))
            if isinstance(waiting.image, bytes):
                try:
                    pixels_HWC = await asyncio.to_thread(decode, waiting.image, self._limits)
                except BadPicture as error:
                    self.num_bad += 1
                    self.last_error = str(error)
                    continue
            else:
                pixels_HWC = waiting.image
            yield VideoFrame(stream, time_s, pixels_HWC)

    async def close(self) -> None:
        self._is_closed = True
        self._came.set()

    def _put(self, waiting: _Waiting) -> None:
        self.num_received += 1
        self.num_dropped += len(self._pictures) == MAX_WAITING
        self._pictures.append(waiting)
        self._came.set()


def decode(image: bytes, limits: PictureLimits) -> npt.NDArray[np.uint8]:
    """Decode a picture into RGB (height, width, 3). Blocks: call it from a thread.

    Raises:
        BadPicture: it is none that we read, or larger than `max_pixels`.
    """
    try:
        opened = Image.open(BytesIO(image), formats=FORMATS)
        if opened.width * opened.height > limits.max_pixels:
            raise BadPicture(
                f"a picture of {opened.width} x {opened.height} is too large: "
                f"at most {limits.max_pixels} pixels"
            )
        return np.asarray(opened.convert("RGB"))
    except (OSError, ValueError, SyntaxError, MemoryError, *_BOMBS) as error:
        raise BadPicture(f"{len(image)} bytes are no JPEG, PNG or WebP: {error}") from error
