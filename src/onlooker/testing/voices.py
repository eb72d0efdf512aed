"""Checks that every voice must pass; authors of plug-ins run them on theirs."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing

import numpy as np

from onlooker.core.media import AudioChunk
from onlooker.core.ports import Voice
from onlooker.core.voices import changed, offer_of

SENTENCES = "The pot boils over. Turn the stove off, please! Is anybody there?"
UNSAYABLE = ("", "  \n", "\U0001f600 \U0001f44d", "***", "---")
HARD = "**Look**: 5 °C at https://example.com/a?b=c \U0001f600 `x²`!"
MAX_STOP_S = 0.1
MAX_CHUNK_S = 1.0


async def speech_of(voice: Voice, text: str) -> list[AudioChunk]:
    """Collect all that a voice says."""
    return [chunk async for chunk in voice.say(text)]


async def check_voice(voice: Voice) -> None:
    """Run every check below that needs no closing; the caller closes the voice."""
    assert voice.traits.name
    await check_sound(voice)
    await check_nothing_to_say(voice)
    await check_stops_at_once(voice)
    await check_speaks_again(voice)
    await check_choices(voice)


async def check_sound(voice: Voice) -> None:
    """Samples are mono float32 in [-1, 1], of one rate, without gaps, and not silent."""
    for text in (SENTENCES, HARD):
        chunks = await speech_of(voice, text)
        assert chunks, f"no sound for {text!r}"
        end_s = 0.0
        for chunk in chunks:
            assert chunk.samples_N.ndim == 1
            assert chunk.samples_N.dtype == np.float32
            assert 0 < chunk.duration_s <= MAX_CHUNK_S
            assert np.abs(chunk.samples_N).max() <= 1
            assert chunk.rate_hz == chunks[0].rate_hz
            assert abs(chunk.start_s - end_s) < 1e-6, f"a gap at {end_s} s"
            end_s = chunk.start_s + chunk.duration_s
        loudest = max(float(np.abs(chunk.samples_N).max()) for chunk in chunks)
        assert loudest > 0.05, f"it is silent: {loudest}"


async def check_nothing_to_say(voice: Voice) -> None:
    """What cannot be said gives no sound, and no error."""
    for text in UNSAYABLE:
        assert await speech_of(voice, text) == []


async def check_stops_at_once(voice: Voice) -> None:
    """Closing the iteration takes no longer than 100 ms, wherever it is."""
    async with aclosing(voice.say(SENTENCES * 20)) as speech:
        async for _ in speech:
            began_s = time.perf_counter()
            break
    took_s = time.perf_counter() - began_s
    assert took_s <= MAX_STOP_S, f"it took {took_s * 1000:.0f} ms to stop"


async def check_speaks_again(voice: Voice) -> None:
    """A line that was cut leaves nothing behind in the next."""
    alone = await speech_of(voice, "Hello.")
    async with aclosing(voice.say(SENTENCES)) as speech:
        await anext(speech)
    again = await speech_of(voice, "Hello.")
    lengths_s = [sum(chunk.duration_s for chunk in chunks) for chunks in (alone, again)]
    assert abs(lengths_s[0] - lengths_s[1]) < 0.5
    assert again[0].start_s == 0


async def check_choices(voice: Voice) -> None:
    """What it offers, it can do; and what speaks is one of that."""
    offer = await asyncio.to_thread(offer_of, voice)
    ids = [one.id for one in offer.voices]
    assert len(set(ids)) == len(ids)
    assert offer.voice in ids
    assert offer.slowest <= offer.speed <= offer.fastest
    for wanted, speed in ((ids[0], offer.fastest), (ids[-1], offer.slowest)):
        other = await asyncio.to_thread(changed, voice, wanted, speed)
        assert await speech_of(other, "Hello."), f"no sound of {wanted!r} at {speed:g}"
