"""Any OpenAI-compatible `/v1/audio/transcriptions`: OpenAI, vLLM with Qwen3-ASR, and others."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator

import httpx
from pydantic import BaseModel, Field, field_validator

from onlooker.core.endpoint import bearer, check_url, read_key
from onlooker.core.errors import TranscriberFailed
from onlooker.core.media import AudioChunk
from onlooker.core.ports import TranscriberTraits, Transcript
from onlooker.plugins.transcriber.utterance import collect

KEY = "ONLOOKER_TRANSCRIBER_KEY"
_MAX_ANSWER_BYTES = 2**20
_MAX_SHOWN = 200
# Qwen3-ASR writes the language before what it heard: language English<asr_text>It boils.
_QWEN_HEAD = re.compile(r"\A\s*language\s+\w+\s*<asr_text>", re.IGNORECASE)


class OpenAITranscriberSettings(BaseModel, frozen=True, extra="forbid"):
    """Which server and model. The key comes from the environment: ONLOOKER_TRANSCRIBER_KEY."""

    url: str = Field(default="http://127.0.0.1:8993/v1", description="where the API begins")
    name: str = Field(default="whisper-1", description="model id")
    language: str = Field(default="", description="such as en; empty: the server finds out")
    prompt: str = Field(default="", description="names and words to expect")
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
        """Yield the final transcript.

        Raises:
            TranscriberFailed: the server refuses, hangs, or answers with no text.
        """
        sound = await collect(speech, self._settings.max_s)
        text = await self._ask(sound.wav()) if sound.duration_s else ""
        yield Transcript(" ".join(_QWEN_HEAD.sub("", text).split()), is_final=True)

    async def close(self) -> None:
        await self._client.aclose()

    async def _ask(self, wav: bytes) -> str:
        settings = self._settings
        fields = {"model": settings.name, "response_format": "json"}
        fields |= {"language": settings.language} if settings.language else {}
        fields |= {"prompt": settings.prompt} if settings.prompt else {}
        files = {"file": ("utterance.wav", wav, "audio/wav")}
        said = b""
        try:
            async with (
                asyncio.timeout(settings.timeout_s),
                self._client.stream("POST", self._url, data=fields, files=files) as response,
            ):
                async for data in response.aiter_bytes():
                    said += data
                    if len(said) > _MAX_ANSWER_BYTES:
                        raise self._odd("more than a megabyte")
        except TimeoutError:
            raise TranscriberFailed(
                f"{self._url} gave no answer in timeout_s={settings.timeout_s} s"
            ) from None
        except (httpx.HTTPError, httpx.StreamError) as error:
            why = " ".join(str(error).split()) or type(error).__name__
            raise TranscriberFailed(
                f"{self._url} failed: {why}; see that it runs and that url is right"
            ) from None
        shown = " ".join(said.decode(errors="replace").split())[:_MAX_SHOWN]
        if response.status_code != 200:
            raise self._odd(f"status {response.status_code}, {shown!r}")
        try:
            text = json.loads(said)["text"]
        except (ValueError, KeyError, TypeError, RecursionError):
            text = None
        if not isinstance(text, str):
            raise self._odd(repr(shown))
        return text

    def _odd(self, sent: str) -> TranscriberFailed:
        return TranscriberFailed(
            f"{self._url} sent {sent}; expected JSON with a text of {self._settings.name!r}"
        )
