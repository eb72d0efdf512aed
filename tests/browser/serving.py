"""A whole server in a thread of its own: model, brain, APIs and page, on loopback."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from onlooker.config import Settings
from onlooker.server.app import create_app
from onlooker.server.auth import Role, Tokens


class _Telling(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config, ready: threading.Event) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready.set()


@contextmanager
def serving(tree: dict[str, Any], tokens: dict[str, Role] | None = None) -> Iterator[int]:
    """Serve with these settings; yield the port."""
    app = create_app(Settings.model_validate(tree), Tokens.of(tokens or {}))
    config = uvicorn.Config(app, port=0, log_level="error", timeout_graceful_shutdown=3)
    ready = threading.Event()
    server = _Telling(config, ready)

    def work() -> None:
        try:
            asyncio.run(server.serve())
        finally:
            ready.set()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert ready.wait(30)
    assert server.started, "the server did not start"
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(15)
        assert not thread.is_alive(), "the server does not stop"
