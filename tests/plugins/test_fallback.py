"""Several voices and ears as one."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

import numpy as np
import pytest

from onlooker.core.errors import TranscriberFailed, VoiceFailed
from onlooker.core.media import AudioChunk
from onlooker.core.ports import Transcript
from onlooker.plugins import fallback
from onlooker.plugins.fallback import FallbackTranscriber, FallbackVoice
from onlooker.testing.speaking import HummingVoice, KnowingEars
from onlooker.testing.voices import check_voice, speech_of


class BreakingVoice(HummingVoice):
    """Breaks off in the middle."""

    async def say(self, text: str) -> AsyncGenerator[AudioChunk]:
        async for chunk in super().say(text):
            yield chunk
            raise VoiceFailed("broke off")


class MuteVoice(HummingVoice):
    """Never begins."""

    async def say(self, text: str) -> AsyncGenerator[AudioChunk]:
        self.said.append(text)
        await asyncio.Event().wait()
        yield AudioChunk("voice", 0, 16_000, np.zeros(1, np.float32))


async def utterance(seconds: int = 1) -> AsyncIterator[AudioChunk]:
    for index in range(10 * seconds):
        yield AudioChunk("mic", index / 10, 16_000, np.zeros(1600, np.float32))


async def texts(ears: FallbackTranscriber) -> list[str]:
    return [transcript.text async for transcript in ears.hear(utterance())]


async def test_the_second_voice_speaks_when_the_first_fails_and_it_is_told() -> None:
    first, second = HummingVoice(errors=[VoiceFailed("down")]), HummingVoice()
    voice = FallbackVoice([first, second])
    assert await speech_of(voice, "It boils.")
    assert (first.said, second.said, voice.trouble) == ([], ["It boils."], "down")
    await speech_of(voice, "Again.")
    assert (first.said, voice.trouble) == (["Again."], "")
    await voice.close()
    assert first.is_closed
    assert second.is_closed


async def test_a_voice_that_keeps_failing_is_left_alone() -> None:
    first = HummingVoice(errors=[VoiceFailed("down")] * 100)
    voice = FallbackVoice([first, HummingVoice()])
    for _ in range(5):
        await speech_of(voice, "It boils.")
    assert len(first._errors) == 100 - fallback.FAILURES
    assert "left alone" in voice.trouble


async def test_a_voice_that_never_begins_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fallback, "FIRST_SOUND_S", 0.02)
    voice = FallbackVoice([MuteVoice(), HummingVoice()])
    assert await speech_of(voice, "It boils.")
    assert "was silent" in voice.trouble


async def test_a_line_that_has_begun_changes_no_voice() -> None:
    second = HummingVoice()
    with pytest.raises(VoiceFailed, match="broke off"):
        await speech_of(FallbackVoice([BreakingVoice(), second]), "It boils.")
    assert second.said == []


async def test_the_last_reason_is_told_when_none_speaks() -> None:
    voices = [HummingVoice(errors=[VoiceFailed(f"{name} is down")]) for name in "ab"]
    with pytest.raises(VoiceFailed, match="b is down"):
        await speech_of(FallbackVoice(voices), "It boils.")


async def test_it_keeps_the_contract_of_a_voice() -> None:
    class Clean(HummingVoice):
        async def say(self, text: str) -> AsyncGenerator[AudioChunk]:
            words = "".join(sign for sign in text if sign.isalnum() or sign == " ").strip()
            async for chunk in super().say(words):
                yield chunk

    await check_voice(FallbackVoice([Clean(), Clean()]))


async def test_a_cut_is_no_failure() -> None:
    first = HummingVoice()
    voice = FallbackVoice([first, HummingVoice()])
    for _ in range(2 * fallback.FAILURES):
        speech = voice.say("One two three.")
        await anext(speech)
        await speech.aclose()
    assert len(first.said) == 2 * fallback.FAILURES


async def test_the_second_ears_hear_the_whole_utterance() -> None:
    second = KnowingEars("what is that?")
    ears = FallbackTranscriber([KnowingEars(TranscriberFailed("down")), second])
    assert await texts(ears) == ["what is that?"]
    assert (second.heard_s, ears.trouble) == ([1.0], "down")


async def test_ears_that_hang_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hanging(KnowingEars):
        async def hear(self, speech: AsyncIterator[AudioChunk]) -> AsyncGenerator[Transcript]:
            async for _ in speech:
                pass
            await asyncio.Event().wait()
            yield Transcript("", is_final=True)

    monkeypatch.setattr(fallback, "UNDERSTOOD_S", 0.02)
    ears = FallbackTranscriber([Hanging(), KnowingEars("hello")])
    assert await texts(ears) == ["hello"]
    await ears.close()


async def test_the_last_reason_is_told_when_nobody_understands() -> None:
    ears = FallbackTranscriber([KnowingEars(TranscriberFailed(f"{name} is down")) for name in "ab"])
    with pytest.raises(TranscriberFailed, match="b is down"):
        await texts(ears)
