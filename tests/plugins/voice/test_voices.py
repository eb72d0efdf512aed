"""Every registered voice, and what may go wrong with each."""

import asyncio
import json
import shutil
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from onlooker.core.errors import BadSettings, VoiceFailed
from onlooker.core.ports import Voice
from onlooker.core.voices import changed, offer_of
from onlooker.plugins.loader import load
from onlooker.plugins.voice.espeak import EspeakSettings, EspeakVoice
from onlooker.plugins.voice.openai import KEY, OpenAIVoice, OpenAIVoiceSettings
from onlooker.testing.http11 import Reply, Request, StreamedReply, serving
from onlooker.testing.speech_servers import TtsAdapter
from onlooker.testing.voices import check_voice, speech_of

from .sounds import pcm_of, tone, wav_of

needs_hibari = pytest.mark.skipif(find_spec("hibari") is None, reason="hibari-tts is missing")
needs_espeak = pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is missing")
MARKS = {"hibari": [needs_hibari], "espeak": [needs_espeak]}
VOICES = [
    pytest.param(name, marks=MARKS.get(name, []))
    for name in sorted(entry_points(group="onlooker.voice").names)
]

Respond = Callable[[Request], Awaitable[Reply | StreamedReply]]


async def speaking_server(request: Request) -> StreamedReply:
    """Answers with 0.3 s of a tone, in pieces that are cut within samples."""
    asked = json.loads(request.body)
    data = pcm_of(tone(0.3)) if asked["response_format"] == "pcm" else wav_of(tone(0.3))

    async def pieces() -> AsyncIterator[bytes]:
        for begin in range(0, len(data), 4001):
            yield data[begin : begin + 4001]

    return StreamedReply(pieces(), "audio/pcm")


@asynccontextmanager
async def voice_at(respond: Respond, **settings: object) -> AsyncIterator[OpenAIVoice]:
    async with serving(respond) as port:
        url = f"http://127.0.0.1:{port}/v1"
        voice = OpenAIVoice(OpenAIVoiceSettings.model_validate({"url": url, **settings}))
        try:
            yield voice
        finally:
            await voice.close()


def replying(reply: Reply) -> Respond:
    async def respond(_: Request) -> Reply:
        return reply

    return respond


@pytest.mark.parametrize("name", VOICES)
async def test_every_voice_keeps_the_contract(name: str) -> None:
    async with serving(speaking_server) as port, TtsAdapter().serving() as adapter:
        kind = load("voice", name)
        urls = {"openai": f"http://127.0.0.1:{port}/v1", "joyai": adapter.url}
        given = {"url": urls[name]} if name in urls else {}
        voice: Voice = kind(kind.Settings.model_validate(given))
        try:
            await check_voice(voice)
        finally:
            await voice.close()


# Hibari


@needs_hibari
async def test_hibari_speaks_without_any_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    kind = load("voice", "hibari")
    voice = kind(kind.Settings())
    assert await speech_of(voice, "Hello.")
    await voice.close()


@needs_hibari
def test_a_hibari_voice_that_is_not_here_is_refused_and_not_downloaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HIBARI_HOME", str(tmp_path))
    kind = load("voice", "hibari")
    for name in ("emma", "nobody", "../../etc/passwd"):
        with pytest.raises(BadSettings, match=r"it knows .*heart"):
            kind(kind.Settings(voice=name))


@needs_hibari
async def test_hibari_has_one_voice_and_may_speak_faster_with_the_same_weights() -> None:
    kind = load("voice", "hibari")
    voice = kind(kind.Settings())
    assert "heart" in [one.id for one in offer_of(voice).voices]
    faster = changed(voice, None, 2.0)
    lengths_s = [await length_of(one) for one in (voice, faster)]
    assert lengths_s[1] < 0.7 * lengths_s[0]
    await voice.close()


async def length_of(voice: Voice) -> float:
    chunks = await speech_of(voice, "Somebody has come in through the door.")
    return sum(chunk.duration_s for chunk in chunks)


# espeak


@needs_espeak
async def test_espeak_offers_the_voices_it_has_and_speaks_with_them_at_any_speed() -> None:
    voice = EspeakVoice(EspeakSettings())
    offer = offer_of(voice)
    offered = {one.id: one.name for one in offer.voices}
    assert len(offered) > 20
    assert offered["de"] == "German"
    german = changed(voice, "de", 2.0)
    assert german.traits.name == "espeak/de"
    assert await length_of(german) < 0.7 * await length_of(voice)
    with pytest.raises(BadSettings, match=r"cannot sound like 'xx'; it offers af, .* more"):
        changed(voice, "xx", None)
    with pytest.raises(BadSettings, match=r"expected 0\.5 to 2\.5"):
        changed(voice, "de", 9.0)


def test_an_espeak_that_names_no_voices_offers_its_own(tmp_path: Path) -> None:
    voice = EspeakVoice(program(tmp_path, "exit 3"))
    assert [one.id for one in offer_of(voice).voices] == ["en-us"]


def test_espeak_says_what_to_install_when_it_is_missing() -> None:
    with pytest.raises(BadSettings, match="apt install espeak-ng"):
        EspeakVoice(EspeakSettings(program="no-such-program"))


