import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.server.talking import OPERATOR, Served, realtime_server

WORDS: list[Any] = [
    None, True, -1, 1e300, "", "x" * 5000, "\x00", "é", "data:image/jpeg;base64,/9j/", [], {}, [[]],
    "session.update", "conversation.item.create", "response.create", "input_audio_buffer.append",
    "input_audio_buffer.commit", "input_audio_buffer.clear", "response.cancel", "onlooker.label",
    "onlooker.stream.add", "onlooker.stream.remove", "onlooker.task.cancel", "message", "user",
    "input_text", "input_image", "camera", "AAAA", 7, 24000,
]  # fmt: skip
KEYS = [
    "type", "session", "item", "content", "role", "text", "image_url", "onlooker", "stream",
    "captured_ms", "audio", "tick", "label", "instructions", "persona", "talkativeness", "events",
    "id", "event_id", "address", "response", "output_modalities",
]  # fmt: skip


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with realtime_server(tmp_path) as running:
        yield running


def nonsense(dice: random.Random, depth: int = 0) -> Any:
    """Throw an object of the words that events are made of."""
    if depth > 3 or dice.random() < 0.3:
        return dice.choice(WORDS)
    if dice.random() < 0.3:
        return [nonsense(dice, depth + 1) for _ in range(dice.randrange(3))]
    return {dice.choice(KEYS): nonsense(dice, depth + 1) for _ in range(dice.randrange(1, 5))}


def message(dice: random.Random) -> str | bytes:
    match dice.randrange(4):
        case 0:
            return dice.randbytes(dice.randrange(200))
        case 1:
            whole = json.dumps({"type": dice.choice(WORDS), "session": nonsense(dice)})
            return whole[: dice.randrange(len(whole) + 1)]
        case 2:
            kind = dice.choice([word for word in WORDS if isinstance(word, str) and "." in word])
            return json.dumps({"type": kind, dice.choice(KEYS): nonsense(dice)})
        case _:
            return json.dumps(nonsense(dice))


def ours() -> set[asyncio.Task[Any]]:
    """Find the tasks that run code of ours."""
    return {
        task
        for task in asyncio.all_tasks()
        if "/onlooker/" in getattr(getattr(task.get_coro(), "cr_code", None), "co_filename", "")
    }


async def test_no_message_over_the_socket_breaks_the_server_or_leaves_a_task(
    served: Served,
) -> None:
    before = ours()
    for seed in range(5):
        dice = random.Random(seed)  # noqa: S311
        headers = {"Authorization": f"Bearer {OPERATOR}"}
        async with connect(f"{served.url}?events=all", additional_headers=headers) as socket:
            with suppress(ConnectionClosed):
                for _ in range(60):
                    await socket.send(message(dice))
                await socket.send('{"type":"onlooker.session.close"}')
                async for _ in socket:
                    pass
            await socket.wait_closed()
            assert socket.close_code in (1000, 4400)
    for held in served.hub.sessions():
        await served.hub.close(held.id, "the test ends")
    assert served.hub.counts["broken"] == 0
    for _ in range(10):
        await asyncio.sleep(0)
    assert ours() == before
