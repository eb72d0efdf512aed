"""Several voices, or several transcribers, as one: the first that works speaks or hears.

One that fails a few times in a row is left alone for a while. `trouble` says why the last one was
not the first, in words; it is empty while all is well.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import OpenedState

from onlooker.core.errors import TranscriberFailed, VoiceFailed
from onlooker.core.media import AudioChunk
from onlooker.core.ports import Transcriber, TranscriberTraits, Transcript, Voice, VoiceTraits
from onlooker.core.voices import VoiceOffer, changed, offer_of

FAILURES = 3  # in a row, after which one is left alone
PAUSE_S = 30.0  # for which it is
FIRST_SOUND_S = 2.5  # in which a voice begins, unless it is the last
UNDERSTOOD_S = 5.0  # in which a transcriber has understood, from the end of what was said


class _Health:
    """What is known of each of several: a breaker for each."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._breakers = AsyncCircuitBreakerFactory(
            FAILURES, PAUSE_S, exclude=[asyncio.CancelledError, GeneratorExit]
        )

    @asynccontextmanager
    async def trial(self, index: int) -> AsyncIterator[None]:
        """Hold a use of one to its breaker; raises OpenedState while it is left alone."""
        async with await self._breakers.get_breaker(f"{index} {self._names[index]}"):
            yield


class FallbackVoice:
    """Speaks with the first of `voices` that can. A line that has begun changes no voice."""

    def __init__(self, voices: Sequence[Voice]) -> None:
        self._voices = tuple(voices)
        names = [voice.traits.name for voice in voices]
        self._health = _Health(names)
        self.traits = VoiceTraits(" or ".join(names), voices[0].traits.languages)
        self.trouble = ""

    async def say(self, text: str) -> AsyncGenerator[AudioChunk]:
        """Yield the speech.

        Raises:
            VoiceFailed: none of them speaks; it is the last one's reason.
        """
        trouble = ""
        for index, voice in enumerate(self._voices):
            is_last, has_begun = index == len(self._voices) - 1, False
            try:
                async with self._health.trial(index), aclosing(voice.say(text)) as speech:
                    async for chunk in _begun_within(speech, None if is_last else FIRST_SOUND_S):
                        has_begun = True
                        yield chunk
            except OpenedState:
                trouble = trouble or f"{voice.traits.name} failed too often and is left alone"
            except (VoiceFailed, TimeoutError) as error:
                if has_begun or is_last:
                    raise VoiceFailed(str(error)) from error
                trouble = str(error) or f"{voice.traits.name} was silent for {FIRST_SOUND_S} s"
            else:
                self.trouble = trouble
                return
        raise VoiceFailed(f"no voice speaks: {trouble}")

    def offer(self) -> VoiceOffer:
        """What the first offers; the others stand in as they are."""
        return offer_of(self._voices[0])

    def another(self, voice: str, speed: float) -> FallbackVoice:
        first, *others = self._voices
        return FallbackVoice([changed(first, voice, speed), *others])

    async def close(self) -> None:
        for voice in self._voices:
            await voice.close()


class FallbackTranscriber:
    """Hears with the first of `ears` that can; the next is given the utterance from its start."""

    def __init__(self, ears: Sequence[Transcriber]) -> None:
        self._ears = tuple(ears)
        names = [one.traits.name for one in ears]
        self._health = _Health(names)
        self.traits = TranscriberTraits(" or ".join(names), ears[0].traits.languages)
        self.trouble = ""

    async def hear(self, speech: AsyncIterator[AudioChunk]) -> AsyncGenerator[Transcript]:
        """Yield what is understood.

        Raises:
            TranscriberFailed: none of them understood it; it is the last one's reason.
        """
        sound, trouble = _Kept(speech), ""
        for index, one in enumerate(self._ears):
            is_last = index == len(self._ears) - 1
            try:
                async with self._health.trial(index), asyncio.timeout(None) as limit:
                    heard = one.hear(sound.again(None if is_last else limit))
                    async with aclosing(heard) as transcripts:
                        async for transcript in transcripts:
                            yield transcript
            except OpenedState:
                trouble = trouble or f"{one.traits.name} failed too often and is left alone"
            except (TranscriberFailed, TimeoutError) as error:
                trouble = str(error) or f"{one.traits.name} took longer than {UNDERSTOOD_S} s"
            else:
                self.trouble = trouble
                return
        raise TranscriberFailed(trouble)

    async def close(self) -> None:
        for one in self._ears:
            await one.close()


class _Kept:
    """An utterance that can be heard from its start again."""

    def __init__(self, speech: AsyncIterator[AudioChunk]) -> None:
        self._speech = speech
        self._chunks: list[AudioChunk] = []

    async def again(self, limit: asyncio.Timeout | None) -> AsyncIterator[AudioChunk]:
        for chunk in list(self._chunks):
            yield chunk
        async for chunk in self._speech:
            self._chunks.append(chunk)
            yield chunk
        if limit is not None:
            limit.reschedule(asyncio.get_running_loop().time() + UNDERSTOOD_S)


async def _begun_within(
    speech: AsyncGenerator[AudioChunk], limit_s: float | None
) -> AsyncIterator[AudioChunk]:
    async with asyncio.timeout(limit_s):
        first = await anext(speech, None)
    if first is not None:
        yield first
    async for chunk in speech:
        yield chunk
