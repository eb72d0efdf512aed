"""What the voice says, as a WAV in which every word stands at its session time."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from pydantic import BaseModel, Field

from onlooker.core.errors import BadSettings
from onlooker.core.media import AudioChunk
from onlooker.core.soundtrack import Samples, Soundtrack

MAX_BYTES = 4_000_000_000  # of a WAV


class WavSettings(BaseModel, frozen=True, extra="forbid"):
    """Which file."""

    path: Path = Field(description="of the WAV; one that is there is written over")


class WavPlayer:
    """Plays nothing aloud. What was cut off is cut off in the file as well."""

    Settings = WavSettings
    latency_s = 0.0

    def __init__(self, settings: WavSettings) -> None:
        self._track = Soundtrack()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="wav")  # the loop waits for no disk
        try:
            self._opened = settings.path.open("wb")
        except OSError as error:
            raise BadSettings(
                f"cannot write {settings.path}: {error.strerror or error}; name another file"
            ) from None
        self._file = wave.open(self._opened, "wb")  # noqa: SIM115
        self._file.setnchannels(1)
        self._file.setsampwidth(2)
        self._num_bytes = 0
        self.trouble = ""

    def play(self, chunk: AudioChunk) -> None:
        if not self._track.rate_hz:
            self._file.setframerate(chunk.rate_hz)
        self._write(self._track.plan(chunk))

    def flush(self, time_s: float) -> None:
        self._write(self._track.cut(time_s))

    async def close(self) -> None:
        self._write(self._track.rest())
        await asyncio.get_running_loop().run_in_executor(self._thread, self._end)
        self._thread.shutdown(wait=False)

    def _write(self, made: Iterable[Samples]) -> None:
        for samples_N in made:
            self._thread.submit(self._append, samples_N)

    def _append(self, samples_N: Samples) -> None:
        data = np.rint(np.clip(samples_N, -1, 1) * 32767).astype("<i2").tobytes()
        self._num_bytes += len(data)
        if self._num_bytes > MAX_BYTES:
            return
        try:
            self._file.writeframes(data)
        except OSError as error:
            self.trouble = f"cannot write sound: {error.strerror or error}"

    def _end(self) -> None:
        if not self._num_bytes:
            self._file.setframerate(16_000)  # a WAV has a rate, also an empty one
        try:
            self._file.close()
            self._opened.close()
        except OSError as error:
            self.trouble = f"cannot write sound: {error.strerror or error}"
