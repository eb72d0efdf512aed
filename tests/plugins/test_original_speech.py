"""The original's speech servers: Qwen3-ASR behind vLLM, Qwen3-TTS behind vLLM-Omni, its adapter."""

import json
import time
import tomllib
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onlooker.assemble import speech_of
from onlooker.config import Settings
from onlooker.core.errors import TranscriberFailed, VoiceFailed
from onlooker.core.media import AudioChunk
from onlooker.core.ports import Transcriber, Voice
from onlooker.plugins.loader import load
from onlooker.testing.http11 import Reply, Request, StreamedReply, serving
from onlooker.testing.speech_servers import (
    ASR_MODEL,
    TTS_MODEL,
    WORD_S,
    Fault,
    QwenServers,
    TtsAdapter,
    hum,
)
from onlooker.testing.voices import check_voice
from onlooker.testing.voices import speech_of as speech_of_voice

NAMES = {"voice": TTS_MODEL, "transcriber": ASR_MODEL}
PORTS = {"voice": {"voice": "vivian"}, "transcriber": {}}


@asynccontextmanager
async def openai(port: str, servers: Any, **settings: Any) -> AsyncIterator[Any]:
    """Make the OpenAI plug-in of a port, at these servers."""
    async with serving(servers.respond) as number:
        kind = load(port, "openai")
        given = {"url": f"http://127.0.0.1:{number}/v1", "name": NAMES[port], **PORTS[port]}
        made = kind(kind.Settings.model_validate({**given, **settings}))
        try:
            yield made
        finally:
            await made.close()


async def question() -> AsyncIterator[AudioChunk]:
    yield AudioChunk("mic", 0.0, 16_000, np.full(8_000, 0.25, np.float32))


async def heard(ears: Transcriber) -> list[tuple[str, bool]]:
    return [(one.text, one.is_final) async for one in ears.hear(question())]


# Qwen3-TTS


@pytest.mark.parametrize("stream", ["", "audio", "sse"])
async def test_qwen_speaks_whole_or_as_it_is_made(stream: str) -> None:
    servers = QwenServers()
    async with openai("voice", servers, stream=stream, extra={"language": "English"}) as voice:
        await check_voice(voice)
        chunks = await speech_of_voice(voice, "It boils over.")
    samples_N = np.concatenate([chunk.samples_N for chunk in chunks])
    assert samples_N == pytest.approx(np.frombuffer(hum("It boils over."), "<i2") / 32768, abs=1e-4)
    kind, asked = servers.asked[-1]
    assert kind == "speech"
    assert (asked["voice"], asked["response_format"]) == ("vivian", "pcm")
    assert asked["language"] == "English"
    assert asked.get("stream_format", "") == stream


async def test_at_another_speed_qwen_is_not_asked_for_a_stream_which_it_would_refuse() -> None:
    servers = QwenServers()
    async with openai("voice", servers, stream="sse", speed=1.5) as voice:
        assert await speech_of_voice(voice, "It boils over.")
    _, asked = servers.asked[-1]
    assert asked["speed"] == 1.5
    assert "stream_format" not in asked


async def test_what_qwen_refuses_is_told_in_its_words() -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"voice": "nobody"}, "Invalid speaker"),
        ({"name": "tts-1"}, "does not exist"),
        ({"extra": {"language": "Klingon"}}, "Invalid language"),
    ]
    for settings, says in wrong:
        async with openai("voice", QwenServers(), **settings) as voice:
            with pytest.raises(VoiceFailed, match=says):
                await speech_of_voice(voice, "Hello.")


def events(*lines: str) -> Any:
    class Told:
        async def respond(self, _: Request) -> StreamedReply:
            async def pieces() -> AsyncIterator[bytes]:
                for line in lines:
                    yield line.encode()

            return StreamedReply(pieces())

    return Told()


DELTA = 'data: {"type": "speech.audio.delta", "audio": "AAAA"}\n\n'


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ((DELTA, 'data: {"type": "speech.audio.error", "error": {"message": "oom"}}\n\n'), "oom"),
        ((DELTA,), "no speech.audio.done"),
        ((DELTA, "data: hello\n\n"), "hello"),
        (('data: {"type": "speech.audio.delta", "audio": "?"}\n\n',), "base64|padding"),
        (("data: " + "x" * 5_000_000,), "a line of more than"),
        (('data: {"type": "speech.audio.done"}\n\n',), "no sound"),
    ],
)
async def test_events_that_break_off_or_lie_are_a_named_error(
    lines: tuple[str, ...], says: str
) -> None:
    async with openai("voice", events(*lines)) as voice:
        with pytest.raises(VoiceFailed, match=says):
            await speech_of_voice(voice, "Hello.")


# Qwen3-ASR


async def test_qwen_understands_and_names_the_language_only_to_who_does_not() -> None:
    servers = QwenServers("Es kocht.", "German")
    async with openai("transcriber", servers) as ears:
        assert await heard(ears) == [("Es kocht.", True)]
    async with openai("transcriber", servers, language="de") as ears:
        assert await heard(ears) == [("Es kocht.", True)]
    (_, first), (_, second) = servers.asked
    assert "language" not in first
    assert second["language"] == "de"
    assert first["file"][:4] == b"RIFF"
    async with openai("transcriber", servers, language="German") as ears:
        with pytest.raises(TranscriberFailed, match="Unsupported language"):
            await heard(ears)


@pytest.mark.parametrize("language", ["", "en"])
async def test_qwen_tells_guesses_on_the_way(language: str) -> None:
    servers = QwenServers("It boils over.")
    async with openai("transcriber", servers, stream=True, language=language) as ears:
        told = await heard(ears)
    assert told == [
        ("It", False),
        ("It boils", False),
        ("It boils over.", False),
        ("It boils over.", True),
    ]


