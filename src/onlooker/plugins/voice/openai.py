"""Any OpenAI-compatible `/v1/audio/speech`: OpenAI, vLLM-Omni with Qwen3-TTS, and others."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any, Literal

import httpx
from pydantic import BaseModel, Field, field_validator

from onlooker.core.endpoint import bearer, check_url, read_key
from onlooker.core.errors import VoiceFailed
from onlooker.core.media import AudioChunk
from onlooker.core.ports import VoiceTraits
from onlooker.core.spoken import pieces, spoken
from onlooker.core.sse import KIND, BadEvent, Events
from onlooker.core.voices import OfferedVoice, VoiceOffer
from onlooker.plugins.voice.sound import BadSound, Chunks, Decoder, Form

KEY = "ONLOOKER_VOICE_KEY"
_SLOWEST, _FASTEST = 0.25, 4.0
_MAX_SHOWN = 200
_MAX_LETTERS_AT_ONCE = 1000  # a request's; each sentence is one


class OpenAIVoiceSettings(BaseModel, frozen=True, extra="forbid"):
    """Which server and voice. The key comes from the environment: ONLOOKER_VOICE_KEY."""

    url: str = Field(default="http://127.0.0.1:8991/v1", description="where the API begins")
    name: str = Field(default="tts-1", description="model id")
    voice: str = Field(default="alloy", description="as the server calls it")
    voices: tuple[str, ...] = Field(
        default=(), description="others that it has: who listens may choose among them"
    )
    format: Literal["pcm", "wav"] = Field(
        default="pcm", description="what to ask for; a WAV is understood in any case"
    )
    stream: Literal["", "audio", "sse"] = Field(
        default="",
        description="how to ask for sound as it is made: audio, sse; empty: as the server likes. "
        "Events are understood in any case",
    )
    rate_hz: int = Field(default=24_000, ge=4_000, le=192_000, description="of pcm, 16 bit, mono")
    speed: float | None = Field(
        default=None, ge=_SLOWEST, le=_FASTEST, description="none: the server's own"
    )
    language: str = Field(default="en", description="for units and symbols in the text")
    extra: dict[str, Any] = Field(
        default_factory=dict, description="further fields of the request, such as task_type"
    )
    connect_timeout_s: float = Field(default=5.0, gt=0, description="seconds to reach the server")
    timeout_s: float = Field(default=10.0, gt=0, description="seconds without sound: it hangs")
    max_piece_s: float = Field(default=60.0, gt=0, description="seconds of sound for one sentence")

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        return check_url(url, key=KEY).rstrip("/")


class OpenAIVoice:
    """Asks for one sentence after the other, and hands on the sound as it comes."""

    Settings = OpenAIVoiceSettings

    def __init__(
        self, settings: OpenAIVoiceSettings, client: httpx.AsyncClient | None = None
    ) -> None:
        languages = (settings.language,) if settings.language else ()
        self.traits = VoiceTraits(name=f"{settings.name}/{settings.voice}", languages=languages)
        self._settings = settings
        self._url = f"{settings.url}/audio/speech"
        self._client = client or httpx.AsyncClient(
            headers=bearer(read_key(KEY)),
            timeout=httpx.Timeout(settings.timeout_s, connect=settings.connect_timeout_s),
        )

    async def say(self, text: str) -> AsyncGenerator[AudioChunk]:
        """Yield the speech.

        Raises:
            VoiceFailed: the server refuses, hangs, breaks off, or sends no sound or too much.
        """
        chunks: Chunks | None = None
        rate_hz = 0
        for piece in pieces(spoken(text, self._settings.language), _MAX_LETTERS_AT_ONCE):
            decoder = Decoder(Form(self._settings.rate_hz))
            begin_s = chunks.end_s if chunks else 0.0
            async with aclosing(self._sound(piece)) as sound:
                async for data in sound:
                    samples_N = self._decoded(decoder, data)
                    if not len(samples_N):
                        continue
                    rate_hz = rate_hz or decoder.rate_hz
                    if decoder.rate_hz != rate_hz:
                        raise self._odd(f"{decoder.rate_hz} Hz after {rate_hz} Hz")
                    chunks = chunks or Chunks(rate_hz)
                    for chunk in chunks.cut(samples_N):
                        yield chunk
                    if chunks.end_s - begin_s > self._settings.max_piece_s:
                        raise self._odd(f"more than max_piece_s={self._settings.max_piece_s} s")
            if chunks is None or chunks.end_s == begin_s:
                raise self._odd("no sound")

    def offer(self) -> VoiceOffer:
        """List the voices that the settings name: there is no common way to ask a server."""
        settings = self._settings
        ids = dict.fromkeys((settings.voice, *settings.voices))
        voices = tuple(OfferedVoice(voice, voice, settings.language) for voice in ids)
        return VoiceOffer(voices, settings.voice, settings.speed or 1.0, _SLOWEST, _FASTEST)

    def another(self, voice: str, speed: float) -> OpenAIVoice:
        chosen = {"voice": voice, "speed": speed}
        return OpenAIVoice(self._settings.model_copy(update=chosen), self._client)

    async def close(self) -> None:
        await self._client.aclose()

    async def _sound(self, piece: str) -> AsyncGenerator[bytes]:
        settings = self._settings
        # vLLM-Omni streams at its own speed alone, and refuses the two together.
        is_streamed = settings.stream and settings.speed in (None, 1.0)
        body = {
            "model": settings.name,
            "input": piece,
            "voice": settings.voice,
            "response_format": settings.format,
            **({"stream_format": settings.stream} if is_streamed else {}),
            **({"speed": settings.speed} if settings.speed is not None else {}),
            **settings.extra,
        }
        async with self._answered(body) as response:
            kind = response.headers.get("content-type", "")
            if response.status_code == 200 and kind.startswith(KIND):
                async for data in self._told(response):
                    yield data
                return
            if response.status_code != 200 or kind.startswith(("application/json", "text/")):
                said = await _beginning(response)
                raise self._odd(f"status {response.status_code}, {kind or 'no type'}, {said!r}")
            async for data in response.aiter_bytes():
                yield data

    async def _told(self, response: httpx.Response) -> AsyncGenerator[bytes]:
        """Read the sound that comes in events.

        Source: OpenAI's speech.audio.delta and .done; vLLM-Omni's speech.audio.error.
        """
        events = Events()
        try:
            async for data in response.aiter_bytes():
                for event in events.feed(data):
                    kind = event.get("type")
                    if "error" in event:
                        raise self._odd(f"the failure {str(event['error'])[:_MAX_SHOWN]}")
                    if kind == "speech.audio.done":
                        return
                    if kind == "speech.audio.delta":
                        yield base64.b64decode(str(event.get("audio", "")), validate=True)
        except (BadEvent, binascii.Error) as error:
            raise self._odd(str(error)) from None
        raise self._odd("no speech.audio.done")

    @asynccontextmanager
    async def _answered(self, body: dict[str, Any]) -> AsyncIterator[httpx.Response]:
        try:
            async with self._client.stream("POST", self._url, json=body) as response:
                yield response
        except (httpx.HTTPError, httpx.StreamError) as error:
            why = " ".join(str(error).split()) or type(error).__name__
            raise VoiceFailed(
                f"{self._url} failed: {why}; see that it runs and that url is right"
            ) from None

    def _decoded(self, decoder: Decoder, data: bytes) -> Any:
        try:
            return decoder.feed(data)
        except BadSound as error:
            raise self._odd(str(error)) from None

    def _odd(self, sent: str) -> VoiceFailed:
        return VoiceFailed(
            f"{self._url} sent {sent}; expected 16-bit {self._settings.format} for the voice "
            f"{self._settings.voice!r} of {self._settings.name!r}"
        )


async def _beginning(response: httpx.Response) -> str:
    """Read as much of a refusal as fits a message."""
    said = b""
    async with asyncio.timeout(2.0):
        async for data in response.aiter_bytes():
            said += data
            if len(said) > _MAX_SHOWN:
                break
    return " ".join(said.decode(errors="replace").split())[:_MAX_SHOWN]
