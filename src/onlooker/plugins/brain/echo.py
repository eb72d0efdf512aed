"""A brain that knows nothing: it gives the question back. For trying out, and for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from pydantic import BaseModel, Field

from onlooker.core.ports import BrainTraits
from onlooker.core.task import Partial, Progress, Result, Task, TaskNews


class EchoSettings(BaseModel, frozen=True, extra="forbid"):
    """How long it pretends to think."""

    delay_s: float = Field(default=0.0, ge=0, description="seconds until it answers")


class EchoBrain:
    """Answers with the question."""

    Settings = EchoSettings

    def __init__(self, settings: EchoSettings) -> None:
        self._settings = settings
        self.traits = BrainTraits(name="echo")

    async def solve(self, task: Task) -> AsyncGenerator[TaskNews]:
        yield Progress(f"looks at {len(task.pictures)} pictures")
        await asyncio.sleep(self._settings.delay_s)
        text = f"You asked: {task.question}"
        yield Partial(text)
        yield Result(text)

    async def close(self) -> None:
        pass
