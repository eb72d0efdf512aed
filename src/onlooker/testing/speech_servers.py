"""The original's speech servers, faked: they take and give what the real ones do, and hum.

- vLLM with Qwen3-ASR and vLLM-Omni with Qwen3-TTS, as their documents describe them: one `respond`
  for `onlooker.testing.http11.serving`.
- The released system's TTS adapter, a WebSocket before vLLM-Omni.

What a real server refuses these refuse.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from typing import Any, Literal

import numpy as np
from websockets.asyncio.server import ServerConnection, serve

from onlooker.testing.http11 import Reply, Request, StreamedReply

RATE_HZ = 24_000
WORD_S = 0.2  # of sound for each word
TTS_MODEL, ASR_MODEL = "Qwen/Qwen3-TTS-12Hz-1.7B-CustomVoice", "Qwen/Qwen3-ASR-1.7B"
VOICES = ("aiden", "dylan", "eric", "ono_anna", "ryan", "serena", "sohee", "uncle_fu", "vivian")
SPOKEN = [
    "Auto",
    "Chinese",
    "English",
    "Japanese",
    "Korean",
    "German",
    "French",
    "Russian",
    "Portuguese",
    "Spanish",
    "Italian",
]
_PIECE_BYTES = 4801  # odd: pieces are cut within samples


def hum(text: str) -> bytes:
    """Hum a text as 16-bit PCM, `WORD_S` a word."""
    times_s = np.arange(round(WORD_S * len(text.split()) * RATE_HZ)) / RATE_HZ
    pcm: bytes = np.rint(16_000 * np.sin(2 * np.pi * 220 * times_s)).astype("<i2").tobytes()
    return pcm


def cut(data: bytes) -> list[bytes]:
    return [data[begin : begin + _PIECE_BYTES] for begin in range(0, len(data), _PIECE_BYTES)]


@dataclass
class QwenServers:
    """Both models behind one address. `heard` is what every utterance is understood as."""

    heard: str = "It boils."
    language: str = "English"  # what it finds out where none is named
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def respond(self, request: Request) -> Reply | StreamedReply:
        if request.path == "/v1/audio/speech":
            body = json.loads(request.body)
            self.asked.append(("speech", body))
            return _speak(body)
        if request.path == "/v1/audio/transcriptions":
            fields = _fields_of(request)
            self.asked.append(("transcriptions", fields))
            return self._transcribe(fields)
        return _refused(f"no route {request.path}", 404)

    def _transcribe(self, fields: dict[str, Any]) -> Reply | StreamedReply:
        if fields.get("model") != ASR_MODEL:
            return _refused(f"The model `{fields.get('model')}` does not exist.", 404)
        language = str(fields.get("language", ""))
        if language and not re.fullmatch("[a-z]{2,3}", language):
            return _refused(f"Unsupported language: {language!r}.")
        # Where no language is named, the model names it before the text.
        head = "" if language else f"language {self.language}<asr_text>"
        if fields.get("stream") != "true":
            return Reply(json.dumps({"text": head + self.heard}).encode())
        return StreamedReply(_chunks(re.findall(r"\S+\s*", head + self.heard)))


def _speak(body: dict[str, Any]) -> Reply | StreamedReply:
    kind = body.get("stream_format") or ("sse" if body.get("stream") else "")
    if wrong := _wrong_with_speech(body, is_streamed=bool(kind)):
        return _refused(wrong)
    sound = hum(body["input"])
    if kind == "sse":
        return StreamedReply(_deltas(sound))
    if kind == "audio":
        return StreamedReply(_raw(sound), "audio/pcm")
    return Reply(sound, content_type="audio/pcm")


def _wrong_with_speech(body: dict[str, Any], *, is_streamed: bool) -> str:
    checks = {
        f"The model `{body.get('model')}` does not exist.": body.get("model") == TTS_MODEL,
        "Input text cannot be empty": bool(body.get("input", "").strip()),
        f"Invalid speaker {body.get('voice')!r}.": body.get("voice", "vivian").lower() in VOICES,
        f"Invalid language {body.get('language')!r}.": body.get("language", "Auto") in SPOKEN,
        "Streaming requires response_format='pcm' or 'wav'": not is_streamed
        or body.get("response_format", "wav") in ("pcm", "wav"),
        "Streaming is not supported with speed adjustment": not is_streamed
        or body.get("speed", 1.0) == 1.0,
    }
    return next((message for message, holds in checks.items() if not holds), "")


async def _raw(sound: bytes) -> AsyncIterator[bytes]:
    for piece in cut(sound):
        yield piece


async def _deltas(sound: bytes) -> AsyncIterator[bytes]:
    for piece in cut(sound):
        audio = base64.b64encode(piece).decode()
        event = {"type": "speech.audio.delta", "audio": audio, "response_format": "pcm"}
        yield b"event: speech.audio.delta\n" + _data(event)
    yield b"event: speech.audio.done\n" + _data({"type": "speech.audio.done", "usage": {}})


async def _chunks(pieces: list[str]) -> AsyncIterator[bytes]:
    for index, piece in enumerate(pieces):
        is_last = index == len(pieces) - 1
        choice = {"delta": {"content": piece}, "finish_reason": "stop" if is_last else None}
        yield _data({"id": "trsc-1", "object": "transcription.chunk", "choices": [choice]})
    yield b"data: [DONE]\n\n"


def _data(event: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(event).encode() + b"\n\n"


def _fields_of(request: Request) -> dict[str, Any]:
    head = f"content-type: {request.headers['content-type']}\r\n\r\n".encode()
    fields: dict[str, Any] = {}
    for part in message_from_bytes(head + request.body).walk():
        name = part.get_param("name", header="content-disposition")
        data = part.get_payload(decode=True)
        if name and isinstance(data, bytes):
            fields[str(name)] = data if name == "file" else data.decode()
    return fields


def _refused(message: str, status: int = 400) -> Reply:
    error = {"message": message, "type": "BadRequestError", "param": None, "code": status}
    return Reply(json.dumps({"error": error}).encode(), status)


Fault = Literal["", "hangs", "hangs_up", "no_sound", "upstream_fails", "nonsense"]


@dataclass
class TtsAdapter:
    """The adapter's `/ws/tts`: it buffers the text until its commit, then sends raw PCM."""

    fault: Fault = ""
    url: str = ""
    said: list[dict[str, Any]] = field(default_factory=list)  # config, text and emotion of each

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[TtsAdapter]:
        async with serve(self._converse, "127.0.0.1", 0) as server:
            self.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws/tts"
            yield self

    async def _converse(self, socket: ServerConnection) -> None:
        config = json.loads(await socket.recv())
        if "config" not in config:
            await _fail(socket, "Expected initial config message")
            return
        text, emotion = "", ""
        while True:
            message = json.loads(await socket.recv())
            if message.get("type") == "input_text.append":
                text += str(message.get("text") or "")
                emotion = str(message.get("emotion") or emotion)
            elif message.get("type") == "input_text.commit":
                break
            else:
                kind = message.get("type")
                await _fail(socket, f"Unsupported client event before commit: {kind}")
                return
        self.said.append({"config": config["config"], "text": text, "emotion": emotion})
        if wrong := _wrong_with(config["config"], text):
            await _fail(socket, wrong)
        else:
            await self._speak(socket, text)

    async def _speak(self, socket: ServerConnection, text: str) -> None:
        if self.fault == "nonsense":
            await socket.send("hello")
            return
        pieces = [] if self.fault == "no_sound" else cut(hum(text))
        for index, piece in enumerate(pieces):
            await socket.send(piece)
            if index == 0 and self.fault == "hangs":
                await socket.wait_closed()
            if index == 0 and self.fault == "hangs_up":
                return
            if index == 0 and self.fault == "upstream_fails":
                await _fail(socket, "vLLM upstream error: out of memory")
                return
        await socket.send(json.dumps({"type": "response.done"}))


async def _fail(socket: ServerConnection, error: str) -> None:
    await socket.send(json.dumps({"type": "error", "error": error}))


def _wrong_with(config: dict[str, Any], text: str) -> str:
    if not text.split():
        return "Text must not be empty"
    if config.get("output_audio_format", "pcm16") != "pcm16":
        return "Only pcm16 output_audio_format is supported"
    if config.get("sample_rate", RATE_HZ) != RATE_HZ:
        return "Only 24000 sample_rate is supported by the local TTS model"
    return ""
