"""The released system's speech adapter: `/ws/asr` on port 8994, with its own framing.

Each binary message is three big-endian 32-bit integers (a sequence number and two zeros) and PCM of
16 bits at 16 kHz; the last has a negative number. Source: the released system (Apache-2.0).
"""

from __future__ import annotations

import json
import struct
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any
from uuid import uuid4

import numpy as np
from pydantic import BaseModel, Field, field_validator
from websockets.asyncio.client import ClientConnection

from onlooker.core.endpoint import check_url, read_key
from onlooker.core.errors import TranscriberFailed
from onlooker.core.media import AudioChunk
from onlooker.core.ports import TranscriberTraits, Transcript
from onlooker.core.soundtrack import resampled
from onlooker.plugins.transcriber.socket import checked, connected, heard

KEY = "ONLOOKER_TRANSCRIBER_KEY"
RATE_HZ = 16_000
PIECE = 640  # samples: 40 ms
_HEAD = struct.Struct(">iii")
_FINALS = ("IS_FINAL", "IS_END")


class JoyaiTranscriberSettings(BaseModel, frozen=True, extra="forbid"):
    """Where the adapter is. Its token comes from the environment: ONLOOKER_TRANSCRIBER_KEY."""

    url: str = Field(default="ws://127.0.0.1:8994/ws/asr", description="of the adapter")
    max_s: float = Field(
        default=60.0, gt=0, le=110, description="seconds of one utterance; the adapter ends at 120"
    )
    connect_timeout_s: float = Field(default=5.0, gt=0, description="seconds to reach the adapter")
    timeout_s: float = Field(default=15.0, gt=0, description="seconds from the end to the text")

    @field_validator("url")
    @classmethod
    def _is_socket(cls, url: str) -> str:
        return check_url(url, ("ws", "wss"), KEY)


class JoyaiTranscriber:
    """One connection an utterance. The adapter understands it when it has all of it."""

    Settings = JoyaiTranscriberSettings
    traits = TranscriberTraits(name="joyai-asr")

    def __init__(self, settings: JoyaiTranscriberSettings) -> None:
        self._settings = settings
        self._key = read_key(KEY)

    async def hear(self, speech: AsyncIterator[AudioChunk]) -> AsyncGenerator[Transcript]:
        """Yield guesses, if there are any, then the final transcript.

        Raises:
            TranscriberFailed: the adapter refuses, hangs, breaks off, or says that it failed.
        """
        settings = self._settings

        async def send(socket: ClientConnection) -> None:
            number, held_N = 1, np.zeros(0, np.float32)
            async for chunk in checked(speech, settings.max_s):
                clean_N = np.nan_to_num(chunk.samples_N, posinf=1.0, neginf=-1.0)
                held_N = np.concatenate([held_N, resampled(clean_N, chunk.rate_hz, RATE_HZ)])
                while len(held_N) > PIECE:
                    piece_N, held_N = np.split(held_N, [PIECE])
                    await socket.send(framed(number, piece_N))
                    number += 1
            await socket.send(framed(-number, held_N))

        asked = {"sid": uuid4().hex, "reqid": uuid4().hex, "sample_rate": RATE_HZ}
        headers = {
            "authorization": self._key,
            "request": json.dumps(asked),
            "recognize": json.dumps({"partial": True, "vad": False, "punctuation": True}),
        }
        async with (
            connected(settings.url, headers, settings.connect_timeout_s) as socket,
            aclosing(heard(socket, send, self._read, settings.timeout_s)) as told,
        ):
            async for transcript in told:
                yield transcript

    async def close(self) -> None:
        pass

    def _read(self, message: dict[str, Any]) -> Transcript | None:
        code = message.get("code", 0)
        if code not in (0, 200, "0"):
            raise TranscriberFailed(
                f"{self._settings.url} failed with code {code}: {str(message.get('msg'))[:200]}"
            )
        try:
            answer = message["asr_response"]
            kind = str(answer["event_type"])
            guesses = answer.get("recognition_result", {}).get("hypothesis") or [{}]
            text = " ".join(str(guesses[0].get("text", "")).split())
        except (KeyError, TypeError, AttributeError):
            return None
        return Transcript(text, is_final=kind in _FINALS)


def framed(number: int, samples_N: Any) -> bytes:
    """Write one message of the adapter's."""
    pcm: bytes = np.rint(np.clip(samples_N, -1, 1) * 32767).astype("<i2").tobytes()
    return _HEAD.pack(number, 0, 0) + pcm
