"""A video with what the eyes made of it drawn in, and a strip of the moments that matter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from onlooker.core.errors import OnlookerError, SourceFailed
from onlooker.core.media import VideoFrame
from onlooker.core.percept import Scene, View
from onlooker.core.scene_words import scene_words
from onlooker.plugins.perception.overlay import draw_view
from onlooker.plugins.perception.perception import DefaultPerception
from onlooker.plugins.perception.settings import PerceptionSettings
from onlooker.plugins.perception.watch import Watch

MAX_WIDTH_PX = 1280
STRIP_COLUMNS = 3
STRIP_PICTURE_PX = (480, 360)  # at most
LINE_PX = 16
MAX_LINES = 5
MAX_KEY_FRAMES = 24


class ShowFailed(OnlookerError):
    """The annotated video could not be written."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What was written."""

    video: Path
    strip: Path
    num_frames: int
    num_key_frames: int


def show(video: Path, folder: Path, settings: PerceptionSettings, looks_hz: float = 4.0) -> Shown:
    """Write `NAME.annotated.mp4` and `NAME.strip.png` for a video into `folder`.

    Every frame of the annotated video has been looked at, `looks_hz` of them a second.

    Raises:
        SourceFailed: the video cannot be read.
        ShowFailed: the folder cannot be written.
        BadSettings: the settings do not fit, or the extra is not installed.
    """
    perception = DefaultPerception(settings)
    watch = Watch(video.stem, perception.eyes, settings)
    written = folder / f"{video.stem}.annotated.mp4"
    keys: list[Image.Image] = []
    num_frames = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _Writer(written, looks_hz) as writer:
            for image, time_s in _frames(video, looks_hz):
                view = watch.view([VideoFrame(video.stem, time_s, np.asarray(image))])
                drawn = draw_view(image, view, settings.zones)
                writer.write(drawn)
                num_frames += 1
                if _matters(view) and len(keys) < MAX_KEY_FRAMES:
                    keys.append(_cell(drawn, view))
        strip = folder / f"{video.stem}.strip.png"
        _strip(keys).save(strip)
    except OSError as error:
        raise ShowFailed(f"{folder} cannot be written: {error.strerror or error}") from None
    return Shown(written, strip, num_frames, len(keys))


def _matters(view: View) -> bool:
    return bool(view.entered or view.left or view.is_cut or view.new_texts)


def _frames(video: Path, rate_hz: float) -> Iterator[tuple[Image.Image, float]]:
    """Yield the frames at an even rate, at most 1280 pixels wide, with a bar on the console."""
    bar = Progress(TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    try:
        with av.open(str(video)) as container, bar:
            length_s = (container.duration or 0) / av.time_base
            task = bar.add_task(f"looking at {video.name}", total=length_s or None)
            due_s = 0.0
            for frame in container.decode(video=0):
                time_s = frame.time or 0.0
                if time_s >= due_s - 1e-6:
                    image = Image.fromarray(frame.to_ndarray(format="rgb24"))
                    image.thumbnail((MAX_WIDTH_PX, MAX_WIDTH_PX))
                    yield image, time_s
                    due_s = max(due_s + 1 / rate_hz, time_s)
                bar.update(task, completed=time_s)
    except (av.FFmpegError, IndexError) as error:
        raise SourceFailed(f"{video} cannot be read as a video: {error}") from None


class _Writer:
    """Writes pictures of one size as H.264, the size that of the first."""

    def __init__(self, path: Path, rate_hz: float) -> None:
        self._rate = Fraction(rate_hz).limit_denominator(1000)
        self._container = av.open(str(path), "w")
        self._stream: Any = None

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream is not None:
            self._container.mux(self._stream.encode(None))
        self._container.close()

    def write(self, image: Image.Image) -> None:
        if self._stream is None:
            self._stream = self._container.add_stream("libx264", rate=self._rate)
            self._stream.width = image.width // 2 * 2
            self._stream.height = image.height // 2 * 2
            self._stream.pix_fmt = "yuv420p"
            self._stream.options = {"crf": "23", "preset": "veryfast"}
        even = image.crop((0, 0, self._stream.width, self._stream.height))
        frame = av.VideoFrame.from_ndarray(np.asarray(even), format="rgb24")
        self._container.mux(self._stream.encode(frame))


def _cell(drawn: Image.Image, view: View) -> Image.Image:
    """Put a picture over the words of its view."""
    picture = drawn.copy()
    picture.thumbnail(STRIP_PICTURE_PX)
    lines = _wrapped(scene_words(Scene((view,)), max_tokens=90), 76)[:MAX_LINES]
    width = STRIP_PICTURE_PX[0]
    cell = Image.new("RGB", (width, picture.height + (len(lines) + 1) * LINE_PX), "#101418")
    cell.paste(picture, ((width - picture.width) // 2, 0))
    font = ImageFont.load_default(12)
    draw = ImageDraw.Draw(cell)
    for row, line in enumerate(lines):
        draw.text((4, picture.height + 4 + row * LINE_PX), line, "#e0e0e0", font)
    return cell


def _wrapped(words: str, num_characters: int) -> list[str]:
    lines = [""]
    for word in words.split():
        if len(lines[-1]) + len(word) >= num_characters:
            lines.append("")
        lines[-1] += f"{word} "
    return lines


def _strip(cells: list[Image.Image]) -> Image.Image:
    """Put cells side by side, all as high as the highest."""
    width, height = STRIP_PICTURE_PX[0], max((cell.height for cell in cells), default=LINE_PX)
    rows = max(1, -(-len(cells) // STRIP_COLUMNS))
    strip = Image.new("RGB", (width * STRIP_COLUMNS, height * rows), "#101418")
    for index, cell in enumerate(cells):
        strip.paste(cell, (index % STRIP_COLUMNS * width, index // STRIP_COLUMNS * height))
    return strip
