"""Any server that transcribes, and what may go wrong with it."""

import asyncio
import io
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import numpy as np
import pytest

from onlooker.core.errors import TranscriberFailed
from onlooker.core.media import AudioChunk
from onlooker.core.ports import Transcript
from onlooker.plugins.loader import load
from onlooker.plugins.transcriber.openai import (
    KEY,
    OpenAITranscriber,
    OpenAITranscriberSettings,
)
from onlooker.testing.http11 import Reply, Request, serving

RATE_HZ = 16_000
Respond = Callable[[Request], Awaitable[Reply]]


async def speech(
    seconds: float, rates_hz: tuple[int, ...] = (RATE_HZ,)
) -> AsyncIterator[AudioChunk]:
    start_s = 0.0
    while start_s < seconds:
        rate_hz = rates_hz[min(len(rates_hz) - 1, round(start_s * 10))]
        yield AudioChunk("mic", start_s, rate_hz, np.full(rate_hz // 10, 0.25, np.float32))
        start_s += 0.1


@asynccontextmanager
async def ears(respond: Respond, **settings: object) -> AsyncIterator[OpenAITranscriber]:
    async with serving(respond) as port:
        url = f"http://127.0.0.1:{port}/v1"
        made = OpenAITranscriber(OpenAITranscriberSettings.model_validate({"url": url, **settings}))
        try:
            yield made
        finally:
            await made.close()


def replying(reply: Reply) -> Respond:
    async def respond(_: Request) -> Reply:
        return reply

    return respond


async def heard(transcriber: OpenAITranscriber, seconds: float = 0.5) -> list[Transcript]:
    return [transcript async for transcript in transcriber.hear(speech(seconds))]


def test_it_is_found_by_its_name() -> None:
    assert load("transcriber", "openai") is OpenAITranscriber


async def test_an_utterance_is_sent_as_one_wav_and_comes_back_as_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(KEY, "sesame")
    asked: list[Request] = []

    async def respond(request: Request) -> Reply:
        asked.append(request)
        return Reply(b'{"text": " What is\\n that? "}')

    async with ears(respond, name="asr", language="en") as transcriber:
        assert await heard(transcriber) == [Transcript("What is that?", is_final=True)]
    body = asked[0].body
    assert asked[0].path == "/v1/audio/transcriptions"
    assert asked[0].headers["authorization"] == "Bearer sesame"
    assert b'name="model"\r\n\r\nasr\r\n' in body
    assert b'name="language"\r\n\r\nen\r\n' in body
    with wave.open(io.BytesIO(body[body.index(b"RIFF") :])) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE_HZ, 1, 2)
        assert file.getnframes() == RATE_HZ // 2


async def test_the_language_that_qwen_writes_in_front_is_not_what_was_said() -> None:
    reply = Reply(b'{"text": "language English<asr_text>It boils."}')
    async with ears(replying(reply)) as transcriber:
        assert (await heard(transcriber))[-1].text == "It boils."


async def test_no_sound_is_no_request() -> None:
    async with ears(replying(Reply(b"never asked", 500))) as transcriber:
        assert await heard(transcriber, 0.0) == [Transcript("", is_final=True)]


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(b'{"error": "no such model"}', 404), "no such model"),
        (Reply(b"<html>busy</html>"), "expected JSON with a text"),
        (Reply(b'{"text": 7}'), "expected JSON with a text"),
        (Reply(b"[" * 100_000), "expected JSON with a text"),
        (Reply(b"x" * 2_000_000), "more than a megabyte"),
        (Reply(b"{", declared_bytes=90), "failed"),
    ],
)
async def test_a_server_that_refuses_or_lies_is_a_named_error(reply: Reply, says: str) -> None:
    async with ears(replying(reply)) as transcriber:
        with pytest.raises(TranscriberFailed, match=says):
            await heard(transcriber)


async def test_a_server_that_hangs_is_given_up() -> None:
    async def respond(_: Request) -> Reply:
        await asyncio.Event().wait()
        raise AssertionError

    async with ears(respond, timeout_s=0.1) as transcriber:
        with pytest.raises(TranscriberFailed, match=r"timeout_s=0\.1"):
            await heard(transcriber)


async def test_an_utterance_that_never_ends_or_changes_its_rate_is_a_named_error() -> None:
    async with ears(replying(Reply(b'{"text": ""}')), max_s=1.0) as transcriber:
        with pytest.raises(TranscriberFailed, match=r"max_s=1\.0"):
            await heard(transcriber, 5.0)
        with pytest.raises(TranscriberFailed, match="8000 Hz"):
            _ = [t async for t in transcriber.hear(speech(0.5, (RATE_HZ, 8_000)))]
