"""Chunks of sound on one line of time: a gap becomes silence, what overlaps is cut.

So the position in what is written is session time, however the chunks came. N = samples.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from onlooker.core.media import AudioChunk

SLACK_S = 0.04  # between where a chunk should begin and where the last ended: jitter, not a gap
HELD_S = 2.0  # of what was planned, which may be cut: more than anybody plans ahead
BLOCK_S = 10.0  # of silence that is made at once

Samples = npt.NDArray[np.float32]


class Soundtrack:
    """Writes one stream's sound from session time 0 on. Its rate is that of its first chunk.

    `add` is for sound that has happened. `plan` is for sound that will be heard at its time, and
    may yet be cut by `cut`: it is given out when it has surely been heard, or at `rest`.
    """

    def __init__(self) -> None:
        self.rate_hz = 0  # none yet
        self._num_given = 0
        self._planned: deque[AudioChunk] = deque()

    @property
    def end_s(self) -> float:
        """Session time up to which samples were given."""
        return self._num_given / self.rate_hz if self.rate_hz else 0.0

    def add(self, chunk: AudioChunk) -> Iterator[Samples]:
        """Give the samples that follow: silence up to the chunk, then the chunk."""
        if not len(chunk.samples_N):
            return
        self.rate_hz = self.rate_hz or chunk.rate_hz
        samples_N = resampled(chunk.samples_N, chunk.rate_hz, self.rate_hz)
        behind_s = chunk.start_s - self.end_s
        if behind_s > SLACK_S:
            yield from self._silence(round(behind_s * self.rate_hz))
        elif behind_s < -SLACK_S:
            samples_N = samples_N[round(-behind_s * self.rate_hz) :]
        self._num_given += len(samples_N)
        if len(samples_N):
            yield samples_N

    def plan(self, chunk: AudioChunk) -> Iterator[Samples]:
        """Take sound that will be heard from `chunk.start_s` on."""
        while self._planned and _end_s(self._planned[0]) <= chunk.start_s - HELD_S:
            yield from self.add(self._planned.popleft())
        self._planned.append(chunk)

    def cut(self, time_s: float) -> Iterator[Samples]:
        """Forget what was planned for after `time_s`."""
        while self._planned:
            chunk = self._planned.popleft()
            kept = max(0, round((time_s - chunk.start_s) * chunk.rate_hz))
            yield from self.add(
                AudioChunk(chunk.stream, chunk.start_s, chunk.rate_hz, chunk.samples_N[:kept])
            )

    def rest(self) -> Iterator[Samples]:
        """Give all that was planned."""
        while self._planned:
            yield from self.add(self._planned.popleft())

    def _silence(self, num_samples: int) -> Iterator[Samples]:
        self._num_given += num_samples
        block = round(BLOCK_S * self.rate_hz)
        for begin in range(0, num_samples, block):
            yield np.zeros(min(block, num_samples - begin), np.float32)


def resampled(samples_N: Samples, rate_hz: int, wanted_hz: int) -> Samples:
    """Change the rate by straight lines between samples: good enough for a record of speech."""
    if rate_hz == wanted_hz:
        return samples_N
    length = round(len(samples_N) * wanted_hz / rate_hz)
    at_N = np.arange(length) * (rate_hz / wanted_hz)
    made_N: Samples = np.interp(at_N, np.arange(len(samples_N)), samples_N).astype(np.float32)
    return made_N


def _end_s(chunk: AudioChunk) -> float:
    return chunk.start_s + chunk.duration_s