def program(tmp_path: Path, script: str) -> EspeakSettings:
    path = tmp_path / "speaker"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return EspeakSettings(program=str(path), timeout_s=0.3)


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("exit 3", "status 3"),
        ("echo this is no sound at all", "no WAV"),
        ("exec sleep 60", "timeout_s=0.3"),
    ],
)
async def test_a_program_that_fails_lies_or_hangs_is_a_named_error(
    tmp_path: Path, script: str, says: str
) -> None:
    with pytest.raises(VoiceFailed, match=says):
        await speech_of(EspeakVoice(program(tmp_path, script)), "Hello.")


@needs_espeak
async def test_what_is_said_cannot_become_an_option_of_the_program() -> None:
    voice = EspeakVoice(EspeakSettings())
    assert await speech_of(voice, "--version -w /dev/null and more")


# Any server


@pytest.mark.parametrize("form", ["pcm", "wav"])
async def test_the_sound_arrives_whole_however_it_is_cut(form: str) -> None:
    async with voice_at(speaking_server, format=form) as voice:
        chunks = await speech_of(voice, "Hello there.")
    samples_N = np.concatenate([chunk.samples_N for chunk in chunks])
    assert samples_N == pytest.approx(tone(0.3), abs=1e-4)
    assert chunks[0].rate_hz == 24_000


async def test_a_server_is_asked_for_clean_sentences_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(KEY, "sesame")
    asked: list[Request] = []

    async def respond(request: Request) -> StreamedReply:
        asked.append(request)
        return await speaking_server(request)

    async with voice_at(respond, voice="vivian", extra={"task_type": "CustomVoice"}) as voice:
        await speech_of(voice, "It **boils**. Turn it off!")
        assert "sesame" not in repr(vars(voice))
    bodies = [json.loads(request.body) for request in asked]
    assert [body["input"] for body in bodies] == ["It boils.", "Turn it off!"]
    assert bodies[0]["voice"] == "vivian"
    assert bodies[0]["task_type"] == "CustomVoice"
    assert [request.path for request in asked] == ["/v1/audio/speech"] * 2
    assert asked[0].headers["authorization"] == "Bearer sesame"


async def test_a_wav_that_comes_in_place_of_pcm_is_read_by_its_header() -> None:
    stereo = wav_of(np.repeat(tone(0.2), 2), rate_hz=16_000, num_channels=2)
    async with voice_at(replying(Reply(stereo, content_type="audio/wav"))) as voice:
        chunks = await speech_of(voice, "Hello.")
    assert chunks[0].rate_hz == 16_000
    assert sum(len(chunk.samples_N) for chunk in chunks) == len(tone(0.2))


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(b'{"error": "no such voice"}', 400), "no such voice"),
        (Reply(b'{"error": "busy"}'), "application/json"),
        (Reply(b"", content_type="audio/pcm"), "no sound"),
        (Reply(b"ID3\x04 an mp3", content_type="audio/mpeg"), "it begins with"),
        (Reply(b"RIFF\0\0\0\0WAVEdata\0\0\0\0", content_type="audio/wav"), "without a format"),
        (Reply(wav_of(tone(0.1), kind=7), content_type="audio/wav"), "format 7"),
        (Reply(pcm_of(tone(3.0)), content_type="audio/pcm"), "max_piece_s"),
        (Reply(b"\0\0\0\0", content_type="audio/pcm", declared_bytes=900), "failed"),
    ],
)
async def test_a_server_that_refuses_or_lies_is_a_named_error(reply: Reply, says: str) -> None:
    async with voice_at(replying(reply), max_piece_s=2.0) as voice:
        with pytest.raises(VoiceFailed, match=says):
            await speech_of(voice, "Hello.")


async def test_a_server_that_hangs_is_given_up_and_one_that_is_cut_is_left_at_once() -> None:
    never = asyncio.Event()

    async def respond(_: Request) -> StreamedReply:
        async def pieces() -> AsyncIterator[bytes]:
            yield pcm_of(tone(0.3))
            await never.wait()

        return StreamedReply(pieces(), "audio/pcm")

    async with voice_at(respond, timeout_s=0.2) as voice:
        with pytest.raises(VoiceFailed, match="ReadTimeout"):
            await speech_of(voice, "Hello.")
    async with voice_at(respond) as voice:
        async with aclosing(voice.say("Hello.")) as speech:
            await anext(speech)
            began_s = time.perf_counter()
        assert time.perf_counter() - began_s < 0.1


async def test_a_server_that_is_not_there_is_a_named_error() -> None:
    voice = OpenAIVoice(OpenAIVoiceSettings(url="http://127.0.0.1:9/v1"))
    with pytest.raises(VoiceFailed, match="see that it runs"):
        await speech_of(voice, "Hello.")
    await voice.close()


async def test_a_server_is_asked_for_the_chosen_voice_and_speed() -> None:
    asked = []

    async def respond(request: Request) -> Reply | StreamedReply:
        asked.append(json.loads(request.body))
        return await speaking_server(request)

    async with voice_at(respond, voice="vivian", voices=["vivian", "ryan"]) as voice:
        assert [one.id for one in offer_of(voice).voices] == ["vivian", "ryan"]
        await speech_of(changed(voice, "ryan", 1.5), "Hello.")
        await speech_of(voice, "Hello.")
    assert [(one["voice"], one.get("speed")) for one in asked] == [("ryan", 1.5), ("vivian", None)]
