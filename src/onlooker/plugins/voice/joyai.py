"""The released system's speech adapter: `/ws/tts` on port 8992, before vLLM-Omni with Qwen3-TTS.

One connection an utterance: a configuration, the text, its commit; then PCM of 16 bits at 24 kHz in
binary messages as the model makes it, and `response.done` or `error`. Its web page sends 12 letters
at a time with a pause after each; the adapter waits for all of them, so this sends a sentence at
once. Source: the released system (Apache-2.0).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any
from uuid import uuid4

from pydantic import BaseModel, Field, field_validator
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from onlooker.core.endpoint import bearer, check_url, read_key
from onlooker.core.errors import VoiceFailed
from onlooker.core.media import AudioChunk
from onlooker.core.ports import VoiceTraits
from onlooker.core.spoken import pieces, spoken
from onlooker.core.sse import json_object
from onlooker.plugins.voice.sound import BadSound, Chunks, Decoder, Form

KEY = "ONLOOKER_VOICE_KEY"
RATE_HZ = 24_000  # the only one that the adapter takes
_MAX_MESSAGE_BYTES = 2**22
_MAX_LETTERS_AT_ONCE = 1000
_MAX_SHOWN = 200


class JoyaiVoiceSettings(BaseModel, frozen=True, extra="forbid"):
    """Where the adapter is. A key that a proxy before it wants: ONLOOKER_VOICE_KEY."""

    url: str = Field(default="ws://127.0.0.1:8992/ws/tts", description="of the adapter")
    voice: str = Field(
        default="default", description="as Qwen3-TTS calls it; default: the adapter's, vivian"
    )
    instructions: str = Field(default="", description="how to speak")
    emotion: str = Field(default="", description="put before the instructions")
    temperature: float = Field(default=0.7, ge=0, le=2, description="of sampling")
    max_tokens: int = Field(default=1024, ge=1, description="of sound, for one sentence")
    language: str = Field(default="en", description="for units and symbols in the text")
    connect_timeout_s: float = Field(default=5.0, gt=0, description="seconds to reach the adapter")
    timeout_s: float = Field(default=10.0, gt=0, description="seconds without sound: it hangs")
    max_piece_s: float = Field(default=60.0, gt=0, description="seconds of sound for one sentence")

    @field_validator("url")
    @classmethod
    def _is_socket(cls, url: str) -> str:
        return check_url(url, ("ws", "wss"), KEY)


class JoyaiVoice:
    """Asks for one sentence after the other, and hands on the sound as it comes."""

    Settings = JoyaiVoiceSettings

    def __init__(self, settings: JoyaiVoiceSettings) -> None:
        languages = (settings.language,) if settings.language else ()
        self.traits = VoiceTraits(name=f"joyai/{settings.voice}", languages=languages)
        self._settings = settings
        self._headers = bearer(read_key(KEY))

    async def say(self, text: str) -> AsyncGenerator[AudioChunk]:
        """Yield the speech.

        Raises:
            VoiceFailed: the adapter refuses, hangs, breaks off, or sends no sound or too much.
        """
        chunks = Chunks(RATE_HZ)
        for piece in pieces(spoken(text, self._settings.language), _MAX_LETTERS_AT_ONCE):
            decoder, begin_s = Decoder(Form(RATE_HZ)), chunks.end_s
            async with aclosing(self._sound(piece)) as sound:
                async for data in sound:
                    try:
                        samples_N = decoder.feed(data)
                    except BadSound as error:
                        raise self._odd(str(error)) from None
                    for chunk in chunks.cut(samples_N):
                        yield chunk
                    if chunks.end_s - begin_s > self._settings.max_piece_s:
                        raise self._odd(f"more than max_piece_s={self._settings.max_piece_s} s")
            if chunks.end_s == begin_s:
                raise self._odd("no sound")

    async def close(self) -> None:
        pass

    async def _sound(self, piece: str) -> AsyncGenerator[bytes]:
        async with self._connected() as socket:
            for message in self._messages(piece):
                await socket.send(json.dumps(message))
            while True:
                data = await self._next(socket)
                if isinstance(data, bytes):
                    yield data
                elif _is_end(data, self._settings.url):
                    return

    async def _next(self, socket: ClientConnection) -> bytes | str:
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                return await socket.recv()
        except TimeoutError:
            raise VoiceFailed(
                f"{self._settings.url} sent nothing for timeout_s={self._settings.timeout_s:g} s"
            ) from None
        except ConnectionClosed:
            raise self._odd("no response.done before it hung up") from None

    def _messages(self, piece: str) -> list[dict[str, Any]]:
        settings, request = self._settings, uuid4().hex
        config = {
            "modalities": ["text", "audio"],
            "voice": settings.voice,
            "instructions": settings.instructions,
            "input_audio_format": "pcm16",
            "output_audio_format": "pcm16",
            "sample_rate": RATE_HZ,
            "temperature": settings.temperature,
            "max_tokens": settings.max_tokens,
        }
        words = {"text": piece, "emotion": settings.emotion, "reqid": request}
        return [
            {"config": config},
            {"type": "input_text.append", **words},
            {"type": "input_text.commit", "reqid": request},
        ]

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[ClientConnection]:
        settings = self._settings
        try:
            async with connect(
                settings.url,
                additional_headers=self._headers,
                open_timeout=settings.connect_timeout_s,
                close_timeout=0.05,  # a cut does not wait for the adapter
                max_size=_MAX_MESSAGE_BYTES,
                proxy=None,
            ) as socket:
                yield socket
        except (OSError, WebSocketException) as error:
            why = " ".join(str(error).split())[:_MAX_SHOWN] or type(error).__name__
            raise VoiceFailed(
                f"{settings.url} failed: {why}; see that it runs and that url is right"
            ) from None

    def _odd(self, sent: str) -> VoiceFailed:
        return VoiceFailed(
            f"{self._settings.url} sent {sent}; expected 16-bit PCM at {RATE_HZ} Hz for the voice "
            f"{self._settings.voice!r}"
        )


def _is_end(text: str, url: str) -> bool:
    """Tell whether a message ends the utterance; what it does not know, it passes over."""
    event = json_object(text)
    if event is None:
        raise VoiceFailed(f"{url} sent {text[:60]!r}, which is no JSON object")
    if event.get("type") == "error":
        raise VoiceFailed(f"{url} failed: {str(event.get('error', event))[:_MAX_SHOWN]}")
    return event.get("type") == "response.done"
