"""The sound of one utterance, collected: bounded, and as a WAV for those that want one."""

from __future__ import annotations

import io
import wave
from collections.abc import AsyncIterator

import numpy as np
import numpy.typing as npt

from onlooker.core.errors import TranscriberFailed
from onlooker.core.media import AudioChunk


class Sound:
    """Grows chunk by chunk; all of one rate."""

    def __init__(self, max_s: float) -> None:
        self._max_s = max_s
        self._parts: list[npt.NDArray[np.float32]] = []
        self.rate_hz = 0
        self.duration_s = 0.0

    def add(self, chunk: AudioChunk) -> None:
        """Take the next chunk.

        Raises:
            TranscriberFailed: it has another rate, or there is too much.
        """
        self.rate_hz = self.rate_hz or chunk.rate_hz
        if chunk.rate_hz != self.rate_hz:
            raise TranscriberFailed(
                f"an utterance changed from {self.rate_hz} to {chunk.rate_hz} Hz: resample it"
            )
        self._parts.append(np.nan_to_num(chunk.samples_N, posinf=1.0, neginf=-1.0))
        self.duration_s += chunk.duration_s
        if self.duration_s > self._max_s:
            raise TranscriberFailed(
                f"an utterance is longer than max_s={self._max_s}: raise it, or cut it earlier"
            )

    def samples(self) -> npt.NDArray[np.float32]:
        """Join what there is, in [-1, 1]."""
        whole_N: npt.NDArray[np.float32] = np.concatenate([np.zeros(0, np.float32), *self._parts])
        return np.clip(whole_N, -1, 1)

    def wav(self) -> bytes:
        """Write it as a 16-bit WAV."""
        file = io.BytesIO()
        with wave.open(file, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(self.rate_hz)
            out.writeframes(np.rint(self.samples() * 32767).astype("<i2").tobytes())
        return file.getvalue()


async def collect(speech: AsyncIterator[AudioChunk], max_s: float) -> Sound:
    """Collect an utterance to its end."""
    sound = Sound(max_s)
    async for chunk in speech:
        sound.add(chunk)
    return sound
