"""From an open container to media: decoded, sampled, in order of time. Blocks: use a thread."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import av
from av.audio.frame import AudioFrame
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream
from pydantic import BaseModel, Field

from onlooker.core.errors import SourceFailed
from onlooker.core.media import AudioChunk, Media, VideoFrame
from onlooker.plugins.source.picture import to_pixels
from onlooker.plugins.source.sound import Ear

MAX_APART_S = 1.0  # pictures and sound in one file: how long the one waits for the other
MAX_STEP_S = 3600.0  # from picture to picture: a longer one is a broken time stamp
MAX_BACK_S = 1.0  # a longer step back is a new beginning
MAX_PICTURE_PX = 8192 * 8192  # larger ones are refused before they are allocated


class ReadSettings(BaseModel, frozen=True, extra="forbid"):
    """What is taken from a container; the sources that read one add their own."""

    sample_hz: float = Field(
        default=4.0,
        gt=0,
        le=120,
        description="pictures a second that are kept; others are only decoded",
    )
    max_long_edge_px: int = Field(
        default=1280, ge=16, description="larger pictures are shrunk to this width or height"
    )
    sound: bool = Field(
        default=True, description="take the stream's own sound along, where it has any"
    )


class Sampler:
    """Says which pictures are kept: the first at or after each 1/`sample_hz` s of media time.

    Pictures that come late are passed over, so that the line falls no further behind, but one a
    second is always kept.
    """

    def __init__(
        self, sample_hz: float, is_late: Callable[[float], bool], from_s: float = 0.0
    ) -> None:
        self._sample_hz = sample_hz
        self._is_late = is_late
        self._due_s = from_s  # what lies before is needed for decoding alone
        self._kept_s = -math.inf

    def keeps(self, time_s: float) -> bool:
        if time_s < self._due_s - 1e-6:
            return False
        if time_s < self._kept_s + 1.0 and self._is_late(time_s):
            return False
        self._due_s = (math.floor(time_s * self._sample_hz + 1e-3) + 1) / self._sample_hz
        self._kept_s = time_s
        return True


class Reader:
    """Reads one container from where it stands, in the container's time since its start.

    Raises:
        SourceFailed: the container holds no video that can be decoded.
    """

    def __init__(
        self, container: InputContainer, stream: str, settings: ReadSettings, is_live: bool
    ) -> None:
        self._container = container
        self._stream = stream
        self._settings = settings
        self._video = _video_of(container)
        # Frame threads are faster, but hold several frames back.
        self._video.thread_type = "SLICE" if is_live else "AUTO"
        self._video.codec_context.options = {"max_pixels": str(MAX_PICTURE_PX)}
        heard = [sound for sound in container.streams.audio if sound.codec_context is not None]
        self._sounds = heard[:1] if settings.sound else []
        self._ear = Ear(stream)
        self._step_s = 1 / float(self._video.average_rate or 25)
        start = container.start_time
        self._origin_s = start / av.time_base if start is not None else None
        self._last_s: float | None = None
        self.num_damaged = 0  # packets and pictures that were passed over

    @property
    def has_sound(self) -> bool:
        return bool(self._sounds)

    @property
    def end_s(self) -> float:
        """When all that was read so far is over."""
        pictures_s = 0.0 if self._last_s is None else self._last_s + self._step_s
        return max(pictures_s, self._ear.end_s)

    def media(self, keeps: Callable[[float], bool]) -> Iterator[Media]:
        """Yield the pictures that `keeps` says yes to, and all sound.

        Raises:
            FFmpegError: the container cannot be read on.
        """
        for packet in self._container.demux(self._video, *self._sounds):
            for frame in self._decoded(packet):
                if isinstance(frame, AudioFrame):
                    yield from self._hear(frame)
                elif isinstance(frame, av.VideoFrame):
                    time_s = self._time_of(frame)
                    if keeps(time_s):
                        yield self._picture(frame, time_s)
        yield from self._ear.rest()

    def _decoded(self, packet: Packet[Any]) -> Iterable[object]:
        try:
            frames = packet.decode()
        except FFmpegError:
            self.num_damaged += 1
            return ()
        whole = [frame for frame in frames if not getattr(frame, "is_corrupt", False)]
        self.num_damaged += len(frames) - len(whole)
        return whole

    def _hear(self, frame: AudioFrame) -> Iterator[AudioChunk]:
        time_s = None if frame.time is None else frame.time - (self._origin_s or 0.0)
        try:
            yield from self._ear.hear(frame, time_s)
        except (FFmpegError, ValueError):
            self.num_damaged += 1

    def _picture(self, frame: av.VideoFrame, time_s: float) -> VideoFrame:
        pixels_HWC = to_pixels(
            frame, self._settings.max_long_edge_px, self._video.sample_aspect_ratio
        )
        return VideoFrame(self._stream, time_s, pixels_HWC)

    def _time_of(self, frame: av.VideoFrame) -> float:
        """Tell a picture's time, which always grows: by its stamp if that can be true."""
        stamp_s: float | None = frame.time
        last_s, step_s = self._last_s, self._step_s
        next_s = 0.0 if last_s is None else last_s + step_s
        if stamp_s is None:
            time_s = next_s
        else:
            if self._origin_s is None:
                self._origin_s = stamp_s
            time_s = stamp_s - self._origin_s
            moved_s = time_s - (0.0 if last_s is None else last_s)
            if moved_s > MAX_STEP_S or moved_s < -MAX_BACK_S:
                self._origin_s, time_s = stamp_s - next_s, next_s
            elif last_s is not None and moved_s <= 0:
                time_s = last_s + step_s / 100
        self._last_s = max(0.0, time_s)
        return self._last_s


def in_order(media: Iterable[Media]) -> Iterator[Media]:
    """Merge pictures and sound, each in order already, by the time at which they are complete."""
    waiting: list[tuple[float, int, Media]] = []
    newest_s = {VideoFrame: -math.inf, AudioChunk: -math.inf}
    for index, item in enumerate(media):
        heapq.heappush(waiting, (complete_s(item), index, item))
        newest_s[type(item)] = complete_s(item)
        safe_s = max(min(newest_s.values()), complete_s(item) - MAX_APART_S)
        while waiting and waiting[0][0] <= safe_s:
            yield heapq.heappop(waiting)[2]
    while waiting:
        yield heapq.heappop(waiting)[2]


def complete_s(media: Media) -> float:
    """When a picture was taken, or the last sample of a sound."""
    if isinstance(media, VideoFrame):
        return media.time_s
    return media.start_s + media.duration_s


def shifted(media: Media, by_s: float) -> Media:
    """Move media in time."""
    if isinstance(media, VideoFrame):
        return replace(media, time_s=media.time_s + by_s)
    return replace(media, start_s=media.start_s + by_s)


def _video_of(container: InputContainer) -> VideoStream:
    pictures = [
        video
        for video in container.streams.video
        if not video.disposition & Disposition.attached_pic
    ]
    for video in pictures:
        if video.codec_context is not None:
            return video
    found = ", ".join(sorted({f"{found.type}" for found in container.streams})) or "nothing"
    if pictures:
        raise SourceFailed(
            "its video is cut off, or has a codec that FFmpeg does not know: convert it to H.264"
        )
    raise SourceFailed(f"it holds no video, only {found}; name a file with a video stream")
