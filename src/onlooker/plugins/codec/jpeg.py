"""Each frame as one JPEG, small enough for a vision model. No frame depends on another."""

from __future__ import annotations

import asyncio
from io import BytesIO
from math import sqrt

from PIL import Image
from pydantic import BaseModel, Field

from onlooker.core.errors import PerceptionFailed
from onlooker.core.media import VideoFrame
from onlooker.core.moment import Observation
from onlooker.core.percept import Picture, Pictures


class JpegSettings(BaseModel, frozen=True, extra="forbid"):
    """How large and how good a picture is."""

    max_pixels: int = Field(
        default=262_144,
        ge=1024,
        description="width times height at most; smaller frames stay as they are",
    )
    quality: int = Field(default=75, ge=1, le=95, description="JPEG quality")


class JpegCodec:
    """Holds no state: every session may share it."""

    Settings = JpegSettings

    def __init__(self, settings: JpegSettings) -> None:
        self._settings = settings

    async def open(self) -> JpegCodec:
        return self

    async def encode(self, observation: Observation) -> Pictures:
        """Encode a tick's frames in a thread.

        Raises:
            PerceptionFailed: the message names the frame.
        """
        return await asyncio.to_thread(self._encode_all, observation.frames)

    async def close(self) -> None:
        pass

    def _encode_all(self, frames: tuple[VideoFrame, ...]) -> Pictures:
        return Pictures(tuple(self._encode(frame) for frame in frames))

    def _encode(self, frame: VideoFrame) -> Picture:
        size = fitting(frame.width_px, frame.height_px, self._settings.max_pixels)
        file = BytesIO()
        try:
            image = Image.fromarray(frame.pixels_HWC)
            if image.size != size:
                # Within 1 luma level of Lanczos, which the released system uses, at two thirds
                # of its cost; the gap first halves what is far too large.
                image = image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
            image.save(file, "JPEG", quality=self._settings.quality)
        except (OSError, ValueError, MemoryError) as error:
            raise PerceptionFailed(
                f"the frame of stream {frame.stream!r} at {frame.time_s:.1f} s, "
                f"{frame.width_px} x {frame.height_px}, cannot be written as a JPEG of "
                f"{size[0]} x {size[1]}: {error}; a side holds at most 65500 pixels"
            ) from error
        return Picture(frame.stream, frame.time_s, *size, file.getvalue())


def fitting(width_px: int, height_px: int, max_pixels: int) -> tuple[int, int]:
    """Say the largest size of the same shape within `max_pixels`; never a larger one."""
    scale = sqrt(max_pixels / (width_px * height_px))
    if scale >= 1:
        return width_px, height_px
    # A side of a strip cannot be less than one pixel.
    return max(1, int(width_px * scale)), max(1, int(height_px * scale))
