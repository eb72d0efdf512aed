"""Frames of a clip at an even rate, and captions drawn over them.

The captions are made up, so that what is written is known to the letter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from onlooker.core.media import VideoFrame

CAPTIONS = (
    (),
    ("Platform 9 - Train to Paris departs 14:35",),
    ("Please mind the gap",),
    ("TOTAL $128.50", "Order #A7F3-22"),
    ("Meeting room B is booked until 4 pm",),
    (),
    ("Où est la gare ?",),
    ("Température : 21 °C",),
    ("HALF TIME 2 : 1",),
    ("error: connection refused (code 111)",),
)
SECONDS_EACH = 3


def frames_at(path: Path, rate_hz: float = 1.0) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield RGB frames from the middles of equal spans; at 1 Hz, of seconds.

    Reads what FFmpeg reads, and animated WebP, which it does not.
    """
    due_s = 0.5 / rate_hz
    for time_s, image in _webp(path) if path.suffix == ".webp" else _video(path):
        if time_s >= due_s - 1e-6:
            yield np.asarray(image)
            due_s += 1 / rate_hz


def excerpt(
    path: Path, span: tuple[float, float], rate_hz: float = 4.0, *, with_captions: bool = False
) -> Iterator[VideoFrame]:
    """Yield frames of a part of a clip, their time counted from its beginning.

    Args:
        path: of the clip.
        span: where the part begins, and how many seconds it lasts.
        rate_hz: frames a second, from the middles of equal spans.
        with_captions: draw `captions_at` over it, by the part's own seconds.
    """
    start_s, num_seconds = span
    first, num = round(start_s * rate_hz), round(num_seconds * rate_hz)
    for index, pixels_HWC in enumerate(islice(frames_at(path, rate_hz), first, first + num)):
        time_s = (index + 0.5) / rate_hz
        drawn = _captioned(pixels_HWC, int(time_s)) if with_captions else pixels_HWC
        yield VideoFrame(path.stem, time_s, drawn)


def captions_at(second: int) -> tuple[str, ...]:
    """Say which lines stand in the picture in a second."""
    return CAPTIONS[second // SECONDS_EACH % len(CAPTIONS)]


def captioned(pictures: Iterable[npt.NDArray[np.uint8]]) -> Iterator[npt.NDArray[np.uint8]]:
    """Draw each second's lines over a picture a second, white on a dark band at the bottom.

    The pictures are RGB (height, width, 3), one a second.
    """
    for second, picture in enumerate(pictures):
        yield _captioned(picture, second)


def _captioned(picture: npt.NDArray[np.uint8], second: int) -> npt.NDArray[np.uint8]:
    lines = captions_at(second)
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    size_px = image.height // 18
    letters = ImageFont.load_default(size_px)
    height = int(size_px * 1.7)
    top = image.height - height * (len(lines) + 1)
    if lines:
        draw.rectangle((0, top - size_px // 2, image.width, image.height), fill=(16, 16, 24))
    for row, line in enumerate(lines):
        draw.text((size_px, top + row * height), line, (245, 245, 245), letters)
    return np.asarray(image)


def _video(path: Path) -> Iterator[tuple[float, Image.Image]]:
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.time or 0.0, Image.fromarray(frame.to_ndarray(format="rgb24"))


def _webp(path: Path) -> Iterator[tuple[float, Image.Image]]:
    """Yield each picture with the time at which it ends: it shows until then."""
    with Image.open(path) as film:
        end_s = 0.0
        for index in range(getattr(film, "n_frames", 1)):
            film.seek(index)
            film.load()  # the duration is known afterwards
            end_s += film.info["duration"] / 1000
            yield end_s, film.convert("RGB")
