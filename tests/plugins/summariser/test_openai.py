import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from onlooker.core.errors import MemoryFailed
from onlooker.core.memory import Segment
from onlooker.core.percept import Picture
from onlooker.plugins.summariser.openai import KEY, OpenAISummariser, OpenAISummariserSettings
from onlooker.testing.http11 import Reply, Request, serving

SEGMENT = Segment(
    0,
    90,
    ("<3.0> a dog came in", "<5.0> user: where is the cat?"),
    ("tell me about dogs",),
    (Picture("door", 4.0, 4, 4, b"jpeg"),),
)


@asynccontextmanager
async def server(reply: Reply, received: list[Request]) -> AsyncIterator[str]:
    async def respond(request: Request) -> Reply:
        received.append(request)
        if request.path.endswith("/models"):
            return Reply(b'{"data": [{"id": "tiny"}]}')
        return reply

    async with serving(respond) as port:
        yield f"http://127.0.0.1:{port}/v1"


def completion(text: str) -> Reply:
    return Reply(json.dumps({"choices": [{"message": {"content": text}}]}).encode())


async def ask(url: str, objection: str = "", **more: Any) -> str:
    summariser = OpenAISummariser(OpenAISummariserSettings(url=url, timeout_s=5, **more))
    try:
        return await summariser.summarise(SEGMENT, 200, objection)
    finally:
        await summariser.close()


async def test_the_log_the_instructions_and_an_objection_are_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(KEY, "secret")
    received: list[Request] = []
    async with server(completion(" A dog came in at 3.0 s. "), received) as url:
        assert await ask(url, "there was one dog, not two") == "A dog came in at 3.0 s."
    body = json.loads(received[-1].body)
    (part,) = body["messages"][1]["content"]
    for words in ("a dog came in", "tell me about dogs", "one dog, not two", "90.0 s"):
        assert words in part["text"]
    assert body["model"] == "tiny"
    assert body["max_tokens"] == 200
    assert received[-1].headers["authorization"] == "Bearer secret"


async def test_a_model_that_sees_gets_key_frames() -> None:
    received: list[Request] = []
    async with server(completion("A dog."), received) as url:
        await ask(url, sees=True, name="eyes")
    content = json.loads(received[-1].body)["messages"][1]["content"]
    assert content[2]["image_url"]["url"].startswith("data:image/jpeg;base64,")


@pytest.mark.parametrize(
    "reply",
    [
        Reply(b"down", status=503),
        Reply(b"<html>"),
        Reply(b"{}"),
        Reply(b'{"choices": []}'),
        Reply(b"[1]"),
        Reply(b"x" * (2 << 20)),
        Reply(b'{"choi', declared_bytes=9000),
    ],
    ids=["down", "no json", "empty", "no choice", "a list", "megabytes", "broken off"],
)
async def test_garbage_is_a_failure_that_says_where(reply: Reply) -> None:
    async with server(reply, []) as url:
        with pytest.raises(MemoryFailed, match="no summary from http://127"):
            await ask(url)


async def test_a_server_that_never_answers_is_given_up() -> None:
    async def respond(_: Request) -> Reply:
        await asyncio.Event().wait()
        return Reply(b"")

    async with serving(respond) as port:
        summariser = OpenAISummariser(
            OpenAISummariserSettings(url=f"http://127.0.0.1:{port}/v1", timeout_s=0.1, name="x")
        )
        with pytest.raises(MemoryFailed, match="no summary"):
            await summariser.summarise(SEGMENT, 100)
        await summariser.close()
