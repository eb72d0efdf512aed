"""Draws video files for tests and examples: any pictures, any codec, any times."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream

SOUND_RATE_HZ = 16_000
_FINE = Fraction(1, 12_800)  # for pictures at times of their own
_OWN_FORMATS = {
    "libx264rgb": ("rgb24",),
    "ffv1": ("bgr0",),
    "png": ("rgb24",),
    "mjpeg": ("yuvj420p",),
}


def render(
    path: Path,
    pictures: Iterable[npt.NDArray[np.uint8]],
    rate_hz: float | Sequence[float] = 10.0,
    *,
    codec: str = "libx264",
    sound_N: npt.NDArray[np.float32] | None = None,
    rotation_deg: int = 0,
) -> Path:
    """Write a video file; its suffix names the container.

    Args:
        path: where; what is there is replaced.
        pictures: uint8 (height, width, 3) RGB each, all of one size. For colours within a few
            levels of the original use `codec="libx264rgb"` or `"ffv1"`, which lose nothing.
        rate_hz: pictures a second, or the time of each picture in seconds.
        codec: an encoder of FFmpeg's.
        sound_N: mono samples in [-1, 1] at `SOUND_RATE_HZ`, which start with the first picture.
        rotation_deg: how a player must turn the pictures, counterclockwise: 90, 180 or -90.

    Returns:
        `path`.
    """
    time_base = _FINE
    if isinstance(rate_hz, float | int):
        time_base = 1 / Fraction(rate_hz).limit_denominator(1000)
    with av.open(str(path), "w") as container:
        video: VideoStream | None = None
        sound = _sound_stream(container, path) if sound_N is not None else None
        for index, pixels_HWC in enumerate(pictures):
            if video is None:
                video = _video_stream(container, codec, pixels_HWC, time_base)
                if rotation_deg:
                    video.set_display_rotation(rotation_deg)
            pts = index if isinstance(rate_hz, float | int) else round(rate_hz[index] / time_base)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels_HWC), format="rgb24")
            frame.pts, frame.time_base = pts, time_base
            container.mux(video.encode(frame))
        if video is not None:
            container.mux(video.encode())
        if sound is not None and sound_N is not None:
            _write_sound(container, sound, sound_N)
    return path


def _video_stream(
    container: OutputContainer, codec: str, pixels_HWC: npt.NDArray[np.uint8], time_base: Fraction
) -> VideoStream:
    stream = cast("VideoStream", container.add_stream(codec, rate=min(1 / time_base, Fraction(25))))
    stream.height, stream.width, _ = pixels_HWC.shape
    formats = stream.codec_context.codec.video_formats or []
    names = [known.name for known in formats]
    is_even = not (stream.height % 2 or stream.width % 2)
    wanted: tuple[str, ...] = ("yuv420p", "yuv444p") if is_even else ("yuv444p", "yuv420p")
    wanted = _OWN_FORMATS.get(codec, ()) + wanted
    stream.pix_fmt = next(
        (name for name in wanted if name in names), names[0] if names else "rgb24"
    )
    stream.time_base = stream.codec_context.time_base = time_base
    if codec.startswith("libx264"):
        stream.options = {"preset": "ultrafast", "g": "10"}
        if codec == "libx264rgb":
            stream.options |= {"qp": "0"}
    return stream


def _sound_stream(container: OutputContainer, path: Path) -> AudioStream:
    codec = "aac" if path.suffix in (".mp4", ".mov", ".ts") else "pcm_s16le"
    return cast("AudioStream", container.add_stream(codec, rate=SOUND_RATE_HZ, layout="mono"))


def _write_sound(
    container: OutputContainer, stream: AudioStream, sound_N: npt.NDArray[np.float32]
) -> None:
    samples_CN = (np.clip(sound_N, -1, 1) * 32767).astype(np.int16)[None]
    for start in range(0, samples_CN.shape[1], 1024):
        block_CN = np.ascontiguousarray(samples_CN[:, start : start + 1024])
        frame = av.AudioFrame.from_ndarray(block_CN, format="s16", layout="mono")
        frame.sample_rate, frame.pts = SOUND_RATE_HZ, start
        frame.time_base = Fraction(1, SOUND_RATE_HZ)
        container.mux(stream.encode(frame))
    container.mux(stream.encode())
