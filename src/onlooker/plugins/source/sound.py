"""From decoded sound to short chunks of 16 kHz mono."""

from __future__ import annotations

from collections.abc import Iterator

import av
import numpy as np
import numpy.typing as npt

from onlooker.core.media import AudioChunk

RATE_HZ = 16_000  # what speech recognisers want
CHUNK_S = 0.25
MAX_GAP_S = 0.1  # between what the samples say and what the time stamps say


class Ear:
    """Resamples one stream's sound; each chunk starts where the one before ended, or later."""

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self._resampler = _resampler()
        self._samples_N: npt.NDArray[np.float32] = np.zeros(0, np.float32)
        self._start_s: float | None = None  # of the samples at hand
        self.end_s = 0.0

    def hear(self, frame: av.AudioFrame, time_s: float | None) -> Iterator[AudioChunk]:
        """Take one frame in; `time_s` may be missing."""
        if time_s is not None and (self._start_s is None or self._is_apart(time_s)):
            yield from self.rest()
            self._start_s = max(time_s, self.end_s)
        frame.pts = None  # the resampler would fill gaps by itself, seconds long
        try:
            resampled = self._resampler.resample(frame)
        except ValueError:
            # The sound's rate or layout changed on the way.
            self._resampler = _resampler()
            resampled = self._resampler.resample(frame)
        parts = [part.to_ndarray()[0].astype(np.float32) for part in resampled]
        self._samples_N = np.concatenate([self._samples_N, *parts])
        while len(self._samples_N) >= CHUNK_S * RATE_HZ:
            yield self._cut(round(CHUNK_S * RATE_HZ))

    def rest(self) -> Iterator[AudioChunk]:
        """Give what is left, at the end or before a gap."""
        if len(self._samples_N):
            yield self._cut(len(self._samples_N))

    def _is_apart(self, time_s: float) -> bool:
        expected_s = (self._start_s or 0.0) + len(self._samples_N) / RATE_HZ
        return abs(time_s - expected_s) > MAX_GAP_S

    def _cut(self, num_samples: int) -> AudioChunk:
        samples_N, self._samples_N = np.split(self._samples_N, [num_samples])
        start_s = self.end_s if self._start_s is None else self._start_s
        chunk = AudioChunk(self._stream, start_s, RATE_HZ, np.clip(samples_N, -1, 1))
        self._start_s = self.end_s = start_s + chunk.duration_s
        return chunk


def _resampler() -> av.AudioResampler:
    return av.AudioResampler("flt", "mono", RATE_HZ)
