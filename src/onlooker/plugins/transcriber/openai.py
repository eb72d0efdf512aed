"""Any OpenAI-compatible `/v1/audio/transcriptions`: OpenAI, vLLM with Qwen3-ASR, and others."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import BaseModel, Field, field_validator

from onlooker.core.endpoint import bearer, check_url, read_key
from onlooker.core.errors import TranscriberFailed
from onlooker.core.media import AudioChunk
from onlooker.core.ports import TranscriberTraits, Transcript
from onlooker.core.sse import KIND, BadEvent, Events
from onlooker.plugins.transcriber.utterance import collect

KEY = "ONLOOKER_TRANSCRIBER_KEY"
_MAX_ANSWER_BYTES = 2**20
_MAX_SHOWN = 200
# Qwen3-ASR writes the language before what it heard: language English<asr_text>It boils.
_QWEN_HEAD = re.compile(r"\A\s*language\s+\w+\s*<asr_text>", re.IGNORECASE)
# The same while it is being written.
_QWEN_BEGUN = re.compile(r"\A\s*language(\s+\w*)?(\s*<\w*)?\Z", re.IGNORECASE)


class OpenAITranscriberSettings(BaseModel, frozen=True, extra="forbid"):
    """Which server and model. The key comes from the environment: ONLOOKER_TRANSCRIBER_KEY."""

    url: str = Field(default="http://127.0.0.1:8993/v1", description="where the API begins")
    name: str = Field(default="whisper-1", description="model id")
    language: str = Field(default="", description="such as en; empty: the server finds out")
    prompt: str = Field(default="", description="names and words to expect")
    stream: bool = Field(
        default=False, description="ask for the text as it is understood: guesses on the way"
    )
    max_s: float = Field(default=60.0, gt=0, le=600, description="seconds of one utterance")
    connect_timeout_s: float = Field(default=5.0, gt=0, description="seconds to reach the server")
    timeout_s: float = Field(default=15.0, gt=0, description="seconds to the whole answer")

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        return check_url(url, key=KEY).rstrip("/")


class OpenAITranscriber:
    """Sends each utterance when it has ended."""

    Settings = OpenAITranscriberSettings

    def __init__(self, settings: OpenAITranscriberSettings) -> None:
        languages = (settings.language,) if settings.language else ()
        self.traits = TranscriberTraits(name=settings.name, languages=languages)
        self._settings = settings
        self._url = f"{settings.url}/audio/transcriptions"
        self._client = httpx.AsyncClient(
            headers=bearer(read_key(KEY)),
            timeout=httpx.Timeout(None, connect=settings.connect_timeout_s),
        )

    async def hear(self, speech: AsyncIterator[AudioChunk]) -> AsyncGenerator[Transcript]:
        """Yield guesses if the server streams, then the final transcript.

        Raises:
            TranscriberFailed: the server refuses, hangs, or answers with no text.
        """
        sound = await collect(speech, self._settings.max_s)
        text = ""
        if sound.duration_s:
            async with self._answered(sound.wav()) as pieces:
                async for text, is_final in self._understood(pieces):
                    if not is_final and (guess := _words(_QWEN_BEGUN.sub("", text))):
                        yield Transcript(guess, is_final=False)
        yield Transcript(_words(text), is_final=True)

    async def close(self) -> None:
        await self._client.aclose()

    @asynccontextmanager
    async def _answered(self, wav: bytes) -> AsyncIterator[_Pieces]:
        settings = self._settings
        fields = {"model": settings.name, "response_format": "json"}
        fields |= {"language": settings.language} if settings.language else {}
        fields |= {"prompt": settings.prompt} if settings.prompt else {}
        fields |= {"stream": "true"} if settings.stream else {}
        files = {"file": ("utterance.wav", wav, "audio/wav")}
        request = self._client.build_request("POST", self._url, data=fields, files=files)
        end_s = asyncio.get_running_loop().time() + settings.timeout_s
        try:
            async with asyncio.timeout_at(end_s):
                response = await self._client.send(request, stream=True)
            try:
                yield _Pieces(response, end_s)
            finally:
                await response.aclose()
        except TimeoutError:
            raise TranscriberFailed(
                f"{self._url} gave no answer in timeout_s={settings.timeout_s} s"
            ) from None
        except (httpx.HTTPError, httpx.StreamError) as error:
            why = " ".join(str(error).split()) or type(error).__name__
            raise TranscriberFailed(
                f"{self._url} failed: {why}; see that it runs and that url is right"
            ) from None
        except BadEvent as error:
            raise self._odd(str(error)) from None

    async def _understood(self, pieces: _Pieces) -> AsyncIterator[tuple[str, bool]]:
        """Yield the text as it grows, and whether it is whole."""
        response, reader, said = pieces.response, _Reader(), b""
        is_streamed = response.headers.get("content-type", "").startswith(KIND)
        async for data in pieces.read():
            if response.status_code != 200 or not is_streamed:
                said += data
                continue
            for text in reader.feed(data):
                yield text, False
        if response.status_code != 200:
            raise self._odd(f"status {response.status_code}, {_shown(said)!r}")
        if is_streamed and not reader.is_over:
            raise self._odd("a stream without its end")
        yield (reader.text if is_streamed else self._text_of(said)), True

    def _text_of(self, said: bytes) -> str:
        try:
            text = json.loads(said)["text"]
        except (ValueError, KeyError, TypeError, RecursionError):
            text = None
        if not isinstance(text, str):
            raise self._odd(repr(_shown(said)))
        return text

    def _odd(self, sent: str) -> TranscriberFailed:
        return TranscriberFailed(
            f"{self._url} sent {sent}; expected JSON with a text of {self._settings.name!r}"
        )


@dataclass
class _Pieces:
    """An answer that comes piece by piece, all of it before `end_s` of the loop's clock."""

    response: httpx.Response
    end_s: float

    async def read(self) -> AsyncIterator[bytes]:
        """Yield each piece.

        Raises:
            BadEvent: there is too much of it.
        """
        pieces, num_bytes = self.response.aiter_bytes(), 0
        while True:
            # Around each wait alone: whoever takes the pieces is not to be interrupted.
            async with asyncio.timeout_at(self.end_s):
                data = await anext(pieces, None)
            if data is None:
                return
            num_bytes += len(data)
            if num_bytes > _MAX_ANSWER_BYTES:
                raise BadEvent("more than a megabyte")
            yield data


