"""Fakes of speech: a voice that hums, ears that know what is said, sound that is loud or silent."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from onlooker.core.clock import Clock
from onlooker.core.media import AudioChunk, Media
from onlooker.core.ports import SourceTraits, TranscriberTraits, Transcript, VoiceTraits
from onlooker.core.voices import OfferedVoice, VoiceOffer

RATE_HZ = 16_000
CHUNK_S = 0.1
LOUD = 0.5


class HummingVoice:
    """Hums for `word_s` a word. An error takes the place of a text, once for each given."""

    traits = VoiceTraits(name="humming", languages=("en",))
    rate_hz = RATE_HZ

    def __init__(self, word_s: float = 0.3, errors: Sequence[Exception] = ()) -> None:
        self._word_s = word_s
        self._errors = list(errors)
        self.said: list[str] = []
        self.num_cut = 0
        self.is_closed = False

    async def say(self, text: str) -> AsyncGenerator[AudioChunk]:
        if self._errors:
            raise self._errors.pop(0)
        self.said.append(text)
        end_s, start_s = self._word_s * len(text.split()), 0.0
        try:
            while start_s < end_s - 1e-6:
                duration_s = min(CHUNK_S, end_s - start_s)
                samples_N = np.full(round(duration_s * self.rate_hz), LOUD, np.float32)
                yield AudioChunk("voice", start_s, self.rate_hz, samples_N)
                start_s += duration_s
        except GeneratorExit:
            self.num_cut += 1
            raise

    async def close(self) -> None:
        self.is_closed = True


class ChoirVoice(HummingVoice):
    """Hums like its singers, each with a rate of their own; `said` has what all of them said."""

    SINGERS: ClassVar = {"alto": RATE_HZ, "bass": RATE_HZ // 2}  # id -> samples a second

    def __init__(self, singer: str = "alto", word_s: float = 0.05) -> None:
        super().__init__(word_s)
        self.traits = VoiceTraits(name="choir", languages=("en",))
        self.rate_hz = self.SINGERS[singer]
        self._singer, self._own_word_s = singer, word_s

    def offer(self) -> VoiceOffer:
        voices = tuple(OfferedVoice(name, name.capitalize(), "en") for name in self.SINGERS)
        return VoiceOffer(voices, self._singer, 1.0, 0.5, 2.0)

    def another(self, voice: str, speed: float) -> ChoirVoice:
        made = ChoirVoice(voice, self._own_word_s / speed)
        made.said = self.said
        return made


@dataclass
class ListPlayer:
    """Keeps what it is to play, and what was flushed."""

    latency_s: float = 0.0
    chunks: list[AudioChunk] = field(default_factory=list)
    flushed_s: list[float] = field(default_factory=list)
    is_closed: bool = False

    def play(self, chunk: AudioChunk) -> None:
        self.chunks.append(chunk)

    def flush(self, time_s: float) -> None:
        self.flushed_s.append(time_s)
        self.chunks = [
            AudioChunk(
                chunk.stream,
                chunk.start_s,
                chunk.rate_hz,
                chunk.samples_N[: max(0, round((time_s - chunk.start_s) * chunk.rate_hz))],
            )
            for chunk in self.chunks
        ]

    async def close(self) -> None:
        self.is_closed = True

    def loud(self) -> list[tuple[float, float]]:
        """List the stretches in which something is heard, each from when to when."""
        stretches: list[tuple[float, float]] = []
        for chunk in sorted(self.chunks, key=lambda chunk: chunk.start_s):
            if not len(chunk.samples_N):
                continue
            start_s, end_s = chunk.start_s, chunk.start_s + chunk.duration_s
            if stretches and start_s - stretches[-1][1] < 1e-3:
                start_s = stretches.pop()[0]
            stretches.append((round(start_s, 3), round(end_s, 3)))
        return stretches


class LoudnessDetector:
    """Takes whatever is loud for speech."""

    def hear(self, chunk: AudioChunk) -> Iterator[tuple[AudioChunk, float]]:
        yield chunk, float(np.abs(chunk.samples_N).max(initial=0.0) > LOUD / 2)


@dataclass
class KnowingJudge:
    """Knows how likely somebody has finished at each pause; the last of them from then on."""

    complete_each: list[float]
    asked_s: list[float] = field(default_factory=list)  # how long what it was given lasted

    def complete(self, speech: AudioChunk) -> float:
        self.asked_s.append(round(speech.duration_s, 3))
        return self.complete_each[min(len(self.asked_s), len(self.complete_each)) - 1]


class KnowingEars:
    """Understands each utterance as the next of the texts; the same again for the same utterance.

    An exception among the texts is raised. `heard_s` lists how much it was given each time.
    """

    traits = TranscriberTraits(name="knowing", languages=("en",))

    def __init__(self, *texts: str | Exception) -> None:
        self._texts = list(texts)
        self._known: dict[float, str | Exception] = {}  # by when the utterance began
        self.heard_s: list[float] = []
        self.is_closed = False

    async def hear(self, speech: AsyncIterator[AudioChunk]) -> AsyncGenerator[Transcript]:
        begin_s, duration_s = -1.0, 0.0
        async for chunk in speech:
            begin_s = chunk.start_s if begin_s < 0 else begin_s
            duration_s += chunk.duration_s
        self.heard_s.append(round(duration_s, 3))
        if begin_s not in self._known:
            self._known[begin_s] = self._texts.pop(0) if self._texts else ""
        text = self._known[begin_s]
        if isinstance(text, Exception):
            raise text
        yield Transcript(text, is_final=True)

    async def close(self) -> None:
        self.is_closed = True


class SoundSource:
    """A microphone, or a clip's sound: loud in the given stretches, silent between them."""

    traits = SourceTraits(is_live=False, is_camera=False)
    trouble = ""

    def __init__(self, *loud_s: tuple[float, float], length_s: float, chunk_s: float = 0.05):
        self._loud_s = loud_s
        self._length_s = length_s
        self._chunk_s = chunk_s
        self.is_closed = False

    async def frames(self, stream: str, clock: Clock) -> AsyncIterator[Media]:
        for index in range(round(self._length_s / self._chunk_s)):
            start_s = index * self._chunk_s
            await clock.sleep_until(start_s + self._chunk_s)
            yield AudioChunk(stream, start_s, RATE_HZ, self._samples(start_s))

    async def close(self) -> None:
        self.is_closed = True

    def _samples(self, start_s: float) -> npt.NDArray[np.float32]:
        middle_s = start_s + self._chunk_s / 2
        is_loud = any(begin_s <= middle_s < end_s for begin_s, end_s in self._loud_s)
        return np.full(round(self._chunk_s * RATE_HZ), LOUD if is_loud else 0.0, np.float32)
