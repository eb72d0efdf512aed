"""The sound of a session on disk: a file for each stream, in which position is session time."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer

from onlooker.core.media import AudioChunk
from onlooker.core.soundtrack import Samples, Soundtrack

BIT_RATE = 24_000  # a second of speech in 3 KB
MAX_TRACKS = 16
_RATES_HZ = (8_000, 12_000, 16_000, 24_000, 48_000)  # that Opus knows


class Tracks:
    """Writes Opus in Ogg: whatever was flushed survives the process. Blocks: use one thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tracks: dict[str, tuple[Soundtrack, _Track]] = {}

    def play(self, chunk: AudioChunk, *, is_planned: bool) -> None:
        """Write sound that has happened, or that will be heard unless `flush` comes before."""
        if chunk.stream not in self._tracks:
            if len(self._tracks) >= MAX_TRACKS:
                return
            name = re.sub(r"[^\w-]+", "_", chunk.stream) or "sound"
            path = self._folder / f"{name}.opus"
            self._tracks[chunk.stream] = (Soundtrack(), _Track(path, chunk.rate_hz))
        line, track = self._tracks[chunk.stream]
        track.write(line.plan(chunk) if is_planned else line.add(chunk))

    def flush(self, stream: str, time_s: float) -> None:
        """Forget what was to be heard after `time_s`."""
        if stream in self._tracks:
            line, track = self._tracks[stream]
            track.write(line.cut(time_s))

    def close(self) -> None:
        for line, track in self._tracks.values():
            track.write(line.rest())
            track.close()


class _Track:
    def __init__(self, path: Path, rate_hz: int) -> None:
        self._container: OutputContainer = av.open(
            str(path), "w", format="ogg", options={"page_duration": "500000"}
        )
        opus_hz = min((hz for hz in _RATES_HZ if hz >= rate_hz), default=48_000)
        self._stream: AudioStream = self._container.add_stream("libopus", rate=opus_hz)
        self._stream.layout = "mono"
        self._stream.bit_rate = BIT_RATE
        self._resampler = av.AudioResampler(
            "s16", "mono", opus_hz, frame_size=self._stream.frame_size or opus_hz // 50
        )
        self._rate_hz = rate_hz
        self._num_samples = 0

    def write(self, made: Iterable[Samples]) -> None:
        for samples_N in made:
            whole_N = np.rint(np.clip(samples_N, -1, 1) * 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(whole_N[None], "s16", "mono")
            frame.sample_rate, frame.pts = self._rate_hz, self._num_samples
            frame.time_base = Fraction(1, self._rate_hz)
            self._num_samples += len(samples_N)
            for part in self._resampler.resample(frame):
                self._container.mux(self._stream.encode(part))

    def close(self) -> None:
        for part in self._resampler.resample(None):
            self._container.mux(self._stream.encode(part))
        self._container.mux(self._stream.encode(None))
        self._container.close()