class _Reader:
    """What was understood so far: vLLM's `transcription.chunk`, or OpenAI's `transcript.text.*`."""

    def __init__(self) -> None:
        self.text = ""
        self._is_whole = False
        self._events = Events()

    @property
    def is_over(self) -> bool:
        return self._is_whole or self._events.is_done

    def feed(self, data: bytes) -> Iterator[str]:
        """Yield the text after each piece of it that came.

        Raises:
            BadEvent: it is none of these, or says that it failed.
        """
        for event in self._events.feed(data):
            if "error" in event:
                raise BadEvent(f"the failure {str(event['error'])[:_MAX_SHOWN]}")
            if event.get("type") == "transcript.text.done":
                self.text, self._is_whole = str(event.get("text", self.text)), True
            elif piece := self._piece(event):
                self.text += piece
                yield self.text

    def _piece(self, event: dict[str, Any]) -> str:
        if event.get("type") == "transcript.text.delta":
            return str(event.get("delta", ""))
        try:
            choices = event["choices"]
            first = choices[0] if choices else {}
            self._is_whole |= bool(first.get("finish_reason"))
            return str((first.get("delta") or {}).get("content") or "")
        except (KeyError, IndexError, TypeError, AttributeError):
            return ""


def _words(text: str) -> str:
    """Leave out what Qwen3-ASR writes in front."""
    return " ".join(_QWEN_HEAD.sub("", text).split())


def _shown(said: bytes) -> str:
    return " ".join(said.decode(errors="replace").split())[:_MAX_SHOWN]
