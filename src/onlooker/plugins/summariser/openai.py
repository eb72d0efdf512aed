"""`openai`: any OpenAI-compatible server writes the summaries."""

from __future__ import annotations

import asyncio
import base64
import os
from typing import Any

import httpx
from pydantic import BaseModel, Field, field_validator

from onlooker.core.errors import MemoryFailed
from onlooker.core.memory import Segment
from onlooker.core.summary_words import SUMMARY_SYSTEM, summary_request

KEY = "ONLOOKER_SUMMARISER_KEY"
MAX_ANSWER_BYTES = 1 << 20


class OpenAISummariserSettings(BaseModel, frozen=True, extra="forbid"):
    """Which server and model."""

    url: str = Field(
        default="http://127.0.0.1:8000/v1", description="where the API begins, with /v1"
    )
    name: str = Field(default="", description="model id; empty: the first that the server lists")
    timeout_s: float = Field(default=60.0, gt=0, description="seconds for one summary")
    temperature: float = Field(default=0.3, ge=0, le=2, description="of sampling")
    sees: bool = Field(default=False, description="the model reads pictures: send key frames")

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"url={url!r} must be such as http://127.0.0.1:8000/v1")
        return url.rstrip("/")


class OpenAISummariser:
    """Asks for one paragraph at a time. The key comes from the environment alone."""

    Settings = OpenAISummariserSettings

    def __init__(self, settings: OpenAISummariserSettings) -> None:
        self._settings = settings
        self._name = settings.name
        key = os.environ.get(KEY, "")
        self._client = httpx.AsyncClient(
            timeout=settings.timeout_s,
            headers={"Authorization": f"Bearer {key}"} if key else {},
        )

    async def summarise(self, segment: Segment, max_tokens: int, objection: str = "") -> str:
        try:
            # The client's time-out is for each read; a server may dribble for ever.
            async with asyncio.timeout(self._settings.timeout_s):
                name = self._name or await self._first_model()
                answer = await self._post(self._body(name, segment, max_tokens, objection))
            return str(answer["choices"][0]["message"]["content"] or "").strip()
        except (httpx.HTTPError, TimeoutError) as error:
            why = str(error) or type(error).__name__
        except (KeyError, IndexError, TypeError, ValueError, RecursionError) as error:
            why = f"an answer of another shape ({type(error).__name__})"
        raise MemoryFailed(f"no summary from {self._settings.url}: {why[:200]}")

    async def close(self) -> None:
        await self._client.aclose()

    async def _first_model(self) -> str:
        response = await self._client.get(f"{self._settings.url}/models")
        response.raise_for_status()
        self._name = str(response.json()["data"][0]["id"])
        return self._name

    async def _post(self, body: dict[str, Any]) -> Any:
        url = f"{self._settings.url}/chat/completions"
        async with self._client.stream("POST", url, json=body) as response:
            response.raise_for_status()
            data = bytearray()
            async for piece in response.aiter_bytes():
                data += piece
                if len(data) > MAX_ANSWER_BYTES:
                    raise ValueError(f"more than {MAX_ANSWER_BYTES} bytes")
        return httpx.Response(200, content=bytes(data)).json()

    def _body(self, name: str, segment: Segment, max_tokens: int, objection: str) -> dict[str, Any]:
        content: list[dict[str, Any]] = [
            {"type": "text", "text": summary_request(segment, objection)}
        ]
        if self._settings.sees:
            for picture in segment.pictures:
                jpeg = base64.b64encode(picture.jpeg).decode()
                content += [
                    {"type": "text", "text": f"{picture.stream} at {picture.time_s:.1f} s:"},
                    {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{jpeg}"}},
                ]
        return {
            "model": name,
            "messages": [
                {"role": "system", "content": SUMMARY_SYSTEM},
                {"role": "user", "content": content},
            ],
            "max_tokens": max_tokens,
            "temperature": self._settings.temperature,
        }
