"""Builds chat requests as clients do."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt
from PIL import Image

from onlooker.testing import marker
from onlooker.testing.server import PictureServer

Pixels = npt.NDArray[np.uint8]
SYSTEM = {"role": "system", "content": "Decide."}
SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "decision",
        "schema": {
            "type": "object",
            "properties": {
                "action": {"type": "string", "enum": ["silent", "speak", "delegate"]},
                "text": {"type": "string"},
                "question": {"type": "string"},
            },
            "required": ["action"],
        },
    },
}


def even(level: int = 90, width_px: int = 320, height_px: int = 240) -> Pixels:
    return np.full((height_px, width_px, 3), level, np.uint8)


def marked(value: int) -> Pixels:
    return marker.draw(even(), value)


def picture(pixels_HWC: Pixels, uuid: str | None = None) -> dict[str, Any]:
    file = io.BytesIO()
    Image.fromarray(pixels_HWC).save(file, "JPEG", quality=80)
    url = "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
    part: dict[str, Any] = {"type": "image_url", "image_url": {"url": url}}
    return part if uuid is None else {**part, "uuid": uuid}


def cached(uuid: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": None, "uuid": uuid}


def user(*parts: str | dict[str, Any] | Pixels) -> dict[str, Any]:
    def as_part(part: str | dict[str, Any] | Pixels) -> dict[str, Any]:
        if isinstance(part, str):
            return {"type": "text", "text": part}
        return part if isinstance(part, dict) else picture(part)

    return {"role": "user", "content": [as_part(part) for part in parts]}


def talk(*turns: dict[str, Any] | str) -> list[dict[str, Any]]:
    """A conversation: user turns, and what the assistant said as strings; silence between."""
    messages: list[dict[str, Any]] = [SYSTEM]
    for turn in turns:
        if isinstance(turn, str):
            messages.append({"role": "assistant", "content": turn})
            continue
        if messages[-1]["role"] == "user":
            messages.append({"role": "assistant", "content": "</silence>"})
        messages.append(turn)
    return messages


class Client:
    def __init__(self, server: PictureServer) -> None:
        self.http = httpx.AsyncClient(base_url=server.url, timeout=10)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def post(self, messages: list[dict[str, Any]], **body: Any) -> httpx.Response:
        return await self.http.post("/v1/chat/completions", json={"messages": messages, **body})

    async def ask(self, messages: list[dict[str, Any]], **body: Any) -> str:
        reply = await self.post(messages, **body)
        assert reply.status_code == 200, reply.text
        return str(reply.json()["choices"][0]["message"]["content"])

    async def stream(self, messages: list[dict[str, Any]], **body: Any) -> list[dict[str, Any]]:
        sent = {"messages": messages, "stream": True, **body}
        async with self.http.stream("POST", "/v1/chat/completions", json=sent) as reply:
            lines = [line async for line in reply.aiter_lines() if line]
        assert lines.pop() == "data: [DONE]"
        return [json.loads(line.removeprefix("data: ")) for line in lines]
