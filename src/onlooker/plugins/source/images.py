"""A folder of pictures, one after the other."""

from __future__ import annotations

import re
import threading
from collections.abc import AsyncIterator, Generator
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps
from pydantic import BaseModel, Field

from onlooker.core.clock import Clock
from onlooker.core.errors import SourceFailed
from onlooker.core.media import Media, VideoFrame
from onlooker.core.ports import SourceTraits
from onlooker.plugins.source.address import path_of
from onlooker.plugins.source.handover import Handover

AHEAD = 4
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
MAX_PICTURE_PX = 8192 * 8192  # larger ones are passed over before they are allocated


class ImagesSource:
    """Plays the pictures of `images:FOLDER` in natural order: shot9.jpg before shot10.jpg.

    Each stands in the middle of its slot: at 1 a second, picture N is in tick N.
    """

    class Settings(BaseModel, frozen=True, extra="forbid"):
        """How the pictures are played."""

        rate_hz: float = Field(default=1.0, gt=0, le=120, description="pictures a second")
        max_long_edge_px: int = Field(
            default=1280, ge=16, description="larger pictures are shrunk to this width or height"
        )

    traits = SourceTraits(is_live=False, is_camera=False)

    def __init__(self, address: str, settings: Settings) -> None:
        self._folder = path_of(address)
        self._settings = settings
        self.trouble = ""
        self.num_damaged = 0  # pictures that were passed over

    async def frames(self, stream: str, clock: Clock) -> AsyncIterator[Media]:
        async with Handover(partial(self._play, stream), depth=AHEAD) as items:
            async for frame in items:
                await clock.sleep_until(frame.time_s)
                yield frame

    async def close(self) -> None:
        pass

    def _play(self, stream: str, _stop: threading.Event) -> Generator[VideoFrame, None, None]:
        paths = _pictures_in(self._folder)
        for index, path in enumerate(paths):
            try:
                pixels_HWC = _read(path, self._settings.max_long_edge_px)
            except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
                # Pillow raises all of these for broken files.
                self.num_damaged += 1
                self.trouble = f"{self.num_damaged} pictures unreadable, the last {path}: {error}"
                continue
            yield VideoFrame(stream, (index + 0.5) / self._settings.rate_hz, pixels_HWC)
        if self.num_damaged == len(paths):
            raise SourceFailed(f"{self._folder}: {self.trouble}; expected pictures that open")


def _pictures_in(folder: Path) -> list[Path]:
    inside = folder.resolve()
    try:
        found = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES]
    except OSError as error:
        raise SourceFailed(
            f"{folder}: {error.strerror}; name a folder of pictures after images:"
        ) from None
    # A link out of the folder would also lead out of what the settings allow.
    paths = [path for path in found if path.resolve().is_relative_to(inside)]
    if not paths:
        raise SourceFailed(f"{folder} holds no pictures; expected {', '.join(SUFFIXES)} files")
    return sorted(paths, key=_natural)


def _natural(path: Path) -> list[tuple[int, str]]:
    parts = re.findall(r"\d+|\D+", path.name.lower())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _read(path: Path, max_long_edge_px: int) -> npt.NDArray[np.uint8]:
    picture: Image.Image
    with Image.open(path) as picture:
        if picture.width * picture.height > MAX_PICTURE_PX:
            raise ValueError(f"{picture.width}x{picture.height} is more than 8192x8192")
        picture.draft("RGB", (max_long_edge_px, max_long_edge_px))
        upright = ImageOps.exif_transpose(picture).convert("RGB")
    scale = min(1.0, max_long_edge_px / max(upright.size))
    if scale < 1:
        width, height = (max(1, round(edge * scale)) for edge in upright.size)
        upright = upright.resize((width, height), Image.Resampling.BOX)
    return np.asarray(upright, np.uint8).copy()
