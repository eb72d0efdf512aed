"""Tasks for the tests beside this file, and how they are put."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

from onlooker.core.percept import Picture
from onlooker.core.ports import Brain
from onlooker.core.prompt import Exchange
from onlooker.core.task import NeedsInput, Result, Task, TaskNews

JPEG = b"\xff\xd8\xff" + bytes(50)


def task(question: str = "Who wrote Hamlet?", **more: Any) -> Task:
    given: dict[str, Any] = {
        "pictures": (Picture("door", 1.5, 64, 48, JPEG), Picture("yard", 2.5, 64, 48, JPEG)),
        "said": (Exchange(1.0, "user", "who wrote\nHamlet?"),),
        "instructions": ("tell me when a bird comes",),
        "memory": ("A cat sat there.",),
    }
    return Task("task-1", question, "One moment.", 3.0, **(given | more))


async def news_of(brain: Brain, asked: Task | None = None) -> list[TaskNews]:
    """Put a task, and close the brain afterwards."""
    try:
        async with asyncio.timeout(20), aclosing(brain.solve(asked or task())) as news:
            return [piece async for piece in news]
    finally:
        await brain.close()


async def result_of(brain: Brain, asked: Task | None = None) -> Result:
    last = (await news_of(brain, asked))[-1]
    assert isinstance(last, Result)
    return last


async def needs_of(brain: Brain) -> NeedsInput:
    last = (await news_of(brain))[-1]
    assert isinstance(last, NeedsInput)
    return last
