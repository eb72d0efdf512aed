"""What the agent may do beside thinking: run code in a cage, and look into what is remembered."""

from __future__ import annotations

import asyncio

import pytest
from pydantic_ai.messages import BinaryContent

from onlooker.core.memory import Entry
from onlooker.core.percept import Picture
from onlooker.core.task import Result
from onlooker.live.recall import evidence_lines, search_past
from onlooker.plugins.brain.agent import AgentBrain, AgentSettings, PastTools
from onlooker.plugins.brain.cage import Cage, CageLimits
from onlooker.plugins.memory.ram import RamMemory, RamSettings
from onlooker.plugins.memory.site import SiteSession
from tests.plugins.brain.asking import JPEG, news_of, task
from tests.plugins.brain.test_agent import Thinker

QUICK = CageLimits(seconds=0.3, memory_bytes=30_000_000)


class Remembered:
    """A past as a session gives it."""

    def __init__(self, session: SiteSession) -> None:
        self._session = session

    async def search(self, words: str) -> tuple[str, ...]:
        return evidence_lines(await search_past(self._session, words, 1000.0, 1000.0), 300)

    async def frame(self, number: int) -> bytes | None:
        return await self._session.picture(number)


async def run(code: str) -> str:
    cage = Cage(QUICK)
    try:
        return await cage.run(code)
    finally:
        await cage.close()


@pytest.mark.parametrize(
    ("code", "given"),
    [
        ("print('hi')\nsum(n * n for n in range(10))", "hi\n285"),
        ("x = 1", "it ran, and printed nothing"),
        ("import math\nround(math.sqrt(2), 3)", "1.414"),
        ("1 / 0", "ZeroDivisionError"),
        ("this is no Python", "failed: "),
    ],
)
async def test_code_is_run_and_shows_what_it_gives(code: str, given: str) -> None:
    assert given in await run(code)


@pytest.mark.parametrize(
    "code",
    [
        "open('/etc/passwd').read()",
        "import os\nos.listdir('/')",
        "import os\nos.environ['PATH']",
        "import socket",
        "import subprocess",
        "__import__('os').system('id')",
        "from pathlib import Path\nPath('/etc/passwd').read_text()",
        "().__class__.__base__.__subclasses__()",
    ],
)
async def test_there_is_no_way_out_of_the_cage(code: str) -> None:
    shown = await run(code)
    assert shown.startswith("failed: ")
    assert "root:" not in shown


@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "'a' * 10**9",
        "def f(x): return f(x)\nf(1)",
        "print('x' * 10**7)",
        "import time\ntime.sleep(99)",
        "[0] * 10**9",
    ],
)
async def test_code_that_wants_too_much_is_ended(code: str) -> None:
    async with asyncio.timeout(5):
        shown = await run(code)
    assert "failed: " in shown or shown.endswith("(cut)")
    assert len(shown) < 5000


async def test_every_run_begins_with_nothing() -> None:
    cage = Cage(QUICK)
    await cage.run("secret = 42")
    assert "NameError" in await cage.run("secret")
    await cage.close()


async def test_the_agent_calculates_in_the_cage_unless_it_may_not() -> None:
    thinker = Thinker({"code": "print(6 * 7)"})
    brain = AgentBrain(AgentSettings(), thinker.model)
    *_, result = await news_of(brain)
    assert thinker.tools == ["run_python"]
    assert isinstance(result, Result)
    assert "42" in result.text
    without = Thinker({})
    await news_of(AgentBrain(AgentSettings(code=False), without.model))
    assert without.tools == []


async def test_the_agent_searches_what_is_remembered_and_looks_at_its_frames() -> None:
    session = await RamMemory(RamSettings(meaning="off")).open(0.0)
    frame = Picture("door", 40.0, 4, 4, JPEG)
    await session.remember(
        [Entry("seen", 40, 40, "van 7 left at the right", "door", ("van",), frame)]
    )
    past = Remembered(session)

    thinker = Thinker({"words": "when did the van leave?"})
    settings = AgentSettings(code=False)
    *_, result = await news_of(AgentBrain(settings, thinker.model), task(past=past))
    assert thinker.tools == ["search_memory", "show_frame"]
    assert isinstance(result, Result)
    assert "<40.0 seconds> (door) [frame 1] van 7 left" in result.text

    looked = await PastTools(past).show_frame(1)
    assert isinstance(looked, BinaryContent)
    assert looked.data == JPEG
    assert await PastTools(past).show_frame(99) == "there is no frame 99"
    blind = Thinker({"words": "van"})
    await news_of(AgentBrain(AgentSettings(code=False, sees=False), blind.model), task(past=past))
    assert blind.tools == ["search_memory"]
    await session.close()
