"""A server on loopback that has the realtime routes alone, and a client that follows it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from onlooker.config import Settings
from onlooker.server.auth import Role, Tokens
from onlooker.server.guard import Guard
from onlooker.server.hub import Hub
from onlooker.server.realtime import MAX_MESSAGE_BYTES, realtime_router
from onlooker.server.refusals import install
from onlooker.server.rtc import calls_router
from onlooker.testing.serving import serving_tree

Wire = dict[str, Any]
OPERATOR, OTHER, VIEWER = "operator-token-0000", "other-token-0000000", "viewer-token-000000"
ROLES: dict[str, Role] = {OPERATOR: "operator", OTHER: "operator", VIEWER: "viewer"}
PERIOD_S = 0.02


@dataclass(frozen=True)
class Served:
    """A running server."""

    hub: Hub
    port: int

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v1/realtime"

    @asynccontextmanager
    async def client(
        self,
        query: str = "events=all",
        token: str = OPERATOR,
        *protocols: str,
        **headers: str,
    ) -> AsyncIterator[Client]:
        async with connect(
            f"{self.url}?{query}",
            additional_headers={"Authorization": f"Bearer {token}", **headers},
            subprotocols=[Subprotocol(name) for name in protocols] or None,
            max_size=None,
        ) as socket:
            yield Client(socket)


@dataclass
class Client:
    """Sends events, and keeps what comes."""

    socket: ClientConnection
    seen: list[Wire] = field(default_factory=list)

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def say(self, text: str) -> None:
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        await self.send("conversation.item.create", item=item)

    async def until(self, kind: str, fits: Callable[[Wire], bool] = lambda _: True) -> Wire:
        """Give the next event of this kind."""
        while True:
            wire: Wire = json.loads(await self.socket.recv())
            self.seen.append(wire)
            if wire["type"] == kind and fits(wire):
                return wire

    @property
    def last_seq(self) -> int:
        return max((wire["seq"] for wire in self.seen if "seq" in wire), default=0)


def settings_of(
    folder: Path, model: str = "tests.server.models:Echoing", **server: Any
) -> Settings:
    tree = serving_tree(folder, model, **server)
    return Settings.model_validate({**tree, "live": {"period_s": PERIOD_S}})


@asynccontextmanager
async def serving(app: ASGIApp, hub: Hub) -> AsyncIterator[Served]:
    """Serve an app on a free port of loopback, with the hub running."""
    config = uvicorn.Config(
        app, port=0, lifespan="off", log_level="error", ws_max_size=MAX_MESSAGE_BYTES
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    async with hub.running(), asyncio.TaskGroup() as group:
        running = group.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.005)
            assert not running.done()
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            yield Served(hub, port)
        finally:
            server.should_exit = True


@asynccontextmanager
async def realtime_server(folder: Path, **server: Any) -> AsyncIterator[Served]:
    """Serve the realtime routes."""
    app = FastAPI()
    hub = Hub(settings_of(folder, **server))
    app.include_router(realtime_router(hub))
    tokens = Tokens.of(ROLES)
    app.include_router(calls_router(hub, tokens))
    install(app)
    guarded = Guard(app, tokens, hub.limits)
    async with serving(guarded, hub) as served:
        yield served
