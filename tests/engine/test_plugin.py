"""Our model plug-in against a real engine: what goes over the wire, second by second.

Random weights mostly write what is no decision. That costs a tick and is no failure of the
server; the test goes on as if the tick had been silent, so that the window grows all the same.
"""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Literal
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from PIL import Image

from onlooker.core.decision import Silent
from onlooker.core.errors import MalformedDecision
from onlooker.core.moment import Instruction, Tick
from onlooker.core.percept import Picture, Pictures
from onlooker.core.ports import Outcome
from onlooker.core.prompt import Prompt, Turn
from onlooker.plugins.model.openai import OpenAIModel
from tests.engine.engine import IS_INSTALLED, say

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.skipif(
        not IS_INSTALLED, reason="no .venv-engine: run `python tests/engine/install.py` first"
    ),
]
NUM_TICKS = 8


@dataclass
class Wire:
    """Counts what a client sends."""

    url: str = ""
    num_bytes: int = 0
    connections: set[asyncio.Task[None]] = field(default_factory=set)


@asynccontextmanager
async def counted(url: str) -> AsyncIterator[Wire]:
    """Stand between client and server."""
    wire = Wire()
    target = urlsplit(url)

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, up: bool) -> None:
        while data := await reader.read(2**16):
            wire.num_bytes += len(data) if up else 0
            writer.write(data)
            await writer.drain()
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        wire.connections.add(task)
        server_reader, server_writer = await asyncio.open_connection(target.hostname, target.port)
        try:
            await asyncio.gather(
                pass_on(reader, server_writer, up=True), pass_on(server_reader, writer, up=False)
            )
        finally:
            writer.close()
            server_writer.close()

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as proxy:
        wire.url = f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
        yield wire
        await asyncio.gather(*wire.connections, return_exceptions=True)


def turn(index: int, seed: int) -> Turn:
    pixels_HWC = np.random.default_rng(seed).integers(0, 256, (96, 128, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels_HWC).save(file, "JPEG")
    picture = Picture("camera", index + 0.5, 128, 96, file.getvalue())
    watch = Instruction("a", "Tell me when it boils.", 0.0)
    return Turn(
        Tick(index, index, index + 1),
        percepts=(Pictures((picture,)),),
        instructed=(watch,) if index == 0 else (),
    )


async def num_hits(url: str) -> float:
    """Ask the server how many tokens it has found in its cache so far."""
    async with httpx.AsyncClient() as http:
        metrics = (await http.get(f"{url}/metrics")).text
    return sum(
        float(count)
        for count in re.findall(r"^vllm:prefix_cache_hits_total.* (\S+)$", metrics, re.MULTILINE)
    )


async def drop(_: str) -> None:
    pass


@pytest.mark.parametrize("dialect", ["instruct", "native"])
async def test_every_second_comes_to_a_decision_or_to_none_that_is_one(
    url: str, dialect: Literal["instruct", "native"]
) -> None:
    outcomes: list[Outcome | MalformedDecision] = []
    sent: list[int] = []
    hits: list[float] = []
    turns: list[Turn] = []
    async with counted(url) as wire:
        settings = OpenAIModel.Settings(
            url=f"{wire.url}/v1", dialect=dialect, timeout_s=60, max_tokens=48, retries=0
        )
        model = OpenAIModel(settings)
        session = await model.open()
        for index in range(NUM_TICKS):
            turns.append(turn(index, seed=1000 * len(dialect) + index))
            before, hits_before = wire.num_bytes, await num_hits(url)
            try:
                outcomes.append(await session.decide(Prompt("default", tuple(turns)), drop))
            except MalformedDecision as error:
                outcomes.append(error)
            sent.append(wire.num_bytes - before)
            hits.append(await num_hits(url) - hits_before)
            turns[-1] = replace(turns[-1], decision=Silent())
        await session.close()
        await model.close()
    decided = [outcome for outcome in outcomes if isinstance(outcome, Outcome)]
    say(f"{dialect}: bytes sent {sent}; cached tokens {hits}; {len(decided)} decisions")
    picture_bytes = len(turns[0].pictures[0].jpeg) * 4 / 3
    # The first request also asks for the list of models. From the second on, a request brings one
    # new picture and the names of those before; asked twice (forced to speak), two small ones.
    growth = [later - sent[1] for later in sent[2:]]
    assert max(growth) < picture_bytes
    assert min(hits[1:]) > 0
    assert all(outcome.usage.prompt_tokens for outcome in decided)
    # A tick's request is the beginning of the next one's, but for whole blocks of 32 tokens.
    assert hits[-1] > hits[1]
