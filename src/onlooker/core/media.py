"""What sources deliver: pixels and samples with the session time of their capture.

H, W = height and width in pixels; C = 3 colours, red first; N = samples of one channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]  # of one channel, in [-1, 1]


@dataclass(frozen=True, slots=True, eq=False)
class VideoFrame:
    """One picture of one stream."""

    stream: str
    time_s: float  # session time of capture
    pixels_HWC: npt.NDArray[np.uint8]  # RGB, upright: rotation metadata is already applied

    def __post_init__(self) -> None:
        shape, dtype = self.pixels_HWC.shape, self.pixels_HWC.dtype
        if len(shape) != 3 or shape[2] != 3 or not all(shape) or dtype != np.uint8:
            raise ValueError(f"a frame is uint8 (height, width, 3), not {dtype} {shape}")

    @property
    def height_px(self) -> int:
        return int(self.pixels_HWC.shape[0])

    @property
    def width_px(self) -> int:
        return int(self.pixels_HWC.shape[1])


@dataclass(frozen=True, slots=True, eq=False)
class AudioChunk:
    """A run of mono samples of one stream."""

    stream: str
    start_s: float  # session time of the first sample
    rate_hz: int
    samples_N: npt.NDArray[np.float32]  # in [-1, 1]

    @property
    def duration_s(self) -> float:
        return len(self.samples_N) / self.rate_hz


def joined(chunks: Sequence[AudioChunk]) -> AudioChunk:
    """Make one chunk of several that follow each other."""
    first = chunks[0]
    samples_N = np.concatenate([chunk.samples_N for chunk in chunks])
    return AudioChunk(first.stream, first.start_s, first.rate_hz, samples_N)


Media = VideoFrame | AudioChunk
