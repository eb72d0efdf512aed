"""A fake summariser behind real HTTP: it counts the lines of the log. Faults come on purpose."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from onlooker.testing.http11 import Reply, Request, serving

Fault = Callable[[], Awaitable[Reply | None]]
"""Is asked before each summary: it may wait, or answer in its place."""


def told(text: str) -> Reply:
    """Write a summary as a server does."""
    return Reply(json.dumps({"choices": [{"message": {"content": text}}]}).encode())


# What a broken server or a broken model sends in place of a summary.
GARBAGE = (
    told(""),
    told("</silence>"),
    told("<think>let me see"),
    told("At 99999.0 s ninety-nine elephants came."),
    told("word " * 50_000),
    Reply(b"<html>502 Bad Gateway</html>", content_type="text/html"),
    Reply(b'{"choices": []}'),
    Reply(b'{"choices": [{"message": {"content": nul'),
    Reply(b"[" * 100_000),
    Reply(b"no", status=429),
    Reply(b"half", declared_bytes=4000),
)


@asynccontextmanager
async def summary_server(fault: Fault) -> AsyncIterator[str]:
    """Serve on loopback; yield the URL."""

    async def respond(request: Request) -> Reply:
        if request.path.endswith("/models"):
            return Reply(b'{"data": [{"id": "counter"}]}')
        if instead := await fault():
            return instead
        content = json.loads(request.body)["messages"][1]["content"]
        words = content if isinstance(content, str) else content[0]["text"]
        return told(f"The log has {words.count(' s ')} marks of time.")

    async with serving(respond) as port:
        yield f"http://127.0.0.1:{port}/v1"
