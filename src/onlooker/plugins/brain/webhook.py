"""A brain behind a URL: the task as JSON in a POST, the answer as JSON or server-sent events."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing

from pydantic import BaseModel, Field, field_validator

from onlooker.core.endpoint import check_url
from onlooker.core.errors import BrainFailed
from onlooker.core.ports import BrainTraits
from onlooker.core.task import NeedsInput, Result, Task, TaskNews
from onlooker.plugins.brain.calls import KEY, Calls
from onlooker.plugins.brain.protocol import read_news, task_json


class WebhookBrainSettings(BaseModel, frozen=True, extra="forbid"):
    """Where tasks go. The bearer token comes from the environment: ONLOOKER_BRAIN_KEY."""

    url: str = Field(
        default="http://127.0.0.1:8079/task", description="where to POST: http or https"
    )
    name: str = Field(default="webhook", description="what the brain is called in logs")
    key_env: str = Field(
        default="", description="environment variable with the token; empty: ONLOOKER_BRAIN_KEY"
    )
    sees: bool = Field(default=True, description="send pictures, too")
    connect_timeout_s: float = Field(default=5.0, gt=0, description="seconds to reach the server")
    retries: int = Field(default=2, ge=0, le=10, description="further tries before an answer began")

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        return check_url(url, key=KEY)


class WebhookBrain:
    """Posts tasks. A task that is given up closes its connection."""

    Settings = WebhookBrainSettings

    def __init__(self, settings: WebhookBrainSettings) -> None:
        self._calls = Calls(
            settings.url, settings.key_env, settings.connect_timeout_s, settings.retries
        )
        self.traits = BrainTraits(name=settings.name or "webhook", sees=settings.sees)

    async def solve(self, task: Task) -> AsyncGenerator[TaskNews]:
        """Yield the news as they come.

        Raises:
            BrainFailed: there is no answer.
        """
        body = json.dumps(task_json(task), ensure_ascii=False).encode(errors="replace")
        # Base64 takes four bytes for three.
        async with aclosing(self._calls.post(body, 2 * task.max_answer_bytes)) as answers:
            async for data in answers:
                try:
                    news = read_news(data, self._calls.where)
                except BrainFailed as error:
                    raise BrainFailed(self._calls.shown(str(error)), error.spoken) from None
                yield news
                if isinstance(news, Result | NeedsInput):
                    return

    async def close(self) -> None:
        await self._calls.close()
