"""Any Realtime-style WebSocket that transcribes: OpenAI's, vLLM's, and those that speak like them.

Source: OpenAI's Realtime transcription sessions; vLLM's /v1/realtime.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, Field, field_validator
from websockets.asyncio.client import ClientConnection

from onlooker.core.endpoint import bearer, check_url, read_key
from onlooker.core.errors import TranscriberFailed
from onlooker.core.media import AudioChunk
from onlooker.core.ports import TranscriberTraits, Transcript
from onlooker.core.soundtrack import resampled
from onlooker.plugins.transcriber.socket import checked, connected, heard

KEY = "ONLOOKER_TRANSCRIBER_KEY"
_RATES_HZ = {"openai": 24_000, "vllm": 16_000}
_DELTAS = ("conversation.item.input_audio_transcription.delta", "transcription.delta")
_FINALS = ("conversation.item.input_audio_transcription.completed", "transcription.done")


class RealtimeTranscriberSettings(BaseModel, frozen=True, extra="forbid"):
    """Which server and model. The key comes from the environment: ONLOOKER_TRANSCRIBER_KEY."""

    url: str = Field(default="ws://127.0.0.1:8993/v1/realtime", description="of the WebSocket")
    name: str = Field(default="whisper-1", description="model id")
    dialect: Literal["openai", "vllm"] = Field(
        default="openai", description="how a session begins and an utterance ends"
    )
    language: str = Field(default="", description="such as en; empty: the server finds out")
    max_s: float = Field(default=60.0, gt=0, le=600, description="seconds of one utterance")
    connect_timeout_s: float = Field(default=5.0, gt=0, description="seconds to reach the server")
    timeout_s: float = Field(default=15.0, gt=0, description="seconds from the end to the text")

    @field_validator("url")
    @classmethod
    def _is_socket(cls, url: str) -> str:
        return check_url(url, ("ws", "wss"), KEY)


class RealtimeTranscriber:
    """One connection an utterance; guesses come while it goes on."""

    Settings = RealtimeTranscriberSettings

    def __init__(self, settings: RealtimeTranscriberSettings) -> None:
        languages = (settings.language,) if settings.language else ()
        self.traits = TranscriberTraits(name=settings.name, languages=languages)
        self._settings = settings
        self._headers = bearer(read_key(KEY))

    async def hear(self, speech: AsyncIterator[AudioChunk]) -> AsyncGenerator[Transcript]:
        """Yield guesses while the utterance grows, then the final transcript.

        Raises:
            TranscriberFailed: the server refuses, hangs, breaks off, or says that it failed.
        """
        settings, reader = self._settings, _Reader(self._settings.url)

        async def send(socket: ClientConnection) -> None:
            for event in _opening(settings):
                await socket.send(json.dumps(event))
            async for chunk in checked(speech, settings.max_s):
                await socket.send(json.dumps(_append(chunk, _RATES_HZ[settings.dialect])))
            end = {"final": True} if settings.dialect == "vllm" else {}
            await socket.send(json.dumps({"type": "input_audio_buffer.commit", **end}))

        async with connected(settings.url, self._headers, settings.connect_timeout_s) as socket:
            told = heard(socket, send, reader.read, settings.timeout_s)
            async with aclosing(told) as transcripts:
                async for transcript in transcripts:
                    yield transcript

    async def close(self) -> None:
        pass


class _Reader:
    """What was said so far, message by message."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._text = ""

    def read(self, message: dict[str, Any]) -> Transcript | None:
        kind = str(message.get("type", ""))
        if kind in _DELTAS:
            self._text += str(message.get("delta", ""))
            return Transcript(" ".join(self._text.split()), is_final=False)
        if kind in _FINALS:
            text = message.get("transcript", message.get("text"))
            if not isinstance(text, str):
                raise TranscriberFailed(f"{self._url} ended with no text: {str(message)[:200]}")
            return Transcript(" ".join(text.split()), is_final=True)
        if kind == "error" or kind.endswith(".failed"):
            error = message.get("error", message)
            why = error.get("message", error) if isinstance(error, dict) else error
            raise TranscriberFailed(f"{self._url} failed: {str(why)[:200]}")
        return None


def _opening(settings: RealtimeTranscriberSettings) -> list[dict[str, Any]]:
    if settings.dialect == "vllm":
        return [
            {"type": "session.update", "model": settings.name},
            {"type": "input_audio_buffer.commit"},
        ]
    transcription = {"model": settings.name}
    transcription |= {"language": settings.language} if settings.language else {}
    sound = {
        "format": {"type": "audio/pcm", "rate": _RATES_HZ["openai"]},
        "transcription": transcription,
        "turn_detection": None,
    }
    session = {"type": "transcription", "audio": {"input": sound}}
    return [{"type": "session.update", "session": session}]


def _append(chunk: AudioChunk, rate_hz: int) -> dict[str, str]:
    samples_N = np.clip(np.nan_to_num(chunk.samples_N, posinf=1.0, neginf=-1.0), -1, 1)
    samples_N = resampled(samples_N, chunk.rate_hz, rate_hz)
    pcm = np.rint(samples_N * 32767).astype("<i2").tobytes()
    return {"type": "input_audio_buffer.append", "audio": base64.b64encode(pcm).decode()}