async def test_the_events_of_openai_itself_are_understood() -> None:
    lines = [
        {"type": "transcript.text.delta", "delta": "It "},
        {"type": "transcript.text.done", "text": "It boils."},
    ]
    told = events(*(f"data: {json.dumps(line)}\n\n" for line in lines))
    async with openai("transcriber", told, stream=True) as ears:
        assert await heard(ears) == [("It", False), ("It boils.", True)]


CHUNK = 'data: {"object": "transcription.chunk", "choices": [{"delta": {"content": "It"}}]}\n\n'


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ((CHUNK,), "a stream without its end"),
        ((CHUNK, 'data: {"error": {"message": "oom"}}\n\n'), "oom"),
        ((CHUNK, "data: [1]\n\n"), "the event"),
        (("data: " + "x" * 2_000_000,), "more than a megabyte"),
    ],
)
async def test_guesses_that_break_off_or_lie_are_a_named_error(
    lines: tuple[str, ...], says: str
) -> None:
    async with openai("transcriber", events(*lines), stream=True) as ears:
        with pytest.raises(TranscriberFailed, match=says):
            await heard(ears)


async def test_a_refusal_of_a_stream_is_told() -> None:
    class Full:
        async def respond(self, _: Request) -> Reply:
            return Reply(b'{"error": "queue is full"}', 429)

    async with openai("transcriber", Full(), stream=True) as ears:
        with pytest.raises(TranscriberFailed, match="queue is full"):
            await heard(ears)


# As the documents show it


async def test_the_recipe_of_the_documents_connects_both() -> None:
    page = (Path(__file__).parents[2] / "docs" / "speech.md").read_text()
    recipe = page.partition("```toml\n[speech]")[2].partition("```")[0]
    settings = Settings.model_validate(tomllib.loads(f"[speech]{recipe}"))
    servers = QwenServers("It boils.", "English")
    async with serving(servers.respond) as port:
        url = f"http://127.0.0.1:{port}/v1"
        parts = speech_of(
            Settings.model_validate(
                merged(
                    settings.model_dump(exclude_defaults=True),
                    {"voice": {"openai": {"url": url}}, "transcriber": {"openai": {"url": url}}},
                )
            )
        )
        assert parts.voice is not None
        assert parts.ears is not None
        assert await speech_of_voice(parts.voice, "It boils over.")
        assert (await heard(parts.ears.transcriber))[-1] == ("It boils.", True)
        for close in parts.closing():
            await close()  # type: ignore[misc]
    (_, spoken), (_, sent) = servers.asked
    assert (spoken["stream_format"], spoken["language"]) == ("audio", "English")
    assert (sent["stream"], sent["language"]) == ("true", "en")


def merged(base: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    both = {
        name: merged(base[name], more[name]) for name in more if isinstance(base.get(name), dict)
    }
    return {**base, **more, **both}


# Its TTS adapter


def joyai(adapter: TtsAdapter, **settings: Any) -> Voice:
    kind = load("voice", "joyai")
    voice: Voice = kind(kind.Settings.model_validate({"url": adapter.url, **settings}))
    return voice


async def test_the_adapter_gets_a_configuration_a_sentence_and_a_commit() -> None:
    async with TtsAdapter().serving() as adapter:
        voice = joyai(adapter, voice="serena", instructions="Speak calmly.", emotion="{{sad}}")
        await check_voice(voice)
        adapter.said.clear()
        chunks = await speech_of_voice(voice, "It **boils**. Turn it off!")
    assert [said["text"] for said in adapter.said] == ["It boils.", "Turn it off!"]
    assert adapter.said[0]["emotion"] == "{{sad}}"
    config = adapter.said[0]["config"]
    assert (config["voice"], config["instructions"]) == ("serena", "Speak calmly.")
    assert (config["output_audio_format"], config["sample_rate"]) == ("pcm16", 24_000)
    assert sum(chunk.duration_s for chunk in chunks) == pytest.approx(5 * WORD_S)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("hangs", "sent nothing for timeout_s=0.2 s"),
        ("hangs_up", "no response.done before it hung up"),
        ("no_sound", "sent no sound"),
        ("upstream_fails", "out of memory"),
        ("nonsense", "no JSON object"),
    ],
)
async def test_an_adapter_that_fails_is_a_named_error(fault: Fault, says: str) -> None:
    async with TtsAdapter(fault).serving() as adapter:
        with pytest.raises(VoiceFailed, match=says):
            await speech_of_voice(joyai(adapter, timeout_s=0.2), "Hello to all of you out there.")


async def test_an_adapter_that_is_not_there_or_never_ends_is_a_named_error() -> None:
    with pytest.raises(VoiceFailed, match="see that it runs"):
        await speech_of_voice(joyai(TtsAdapter(url="ws://127.0.0.1:9/ws/tts")), "Hello.")
    async with TtsAdapter().serving() as adapter:
        with pytest.raises(VoiceFailed, match="more than max_piece_s"):
            await speech_of_voice(joyai(adapter, max_piece_s=0.3), "One two three.")
    with pytest.raises(ValueError, match="expected ws"):
        load("voice", "joyai").Settings(url="http://127.0.0.1:8992")


async def test_a_cut_leaves_the_adapter_at_once() -> None:
    async with TtsAdapter("hangs").serving() as adapter:
        async with aclosing(joyai(adapter).say("Hello to all of you.")) as speech:
            await anext(speech)
            began_s = time.perf_counter()
        assert time.perf_counter() - began_s < 0.1
