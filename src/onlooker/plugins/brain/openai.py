"""Any OpenAI-compatible chat API, with pictures where it takes them."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Literal

from pydantic import BaseModel, Field, field_validator

from onlooker.core.endpoint import check_url
from onlooker.core.errors import BrainFailed
from onlooker.core.event import TaskUsage
from onlooker.core.ports import BrainTraits
from onlooker.core.task import Partial, Task, TaskNews
from onlooker.plugins.brain.calls import KEY, ODD, Calls, Refused
from onlooker.plugins.brain.words import SYSTEM, chat_content, outcome_of

_OF_PICTURES = re.compile(
    r"image|vision|multi.?modal|picture|content.*(type|string|array)", re.IGNORECASE
)


class OpenAIBrainSettings(BaseModel, frozen=True, extra="forbid"):
    """Which server and model. The key comes from the environment: ONLOOKER_BRAIN_KEY."""

    url: str = Field(
        default="http://127.0.0.1:8000/v1",
        description="where the API begins; without a path: in /v1",
    )
    name: str = Field(default="", description="model id; empty: the first that the server lists")
    sees: Literal["auto", "on", "off"] = Field(
        default="auto", description="send pictures; auto: until the server refuses them"
    )
    system_prompt: str = Field(default="", description="in place of our own")
    max_tokens: int = Field(default=4096, ge=1, description="of one answer")
    temperature: float | None = Field(default=None, ge=0, description="none: the server's own")
    input_price: float = Field(default=0.0, ge=0, description="of a million tokens that are read")
    output_price: float = Field(
        default=0.0, ge=0, description="of a million tokens that are written"
    )
    key_env: str = Field(
        default="", description="environment variable with the key; empty: ONLOOKER_BRAIN_KEY"
    )
    connect_timeout_s: float = Field(default=5.0, gt=0, description="seconds to reach the server")
    retries: int = Field(default=2, ge=0, le=10, description="further tries before an answer began")

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        return check_url(url, key=KEY)


class OpenAIBrain:
    """Asks one question a task, and streams the answer."""

    Settings = OpenAIBrainSettings

    def __init__(self, settings: OpenAIBrainSettings) -> None:
        self._settings = settings
        self._calls = Calls(
            endpoint_of(settings.url),
            settings.key_env,
            settings.connect_timeout_s,
            settings.retries,
        )
        self._name = settings.name
        self._sees = settings.sees != "off"
        self._has_usage = True
        self.traits = BrainTraits(name=settings.name or "openai", sees=self._sees)

    async def solve(self, task: Task) -> AsyncGenerator[TaskNews]:
        """Stream the answer.

        Raises:
            BrainFailed: there is none.
        """
        if not self._name:
            base = endpoint_of(self._settings.url).removesuffix("/chat/completions")
            self._name = _first_model(await self._calls.get(f"{base}/models"))
        written, usage = list[str](), TaskUsage()
        async with aclosing(self._chunks(task)) as chunks:
            async for text, used in chunks:
                usage = used or usage
                if text:
                    written.append(text)
                    yield Partial(text)
        yield outcome_of("".join(written), usage)

    async def close(self) -> None:
        await self._calls.close()

    async def _chunks(self, task: Task) -> AsyncGenerator[tuple[str, TaskUsage | None]]:
        """Ask, and once more without what the server refuses."""
        while True:
            try:
                async with aclosing(self._ask(task)) as chunks:
                    async for chunk in chunks:
                        yield chunk
            except Refused as error:
                if not self._give_way(error, task):
                    raise
            else:
                return

    def _give_way(self, error: Refused, task: Task) -> bool:
        """Leave out what was refused; say whether that leaves something to try."""
        if error.status not in (400, 404, 415, 422):
            return False
        if self._has_usage and "stream_options" in error.text:
            self._has_usage = False
            return True
        is_open = self._settings.sees == "auto" and self._sees and task.pictures
        if is_open and _OF_PICTURES.search(error.text):
            self._sees = False
            self.traits = BrainTraits(name=self.traits.name, sees=False)
            return True
        return False

    async def _ask(self, task: Task) -> AsyncGenerator[tuple[str, TaskUsage | None]]:
        # Each token comes in a few hundred bytes of JSON.
        max_bytes = 64 * task.max_answer_bytes
        is_whole = False
        async with aclosing(self._calls.post(self._body(task), max_bytes)) as answers:
            async for data in answers:
                if data.strip() == "[DONE]":
                    return
                text, used, is_last = self._read(data)
                is_whole |= is_last
                yield text, used
        if not is_whole:
            raise BrainFailed(f"{self._calls.where} closed the stream before its end", ODD)

    def _body(self, task: Task) -> bytes:
        settings = self._settings
        body: dict[str, Any] = {
            "stream": True,
            "max_tokens": settings.max_tokens,
            "messages": [
                {"role": "system", "content": settings.system_prompt or SYSTEM},
                {"role": "user", "content": chat_content(task, with_pictures=self._sees)},
            ],
        }
        if self._name:
            body["model"] = self._name
        if settings.temperature is not None:
            body["temperature"] = settings.temperature
        if self._has_usage:
            body["stream_options"] = {"include_usage": True}
        return json.dumps(body, ensure_ascii=False).encode(errors="replace")

    def _read(self, data: str) -> tuple[str, TaskUsage | None, bool]:
        """Read a chunk, or a whole completion: its text, what it cost, whether it is the last."""
        try:
            plain = json.loads(data)
            if error := plain.get("error"):
                raise self._calls.odd(str(error), "an answer")
            choice = (plain["choices"] or [{}])[0]
            message = choice.get("delta") or choice.get("message") or {}
            text, usage = _text_of(message.get("content")), plain.get("usage")
            is_last = bool(choice.get("finish_reason"))
            return text, self._usage(usage) if usage else None, is_last
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise self._calls.odd(data, "a chat completion") from None

    def _usage(self, plain: dict[str, Any]) -> TaskUsage:
        read = int(plain.get("prompt_tokens") or 0)
        written = int(plain.get("completion_tokens") or 0)
        cost = read * self._settings.input_price + written * self._settings.output_price
        return TaskUsage(prompt_tokens=read, completion_tokens=written, cost=cost / 1e6)


def endpoint_of(url: str) -> str:
    """Name where chat completions are asked for."""
    base, query, rest = url.partition("?")
    base = base.rstrip("/")
    if base.count("/") == 2:
        base += "/v1"
    return f"{base}/chat/completions{query}{rest}"


def _first_model(listed: str) -> str:
    try:
        return str(json.loads(listed)["data"][0]["id"])
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return ""  # some servers have one model, and list none


def _text_of(content: Any) -> str:
    """Take the text of a message; some servers send parts, and some of those are pictures."""
    if isinstance(content, list):
        return "".join(_text_of_part(part) for part in content)
    return content if isinstance(content, str) else ""


def _text_of_part(part: dict[str, Any]) -> str:
    if part.get("type") == "image_url":
        return f"\n{part['image_url']['url']}\n"
    return str(part.get("text", ""))
