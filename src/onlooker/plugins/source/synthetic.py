"""Pictures drawn by rule: to try things out, and to test them, without any video."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Generator
from functools import partial
from itertools import count
from math import pi, sin
from urllib.parse import parse_qsl

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field, ValidationError

from onlooker.core.clock import Clock
from onlooker.core.errors import SourceFailed
from onlooker.core.media import Media, VideoFrame
from onlooker.core.ports import SourceTraits
from onlooker.plugins.source.handover import Handover
from onlooker.plugins.source.street import draw_street

AHEAD = 4
NUM_BITS = 16

Pixels = npt.NDArray[np.uint8]


class SyntheticSource:
    """Plays `synthetic:KIND?seconds=20&size=640x480&rate_hz=4&live=1`.

    KIND is `street` (people and cars pass, see street.py), `ball` (it moves over a lit background),
    `still` (it does not), `dark` or `noise`.
    The number of each picture stands in the lowest 1/24 of `ball` as 16 black or white cells, the
    most significant bit first. The same address always gives the same pictures.
    """

    class Settings(BaseModel, frozen=True, extra="forbid"):
        """What the address does not say."""

        seconds: float = Field(default=60.0, gt=0, description="the stream ends after so long")
        size: str = Field(
            default="640x480",
            pattern=r"^[1-9]\d{1,3}x[1-9]\d{1,3}$",
            description="width x height, in px",
        )
        rate_hz: float = Field(default=4.0, gt=0, le=120, description="pictures a second")
        live: bool = Field(default=False, description="behave like a camera in the real world")

    def __init__(self, address: str, settings: Settings) -> None:
        kind, _, query = address.removeprefix("synthetic:").partition("?")
        if kind not in KINDS:
            raise SourceFailed(f"{address}: unknown kind {kind!r}; choose {', '.join(KINDS)}")
        try:
            self._settings = self.Settings.model_validate(
                settings.model_dump() | dict(parse_qsl(query))
            )
        except ValidationError as error:
            (first, *_) = error.errors()
            known = ", ".join(self.Settings.model_fields)
            raise SourceFailed(
                f"{address}: {'.'.join(map(str, first['loc']))}={first['input']!r}: "
                f"{first['msg'].lower()}; options are {known}"
            ) from None
        self._draw = KINDS[kind]
        self.traits = SourceTraits(is_live=self._settings.live, is_camera=True)
        self.trouble = ""

    async def frames(self, stream: str, clock: Clock) -> AsyncIterator[Media]:
        async with Handover(partial(self._play, stream), depth=AHEAD) as items:
            async for frame in items:
                await clock.sleep_until(frame.time_s)
                yield frame

    async def close(self) -> None:
        pass

    def _play(self, stream: str, _stop: threading.Event) -> Generator[VideoFrame, None, None]:
        width, height = map(int, self._settings.size.split("x"))
        for index in count():
            time_s = index / self._settings.rate_hz
            if time_s >= self._settings.seconds:
                return
            yield VideoFrame(stream, time_s, self._draw(width, height, index, time_s))


def _background(width: int, height: int) -> Pixels:
    pixels_HWC = np.empty((height, width, 3), np.uint8)
    pixels_HWC[..., 0] = np.linspace(60, 140, width)[None, :]
    pixels_HWC[..., 1] = np.linspace(90, 170, height)[:, None]
    pixels_HWC[..., 2] = 120
    return pixels_HWC


def _ball(width: int, height: int, index: int, time_s: float) -> Pixels:
    pixels_HWC = _background(width, height)
    centre_x = width * (0.5 + 0.35 * sin(2 * pi * time_s / 7))
    centre_y = height * (0.5 + 0.3 * sin(2 * pi * time_s / 5))
    rows_H1, columns_1W = np.ogrid[:height, :width]
    is_ball = (rows_H1 - centre_y) ** 2 + (columns_1W - centre_x) ** 2 < (height / 8) ** 2
    pixels_HWC[is_ball] = (220, 40, 40)
    bits = (index % 2**NUM_BITS) >> np.arange(NUM_BITS)[::-1] & 1
    cells_W = bits[np.arange(width) * NUM_BITS // width] * 255
    pixels_HWC[height - max(1, height // 24) :] = cells_W[None, :, None]
    return pixels_HWC


def _still(width: int, height: int, _index: int, _time_s: float) -> Pixels:
    return _background(width, height)


def _dark(width: int, height: int, index: int, _time_s: float) -> Pixels:
    rng = np.random.default_rng(index)
    return rng.integers(0, 6, (height, width, 3), np.uint8)


def _noise(width: int, height: int, index: int, _time_s: float) -> Pixels:
    rng = np.random.default_rng(index)
    return rng.integers(0, 256, (height, width, 3), np.uint8)


KINDS: dict[str, Callable[[int, int, int, float], Pixels]] = {
    "street": draw_street,
    "ball": _ball,
    "still": _still,
    "dark": _dark,
    "noise": _noise,
}
