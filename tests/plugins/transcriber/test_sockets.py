"""Ears at the other end of a WebSocket, and what may go wrong with them."""

import base64
import json
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection, serve

from onlooker.core.errors import TranscriberFailed
from onlooker.core.media import AudioChunk
from onlooker.core.ports import Transcriber
from onlooker.plugins.loader import load
from onlooker.plugins.transcriber.joyai import PIECE

Handle = Callable[[ServerConnection], Awaitable[None]]


async def speech(num_s: float = 0.5) -> AsyncIterator[AudioChunk]:
    for index in range(round(num_s * 10)):
        yield AudioChunk("mic", index / 10, 16_000, np.full(1600, 0.25, np.float32))


@asynccontextmanager
async def ears(kind: str, handle: Handle, **settings: Any) -> AsyncIterator[Transcriber]:
    async with serve(handle, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        plugin = load("transcriber", kind)
        given = {"url": f"ws://127.0.0.1:{port}/x", "timeout_s": 5.0, **settings}
        made: Transcriber = plugin(plugin.Settings.model_validate(given))
        yield made
        await made.close()


async def heard(made: Transcriber, num_s: float = 0.5) -> list[tuple[str, bool]]:
    return [(one.text, one.is_final) async for one in made.hear(speech(num_s))]


@pytest.mark.parametrize(("dialect", "rate_hz"), [("openai", 24_000), ("vllm", 16_000)])
async def test_a_realtime_server_gets_the_sound_and_gives_guesses_and_the_whole(
    monkeypatch: pytest.MonkeyPatch, dialect: str, rate_hz: int
) -> None:
    monkeypatch.setenv("ONLOOKER_TRANSCRIBER_KEY", "sesame")
    got: list[dict[str, Any]] = []
    pcm = b""

    async def handle(socket: ServerConnection) -> None:
        nonlocal pcm
        assert socket.request is not None
        assert socket.request.headers["authorization"] == "Bearer sesame"
        await socket.send(json.dumps({"type": "session.created"}))
        async for data in socket:
            event = json.loads(data)
            got.append(event)
            if event["type"] == "input_audio_buffer.append":
                pcm += base64.b64decode(event["audio"])
            is_end = event["type"] == "input_audio_buffer.commit" and len(pcm) > 0
            if is_end and dialect == "vllm":
                assert event["final"]
                await socket.send(json.dumps({"type": "transcription.delta", "delta": "What "}))
                await socket.send(json.dumps({"type": "transcription.done", "text": "What is it?"}))
            elif is_end:
                kind = "conversation.item.input_audio_transcription"
                await socket.send(json.dumps({"type": f"{kind}.delta", "delta": "What"}))
                await socket.send(
                    json.dumps({"type": f"{kind}.completed", "transcript": "What is it?"})
                )

    async with ears("realtime", handle, dialect=dialect, name="asr") as made:
        assert await heard(made) == [("What", False), ("What is it?", True)]
    assert len(pcm) == rate_hz
    assert "asr" in json.dumps(got[0])


async def test_the_released_adapter_gets_numbered_pieces_the_last_below_zero() -> None:
    numbers: list[int] = []
    num_samples = 0

    async def handle(socket: ServerConnection) -> None:
        nonlocal num_samples
        assert socket.request is not None
        assert json.loads(socket.request.headers["request"])["sample_rate"] == 16_000
        async for data in socket:
            assert isinstance(data, bytes)
            number, *zeros = struct.unpack(">iii", data[:12])
            assert zeros == [0, 0]
            assert len(data) - 12 <= 2 * PIECE
            numbers.append(number)
            num_samples += (len(data) - 12) // 2
            if number < 0:
                result = {"hypothesis": [{"text": " What is it? ", "confidence": 0.9}]}
                answer = {"event_type": "IS_FINAL", "recognition_result": result}
                await socket.send(json.dumps({"code": 0, "msg": "", "asr_response": answer}))

    async with ears("joyai", handle) as made:
        assert await heard(made) == [("What is it?", True)]
    assert numbers == [*range(1, len(numbers)), -len(numbers)]
    assert num_samples == 8000


async def failing(kind: str, *messages: str, **settings: Any) -> str:
    async def handle(socket: ServerConnection) -> None:
        for message in messages:
            await socket.send(message)
        if not messages:
            await socket.wait_closed()
        await socket.close()

    async with ears(kind, handle, **settings) as made:
        with pytest.raises(TranscriberFailed) as error:
            await heard(made)
    return str(error.value)


@pytest.mark.parametrize("kind", ["realtime", "joyai"])
async def test_a_server_that_hangs_dies_or_talks_nonsense_costs_the_utterance(kind: str) -> None:
    assert "no answer in timeout_s" in await failing(kind, timeout_s=0.05)
    assert "no JSON object" in await failing(kind, "hello")
    assert "no JSON object" in await failing(kind, "[" * 3000)
    assert "failed" in await failing(kind, "{}")


async def test_what_a_server_says_of_its_failure_is_told() -> None:
    said = json.dumps({"type": "error", "error": {"message": "no such model"}})
    assert "no such model" in await failing("realtime", said)
    assert "code 504" in await failing("joyai", json.dumps({"code": 504, "msg": "too long"}))


@pytest.mark.parametrize("kind", ["realtime", "joyai"])
async def test_a_server_that_is_not_there_or_an_endless_utterance_is_told(kind: str) -> None:
    plugin = load("transcriber", kind)
    gone: Transcriber = plugin(plugin.Settings(url="ws://127.0.0.1:9/x"))
    with pytest.raises(TranscriberFailed, match="see that it runs"):
        await heard(gone)

    async def handle(socket: ServerConnection) -> None:
        async for _ in socket:
            pass

    async with ears(kind, handle, max_s=1.0) as made:
        with pytest.raises(TranscriberFailed, match="longer than max_s"):
            await heard(made, 2.0)


def test_a_url_that_is_no_socket_is_refused() -> None:
    for kind in ("realtime", "joyai"):
        with pytest.raises(ValueError, match="expected ws"):
            load("transcriber", kind).Settings(url="http://127.0.0.1/v1")
